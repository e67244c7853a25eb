//! One item as octets.
//!
//! A record is a head (the item's identity and its place) and the payload. Each has a CRC-32 of its own, so that when only
//! the payload was hit, the head still says which item is lost. The head's CRC begins with the spool's identity and the
//! class: a block of another spool's or another class's file, which a file system may show after a crash, is no record of
//! this one. Nor is a payload that looks like a record, since who sends it does not know the spool's identity.
//!
//! All numbers are little endian:
//!
//! | offset | octets | |
//! |---|---|---|
//! | 0 | 4 | magic |
//! | 4 | 4 | CRC of the spool's identity, the class's name, and the head from offset 8 on |
//! | 8 | 4 | payload's octets |
//! | 12 | 4 | CRC of the payload |
//! | 16 | 8 | position |
//! | 24 | 8 | `accepted_at`, microseconds since the Unix epoch |
//! | 32 | 8 | label: boot |
//! | 40 | 8 | label: sequence |
//! | 48 | 1 | label: octets of the stream |
//! | 49 | n | label: stream, UTF-8; then the payload |

use rsu_units::Timestamp;

use crate::item::{Item, Label, MAX_STREAM_OCTETS};

/// What a record begins with. The first octet is in no UTF-8 text.
pub(crate) const MAGIC: [u8; 4] = [0xFE, b'r', b's', 0x1D];

/// Octets of a head before the stream.
pub(crate) const HEAD_FIXED: usize = 49;

/// Octets of the longest head.
pub(crate) const HEAD_MAX: usize = HEAD_FIXED + MAX_STREAM_OCTETS;

/// What a record has beside stream and payload.
pub(crate) const RECORD_OVERHEAD: u64 = HEAD_FIXED as u64;

/// The beginning of each head's CRC: which spool and which class.
#[derive(Debug, Clone)]
pub(crate) struct Seal(crc32fast::Hasher);

impl Seal {
    pub(crate) fn new(spool: u64, class: &str) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&spool.to_le_bytes());
        hasher.update(class.as_bytes());
        Self(hasher)
    }

    fn crc(&self, head: &[u8]) -> u32 {
        let mut hasher = self.0.clone();
        hasher.update(head);
        hasher.finalize()
    }
}

/// A head that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) position: u64,
    pub(crate) accepted_at: Timestamp,
    pub(crate) label: Label,
    pub(crate) payload_octets: u32,
    pub(crate) payload_crc: u32,
}

impl Head {
    /// Octets of the head itself.
    pub(crate) fn octets(&self) -> u64 {
        (HEAD_FIXED + self.label.stream().len()) as u64
    }

    /// Octets of the whole record.
    pub(crate) fn record_octets(&self) -> u64 {
        self.octets() + u64::from(self.payload_octets)
    }
}

/// Octets of an item's record.
pub(crate) fn record_octets(item: &Item) -> u64 {
    (HEAD_FIXED + item.label.stream().len() + item.payload.len()) as u64
}

/// Appends an item's record.
pub(crate) fn encode(item: &Item, seal: &Seal, out: &mut Vec<u8>) {
    let stream = item.label.stream().as_bytes();
    let mut head = Vec::with_capacity(HEAD_MAX);
    // A payload's length is bounded by that of a segment, a stream's by its label.
    head.extend_from_slice(&(item.payload.len() as u32).to_le_bytes());
    head.extend_from_slice(&crc32fast::hash(&item.payload).to_le_bytes());
    head.extend_from_slice(&item.position.to_le_bytes());
    head.extend_from_slice(&item.accepted_at.as_micros().to_le_bytes());
    head.extend_from_slice(&item.label.boot().to_le_bytes());
    head.extend_from_slice(&item.label.sequence().to_le_bytes());
    head.push(stream.len() as u8);
    head.extend_from_slice(stream);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&seal.crc(&head).to_le_bytes());
    out.extend_from_slice(&head);
    out.extend_from_slice(&item.payload);
}

/// The head at the beginning of `octets`, if there is a whole one that is in order.
pub(crate) fn decode_head(octets: &[u8], seal: &Seal) -> Option<Head> {
    let mut fields = Fields(octets);
    if fields.take::<4>()? != MAGIC {
        return None;
    }
    let crc = u32::from_le_bytes(fields.take()?);
    let covered = fields.0;
    let payload_octets = u32::from_le_bytes(fields.take()?);
    let payload_crc = u32::from_le_bytes(fields.take()?);
    let position = u64::from_le_bytes(fields.take()?);
    let accepted_at = Timestamp::from_micros(i64::from_le_bytes(fields.take()?));
    let boot = i64::from_le_bytes(fields.take()?);
    let sequence = u64::from_le_bytes(fields.take()?);
    let [stream_octets] = fields.take()?;
    let (stream, _) = fields.0.split_at_checked(usize::from(stream_octets))?;
    let covered = covered.get(..HEAD_FIXED - 8 + stream.len())?;
    if seal.crc(covered) != crc {
        return None;
    }
    let label = Label::new(std::str::from_utf8(stream).ok()?, boot, sequence).ok()?;
    Some(Head { position, accepted_at, label, payload_octets, payload_crc })
}

/// Takes fields of fixed length off the front.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item() -> Item {
        Item {
            class: 0,
            position: 42,
            accepted_at: Timestamp::from_micros(-5),
            label: Label::new("events", i64::MIN, u64::MAX).unwrap(),
            payload: b"payload".to_vec(),
        }
    }

    #[test]
    fn a_head_comes_back() {
        let seal = Seal::new(1, "event");
        let mut octets = Vec::new();
        encode(&item(), &seal, &mut octets);
        assert_eq!(octets.len() as u64, record_octets(&item()));
        let head = decode_head(&octets, &seal).unwrap();
        assert_eq!((head.position, head.accepted_at, &head.label), (42, Timestamp::from_micros(-5), &item().label));
        assert_eq!(head.record_octets(), octets.len() as u64);
        assert_eq!(head.payload_crc, crc32fast::hash(b"payload"));
    }

    #[test]
    fn no_changed_head_and_no_head_of_another_is_taken() {
        let seal = Seal::new(1, "event");
        let mut octets = Vec::new();
        encode(&item(), &seal, &mut octets);
        for bit in 0..(HEAD_FIXED + 6) * 8 {
            let mut changed = octets.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode_head(&changed, &seal), None, "bit {bit}");
        }
        for len in 0..HEAD_FIXED + 6 {
            assert_eq!(decode_head(&octets[..len], &seal), None);
        }
        assert_eq!(decode_head(&octets, &Seal::new(2, "event")), None);
        assert_eq!(decode_head(&octets, &Seal::new(1, "state")), None);
    }
}
