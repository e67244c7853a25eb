//! Angles. Inside rsud an angle is in radians, counter-clockwise from east, in `(-π, π]`; the standards speak of degrees
//! clockwise from true north.

use std::f64::consts::PI;

/// The same direction in `(-π, π]`.
#[must_use]
pub fn wrap_rad(angle_rad: f64) -> f64 {
    // Most angles are there already, and the remainder is costly.
    if angle_rad > -PI && angle_rad <= PI {
        return angle_rad;
    }
    let wrapped = (angle_rad + PI).rem_euclid(2.0 * PI) - PI;
    if wrapped <= -PI { wrapped + 2.0 * PI } else { wrapped }
}

/// From the standards' heading (degrees clockwise from north) to radians counter-clockwise from east.
#[must_use]
pub fn rad_from_heading_deg(heading_deg: f64) -> f64 {
    wrap_rad((90.0 - heading_deg).to_radians())
}

/// From radians counter-clockwise from east to the standards' heading, in `[0, 360)` degrees.
#[must_use]
pub fn heading_deg_from_rad(angle_rad: f64) -> f64 {
    let heading = (90.0 - angle_rad.to_degrees()).rem_euclid(360.0);
    // The remainder of a tiny negative number rounds up to the divisor itself.
    if heading >= 360.0 { 0.0 } else { heading }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_four_winds() {
        for (heading_deg, angle_rad) in [(0.0, PI / 2.0), (90.0, 0.0), (180.0, -PI / 2.0), (270.0, PI)] {
            assert!((rad_from_heading_deg(heading_deg) - angle_rad).abs() < 1e-12, "{heading_deg}");
            assert!((heading_deg_from_rad(angle_rad) - heading_deg).abs() < 1e-9, "{heading_deg}");
        }
    }

    proptest! {
        #[test]
        fn wrapping_keeps_the_direction(angle_rad in -100.0..100.0_f64) {
            let wrapped = wrap_rad(angle_rad);
            prop_assert!(wrapped > -PI && wrapped <= PI);
            prop_assert!((wrapped.sin() - angle_rad.sin()).abs() < 1e-9);
            prop_assert!((wrapped.cos() - angle_rad.cos()).abs() < 1e-9);
        }

        #[test]
        fn headings_are_in_range(angle_rad in -100.0..100.0_f64) {
            let heading = heading_deg_from_rad(angle_rad);
            prop_assert!((0.0..360.0).contains(&heading));
            prop_assert!(wrap_rad(rad_from_heading_deg(heading) - angle_rad).abs() < 1e-9);
        }
    }
}
