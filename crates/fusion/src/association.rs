//! Which detection may be of which participant, and how likely.
//!
//! The cost of a pair is minus twice the logarithm of its likelihood: distance in units of the common uncertainty, size
//! of that uncertainty, agreement in speed, direction, Doppler, class and the sensor's own identity, and how sure it is
//! that the participant exists (S. Blackman, R. Popoli, "Design and Analysis of Modern Tracking Systems", 1999, 6).

use rsu_units::{Timestamp, Vector2};

use crate::class::{Group, likelihood};
use crate::linear::length;
use crate::participant::{Observer, Participant, digest, noise as noise_of};
use crate::registration::Registration;
use crate::types::{Covariance2, Detection};

/// Squared distance, in units of the uncertainty, beyond which nothing is paired. Generous: the cost decides.
const GATE: f64 = 40.0;
/// What it costs that a detection is of nobody known: clutter, or a newcomer.
pub(crate) const NOBODY: f64 = 14.0;
/// No gate is wider than this, metres: beyond it, a coasting track would swallow its neighbours. That of a person is no
/// wider than the noise of the detection and this.
const PERSON_GATE_M: f64 = 2.0;
const MAX_GATE_M: f64 = 8.0;
/// A V2X identity binds within this distance, metres.
pub(crate) const IDENTITY_GATE_M: f64 = 12.0;
/// What it is worth that a sensor gives the same identity as before, and what it costs that it gives another.
const SAME_OBJECT: f64 = 7.0;
const OTHER_OBJECT: f64 = 6.0;
/// Disagreement in motion costs no more than this.
const MAX_MOTION: f64 = 12.0;
/// Variance of the logarithm of a length that a sensor sees, and the most that disagreement in size costs.
const SIZE_VARIANCE: f64 = 0.12;
const MAX_SIZE: f64 = 10.0;
/// The cost of a V2X identity that is known.
const SURELY: f64 = -1000.0;

/// How far around a detection to look, metres.
pub(crate) fn reach_m(by: &Observer<'_>, detection: &Detection) -> f64 {
    if by.is_v2x() {
        return IDENTITY_GATE_M;
    }
    let c = detection.covariance_m2;
    (4.0 * (c.xx + c.yy).sqrt() + 3.0).min(MAX_GATE_M)
}

/// The cost of a pair beyond that of none, so below zero; `None` where none is better. `offset_m` leads from the
/// participant's place, as the sensor's clock has it, to the detection.
pub(crate) fn cost(
    participant: &Participant,
    at: Timestamp,
    by: &Observer<'_>,
    registration: &Registration,
    detection: &Detection,
    mut offset_m: Vector2,
) -> Option<f64> {
    let p = participant.kinematics.position_covariance();
    let noise;
    if by.is_v2x() {
        let name = participant.name_at(at);
        if name.is_some() {
            return (detection.v2x_id == name).then_some(SURELY);
        }
        noise = detection.covariance_m2.plus(1.0, Covariance2 { xx: 0.1, xy: 0.0, yy: 0.1 });
    } else {
        let (direction, depth_m) = participant.depth(by.model);
        if by.parts.reflection {
            let share = by.share(participant.kinematics.position_m);
            offset_m = offset_m - direction * (registration.reflection(share) * depth_m);
        }
        noise = noise_of(by, detection.covariance_m2, direction, depth_m);
    }
    // However uncertain its place has become out of sight: a person does not get far.
    let limit_m = PERSON_GATE_M + 3.0 * (noise.xx + noise.yy).sqrt();
    if participant.best.group() == Group::Pedestrian && offset_m.norm_squared() > limit_m * limit_m {
        return None;
    }
    let s = p.plus(1.0, noise);
    let det = s.xx * s.yy - s.xy * s.xy;
    let squared =
        (s.yy * offset_m.x * offset_m.x - 2.0 * s.xy * offset_m.x * offset_m.y + s.xx * offset_m.y * offset_m.y) / det;
    // Also refuses what is no number.
    if !(squared <= GATE && det > 0.0) {
        return None;
    }
    let mut cost = squared + motion(participant, by, detection) - NOBODY;
    if let Some(same) =
        detection.object_id.filter(|_| by.parts.object_ids).and_then(|id| participant.was(by.sensor, digest(id), at))
    {
        cost += if same { -SAME_OBJECT } else { OTHER_OBJECT };
    }
    let mut factor = participant.existence.max(0.05);
    if let Some(class) = detection.class.filter(|_| by.parts.class) {
        factor *= (2.0 * participant.class.likelihood(likelihood(by.model.kind, class))).max(0.02);
    }
    if let Some((long_m, _)) = detection.extent_m.filter(|_| by.parts.class && participant.extent_weight > 2.0) {
        // Sensors see parts, so sizes differ by factors; but a person is no car.
        let off = (long_m / participant.extent_m.0.max(0.1)).max(0.01).ln();
        cost += (off * off / SIZE_VARIANCE).min(MAX_SIZE);
    }
    cost += (det.max(1e-4) / (factor * factor)).ln();
    (cost < 0.0).then_some(cost)
}

/// Disagreement in speed, direction and Doppler.
fn motion(participant: &Participant, by: &Observer<'_>, detection: &Detection) -> f64 {
    let v = participant.kinematics.velocity_covariance();
    let spread = 0.5 * (v.xx + v.yy);
    let own = participant.kinematics.velocity_mps;
    let mut cost: f64 = 0.0;
    if let Some(velocity) = detection.velocity.filter(|_| by.parts.velocity) {
        let (known_mps, told_mps) = (length(own), length(velocity.mps));
        if known_mps * known_mps > 4.0 * spread && told_mps > 2.0 * velocity.along_sd_mps.min(0.5) {
            let off_rad = own.cross(velocity.mps).atan2(own.dot(velocity.mps));
            let sd_rad = velocity.across_sd_mps / told_mps;
            let off_mps = told_mps - known_mps;
            cost += off_mps * off_mps / (spread + velocity.along_sd_mps * velocity.along_sd_mps + 0.05);
            // Less what agreement costs on the average.
            cost += off_rad * off_rad / (sd_rad * sd_rad + spread / (known_mps * known_mps) + 0.005) - 1.0;
        } else {
            let (along, across) = (velocity.along_sd_mps, velocity.across_sd_mps);
            let variance = 0.5 * (along * along + across * across);
            cost += (velocity.mps - own).norm_squared() / (2.0 * (spread + variance) + 0.25);
        }
    } else if let Some(speed) = detection.speed.filter(|_| by.parts.velocity) {
        let off_mps = speed.mps - length(own);
        cost += off_mps * off_mps / (spread + speed.sd_mps * speed.sd_mps + 0.25);
    }
    if let Some(radial) = detection.radial.filter(|_| by.parts.doppler) {
        let line = participant.kinematics.position_m - by.model.position_m;
        let off_mps = radial.speed_mps - own.dot(line) / length(line).max(0.1);
        cost += off_mps * off_mps / (spread + radial.sd_mps * radial.sd_mps + 0.1);
    }
    cost.min(MAX_MOTION)
}
