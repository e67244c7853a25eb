//! What is remembered of each participant from look to look.
//!
//! Some conditions need the past: which lane a vehicle came from, whether it ever moved, whether somebody now taken for
//! a pedestrian rode by at 5 m/s a second ago. Class beliefs wobble; here they are averaged over a second. When a track
//! ends and another begins at the place where the first would be now, the second one inherits what was known.

use std::collections::BTreeMap;
use std::time::Duration;

use fusion::{Class, Track, TrackId};
use rsu_units::{Timestamp, Vector2};

use crate::scene::Facts;

/// How long a participant that is not seen is remembered.
const FORGET_AFTER: Duration = Duration::from_secs(3);
/// Over this time class beliefs are averaged, seconds.
const CLASS_TIME_S: f64 = 1.0;
/// Over this time the speed is averaged, seconds.
const SPEED_TIME_S: f64 = 0.4;
/// Nobody walks or runs so fast for long, metres per second.
const TOO_FAST_ON_FOOT_MPS: f64 = 3.5;
/// Who was that fast within this time is no pedestrian.
const FAST_MEMORY: Duration = Duration::from_secs(8);
/// A lane counts once it was held for so many looks on end, and so long.
const LANE_LOOKS: u32 = 4;
const LANE_TIME: Duration = Duration::from_millis(400);

/// Who moves how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Cars, trucks, buses, motorcycles.
    Motor,
    /// Bicycles.
    Bicycle,
    /// People on foot.
    Pedestrian,
}

/// A lane on which a vehicle was for certain, in its direction.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HeldLane {
    pub(crate) id: String,
    /// The lane's direction at the last place on it, radians.
    pub(crate) direction_rad: f64,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
    looks: u32,
}

/// What is remembered of one participant.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    /// By this a detector knows the participant again, also under a new identity. No two that are seen share one.
    pub(crate) key: u64,
    pub(crate) first_at: Timestamp,
    seen_at: Timestamp,
    last: Track,
    group: Group,
    /// Averaged probabilities of motor vehicle, bicycle, pedestrian.
    shares: [f64; 3],
    /// Averaged speed.
    pub(crate) speed_mps: f64,
    pub(crate) top_speed_mps: f64,
    fast_at: Option<Timestamp>,
    origin_m: Vector2,
    /// Greatest distance from where it was seen first.
    pub(crate) roamed_m: f64,
    /// The lane that it may be on now.
    candidate: Option<HeldLane>,
    /// The lane that it is on, or was on last.
    pub(crate) lane: Option<HeldLane>,
    /// The lane before that one.
    pub(crate) before: Option<HeldLane>,
    /// It was inside of a junction between the two lanes.
    pub(crate) through_junction: bool,
    /// It was inside of a junction since it is on its last lane.
    pub(crate) been_in_junction: bool,
    heir: bool,
}

impl Memory {
    fn new(key: u64, at: Timestamp, facts: &Facts<'_>) -> Self {
        let shares = shares(&facts.track);
        Self {
            key,
            first_at: at,
            seen_at: at,
            last: facts.track,
            group: largest(shares),
            shares,
            speed_mps: facts.speed_mps,
            top_speed_mps: 0.0,
            fast_at: None,
            origin_m: facts.track.position_m,
            roamed_m: 0.0,
            candidate: None,
            lane: None,
            before: None,
            through_junction: false,
            been_in_junction: false,
            heir: false,
        }
    }

    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// Averaged probability of its group.
    pub(crate) fn group_probability(&self) -> f64 {
        self.probability_of(self.group)
    }

    /// Averaged probability of a group.
    pub(crate) fn probability_of(&self, group: Group) -> f64 {
        let [motor, bicycle, pedestrian] = self.shares;
        match group {
            Group::Motor => motor,
            Group::Bicycle => bicycle,
            Group::Pedestrian => pedestrian,
        }
    }

    /// Averaged probability of being a pedestrian; 0 for who was too fast a moment ago.
    pub(crate) fn pedestrian_probability(&self, at: Timestamp) -> f64 {
        let [_, _, pedestrian] = self.shares;
        let fast = self.fast_at.is_some_and(|fast_at| at.duration_since(fast_at) < FAST_MEMORY);
        if fast { 0.0 } else { pedestrian }
    }

    fn look(&mut self, at: Timestamp, facts: &Facts<'_>) {
        let dt_s = at.seconds_since(self.seen_at).clamp(0.0, 5.0);
        let gain = 1.0 - (-dt_s / CLASS_TIME_S).exp();
        for (share, now) in self.shares.iter_mut().zip(shares(&facts.track)) {
            *share += gain * (now - *share);
        }
        // A group gives way only to one that is clearly more likely.
        let best = largest(self.shares);
        if self.probability_of(best) > self.probability_of(self.group) + 0.1 {
            self.group = best;
        }
        self.speed_mps += (1.0 - (-dt_s / SPEED_TIME_S).exp()) * (facts.speed_mps - self.speed_mps);
        let age = at.duration_since(self.first_at);
        if age >= Duration::from_millis(500) {
            self.top_speed_mps = self.top_speed_mps.max(self.speed_mps);
            if self.speed_mps > TOO_FAST_ON_FOOT_MPS {
                self.fast_at = Some(at);
            }
        } else if self.speed_mps < 1.0 {
            // The first positions are the worst ones.
            self.origin_m = facts.track.position_m;
        }
        self.roamed_m = self.roamed_m.max((facts.track.position_m - self.origin_m).norm());
        self.been_in_junction |= facts.in_junction;
        self.follow_lane(at, facts);
        self.seen_at = at;
        self.last = facts.track;
    }

