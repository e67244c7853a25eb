//! The tracker: frames in any order, tracks in the order of measurement.
//!
//! Sensors differ in latency by 100 ms and more, so frames arrive out of order as a matter of course. The tracker keeps
//! the frames of the last half second, sorted by the time they were measured, and snapshots of its state in between. A
//! frame that comes is put into its place; when the tracks are asked for, the tracker goes back to the snapshot before
//! the first new frame and runs the frames since then. So late frames that came together cost one going back, and a
//! flood costs no more than its frames.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rsu_units::Timestamp;
use site_map::SiteMap;

use crate::journal::Entry;
use crate::participant::Observer;
use crate::parts::Parts;
use crate::registration::Registration;
use crate::set::{Identities, ParticipantSet, Run, Workspace};
use crate::types::{Detection, SensorFrame, SensorId, SensorModel, Track, TrackId, V2xId};

/// Settings of the tracker.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackerConfig {
    /// The sensors; a sensor's index here is its [`SensorId`].
    pub sensors: Vec<SensorModel>,
    /// A frame that is older than the newest by more than this comes too late.
    pub reorder_window: Duration,
    /// More participants than this are not held; protects against a sensor gone mad.
    pub max_participants: usize,
    /// The roads: lead those who are out of sight.
    pub map: Option<Arc<SiteMap>>,
    /// What parts of the method are used.
    pub parts: Parts,
    /// Whether the lives of tracks are written down; see [`Tracker::drain_journal`].
    pub journal: bool,
}

impl TrackerConfig {
    /// The usual settings for some sensors: frames up to half a second late, at most 2,000 participants, no map.
    #[must_use]
    pub fn new(sensors: Vec<SensorModel>) -> Self {
        Self {
            sensors,
            reorder_window: Duration::from_millis(500),
            max_participants: 2000,
            map: None,
            parts: Parts::default(),
            journal: false,
        }
    }
}

/// Why a frame was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// Its sensor is not in the configuration.
    UnknownSensor,
    /// It is older than the reorder window.
    TooLate,
    /// The same sensor and time were there before.
    Repeated,
}

/// How a frame was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It was the newest.
    InOrder,
    /// It was put into its place before so many later frames, which will be run again.
    Reordered {
        /// Frames behind its place.
        later: usize,
    },
}

/// How far apart snapshots are.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(40);
/// At most so many frames between two snapshots.
const FRAMES_PER_SNAPSHOT: usize = 256;
/// More frames than this are not kept, however long the window: the oldest go first.
const MAX_FRAMES: usize = 4096;
/// More sets than this are not kept for their memory.
const MAX_SPARE: usize = 32;

#[derive(Debug, Clone)]
struct Step {
    frame: SensorFrame,
    /// The state before the frame, at some of the steps that have been run.
    before: Option<ParticipantSet>,
    /// What it did to tracks, where that is written down.
    entries: Vec<Entry>,
}

/// What puts frames in order: the time, the sensor, and who reports, because two vehicles may report at once.
type Key = (Timestamp, SensorId, Option<V2xId>);

fn key(frame: &SensorFrame) -> Key {
    let who = frame.detections.first().and_then(|detection| detection.v2x_id);
    (frame.measured_at, frame.sensor, who)
}

/// The tracker. See the module.
#[derive(Debug, Clone)]
pub struct Tracker {
    config: TrackerConfig,
    /// The state after the first `run` steps.
    set: ParticipantSet,
    steps: VecDeque<Step>,
    run: usize,
    last_snapshot_at: Option<Timestamp>,
    since_snapshot: usize,
    /// The last frame that can no longer be run again.
    forgotten_until: Option<Key>,
    births: Births,
    work: Workspace,
    /// Sets that are not used, for their memory.
    spare: Vec<ParticipantSet>,
    /// What can no longer change, oldest first.
    entries: Vec<Entry>,
}

/// Identities of births, and those of the births that could be run again.
#[derive(Debug, Clone, Default)]
struct Births {
    last_id: u64,
    recent: BTreeMap<(Key, usize), TrackId>,
}

impl Identities for Births {
    fn identity(&mut self, frame: &SensorFrame, detection: usize) -> TrackId {
        *self.recent.entry((key(frame), detection)).or_insert_with(|| {
            self.last_id += 1;
            TrackId(self.last_id)
        })
    }

    fn older(&self, frame: &SensorFrame, detection: usize, own: TrackId) -> TrackId {
        self.recent.get(&(key(frame), detection)).map_or(own, |given| own.min(*given))
    }
}

