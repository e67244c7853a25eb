//! Reading a class back: to deliver it, to tell what goes, to see what is too old.
//!
//! What cannot be read for the moment is tried again at later ticks. A block that still cannot be read then counts as
//! damaged, so that one bad block does not hold up all that is behind it.

use crate::clock::Clock;
use crate::disk::Disk;
use crate::files::{Access, OpenFile};
use crate::flight::Turn;
use crate::gaps::{GapIds, Reason};
use crate::item::Item;
use crate::queue::{Named, Queue};
use crate::record::Head;
use crate::scan::{Scanner, Step};
use crate::trouble::{DiskTrouble, Doing};

/// So often is a place tried that cannot be read, before it counts as damaged.
pub(crate) const READ_PATIENCE: u32 = 3;

/// Lost items in a row that are told by name.
pub(crate) const MAX_NAMED: usize = 1024;

/// A place in one segment.
pub(crate) struct Reader {
    pub(crate) base: u64,
    name: String,
    file: Box<dyn OpenFile>,
    scanner: Scanner,
    /// Heads without payload since the last whole record.
    broken: Vec<Named>,
}

impl Reader {
    fn open(queue: &Queue, disk: &Disk, index: usize) -> Result<Option<Self>, DiskTrouble> {
        let Some(segment) = queue.segments.get(index) else { return Ok(None) };
        let name = segment.name(&queue.name);
        let file = disk.open(&name, Access::Read)?;
        let scanner = Scanner::new(queue.seal.clone(), 0..u64::MAX);
        Ok(Some(Self { base: segment.base, name, file, scanner, broken: Vec::new() }))
    }

    fn step(&mut self, disk: &Disk, len: u64) -> Result<Step, DiskTrouble> {
        self.scanner.step(&*self.file, len).map_err(|error| disk.trouble(&self.name, Doing::Read, &error))
    }

    fn item(&self, class: usize, head: Head) -> Item {
        let Head { position, accepted_at, label, .. } = head;
        Item { class, position, accepted_at, label, payload: self.scanner.payload().to_vec() }
    }
}

/// Remembers a head without payload.
pub(crate) fn note_broken(broken: &mut Vec<Named>, head: Head) {
    if broken.len() < MAX_NAMED {
        broken.push(Named { position: head.position, label: head.label, accepted_at: head.accepted_at });
    }
}

impl Queue {
    /// The next item in order that is not done, if there is one and more may be under way.
    pub(crate) fn next(&mut self, disk: &Disk, ids: &mut GapIds) -> Result<Option<Item>, DiskTrouble> {
        if self.read_blocked || self.gaps.holds_back() {
            return Ok(None);
        }
        let result = self.read_next(disk, ids);
        if result.is_err() {
            self.read_failures = self.read_failures.saturating_add(1);
            self.read_blocked = true;
        } else if let Some(reader) = &mut self.reader {
            // A place that can be read again is read with patience again.
            if !std::mem::take(&mut reader.scanner.unreadable) {
                self.read_failures = 0;
                reader.scanner.lenient = false;
            }
        }
        self.forget_settled();
        result
    }

    fn read_next(&mut self, disk: &Disk, ids: &mut GapIds) -> Result<Option<Item>, DiskTrouble> {
        loop {
            if self.flight.is_full(self.limits.max_in_flight) {
                return Ok(None);
            }
            let read_at = self.flight.read_at();
            let item = if read_at < self.disk_end {
                let Some(item) = self.read_disk(disk, ids)? else { continue };
                item
            } else {
                let Some(item) = self.ring.held_from(read_at) else { return Ok(None) };
                item.clone()
            };
            if self.flight.read(item.position, item.accepted_at) == Turn::HandOut {
                return Ok(Some(item));
            }
        }
    }

    /// The next item of the segments; `None` when reading goes on behind them.
    fn read_disk(&mut self, disk: &Disk, ids: &mut GapIds) -> Result<Option<Item>, DiskTrouble> {
        loop {
            let read_at = self.flight.read_at();
            let index = self.segment_from(read_at);
            let Some(segment) = self.segments.get(index) else {
                self.flight.read_on_at(self.disk_end);
                return Ok(None);
            };
            let (base, end, len) = (segment.base, segment.end, segment.len);
            let expected = read_at.max(base);
            if self.reader.as_ref().is_none_or(|reader| reader.base != base) {
                self.reader = match Reader::open(self, disk, index) {
                    Ok(reader) => reader,
                    Err(trouble) if self.read_failures < READ_PATIENCE => return Err(trouble),
                    Err(_) => None,
                };
            }
            let patient = self.read_failures < READ_PATIENCE;
            let Some(reader) = &mut self.reader else {
                // The whole segment cannot be read.
                let lost = self.lost(ids, expected, end, &[]);
                self.waiting = self.waiting.saturating_sub(lost);
                self.flight.skip(expected, end);
                continue;
            };
            reader.scanner.lenient |= !patient;
            let step = reader.step(disk, len)?;
            let (to, item) = match step {
                Step::Garbage(_) => continue,
                Step::Broken(head) => {
                    note_broken(&mut reader.broken, head);
                    continue;
                }
                Step::Record(head) if head.position < expected || head.position >= end => continue,
                Step::Record(head) => (head.position, Some(reader.item(self.class, head))),
                Step::End => (end, None),
            };
            let broken = std::mem::take(&mut reader.broken);
            if to > expected {
                // Damage that was found at opening is told already; this is new.
                let lost = self.lost(ids, expected, to, &broken);
                self.waiting = self.waiting.saturating_sub(lost);
                self.flight.skip(expected, to);
            }
            if item.is_some() {
                return Ok(item);
            }
            self.reader = None;
            self.flight.read_on_at(end);
        }
    }

