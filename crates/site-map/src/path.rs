//! Where road users can go: [`SiteMap::follow`] for the tracker, which asks thousands of times a second and must not
//! touch the heap, and [`SiteMap::paths_from`] for whoever looks further ahead.
//!
//! Both first ask which lane or connection a road user is most plausibly on, by its distance from the centre line and by
//! its heading, and then walk on from there.

use rsu_units::{Vector2, angle};

use crate::conflict::WayRef;
use crate::geometry::{Segment, segment_at, segments};
use crate::index::{Hit, Way};
use crate::{SiteMap, Turn};

/// Most paths that [`SiteMap::paths_from`] gives.
pub const MAX_PATHS: usize = 8;

/// Most ways of one path: a path over very short lanes ends early.
const MAX_WAYS: usize = 32;
/// How far a heading may be from a way's direction, radians: 30 degrees to follow it, 45 to look ahead.
const FOLLOW_HEADING_RAD: f64 = std::f64::consts::FRAC_PI_6;
const PATH_HEADING_RAD: f64 = std::f64::consts::FRAC_PI_4;
/// Usual distance of a driver from the centre line, metres, and of the heading from the direction, radians: one sigma.
const SIDE_SD_M: f64 = 0.8;
const HEADING_SD_RAD: f64 = 0.105;
/// A way this much less plausible than the best (difference of squared sigmas) is out of question.
const FOLLOW_RIVAL: f64 = 9.0;
const PATH_RIVAL: f64 = 16.0;
/// Outcomes nearer to each other than this, metres and radians, are no different choice.
const AGREE_M: f64 = 1.0;
const AGREE_RAD: f64 = 0.26;
/// A direction changes over this distance on each side of a corner of the line, metres.
const BLEND_M: f64 = 2.0;

/// A part of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathWay {
    /// The lane or connection.
    pub way: WayRef,
    /// Metres from the path's start to where it enters the lane or connection.
    pub from_m: f64,
    /// Where on the lane or connection that is, metres along it.
    pub entered_m: f64,
}

/// A way that a road user can follow.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// Centre line in site metres, at least two points. It begins beside the road user.
    pub points_m: Vec<Vector2>,
    /// Width of the lane at the start, metres.
    pub width_m: f64,
    /// Metres from the centre line to the road user at the start, positive to the left.
    pub left_m: f64,
    /// The first turn on it, if it comes to a connection.
    pub turn: Option<Turn>,
    /// The lanes and connections that it leads over, in order.
    pub ways: Vec<PathWay>,
}

impl Path {
    /// The point so far along the path, metres from its start; `None` before it and beyond its end.
    #[must_use]
    pub fn point_at(&self, along_m: f64) -> Option<Vector2> {
        let (_, segment, rest_m) = segment_at(&self.points_m, along_m)?;
        (0.0..=segment.length_m).contains(&rest_m).then(|| segment.start + segment.unit * rest_m)
    }

    /// Takes over another path's contents, and keeps the memory.
    fn take(&mut self, other: &Self) {
        self.points_m.clone_from(&other.points_m);
        self.ways.clone_from(&other.ways);
        (self.width_m, self.left_m, self.turn) = (other.width_m, other.left_m, other.turn);
    }
}

/// A point of a way and its direction there.
#[derive(Debug, Clone, Copy)]
struct Pose {
    point_m: Vector2,
    normal: Vector2,
    direction_rad: f64,
}

impl Pose {
    fn beside(&self, left_m: f64) -> Vector2 {
        self.point_m + self.normal * left_m
    }

    fn agrees(&self, left_m: f64, other: &Self, other_left_m: f64) -> bool {
        (self.beside(left_m) - other.beside(other_left_m)).norm() < AGREE_M
            && angle::wrap_rad(self.direction_rad - other.direction_rad).abs() < AGREE_RAD
    }
}

