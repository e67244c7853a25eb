//! How a detection changes the participant that it is of.
//!
//! Position first, along the axes of its noise; then speed and heading in polar form; then Doppler; then what changes
//! slowly: class, extent, heading of the body. A report of the participant itself also teaches the error of its GNSS.

use std::f64::consts::PI;

use rsu_units::{Timestamp, Vector2, angle::wrap_rad};

use crate::class::likelihood;
use crate::kinematics::{GnssBias, Of};
use crate::linear::{angle_between, length, normal};
use crate::participant::{
    Direction, Observer, Participant, Reporter, Seen, WHITE_SHARE, bias_variance, noise as noise_of,
};
use crate::registration::{Registration, Residual};
use crate::types::{Covariance2, Detection, SensorKind};

/// Existence is never surer than this.
const SUREST: f64 = 0.9999;
/// A reported heading is never surer than a milliradian, whatever its sensor says: variance, square radians.
const SUREST_HEADING_RAD2: f64 = 1e-6;
/// A sensor's errors are learnt from every n-th detection of a participant: neighbouring ones share their errors.
const LEARN_EVERY: u32 = 4;

impl Participant {
    /// Takes a detection into account that was measured at the time of the participant's state. `gain` is how much likelier
    /// the detection is if the participant exists than if not. Returns the residual along and across the main axis
    /// of its noise, metres.
    pub(crate) fn hit(
        &mut self,
        by: &Observer<'_>,
        at: Timestamp,
        detection: &Detection,
        registration: &mut Registration,
        gain: f64,
    ) -> (f64, f64) {
        let own_report = detection.v2x_id.is_some();
        let (direction, depth_m) = self.depth(by.model);
        let mut shift_m = Vector2::default();
        let noise;
        if own_report {
            let variance = self.meet(by, at, detection);
            let white = 0.02 + WHITE_SHARE * variance;
            let biased = Covariance2 { xx: white, xy: 0.0, yy: white };
            noise = if by.parts.gnss_bias { biased } else { detection.covariance_m2 };
        } else {
            if by.parts.reflection {
                shift_m = direction * (registration.reflection(by.share(self.kinematics.position_m)) * depth_m);
            }
            if by.parts.registration {
                shift_m = shift_m - self.kinematics.velocity_mps * registration.clock_s();
            }
            noise = noise_of(by, detection.covariance_m2, direction, depth_m);
            if by.parts.registration || by.parts.reflection {
                self.teach(by, at, detection.position_m - shift_m, noise, (direction, depth_m), registration);
            }
        }
        let biased = own_report && by.parts.gnss_bias;
        let of = if biased { Of::BiasedPosition } else { Of::Position };
        let (axis, along, across) = noise.axes();
        let mut residual_m = [0.0; 2];
        for ((axis, variance), residual_m) in [(axis, along), (normal(axis), across)].into_iter().zip(&mut residual_m) {
            let bias_m = self.v2x.filter(|_| biased).map_or(Vector2::default(), |reporter| reporter.bias.mean_m);
            *residual_m = axis.dot(detection.position_m - shift_m - self.kinematics.position_m - bias_m);
            self.update(of, axis, *residual_m, variance);
        }
        if by.parts.velocity {
            self.take_velocity(detection);
        }
        if let Some(radial) = detection.radial.filter(|_| by.parts.doppler) {
            let line = self.kinematics.position_m - by.model.position_m;
            let direction = line * length(line).max(0.1).recip();
            let residual_mps = radial.speed_mps - self.kinematics.velocity_mps.dot(direction);
            self.update(Of::Velocity, direction, residual_mps, radial.sd_mps * radial.sd_mps + 0.01);
        }
        self.existence = (self.existence * gain / (self.existence * gain + 1.0 - self.existence)).min(SUREST);
        self.last_measured_at = self.last_measured_at.max(at);
        self.learn(by, at, detection);
        let [along_m, across_m] = residual_m;
        (along_m, across_m)
    }

    fn update(&mut self, of: Of, direction: Vector2, residual: f64, variance: f64) {
        let bias = self.v2x.as_mut().map(|reporter| &mut reporter.bias);
        self.kinematics.update(of, direction, residual, variance, bias);
    }

