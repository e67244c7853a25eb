//! What the core must know of its site.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fusion::{Class, SensorModel};
use rsu_proto::v1;
use site_map::SiteMap;
use traffic_events::{EventsConfig, LaneStatisticsConfig};

use crate::BroadcastPlan;
use crate::poles::PolesConfig;

/// Settings of the core. Whoever makes one has checked it.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// Name of the RSU.
    pub rsu_id: String,
    /// Tells runs of the daemon apart; microseconds since the Unix epoch at the start.
    pub boot_id: i64,
    /// The map.
    pub map: Arc<SiteMap>,
    /// The own junction's node, as SPAT names it; without it no signal is known.
    pub junction: Option<v1::NodeReference>,
    /// The sensors, at most [`fusion::MAX_SENSORS`] - 1.
    pub sensors: Vec<SensorSetup>,
    /// Thresholds of the event detectors.
    pub events: EventsConfig,
    /// Whether and how lane statistics are made.
    pub lane_statistics: LaneStatisticsConfig,
    /// How often things happen.
    pub periods: Periods,
    /// Frames that are older than the newest by more than this are too late.
    pub reorder_window: Duration,
    /// Measurements from farther in the future than this are refused.
    pub max_clock_lead: Duration,
    /// V2X participants farther from the reference point than this are passed on but not tracked, metres.
    pub v2x_range_m: f64,
    /// More participants than this are not held.
    pub max_participants: usize,
    /// What is said on the air.
    pub broadcast: BroadcastPlan,
    /// The smart poles and the rules for them.
    pub poles: PolesConfig,
}

/// How often things happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    /// Track lists.
    pub tracks: Duration,
    /// Health.
    pub health: Duration,
    /// The detectors look at the tracks at most this often.
    pub events: Duration,
}

impl Default for Periods {
    fn default() -> Self {
        Self { tracks: Duration::from_millis(100), health: Duration::from_secs(5), events: Duration::from_millis(10) }
    }
}

/// A sensor: where it stands, what it sees, how exactly, and how it names classes.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorSetup {
    /// Name, as in the sensor's frames.
    pub id: String,
    /// Place, view and kind.
    pub model: SensorModel,
    /// One-sigma along the line of sight, metres, where the sensor gives none.
    pub range_sd_m: f64,
    /// One-sigma across the line of sight, radians, where the sensor gives none.
    pub azimuth_sd_rad: f64,
    /// One-sigma of each velocity component, metres per second, where the sensor gives none.
    pub velocity_sd_mps: f64,
    /// One-sigma of the Doppler speed, metres per second.
    pub radial_speed_sd_mps: f64,
    /// From measurement to arrival, where the sensor has no clock.
    pub latency: Duration,
    /// The sensor's time stamps are not to be trusted: always take arrival less `latency`.
    pub ignore_sensor_clock: bool,
    /// The class of each label of the sensor. Labels that are not here are unknown.
    pub classes: BTreeMap<String, Class>,
}
