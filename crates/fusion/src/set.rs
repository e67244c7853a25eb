//! The set of participants, and how one frame changes it.

use rsu_units::{Timestamp, Vector2};
use site_map::SiteMap;

use crate::assignment::{Assigned, Assignment, Pair};
use crate::association::{IDENTITY_GATE_M, Sight, cost, cost_of_report, reach_m, sight};
use crate::class::Group;
use crate::grid::Grid;
use crate::journal::{Journal, What};
use crate::linear::{angle_between, length};
use crate::participant::{Observer, PATIENCE_S, Participant};
use crate::registration::Registration;
use crate::tidy::advance;
use crate::types::{Detection, SensorFrame, SensorKind, SensorModel, TrackId};
use crate::visibility::{Shade, Shadows, left_by_occlusion, probability_of_detection};

/// Probability that a first detection is of a participant, before its confidence is known.
const BIRTH: f64 = 0.25;
/// The same for a report: nobody reports who is not there.
const REPORTED_BIRTH: f64 = 0.9;
/// How much likelier a detection is where a participant is foreseen than elsewhere.
const GAIN: f64 = 15.0;
const CONFIRM_EXISTENCE: f64 = 0.7;
const CONFIRM_HITS: u32 = 2;
/// Who appears so near to somebody known, beside half their widths, must first be seen together with them, metres.
const DOUBLE_SPACE_M: f64 = 0.6;
const DOUBLE_REACH_M: f64 = 4.0;
/// Misses share their causes: however many they are, they leave this much existence, and only time takes the rest.
const LEAST_DOUBT: f64 = 0.02;
/// How far a sensor's view is stretched for those who may be in it, metres and radians.
const VIEW_MARGIN_M: f64 = 10.0;
const VIEW_MARGIN_RAD: f64 = 0.1;
/// The grid is filled again after this time; until then nobody moves farther than the slack.
const GRID_AGE_S: f64 = 0.05;
const GRID_SLACK_M: f64 = 2.0;
/// Doubles are looked for, and the dead buried, this often.
const TIDY_EVERY_S: f64 = 0.1;

/// All participants and the sensors' errors; cloned to be able to go back.
#[derive(Debug, Default)]
pub(crate) struct ParticipantSet {
    pub(crate) participants: Vec<Participant>,
    pub(crate) registrations: Vec<Registration>,
    /// When each sensor's errors were last let fade.
    faded_at: Vec<Option<Timestamp>>,
    tidied_at: Option<Timestamp>,
}

impl Clone for ParticipantSet {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    /// Keeps the memory that is there.
    fn clone_from(&mut self, source: &Self) {
        self.participants.clone_from(&source.participants);
        self.registrations.clone_from(&source.registrations);
        self.faded_at.clone_from(&source.faded_at);
        self.tidied_at = source.tidied_at;
    }
}

/// Memory for one step, kept from step to step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workspace {
    detections: Vec<Detection>,
    /// How the sensor should see each participant in view.
    sights: Vec<Option<Sight>>,
    grid: Grid,
    grid_at: Option<Timestamp>,
    pairs: Vec<Pair>,
    assigned: Assigned,
    assignment: Assignment,
    shades: Vec<Shade>,
    shadows: Shadows,
    pub(crate) gone: Vec<bool>,
    pub(crate) journal: Journal,
}

impl Workspace {
    /// Who stands where has changed.
    pub(crate) fn forget_places(&mut self) {
        self.grid_at = None;
    }

    /// Makes sure that the grid is young enough.
    pub(crate) fn refresh(&mut self, at: Timestamp, participants: &[Participant]) {
        let young =
            |then: Timestamp| at.seconds_since(then).abs() < GRID_AGE_S && self.grid.len() <= participants.len();
        if !self.grid_at.is_some_and(young) {
            self.grid.fill(participants.iter().map(|participant| participant.position_at(at)));
            self.grid_at = Some(at);
        }
    }

    /// Visits all participants of `count` that may be within reach, and others.
    pub(crate) fn near(&self, place: Vector2, reach_m: f64, count: usize, mut visit: impl FnMut(usize)) {
        self.grid.near(place, reach_m + GRID_SLACK_M, &mut visit);
        (self.grid.len()..count).for_each(visit);
    }
}

