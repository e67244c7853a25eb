//! The shape of the configuration file. `deploy/rsud.toml` documents each key for the operator.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::cloud::{CloudConfig, SpoolConfig, one_or_many};
use super::events::EventsSection;
use super::pole_rules::{PoleLightingSection, PoleWarningsSection};
use super::poles::{ControlConfig, PoleConfig, PoleLinkConfig};
use super::radio::Pc5Config;
use super::site::SiteConfig;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Who this is.
    pub rsu: RsuConfig,
    /// Where this is.
    pub site: SiteConfig,
    /// The radio.
    pub pc5: Option<Pc5Config>,
    /// V2X messages as protobuf over UDP.
    pub v2x_udp: Option<AdapterConfig>,
    /// Sensor detections as protobuf over UDP.
    pub sensor_udp: Option<AdapterConfig>,
    /// The sensors.
    #[serde(default)]
    pub sensors: Vec<SensorConfig>,
    /// The lines to smart poles.
    #[serde(default)]
    pub pole_links: Vec<PoleLinkConfig>,
    /// The smart poles.
    #[serde(default)]
    pub poles: Vec<PoleConfig>,
    /// Adaptive lighting.
    #[serde(default)]
    pub pole_lighting: PoleLightingSection,
    /// Warnings on poles.
    #[serde(default)]
    pub pole_warnings: PoleWarningsSection,
    /// The tracker.
    #[serde(default)]
    pub tracking: TrackingConfig,
    /// The event detectors.
    #[serde(default)]
    pub events: EventsSection,
    /// The links to the cloud: one, or several.
    #[serde(deserialize_with = "one_or_many")]
    pub cloud: Vec<CloudConfig>,
    /// What waits for the links.
    #[serde(default)]
    pub spool: SpoolConfig,
    /// Commands of the cloud.
    #[serde(default)]
    pub commands: CommandsConfig,
    /// The socket for the command line.
    pub control: Option<ControlConfig>,
    /// Metrics.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// The log.
    #[serde(default)]
    pub log: LogConfig,
}

/// Metrics.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// File that is written with each health.
    pub file: Option<PathBuf>,
}

/// Who this is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RsuConfig {
    /// Name of the RSU: part of every topic.
    pub id: String,
    /// The health goes out so often, seconds.
    #[serde(default = "default_health_period_s")]
    pub health_period_s: u64,
}

fn default_health_period_s() -> u64 {
    5
}

/// Commands of the cloud.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CommandsConfig {
    /// Whether native links listen for them.
    pub enabled: bool,
    /// Folder of the audit log and of settings that the cloud made.
    pub folder: PathBuf,
    /// A setting is taken back when the link is not up within this, seconds.
    pub confirm_within_s: u64,
}

impl Default for CommandsConfig {
    fn default() -> Self {
        Self { enabled: true, folder: "commands".into(), confirm_within_s: 60 }
    }
}

/// A UDP adapter.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdapterConfig {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Inputs that may wait for the core.
    #[serde(default = "default_queue")]
    pub queue: usize,
}

pub(super) fn default_queue() -> usize {
    4096
}

/// A sensor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SensorConfig {
    /// Name, as in its frames.
    pub id: String,
    /// Kind.
    pub kind: SensorKindName,
    /// Where it stands and looks.
    pub pose: PoseConfig,
    /// Width of the field of view, degrees.
    pub field_of_view_deg: f64,
    /// Range, metres.
    pub range_m: f64,
    /// How high it hangs, metres above the road: tells who can hide whom. By default 8 for a camera, 6 for the others.
    pub height_m: Option<f64>,
    /// From measurement to arrival, where the sensor gives no time, milliseconds.
    #[serde(default = "default_latency_ms")]
    pub latency_ms: u64,
    /// Do not trust the sensor's clock.
    #[serde(default)]
    pub ignore_sensor_clock: bool,
    /// One-sigma along the line of sight, metres.
    pub range_sd_m: Option<f64>,
    /// One-sigma across the line of sight, degrees.
    pub azimuth_sd_deg: Option<f64>,
    /// One-sigma of each velocity component, metres per second.
    pub velocity_sd_mps: Option<f64>,
    /// One-sigma of the Doppler speed, metres per second.
    pub radial_speed_sd_mps: Option<f64>,
    /// The class of each label of the sensor.
    #[serde(default)]
    pub classes: BTreeMap<String, String>,
}

fn default_latency_ms() -> u64 {
    100
}

/// Where a sensor stands and looks.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoseConfig {
    /// Metres east of the reference point.
    pub x_m: f64,
    /// Metres north of the reference point.
    pub y_m: f64,
    /// Direction of view, degrees clockwise from true north.
    pub heading_deg: f64,
}

/// Kind of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SensorKindName {
    /// Camera.
    Camera,
    /// Radar.
    Radar,
    /// Lidar.
    Lidar,
}

/// The tracker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrackingConfig {
    /// Frames older than the newest by more than this are too late, milliseconds.
    pub reorder_window_ms: u64,
    /// Measurements from farther in the future than this are refused, milliseconds.
    pub max_clock_lead_ms: u64,
    /// Vehicles farther away than this are passed on but not tracked, metres.
    pub v2x_range_m: f64,
    /// More participants than this are not held.
    pub max_participants: usize,
}

impl Default for TrackingConfig {
    fn default() -> Self {
        Self { reorder_window_ms: 500, max_clock_lead_ms: 100, v2x_range_m: 500.0, max_participants: 2000 }
    }
}

/// The log.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Format of the lines.
    pub format: LogFormat,
    /// Filter, as in `info` or `info,rsud=debug`.
    pub level: Option<String>,
}

/// Format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For machines: one JSON object a line.
    Json,
}
