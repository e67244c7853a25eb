//! A disk that fails at each operation in turn, is full, is read-only, or is not there: the spool stays usable, goes back to
//! the disk, and loses nothing in silence.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use rsu_units::Timestamp;
use spool::testing::{Crash, Fault, MemoryFiles, On};
use spool::{Doing, Mode, OpenError, PushError, Reason, Spool};
use support::{START, check, config, label, named, payload};

/// A day in the life of a spool, with what became of each item of class 0.
struct Day {
    files: MemoryFiles,
    now: Timestamp,
    pushed: u64,
    delivered: BTreeSet<u64>,
    told: BTreeSet<u64>,
    unnamed: u64,
}

impl Day {
    fn new(files: &MemoryFiles) -> Self {
        Self {
            files: files.clone(),
            now: START,
            pushed: 0,
            delivered: BTreeSet::new(),
            told: BTreeSet::new(),
            unnamed: 0,
        }
    }

    fn open(&self) -> Spool {
        Spool::open_in(Box::new(self.files.clone()), config(Path::new("unused")), self.now).unwrap()
    }

    fn push(&mut self, spool: &mut Spool, count: u64) {
        for _ in 0..count {
            let sequence = self.pushed + 1;
            match spool.push(0, self.now, &label(0, sequence), &payload(0, sequence, 2500)) {
                Err(PushError::BufferFull { .. }) => return,
                result => assert!(result.is_ok()),
            }
            self.pushed = sequence;
        }
    }

    fn deliver(&mut self, spool: &mut Spool, count: u64) {
        let mut last = 0;
        for _ in 0..count {
            let Some(item) = spool.next(0) else { break };
            check(&item);
            assert!(item.label.sequence() > last);
            last = item.label.sequence();
            assert!(spool.delivered(0, item.position));
            self.delivered.insert(last);
        }
    }

    fn pass(&mut self, spool: &mut Spool, seconds: u64) {
        for _ in 0..seconds {
            self.now = self.now + Duration::from_secs(1);
            spool.tick(self.now);
        }
    }

    fn tell(&mut self, spool: &mut Spool) {
        for gap in spool.gaps() {
            self.told.extend(named(&gap));
            self.unnamed += gap.unnamed;
            assert!(spool.gap_told(gap.id));
        }
    }

    /// From the morning to the evening.
    fn live(&mut self) -> Spool {
        let mut spool = self.open();
        for _ in 0..4 {
            self.push(&mut spool, 6);
            spool.commit(self.now);
            self.deliver(&mut spool, 3);
            self.pass(&mut spool, 1);
        }
        spool.rewind(0);
        // More than there is room for.
        for _ in 0..4 {
            self.push(&mut spool, 5);
            spool.commit(self.now);
        }
        self.tell(&mut spool);
        self.deliver(&mut spool, 10);
        self.pass(&mut spool, 2);
        spool
    }

    /// Everything works again: what is there comes out, after a power cut too.
    fn end(mut self, mut spool: Spool, what: &str) {
        self.files.clear_faults();
        self.pass(&mut spool, 12);
        spool.commit(self.now);
        assert_eq!(*spool.mode(), Mode::Disk, "{what}");
        drop(spool);
        self.files.crash(Crash::LoseAll, 0);
        let mut spool = self.open();
        assert_eq!(*spool.mode(), Mode::Disk, "{what}");
        self.deliver(&mut spool, u64::MAX);
        self.tell(&mut spool);
        self.tell(&mut spool);
        let lost = (1..=self.pushed).filter(|s| !self.delivered.contains(s) && !self.told.contains(s)).count();
        assert!(lost as u64 <= self.unnamed, "{what}: {lost} items are lost in silence");
    }
}