impl SiteMap {
    /// The point and direction (radians counter-clockwise from east) that a vehicle reaches when it follows, for
    /// `distance_m`, the lane or connection on which it most plausibly is, and keeps its distance from the centre line.
    ///
    /// `None` when it is on no lane or connection, when its heading is more than 30 degrees from all that hold the point,
    /// when the map ends before that distance, and when it could as well go elsewhere: where a lane parts into several
    /// connections, or two ways lie over each other, and they do not lead to the same place. Never allocates unless more
    /// than two dozen ways hold the point.
    #[must_use]
    pub fn follow(&self, point_m: Vector2, heading_rad: f64, distance_m: f64) -> Option<(Vector2, f64)> {
        if !(heading_rad.is_finite() && distance_m >= 0.0) {
            return None;
        }
        let hits = self.index.hits(point_m, 0.0, |way| self.is_directed(way));
        let fit = |hit: &Hit| unlikeliness(hit, heading_rad, FOLLOW_HEADING_RAD);
        let (best, least) =
            hits.iter().filter_map(|hit| Some((hit, fit(hit)?))).min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        let reached = self.advance(best.way, best.along_m + distance_m)?;
        let others = hits.iter().filter(|hit| hit.way != best.way);
        for rival in others.filter(|hit| fit(hit).is_some_and(|fit| fit < least + FOLLOW_RIVAL)) {
            let elsewhere = self.advance(rival.way, rival.along_m + distance_m)?;
            if !reached.agrees(best.left_m, &elsewhere, rival.left_m) {
                return None;
            }
        }
        Some((reached.beside(best.left_m), reached.direction_rad))
    }

    fn is_directed(&self, way: usize) -> bool {
        self.ways.get(way).and_then(|way| self.lane_by_index(way.lane)).is_some_and(|lane| lane.kind.is_directed())
    }

    /// The numbers of the ways that follow one.
    fn next_ways(&self, way: &Way) -> std::ops::Range<usize> {
        if way.connection.is_some() {
            return way.to.map_or(0..0, |lane| lane..lane + 1);
        }
        let first = self.first_connection.get(way.lane).copied().unwrap_or(0);
        let count = self.lane_by_index(way.lane).map_or(0, |lane| lane.connections.len());
        first..first + count
    }

    /// The pose so far along a way and what follows; nothing where that is not certain.
    fn advance(&self, start: usize, along_m: f64) -> Option<Pose> {
        let (mut number, mut along_m) = (start, along_m);
        for _ in 0..MAX_WAYS {
            let way = self.ways.get(number)?;
            if along_m <= way.length_m {
                return pose(self.line(way), along_m);
            }
            along_m -= way.length_m;
            let next = self.next_ways(way);
            if next.len() == 1 {
                number = next.start;
                continue;
            }
            let mut poses = next.map(|number| {
                let way = self.ways.get(number).filter(|way| along_m <= way.length_m)?;
                pose(self.line(way), along_m)
            });
            let first = poses.next()??;
            let all_agree = poses.all(|other| other.is_some_and(|other| first.agrees(0.0, &other, 0.0)));
            return all_agree.then_some(first);
        }
        None
    }

    /// The ways that a vehicle or bicycle at a point with a heading (radians counter-clockwise from east) can follow:
    /// first the rest of the lanes or connections on which it plausibly is, then over all connections into the next
    /// lanes, each at most `length_m` long. The list is cleared first; the most plausible start comes first, and there
    /// are at most [`MAX_PATHS`]. A path ends early where the map does.
    pub fn paths_from(&self, point_m: Vector2, heading_rad: f64, length_m: f64, paths: &mut Vec<Path>) {
        let mut finder = Finder { map: self, paths, count: 0, scratch: Path::default() };
        if heading_rad.is_finite() && length_m > 0.0 {
            let fit = |hit: &Hit| unlikeliness(hit, heading_rad, PATH_HEADING_RAD);
            let mut hits = self.index.hits(point_m, 0.0, |way| self.is_directed(way));
            if !hits.iter().any(|hit| fit(hit).is_some()) {
                // Beside the lane, as measurements are.
                hits = self.index.hits(point_m, 1.0, |way| self.is_directed(way));
            }
            let mut starts: Vec<(f64, Hit)> = hits.iter().filter_map(|hit| Some((fit(hit)?, *hit))).collect();
            starts.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            let least = starts.first().map_or(0.0, |(fit, _)| *fit);
            for (_, hit) in starts.iter().filter(|(fit, _)| *fit <= least + PATH_RIVAL) {
                finder.start(hit, length_m);
            }
        }
        let count = finder.count;
        paths.truncate(count);
    }
}

/// How implausible it is that a road user with this heading is on the way: squared sigmas. Nothing when the heading is
/// farther from the direction than `max_rad`.
fn unlikeliness(hit: &Hit, heading_rad: f64, max_rad: f64) -> Option<f64> {
    let off_rad = angle::wrap_rad(heading_rad - hit.direction_rad());
    let (side, heading) = (hit.left_m / SIDE_SD_M, off_rad / HEADING_SD_RAD);
    (off_rad.abs() <= max_rad).then_some(side * side + heading * heading)
}

