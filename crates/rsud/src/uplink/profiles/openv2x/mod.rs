//! `OpenV2X` (openv2x.org), the open platform whose edge consists of *cerebrum* (algorithms) and *dandelion* (devices):
//! topics `V2X/RSU/{esn}/RSM/UP` ..., JSON.
//!
//! Its JSON is documented by its code only; what is here was read off cerebrum and dandelion of 2022 and 2023, and what
//! their readers insist on decides: members that they ask for are always there. Participants and events come from the
//! RSU's own items, because the platform wants lasting identities and the ends of events, which no message has. The
//! platform publishes what it got from an RSU back to it; such echoes are recognised by the serial number and passed
//! over.

mod map;
mod rsi;
mod vir;

use std::time::Duration;

use edge_core::Item;
use rsu_proto::v1::{self, phase_state::Timing, v2x_message::Content};
use rsu_units::Timestamp;
use serde_json::{Value, json};

use super::error::{check_name, check_period};
use super::json::memory::{Maps, Teller, teller};
use super::json::object::Object;
use super::json::position::Point;
use super::json::read::{Read, integer, list, needed, object, optional, text};
use super::json::rsm::{self, Style, participant};
use super::json::text::identity;
use super::json::{bsm, device, parse, publication, spat, time};
use super::{Author, Downlink, HearError, Heard, Outgoing, Profile, SettingError, TellError, check_sendable};

/// The name in the configuration.
pub(super) const NAME: &str = "openv2x";

/// RSM and participants that are looked at in one payload.
const MAX_RSM: usize = 16;
const MAX_PARTICIPANTS: usize = 256;

/// What the profile needs to know.
#[derive(Debug, Clone)]
pub struct OpenV2xSettings {
    /// The RSU's serial number at the platform: 1 to 64 letters, digits, `_` and `-`.
    pub esn: String,
    /// Edition of the message set in which what comes down will be sent on the air.
    pub profile: v2x_codec::Profile,
    /// Who writes the RSU's own messages.
    pub author: Author,
    /// Events go to `V2X/DEVICE/{esn}/RSI/UP`, which is where cerebrum looks, not to `V2X/RSU/{esn}/RSI/UP`.
    pub events_as_device: bool,
    /// How often a sign of life goes out.
    pub heartbeat: Duration,
}

/// The `OpenV2X` profile.
#[derive(Debug)]
pub struct OpenV2x {
    settings: OpenV2xSettings,
    maps: Maps,
    heartbeats: u64,
}

/// What comes down.
const DOWN: [&str; 4] = ["RSI", "RSM", "MAP", "SPAT"];

impl OpenV2x {
    /// How often an RSU shows that it is alive, by default. The platform takes it for dead after 15 s, so at 15 s it
    /// would come and go.
    pub const HEARTBEAT: Duration = Duration::from_secs(10);

    /// The profile.
    ///
    /// # Errors
    /// [`SettingError`] for a serial number that cannot be a part of a topic.
    pub fn new(settings: OpenV2xSettings) -> Result<Self, SettingError> {
        check_name("esn", &settings.esn, 64)?;
        check_period("heartbeat_s", settings.heartbeat)?;
        Ok(Self { settings, maps: Maps::default(), heartbeats: 0 })
    }

    fn topic(&self, kind: &str, direction: &str) -> String {
        format!("V2X/RSU/{}/{kind}/{direction}", self.settings.esn)
    }

    fn up(&self, kind: &str, body: &Value) -> Vec<Outgoing> {
        vec![publication(self.topic(kind, "UP"), body)]
    }

    fn events(&self, events: &[Value]) -> Vec<Outgoing> {
        if events.is_empty() {
            return Vec::new();
        }
        let body = rsi::body(&self.settings.esn, events);
        if self.settings.events_as_device {
            return vec![publication(format!("V2X/DEVICE/{}/RSI/UP", self.settings.esn), &body)];
        }
        self.up("RSI", &body)
    }

    /// All participants in one payload: the platform passes over a second one of the same instant.
    fn participants(
        &self,
        message: &v1::RoadsideSafetyMessage,
        lasting: impl Fn(usize, u32) -> String,
    ) -> Vec<Outgoing> {
        let from = message.reference.as_ref();
        let told = |(index, one): (usize, &v1::Participant)| {
            participant(one, from, Some(lasting(index, one.ptc_id).into()), Style::OpenV2x)
        };
        let participants: Vec<Value> = message.participants.iter().enumerate().filter_map(told).collect();
        let Some(at) = from.and_then(Point::of).filter(|_| !participants.is_empty()) else { return Vec::new() };
        let rsm = json!({
            "refPos": { "lat": at.lat, "lon": at.lon, "ele": at.ele },
            "participants": participants,
        });
        let esn = &self.settings.esn;
        self.up("RSM", &json!({ "name": esn, "id": esn, "content": { "rsms": [rsm] } }))
    }

