//! The configuration: one TOML file, checked as a whole before anything starts.
//!
//! [`load`] reads a file into [`Config`] (the shape, unknown keys and types being refused with line and column) and
//! checks it into [`Checked`] (the meaning: what cannot be is refused with the key and what would be right).

mod check;
mod cloud;
mod events;
mod file;
mod platform;
mod pole_rules;
mod poles;
mod radio;
mod site;

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::downlink::Overlay;

pub(crate) use check::Checker;
pub use check::{Checked, CommandSettings, check};
pub use cloud::{
    BrokerAddress, BrokersConfig, ClassSection, CloudConfig, CloudSettings, CredentialSettings, OverflowName,
    PayloadFormat, SharesConfig, SpoolConfig, TlsConfig,
};
pub use events::{
    CollisionSection, EmergencySection, EventsSection, FogSection, IceSection, LaneStatisticsSection, LaneUseSection,
    LargeVehicleSection, ObstacleSection, PedestrianSection, PresenceSection, QueueSection, RainSection,
    RedLightSection, SlipperySection, SlowSection, SpeedingSection, StandingWaterSection, StoppedSection, UTurnSection,
    WindSection, WrongWaySection,
};
pub use file::{
    AdapterConfig, CommandsConfig, Config, LogConfig, LogFormat, MetricsConfig, PoseConfig, RsuConfig, SensorConfig,
    SensorKindName, TrackingConfig,
};
pub use platform::{OwnName, Platform, PlatformConfig, PlatformName};
pub use pole_rules::{BlinkName, ColourName, LookConfig, PoleLightingSection, PoleWarningsSection};
pub use poles::{
    BusSettings, ControlConfig, ControlSettings, MAX_BUS_POLES, MAX_POLES, PoleConfig, PoleEndpoint, PoleLinkConfig,
    PoleLinkSettings, PoleSettings, PositionConfig,
};
pub use radio::{
    ByteOrderName, FieldConfig, FramingName, ImmediateForwardConfig, LengthConfig, MagicConfig, Pc5Config, ProfileName,
    Radio, SendConfig, Sending, ServiceConfig, TimestampUnitName, VendorHeaderConfig, load_vendor_header,
};
pub use site::{
    AreaConfig, AreaKindName, ConnectionConfig, DatumName, LaneConfig, LaneKindName, MapSource, NodeConfig, SiteConfig,
    TurnName, load_site_file,
};

/// What is wrong with a configuration, a site or a scene.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file has not the shape of a configuration (TOML) or a scene (JSON); the text names line, column and key.
    #[error("{}: {error}", file.display())]
    Shape {
        /// The file.
        file: PathBuf,
        /// Where and what.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A value cannot be.
    #[error("{}: {key}: {problem}; expected {expected}", file.display())]
    Value {
        /// The file.
        file: PathBuf,
        /// The key, as in `sensors[1].pose.x_m`.
        key: String,
        /// What is wrong.
        problem: String,
        /// What would be right.
        expected: String,
    },
}

/// Reads and checks a configuration file. Paths inside are relative to the file's folder.
///
/// # Errors
/// [`ConfigError`] names the first thing that is wrong.
pub fn load(file: &Path) -> Result<Checked, ConfigError> {
    let text = read(file)?;
    let config: Config = toml::from_str(&text).map_err(|error| shape(file, error))?;
    check(&config, file)
}

/// As [`load`], with the settings of the cloud laid over the file.
///
/// # Errors
/// As [`load`]; a setting that fits nowhere is an error too.
pub fn load_with(file: &Path, overlay: &Overlay) -> Result<Checked, ConfigError> {
    let mut table: toml::Table = toml::from_str(&read(file)?).map_err(|error| shape(file, error))?;
    overlay.apply(&mut table).map_err(|problem| ConfigError::Value {
        file: file.into(),
        key: "settings of the cloud".into(),
        problem,
        expected: "a key and a value as in the file".into(),
    })?;
    let config: Config = table.try_into().map_err(|error: toml::de::Error| shape(file, error))?;
    check(&config, file)
}

pub(crate) fn read(file: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(file).map_err(|error| ConfigError::Read { file: file.into(), error })
}

pub(crate) fn shape(file: &Path, error: impl std::error::Error + Send + Sync + 'static) -> ConfigError {
    ConfigError::Shape { file: file.into(), error: Box::new(error) }
}