/// Any order that depends on nothing but what was measured, and on all of it.
fn order(a: &Detection, b: &Detection) -> std::cmp::Ordering {
    // Places are hardly ever the same, so the rest is hardly ever looked at.
    a.position_m
        .x
        .total_cmp(&b.position_m.x)
        .then_with(|| a.position_m.y.total_cmp(&b.position_m.y))
        .then_with(|| rest(a).cmp(&rest(b)))
}

/// All that a detection has beside its place, so that it can be compared.
fn rest(detection: &Detection) -> impl Ord + use<> {
    fn bits<const N: usize>(values: [f64; N]) -> [u64; N] {
        values.map(f64::to_bits)
    }
    let Detection { covariance_m2: c, velocity, speed, radial, heading, extent_m, .. } = detection;
    (
        (detection.object_id, detection.v2x_id, detection.class),
        bits([c.xx, c.xy, c.yy, detection.confidence]),
        velocity.map(|v| bits([v.mps.x, v.mps.y, v.along_sd_mps, v.across_sd_mps])),
        speed.map(|s| bits([s.mps, s.sd_mps])),
        radial.map(|r| bits([r.speed_mps, r.sd_mps])),
        heading.map(|h| bits([h.rad, h.sd_rad])),
        extent_m.map(|(length_m, width_m)| bits([length_m, width_m])),
    )
}

impl Tracker {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new(config: TrackerConfig) -> Self {
        let mut work = Workspace::default();
        work.journal.wanted = config.journal;
        Self {
            set: ParticipantSet::new(&config.sensors),
            config,
            steps: VecDeque::new(),
            run: 0,
            last_snapshot_at: None,
            since_snapshot: 0,
            forgotten_until: None,
            births: Births::default(),
            work,
            spare: Vec::new(),
            entries: Vec::new(),
        }
    }

    /// Forgets everything but which identities were given: for when time itself was wrong.
    pub fn clear(&mut self) {
        self.set = ParticipantSet::new(&self.config.sensors);
        self.steps.clear();
        self.run = 0;
        self.last_snapshot_at = None;
        self.births.recent.clear();
        self.forgotten_until = None;
        self.work.forget_places();
    }

    /// Takes a frame into account at the time it was measured.
    ///
    /// # Errors
    /// [`FrameError`]; the tracker is then as it was.
    pub fn accept(&mut self, mut frame: SensorFrame) -> Result<Accepted, FrameError> {
        if self.config.sensors.get(frame.sensor.index()).is_none() {
            return Err(FrameError::UnknownSensor);
        }
        let newest = self.steps.back().map_or(frame.measured_at, |step| step.frame.measured_at);
        if !self.config.parts.reordering {
            frame.measured_at = frame.measured_at.max(newest);
        }
        // The order within a frame means nothing, so it must change nothing.
        frame.detections.sort_unstable_by(order);
        let key_of_frame = key(&frame);
        let place = self.steps.partition_point(|step| key(&step.frame) < key_of_frame);
        // In front of what has been forgotten there is nothing to go back to.
        let too_old = newest.duration_since(frame.measured_at) > self.config.reorder_window;
        if too_old || self.forgotten_until.is_some_and(|last| key_of_frame <= last) {
            return Err(FrameError::TooLate);
        }
        if self.steps.get(place).is_some_and(|step| key(&step.frame) == key_of_frame) {
            return Err(FrameError::Repeated);
        }
        let later = self.steps.len() - place;
        if place < self.run {
            self.go_back(place);
        }
        self.steps.insert(place, Step { frame, before: None, entries: Vec::new() });
        if self.steps.len() > MAX_FRAMES {
            self.catch_up();
        }
        Ok(if later == 0 { Accepted::InOrder } else { Accepted::Reordered { later } })
    }

    /// Goes back to the last snapshot at or before a step that has been run.
    fn go_back(&mut self, place: usize) {
        let has_snapshot = |index: &usize| self.steps.get(*index).is_some_and(|step| step.before.is_some());
        let start = (0..=place).rev().find(has_snapshot).unwrap_or(0);
        if let Some(before) = self.steps.get_mut(start).and_then(|step| step.before.take()) {
            self.spare.push(std::mem::replace(&mut self.set, before));
        }
        self.work.forget_places();
        for step in self.steps.range_mut(start..self.run) {
            self.spare.extend(step.before.take());
            step.entries.clear();
        }
        self.run = start;
        let earlier = self.steps.range(..start).rposition(|step| step.before.is_some());
        self.since_snapshot = start - earlier.unwrap_or(start);
        self.last_snapshot_at = earlier.and_then(|index| self.steps.get(index)).map(|step| step.frame.measured_at);
    }

