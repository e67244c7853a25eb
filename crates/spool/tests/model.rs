//! The spool against a model, through random histories of pushes, deliveries, crashes and disk errors.
//!
//! The model knows what was promised of each item: that it is safe on disk, or accepted in memory, or nothing yet. Whatever
//! happens, each item that was promised must in the end be delivered, or be named in a gap.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use rsu_units::Timestamp;
use spool::testing::{Crash, Fault, MemoryFiles, On};
use spool::{Item, MIN_CLASS_BYTES, Mode, PushError, Reason, Spool};
use support::{START, check, config, label, named, payload};

const CLASSES: usize = 3;

/// Positions from here on are those of items that came before the folder could be read.
const PROVISIONAL: u64 = 1 << 63;

#[derive(Debug, Clone)]
enum Op {
    Push {
        class: usize,
        len: usize,
    },
    Commit,
    Next {
        class: usize,
        count: usize,
    },
    Deliver {
        class: usize,
        which: usize,
    },
    DeliverAll {
        class: usize,
    },
    Rewind {
        class: usize,
    },
    Tick {
        ms: u64,
    },
    Expire {
        ms: u64,
    },
    TellGaps,
    Boot,
    Close,
    Crash {
        crash: Crash,
        seed: u64,
    },
    /// The power goes within the operation.
    CutIn {
        op: Box<Op>,
        after: u64,
        crash: Crash,
        seed: u64,
    },
    Fail {
        after: u64,
        count: u64,
        on: On,
        error: io::ErrorKind,
    },
    Full {
        free: u64,
    },
    ReadOnly,
    ShortWrites,
    Heal,
}

/// What was promised of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Promise {
    Nothing,
    InMemory,
    OnDisk,
}

#[derive(Default)]
struct ClassModel {
    /// The next sequence number.
    next: u64,
    promised: BTreeMap<u64, Promise>,
    /// What was pushed since the last commit.
    fresh: Vec<u64>,
    /// Refused; a gap that tells of it is saved a little later.
    refused: BTreeSet<u64>,
    /// Acknowledged, ever.
    acknowledged: BTreeSet<u64>,
    /// Acknowledged since the spool was opened.
    acknowledged_now: BTreeSet<u64>,
    told: BTreeSet<u64>,
    told_unnamed: u64,
    in_flight: Vec<Item>,
    /// The last item that was handed out since the last rewind, and its position.
    last: Option<(u64, u64)>,
    positions: BTreeMap<u64, u64>,
}

struct Model {
    files: MemoryFiles,
    spool: Option<Spool>,
    now: Timestamp,
    classes: Vec<ClassModel>,
    boots: BTreeSet<i64>,
    /// Reads may have failed: gaps may have items without name.
    trouble: bool,
    /// The folder was opened without what could not be read: what was in that is not known.
    partial: bool,
    /// Something not accepted may have been damaged by a crash.
    scrambled: bool,
    gaps: BTreeMap<u64, spool::Gap>,
}

impl Model {
    fn new() -> Self {
        let mut model = Self {
            files: MemoryFiles::new(),
            spool: None,
            now: START,
            classes: (0..CLASSES).map(|_| ClassModel { next: 1, ..ClassModel::default() }).collect(),
            boots: BTreeSet::new(),
            trouble: false,
            partial: false,
            scrambled: false,
            gaps: BTreeMap::new(),
        };
        model.open();
        model
    }

    fn open(&mut self) {
        self.gaps.clear();
        for class in &mut self.classes {
            class.in_flight.clear();
            class.acknowledged_now.clear();
            class.last = None;
            class.fresh.clear();
            class.refused.clear();
            // What was promised for as long as the process lives is promised no more.
            for promise in class.promised.values_mut().filter(|promise| **promise == Promise::InMemory) {
                *promise = Promise::Nothing;
            }
        }
        let config = config(Path::new("unused"));
        self.spool = Some(Spool::open_in(Box::new(self.files.clone()), config, self.now).unwrap());
    }

