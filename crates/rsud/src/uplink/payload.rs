//! Items as MQTT messages: topic, content type, payload; and back. `docs/cloud-mqtt.md` is the contract.

use edge_core::Item;
use rsu_proto::v1;

use crate::config::PayloadFormat;

/// First levels of every topic.
pub const TOPIC_ROOT: &str = "rsu/v1";

/// The topic of a stream of an RSU: `rsu/v1/<rsu>/<stream>`; V2X messages are one level deeper.
#[must_use]
pub fn stream_topic(rsu_id: &str, item: &Item) -> String {
    match item {
        Item::Tracks(_) => format!("{TOPIC_ROOT}/{rsu_id}/tracks"),
        Item::Event(event) => {
            let stream = event.header.as_ref().map_or("events", |header| header.stream.as_str());
            format!("{TOPIC_ROOT}/{rsu_id}/{stream}")
        }
        Item::LaneStatistics(_) => format!("{TOPIC_ROOT}/{rsu_id}/lane-statistics"),
        Item::PoleState(state) => format!("{TOPIC_ROOT}/{rsu_id}/poles/{}", state.pole_id),
        Item::PoleReadings(_) => format!("{TOPIC_ROOT}/{rsu_id}/pole-readings"),
        Item::PoleAlarm(alarm) => {
            let stream = alarm.header.as_ref().map_or("pole-alarms", |header| header.stream.as_str());
            format!("{TOPIC_ROOT}/{rsu_id}/{stream}")
        }
        Item::Health(_) => format!("{TOPIC_ROOT}/{rsu_id}/health"),
        Item::V2x(message) => {
            let kind = message.header.as_ref().map_or("ext", |header| header.stream.as_str());
            format!("{TOPIC_ROOT}/{rsu_id}/v2x/{kind}")
        }
    }
}

/// The content type of a payload.
#[must_use]
pub fn content_type(format: PayloadFormat) -> &'static str {
    match format {
        PayloadFormat::Protobuf => "application/protobuf",
        PayloadFormat::Json => "application/json",
    }
}

/// The payload of an item.
///
/// # Errors
/// When JSON cannot be made of it.
pub fn encode(item: &Item, format: PayloadFormat) -> Result<Vec<u8>, serde_json::Error> {
    match item {
        Item::Tracks(message) => encode_message(message, format),
        Item::Event(message) => encode_message(message, format),
        Item::V2x(message) => encode_message(message.as_ref(), format),
        Item::LaneStatistics(message) => encode_message(message, format),
        Item::PoleState(message) => encode_message(message.as_ref(), format),
        Item::PoleReadings(message) => encode_message(message.as_ref(), format),
        Item::PoleAlarm(message) => encode_message(message, format),
        Item::Health(message) => encode_message(message, format),
    }
}

/// The payload of any other message of the contract.
///
/// # Errors
/// When JSON cannot be made of it.
pub(super) fn encode_message<M: rsu_proto::Message + serde::Serialize>(
    message: &M,
    format: PayloadFormat,
) -> Result<Vec<u8>, serde_json::Error> {
    match format {
        PayloadFormat::Protobuf => Ok(message.encode_to_vec()),
        PayloadFormat::Json => serde_json::to_vec(message),
    }
}

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// An item of the core.
    Item(Item),
    /// The state of the RSU.
    State(v1::RsuState),
    /// Items that will never come.
    Gap(v1::Gap),
}

/// Turns a received message back into what was sent. A payload that begins with `{` is JSON: no protobuf message of ours
/// does.
///
/// # Errors
/// A text that says what is wrong.
pub fn decode(topic: &str, payload: &[u8]) -> Result<Received, String> {
    fn one<M: rsu_proto::Message + Default + serde::de::DeserializeOwned>(payload: &[u8]) -> Result<M, String> {
        if payload.first() == Some(&b'{') {
            serde_json::from_slice(payload).map_err(|error| error.to_string())
        } else {
            M::decode(payload).map_err(|error| error.to_string())
        }
    }
    let rest = topic.strip_prefix(TOPIC_ROOT).and_then(|rest| rest.strip_prefix('/')).ok_or("not a topic of ours")?;
    let (_, stream) = rest.split_once('/').ok_or("no stream in the topic")?;
    match stream {
        "tracks" => one(payload).map(Item::Tracks).map(Received::Item),
        "events" | "emergency" => one(payload).map(Item::Event).map(Received::Item),
        "gaps" => one(payload).map(Received::Gap),
        "lane-statistics" => one(payload).map(Item::LaneStatistics).map(Received::Item),
        "pole-readings" => one(payload).map(Box::new).map(Item::PoleReadings).map(Received::Item),
        "pole-alarms" | "pole-emergency" => one(payload).map(Item::PoleAlarm).map(Received::Item),
        "health" => one(payload).map(Item::Health).map(Received::Item),
        "state" => one(payload).map(Received::State),
        stream if stream.starts_with("v2x/") => {
            one(payload).map(|message| Received::Item(Item::V2x(Box::new(message))))
        }
        stream if stream.starts_with("poles/") => one(payload).map(Box::new).map(Item::PoleState).map(Received::Item),
        stream => Err(format!("stream {stream:?} is not known")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn both_formats_come_back_whole() {
        let header = v1::Header { rsu_id: "a".into(), stream: "bsm".into(), sequence: 3, ..v1::Header::default() };
        let items = [
            Item::Tracks(v1::TrackList {
                header: Some(header.clone()),
                tracks: vec![v1::Track { id: 4, latitude_deg: 22.691_300_7, ..v1::Track::default() }],
                ..v1::TrackList::default()
            }),
            Item::Event(v1::TrafficEvent {
                header: Some(v1::Header { stream: "emergency".into(), ..header.clone() }),
                event_id: 10,
                ..v1::TrafficEvent::default()
            }),
            Item::Event(v1::TrafficEvent { event_id: 9, event_code: 904, ..v1::TrafficEvent::default() }),
            Item::V2x(Box::new(v1::V2xMessage { header: Some(header), aid: Some(111), ..v1::V2xMessage::default() })),
            Item::LaneStatistics(v1::LaneStatistics {
                lanes: vec![v1::LaneInterval { lane_id: "east-in-1".into(), ..v1::LaneInterval::default() }],
                ..v1::LaneStatistics::default()
            }),
            Item::Health(v1::Health { uptime_s: 1.5, ..v1::Health::default() }),
        ];
        for item in items {
            for format in [PayloadFormat::Protobuf, PayloadFormat::Json] {
                let topic = stream_topic("a", &item);
                let payload = encode(&item, format).unwrap();
                assert_eq!(decode(&topic, &payload).unwrap(), Received::Item(item.clone()), "{topic}");
            }
        }
        assert_eq!(decode("rsu/v1/a/v3x/bsm", b"").unwrap_err(), "stream \"v3x/bsm\" is not known");
        assert!(decode("elsewhere", b"").is_err());
    }
}
