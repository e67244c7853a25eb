//! Red-light running: a motor vehicle passes its stop line while its signal is red.
//!
//! What counts is the moment when the vehicle's front passes the line; it is an event once the whole vehicle follows and
//! its centre is past the line. Who stops with the front wheels over the line is none, and who passes at yellow is none
//! even if red comes while the vehicle is on the line. Where the turns of a lane have signals of their own, it waits
//! until the vehicle's turn is clear. A signal that is not known is not red.

use std::collections::BTreeMap;
use std::time::Duration;

use fusion::TrackId;
use rsu_units::angle::wrap_rad;
use rsu_units::{Timestamp, Vector2};
use site_map::{Lane, Turn};

use crate::Timing;
use crate::context::Light;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RedLightConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; being past the line for `start_after` is an event. It lasts while the vehicle is in sight, at most
    /// [`max_duration`](Self::max_duration).
    pub timing: Timing,
    /// The signal must be red for so long when the front passes: clocks of signal and sensors differ.
    pub red_grace: Duration,
    /// Slower than this is creeping over the line, metres per second.
    pub min_speed_mps: f64,
    /// The centre must be past the line by so much, metres, beside twice the uncertainty of the position: trackers
    /// overshoot when a vehicle brakes.
    pub past_line_m: f64,
    /// Where the turns have signals of their own: a heading that changed by more than this shows the turn, radians.
    pub turned_rad: f64,
    /// And going straight on is shown by so much of the way across the junction, 0 to 1.
    pub straight_share: f64,
    /// The event lasts so long at most.
    pub max_duration: Duration,
}

impl Default for RedLightConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing::new(300, 500, 1500),
            red_grace: Duration::from_millis(500),
            min_speed_mps: 2.0,
            past_line_m: 1.5,
            turned_rad: 0.5,
            straight_share: 0.6,
            max_duration: Duration::from_secs(5),
        }
    }
}

/// Somebody whose front passed a stop line while at least one signal of the lane was red.
#[derive(Debug, Clone)]
struct Passing {
    at: Timestamp,
    lane_id: String,
    /// Groups of the lane that were red then, each with how long, seconds.
    red: Vec<(u32, f64)>,
    /// Red for every way that the lane leads.
    all_red: bool,
    /// Signal red since, seconds, once it is sure.
    sure_s: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct RedLight {
    config: RedLightConfig,
    /// The lane on which each vehicle's front was still before the line at the last look.
    before_line: BTreeMap<TrackId, (String, Timestamp)>,
    passing: BTreeMap<TrackId, Passing>,
}

impl RedLight {
    pub(crate) fn new(config: RedLightConfig) -> Self {
        Self { config, before_line: BTreeMap::new(), passing: BTreeMap::new() }
    }

    /// Notes who is before a line, and who just passed one.
    fn follow(&mut self, scene: &Scene<'_>, seen: &Seen<'_>) {
        let on_approach = seen.facts.lane.filter(|place| {
            place.lane.stop_line
                && !place.lane.connections.is_empty()
                && seen.facts.off_rad(place.direction_rad).is_none_or(|off_rad| off_rad < 1.0)
        });
        if let Some(place) = on_approach.filter(|place| seen.facts.front_to_end_m(place) > 0.0) {
            let entry = self.before_line.entry(seen.id()).or_insert_with(|| (String::new(), scene.at));
            if entry.0 != place.lane.id {
                entry.0.clone_from(&place.lane.id);
            }
            entry.1 = scene.at;
            return;
        }
        let Some((lane_id, seen_at)) = self.before_line.remove(&seen.id()) else { return };
        // Who was not watched for a while passed nobody knows when.
        let watched = scene.at.duration_since(seen_at) <= Duration::from_millis(500);
        let beyond = on_approach.is_some_and(|place| place.lane.id == lane_id) || seen.facts.in_junction;
        let Some(lane) = scene.map.lane(&lane_id).filter(|_| watched && beyond) else { return };
        let (red, all_red) = self.red_groups(scene, lane);
        if !red.is_empty() {
            self.passing.insert(seen.id(), Passing { at: scene.at, lane_id, red, all_red, sure_s: None });
        }
    }

