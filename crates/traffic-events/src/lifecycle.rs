//! The life of the events of one kind: hysteresis, minimum evidence, one start, one end.
//!
//! A detector says at each look for whom its condition holds (a [`Finding`]). Here findings become events: the condition
//! must hold long enough and often enough before an event starts, and be gone long enough before it ends; who is not
//! seen any more is waited for; when the identity of a participant changes, the event goes on with the new one; and a
//! second track of the same participant makes no second event.

use std::collections::BTreeMap;

use fusion::{Track, TrackId};
use rsu_units::{Timestamp, Vector2};
use site_map::SiteMap;

use crate::detector::Detector;
use crate::event::{EventChange, EventId, EventKind, Evidence, Measure, Stage, TrackEvidence};
use crate::memory::{Group, miss_m};
use crate::scene::{Scene, Seen};

/// At most so many participants are told.
pub(crate) const MAX_MEMBERS: usize = 16;
const MAX_TRACK_EVIDENCE: usize = 8;
/// Share of a look in the averaged confidence.
const CONFIDENCE_GAIN: f64 = 0.2;

/// Farther apart sideways are two lanes, metres.
const MAX_DOUBLE_ACROSS_M: f64 = 2.2;

/// What an event is about: by this it is known again at the next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// One participant.
    One(TrackId),
    /// Two participants, the lower identity first.
    Pair(TrackId, TrackId),
    /// A place of the map: the position of its lane in the map's list.
    Lane(usize),
}

/// How much a finding is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// Enough to go on, not enough to begin: between the thresholds of the hysteresis.
    Weak,
    /// The condition holds.
    Full,
}

/// The identities of the participants of a finding, the causing one first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Members {
    ids: [TrackId; MAX_MEMBERS],
    count: usize,
}

impl Members {
    pub(crate) fn new(ids: impl IntoIterator<Item = TrackId>) -> Self {
        let mut members = Self { ids: [TrackId(0); MAX_MEMBERS], count: 0 };
        for (slot, id) in members.ids.iter_mut().zip(ids) {
            *slot = id;
            members.count += 1;
        }
        members
    }

    fn as_slice(&self) -> &[TrackId] {
        self.ids.get(..self.count).unwrap_or_default()
    }
}

/// A detector's word that its condition holds at this look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finding<'a> {
    pub(crate) subject: Subject,
    pub(crate) strength: Strength,
    /// 0 to 1.
    pub(crate) confidence: f64,
    pub(crate) members: Members,
    /// Where, if not where the first participant is, and on which lane, if not on the one that is there.
    pub(crate) place: Option<(Vector2, Option<&'a str>)>,
    pub(crate) measures: [Option<Measure>; 2],
}

impl Finding<'_> {
    /// About one participant.
    pub(crate) fn one(
        seen: &Seen<'_>,
        strength: Strength,
        confidence: f64,
        measure: impl Into<Option<Measure>>,
    ) -> Self {
        Self {
            subject: Subject::One(seen.id()),
            strength,
            confidence,
            members: Members::new([seen.id()]),
            place: None,
            measures: [measure.into(), None],
        }
    }
}

/// The events of one kind that are, or may become, or may have ended.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    incidents: BTreeMap<Subject, Incident>,
}

#[derive(Debug)]
struct Incident {
    /// Since when the condition holds.
    began_at: Timestamp,
    /// When it held last, weakly or fully.
    held_at: Timestamp,
    /// When it held last fully.
    full_at: Timestamp,
    /// How strong it was at this look.
    now: Option<Strength>,
    looks: u32,
    looks_held: u32,
    looks_full: u32,
    confidence: f64,
    /// As last seen.
    participants: Vec<Track>,
    /// The first two participants when the condition held last, and whether each is a motor vehicle.
    held_by: [Option<(Track, bool)>; 2],
    /// Where the last finding said that it is, if it did; else it is where the first participant is.
    place_m: Option<Vector2>,
    /// The lane that the finding gave, or the one that was told last.
    lane_id: String,
    lane_given: bool,
    measures: [Option<Measure>; 2],
    tracks: Vec<TrackEvidence>,
    event: Option<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    id: EventId,
    told_at: Timestamp,
}

