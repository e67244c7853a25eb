//! `[cloud]` and `[spool]`: how to reach the brokers, and what waits for them on disk.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use edge_core::Priority;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use spool::{ClassConfig, Overflow};

use super::ConfigError;
use super::check::Checker;
use super::platform::{Platform, PlatformConfig, PlatformName, platform};
use crate::uplink::{TlsSettings, tls_client};

/// A link to a platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CloudConfig {
    /// Its name in logs and health, and of its folder in the spool.
    #[serde(default = "default_name")]
    pub name: String,
    /// `mqtt://host:port` or `mqtts://host:port`, or a list of them in the order of preference.
    pub broker: BrokersConfig,
    /// MQTT client identifier; by default the RSU's name.
    pub client_id: Option<String>,
    /// User name.
    pub username: Option<String>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// Variable of the environment that holds the password.
    pub password_env: Option<String>,
    /// For `mqtts://`.
    pub tls: Option<TlsConfig>,
    /// Which platform it is.
    #[serde(default)]
    pub profile: PlatformName,
    /// What belongs to a platform other than the native one.
    pub platform: Option<PlatformConfig>,
    /// Payload format of the native profile.
    #[serde(default)]
    pub payload: PayloadFormat,
    /// Keep-alive, seconds.
    #[serde(default = "default_keep_alive_s")]
    pub keep_alive_s: u16,
    /// The connection is given up when a publication is not acknowledged for so long, seconds.
    #[serde(default = "default_acknowledge_within_s")]
    pub acknowledge_within_s: u64,
    /// The first try after a lost connection comes within this, seconds; each further one within twice the time.
    #[serde(default = "default_retry_least_s")]
    pub retry_least_s: f64,
    /// Tries never come at longer distances than this, seconds.
    #[serde(default = "default_retry_most_s")]
    pub retry_most_s: f64,
    /// Publications under way at the same time.
    #[serde(default = "default_in_flight")]
    pub in_flight: usize,
    /// How the classes share the link when all have something to send.
    #[serde(default)]
    pub shares: SharesConfig,
}

fn default_name() -> String {
    "cloud".into()
}

fn default_keep_alive_s() -> u16 {
    20
}

fn default_acknowledge_within_s() -> u64 {
    10
}

fn default_retry_least_s() -> f64 {
    0.2
}

fn default_retry_most_s() -> f64 {
    10.0
}

fn default_in_flight() -> usize {
    64
}

/// One broker, or several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokersConfig(pub Vec<String>);

/// Files for TLS.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// Certificates that vouch for the broker, PEM.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, PEM.
    pub certificate_file: Option<PathBuf>,
    /// Its key, PEM.
    pub key_file: Option<PathBuf>,
}

/// Weights of the classes. Emergencies go before all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SharesConfig {
    /// Events.
    pub event: u32,
    /// Health and statistics.
    pub state: u32,
    /// Track lists.
    pub track: u32,
    /// Received messages.
    pub message: u32,
}

impl Default for SharesConfig {
    fn default() -> Self {
        Self { event: 40, state: 20, track: 20, message: 20 }
    }
}

/// Payload format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadFormat {
    /// Protobuf.
    #[default]
    Protobuf,
    /// The protobuf JSON mapping.
    Json,
}

/// What waits for the links.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpoolConfig {
    /// Folder; each link has one of its own in it.
    pub folder: PathBuf,
    /// Items that come within this after a commit go to disk together, milliseconds.
    pub commit_within_ms: u64,
    /// Emergencies.
    pub emergency: ClassSection,
    /// Events.
    pub event: ClassSection,
    /// Health and statistics.
    pub state: ClassSection,
    /// Track lists.
    pub track: ClassSection,
    /// Received messages.
    pub message: ClassSection,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self {
            folder: "spool".into(),
            commit_within_ms: 5,
            emergency: ClassSection::default(),
            event: ClassSection::default(),
            state: ClassSection::default(),
            track: ClassSection::default(),
            message: ClassSection::default(),
        }
    }
}

/// One class of the spool; what is left out has the class's default.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassSection {
    /// Its share of the disk, MiB.
    pub max_mib: Option<u64>,
    /// Older items are dropped, seconds; 0 is never.
    pub max_age_s: Option<u64>,
    /// What goes when its share is used up.
    pub overflow: Option<OverflowName>,
    /// What it may hold in memory, KiB: items before a commit, and all while the disk cannot be written.
    pub memory_kib: Option<u64>,
}

/// What goes when a class is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OverflowName {
    /// The oldest.
    DropOldest,
    /// The newest.
    RefuseNewest,
}

