//! Settings that the cloud made, over the configuration file, which stays as the operator wrote it.
//!
//! They are kept in `settings.toml` of the commands' folder, and only once they have proved themselves: a setting is tried
//! with a new start of the daemon's inside, and written down when the link has come up. So a crash during a trial takes it
//! back.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// The key, as a path: `events.speeding.limit_share`, `cloud.0.broker` where there are several.
    pub key: String,
    /// The value, as in the configuration file.
    pub value: String,
    /// The command that made it.
    pub command_id: String,
}

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// The settings, each key once.
    #[serde(default)]
    pub set: Vec<Setting>,
}

/// What may be set, as the beginning of a key. What could cut off the operator's own access, or write elsewhere, may not.
const MAY_BE_SET: [&str; 15] = [
    "events.",
    "tracking.",
    "rsu.health_period_s",
    "spool.commit_within_ms",
    "spool.emergency.",
    "spool.event.",
    "spool.state.",
    "spool.track.",
    "spool.message.",
    "pc5.send.frames_per_second",
    "pc5.send.octets_per_second",
    "pc5.send.map",
    "pc5.send.participants",
    "pc5.send.events",
    "log.level",
];

/// Of a link.
const OF_A_LINK: [&str; 8] = [
    "broker",
    "keep_alive_s",
    "acknowledge_within_s",
    "retry_least_s",
    "retry_most_s",
    "in_flight",
    "payload",
    "shares.",
];

/// Whether the cloud may set a key.
#[must_use]
pub fn may_be_set(key: &str) -> bool {
    let fits = |name: &str, allowed: &&str| {
        if allowed.ends_with('.') { name.len() > allowed.len() && name.starts_with(*allowed) } else { name == *allowed }
    };
    if MAY_BE_SET.iter().any(|allowed| fits(key, allowed)) {
        return true;
    }
    let Some(of_link) = key.strip_prefix("cloud.") else { return false };
    let number = of_link.split_once('.').filter(|(number, _)| number.parse::<usize>().is_ok());
    let name = number.map_or(of_link, |(_, name)| name);
    OF_A_LINK.iter().any(|allowed| fits(name, allowed))
}

impl Overlay {
    fn file(folder: &Path) -> PathBuf {
        folder.join("settings.toml")
    }

    /// What is kept in a folder; nothing if there is none.
    ///
    /// # Errors
    /// There is one and it cannot be read; the text says why.
    pub fn load(folder: &Path) -> Result<Self, String> {
        let file = Self::file(folder);
        match std::fs::read_to_string(&file) {
            Ok(text) => toml::from_str(&text).map_err(|error| format!("{}: {error}", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {error}", file.display())),
        }
    }

    /// Keeps it, all or nothing.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save(&self, folder: &Path) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        std::fs::create_dir_all(folder)?;
        let (file, fresh) = (Self::file(folder), folder.join("settings.toml.new"));
        let mut writer = File::create(&fresh)?;
        writer.write_all(text.as_bytes())?;
        writer.sync_all()?;
        std::fs::rename(fresh, file)?;
        File::open(folder)?.sync_all()
    }

    /// With one more setting; an empty value takes the key's away.
    #[must_use]
    pub fn with(&self, setting: Setting) -> Self {
        let mut set: Vec<Setting> = self.set.iter().filter(|other| other.key != setting.key).cloned().collect();
        if !setting.value.is_empty() {
            set.push(setting);
        }
        Self { set }
    }

    /// Lays the settings over a configuration.
    ///
    /// # Errors
    /// A value is no TOML, or its key leads nowhere.
    pub fn apply(&self, config: &mut Table) -> Result<(), String> {
        for setting in &self.set {
            let Setting { key, value, .. } = setting;
            let wrapped: Table =
                toml::from_str(&format!("value = {value}")).map_err(|_| format!("{key}: {value} is no value"))?;
            let Some(value) = wrapped.get("value").filter(|_| wrapped.len() == 1) else {
                return Err(format!("{key}: {value} is no value"));
            };
            place(config, key, value.clone()).ok_or_else(|| format!("{key}: leads nowhere"))?;
        }
        Ok(())
    }
}

fn place(table: &mut Table, path: &str, value: Value) -> Option<()> {
    let Some((name, rest)) = path.split_once('.') else {
        table.insert(path.to_owned(), value);
        return Some(());
    };
    let inner = table.entry(name.to_owned()).or_insert_with(|| Value::Table(Table::new()));
    match inner {
        Value::Table(inner) => place(inner, rest, value),
        Value::Array(list) => {
            let (number, rest) = rest.split_once('.')?;
            place(list.get_mut(number.parse::<usize>().ok()?)?.as_table_mut()?, rest, value)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str, value: &str) -> Setting {
        Setting { key: key.into(), value: value.into(), command_id: "a".into() }
    }

    #[test]
    fn only_what_cannot_cut_off_the_operator_may_be_set() {
        for key in
            ["events.speeding.enabled", "cloud.broker", "cloud.1.shares.event", "log.level", "spool.event.max_mib"]
        {
            assert!(may_be_set(key), "{key}");
        }
        for key in [
            "",
            "events.",
            "events",
            "rsu.id",
            "spool.folder",
            "cloud.tls.ca_file",
            "cloud.password_file",
            "commands.folder",
            "cloud.x.broker",
        ] {
            assert!(!may_be_set(key), "{key}");
        }
    }

    #[test]
    fn settings_lie_over_the_file_and_can_be_taken_back() {
        let base = "[rsu]\nid = \"a\"\n[[cloud]]\nbroker = \"x\"\n[[cloud]]\nbroker = \"y\"\n";
        let overlay = Overlay::default()
            .with(setting("events.speeding.enabled", "false"))
            .with(setting("cloud.1.broker", "[\"z\"]"))
            .with(setting("rsu.health_period_s", "3"))
            .with(setting("rsu.health_period_s", "4"));
        let mut table: Table = toml::from_str(base).unwrap();
        overlay.apply(&mut table).unwrap();
        assert_eq!(table["events"]["speeding"]["enabled"].as_bool(), Some(false));
        assert_eq!(table["cloud"][1]["broker"][0].as_str(), Some("z"));
        assert_eq!(table["rsu"]["health_period_s"].as_integer(), Some(4));
        assert_eq!(overlay.with(setting("rsu.health_period_s", "")).set.len(), 2);

        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Overlay::load(folder.path()), Ok(Overlay::default()));
        overlay.save(folder.path()).unwrap();
        assert_eq!(Overlay::load(folder.path()), Ok(overlay));
    }

    #[test]
    fn what_is_no_value_is_told() {
        for value in ["", "]", "1\n[rsu]\nid = \"b\"", "1\nother = 2"] {
            let overlay = Overlay { set: vec![setting("rsu.health_period_s", value)] };
            let mut table: Table = toml::from_str("[rsu]\nid = \"a\"\n").unwrap();
            assert!(overlay.apply(&mut table).is_err(), "{value:?}");
        }
        let overlay = Overlay { set: vec![setting("rsu.id.deeper", "1")] };
        assert!(overlay.apply(&mut toml::from_str("[rsu]\nid = \"a\"\n").unwrap()).is_err());
    }
}
