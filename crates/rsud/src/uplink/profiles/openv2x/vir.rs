//! Intentions and requests of vehicles (VIR) as `OpenV2X` takes them: one request in a payload, the intention as the
//! number of one behaviour.

use rsu_proto::v1::{self, drive_request::Info};
use rsu_units::Timestamp;
use serde_json::{Value, json};

use super::super::json::object::Object;
use super::super::json::position::{Point, paths};
use super::super::json::rsi::node;
use super::super::json::text::identity;
use super::super::json::time;
use super::super::json::units::TIME_OFFSET;

/// A payload for each request, and for each stretch of road of a request to share what is seen. Without a request, and
/// of one that the platform does not know, there is none.
pub(super) fn bodies(message: &v1::VehicleIntentionAndRequest, heard_at: Timestamp) -> Vec<Value> {
    let Some(intention) = &message.intention_and_request else { return Vec::new() };
    let Some(at) = message.reference.as_ref().and_then(Point::of) else { return Vec::new() };
    let behavior = intention.current_behavior.as_ref().filter(|flags| flags.bits != 0);
    let body = |request: &v1::DriveRequest, info: Value| {
        let second = message.sec_mark_ms;
        let asked = Object::new()
            .maybe("currentBehavior", behavior.map(|flags| flags.bits.trailing_zeros()))
            .with("reqs", req(request, info));
        Object::new()
            .with("msgCnt", message.msg_cnt.to_string())
            .with("id", identity(&message.id))
            .with("refPos", json!({ "lon": at.lon, "lat": at.lat, "ele": at.ele }))
            .with("secMark", second.unwrap_or(65535))
            .with("timeStamp", time::ms(time::absolute(None, second, heard_at)))
            .with("intAndReq", asked)
            .into()
    };
    let of_request = |request: &v1::DriveRequest| -> Vec<Value> {
        let infos = request.info.as_ref().map_or_else(Vec::new, |info| infos(info, message.reference.as_ref()));
        infos.into_iter().map(|info| body(request, info)).collect()
    };
    intention.requests.iter().flat_map(of_request).collect()
}

fn req(request: &v1::DriveRequest, info: Value) -> Value {
    Object::new()
        .with("reqID", request.request_id)
        .with("status", request.status)
        // As the platform's examples have it: B and the octet's eight bits.
        .maybe("reqPriority", request.priority.map(|octet| format!("B{octet:08b}")))
        .maybe("targetVeh", request.target_vehicle.as_ref().map(|id| identity(id)))
        .maybe("targetRSU", request.target_rsu.as_ref().map(|id| identity(id)))
        .with("info", info)
        .maybe("lifeTime", request.life_time_s.and_then(|life_s| TIME_OFFSET.raw(life_s)))
        .into()
}

fn infos(info: &Info, from: Option<&v1::GeoPosition>) -> Vec<Value> {
    match info {
        Info::LaneChange(request) => vec![json!({
            "laneChange": {
                "upstreamNode": node(request.upstream.as_ref()),
                "downstreamNode": node(request.downstream.as_ref()),
                "targetLane": request.target_lane,
            },
        })],
        Info::SensorSharing(request) => {
            let areas = paths(&request.detect_area, from).into_iter();
            areas.map(|area| json!({ "sensorSharing": { "detectArea": area } })).collect()
        }
        Info::ClearTheWay(_) | Info::SignalPriority(_) | Info::Parking(_) | Info::UnknownAlternative(_) => Vec::new(),
    }
}
