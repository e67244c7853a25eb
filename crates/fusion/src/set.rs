//! The set of participants, and how one frame changes it.

use std::cmp::Ordering;

use rsu_units::{Timestamp, Vector2};

use crate::assignment::{Assignment, Pair};
use crate::class::Class;
use crate::kalman::Kinematics;
use crate::participant::Participant;
use crate::types::{Detection, SensorFrame, SensorKind, SensorModel, TrackId};

/// 99.9 % of a chi-squared distribution with two degrees of freedom.
const GATE: f64 = 13.8;
/// What a detection costs that belongs to nobody; every pair within the gate is cheaper.
const MISS_COST: f64 = 26.0;
/// No gate is wider than this, metres: beyond it, a coasting track would swallow its neighbours.
const MAX_GATE_M: f64 = 6.0;
/// A V2X identity binds within this distance, metres.
const IDENTITY_GATE_M: f64 = 12.0;
const CONFIRM_EXISTENCE: f64 = 0.9;
const CONFIRM_HITS: u32 = 3;

/// All participants; cloned to be able to go back.
#[derive(Debug, Clone, Default)]
pub(crate) struct ParticipantSet {
    pub(crate) participants: Vec<Participant>,
}

/// Memory for one step, kept from step to step.
#[derive(Debug, Clone, Default)]
pub(crate) struct Workspace {
    /// Where each participant should be.
    places: Vec<Vector2>,
    pairs: Vec<Pair>,
    assigned: Vec<bool>,
    /// Participants that this frame moved or made.
    touched: Vec<TrackId>,
    assignment: Assignment,
}

/// Gives identities to births: the same birth gets the same identity when frames are run again.
pub(crate) trait Identities {
    fn identity(&mut self, frame: &SensorFrame, detection: usize) -> TrackId;

    /// The identity of a participant that was hit by a detection: its own, or the older one that was given to it when
    /// this detection was its birth, before an earlier frame came late.
    fn older(&self, frame: &SensorFrame, detection: usize, own: TrackId) -> TrackId;
}

impl ParticipantSet {
    /// Runs one frame.
    pub(crate) fn apply(
        &mut self,
        frame: &SensorFrame,
        model: &SensorModel,
        work: &mut Workspace,
        identities: &mut dyn Identities,
    ) {
        let at = frame.measured_at;
        work.places.clear();
        work.places.extend(self.participants.iter().map(|participant| participant.position_at(at)));
        work.touched.clear();
        self.pair_up(frame, model, work);
        work.assigned.clear();
        work.assigned.resize(frame.detections.len(), false);
        let of_tracks = work.assignment.solve(frame.detections.len(), self.participants.len(), &work.pairs, MISS_COST);

        for ((participant, place), detection) in self.participants.iter_mut().zip(&work.places).zip(of_tracks) {
            let assigned = detection.and_then(|index| Some((index, frame.detections.get(index)?)));
            if let Some((index, detection)) = assigned {
                participant.hit(frame.sensor, model, at, detection);
                participant.id = identities.older(frame, index, participant.id);
                participant.confirmed |= participant.hits >= CONFIRM_HITS && participant.existence > CONFIRM_EXISTENCE;
                work.touched.push(participant.id);
                if let Some(slot) = work.assigned.get_mut(index) {
                    *slot = true;
                }
            } else if model.kind != SensorKind::V2x && model.sees(*place) {
                participant.missed(model.kind, at);
            }
        }

        for (index, detection) in frame.detections.iter().enumerate() {
            let free = work.assigned.get(index) == Some(&false);
            if free && !self.in_a_footprint(at, detection) {
                let id = identities.identity(frame, index);
                work.touched.push(id);
                self.participants.push(Participant::born(id, frame.sensor, model, at, detection));
            }
        }
        self.participants.retain(|participant| !participant.is_over(at));
        self.merge_doubles(at, &work.touched);
    }

    /// Lets the weakest go where there are more than `max`.
    pub(crate) fn keep_strongest(&mut self, max: usize) {
        if self.participants.len() <= max {
            return;
        }
        let mut strengths: Vec<f64> = self.participants.iter().map(|participant| participant.existence).collect();
        strengths.sort_unstable_by(|a, b| b.total_cmp(a));
        let least = max.checked_sub(1).and_then(|last| strengths.get(last)).copied().unwrap_or(f64::INFINITY);
        let stronger = strengths.iter().filter(|strength| **strength > least).count();
        let mut room = max.saturating_sub(stronger);
        self.participants.retain(|participant| match participant.existence.total_cmp(&least) {
            Ordering::Greater => true,
            Ordering::Equal if room > 0 => {
                room -= 1;
                true
            }
            Ordering::Equal | Ordering::Less => false,
        });
    }

    fn pair_up(&self, frame: &SensorFrame, model: &SensorModel, work: &mut Workspace) {
        work.pairs.clear();
        for (d, detection) in frame.detections.iter().enumerate() {
            for (t, (participant, place)) in self.participants.iter().zip(&work.places).enumerate() {
                let offset = detection.position_m - *place;
                let reach_m = MAX_GATE_M + participant.extent_m().0 / 2.0;
                let name = participant.name_at(frame.measured_at);
                let same_identity = detection.v2x_id.is_some() && detection.v2x_id == name;
                if same_identity && offset.norm() < IDENTITY_GATE_M {
                    work.pairs.push(Pair { detection: d, track: t, cost: -1000.0 });
                    continue;
                }
                // Two vehicles that name themselves differently are two vehicles.
                let different = detection.v2x_id.is_some() && name.is_some() && !same_identity;
                if different || offset.norm_squared() > reach_m * reach_m {
                    continue;
                }
                let foreseen = participant.predicted(frame.measured_at);
                let noise = participant.measurement_noise(model, detection);
                let Some(distance) = foreseen.distance(detection.position_m, noise) else { continue };
                if distance.squared > GATE {
                    continue;
                }
                let mut cost = distance.squared + distance.log_det.clamp(-6.0, 6.0) * 0.5;
                cost += class_mismatch(participant, detection);
                cost += motion_mismatch(&foreseen, model, detection);
                match participant.was(frame.sensor, detection.object_id, frame.measured_at) {
                    Some(true) => cost -= 3.0,
                    Some(false) => cost += 1.5,
                    None => {}
                }
                if cost < MISS_COST {
                    work.pairs.push(Pair { detection: d, track: t, cost });
                }
            }
        }
    }

