//! What is wrong with a sensor: errors of its place, direction and clock, and which point of a road user it sees.
//!
//! Each sensor's errors are the state of a small Kalman filter that learns from the residuals of its detections against
//! tracks that other sensors see too. The tracks contain the sensor's own detections and each other's errors, so residuals
//! count for less than their noise says, and what all sensors have in common cannot be observed at all: without
//! evidence each estimate falls back to what is usual, so a common error does not build up.
//! (Y. Bar-Shalom, X. R. Li, "Multitarget-Multisensor Tracking", 1995, 8; X. Lin, Y. Bar-Shalom, T. Kirubarajan,
//! "Multisensor-Multitarget Bias Estimation for General Asynchronous Sensors", IEEE T-AES 2005.)

use rsu_units::Vector2;

use crate::types::SensorKind;

/// East, north, yaw, clock, reflection near and far.
const N: usize = 6;
/// One-sigma of each error before anything is known: metres, metres, radians, seconds, shares of the depth.
const PRIOR_SD: [f64; N] = [0.25, 0.25, 0.007, 0.012, 0.02, 0.02];
/// Without evidence an error is forgotten within this time, seconds.
const TIME_CONSTANT_S: f64 = 50.0;
/// Residuals share their errors with their neighbours in time and place: each counts as a fraction of one.
const DEFLATION: f64 = 8.0;

/// The estimated errors of one sensor, already applied to its detections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Registration {
    mean: [f64; N],
    covariance: [[f64; N]; N],
    prior: [f64; N],
}

/// The errors that all sensors could have in common: place, direction, clock.
const COMMON: std::ops::Range<usize> = 0..4;
/// What all sensors have in common goes within this time, seconds.
const COMMON_TIME_CONSTANT_S: f64 = 2.0;

/// Takes off what the estimates have in common. An error that all share cannot be seen in their differences: the mean of
/// the sensors is right by convention, each counting as far as something is known of it.
pub(crate) fn centre(registrations: &mut [Registration], dt_s: f64) {
    let share = 1.0 - (-dt_s / COMMON_TIME_CONSTANT_S).exp();
    for index in COMMON {
        let (mut sum, mut weights) = (0.0, 0.0);
        for registration in registrations.iter() {
            let known = registration.known(index);
            sum += known * registration.mean.get(index).copied().unwrap_or(0.0);
            weights += known;
        }
        if weights < 1.0 {
            continue;
        }
        let common = sum / weights;
        for registration in registrations.iter_mut() {
            let known = registration.known(index);
            if let Some(mean) = registration.mean.get_mut(index) {
                *mean -= share * known * common;
            }
        }
    }
}

/// One component of one residual.
pub(crate) struct Residual {
    /// Direction of the component.
    pub(crate) axis: Vector2,
    /// From the sensor to the participant.
    pub(crate) arm_m: Vector2,
    pub(crate) velocity_mps: Vector2,
    /// Extent of the participant along the line of sight, with its direction.
    pub(crate) depth_m: Vector2,
    /// Distance as a share of the sensor's range.
    pub(crate) share: f64,
    /// The residual along the axis.
    pub(crate) off_m: f64,
    pub(crate) variance_m2: f64,
}

impl Registration {
    pub(crate) fn new(kind: SensorKind) -> Self {
        // Where the detection lies of a participant, as a share of its depth from its centre: a camera sees the near
        // side's contact with the road, a radar any part of the near side, a lidar the near side alone once it is far.
        let (near, far) = match kind {
            SensorKind::Radar => (-0.1, -0.1),
            SensorKind::Camera => (-0.12, -0.12),
            SensorKind::Lidar => (-0.02, -0.08),
            SensorKind::V2x => (0.0, 0.0),
        };
        let prior = [0.0, 0.0, 0.0, 0.0, near, far];
        let mut covariance = [[0.0; N]; N];
        for (index, (row, sd)) in covariance.iter_mut().zip(PRIOR_SD).enumerate() {
            if let Some(cell) = row.get_mut(index) {
                *cell = sd * sd;
            }
        }
        Self { mean: prior, covariance, prior }
    }

