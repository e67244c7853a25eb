//! A vendor's header in front of the UPER octets, as RSU modems put it into their UDP datagrams.
//!
//! ```text
//! header of a fixed length, in big or little endian: [magic] [kind] [timestamp] [sequence] [priority] [destination]
//!                                                    [length], in any order
//! payload: up to the end of the datagram, or as long as the length says
//! ```
//!
//! There is no standard for it, so a [`Layout`] is made from the site's configuration. A parsed [`Frame`] borrows from
//! the datagram and allocates nothing.

mod parts;

use thiserror::Error;

pub use self::parts::{ByteOrder, Field, LayoutError, LayoutParts, LengthField, MAX_HEADER, Magic, Part};

/// Why a datagram is no frame of this layout. Offsets count from the start of the datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The datagram ends within the header or before the announced length.
    #[error("the frame goes on after octet {offset}")]
    Incomplete {
        /// Number of octets there were.
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
    /// A constant octet is another one.
    #[error("octet {offset} is not the one that every frame has there")]
    Magic {
        /// Index of the first such octet.
        offset: usize,
    },
    /// The length counts the header and is smaller than it.
    #[error("a frame of {length} octets has no room for its header")]
    BadLength {
        /// Index of the length's first octet.
        offset: usize,
        /// The announced length.
        length: u32,
    },
}

impl HeaderError {
    /// Index of the octet at which parsing stopped.
    #[must_use]
    pub fn offset(&self) -> usize {
        match *self {
            Self::Incomplete { offset }
            | Self::LeftOver { offset, .. }
            | Self::Magic { offset }
            | Self::BadLength { offset, .. } => offset,
        }
    }

    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "vendor_incomplete",
            Self::LeftOver { .. } => "vendor_left_over",
            Self::Magic { .. } => "vendor_magic",
            Self::BadLength { .. } => "vendor_length",
        }
    }
}

/// Why a frame cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The type's number does not fit its field.
    #[error("the kind {kind} does not fit {width} octets")]
    Kind {
        /// The number.
        kind: u32,
        /// Number of octets of the field.
        width: usize,
    },
    /// The length does not fit its field.
    #[error("the length {length} does not fit {width} octets")]
    Length {
        /// What would be announced.
        length: usize,
        /// Number of octets of the field.
        width: usize,
    },
    /// The layer-2 id does not fit its field.
    #[error("the destination 0x{destination:06x} does not fit {width} octets")]
    Destination {
        /// The layer-2 id.
        destination: u32,
        /// Number of octets of the field.
        width: usize,
    },
}

/// One frame, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The vendor's number for the type of the message, if the layout has one.
    pub kind: Option<u32>,
    /// The raw timestamp, if the layout has one; see [`Layout::unix_us`].
    pub timestamp: Option<u64>,
    /// The running number, if the layout has one.
    pub sequence: Option<u32>,
    /// The priority, if the layout has one.
    pub priority: Option<u8>,
    /// The layer-2 id that it is addressed to, if the layout has one.
    pub destination: Option<u32>,
    /// The octets behind the header.
    pub payload: &'a [u8],
    /// Index of the payload's first octet in the datagram.
    pub payload_offset: usize,
}

/// What goes into the header of a frame. A number is left out where the layout has no field for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fields {
    /// The vendor's number for the type of the message.
    pub kind: u32,
    /// The raw timestamp, see [`TimestampUnit::raw`]. It wraps around at its field's width on purpose.
    pub timestamp: u64,
    /// The running number. It wraps around at its field's width on purpose.
    pub sequence: u32,
    /// The priority.
    pub priority: u8,
    /// The layer-2 id that it is addressed to.
    pub destination: u32,
}

/// What a vendor's timestamp counts, from 1970-01-01 00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampUnit {
    /// Microseconds.
    Microseconds,
    /// Milliseconds.
    #[default]
    Milliseconds,
    /// Seconds.
    Seconds,
}

impl TimestampUnit {
    fn microseconds(self) -> u64 {
        match self {
            Self::Microseconds => 1,
            Self::Milliseconds => 1_000,
            Self::Seconds => 1_000_000,
        }
    }

    /// The raw number for a time in Unix microseconds, rounded down; 0 for a time before 1970.
    #[must_use]
    pub fn raw(self, unix_us: i64) -> u64 {
        u64::try_from(unix_us).unwrap_or(0) / self.microseconds()
    }

    /// The Unix microseconds of a raw number that was not wrapped, if they fit.
    #[must_use]
    pub fn unix_us(self, raw: u64) -> Option<i64> {
        raw.checked_mul(self.microseconds()).and_then(|us| i64::try_from(us).ok())
    }
}

/// A checked layout of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(LayoutParts);

impl Layout {
    /// Checks a layout: every field within the header, none on another one.
    ///
    /// # Errors
    /// [`LayoutError`] for the first fault.
    pub fn new(parts: LayoutParts) -> Result<Self, LayoutError> {
        parts.check()?;
        Ok(Self(parts))
    }

    /// The parts it was made from.
    #[must_use]
    pub fn parts(&self) -> &LayoutParts {
        &self.0
    }