    /// Whether a detection that belongs to nobody lies where a participant already is: the second echo of a truck, or
    /// a sensor's box that fell apart. What names itself, is of another kind or moves otherwise is never one of these, and
    /// a participant that no sensor ever saw hides nobody.
    fn in_a_footprint(&self, at: Timestamp, detection: &Detection) -> bool {
        let hides = |participant: &&Participant| {
            let kind = group(participant.class.best().0);
            participant.confirmed
                && participant.seen_by_sensor
                && detection.class.is_none_or(|class| group(class) == kind)
                && detection
                    .velocity
                    .is_none_or(|velocity| (velocity.mps - participant.kinematics.velocity_mps()).norm() < 3.0)
        };
        detection.v2x_id.is_none()
            && self.participants.iter().filter(hides).any(|participant| {
                let (length_m, width_m) = participant.extent_m();
                let offset = detection.position_m - participant.position_at(at);
                let vehicle = participant.class.best().0.is_motor_vehicle();
                let room_m = if vehicle { 0.7 } else { 0.2 };
                let Some(heading_rad) = participant.heading_rad else {
                    return offset.norm() < width_m / 2.0 + room_m;
                };
                let along = offset.rotated(-heading_rad);
                along.x.abs() < length_m / 2.0 + room_m && along.y.abs() < width_m / 2.0 + room_m * 0.6
            })
    }

    /// Two tracks that move as one are one: the younger goes, unless both name themselves. Only a pair of one that the
    /// frame touched and one that it did not can have become one: what one frame shows twice is two.
    fn merge_doubles(&mut self, at: Timestamp, touched: &[TrackId]) {
        let is_touched: Vec<bool> = self.participants.iter().map(|p| touched.contains(&p.id)).collect();
        // From, to: participants stand in the order of their births, so the first of a pair is the older.
        let mut merged: Vec<(usize, usize)> = Vec::new();
        let gone = |merged: &[(usize, usize)], index: usize| merged.iter().any(|(from, _)| *from == index);
        for (index, (one, _)) in self.participants.iter().zip(&is_touched).enumerate().filter(|(_, (_, t))| **t) {
            if gone(&merged, index) {
                continue;
            }
            let place = one.position_at(at);
            for (other_index, (other, _)) in
                self.participants.iter().zip(&is_touched).enumerate().filter(|(_, (_, t))| !**t)
            {
                let offset = other.position_at(at) - place;
                let reach_m = (one.extent_m().1 + other.extent_m().1) * 0.3;
                let as_one = offset.norm_squared() < reach_m * reach_m
                    && (other.kinematics.velocity_mps() - one.kinematics.velocity_mps()).norm() < 1.5;
                let names = one.name_at(at).zip(other.name_at(at));
                if as_one && names.is_none_or(|(a, b)| a == b) && !gone(&merged, other_index) {
                    merged.push((index.max(other_index), index.min(other_index)));
                    break;
                }
            }
        }
        for (from, to) in &merged {
            let name = self.participants.get(*from).and_then(|p| p.name_at(at).map(|_| *p));
            if let (Some(named), Some(heir)) = (name, self.participants.get_mut(*to)) {
                heir.inherit_name(&named);
            }
        }
        if !merged.is_empty() {
            let mut index = 0;
            self.participants.retain(|_| {
                index += 1;
                !gone(&merged, index - 1)
            });
        }
    }
}

/// Kinds of road users that no sensor mistakes for each other often.
fn group(class: Class) -> u8 {
    match class {
        Class::Car | Class::Truck | Class::Bus => 0,
        Class::Motorcycle | Class::Bicycle => 1,
        Class::Pedestrian => 2,
    }
}

fn class_mismatch(participant: &Participant, detection: &Detection) -> f64 {
    let Some(class) = detection.class else { return 0.0 };
    let same: f64 =
        Class::ALL.into_iter().filter(|other| group(*other) == group(class)).map(|c| participant.class.of(c)).sum();
    // A sensor is wrong about the group about once in twenty.
    -2.0 * (0.05 + 0.95 * same).ln()
}

fn motion_mismatch(foreseen: &Kinematics, model: &SensorModel, detection: &Detection) -> f64 {
    let [.., vxx, _, vyy] = foreseen.upper_triangle();
    let spread = f64::midpoint(vxx, vyy);
    let mut cost = 0.0;
    if let Some(velocity) = detection.velocity {
        let off = velocity.mps - foreseen.velocity_mps();
        cost += off.norm_squared() / (spread + velocity.sd_mps * velocity.sd_mps + 0.25);
    }
    if let Some(radial) = detection.radial {
        let direction = Vector2::from_angle((detection.position_m - model.position_m).angle_rad());
        let off = radial.speed_mps - foreseen.velocity_mps().dot(direction);
        cost += off * off / (spread + radial.sd_mps * radial.sd_mps + 0.25);
    }
    cost.min(9.0)
}
