//! Obstacle (401): something lies on the carriageway that is no participant, such as lost cargo.
//!
//! Sensors know six classes, and cargo is none of them: its reports disagree or say nothing, so no class gets likely. It
//! appears, and from then on it never moves. Who ever moved is a participant, and so is what has a likely class.

use std::time::Duration;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObstacleConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; lying there for `start_after` is an event.
    pub timing: Timing,
    /// No class may be likelier than this.
    pub max_class_probability: f64,
    /// It never was faster than this, metres per second.
    pub max_speed_mps: f64,
    /// It never was farther from where it appeared, metres.
    pub max_distance_m: f64,
    /// How far within the carriageway's edge it lies, metres.
    pub edge_margin_m: f64,
    /// So many sensors must see it: what one of them imagines the others do not.
    pub min_sensors: u32,
}

impl Default for ObstacleConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing {
                min_share: 0.8,
                max_gap: Duration::from_secs(2),
                update_every: Duration::from_secs(2),
                ..Timing::new(5000, 3000, 5000)
            },
            max_class_probability: 0.7,
            max_speed_mps: 1.0,
            max_distance_m: 1.5,
            edge_margin_m: 0.3,
            min_sensors: 2,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Obstacle {
    config: ObstacleConfig,
}

impl Obstacle {
    pub(crate) fn new(config: ObstacleConfig) -> Self {
        Self { config }
    }

    fn lies(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> bool {
        let config = &self.config;
        let (_, probability) = seen.facts.track.class.best();
        probability < config.max_class_probability
            && seen.memory.top_speed_mps <= config.max_speed_mps
            && seen.memory.roamed_m <= config.max_distance_m
            && scene.map.on_carriageway(seen.position_m(), config.edge_margin_m)
    }
}

impl Detector for Obstacle {
    fn kind(&self) -> EventKind {
        EventKind::Obstacle
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        for seen in scene.seen.iter().filter(|seen| self.lies(scene, seen)) {
            let (_, probability) = seen.facts.track.class.best();
            let enough = seen.facts.track.sources.count_ones() >= self.config.min_sensors;
            let strength = if enough { Strength::Full } else { Strength::Weak };
            let confidence = seen.facts.track.existence * (1.0 - probability);
            let lain_s = scene.at.seconds_since(seen.memory.first_at);
            let measure = Measure::new(Quantity::StandingTime, lain_s, self.config.timing.start_after.as_secs_f64());
            found.push(Finding::one(seen, strength, confidence, measure));
        }
    }
}
