//! The Kalman filter of one participant: position, velocity and acceleration in the site frame.
//!
//! The acceleration is a Singer process: it forgets itself within a second or two. Its strength along the direction of
//! travel and across it differ, because a vehicle brakes harder than it swerves, and a standing one does not move sideways
//! at all (R. A. Singer, "Estimating Optimal Tracking Filter Performance for Manned Maneuvering Targets", IEEE T-AES
//! 1970; X. R. Li, V. P. Jilkov, "Survey of Maneuvering Target Tracking, Part I", IEEE T-AES 2003).
//!
//! Measurements are taken one scalar at a time along the axes in which their errors are independent, so nothing is ever
//! inverted. A participant that reports itself has two more states: the slowly varying error of its GNSS, which is
//! correlated with all others ([`GnssBias`]); so a hundred fixes that share one error do not count as a hundred.

use rsu_units::Vector2;

use crate::linear::Matrix2;
use crate::types::Covariance2;

/// How a participant may change its motion.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Manoeuvre {
    /// Variance of the acceleration, by direction, (m/s²)².
    pub(crate) variance: Covariance2,
    /// How soon the acceleration forgets itself, seconds.
    pub(crate) time_constant_s: f64,
    /// Power of the white noise that is added to the velocity, (m/s)²/s.
    pub(crate) white: f64,
}

impl Manoeuvre {
    /// Of somebody of whom nothing is known.
    pub(crate) const ANY: Self =
        Self { variance: Covariance2 { xx: 1.0, xy: 0.0, yy: 1.0 }, time_constant_s: 1.5, white: 0.05 };
}

/// What a scalar measurement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Position,
    /// The participant's own report: position and the error of its GNSS.
    BiasedPosition,
    Velocity,
}

/// Error of the position that a participant reports of itself: it varies slowly (a Gauss–Markov process) and is
/// correlated with the participant's state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct GnssBias {
    pub(crate) mean_m: Vector2,
    covariance: Covariance2,
    with_position: Matrix2,
    with_velocity: Matrix2,
    with_acceleration: Matrix2,
    /// Variance of each component before anything is known, square metres.
    prior: f64,
}

/// The error of a GNSS fix stays about the same for so long, seconds.
const GNSS_TIME_CONSTANT_S: f64 = 60.0;

impl GnssBias {
    /// An error of which only the size is known.
    pub(crate) fn new(variance_m2: f64) -> Self {
        Self {
            mean_m: Vector2::default(),
            covariance: Covariance2 { xx: variance_m2, xy: 0.0, yy: variance_m2 },
            with_position: Matrix2::default(),
            with_velocity: Matrix2::default(),
            with_acceleration: Matrix2::default(),
            prior: variance_m2,
        }
    }

    /// The error of a participant of which nothing is known but its own report.
    pub(crate) fn of_birth(variance_m2: f64) -> Self {
        let minus = Matrix2 { xx: -variance_m2, yy: -variance_m2, ..Matrix2::default() };
        Self { with_position: minus, ..Self::new(variance_m2) }
    }

    /// Variance of each component before anything is known, square metres.
    pub(crate) fn prior_m2(&self) -> f64 {
        self.prior
    }
}

/// Mean and covariance of position, velocity and acceleration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kinematics {
    pub(crate) position_m: Vector2,
    pub(crate) velocity_mps: Vector2,
    pub(crate) acceleration_mps2: Vector2,
    pp: Covariance2,
    pv: Matrix2,
    pa: Matrix2,
    vv: Covariance2,
    va: Matrix2,
    aa: Covariance2,
}

/// No step of the prediction is longer than this, seconds: the noise is integrated step by step.
const MAX_STEP_S: f64 = 0.3;
/// No variance falls below this.
const LEAST_VARIANCE: f64 = 1e-6;

impl Kinematics {
    pub(crate) fn new(
        position_m: Vector2,
        position: Covariance2,
        velocity_mps: Vector2,
        velocity: Covariance2,
    ) -> Self {
        Self {
            position_m,
            velocity_mps: possible(velocity_mps),
            acceleration_mps2: Vector2::default(),
            pp: position.kept_above(LEAST_VARIANCE),
            pv: Matrix2::default(),
            pa: Matrix2::default(),
            vv: velocity.kept_above(LEAST_VARIANCE),
            va: Matrix2::default(),
            aa: Covariance2 { xx: 1.0, xy: 0.0, yy: 1.0 },
        }
    }

    pub(crate) fn position_covariance(&self) -> Covariance2 {
        self.pp
    }

    pub(crate) fn velocity_covariance(&self) -> Covariance2 {
        self.vv
    }

    /// Upper triangle of the covariance of (x, y, vx, vy), by rows.
    pub(crate) fn upper_triangle(&self) -> [f64; 10] {
        let Self { pp, pv, vv, .. } = self;
        [pp.xx, pp.xy, pv.xx, pv.xy, pp.yy, pv.yx, pv.yy, vv.xx, vv.xy, vv.yy]
    }