/// Gives identities to births: the same birth gets the same identity when frames are run again.
pub(crate) trait Identities {
    fn identity(&mut self, frame: &SensorFrame, detection: usize) -> TrackId;

    /// The identity of a participant that was hit by a detection: its own, or the older one that was given to it when
    /// this detection was its birth, before an earlier frame came late.
    fn older(&self, frame: &SensorFrame, detection: usize, own: TrackId) -> TrackId;
}

/// One frame and what it is run with.
pub(crate) struct Run<'a> {
    pub(crate) frame: &'a SensorFrame,
    pub(crate) by: Observer<'a>,
    pub(crate) map: Option<&'a SiteMap>,
    pub(crate) work: &'a mut Workspace,
    pub(crate) identities: &'a mut dyn Identities,
}

impl ParticipantSet {
    pub(crate) fn new(sensors: &[SensorModel]) -> Self {
        Self {
            participants: Vec::new(),
            registrations: sensors.iter().map(|sensor| Registration::new(sensor.kind)).collect(),
            faded_at: vec![None; sensors.len()],
            tidied_at: None,
        }
    }

    /// Runs one frame.
    pub(crate) fn apply(&mut self, mut run: Run<'_>) {
        let index = run.by.sensor.index();
        let at = run.frame.measured_at;
        let since_tidied_s = self.tidied_at.map_or(f64::INFINITY, |then| at.seconds_since(then));
        if since_tidied_s > PATIENCE_S {
            // Who was there before such a gap is not predicted through it, which could take any number of steps.
            self.bury(at, run.work);
        }
        run.work.refresh(at, &self.participants);
        let mut registration =
            self.registrations.get(index).copied().unwrap_or_else(|| Registration::new(run.by.model.kind));
        if run.by.is_v2x() {
            // Who reports itself has errors of its own, each its own.
            self.take_reports(&mut run, &mut registration);
        } else {
            if let Some(faded_at) = self.faded_at.get_mut(index) {
                registration.fade(faded_at.map_or(0.0, |then| at.seconds_since(then)));
                *faded_at = Some(at);
            }
            self.take_frame(&mut run, &mut registration);
            if let Some(slot) = self.registrations.get_mut(index) {
                *slot = registration;
            }
        }
        if since_tidied_s >= TIDY_EVERY_S {
            let dt_s = if self.tidied_at.is_some() { since_tidied_s } else { 0.0 };
            self.tidied_at = Some(at);
            self.tidy(at, dt_s.min(1.0), &mut run);
        }
    }

    /// Reports tell of one participant each, and nothing of the others.
    fn take_reports(&mut self, run: &mut Run<'_>, registration: &mut Registration) {
        let at = run.frame.measured_at;
        let frame = run.frame;
        for (index, detection) in frame.detections.iter().enumerate() {
            match self.who_goes_by(run, detection).or_else(|| self.who_may_report(run, detection)) {
                Some(track) => {
                    if let Some(participant) = self.participants.get_mut(track) {
                        advance(participant, at, run.map);
                    }
                    self.hit(run, registration, track, index, detection);
                }
                None => self.bear(run, registration, index, detection),
            }
        }
    }

    /// The participant near the report that goes by its name: the oldest, should there be several.
    fn who_goes_by(&self, run: &Run<'_>, report: &Detection) -> Option<usize> {
        let at = run.frame.measured_at;
        let mut known: Option<usize> = None;
        run.work.near(report.position_m, IDENTITY_GATE_M, self.participants.len(), |t| {
            let Some(participant) = self.participants.get(t) else { return };
            let named = participant.v2x.as_ref().is_some_and(|reporter| Some(reporter.id) == report.v2x_id);
            if named && participant.name_at(at) == report.v2x_id {
                let offset = report.position_m - participant.position_at(at);
                if offset.norm_squared() <= IDENTITY_GATE_M * IDENTITY_GATE_M {
                    known = Some(known.map_or(t, |known| known.min(t)));
                }
            }
        });
        known
    }