    /// Reading begins again at the first item that is not delivered.
    pub(crate) fn rewind(&mut self) {
        self.flight.rewind();
        self.reader = None;
        self.gaps.rewind();
    }

    /// Gives up the oldest segment that is not settled, and tells what was in it. False if there is none.
    pub(crate) fn drop_oldest_segment(&mut self, disk: &Disk, ids: &mut GapIds, reason: Reason) -> bool {
        let index = self.segment_from(self.flight.cursor());
        let Some(segment) = self.segments.get(index) else { return false };
        let (end, items) = (segment.end, segment.items);
        let from = self.flight.cursor().max(segment.base);
        let (mut seen, mut told) = (0_u64, 0_u64);
        self.scan(disk, index, true, |queue, head| {
            seen += 1;
            if head.position >= from && !queue.flight.is_done(head.position) {
                queue.gaps.add(ids, reason, &head.label, head.accepted_at);
                told += 1;
            }
            true
        });
        // What was there once and cannot be read now: more than that it was cannot be said.
        let unnamed = items.saturating_sub(seen).min((end - from).saturating_sub(told));
        self.gaps.add_unnamed(ids, reason, unnamed);
        self.counters.dropped(reason, told + unnamed);
        self.waiting = self.waiting.saturating_sub(told + unnamed);
        self.flight.settle_before(end);
        self.forget_settled();
        true
    }

    /// Drops what is too old from the front of the class; how many items. An item that is under way is waited for.
    pub(crate) fn expire(&mut self, disk: &Disk, ids: &mut GapIds, clock: &Clock) -> u64 {
        let Some(max_age) = self.limits.max_age else { return 0 };
        let before = self.counters.all_dropped().age;
        while !self.flight.holds_front() {
            let index = self.segment_from(self.flight.cursor());
            let Some(segment) = self.segments.get(index) else {
                let front = self.ring.held_from(0);
                if front.is_some_and(|item| clock.is_over_age(item.accepted_at, max_age)) {
                    self.drop_from_ring(ids, Reason::Age, true);
                    self.forget_settled();
                    continue;
                }
                break;
            };
            if clock.is_over_age(segment.newest, max_age) {
                self.drop_oldest_segment(disk, ids, Reason::Age);
            } else {
                if clock.is_over_age(segment.oldest, max_age) {
                    self.expire_within(disk, ids, clock, index);
                }
                break;
            }
        }
        self.counters.all_dropped().age - before
    }

    /// Drops what is too old from the front of one segment.
    fn expire_within(&mut self, disk: &Disk, ids: &mut GapIds, clock: &Clock, index: usize) {
        let Some(max_age) = self.limits.max_age else { return };
        let from = self.flight.cursor();
        let base = self.segments.get(index).map_or(from, |segment| segment.base);
        let (mut up_to, mut oldest, mut told) = (from.max(base), None, 0);
        self.scan(disk, index, false, |queue, head| {
            if head.position < from {
                return true;
            }
            // What should be before it and is not is damaged, and if that is new, it is told as such.
            let lost = queue.lost(ids, up_to, head.position, &[]);
            queue.waiting = queue.waiting.saturating_sub(lost);
            if !clock.is_over_age(head.accepted_at, max_age) {
                (up_to, oldest) = (head.position, Some(head.accepted_at));
                return false;
            }
            if !queue.flight.is_done(head.position) {
                queue.gaps.add(ids, Reason::Age, &head.label, head.accepted_at);
                told += 1;
            }
            up_to = head.position.saturating_add(1);
            true
        });
        if let (Some(segment), Some(oldest)) = (self.segments.get_mut(index), oldest) {
            // It is not looked into again before the one that is in front now is too old.
            segment.oldest = oldest;
        }
        self.counters.dropped(Reason::Age, told);
        self.waiting = self.waiting.saturating_sub(told);
        self.flight.settle_before(up_to);
        self.forget_settled();
    }

    /// Shows the records of a segment to `each` until it has seen enough. What cannot be read is passed over if `lenient`,
    /// and otherwise the end.
    fn scan(&mut self, disk: &Disk, index: usize, lenient: bool, mut each: impl FnMut(&mut Self, &Head) -> bool) {
        let Some((end, len)) = self.segments.get(index).map(|segment| (segment.end, segment.len)) else { return };
        let Ok(Some(mut reader)) = Reader::open(self, disk, index) else { return };
        reader.scanner.lenient = lenient;
        while let Ok(step) = reader.step(disk, len) {
            match step {
                Step::Record(head) if head.position < end => {
                    if !each(self, &head) {
                        return;
                    }
                }
                Step::End => return,
                Step::Record(_) | Step::Broken(_) | Step::Garbage(_) => {}
            }
        }
    }
}