impl Lifecycle {
    pub(crate) fn active(&self) -> usize {
        self.incidents.values().filter(|incident| incident.event.is_some()).count()
    }

    pub(crate) fn clear(&mut self, at: Timestamp, kind: EventKind, changes: &mut Vec<EventChange>) {
        for incident in std::mem::take(&mut self.incidents).into_values() {
            let mut incident = incident;
            if let Some(running) = incident.event {
                changes.push(incident.change(None, kind, running.id, Stage::Lost, at));
            }
        }
    }

    /// Takes in the findings of one look, in any order.
    pub(crate) fn update(
        &mut self,
        scene: &Scene<'_>,
        detector: &dyn Detector,
        found: &mut [Finding<'_>],
        last_id: &mut u64,
        changes: &mut Vec<EventChange>,
    ) {
        for incident in self.incidents.values_mut() {
            incident.now = None;
            incident.looks = incident.looks.saturating_add(1);
            incident.refresh(scene);
        }
        found.sort_by_key(|finding| finding.subject);
        for finding in found.iter() {
            if let Some(incident) = self.incidents.get_mut(&finding.subject) {
                incident.hold(scene, finding);
            }
        }
        // Only now it is known which events nobody carries any more.
        for finding in found.iter() {
            if !self.incidents.contains_key(&finding.subject) {
                self.take_in(scene, detector, finding);
            }
        }
        self.incidents.retain(|_, incident| incident.step(scene, detector, last_id, changes));
    }

    /// A finding on somebody new: the heir of an event, a double, or the beginning of something.
    fn take_in(&mut self, scene: &Scene<'_>, detector: &dyn Detector, finding: &Finding<'_>) {
        let (timing, merge_m) = (detector.timing(), detector.merge_distance_m());
        let heritage = self
            .incidents
            .iter()
            .filter(|(_, incident)| {
                incident.now.is_none() && scene.at.duration_since(incident.held_at) <= timing.lost_after
            })
            .filter_map(|(subject, incident)| {
                Some((*subject, incident.event.is_none(), incident.miss_of(scene, finding, merge_m)?))
            })
            .min_by(|a, b| a.1.cmp(&b.1).then(a.2.total_cmp(&b.2)));
        if let Some((subject, _, _)) = heritage {
            if let Some(mut incident) = self.incidents.remove(&subject) {
                incident.hold(scene, finding);
                self.incidents.insert(finding.subject, incident);
            }
            return;
        }
        let double =
            self.incidents.values().any(|incident| incident.now.is_some() && incident.covers(scene, finding, merge_m));
        if finding.strength == Strength::Full && !double {
            self.incidents.insert(finding.subject, Incident::new(scene, finding));
        }
    }
}

impl Incident {
    fn new(scene: &Scene<'_>, finding: &Finding<'_>) -> Self {
        let mut incident = Self {
            began_at: scene.at,
            held_at: scene.at,
            full_at: scene.at,
            now: None,
            looks: 1,
            looks_held: 0,
            looks_full: 0,
            confidence: finding.confidence,
            participants: Vec::new(),
            held_by: [None; 2],
            place_m: None,
            lane_id: String::new(),
            lane_given: false,
            measures: [None; 2],
            tracks: Vec::new(),
            event: None,
        };
        incident.hold(scene, finding);
        incident
    }

