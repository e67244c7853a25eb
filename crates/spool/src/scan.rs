//! Reads the records of a segment one after the other, over whatever else may be in the file.
//!
//! Where no record begins, the scanner looks for the next place where one does and says what it passed over. It reads in
//! chunks, so that it takes little memory whatever the size of the file. It is the only reader of segments: opening,
//! delivering, dropping, inspecting and [`crate::decode_segment`] all go through it.

use std::io;
use std::ops::Range;

use crate::config::{BLOCK_BYTES, MAX_SEGMENT_BYTES};
use crate::files::OpenFile;
use crate::record::{HEAD_MAX, Head, MAGIC, Seal, decode_head};
use crate::segment::{HEADER_OCTETS, Header};

/// What is read at once.
const CHUNK: usize = 32 * 1024;

/// What stands at one place of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A whole record; its payload is [`Scanner::payload`] until the next step.
    Record(Head),
    /// A head that is in order, without its payload. The octets follow as [`Step::Garbage`].
    Broken(Head),
    /// Octets that belong to no record in order.
    Garbage(Range<u64>),
    /// The end.
    End,
}

/// Where octets come from; an open file, or octets in memory.
pub(crate) trait Source {
    /// Reads into `buffer` from `offset`; how many octets, 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl Source for dyn OpenFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        OpenFile::read_at(self, buffer, offset)
    }
}

impl Source for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        let octets = from.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..octets), from.get(..octets)) {
            to.copy_from_slice(from);
        }
        Ok(octets)
    }
}

/// A place in a segment.
#[derive(Debug)]
pub(crate) struct Scanner {
    seal: Seal,
    /// Next octet to look at.
    at: u64,
    /// Records with other positions are stale copies. It begins behind the last record that was read.
    positions: Range<u64>,
    garbage_from: Option<u64>,
    payload: Range<usize>,
    /// Octets from `buffer_at` on.
    buffer: Vec<u8>,
    buffer_at: u64,
    /// Takes what cannot be read for zeros, block by block, in place of giving up.
    pub(crate) lenient: bool,
    /// Something could not be read.
    pub(crate) unreadable: bool,
    /// Payloads are neither read nor checked.
    pub(crate) heads_only: bool,
}

impl Scanner {
    /// At the beginning of a segment. Only records with one of these positions are believed.
    pub(crate) fn new(seal: Seal, positions: Range<u64>) -> Self {
        Self {
            seal,
            at: 0,
            positions,
            garbage_from: None,
            payload: 0..0,
            buffer: Vec::new(),
            buffer_at: 0,
            lenient: false,
            unreadable: false,
            heads_only: false,
        }
    }

    /// Goes on to the next thing before `limit`. A limit that is larger in a later call is fine: more was written.
    ///
    /// # Errors
    ///
    /// The source cannot be read and the scanner is not lenient; the same step can be tried again.
    pub(crate) fn step(&mut self, source: &(impl Source + ?Sized), limit: u64) -> io::Result<Step> {
        if self.at == 0 {
            // If it is not in order, records may begin anywhere.
            if Header::decode(self.window(source, limit, HEADER_OCTETS as usize)?).is_some() {
                self.at = HEADER_OCTETS;
            }
        }
        loop {
            if self.at >= limit {
                // What was passed over may be the beginning of a record that is written on; it is not looked at again,
                // because a limit is always the end of a record, or of the file.
                return Ok(self.garbage_from.take().map_or(Step::End, |from| Step::Garbage(from..limit)));
            }
            let seal = self.seal.clone();
            let head = decode_head(self.window(source, limit, HEAD_MAX)?, &seal);
            let head = head.filter(|head| self.positions.contains(&head.position));
            let Some(head) = head else {
                let next = self.find_magic(source, limit)?;
                self.garbage_from.get_or_insert(self.at);
                self.at = next;
                continue;
            };
            if self.is_whole(source, limit, &head)? {
                if let Some(from) = self.garbage_from.take() {
                    return Ok(Step::Garbage(from..self.at));
                }
                self.at += head.record_octets();
                self.positions.start = head.position.saturating_add(1);
                return Ok(Step::Record(head));
            }
            // Its length is known, but not whether octets were lost or came in between: whole records may begin
            // anywhere behind the head.
            self.garbage_from.get_or_insert(self.at);
            self.at += head.octets();
            return Ok(Step::Broken(head));
        }
    }

    /// The next octet to look at.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    /// The payload of the record of the last step.
    pub(crate) fn payload(&self) -> &[u8] {
        self.buffer.get(self.payload.clone()).unwrap_or_default()
    }