    /// Parses one datagram: the header, the payload, and nothing behind it if the header has a length.
    ///
    /// # Errors
    /// [`HeaderError`] with the offset of the fault.
    pub fn parse<'a>(&self, datagram: &'a [u8]) -> Result<Frame<'a>, HeaderError> {
        let incomplete = HeaderError::Incomplete { offset: datagram.len() };
        let parts = &self.0;
        let (header, payload) = datagram.split_at_checked(parts.header_length).ok_or(incomplete)?;
        if let Some(magic) = &parts.magic {
            let found = header.iter().skip(magic.offset);
            if let Some(at) = found.zip(&magic.octets).position(|(found, octet)| found != octet) {
                return Err(HeaderError::Magic { offset: magic.offset + at });
            }
        }
        if let Some(LengthField { field, counts_header }) = parts.length {
            // Its field has four octets at most.
            let length = self.read(header, field) as u32;
            let counted = if counts_header { parts.header_length } else { 0 };
            let expected = (length as usize)
                .checked_sub(counted)
                .ok_or(HeaderError::BadLength { offset: field.offset, length })?;
            if payload.len() < expected {
                return Err(incomplete);
            }
            let left_over = payload.len() - expected;
            if left_over > 0 {
                return Err(HeaderError::LeftOver { offset: datagram.len() - left_over, left_over });
            }
        }
        Ok(Frame {
            kind: parts.kind.map(|field| self.read(header, field) as u32),
            timestamp: parts.timestamp.map(|field| self.read(header, field)),
            sequence: parts.sequence.map(|field| self.read(header, field) as u32),
            priority: parts.priority.map(|field| self.read(header, field) as u8),
            destination: parts.destination.map(|field| self.read(header, field) as u32),
            payload,
            payload_offset: parts.header_length,
        })
    }

    /// Puts the header in front of a payload. Octets of the header that belong to no field are 0.
    ///
    /// The timestamp and the running number keep only the octets that their fields have room for.
    ///
    /// # Errors
    /// [`EncodeError`] if the kind, the length or the destination does not fit its field.
    pub fn encode(&self, fields: &Fields, payload: &[u8]) -> Result<Vec<u8>, EncodeError> {
        let parts = &self.0;
        let total = parts.header_length + payload.len();
        let mut out = Vec::with_capacity(total);
        out.resize(parts.header_length, 0);
        if let Some(field) = parts.kind {
            let kind = u64::from(fields.kind);
            self.write_whole(&mut out, field, kind)
                .ok_or(EncodeError::Kind { kind: fields.kind, width: field.width })?;
        }
        if let Some(LengthField { field, counts_header }) = parts.length {
            let length = if counts_header { total } else { payload.len() };
            self.write_whole(&mut out, field, length as u64)
                .ok_or(EncodeError::Length { length, width: field.width })?;
        }
        if let Some(field) = parts.destination {
            self.write_whole(&mut out, field, u64::from(fields.destination))
                .ok_or(EncodeError::Destination { destination: fields.destination, width: field.width })?;
        }
        if let Some(field) = parts.priority {
            self.write(&mut out, field, u64::from(fields.priority));
        }
        if let Some(field) = parts.timestamp {
            self.write(&mut out, field, fields.timestamp);
        }
        if let Some(field) = parts.sequence {
            self.write(&mut out, field, u64::from(fields.sequence));
        }
        if let Some(magic) = &parts.magic {
            out.iter_mut().skip(magic.offset).zip(&magic.octets).for_each(|(to, octet)| *to = *octet);
        }
        out.extend_from_slice(payload);
        Ok(out)
    }

    /// The frame's time in Unix microseconds. There is none if the layout has no timestamp or one of less than eight
    /// octets, which has wrapped, or if the number is out of range.
    #[must_use]
    pub fn unix_us(&self, frame: &Frame<'_>, unit: TimestampUnit) -> Option<i64> {
        self.0.timestamp.filter(|field| field.width == 8)?;
        unit.unix_us(frame.timestamp?)
    }

    fn read(&self, header: &[u8], field: Field) -> u64 {
        let octets = header.iter().skip(field.offset).take(field.width);
        let add = |number: u64, octet: &u8| (number << 8) | u64::from(*octet);
        match self.0.byte_order {
            ByteOrder::Big => octets.fold(0, add),
            ByteOrder::Little => octets.rev().fold(0, add),
        }
    }

    fn write(&self, header: &mut [u8], field: Field, number: u64) {
        let octets = header.iter_mut().skip(field.offset).take(field.width);
        let low_first = number.to_le_bytes().into_iter();
        match self.0.byte_order {
            ByteOrder::Big => octets.rev().zip(low_first).for_each(|(to, octet)| *to = octet),
            ByteOrder::Little => octets.zip(low_first).for_each(|(to, octet)| *to = octet),
        }
    }

    fn write_whole(&self, header: &mut [u8], field: Field, number: u64) -> Option<()> {
        let bits = u64::BITS - number.leading_zeros();
        (bits as usize <= field.width * 8).then(|| self.write(header, field, number))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests;