    fn spool(&mut self) -> &mut Spool {
        self.spool.as_mut().unwrap()
    }

    fn push(&mut self, class: usize, len: usize) {
        let sequence = self.classes[class].next;
        let now = self.now;
        match self.spool().push(class, now, &label(class, sequence), &payload(class, sequence, len)) {
            Ok(_) => {
                let model = &mut self.classes[class];
                model.promised.insert(sequence, Promise::Nothing);
                model.fresh.push(sequence);
            }
            Err(PushError::BufferFull { .. }) => return,
            Err(_) => {
                self.classes[class].promised.insert(sequence, Promise::Nothing);
                self.classes[class].refused.insert(sequence);
            }
        }
        self.classes[class].next += 1;
    }

    fn commit(&mut self) {
        let now = self.now;
        let done = self.spool().commit(now);
        let in_memory = *self.spool().mode() != Mode::Disk;
        let fresh: usize = self.classes.iter().map(|class| class.fresh.len()).sum();
        // While the disk failed, some may have been dropped from memory before this.
        assert!(in_memory || self.trouble || done.on_disk + done.refused >= fresh as u64);
        assert!(in_memory || done.in_memory == 0);
        for class in &mut self.classes {
            for sequence in class.fresh.drain(..) {
                class.promised.insert(sequence, Promise::InMemory);
            }
            for promise in class.promised.values_mut().filter(|promise| **promise != Promise::Nothing && !in_memory) {
                *promise = Promise::OnDisk;
            }
        }
    }

    fn next(&mut self, class: usize) -> bool {
        let Some(item) = self.spool().next(class) else { return false };
        check(&item);
        let model = &mut self.classes[class];
        let sequence = item.label.sequence();
        assert!(model.promised.contains_key(&sequence), "an item that was never pushed");
        assert!(!model.acknowledged_now.contains(&sequence), "an item that was delivered comes again");
        assert!(!model.fresh.contains(&sequence), "an item before its commit");
        if let Some((last, position)) = model.last {
            // Older items may turn up once, when the folder could not be read at the start.
            let turned_up = position >= PROVISIONAL && item.position < PROVISIONAL;
            assert!(turned_up || sequence > last, "{sequence} after {last}");
            assert!(turned_up || item.position > position);
        }
        model.last = Some((sequence, item.position));
        // What was only ever in memory cannot keep its position when the process is gone.
        if model.promised.get(&sequence) == Some(&Promise::OnDisk) && item.position < PROVISIONAL {
            let known = model.positions.insert(item.position, sequence);
            assert!(known.is_none_or(|known| known == sequence), "a position is used again");
        }
        model.in_flight.push(item);
        // Twice as many as may be: what was in flight before the folder could be read is besides.
        assert!(self.spool().stats().classes[class].in_flight <= 2 * 8);
        true
    }

    fn deliver(&mut self, class: usize, which: usize) {
        let model = &mut self.classes[class];
        if model.in_flight.is_empty() {
            return;
        }
        let index = which % model.in_flight.len();
        let item = model.in_flight.remove(index);
        // False if it was dropped in the meantime, which a gap tells.
        if self.spool.as_mut().unwrap().delivered(class, item.position) {
            self.classes[class].acknowledged.insert(item.label.sequence());
            self.classes[class].acknowledged_now.insert(item.label.sequence());
        }
    }

    fn tell_gaps(&mut self) {
        for gap in self.spool().gaps() {
            let names = named(&gap);
            let model = &mut self.classes[gap.class];
            model.told.extend(&names);
            model.told_unnamed += gap.unnamed;
            for name in names {
                assert!(model.promised.contains_key(&name), "a gap names an item that never was");
            }
            let may_be_damage = self.scrambled && gap.reason == Reason::Damaged;
            if !self.trouble && !may_be_damage {
                assert_eq!(gap.unnamed, 0, "{gap:?}");
            }
            assert!(self.spool().gap_told(gap.id));
            assert!(!self.spool().gap_told(gap.id));
        }
    }

