//! A site map out of a MAP message.
//!
//! The links of a MAP lead towards their node and end at its stop lines. Lanes without points of their own are laid
//! beside the link's line. The inside of a junction is not in the message; it is taken as the convex hull of the ends
//! of all vehicle lanes, where at least three links meet.

use rsu_proto::v1;
use rsu_proto::v1::position_offset::Horizontal;
use rsu_units::Vector2;

use crate::geometry::{convex_hull, twice_area};
use crate::{Area, AreaKind, Lane, LaneKind, MapError, SiteFrame, SiteMap};

const DEFAULT_LANE_WIDTH_M: f64 = 3.5;

impl SiteMap {
    /// The map that a MAP message describes. What has no geometry (lanes without points on links without points) is
    /// left out.
    ///
    /// # Errors
    /// [`MapError`] when a node has no reference position, or lines or widths cannot be.
    pub fn from_map_message(frame: SiteFrame, message: &v1::MapData) -> Result<Self, MapError> {
        let mut lanes = Vec::new();
        let mut areas = Vec::new();
        for (index, node) in message.nodes.iter().enumerate() {
            let reference = node
                .reference
                .as_ref()
                .and_then(|position| Some((position.latitude_deg?, position.longitude_deg?)))
                .ok_or(MapError::NoReference { node: index })?;
            let node_name = reference_name(node.id.as_ref());
            let mut ends = Vec::new();
            let mut vehicle_links = 0;
            for link in &node.in_links {
                let link_line = line(&frame, reference, &link.points);
                let from = reference_name(link.upstream.as_ref());
                let before = ends.len();
                for lane in &link.lanes {
                    let kind = kind_of(lane);
                    let Some(kind) = kind else { continue };
                    let width_m = lane.width_m.filter(|width| *width > 0.0).unwrap_or(DEFAULT_LANE_WIDTH_M);
                    let points_m = if lane.points.is_empty() {
                        beside(&link_line, link, lane, width_m)
                    } else {
                        line(&frame, reference, &lane.points)
                    };
                    if points_m.is_empty() {
                        continue;
                    }
                    if let ([.., before_last, last], LaneKind::Vehicle) = (points_m.as_slice(), kind) {
                        let across = (*last - *before_last).rotated(std::f64::consts::FRAC_PI_2);
                        let across = across * (width_m / 2.0 / across.norm().max(1e-6));
                        ends.extend([*last + across, *last - across]);
                    }
                    lanes.push(Lane {
                        id: format!("{from}-{node_name}/{}", lane.id),
                        kind,
                        width_m,
                        points_m,
                        stop_line: kind == LaneKind::Vehicle,
                        speed_limit_mps: speed_limit(&lane.speed_limits).or_else(|| speed_limit(&link.speed_limits)),
                    });
                }
                vehicle_links += usize::from(ends.len() > before);
            }
            let hull = convex_hull(&ends);
            if vehicle_links >= 3 && twice_area(&hull) > 0.02 {
                areas.push(Area { id: format!("{node_name}/junction"), kind: AreaKind::Junction, polygon_m: hull });
            }
        }
        Self::new(frame, lanes, areas)
    }
}

fn kind_of(lane: &v1::Lane) -> Option<LaneKind> {
    match lane.attributes.as_ref().map_or(v1::LaneType::Vehicle, v1::LaneAttributes::r#type) {
        v1::LaneType::Vehicle => Some(LaneKind::Vehicle),
        v1::LaneType::BikeLane => Some(LaneKind::Bicycle),
        v1::LaneType::Crosswalk => Some(LaneKind::Crosswalk),
        v1::LaneType::Sidewalk => Some(LaneKind::Sidewalk),
        v1::LaneType::Median | v1::LaneType::Striping | v1::LaneType::TrackedVehicle | v1::LaneType::Parking => None,
    }
}

fn reference_name(reference: Option<&v1::NodeReference>) -> String {
    match reference {
        Some(v1::NodeReference { region: Some(region), id }) => format!("{region}.{id}"),
        Some(v1::NodeReference { region: None, id }) => id.to_string(),
        None => "?".into(),
    }
}