    /// The likeliest of those near the report that go by no name.
    fn who_may_report(&mut self, run: &Run<'_>, report: &Detection) -> Option<usize> {
        let at = run.frame.measured_at;
        let mut best: Option<(f64, usize)> = None;
        run.work.near(report.position_m, IDENTITY_GATE_M, self.participants.len(), |t| {
            let Some(participant) = self.participants.get_mut(t) else { return };
            let offset = report.position_m - participant.position_at(at);
            if participant.name_at(at).is_some() || offset.norm_squared() > IDENTITY_GATE_M * IDENTITY_GATE_M {
                return;
            }
            advance(participant, at, run.map);
            if let Some(cost) = cost_of_report(participant, at, &run.by, report)
                && best.is_none_or(|least| (cost, t) < least)
            {
                best = Some((cost, t));
            }
        });
        best.map(|(_, track)| track)
    }

    /// A sensor's frame tells of all whom the sensor should see.
    fn take_frame(&mut self, run: &mut Run<'_>, registration: &mut Registration) {
        let at = run.frame.measured_at;
        let by = run.by;
        let mut detections = std::mem::take(&mut run.work.detections);
        detections.clear();
        detections.extend_from_slice(&run.frame.detections);
        if by.parts.registration {
            correct(&mut detections, by.model, registration);
        }
        self.foresee(run, registration);
        self.pair_up(run, &detections);
        let Workspace { assignment, assigned, pairs, .. } = &mut *run.work;
        assignment.solve(detections.len(), self.participants.len(), pairs, assigned);

        let before = self.participants.len();
        for track in 0..before {
            let index = run.work.assigned.of_track.get(track).copied().flatten();
            if let Some(index) = index.map(|index| index as usize)
                && let Some(detection) = detections.get(index)
            {
                self.hit(run, registration, track, index, detection);
            }
        }
        self.miss(at, run);
        for (index, detection) in detections.iter().enumerate() {
            let free = run.work.assigned.of_detection.get(index) == Some(&None);
            if free && !self.in_a_footprint(run, detection) {
                self.bear(run, registration, index, detection);
            }
        }
        run.work.detections = detections;
    }

    /// Predicts all who may be in view and notes where the sensor should see them.
    fn foresee(&mut self, run: &mut Run<'_>, registration: &Registration) {
        let at = run.frame.measured_at;
        let model = run.by.model;
        let reach_m = model.range_m + VIEW_MARGIN_M;
        let half_rad = model.field_of_view_rad / 2.0 + VIEW_MARGIN_RAD;
        let all_around = half_rad >= std::f64::consts::PI;
        let (axis, cos) = (Vector2::from_angle(model.direction_rad), half_rad.cos());
        run.work.sights.clear();
        for participant in &mut self.participants {
            let offset = participant.position_at(at) - model.position_m;
            let range_squared = offset.norm_squared();
            let in_view = range_squared < reach_m * reach_m
                && (all_around
                    || range_squared < VIEW_MARGIN_M * VIEW_MARGIN_M
                    || offset.dot(axis) >= cos * range_squared.sqrt());
            run.work.sights.push(in_view.then(|| {
                advance(participant, at, run.map);
                sight(participant, &run.by, registration)
            }));
        }
    }

    fn pair_up(&self, run: &mut Run<'_>, detections: &[Detection]) {
        let at = run.frame.measured_at;
        let mut pairs = std::mem::take(&mut run.work.pairs);
        pairs.clear();
        for (d, detection) in detections.iter().enumerate() {
            let reach_m = reach_m(detection);
            run.work.near(detection.position_m, reach_m, self.participants.len(), |t| {
                let Some(Some(sight)) = run.work.sights.get(t) else { return };
                let Some(participant) = self.participants.get(t) else { return };
                if let Some(cost) = cost(participant, at, &run.by, sight, detection, reach_m) {
                    pairs.push(Pair { detection: d as u32, track: t as u32, cost });
                }
            });
        }
        run.work.pairs = pairs;
    }