/// MiB on disk, age in seconds and KiB in memory, where the configuration says nothing.
fn usual(priority: Priority) -> (u64, u64, u64) {
    const DAY_S: u64 = 86_400;
    match priority {
        Priority::Emergency => (32, 7 * DAY_S, 1024),
        Priority::Event => (128, 7 * DAY_S, 1024),
        Priority::State => (32, DAY_S, 1024),
        Priority::Track => (256, 3600, 4096),
        Priority::Message => (256, 3600, 2048),
    }
}

/// A table, or a list of tables.
pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<CloudConfig>, D::Error> {
    struct Tables;
    impl<'de> Visitor<'de> for Tables {
        type Value = Vec<CloudConfig>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table [cloud], or several [[cloud]]")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            CloudConfig::deserialize(MapAccessDeserializer::new(map)).map(|one| vec![one])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(seq))
        }
    }
    deserializer.deserialize_any(Tables)
}

impl<'de> Deserialize<'de> for BrokersConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Brokers;
        impl<'de> Visitor<'de> for Brokers {
            type Value = BrokersConfig;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a broker such as \"mqtt://host:1883\", or a list of them")
            }

            fn visit_str<E>(self, one: &str) -> Result<Self::Value, E> {
                Ok(BrokersConfig(vec![one.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(seq)).map(BrokersConfig)
            }
        }
        deserializer.deserialize_any(Brokers)
    }
}

/// A link that can be started.
#[derive(Debug, Clone)]
pub struct CloudSettings {
    /// Its name.
    pub name: String,
    /// The brokers, the preferred one first; at least one.
    pub brokers: Vec<BrokerAddress>,
    /// MQTT client identifier.
    pub client_id: String,
    /// User name and where the password is.
    pub login: Option<CredentialSettings>,
    /// Files for TLS.
    pub tls: Option<TlsSettings>,
    /// The platform.
    pub platform: Platform,
    /// Payload format.
    pub payload: PayloadFormat,
    /// Keep-alive, seconds.
    pub keep_alive_s: u16,
    /// The connection is given up when nothing is acknowledged for so long.
    pub acknowledge_within: Duration,
    /// The first try after a lost connection comes within this.
    pub retry_least: Duration,
    /// Tries never come at longer distances.
    pub retry_most: Duration,
    /// Publications under way at the same time.
    pub in_flight: usize,
    /// Weights of the classes, in the order of [`Priority::ALL`].
    pub shares: [u32; Priority::ALL.len()],
    /// Items that come within this after a commit go to disk together.
    pub commit_within: Duration,
    /// Where items wait, in classes that are in the order of [`Priority::ALL`].
    pub spool: spool::Config,
}

/// A broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// With TLS.
    pub tls: bool,
}

/// User name, and where the password is. It is read for each connection, and never kept or shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSettings {
    /// User name.
    pub username: String,
    /// The file that holds the password, or the variable of the environment.
    pub source: Result<PathBuf, String>,
}

impl CredentialSettings {
    /// The password as it is now.
    ///
    /// # Errors
    /// The file cannot be read, or the variable is not set.
    pub fn password(&self) -> anyhow::Result<String> {
        match &self.source {
            Ok(file) => match std::fs::read_to_string(file) {
                Ok(text) => Ok(text.trim_end_matches(['\r', '\n']).to_owned()),
                Err(error) => anyhow::bail!("{}: {error}", file.display()),
            },
            Err(variable) => std::env::var(variable).map_err(|error| anyhow::anyhow!("{variable}: {error}")),
        }
    }
}

/// Checks all links.
pub(super) fn clouds(
    checker: &Checker<'_>,
    clouds: &[CloudConfig],
    spool: &SpoolConfig,
    rsu_id: &str,
) -> Result<Vec<CloudSettings>, ConfigError> {
    if clouds.is_empty() || clouds.len() > 8 {
        return Err(checker.wrong("cloud", format!("there are {} links", clouds.len()), "one to eight"));
    }
    let mut names = BTreeSet::new();
    let mut all = Vec::with_capacity(clouds.len());
    for (index, config) in clouds.iter().enumerate() {
        let prefix = if clouds.len() == 1 { "cloud".to_owned() } else { format!("cloud[{index}]") };
        let key = |name: &str| format!("{prefix}.{name}");
        if !names.insert(&config.name) {
            return Err(checker.wrong(&key("name"), format!("{:?} is taken", config.name), "a name of its own"));
        }
        let client_id = if clouds.len() == 1 { rsu_id.to_owned() } else { format!("{rsu_id}-{}", config.name) };
        let link = cloud(checker, config, spool, (rsu_id, client_id), &key)?;
        let same = |other: &CloudSettings| {
            let shared = |b: &BrokerAddress| link.brokers.iter().any(|a| (&a.host, a.port) == (&b.host, b.port));
            other.client_id == link.client_id && other.brokers.iter().any(shared)
        };
        // Two connections of one client identifier would throw each other out for ever.
        if all.iter().any(same) {
            let problem = format!("{:?} is taken by another link to the same broker", link.client_id);
            return Err(checker.wrong(&key("client_id"), problem, "one of its own"));
        }
        all.push(link);
    }
    Ok(all)
}

