//! Platforms in the style of T/ITS 0117, as they are in the field: MQTT topics `V2X.RSU.BSM.UP` ..., and payloads that
//! are a small header around the messages' own UPER octets.
//!
//! What was received on the air goes out with the octets that came, whatever edition of the message set they are in. The
//! RSU's own knowledge goes out as RSM and RSI ([`Own`]). Heartbeat, information and running state have a layout that is
//! not public; they are JSON here.

mod frame;

use std::time::Duration;

use edge_core::Item;
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use v2x_codec::split::{MAX_MESSAGE, Outgoing as Sender, SplitRules};
use v2x_codec::{Kind, Message, convert::kind_of};

use super::error::{check_name, check_period};
use super::json::{device, publication};
use super::{
    Author, Downlink, HearError, Heard, Outgoing, Own, Profile, SettingError, TellError, check_length, check_sendable,
};

/// The name in the configuration.
pub(super) const NAME: &str = "its0117";

/// The kinds of messages that the platform takes.
const UP: [Kind; 5] = [Kind::Bsm, Kind::Map, Kind::Rsm, Kind::Spat, Kind::Rsi];
/// The kinds of messages that it publishes.
const DOWN: [Kind; 4] = [Kind::Map, Kind::Rsm, Kind::Spat, Kind::Rsi];

/// What the profile needs to know.
#[derive(Debug, Clone)]
pub struct Its0117Settings {
    /// The RSU's name at the platform: 1 to 8 letters, digits, `_` and `-`.
    pub rsu_id: String,
    /// Edition of the message set for what is encoded here and for what comes down.
    pub profile: v2x_codec::Profile,
    /// Who writes the RSU's own messages.
    pub author: Author,
    /// What they are made of.
    pub own: Own,
    /// How often a sign of life goes out.
    pub heartbeat: Duration,
}

/// The T/ITS 0117 profile.
#[derive(Debug)]
pub struct Its0117 {
    settings: Its0117Settings,
    id: [u8; frame::ID_OCTETS],
    sender: Sender,
    heartbeats: u64,
}

impl Its0117 {
    /// How often an RSU shows that it is alive, by default: that of T/ITS 0117-2020.
    pub const HEARTBEAT: Duration = Duration::from_secs(60);

    /// The profile.
    ///
    /// # Errors
    /// [`SettingError`] for a name that does not fit the payload's 8 octets or cannot be a part of a topic: a name that
    /// was cut could be another RSU's.
    pub fn new(settings: Its0117Settings) -> Result<Self, SettingError> {
        check_name("rsu_id", &settings.rsu_id, frame::ID_OCTETS)?;
        check_period("heartbeat_s", settings.heartbeat)?;
        // Only the lists of a message have bounds here: no radio frame is to be filled.
        let rules = SplitRules { max_octets: MAX_MESSAGE, ..SplitRules::default() };
        let id = frame::padded(&settings.rsu_id);
        Ok(Self { id, sender: Sender::new(rules), heartbeats: 0, settings })
    }

    /// The publication of one message.
    fn single(&self, kind: Kind, message: &[u8], at: Timestamp) -> Result<Outgoing, TellError> {
        let payload = match kind {
            Kind::Bsm => frame::counted(self.id, at, &[message])?,
            _ => frame::single(self.id, at, message)?,
        };
        Ok(publication_of(kind, payload))
    }

    /// The publication of a received message, if the platform has a place for it.
    fn received(&self, message: &v1::V2xMessage, now: Timestamp) -> Result<Option<Outgoing>, TellError> {
        let Some(content) = &message.content else { return Ok(None) };
        let kind = kind_of(content);
        if !UP.contains(&kind) {
            return Ok(None);
        }
        let octets = if message.octets.is_empty() {
            let extensions = message.frame_extensions.as_ref();
            Message::from_content(self.settings.profile, content, extensions)?.to_uper()?
        } else {
            message.octets.to_vec()
        };
        let at = if message.received_at_us > 0 { Timestamp::from_micros(message.received_at_us) } else { now };
        self.single(kind, &octets, at).map(Some)
    }

    /// Messages of the RSU itself, divided where the standard's lists end.
    fn written(&mut self, content: Content, at: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let kind = kind_of(&content);
        if !UP.contains(&kind) {
            return Ok(Vec::new());
        }
        let parts = self.sender.parts(self.settings.profile, content)?;
        parts.iter().map(|part| self.single(kind, &part.octets, at)).collect()
    }
}

/// A payload of messages of one kind.
fn publication_of(kind: Kind, payload: Vec<u8>) -> Outgoing {
    let topic = format!("V2X.RSU.{}.UP", kind.name().to_ascii_uppercase());
    Outgoing { topic, payload, content_type: "application/octet-stream", schema: "", retain: false }
}

impl Profile for Its0117 {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tell(&mut self, item: &Item, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        match item {
            Item::V2x(message) => Ok(self.received(message, now)?.into_iter().collect()),
            Item::Tracks(list) if self.settings.own == Own::Items => {
                let rsm = self.settings.author.participants(list);
                self.written(Content::Rsm(rsm), Timestamp::from_micros(list.state_at_us))
            }
            Item::Event(event) if self.settings.own == Own::Items => match self.settings.author.event(event) {
                Some(rsi) => self.written(Content::Rsi(rsi), Timestamp::from_micros(event.state_at_us)),
                None => Ok(Vec::new()),
            },
            Item::Health(health) => {
                let body = device::running(&self.settings.rsu_id, health, now);
                Ok(vec![publication("V2X.RSU.RunningInfo.UP".into(), &body)])
            }
            Item::Tracks(_)
            | Item::Event(_)
            | Item::LaneStatistics(_)
            | Item::PoleState(_)
            | Item::PoleReadings(_)
            | Item::PoleAlarm(_) => Ok(Vec::new()),
        }
    }

    fn tell_sent(&mut self, content: &Content, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        match content {
            Content::Rsm(_) | Content::Rsi(_) if self.settings.own == Own::Items => Ok(Vec::new()),
            content => self.written(content.clone(), now),
        }
    }

    fn birth(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let body = device::information(&self.settings.rsu_id, &self.settings.author.reference, now);
        Ok(vec![publication("V2X.RSU.INFO.UP".into(), &body)])
    }

    fn heartbeat_period(&self) -> Option<Duration> {
        Some(self.settings.heartbeat)
    }

    fn heartbeat(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let body = device::heartbeat(&self.settings.rsu_id, self.heartbeats, now);
        self.heartbeats += 1;
        Ok(vec![publication("V2X.RSU.HB.UP".into(), &body)])
    }

    fn subscriptions(&self) -> Vec<String> {
        DOWN.iter().map(|kind| self.down(*kind)).collect()
    }

    fn hear(&mut self, topic: &str, payload: &[u8], _now: Timestamp) -> Result<Heard, HearError> {
        let kind = DOWN.into_iter().find(|kind| topic == self.down(*kind)).ok_or(HearError::Topic)?;
        check_length(payload)?;
        let octets = frame::read(self.id, payload)?;
        let message = Message::from_uper(self.settings.profile, octets).map_err(HearError::Uper)?;
        if message.kind() != kind {
            return Err(HearError::Kind { expected: kind.name(), found: message.kind().name() });
        }
        let content = check_sendable(self.settings.profile, message.to_content())?;
        Ok(Heard::only(Downlink::Send(vec![content])))
    }
}

impl Its0117 {
    fn down(&self, kind: Kind) -> String {
        format!("V2X.RSU.{}.{}.DOWN", kind.name().to_ascii_uppercase(), self.settings.rsu_id)
    }
}
