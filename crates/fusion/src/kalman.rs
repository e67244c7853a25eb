//! The Kalman filter of one participant: state (x, y, vx, vy), site frame, SI units.

use nalgebra::{Matrix2, Matrix4, RowVector4, SMatrix, Vector2 as Column2, Vector4};
use rsu_units::Vector2;

use crate::types::Covariance2;

/// Mean and covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kinematics {
    mean: Vector4<f64>,
    covariance: Matrix4<f64>,
}

/// How far a measured position is from the foreseen one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Distance {
    /// Squared Mahalanobis distance.
    pub(crate) squared: f64,
    /// Logarithm of the determinant of the innovation's covariance.
    pub(crate) log_det: f64,
}

impl Kinematics {
    pub(crate) fn new(
        position_m: Vector2,
        covariance: Covariance2,
        velocity_mps: Vector2,
        velocity_sd_mps: f64,
    ) -> Self {
        let mut p = Matrix4::zeros();
        p.fixed_view_mut::<2, 2>(0, 0).copy_from(&matrix2(covariance));
        p.fixed_view_mut::<2, 2>(2, 2).fill_diagonal(velocity_sd_mps * velocity_sd_mps);
        Self { mean: Vector4::new(position_m.x, position_m.y, velocity_mps.x, velocity_mps.y), covariance: p }
    }

    pub(crate) fn position_m(&self) -> Vector2 {
        Vector2::new(self.mean.x, self.mean.y)
    }

    pub(crate) fn velocity_mps(&self) -> Vector2 {
        Vector2::new(self.mean.z, self.mean.w)
    }

    /// Upper triangle of the covariance, by rows.
    pub(crate) fn upper_triangle(&self) -> [f64; 10] {
        let p = &self.covariance;
        [p.m11, p.m12, p.m13, p.m14, p.m22, p.m23, p.m24, p.m33, p.m34, p.m44]
    }

    /// The state `dt_s` later (or earlier), the acceleration being white noise of the given strength.
    pub(crate) fn predicted(&self, dt_s: f64, acceleration_sd_mps2: f64) -> Self {
        let mut f = Matrix4::identity();
        f.m13 = dt_s;
        f.m24 = dt_s;
        let q = acceleration_sd_mps2 * acceleration_sd_mps2;
        let dt = dt_s.abs();
        let (q3, q2, q1) = (q * dt.powi(3) / 3.0, q * dt * dt_s / 2.0, q * dt);
        let mut p = f * self.covariance * f.transpose();
        p.m11 += q3;
        p.m22 += q3;
        p.m13 += q2;
        p.m31 += q2;
        p.m24 += q2;
        p.m42 += q2;
        p.m33 += q1;
        p.m44 += q1;
        Self { mean: f * self.mean, covariance: p }
    }

    /// Distance of a measured position; `None` when the covariances cannot be inverted.
    pub(crate) fn distance(&self, position_m: Vector2, noise: Covariance2) -> Option<Distance> {
        let s = self.position_covariance() + matrix2(noise);
        let det = s.determinant();
        if det.is_nan() || det <= 0.0 {
            return None;
        }
        let nu = Column2::new(position_m.x - self.mean.x, position_m.y - self.mean.y);
        let squared = (s.m22 * nu.x * nu.x - 2.0 * s.m12 * nu.x * nu.y + s.m11 * nu.y * nu.y) / det;
        squared.is_finite().then_some(Distance { squared, log_det: det.ln() })
    }

    fn position_covariance(&self) -> Matrix2<f64> {
        self.covariance.fixed_view::<2, 2>(0, 0).into_owned()
    }

    /// Takes a measured position into account.
    pub(crate) fn update_position(&mut self, position_m: Vector2, noise: Covariance2) {
        let mut h = SMatrix::<f64, 2, 4>::zeros();
        h.m11 = 1.0;
        h.m22 = 1.0;
        self.update2(h, Column2::new(position_m.x, position_m.y), matrix2(noise));
    }

