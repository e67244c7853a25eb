//! One message frame and its UPER encoding.

use rasn::error::{DecodeError, DecodeErrorKind};

use crate::CodecError;
use crate::asn1::{profile2019, profile2020};

/// Edition of the message set. Nothing on the wire tells it, so it is configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// T/CSAE 53-2020 and T/CSAE 157-2020.
    #[default]
    Y2020,
    /// The draft of 2019, still in the field.
    Y2019,
}

/// Kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Basic safety message.
    Bsm,
    /// Map.
    Map,
    /// Road-side safety message.
    Rsm,
    /// Signal phase and timing.
    Spat,
    /// Road-side information.
    Rsi,
    /// A message of the second stage.
    Extension,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 6] = [Self::Bsm, Self::Map, Self::Rsm, Self::Spat, Self::Rsi, Self::Extension];

    /// The name in topics and counters: `bsm`, `map`, `rsm`, `spat`, `rsi`, `ext`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bsm => "bsm",
            Self::Map => "map",
            Self::Rsm => "rsm",
            Self::Spat => "spat",
            Self::Rsi => "rsi",
            Self::Extension => "ext",
        }
    }
}

/// A message frame (T/CSAE 53 `MessageFrame`) in one of the profiles.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Profile 2020.
    Y2020(Box<profile2020::MessageFrame>),
    /// Profile 2019.
    Y2019(Box<profile2019::MessageFrame>),
}

impl Message {
    /// Decodes one frame that fills `octets` to the last.
    ///
    /// # Errors
    /// [`CodecError::Incomplete`], [`CodecError::LeftOver`] or [`CodecError::Invalid`], see [`Message::fault_offset`] for the place.
    pub fn from_uper(profile: Profile, octets: &[u8]) -> Result<Self, CodecError> {
        match profile {
            Profile::Y2020 => decode::<profile2020::MessageFrame>(octets).map(|frame| Self::Y2020(Box::new(frame))),
            Profile::Y2019 => decode::<profile2019::MessageFrame>(octets).map(|frame| Self::Y2019(Box::new(frame))),
        }
    }

    /// Encodes the frame.
    ///
    /// # Errors
    /// [`CodecError::Encode`] when a value breaks a constraint of the message set.
    pub fn to_uper(&self) -> Result<Vec<u8>, CodecError> {
        match self {
            Self::Y2020(frame) => rasn::uper::encode(frame.as_ref()),
            Self::Y2019(frame) => rasn::uper::encode(frame.as_ref()),
        }
        .map_err(|e| CodecError::Encode(e.to_string()))
    }

    /// Index of the octet at which decoding `octets` fails with `error`. Costs up to 16 more decodings, so it is for
    /// people's eyes, not for the path of each message.
    #[must_use]
    pub fn fault_offset(profile: Profile, octets: &[u8], error: &CodecError) -> usize {
        match (error, profile) {
            (CodecError::Incomplete { length, .. }, _) => *length,
            (CodecError::LeftOver { taken, .. }, _) => *taken,
            (CodecError::Invalid { .. }, Profile::Y2020) => first_bad_octet::<profile2020::MessageFrame>(octets),
            (CodecError::Invalid { .. }, Profile::Y2019) => first_bad_octet::<profile2019::MessageFrame>(octets),
            (CodecError::Json(_) | CodecError::Encode(_), _) => 0,
        }
    }

    /// The profile of the frame.
    #[must_use]
    pub fn profile(&self) -> Profile {
        match self {
            Self::Y2020(_) => Profile::Y2020,
            Self::Y2019(_) => Profile::Y2019,
        }
    }

    /// The kind of message.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Y2020(frame) => match **frame {
                profile2020::MessageFrame::bsmFrame(_) => Kind::Bsm,
                profile2020::MessageFrame::mapFrame(_) => Kind::Map,
                profile2020::MessageFrame::rsmFrame(_) => Kind::Rsm,
                profile2020::MessageFrame::spatFrame(_) => Kind::Spat,
                profile2020::MessageFrame::rsiFrame(_) => Kind::Rsi,
                profile2020::MessageFrame::msgFrameExt(_) => Kind::Extension,
            },
            Self::Y2019(frame) => match **frame {
                profile2019::MessageFrame::bsmFrame(_) => Kind::Bsm,
                profile2019::MessageFrame::mapFrame(_) => Kind::Map,
                profile2019::MessageFrame::rsmFrame(_) => Kind::Rsm,
                profile2019::MessageFrame::spatFrame(_) => Kind::Spat,
                profile2019::MessageFrame::rsiFrame(_) => Kind::Rsi,
            },
        }
    }
}

fn decode<T: rasn::Decode>(octets: &[u8]) -> Result<T, CodecError> {
    rasn::uper::decode(octets).map_err(|error| explain(octets, &error))
}

fn explain(octets: &[u8], error: &DecodeError) -> CodecError {
    let (root, path) = root_cause(error);
    match root {
        kind if is_incomplete(kind) => CodecError::Incomplete { length: octets.len(), at: path },
        DecodeErrorKind::UnexpectedExtraData { length } => {
            CodecError::LeftOver { taken: octets.len().saturating_sub(*length), left_over: *length }
        }
        kind => {
            let what = kind.to_string();
            CodecError::Invalid { reason: if path.is_empty() { what } else { format!("{path}: {what}") } }
        }
    }
}

/// The decoder does not say where it stopped, but it reads strictly forward: the shortest prefix that fails for another
/// reason than being too short ends with the octet that broke the rule.
fn first_bad_octet<T: rasn::Decode>(octets: &[u8]) -> usize {
    let too_short = |length: usize| {
        rasn::uper::decode::<T>(octets.get(..length).unwrap_or(octets)).is_err_and(|e| is_incomplete(root_cause(&e).0))
    };
    let (mut low, mut high) = (0, octets.len());
    while low < high {
        let middle = low.midpoint(high);
        if too_short(middle) { low = middle + 1 } else { high = middle }
    }
    low.saturating_sub(1)
}

/// Whether the input ended too early. The decoder says so of a choice index in words of its own.
fn is_incomplete(kind: &DecodeErrorKind) -> bool {
    matches!(kind, DecodeErrorKind::Incomplete { .. } | DecodeErrorKind::ChoiceIndexExceedsPlatformWidth { .. })
}

/// The innermost cause and the dotted path of fields that leads to it.
fn root_cause(error: &DecodeError) -> (&DecodeErrorKind, String) {
    let mut path = String::new();
    let mut kind = &*error.kind;
    while let DecodeErrorKind::FieldError { name, nested, .. } = kind {
        if !path.is_empty() {
            path.push_str(" > ");
        }
        path.push_str(name);
        kind = &*nested.kind;
    }
    (kind, path)
}