    /// Takes note of the lane, once it was the same for a while, the vehicle well inside of it and along it.
    fn follow_lane(&mut self, at: Timestamp, facts: &Facts<'_>) {
        let held = facts.lane.filter(|place| {
            let along = facts.off_rad(place.direction_rad).is_some_and(|off_rad| off_rad < 1.0);
            let inside_m = place.lane.width_m / 2.0 - place.left_m.abs();
            along && inside_m > 0.2 + 0.5 * facts.lateral_sd_m(place).min(2.0) && !facts.in_junction
        });
        let Some(place) = held else {
            // Who stands has no direction; the lane is not lost by that.
            if facts.direction_rad.is_some() && facts.speed_mps > 1.0 {
                self.candidate = None;
            }
            return;
        };
        match &mut self.candidate {
            Some(candidate) if candidate.id == place.lane.id => {
                candidate.until = at;
                candidate.looks = candidate.looks.saturating_add(1);
                candidate.direction_rad = place.direction_rad;
            }
            candidate => {
                *candidate = Some(HeldLane {
                    id: place.lane.id.clone(),
                    direction_rad: place.direction_rad,
                    since: at,
                    until: at,
                    looks: 1,
                });
            }
        }
        let Some(candidate) = &self.candidate else { return };
        let sure = candidate.looks >= LANE_LOOKS && candidate.until.duration_since(candidate.since) >= LANE_TIME;
        match &mut self.lane {
            Some(lane) if lane.id == candidate.id => {
                self.been_in_junction = false;
                lane.until = at;
                lane.direction_rad = candidate.direction_rad;
            }
            lane if sure => {
                self.before = lane.replace(candidate.clone());
                self.through_junction = self.been_in_junction;
                self.been_in_junction = false;
            }
            _ => {}
        }
    }
}

fn shares(track: &Track) -> [f64; 3] {
    let motor =
        Class::ALL.into_iter().filter(|class| class.is_motor_vehicle()).map(|class| track.class.of(class)).sum();
    [motor, track.class.of(Class::Bicycle), track.class.of(Class::Pedestrian)]
}

fn largest([motor, bicycle, pedestrian]: [f64; 3]) -> Group {
    if motor >= bicycle && motor >= pedestrian {
        Group::Motor
    } else if bicycle >= pedestrian {
        Group::Bicycle
    } else {
        Group::Pedestrian
    }
}

/// The memories of all participants.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    by_id: BTreeMap<TrackId, Memory>,
    last_key: u64,
}

impl Memories {
    pub(crate) fn get(&self, id: TrackId) -> Option<&Memory> {
        self.by_id.get(&id)
    }

    pub(crate) fn clear(&mut self) {
        self.by_id.clear();
    }

    /// Takes in one look; facts are sorted by identity.
    pub(crate) fn look(&mut self, at: Timestamp, facts: &[Facts<'_>]) {
        for facts in facts {
            if let Some(memory) = self.by_id.get_mut(&facts.track.id) {
                if memory.heir {
                    // It came back, and somebody else goes on under its key.
                    self.last_key += 1;
                    (memory.key, memory.heir) = (self.last_key, false);
                }
                memory.look(at, facts);
            }
        }
        // Only now it is known who vanished.
        for facts in facts {
            if !self.by_id.contains_key(&facts.track.id) {
                let memory = self.inherited(at, facts).unwrap_or_else(|| {
                    self.last_key += 1;
                    Memory::new(self.last_key, at, facts)
                });
                self.by_id.insert(facts.track.id, memory);
            }
        }
        self.by_id.retain(|_, memory| at.duration_since(memory.seen_at) <= FORGET_AFTER);
    }

    /// The memory of one who vanished a moment ago and would be here now.
    fn inherited(&mut self, at: Timestamp, facts: &Facts<'_>) -> Option<Memory> {
        let group = largest(shares(&facts.track));
        let id = self
            .by_id
            .iter()
            .filter(|(_, memory)| {
                let away_s = at.seconds_since(memory.seen_at);
                away_s > 0.0
                    && away_s <= 2.0
                    && !memory.heir
                    && (memory.group == Group::Motor) == (group == Group::Motor)
            })
            .filter_map(|(id, memory)| {
                let miss_m = miss_m(&memory.last, at.seconds_since(memory.seen_at), &facts.track)?;
                Some((*id, miss_m))
            })
            .min_by(|a, b| a.1.total_cmp(&b.1))
            .map(|(id, _)| id)?;
        let predecessor = self.by_id.get_mut(&id)?;
        predecessor.heir = true;
        let mut memory = predecessor.clone();
        memory.heir = false;
        memory.look(at, facts);
        Some(memory)
    }
}

/// How far a track is from where another, last seen some time ago, would be now; `None` when it is not near.
pub(crate) fn miss_m(last: &Track, away_s: f64, now: &Track) -> Option<f64> {
    let predicted_m = last.position_m + last.velocity_mps * away_s;
    let miss_m = (now.position_m - predicted_m).norm();
    let sd_m = |track: &Track| {
        let [xx, _, _, _, yy, ..] = track.covariance;
        (xx + yy).max(0.0).sqrt().min(2.0)
    };
    let gate_m = (1.5 + 1.5 * away_s + sd_m(last) + sd_m(now)).min(6.0);
    (miss_m <= gate_m).then_some(miss_m)
}
