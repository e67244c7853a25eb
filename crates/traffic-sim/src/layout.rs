//! The geometry of the intersection, in site metres around its centre.
//!
//! Four arms (0 east, 1 north, 2 west, 3 south), right-hand traffic. Each arm has, from the centre line outwards in each
//! direction, three vehicle lanes, a bicycle lane and a sidewalk; a crosswalk leads over the arm before the stop line.
//! Inbound lane 0 turns left, lane 1 goes straight, lane 2 goes straight or right.

use rsu_proto::v1;
use rsu_units::Vector2;
use site_map::SiteFrame;

/// Reference point of the site: degrees north and east.
pub const REFERENCE_DEG: (f64, f64) = (22.691_3, 114.347_1);
/// Vehicle lanes of each direction of an arm.
pub const VEHICLE_LANES: usize = 3;
/// Width of a vehicle lane, metres.
pub const LANE_WIDTH_M: f64 = 3.5;
/// Width of a bicycle lane, metres.
pub const BIKE_WIDTH_M: f64 = 2.0;
/// Distance of the stop lines from the centre, metres.
pub const STOP_LINE_M: f64 = 26.0;
/// Distance of the arms' ends from the centre, metres.
pub const ARM_END_M: f64 = 200.0;
/// Distance of the crosswalks' middle lines from the centre, metres.
pub const CROSSWALK_M: f64 = 21.5;
/// Width of the crosswalks, metres.
pub const CROSSWALK_WIDTH_M: f64 = 5.0;
/// Speed limit, metres per second.
pub const SPEED_LIMIT_MPS: f64 = 14.0;

const BIKE_OFFSET_M: f64 = VEHICLE_LANES as f64 * LANE_WIDTH_M + BIKE_WIDTH_M / 2.0;
/// Distance of the kerb from the centre line, metres.
pub const KERB_M: f64 = VEHICLE_LANES as f64 * LANE_WIDTH_M + BIKE_WIDTH_M;
/// Distance of the middle of the sidewalk from the centre line, metres.
pub const SIDEWALK_M: f64 = KERB_M + 1.5;

/// A lane across the carriageway's width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Track {
    /// Vehicle lane, 0 innermost.
    Vehicle(usize),
    /// Bicycle lane.
    Bicycle,
}

impl Track {
    fn offset_m(self) -> f64 {
        match self {
            Self::Vehicle(lane) => (lane as f64 + 0.5) * LANE_WIDTH_M,
            Self::Bicycle => BIKE_OFFSET_M,
        }
    }
}

/// The unit vector along an arm, away from the centre.
#[must_use]
pub fn outward(arm: usize) -> Vector2 {
    // Exact, so that the same picture comes out on every machine.
    match arm % 4 {
        0 => Vector2::new(1.0, 0.0),
        1 => Vector2::new(0.0, 1.0),
        2 => Vector2::new(-1.0, 0.0),
        _ => Vector2::new(0.0, -1.0),
    }
}

/// The unit vector to the left of [`outward`].
#[must_use]
pub fn leftward(arm: usize) -> Vector2 {
    outward(arm + 1)
}

/// A point of an arm: so far out, so far to the left (looking outwards).
#[must_use]
pub fn on_arm(arm: usize, out_m: f64, left_m: f64) -> Vector2 {
    outward(arm) * out_m + leftward(arm) * left_m
}

/// The line of an inbound lane, to its stop line.
#[must_use]
pub fn inbound(arm: usize, track: Track) -> [Vector2; 2] {
    let left_m = track.offset_m();
    [on_arm(arm, ARM_END_M, left_m), on_arm(arm, STOP_LINE_M, left_m)]
}

/// The line of an outbound lane.
#[must_use]
pub fn outbound(arm: usize, track: Track) -> [Vector2; 2] {
    let left_m = -track.offset_m();
    [on_arm(arm, STOP_LINE_M, left_m), on_arm(arm, ARM_END_M, left_m)]
}

/// The line through the junction from a stop line to an outbound lane: a straight line or a curve without corners.
#[must_use]
pub fn connector(from: (usize, Track), to: (usize, Track)) -> Vec<Vector2> {
    let [_, start] = inbound(from.0, from.1);
    let [end, _] = outbound(to.0, to.1);
    let turn = (to.0 + 4 - from.0) % 4;
    if turn == 2 {
        return vec![start, end];
    }
    // A quadratic Bézier curve whose corner is where the two lanes' lines meet.
    let inward = -outward(from.0);
    let corner = start + inward * (end - start).dot(inward);
    (0..=12)
        .map(|step| {
            let t = f64::from(step) / 12.0;
            let (a, b) = (start + (corner - start) * t, corner + (end - corner) * t);
            a + (b - a) * t
        })
        .collect()
}