    fn hold(&mut self, scene: &Scene<'_>, finding: &Finding<'_>) {
        self.held_at = scene.at;
        self.now = Some(finding.strength);
        self.looks_held = self.looks_held.saturating_add(1);
        if finding.strength == Strength::Full {
            self.full_at = scene.at;
            self.looks_full = self.looks_full.saturating_add(1);
        }
        self.confidence += CONFIDENCE_GAIN * (finding.confidence - self.confidence);
        self.measures = finding.measures;
        self.participants.clear();
        self.participants
            .extend(finding.members.as_slice().iter().filter_map(|id| scene.find(*id).map(|seen| seen.facts.track)));
        let mut members = finding.members.as_slice().iter();
        self.held_by = [(); 2].map(|()| {
            let seen = scene.find(*members.next()?)?;
            Some((seen.facts.track, seen.is_motor()))
        });
        if let Some((place_m, lane_id)) = finding.place {
            self.place_m = Some(place_m);
            self.lane_given = lane_id.is_some();
            if let Some(lane_id) = lane_id {
                set(&mut self.lane_id, lane_id);
            }
        }
        if let Some(id) = finding.members.as_slice().first() {
            match self.tracks.last_mut() {
                Some(last) if last.track_id == *id => last.to = scene.at,
                _ => {
                    if self.tracks.len() >= MAX_TRACK_EVIDENCE {
                        self.tracks.remove(0);
                    }
                    self.tracks.push(TrackEvidence { track_id: *id, from: scene.at, to: scene.at });
                }
            }
        }
    }

    /// Brings the participants to how they are seen now.
    fn refresh(&mut self, scene: &Scene<'_>) {
        for track in &mut self.participants {
            if let Some(seen) = scene.find(track.id) {
                *track = seen.facts.track;
            }
        }
    }

    /// How far the participants of a finding are from where this incident's would be now; `None` when they are others.
    fn miss_of(&self, scene: &Scene<'_>, finding: &Finding<'_>, merge_m: f64) -> Option<f64> {
        let away_s = scene.at.seconds_since(self.held_at);
        let miss = |old: Option<(Track, bool)>, id: TrackId| {
            let (track, is_motor) = old?;
            if track.id == id {
                return Some(0.0);
            }
            // Of a pair each one is itself as long as it is seen: a bicycle that passes three people has three events.
            let pair = matches!(finding.subject, Subject::Pair(..));
            if pair && scene.find(track.id).is_some() {
                return None;
            }
            let seen = scene.find(id)?;
            if is_motor != (seen.memory.group() == Group::Motor) {
                return None;
            }
            let apart_m = (track.position_m - seen.position_m()).norm();
            miss_m(&track, away_s, &seen.facts.track).or((apart_m < merge_m).then_some(apart_m))
        };
        let [first, second] = self.held_by;
        match (finding.subject, finding.members.as_slice()) {
            (Subject::One(id), _) => miss(first, id),
            (Subject::Pair(..), [a, b, ..]) => {
                let straight = miss(first, *a).zip(miss(second, *b));
                let crossed = || miss(first, *b).zip(miss(second, *a));
                straight.or_else(crossed).map(|(a, b)| a + b)
            }
            _ => None,
        }
    }

    /// Whether the participants of a finding lie within this incident's: two tracks of one participant.
    fn covers(&self, scene: &Scene<'_>, finding: &Finding<'_>, merge_m: f64) -> bool {
        let same = |old: Option<(Track, bool)>, id: TrackId| {
            let (Some((old, _)), Some(seen)) = (old, scene.find(id)) else { return false };
            let new = &seen.facts.track;
            // People stand closer than tracks are certain, and each of them is somebody to run into.
            let person = seen.memory.group() == Group::Pedestrian;
            let slack_m = match finding.subject {
                Subject::Pair(..) if person => 0.2,
                _ => 0.3 + sd_m(&old) + sd_m(new),
            };
            let merged = (old.position_m - new.position_m).norm() < merge_m;
            old.id == new.id || merged || overlap(&old, new, slack_m)
        };
        let [first, second] = self.held_by;
        match (finding.subject, finding.members.as_slice()) {
            (Subject::One(id), _) => same(first, id),
            (Subject::Pair(..), [a, b, ..]) => {
                (same(first, *a) && same(second, *b)) || (same(first, *b) && same(second, *a))
            }
            _ => false,
        }
    }

