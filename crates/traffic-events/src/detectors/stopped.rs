//! Stopped vehicle (903): a motor vehicle stands on a vehicle lane where traffic should flow.
//!
//! Waiting at a stop line is not an event, neither is waiting behind somebody who waits there, nor waiting inside of a
//! junction to turn. So a vehicle counts if it stands on a lane, outside of the zone before a stop line, and nobody
//! stands right before it on the same lane, or on the only one that follows. Who stands first, far from any stop line,
//! is the obstacle; those behind it are its queue.

use std::time::Duration;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoppedConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; standing for `start_after` is an event.
    pub timing: Timing,
    /// Slower than this is standing, metres per second; an event goes on up to twice as much.
    pub max_speed_mps: f64,
    /// Within this distance of a stop line vehicles may wait, metres.
    pub stop_line_zone_m: f64,
    /// It must have come from so far, metres. Who was never seen to move counts only when two sensors see it: what one
    /// sensor imagines stands still, too.
    pub min_distance_m: f64,
    /// Who stands within this distance behind a standing vehicle, bumper to bumper, waits for it, metres.
    pub queue_gap_m: f64,
}

impl Default for StoppedConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing {
                min_share: 0.8,
                max_gap: Duration::from_secs(1),
                update_every: Duration::from_secs(1),
                ..Timing::new(5000, 1500, 3000)
            },
            max_speed_mps: 0.6,
            stop_line_zone_m: 40.0,
            min_distance_m: 5.0,
            queue_gap_m: 12.0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Stopped {
    config: StoppedConfig,
}

impl Stopped {
    pub(crate) fn new(config: StoppedConfig) -> Self {
        Self { config }
    }

    fn strength(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<Strength> {
        let config = &self.config;
        let place = seen.facts.lane?;
        // The average lags behind a vehicle that stops; the speed itself jumps.
        let speed_mps = seen.memory.speed_mps.min(seen.facts.speed_mps);
        // Roads are cut into sections; the stop line may be at the end of one that follows.
        let to_stop_line_m = scene.map.distance_to_stop_line_m(&place);
        let near_stop_line = to_stop_line_m.is_some_and(|ahead_m| ahead_m < config.stop_line_zone_m);
        if !seen.is_motor() || seen.facts.in_junction || near_stop_line || speed_mps > 2.0 * config.max_speed_mps {
            return None;
        }
        // Before a signal one vehicle of the queue may be hidden behind another.
        let gap_m = if to_stop_line_m.is_some() { config.queue_gap_m + 8.0 } else { config.queue_gap_m };
        let waits = scene
            .ahead_of(seen)
            .take_while(|(_, ahead_m)| *ahead_m < gap_m)
            .any(|(other, _)| other.facts.speed_mps < 2.0 * config.max_speed_mps);
        if waits {
            return None;
        }
        let real = seen.memory.roamed_m >= config.min_distance_m || seen.facts.track.sources.count_ones() >= 2;
        Some(if real && speed_mps <= config.max_speed_mps { Strength::Full } else { Strength::Weak })
    }
}

impl Detector for Stopped {
    fn kind(&self) -> EventKind {
        EventKind::StoppedVehicle
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        for seen in &scene.seen {
            let Some(strength) = self.strength(scene, seen) else { continue };
            let confidence = seen.facts.track.existence * seen.memory.group_probability();
            let measure = Measure::new(Quantity::Speed, seen.memory.speed_mps, self.config.max_speed_mps);
            found.push(Finding::one(seen, strength, confidence, measure));
        }
    }
}
