//! Pedestrian on the carriageway (405): a person on foot is on a vehicle lane or inside of a junction, off the crosswalks,
//! or on a crosswalk that they entered against a signal known to be red.
//!
//! People wait at the kerb and cut corners, and cyclists are taken for pedestrians; so the person must be clearly inside
//! of the carriageway, and must not have been faster than people run.

use std::time::Duration;

use rsu_units::Vector2;
use site_map::{LaneKind, SiteMap};

use crate::Timing;
use crate::context::Light;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PedestrianConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; being there for `start_after` is an event.
    pub timing: Timing,
    /// The class, averaged over a second, must be at least so sure, 0 to 1.
    pub min_class_probability: f64,
    /// How far within the carriageway's edge the pedestrian must be, metres; for an event to go on half as much.
    pub edge_margin_m: f64,
    /// How far from a crosswalk the pedestrian must be, metres.
    pub crosswalk_margin_m: f64,
    /// People who are so near to each other are one event, metres.
    pub group_distance_m: f64,
    /// Stepping on a crosswalk counts once its signal is red for so long.
    pub red_grace: Duration,
}

impl Default for PedestrianConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing::new(500, 1000, 2000),
            min_class_probability: 0.6,
            edge_margin_m: 0.4,
            crosswalk_margin_m: 2.5,
            group_distance_m: 2.5,
            red_grace: Duration::from_secs(2),
        }
    }
}

#[derive(Debug)]
pub(crate) struct PedestrianOnCarriageway {
    config: PedestrianConfig,
    /// Who stepped on a crosswalk at red and is still on it, sorted.
    at_red: Vec<fusion::TrackId>,
    /// Who is on a crosswalk, sorted.
    crossing: Vec<fusion::TrackId>,
}

impl PedestrianOnCarriageway {
    pub(crate) fn new(config: PedestrianConfig) -> Self {
        Self { config, at_red: Vec::new(), crossing: Vec::new() }
    }

    fn off_crosswalk(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<Strength> {
        let point_m = seen.position_m();
        if scene.map.on_crosswalk(point_m, self.config.crosswalk_margin_m) {
            return None;
        }
        let margin_m = self.config.edge_margin_m;
        if deep_inside(scene.map, point_m, margin_m) {
            return Some(Strength::Full);
        }
        deep_inside(scene.map, point_m, margin_m / 2.0).then_some(Strength::Weak)
    }

    /// Keeps the lists of who is on a crosswalk, and tells whether this one entered it at red.
    fn entered_at_red(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> bool {
        let id = seen.id();
        let place = scene.map.lanes_at(LaneKind::Crosswalk, seen.position_m(), -0.3).next();
        let was_in = self.crossing.binary_search(&id);
        let at_red = self.at_red.binary_search(&id);
        let Some(place) = place else {
            if let Ok(index) = was_in {
                self.crossing.remove(index);
            }
            if let Ok(index) = at_red {
                self.at_red.remove(index);
            }
            return false;
        };
        let Err(index) = was_in else { return at_red.is_ok() };
        self.crossing.insert(index, id);
        // Who appears in the middle did not enter now; nobody knows at what light they did.
        let at_edge = place.along_m.min(place.to_end_m) < 3.0;
        let red = place.lane.connections.iter().find_map(|connection| connection.signal_group).is_some_and(|group| {
            scene.context.signal(group).is_some_and(|state| {
                state.light == Light::Red && scene.at.duration_since(state.since) >= self.config.red_grace
            })
        });
        if let (true, Err(index)) = (red && at_edge, at_red) {
            self.at_red.insert(index, id);
        }
        red && at_edge
    }
}

/// Whether a point and those around it at a distance are all on the carriageway.
fn deep_inside(map: &SiteMap, point_m: Vector2, depth_m: f64) -> bool {
    let around = [(depth_m, 0.0), (-depth_m, 0.0), (0.0, depth_m), (0.0, -depth_m)];
    map.on_carriageway(point_m, 0.0)
        && around.into_iter().all(|(x, y)| map.on_carriageway(point_m + Vector2::new(x, y), 0.0))
}

impl Detector for PedestrianOnCarriageway {
    fn kind(&self) -> EventKind {
        EventKind::PedestrianOnCarriageway
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn merge_distance_m(&self) -> f64 {
        self.config.group_distance_m
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        self.crossing.retain(|id| scene.find(*id).is_some());
        self.at_red.retain(|id| scene.find(*id).is_some());
        for seen in &scene.seen {
            let probability = seen.memory.pedestrian_probability(scene.at);
            if probability < self.config.min_class_probability / 2.0 {
                continue;
            }
            let at_red = self.entered_at_red(scene, seen);
            let strength = if at_red { Some(Strength::Full) } else { self.off_crosswalk(scene, seen) };
            let Some(strength) = strength else { continue };
            // A class that wobbles does not end what runs.
            let strength = if probability < self.config.min_class_probability { Strength::Weak } else { strength };
            let confidence = seen.facts.track.existence * probability;
            let measure = Measure::new(Quantity::Depth, self.config.edge_margin_m, self.config.edge_margin_m);
            found.push(Finding::one(seen, strength, confidence, measure));
        }
    }

    fn clear(&mut self) {
        self.at_red.clear();
        self.crossing.clear();
    }
}