    fn map(&mut self, map: &v1::MapData, by: Teller, near: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        if !self.maps.is_news(map, by, near) {
            return Ok(Vec::new());
        }
        let first = map.nodes.first();
        let id = first.and_then(|node| node.id.as_ref()).map_or((0, 0), |id| (id.region.unwrap_or(0), id.id));
        let name = format!("{}-{}-{}", self.settings.esn, id.0, id.1);
        Ok(self.up("MAP", &map::body(map, &name, &format!("rsud_{}", time::ms(near)))?))
    }

    /// A received message; `near` is a time near which its own is.
    fn message(&mut self, content: &Content, by: Teller, near: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        Ok(match content {
            Content::Bsm(message) => self.up("BSM", &json!({ "bsmDatas": [bsm::vehicle(message, near)] })),
            Content::Rsm(message) => {
                // Numbers of other units must not meet ours.
                let unit = identity(&message.id);
                self.participants(message, |_, number| format!("{unit}-{number}"))
            }
            Content::Rsi(message) => {
                let from = message.reference.as_ref();
                let at = time::absolute(message.minute_of_year, None, near);
                let event = |event: &v1::RoadTrafficEvent| rsi::event(event, from, event.rte_id.into(), true, at);
                self.events(&message.events.iter().map(event).collect::<Vec<_>>())
            }
            Content::Spat(message) => self.up("SPAT", &signals(message, near)),
            Content::Map(message) => self.map(message, by, near)?,
            Content::Vir(message) => vir::bodies(message, near).iter().flat_map(|body| self.up("VIR", body)).collect(),
            _ => Vec::new(),
        })
    }

    fn heard_rsi(&self, body: &Value) -> Result<Heard, HearError> {
        let (reporter, events) = rsi::read(body)?;
        if reporter.as_deref() == Some(&self.settings.esn) {
            return Ok(Heard::only(Downlink::Nothing));
        }
        if events.is_empty() {
            // Only events that are over.
            return Ok(Heard::only(Downlink::Nothing));
        }
        let Author { id, reference, .. } = &self.settings.author;
        let content = Content::Rsi(v1::RoadSideInformation {
            id: id.to_vec().into(),
            reference: Some(reference.clone()),
            events,
            ..v1::RoadSideInformation::default()
        });
        Ok(Heard::only(Downlink::Send(vec![check_sendable(self.settings.profile, content)?])))
    }

    fn heard_rsm(&self, body: &Value) -> Result<Heard, HearError> {
        let members = object(body)?;
        if optional(members, "id", |value| Ok(value.as_str() == Some(&self.settings.esn)))? == Some(true) {
            return Ok(Heard::only(Downlink::Nothing));
        }
        let Author { id, reference, .. } = &self.settings.author;
        let one = |value: &Value| -> Read<Content> {
            let participants =
                needed(object(value)?, "participants", |value| list(value, MAX_PARTICIPANTS, rsm::read))?;
            Ok(Content::Rsm(v1::RoadsideSafetyMessage {
                id: id.to_vec().into(),
                reference: Some(reference.clone()),
                participants,
                ..v1::RoadsideSafetyMessage::default()
            }))
        };
        let rsms = |value: &Value| needed(object(value)?, "rsms", |value| list(value, MAX_RSM, one));
        let contents = needed(members, "content", rsms)?;
        let check = |content| check_sendable(self.settings.profile, content);
        let contents = contents.into_iter().map(check).collect::<Result<Vec<_>, _>>()?;
        if contents.is_empty() {
            return Err(HearError::Empty);
        }
        Ok(Heard::only(Downlink::Send(contents)))
    }

    fn heard_map(&self, body: &Value) -> Result<Heard, HearError> {
        let members = object(body)?;
        let number = match members.get("seqNum") {
            Some(Value::String(_)) => optional(members, "seqNum", text(64))?,
            _ => optional(members, "seqNum", integer(0, i64::MAX))?.map(|number| number.to_string()),
        };
        let null = Value::Null;
        let content = map::read(members.get("map").unwrap_or(&null), self.settings.profile)?;
        let content = check_sendable(self.settings.profile, content)?;
        // The platform says that it wants no answer, and waits for one.
        let reply = number
            .map(|number| publication(self.topic("MAP", "DOWN/ACK"), &json!({ "seqNum": number, "errorCode": 0 })));
        Ok(Heard { downlink: Downlink::Send(vec![content]), reply })
    }
}

