//! A segment from octets in memory: for fuzzing, and for whoever has a file and no spool around it.

use std::ops::Range;

use crate::item::Item;
use crate::record::{Head, Seal};
use crate::scan::{Scanner, Step};
use crate::segment::Header;

/// What is in a segment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DecodedSegment {
    /// The spool's identity, from the header if that is in order.
    pub spool: Option<u64>,
    /// The items in order, with [`Item::class`] 0.
    pub items: Vec<Item>,
    /// Positions of items whose payload is damaged.
    pub broken: Vec<u64>,
    /// Octets, from and to, that are neither header nor record.
    pub garbage: Vec<Range<u64>>,
}

/// Reads what is in order in a segment. `spool` is the spool's identity if the header's is not to be believed; without
/// either there are no items, since nothing tells records from octets that look like some.
#[must_use]
pub fn decode_segment(octets: &[u8], spool: Option<u64>, class: &str) -> DecodedSegment {
    let header = Header::decode(octets);
    let mut decoded = DecodedSegment { spool: header.as_ref().map(|header| header.spool), ..DecodedSegment::default() };
    let Some(identity) = spool.or(decoded.spool) else { return decoded };
    let mut scanner = Scanner::new(Seal::new(identity, class), 0..u64::MAX);
    // Octets in memory can always be read.
    while let Ok(step) = scanner.step(octets, octets.len() as u64) {
        match step {
            Step::Record(Head { position, accepted_at, label, .. }) => {
                let payload = scanner.payload().to_vec();
                decoded.items.push(Item { class: 0, position, accepted_at, label, payload });
            }
            Step::Broken(head) => decoded.broken.push(head.position),
            Step::Garbage(range) => decoded.garbage.push(range),
            Step::End => break,
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use rsu_units::Timestamp;

    use super::*;
    use crate::{ClassConfig, Config, Label, MIN_CLASS_BYTES, Spool};

    #[test]
    fn a_segment_of_a_spool_is_decoded() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::new(dir.path(), vec![ClassConfig::new("event", MIN_CLASS_BYTES)]).unwrap();
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let mut spool = Spool::open(config, now).unwrap();
        for sequence in 1..=3 {
            let label = Label::new("events", 1, sequence).unwrap();
            spool.push(0, now, &label, format!("payload {sequence}").as_bytes()).unwrap();
        }
        spool.commit(now);
        let file = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        let file = file.into_iter().find(|path| path.extension().is_some_and(|e| e == "seg")).unwrap();
        let mut octets = std::fs::read(file).unwrap();

        let decoded = decode_segment(&octets, None, "event");
        let payloads: Vec<_> = decoded.items.iter().map(|item| String::from_utf8_lossy(&item.payload)).collect();
        assert_eq!(payloads, ["payload 1", "payload 2", "payload 3"]);
        assert_eq!((decoded.garbage, decoded.broken), (vec![], vec![]));
        assert_eq!(decode_segment(&octets, None, "state").items, [], "the class is part of the checksum");

        let last = octets.len() - 1;
        octets[last] ^= 1;
        octets[0] ^= 1;
        assert_eq!(decode_segment(&octets, None, "event"), DecodedSegment::default());
        let decoded = decode_segment(&octets, decoded.spool, "event");
        assert_eq!((decoded.items.len(), decoded.broken, decoded.garbage.len()), (2, vec![3], 2));
    }
}
