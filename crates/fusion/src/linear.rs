//! Two by two matrices: all that the filter needs of linear algebra.
//!
//! The filter works on blocks of this size and on scalar measurements, so that nothing is inverted and nothing allocated.

use std::f64::consts::{FRAC_PI_2, PI};

use rsu_units::Vector2;

use crate::types::Covariance2;

/// A general two by two matrix, by rows.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Matrix2 {
    pub(crate) xx: f64,
    pub(crate) xy: f64,
    pub(crate) yx: f64,
    pub(crate) yy: f64,
}

impl Matrix2 {
    pub(crate) fn times(self, v: Vector2) -> Vector2 {
        Vector2::new(self.xx * v.x + self.xy * v.y, self.yx * v.x + self.yy * v.y)
    }

    /// Transposed, times a vector.
    pub(crate) fn transposed_times(self, v: Vector2) -> Vector2 {
        Vector2::new(self.xx * v.x + self.yx * v.y, self.xy * v.x + self.yy * v.y)
    }

    pub(crate) fn transposed(self) -> Self {
        Self { xx: self.xx, xy: self.yx, yx: self.xy, yy: self.yy }
    }

    /// `self + f * other`.
    pub(crate) fn plus(self, f: f64, other: Self) -> Self {
        Self {
            xx: self.xx + f * other.xx,
            xy: self.xy + f * other.xy,
            yx: self.yx + f * other.yx,
            yy: self.yy + f * other.yy,
        }
    }

    /// `self + f * other`.
    pub(crate) fn plus_symmetric(self, f: f64, other: Covariance2) -> Self {
        Self {
            xx: self.xx + f * other.xx,
            xy: self.xy + f * other.xy,
            yx: self.yx + f * other.xy,
            yy: self.yy + f * other.yy,
        }
    }

    pub(crate) fn scaled(self, f: f64) -> Self {
        Self { xx: self.xx * f, xy: self.xy * f, yx: self.yx * f, yy: self.yy * f }
    }

    /// `self - f * a bᵀ`.
    pub(crate) fn minus_outer(self, f: f64, a: Vector2, b: Vector2) -> Self {
        Self {
            xx: self.xx - f * a.x * b.x,
            xy: self.xy - f * a.x * b.y,
            yx: self.yx - f * a.y * b.x,
            yy: self.yy - f * a.y * b.y,
        }
    }
}

impl Covariance2 {
    pub(crate) fn times(self, v: Vector2) -> Vector2 {
        Vector2::new(self.xx * v.x + self.xy * v.y, self.xy * v.x + self.yy * v.y)
    }

    /// Variance along a unit vector.
    pub(crate) fn along(self, direction: Vector2) -> f64 {
        direction.dot(self.times(direction))
    }

    /// `self + f * other`.
    pub(crate) fn plus(self, f: f64, other: Self) -> Self {
        Self { xx: self.xx + f * other.xx, xy: self.xy + f * other.xy, yy: self.yy + f * other.yy }
    }

    /// `self + f * (m + mᵀ)`.
    pub(crate) fn plus_both(self, f: f64, m: Matrix2) -> Self {
        Self { xx: self.xx + 2.0 * f * m.xx, xy: self.xy + f * (m.xy + m.yx), yy: self.yy + 2.0 * f * m.yy }
    }

    /// `self + f * v vᵀ`.
    pub(crate) fn plus_outer(self, f: f64, v: Vector2) -> Self {
        Self { xx: self.xx + f * v.x * v.x, xy: self.xy + f * v.x * v.y, yy: self.yy + f * v.y * v.y }
    }

    pub(crate) fn scaled(self, f: f64) -> Self {
        Self { xx: self.xx * f, xy: self.xy * f, yy: self.yy * f }
    }

    /// Keeps the variances above what rounding could take away.
    pub(crate) fn kept_above(mut self, least: f64) -> Self {
        self.xx = self.xx.max(least);
        self.yy = self.yy.max(least);
        let limit = 0.999_999 * (self.xx * self.yy).sqrt();
        self.xy = self.xy.clamp(-limit, limit);
        self
    }

    /// Principal axis, and the variances along and across it.
    pub(crate) fn axes(self) -> (Vector2, f64, f64) {
        let half = 0.5 * (self.xx - self.yy);
        let root = (half * half + self.xy * self.xy).sqrt();
        let mean = 0.5 * (self.xx + self.yy);
        if root < 1e-12 {
            return (Vector2::new(1.0, 0.0), mean, mean);
        }
        let axis = if half >= 0.0 { Vector2::new(half + root, self.xy) } else { Vector2::new(self.xy, root - half) };
        (axis * length(axis).recip(), mean + root, (mean - root).max(1e-6))
    }
}

/// Length of a vector; faster than [`Vector2::norm`], for lengths that do not overflow when squared.
pub(crate) fn length(v: Vector2) -> f64 {
    v.norm_squared().sqrt()
}

/// Angle from one vector to another, radians; to 2e-5 at a fraction of the cost of `atan2` (M. Abramowitz, I. A. Stegun,
/// "Handbook of Mathematical Functions", 4.4.49).
pub(crate) fn angle_between(from: Vector2, to: Vector2) -> f64 {
    let (dot, cross) = (from.dot(to), from.cross(to));
    let (along, off) = (dot.abs(), cross.abs());
    let (short, long) = (along.min(off), along.max(off));
    // Both are nothing only where a vector is.
    let t = if long > 0.0 { short / long } else { 0.0 };
    let t2 = t * t;
    let arc = t * (0.999_866 + t2 * (-0.330_299_5 + t2 * (0.180_141 + t2 * (-0.085_133 + t2 * 0.020_835_1))));
    let first_octant = if off > along { FRAC_PI_2 - arc } else { arc };
    let half = if dot < 0.0 { PI - first_octant } else { first_octant };
    half.copysign(cross)
}

/// The vector turned left by a right angle.
pub(crate) fn normal(v: Vector2) -> Vector2 {
    Vector2::new(-v.y, v.x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_those_of_atan2() {
        for step in -180..=180 {
            let angle_rad = f64::from(step).to_radians();
            let found_rad = angle_between(Vector2::new(0.0, 3.0), Vector2::new(0.0, 0.2).rotated(angle_rad));
            let off_rad = rsu_units::angle::wrap_rad(found_rad - angle_rad);
            assert!(off_rad.abs() < 2e-5, "{step} degrees: {off_rad}");
        }
    }

    #[test]
    fn axes_of_a_turned_ellipse() {
        let c = Covariance2::along_and_across(0.7, 3.0, 0.5);
        let (axis, along, across) = c.axes();
        assert!((along - 9.0).abs() < 1e-9 && (across - 0.25).abs() < 1e-9);
        assert!(axis.cross(Vector2::from_angle(0.7)).abs() < 1e-9);
        assert!((c.along(axis) - 9.0).abs() < 1e-9);
    }
}
