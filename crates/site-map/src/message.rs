//! A site map out of a MAP message (地图消息).
//!
//! The links of a MAP lead towards their node and end at its stop lines. Lanes without points of their own are laid
//! beside the link's line. A lane that leads away from a node is, in the message, an incoming lane of the next node: so
//! it is known only where the message holds that node too. Where it does not, no lane is invented; but the way across
//! the junction is drawn to where the lane must begin, on the other side of the road that comes from there.
//!
//! Names: a lane is `upstream-node/lane`, its approach `upstream-node`, the inside of a junction `node/junction`.

use std::collections::BTreeMap;

use rsu_proto::v1;
use rsu_proto::v1::position_offset::Horizontal;
use rsu_units::Vector2;

use crate::curve::{curve, unit};
use crate::junction::junction_area;
use crate::{Connection, Lane, LaneKind, MapError, SiteFrame, SiteMap, Turn};

const DEFAULT_LANE_WIDTH_M: f64 = 3.5;
/// Points of a message nearer to each other than this are one point, metres: its resolution is one centimetre.
const RESOLUTION_M: f64 = 1e-2;

/// A lane of the message, with the names that connections use.
pub(crate) struct Draft {
    pub(crate) node: String,
    pub(crate) upstream: String,
    pub(crate) lane: Lane,
    /// The message's connections, until the lanes they lead to are known.
    pub(crate) ways_on: Vec<WayOn>,
}

/// A connection of the message.
pub(crate) struct WayOn {
    /// The node that the lane leads to.
    pub(crate) remote: String,
    /// The lane's name.
    pub(crate) to: String,
    /// Which of the lanes of the road it is, counted from the middle of the road, where the message tells.
    pub(crate) rank: u32,
    pub(crate) turn: Option<Turn>,
    pub(crate) signal_group: Option<u32>,
    pub(crate) points_m: Vec<Vector2>,
}

impl SiteMap {
    /// The map that a MAP message describes. What has no geometry (lanes without points on links without points) is
    /// left out.
    ///
    /// # Errors
    /// [`MapError`] when a node has no reference position, or lines or widths cannot be.
    pub fn from_map_message(frame: SiteFrame, message: &v1::MapData) -> Result<Self, MapError> {
        let mut drafts = Vec::new();
        for (index, node) in message.nodes.iter().enumerate() {
            let reference = node
                .reference
                .as_ref()
                .and_then(|position| Some((position.latitude_deg?, position.longitude_deg?)))
                .ok_or(MapError::NoReference { node: index })?;
            let origin = Origin { frame: &frame, reference };
            for link in &node.in_links {
                origin.link(node, link, &mut drafts);
            }
            for link in &node.in_links_ex {
                // The same road in the first stage's form is better known.
                if !node.in_links.iter().any(|other| other.upstream == link.upstream) {
                    origin.link_ex(node, link, &mut drafts);
                }
            }
        }
        let areas = message.nodes.iter().filter_map(|node| junction_area(&name(node.id.as_ref()), &drafts)).collect();
        connect(&mut drafts);
        Self::new(frame, drafts.into_iter().map(|draft| draft.lane).collect(), areas)
    }
}

/// Where the points of a node are measured from.
pub(crate) struct Origin<'a> {
    frame: &'a SiteFrame,
    reference: (f64, f64),
}