    /// Ends the look; `false` when there is nothing left to remember.
    fn step(
        &mut self,
        scene: &Scene<'_>,
        detector: &dyn Detector,
        last_id: &mut u64,
        changes: &mut Vec<EventChange>,
    ) -> bool {
        let (at, map) = (scene.at, Some(scene.map));
        let (kind, timing) = (detector.kind(), detector.timing());
        let all_seen = self.held_by.iter().flatten().all(|(track, _)| scene.find(track.id).is_some());
        let Some(running) = self.event.as_mut() else {
            // Weak looks would thin out the share of full ones for ever.
            if at.duration_since(self.full_at) > timing.max_gap {
                return false;
            }
            if self.now == Some(Strength::Full) && self.is_due(scene, detector) {
                *last_id += 1;
                let id = EventId(*last_id);
                self.event = Some(Running { id, told_at: at });
                changes.push(self.change(map, kind, id, Stage::Start, at));
            }
            return true;
        };
        let patience = if all_seen { timing.end_after } else { timing.lost_after };
        let id = running.id;
        if at.duration_since(self.held_at) > patience {
            let stage = if all_seen { Stage::Cleared } else { Stage::Lost };
            changes.push(self.change(map, kind, id, stage, at));
            return false;
        }
        if at.duration_since(running.told_at) >= timing.update_every {
            running.told_at = at;
            changes.push(self.change(map, kind, id, Stage::Update, at));
        }
        true
    }

    /// Whether it held long and often enough, on participants that are fit for it.
    fn is_due(&self, scene: &Scene<'_>, detector: &dyn Detector) -> bool {
        let timing = detector.timing();
        let fit = |seen: &Seen<'_>| seen.facts.solid && (seen.facts.placed || !detector.needs_place());
        scene.at.duration_since(self.began_at) >= timing.start_after
            && f64::from(self.looks_full) >= timing.min_share * f64::from(self.looks)
            && self.held_by.iter().flatten().all(|(track, _)| scene.find(track.id).is_some_and(fit))
    }

    /// What is told of it now. Without a map it is on the lane that was told last.
    fn change(
        &mut self,
        map: Option<&SiteMap>,
        kind: EventKind,
        id: EventId,
        stage: Stage,
        at: Timestamp,
    ) -> EventChange {
        let first_m = self.participants.first().map(|track| track.position_m);
        let position_m = self.place_m.or(first_m).unwrap_or_default();
        if let Some(map) = map.filter(|_| !self.lane_given) {
            let lane = map.lane_at(position_m);
            set(&mut self.lane_id, lane.map_or("", |place| place.lane.id.as_str()));
        }
        EventChange {
            id,
            kind,
            stage,
            began_at: self.began_at,
            at,
            position_m,
            lane_id: self.lane_id.clone(),
            confidence: self.confidence.clamp(0.0, 1.0),
            zone: None,
            participants: self.participants.clone(),
            evidence: Evidence {
                tracks: self.tracks.clone(),
                looks: self.looks,
                looks_held: self.looks_held,
                measures: self.measures.iter().flatten().copied().collect(),
            },
        }
    }
}

/// One-sigma of a track's place, metres, as far as it excuses anything.
fn sd_m(track: &Track) -> f64 {
    let [xx, _, _, _, yy, ..] = track.covariance;
    xx.max(yy).max(0.0).sqrt().min(1.0)
}

/// Whether two tracks are hardly two participants: one lies within the other's box and some slack, and moves alike.
fn overlap(a: &Track, b: &Track, slack_m: f64) -> bool {
    let (longer, other) = if a.extent_m.0 >= b.extent_m.0 { (a, b) } else { (b, a) };
    let heading_rad =
        if longer.speed_mps() > 1.0 { longer.velocity_mps.angle_rad() } else { longer.heading_rad.unwrap_or(0.0) };
    let offset = (other.position_m - longer.position_m).rotated(-heading_rad);
    // Side by side on two lanes are two; one behind the other on one lane are two only with their lengths between.
    let along_m = longer.extent_m.0 / 2.0 + slack_m;
    let across_m = (longer.extent_m.1 / 2.0 + slack_m).min(MAX_DOUBLE_ACROSS_M);
    let alike = (a.velocity_mps - b.velocity_mps).norm() < 2.0 + 0.2 * a.speed_mps().max(b.speed_mps());
    offset.x.abs() < along_m && offset.y.abs() < across_m && alike
}

/// Sets a text without a new allocation where it fits.
fn set(text: &mut String, to: &str) {
    if text != to {
        text.clear();
        text.push_str(to);
    }
}
