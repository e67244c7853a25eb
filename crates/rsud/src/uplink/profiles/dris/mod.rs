//! Huawei Cloud DRIS (Digital Road Infrastructure Service, 路网数字化服务): topics `v2x/v1/rsu/{esn}/bsm/up` ..., JSON,
//! lists with bounds, a login that is derived from a secret.
//!
//! What is longer than the platform's bounds goes out as several payloads, none of it lost. A sign of life is not wanted:
//! the platform sees the connection.

mod login;
mod map;

use std::fmt;

use edge_core::Item;
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use serde_json::{Value, json};

use super::error::check_name;
use super::json::memory::{Maps, Teller, teller};
use super::json::object::Object;
use super::json::position::reference;
use super::json::read::{Fault, list, needed, object};
use super::json::rsm::{Style, participant};
use super::json::text::identity;
use super::json::{bsm, parse, publication, rsi, spat};
use super::{
    Author, Downlink, HearError, Heard, Login, Outgoing, Own, Profile, SettingError, TellError, check_sendable,
};

/// The name in the configuration.
pub(super) const NAME: &str = "dris";

/// Participants of one RSM.
const MAX_PARTICIPANTS: usize = 16;
/// Events of one RSI.
const MAX_EVENTS: usize = 8;
/// Signs of one RSI.
const MAX_SIGNS: usize = 16;
/// Phases of one intersection.
const MAX_PHASES: usize = 16;
/// RSI in one payload that comes down.
const MAX_RSI: usize = 16;

/// What the profile needs to know.
#[derive(Clone)]
pub struct DrisSettings {
    /// The RSU's serial number at the platform: 1 to 64 letters, digits and `_`.
    pub esn: String,
    /// The device's secret, from which the password is derived; without one the login is the configuration's.
    pub secret: Option<String>,
    /// Edition of the message set in which what comes down will be sent on the air.
    pub profile: v2x_codec::Profile,
    /// Who writes the RSU's own messages.
    pub author: Author,
    /// What they are made of.
    pub own: Own,
}

impl fmt::Debug for DrisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A secret has no place in a log.
        f.debug_struct("DrisSettings").field("esn", &self.esn).field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// The DRIS profile.
#[derive(Debug)]
pub struct Dris {
    settings: DrisSettings,
    maps: Maps,
}

impl Dris {
    /// The profile.
    ///
    /// # Errors
    /// [`SettingError`] for a serial number that cannot be one, or an empty secret.
    pub fn new(settings: DrisSettings) -> Result<Self, SettingError> {
        check_name("esn", &settings.esn, 64)?;
        if settings.secret.as_ref().is_some_and(String::is_empty) {
            return Err(SettingError::new("secret_file", "the secret is empty"));
        }
        Ok(Self { settings, maps: Maps::default() })
    }

    fn topic(&self, kind: &str, direction: &str) -> String {
        format!("v2x/v1/rsu/{}/{kind}/{direction}", self.settings.esn)
    }

    fn up(&self, kind: &str, bodies: &[Value]) -> Vec<Outgoing> {
        bodies.iter().map(|body| publication(self.topic(kind, "up"), body)).collect()
    }

    /// A message, received or of the RSU itself; `near` is a time near which its own is.
    fn message(&mut self, content: &Content, by: Teller, near: Timestamp) -> Vec<Outgoing> {
        match content {
            Content::Bsm(message) => self.up("bsm", &[json!({ "bsmDatas": [bsm::vehicle(message, near)] })]),
            Content::Rsm(message) => self.up("rsm", &participants(message, &[])),
            Content::Rsi(message) => self.up("rsi", &self.information(message)),
            Content::Spat(message) => self.up("spat", &signals(message, near)),
            Content::Map(message) if self.maps.is_news(message, by, near) => self.up("map", &[map::map(message, near)]),
            _ => Vec::new(),
        }
    }

    /// Events and signs, divided by both bounds at once.
    fn information(&self, message: &v1::RoadSideInformation) -> Vec<Value> {
        let from = message.reference.as_ref();
        let mut events = message.events.chunks(MAX_EVENTS);
        let mut signs = message.signs.chunks(MAX_SIGNS);
        let mut bodies = Vec::new();
        loop {
            let (events, signs) = (events.next().unwrap_or_default(), signs.next().unwrap_or_default());
            if events.is_empty() && signs.is_empty() {
                return bodies;
            }
            let data = Object::new()
                .with("id", identity(&message.id))
                .maybe("refPos", reference(from))
                .list("rtss", signs.iter().map(|sign| rsi::sign(sign, from)).collect())
                .list("rtes", events.iter().map(|event| rsi::event(event, from)).collect());
            bodies.push(json!({ "rsiSourceId": self.settings.esn, "rsiDatas": [Value::from(data)] }));
        }
    }
}