    fn hit(
        &mut self,
        run: &mut Run<'_>,
        registration: &mut Registration,
        track: usize,
        index: usize,
        detection: &Detection,
    ) {
        let Some(participant) = self.participants.get_mut(track) else { return };
        let at = run.frame.measured_at;
        let gain = GAIN * confidence_ratio(detection);
        let (along_m, across_m) = participant.hit(&run.by, at, detection, registration, gain);
        let ripe = participant.hits >= CONFIRM_HITS && participant.existence > CONFIRM_EXISTENCE;
        if ripe && !participant.confirmed {
            let doubtful = self.may_be_a_double(run, track);
            if let Some(participant) = self.participants.get_mut(track) {
                participant.confirmed = !doubtful;
            }
        }
        let Some(participant) = self.participants.get_mut(track) else { return };
        let own = participant.id;
        participant.id = run.identities.older(run.frame, index, own);
        let (id, sensor) = (participant.id, Some(run.by.sensor));
        if id != own {
            run.work.journal.note(at, id, sensor, What::Renamed { from: own });
        }
        run.work.journal.note(at, id, sensor, What::Hit { along_m, across_m, existence: participant.existence });
    }

    /// Whether a newcomer is so near to somebody known that it may be the same one, and no frame has shown both.
    fn may_be_a_double(&self, run: &Run<'_>, track: usize) -> bool {
        let at = run.frame.measured_at;
        let Some(one) = self.participants.get(track) else { return false };
        let mut doubtful = false;
        run.work.near(one.kinematics.position_m, DOUBLE_REACH_M, self.participants.len(), |other| {
            let Some(two) = self.participants.get(other).filter(|two| two.confirmed && !doubtful) else { return };
            let reach_m = DOUBLE_SPACE_M + 0.5 * (one.extent_m.1 + two.extent_m.1);
            let off_m = two.position_at(at) - one.kinematics.position_m;
            doubtful = other != track
                && one.best.group() == two.best.group()
                && off_m.norm_squared() < reach_m * reach_m
                && two.existence > CONFIRM_EXISTENCE
                && !one.seen.iter().zip(&two.seen).any(|(a, b)| a.together(*b, at, 1.0));
        });
        doubtful
    }

    fn bear(&mut self, run: &mut Run<'_>, registration: &Registration, index: usize, detection: &Detection) {
        let at = run.frame.measured_at;
        let odds = BIRTH * confidence_ratio(detection);
        let existence = if run.by.is_v2x() { REPORTED_BIRTH } else { odds / (odds + 1.0 - BIRTH) };
        let id = run.identities.identity(run.frame, index);
        let born = Participant::born(id, &run.by, at, detection, registration, existence);
        let position_m = born.kinematics.position_m;
        run.work.journal.note(at, id, Some(run.by.sensor), What::Born { position_m, existence });
        self.participants.push(born);
    }

    /// Lets those count as missed whom the sensor should have seen.
    fn miss(&mut self, at: Timestamp, run: &mut Run<'_>) {
        let model = run.by.model;
        let mut shades = std::mem::take(&mut run.work.shades);
        shades.clear();
        for (index, (participant, sight)) in self.participants.iter().zip(&run.work.sights).enumerate() {
            if sight.is_some() {
                shades.push(shade(participant, index, model));
            }
        }
        if run.by.parts.occlusion {
            run.work.shadows.cast(&mut shades, model.height_m);
        }
        for shade in &shades {
            let missed = run.work.assigned.of_track.get(shade.index) == Some(&None);
            let doubted = shade.existence < LEAST_DOUBT;
            let Some(participant) = self.participants.get(shade.index).filter(|_| missed && !doubted) else { continue };
            if shade.range_m < 2.0 || !model.sees(participant.kinematics.position_m) {
                continue;
            }
            let speed_mps = length(participant.kinematics.velocity_mps);
            let mut probability = 0.9 * probability_of_detection(model, participant.best, shade.range_m, speed_mps);
            probability *= 1.0 - shade.hidden * (1.0 - left_by_occlusion(model.kind));
            if model.kind == SensorKind::Radar && self.is_one_echo_with_another(run.work, shade) {
                probability *= 0.4;
            }
            if let Some(participant) = self.participants.get_mut(shade.index) {
                participant.covered_at = at;
                participant.missed(probability);
                let what = What::Missed { probability, existence: participant.existence };
                run.work.journal.note(at, participant.id, Some(run.by.sensor), what);
            }
        }
        run.work.shades = shades;
    }

