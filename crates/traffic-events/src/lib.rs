//! Traffic events: tracks and the site map in; start, updates and end of each event out.
//!
//! Each kind of event is one detector in one file under `detectors`: a condition that a participant, a pair or a lane
//! fulfils or not. What all have in common is in [`Monitor`]: the condition must hold for a while before an event
//! starts, must be gone for a while before it ends, a participant that is not seen any more is waited for, one whose
//! identity changes is the same one, and an event starts once and ends once. [`LaneStatistics`] counts what passes and
//! how, lane by lane. What stations at the road measure of the weather becomes events in the same way.
//!
//! The definitions, the models and the papers are in `docs/events.md`. This crate knows no clock and no message; the
//! same tracks at the same times give the same events.

mod chain;
mod config;
mod context;
mod detector;
mod detectors;
mod event;
mod lane_statistics;
mod lifecycle;
mod memory;
mod monitor;
mod scene;
mod weather;

pub use config::{EventsConfig, PresenceConfig, Timing};
pub use context::{Context, Light, SignalState};
pub use detectors::{
    CollisionConfig, EmergencyConfig, LaneUseConfig, LargeVehicleConfig, ObstacleConfig, PedestrianConfig, QueueConfig,
    RedLightConfig, SlowConfig, SpeedingConfig, StoppedConfig, UTurnConfig, WrongWayConfig,
};
pub use event::{EventChange, EventId, EventKind, Evidence, Measure, Quantity, Stage, TrackEvidence, Zone};
pub use lane_statistics::{LaneInterval, LaneStatistics, LaneStatisticsConfig, TrafficClass};
pub use monitor::Monitor;
pub use weather::{
    FogConfig, IceConfig, RainConfig, RoadState, SlipperyConfig, StandingWaterConfig, Station, Weather, WindConfig,
};
