//! Speeding (901): a vehicle is clearly faster than its lane allows.
//!
//! The speed of a track is an estimate with a variance; it must exceed the threshold by a share of its own uncertainty.
//! Inside of a junction the limit of the lane that the vehicle came from goes on. Who is as fast as no bicycle counts
//! whatever its class, for classes are mistaken more often than speeds.

use site_map::LaneKind;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpeedingConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; being too fast for `start_after` is an event.
    pub timing: Timing,
    /// Faster than so many times the limit is an event, 1 or more. Chinese law fines from 10 % over, and more from 20 %.
    pub start_factor: f64,
    /// An event goes on while the speed is more than so many times the limit.
    pub end_factor: f64,
    /// The speed must exceed the threshold by so many standard deviations.
    pub margin_sigmas: f64,
    /// The limit where the map has none, metres per second; without it such lanes have none.
    pub default_limit_mps: Option<f64>,
}

impl Default for SpeedingConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing::new(1000, 1500, 2000),
            start_factor: 1.2,
            end_factor: 1.15,
            margin_sigmas: 0.25,
            default_limit_mps: None,
        }
    }
}

/// So fast nobody rides a bicycle for long, whatever the class says, metres per second.
const MOTOR_SPEED_MPS: f64 = 11.0;

/// So far beside a lane its limit still counts, metres.
const BESIDE_M: f64 = 1.5;

#[derive(Debug)]
pub(crate) struct Speeding {
    config: SpeedingConfig,
}

impl Speeding {
    pub(crate) fn new(config: SpeedingConfig) -> Self {
        Self { config }
    }

    fn limit_mps(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<f64> {
        if let Some(place) = seen.facts.lane {
            return place.lane.speed_limit_mps.or(self.config.default_limit_mps);
        }
        if !seen.facts.in_junction {
            // Who drives at a lane's edge is measured beside it now and then.
            let beside = scene.map.nearest_lane(LaneKind::Vehicle, seen.position_m(), BESIDE_M);
            return beside.and_then(|place| place.lane.speed_limit_mps.or(self.config.default_limit_mps));
        }
        let last = seen.memory.lane.as_ref().and_then(|held| scene.map.lane(&held.id));
        last.and_then(|lane| lane.speed_limit_mps).or(self.config.default_limit_mps)
    }
}

impl Detector for Speeding {
    fn kind(&self) -> EventKind {
        EventKind::Speeding
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        for seen in &scene.seen {
            let speed_mps = seen.facts.speed_mps;
            if !seen.is_motor() && speed_mps < MOTOR_SPEED_MPS {
                continue;
            }
            let Some(limit_mps) = self.limit_mps(scene, seen) else { continue };
            let threshold_mps = limit_mps * self.config.start_factor;
            let margin_mps = self.config.margin_sigmas * seen.facts.speed_sd_mps();
            let strength = if speed_mps > threshold_mps + margin_mps {
                Strength::Full
            } else if speed_mps > limit_mps * self.config.end_factor {
                Strength::Weak
            } else {
                continue;
            };
            // The nearer to the threshold, the less sure.
            let sd_mps = seen.facts.speed_sd_mps().max(0.1);
            let probability = normal_cdf((speed_mps - limit_mps) / sd_mps);
            let measure = Measure::new(Quantity::Speed, speed_mps, limit_mps);
            found.push(Finding::one(seen, strength, seen.facts.track.existence * probability, measure));
        }
    }
}

/// The standard normal distribution function, to 1e-4: the logistic form of Bowling et al. (2009).
pub(crate) fn normal_cdf(z: f64) -> f64 {
    let z = z.clamp(-8.0, 8.0);
    (1.0 + (-(0.07056 * z * z * z + 1.5976 * z)).exp()).recip()
}

#[cfg(test)]
mod tests {
    use super::normal_cdf;

    #[test]
    fn the_normal_distribution() {
        for (z, p) in [(0.0, 0.5), (1.0, 0.841_34), (-1.0, 0.158_66), (2.0, 0.977_25), (-8.0, 0.0), (1e9, 1.0)] {
            assert!((normal_cdf(z) - p).abs() < 2e-4, "{z}");
        }
    }
}