    /// Makes sure that who reports is known by its name. Returns the variance of the report's slowly varying error.
    fn meet(&mut self, by: &Observer<'_>, at: Timestamp, detection: &Detection) -> f64 {
        let variance = bias_variance(detection, by.parts);
        if let Some(id) = detection.v2x_id
            && self.v2x.is_none_or(|known| known.id != id)
        {
            self.v2x = Some(Reporter { id, heard_at: at, bias: GnssBias::new(variance) });
        }
        variance
    }

    fn take_velocity(&mut self, detection: &Detection) {
        let known_mps = length(self.kinematics.velocity_mps);
        if let Some(velocity) = detection.velocity {
            let speed_mps = length(velocity.mps);
            let told = speed_mps > 1e-6;
            let axis = if told { velocity.mps * speed_mps.recip() } else { Vector2::new(1.0, 0.0) };
            let heading_sd_rad = if told { velocity.across_sd_mps / speed_mps } else { 1.0 };
            let v = self.kinematics.velocity_covariance();
            let own = self.kinematics.velocity_mps;
            let off_rad = angle_between(own, axis);
            if known_mps * known_mps > 4.0 * (v.xx + v.yy) && off_rad.abs() < 0.8 {
                // In polar form: a noisy direction turns the velocity and must not shorten it.
                let along = own * known_mps.recip();
                self.take_speed(along, speed_mps, velocity.along_sd_mps);
                let across_sd_mps = (known_mps * heading_sd_rad).max(0.1);
                self.update(Of::Velocity, normal(along), known_mps * off_rad, across_sd_mps * across_sd_mps);
            } else {
                self.take_speed(axis, speed_mps, velocity.along_sd_mps);
                let across_sd_mps = (speed_mps.max(known_mps) * heading_sd_rad).max(0.3);
                let across = normal(axis);
                let residual_mps = -self.kinematics.velocity_mps.dot(across);
                self.update(Of::Velocity, across, residual_mps, across_sd_mps * across_sd_mps);
            }
        } else if let Some(speed) = detection.speed
            && known_mps > 0.2
        {
            self.take_speed(self.kinematics.velocity_mps * known_mps.recip(), speed.mps, speed.sd_mps);
        }
    }

    /// Takes a speed along an axis. A speed has no sign: near standstill its noise would always push forwards, so it counts
    /// as the mean of both signs, by how likely each is (the moments of a folded normal), or not at all.
    fn take_speed(&mut self, axis: Vector2, speed_mps: f64, sd_mps: f64) {
        let foreseen_mps = self.kinematics.velocity_mps.dot(axis);
        let spread = self.kinematics.velocity_covariance().along(axis);
        let sure = (speed_mps * foreseen_mps / (sd_mps * sd_mps + spread)).tanh();
        let doubt = 1.0 - sure * sure;
        let within = 3.0 * (sd_mps * sd_mps + spread).sqrt();
        if doubt > 0.5 && foreseen_mps.abs() > 0.3 && foreseen_mps.abs() < within {
            return;
        }
        let variance = sd_mps * sd_mps + 4.0 * (sd_mps * sd_mps + speed_mps * speed_mps) * doubt;
        self.update(Of::Velocity, axis, speed_mps * sure - foreseen_mps, variance);
    }

