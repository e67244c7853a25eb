//! Our own contract (`docs/cloud-mqtt.md`): topics `rsu/v1/<rsu>/<stream>`, payloads of `proto/rsu/v1` in protobuf or
//! JSON. It is the one profile that tells everything: track lists, events, statistics, poles, health, gaps, and who else can
//! only guess whether an RSU is alive finds it in a retained state that the broker sets by itself when the RSU dies.

use edge_core::Item;
use rsu_proto::v1;
use rsu_units::Timestamp;

use super::super::payload::{TOPIC_ROOT, content_type, encode, encode_message, stream_topic};
use super::{HearError, Heard, NativeMessage, Outgoing, Profile, TellError};
use crate::config::PayloadFormat;

/// The name in the configuration.
pub(super) const NAME: &str = "native";

/// What the native profile needs to know.
#[derive(Debug, Clone)]
pub struct NativeSettings {
    /// Name of the RSU.
    pub rsu_id: String,
    /// Tells runs of the daemon apart; microseconds since the Unix epoch at its start.
    pub boot_id: i64,
    /// Payload format.
    pub format: PayloadFormat,
    /// The retained state, but for its header and availability.
    pub state: v1::RsuState,
}

/// The native profile.
#[derive(Debug)]
pub struct Native {
    settings: NativeSettings,
    states_told: u64,
}

impl Native {
    /// The profile. Its settings are checked where the configuration is.
    #[must_use]
    pub fn new(settings: NativeSettings) -> Self {
        Self { settings, states_told: 0 }
    }

    fn topic(&self, stream: &str) -> String {
        format!("{TOPIC_ROOT}/{}/{stream}", self.settings.rsu_id)
    }

    fn outgoing(&self, topic: String, payload: Vec<u8>, schema: &'static str) -> Outgoing {
        Outgoing { topic, payload, content_type: content_type(self.settings.format), schema, retain: false }
    }

    fn state(
        &self,
        availability: v1::Availability,
        unexpected: bool,
        sequence: u64,
        now: Timestamp,
    ) -> Result<Outgoing, TellError> {
        let header = v1::Header {
            rsu_id: self.settings.rsu_id.clone(),
            boot_id: self.settings.boot_id,
            stream: "state".into(),
            sequence,
            produced_at_us: now.as_micros(),
            caused_by_arrival_us: 0,
        };
        let state = v1::RsuState {
            header: Some(header),
            availability: availability.into(),
            unexpected,
            ..self.settings.state.clone()
        };
        let payload = encode_message(&state, self.settings.format)?;
        Ok(Outgoing { retain: true, ..self.outgoing(self.topic("state"), payload, "rsu.v1.RsuState") })
    }

    fn next_state(&mut self, availability: v1::Availability, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        self.states_told += 1;
        Ok(vec![self.state(availability, false, self.states_told, now)?])
    }
}

fn schema(item: &Item) -> &'static str {
    match item {
        Item::Tracks(_) => "rsu.v1.TrackList",
        Item::Event(_) => "rsu.v1.TrafficEvent",
        Item::V2x(_) => "rsu.v1.V2xMessage",
        Item::LaneStatistics(_) => "rsu.v1.LaneStatistics",
        Item::PoleState(_) => "rsu.v1.PoleState",
        Item::PoleReadings(_) => "rsu.v1.PoleReadings",
        Item::PoleAlarm(_) => "rsu.v1.PoleAlarm",
        Item::Health(_) => "rsu.v1.Health",
    }
}

impl Profile for Native {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tell(&mut self, item: &Item, _now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let payload = encode(item, self.settings.format)?;
        // Who comes later wants to know how the poles are.
        let retain = matches!(item, Item::PoleState(_));
        let topic = stream_topic(&self.settings.rsu_id, item);
        Ok(vec![Outgoing { retain, ..self.outgoing(topic, payload, schema(item)) }])
    }

    fn tell_native(&mut self, message: NativeMessage) -> Option<Outgoing> {
        Some(self.outgoing(self.topic(message.stream), message.payload, message.schema))
    }

    fn birth(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        self.next_state(v1::Availability::Online, now)
    }

    fn farewell(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        self.next_state(v1::Availability::Offline, now)
    }

    fn will(&self, now: Timestamp) -> Result<Option<Outgoing>, TellError> {
        self.state(v1::Availability::Offline, true, 0, now).map(Some)
    }

    /// Commands come over a connection of their own ([`crate::downlink`]).
    fn hear(&mut self, _topic: &str, _payload: &[u8], _now: Timestamp) -> Result<Heard, HearError> {
        Err(HearError::Topic)
    }
}
