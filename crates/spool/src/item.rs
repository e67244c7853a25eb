//! What the spool keeps: an octet string with the identity that the cloud contract gives it.
//!
//! The spool does not look into the payload. It needs the identity only to tell, when items had to go, which ones.

use rsu_units::Timestamp;
use thiserror::Error;

/// Longest stream name, octets of UTF-8.
pub const MAX_STREAM_OCTETS: usize = 64;

/// The identity of an item: (`stream`, `boot`, `sequence`) of `docs/cloud-mqtt.md`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Label {
    stream: String,
    boot: i64,
    sequence: u64,
}

impl Label {
    /// A label.
    ///
    /// # Errors
    ///
    /// The stream's name is longer than [`MAX_STREAM_OCTETS`] or has control characters.
    pub fn new(stream: impl Into<String>, boot: i64, sequence: u64) -> Result<Self, LabelError> {
        let stream = stream.into();
        if stream.len() > MAX_STREAM_OCTETS {
            return Err(LabelError::TooLong { octets: stream.len() });
        }
        // Control characters would take six octets each in the state file, whose size is bounded.
        if stream.chars().any(char::is_control) {
            return Err(LabelError::Control { stream });
        }
        Ok(Self { stream, boot, sequence })
    }

    /// The stream: the topic's last level.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Which run of the daemon.
    #[must_use]
    pub fn boot(&self) -> i64 {
        self.boot
    }

    /// Number of the item within its stream and run.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }
}

/// Why something cannot be a label.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LabelError {
    /// The stream's name is too long.
    #[error("a stream's name has at most {MAX_STREAM_OCTETS} octets, this one has {octets}")]
    TooLong {
        /// Its octets.
        octets: usize,
    },
    /// The stream's name has control characters.
    #[error("the stream's name {stream:?} has control characters")]
    Control {
        /// The name.
        stream: String,
    },
}

/// An item that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its class, by its place in the configuration.
    pub class: usize,
    /// Its place in the order of its class; what [`crate::Spool::delivered`] wants.
    pub position: u64,
    /// `now` of the push.
    pub accepted_at: Timestamp,
    /// Its identity.
    pub label: Label,
    /// Its octets, as they were pushed.
    pub payload: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_short_and_printable() {
        assert!(Label::new("v2x/bsm", 7, 1).is_ok());
        assert_eq!(Label::new("x".repeat(65), 7, 1), Err(LabelError::TooLong { octets: 65 }));
        assert_eq!(Label::new("a\nb", 7, 1), Err(LabelError::Control { stream: "a\nb".into() }));
    }
}