    /// Where it will be: the mean of [`predict`](Self::predict) at a fraction of its cost.
    pub(crate) fn position_after(&self, dt_s: f64) -> Vector2 {
        // The acceleration counts for little in the short time, and is not trusted for a long one.
        let short_s = dt_s.clamp(-0.3, 0.3);
        self.position_m + self.velocity_mps * dt_s + self.acceleration_mps2 * (0.5 * short_s * dt_s.abs())
    }

    /// Goes `dt_s` (not negative) ahead.
    pub(crate) fn predict(&mut self, dt_s: f64, how: &Manoeuvre, mut bias: Option<&mut GnssBias>) {
        let mut left_s = dt_s;
        while left_s > 1e-9 {
            let step_s = if left_s > MAX_STEP_S * 1.5 { MAX_STEP_S } else { left_s };
            self.step(step_s, how, bias.as_deref_mut());
            left_s -= step_s;
        }
    }

    fn step(&mut self, dt: f64, how: &Manoeuvre, bias: Option<&mut GnssBias>) {
        let tau = how.time_constant_s;
        // Second order in dt / tau: the step is short against the time constant.
        let x = dt / tau;
        let alpha = 1.0 - x * (1.0 - 0.5 * x * (1.0 - x / 3.0));
        let b1 = dt * (1.0 - 0.5 * x * (1.0 - x / 3.0));
        let b2 = dt * dt * (0.5 - x / 6.0);
        if let Some(bias) = bias {
            let phi = 1.0 - dt / GNSS_TIME_CONSTANT_S;
            bias.mean_m = bias.mean_m * phi;
            let p = bias.with_position.plus(dt, bias.with_velocity).plus(b2, bias.with_acceleration);
            bias.with_position = p.scaled(phi);
            bias.with_velocity = bias.with_velocity.plus(b1, bias.with_acceleration).scaled(phi);
            bias.with_acceleration = bias.with_acceleration.scaled(phi * alpha);
            let fresh = bias.prior * (1.0 - phi * phi);
            bias.covariance.xx = bias.covariance.xx * phi * phi + fresh;
            bias.covariance.yy = bias.covariance.yy * phi * phi + fresh;
            bias.covariance.xy *= phi * phi;
        }
        self.position_m = self.position_m + self.velocity_mps * dt + self.acceleration_mps2 * b2;
        self.velocity_mps = self.velocity_mps + self.acceleration_mps2 * b1;
        self.acceleration_mps2 = self.acceleration_mps2 * alpha;

        let va_t = self.va.transposed();
        let pp = self
            .pp
            .plus_both(dt, self.pv)
            .plus_both(b2, self.pa)
            .plus(dt * dt, self.vv)
            .plus_both(dt * b2, self.va)
            .plus(b2 * b2, self.aa);
        let pv = self
            .pv
            .plus(b1, self.pa)
            .plus_symmetric(dt, self.vv)
            .plus(dt * b1, self.va)
            .plus(b2, va_t)
            .plus_symmetric(b1 * b2, self.aa);
        let pa = self.pa.plus(dt, self.va).plus_symmetric(b2, self.aa).scaled(alpha);
        let vv = self.vv.plus_both(b1, self.va).plus(b1 * b1, self.aa);
        let va = self.va.plus_symmetric(b1, self.aa).scaled(alpha);

        let q = 2.0 / tau;
        let (dt2, dt3) = (dt * dt, dt * dt * dt);
        let n = how.variance;
        let w = how.white;
        let white = Covariance2 { xx: w, xy: 0.0, yy: w };
        self.pp = pp.plus(q * dt3 * dt2 / 20.0, n).plus(dt3 / 3.0, white);
        self.pv = pv.plus_symmetric(q * dt2 * dt2 / 8.0, n).plus_symmetric(dt2 / 2.0, white);
        self.pa = pa.plus_symmetric(q * dt3 / 6.0, n);
        self.vv = vv.plus(q * dt3 / 3.0, n).plus(dt, white);
        self.va = va.plus_symmetric(q * dt2 / 2.0, n);
        self.aa = self.aa.scaled(alpha * alpha).plus(q * dt, n);
    }

