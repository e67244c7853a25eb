//! Wrong-way driving (904): a motor vehicle drives against the direction of its lane.
//!
//! Lanes of opposite directions lie side by side and positions are noisy, so a vehicle counts only if no lane that agrees
//! with its direction is within reach of its position's uncertainty. The direction is that of the velocity, not the
//! heading, which sensors turn round now and then. Inside of a junction there is no direction to go against.

use site_map::LaneKind;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrongWayConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; driving wrong for `start_after` is an event.
    pub timing: Timing,
    /// Slower than this a direction is not trusted, metres per second; an event goes on down to half as much.
    pub min_speed_mps: f64,
    /// The direction is wrong when it is off the lane's by more than this, radians.
    pub min_angle_rad: f64,
    /// A lane in the right direction must be farther away than this, metres, beside the uncertainty of the position.
    pub lane_margin_m: f64,
    /// It must have come so far from where it was seen first, metres.
    pub min_distance_m: f64,
}

impl Default for WrongWayConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing { min_share: 0.8, ..Timing::new(800, 2000, 2000) },
            min_speed_mps: 2.5,
            min_angle_rad: 135_f64.to_radians(),
            lane_margin_m: 0.5,
            min_distance_m: 3.0,
        }
    }
}

#[derive(Debug)]
pub(crate) struct WrongWay {
    config: WrongWayConfig,
}

impl WrongWay {
    pub(crate) fn new(config: WrongWayConfig) -> Self {
        Self { config }
    }

    /// How strong, and how far off the lane's direction.
    fn wrong(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<(Strength, f64)> {
        let config = &self.config;
        let facts = &seen.facts;
        if !seen.is_motor() || facts.in_junction || facts.speed_mps < config.min_speed_mps / 2.0 {
            return None;
        }
        let place = facts.lane?;
        let off_rad = facts.off_rad(place.direction_rad).filter(|off_rad| *off_rad > config.min_angle_rad)?;
        let reach_m = config.lane_margin_m + facts.lateral_sd_m(&place).min(5.0);
        let right_lane_near = scene
            .map
            .lanes_at(LaneKind::Vehicle, seen.position_m(), reach_m)
            .any(|place| facts.off_rad(place.direction_rad).is_none_or(|off_rad| off_rad <= config.min_angle_rad));
        if right_lane_near {
            return None;
        }
        let full = facts.speed_mps >= config.min_speed_mps && seen.memory.roamed_m >= config.min_distance_m;
        Some((if full { Strength::Full } else { Strength::Weak }, off_rad))
    }
}

impl Detector for WrongWay {
    fn kind(&self) -> EventKind {
        EventKind::WrongWayDriving
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        for seen in &scene.seen {
            let Some((strength, off_rad)) = self.wrong(scene, seen) else { continue };
            let confidence = seen.facts.track.existence * seen.memory.group_probability();
            let measure = Measure::new(Quantity::AngleOff, off_rad, self.config.min_angle_rad);
            found.push(Finding::one(seen, strength, confidence, measure));
        }
    }
}
