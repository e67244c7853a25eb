//! Red-light running: a motor vehicle passes its stop line while its signal is red.
//!
//! What counts is the moment when the vehicle's front passes the line; it is an event once the whole vehicle follows and
//! its centre is past the line, before the signal changes. Who stops with the front wheels over the line is none, and who
//! passes at yellow is none even if red comes while the vehicle is on the line. Where the turns of a lane have signals of
//! their own, it waits until the vehicle's turn is clear. A signal that is not known is not red.

use std::collections::BTreeMap;
use std::time::Duration;

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
    /// The whole vehicle followed while it was red: only its way is not clear yet.
    followed: bool,
    /// Signal red since, seconds, once it is sure.
    sure_s: Option<f64>,
}

#[derive(Debug)]
pub(crate) struct RedLight {
    config: RedLightConfig,
    /// The lane on which each vehicle's front was still before the line, and when last, by [`Memory::key`].
    ///
    /// [`Memory::key`]: crate::memory::Memory::key
    before_line: BTreeMap<u64, (String, Timestamp)>,
    passing: BTreeMap<u64, Passing>,
}

/// Who was not watched for longer passed nobody knows when.
const MAX_UNWATCHED: Duration = Duration::from_millis(500);

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
        let key = seen.memory.key;
        if let Some(place) = on_approach.filter(|place| seen.facts.front_to_end_m(place) > 0.0) {
            // A front that is before the line again, or seems to be, did not pass.
            self.drop_unsure(key, &place.lane.id);
            let entry = self.before_line.entry(key).or_insert_with(|| (String::new(), scene.at));
            if entry.0 != place.lane.id {
                entry.0.clone_from(&place.lane.id);
            }
            entry.1 = scene.at;
            return;
        }
        let Some((lane_id, seen_at)) = self.before_line.remove(&key) else { return };
        let watched = scene.at.duration_since(seen_at) <= MAX_UNWATCHED;
        let beyond = on_approach.is_some_and(|place| place.lane.id == lane_id) || seen.facts.in_junction;
        let Some(lane) = scene.map.lane(&lane_id).filter(|_| watched && beyond) else { return };
        let (red, all_red) = self.red_groups(scene, lane);
        if red.is_empty() {
            self.drop_unsure(key, &lane_id);
        } else {
            let passing = Passing { at: scene.at, lane_id, red, all_red, followed: false, sure_s: None };
            self.passing.insert(key, passing);
        }
    }

    fn drop_unsure(&mut self, key: u64, lane_id: &str) {
        if self.passing.get(&key).is_some_and(|passing| passing.sure_s.is_none() && passing.lane_id == lane_id) {
            self.passing.remove(&key);
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

    /// Takes note of how far it came and what it still offends against; `false` when that is nothing any more.
    fn go_on(&self, scene: &Scene<'_>, seen: &Seen<'_>, passing: &mut Passing) -> bool {
        if passing.sure_s.is_some() {
            return true;
        }
        if !passing.followed {
            // Who waits with the front over the line and drives off at green offends not.
            let before = passing.red.len();
            let is_red = |group| scene.context.signal(group).is_some_and(|state| state.light == Light::Red);
            passing.red.retain(|(group, _)| is_red(*group));
            passing.all_red &= passing.red.len() == before;
        }
        let Some(lane) = scene.map.lane(&passing.lane_id).filter(|_| !passing.red.is_empty()) else { return false };
        let Some((end_m, along)) = end_of(lane) else { return false };
        let ahead_m = (seen.position_m() - end_m).dot(along);
        let doubt_m = 2.0 * seen.facts.position_sd_m(along).min(2.0);
        if ahead_m >= self.config.past_line_m + doubt_m && seen.facts.speed_mps >= self.config.min_speed_mps {
            passing.followed = true;
            passing.sure_s = self.decide(lane, seen, passing, ahead_m);
        }
        true
    }

    /// Since when the signal was red for the way that the vehicle took, once that is sure.
    fn decide(&self, lane: &Lane, seen: &Seen<'_>, passing: &Passing, ahead_m: f64) -> Option<f64> {
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
        let at = scene.at;
        self.before_line.retain(|_, (_, seen_at)| at.duration_since(*seen_at) <= MAX_UNWATCHED);
        self.passing.retain(|_, passing| at.duration_since(passing.at) <= self.config.max_duration);
        for seen in scene.seen.iter().filter(|seen| seen.is_motor()) {
            self.follow(scene, seen);
        }
        let mut passing = std::mem::take(&mut self.passing);
        for seen in &scene.seen {
            let Some(passed) = passing.get_mut(&seen.memory.key) else { continue };
            if !self.go_on(scene, seen, passed) {
                passing.remove(&seen.memory.key);
                continue;
            }
            if let Some(red_s) = passed.sure_s {
                let confidence = seen.facts.track.existence * seen.memory.group_probability();
                let measure = Measure::new(Quantity::RedTime, red_s, self.config.red_grace.as_secs_f64());
                found.push(Finding::one(seen, Strength::Full, confidence, measure));
            }
        }
        self.passing = passing;
    }

    fn clear(&mut self) {
        self.before_line.clear();
        self.passing.clear();
    }
}

/// The end of a lane and the unit vector along it there.
fn end_of(lane: &Lane) -> Option<(Vector2, Vector2)> {
    let mut back = lane.points_m.iter().rev();
    let end_m = *back.next()?;
    let before_m = back.find(|point| (end_m - **point).norm() > 0.01)?;
    Some((end_m, Vector2::from_angle((end_m - *before_m).angle_rad())))
}
