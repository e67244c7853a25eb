//! Maps as `OpenV2X` keeps them: the XML encoding of the ASN.1 (XER), turned into JSON by a converter. All numbers are
//! text, a list is an object with one member that names its elements' type, an enumerator is a member without a value,
//! flags are a text of zeros and ones.
//!
//! The codec reads and writes the ASN.1 in JSON (JER); here one is turned into the other. So what comes down is checked
//! by the codec itself.

use rsu_proto::v1::{self, v2x_message::Content};
use serde_json::{Map, Value, json};
use v2x_codec::{Message, Profile};

use super::super::json::position::Point;
use super::super::{HearError, TellError};

/// Lists, and the type that names their elements.
const LISTS: [(&str, &str); 7] = [
    ("nodes", "Node"),
    ("inLinks", "Link"),
    ("speedLimits", "RegulatorySpeedLimit"),
    ("points", "RoadPoint"),
    ("movements", "Movement"),
    ("lanes", "Lane"),
    ("connectsTo", "Connection"),
];

/// Flag sets and their number of bits.
const FLAGS: [(&str, usize); 10] = [
    ("shareWith", 10),
    ("maneuvers", 12),
    ("maneuver", 12),
    ("crosswalk", 16),
    ("bikeLane", 16),
    ("sidewalk", 16),
    ("median", 16),
    ("striping", 16),
    ("trackedVehicle", 16),
    ("parking", 16),
];

/// The one flag set whose length may grow, so it says its length.
const GROWING: &str = "vehicle";

fn element(list: &str) -> Option<&'static str> {
    LISTS.iter().find(|(name, _)| *name == list).map(|(_, element)| *element)
}

fn flag_count(name: &str) -> Option<usize> {
    FLAGS.iter().find(|(flags, _)| *flags == name).map(|(_, count)| *count)
}

/// A map. `name` and `tag` are what the platform calls it and its version.
pub(super) fn body(map: &v1::MapData, name: &str, tag: &str) -> Result<Value, TellError> {
    let content = Content::Map(absolute(map));
    // A map of the other edition may have what this one has not.
    let message = Message::from_content(Profile::Y2020, &content, None)
        .or_else(|_| Message::from_content(Profile::Y2019, &content, None))?;
    let mut xer = to_xer("", message.to_json().get("mapFrame").unwrap_or(&Value::Null));
    let place = map.nodes.first().and_then(|node| node.reference.as_ref());
    if let (Some(members), Some(place)) = (xer.as_object_mut(), place) {
        // The platform puts the map on its own map by this.
        members.insert("refPos".into(), json!({ "lon": place.longitude_deg, "lat": place.latitude_deg }));
    }
    Ok(json!({ "mapSlice": name, "eTag": tag, "map": xer, "ack": false }))
}

/// The same map with absolute points and without the second stage's additions: that is what the platform reads.
fn absolute(map: &v1::MapData) -> v1::MapData {
    let mut map = map.clone();
    for node in &mut map.nodes {
        let from = node.reference.clone();
        let moved = |points: &mut Vec<v1::PositionOffset>| {
            for point in points.iter_mut() {
                if let Some(at) = Point::at(point, from.as_ref()) {
                    *point = at.absolute();
                }
            }
        };
        (node.in_links_ex, node.prohibited_zone) = (Vec::new(), None);
        // The platform removes the elevation, and stops if there is none to remove.
        if let Some(reference) = &mut node.reference
            && reference.elevation_m.is_none()
        {
            reference.sent_unavailable = vec![3];
        }
        for link in &mut node.in_links {
            moved(&mut link.points);
            link.lanes.iter_mut().for_each(|lane| moved(&mut lane.points));
        }
    }
    map
}

/// JER as XER in JSON.
fn to_xer(name: &str, value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::String(number.to_string()),
        Value::Array(elements) => {
            let elements: Vec<Value> = elements.iter().map(|element| to_xer("", element)).collect();
            Value::Object(Map::from_iter([(element(name).unwrap_or("element").to_owned(), Value::Array(elements))]))
        }
        Value::Object(members) if name == GROWING => {
            let octets = members.get("value").and_then(Value::as_str).unwrap_or_default();
            let count = members.get("length").and_then(Value::as_u64).unwrap_or_default();
            Value::String(bits(octets, usize::try_from(count).unwrap_or(usize::MAX)))
        }
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), to_xer(name, value))).collect::<Map<_, _>>().into()
        }
        Value::String(text) if name == "type" => Value::Object(Map::from_iter([(text.clone(), Value::Null)])),
        Value::String(text) => match flag_count(name) {
            Some(count) => Value::String(bits(text, count)),
            None => value.clone(),
        },
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

/// The first bits of octets in hexadecimal.
fn bits(octets: &str, count: usize) -> String {
    let digits = octets.chars().filter_map(|digit| digit.to_digit(16));
    digits
        .flat_map(|digit| (0..4).rev().map(move |bit| if digit >> bit & 1 == 1 { '1' } else { '0' }))
        .take(count)
        .collect()
}

/// A map from the platform, in an edition of the message set.
pub(super) fn read(value: &Value, profile: Profile) -> Result<Content, HearError> {
    let mut members = value.as_object().cloned().ok_or_else(|| shape("is no object"))?;
    // Not the standard's: see above.
    members.remove("refPos");
    let jer = json!({ "mapFrame": to_jer("", &Value::Object(members)) });
    let message = Message::from_json(profile, &jer.to_string()).map_err(|error| HearError::Json(error.to_string()))?;
    // The codec checks bounds where it encodes.
    message.to_uper().map_err(HearError::Uper)?;
    Ok(message.to_content())
}

fn shape(problem: &'static str) -> HearError {
    HearError::Shape { path: "map".into(), problem }
}

/// XER in JSON as JER. What is no XER is passed on as it is: the codec says what is wrong with it.
fn to_jer(name: &str, value: &Value) -> Value {
    if let Some(element) = element(name) {
        let elements = value.get(element).unwrap_or(value);
        return match elements {
            Value::Array(elements) => elements.iter().map(|element| to_jer("", element)).collect(),
            // The converter knows no list of one.
            element => Value::Array(vec![to_jer("", element)]),
        };
    }
    match value {
        Value::Object(members) if name == "type" => {
            members.keys().next().map_or(Value::Null, |word| Value::String(word.clone()))
        }
        Value::Object(members) => {
            let members = members.iter().filter(|(_, value)| !value.is_null());
            members.map(|(name, value)| (name.clone(), to_jer(name, value))).collect::<Map<_, _>>().into()
        }
        Value::String(text) if name == GROWING => json!({ "value": octets(text), "length": text.len() }),
        Value::String(text) if flag_count(name).is_some() => Value::String(octets(text)),
        Value::String(text) if name != "name" && name != "type" => {
            text.parse::<i64>().map_or_else(|_| value.clone(), Value::from)
        }
        // A node's name is often a number.
        Value::Number(number) if name == "name" => Value::String(number.to_string()),
        value => value.clone(),
    }
}

/// Bits as octets in hexadecimal, filled up with zeros.
fn octets(bits: &str) -> String {
    let octet = |bits: &[u8]| {
        let value =
            bits.iter().zip((0..8).rev()).fold(0_u8, |octet, (bit, place)| octet | u8::from(*bit == b'1') << place);
        format!("{value:02X}")
    };
    bits.as_bytes().chunks(8).map(octet).collect()
}
