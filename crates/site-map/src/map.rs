//! The map of one site: how it is made, and its plain contents.
//!
//! [`SiteMap::new`] refuses what would make answers meaningless (lines without length, widths that no lane has, two
//! things with one name), draws the connections that have no line of their own, and builds the spatial index. What is
//! merely unlikely it takes; [`SiteMap::validate`] tells about that.

use std::collections::BTreeSet;

use rsu_units::Vector2;
use thiserror::Error;

use crate::conflict::{ConflictPoint, conflict_points};
use crate::curve::connection_curve;
use crate::geometry::{inside, length_m, twice_area};
use crate::index::{Index, Way};
use crate::{Area, AreaKind, Connection, Lane, SiteFrame};

/// Most lanes of a map.
pub const MAX_LANES: usize = 4096;
/// Most areas of a map.
pub const MAX_AREAS: usize = 1024;
/// Most connections of a lane.
pub const MAX_CONNECTIONS: usize = 32;
/// Most points of all lanes, connections and areas of a map together.
pub const MAX_POINTS: usize = 200_000;
/// Most points of one line or polygon.
pub const MAX_LINE_POINTS: usize = 2000;
/// Farthest that a coordinate can be from the reference point, metres.
pub const MAX_COORDINATE_M: f64 = 100_000.0;
/// Smallest and largest width of a lane, metres.
pub const WIDTH_M: std::ops::RangeInclusive<f64> = 0.5..=30.0;

/// Points of a line that are nearer to each other than this are one point, metres.
pub(crate) const SAME_POINT_M: f64 = 1e-3;

/// What is wrong with a map.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MapError {
    /// A line has too few points, a point that is no number, or no length between two points.
    #[error(
        "{id}: the line needs at least two points, all different from their neighbours, finite and within 100 km of the \
         reference point"
    )]
    BadLine {
        /// Lane, or lanes of the connection.
        id: String,
    },
    /// A width that no lane has.
    #[error("{id}: width {width_m} m is not between 0.5 and 30")]
    BadWidth {
        /// Lane.
        id: String,
        /// Its width.
        width_m: f64,
    },
    /// A speed limit that is no number.
    #[error("{id}: {speed_limit_mps} m/s is no speed limit")]
    BadSpeedLimit {
        /// Lane.
        id: String,
        /// Its limit.
        speed_limit_mps: f64,
    },
    /// A polygon that encloses nothing.
    #[error("{id}: the polygon needs at least three finite corners that enclose an area")]
    BadPolygon {
        /// Area.
        id: String,
    },
    /// Two parts with one name.
    #[error("{id}: the name is given twice")]
    Twice {
        /// Lane or area.
        id: String,
    },
    /// More of something than a map can hold.
    #[error("{count} {what}: a map holds at most {max}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there can be.
        max: usize,
    },
    /// The map message has no position for its node.
    #[error("MAP: node {node} has no reference position")]
    NoReference {
        /// Index of the node.
        node: usize,
    },
}

/// The map of one site.
#[derive(Debug, Clone)]
pub struct SiteMap {
    frame: SiteFrame,
    lanes: Vec<Lane>,
    areas: Vec<Area>,
    /// Indices of the lanes in the order of their names.
    by_id: Vec<usize>,
    approaches: Vec<String>,
    /// The lanes in their order, then the connections in the order of their lanes.
    pub(crate) ways: Vec<Way>,
    /// Of each lane: the way that is its first connection.
    pub(crate) first_connection: Vec<usize>,
    pub(crate) index: Index,
    conflicts: Vec<ConflictPoint>,
}

impl PartialEq for SiteMap {
    fn eq(&self, other: &Self) -> bool {
        // Everything else is made of these.
        self.frame == other.frame && self.lanes == other.lanes && self.areas == other.areas
    }
}

impl SiteMap {
    /// A map of lanes and areas; both lists may be empty.
    ///
    /// # Errors
    /// [`MapError`] names the first part that cannot be.
    pub fn new(frame: SiteFrame, mut lanes: Vec<Lane>, areas: Vec<Area>) -> Result<Self, MapError> {
        check_numbers(&lanes, &areas)?;
        check_names(&lanes, &areas)?;
        for lane in &lanes {
            check_lane(lane)?;
        }
        for area in &areas {
            check_area(area)?;
        }
        let mut by_id: Vec<usize> = (0..lanes.len()).collect();
        by_id.sort_by(|a, b| lanes.get(*a).map(|lane| &lane.id).cmp(&lanes.get(*b).map(|lane| &lane.id)));
        draw_connections(&mut lanes, &areas, &by_id)?;
        let mut approaches: Vec<String> = Vec::new();
        let mut known = BTreeSet::new();
        for approach in lanes.iter().filter_map(|lane| lane.approach.as_ref()) {
            if known.insert(approach) {
                approaches.push(approach.clone());
            }
        }
        let (ways, first_connection) = ways(&lanes, &by_id);
        let index = Index::new(ways.iter().map(|way| (way, line_of(&lanes, way))));
        let conflicts = conflict_points(&lanes, &ways, &index);
        Ok(Self { frame, lanes, areas, by_id, approaches, ways, first_connection, index, conflicts })
    }

