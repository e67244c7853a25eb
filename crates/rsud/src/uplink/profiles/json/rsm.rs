//! Participants (RSM), written and read.

use rsu_proto::v1;
use serde_json::Value;

use super::object::Object;
use super::position::{Point, point};
use super::read::{Read, count, integer, needed, number, object, optional, word};
use super::units::{HEADING, HEIGHT, LENGTH, SPEED, WIDTH};

/// How a platform writes participants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Types as numbers in text, members that are not known left out.
    Dris,
    /// Types as words, all members there: a participant that lacks one costs the whole message.
    OpenV2x,
}

/// The standard's words for the types of participants.
const TYPES: &[&str] = &["unknown", "motor", "non-motor", "pedestrian", "rsu"];
/// And for what saw them.
const SOURCES: &[&str] = &["unknown", "selfinfo", "v2x", "video", "microwaveRadar", "loop", "lidar", "integrated"];
/// The standard's integers for what is not known.
const NO_SECOND: u32 = 65535;
const NO_SPEED: i64 = 8191;
const NO_HEADING: i64 = 28800;

/// A participant; `None` where its position is not known. `track` is an identity that is good for longer than the
/// message's own number, where there is one.
pub(crate) fn participant(
    participant: &v1::Participant,
    reference: Option<&v1::GeoPosition>,
    track: Option<Value>,
    style: Style,
) -> Option<Value> {
    let at = Point::at(participant.position.as_ref()?, reference)?;
    let number = participant.r#type;
    let known_type = usize::try_from(number).ok().and_then(|number| TYPES.get(number));
    let (speed, heading) = (participant.speed_mps, participant.heading_deg);
    let object = Object::new()
        .with("ptcId", participant.ptc_id)
        .maybe("global_track_id", track)
        .with("source", participant.source)
        .with("secMark", participant.sec_mark_ms.unwrap_or(NO_SECOND));
    let object = match style {
        Style::Dris => object
            .with("ptcType", known_type.map_or(0, |_| number).to_string())
            .with("pos", at.json())
            .maybe("speed", speed.and_then(|speed_mps| SPEED.raw(speed_mps)))
            .maybe("heading", heading.and_then(|heading_deg| HEADING.raw(heading_deg))),
        Style::OpenV2x => object
            .with("ptcType", known_type.copied().unwrap_or("unknown"))
            .with("pos", Object::new().with("lat", at.lat).with("lon", at.lon).with("ele", at.ele))
            .with("speed", SPEED.raw_or(speed, NO_SPEED))
            .with("heading", HEADING.raw_or(heading, NO_HEADING)),
    };
    Some(object.maybe("size", participant.size.as_ref().and_then(|sides| size(sides, style))).into())
}

/// A vehicle's size. `OpenV2X` divides by it and reads all three sides, so there an unknown size is no size.
fn size(size: &v1::VehicleSize, style: Style) -> Option<Value> {
    let height = size.height_m.and_then(|height_m| HEIGHT.raw(height_m));
    let sides = Object::new().maybe("width", WIDTH.raw(size.width_m)).maybe("length", LENGTH.raw(size.length_m));
    match style {
        Style::Dris => Some(sides.maybe("height", height).into()),
        Style::OpenV2x if size.width_m > 0.0 && size.length_m > 0.0 => Some(sides.with("height", height).into()),
        Style::OpenV2x => None,
    }
}

/// A participant from the platform.
pub(crate) fn read(value: &Value) -> Read<v1::Participant> {
    let members = object(value)?;
    let second = optional(members, "secMark", count(NO_SECOND))?;
    let speed = optional(members, "speed", integer(0, NO_SPEED))?;
    let heading = optional(members, "heading", integer(0, NO_HEADING))?;
    Ok(v1::Participant {
        r#type: optional(members, "ptcType", word(TYPES))?.unwrap_or_default(),
        ptc_id: optional(members, "ptcId", count(65535))?.unwrap_or_default(),
        source: optional(members, "source", word(SOURCES))?.unwrap_or_default(),
        sec_mark_ms: second.filter(|second| *second != NO_SECOND),
        position: Some(needed(members, "pos", point)?.absolute()),
        speed_mps: speed.and_then(|raw| SPEED.value(raw)),
        heading_deg: heading.and_then(|raw| HEADING.value(raw)),
        size: Some(optional(members, "size", read_size)?.unwrap_or_default()),
        ..v1::Participant::default()
    })
}

fn read_size(value: &Value) -> Read<v1::VehicleSize> {
    let members = object(value)?;
    let side = |name: &str| optional(members, name, number).map(Option::unwrap_or_default);
    let height_m = optional(members, "height", number)?.map(|raw| raw / 20.0);
    Ok(v1::VehicleSize { width_m: side("width")? / 100.0, length_m: side("length")? / 100.0, height_m })
}
