//! The dedicated short message protocol (DSMP, 专用短消息协议) of YD/T 3707: the network layer over PC5.
//!
//! ```text
//! adaptation octet: 0x04 = DSMP
//! version (3 bits, = 0) | option indicator (1 bit) | reserved (4 bits)
//! [if option: count, then count x { element id u8, length u8, value }]
//! AID: <= 0x7F in one octet; else AID + 0x7F80 in two octets, big endian
//! length u16 big endian, then that many octets
//! ```
//!
//! A parsed [`Frame`] borrows from the datagram and allocates nothing.

use thiserror::Error;

/// Adaptation octet that announces DSMP.
pub const ADAPTATION_DSMP: u8 = 0x04;

/// Application identifier: names the kind of message in the network layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Aid(u16);

impl Aid {
    /// BSM of a normal vehicle, periodic.
    pub const BSM: Self = Self(111);
    /// BSM of a normal vehicle, event.
    pub const BSM_EVENT: Self = Self(112);
    /// BSM of an emergency vehicle, periodic.
    pub const BSM_EMERGENCY: Self = Self(113);
    /// BSM of an emergency vehicle, event.
    pub const BSM_EMERGENCY_EVENT: Self = Self(114);
    /// MAP.
    pub const MAP: Self = Self(3618);
    /// SPAT.
    pub const SPAT: Self = Self(3619);
    /// RSI, static.
    pub const RSI_STATIC: Self = Self(3620);
    /// RSI, semi-static.
    pub const RSI_SEMI_STATIC: Self = Self(3621);
    /// RSI, dynamic.
    pub const RSI_DYNAMIC: Self = Self(3622);
    /// RSM.
    pub const RSM: Self = Self(3623);

    /// The largest identifier that two octets carry: `0xFFFF - 0x7F80`.
    pub const MAX: u16 = 0x807F;

    /// An identifier, if the encoding can carry it.
    #[must_use]
    pub fn new(value: u16) -> Option<Self> {
        (value <= Self::MAX).then_some(Self(value))
    }

    /// The identifier's number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }
}

/// Why a datagram is not a DSMP frame. Offsets count from the start of the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DsmpError {
    /// The datagram ends within the header or before the announced length.
    #[error("the frame goes on after octet {offset}")]
    Incomplete {
        /// Number of octets there were.
        offset: usize,
    },
    /// The adaptation octet announces another network layer.
    #[error("adaptation octet 0x{found:02x} is not DSMP (0x04)")]
    NotDsmp {
        /// The octet.
        found: u8,
    },
    /// A version of DSMP that is not known.
    #[error("DSMP version {found} is not known")]
    Version {
        /// The version.
        found: u8,
    },
    /// The first octet of the AID begins neither a one-octet nor a two-octet AID.
    #[error("octet {offset} begins no AID")]
    BadAid {
        /// Index of the octet.
        offset: usize,
    },
    /// There are octets behind the announced length.
    #[error("{left_over} octets are left over after the frame of {offset} octets")]
    LeftOver {
        /// Number of octets of the frame.
        offset: usize,
        /// Number of octets behind it.
        left_over: usize,
    },
}

impl DsmpError {
    /// Index of the octet at which parsing stopped.
    #[must_use]
    pub fn offset(&self) -> usize {
        match *self {
            Self::Incomplete { offset } | Self::BadAid { offset } | Self::LeftOver { offset, .. } => offset,
            Self::NotDsmp { .. } => 0,
            Self::Version { .. } => 1,
        }
    }

    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "dsmp_incomplete",
            Self::NotDsmp { .. } => "dsmp_other_network_layer",
            Self::Version { .. } => "dsmp_version",
            Self::BadAid { .. } => "dsmp_aid",
            Self::LeftOver { .. } => "dsmp_left_over",
        }
    }
}

