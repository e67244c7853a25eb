//! Damage on real files: cut, flipped, zeroed, shifted, overwritten. Opening never panics, no wrong item comes out, and
//! what was not hit comes out whole.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use spool::{Gap, Reason, Spool};
use support::{START, check, config, label, payload};

const ITEMS: u64 = 90;

/// Octets of an item's record beside its payload: the head, and the stream's name.
const OVERHEAD: u64 = 49 + 6;

const HEADER: u64 = 64;

/// A file of a spool that was closed in order.
struct File {
    name: String,
    octets: Vec<u8>,
    /// The items in it, and where their records are.
    records: Vec<(u64, Range<u64>)>,
}

fn len(sequence: u64) -> usize {
    [0, 1, 300, 700, 2000][sequence as usize % 5]
}

/// A folder to open some thousand spools in. In memory if there is such a file system: how the files came to be damaged is
/// long past, and syncs to flash would only take time.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The files of a spool with some segments. `closed`: in order; otherwise its process was killed.
fn spool_files(closed: bool) -> Vec<File> {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(config(dir.path()), START).unwrap();
    for sequence in 1..=ITEMS {
        spool.push(0, START, &label(0, sequence), &payload(0, sequence, len(sequence))).unwrap();
        if sequence % 7 == 0 {
            spool.commit(START);
        }
    }
    spool.commit(START);
    assert!(spool.stats().classes[0].segments >= 4);
    if closed {
        spool.close(START);
    } else {
        drop(spool);
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let octets = fs::read(dir.path().join(&name)).unwrap();
        let mut records = Vec::new();
        if let Some(base) = name.strip_prefix("event-") {
            let mut sequence: u64 = base[..20].parse().unwrap();
            let mut at = HEADER;
            while at < octets.len() as u64 {
                let end = at + OVERHEAD + len(sequence) as u64;
                records.push((sequence, at..end));
                (at, sequence) = (end, sequence + 1);
            }
            assert_eq!(at, octets.len() as u64);
        }
        files.push(File { name, octets, records });
    }
    files.sort_by(|one, other| one.name.cmp(&other.name));
    files
}

#[derive(Debug, Clone)]
enum Damage {
    /// The file ends here.
    Cut(usize),
    Flip(usize, u8),
    /// Zeros, as of a block that was never written.
    Zero(Range<usize>),
    /// Octets that were never there shift the rest.
    Insert(usize, Vec<u8>),
    /// The rest moves up.
    Delete(Range<usize>),
    /// A piece of the same file where it does not belong, as of a block that was written to the wrong place.
    Copy {
        from: usize,
        to: usize,
        octets: usize,
    },
}

impl Damage {
    fn apply(&self, octets: &mut Vec<u8>) {
        match self.clone() {
            Self::Cut(at) => octets.truncate(at),
            Self::Flip(at, bits) => octets[at] ^= bits,
            Self::Zero(range) => octets[range].fill(0),
            Self::Insert(at, garbage) => drop(octets.splice(at..at, garbage)),
            Self::Delete(range) => drop(octets.drain(range)),
            Self::Copy { from, to, octets: count } => octets.copy_within(from..from + count, to),
        }
    }

    /// A record is no longer what it was.
    fn hits(&self, record: &Range<u64>) -> bool {
        let overlaps = |range: Range<usize>| (range.start as u64) < record.end && (range.end as u64) > record.start;
        match self.clone() {
            Self::Cut(at) => (at as u64) < record.end,
            Self::Flip(at, _) => overlaps(at..at + 1),
            Self::Zero(range) | Self::Delete(range) => overlaps(range),
            Self::Insert(at, _) => (at as u64) > record.start && (at as u64) < record.end,
            Self::Copy { to, octets, .. } => overlaps(to..to + octets),
        }
    }
}

/// Opens the spool with one file damaged, and sees what comes out. Gives the items that did not.
fn open_damaged(dir: &Path, files: &[File], hit: usize, damage: &Damage, closed: bool) -> BTreeSet<u64> {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir(dir).unwrap();
    for (index, file) in files.iter().enumerate() {
        let mut octets = file.octets.clone();
        if index == hit {
            damage.apply(&mut octets);
        }
        fs::write(dir.join(&file.name), octets).unwrap();
    }
    let mut spool = Spool::open(config(dir), START).unwrap();
    let mut found = BTreeSet::new();
    let mut last = 0;
    while let Some(item) = spool.next(0) {
        check(&item);
        assert_eq!(item.payload.len(), len(item.label.sequence()));
        assert!(item.label.sequence() > last, "the order is kept");
        last = item.label.sequence();
        found.insert(last);
        assert!(spool.delivered(0, item.position));
    }
    let lost: BTreeSet<u64> = (1..=ITEMS).filter(|sequence| !found.contains(sequence)).collect();
    let gaps = spool.gaps();
    assert!(gaps.iter().all(|gap| gap.class == 0 && gap.reason == Reason::Damaged));
    let told: u64 = gaps.iter().map(Gap::count).sum();
    if closed {
        assert_eq!(told, lost.len() as u64, "what is lost is told: {lost:?}, {gaps:?}");
    } else {
        assert!(told <= lost.len() as u64, "{lost:?}, {gaps:?}");
    }
    for range in gaps.iter().flat_map(|gap| &gap.streams) {
        assert!((range.first_sequence..=range.last_sequence).all(|sequence| lost.contains(&sequence)));
    }
    // It can be used on.
    let next = spool.push(0, START, &label(0, ITEMS + 1), &payload(0, ITEMS + 1, 10)).unwrap();
    assert!(next > ITEMS, "no position is used twice");
    assert_eq!(spool.commit(START).on_disk, 1);
    assert_eq!(spool.next(0).unwrap().label, label(0, ITEMS + 1));
    lost
}

