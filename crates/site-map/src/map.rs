//! Lanes and areas of one site.

use rsu_units::Vector2;
use thiserror::Error;

use crate::SiteFrame;
use crate::geometry::{inside, length_m, project, twice_area};

/// Who a lane is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneKind {
    /// Motor vehicles: the carriageway.
    Vehicle,
    /// Bicycles.
    Bicycle,
    /// Pedestrians who cross the carriageway; its line goes from kerb to kerb.
    Crosswalk,
    /// Pedestrians beside the carriageway.
    Sidewalk,
}

/// One lane. The line leads along the direction of travel.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// Name, unique within the map.
    pub id: String,
    /// Who it is for.
    pub kind: LaneKind,
    /// Width, metres.
    pub width_m: f64,
    /// Centre line in site metres, at least two points.
    pub points_m: Vec<Vector2>,
    /// Whether the line ends at a stop line, where vehicles wait for a signal or for priority.
    pub stop_line: bool,
    /// Speed limit, metres per second, where one is known.
    pub speed_limit_mps: Option<f64>,
}

/// What an area is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AreaKind {
    /// The inside of a junction: carriageway without lanes.
    Junction,
}

/// A polygon with a meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Name, unique within the map.
    pub id: String,
    /// What it is.
    pub kind: AreaKind,
    /// Corners in site metres, at least three.
    pub polygon_m: Vec<Vector2>,
}

/// What is wrong with a map.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum MapError {
    /// A line has too few points, a point that is no number, or no length between two points.
    #[error("{id}: the line needs at least two points, all different from their neighbours and finite")]
    BadLine {
        /// Lane.
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
    /// The map message has no position for its node.
    #[error("MAP: node {node} has no reference position")]
    NoReference {
        /// Index of the node.
        node: usize,
    },
}

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

/// The map of one site.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteMap {
    frame: SiteFrame,
    lanes: Vec<IndexedLane>,
    areas: Vec<Area>,
}

#[derive(Debug, Clone, PartialEq)]
struct IndexedLane {
    lane: Lane,
    length_m: f64,
    low: Vector2,
    high: Vector2,
}

impl SiteMap {
    /// A map of lanes and areas; both lists may be empty.
    ///
    /// # Errors
    /// [`MapError`] names the first part that cannot be.
    pub fn new(frame: SiteFrame, lanes: Vec<Lane>, areas: Vec<Area>) -> Result<Self, MapError> {
        let mut names = std::collections::BTreeSet::new();
        for id in lanes.iter().map(|lane| &lane.id).chain(areas.iter().map(|area| &area.id)) {
            if !names.insert(id.as_str()) {
                return Err(MapError::Twice { id: id.clone() });
            }
        }
        for lane in &lanes {
            let separate = lane.points_m.iter().zip(lane.points_m.iter().skip(1)).all(|(a, b)| (*b - *a).norm() > 1e-3);
            if lane.points_m.len() < 2 || !separate || !lane.points_m.iter().all(|p| p.is_finite()) {
                return Err(MapError::BadLine { id: lane.id.clone() });
            }
            if !(0.5..=30.0).contains(&lane.width_m) {
                return Err(MapError::BadWidth { id: lane.id.clone(), width_m: lane.width_m });
            }
        }
        for area in &areas {
            let finite = area.polygon_m.iter().all(|p| p.is_finite());
            if area.polygon_m.len() < 3 || !finite || twice_area(&area.polygon_m).abs() < 0.02 {
                return Err(MapError::BadPolygon { id: area.id.clone() });
            }
        }
        let lanes = lanes
            .into_iter()
            .map(|lane| {
                let half = lane.width_m / 2.0;
                let fold = |start: f64, pick: fn(f64, f64) -> f64, of: fn(&Vector2) -> f64| {
                    lane.points_m.iter().map(of).fold(start, pick)
                };
                let low = Vector2::new(
                    fold(f64::INFINITY, f64::min, |p| p.x) - half,
                    fold(f64::INFINITY, f64::min, |p| p.y) - half,
                );
                let high = Vector2::new(
                    fold(f64::NEG_INFINITY, f64::max, |p| p.x) + half,
                    fold(f64::NEG_INFINITY, f64::max, |p| p.y) + half,
                );
                IndexedLane { length_m: length_m(&lane.points_m), lane, low, high }
            })
            .collect();
        Ok(Self { frame, lanes, areas })
    }

    /// The site frame.
    #[must_use]
    pub fn frame(&self) -> &SiteFrame {
        &self.frame
    }