    /// Takes one scalar into account: what was measured along the unit vector `direction`, less what was foreseen, with
    /// the variance of its error. What is not finite, or has no positive variance, is not taken.
    pub(crate) fn update(
        &mut self,
        of: Of,
        direction: Vector2,
        innovation: f64,
        variance: f64,
        bias: Option<&mut GnssBias>,
    ) {
        let (mut hp, mut hv, mut ha) = if of == Of::Velocity {
            (self.pv.times(direction), self.vv.times(direction), self.va.transposed_times(direction))
        } else {
            (self.pp.times(direction), self.pv.transposed_times(direction), self.pa.transposed_times(direction))
        };
        let prior = direction.dot(if of == Of::Velocity { hv } else { hp });
        let Some(bias) = bias else {
            if let Some(f) = weight(prior, variance, innovation) {
                self.correct(f, innovation, hp, hv, ha);
            }
            return;
        };
        let mut prior = prior;
        let mut hb =
            if of == Of::Velocity { bias.with_velocity.times(direction) } else { bias.with_position.times(direction) };
        if of == Of::BiasedPosition {
            hp = hp + bias.with_position.transposed_times(direction);
            hv = hv + bias.with_velocity.transposed_times(direction);
            ha = ha + bias.with_acceleration.transposed_times(direction);
            hb = hb + bias.covariance.times(direction);
            prior = direction.dot(hp) + direction.dot(hb);
        }
        let Some(f) = weight(prior, variance, innovation) else { return };
        bias.mean_m = bias.mean_m + hb * (f * innovation);
        bias.covariance = bias.covariance.plus_outer(-f, hb).kept_above(LEAST_VARIANCE);
        bias.with_position = bias.with_position.minus_outer(f, hb, hp);
        bias.with_velocity = bias.with_velocity.minus_outer(f, hb, hv);
        bias.with_acceleration = bias.with_acceleration.minus_outer(f, hb, ha);
        self.correct(f, innovation, hp, hv, ha);
    }

    fn correct(&mut self, f: f64, innovation: f64, hp: Vector2, hv: Vector2, ha: Vector2) {
        let g = f * innovation;
        self.position_m = self.position_m + hp * g;
        self.velocity_mps = possible(self.velocity_mps + hv * g);
        self.acceleration_mps2 = self.acceleration_mps2 + ha * g;
        self.pp = self.pp.plus_outer(-f, hp).kept_above(LEAST_VARIANCE);
        self.pv = self.pv.minus_outer(f, hp, hv);
        self.pa = self.pa.minus_outer(f, hp, ha);
        self.vv = self.vv.plus_outer(-f, hv).kept_above(LEAST_VARIANCE);
        self.va = self.va.minus_outer(f, hv, ha);
        self.aa = self.aa.plus_outer(-f, ha).kept_above(LEAST_VARIANCE);
    }

    /// Moves and turns the state, as a road does with who follows it.
    pub(crate) fn steer(&mut self, position_m: Vector2, turn_rad: f64) {
        self.position_m = position_m;
        self.velocity_mps = self.velocity_mps.rotated(turn_rad);
        self.acceleration_mps2 = self.acceleration_mps2.rotated(turn_rad);
    }
}

/// No innovation counts for more than so many of its standard deviations.
const MOST_SD: f64 = 6.0;
/// No measurement is better than this share of the variance before it: the difference would be rounding.
const LEAST_SHARE: f64 = 1e-6;

/// Nobody on a road is faster, metres per second.
const MOST_MPS: f64 = 150.0;

/// A velocity that somebody on a road can have.
fn possible(velocity_mps: Vector2) -> Vector2 {
    let square = velocity_mps.norm_squared();
    if square > MOST_MPS * MOST_MPS { velocity_mps * (MOST_MPS / square.sqrt()) } else { velocity_mps }
}

