//! Large vehicle (906): a truck, or any vehicle of a certain length, is on the carriageway.
//!
//! Sites ask for it where large vehicles are not wanted, or where others should know of them. Buses have their lanes and
//! timetable; they count only where that is asked for.

use fusion::Class;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LargeVehicleConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; being there for `start_after` is an event.
    pub timing: Timing,
    /// A truck (or bus) must be at least so sure; for an event to go on half as much.
    pub min_class_probability: f64,
    /// And be at least so long, metres.
    pub min_length_m: f64,
    /// Buses count too.
    pub buses: bool,
}

impl Default for LargeVehicleConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing { update_every: std::time::Duration::from_secs(1), ..Timing::new(1000, 2000, 2000) },
            min_class_probability: 0.7,
            min_length_m: 6.0,
            buses: false,
        }
    }
}

#[derive(Debug)]
pub(crate) struct LargeVehicle {
    config: LargeVehicleConfig,
}

impl LargeVehicle {
    pub(crate) fn new(config: LargeVehicleConfig) -> Self {
        Self { config }
    }

    fn probability(&self, seen: &Seen<'_>) -> f64 {
        let class = &seen.facts.track.class;
        class.of(Class::Truck) + if self.config.buses { class.of(Class::Bus) } else { 0.0 }
    }
}

impl Detector for LargeVehicle {
    fn kind(&self) -> EventKind {
        EventKind::LargeVehicle
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        let config = &self.config;
        for seen in &scene.seen {
            let probability = self.probability(seen);
            let length_m = seen.facts.track.extent_m.0;
            let on_road = seen.facts.lane.is_some() || seen.facts.in_junction;
            if !on_road || probability < config.min_class_probability / 2.0 || length_m < 0.8 * config.min_length_m {
                continue;
            }
            let full = probability >= config.min_class_probability && length_m >= config.min_length_m;
            let strength = if full { Strength::Full } else { Strength::Weak };
            let measure = Measure::new(Quantity::Length, length_m, config.min_length_m);
            found.push(Finding::one(seen, strength, seen.facts.track.existence * probability.min(1.0), measure));
        }
    }
}