    /// All lanes.
    pub fn lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().map(|indexed| &indexed.lane)
    }

    /// All areas.
    #[must_use]
    pub fn areas(&self) -> &[Area] {
        &self.areas
    }

    /// The lanes of a kind that hold a point, or would if they were `margin_m` wider on each side. A negative margin
    /// makes them narrower.
    pub fn lanes_at(&self, kind: LaneKind, point_m: Vector2, margin_m: f64) -> impl Iterator<Item = LanePlace<'_>> {
        let reach = margin_m.max(0.0);
        self.lanes.iter().filter_map(move |indexed| {
            let out = indexed.lane.kind != kind
                || point_m.x < indexed.low.x - reach
                || point_m.y < indexed.low.y - reach
                || point_m.x > indexed.high.x + reach
                || point_m.y > indexed.high.y + reach;
            if out {
                return None;
            }
            let place = project(&indexed.lane.points_m, point_m)?;
            let beside = place.distance_m <= indexed.lane.width_m / 2.0 + margin_m;
            (beside && !(place.beyond_end && place.distance_m > reach)).then_some(LanePlace {
                lane: &indexed.lane,
                along_m: place.along_m,
                to_end_m: indexed.length_m - place.along_m,
                left_m: place.left_m,
                direction_rad: place.direction_rad,
            })
        })
    }

    /// The vehicle or bicycle lane whose centre line is nearest, of those that hold the point.
    #[must_use]
    pub fn lane_at(&self, point_m: Vector2) -> Option<LanePlace<'_>> {
        self.lanes_at(LaneKind::Vehicle, point_m, 0.0)
            .chain(self.lanes_at(LaneKind::Bicycle, point_m, 0.0))
            .min_by(|a, b| a.left_m.abs().total_cmp(&b.left_m.abs()))
    }

    /// Whether a point is inside of a junction.
    #[must_use]
    pub fn in_junction(&self, point_m: Vector2) -> bool {
        self.areas.iter().any(|area| area.kind == AreaKind::Junction && inside(&area.polygon_m, point_m))
    }

    /// Whether a point is on the carriageway, at least `margin_m` from its lanes' edges.
    #[must_use]
    pub fn on_carriageway(&self, point_m: Vector2, margin_m: f64) -> bool {
        self.lanes_at(LaneKind::Vehicle, point_m, -margin_m).next().is_some() || self.in_junction(point_m)
    }

    /// Whether a point is on a crosswalk, or within `margin_m` of one.
    #[must_use]
    pub fn on_crosswalk(&self, point_m: Vector2, margin_m: f64) -> bool {
        self.lanes_at(LaneKind::Crosswalk, point_m, margin_m).next().is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn lane(id: &str, kind: LaneKind, width_m: f64, points: &[(f64, f64)]) -> Lane {
        let points_m = points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect();
        Lane { id: id.into(), kind, width_m, points_m, stop_line: false, speed_limit_mps: None }
    }

    fn map(lanes: Vec<Lane>) -> Result<SiteMap, MapError> {
        SiteMap::new(SiteFrame::new(22.69, 114.35).unwrap(), lanes, vec![])
    }

    #[test]
    fn the_nearest_lane_wins() {
        let map = map(vec![
            lane("east", LaneKind::Vehicle, 3.5, &[(0.0, 0.0), (100.0, 0.0)]),
            lane("west", LaneKind::Vehicle, 3.5, &[(100.0, 3.5), (0.0, 3.5)]),
        ])
        .unwrap();
        let place = map.lane_at(Vector2::new(30.0, 1.0)).unwrap();
        assert_eq!((place.lane.id.as_str(), place.along_m, place.to_end_m, place.left_m), ("east", 30.0, 70.0, 1.0));
        assert_eq!(map.lane_at(Vector2::new(30.0, 3.0)).unwrap().lane.id, "west");
        assert!(map.lane_at(Vector2::new(30.0, 6.0)).is_none());
        assert!(map.lane_at(Vector2::new(101.0, 0.0)).is_none());
        assert_eq!(map.lanes_at(LaneKind::Vehicle, Vector2::new(30.0, 1.0), 1.0).count(), 2);
    }

    #[test]
    fn crosswalks_are_told_from_the_carriageway() {
        let map = map(vec![
            lane("east", LaneKind::Vehicle, 3.5, &[(0.0, 0.0), (100.0, 0.0)]),
            lane("zebra", LaneKind::Crosswalk, 4.0, &[(50.0, -5.0), (50.0, 5.0)]),
        ])
        .unwrap();
        assert!(map.on_carriageway(Vector2::new(50.0, 1.0), 0.3) && map.on_crosswalk(Vector2::new(50.0, 1.0), 0.0));
        assert!(!map.on_crosswalk(Vector2::new(53.0, 1.0), 0.5) && map.on_crosswalk(Vector2::new(53.0, 1.0), 1.5));
        assert!(!map.on_carriageway(Vector2::new(50.0, 1.7), 0.3));
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let bad = |lanes| map(lanes).unwrap_err().to_string();
        assert!(bad(vec![lane("a", LaneKind::Vehicle, 3.5, &[(0.0, 0.0)])]).contains("a: the line"));
        assert!(bad(vec![lane("a", LaneKind::Vehicle, 0.1, &[(0.0, 0.0), (1.0, 0.0)])]).contains("width 0.1"));
        let twice = lane("a", LaneKind::Vehicle, 3.0, &[(0.0, 0.0), (1.0, 0.0)]);
        assert!(bad(vec![twice.clone(), twice]).contains("twice"));
        assert!(bad(vec![lane("a", LaneKind::Vehicle, 3.0, &[(0.0, 0.0), (f64::NAN, 0.0)])]).contains("finite"));
    }
}