/// Signals as dandelion stores them: the present state of each phase, and when it will likely be over.
fn signals(message: &v1::SignalPhaseAndTiming, near: Timestamp) -> Value {
    let intersection = |state: &v1::IntersectionState| {
        let at = time::absolute(state.minute_of_year, state.sec_mark_ms, near);
        let phase = |phase: &v1::Phase| {
            let present = phase.states.first()?;
            let light = present.light.to_string();
            let timing = time::plain(over_at(present, at));
            Some(json!({ "phaseId": phase.id.to_string(), "phaseStates": { "light": light, "timing": timing } }))
        };
        let phases: Vec<Value> = state.phases.iter().filter_map(phase).collect();
        let id = state.id.as_ref().map_or_else(String::new, |id| match id.region {
            Some(region) => format!("{region}-{}", id.id),
            None => id.id.to_string(),
        });
        // Bits 8 and 9 are a fault and off.
        let is_on = state.status & 0b11_0000_0000 == 0;
        json!({ "intersectionId": id, "status": is_on, "phases": phases })
    };
    let intersections: Vec<Value> = message.intersections.iter().map(intersection).collect();
    Object::new().maybe("name", message.name.clone()).with("intersections", intersections).into()
}

/// When a state is likely over: counted from the time of the intersection's state, or told within the hour.
fn over_at(state: &v1::PhaseState, at: Timestamp) -> Timestamp {
    const HOUR_S: f64 = 3600.0;
    let within_hour_s = (at.as_micros().rem_euclid(3_600_000_000)) as f64 / 1e6;
    let ahead_s = match &state.timing {
        Some(Timing::Counting(timing)) => timing.likely_end_s,
        Some(Timing::UtcTiming(timing)) => timing.likely_end_s.map(|end_s| (end_s - within_hour_s).rem_euclid(HOUR_S)),
        _ => None,
    };
    // More than an hour is as good as not known.
    let ahead =
        ahead_s.filter(|ahead_s| (0.0..HOUR_S).contains(ahead_s)).map_or(Duration::ZERO, Duration::from_secs_f64);
    at + ahead
}

impl Profile for OpenV2x {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tell(&mut self, item: &Item, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        match item {
            Item::V2x(message) => {
                let heard = message.received_at_us;
                let near = if heard > 0 { Timestamp::from_micros(heard) } else { now };
                let Some(content) = &message.content else { return Ok(Vec::new()) };
                self.message(content, teller(message), near)
            }
            Item::Tracks(list) => {
                let message = self.settings.author.participants(list);
                let lasting = |index: usize, number: u32| {
                    list.tracks.get(index).map_or_else(|| number.to_string(), |track| track.id.to_string())
                };
                Ok(self.participants(&message, lasting))
            }
            Item::Event(event) => {
                let goes_on = event.stage() != v1::EventStage::End;
                let at = Timestamp::from_micros(event.state_at_us);
                let told = self.settings.author.event(event).map_or_else(Vec::new, |message| message.events);
                let told: Vec<_> = told.iter().map(|one| rsi::event(one, None, event.event_id, goes_on, at)).collect();
                Ok(self.events(&told))
            }
            Item::Health(health) => {
                let body = device::running(&self.settings.esn, health, now);
                Ok(vec![publication("V2X/RSU/RunningInfo/UP".into(), &body)])
            }
            Item::LaneStatistics(_) | Item::PoleState(_) | Item::PoleReadings(_) | Item::PoleAlarm(_) => Ok(Vec::new()),
        }
    }

    fn tell_sent(&mut self, content: &Content, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        match content {
            // Told from the items, see above.
            Content::Rsm(_) | Content::Rsi(_) => Ok(Vec::new()),
            content => self.message(content, None, now),
        }
    }

    fn birth(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        self.maps.forget();
        let body = device::information(&self.settings.esn, &self.settings.author.reference, now);
        Ok(vec![publication("V2X/RSU/INFO/UP".into(), &body)])
    }

    fn heartbeat_period(&self) -> Option<Duration> {
        Some(self.settings.heartbeat)
    }

    fn heartbeat(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let body = device::heartbeat(&self.settings.esn, self.heartbeats, now);
        self.heartbeats += 1;
        Ok(vec![publication("V2X/RSU/HB/UP".into(), &body)])
    }

    fn subscriptions(&self) -> Vec<String> {
        DOWN.iter().map(|kind| self.topic(kind, "DOWN")).collect()
    }

    fn hear(&mut self, topic: &str, payload: &[u8], now: Timestamp) -> Result<Heard, HearError> {
        let kind = DOWN.into_iter().find(|kind| topic == self.topic(kind, "DOWN")).ok_or(HearError::Topic)?;
        let body = parse(payload)?;
        match kind {
            "RSI" => self.heard_rsi(&body),
            "RSM" => self.heard_rsm(&body),
            "MAP" => self.heard_map(&body),
            _ => {
                let content = Content::Spat(spat::read(&body, now)?);
                Ok(Heard::only(Downlink::Send(vec![check_sendable(self.settings.profile, content)?])))
            }
        }
    }
}
