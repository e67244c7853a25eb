//! Events and signs (RSI), written and read as DRIS has them.

use rsu_proto::v1;
use serde_json::{Map, Value, json};

use super::object::Object;
use super::position::{Point, path, paths, point};
use super::read::{Read, count, integer, lists, needed, number, object, optional, text, word};
use super::text::{description, from_text};
use super::units::{PERCENT, RADIUS, TIMES, accuracy, step};

/// The standard's words for who reported an event.
pub(crate) const SOURCES: &[&str] = &["unknown", "police", "government", "meteorological", "internet", "detection"];
/// Events, signs, paths and links that are looked at in one list.
const MAX_LIST: usize = 64;
/// Characters of a description that are looked at.
const MAX_TEXT: usize = 255;
/// The last minute of a year, the standard's bound.
const MAX_MINUTE: i64 = 527_039;

/// The word for who reported an event.
pub(crate) fn source(event: &v1::RoadTrafficEvent) -> &'static str {
    usize::try_from(event.source).ok().and_then(|number| SOURCES.get(number)).copied().unwrap_or("unknown")
}

/// The priority, 0 to 7, of the standard's octet, which has it in its upper three bits.
pub(crate) fn priority(octet: Option<u32>) -> Option<u32> {
    octet.map(|octet| octet >> 5 & 7)
}

/// An event.
pub(crate) fn event(event: &v1::RoadTrafficEvent, reference: Option<&v1::GeoPosition>) -> Value {
    let at = event.position.as_ref().and_then(|position| Point::at(position, reference));
    Object::new()
        .with("rteId", event.rte_id)
        .with("eventType", event.event_type)
        .with("eventSource", source(event))
        .maybe("eventPosition", at.map(Point::json))
        .maybe("eventRadius", event.radius_m.and_then(|radius_m| RADIUS.raw(radius_m)))
        .maybe("eventDescription", description(event.description.as_ref()))
        .maybe("timeDetails", event.time.as_ref().map(time))
        .maybe("eventPriority", priority(event.priority))
        .list("referencePaths", paths(&event.paths, reference))
        .list("referenceLinks", event.links.iter().map(link).collect())
        .maybe("eventConfidence", event.confidence_percent.and_then(|percent| PERCENT.raw(percent)))
        .into()
}

/// A sign.
pub(crate) fn sign(sign: &v1::RoadTrafficSign, reference: Option<&v1::GeoPosition>) -> Value {
    let at = sign.position.as_ref().and_then(|position| Point::at(position, reference));
    Object::new()
        .with("rtsId", sign.rts_id)
        .with("signType", sign.sign_type)
        .maybe("signPosition", at.map(Point::json))
        .maybe("signDescription", description(sign.description.as_ref()))
        .maybe("timeDetails", sign.time.as_ref().map(time))
        .maybe("signPriority", priority(sign.priority))
        .list("referencePaths", paths(&sign.paths, reference))
        .list("referenceLinks", sign.links.iter().map(link).collect())
        .into()
}

fn time(time: &v1::InformationTime) -> Value {
    let accuracy = time.end_accuracy_s.map(|accuracy_s| step(TIMES, Some(accuracy_s)));
    Object::new()
        .maybe("startTime", time.start_minute_of_year)
        .maybe("endTime", time.end_minute_of_year)
        .maybe("endTimeConfidence", accuracy)
        .into()
}

/// A node.
pub(crate) fn node(node: Option<&v1::NodeReference>) -> Value {
    let (region, id) = node.map_or((None, 0), |node| (node.region, node.id));
    Object::new().maybe("region", region).with("id", id).into()
}

fn link(link: &v1::ReferenceLink) -> Value {
    let ends = json!({
        "upstreamNodeId": node(link.upstream.as_ref()),
        "downstreamNodeId": node(link.downstream.as_ref()),
    });
    let mut members = ends.as_object().cloned().unwrap_or_default();
    if let Some(lanes) = link.lanes {
        members.insert("referenceLanes".into(), lanes.into());
    }
    Value::Object(members)
}

