//! What can go wrong between an item and a platform.

use thiserror::Error;
use v2x_codec::split::SplitError;
use v2x_codec::{CodecError, ConvertError};

/// Why an item cannot be told.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TellError {
    /// The message set's edition that was set cannot carry the content.
    #[error("{0}")]
    Convert(#[from] ConvertError),
    /// The content cannot be encoded.
    #[error("{0}")]
    Encode(#[from] CodecError),
    /// The content cannot be divided and encoded.
    #[error("{0}")]
    Split(#[from] SplitError),
    /// The payload's length field cannot say its length.
    #[error("a message of {length} octets, of which the payload's length field can say {max}")]
    TooLong {
        /// Octets of the message.
        length: usize,
        /// The most there can be.
        max: usize,
    },
    /// JSON cannot be made of it.
    #[error("JSON: {0}")]
    Json(String),
}

impl TellError {
    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Convert(_) => "not_in_profile",
            Self::Encode(_) => "not_encodable",
            Self::Split(error) => error.name(),
            Self::TooLong { .. } => "too_long",
            Self::Json(_) => "not_json",
        }
    }
}

impl From<serde_json::Error> for TellError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.to_string())
    }
}

/// Why what the platform published is not understood.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum HearError {
    /// A topic that was not subscribed to.
    #[error("not a topic of this RSU's")]
    Topic,
    /// More octets than are looked at.
    #[error("{length} octets, of which at most {} are looked at", super::MAX_HEARD)]
    TooLong {
        /// Number of octets.
        length: usize,
    },
    /// The payload ends within its header, or before its message does.
    #[error("{needed} octets are needed, {length} are there")]
    Incomplete {
        /// Number of octets that are there.
        length: usize,
        /// Number of octets that are needed.
        needed: usize,
    },
    /// The payload goes on after its message.
    #[error("{left_over} octets are left over")]
    LeftOver {
        /// Number of octets behind the message.
        left_over: usize,
    },
    /// The payload is for another RSU than its topic.
    #[error("the payload names another RSU")]
    OtherRsu,
    /// The message is none in UPER.
    #[error("UPER: {0}")]
    Uper(CodecError),
    /// The message is of another kind than its topic.
    #[error("a {found} on the topic of {expected}")]
    Kind {
        /// The topic's kind.
        expected: &'static str,
        /// The message's kind.
        found: &'static str,
    },
    /// The payload is no JSON.
    #[error("JSON: {0}")]
    Json(String),
    /// The JSON is not what the platform is known to publish.
    #[error("{path}: {problem}")]
    Shape {
        /// The member.
        path: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is nothing in it that could be sent.
    #[error("there is nothing in it")]
    Empty,
    /// It cannot be sent on the air.
    #[error("cannot be sent: {0}")]
    NotSendable(SplitError),
}

impl HearError {
    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Topic => "topic",
            Self::TooLong { .. } => "too_long",
            Self::Incomplete { .. } => "incomplete",
            Self::LeftOver { .. } => "left_over",
            Self::OtherRsu => "other_rsu",
            Self::Uper(_) => "uper",
            Self::Kind { .. } => "kind",
            Self::Json(_) => "json",
            Self::Shape { .. } => "shape",
            Self::Empty => "empty",
            Self::NotSendable(_) => "not_sendable",
        }
    }
}

/// Why a platform could not work with a setting.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{key}: {problem}")]
pub struct SettingError {
    /// The key below `[[cloud]]`.
    pub key: &'static str,
    /// What is wrong with it, and what is expected.
    pub problem: String,
}

impl SettingError {
    pub(super) fn new(key: &'static str, problem: impl Into<String>) -> Self {
        Self { key, problem: problem.into() }
    }
}

/// A name that becomes a part of topics: letters, digits, `_` and `-`, at most `max` of them.
pub(super) fn check_name(key: &'static str, name: &str, max: usize) -> Result<(), SettingError> {
    let fits = (1..=max).contains(&name.len());
    // Dots separate the levels of some platforms' topics, slashes those of the others.
    if fits && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'_' || octet == b'-') {
        return Ok(());
    }
    let expected = format!("{name:?} is not 1 to {max} letters, digits, '_' and '-'");
    Err(SettingError::new(key, expected))
}

/// A period between two signs of life.
pub(super) fn check_period(key: &'static str, period: std::time::Duration) -> Result<(), SettingError> {
    let bounds = std::time::Duration::from_secs(1)..=std::time::Duration::from_secs(3600);
    if bounds.contains(&period) {
        return Ok(());
    }
    Err(SettingError::new(key, format!("{} s is not within 1 s to 3600 s", period.as_secs_f64())))
}
