//! One class: its segments on disk, its items in memory, and how far it is delivered.
//!
//! Positions grow by one with each push. On disk are those below `disk_end`; those behind it are in the ring. Between the
//! two, and between segments, positions may be missing that were delivered or dropped while the disk could not be written.

use std::collections::VecDeque;

use rsu_units::Timestamp;

use crate::config::{BLOCK_BYTES, ClassConfig, Limits};
use crate::disk::Disk;
use crate::files::OpenFile;
use crate::flight::Flight;
use crate::gaps::{ClassGaps, GapIds, Reason};
use crate::holes::Holes;
use crate::item::{Item, Label};
use crate::reading::Reader;
use crate::record::{Seal, record_octets};
use crate::ring::Ring;
use crate::segment::{HEADER_OCTETS, Segment, occupied};
use crate::state::ClassState;
use crate::stats::ClassCounters;

/// Positions of items that came before the state could be read begin here; they get real ones when it is.
pub(crate) const PROVISIONAL: u64 = 1 << 63;

/// So many positions are reserved in the state at once: a crash costs no more, and a push needs no write of its own.
const RESERVE: u64 = 65_536;

/// An item that is lost, if its head could still be read.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) position: u64,
    pub(crate) label: Label,
    pub(crate) accepted_at: Timestamp,
}

/// One class.
pub(crate) struct Queue {
    pub(crate) class: usize,
    pub(crate) name: String,
    pub(crate) limits: Limits,
    pub(crate) seal: Seal,
    /// From the oldest to the newest.
    pub(crate) segments: VecDeque<Segment>,
    /// The last segment, open to be written.
    pub(crate) writer: Option<Box<dyn OpenFile>>,
    /// Files without accepted records that could not be removed, with their octets.
    pub(crate) leftovers: Vec<(String, u64)>,
    /// The position after the last record on disk.
    pub(crate) disk_end: u64,
    pub(crate) next_position: u64,
    /// Positions below it are reserved in the saved state.
    pub(crate) reserved: u64,
    /// The cursor in the saved state: segments before it may be removed.
    pub(crate) cursor_saved: u64,
    pub(crate) ring: Ring,
    pub(crate) flight: Flight,
    pub(crate) holes: Holes,
    pub(crate) gaps: ClassGaps,
    /// Accepted items that are not settled.
    pub(crate) waiting: u64,
    pub(crate) counters: ClassCounters,
    pub(crate) reader: Option<Reader>,
    pub(crate) read_failures: u32,
    /// Reading failed; it is tried again at the next tick.
    pub(crate) read_blocked: bool,
    /// Since the positions were provisional: what the first of them became.
    alias: Option<u64>,
}

/// Items of the ring that go into one segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    /// Behind what the last segment has, and not into a new one.
    pub(crate) append: bool,
    pub(crate) items: std::ops::Range<usize>,
    /// Octets of the records.
    pub(crate) bytes: u64,
}

impl Queue {
    /// A class of which nothing is known yet.
    pub(crate) fn provisional(class: usize, config: &ClassConfig, limits: Limits) -> Self {
        Self::new(class, config, limits, Seal::new(0, &config.name), PROVISIONAL)
    }

    /// A class that has nothing, at a position.
    pub(crate) fn new(class: usize, config: &ClassConfig, limits: Limits, seal: Seal, cursor: u64) -> Self {
        Self {
            class,
            name: config.name.clone(),
            limits,
            seal,
            segments: VecDeque::new(),
            writer: None,
            leftovers: Vec::new(),
            disk_end: cursor,
            next_position: cursor,
            reserved: 0,
            cursor_saved: 0,
            ring: Ring::default(),
            flight: Flight::new(cursor),
            holes: Holes::default(),
            gaps: ClassGaps::new(class),
            waiting: 0,
            counters: ClassCounters::default(),
            reader: None,
            read_failures: 0,
            read_blocked: false,
            alias: None,
        }
    }

    /// Takes over what came while nothing was known of the class: it is behind all that is on disk.
    pub(crate) fn adopt(&mut self, mut provisional: Self) {
        let first = self.next_position;
        let shift = |position: u64| position.saturating_sub(PROVISIONAL).saturating_add(first);
        provisional.ring.shift(shift);
        self.ring = provisional.ring;
        self.flight.adopt(provisional.flight, shift);
        self.gaps.adopt(provisional.gaps);
        self.next_position = shift(provisional.next_position);
        self.waiting += provisional.waiting;
        self.counters.add(&provisional.counters);
        self.alias = Some(first);
    }