/// The line of a crosswalk, from kerb to kerb.
#[must_use]
pub fn crosswalk(arm: usize) -> [Vector2; 2] {
    [on_arm(arm, CROSSWALK_M, KERB_M), on_arm(arm, CROSSWALK_M, -KERB_M)]
}

/// The MAP message of the intersection: its own node and the four next ones, whose links are the outbound lanes.
///
/// # Panics
/// Never: the reference point is a place on the globe.
#[must_use]
pub fn map_message() -> v1::MapData {
    let mut nodes = vec![node("PINGSHAN-SIM", 1, (0..4).map(|arm| link(arm, true)).collect())];
    nodes.extend(
        ["EAST", "NORTH", "WEST", "SOUTH"]
            .into_iter()
            .zip(0..)
            .map(|(name, arm)| node(name, arm as u32 + 2, vec![link(arm, false)])),
    );
    v1::MapData { msg_cnt: 0, nodes, ..v1::MapData::default() }
}

fn node(name: &str, id: u32, in_links: Vec<v1::Link>) -> v1::Node {
    let reference = v1::GeoPosition {
        latitude_deg: Some(REFERENCE_DEG.0),
        longitude_deg: Some(REFERENCE_DEG.1),
        ..v1::GeoPosition::default()
    };
    v1::Node {
        name: Some(name.into()),
        id: Some(reference_id(id)),
        reference: Some(reference),
        in_links,
        ..v1::Node::default()
    }
}

fn reference_id(id: u32) -> v1::NodeReference {
    v1::NodeReference { region: Some(440), id }
}