/// The pose so far along a line. The direction changes smoothly at the line's corners.
fn pose(line: &[Vector2], along_m: f64) -> Option<Pose> {
    let (number, segment, rest_m) = segment_at(line, along_m)?;
    let rest_m = rest_m.clamp(0.0, segment.length_m);
    let own_rad = segment.unit.angle_rad();
    let blend_m = BLEND_M.min(segment.length_m / 2.0);
    let towards = |other: Option<(&Vector2, &Vector2)>, distance_m: f64| {
        let share = (0.5 - 0.5 * distance_m / blend_m).max(0.0);
        let unit = |(start, end): (&Vector2, &Vector2)| Segment::new(*start, *end).unit;
        other.map_or(0.0, |other| angle::wrap_rad(unit(other).angle_rad() - own_rad) * share)
    };
    let before = number.checked_sub(1).and_then(|before| line.get(before)).zip(line.get(number));
    let after = line.get(number + 1).zip(line.get(number + 2));
    let turn_rad = towards(before, rest_m) + towards(after, segment.length_m - rest_m);
    Some(Pose {
        point_m: segment.start + segment.unit * rest_m,
        normal: Vector2::new(-segment.unit.y, segment.unit.x),
        direction_rad: angle::wrap_rad(own_rad + turn_rad),
    })
}

struct Finder<'a> {
    map: &'a SiteMap,
    paths: &'a mut Vec<Path>,
    count: usize,
    scratch: Path,
}

impl Finder<'_> {
    fn start(&mut self, hit: &Hit, length_m: f64) {
        let Some(way) = self.map.ways.get(hit.way) else { return };
        self.scratch.points_m.clear();
        self.scratch.ways.clear();
        self.scratch.width_m = way.half_width_m * 2.0;
        self.scratch.left_m = hit.left_m;
        self.scratch.turn = None;
        self.walk(hit.way, hit.along_m, length_m, 0.0);
    }

    /// Adds a way from `entered_m` on to the path that was begun, and what follows.
    fn walk(&mut self, number: usize, entered_m: f64, rest_m: f64, from_m: f64) {
        let map = self.map;
        let Some(way) = map.ways.get(number).filter(|_| self.count < MAX_PATHS) else { return };
        let (points, ways, turn) = (self.scratch.points_m.len(), self.scratch.ways.len(), self.scratch.turn);
        self.scratch.ways.push(PathWay { way: way.reference(), from_m, entered_m });
        self.scratch.turn = turn.or(map.connection(way).map(|connection| connection.turn));
        let gone_m = self.add(map.line(way), entered_m, rest_m);
        let next = map.next_ways(way);
        if gone_m >= rest_m || next.is_empty() || self.scratch.ways.len() >= MAX_WAYS {
            self.emit();
        } else {
            for next in next {
                self.walk(next, 0.0, rest_m - gone_m, from_m + gone_m);
            }
        }
        self.scratch.points_m.truncate(points);
        self.scratch.ways.truncate(ways);
        self.scratch.turn = turn;
    }

    /// Adds the points of a line from a place on it, at most so many metres; tells how much longer the path became.
    fn add(&mut self, line: &[Vector2], from_m: f64, rest_m: f64) -> f64 {
        let points = &mut self.scratch.points_m;
        let (mut gone_m, mut start_m) = (0.0, 0.0);
        for segment in segments(line) {
            let end_m = start_m + segment.length_m;
            if end_m >= from_m {
                for point in [segment.start + segment.unit * (from_m - start_m).max(0.0), segment.end()] {
                    let Some(last) = points.last() else {
                        points.push(point);
                        continue;
                    };
                    let step = point - *last;
                    let step_m = step.norm();
                    if gone_m + step_m >= rest_m {
                        points.push(*last + step * ((rest_m - gone_m) / step_m.max(f64::MIN_POSITIVE)));
                        return rest_m;
                    }
                    if step_m > crate::map::SAME_POINT_M {
                        points.push(point);
                        gone_m += step_m;
                    }
                }
            }
            start_m = end_m;
        }
        gone_m
    }

    fn emit(&mut self) {
        if self.scratch.points_m.len() < 2 {
            return;
        }
        match self.paths.get_mut(self.count) {
            Some(path) => path.take(&self.scratch),
            None => self.paths.push(self.scratch.clone()),
        }
        self.count += 1;
    }
}