#[test]
fn every_operation_may_fail() {
    let files = MemoryFiles::new();
    let mut day = Day::new(&files);
    let spool = day.live();
    let operations = files.operations();
    day.end(spool, "no fault");
    assert!(operations > 80, "{operations}");
    let errors = [io::ErrorKind::StorageFull, io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::Other];
    for first in 0..operations {
        for count in [1, 7, u64::MAX] {
            for error in errors {
                let files = MemoryFiles::new();
                files.inject(Fault { first, count, on: On::Any, error });
                let mut day = Day::new(&files);
                let spool = day.live();
                day.end(spool, &format!("{count} from {first} with {error}"));
            }
        }
    }
}

#[test]
fn the_power_may_go_at_every_operation() {
    let files = MemoryFiles::new();
    Day::new(&files).live();
    for cut in 0..files.operations() {
        for (seed, crash) in
            [Crash::LoseAll, Crash::KeepPrefix, Crash::Scramble, Crash::Scramble].into_iter().enumerate()
        {
            let files = MemoryFiles::new();
            files.cut_power_after(cut);
            let mut spool = Spool::open_in(Box::new(files.clone()), config(Path::new("unused")), START).unwrap();
            let mut safe = 0;
            let mut delivered = BTreeSet::new();
            'day: for round in 0..20 {
                let now = START + Duration::from_secs(round);
                for sequence in round * 5 + 1..round * 5 + 6 {
                    spool.push(0, now, &label(0, sequence), &payload(0, sequence, 1500)).unwrap();
                }
                let done = spool.commit(now);
                if *spool.mode() != Mode::Disk {
                    break 'day;
                }
                assert_eq!(done.on_disk, 5);
                safe = round * 5 + 5;
                for _ in 0..3 {
                    let Some(item) = spool.next(0) else { break };
                    spool.delivered(0, item.position);
                    delivered.insert(item.label.sequence());
                }
            }
            drop(spool);
            files.crash(crash, cut * 4 + seed as u64);
            let now = START + Duration::from_secs(100);
            let mut spool = Spool::open_in(Box::new(files), config(Path::new("unused")), now).unwrap();
            assert_eq!(*spool.mode(), Mode::Disk);
            let mut told = BTreeSet::new();
            for gap in spool.gaps() {
                told.extend(named(&gap));
            }
            let mut last = 0;
            while let Some(item) = spool.next(0) {
                check(&item);
                assert!(item.label.sequence() > last);
                last = item.label.sequence();
                delivered.insert(last);
                spool.delivered(0, item.position);
            }
            let lost: Vec<_> = (1..=safe).filter(|s| !delivered.contains(s) && !told.contains(s)).collect();
            assert!(lost.is_empty(), "cut at {cut}, {crash:?}: {lost:?} are lost in silence");
        }
    }
}

fn open(files: &MemoryFiles) -> Spool {
    Spool::open_in(Box::new(files.clone()), config(Path::new("unused")), START).unwrap()
}

fn push(spool: &mut Spool, now: Timestamp, sequences: std::ops::RangeInclusive<u64>) {
    for sequence in sequences {
        spool.push(0, now, &label(0, sequence), &payload(0, sequence, 1000)).unwrap();
    }
}

/// Takes all that there is.
fn take(spool: &mut Spool) -> Vec<u64> {
    let mut sequences = Vec::new();
    while let Some(item) = spool.next(0) {
        check(&item);
        assert!(spool.delivered(0, item.position));
        sequences.push(item.label.sequence());
    }
    sequences
}