fn link(arm: usize, inbound_link: bool) -> v1::Link {
    let line = |track| if inbound_link { inbound(arm, track) } else { outbound(arm, track) };
    let ways_on = |track| if inbound_link { connections(arm, track) } else { Vec::new() };
    let vehicle = |index: usize| {
        let track = Track::Vehicle(index);
        let lane = lane(index + 1, v1::LaneType::Vehicle, LANE_WIDTH_M, &line(track));
        v1::Lane { connects_to: ways_on(track), ..lane }
    };
    let mut lanes: Vec<v1::Lane> = (0..VEHICLE_LANES).map(vehicle).collect();
    let bicycles = lane(VEHICLE_LANES + 1, v1::LaneType::BikeLane, BIKE_WIDTH_M, &line(Track::Bicycle));
    lanes.push(v1::Lane { connects_to: ways_on(Track::Bicycle), ..bicycles });
    if inbound_link {
        lanes.push(lane(VEHICLE_LANES + 2, v1::LaneType::Crosswalk, CROSSWALK_WIDTH_M, &crosswalk(arm)));
    }
    let upstream = if inbound_link { arm as u32 + 2 } else { 1 };
    let limit = v1::SpeedLimit { r#type: v1::SpeedLimitType::VehicleMaxSpeed.into(), speed_mps: Some(SPEED_LIMIT_MPS) };
    v1::Link {
        upstream: Some(reference_id(upstream)),
        speed_limits: vec![limit],
        width_m: Some(VEHICLE_LANES as f64 * LANE_WIDTH_M + BIKE_WIDTH_M),
        lanes,
        ..v1::Link::default()
    }
}

/// Where an inbound lane leads, as the road users of the simulation go.
fn connections(arm: usize, track: Track) -> Vec<v1::Connection> {
    const STRAIGHT: (usize, u32) = (2, 1);
    const LEFT: (usize, u32) = (3, 1 << 1);
    const RIGHT: (usize, u32) = (1, 1 << 2);
    let (lane_id, turns) = match track {
        Track::Vehicle(0) => (1, vec![LEFT]),
        Track::Vehicle(lane) if lane + 1 == VEHICLE_LANES => (lane + 1, vec![STRAIGHT, RIGHT]),
        Track::Vehicle(lane) => (lane + 1, vec![STRAIGHT]),
        Track::Bicycle => (VEHICLE_LANES + 1, vec![STRAIGHT]),
    };
    let connection = |(arms_on, maneuver): (usize, u32)| v1::Connection {
        remote: Some(reference_id(((arm + arms_on) % 4) as u32 + 2)),
        lane: Some(v1::ConnectingLane { lane_id: lane_id as u32, maneuvers: Some(maneuver) }),
        phase_id: Some(phase_id(arm, (arms_on, maneuver) == LEFT)),
    };
    turns.into_iter().map(connection).collect()
}

/// The number of an arm's phase in SPAT: left turns have one of their own, right turns go with those straight on.
fn phase_id(arm: usize, left: bool) -> u32 {
    arm as u32 * 2 + 1 + u32::from(left)
}

fn lane(id: usize, kind: v1::LaneType, width_m: f64, line: &[Vector2]) -> v1::Lane {
    let attributes =
        v1::LaneAttributes { r#type: kind.into(), flags: Some(v1::Flags::default()), ..v1::LaneAttributes::default() };
    v1::Lane {
        id: id as u32,
        width_m: Some(width_m),
        attributes: Some(attributes),
        points: line.iter().map(|point| offset(*point)).collect(),
        ..v1::Lane::default()
    }
}

fn offset(point_m: Vector2) -> v1::PositionOffset {
    let (latitude_deg, longitude_deg) = to_wgs84(point_m);
    let offset = v1::LatLonOffset {
        // At the wire's resolution, so that the message is the same before and after encoding.
        latitude_deg: ((latitude_deg - REFERENCE_DEG.0) * 1e7).round() / 1e7,
        longitude_deg: ((longitude_deg - REFERENCE_DEG.1) * 1e7).round() / 1e7,
        width_bits: 0,
    };
    v1::PositionOffset {
        horizontal: Some(v1::position_offset::Horizontal::Offset(offset)),
        ..v1::PositionOffset::default()
    }
}

/// Latitude and longitude, degrees, of a point in site metres.
#[must_use]
pub fn to_wgs84(point_m: Vector2) -> (f64, f64) {
    SiteFrame::new(REFERENCE_DEG.0, REFERENCE_DEG.1).map_or(REFERENCE_DEG, |frame| frame.to_wgs84(point_m))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use site_map::{LaneKind, SiteMap};

    use super::*;

    #[test]
    fn the_map_is_what_the_layout_says() {
        let frame = SiteFrame::new(REFERENCE_DEG.0, REFERENCE_DEG.1).unwrap();
        let map = SiteMap::from_map_message(frame, &map_message()).unwrap();
        for arm in 0..4 {
            for lane in 0..VEHICLE_LANES {
                let [start, end] = inbound(arm, Track::Vehicle(lane));
                let middle = (start + end) * 0.5;
                let place = map.lanes_at(LaneKind::Vehicle, middle, 0.0).next().unwrap();
                assert!(place.left_m.abs() < 0.05);
                assert!(rsu_units::angle::wrap_rad(place.direction_rad - (-outward(arm)).angle_rad()).abs() < 1e-3);
                let [start, end] = outbound(arm, Track::Vehicle(lane));
                let place = map.lanes_at(LaneKind::Vehicle, (start + end) * 0.5, 0.0).next().unwrap();
                assert!(rsu_units::angle::wrap_rad(place.direction_rad - outward(arm).angle_rad()).abs() < 1e-3);
            }
            assert!(map.on_crosswalk(on_arm(arm, CROSSWALK_M, 3.0), 0.0));
        }
        assert!(map.in_junction(Vector2::default()));
        assert!(!map.in_junction(on_arm(0, 40.0, 0.0)));
        let message = v2x_codec::Message::from_content(
            v2x_codec::Profile::Y2020,
            &v1::v2x_message::Content::Map(map_message()),
            None,
        );
        assert!(message.unwrap().to_uper().is_ok());
    }

    #[test]
    fn the_map_knows_the_ways_across() {
        let frame = SiteFrame::new(REFERENCE_DEG.0, REFERENCE_DEG.1).unwrap();
        let map = SiteMap::from_map_message(frame, &map_message()).unwrap();
        let errors = map.validate().into_iter().filter(|finding| finding.severity == site_map::Severity::Error);
        assert_eq!(errors.map(|finding| finding.to_string()).collect::<Vec<_>>(), Vec::<String>::new());
        // Each arm: one to the left, two straight on, one to the right, and the bicycles.
        assert_eq!(map.lanes().map(|lane| lane.connections.len()).sum::<usize>(), 20);
        for connection in map.lanes().flat_map(|lane| &lane.connections) {
            assert!(map.lane(&connection.to).is_some(), "{}", connection.to);
        }
        // From the east to the south is a left turn, with the second phase of the arm.
        let left = &map.lane("440.2-440.1/1").unwrap().connections[0];
        assert_eq!((left.to.as_str(), left.turn, left.signal_group), ("440.1-440.5/1", site_map::Turn::Left, Some(2)));
        let groups: Vec<u32> = map.lanes().flat_map(|lane| &lane.connections).filter_map(|c| c.signal_group).collect();
        let spat = crate::signals::spat(0, 0.0, None, 0);
        assert!(groups.iter().all(|group| spat.intersections[0].phases.iter().any(|phase| phase.id == *group)));
    }

    #[test]
    fn connectors_join_their_lanes() {
        for (to, lane) in [(1, 2), (2, 1), (3, 0)] {
            let line = connector((0, Track::Vehicle(lane)), (to, Track::Vehicle(lane)));
            assert!((*line.first().unwrap() - inbound(0, Track::Vehicle(lane))[1]).norm() < 1e-9);
            assert!((*line.last().unwrap() - outbound(to, Track::Vehicle(lane))[0]).norm() < 1e-9);
        }
    }
}
