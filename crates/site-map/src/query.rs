//! Where a point is: on which lanes, on which connections, on the carriageway, on a crosswalk.

use rsu_units::Vector2;

use crate::index::{Hit, Way};
use crate::{AreaKind, Connection, Lane, LaneKind, SiteMap};

/// Lanes that are passed on the way to a stop line before it counts as none.
const STOP_LINE_LANES: usize = 8;

/// Where a point is on a lane.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LanePlace<'a> {
    /// The lane.
    pub lane: &'a Lane,
    /// Metres along the lane from its start.
    pub along_m: f64,
    /// Metres from here to the lane's end.
    pub to_end_m: f64,
    /// Metres to the left of the centre line.
    pub left_m: f64,
    /// Direction of travel there, radians counter-clockwise from east.
    pub direction_rad: f64,
}

/// Where a point is on a connection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConnectionPlace<'a> {
    /// The lane that the connection leads away from.
    pub from: &'a Lane,
    /// The connection.
    pub connection: &'a Connection,
    /// Metres along the connection from its start.
    pub along_m: f64,
    /// Metres from here to the connection's end.
    pub to_end_m: f64,
    /// Metres to the left of the centre line.
    pub left_m: f64,
    /// Direction of travel there, radians counter-clockwise from east.
    pub direction_rad: f64,
}

impl SiteMap {
    /// The lanes of a kind that hold a point, or would if they were `margin_m` wider on each side. A negative margin
    /// makes them narrower.
    pub fn lanes_at(&self, kind: LaneKind, point_m: Vector2, margin_m: f64) -> impl Iterator<Item = LanePlace<'_>> {
        let wanted = |way: usize| self.lane_by_index(way).is_some_and(|lane| lane.kind == kind);
        self.index.hits(point_m, margin_m, wanted).into_iter().filter_map(|hit| self.lane_place(&hit))
    }

    fn lane_place(&self, hit: &Hit) -> Option<LanePlace<'_>> {
        let way = self.ways.get(hit.way)?;
        Some(LanePlace {
            lane: self.lane_by_index(way.lane)?,
            along_m: hit.along_m,
            to_end_m: way.length_m - hit.along_m,
            left_m: hit.left_m,
            direction_rad: hit.direction_rad(),
        })
    }

    /// The lane of a kind whose centre line is nearest, of those that [`lanes_at`](Self::lanes_at) gives; of equally near
    /// ones the first by name.
    #[must_use]
    pub fn nearest_lane(&self, kind: LaneKind, point_m: Vector2, margin_m: f64) -> Option<LanePlace<'_>> {
        self.lanes_at(kind, point_m, margin_m)
            .min_by(|a, b| a.left_m.abs().total_cmp(&b.left_m.abs()).then_with(|| a.lane.id.cmp(&b.lane.id)))
    }

    /// The vehicle or bicycle lane whose centre line is nearest, of those that hold the point.
    #[must_use]
    pub fn lane_at(&self, point_m: Vector2) -> Option<LanePlace<'_>> {
        let wanted = |way: usize| self.lane_by_index(way).is_some_and(|lane| lane.kind.is_directed());
        let hits = self.index.hits(point_m, 0.0, wanted);
        let kind = |hit: &Hit| self.lane_by_index(hit.way).map(|lane| lane.kind);
        let nearest =
            hits.iter().min_by(|a, b| a.left_m.abs().total_cmp(&b.left_m.abs()).then(kind(a).cmp(&kind(b))))?;
        self.lane_place(nearest)
    }

    /// The connections whose path holds a point, or would if it were `margin_m` wider on each side. A path is as wide as
    /// the lane that it leads away from.
    pub fn connections_at(&self, point_m: Vector2, margin_m: f64) -> impl Iterator<Item = ConnectionPlace<'_>> {
        let lanes = self.first_connection.len();
        self.index.hits(point_m, margin_m, |way| way >= lanes).into_iter().filter_map(|hit| {
            let way = self.ways.get(hit.way)?;
            Some(ConnectionPlace {
                from: self.lane_by_index(way.lane)?,
                connection: self.connection(way)?,
                along_m: hit.along_m,
                to_end_m: way.length_m - hit.along_m,
                left_m: hit.left_m,
                direction_rad: hit.direction_rad(),
            })
        })
    }

    /// Metres to the stop line ahead, measured along the lane; where the lane has none, along the lanes that follow, as
    /// long as there is only one way to go on. `None` when there is no stop line ahead.
    #[must_use]
    pub fn distance_to_stop_line_m(&self, place: &LanePlace<'_>) -> Option<f64> {
        let mut distance_m = place.to_end_m;
        let mut lane = place.lane;
        for _ in 0..STOP_LINE_LANES {
            if lane.stop_line {
                return Some(distance_m);
            }
            let [connection] = lane.connections.as_slice() else { return None };
            let index = self.lane_index(&connection.to)?;
            distance_m += crate::geometry::length_m(&connection.points_m) + self.ways.get(index)?.length_m;
            lane = self.lane_by_index(index)?;
        }
        None
    }

    /// Whether a point is on the carriageway: on a vehicle lane, in a junction or, where the map has no junction areas, on
    /// a vehicle's way across one. With a positive margin, the points that lie `margin_m` to its east, west, north and
    /// south must be on it, too: the seam of two lanes is no edge, but the kerb is one, also in a junction.
    #[must_use]
    pub fn on_carriageway(&self, point_m: Vector2, margin_m: f64) -> bool {
        let lanes = self.first_connection.len();
        let connections = !self.areas().iter().any(|area| area.kind == AreaKind::Junction);
        let wanted = |number: usize| {
            let lane = self.ways.get(number).and_then(|way: &Way| self.lane_by_index(way.lane));
            (number < lanes || connections) && lane.is_some_and(|lane| lane.kind == LaneKind::Vehicle)
        };
        let holds =
            |point_m| self.index.hits(point_m, 0.0, wanted).iter().next().is_some() || self.in_junction(point_m);
        let around = [(margin_m, 0.0), (-margin_m, 0.0), (0.0, margin_m), (0.0, -margin_m)];
        holds(point_m) && (margin_m <= 0.0 || around.into_iter().all(|(x, y)| holds(point_m + Vector2::new(x, y))))
    }

    /// Whether a point is on a crosswalk, or within `margin_m` of one.
    #[must_use]
    pub fn on_crosswalk(&self, point_m: Vector2, margin_m: f64) -> bool {
        self.lanes_at(LaneKind::Crosswalk, point_m, margin_m).next().is_some()
    }
}