    /// The site frame.
    #[must_use]
    pub fn frame(&self) -> &SiteFrame {
        &self.frame
    }

    /// All lanes, in the order in which they were given. Their connections have their lines.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter()
    }

    /// The lane of a name.
    #[must_use]
    pub fn lane(&self, id: &str) -> Option<&Lane> {
        self.lane_by_index(self.lane_index(id)?)
    }

    /// The place of a lane in [`SiteMap::lanes`].
    #[must_use]
    pub fn lane_index(&self, id: &str) -> Option<usize> {
        find(&self.lanes, &self.by_id, id)
    }

    /// The lane at a place in [`SiteMap::lanes`].
    #[must_use]
    pub fn lane_by_index(&self, index: usize) -> Option<&Lane> {
        self.lanes.get(index)
    }

    /// All areas.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The names of the approaches, in the order in which they first occur.
    pub fn approaches(&self) -> impl Iterator<Item = &str> {
        self.approaches.iter().map(String::as_str)
    }

    /// The lanes of an approach.
    pub fn lanes_of<'a>(&'a self, approach: &'a str) -> impl Iterator<Item = &'a Lane> {
        self.lanes.iter().filter(move |lane| lane.approach.as_deref() == Some(approach))
    }

    /// Where connections cross each other, merge, or cross a crosswalk; and where lanes cross a crosswalk. Those of the
    /// first lanes come first.
    #[must_use]
    pub fn conflict_points(&self) -> &[ConflictPoint] {
        &self.conflicts
    }

    /// Whether a point is inside of a junction.
    #[must_use]
    pub fn in_junction(&self, point_m: Vector2) -> bool {
        self.areas.iter().any(|area| area.kind == AreaKind::Junction && inside(&area.polygon_m, point_m))
    }

    pub(crate) fn line(&self, way: &Way) -> &[Vector2] {
        line_of(&self.lanes, way)
    }

    pub(crate) fn connection(&self, way: &Way) -> Option<&Connection> {
        self.lanes.get(way.lane)?.connections.get(way.connection?)
    }
}

/// The line of a lane or connection.
pub(crate) fn line_of<'a>(lanes: &'a [Lane], way: &Way) -> &'a [Vector2] {
    let Some(lane) = lanes.get(way.lane) else { return &[] };
    match way.connection {
        None => &lane.points_m,
        Some(connection) => lane.connections.get(connection).map_or(&[], |connection| &connection.points_m),
    }
}

fn find(lanes: &[Lane], by_id: &[usize], id: &str) -> Option<usize> {
    let name = |index: &usize| lanes.get(*index).map_or("", |lane| lane.id.as_str());
    by_id.binary_search_by(|index| name(index).cmp(id)).ok().and_then(|place| by_id.get(place).copied())
}

fn check_numbers(lanes: &[Lane], areas: &[Area]) -> Result<(), MapError> {
    let at_most = |what, count, max| if count > max { Err(MapError::TooMany { what, count, max }) } else { Ok(()) };
    at_most("lanes", lanes.len(), MAX_LANES)?;
    at_most("areas", areas.len(), MAX_AREAS)?;
    for lane in lanes {
        at_most("connections of one lane", lane.connections.len(), MAX_CONNECTIONS)?;
    }
    at_most("points of one line", point_counts(lanes, areas).max().unwrap_or(0), MAX_LINE_POINTS)?;
    at_most("points", point_counts(lanes, areas).sum(), MAX_POINTS)
}

/// Of each line and polygon: how many points it has.
fn point_counts<'a>(lanes: &'a [Lane], areas: &'a [Area]) -> impl Iterator<Item = usize> + 'a {
    let connections = lanes.iter().flat_map(|lane| &lane.connections).map(|connection| connection.points_m.len());
    let polygons = areas.iter().map(|area| area.polygon_m.len());
    lanes.iter().map(|lane| lane.points_m.len()).chain(connections).chain(polygons)
}