    /// Runs the steps that have not been run.
    fn catch_up(&mut self) {
        while let Some(step) = self.steps.get_mut(self.run) {
            let at = step.frame.measured_at;
            let due = self.last_snapshot_at.is_none_or(|last| at.duration_since(last) >= SNAPSHOT_EVERY);
            self.since_snapshot += 1;
            if due || self.run == 0 || self.since_snapshot >= FRAMES_PER_SNAPSHOT {
                let mut before = self.spare.pop().unwrap_or_default();
                before.clone_from(&self.set);
                step.before = Some(before);
                self.last_snapshot_at = Some(at);
                self.since_snapshot = 0;
            }
            if let Some(model) = self.config.sensors.get(step.frame.sensor.index()) {
                self.set.apply(Run {
                    frame: &step.frame,
                    by: Observer { sensor: step.frame.sensor, model, parts: &self.config.parts },
                    map: self.config.map.as_deref(),
                    work: &mut self.work,
                    identities: &mut self.births,
                });
                step.entries.append(&mut self.work.journal.entries);
            }
            if self.set.participants.len() > self.config.max_participants {
                self.set.keep_strongest(self.config.max_participants);
                self.work.forget_places();
            }
            self.run += 1;
        }
        self.forget();
    }

    /// Drops what can no longer be asked for. The first step that is kept has a snapshot. All steps have been run.
    fn forget(&mut self) {
        let Some(newest) = self.steps.back().map(|step| step.frame.measured_at) else { return };
        let keep_from = newest - self.config.reorder_window;
        let too_old = self.steps.partition_point(|step| step.frame.measured_at < keep_from);
        let has_snapshot = |index: &usize| self.steps.get(*index).is_some_and(|step| step.before.is_some());
        let useless = (0..=too_old).rev().find(has_snapshot).unwrap_or(0);
        let too_many = self.steps.len().saturating_sub(MAX_FRAMES / 2);
        let drop = if self.steps.len() > MAX_FRAMES {
            (useless.max(too_many)..self.steps.len()).find(has_snapshot).unwrap_or(useless)
        } else {
            useless
        };
        for mut step in self.steps.drain(..drop) {
            self.forgotten_until = Some(key(&step.frame));
            self.spare.extend(step.before.take());
            self.entries.append(&mut step.entries);
        }
        self.spare.truncate(MAX_SPARE);
        self.run = self.steps.len();
        if let Some(oldest) = self.steps.front().map(|step| key(&step.frame)) {
            while self.births.recent.first_key_value().is_some_and(|((birth, _), _)| *birth < oldest) {
                self.births.recent.pop_first();
            }
        }
    }

    /// The confirmed participants as they are at `at`, by identity: those that are likely to exist and whose place is known
    /// to a few metres. Who is neither now is not among them, and may come back under the same identity.
    pub fn tracks_at(&mut self, at: Timestamp, tracks: &mut Vec<Track>) {
        self.catch_up();
        tracks.clear();
        let shown = self.set.participants.iter().filter(|p| p.is_shown(at));
        tracks.extend(shown.map(|participant| participant.track(at)));
        tracks.sort_unstable_by_key(|track| track.id);
    }

    /// The estimated errors of each sensor, by its index in the configuration.
    #[must_use]
    pub fn registrations(&self) -> &[Registration] {
        &self.set.registrations
    }

    /// Takes what is known of the lives of tracks and can no longer change, oldest first. Nothing where the configuration
    /// does not ask for it; where it does, somebody must take it, or it piles up.
    pub fn drain_journal(&mut self, entries: &mut Vec<Entry>) {
        entries.append(&mut self.entries);
    }

    /// As [`drain_journal`](Self::drain_journal), and what could still change: for the end.
    pub fn finish_journal(&mut self, entries: &mut Vec<Entry>) {
        self.catch_up();
        entries.append(&mut self.entries);
        for step in &mut self.steps {
            entries.append(&mut step.entries);
        }
    }

    /// Number of frames that are kept to be run again; bounded.
    #[must_use]
    pub fn frames_kept(&self) -> usize {
        self.steps.len()
    }

    /// Number of participants held, unconfirmed ones included, when the tracks were last asked for.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.set.participants.len()
    }
}