fn try_damage(dir: &Path, files: &[File], hit: usize, damage: &Damage, closed: bool) {
    let lost = open_damaged(dir, files, hit, damage, closed);
    let mut expected: BTreeSet<u64> =
        files[hit].records.iter().filter(|(_, record)| damage.hits(record)).map(|(sequence, _)| *sequence).collect();
    // A copy may put a whole later record before its place; what lies between is then passed over, for order's sake.
    if let Damage::Copy { from, to, octets } = *damage {
        let whole = |record: &Range<u64>| record.start >= from as u64 && record.end <= (from + octets) as u64;
        if from > to && files[hit].records.iter().any(|(_, record)| whole(record)) {
            return;
        }
        // Or an octet for octet the same.
        expected.retain(|sequence| lost.contains(sequence));
    }
    assert_eq!(lost, expected, "{damage:?} in {}", files[hit].name);
}

#[test]
fn damage_at_every_record_costs_no_other_record() {
    let dir = folder();
    let dir = dir.path().join("spool");
    for closed in [true, false] {
        let files = spool_files(closed);
        for (index, file) in files.iter().enumerate() {
            for (_, record) in &file.records {
                let (start, end) = (record.start as usize, record.end as usize);
                for damage in [
                    Damage::Cut(start),
                    Damage::Cut(end - 1),
                    Damage::Flip(start, 1),
                    Damage::Flip(end - 1, 0x80),
                    Damage::Zero(start..(start + 512).min(file.octets.len())),
                    Damage::Insert(start, vec![0xFE; 7]),
                    Damage::Delete(start..start + 3),
                ] {
                    // A tail that was lost before it was saved how far it went is not told.
                    try_damage(&dir, &files, index, &damage, closed);
                }
            }
        }
    }
}

#[test]
fn damage_at_random_places_costs_no_other_record() {
    let dir = folder();
    let dir = dir.path().join("spool");
    let files = spool_files(true);
    let mut random = StdRng::seed_from_u64(20_260_801);
    for _ in 0..1000 {
        let index = random.random_range(0..files.len());
        let octets = files[index].octets.len();
        if octets == 0 {
            continue;
        }
        let at = random.random_range(0..octets);
        let count = random.random_range(1..=(octets - at).min(3000));
        let block = at / 4096 * 4096;
        let damage = match random.random_range(0..7) {
            0 => Damage::Cut(at),
            1 => Damage::Flip(at, 1 << random.random_range(0..8)),
            2 => Damage::Zero(block..(block + 4096).min(octets)),
            3 => Damage::Zero(at..at + count),
            4 => Damage::Insert(at, (0..count).map(|_| random.random()).collect()),
            5 => Damage::Delete(at..at + count),
            _ => Damage::Copy { from: random.random_range(0..=octets - count), to: at, octets: count },
        };
        if files[index].records.is_empty() {
            // The state: the other slot answers for it, and all items are there.
            let lost = open_damaged(&dir, &files, index, &damage, true);
            assert_eq!(lost, BTreeSet::new(), "{damage:?} in {}", files[index].name);
        } else {
            try_damage(&dir, &files, index, &damage, true);
        }
    }
}

#[test]
fn without_any_state_all_items_are_there() {
    let dir = folder();
    let dir = dir.path().join("spool");
    let files: Vec<_> = spool_files(true).into_iter().filter(|file| !file.name.starts_with("state-0")).collect();
    let state = files.iter().position(|file| file.name == "state-1").unwrap();
    let lost = open_damaged(&dir, &files, state, &Damage::Flip(30, 1), true);
    assert_eq!(lost, BTreeSet::new());
}

#[test]
fn a_missing_segment_is_told() {
    let dir = folder();
    let dir = dir.path().join("spool");
    let files = spool_files(true);
    for (index, file) in files.iter().enumerate().filter(|(_, file)| !file.records.is_empty()) {
        let all: BTreeSet<u64> = file.records.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(open_damaged(&dir, &files, index, &Damage::Cut(0), true), all);
    }
}
