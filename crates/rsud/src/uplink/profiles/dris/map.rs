//! Maps (MAP) as DRIS takes them. Flag sets are numbers whose bit n is the standard's bit n: the only order in which
//! the numbers of Huawei's example make sense. Sections and other additions of the second stage have no member there.

use rsu_proto::v1;
use rsu_units::Timestamp;
use serde_json::{Value, json};

use super::super::json::object::Object;
use super::super::json::position::{Point, reference};
use super::super::json::rsi::node as node_id;
use super::super::json::time;
use super::super::json::units::{LANE_WIDTH, SPEED};

/// The standard's words for the kinds of speed limits.
const SPEED_LIMITS: [&str; 13] = [
    "unknown",
    "maxSpeedInSchoolZone",
    "maxSpeedInSchoolZoneWhenChildrenArePresent",
    "maxSpeedInConstructionZone",
    "vehicleMinSpeed",
    "vehicleMaxSpeed",
    "vehicleNightMaxSpeed",
    "truckMinSpeed",
    "truckMaxSpeed",
    "truckNightMaxSpeed",
    "vehiclesWithTrailersMinSpeed",
    "vehiclesWithTrailersMaxSpeed",
    "vehiclesWithTrailersNightMaxSpeed",
];

/// A map. `near` is a time near which the map's own is.
pub(super) fn map(map: &v1::MapData, near: Timestamp) -> Value {
    let at = time::absolute(map.minute_of_year, None, near);
    let nodes: Vec<Value> = map.nodes.iter().map(node).collect();
    json!({ "map": { "timeStamp": time::ms(at), "nodes": nodes } })
}

fn node(node: &v1::Node) -> Value {
    let from = node.reference.as_ref();
    Object::new()
        .maybe("name", node.name.clone())
        .with("id", node_id(node.id.as_ref()))
        .maybe("refPos", reference(from))
        .list("inLinks", node.in_links.iter().map(|in_link| link(in_link, from)).collect())
        .into()
}

fn link(link: &v1::Link, from: Option<&v1::GeoPosition>) -> Value {
    let movement = |movement: &v1::Movement| {
        let remote = node_id(movement.remote.as_ref());
        Value::from(Object::new().with("remoteIntersection", remote).maybe("phaseId", movement.phase_id))
    };
    Object::new()
        .maybe("name", link.name.clone())
        .with("upstreamNodeId", node_id(link.upstream.as_ref()))
        .list("speedLimits", link.speed_limits.iter().map(speed_limit).collect())
        .maybe("linkWidth", link.width_m.and_then(|width_m| LANE_WIDTH.raw(width_m)))
        .list("points", points(&link.points, from))
        .list("movements", link.movements.iter().map(movement).collect())
        .list("lanes", link.lanes.iter().map(|of_link| lane(of_link, from)).collect())
        .into()
}

fn lane(lane: &v1::Lane, from: Option<&v1::GeoPosition>) -> Value {
    let shared = lane.attributes.as_ref().and_then(|attributes| attributes.share_with);
    Object::new()
        .with("laneId", lane.id)
        .maybe("laneWidth", lane.width_m.and_then(|width_m| LANE_WIDTH.raw(width_m)))
        .maybe("laneAttributes", shared.map(|shared| json!({ "shareWith": shared })))
        .maybe("maneuvers", lane.maneuvers)
        .list("connectsTo", lane.connects_to.iter().map(connection).collect())
        .list("speedLimits", lane.speed_limits.iter().map(speed_limit).collect())
        .list("points", points(&lane.points, from))
        .into()
}

fn connection(connection: &v1::Connection) -> Value {
    let lane = |lane: &v1::ConnectingLane| {
        Value::from(Object::new().with("laneId", lane.lane_id).maybe("maneuvers", lane.maneuvers))
    };
    Object::new()
        .with("remoteIntersection", node_id(connection.remote.as_ref()))
        .maybe("connectingLane", connection.lane.as_ref().map(lane))
        .maybe("phaseId", connection.phase_id)
        .into()
}

fn speed_limit(limit: &v1::SpeedLimit) -> Value {
    let kind = usize::try_from(limit.r#type).ok().and_then(|number| SPEED_LIMITS.get(number)).copied();
    Object::new()
        .with("type", kind.unwrap_or("unknown"))
        .maybe("speed", limit.speed_mps.and_then(|speed_mps| SPEED.raw(speed_mps)))
        .into()
}

fn points(points: &[v1::PositionOffset], from: Option<&v1::GeoPosition>) -> Vec<Value> {
    points.iter().filter_map(|point| Point::at(point, from)).map(Point::json).collect()
}