fn check_names(lanes: &[Lane], areas: &[Area]) -> Result<(), MapError> {
    let mut names = BTreeSet::new();
    for id in lanes.iter().map(|lane| &lane.id).chain(areas.iter().map(|area| &area.id)) {
        if !names.insert(id.as_str()) {
            return Err(MapError::Twice { id: id.clone() });
        }
    }
    Ok(())
}

fn can_be(point: &Vector2) -> bool {
    // No number is not less than anything.
    point.x.abs() <= MAX_COORDINATE_M && point.y.abs() <= MAX_COORDINATE_M
}

fn is_line(points_m: &[Vector2]) -> bool {
    points_m.len() >= 2
        && points_m.iter().all(can_be)
        && points_m.iter().zip(points_m.iter().skip(1)).all(|(a, b)| (*b - *a).norm() > SAME_POINT_M)
}

fn check_lane(lane: &Lane) -> Result<(), MapError> {
    if !is_line(&lane.points_m) {
        return Err(MapError::BadLine { id: lane.id.clone() });
    }
    if !WIDTH_M.contains(&lane.width_m) {
        return Err(MapError::BadWidth { id: lane.id.clone(), width_m: lane.width_m });
    }
    if let Some(speed_limit_mps) = lane.speed_limit_mps.filter(|limit| !(limit.is_finite() && *limit >= 0.0)) {
        return Err(MapError::BadSpeedLimit { id: lane.id.clone(), speed_limit_mps });
    }
    let bad = |connection: &&Connection| !connection.points_m.is_empty() && !is_line(&connection.points_m);
    match lane.connections.iter().find(bad) {
        Some(connection) => Err(MapError::BadLine { id: format!("{} -> {}", lane.id, connection.to) }),
        None => Ok(()),
    }
}

fn check_area(area: &Area) -> Result<(), MapError> {
    let finite = area.polygon_m.iter().all(can_be);
    if area.polygon_m.len() < 3 || !finite || twice_area(&area.polygon_m).abs() < 0.02 {
        return Err(MapError::BadPolygon { id: area.id.clone() });
    }
    Ok(())
}

/// Gives each connection without a line a curve, where its lane is known and does not begin at once. The points of the
/// curves count as well: a map of many connections, each without points of its own, would become a large one.
fn draw_connections(lanes: &mut [Lane], areas: &[Area], by_id: &[usize]) -> Result<(), MapError> {
    let mut count: usize = point_counts(lanes, areas).sum();
    let mut curves: Vec<(usize, usize, Vec<Vector2>)> = Vec::new();
    for (index, lane) in lanes.iter().enumerate() {
        for (number, connection) in lane.connections.iter().enumerate().filter(|(_, to)| to.points_m.is_empty()) {
            let Some(to) = find(lanes, by_id, &connection.to).and_then(|to| lanes.get(to)) else { continue };
            let points_m = connection_curve(&lane.points_m, &to.points_m);
            count += points_m.len();
            if count > MAX_POINTS {
                return Err(MapError::TooMany {
                    what: "points with those of drawn connections",
                    count,
                    max: MAX_POINTS,
                });
            }
            curves.push((index, number, points_m));
        }
    }
    for (lane, number, points_m) in curves {
        if let Some(connection) = lanes.get_mut(lane).and_then(|lane| lane.connections.get_mut(number)) {
            connection.points_m = points_m;
        }
    }
    Ok(())
}

