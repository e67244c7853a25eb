//! Emergency vehicle (905): a vehicle that says by V2X that it is on emergency duty comes nearer, or is in the junction.
//!
//! Sensors do not see a light bar; the vehicle's own messages tell, and the [`Context`](crate::Context) has them. Without
//! a junction in the map, any such vehicle in sight counts.

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmergencyConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; approaching for `start_after` is an event.
    pub timing: Timing,
    /// Who is farther from the middle of the junction does not matter yet, metres.
    pub max_distance_m: f64,
    /// Who stands does not approach, metres per second; an event goes on.
    pub min_speed_mps: f64,
}

impl Default for EmergencyConfig {
    fn default() -> Self {
        Self { enabled: true, timing: Timing::new(500, 2000, 5000), max_distance_m: 400.0, min_speed_mps: 1.0 }
    }
}

#[derive(Debug)]
pub(crate) struct Emergency {
    config: EmergencyConfig,
}

impl Emergency {
    pub(crate) fn new(config: EmergencyConfig) -> Self {
        Self { config }
    }

    /// How strong, and how far from the junction's middle.
    fn approaches(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<(Strength, f64)> {
        let point_m = seen.position_m();
        let middle = |polygon: &[rsu_units::Vector2]| {
            let sum = polygon.iter().fold(rsu_units::Vector2::default(), |sum, corner| sum + *corner);
            sum * (polygon.len().max(1) as f64).recip()
        };
        let junctions = scene.map.areas().iter().map(|area| middle(&area.polygon_m));
        let nearest = junctions.min_by(|a, b| (*a - point_m).norm_squared().total_cmp(&(*b - point_m).norm_squared()));
        let moves = seen.facts.speed_mps >= self.config.min_speed_mps;
        let Some(nearest) = nearest else {
            return Some((if moves { Strength::Full } else { Strength::Weak }, 0.0));
        };
        let offset = nearest - point_m;
        let comes = seen.facts.in_junction || offset.dot(seen.facts.track.velocity_mps) > 0.0;
        let strength = match (comes, moves) {
            (true, true) => Strength::Full,
            (_, false) => Strength::Weak,
            (false, true) => return None,
        };
        (offset.norm() <= self.config.max_distance_m).then_some((strength, offset.norm()))
    }
}

impl Detector for Emergency {
    fn kind(&self) -> EventKind {
        EventKind::EmergencyVehicle
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        if scene.context.emergency.is_empty() {
            return;
        }
        for seen in &scene.seen {
            let on_duty = seen.facts.track.v2x_id.is_some_and(|id| scene.context.is_emergency(id));
            let Some((strength, away_m)) = on_duty.then(|| self.approaches(scene, seen)).flatten() else { continue };
            let measure = Measure::new(Quantity::Distance, away_m, self.config.max_distance_m);
            found.push(Finding::one(seen, strength, seen.facts.track.existence, measure));
        }
    }
}
