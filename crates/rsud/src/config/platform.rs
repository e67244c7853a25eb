//! Which platform a link talks to: `profile` and the keys that belong to it. `docs/cloud-profiles.md` has them.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use v2x_codec::Profile as Edition;

use super::ConfigError;
use super::check::Checker;
use super::cloud::{CloudConfig, PayloadFormat};
use super::radio::ProfileName;
use crate::uplink::profiles::{
    Author, DrisSettings, Its0117, Its0117Settings, NativeSettings, OpenV2x, OpenV2xSettings, Own, ProfileSettings,
    SettingError,
};

/// The platforms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlatformName {
    /// Subscribers of our own contract.
    #[default]
    Native,
    /// T/ITS 0117.
    Its0117,
    /// `OpenV2X`.
    OpenV2x,
    /// Huawei Cloud DRIS.
    Dris,
}

/// Where the RSU's own RSM and RSI come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OwnName {
    /// From track lists and events.
    #[default]
    Items,
    /// From what is sent on the air.
    Sent,
}

/// What belongs to a platform other than the native one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlatformConfig {
    /// `its0117`: the RSU's name at the platform, by default that of `[rsu]`.
    pub rsu_id: Option<String>,
    /// `openv2x` and `dris`: the serial number at the platform, by default the name of `[rsu]`.
    pub esn: Option<String>,
    /// Edition of the message set in which is encoded, and in which what comes down is read.
    #[serde(default)]
    pub message_set: ProfileName,
    /// Where the RSU's own RSM and RSI come from.
    #[serde(default)]
    pub own: OwnName,
    /// Seconds between signs of life.
    pub heartbeat_s: Option<f64>,
    /// `openv2x`: events go where cerebrum looks for them.
    #[serde(default)]
    pub events_as_device: bool,
    /// `dris`: file that holds the device's secret, in place of user name and password.
    pub secret_file: Option<PathBuf>,
}

/// The platform of a link, but for what only the start knows.
#[derive(Debug, Clone)]
pub struct Platform {
    name: PlatformName,
    id: String,
    edition: Edition,
    own: Own,
    heartbeat: Option<Duration>,
    events_as_device: bool,
    secret_file: Option<PathBuf>,
}

impl Platform {
    /// Whether it speaks our own contract.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.name == PlatformName::Native
    }

    /// What the link's profile is made of. The secret is read here.
    ///
    /// # Errors
    /// The secret cannot be read.
    pub fn settings(
        &self,
        native: impl FnOnce() -> NativeSettings,
        author: impl FnOnce() -> Author,
    ) -> anyhow::Result<ProfileSettings> {
        let (id, profile, own) = (self.id.clone(), self.edition, self.own);
        let heartbeat = |usual| self.heartbeat.unwrap_or(usual);
        Ok(match self.name {
            PlatformName::Native => ProfileSettings::Native(native()),
            PlatformName::Its0117 => ProfileSettings::Its0117(Its0117Settings {
                rsu_id: id,
                profile,
                author: author(),
                own,
                heartbeat: heartbeat(Its0117::HEARTBEAT),
            }),
            PlatformName::OpenV2x => ProfileSettings::OpenV2x(OpenV2xSettings {
                esn: id,
                profile,
                author: author(),
                events_as_device: self.events_as_device,
                heartbeat: heartbeat(OpenV2x::HEARTBEAT),
            }),
            PlatformName::Dris => {
                ProfileSettings::Dris(DrisSettings { esn: id, secret: self.secret()?, profile, author: author(), own })
            }
        })
    }

    fn secret(&self) -> anyhow::Result<Option<String>> {
        let Some(file) = &self.secret_file else { return Ok(None) };
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(error) => anyhow::bail!("{}: {error}", file.display()),
        }
    }
}

/// Checks what belongs to the platform of a link.
pub(super) fn platform(
    checker: &Checker<'_>,
    config: &CloudConfig,
    rsu_id: &str,
    key: &dyn Fn(&str) -> String,
) -> Result<Platform, ConfigError> {
    let given = config.platform.clone().unwrap_or_default();
    if config.profile == PlatformName::Native && config.platform.is_some() {
        let problem = "the native profile has no such section".into();
        return Err(checker.wrong(&key("platform"), problem, "another profile, or no such section"));
    }
    let (its, openv2x, dris) = (PlatformName::Its0117, PlatformName::OpenV2x, PlatformName::Dris);
    for (name, is_given, fits) in [
        ("rsu_id", given.rsu_id.is_some(), config.profile == its),
        ("esn", given.esn.is_some(), config.profile == openv2x || config.profile == dris),
        ("heartbeat_s", given.heartbeat_s.is_some(), config.profile == its || config.profile == openv2x),
        ("events_as_device", given.events_as_device, config.profile == openv2x),
        ("secret_file", given.secret_file.is_some(), config.profile == dris),
    ] {
        if is_given && !fits {
            let problem = format!("the profile {:?} has no such key", config.profile);
            return Err(checker.wrong(&key(&format!("platform.{name}")), problem, "what docs/cloud-profiles.md says"));
        }
    }
    let edition = match given.message_set {
        ProfileName::Y2020 => Edition::Y2020,
        ProfileName::Y2019 => Edition::Y2019,
        ProfileName::Auto => {
            let problem = "\"auto\" cannot be: the platform must be told in one edition".into();
            return Err(checker.wrong(&key("platform.message_set"), problem, "\"2020\" or \"2019\""));
        }
    };
    let id = match config.profile {
        PlatformName::Its0117 => given.rsu_id,
        _ => given.esn,
    };
    let platform = Platform {
        name: config.profile,
        id: id.unwrap_or_else(|| rsu_id.to_owned()),
        edition,
        own: if given.own == OwnName::Sent { Own::Sent } else { Own::Items },
        heartbeat: match given.heartbeat_s {
            Some(s) => Some(Duration::from_secs_f64(checker.range(&key("platform.heartbeat_s"), s, 1.0, 3600.0)?)),
            None => None,
        },
        events_as_device: given.events_as_device,
        secret_file: given.secret_file.map(|file| checker.beside(&file)),
    };
    // Whatever the profile itself could not work with is found by making one.
    let nobody = || NativeSettings {
        rsu_id: rsu_id.to_owned(),
        boot_id: 0,
        format: PayloadFormat::Protobuf,
        state: rsu_proto::v1::RsuState::default(),
    };
    let settings = platform.settings(nobody, Author::nobody).map_err(|error| {
        checker.wrong(&key("platform.secret_file"), error.to_string(), "a file that holds the device's secret")
    })?;
    settings.build().map_err(|SettingError { key: name, problem }| {
        checker.wrong(&key(&format!("platform.{name}")), problem, "what docs/cloud-profiles.md says")
    })?;
    Ok(platform)
}