    /// How far its detections are off, site frame, metres.
    #[must_use]
    pub fn offset_m(&self) -> Vector2 {
        let [east, north, ..] = self.mean;
        Vector2::new(east, north)
    }

    /// How far its detections are turned around it, radians counter-clockwise.
    #[must_use]
    pub fn yaw_rad(&self) -> f64 {
        let [_, _, yaw, ..] = self.mean;
        yaw
    }

    /// How much later than the truth its time stamps are, seconds.
    #[must_use]
    pub fn clock_s(&self) -> f64 {
        let [_, _, _, clock, ..] = self.mean;
        clock
    }

    /// Where its detections lie from the centre of what they are of, along the line of sight: a share of the extent
    /// along it, negative towards the sensor; at a distance that is a share (0 to 1) of its range.
    #[must_use]
    pub fn reflection(&self, share_of_range: f64) -> f64 {
        let [.., near, far] = self.mean;
        near + share_of_range.clamp(0.0, 1.0) * (far - near)
    }

    /// One-sigma of each component of [`offset_m`](Self::offset_m).
    #[must_use]
    pub fn offset_sd_m(&self) -> f64 {
        (0.5 * (self.variance(0) + self.variance(1))).sqrt()
    }

    /// One-sigma of [`yaw_rad`](Self::yaw_rad).
    #[must_use]
    pub fn yaw_sd_rad(&self) -> f64 {
        self.variance(2).sqrt()
    }

    /// One-sigma of [`clock_s`](Self::clock_s).
    #[must_use]
    pub fn clock_sd_s(&self) -> f64 {
        self.variance(3).sqrt()
    }

    /// How much of an error is known, 0 to 1.
    fn known(&self, index: usize) -> f64 {
        let prior = PRIOR_SD.get(index).map_or(1.0, |sd| sd * sd);
        (1.0 - self.variance(index) / prior).clamp(0.0, 1.0)
    }

    fn variance(&self, index: usize) -> f64 {
        self.covariance.get(index).and_then(|row| row.get(index)).copied().unwrap_or(0.0).max(0.0)
    }

    /// Time passes.
    pub(crate) fn fade(&mut self, dt_s: f64) {
        let phi = 1.0 - (dt_s / TIME_CONSTANT_S).clamp(0.0, 1.0);
        for (mean, prior) in self.mean.iter_mut().zip(self.prior) {
            *mean = prior + phi * (*mean - prior);
        }
        for (index, (row, sd)) in self.covariance.iter_mut().zip(PRIOR_SD).enumerate() {
            for cell in row.iter_mut() {
                *cell *= phi * phi;
            }
            if let Some(cell) = row.get_mut(index) {
                *cell += sd * sd * (1.0 - phi * phi);
            }
        }
    }

    /// Takes one component of a residual into account.
    pub(crate) fn learn(&mut self, of: &Residual) {
        let across = Vector2::new(-of.arm_m.y, of.arm_m.x);
        let depth = of.axis.dot(of.depth_m);
        let h = [
            of.axis.x,
            of.axis.y,
            of.axis.dot(across),
            -of.axis.dot(of.velocity_mps),
            depth * (1.0 - of.share),
            depth * of.share,
        ];
        let mut ph = [0.0; N];
        for (slot, row) in ph.iter_mut().zip(&self.covariance) {
            *slot = row.iter().zip(h).map(|(p, h)| p * h).sum();
        }
        let f = (of.variance_m2 * DEFLATION + ph.iter().zip(h).map(|(p, h)| p * h).sum::<f64>()).recip();
        if !(f > 0.0 && f.is_finite() && of.off_m.is_finite()) {
            return;
        }
        for (mean, p) in self.mean.iter_mut().zip(ph) {
            *mean += p * f * of.off_m;
        }
        for (row, a) in self.covariance.iter_mut().zip(ph) {
            for (cell, b) in row.iter_mut().zip(ph) {
                *cell -= f * a * b;
            }
        }
    }
}
