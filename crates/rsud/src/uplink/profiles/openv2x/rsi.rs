//! Events as `OpenV2X` has them: a flat list, each with a status and a class, but without the standard's structure.
//! Signs have no place in it.

use rsu_proto::v1;
use rsu_units::Timestamp;
use serde_json::{Value, json};

use super::super::json::object::Object;
use super::super::json::position::{Point, point};
use super::super::json::read::{Fault, Read, count, integer, list, needed, number, object, optional, text, word};
use super::super::json::rsi::{SOURCES, priority, source};
use super::super::json::text::{description, from_text};
use super::super::json::time;

/// Events that are looked at in one payload.
const MAX_EVENTS: usize = 64;

/// The platform's own three classes, by the event's number.
fn class(event_type: u32) -> &'static str {
    match event_type {
        301..=399 => "AdverseWeather",
        901..=999 => "AbnormalVehicle",
        _ => "AbnormalTraffic",
    }
}

/// One event and whether it goes on.
pub(super) fn event(
    event: &v1::RoadTrafficEvent,
    from: Option<&v1::GeoPosition>,
    alert: u64,
    goes_on: bool,
    at: Timestamp,
) -> Value {
    let place = event.position.as_ref().and_then(|position| Point::at(position, from));
    Object::new()
        .with("alertID", alert)
        // Its unit is not known; the platform's own driver always says 0.
        .with("duration", 0)
        .with("eventStatus", goes_on)
        .with("timeStamp", time::iso(at))
        .with("eventClass", class(event.event_type))
        .with("eventType", event.event_type)
        .with("eventSource", source(event))
        .maybe("eventPosition", place.map(Point::json))
        .maybe("eventConfidence", event.confidence_percent.map(|percent| percent / 100.0))
        .maybe("eventRadius", event.radius_m)
        .maybe("eventDescription", description(event.description.as_ref()))
        .maybe("eventPriority", priority(event.priority))
        .into()
}

/// A payload of events.
pub(super) fn body(esn: &str, events: &[Value]) -> Value {
    json!({ "rsiSourceType": "rsu", "rsiSourceId": esn, "rsiDatas": events })
}

/// The events of a payload that go on, and who reported them.
pub(super) fn read(value: &Value) -> Read<(Option<String>, Vec<v1::RoadTrafficEvent>)> {
    let members = object(value)?;
    let reporter = optional(members, "rsiSourceId", text(128))?;
    let events = needed(members, "rsiDatas", |value| list(value, MAX_EVENTS, read_event))?;
    Ok((reporter, events.into_iter().flatten().collect()))
}

fn read_event(value: &Value) -> Read<Option<v1::RoadTrafficEvent>> {
    let members = object(value)?;
    let is_over =
        |value: &Value| value.as_bool().map(|goes_on| !goes_on).ok_or_else(|| Fault::new("is not true or false"));
    if optional(members, "eventStatus", is_over)? == Some(true) {
        return Ok(None);
    }
    let told = optional(members, "eventDescription", text(255))?;
    let confidence = optional(members, "eventConfidence", number)?;
    let alert = optional(members, "alertID", integer(0, i64::MAX))?.unwrap_or_default();
    Ok(Some(v1::RoadTrafficEvent {
        rte_id: (alert % 256) as u32,
        event_type: optional(members, "eventType", count(65535))?.ok_or_else(|| Fault::new("has no eventType"))?,
        source: optional(members, "eventSource", word(SOURCES))?.unwrap_or_default(),
        position: optional(members, "eventPosition", point)?.map(Point::absolute),
        radius_m: optional(members, "eventRadius", number)?,
        description: told.as_deref().and_then(from_text),
        priority: optional(members, "eventPriority", count(7))?.map(|priority| priority << 5),
        confidence_percent: confidence.map(|share| (share * 100.0).clamp(0.0, 100.0)),
        ..v1::RoadTrafficEvent::default()
    }))
}
