//! The settings that all detectors share, and the settings of all detectors together.
//!
//! Each detector has a structure of its own, in its file: whether it is on, its [`Timing`], and its thresholds. The
//! defaults are those of `docs/events.md`.

use std::time::Duration;

use crate::detectors::{
    CollisionConfig, EmergencyConfig, LaneUseConfig, LargeVehicleConfig, ObstacleConfig, PedestrianConfig, QueueConfig,
    RedLightConfig, SlowConfig, SpeedingConfig, StoppedConfig, UTurnConfig, WrongWayConfig,
};
use crate::weather::{FogConfig, IceConfig, RainConfig, SlipperyConfig, StandingWaterConfig, WindConfig};

/// How long and how often a condition must hold and be gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timing {
    /// The condition must hold so long for the event to start.
    pub start_after: Duration,
    /// Until then it must hold, fully, at this share of the looks, 0 to 1.
    pub min_share: f64,
    /// Until then it may be gone so long at once; what is gone longer begins anew.
    pub max_gap: Duration,
    /// It must be gone so long for the event to end.
    pub end_after: Duration,
    /// A participant that is not seen any more is waited for so long.
    pub lost_after: Duration,
    /// Updates of a running event are so far apart.
    pub update_every: Duration,
}

impl Timing {
    pub(crate) const fn new(start_after_ms: u64, end_after_ms: u64, lost_after_ms: u64) -> Self {
        Self {
            start_after: Duration::from_millis(start_after_ms),
            min_share: 0.7,
            max_gap: Duration::from_millis(400),
            end_after: Duration::from_millis(end_after_ms),
            lost_after: Duration::from_millis(lost_after_ms),
            update_every: Duration::from_millis(500),
        }
    }
}

/// What a track must be for an event to start on it. An event that runs goes on with less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PresenceConfig {
    /// Its first measurement is at least so old: what the sensors imagine lives shorter.
    pub min_age: Duration,
    /// Its latest measurement is at most so old.
    pub max_unmeasured: Duration,
    /// It exists with at least this probability, 0 to 1.
    pub min_existence: f64,
    /// One-sigma of its position, in the worst direction, is at most this, metres: an event needs a place, and a track
    /// that slides along a queue has none.
    pub max_position_sd_m: f64,
}

impl Default for PresenceConfig {
    fn default() -> Self {
        Self {
            min_age: Duration::from_millis(600),
            max_unmeasured: Duration::from_millis(500),
            min_existence: 0.6,
            max_position_sd_m: 0.7,
        }
    }
}

/// Settings of all detectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventsConfig {
    /// What a track must be for an event to start on it.
    pub presence: PresenceConfig,
    /// Stopped vehicle (903).
    pub stopped_vehicle: StoppedConfig,
    /// Wrong-way driving (904).
    pub wrong_way: WrongWayConfig,
    /// Pedestrian on the carriageway (405).
    pub pedestrian: PedestrianConfig,
    /// Speeding (901).
    pub speeding: SpeedingConfig,
    /// Slow vehicle (902).
    pub slow_vehicle: SlowConfig,
    /// Queue (707).
    pub queue: QueueConfig,
    /// Red-light running.
    pub red_light: RedLightConfig,
    /// Obstacle (401).
    pub obstacle: ObstacleConfig,
    /// Emergency vehicle (905).
    pub emergency_vehicle: EmergencyConfig,
    /// Large vehicle (906).
    pub large_vehicle: LargeVehicleConfig,
    /// Collision risk.
    pub collision_risk: CollisionConfig,
    /// Illegal U-turn.
    pub u_turn: UTurnConfig,
    /// Illegal lane use.
    pub lane_use: LaneUseConfig,
    /// Ice (409).
    pub ice: IceConfig,
    /// Fog (305).
    pub fog: FogConfig,
    /// Standing water (407).
    pub standing_water: StandingWaterConfig,
    /// Slippery road (408).
    pub slippery_road: SlipperyConfig,
    /// Heavy rain (301).
    pub heavy_rain: RainConfig,
    /// Strong wind (304).
    pub strong_wind: WindConfig,
}