    fn is_whole(&mut self, source: &(impl Source + ?Sized), limit: u64, head: &Head) -> io::Result<bool> {
        let octets = head.record_octets();
        if octets > MAX_SEGMENT_BYTES || octets > limit - self.at {
            return Ok(false);
        }
        if self.heads_only {
            self.payload = 0..0;
            return Ok(true);
        }
        let head_octets = head.octets() as usize;
        let record = self.window(source, limit, octets as usize)?;
        let Some(payload) = record.get(head_octets..octets as usize) else { return Ok(false) };
        if crc32fast::hash(payload) != head.payload_crc {
            return Ok(false);
        }
        let start = (self.at - self.buffer_at) as usize + head_octets;
        self.payload = start..start + head.payload_octets as usize;
        Ok(true)
    }

    /// The next place behind this one where a record may begin, or the limit.
    fn find_magic(&mut self, source: &(impl Source + ?Sized), limit: u64) -> io::Result<u64> {
        let start = self.at;
        let found = self.search(source, limit);
        // The scanner stays where it was, also after an error: the step can be tried again.
        self.at = start;
        found
    }

    fn search(&mut self, source: &(impl Source + ?Sized), limit: u64) -> io::Result<u64> {
        self.at += 1;
        while self.window(source, limit, MAGIC.len())?.len() == MAGIC.len() {
            // All that is in the buffer, and not only what was asked for.
            let ahead = self.buffer.get((self.at - self.buffer_at) as usize..).unwrap_or_default();
            if let Some(found) = ahead.windows(MAGIC.len()).position(|octets| octets == MAGIC) {
                return Ok((self.at + found as u64).min(limit));
            }
            self.at += (ahead.len() - MAGIC.len() + 1) as u64;
        }
        Ok(limit)
    }

    /// The octets from here on: as many as wanted, or fewer at the limit.
    fn window(&mut self, source: &(impl Source + ?Sized), limit: u64, wanted: usize) -> io::Result<&[u8]> {
        let wanted = wanted.min(usize::try_from(limit.saturating_sub(self.at)).unwrap_or(usize::MAX));
        let have = self.at.checked_sub(self.buffer_at).and_then(|offset| usize::try_from(offset).ok());
        let covered = have.is_some_and(|offset| self.buffer.len() >= offset.saturating_add(wanted));
        if !covered {
            self.read(source, limit, wanted.max(CHUNK))?;
        }
        let offset = (self.at - self.buffer_at) as usize;
        let ahead = self.buffer.get(offset..).unwrap_or_default();
        Ok(ahead.get(..wanted).unwrap_or(ahead))
    }