/// The inverse of the innovation's variance, widened where the innovation is larger than can be: no single measurement may
/// throw the state farther than it is uncertain (a bounded influence function: P. J. Huber, "Robust Estimation of a
/// Location Parameter", 1964). `None` where there is nothing to learn.
fn weight(prior: f64, variance: f64, innovation: f64) -> Option<f64> {
    let s = prior + variance.max(LEAST_SHARE * prior);
    let f = s.max(innovation * innovation / (MOST_SD * MOST_SD)).recip();
    (f.is_finite() && f > 0.0 && innovation.is_finite()).then_some(f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn isotropic(variance: f64) -> Covariance2 {
        Covariance2 { xx: variance, xy: 0.0, yy: variance }
    }

    fn standing() -> Kinematics {
        Kinematics::new(Vector2::default(), isotropic(1.0), Vector2::default(), isotropic(100.0))
    }

    const EAST: Vector2 = Vector2::new(1.0, 0.0);
    const NORTH: Vector2 = Vector2::new(0.0, 1.0);

    #[test]
    fn a_straight_run_and_a_braking_are_learnt() {
        let mut state = standing();
        let how = Manoeuvre { variance: isotropic(4.0), time_constant_s: 2.0, white: 0.03 };
        let mut x = 0.0;
        for step in 1..120 {
            let v = if step < 80 { 10.0 } else { 10.0 - 0.2 * f64::from(step - 80) };
            x += v * 0.1;
            state.predict(0.1, &how, None);
            for (axis, place) in [(EAST, x), (NORTH, 0.0)] {
                let residual = place - state.position_m.dot(axis);
                state.update(Of::Position, axis, residual, 0.01, None);
            }
            if step == 79 {
                assert!((state.velocity_mps - Vector2::new(10.0, 0.0)).norm() < 0.2, "{state:?}");
                assert!(state.acceleration_mps2.norm() < 0.3, "{state:?}");
            }
        }
        assert!((state.acceleration_mps2.x + 2.0).abs() < 0.6, "{state:?}");
    }

    #[test]
    fn doppler_alone_gives_the_speed_along_the_line() {
        let mut state = standing();
        state.update(Of::Velocity, EAST, 8.0, 0.01, None);
        assert!((state.velocity_mps.x - 8.0).abs() < 0.01 && state.velocity_mps.y.abs() < 1e-9);
    }

    #[test]
    fn a_hundred_reports_with_one_error_are_not_a_hundred() {
        let mut state = Kinematics::new(Vector2::default(), isotropic(0.04), Vector2::default(), isotropic(0.01));
        let how = Manoeuvre { variance: isotropic(0.01), time_constant_s: 2.0, white: 0.0 };
        let mut bias = GnssBias::new(1.0);
        // All reports are a metre to the east.
        for _ in 0..100 {
            state.predict(0.01, &how, Some(&mut bias));
            let residual = 1.0 - state.position_m.x - bias.mean_m.x;
            state.update(Of::BiasedPosition, EAST, residual, 0.01, Some(&mut bias));
        }
        assert!(state.position_m.x < 0.1, "{}", state.position_m.x);
        assert!((bias.mean_m.x - 0.95).abs() < 0.1, "{}", bias.mean_m.x);
        // Without the other states the error would be one with the place.
        assert!(state.position_covariance().xx > 0.03);
    }

    #[test]
    fn no_measurement_throws_the_state_farther_than_it_is_uncertain() {
        // Fast, its direction hardly known; then told, for certain, to stand still.
        let velocity = Vector2::new(117.0, -32.0);
        let spread = Covariance2::along_and_across(velocity.angle_rad(), 2.6, 100.0);
        let mut state = Kinematics::new(Vector2::default(), isotropic(1e-6), velocity, spread);
        state.update(Of::Velocity, Vector2::from_angle(velocity.angle_rad() + 0.02), -121.0, 0.0, None);
        assert!(state.velocity_mps.norm() <= MOST_MPS + 1e-9, "{state:?}");
        let mut honest = standing();
        honest.update(Of::Position, EAST, 1e4, 1.0, None);
        assert!(honest.position_m.x <= MOST_SD + 1e-9, "{honest:?}");
    }

    proptest! {
        #[test]
        fn covariances_stay_positive_definite(
            steps in proptest::collection::vec((0.0..3.0_f64, -200.0..200.0_f64, 0.001..100.0_f64, -4.0..4.0_f64, 0_u8..3), 1..80)
        ) {
            let mut state = standing();
            let mut bias = GnssBias::new(0.6);
            let variance = Covariance2::along_and_across(1.0, 2.0, 0.2);
            let how = Manoeuvre { variance, time_constant_s: 2.0, white: 0.03 };
            for (dt, residual, variance, angle, of) in steps {
                state.predict(dt, &how, Some(&mut bias));
                let of = [Of::Position, Of::Velocity, Of::BiasedPosition][usize::from(of)];
                state.update(of, Vector2::from_angle(angle), residual, variance, Some(&mut bias));
                prop_assert!(state.position_m.is_finite() && state.velocity_mps.is_finite());
                for c in [state.pp, state.vv, state.aa, bias.covariance] {
                    prop_assert!(c.is_valid(), "{:?}", c);
                }
                prop_assert!(cholesky(&state), "{:?}", state);
            }
        }
    }

    /// Whether the covariance of position and velocity has a Cholesky factor, but for rounding.
    #[allow(clippy::needless_range_loop, reason = "as in the books")]
    fn cholesky(state: &Kinematics) -> bool {
        let [xx, xy, xvx, xvy, yy, yvx, yvy, vxvx, vxvy, vyvy] = state.upper_triangle();
        let m = [[xx, xy, xvx, xvy], [xy, yy, yvx, yvy], [xvx, yvx, vxvx, vxvy], [xvy, yvy, vxvy, vyvy]];
        let mut l = [[0.0; 4]; 4];
        for i in 0..4 {
            for j in 0..=i {
                let sum: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
                if i == j {
                    let rest = m[i][i] - sum;
                    if rest < -1e-6 * m[i][i] {
                        return false;
                    }
                    l[i][i] = rest.max(1e-12).sqrt();
                } else {
                    l[i][j] = (m[i][j] - sum) / l[j][j];
                }
            }
        }
        true
    }
}
