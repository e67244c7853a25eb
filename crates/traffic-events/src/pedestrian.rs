//! Pedestrian on the carriageway (405): a person on foot is on a vehicle lane or inside of a junction, and not on a
//! crosswalk.

use std::time::Duration;

use fusion::{Class, Track};

use crate::{Detector, EventKind, Hysteresis, Scene};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PedestrianConfig {
    /// The class must be at least so sure.
    pub min_class_probability: f64,
    /// How far within the carriageway's edge the pedestrian must be, metres.
    pub edge_margin_m: f64,
    /// How far from a crosswalk the pedestrian must be, metres.
    pub crosswalk_margin_m: f64,
    /// Being there so long is an event.
    pub min_duration: Duration,
}

impl Default for PedestrianConfig {
    fn default() -> Self {
        Self {
            min_class_probability: 0.7,
            edge_margin_m: 0.4,
            crosswalk_margin_m: 2.5,
            min_duration: Duration::from_millis(500),
        }
    }
}

#[derive(Debug)]
pub(crate) struct PedestrianOnCarriageway {
    config: PedestrianConfig,
}

impl PedestrianOnCarriageway {
    pub(crate) fn new(config: PedestrianConfig) -> Self {
        Self { config }
    }
}

impl Detector for PedestrianOnCarriageway {
    fn kind(&self) -> EventKind {
        EventKind::PedestrianOnCarriageway
    }

    fn hysteresis(&self) -> Hysteresis {
        Hysteresis {
            start_after: self.config.min_duration,
            end_after: Duration::from_secs(1),
            lost_after: Duration::from_secs(2),
            update_every: Duration::from_millis(500),
        }
    }

    fn condition(&self, scene: &Scene<'_>, track: &Track) -> Option<f64> {
        let probability = track.class.of(Class::Pedestrian);
        let there = probability >= self.config.min_class_probability
            && scene.map.on_carriageway(track.position_m, self.config.edge_margin_m)
            && !scene.map.on_crosswalk(track.position_m, self.config.crosswalk_margin_m);
        there.then_some(track.existence * probability)
    }
}