/// Participants, divided. `tracks` are their lasting identities, in the same order, where there are any.
fn participants(message: &v1::RoadsideSafetyMessage, tracks: &[u64]) -> Vec<Value> {
    let from = message.reference.as_ref();
    let tracks = tracks.iter().map(|track| Some(Value::from(*track))).chain(std::iter::repeat(None));
    let told = |(one, track)| participant(one, from, track, Style::Dris);
    let all: Vec<Value> = message.participants.iter().zip(tracks).filter_map(told).collect();
    let body = |part: &[Value]| {
        let rsm = Object::new().maybe("refPos", reference(from)).with("participants", part.to_vec());
        json!({ "rsms": [Value::from(rsm)] })
    };
    all.chunks(MAX_PARTICIPANTS).map(body).collect()
}

/// Signals: the first payload has the first phases of each intersection, the second the next ones of those that have more.
fn signals(message: &v1::SignalPhaseAndTiming, near: Timestamp) -> Vec<Value> {
    let parts = message.intersections.iter().map(|state| state.phases.len().div_ceil(MAX_PHASES)).max().unwrap_or(0);
    let body = |part: usize| {
        let of_part = |state: &v1::IntersectionState| {
            let phases = state.phases.chunks(MAX_PHASES).nth(part)?;
            Some(spat::intersection(state, phases, near))
        };
        let intersections: Vec<Value> = message.intersections.iter().filter_map(of_part).collect();
        Object::new().with("intersections", intersections).maybe("name", message.name.clone()).into()
    };
    (0..parts).map(body).collect()
}

impl Profile for Dris {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tell(&mut self, item: &Item, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        Ok(match item {
            Item::V2x(message) => {
                let heard = message.received_at_us;
                let near = if heard > 0 { Timestamp::from_micros(heard) } else { now };
                message.content.as_ref().map_or_else(Vec::new, |content| self.message(content, teller(message), near))
            }
            Item::Tracks(list) if self.settings.own == Own::Items => {
                let tracks: Vec<u64> = list.tracks.iter().map(|track| track.id).collect();
                self.up("rsm", &participants(&self.settings.author.participants(list), &tracks))
            }
            Item::Event(event) if self.settings.own == Own::Items => {
                let told = self.settings.author.event(event);
                told.map_or_else(Vec::new, |message| self.up("rsi", &self.information(&message)))
            }
            Item::Tracks(_)
            | Item::Event(_)
            | Item::LaneStatistics(_)
            | Item::Health(_)
            | Item::PoleState(_)
            | Item::PoleReadings(_)
            | Item::PoleAlarm(_) => Vec::new(),
        })
    }

    fn tell_sent(&mut self, content: &Content, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        Ok(match content {
            Content::Rsm(_) | Content::Rsi(_) if self.settings.own == Own::Items => Vec::new(),
            content => self.message(content, None, now),
        })
    }

    fn birth(&mut self, _now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        self.maps.forget();
        Ok(Vec::new())
    }

    fn subscriptions(&self) -> Vec<String> {
        vec![self.topic("rsi", "down"), self.topic("spat", "down")]
    }

    fn hear(&mut self, topic: &str, payload: &[u8], now: Timestamp) -> Result<Heard, HearError> {
        let is_rsi = topic == self.topic("rsi", "down");
        if !is_rsi && topic != self.topic("spat", "down") {
            return Err(HearError::Topic);
        }
        let body = unwrapped(parse(payload)?)?;
        let contents = if is_rsi {
            let Author { id, reference, .. } = &self.settings.author;
            let one = |value: &Value| rsi::read(value, *id, reference).map(Content::Rsi);
            let all = |value: &Value| needed(object(value)?, "rsiDatas", |value| list(value, MAX_RSI, one));
            all(&body)?
        } else {
            vec![Content::Spat(spat::read(&body, now)?)]
        };
        let check = |content| check_sendable(self.settings.profile, content);
        let contents = contents.into_iter().map(check).collect::<Result<Vec<_>, _>>()?;
        if contents.is_empty() {
            return Err(HearError::Empty);
        }
        Ok(Heard::only(Downlink::Send(contents)))
    }

    fn login(&self, now: Timestamp) -> Option<Login> {
        login::login(&self.settings.esn, self.settings.secret.as_ref()?, now)
    }
}

/// What is in `content`, which is JSON in a text; an object there is taken as well.
fn unwrapped(body: Value) -> Result<Value, HearError> {
    let content = match body {
        Value::Object(mut members) => members.remove("content"),
        _ => None,
    };
    match content.unwrap_or(Value::Null) {
        Value::String(text) => parse(text.as_bytes()),
        content @ Value::Object(_) => Ok(content),
        _ => Err(Fault::new("has no content").into()),
    }
}
