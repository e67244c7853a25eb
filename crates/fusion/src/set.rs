//! The set of participants, and how one frame changes it.

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
    predicted: Vec<Kinematics>,
    pairs: Vec<Pair>,
    assigned: Vec<bool>,
    assignment: Assignment,
}

/// Gives identities to births: the same birth gets the same identity when frames are run again.
pub(crate) trait Identities {
    fn identity(&mut self, frame: &SensorFrame, detection: usize) -> TrackId;
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
        work.predicted.clear();
        work.predicted.extend(self.participants.iter().map(|participant| participant.predicted(at)));
        self.pair_up(frame, model, work);
        work.assigned.clear();
        work.assigned.resize(frame.detections.len(), false);
        let of_tracks = work.assignment.solve(frame.detections.len(), self.participants.len(), &work.pairs, MISS_COST);

        for ((participant, foreseen), detection) in self.participants.iter_mut().zip(&work.predicted).zip(of_tracks) {
            let assigned = detection.and_then(|index| Some((index, frame.detections.get(index)?)));
            if let Some((index, detection)) = assigned {
                participant.hit(frame.sensor, model, at, detection);
                participant.confirmed |= participant.hits >= CONFIRM_HITS && participant.existence > CONFIRM_EXISTENCE;
                if let Some(slot) = work.assigned.get_mut(index) {
                    *slot = true;
                }
            } else if model.kind != SensorKind::V2x && model.sees(foreseen.position_m()) {
                participant.missed(model.kind, at);
            }
        }

        for (index, detection) in frame.detections.iter().enumerate() {
            let free = work.assigned.get(index) == Some(&false);
            if free && !self.in_a_footprint(at, detection) {
                let id = identities.identity(frame, index);
                self.participants.push(Participant::born(id, frame.sensor, model, at, detection));
            }
        }
        self.participants.retain(|participant| !participant.is_over(at));
        self.merge_doubles(at);
    }

    /// Lets the weakest go where there are more than `max`.
    pub(crate) fn keep_strongest(&mut self, max: usize) {
        if self.participants.len() <= max {
            return;
        }
        let mut strengths: Vec<f64> = self.participants.iter().map(|participant| participant.existence).collect();
        strengths.sort_unstable_by(|a, b| b.total_cmp(a));
        let least = max.checked_sub(1).and_then(|last| strengths.get(last)).copied().unwrap_or(f64::INFINITY);
        let mut room = max;
        self.participants.retain(|participant| {
            let keep = participant.existence >= least && room > 0;
            room -= usize::from(keep);
            keep
        });
    }

    fn pair_up(&self, frame: &SensorFrame, model: &SensorModel, work: &mut Workspace) {
        work.pairs.clear();
        for (d, detection) in frame.detections.iter().enumerate() {
            for (t, (participant, foreseen)) in self.participants.iter().zip(&work.predicted).enumerate() {
                let offset = detection.position_m - foreseen.position_m();
                let reach_m = MAX_GATE_M + participant.extent_m().0 / 2.0;
                let same_identity = detection.v2x_id.is_some() && detection.v2x_id == participant.v2x_id;
                if same_identity && offset.norm() < IDENTITY_GATE_M {
                    work.pairs.push(Pair { detection: d, track: t, cost: -1000.0 });
                    continue;
                }
                // Two vehicles that name themselves differently are two vehicles.
                let different = detection.v2x_id.is_some() && participant.v2x_id.is_some() && !same_identity;
                if different || offset.norm_squared() > reach_m * reach_m {
                    continue;
                }
                let noise = participant.measurement_noise(model, detection);
                let Some(distance) = foreseen.distance(detection.position_m, noise) else { continue };
                if distance.squared > GATE {
                    continue;
                }
                let mut cost = distance.squared + distance.log_det.clamp(-6.0, 6.0) * 0.5;
                cost += class_mismatch(participant, detection);
                cost += motion_mismatch(foreseen, model, detection);
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
    /// a sensor's box that fell apart. A participant that names itself is never one of these.
    fn in_a_footprint(&self, at: Timestamp, detection: &Detection) -> bool {
        detection.v2x_id.is_none()
            && self.participants.iter().filter(|participant| participant.confirmed).any(|participant| {
                let (length_m, width_m) = participant.extent_m();
                let offset = detection.position_m - participant.predicted(at).position_m();
                let along = offset.rotated(-participant.heading_rad.unwrap_or(0.0));
                let vehicle = participant.class.best().0.is_motor_vehicle();
                let room_m = if vehicle { 0.7 } else { 0.2 };
                along.x.abs() < length_m / 2.0 + room_m && along.y.abs() < width_m / 2.0 + room_m * 0.6
            })
    }

    /// Two tracks that move as one are one: the younger goes, unless it alone names itself.
    fn merge_doubles(&mut self, at: Timestamp) {
        let states: Vec<(Vector2, Vector2)> = self
            .participants
            .iter()
            .map(|participant| {
                let foreseen = participant.predicted(at);
                (foreseen.position_m(), foreseen.velocity_mps())
            })
            .collect();
        let mut gone: Vec<TrackId> = Vec::new();
        let mut given: Vec<(TrackId, TrackId)> = Vec::new();
        for (index, (a, state_a)) in self.participants.iter().zip(&states).enumerate() {
            for (b, state_b) in self.participants.iter().zip(&states).skip(index + 1) {
                let reach_m = (a.extent_m().1 + b.extent_m().1) * 0.3;
                let near = (state_a.0 - state_b.0).norm() < reach_m && (state_a.1 - state_b.1).norm() < 1.5;
                let both_named = a.v2x_id.is_some() && b.v2x_id.is_some();
                if near && !both_named {
                    // Participants stand in the order of their births.
                    gone.push(b.id);
                    given.push((b.id, a.id));
                }
            }
        }
        for (from, to) in given {
            let name = self.participants.iter().find(|p| p.id == from).and_then(|p| p.v2x_id);
            if let (Some(name), Some(heir)) = (name, self.participants.iter_mut().find(|p| p.id == to)) {
                heir.v2x_id.get_or_insert(name);
            }
        }
        if !gone.is_empty() {
            self.participants.retain(|participant| !gone.contains(&participant.id));
        }
    }
}

fn class_mismatch(participant: &Participant, detection: &Detection) -> f64 {
    let Some(class) = detection.class else { return 0.0 };
    let group = |class: Class| match class {
        Class::Car | Class::Truck | Class::Bus => 0,
        Class::Motorcycle | Class::Bicycle => 1,
        Class::Pedestrian => 2,
    };
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
