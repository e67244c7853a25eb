//! One frame: header, body, CRC; and how it goes on a serial line. `docs/pole-link.md` has the table.

use crc::{CRC_32_ISCSI, Crc, NoTable};
use thiserror::Error;

use crate::address::Address;

/// The format of frames that this crate writes and reads.
pub const FORMAT: u8 = 1;
/// Octets before the body.
pub const HEADER_OCTETS: usize = 11;
/// Octets after the body.
pub const CRC_OCTETS: usize = 4;
/// The longest frame, header and CRC included.
pub const MAX_FRAME: usize = 256;
/// The longest body.
pub const MAX_BODY: usize = MAX_FRAME - HEADER_OCTETS - CRC_OCTETS;
/// The longest frame on a serial line: COBS adds two octets, and a delimiter stands on either side.
pub const MAX_WIRE: usize = cobs::max_encoding_length(MAX_FRAME) + 2;

/// A bit at a time: a table would be 1 KiB of the pole's flash, and the line is slower than this.
const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISCSI);

/// The flags of a frame. Bits that are not named here are 0 when written and ignored when read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u8);

impl Flags {
    /// Another frame of the same sender follows at once. On a bus, the frame without it hands the wire over.
    pub const MORE: u8 = 0x01;
    /// This message was sent before, in a frame with another sequence number, and not answered.
    pub const REPEAT: u8 = 0x02;

    /// Whether [`Self::MORE`] is set.
    pub const fn more(self) -> bool {
        self.0 & Self::MORE != 0
    }
}

/// What stands before the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// For whom.
    pub destination: Address,
    /// From whom.
    pub source: Address,
    /// See [`Flags`].
    pub flags: Flags,
    /// The session it belongs to; 0 outside any, that is while greeting. In a broadcast, the session number the bus
    /// began with.
    pub session: u32,
    /// Counts the sender's frames within the session from 0, wrapping; 0 outside any.
    pub sequence: u16,
    /// Which message the body is.
    pub id: u8,
}

/// A whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What stands before the body.
    pub header: Header,
    /// The message's fields.
    pub body: &'a [u8],
}

/// Octets that are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Too few for header and CRC.
    #[error("shorter than a header and a CRC")]
    Short,
    /// More than [`MAX_FRAME`].
    #[error("longer than a frame may be")]
    Long,
    /// Altered on the way.
    #[error("the CRC does not fit")]
    Crc,
    /// Whole, but of this other format.
    #[error("frame format {0} is not known")]
    Format(u8),
}

/// A message that does not fit a frame. Our own messages all do; a test says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the message does not fit a frame")]
pub struct TooLong;

impl<'a> Frame<'a> {
    /// Reads a frame, without COBS and delimiters.
    ///
    /// # Errors
    /// As [`FrameError`] says. The CRC is looked at before anything else, as in all formats to come.
    pub fn parse(octets: &'a [u8]) -> Result<Self, FrameError> {
        if octets.len() > MAX_FRAME {
            return Err(FrameError::Long);
        }
        let (covered, crc) = octets.split_last_chunk::<CRC_OCTETS>().ok_or(FrameError::Short)?;
        let (header, body) = covered.split_first_chunk::<HEADER_OCTETS>().ok_or(FrameError::Short)?;
        if CRC.checksum(covered) != u32::from_le_bytes(*crc) {
            return Err(FrameError::Crc);
        }
        let [format, destination, source, flags, s0, s1, s2, s3, q0, q1, id] = *header;
        if format != FORMAT {
            return Err(FrameError::Format(format));
        }
        let header = Header {
            destination: Address(destination),
            source: Address(source),
            flags: Flags(flags),
            session: u32::from_le_bytes([s0, s1, s2, s3]),
            sequence: u16::from_le_bytes([q0, q1]),
            id,
        };
        Ok(Self { header, body })
    }
}

/// Writes a frame: the header, the body that `write` puts into the room it is given, saying how much it took, and the CRC.
/// Returns the frame.
///
/// # Errors
/// [`TooLong`] if `write` says so.
pub fn build<'b>(
    header: &Header,
    out: &'b mut [u8; MAX_FRAME],
    write: impl FnOnce(&mut [u8]) -> Result<usize, TooLong>,
) -> Result<&'b [u8], TooLong> {
    let [s0, s1, s2, s3] = header.session.to_le_bytes();
    let [q0, q1] = header.sequence.to_le_bytes();
    let (head, rest) = out.split_first_chunk_mut::<HEADER_OCTETS>().ok_or(TooLong)?;
    *head = [FORMAT, header.destination.0, header.source.0, header.flags.0, s0, s1, s2, s3, q0, q1, header.id];
    let room = rest.get_mut(..MAX_BODY).ok_or(TooLong)?;
    let body_octets = write(room)?;
    let (body, rest) = rest.split_at_mut_checked(body_octets).ok_or(TooLong)?;
    let mut crc = CRC.digest();
    crc.update(head);
    crc.update(body);
    *rest.first_chunk_mut::<CRC_OCTETS>().ok_or(TooLong)? = crc.finalize().to_le_bytes();
    out.get(..HEADER_OCTETS + body_octets + CRC_OCTETS).ok_or(TooLong)
}

/// Writes a frame as it goes on a serial line: a delimiter, which ends whatever noise there was, the frame in COBS, and a
/// delimiter.
///
/// # Errors
/// [`TooLong`] if the frame is longer than [`MAX_FRAME`].
pub fn stuff<'b>(frame: &[u8], out: &'b mut [u8; MAX_WIRE]) -> Result<&'b [u8], TooLong> {
    let (first, rest) = out.split_first_mut().ok_or(TooLong)?;
    *first = 0;
    let encoded = cobs::try_encode(frame, rest).map_err(|_| TooLong)?;
    *rest.get_mut(encoded).ok_or(TooLong)? = 0;
    out.get(..encoded + 2).ok_or(TooLong)
}