fn speed_limit(limits: &[v1::SpeedLimit]) -> Option<f64> {
    limits.iter().find(|limit| limit.r#type() == v1::SpeedLimitType::VehicleMaxSpeed).and_then(|limit| limit.speed_mps)
}

/// Site metres of a message's points; equal neighbours become one.
fn line(frame: &SiteFrame, reference: (f64, f64), points: &[v1::PositionOffset]) -> Vec<Vector2> {
    let mut line: Vec<Vector2> = Vec::with_capacity(points.len());
    for point in points {
        let (latitude_deg, longitude_deg) = match &point.horizontal {
            Some(Horizontal::Offset(offset)) => (reference.0 + offset.latitude_deg, reference.1 + offset.longitude_deg),
            Some(Horizontal::Absolute(v1::LatLon { latitude_deg: Some(lat), longitude_deg: Some(lon) })) => {
                (*lat, *lon)
            }
            _ => continue,
        };
        let point_m = frame.to_site(latitude_deg, longitude_deg);
        if line.last().is_none_or(|last| (point_m - *last).norm() > 1e-2) {
            line.push(point_m);
        }
    }
    if line.len() < 2 { Vec::new() } else { line }
}

/// The line of a lane that has none of its own: lanes are numbered from the innermost (left) outwards and share the
/// width of the link.
fn beside(link_line: &[Vector2], link: &v1::Link, lane: &v1::Lane, width_m: f64) -> Vec<Vector2> {
    let count = link.lanes.len() as f64;
    let rank = link.lanes.iter().filter(|other| other.id < lane.id).count() as f64;
    let right_m = (rank + 0.5 - count / 2.0) * width_m;
    let mut segments = link_line.iter().zip(link_line.iter().skip(1)).map(|(a, b)| *b - *a);
    let directions: Vec<Vector2> = segments.clone().chain(segments.next_back()).collect();
    link_line
        .iter()
        .zip(directions)
        .map(|(point, direction)| {
            let right = direction.rotated(-std::f64::consts::FRAC_PI_2) * direction.norm().max(1e-6).recip();
            *point + right * right_m
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn offset(latitude_deg: f64, longitude_deg: f64) -> v1::PositionOffset {
        let offset = v1::LatLonOffset { latitude_deg, longitude_deg, width_bits: 0 };
        v1::PositionOffset { horizontal: Some(Horizontal::Offset(offset)), ..v1::PositionOffset::default() }
    }

    #[test]
    fn lanes_without_points_are_laid_beside_the_link() {
        let reference =
            v1::GeoPosition { latitude_deg: Some(22.69), longitude_deg: Some(114.35), ..v1::GeoPosition::default() };
        let lane = |id| v1::Lane { id, width_m: Some(3.0), ..v1::Lane::default() };
        let link = v1::Link {
            points: vec![offset(-0.001, 0.0), offset(-0.0001, 0.0)],
            lanes: vec![lane(1), lane(2)],
            ..v1::Link::default()
        };
        let node = v1::Node { reference: Some(reference), in_links: vec![link], ..v1::Node::default() };
        let message = v1::MapData { nodes: vec![node], ..v1::MapData::default() };
        let frame = SiteFrame::new(22.69, 114.35).unwrap();
        let map = SiteMap::from_map_message(frame, &message).unwrap();
        // The link leads north: its lane 1 is the left one, to the west.
        let xs: Vec<f64> = map.lanes().map(|lane| lane.points_m.first().unwrap().x).collect();
        assert!((xs.first().unwrap() + 1.5).abs() < 1e-3 && (xs.last().unwrap() - 1.5).abs() < 1e-3, "{xs:?}");
        assert!(map.areas().is_empty());
    }

    #[test]
    fn a_node_without_a_place_is_refused() {
        let message = v1::MapData { nodes: vec![v1::Node::default()], ..v1::MapData::default() };
        let frame = SiteFrame::new(22.69, 114.35).unwrap();
        assert_eq!(SiteMap::from_map_message(frame, &message), Err(MapError::NoReference { node: 0 }));
    }
}