fn cloud(
    checker: &Checker<'_>,
    config: &CloudConfig,
    spool: &SpoolConfig,
    (rsu_id, client_id): (&str, String),
    key: &dyn Fn(&str) -> String,
) -> Result<CloudSettings, ConfigError> {
    let name = checker.name(&key("name"), &config.name)?;
    let list = &config.broker.0;
    if list.is_empty() {
        return Err(checker.wrong(&key("broker"), "the list is empty".into(), "at least one broker"));
    }
    let brokers = list
        .iter()
        .map(|text| broker(text).ok_or_else(|| wrong_broker(checker, &key("broker"), text)))
        .collect::<Result<Vec<_>, _>>()?;
    let tls = tls(checker, config, &brokers, key)?;
    let seconds = |name: &str, value: f64, least: f64, most: f64| {
        checker.range(&key(name), value, least, most).map(Duration::from_secs_f64)
    };
    let retry_least = seconds("retry_least_s", config.retry_least_s, 0.01, 60.0)?;
    let retry_most = seconds("retry_most_s", config.retry_most_s, config.retry_least_s, 3600.0)?;
    let share = |name: &str, value: u32| checker.whole(&key(&format!("shares.{name}")), f64::from(value), 1, 1000);
    let shares = &config.shares;
    let in_flight = checker.count(&key("in_flight"), config.in_flight, 1024)?;
    let commit_ms = checker.range("spool.commit_within_ms", spool.commit_within_ms as f64, 0.0, 1000.0)?;
    Ok(CloudSettings {
        brokers,
        client_id: match &config.client_id {
            Some(client_id) => checker.name(&key("client_id"), client_id)?,
            None => client_id,
        },
        login: login(checker, config, key)?,
        tls,
        platform: platform(checker, config, rsu_id, key)?,
        payload: config.payload,
        keep_alive_s: checker.range(&key("keep_alive_s"), f64::from(config.keep_alive_s), 5.0, 3600.0)? as u16,
        acknowledge_within: seconds("acknowledge_within_s", config.acknowledge_within_s as f64, 1.0, 600.0)?,
        retry_least,
        retry_most,
        in_flight,
        shares: [
            1,
            share("event", shares.event)?,
            share("state", shares.state)?,
            share("track", shares.track)?,
            share("message", shares.message)?,
        ],
        commit_within: Duration::from_secs_f64(commit_ms / 1000.0),
        spool: backlog(checker, spool, &name)?.with_max_in_flight(in_flight.saturating_mul(4)),
        name,
    })
}

fn wrong_broker(checker: &Checker<'_>, key: &str, text: &str) -> ConfigError {
    let expected = "\"mqtt://host:port\" or \"mqtts://host:port\", as in \"mqtt://127.0.0.1:1883\"";
    checker.wrong(key, format!("{text:?} is no broker"), expected)
}

fn broker(text: &str) -> Option<BrokerAddress> {
    let (address, tls) = match (text.strip_prefix("mqtt://"), text.strip_prefix("mqtts://")) {
        (Some(address), _) => (address, false),
        (None, Some(address)) => (address, true),
        (None, None) => return None,
    };
    let usual = if tls { "8883" } else { "1883" };
    // An IPv6 address stands in brackets; only there a colon may be within the host.
    let (host, port) = match address.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, if rest.is_empty() { usual } else { rest.strip_prefix(':')? }),
        None => address.rsplit_once(':').unwrap_or((address, usual)),
    };
    let may_have_colons = address.starts_with('[');
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    let fits =
        !host.is_empty() && !host.contains(['/', ' ', '@', '[', ']']) && (may_have_colons || !host.contains(':'));
    fits.then(|| BrokerAddress { host: host.into(), port, tls })
}

fn tls(
    checker: &Checker<'_>,
    config: &CloudConfig,
    brokers: &[BrokerAddress],
    key: &dyn Fn(&str) -> String,
) -> Result<Option<TlsSettings>, ConfigError> {
    let wanted = brokers.iter().any(|broker| broker.tls);
    if let (false, Some(_)) = (wanted, &config.tls) {
        let problem = "no broker is reached over TLS".into();
        return Err(checker.wrong(&key("tls"), problem, "a broker \"mqtts://host:port\", or no such section"));
    }
    let files = config.tls.clone().unwrap_or_default();
    let identity = match (files.certificate_file, files.key_file) {
        (None, None) => None,
        (Some(certificate), Some(its_key)) => Some((checker.beside(&certificate), checker.beside(&its_key))),
        _ => {
            let problem = "certificate and key belong together".into();
            return Err(checker.wrong(&key("tls"), problem, "both certificate_file and key_file, or neither"));
        }
    };
    let settings = TlsSettings { ca_file: files.ca_file.map(|file| checker.beside(&file)), identity };
    if wanted {
        tls_client(Some(&settings))
            .map_err(|error| checker.wrong(&key("tls"), format!("{error:#}"), "files as deploy/rsud.toml shows"))?;
    }
    Ok(wanted.then_some(settings))
}

