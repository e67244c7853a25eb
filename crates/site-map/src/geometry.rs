//! Lines and polygons in the plane.

use rsu_units::Vector2;

/// Where a point is beside a line: along it, to its left, and the line's direction there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Projection {
    /// Metres along the line to the nearest point of the line.
    pub(crate) along_m: f64,
    /// Metres from the line, positive to the left.
    pub(crate) left_m: f64,
    /// Distance to the nearest point of the line.
    pub(crate) distance_m: f64,
    /// Direction of the line there, radians.
    pub(crate) direction_rad: f64,
    /// The nearest point is an end of the line and the point lies beyond it.
    pub(crate) beyond_end: bool,
}

/// Projects a point onto a line of at least two points, each segment longer than zero.
pub(crate) fn project(line: &[Vector2], point: Vector2) -> Option<Projection> {
    let mut best: Option<Projection> = None;
    let mut start_m = 0.0;
    let last = line.len().checked_sub(2)?;
    for (index, (a, b)) in line.iter().zip(line.iter().skip(1)).enumerate() {
        let segment = *b - *a;
        let length_m = segment.norm();
        let unit = segment * length_m.recip();
        let offset = point - *a;
        let raw_m = offset.dot(unit);
        let along_m = raw_m.clamp(0.0, length_m);
        let distance_m = (offset - unit * along_m).norm();
        if best.is_none_or(|best| distance_m < best.distance_m) {
            let beyond_end = (index == 0 && raw_m < 0.0) || (index == last && raw_m > length_m);
            best = Some(Projection {
                along_m: start_m + along_m,
                left_m: unit.cross(offset).signum() * distance_m,
                distance_m,
                direction_rad: segment.angle_rad(),
                beyond_end,
            });
        }
        start_m += length_m;
    }
    best
}

/// Length of a line, metres.
pub(crate) fn length_m(line: &[Vector2]) -> f64 {
    line.iter().zip(line.iter().skip(1)).map(|(a, b)| (*b - *a).norm()).sum()
}

/// Whether a point is inside a polygon (even-odd rule).
pub(crate) fn inside(polygon: &[Vector2], point: Vector2) -> bool {
    let next = polygon.iter().cycle().skip(1);
    polygon.iter().zip(next).fold(false, |inside, (a, b)| {
        let crosses = (a.y > point.y) != (b.y > point.y) && point.x < (b.x - a.x) * (point.y - a.y) / (b.y - a.y) + a.x;
        inside != crosses
    })
}

/// Twice the signed area of a polygon, positive counter-clockwise.
pub(crate) fn twice_area(polygon: &[Vector2]) -> f64 {
    polygon.iter().zip(polygon.iter().cycle().skip(1)).map(|(a, b)| a.cross(*b)).sum()
}

/// The convex hull, counter-clockwise (Andrew's monotone chain, 1979).
pub(crate) fn convex_hull(points: &[Vector2]) -> Vec<Vector2> {
    let mut sorted = points.to_vec();
    sorted.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let half = |points: &mut dyn Iterator<Item = Vector2>| {
        let mut chain: Vec<Vector2> = Vec::new();
        for point in points {
            while let [.., a, b] = chain.as_slice() {
                if (*b - *a).cross(point - *a) > 0.0 {
                    break;
                }
                chain.pop();
            }
            chain.push(point);
        }
        chain.pop();
        chain
    };
    let mut hull = half(&mut sorted.iter().copied());
    hull.extend(half(&mut sorted.iter().rev().copied()));
    hull
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn projection_tells_side_and_place() {
        let line = [Vector2::new(0.0, 0.0), Vector2::new(10.0, 0.0), Vector2::new(10.0, 10.0)];
        let p = project(&line, Vector2::new(4.0, 1.0)).unwrap();
        assert_eq!((p.along_m, p.left_m, p.beyond_end), (4.0, 1.0, false));
        let p = project(&line, Vector2::new(11.0, 6.0)).unwrap();
        assert_eq!((p.along_m, p.left_m), (16.0, -1.0));
        assert!(project(&line, Vector2::new(10.0, 12.0)).unwrap().beyond_end);
        assert!(project(&line, Vector2::new(-1.0, 0.0)).unwrap().beyond_end);
        assert!(project(&line[..1], Vector2::default()).is_none());
    }

    #[test]
    fn hull_and_inside() {
        let points = [(0., 0.), (4., 0.), (4., 4.), (0., 4.), (2., 2.), (1., 3.)].map(|(x, y)| Vector2::new(x, y));
        let hull = convex_hull(&points);
        assert_eq!(hull.len(), 4);
        assert!((twice_area(&hull) - 32.0).abs() < 1e-12);
        assert!(inside(&hull, Vector2::new(1.0, 1.0)));
        assert!(!inside(&hull, Vector2::new(5.0, 1.0)));
    }
}