    /// The position that the caller means: one that was provisional when it was handed out has another now.
    pub(crate) fn real_position(&self, position: u64) -> u64 {
        match self.alias {
            Some(first) if position >= PROVISIONAL => position.saturating_sub(PROVISIONAL).saturating_add(first),
            _ => position,
        }
    }

    /// What of the class is saved. `lead`: with positions reserved for later.
    pub(crate) fn saved(&self, lead: bool) -> ClassState {
        ClassState {
            name: self.name.clone(),
            cursor: self.flight.cursor(),
            written_end: self.disk_end,
            reserved: self.next_position.saturating_add(if lead { RESERVE } else { 0 }),
            holes: self.holes.ranges().to_vec(),
            gaps: self.gaps.iter().cloned().collect(),
        }
    }

    /// Half of what was reserved is used up.
    pub(crate) fn wants_reserve(&self) -> bool {
        self.next_position.saturating_add(RESERVE / 2) > self.reserved
    }

    /// What its files take of the disk.
    pub(crate) fn occupied(&self) -> u64 {
        let segments = self.segments.iter().map(|segment| occupied(segment.size));
        segments.chain(self.leftovers.iter().map(|(_, size)| occupied(*size))).sum()
    }

    /// The index of the first segment that has something at or behind a position.
    pub(crate) fn segment_from(&self, position: u64) -> usize {
        self.segments.partition_point(|segment| segment.end <= position)
    }

    /// How many segments in front are settled. `active`: with the one that is written.
    pub(crate) fn settled(&self, active: bool) -> usize {
        let settled = self.segment_from(self.flight.cursor());
        let is_active = settled == self.segments.len() && self.segments.back().is_some_and(|last| last.appendable);
        if is_active && !active { settled.saturating_sub(1) } else { settled }
    }

    /// How the first `count` items of the ring go into segments.
    pub(crate) fn plan(&self, count: usize) -> Vec<Slice> {
        let mut slices: Vec<Slice> = Vec::new();
        // Octets of the segment that is being filled, and the position it must go on with.
        let mut open = self.segments.back().filter(|last| last.appendable).map(|last| (last.len, last.end));
        let mut append = true;
        for (index, item) in self.ring.iter().take(count).enumerate() {
            let octets = record_octets(item);
            let fits = open.is_some_and(|(len, end)| {
                end == item.position && (len + octets <= self.limits.segment_bytes || len == HEADER_OCTETS)
            });
            if !fits {
                append = false;
            }
            let len = if fits { open.map_or(HEADER_OCTETS, |(len, _)| len) } else { HEADER_OCTETS };
            match slices.last_mut().filter(|_| fits) {
                Some(slice) => {
                    slice.items.end = index + 1;
                    slice.bytes += octets;
                }
                None => slices.push(Slice { append, items: index..index + 1, bytes: octets }),
            }
            open = Some((len + octets, item.position.saturating_add(1)));
        }
        slices
    }

    /// What the files will take more of the disk when the first `count` items of the ring are written.
    pub(crate) fn growth(&self, count: usize) -> u64 {
        let last = self.segments.back().map_or(0, |last| last.len);
        let slice = |slice: &Slice| {
            if slice.append {
                occupied(last + slice.bytes).saturating_sub(occupied(last))
            } else {
                occupied(HEADER_OCTETS + slice.bytes)
            }
        };
        self.plan(count).iter().map(slice).sum()
    }

    /// A bound on what the files will take when the ring and one more item of so many octets are written.
    pub(crate) fn growth_with(&self, octets: u64) -> u64 {
        let bytes = self.ring.bytes() + octets;
        // A record that does not fit begins a new segment, so of each two segments in a row at least one is filled.
        let segments = 2 + 2 * bytes / self.limits.segment_bytes.max(1);
        occupied(bytes) + segments * (BLOCK_BYTES + HEADER_OCTETS)
    }

