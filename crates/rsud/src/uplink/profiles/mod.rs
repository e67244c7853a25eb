//! Cloud profiles: how items are told to different cloud platforms.
//!
//! Every platform has its own topics, its own payloads and its own idea of what a road-side unit should say at the start
//! and now and then. A [`Profile`] holds all of that for one platform and nothing else: it makes [`Outgoing`]
//! publications of the core's items, and [`Downlink`]s of what the platform publishes for the RSU. It knows no socket,
//! no clock and no file; the time is an argument. The uplink's client owns one profile and does the rest: queues,
//! connection, acknowledgements.
//!
//! | profile | for | payload |
//! |---|---|---|
//! | [`Native`] | subscribers of our own contract, `docs/cloud-mqtt.md` | protobuf or its JSON |
//! | [`Its0117`] | platforms after T/ITS 0117 | a small header and UPER |
//! | [`OpenV2x`] | `OpenV2X` | JSON |
//! | [`Dris`] | Huawei Cloud DRIS | JSON |
//!
//! `docs/cloud-profiles.md` is for the people who connect an RSU to such a platform.

mod author;
mod dris;
mod error;
mod its0117;
mod json;
mod native;
mod openv2x;

use std::fmt;
use std::time::Duration;

use edge_core::Item;
use rsu_proto::v1::v2x_message::Content;
use rsu_units::Timestamp;

pub use author::{Author, Own};
pub use dris::{Dris, DrisSettings};
pub use error::{HearError, SettingError, TellError};
pub use its0117::{Its0117, Its0117Settings};
pub use native::{Native, NativeSettings};
pub use openv2x::{OpenV2x, OpenV2xSettings};

/// The largest payload that is looked at when something is heard, octets.
pub const MAX_HEARD: usize = 256 * 1024;

/// One publication as the broker gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// MQTT 5 content type.
    pub content_type: &'static str,
    /// User property `schema`, which names the message; empty where the platform knows no such thing.
    pub schema: &'static str,
    /// Whether the broker keeps it for late subscribers.
    pub retain: bool,
}

/// A message of our own contract that is no item of the core: a gap, the reply to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeMessage {
    /// The topic's last level: `gaps`, `command-reply`.
    pub stream: &'static str,
    /// The message's name, as in `rsu.v1.Gap`.
    pub schema: &'static str,
    /// The message in the payload format of the configuration.
    pub payload: Vec<u8>,
}

/// What a platform wants of the RSU.
#[derive(Debug, Clone, PartialEq)]
pub enum Downlink {
    /// Nothing: the platform gave back what it had from this RSU.
    Nothing,
    /// To be told to the road users, in this order. Each message can be encoded in the profile of the message set that
    /// was set; it is not numbered yet and may be larger than a frame.
    Send(Vec<Content>),
}

/// What was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// What is wanted.
    pub downlink: Downlink,
    /// What to publish when the RSU has accepted it.
    pub reply: Option<Outgoing>,
}

impl Heard {
    /// Without a reply.
    fn only(downlink: Downlink) -> Self {
        Self { downlink, reply: None }
    }
}

/// How to log in at the broker where the platform derives it from something else.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// MQTT client identifier.
    pub client_id: String,
    /// User name.
    pub username: String,
    /// Password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password has no place in a log.
        f.debug_struct("Login")
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// The ways of one platform.
pub trait Profile: Send {
    /// The name in configuration, counters and log lines.
    fn name(&self) -> &'static str;

    /// How an item is told: in one publication or several, or in none where the platform has no place for it. The item
    /// is done when all of them have been acknowledged; telling it again gives the same.
    ///
    /// # Errors
    /// [`TellError`] for an item that can never be told.
    fn tell(&mut self, item: &Item, now: Timestamp) -> Result<Vec<Outgoing>, TellError>;

    /// How a message is told that the RSU itself says on the air, of its own accord. Never give it what came from a
    /// platform: it would go round in circles.
    ///
    /// # Errors
    /// [`TellError`] for a message that cannot be told.
    fn tell_sent(&mut self, content: &Content, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let _ = (content, now);
        Ok(Vec::new())
    }