#[test]
fn what_a_full_disk_does_not_take_waits_in_memory_and_goes_to_disk_in_order() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    push(&mut spool, START, 1..=5);
    assert_eq!(spool.commit(START).on_disk, 5);
    assert_eq!(spool.next(0).unwrap().label, label(0, 1));
    files.set_capacity(Some(files.total_bytes() + 2500));

    push(&mut spool, START, 6..=10);
    let done = spool.commit(START);
    assert_eq!((done.on_disk, done.in_memory), (0, 5));
    let Mode::Memory { reason, since } = spool.mode().clone() else { panic!("the disk is full") };
    assert_eq!((reason.doing, reason.kind, since), (Doing::Write, io::ErrorKind::StorageFull, START));
    assert!(reason.to_string().contains("event-"), "{reason}");
    assert!(spool.stats().disk_trouble.is_some());

    // The disk is not tried at every call.
    let operations = files.operations();
    push(&mut spool, START, 11..=12);
    spool.commit(START + Duration::from_millis(500));
    spool.tick(START + Duration::from_millis(900));
    assert_eq!(files.operations(), operations);

    // What is in memory can be delivered, behind what is on disk.
    assert_eq!(spool.next(0).unwrap().label, label(0, 2));
    spool.rewind(0);
    assert_eq!(take(&mut spool), (1..=12).collect::<Vec<_>>());

    push(&mut spool, START, 13..=14);
    spool.commit(START);
    files.set_capacity(None);
    spool.tick(START + Duration::from_secs(2));
    assert_eq!(*spool.mode(), Mode::Disk);
    drop(spool);
    files.crash(Crash::LoseAll, 0);
    let mut spool = open(&files);
    assert_eq!(take(&mut spool), [13, 14]);
    assert_eq!(spool.gaps(), []);
    assert_eq!(spool.stats().damaged, 0, "half a write was left behind by nobody");
}

#[test]
fn memory_that_overflows_is_told() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    files.set_read_only(true);
    for sequence in 1..=40 {
        push(&mut spool, START, sequence..=sequence);
        assert_eq!(spool.commit(START).in_memory, 1);
    }
    let stats = spool.stats();
    let kept = stats.classes[0].items;
    assert!((10..20).contains(&kept) && stats.classes[0].memory_bytes <= 16 * 1024, "{stats:?}");
    let gaps = spool.gaps();
    assert_eq!((gaps.len(), gaps[0].reason, named(&gaps[0])), (1, Reason::Memory, (1..=40 - kept).collect()));
    files.set_read_only(false);
    spool.tick(START + Duration::from_secs(1));
    assert_eq!(*spool.mode(), Mode::Disk);
    drop(spool);
    files.crash(Crash::LoseAll, 0);
    let mut spool = open(&files);
    assert_eq!(spool.gaps().len(), 1, "it was not told yet");
    assert_eq!(take(&mut spool), (41 - kept..=40).collect::<Vec<_>>());
}

#[test]
fn a_failed_sync_is_not_believed_the_second_time() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    push(&mut spool, START, 1..=2);
    spool.commit(START);
    push(&mut spool, START, 3..=4);
    files.inject(Fault { first: files.operations(), count: 2, on: On::Syncs, error: io::ErrorKind::Other });
    assert_eq!(spool.commit(START).in_memory, 2);
    files.clear_faults();
    spool.tick(START + Duration::from_secs(1));
    assert_eq!(*spool.mode(), Mode::Disk);
    drop(spool);
    files.crash(Crash::LoseAll, 0);
    assert_eq!(take(&mut open(&files)), [1, 2, 3, 4]);
}

#[test]
fn a_folder_that_comes_later_is_read_then() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    let boot = spool.boot_id(START);
    assert!(boot.durable);
    push(&mut spool, START, 1..=3);
    spool.commit(START);
    drop(spool);

    files.inject(Fault { first: 0, count: u64::MAX, on: On::Any, error: io::ErrorKind::NotFound });
    let mut spool = open(&files);
    assert!(matches!(spool.mode(), Mode::Memory { .. }));
    assert!(!spool.boot_id(START).durable);
    push(&mut spool, START, 4..=6);
    spool.commit(START);
    let fourth = spool.next(0).unwrap();
    let fifth = spool.next(0).unwrap();
    assert_eq!((fourth.label, fifth.label), (label(0, 4), label(0, 5)));

    files.clear_faults();
    spool.tick(START + Duration::from_secs(1));
    assert_eq!(*spool.mode(), Mode::Disk);
    assert!(spool.delivered(0, fifth.position), "positions that were handed out before still count");
    assert_eq!(take(&mut spool), [1, 2, 3, 6], "what was there before comes now, and nothing in flight twice");
    spool.rewind(0);
    assert_eq!(take(&mut spool), [4]);
    let later = spool.boot_id(START);
    assert!(later.durable && later.id > boot.id);
}

