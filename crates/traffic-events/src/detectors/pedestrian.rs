//! Pedestrian on the carriageway (405): a person on foot is on a vehicle lane or inside of a junction, off the crosswalks,
//! or on a crosswalk that they entered against a signal known to be red.
//!
//! People wait at the kerb and cut corners, and cyclists are taken for pedestrians; so the person must be clearly inside
//! of the carriageway, and must not have been faster than people run.

use std::collections::BTreeMap;
use std::time::Duration;

use rsu_units::Timestamp;
use site_map::LaneKind;

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

/// Somebody on a crosswalk.
#[derive(Debug, Clone, Copy)]
struct Crossing {
    seen_at: Timestamp,
    /// How long the signal had been red when they stepped on it, seconds, if it was.
    red_s: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct PedestrianOnCarriageway {
    config: PedestrianConfig,
    /// By [`Memory::key`](crate::memory::Memory::key).
    crossing: BTreeMap<u64, Crossing>,
}

/// Who is on a crosswalk and not seen for longer may have left it.
const MAX_UNSEEN: Duration = Duration::from_secs(2);
/// A class that nobody who can tell has reported for longer is not sure.
const MAX_UNCONFIRMED: Duration = Duration::from_secs(1);

impl PedestrianOnCarriageway {
    pub(crate) fn new(config: PedestrianConfig) -> Self {
        Self { config, crossing: BTreeMap::new() }
    }

    fn off_crosswalk(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<(Strength, Measure)> {
        let point_m = seen.position_m();
        if scene.map.on_crosswalk(point_m, self.config.crosswalk_margin_m) {
            return None;
        }
        let margin_m = self.config.edge_margin_m;
        let depths_m = [4.0, 2.0, 1.0, 0.5].map(|times| times * margin_m);
        let depth_m = depths_m.into_iter().find(|depth_m| scene.map.on_carriageway(point_m, *depth_m))?;
        let strength = if depth_m < margin_m { Strength::Weak } else { Strength::Full };
        Some((strength, Measure::new(Quantity::Depth, depth_m, margin_m)))
    }

    /// Keeps the list of who is on a crosswalk, and tells how long it had been red when this one stepped on it.
    fn entered_at_red(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<f64> {
        let key = seen.memory.key;
        let Some(place) = scene.map.lanes_at(LaneKind::Crosswalk, seen.position_m(), -0.3).next() else {
            self.crossing.remove(&key);
            return None;
        };
        if let Some(crossing) = self.crossing.get_mut(&key) {
            crossing.seen_at = scene.at;
            return crossing.red_s;
        }
        // Who appears in the middle did not enter now; nobody knows at what light they did.
        let at_edge = place.along_m.min(place.to_end_m) < 3.0;
        let group = place.lane.connections.iter().find_map(|connection| connection.signal_group);
        let red_for = group
            .and_then(|group| scene.context.signal(group))
            .filter(|state| state.light == Light::Red)
            .map(|state| scene.at.duration_since(state.since))
            .filter(|red_for| at_edge && *red_for >= self.config.red_grace);
        let red_s = red_for.map(|red_for| red_for.as_secs_f64());
        self.crossing.insert(key, Crossing { seen_at: scene.at, red_s });
        red_s
    }
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
        self.crossing.retain(|_, crossing| scene.at.duration_since(crossing.seen_at) <= MAX_UNSEEN);
        for seen in &scene.seen {
            let probability = seen.memory.pedestrian_probability(scene.at);
            if probability < self.config.min_class_probability / 2.0 {
                continue;
            }
            let at_red = self.entered_at_red(scene, seen).map(|red_s| {
                let measure = Measure::new(Quantity::RedTime, red_s, self.config.red_grace.as_secs_f64());
                (Strength::Full, measure)
            });
            let Some((strength, measure)) = at_red.or_else(|| self.off_crosswalk(scene, seen)) else { continue };
            // A class that wobbles does not end what runs, and one that nobody has confirmed lately starts nothing: an
            // echo of a vehicle may have taken the place of somebody who is out of sight.
            let unconfirmed = scene.at.duration_since(seen.facts.track.classified_at) > MAX_UNCONFIRMED;
            let doubtful = unconfirmed || probability < self.config.min_class_probability;
            let strength = if doubtful { Strength::Weak } else { strength };
            let confidence = seen.facts.track.existence * probability;
            found.push(Finding::one(seen, strength, confidence, measure));
        }
    }

    fn clear(&mut self) {
        self.crossing.clear();
    }
}