    /// Fills the buffer from here on.
    fn read(&mut self, source: &(impl Source + ?Sized), limit: u64, wanted: usize) -> io::Result<()> {
        let wanted = wanted.min(usize::try_from(limit - self.at).unwrap_or(usize::MAX));
        // One large record does not make the buffer large for good.
        if self.buffer.capacity() > 2 * CHUNK && wanted <= CHUNK {
            self.buffer = Vec::new();
        }
        self.buffer.clear();
        self.buffer.resize(wanted, 0);
        self.buffer_at = self.at;
        let mut filled = 0;
        while let Some(rest) = self.buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let offset = self.at + filled as u64;
            match source.read_at(rest, offset) {
                Ok(0) => break,
                Ok(octets) => filled += octets.min(rest.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if !self.lenient => {
                    self.buffer.clear();
                    return Err(error);
                }
                Err(_) => {
                    filled += read_block(source, rest, offset);
                    self.unreadable = true;
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }
}

/// Reads up to the end of the block that `offset` is in; what cannot be read is left as zeros. How many octets.
fn read_block(source: &(impl Source + ?Sized), buffer: &mut [u8], offset: u64) -> usize {
    let to_end = (BLOCK_BYTES - offset % BLOCK_BYTES) as usize;
    let octets = to_end.min(buffer.len());
    if let Some(block) = buffer.get_mut(..octets) {
        // A block that can be read only in part counts as unreadable.
        let read = source.read_at(block, offset).unwrap_or(0);
        if read < octets {
            block.fill(0);
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use rsu_units::Timestamp;

    use super::*;
    use crate::item::{Item, Label};
    use crate::record::encode;

    fn seal() -> Seal {
        Seal::new(1, "event")
    }

    /// A segment of records with the positions from 10 on, and where each begins.
    fn segment(payloads: &[usize]) -> (Vec<u8>, Vec<usize>) {
        let mut octets = Vec::new();
        let header =
            Header { spool: 1, class: "event".into(), base: 10, follows: 10, made_at: Timestamp::from_micros(0) };
        header.encode(&mut octets);
        let mut starts = Vec::new();
        for (index, &len) in payloads.iter().enumerate() {
            starts.push(octets.len());
            let item = Item {
                class: 0,
                position: 10 + index as u64,
                accepted_at: Timestamp::from_micros(0),
                label: Label::new("events", 1, index as u64).unwrap(),
                payload: vec![index as u8; len],
            };
            encode(&item, &seal(), &mut octets);
        }
        (octets, starts)
    }

    fn steps(octets: &[u8]) -> Vec<String> {
        let mut scanner = Scanner::new(seal(), 0..u64::MAX);
        let mut steps = Vec::new();
        loop {
            match scanner.step(octets, octets.len() as u64).unwrap() {
                Step::Record(head) => {
                    assert_eq!(scanner.payload(), vec![(head.position - 10) as u8; head.payload_octets as usize]);
                    steps.push(format!("{}", head.position));
                }
                Step::Broken(head) => steps.push(format!("broken {}", head.position)),
                Step::Garbage(range) => steps.push(format!("garbage {}", range.end - range.start)),
                Step::End => return steps,
            }
        }
    }

    #[test]
    fn records_come_in_their_order_across_chunks() {
        let (octets, _) = segment(&[0, 100, 40_000, 3, 70_000, 1]);
        assert_eq!(steps(&octets), ["10", "11", "12", "13", "14", "15"]);
    }

    #[test]
    fn damage_costs_what_it_hits() {
        let (mut octets, starts) = segment(&[50, 50, 50]);
        octets[starts[1] + 80] ^= 1;
        assert_eq!(steps(&octets), ["10", "broken 11", "garbage 105", "12"]);
        octets[starts[1] + 20] ^= 1;
        assert_eq!(steps(&octets), ["10", "garbage 105", "12"]);
        octets[5] ^= 1;
        assert_eq!(steps(&octets), ["garbage 64", "10", "garbage 105", "12"]);
    }

    #[test]
    fn octets_that_came_in_or_went_do_not_hide_the_next_record() {
        let (whole, starts) = segment(&[50, 50, 50]);
        let mut longer = whole.clone();
        longer.splice(starts[1] + 70..starts[1] + 70, [7; 9]);
        assert_eq!(steps(&longer), ["10", "broken 11", "garbage 114", "12"]);
        let mut shorter = whole.clone();
        shorter.drain(starts[1] + 70..starts[1] + 79);
        assert_eq!(steps(&shorter), ["10", "broken 11", "garbage 96", "12"]);
        let mut headless = whole;
        headless.drain(0..60);
        assert_eq!(steps(&headless), ["garbage 4", "10", "11", "12"]);
    }

    #[test]
    fn a_stale_copy_is_garbage() {
        let (mut octets, starts) = segment(&[50, 50]);
        let copy = octets[starts[0]..starts[1]].to_vec();
        octets.extend_from_slice(&copy);
        assert_eq!(steps(&octets), ["10", "11", "garbage 105"]);
        let mut scanner = Scanner::new(seal(), 0..11);
        assert!(matches!(scanner.step(octets.as_slice(), 274), Ok(Step::Record(_))));
        assert_eq!(scanner.step(octets.as_slice(), 274).unwrap(), Step::Garbage(169..274), "beyond the bound");
    }

    #[test]
    fn an_empty_file_has_no_records() {
        assert_eq!(steps(&[]), [""; 0]);
        assert_eq!(steps(&vec![0; 100_000]), ["garbage 100000"]);
    }

    /// Cannot be read from `from` to `to`.
    struct Bad<'a>(&'a [u8], Range<u64>);

    impl Source for Bad<'_> {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            if offset < self.1.end && offset + buffer.len() as u64 > self.1.start {
                return Err(io::Error::other("bad block"));
            }
            Source::read_at(self.0, buffer, offset)
        }
    }

    #[test]
    fn a_block_that_cannot_be_read_costs_what_is_in_it() {
        let (octets, _) = segment(&[1000; 30]);
        let bad = Bad(&octets, 9000..9001);
        let mut scanner = Scanner::new(seal(), 0..u64::MAX);
        assert!(scanner.step(&bad, octets.len() as u64).is_err());
        assert!(scanner.step(&bad, octets.len() as u64).is_err(), "and again");
        scanner.lenient = true;
        let mut positions = Vec::new();
        loop {
            match scanner.step(&bad, octets.len() as u64).unwrap() {
                Step::Record(head) => positions.push(head.position),
                Step::End => break,
                Step::Broken(_) | Step::Garbage(_) => {}
            }
        }
        // The block from 8192 to 12288 has the records from 7 to 11.
        assert_eq!(positions, (10..17).chain(22..40).collect::<Vec<_>>());
        assert!(scanner.unreadable);
    }
}
