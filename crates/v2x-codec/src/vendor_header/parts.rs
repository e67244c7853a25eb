//! What a vendor's header looks like, and which such descriptions cannot be.

use std::fmt;

use thiserror::Error;

/// The longest header that a [`Layout`](super::Layout) describes.
pub const MAX_HEADER: usize = 64;

/// Order of the octets in every number of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ByteOrder {
    /// The most significant octet first.
    #[default]
    Big,
    /// The least significant octet first.
    Little,
}

/// Place of a number in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Index of its first octet.
    pub offset: usize,
    /// Number of its octets: 1, 2, 4 or 8 for the timestamp, 1 for the priority, 3 or 4 for the destination, 1 to 4 for
    /// the others.
    pub width: usize,
}

/// Place and meaning of the length in the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LengthField {
    /// Where it is.
    pub field: Field,
    /// Whether it counts header and payload; it counts the payload only otherwise.
    pub counts_header: bool,
}

/// Octets that are the same in every frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Magic {
    /// Index of the first one.
    pub offset: usize,
    /// The octets, at least one.
    pub octets: Vec<u8>,
}

/// What a header looks like, as configured; [`Layout::new`](super::Layout::new) checks it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayoutParts {
    /// Number of octets of the header, 1 to [`MAX_HEADER`].
    pub header_length: usize,
    /// Order of the octets in all numbers.
    pub byte_order: ByteOrder,
    /// The vendor's number for the type of the message.
    pub kind: Option<Field>,
    /// Time of sending or receiving, in the vendor's unit.
    pub timestamp: Option<Field>,
    /// Running number of the frame.
    pub sequence: Option<Field>,
    /// Priority to send with, in the vendor's scale.
    pub priority: Option<Field>,
    /// Layer-2 id that the frame is addressed to.
    pub destination: Option<Field>,
    /// Length of the payload or the frame.
    pub length: Option<LengthField>,
    /// Constant octets.
    pub magic: Option<Magic>,
}

/// A part of the header, as errors name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// [`LayoutParts::kind`].
    Kind,
    /// [`LayoutParts::timestamp`].
    Timestamp,
    /// [`LayoutParts::sequence`].
    Sequence,
    /// [`LayoutParts::priority`].
    Priority,
    /// [`LayoutParts::destination`].
    Destination,
    /// [`LayoutParts::length`].
    Length,
    /// [`LayoutParts::magic`].
    Magic,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kind => "kind",
            Self::Timestamp => "timestamp",
            Self::Sequence => "sequence",
            Self::Priority => "priority",
            Self::Destination => "destination",
            Self::Length => "length",
            Self::Magic => "magic",
        })
    }
}

/// Why no header can look like that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// No header, or one that is too long.
    #[error("a header of {length} octets is not within 1 to {MAX_HEADER}")]
    HeaderLength {
        /// The length asked for.
        length: usize,
    },
    /// A number of octets that this field cannot have.
    #[error("the field {part} cannot be {width} octets wide")]
    Width {
        /// The field.
        part: Part,
        /// The width asked for.
        width: usize,
    },
    /// A field that begins or ends behind the header.
    #[error("the field {part} does not lie within the header")]
    Outside {
        /// The field.
        part: Part,
    },
    /// A field on octets of another one.
    #[error("the field {part} overlaps another one")]
    Overlap {
        /// The second one of the two.
        part: Part,
    },
}

impl LayoutParts {
    /// Every field within the header, none on another one.
    pub(super) fn check(&self) -> Result<(), LayoutError> {
        let header_length = self.header_length;
        if !(1..=MAX_HEADER).contains(&header_length) {
            return Err(LayoutError::HeaderLength { length: header_length });
        }
        let magic = self.magic.as_ref().map(|magic| Field { offset: magic.offset, width: magic.octets.len() });
        let fields = [
            (Part::Kind, self.kind),
            (Part::Timestamp, self.timestamp),
            (Part::Sequence, self.sequence),
            (Part::Priority, self.priority),
            (Part::Destination, self.destination),
            (Part::Length, self.length.map(|length| length.field)),
            (Part::Magic, magic),
        ];
        let mut taken = [false; MAX_HEADER];
        for (part, Field { offset, width }) in fields.into_iter().filter_map(|(part, field)| Some((part, field?))) {
            let allowed = match part {
                Part::Timestamp => matches!(width, 1 | 2 | 4 | 8),
                Part::Priority => width == 1,
                Part::Destination => matches!(width, 3 | 4),
                Part::Kind | Part::Sequence | Part::Length => (1..=4).contains(&width),
                Part::Magic => width > 0,
            };
            if !allowed {
                return Err(LayoutError::Width { part, width });
            }
            let octets = offset
                .checked_add(width)
                .filter(|end| *end <= header_length)
                .and_then(|end| taken.get_mut(offset..end))
                .ok_or(LayoutError::Outside { part })?;
            if octets.contains(&true) {
                return Err(LayoutError::Overlap { part });
            }
            octets.fill(true);
        }
        Ok(())
    }
}