    fn apply(&mut self, op: Op) {
        self.partial |= self.spool().stats().partial_openings > 0;
        let now = self.now;
        match op {
            Op::Push { class, len } => self.push(class, len),
            Op::Commit => self.commit(),
            Op::Next { class, count } => {
                for _ in 0..count {
                    self.next(class);
                }
            }
            Op::Deliver { class, which } => self.deliver(class, which),
            Op::DeliverAll { class } => {
                while !self.classes[class].in_flight.is_empty() {
                    self.deliver(class, 0);
                }
            }
            Op::Rewind { class } => {
                self.spool().rewind(class);
                self.classes[class].in_flight.clear();
                self.classes[class].last = None;
            }
            Op::Tick { ms } => {
                self.now = now + Duration::from_millis(ms);
                let now = self.now;
                self.spool().tick(now);
            }
            Op::Expire { ms } => {
                self.now = now + Duration::from_millis(ms);
                let now = self.now;
                assert!(!self.spool().expire(now).resting);
            }
            Op::TellGaps => self.tell_gaps(),
            Op::Boot => {
                let boot = self.spool().boot_id(now);
                assert!(boot.id >= now.as_micros());
                if boot.durable {
                    assert!(self.boots.last().is_none_or(|last| boot.id > *last));
                    self.boots.insert(boot.id);
                }
            }
            Op::Close => {
                self.spool.take().unwrap().close(now);
                self.open();
            }
            Op::Crash { crash, seed } => {
                self.scrambled |= crash != Crash::Process;
                self.spool = None;
                self.files.crash(crash, seed);
                self.open();
            }
            Op::CutIn { op, after, crash, seed } => {
                let trouble = self.trouble;
                self.files.cut_power_after(after);
                self.apply(*op);
                self.trouble = trouble;
                if let Some(spool) = self.spool.take() {
                    drop(spool);
                }
                self.scrambled = true;
                self.files.crash(crash, seed);
                self.open();
            }
            Op::Fail { after, count, on, error } => {
                self.trouble = true;
                self.files.inject(Fault { first: self.files.operations() + after, count, on, error });
            }
            Op::Full { free } => {
                self.trouble = true;
                self.files.set_capacity(Some(self.files.total_bytes() + free));
            }
            Op::ReadOnly => {
                self.trouble = true;
                self.files.set_read_only(true);
            }
            Op::ShortWrites => self.files.set_short_writes(Some(1000)),
            Op::Heal => self.heal(),
        }
        if self.scrambled && self.trouble {
            return;
        }
        self.check_bytes();
    }

    fn check_bytes(&mut self) {
        let bytes = self.files.total_bytes();
        assert!(bytes <= CLASSES as u64 * MIN_CLASS_BYTES, "{bytes} octets: {:?}", self.files.names());
    }

    fn heal(&mut self) {
        self.files.clear_faults();
        self.files.set_capacity(None);
        self.files.set_read_only(false);
        self.files.set_short_writes(None);
    }

    /// Everything works again: all that is there comes out, and nothing is missing.
    fn finish(mut self) {
        self.heal();
        // Back to disk, with what is in memory.
        for _ in 0..10 {
            self.now = self.now + Duration::from_secs(2);
            self.commit();
        }
        assert_eq!(*self.spool().mode(), Mode::Disk);
        let refused: Vec<_> = self.classes.iter().map(|class| class.refused.clone()).collect();
        self.spool = None;
        self.files.crash(Crash::LoseAll, 0);
        self.open();
        assert_eq!(*self.spool().mode(), Mode::Disk);
        for class in 0..CLASSES {
            while self.next(class) {
                self.deliver(class, 0);
            }
        }
        for _ in 0..3 {
            self.tell_gaps();
        }
        self.now = self.now + Duration::from_secs(2);
        let now = self.now;
        self.spool().tick(now);
        self.check_bytes();
        let stats = self.spool().stats();
        for ((model, refused), stats) in self.classes.iter().zip(refused).zip(&stats.classes) {
            assert_eq!((stats.items, stats.in_flight, stats.uncommitted), (0, 0, 0), "{stats:?}");
            assert!(stats.segments <= 1, "{stats:?}");
            let missing = model.promised.iter().filter(|(_, promise)| **promise != Promise::Nothing);
            let missing: Vec<_> = missing
                .map(|(sequence, _)| *sequence)
                .filter(|sequence| !model.acknowledged.contains(sequence) && !model.told.contains(sequence))
                .collect();
            assert!(self.trouble || refused.is_subset(&model.told));
            let unnamed = if self.trouble { model.told_unnamed } else { 0 };
            assert!(self.partial || missing.len() as u64 <= unnamed, "lost in silence: {missing:?}");
        }
    }
}