fn login(
    checker: &Checker<'_>,
    config: &CloudConfig,
    key: &dyn Fn(&str) -> String,
) -> Result<Option<CredentialSettings>, ConfigError> {
    let (source, name) = match (&config.password_file, &config.password_env) {
        (None, None) if config.username.is_none() => return Ok(None),
        (Some(file), None) => (Ok(checker.beside(file)), "password_file"),
        (None, Some(variable)) => (Err(variable.clone()), "password_env"),
        _ => {
            let expected = "username and one of password_file and password_env, or none of them";
            return Err(checker.wrong(&key("username"), "user name and password belong together".into(), expected));
        }
    };
    let secure = |address: &String| address.starts_with("mqtts://");
    if config.broker.0.iter().any(secure) && !config.broker.0.iter().all(secure) {
        let problem = "a password would go over TLS to one broker, and readable to another".into();
        return Err(checker.wrong(&key("broker"), problem, "mqtts:// for all of them, or for none"));
    }
    let Some(username) = config.username.clone() else {
        let problem = "there is a password and no user".into();
        return Err(checker.wrong(&key("username"), problem, "the user name that belongs to it"));
    };
    let login = CredentialSettings { username, source };
    login
        .password()
        .map_err(|error| checker.wrong(&key(name), error.to_string(), "something that holds the password"))?;
    Ok(Some(login))
}

/// Segments of the spool: what goes at once when a class overflows.
const SEGMENT_BYTES: u64 = 4 << 20;

fn backlog(checker: &Checker<'_>, config: &SpoolConfig, link: &str) -> Result<spool::Config, ConfigError> {
    let class = |priority: Priority| {
        let section = match priority {
            Priority::Emergency => &config.emergency,
            Priority::Event => &config.event,
            Priority::State => &config.state,
            Priority::Track => &config.track,
            Priority::Message => &config.message,
        };
        let (mib, age_s, kib) = usual(priority);
        let key = |name: &str| format!("spool.{}.{name}", priority.name());
        let number = |name: &str, value: Option<u64>, usual: u64, least: f64, most: f64| {
            checker.range(&key(name), value.unwrap_or(usual) as f64, least, most).map(|value| value as u64)
        };
        let mib = number("max_mib", section.max_mib, mib, 1.0, 1_048_576.0)?;
        let age_s = number("max_age_s", section.max_age_s, age_s, 0.0, 1e9)?;
        let kib = number("memory_kib", section.memory_kib, kib, 64.0, 262_144.0)?;
        Ok(ClassConfig {
            name: priority.name().into(),
            max_bytes: mib << 20,
            max_age: (age_s > 0).then(|| Duration::from_secs(age_s)),
            overflow: match section.overflow {
                Some(OverflowName::RefuseNewest) => Overflow::RefuseNewest,
                Some(OverflowName::DropOldest) | None => Overflow::DropOldest,
            },
            memory_bytes: kib << 10,
        })
    };
    let classes = Priority::ALL.into_iter().map(class).collect::<Result<Vec<_>, ConfigError>>()?;
    let folder = checker.state(&config.folder).join(link);
    spool::Config::new(folder, classes)
        .map(|config| config.with_segment_bytes(SEGMENT_BYTES))
        .map_err(|error| checker.wrong("spool", error.to_string(), "larger classes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brokers_are_told_from_what_is_none() {
        let address = |host: &str, port, tls| Some(BrokerAddress { host: host.into(), port, tls });
        assert_eq!(broker("mqtt://127.0.0.1:1884"), address("127.0.0.1", 1884, false));
        assert_eq!(broker("mqtts://cloud.example"), address("cloud.example", 8883, true));
        assert_eq!(broker("mqtt://[2001:db8::1]"), address("2001:db8::1", 1883, false));
        assert_eq!(broker("mqtt://[2001:db8::1]:99"), address("2001:db8::1", 99, false));
        for text in [
            "cloud.example:1883",
            "mqtt://",
            "mqtt://a:0",
            "mqtt://a:b",
            "mqtt://a@b:1",
            "mqtt://::1:5",
            "mqtt://[::1]5",
        ] {
            assert_eq!(broker(text), None, "{text}");
        }
    }
}
