//! The tracker: frames in any order, tracks in the order of measurement.
//!
//! Sensors differ in latency by 100 ms and more, so frames arrive out of order as a matter of course. The tracker keeps
//! the frames of the last half second and snapshots of its state in between. A frame that was measured before the newest
//! one is put into its place: the tracker goes back to the snapshot before it and runs the frames since then again.

use std::collections::VecDeque;
use std::time::Duration;

use rsu_units::Timestamp;

use crate::set::{Identities, ParticipantSet, Workspace};
use crate::types::{SensorFrame, SensorId, SensorModel, Track, TrackId};

/// Settings of the tracker.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackerConfig {
    /// The sensors; a sensor's index here is its [`SensorId`].
    pub sensors: Vec<SensorModel>,
    /// A frame that is older than the newest by more than this comes too late.
    pub reorder_window: Duration,
    /// More participants than this are not held; protects against a sensor gone mad.
    pub max_participants: usize,
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
    /// It was put into its place, and so many later frames were run again.
    Reordered {
        /// Frames that were run again.
        rerun: usize,
    },
}

/// How far apart snapshots are.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(40);
/// More frames than this are not kept, however long the window: the oldest go first.
const MAX_FRAMES: usize = 4096;

#[derive(Debug, Clone)]
struct Step {
    frame: SensorFrame,
    /// The state before the frame, at some of the steps.
    before: Option<ParticipantSet>,
}

/// The tracker. See the module.
#[derive(Debug, Clone)]
pub struct Tracker {
    config: TrackerConfig,
    set: ParticipantSet,
    steps: VecDeque<Step>,
    last_snapshot_at: Option<Timestamp>,
    births: Births,
    work: Workspace,
}

#[derive(Debug, Clone, Default)]
struct Births {
    last_id: u64,
    /// Identities of the births that could be run again, oldest first.
    recent: VecDeque<Birth>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Birth {
    at: Timestamp,
    sensor: SensorId,
    detection: usize,
    id: TrackId,
}

impl Identities for Births {
    fn identity(&mut self, frame: &SensorFrame, detection: usize) -> TrackId {
        let known = self.recent.iter().find(|birth| {
            birth.at == frame.measured_at && birth.sensor == frame.sensor && birth.detection == detection
        });
        if let Some(birth) = known {
            return birth.id;
        }
        self.last_id += 1;
        let id = TrackId(self.last_id);
        self.recent.push_back(Birth { at: frame.measured_at, sensor: frame.sensor, detection, id });
        id
    }
}

impl Tracker {
    /// A tracker that has seen nothing.
    #[must_use]
    pub fn new(config: TrackerConfig) -> Self {
        Self {
            config,
            set: ParticipantSet::default(),
            steps: VecDeque::new(),
            last_snapshot_at: None,
            births: Births::default(),
            work: Workspace::default(),
        }
    }

    /// Forgets everything but which identities were given: for when time itself was wrong.
    pub fn clear(&mut self) {
        self.set = ParticipantSet::default();
        self.steps.clear();
        self.last_snapshot_at = None;
        self.births.recent.clear();
    }

    /// Takes a frame into account at the time it was measured.
    ///
    /// # Errors
    /// [`FrameError`]; the tracker is then as it was.
    pub fn accept(&mut self, frame: SensorFrame) -> Result<Accepted, FrameError> {
        if self.config.sensors.get(frame.sensor.index()).is_none() {
            return Err(FrameError::UnknownSensor);
        }
        let key = |frame: &SensorFrame| (frame.measured_at, frame.sensor);
        if let Some(newest) = self.steps.back().map(|step| step.frame.measured_at)
            && newest.duration_since(frame.measured_at) > self.config.reorder_window
        {
            return Err(FrameError::TooLate);
        }
        let place = self.steps.partition_point(|step| key(&step.frame) < key(&frame));
        let repeated = |step: &Step| {
            // Two vehicles may report at the same microsecond, so V2X frames are told apart by who reports.
            let who = |frame: &SensorFrame| frame.detections.first().and_then(|detection| detection.v2x_id);
            key(&step.frame) == key(&frame) && who(&step.frame) == who(&frame)
        };
        if self.steps.range(place..).take_while(|step| key(&step.frame) == key(&frame)).any(repeated) {
            return Err(FrameError::Repeated);
        }
        if place == self.steps.len() {
            self.run(frame);
            self.forget();
            return Ok(Accepted::InOrder);
        }
        // Equal keys keep a fixed order too, so that the order of arrival leaves no trace.
        let who = |frame: &SensorFrame| frame.detections.first().and_then(|detection| detection.v2x_id);
        let place = place
            + self
                .steps
                .range(place..)
                .take_while(|step| key(&step.frame) == key(&frame) && who(&step.frame) < who(&frame))
                .count();
        Ok(self.put_into_place(frame, place))
    }