fn ops(faults: bool) -> impl Strategy<Value = Vec<Op>> {
    let class = 0..CLASSES;
    let crash = prop_oneof![Just(Crash::Process), Just(Crash::LoseAll), Just(Crash::KeepPrefix), Just(Crash::Scramble)];
    let on = prop_oneof![Just(On::Any), Just(On::Changes), Just(On::Syncs), Just(On::Reads)];
    let error = prop_oneof![
        Just(io::ErrorKind::StorageFull),
        Just(io::ErrorKind::ReadOnlyFilesystem),
        Just(io::ErrorKind::Other)
    ];
    let len = prop_oneof![4 => 0..400_usize, 4 => 1000..6000_usize, 1 => 0..20_000_usize];
    let cut = prop_oneof![
        4 => Just(Op::Commit),
        1 => (900..2000_u64).prop_map(|ms| Op::Tick { ms }),
        1 => Just(Op::Close),
        1 => Just(Op::Boot),
        1 => (crash.clone(), any::<u64>()).prop_map(|(crash, seed)| Op::Crash { crash, seed }),
    ];
    let usual = prop_oneof![
        30 => (class.clone(), len).prop_map(|(class, len)| Op::Push { class, len }),
        12 => Just(Op::Commit),
        10 => (class.clone(), 1..12_usize).prop_map(|(class, count)| Op::Next { class, count }),
        10 => (class.clone(), any::<usize>()).prop_map(|(class, which)| Op::Deliver { class, which }),
        5 => class.clone().prop_map(|class| Op::DeliverAll { class }),
        3 => class.prop_map(|class| Op::Rewind { class }),
        6 => (0..3000_u64).prop_map(|ms| Op::Tick { ms }),
        3 => (0..50_000_u64).prop_map(|ms| Op::Expire { ms }),
        3 => Just(Op::TellGaps),
        1 => Just(Op::Boot),
        1 => Just(Op::Close),
        2 => (crash.clone(), any::<u64>()).prop_map(|(crash, seed)| Op::Crash { crash, seed }),
        4 => (cut, 0..40_u64, crash, any::<u64>())
            .prop_map(|(op, after, crash, seed)| Op::CutIn { op: Box::new(op), after, crash, seed }),
    ];
    let trouble = prop_oneof![
        4 => (0..30_u64, 1..20_u64, on, error)
            .prop_map(|(after, count, on, error)| Op::Fail { after, count, on, error }),
        2 => (0..20_000_u64).prop_map(|free| Op::Full { free }),
        1 => Just(Op::ReadOnly),
        1 => Just(Op::ShortWrites),
        5 => Just(Op::Heal),
    ];
    let weight = u32::from(faults);
    let op = prop_oneof![8 => usual.clone(), 1 + weight => if faults { trouble.boxed() } else { usual.boxed() }];
    prop::collection::vec(op, 1..200)
}

/// Histories per test. `SPOOL_CASES=40000` looks for longer.
fn cases() -> u32 {
    std::env::var("SPOOL_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_lost_in_silence_through_crashes(ops in ops(false)) {
        let mut model = Model::new();
        for op in ops {
            model.apply(op);
        }
        model.finish();
    }

    #[test]
    fn nor_through_disk_errors(ops in ops(true)) {
        let mut model = Model::new();
        for op in ops {
            model.apply(op);
        }
        model.finish();
    }
}
