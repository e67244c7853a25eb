//! Slow vehicle (902): a motor vehicle drives far slower than its lane allows although nobody is before it.
//!
//! Vehicles are slow for good reasons before stop lines, behind others, after a junction while they still speed up, and
//! when they turn. What remains, on a free stretch of lane and for some seconds, is a vehicle with trouble or a machine.

use std::time::Duration;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlowConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; being slow for `start_after` is an event.
    pub timing: Timing,
    /// Slower than this share of the limit is slow, 0 to 1.
    pub start_factor: f64,
    /// An event goes on while the speed is less than this share of the limit.
    pub end_factor: f64,
    /// Slower than this is standing, which is another event, metres per second.
    pub min_speed_mps: f64,
    /// Nobody may be so near ahead on the lane, bumper to bumper, metres.
    pub free_ahead_m: f64,
    /// So near to a stop line vehicles brake, metres.
    pub stop_line_zone_m: f64,
    /// So near to the start of a lane vehicles still speed up, metres.
    pub start_zone_m: f64,
    /// The limit where the map has none, metres per second; without it such lanes have none.
    pub default_limit_mps: Option<f64>,
}

impl Default for SlowConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing {
                min_share: 0.9,
                max_gap: Duration::from_secs(1),
                update_every: Duration::from_secs(1),
                ..Timing::new(5000, 2000, 2000)
            },
            start_factor: 0.4,
            end_factor: 0.5,
            min_speed_mps: 1.5,
            free_ahead_m: 40.0,
            stop_line_zone_m: 80.0,
            start_zone_m: 40.0,
            default_limit_mps: None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct SlowVehicle {
    config: SlowConfig,
}

impl SlowVehicle {
    pub(crate) fn new(config: SlowConfig) -> Self {
        Self { config }
    }

    /// How strong, and the limit.
    fn slow(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<(Strength, f64)> {
        let config = &self.config;
        let place = seen.facts.lane?;
        let limit_mps = place.lane.speed_limit_mps.or(config.default_limit_mps)?;
        let speed_mps = seen.memory.speed_mps;
        let in_range = speed_mps >= config.min_speed_mps && speed_mps < limit_mps * config.end_factor;
        if !seen.is_motor() || !in_range || seen.facts.in_junction || place.along_m < config.start_zone_m {
            return None;
        }
        let along = seen.facts.off_rad(place.direction_rad).is_some_and(|off_rad| off_rad < 0.5);
        let braking =
            scene.map.distance_to_stop_line_m(&place).is_some_and(|ahead_m| ahead_m < config.stop_line_zone_m);
        let blocked = scene.ahead_of(seen).next().is_some_and(|(_, gap_m)| gap_m < config.free_ahead_m);
        if !along || braking || blocked {
            return None;
        }
        let full = speed_mps < limit_mps * config.start_factor;
        Some((if full { Strength::Full } else { Strength::Weak }, limit_mps))
    }
}

impl Detector for SlowVehicle {
    fn kind(&self) -> EventKind {
        EventKind::SlowVehicle
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        for seen in &scene.seen {
            let Some((strength, limit_mps)) = self.slow(scene, seen) else { continue };
            let confidence = seen.facts.track.existence * seen.memory.group_probability();
            let measure = Measure::new(Quantity::Speed, seen.memory.speed_mps, limit_mps * self.config.start_factor);
            found.push(Finding::one(seen, strength, confidence, measure));
        }
    }
}