    fn put_into_place(&mut self, frame: SensorFrame, place: usize) -> Accepted {
        if place == self.steps.len() {
            self.run(frame);
            self.forget();
            return Accepted::InOrder;
        }
        // The first step kept always has a snapshot; what came before it is gone, so nothing goes in front of it.
        let snapshot = (0..=place).rev().find(|index| self.steps.get(*index).is_some_and(|step| step.before.is_some()));
        let start = snapshot.unwrap_or(0);
        if let Some(before) = self.steps.get(start).and_then(|step| step.before.clone()) {
            self.set = before;
        }
        let later: Vec<SensorFrame> = self.steps.drain(start..).map(|step| step.frame).collect();
        let rerun = later.len();
        self.last_snapshot_at = self.steps.iter().rev().find(|s| s.before.is_some()).map(|s| s.frame.measured_at);
        let mut frame = Some(frame);
        for (index, step) in later.into_iter().enumerate() {
            if start + index == place
                && let Some(frame) = frame.take()
            {
                self.run(frame);
            }
            self.run(step);
        }
        self.forget();
        Accepted::Reordered { rerun }
    }

    /// Runs a frame as the newest.
    fn run(&mut self, frame: SensorFrame) {
        let at = frame.measured_at;
        let due = self.last_snapshot_at.is_none_or(|last| at.duration_since(last) >= SNAPSHOT_EVERY);
        let before = (due || self.steps.is_empty()).then(|| self.set.clone());
        if before.is_some() {
            self.last_snapshot_at = Some(at);
        }
        if let Some(model) = self.config.sensors.get(frame.sensor.index()) {
            self.set.apply(&frame, model, &mut self.work, &mut self.births);
        }
        self.set.keep_strongest(self.config.max_participants);
        self.steps.push_back(Step { frame, before });
    }

    /// Drops what can no longer be asked for. The first step that is kept has a snapshot.
    fn forget(&mut self) {
        let Some(newest) = self.steps.back().map(|step| step.frame.measured_at) else { return };
        let keep_from = newest - self.config.reorder_window;
        let too_old = self.steps.partition_point(|step| step.frame.measured_at < keep_from);
        let too_many = self.steps.len().saturating_sub(MAX_FRAMES);
        let last_useful = (0..=too_old).rev().find(|index| self.steps.get(*index).is_some_and(|s| s.before.is_some()));
        let mut drop = last_useful.unwrap_or(0).max(too_many);
        while drop < self.steps.len() && self.steps.get(drop).is_some_and(|step| step.before.is_none()) {
            drop += 1;
        }
        if drop < self.steps.len() {
            self.steps.drain(..drop);
        }
        let oldest = self.steps.front().map_or(newest, |step| step.frame.measured_at);
        while self.births.recent.front().is_some_and(|birth| birth.at < oldest) {
            self.births.recent.pop_front();
        }
    }

    /// The confirmed participants as they are at `at`, by identity. A participant that has not been seen for longer than
    /// its class is waited for is not among them.
    pub fn tracks_at(&self, at: Timestamp, tracks: &mut Vec<Track>) {
        tracks.clear();
        let shown = self.set.participants.iter().filter(|p| p.confirmed && !p.is_over(at));
        tracks.extend(shown.map(|participant| participant.track(at)));
        tracks.sort_unstable_by_key(|track| track.id);
    }

    /// Number of participants held, unconfirmed ones included.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.set.participants.len()
    }
}
