//! Illegal lane use: a motor vehicle turned where its lane does not lead, or drives on a lane for bicycles.
//!
//! The turn that a vehicle made is the change from the direction of the lane on which it came to that of the lane on
//! which it left the junction, both held for a while. Its lane must have a connection with that turn. Lanes without
//! connections say nothing. U-turns are another event.

use std::time::Duration;

use rsu_units::Vector2;
use rsu_units::angle::wrap_rad;
use site_map::{LaneKind, Turn};

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaneUseConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; a wrong turn or driving on a bicycle lane of `start_after` is an event.
    pub timing: Timing,
    /// A wrong turn is held against a vehicle for so long after it left the junction.
    pub turn_memory: Duration,
    /// From the lane before the junction to the one after it takes at most so long.
    pub max_passage: Duration,
    /// Slower than this is parking or giving way, metres per second.
    pub min_speed_mps: f64,
    /// The centre must be out of all vehicle lanes by so much, metres, beside the uncertainty of the position.
    pub lane_margin_m: f64,
}

impl Default for LaneUseConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing::new(1500, 1000, 2000),
            turn_memory: Duration::from_secs(3),
            max_passage: Duration::from_secs(30),
            min_speed_mps: 2.0,
            lane_margin_m: 0.3,
        }
    }
}

/// A vehicle lane that is farther away says nothing of how far a vehicle is out of its lane, metres.
const NEAR_LANE_M: f64 = 5.0;

#[derive(Debug)]
pub(crate) struct LaneUse {
    config: LaneUseConfig,
}

impl LaneUse {
    pub(crate) fn new(config: LaneUseConfig) -> Self {
        Self { config }
    }

    /// The change of heading of a turn that its lane does not allow.
    fn wrong_turn(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<f64> {
        let memory = seen.memory;
        let (now, before) = (memory.lane.as_ref()?, memory.before.as_ref()?);
        let fresh = scene.at.duration_since(now.since) <= self.config.turn_memory;
        let quick = now.since.duration_since(before.until) <= self.config.max_passage;
        if !memory.through_junction || !fresh || !quick {
            return None;
        }
        let from = scene.map.lane(&before.id)?;
        let turned_rad = wrap_rad(now.direction_rad - before.direction_rad);
        let turn = Turn::from_angle(turned_rad);
        let leads_there = from.connections.iter().any(|c| c.turn == turn || c.to == now.id);
        (!from.connections.is_empty() && !leads_there && turn != Turn::UTurn).then_some(turned_rad)
    }

    /// Whether it drives on a bicycle lane.
    fn on_bicycle_lane(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> bool {
        let point_m = seen.position_m();
        if seen.facts.in_junction || seen.facts.lane.is_some() || seen.facts.speed_mps < self.config.min_speed_mps {
            return false;
        }
        let Some(place) = scene.map.lanes_at(LaneKind::Bicycle, point_m, 0.0).next() else { return false };
        let margin_m = self.config.lane_margin_m + seen.facts.lateral_sd_m(&place).min(3.0);
        scene.map.lanes_at(LaneKind::Vehicle, point_m, margin_m).next().is_none()
    }
}

/// How far a point is out of the nearest vehicle lane, metres, if one is near.
fn outside_m(scene: &Scene<'_>, point_m: Vector2) -> Option<f64> {
    let near = scene.map.lanes_at(LaneKind::Vehicle, point_m, NEAR_LANE_M);
    // The lane whose edge is nearest, which need not be the one whose centre line is.
    near.map(|place| place.left_m.abs() - place.lane.width_m / 2.0).min_by(f64::total_cmp)
}

impl Detector for LaneUse {
    fn kind(&self) -> EventKind {
        EventKind::IllegalLaneUse
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        for seen in scene.seen.iter().filter(|seen| seen.is_motor()) {
            let turn = self.wrong_turn(scene, seen);
            let measure = match turn {
                Some(turned_rad) => Some(Measure::new(Quantity::HeadingChange, turned_rad, 0.0)),
                None if self.on_bicycle_lane(scene, seen) => outside_m(scene, seen.position_m())
                    .map(|depth_m| Measure::new(Quantity::Depth, depth_m, self.config.lane_margin_m)),
                None => continue,
            };
            let confidence = seen.facts.track.existence * seen.memory.group_probability();
            found.push(Finding::one(seen, Strength::Full, confidence, measure));
        }
    }
}