fn ways(lanes: &[Lane], by_id: &[usize]) -> (Vec<Way>, Vec<usize>) {
    let way = |(index, lane): (usize, &Lane)| Way {
        lane: index,
        connection: None,
        to: None,
        length_m: length_m(&lane.points_m),
        half_width_m: lane.width_m / 2.0,
    };
    let mut ways: Vec<Way> = lanes.iter().enumerate().map(way).collect();
    let mut first_connection = Vec::with_capacity(lanes.len());
    for (index, lane) in lanes.iter().enumerate() {
        first_connection.push(ways.len());
        ways.extend(lane.connections.iter().enumerate().map(|(number, connection)| Way {
            lane: index,
            connection: Some(number),
            to: find(lanes, by_id, &connection.to),
            length_m: length_m(&connection.points_m),
            half_width_m: lane.width_m / 2.0,
        }));
    }
    (ways, first_connection)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;
    use crate::{LaneKind, Turn};

    fn lane(id: &str, width_m: f64, points: &[(f64, f64)]) -> Lane {
        let points_m = points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect();
        Lane::new(id, LaneKind::Vehicle, width_m, points_m)
    }

    fn map(lanes: Vec<Lane>) -> Result<SiteMap, MapError> {
        SiteMap::new(SiteFrame::new(22.69, 114.35).unwrap(), lanes, vec![])
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let bad = |lanes| map(lanes).unwrap_err().to_string();
        assert!(bad(vec![lane("a", 3.5, &[(0.0, 0.0)])]).contains("a: the line"));
        assert!(bad(vec![lane("a", 0.1, &[(0.0, 0.0), (1.0, 0.0)])]).contains("width 0.1"));
        let twice = lane("a", 3.0, &[(0.0, 0.0), (1.0, 0.0)]);
        assert!(bad(vec![twice.clone(), twice.clone()]).contains("twice"));
        assert!(bad(vec![lane("a", 3.0, &[(0.0, 0.0), (f64::NAN, 0.0)])]).contains("finite"));
        assert!(bad(vec![lane("a", 3.0, &[(0.0, 0.0), (1e6, 0.0)])]).contains("100 km"));
        assert!(bad(vec![twice.clone().with_speed_limit(f64::INFINITY)]).contains("speed limit"));
        let mut connection = Connection::new("b", Turn::Left);
        connection.points_m = vec![Vector2::default()];
        assert!(bad(vec![twice.with_connection(connection)]).contains("a -> b: the line"));
        let many = (0..=MAX_LANES).map(|n| lane(&n.to_string(), 3.0, &[(0.0, 0.0), (1.0, 0.0)])).collect();
        assert!(bad(many).contains("at most 4096"));
    }

    #[test]
    fn the_points_of_drawn_connections_count_as_well() {
        // Each lane leads to 32 lanes that begin to its left: about 5000 curves of 40 points are too many.
        let lanes = |count: usize| {
            let lane = |number: usize| {
                let x = number as f64 * 5.0;
                let lane = lane(&number.to_string(), 3.0, &[(x, 0.0), (x, 50.0)]);
                let to = |step: usize| Connection::new(((number + step) % count).to_string(), Turn::UTurn);
                (1..=MAX_CONNECTIONS).fold(lane, |lane, step| lane.with_connection(to(step)))
            };
            (0..count).map(lane).collect::<Vec<_>>()
        };
        let error = map(lanes(400)).unwrap_err();
        assert!(
            matches!(error, MapError::TooMany { count, max: MAX_POINTS, .. } if count < MAX_POINTS + 50),
            "{error}"
        );
        assert!(map(lanes(100)).is_ok());
    }

    /// It would take minutes if each connection were compared with each.
    #[test]
    fn a_map_of_as_many_connections_as_can_be_is_made() {
        let lane = |number: usize| {
            let x = number as f64 * 5.0;
            let lane = lane(&number.to_string(), 3.0, &[(x, 0.0), (x, 50.0)]);
            let to = |step: usize| Connection::new(format!("beyond {number} {step}"), Turn::Straight);
            (0..MAX_CONNECTIONS).fold(lane, |lane, step| lane.with_connection(to(step)))
        };
        let map = map((0..MAX_LANES).map(lane).collect()).unwrap();
        assert!(map.conflict_points().is_empty());
    }

    #[test]
    fn lanes_are_found_by_name_and_approach() {
        let map = map(vec![
            lane("b", 3.0, &[(0.0, 0.0), (9.0, 0.0)]).with_approach("west"),
            lane("a", 3.0, &[(0.0, 3.0), (9.0, 3.0)]).with_approach("west"),
            lane("c", 3.0, &[(30.0, 3.0), (20.0, 3.0)]).with_approach("east"),
        ])
        .unwrap();
        assert_eq!(map.lane("a").unwrap().id, "a");
        assert_eq!(map.lane_index("c"), Some(2));
        assert!(map.lane("d").is_none());
        assert_eq!(map.approaches().collect::<Vec<_>>(), ["west", "east"]);
        assert_eq!(map.lanes_of("west").map(|lane| lane.id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn connections_without_a_line_get_one() {
        let map = map(vec![
            lane("in", 3.0, &[(-50.0, 0.0), (0.0, 0.0)])
                .with_connection(Connection::new("left", Turn::Left))
                .with_connection(Connection::new("on", Turn::Straight))
                .with_connection(Connection::new("nowhere", Turn::Right)),
            lane("left", 3.0, &[(10.0, 10.0), (10.0, 60.0)]),
            lane("on", 3.0, &[(0.0, 0.0), (20.0, 0.0)]),
        ])
        .unwrap();
        let connections = &map.lane("in").unwrap().connections;
        let lengths: Vec<usize> = connections.iter().map(|connection| connection.points_m.len()).collect();
        assert!(lengths.first().unwrap() > &8, "{lengths:?}");
        assert_eq!(lengths.get(1..).unwrap(), [0, 0]);
    }
}
