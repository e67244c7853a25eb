//! Smooth lines: the curve of a connection that has none of its own, and the kerb between two arms of a junction.

use std::f64::consts::PI;

use rsu_units::{Vector2, angle};

use crate::map::SAME_POINT_M;

/// Largest change of direction between two segments of a curve, radians.
const STEP_RAD: f64 = PI / 30.0;

/// A curve from the end of one line to the start of another that is tangent to both; empty when the one begins where the
/// other ends.
pub(crate) fn connection_curve(from: &[Vector2], to: &[Vector2]) -> Vec<Vector2> {
    let ([.., before, start], [end, after, ..]) = (from, to) else { return Vec::new() };
    let (leave, arrive) = (unit(*start - *before), unit(*after - *end));
    curve(*start, leave, *end, arrive)
}

/// A curve between two points with given directions (unit vectors) at its ends.
pub(crate) fn curve(start: Vector2, leave: Vector2, end: Vector2, arrive: Vector2) -> Vec<Vector2> {
    let chord = end - start;
    if chord.norm() <= 2.0 * SAME_POINT_M {
        return Vec::new();
    }
    let turn_rad = angle::wrap_rad(arrive.angle_rad() - leave.angle_rad()).abs();
    let bend_rad = turn_rad + 2.0 * angle::wrap_rad(chord.angle_rad() - leave.angle_rad()).abs();
    if bend_rad < 0.01 {
        return vec![start, end];
    }
    // The handles with which a cubic Bézier curve comes nearest to an arc of that angle.
    let handle_m = chord.norm() / 3.0 / (turn_rad / 4.0).cos().powi(2);
    let (a, b) = (start + leave * handle_m, end - arrive * handle_m);
    let steps = (bend_rad / STEP_RAD / 2.0).ceil().clamp(10.0, 40.0).min((chord.norm() / 0.05).ceil().max(1.0));
    let point = |step: u32| {
        let t = f64::from(step) / steps;
        let s = 1.0 - t;
        start * (s * s * s) + a * (3.0 * s * s * t) + b * (3.0 * s * t * t) + end * (t * t * t)
    };
    spaced(std::iter::once(start).chain((1..steps as u32).map(point)).chain([end]))
}

/// The kerb between two arms: a curve that leaves `start` along `leave` and comes to `end` against `away`, where `away`
/// leads from `end` towards the junction. It is drawn towards the place where the two kerbs would meet; where they would
/// not meet in front of both points, it is the straight line. Without its two ends.
pub(crate) fn kerb_curve(start: Vector2, leave: Vector2, end: Vector2, away: Vector2) -> Vec<Vector2> {
    let chord_m = (end - start).norm();
    let sine = leave.cross(away);
    if sine.abs() < 0.1 || chord_m < 0.5 {
        return Vec::new();
    }
    let between = end - start;
    let (along_m, back_m) = (between.cross(away) / sine, between.cross(leave) / sine);
    if along_m <= 0.0 || back_m <= 0.0 {
        return Vec::new();
    }
    // Kerbs that meet at a sharp angle meet far away; such a corner is cut off.
    if along_m.max(back_m) > 2.0 * chord_m {
        return Vec::new();
    }
    let corner = start + leave * along_m;
    (1..8)
        .map(|step| {
            let t = f64::from(step) / 8.0;
            let (a, b) = (start + (corner - start) * t, corner + (end - corner) * t);
            a + (b - a) * t
        })
        .collect()
}

/// The direction of a vector; east for the zero vector.
pub(crate) fn unit(vector: Vector2) -> Vector2 {
    Vector2::from_angle(vector.angle_rad())
}

/// A line without points that are the same as the one before.
pub(crate) fn spaced(points: impl Iterator<Item = Vector2>) -> Vec<Vector2> {
    let mut line: Vec<Vector2> = Vec::new();
    for point in points {
        if line.last().is_none_or(|last| (point - *last).norm() > 2.0 * SAME_POINT_M) {
            line.push(point);
        }
    }
    line
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::geometry::{length_m, segments};

    fn line(points: &[(f64, f64)]) -> Vec<Vector2> {
        points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect()
    }

    #[test]
    fn a_turn_is_nearly_an_arc() {
        let curve = connection_curve(&line(&[(-9.0, 0.0), (0.0, 0.0)]), &line(&[(10.0, 10.0), (10.0, 20.0)]));
        assert!((length_m(&curve) - 5.0 * PI).abs() < 0.05, "{}", length_m(&curve));
        for point in &curve {
            assert!(((*point - Vector2::new(0.0, 10.0)).norm() - 10.0).abs() < 0.01);
        }
        assert_eq!((curve.first(), curve.last()), (Some(&Vector2::default()), Some(&Vector2::new(10.0, 10.0))));
    }

    #[test]
    fn curves_bend_gently_and_straight_lines_do_not() {
        let straight = connection_curve(&line(&[(-9.0, 0.0), (0.0, 0.0)]), &line(&[(30.0, 0.0), (40.0, 0.0)]));
        assert_eq!(straight.len(), 2);
        for to in [[(30.0, 3.0), (40.0, 3.0)], [(0.0, 4.0), (-9.0, 4.0)], [(5.0, -8.0), (5.0, -20.0)]] {
            let curve = connection_curve(&line(&[(-9.0, 0.0), (0.0, 0.0)]), &line(&to));
            let directions: Vec<f64> = segments(&curve).map(|segment| segment.unit.angle_rad()).collect();
            for (a, b) in directions.iter().zip(directions.iter().skip(1)) {
                assert!(angle::wrap_rad(b - a).abs() < 0.35, "{to:?}: {directions:?}");
            }
        }
        assert!(connection_curve(&line(&[(-9.0, 0.0), (0.0, 0.0)]), &line(&[(0.0, 0.0), (9.0, 0.0)])).is_empty());
    }

    #[test]
    fn a_kerb_bends_towards_the_junction() {
        let (west, south) = (Vector2::new(-1.0, 0.0), Vector2::new(0.0, -1.0));
        let kerb = kerb_curve(Vector2::new(26.0, 12.0), west, Vector2::new(12.0, 26.0), south);
        let middle = *kerb.get(3).unwrap();
        assert!((middle.x - middle.y).abs() < 1e-9 && middle.x < 17.0 && middle.x > 12.0, "{middle:?}");
        assert!(kerb_curve(Vector2::new(26.0, 12.0), west, Vector2::new(-26.0, 12.0), -west).is_empty());
    }
}
