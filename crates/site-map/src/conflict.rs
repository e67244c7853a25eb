//! Conflict points: where the ways of road users who do not see each other as "the one in front" meet.

use std::collections::BTreeMap;

use rsu_units::{Vector2, angle};

use crate::geometry::segments;
use crate::index::{Index, Way};
use crate::map::line_of;
use crate::{Lane, LaneKind};

/// Most conflict points of a map; more are not looked for.
pub const MAX_CONFLICT_POINTS: usize = 20_000;

/// Two crossings of the same two ways that are nearer to each other than this are one, metres.
const SAME_CONFLICT_M: f64 = 1.0;

/// A lane, or one of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WayRef {
    /// Place of the lane in [`crate::SiteMap::lanes`].
    pub lane: usize,
    /// Place of the connection in [`Lane::connections`]; the lane itself without.
    pub connection: Option<usize>,
}

/// How two ways meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConflictKind {
    /// Two connections cross.
    Crossing,
    /// Two connections lead into the same lane.
    Merging,
    /// A connection or lane leads over a crosswalk.
    Crosswalk,
}

/// A place where two ways meet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConflictPoint {
    /// Where, in site metres.
    pub point_m: Vector2,
    /// How.
    pub kind: ConflictKind,
    /// A connection; for [`ConflictKind::Crosswalk`] it can be a lane.
    pub first: WayRef,
    /// Metres along it.
    pub first_along_m: f64,
    /// Another connection; for [`ConflictKind::Crosswalk`] the crosswalk.
    pub second: WayRef,
    /// Metres along it.
    pub second_along_m: f64,
    /// Angle between the two directions, radians, 0 to π.
    pub angle_rad: f64,
}

impl Way {
    pub(crate) fn reference(&self) -> WayRef {
        WayRef { lane: self.lane, connection: self.connection }
    }
}

/// All conflict points, in the order of their first ways.
pub(crate) fn conflict_points(lanes: &[Lane], ways: &[Way], index: &Index) -> Vec<ConflictPoint> {
    let mut found: Vec<ConflictPoint> = Vec::new();
    let groups = groups(lanes, ways);
    for (number, way) in ways.iter().enumerate() {
        if !lanes.get(way.lane).is_some_and(|lane| lane.kind.is_directed()) {
            continue;
        }
        let mut here = crossings(lanes, ways, index, number, way);
        let group = target(lanes, way).and_then(|to| groups.get(to)).map_or([].as_slice(), Vec::as_slice);
        let later = group.get(group.partition_point(|other| *other <= number)..).unwrap_or_default();
        here.extend(merges(lanes, ways, way, later));
        here.sort_by(|a, b| a.first_along_m.total_cmp(&b.first_along_m).then(a.second.cmp(&b.second)));
        found.extend(here);
        if found.len() >= MAX_CONFLICT_POINTS {
            found.truncate(MAX_CONFLICT_POINTS);
            break;
        }
    }
    found
}

/// Where a way crosses crosswalks and connections that come after it.
fn crossings(lanes: &[Lane], ways: &[Way], index: &Index, number: usize, way: &Way) -> Vec<ConflictPoint> {
    let mut here: Vec<ConflictPoint> = Vec::new();
    let mut start_m = 0.0;
    for segment in segments(line_of(lanes, way)) {
        let (low, high) = segment.bounds();
        index.pieces_in(low, high, |other_number, other_segment, other_start_m| {
            let Some(other) = ways.get(other_number) else { return };
            let Some(kind) = kind(lanes, (number, way), (other_number, other)) else { return };
            let Some((along_m, other_along_m)) = segment.crossing(other_segment) else { return };
            here.push(ConflictPoint {
                point_m: segment.start + segment.unit * along_m,
                kind,
                first: way.reference(),
                first_along_m: start_m + along_m,
                second: other.reference(),
                second_along_m: other_start_m + other_along_m,
                angle_rad: angle::wrap_rad(other_segment.unit.angle_rad() - segment.unit.angle_rad()).abs(),
            });
        });
        start_m += segment.length_m;
        if here.len() > MAX_CONFLICT_POINTS {
            break;
        }
    }
    here.sort_by(|a, b| a.second.cmp(&b.second).then(a.first_along_m.total_cmp(&b.first_along_m)));
    here.dedup_by(|b, a| a.second == b.second && (a.point_m - b.point_m).norm() < SAME_CONFLICT_M);
    here
}

fn kind(lanes: &[Lane], (number, way): (usize, &Way), (other_number, other): (usize, &Way)) -> Option<ConflictKind> {
    if other.connection.is_none() {
        let crosswalk = lanes.get(other.lane).is_some_and(|lane| lane.kind == LaneKind::Crosswalk);
        return crosswalk.then_some(ConflictKind::Crosswalk);
    }
    // Ways out of one lane part; ways into one lane merge, which is told once, at its start.
    let meets = way.connection.is_some()
        && other_number > number
        && other.lane != way.lane
        && target(lanes, way) != target(lanes, other);
    meets.then_some(ConflictKind::Crossing)
}

/// The name of the lane that a connection leads to.
fn target<'a>(lanes: &'a [Lane], way: &Way) -> Option<&'a str> {
    Some(&lanes.get(way.lane)?.connections.get(way.connection?)?.to)
}

/// The connections that lead into each lane, in their order: comparing each with each would take too long for a map of
/// many.
fn groups<'a>(lanes: &'a [Lane], ways: &[Way]) -> BTreeMap<&'a str, Vec<usize>> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (number, way) in ways.iter().enumerate() {
        if let Some(to) = target(lanes, way) {
            groups.entry(to).or_default().push(number);
        }
    }
    groups
}

/// Where a connection comes together with later ones that lead into the same lane.
fn merges(lanes: &[Lane], ways: &[Way], way: &Way, later: &[usize]) -> Vec<ConflictPoint> {
    let start = way.to.and_then(|to| lanes.get(to)).and_then(|lane| lane.points_m.first());
    let Some(point_m) = start.or(line_of(lanes, way).last()) else { return Vec::new() };
    let direction = |way: &Way| segments(line_of(lanes, way)).next_back().map(|segment| segment.unit.angle_rad());
    later
        .iter()
        .filter_map(|number| ways.get(*number))
        .filter(|other| other.lane != way.lane)
        // More than these would be cut off later.
        .take(MAX_CONFLICT_POINTS)
        .map(|other| ConflictPoint {
            point_m: *point_m,
            kind: ConflictKind::Merging,
            first: way.reference(),
            first_along_m: way.length_m,
            second: other.reference(),
            second_along_m: other.length_m,
            angle_rad: match (direction(way), direction(other)) {
                (Some(a), Some(b)) => angle::wrap_rad(b - a).abs(),
                _ => 0.0,
            },
        })
        .collect()
}
