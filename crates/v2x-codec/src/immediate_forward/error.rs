//! The keys of the text form, and what may be wrong with it.

use std::fmt;

use thiserror::Error;

use super::{MAX_LENGTH, MAX_PAYLOAD};

/// A key that means something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Key {
    /// `Version`.
    Version,
    /// `Type`, mandatory.
    Type,
    /// `PSID`, mandatory.
    Psid,
    /// `Priority`.
    Priority,
    /// `TxMode`.
    TxMode,
    /// `TxChannel`.
    TxChannel,
    /// `TxInterval`.
    TxInterval,
    /// `DeliveryStart`.
    DeliveryStart,
    /// `DeliveryStop`.
    DeliveryStop,
    /// `Signature`.
    Signature,
    /// `Encryption`.
    Encryption,
    /// `Payload`, mandatory.
    Payload,
}

impl Key {
    const ALL: [Self; 12] = [
        Self::Version,
        Self::Type,
        Self::Psid,
        Self::Priority,
        Self::TxMode,
        Self::TxChannel,
        Self::TxInterval,
        Self::DeliveryStart,
        Self::DeliveryStop,
        Self::Signature,
        Self::Encryption,
        Self::Payload,
    ];

    /// The key as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Version => "Version",
            Self::Type => "Type",
            Self::Psid => "PSID",
            Self::Priority => "Priority",
            Self::TxMode => "TxMode",
            Self::TxChannel => "TxChannel",
            Self::TxInterval => "TxInterval",
            Self::DeliveryStart => "DeliveryStart",
            Self::DeliveryStop => "DeliveryStop",
            Self::Signature => "Signature",
            Self::Encryption => "Encryption",
            Self::Payload => "Payload",
        }
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.as_str().eq_ignore_ascii_case(text))
    }

    pub(super) fn bit(self) -> u16 {
        1 << (self as u16)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a datagram is no such message, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("line {line}: {fault}")]
pub struct ForwardError {
    /// The line, counted from 1.
    pub line: usize,
    /// Index of the line's first octet in the datagram.
    pub(super) offset: usize,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a line, or with the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fault {
    /// The datagram is over [`MAX_LENGTH`].
    #[error("{length} octets are more than the {MAX_LENGTH} that are read")]
    TooLong {
        /// Number of octets of the datagram.
        length: usize,
    },
    /// The line is not UTF-8.
    #[error("this is not text")]
    NotText,
    /// The line is neither blank nor a comment nor `key=value`.
    #[error("there is no `=`")]
    NoEquals,
    /// The key was there before.
    #[error("{key} is there a second time")]
    Twice {
        /// The key.
        key: Key,
    },
    /// The end has come without a key that must be there.
    #[error("{key} is missing")]
    Missing {
        /// The key.
        key: Key,
    },
    /// The value is none that this key can have.
    #[error("this value of {key} cannot be")]
    BadValue {
        /// The key.
        key: Key,
    },
    /// A character of the payload is no hex digit.
    #[error("character {index} of the payload is no hex digit")]
    NotHex {
        /// Index of its first octet, counted from the first digit.
        index: usize,
    },
    /// The payload ends within an octet.
    #[error("the payload has an odd number of hex digits")]
    OddHex,
    /// The payload is over [`MAX_PAYLOAD`].
    #[error("a payload of {length} octets is longer than {MAX_PAYLOAD}")]
    PayloadTooLong {
        /// Number of octets of the payload.
        length: usize,
    },
}

impl ForwardError {
    /// Index of the first octet of the line at which parsing stopped.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.fault {
            Fault::TooLong { .. } => "forward_too_long",
            Fault::NotText => "forward_not_text",
            Fault::NoEquals => "forward_no_equals",
            Fault::Twice { .. } => "forward_key_twice",
            Fault::Missing { .. } => "forward_key_missing",
            Fault::BadValue { .. } => "forward_value",
            Fault::NotHex { .. } | Fault::OddHex => "forward_hex",
            Fault::PayloadTooLong { .. } => "forward_payload_too_long",
        }
    }
}