    /// Two that a radar cannot tell apart are one echo.
    fn is_one_echo_with_another(&self, work: &Workspace, shade: &Shade) -> bool {
        let Some(place) = self.participants.get(shade.index).map(|p| p.kinematics.position_m) else { return false };
        let line = Vector2::from_angle(shade.bearing_rad);
        let width_m = 0.04 * shade.range_m + 0.5;
        let mut beside = false;
        work.near(place, 3.0, work.assigned.of_track.len(), |t| {
            let Some(other) = self.participants.get(t).filter(|_| !beside) else { return };
            let hit = work.assigned.of_track.get(t).is_some_and(Option::is_some);
            let off_m = other.kinematics.position_m - place;
            let along_m = off_m.dot(line);
            beside = hit && along_m.abs() < 2.0 && off_m.norm_squared() - along_m * along_m < width_m * width_m;
        });
        beside
    }

    /// Whether a detection that belongs to nobody lies where a participant already is: the second echo of a truck, or
    /// a sensor's box that fell apart. What is of another kind or moves otherwise is never one of these, and a participant
    /// that no sensor ever saw hides nobody.
    fn in_a_footprint(&self, run: &Run<'_>, detection: &Detection) -> bool {
        let radar = run.by.model.kind == SensorKind::Radar;
        let mut inside = false;
        run.work.near(detection.position_m, 9.0, run.work.sights.len(), |t| {
            let Some(participant) = self.participants.get(t).filter(|p| p.confirmed && p.seen_by_sensor) else {
                return;
            };
            if inside || detection.class.is_some_and(|class| class.group() != participant.best.group()) {
                return;
            }
            let own_mps = participant.kinematics.velocity_mps;
            if detection.velocity.is_some_and(|velocity| (velocity.mps - own_mps).norm_squared() > 9.0) {
                return;
            }
            let vehicle = participant.best.group() == Group::Vehicle;
            let (long_m, wide_m) = participant.extent_m;
            let room_m = match vehicle {
                // A long vehicle gives a radar several echoes.
                true if radar && long_m > 6.0 => 3.0,
                true => 0.6,
                false => 0.2,
            };
            let side_m = if vehicle { 0.4 } else { 0.1 };
            let offset = detection.position_m - participant.kinematics.position_m;
            inside = match participant.heading {
                None => length(offset) < wide_m / 2.0 + side_m,
                Some(heading) => {
                    offset.dot(heading.axis).abs() < long_m / 2.0 + room_m
                        && offset.cross(heading.axis).abs() < wide_m / 2.0 + side_m
                }
            };
        });
        inside
    }
}

fn shade(participant: &Participant, index: usize, model: &SensorModel) -> Shade {
    let line = participant.kinematics.position_m - model.position_m;
    let range_m = length(line);
    let (long_m, wide_m) = participant.extent_m;
    let side = participant.heading.map_or(0.6, |heading| line.cross(heading.axis).abs() / range_m.max(0.1));
    let seen_m = (long_m * side + wide_m * (1.0 - side)).max(wide_m);
    Shade {
        bearing_rad: angle_between(Vector2::new(1.0, 0.0), line),
        range_m,
        half_width_rad: angle_between(
            Vector2::new(range_m.max(1.0), 0.0),
            Vector2::new(range_m.max(1.0), 0.5 * seen_m),
        ),
        height_m: participant.best.usual_height_m(),
        existence: participant.existence,
        index,
        hidden: 0.0,
    }
}

/// The detections of a frame as they would be without the sensor's errors.
fn correct(detections: &mut [Detection], model: &SensorModel, registration: &Registration) {
    let yaw_rad = registration.yaw_rad();
    let (sin, cos) = (-yaw_rad).sin_cos();
    let turned = |v: Vector2| Vector2::new(v.x * cos - v.y * sin, v.x * sin + v.y * cos);
    let origin_m = model.position_m - registration.offset_m();
    for detection in detections {
        detection.position_m = origin_m + turned(detection.position_m - model.position_m);
        if let Some(velocity) = &mut detection.velocity {
            velocity.mps = turned(velocity.mps);
        }
        if let Some(heading) = &mut detection.heading {
            heading.rad -= yaw_rad;
        }
    }
}

/// How much likelier a participant is to give a detection of this confidence than clutter is.
fn confidence_ratio(detection: &Detection) -> f64 {
    (5.0 * (detection.confidence - 0.55)).exp()
}