/// Why a frame cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameTooLong {
    /// The payload.
    #[error("a payload of {length} octets does not fit a DSMP frame (65535 at most)")]
    Payload {
        /// Number of octets.
        length: usize,
    },
    /// The extension elements: too many, or one too long.
    #[error("at most 255 extension elements of at most 255 octets fit a DSMP frame")]
    Extensions,
}

/// One DSMP frame, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The application identifier.
    pub aid: Aid,
    /// The extension elements, as they were on the wire; see [`Frame::extensions`].
    extensions: &'a [u8],
    /// The message: a bare UPER frame, or a secured one (SPDU).
    pub payload: &'a [u8],
    /// Index of the payload's first octet in the datagram.
    pub payload_offset: usize,
}

/// One extension element of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// Element id.
    pub id: u8,
    /// Its value, 0 to 255 octets.
    pub value: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Parses one datagram: adaptation octet, header, payload, and nothing behind it.
    ///
    /// # Errors
    /// [`DsmpError`] with the offset of the fault.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, DsmpError> {
        let mut rest = Reader { data: datagram, at: 0 };
        let adaptation = rest.octet()?;
        if adaptation != ADAPTATION_DSMP {
            return Err(DsmpError::NotDsmp { found: adaptation });
        }
        let head = rest.octet()?;
        let version = head >> 5;
        if version != 0 {
            return Err(DsmpError::Version { found: version });
        }
        let extensions = if head & 0x10 == 0 {
            &[]
        } else {
            let count = rest.octet()?;
            let start = rest.at;
            for _ in 0..count {
                rest.octet()?;
                let length = rest.octet()?;
                rest.take(usize::from(length))?;
            }
            datagram.get(start..rest.at).unwrap_or_default()
        };
        let aid_offset = rest.at;
        let first = rest.octet()?;
        let aid = if let 0x00..=0x7F = first {
            u16::from(first)
        } else {
            let second = rest.octet()?;
            u16::from_be_bytes([first, second])
                .checked_sub(0x7F80)
                .filter(|aid| *aid > 0x7F)
                .ok_or(DsmpError::BadAid { offset: aid_offset })?
        };
        let length = usize::from(u16::from_be_bytes([rest.octet()?, rest.octet()?]));
        let payload_offset = rest.at;
        let payload = rest.take(length)?;
        let left_over = datagram.len() - rest.at;
        if left_over > 0 {
            return Err(DsmpError::LeftOver { offset: rest.at, left_over });
        }
        Ok(Self { aid: Aid(aid), extensions, payload, payload_offset })
    }

    /// The extension elements of the header, in their order.
    pub fn extensions(&self) -> impl Iterator<Item = Extension<'a>> + use<'a> {
        let mut rest = self.extensions;
        std::iter::from_fn(move || {
            let (&id, after_id) = rest.split_first()?;
            let (&length, after_length) = after_id.split_first()?;
            let (value, next) = after_length.split_at_checked(usize::from(length))?;
            rest = next;
            Some(Extension { id, value })
        })
    }
}

/// Frames a payload without extension elements: adaptation octet, header, AID, length, payload.
///
/// # Errors
/// [`FrameTooLong`] for more than 65535 octets.
pub fn encode(aid: Aid, payload: &[u8]) -> Result<Vec<u8>, FrameTooLong> {
    encode_with(aid, &[], payload)
}