    fn red_groups(&self, scene: &Scene<'_>, lane: &Lane) -> (Vec<(u32, f64)>, bool) {
        let mut red = Vec::new();
        let mut all_red = true;
        for connection in &lane.connections {
            let state = connection.signal_group.and_then(|group| scene.context.signal(group));
            let red_for = state
                .filter(|state| state.light == Light::Red)
                .map(|state| scene.at.duration_since(state.since))
                .filter(|red_for| *red_for >= self.config.red_grace);
            match (state, red_for) {
                (Some(state), Some(red_for)) => red.push((state.group, red_for.as_secs_f64())),
                _ => all_red = false,
            }
        }
        (red, all_red)
    }

    /// Since when the signal was red for the way that the vehicle took, once that is sure.
    fn decide(&self, scene: &Scene<'_>, seen: &Seen<'_>, passing: &Passing) -> Option<f64> {
        if let Some(sure_s) = passing.sure_s {
            return Some(sure_s);
        }
        let lane = scene.map.lane(&passing.lane_id)?;
        let along = Vector2::from_angle(seen.memory.lane.as_ref().map_or(0.0, |held| held.direction_rad));
        let ahead_m = lane.points_m.last().map_or(0.0, |end| (seen.position_m() - *end).dot(along));
        let doubt_m = 2.0 * seen.facts.position_sd_m(along).min(2.0);
        if ahead_m < self.config.past_line_m + doubt_m || seen.facts.speed_mps < self.config.min_speed_mps {
            return None;
        }
        if passing.all_red {
            return passing.red.first().map(|(_, red_s)| *red_s);
        }
        let group = self.group_of_way(lane, seen, ahead_m)?;
        passing.red.iter().find(|(red, _)| *red == group).map(|(_, red_s)| *red_s)
    }

    /// The signal of the way that the vehicle took, once its heading, or how far it went without turning, shows it.
    /// Drivers cut corners, so being on the map's line of a turn shows nothing. `None` also where it stays open.
    fn group_of_way(&self, lane: &Lane, seen: &Seen<'_>, ahead_m: f64) -> Option<u32> {
        let held = seen.memory.lane.as_ref().filter(|held| held.id == lane.id);
        let turned_rad = wrap_rad(seen.facts.direction_rad? - held?.direction_rad);
        let turned = if turned_rad.abs() > self.config.turned_rad {
            if turned_rad > 0.0 { [Turn::Left, Turn::UTurn] } else { [Turn::Right; 2] }
        } else {
            let on = lane.connections.iter().find(|connection| connection.turn == Turn::Straight)?;
            let ends = on.points_m.first().zip(on.points_m.last());
            let across_m = ends.map_or(20.0, |(start, end)| (*end - *start).norm());
            if ahead_m < self.config.straight_share * across_m {
                return None;
            }
            [Turn::Straight; 2]
        };
        let mut groups = lane.connections.iter().filter(|c| turned.contains(&c.turn)).map(|c| c.signal_group);
        let group = groups.next()?;
        groups.all(|other| other == group).then_some(group).flatten()
    }
}

impl Detector for RedLight {
    fn kind(&self) -> EventKind {
        EventKind::RedLightRunning
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        if scene.context.signals.is_empty() {
            self.clear();
            return;
        }
        self.before_line.retain(|id, _| scene.find(*id).is_some());
        for seen in scene.seen.iter().filter(|seen| seen.is_motor()) {
            self.follow(scene, seen);
        }
        let mut passing = std::mem::take(&mut self.passing);
        passing.retain(|id, passing| {
            let over = scene.at.duration_since(passing.at) > self.config.max_duration;
            let Some(seen) = scene.find(*id).filter(|_| !over) else { return false };
            passing.sure_s = self.decide(scene, seen, passing);
            if let Some(red_s) = passing.sure_s {
                let confidence = seen.facts.track.existence * seen.memory.group_probability();
                let measure = Measure::new(Quantity::RedTime, red_s, self.config.red_grace.as_secs_f64());
                found.push(Finding::one(seen, Strength::Full, confidence, measure));
            }
            true
        });
        self.passing = passing;
    }

    fn clear(&mut self) {
        self.before_line.clear();
        self.passing.clear();
    }
}