impl Origin<'_> {
    fn link(&self, node: &v1::Node, link: &v1::Link, drafts: &mut Vec<Draft>) {
        let link_line = self.line(&link.points);
        let (upstream, node) = (name(link.upstream.as_ref()), name(node.id.as_ref()));
        for lane in &link.lanes {
            let Some(kind) = kind_of(lane.attributes.as_ref()) else { continue };
            let width_m = width_m(lane.width_m);
            let points_m =
                if lane.points.is_empty() { beside(&link_line, link, lane, width_m) } else { self.line(&lane.points) };
            if points_m.is_empty() {
                continue;
            }
            let ways_on = lane.connects_to.iter().map(|connection| {
                let to = connection.lane.as_ref();
                let remote = name(connection.remote.as_ref());
                let moves = to.and_then(|to| to.maneuvers).and_then(single_turn);
                let governs = |movement: &&v1::Movement| movement.remote == connection.remote;
                let movement = link.movements.iter().find(governs).and_then(|movement| movement.phase_id);
                WayOn {
                    to: match to {
                        Some(to) => format!("{node}-{remote}/{}", to.lane_id),
                        None => format!("{node}-{remote}/?"),
                    },
                    remote,
                    rank: to.map_or(0, |to| to.lane_id),
                    turn: moves.or_else(|| lane.maneuvers.and_then(single_turn)),
                    signal_group: connection.phase_id.or(movement),
                    points_m: Vec::new(),
                }
            });
            drafts.push(Draft {
                ways_on: ways_on.collect(),
                lane: Lane {
                    stop_line: kind == LaneKind::Vehicle,
                    speed_limit_mps: speed_limit(&lane.speed_limits).or_else(|| speed_limit(&link.speed_limits)),
                    approach: kind.is_directed().then(|| format!("{upstream}-{node}")),
                    ..Lane::new(format!("{upstream}-{node}/{}", lane.id), kind, width_m, points_m)
                },
                upstream: upstream.clone(),
                node: node.clone(),
            });
        }
    }

    /// Site metres of a message's points; equal neighbours become one.
    pub(crate) fn line(&self, points: &[v1::PositionOffset]) -> Vec<Vector2> {
        let mut line: Vec<Vector2> = Vec::with_capacity(points.len());
        for point in points {
            let (latitude_deg, longitude_deg) = match &point.horizontal {
                Some(Horizontal::Offset(offset)) => {
                    (self.reference.0 + offset.latitude_deg, self.reference.1 + offset.longitude_deg)
                }
                Some(Horizontal::Absolute(v1::LatLon { latitude_deg: Some(lat), longitude_deg: Some(lon) })) => {
                    (*lat, *lon)
                }
                _ => continue,
            };
            let point_m = self.frame.to_site(latitude_deg, longitude_deg);
            if line.last().is_none_or(|last| (point_m - *last).norm() > RESOLUTION_M) {
                line.push(point_m);
            }
        }
        if line.len() < 2 { Vec::new() } else { line }
    }
}

/// Turns what the message says of connections into connections, now that all lanes are known.
fn connect(drafts: &mut [Draft]) {
    let starts: BTreeMap<String, Vec<Vector2>> = drafts
        .iter()
        .map(|draft| (draft.lane.id.clone(), draft.lane.points_m.iter().take(2).copied().collect()))
        .collect();
    let connections: Vec<Vec<Connection>> = drafts
        .iter()
        .map(|draft| {
            let connection = |way_on: &WayOn| connection(draft, way_on, &starts, drafts);
            draft.ways_on.iter().map(connection).collect()
        })
        .collect();
    for (draft, connections) in drafts.iter_mut().zip(connections) {
        draft.lane.connections = connections;
    }
}

fn connection(from: &Draft, way_on: &WayOn, starts: &BTreeMap<String, Vec<Vector2>>, drafts: &[Draft]) -> Connection {
    let leave = match from.lane.points_m.as_slice() {
        [.., before, end] => Some((*end, unit(*end - *before))),
        _ => None,
    };
    let known = match starts.get(&way_on.to).map(Vec::as_slice) {
        Some([start, after, ..]) => Some((*start, unit(*after - *start))),
        _ => None,
    };
    let begin = known.or_else(|| mirrored(from, way_on, drafts));
    let points_m = match (way_on.points_m.as_slice(), known, leave, begin) {
        ([_, _, ..], ..) => way_on.points_m.clone(),
        // The map draws the way to a lane that is there.
        (_, None, Some((end, leave)), Some((start, arrive))) => curve(end, leave, start, arrive),
        _ => Vec::new(),
    };
    let bend_rad = match (leave, begin, points_m.as_slice()) {
        (Some((_, leave)), Some((_, arrive)), _) => arrive.angle_rad() - leave.angle_rad(),
        (Some((_, leave)), None, [.., before, end]) => (*end - *before).angle_rad() - leave.angle_rad(),
        _ => 0.0,
    };
    let turn = way_on.turn.unwrap_or_else(|| Turn::from_angle(bend_rad));
    Connection { to: way_on.to.clone(), turn, points_m, signal_group: way_on.signal_group }
}