/// Frames a payload with extension elements.
///
/// # Errors
/// [`FrameTooLong`] for more than 65535 octets of payload, more than 255 extensions or 255 octets in one.
pub fn encode_with(aid: Aid, extensions: &[Extension<'_>], payload: &[u8]) -> Result<Vec<u8>, FrameTooLong> {
    let length = u16::try_from(payload.len()).map_err(|_| FrameTooLong::Payload { length: payload.len() })?;
    let count = u8::try_from(extensions.len()).map_err(|_| FrameTooLong::Extensions)?;
    let mut out = Vec::with_capacity(payload.len() + 6);
    out.push(ADAPTATION_DSMP);
    if count == 0 {
        out.push(0x00);
    } else {
        out.extend_from_slice(&[0x10, count]);
        for extension in extensions {
            let length = u8::try_from(extension.value.len()).map_err(|_| FrameTooLong::Extensions)?;
            out.extend_from_slice(&[extension.id, length]);
            out.extend_from_slice(extension.value);
        }
    }
    match u8::try_from(aid.0) {
        Ok(short @ 0..=0x7F) => out.push(short),
        _ => out.extend_from_slice(&(aid.0 + 0x7F80).to_be_bytes()),
    }
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
    Ok(out)
}

struct Reader<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn octet(&mut self) -> Result<u8, DsmpError> {
        let octet = self.data.get(self.at).copied().ok_or(DsmpError::Incomplete { offset: self.data.len() })?;
        self.at += 1;
        Ok(octet)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DsmpError> {
        let end = self.at + length;
        let part = self.data.get(self.at..end).ok_or(DsmpError::Incomplete { offset: self.data.len() })?;
        self.at = end;
        Ok(part)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn aid_examples_of_the_standard() {
        assert_eq!(encode(Aid::BSM, &[1]).unwrap(), [0x04, 0x00, 0x6F, 0x00, 0x01, 0x01]);
        assert_eq!(encode(Aid::MAP, &[]).unwrap(), [0x04, 0x00, 0x8D, 0xA2, 0x00, 0x00]);
        assert_eq!(encode(Aid::RSM, &[]).unwrap(), [0x04, 0x00, 0x8D, 0xA7, 0x00, 0x00]);
    }

    #[test]
    fn extensions_are_read() {
        let datagram = [0x04, 0x10, 2, 7, 1, 0xAA, 9, 0, 0x6F, 0, 2, 1, 2];
        let frame = Frame::parse(&datagram).unwrap();
        assert_eq!(frame.payload, [1, 2]);
        assert_eq!(frame.payload_offset, 11);
        let extensions: Vec<_> = frame.extensions().collect();
        assert_eq!(extensions, [Extension { id: 7, value: &[0xAA] }, Extension { id: 9, value: &[] }]);
        assert_eq!(encode_with(frame.aid, &extensions, frame.payload).unwrap(), datagram);
    }

    #[test]
    fn faults_are_named_with_their_place() {
        assert_eq!(Frame::parse(&[]), Err(DsmpError::Incomplete { offset: 0 }));
        assert_eq!(Frame::parse(&[0x05, 0]), Err(DsmpError::NotDsmp { found: 5 }));
        assert_eq!(Frame::parse(&[0x04, 0x20]), Err(DsmpError::Version { found: 1 }));
        assert_eq!(Frame::parse(&[0x04, 0, 0x6F, 0, 2, 1]), Err(DsmpError::Incomplete { offset: 6 }));
        assert_eq!(Frame::parse(&[0x04, 0, 0x6F, 0, 0, 1]), Err(DsmpError::LeftOver { offset: 5, left_over: 1 }));
        assert_eq!(Frame::parse(&[0x04, 0, 0x7F, 0xFF, 0]), Err(DsmpError::Incomplete { offset: 5 }));
        assert_eq!(Aid::new(0x8080), None);
    }

    proptest! {
        #[test]
        fn what_is_framed_is_parsed(aid in 0..=Aid::MAX, payload in proptest::collection::vec(any::<u8>(), 0..600)) {
            let aid = Aid::new(aid).unwrap();
            let datagram = encode(aid, &payload).unwrap();
            let frame = Frame::parse(&datagram).unwrap();
            prop_assert_eq!(frame.aid, aid);
            prop_assert_eq!(frame.payload, payload.as_slice());
            prop_assert_eq!(frame.extensions().count(), 0);
        }

        #[test]
        fn no_datagram_is_read_past_its_end(datagram in proptest::collection::vec(any::<u8>(), 0..64)) {
            match Frame::parse(&datagram) {
                Ok(frame) => prop_assert_eq!(frame.payload_offset + frame.payload.len(), datagram.len()),
                Err(error) => prop_assert!(error.offset() <= datagram.len()),
            }
        }
    }
}