/// The events and signs of one RSI from the platform. The RSU sends it in its own name.
pub(crate) fn read(value: &Value, id: [u8; 8], otherwise: &v1::GeoPosition) -> Read<v1::RoadSideInformation> {
    let members = object(value)?;
    let reference = optional(members, "refPos", point)?.map_or_else(|| otherwise.clone(), Point::geo);
    Ok(v1::RoadSideInformation {
        id: id.to_vec().into(),
        reference: Some(reference),
        events: lists(members, "rtes", MAX_LIST, read_event)?,
        signs: lists(members, "rtss", MAX_LIST, read_sign)?,
        ..v1::RoadSideInformation::default()
    })
}

fn read_event(value: &Value) -> Read<v1::RoadTrafficEvent> {
    let members = object(value)?;
    let confidence = optional(members, "eventConfidence", integer(0, 200))?;
    let text = optional(members, "eventDescription", text(MAX_TEXT))?;
    Ok(v1::RoadTrafficEvent {
        rte_id: optional(members, "rteId", count(255))?.unwrap_or_default(),
        event_type: needed(members, "eventType", count(65535))?,
        source: optional(members, "eventSource", word(SOURCES))?.unwrap_or_default(),
        position: optional(members, "eventPosition", point)?.map(Point::absolute),
        radius_m: optional(members, "eventRadius", number)?.map(|raw| raw / 10.0),
        description: text.as_deref().and_then(from_text),
        time: optional(members, "timeDetails", read_time)?,
        priority: optional(members, "eventPriority", count(7))?.map(|priority| priority << 5),
        paths: lists(members, "referencePaths", MAX_LIST, path)?,
        links: lists(members, "referenceLinks", MAX_LIST, read_link)?,
        confidence_percent: confidence.and_then(|raw| PERCENT.value(raw)),
        unknown_extensions: None,
    })
}

fn read_sign(value: &Value) -> Read<v1::RoadTrafficSign> {
    let members = object(value)?;
    // DRIS has been seen with either name.
    let text = match optional(members, "signDescription", text(MAX_TEXT))? {
        Some(text) => Some(text),
        None => optional(members, "description", text(MAX_TEXT))?,
    };
    Ok(v1::RoadTrafficSign {
        rts_id: optional(members, "rtsId", count(255))?.unwrap_or_default(),
        sign_type: needed(members, "signType", count(65535))?,
        position: optional(members, "signPosition", point)?.map(Point::absolute),
        description: text.as_deref().and_then(from_text),
        time: optional(members, "timeDetails", read_time)?,
        priority: optional(members, "signPriority", count(7))?.map(|priority| priority << 5),
        paths: lists(members, "referencePaths", MAX_LIST, path)?,
        links: lists(members, "referenceLinks", MAX_LIST, read_link)?,
        ..v1::RoadTrafficSign::default()
    })
}

fn read_time(value: &Value) -> Read<v1::InformationTime> {
    let members = object(value)?;
    // One more is the standard's "not known".
    let minute = |name: &str| -> Read<Option<u32>> {
        let minute = optional(members, name, integer(0, MAX_MINUTE + 1))?;
        Ok(minute.filter(|minute| *minute <= MAX_MINUTE).map(|minute| minute as u32))
    };
    let grade = optional(members, "endTimeConfidence", integer(0, 39))?;
    Ok(v1::InformationTime {
        start_minute_of_year: minute("startTime")?,
        end_minute_of_year: minute("endTime")?,
        end_accuracy_s: grade.and_then(|number| accuracy(TIMES, number)),
        sent_unavailable: Vec::new(),
    })
}

/// A node from the platform.
pub(crate) fn read_node(value: &Value) -> Read<v1::NodeReference> {
    let members: &Map<String, Value> = object(value)?;
    let region = optional(members, "region", count(65535))?;
    Ok(v1::NodeReference { region, id: needed(members, "id", count(65535))? })
}

fn read_link(value: &Value) -> Read<v1::ReferenceLink> {
    let members = object(value)?;
    Ok(v1::ReferenceLink {
        upstream: Some(needed(members, "upstreamNodeId", read_node)?),
        downstream: Some(needed(members, "downstreamNodeId", read_node)?),
        lanes: optional(members, "referenceLanes", count(65535))?,
    })
}
