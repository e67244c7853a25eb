//! Which detection may be of which participant, and how likely.
//!
//! The cost of a pair is minus twice the logarithm of its likelihood: distance in units of the common uncertainty, size
//! of that uncertainty, agreement in speed, direction, Doppler, class and the sensor's own identity, and how sure it is
//! that the participant exists (S. Blackman, R. Popoli, "Design and Analysis of Modern Tracking Systems", 1999, 6).

use rsu_units::{Timestamp, Vector2};

use crate::class::{Group, likelihood};
use crate::linear::{angle_between, length};
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

/// How far around a detection to look, metres.
pub(crate) fn reach_m(detection: &Detection) -> f64 {
    let c = detection.covariance_m2;
    (4.0 * (c.xx + c.yy).sqrt() + 3.0).min(MAX_GATE_M)
}

/// How a sensor should see a participant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight {
    /// Where its detection should lie.
    place_m: Vector2,
    /// From the sensor.
    direction: Vector2,
    /// Extent along the line of sight.
    depth_m: f64,
}

/// How the sensor should see a participant, with the clock and the reflection point that it has.
pub(crate) fn sight(participant: &Participant, by: &Observer<'_>, registration: &Registration) -> Sight {
    let (direction, depth_m) = participant.depth(by.model);
    let mut place_m = participant.kinematics.position_m;
    if by.parts.reflection {
        let shift_m = registration.reflection(by.share(place_m)) * depth_m;
        place_m = place_m + direction * shift_m;
    }
    if by.parts.registration {
        place_m = place_m - participant.kinematics.velocity_mps * registration.clock_s();
    }
    Sight { place_m, direction, depth_m }
}

/// The cost of a sensor's detection being of a participant, beyond that of being of nobody, so below zero; `None` where
/// nobody is likelier.
pub(crate) fn cost(
    participant: &Participant,
    at: Timestamp,
    by: &Observer<'_>,
    sight: &Sight,
    detection: &Detection,
    reach_m: f64,
) -> Option<f64> {
    let offset_m = detection.position_m - sight.place_m;
    if offset_m.norm_squared() > reach_m * reach_m {
        return None;
    }
    let noise = noise_of(by, detection.covariance_m2, sight.direction, sight.depth_m);
    // However uncertain its place has become out of sight: a person does not get far.
    let limit_m = PERSON_GATE_M + 3.0 * (noise.xx + noise.yy).sqrt();
    if participant.best.group() == Group::Pedestrian && offset_m.norm_squared() > limit_m * limit_m {
        return None;
    }
    common_cost(participant, at, by, detection, offset_m, noise)
}

/// The cost of a report being of a participant that does not go by a name.
pub(crate) fn cost_of_report(
    participant: &Participant,
    at: Timestamp,
    by: &Observer<'_>,
    detection: &Detection,
) -> Option<f64> {
    let noise = detection.covariance_m2.plus(1.0, Covariance2 { xx: 0.1, xy: 0.0, yy: 0.1 });
    common_cost(participant, at, by, detection, detection.position_m - participant.kinematics.position_m, noise)
}

fn common_cost(
    participant: &Participant,
    at: Timestamp,
    by: &Observer<'_>,
    detection: &Detection,
    offset_m: Vector2,
    noise: Covariance2,
) -> Option<f64> {
    let s = participant.kinematics.position_covariance().plus(1.0, noise);
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
            let off_rad = angle_between(own, velocity.mps);
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