    /// Teaches the sensor's errors by a participant that is well known, and to other sensors too.
    fn teach(
        &self,
        by: &Observer<'_>,
        at: Timestamp,
        measured_m: Vector2,
        noise: Covariance2,
        (direction, depth_m): (Vector2, f64),
        registration: &mut Registration,
    ) {
        let p = self.kinematics.position_covariance();
        if self.hits < 10 || !self.hits.is_multiple_of(LEARN_EVERY) || p.xx + p.yy > 1.0 {
            return;
        }
        let own = by.sensor.index();
        if !self.seen.iter().enumerate().any(|(index, seen)| index != own && seen.within(at, 0.4)) {
            return;
        }
        let residual_m = measured_m - self.kinematics.position_m;
        let (axis, along, across) = p.plus(1.0, noise).axes();
        let (on, off) = (residual_m.dot(axis), residual_m.dot(normal(axis)));
        if on * on / along + off * off / across > 9.0 {
            return;
        }
        let arm_m = self.kinematics.position_m - by.model.position_m;
        for (axis, residual_m, variance) in [(axis, on, along), (normal(axis), off, across)] {
            registration.learn(&Residual {
                axis,
                arm_m,
                velocity_mps: self.kinematics.velocity_mps,
                depth_m: direction * depth_m,
                share: by.share(self.kinematics.position_m),
                off_m: residual_m,
                variance_m2: variance,
            });
        }
    }

    /// What changes slowly, and who saw it when.
    pub(crate) fn learn(&mut self, by: &Observer<'_>, at: Timestamp, detection: &Detection) {
        self.hits += 1;
        let kind = by.model.kind;
        if let Some(class) = detection.class.filter(|_| self.hits > 1 && by.parts.class) {
            self.class.observe(likelihood(kind, class));
            self.best = self.class.best().0;
            if kind != SensorKind::Radar {
                self.classified_at = self.classified_at.max(at);
            }
        }
        if let Some((length_m, width_m)) = detection.extent_m {
            // A participant knows its own size; a sensor sees it to some ten percent, each time anew.
            let weight = if kind == SensorKind::V2x { 20.0 } else { 1.0 };
            self.extent_weight = (self.extent_weight + weight).min(60.0);
            let gain = weight / self.extent_weight;
            self.extent_m.0 += gain * (length_m - self.extent_m.0);
            self.extent_m.1 += gain * (width_m - self.extent_m.1);
        }
        if let Some(reporter) = self.v2x.as_mut().filter(|_| detection.v2x_id.is_some()) {
            reporter.heard_at = at;
        }
        self.seen_by_sensor |= kind != SensorKind::V2x;
        let velocity_mps = self.kinematics.velocity_mps;
        let speed_mps = length(velocity_mps);
        let mut turned = false;
        if let Some(heading) = detection.heading {
            self.turn(heading.rad, (heading.sd_rad * heading.sd_rad).max(SUREST_HEADING_RAD2), speed_mps);
            turned = true;
        }
        if speed_mps > 1.5 {
            let v = self.kinematics.velocity_covariance();
            let variance = (0.5 * (v.xx + v.yy) / (speed_mps * speed_mps)).max(1e-4) + 0.003;
            match self.heading.filter(|_| !turned) {
                // The axis is that of the heading as it is.
                Some(heading) => self.turn_by(angle_between(heading.axis, velocity_mps), variance, speed_mps),
                None => self.turn(velocity_mps.angle_rad(), variance, speed_mps),
            }
            turned = true;
        }
        if let Some(heading) = self.heading.as_mut().filter(|_| turned) {
            heading.axis = Vector2::from_angle(heading.rad);
        }
        self.manoeuvre = self.manoeuvre(by.parts);
        if let Some(seen) = self.seen.get_mut(by.sensor.index()) {
            *seen = Seen::new(at, detection.object_id);
        }
    }

    fn turn(&mut self, rad: f64, variance: f64, speed_mps: f64) {
        let Some(heading) = &self.heading else {
            self.heading = Some(Direction { rad: wrap_rad(rad), variance, axis: Vector2::default() });
            return;
        };
        let off_rad = wrap_rad(rad - heading.rad);
        self.turn_by(off_rad, variance, speed_mps);
    }

    fn turn_by(&mut self, mut off_rad: f64, variance: f64, speed_mps: f64) {
        let Some(heading) = &mut self.heading else { return };
        if off_rad.abs() > 2.0 && speed_mps < 1.0 {
            // Of who stands, head and tail are easily mistaken for each other.
            off_rad = wrap_rad(off_rad + PI);
        }
        let gain = heading.variance / (heading.variance + variance);
        heading.rad = wrap_rad(heading.rad + gain * off_rad);
        heading.variance *= 1.0 - gain;
    }
}
