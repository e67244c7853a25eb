//! Segments: the files that hold records.
//!
//! A segment has a header of 64 octets and then records in the order of their positions. It is written from its beginning
//! to its end, never in the middle, and after an error or a crash never again: what comes next goes into a new one. Its
//! name has the class, the first position it may hold (`base`), and where the segment before it ends (`follows`). The two
//! differ where positions were given up by rule, so that a missing segment can be told from one that never was. All of it
//! is in the header too; the name says it again in case the header is hit.
//!
//! | offset | octets | |
//! |---|---|---|
//! | 0 | 8 | magic and version, `rsuspl01` |
//! | 8 | 8 | the spool's identity |
//! | 16 | 8 | base |
//! | 24 | 8 | follows |
//! | 32 | 8 | made at, microseconds since the Unix epoch |
//! | 40 | 1 | octets of the class's name |
//! | 41 | 16 | the class's name, zeros after it |
//! | 57 | 3 | zeros |
//! | 60 | 4 | CRC-32 of what is before |

use rsu_units::Timestamp;

use crate::config::{BLOCK_BYTES, MAX_CLASS_NAME_OCTETS};
use crate::record::Fields;

const MAGIC: [u8; 8] = *b"rsuspl01";

/// Octets of a header.
pub(crate) const HEADER_OCTETS: u64 = 64;

const EXTENSION: &str = ".seg";

/// What a segment says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) spool: u64,
    pub(crate) class: String,
    pub(crate) base: u64,
    pub(crate) follows: u64,
    pub(crate) made_at: Timestamp,
}

impl Header {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let name = self.class.as_bytes();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.spool.to_le_bytes());
        out.extend_from_slice(&self.base.to_le_bytes());
        out.extend_from_slice(&self.follows.to_le_bytes());
        out.extend_from_slice(&self.made_at.as_micros().to_le_bytes());
        out.push(name.len() as u8);
        out.extend_from_slice(name);
        out.resize(start + 60, 0);
        let crc = crc32fast::hash(out.get(start..).unwrap_or_default());
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// The header at the beginning of `octets`, if it is in order.
    pub(crate) fn decode(octets: &[u8]) -> Option<Self> {
        let (covered, rest) = octets.split_at_checked(60)?;
        if u32::from_le_bytes(Fields(rest).take()?) != crc32fast::hash(covered) {
            return None;
        }
        let mut fields = Fields(covered);
        if fields.take::<8>()? != MAGIC {
            return None;
        }
        let spool = u64::from_le_bytes(fields.take()?);
        let base = u64::from_le_bytes(fields.take()?);
        let follows = u64::from_le_bytes(fields.take()?);
        let made_at = Timestamp::from_micros(i64::from_le_bytes(fields.take()?));
        let [name_octets] = fields.take()?;
        let name: [u8; MAX_CLASS_NAME_OCTETS] = fields.take()?;
        let class = std::str::from_utf8(name.get(..usize::from(name_octets))?).ok()?.to_string();
        Some(Self { spool, class, base, follows, made_at })
    }
}

/// What a segment's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SegmentName {
    pub(crate) class: String,
    pub(crate) base: u64,
    pub(crate) follows: u64,
}

impl SegmentName {
    /// The name a file of ours has.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(EXTENSION)?.rsplitn(3, '-');
        let (follows, base, class) = (parts.next()?, parts.next()?, parts.next()?);
        let parsed = Self { class: class.to_string(), base: base.parse().ok()?, follows: follows.parse().ok()? };
        // Only what we would write ourselves: no second name for one segment.
        (parsed.to_string() == name && parsed.follows <= parsed.base).then_some(parsed)
    }
}

impl std::fmt::Display for SegmentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{:020}-{:020}{EXTENSION}", self.class, self.base, self.follows)
    }
}

/// What is kept in memory of one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The first position it may hold.
    pub(crate) base: u64,
    /// Where the segment before it ends.
    pub(crate) follows: u64,
    /// The position after its last accepted record.
    pub(crate) end: u64,
    /// Accepted records.
    pub(crate) items: u64,
    /// Accepted octets; what is behind them does not count.
    pub(crate) len: u64,
    /// Octets of the file.
    pub(crate) size: u64,
    /// The earliest and latest `accepted_at` in it.
    pub(crate) oldest: Timestamp,
    pub(crate) newest: Timestamp,
    /// Records may be appended: nothing has gone wrong with it.
    pub(crate) appendable: bool,
}

impl Segment {
    /// A segment that has no record yet.
    pub(crate) fn empty(base: u64, follows: u64) -> Self {
        Self {
            base,
            follows,
            end: base,
            items: 0,
            len: HEADER_OCTETS,
            size: HEADER_OCTETS,
            oldest: Timestamp::from_micros(i64::MAX),
            newest: Timestamp::from_micros(i64::MIN),
            appendable: true,
        }
    }

    /// Counts a record in.
    pub(crate) fn note(&mut self, position: u64, accepted_at: Timestamp) {
        self.items += 1;
        self.end = position.saturating_add(1);
        self.oldest = self.oldest.min(accepted_at);
        self.newest = self.newest.max(accepted_at);
    }

    pub(crate) fn name(&self, class: &str) -> String {
        SegmentName { class: class.to_string(), base: self.base, follows: self.follows }.to_string()
    }
}

/// What a file of `size` octets takes of the disk.
pub(crate) fn occupied(size: u64) -> u64 {
    size.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_comes_back_and_a_changed_one_does_not() {
        let header = Header {
            spool: 7,
            class: "lane-statistics".into(),
            base: 12,
            follows: 10,
            made_at: Timestamp::from_micros(1),
        };
        let mut octets = b"xx".to_vec();
        header.encode(&mut octets);
        let octets = octets.split_off(2);
        assert_eq!(octets.len() as u64, HEADER_OCTETS);
        assert_eq!(Header::decode(&octets), Some(header));
        for bit in 0..octets.len() * 8 {
            let mut changed = octets.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Header::decode(&changed), None, "bit {bit}");
        }
        assert_eq!(Header::decode(&octets[..63]), None);
    }

    #[test]
    fn names_come_back_and_no_others_are_taken() {
        let name = SegmentName { class: "a-b".into(), base: 12, follows: 10 };
        assert_eq!(name.to_string(), "a-b-00000000000000000012-00000000000000000010.seg");
        assert_eq!(SegmentName::parse(&name.to_string()), Some(name));
        for alien in ["a-12-10.seg", "state-0", "a-00000000000000000010-00000000000000000012.seg", ".seg", "é.seg"] {
            assert_eq!(SegmentName::parse(alien), None, "{alien}");
        }
    }

    #[test]
    fn files_take_whole_blocks() {
        assert_eq!([0, 1, 4096, 4097].map(occupied), [0, 4096, 4096, 8192]);
    }
}