    /// Takes a measured velocity into account.
    pub(crate) fn update_velocity(&mut self, velocity_mps: Vector2, sd_mps: f64) {
        let mut h = SMatrix::<f64, 2, 4>::zeros();
        h.m13 = 1.0;
        h.m24 = 1.0;
        let noise = Matrix2::from_diagonal_element(sd_mps * sd_mps);
        self.update2(h, Column2::new(velocity_mps.x, velocity_mps.y), noise);
    }

    fn update2(&mut self, h: SMatrix<f64, 2, 4>, z: Column2<f64>, r: Matrix2<f64>) {
        let pht = self.covariance * h.transpose();
        let Some(inverse) = (h * pht + r).try_inverse() else { return };
        let k = pht * inverse;
        let mean = self.mean + k * (z - h * self.mean);
        let i_kh = Matrix4::identity() - k * h;
        self.accept(mean, i_kh * self.covariance * i_kh.transpose() + k * r * k.transpose());
    }

    /// Takes the speed along a unit vector into account.
    pub(crate) fn update_radial(&mut self, direction: Vector2, speed_mps: f64, sd_mps: f64) {
        let h = RowVector4::new(0.0, 0.0, direction.x, direction.y);
        let r = sd_mps * sd_mps;
        let pht = self.covariance * h.transpose();
        let s = (h * pht).x + r;
        let k = pht / s;
        let mean = self.mean + k * (speed_mps - (h * self.mean).x);
        let i_kh = Matrix4::identity() - k * h;
        self.accept(mean, i_kh * self.covariance * i_kh.transpose() + k * r * k.transpose());
    }

    /// A result is taken only if it is one: numbers at the end of their range must not become a track.
    fn accept(&mut self, mean: Vector4<f64>, covariance: Matrix4<f64>) {
        let sum = mean.sum() + covariance.sum();
        if sum.is_finite() {
            self.mean = mean;
            self.covariance = (covariance + covariance.transpose()) * 0.5;
        }
    }
}

fn matrix2(c: Covariance2) -> Matrix2<f64> {
    Matrix2::new(c.xx, c.xy, c.xy, c.yy)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unit() -> Covariance2 {
        Covariance2 { xx: 1.0, xy: 0.0, yy: 1.0 }
    }

    #[test]
    fn a_straight_run_is_learnt() {
        let mut state = Kinematics::new(Vector2::default(), unit(), Vector2::default(), 10.0);
        for step in 1..60 {
            state = state.predicted(0.1, 0.5);
            state.update_position(Vector2::new(f64::from(step), 0.0), Covariance2 { xx: 0.01, xy: 0.0, yy: 0.01 });
        }
        assert!((state.velocity_mps() - Vector2::new(10.0, 0.0)).norm() < 0.1);
        assert!((state.position_m().x - 59.0).abs() < 0.1);
    }

    #[test]
    fn doppler_alone_gives_the_speed_along_the_line() {
        let mut state = Kinematics::new(Vector2::new(50.0, 0.0), unit(), Vector2::default(), 10.0);
        state.update_radial(Vector2::new(1.0, 0.0), 8.0, 0.1);
        assert!((state.velocity_mps().x - 8.0).abs() < 0.01 && state.velocity_mps().y.abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn covariance_stays_positive_definite(
            steps in proptest::collection::vec((0.0..0.5_f64, -200.0..200.0_f64, -200.0..200.0_f64, 0.01..10.0_f64, -30.0..30.0_f64, any::<bool>()), 1..60)
        ) {
            let mut state = Kinematics::new(Vector2::default(), unit(), Vector2::default(), 10.0);
            for (dt, x, y, sd, v, radial) in steps {
                state = state.predicted(dt, 2.0);
                state.update_position(Vector2::new(x, y), Covariance2::along_and_across(x, sd, sd * 0.3));
                if radial {
                    state.update_radial(Vector2::from_angle(y), v, sd);
                } else {
                    state.update_velocity(Vector2::new(v, -v), sd);
                }
                prop_assert!(state.covariance.cholesky().is_some(), "{}", state.covariance);
            }
        }
    }
}