#[test]
fn a_read_only_folder_can_be_read() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    push(&mut spool, START, 1..=3);
    spool.commit(START);
    drop(spool);
    files.set_read_only(true);
    let mut spool = open(&files);
    assert!(matches!(spool.mode(), Mode::Memory { .. }));
    push(&mut spool, START, 4..=4);
    spool.commit(START);
    assert_eq!(take(&mut spool), [1, 2, 3, 4]);
    files.set_read_only(false);
    spool.tick(START + Duration::from_secs(1));
    assert_eq!(*spool.mode(), Mode::Disk);
}

#[test]
fn a_block_that_cannot_be_read_holds_up_what_is_behind_it_for_a_few_ticks_only() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    push(&mut spool, START, 1..=12);
    spool.commit(START);
    push(&mut spool, START, 13..=24);
    spool.commit(START);
    files.inject(Fault { first: files.operations(), count: u64::MAX, on: On::Reads, error: io::ErrorKind::Other });
    for second in 1..=4 {
        assert!(spool.next(0).is_none());
        spool.tick(START + Duration::from_secs(second));
    }
    assert!(spool.next(0).is_none());
    assert!(spool.stats().read_errors >= 3 && spool.stats().read_trouble.is_some());
    let gaps = spool.gaps();
    assert_eq!((gaps.len(), gaps[0].reason, gaps[0].count()), (1, Reason::Damaged, 24));
    files.clear_faults();
    push(&mut spool, START, 25..=25);
    spool.commit(START + Duration::from_secs(9));
    assert_eq!(take(&mut spool), [25]);
}

#[test]
fn an_item_that_was_in_flight_and_is_damaged_then_holds_up_nothing() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    push(&mut spool, START, 1..=12);
    spool.commit(START);
    for sequence in 1..=4 {
        assert_eq!(spool.next(0).unwrap().label, label(0, sequence));
    }
    // While the link is down, the flash forgets the second and the third.
    let name = files.names().into_iter().find(|name| name.starts_with("event-")).unwrap();
    let mut octets = files.contents(&name).unwrap();
    octets[64 + 1055 + 500..64 + 2 * 1055 + 500].fill(0);
    files.put(&name, &octets);
    spool.rewind(0);
    let expected: Vec<u64> = (1..=12).filter(|sequence| ![2, 3].contains(sequence)).collect();
    assert_eq!(take(&mut spool), expected);
    let gaps = spool.gaps();
    assert_eq!((gaps.len(), gaps[0].reason, gaps[0].count()), (1, Reason::Damaged, 2));
    assert_eq!(spool.stats().classes[0].items, 0);
    spool.close(START);
    assert!(take(&mut open(&files)).is_empty());
}

#[test]
fn a_read_that_fails_for_a_moment_costs_nothing() {
    let files = MemoryFiles::new();
    let mut spool = open(&files);
    push(&mut spool, START, 1..=12);
    spool.commit(START);
    files.inject(Fault { first: files.operations(), count: 2, on: On::Reads, error: io::ErrorKind::Other });
    assert!(spool.next(0).is_none());
    spool.tick(START + Duration::from_secs(1));
    assert!(spool.next(0).is_none());
    spool.tick(START + Duration::from_secs(2));
    assert_eq!(take(&mut spool), (1..=12).collect::<Vec<_>>());
    assert_eq!(spool.gaps(), []);
}

#[test]
fn another_owner_is_refused_and_a_dead_one_is_not() {
    let files = MemoryFiles::new();
    let spool = open(&files);
    let other = Spool::open_in(Box::new(files.clone()), config(Path::new("unused")), START);
    assert!(matches!(other, Err(OpenError::Locked { path }) if path.ends_with("lock")));
    drop(spool);
    open(&files);
}