/// Where a lane towards a node that is not in the message must begin, and its direction: beside the innermost lane that
/// comes from there.
fn mirrored(from: &Draft, way_on: &WayOn, drafts: &[Draft]) -> Option<(Vector2, Vector2)> {
    let mouth = Mouth::inbound(drafts, &from.node, &way_on.remote)?;
    let rank = f64::from(way_on.rank.clamp(1, mouth.lanes + 1));
    let start = mouth.left_edge + mouth.left * ((rank - 0.5) * mouth.width_m / f64::from(mouth.lanes));
    Some((start, -mouth.direction))
}

/// The end of the vehicle lanes that come to a node from another.
pub(crate) struct Mouth {
    /// Unit vectors: of travel, and to its left.
    pub(crate) direction: Vector2,
    left: Vector2,
    /// The point where the left edge of the innermost lane ends.
    left_edge: Vector2,
    /// Of all lanes together.
    width_m: f64,
    lanes: u32,
}

impl Mouth {
    pub(crate) fn inbound(drafts: &[Draft], node: &str, upstream: &str) -> Option<Self> {
        let mut mouth: Option<Self> = None;
        for draft in drafts.iter().filter(|draft| draft.node == node && draft.upstream == upstream) {
            let ([.., before, end], LaneKind::Vehicle, true) =
                (draft.lane.points_m.as_slice(), draft.lane.kind, draft.lane.stop_line)
            else {
                continue;
            };
            let direction = unit(*end - *before);
            let left = Vector2::new(-direction.y, direction.x);
            let left_edge = *end + left * (draft.lane.width_m / 2.0);
            let (width_m, lanes) = (draft.lane.width_m, 1);
            mouth = Some(match mouth {
                None => Self { direction, left, left_edge, width_m, lanes },
                Some(other) => {
                    let leftmost = (left_edge - other.left_edge).dot(other.left) > 0.0;
                    let (width_m, lanes) = (other.width_m + width_m, other.lanes + 1);
                    if leftmost {
                        Self { direction, left, left_edge, width_m, lanes }
                    } else {
                        Self { width_m, lanes, ..other }
                    }
                }
            });
        }
        mouth
    }

    /// The point where the far edge of the outbound half of the road begins, when that is as wide.
    pub(crate) fn mirrored_edge(&self) -> Vector2 {
        self.left_edge + self.left * self.width_m
    }
}

pub(crate) fn kind_of(attributes: Option<&v1::LaneAttributes>) -> Option<LaneKind> {
    match attributes.map_or(v1::LaneType::Vehicle, v1::LaneAttributes::r#type) {
        v1::LaneType::Vehicle => Some(LaneKind::Vehicle),
        v1::LaneType::BikeLane => Some(LaneKind::Bicycle),
        v1::LaneType::Crosswalk => Some(LaneKind::Crosswalk),
        v1::LaneType::Sidewalk => Some(LaneKind::Sidewalk),
        v1::LaneType::Median | v1::LaneType::Striping | v1::LaneType::TrackedVehicle | v1::LaneType::Parking => None,
    }
}

/// The width that a message gives, or the usual one.
pub(crate) fn width_m(given_m: Option<f64>) -> f64 {
    given_m.filter(|width_m| *width_m > 0.0).unwrap_or(DEFAULT_LANE_WIDTH_M)
}

/// The name of a node: `region.id`.
pub(crate) fn name(reference: Option<&v1::NodeReference>) -> String {
    match reference {
        Some(v1::NodeReference { region: Some(region), id }) => format!("{region}.{id}"),
        Some(v1::NodeReference { region: None, id }) => id.to_string(),
        None => "?".into(),
    }
}

pub(crate) fn speed_limit(limits: &[v1::SpeedLimit]) -> Option<f64> {
    limits.iter().find(|limit| limit.r#type() == v1::SpeedLimitType::VehicleMaxSpeed).and_then(|limit| limit.speed_mps)
}

/// The turn that `maneuvers` allows, if it is one only. Flag 0 is the lowest bit.
pub(crate) fn single_turn(maneuvers: u32) -> Option<Turn> {
    match maneuvers & 0b1111 {
        0b0001 => Some(Turn::Straight),
        0b0010 => Some(Turn::Left),
        0b0100 => Some(Turn::Right),
        0b1000 => Some(Turn::UTurn),
        _ => None,
    }
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
        .map(|(point, direction)| *point + unit(direction).rotated(-std::f64::consts::FRAC_PI_2) * right_m)
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