    /// How a message of our own contract is told; `None` at platforms that do not know it.
    fn tell_native(&mut self, message: NativeMessage) -> Option<Outgoing> {
        let _ = message;
        None
    }

    /// What is told first at each connection.
    ///
    /// # Errors
    /// [`TellError`] when it cannot be encoded.
    fn birth(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let _ = now;
        Ok(Vec::new())
    }

    /// What is told last, at a clean stop.
    ///
    /// # Errors
    /// [`TellError`] when it cannot be encoded.
    fn farewell(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let _ = now;
        Ok(Vec::new())
    }

    /// What the broker publishes when the connection dies.
    ///
    /// # Errors
    /// [`TellError`] when it cannot be encoded.
    fn will(&self, now: Timestamp) -> Result<Option<Outgoing>, TellError> {
        let _ = now;
        Ok(None)
    }

    /// How often a sign of life goes out while connected, the first one with the birth.
    fn heartbeat_period(&self) -> Option<Duration> {
        None
    }

    /// The sign of life. It is worth nothing later, so it is not kept.
    ///
    /// # Errors
    /// [`TellError`] when it cannot be encoded.
    fn heartbeat(&mut self, now: Timestamp) -> Result<Vec<Outgoing>, TellError> {
        let _ = now;
        Ok(Vec::new())
    }

    /// The topics to subscribe to.
    fn subscriptions(&self) -> Vec<String> {
        Vec::new()
    }

    /// What a publication for the RSU means.
    ///
    /// # Errors
    /// [`HearError`] for anything that is not understood to its last octet. Payloads are hostile: nothing is allocated
    /// beyond what [`MAX_HEARD`] octets justify.
    fn hear(&mut self, topic: &str, payload: &[u8], now: Timestamp) -> Result<Heard, HearError>;

    /// How to log in, where the platform derives it. It can depend on the time, so it is asked for at each connection.
    fn login(&self, now: Timestamp) -> Option<Login> {
        let _ = now;
        None
    }
}

/// Which platform, and what its profile needs to know.
#[derive(Debug, Clone)]
pub enum ProfileSettings {
    /// Our own contract.
    Native(NativeSettings),
    /// T/ITS 0117.
    Its0117(Its0117Settings),
    /// `OpenV2X`.
    OpenV2x(OpenV2xSettings),
    /// Huawei Cloud DRIS.
    Dris(DrisSettings),
}

impl ProfileSettings {
    /// The names of the profiles in the configuration.
    pub const NAMES: [&'static str; 4] = [native::NAME, its0117::NAME, openv2x::NAME, dris::NAME];

    /// The profile.
    ///
    /// # Errors
    /// [`SettingError`] says which setting the platform could not work with.
    pub fn build(self) -> Result<Box<dyn Profile>, SettingError> {
        Ok(match self {
            Self::Native(settings) => Box::new(Native::new(settings)),
            Self::Its0117(settings) => Box::new(Its0117::new(settings)?),
            Self::OpenV2x(settings) => Box::new(OpenV2x::new(settings)?),
            Self::Dris(settings) => Box::new(Dris::new(settings)?),
        })
    }
}

/// Refuses payloads that are too long to be looked at.
fn check_length(payload: &[u8]) -> Result<(), HearError> {
    if payload.len() > MAX_HEARD { Err(HearError::TooLong { length: payload.len() }) } else { Ok(()) }
}

/// The content is something that can be sent: found out by the same steps that will send it.
fn check_sendable(profile: v2x_codec::Profile, content: Content) -> Result<Content, HearError> {
    let mut trial = v2x_codec::split::Outgoing::default();
    match trial.parts(profile, content.clone()) {
        Ok(parts) if parts.is_empty() => Err(HearError::Empty),
        Ok(_) => Ok(content),
        Err(error) => Err(HearError::NotSendable(error)),
    }
}
