//! Lines and polygons in the plane.

use rsu_units::Vector2;

/// A straight piece of a line, longer than zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    pub(crate) start: Vector2,
    pub(crate) unit: Vector2,
    pub(crate) length_m: f64,
}

/// Where a point is beside a segment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Foot {
    /// Metres along the segment to its nearest point.
    pub(crate) along_m: f64,
    /// Distance to the nearest point, positive on the left.
    pub(crate) left_m: f64,
    /// Distance to the nearest point.
    pub(crate) distance_m: f64,
    /// The point lies before the start.
    pub(crate) before: bool,
    /// The point lies after the end.
    pub(crate) after: bool,
}

impl Segment {
    pub(crate) fn new(start: Vector2, end: Vector2) -> Self {
        let whole = end - start;
        let length_m = whole.norm();
        Self { start, unit: whole * length_m.recip(), length_m }
    }

    pub(crate) fn end(&self) -> Vector2 {
        self.start + self.unit * self.length_m
    }

    /// The lowest and the highest coordinates.
    pub(crate) fn bounds(&self) -> (Vector2, Vector2) {
        let (a, b) = (self.start, self.end());
        (Vector2::new(a.x.min(b.x), a.y.min(b.y)), Vector2::new(a.x.max(b.x), a.y.max(b.y)))
    }

    pub(crate) fn project(&self, point: Vector2) -> Foot {
        let offset = point - self.start;
        let raw_m = offset.dot(self.unit);
        let along_m = raw_m.clamp(0.0, self.length_m);
        let distance_m = (offset - self.unit * along_m).norm();
        Foot {
            along_m,
            left_m: distance_m.copysign(self.unit.cross(offset)),
            distance_m,
            before: raw_m < 0.0,
            after: raw_m > self.length_m,
        }
    }

    /// Where two segments cross, as metres along each; nothing for parallel ones.
    pub(crate) fn crossing(&self, other: &Self) -> Option<(f64, f64)> {
        let sine = self.unit.cross(other.unit);
        if sine.abs() < 1e-9 {
            return None;
        }
        let between = other.start - self.start;
        let (ours_m, theirs_m) = (between.cross(other.unit) / sine, between.cross(self.unit) / sine);
        let on_both = (0.0..=self.length_m).contains(&ours_m) && (0.0..=other.length_m).contains(&theirs_m);
        on_both.then_some((ours_m, theirs_m))
    }
}

/// The segments of a line.
pub(crate) fn segments(line: &[Vector2]) -> impl DoubleEndedIterator<Item = Segment> + Clone {
    line.iter().zip(line.iter().skip(1)).map(|(a, b)| Segment::new(*a, *b))
}

/// The segment so far along a line, its number, and how far along it that is. What lies before the line's start is before
/// its first segment, what lies beyond its end is beyond its last.
pub(crate) fn segment_at(line: &[Vector2], along_m: f64) -> Option<(usize, Segment, f64)> {
    let last = line.len().checked_sub(2)?;
    let mut rest_m = along_m;
    for (number, segment) in segments(line).enumerate() {
        if rest_m <= segment.length_m || number == last {
            return Some((number, segment, rest_m));
        }
        rest_m -= segment.length_m;
    }
    None
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

/// Whether a line, or a polygon if it is closed, crosses itself.
pub(crate) fn crosses_itself(points: &[Vector2], closed: bool) -> bool {
    let closing = points.last().zip(points.first()).filter(|_| closed).map(|(a, b)| Segment::new(*a, *b));
    let all: Vec<Segment> = segments(points).chain(closing.filter(|segment| segment.length_m > 0.0)).collect();
    all.iter().enumerate().any(|(number, segment)| {
        // Neighbours touch where they join, also the last and the first of a polygon.
        let last = all.len() - usize::from(closed && number == 0);
        all.get(number + 2..last).unwrap_or_default().iter().any(|other| segment.crossing(other).is_some())
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
    fn a_foot_tells_side_and_place() {
        let segment = Segment::new(Vector2::new(0.0, 0.0), Vector2::new(10.0, 0.0));
        let foot = segment.project(Vector2::new(4.0, 1.0));
        assert_eq!((foot.along_m, foot.left_m, foot.before, foot.after), (4.0, 1.0, false, false));
        let foot = segment.project(Vector2::new(13.0, -4.0));
        assert_eq!((foot.along_m, foot.left_m, foot.before, foot.after), (10.0, -5.0, false, true));
        assert!(segment.project(Vector2::new(-1.0, 0.0)).before);
    }

    #[test]
    fn segments_cross_or_not() {
        let segment = |a: (f64, f64), b: (f64, f64)| Segment::new(Vector2::new(a.0, a.1), Vector2::new(b.0, b.1));
        let east = segment((0.0, 0.0), (10.0, 0.0));
        assert_eq!(east.crossing(&segment((4.0, -3.0), (4.0, 3.0))), Some((4.0, 3.0)));
        assert_eq!(east.crossing(&segment((4.0, 1.0), (4.0, 3.0))), None);
        assert_eq!(east.crossing(&segment((0.0, 1.0), (10.0, 1.0))), None);
    }

    #[test]
    fn places_along_a_line() {
        let line = [(0.0, 0.0), (3.0, 0.0), (3.0, 5.0)].map(|(x, y)| Vector2::new(x, y));
        let place = |along_m| segment_at(&line, along_m).map(|(number, _, rest_m)| (number, rest_m));
        assert_eq!([place(-1.0), place(3.0), place(4.0)], [Some((0, -1.0)), Some((0, 3.0)), Some((1, 1.0))]);
        assert_eq!(place(9.0), Some((1, 6.0)));
        assert!(segment_at(line.get(..1).unwrap(), 0.0).is_none() && segment_at(&[], 0.0).is_none());
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