    /// Items at `from` to `to` cannot be read. Tells those that were not told before; how many.
    pub(crate) fn lost(&mut self, ids: &mut GapIds, from: u64, to: u64, named: &[Named]) -> u64 {
        let mut count = 0;
        for (from, to) in self.holes.unknown(from, to) {
            let mut unnamed = to - from;
            for lost in named.iter().filter(|lost| (from..to).contains(&lost.position)) {
                self.gaps.add(ids, Reason::Damaged, &lost.label, lost.accepted_at);
                unnamed = unnamed.saturating_sub(1);
            }
            self.gaps.add_unnamed(ids, Reason::Damaged, unnamed);
            self.holes.add(from, to);
            count += to - from;
        }
        self.counters.dropped(Reason::Damaged, count);
        count
    }

    /// Takes an item out of the ring by rule.
    pub(crate) fn drop_from_ring(&mut self, ids: &mut GapIds, reason: Reason, oldest: bool) -> bool {
        let taken = if oldest { self.ring.pop_oldest() } else { self.ring.pop_newest() };
        let Some((item, was_held)) = taken else { return false };
        let in_time = !self.flight.is_done(item.position);
        if in_time {
            self.gaps.add(ids, reason, &item.label, item.accepted_at);
            self.counters.dropped(reason, 1);
            if was_held {
                self.waiting = self.waiting.saturating_sub(1);
            }
        }
        // If it is under way: nobody waits for it any more.
        self.flight.settle(item.position);
        self.forget_settled();
        true
    }

    /// While the disk cannot be written: makes room for `more` octets in the ring.
    pub(crate) fn fit_memory(&mut self, ids: &mut GapIds, more: u64) {
        while self.ring.bytes() + more > self.limits.memory_bytes && self.drop_from_ring(ids, Reason::Memory, true) {}
    }

    /// All items of the ring count as accepted, from memory; how many of them are new.
    pub(crate) fn hold_all(&mut self) -> u64 {
        let fresh = self.ring.hold_all() as u64;
        self.waiting += fresh;
        self.counters.accepted += fresh;
        fresh
    }

    /// An item was acknowledged.
    pub(crate) fn delivered(&mut self, position: u64) -> bool {
        let first = self.flight.settle(self.real_position(position));
        if first {
            self.counters.delivered += 1;
            self.waiting = self.waiting.saturating_sub(1);
            self.forget_settled();
        }
        first
    }

    /// An item that is under way will never be taken by the other side. False if it is not under way.
    pub(crate) fn give_up(&mut self, ids: &mut GapIds, position: u64, label: &Label, accepted_at: Timestamp) -> bool {
        let first = self.flight.settle(self.real_position(position));
        if first {
            self.gaps.add(ids, Reason::Refused, label, accepted_at);
            self.counters.dropped(Reason::Refused, 1);
            self.waiting = self.waiting.saturating_sub(1);
            self.forget_settled();
        }
        first
    }

    /// Drops from memory what the cursor has passed.
    pub(crate) fn forget_settled(&mut self) {
        let cursor = self.flight.cursor();
        self.ring.drop_held_before(cursor);
        self.holes.forget_before(cursor);
        if self.ring.held() == 0 && cursor >= self.disk_end {
            // Whatever could not be counted exactly is over now.
            self.waiting = 0;
        }
    }

    /// When the oldest item that waits was accepted. Where it has not been read yet, its segment answers for it.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        if self.waiting == 0 {
            return None;
        }
        let cursor = self.flight.cursor();
        let on_disk = || self.segments.get(self.segment_from(cursor)).map(|segment| segment.oldest);
        let in_memory = || self.ring.held_from(cursor).map(|item| item.accepted_at);
        self.flight.oldest().or_else(on_disk).or_else(in_memory)
    }

    /// Removes the settled segments whose being settled is saved. `active`: with the one that is written.
    pub(crate) fn remove_settled(&mut self, disk: &Disk, active: bool) -> Result<(), crate::DiskTrouble> {
        for _ in 0..self.settled(active) {
            let Some(front) = self.segments.front().filter(|front| front.end <= self.cursor_saved) else { break };
            disk.remove(&front.name(&self.name))?;
            if self.reader.as_ref().is_some_and(|reader| reader.base == front.base) {
                self.reader = None;
            }
            self.segments.pop_front();
            if self.segments.is_empty() {
                self.writer = None;
            }
        }
        Ok(())
    }

    pub(crate) fn item(&self, position: u64, now: Timestamp, label: &Label, payload: &[u8]) -> Item {
        Item { class: self.class, position, accepted_at: now, label: label.clone(), payload: payload.to_vec() }
    }
}
