//! Getting items onto the disk, and keeping it tidy.
//!
//! The order of things is what makes it safe. Items: written, then fdatasync, then fsync of the folder if a file is new,
//! and only then accepted. Removals: what goes and how far is delivered is saved first. After any error a segment is never
//! written again; what was on its way stays in memory and later goes into a new one, so neither half a record nor a page
//! that the kernel dropped after a failed fsync can do harm.

use rsu_units::Timestamp;

use crate::config::Overflow;
use crate::disk::Disk;
use crate::files::{Access, OpenFile};
use crate::gaps::Reason;
use crate::queue::Queue;
use crate::record::encode;
use crate::segment::{HEADER_OCTETS, Header, Segment, occupied};
use crate::spool::Spool;
use crate::stats::Mode;
use crate::trouble::DiskTrouble;

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Committed {
    /// Items that are safe on disk now.
    pub on_disk: u64,
    /// New items that are kept in memory because the disk cannot be written: a crash loses them.
    pub in_memory: u64,
    /// Items that were refused because their class is full; told as a gap.
    pub refused: u64,
}

/// A segment that was written and is not accepted yet.
struct Part {
    segment: Segment,
    file: Box<dyn OpenFile>,
    name: String,
    created: bool,
}

/// What was written of one class.
struct Staged {
    class: usize,
    count: usize,
    parts: Vec<Part>,
}

impl Staged {
    /// It has a file whose name is not safe yet.
    fn is_new(&self) -> bool {
        self.parts.iter().any(|part| part.created)
    }
}

impl Spool {
    /// Makes all items that were pushed safe: one write and one fdatasync for each segment that gets some. Then they
    /// are accepted, and [`Spool::next`] gives them. If the disk cannot be written they are accepted in memory.
    ///
    /// Does what [`Spool::tick`] does, too.
    pub fn commit(&mut self, now: Timestamp) -> Committed {
        self.counted.commits += 1;
        self.work(now, true)
    }

    /// What has to be done from time to time, at least once a second: saves the cursors, removes what is delivered, tries
    /// a disk again that failed.
    pub fn tick(&mut self, now: Timestamp) {
        self.work(now, false);
    }

    /// Commits, saves the state and gives up the spool.
    pub fn close(mut self, now: Timestamp) {
        self.commit(now);
        if self.mode == Mode::Disk {
            // No positions ahead: the next run goes on where this one ends. Nobody is left to hear of an error.
            let _ = self.save(now, false);
            let _ = self.remove_settled();
        }
    }

    fn work(&mut self, now: Timestamp, commit: bool) -> Committed {
        self.clock.observe(now);
        if self.read_pace.is_due(now, self.config.retry_every) && self.queues.iter().any(|queue| queue.read_blocked) {
            self.read_pace.done(now);
            for queue in &mut self.queues {
                queue.read_blocked = false;
            }
        }
        let mut done = Committed::default();
        if self.mode == Mode::Disk || self.retry_pace.is_due(now, self.config.retry_every) {
            match self.write_out(now, commit, &mut done) {
                Ok(()) => self.mode = Mode::Disk,
                Err(trouble) => self.fall_back(trouble, now),
            }
        }
        if commit {
            for queue in &mut self.queues {
                done.in_memory += queue.hold_all();
                if self.mode != Mode::Disk {
                    queue.fit_memory(&mut self.ids, 0);
                }
            }
        }
        if self.mode == Mode::Disk {
            let saved = if self.is_save_due(now) { self.save(now, true) } else { Ok(()) };
            if let Err(trouble) = saved.and_then(|()| self.remove_settled()) {
                self.fall_back(trouble, now);
            }
        }
        done
    }

    /// Writes the items of the ring: all, or without a commit only those that are held because the disk had failed. The
    /// first error is given when all classes have been tried.
    fn write_out(&mut self, now: Timestamp, commit: bool, done: &mut Committed) -> Result<(), DiskTrouble> {
        self.take_hold(now)?;
        let wants_reserve = |queue: &Queue| queue.ring.len() > 0 && queue.next_position > queue.reserved;
        // After a failure without items to write, saving shows whether the disk can be written again.
        let is_idle = self.queues.iter().all(|queue| queue.to_write(commit) == 0);
        if (self.mode != Mode::Disk && is_idle) || self.queues.iter().any(wants_reserve) {
            self.save(now, true)?;
        }
        let spool = self.known.as_ref().map_or(0, |known| known.spool);
        let mut first_trouble = None;
        let mut all = Vec::new();
        for class in 0..self.queues.len() {
            let result = self.make_room(class, now, commit, done).and_then(|()| {
                let Some(queue) = self.queues.get_mut(class) else { return Ok(()) };
                let count = queue.to_write(commit);
                let mut staged = Staged { class, count, parts: Vec::new() };
                let result = queue.stage(&mut self.disk, spool, now, &mut staged);
                match result {
                    Ok(()) if !staged.parts.is_empty() => all.push(staged),
                    Ok(()) => {}
                    Err(_) => queue.abandon(&self.disk, staged),
                }
                result
            });
            first_trouble = first_trouble.or(result.err());
        }
        let (mut good, sync_trouble) = self.sync(all);
        first_trouble = first_trouble.or(sync_trouble);
        let synced = if good.iter().any(Staged::is_new) { self.disk.sync_dir() } else { Ok(()) };
        if let Err(trouble) = synced {
            first_trouble.get_or_insert(trouble);
            let (new, old) = good.into_iter().partition(Staged::is_new);
            good = old;
            self.abandon(new);
        }
        for staged in good {
            if let Some(queue) = self.queues.get_mut(staged.class) {
                done.on_disk += staged.count as u64;
                self.counted.payload_bytes += queue.accept(staged);
            }
        }
        first_trouble.map_or(Ok(()), Err)
    }

    /// Makes what was written safe; what cannot be made safe is abandoned.
    fn sync(&mut self, mut all: Vec<Staged>) -> (Vec<Staged>, Option<DiskTrouble>) {
        let mut first_trouble = None;
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut files: Vec<_> =
            all.iter_mut().flat_map(|staged| &mut staged.parts).map(|part| &mut part.file).collect();
        let mut results = self.disk.sync_all(&mut files).into_iter();
        for staged in all {
            let of_parts: Vec<_> = staged.parts.iter().zip(results.by_ref()).collect();
            let failed = of_parts.into_iter().find_map(|(part, result)| result.err().map(|error| (part, error)));
            match failed.map(|(part, error)| self.disk.sync_trouble(&part.name, &error)) {
                None => good.push(staged),
                Some(trouble) => {
                    first_trouble.get_or_insert(trouble);
                    bad.push(staged);
                }
            }
        }
        self.abandon(bad);
        (good, first_trouble)
    }

    fn abandon(&mut self, all: Vec<Staged>) {
        for staged in all {
            if let Some(queue) = self.queues.get_mut(staged.class) {
                queue.abandon(&self.disk, staged);
            }
        }
    }

    /// Frees what the items of a class will take, by its rule. What is dropped is saved as told-to-be before it goes.
    fn make_room(
        &mut self,
        class: usize,
        now: Timestamp,
        commit: bool,
        done: &mut Committed,
    ) -> Result<(), DiskTrouble> {
        let refused_before = done.refused;
        while let Some(queue) = self.queues.get_mut(class) {
            let count = queue.to_write(commit);
            let budget = queue.limits.budget_bytes;
            if queue.occupied() + queue.growth(count) <= budget {
                break;
            }
            // Without what is delivered already, would it fit?
            while queue.unsettled_bytes() + queue.growth(count) > budget {
                let dropped = queue.limits.overflow == Overflow::DropOldest
                    && queue.drop_oldest_segment(&self.disk, &mut self.ids, Reason::Overflow);
                if !dropped {
                    break;
                }
            }
            if queue.settled(true) > 0 {
                if queue.flight.cursor() > queue.cursor_saved {
                    self.save(now, true)?;
                }
                if let Some(queue) = self.queues.get_mut(class) {
                    queue.remove_settled(&self.disk, true)?;
                }
                continue;
            }
            // Nothing is left that may go. The newest are refused; those of a class that drops the oldest would have to be
            // larger than all its space. Without any the class is over its budget because that was larger once.
            if count == 0 || !queue.drop_from_ring(&mut self.ids, Reason::Refused, false) {
                break;
            }
            done.refused += 1;
        }
        // An item that a push had taken is not dropped before the gap that tells of it is safe.
        if done.refused > refused_before { self.save(now, true) } else { Ok(()) }
    }

    /// Reads the folder if that was not possible before, and takes the lock if nobody could.
    fn take_hold(&mut self, now: Timestamp) -> Result<(), DiskTrouble> {
        if self.known.is_none() || self.lock.is_none() {
            return match self.begin(now) {
                Ok(result) => result,
                Err(crate::OpenError::Locked { path }) => {
                    let error =
                        std::io::Error::new(std::io::ErrorKind::WouldBlock, "another process has this spool open");
                    Err(DiskTrouble::new(path, crate::Doing::Lock, &error))
                }
            };
        }
        Ok(())
    }

    /// Something is to be saved, and it is time.
    fn is_save_due(&self, now: Timestamp) -> bool {
        let changed =
            |queue: &Queue| queue.flight.cursor() != queue.cursor_saved || queue.gaps.changed || queue.wants_reserve();
        (self.boot_changed || self.queues.iter().any(changed)) && self.save_pace.is_due(now, self.save_after)
    }

    /// Saves the state.
    pub(crate) fn save(&mut self, now: Timestamp, lead: bool) -> Result<(), DiskTrouble> {
        let Some(spool) = self.known.as_ref().map(|known| known.spool) else { return Ok(()) };
        let state = self.state(spool, now, lead);
        if let Some(known) = &mut self.known {
            known.keeper.save(&mut self.disk, &state)?;
        }
        let advanced = self.queues.iter().any(|queue| queue.flight.cursor() != queue.cursor_saved);
        if advanced {
            self.save_after = (self.save_after * 2).min(self.config.save_every);
        }
        for (queue, saved) in self.queues.iter_mut().zip(&state.classes) {
            queue.cursor_saved = saved.cursor;
            queue.reserved = saved.reserved;
            queue.gaps.changed = false;
        }
        self.boot_changed = false;
        self.save_pace.done(now);
        Ok(())
    }

    /// Removes the segments that are settled, but for those that are written.
    pub(crate) fn remove_settled(&mut self) -> Result<(), DiskTrouble> {
        self.queues.iter_mut().try_for_each(|queue| queue.remove_settled(&self.disk, false))
    }
}

impl Queue {
    /// How many items of the ring are to be written.
    fn to_write(&self, commit: bool) -> usize {
        if commit { self.ring.len() } else { self.ring.held() }
    }

    /// What the files take of the disk that cannot be removed at once.
    pub(crate) fn unsettled_bytes(&self) -> u64 {
        let settled = self.segments.iter().take(self.settled(true)).map(|segment| occupied(segment.size)).sum();
        self.occupied().saturating_sub(settled)
    }

    /// Writes the first items of the ring. What was written is in `staged`, also after an error.
    fn stage(&mut self, disk: &mut Disk, spool: u64, now: Timestamp, staged: &mut Staged) -> Result<(), DiskTrouble> {
        while let Some((name, _)) = self.leftovers.last() {
            disk.remove(name)?;
            self.leftovers.pop();
        }
        let mut follows = self.disk_end;
        let mut octets = Vec::new();
        for slice in self.plan(staged.count) {
            let items = self.ring.iter().skip(slice.items.start).take(slice.items.len());
            let base = items.clone().next().map_or(follows, |item| item.position);
            let mut segment = match self.segments.back() {
                Some(last) if slice.append => last.clone(),
                _ => Segment::empty(base, follows),
            };
            let name = segment.name(&self.name);
            octets.clear();
            if !slice.append {
                let class = self.name.clone();
                Header { spool, class, base, follows, made_at: now }.encode(&mut octets);
            }
            for item in items {
                encode(item, &self.seal, &mut octets);
                segment.note(item.position, item.accepted_at);
            }
            let at = if slice.append { segment.len } else { 0 };
            segment.len = at + octets.len() as u64;
            segment.size = segment.len;
            follows = segment.end;
            let file = self.file_for(disk, slice.append, &name)?;
            staged.parts.push(Part { segment, file, name: name.clone(), created: !slice.append });
            if let Some(part) = staged.parts.last() {
                disk.write_all(&*part.file, &name, &octets, at)?;
            }
        }
        Ok(())
    }

    /// The file of the last segment, or a new one. If that fails neither is used again: the new one may have been made.
    fn file_for(&mut self, disk: &Disk, append: bool, name: &str) -> Result<Box<dyn OpenFile>, DiskTrouble> {
        if !append {
            let result = disk.create(name);
            if result.is_err() {
                self.leftovers.push((name.to_string(), HEADER_OCTETS));
            }
            return result;
        }
        let result = self.writer.take().map_or_else(|| disk.open(name, Access::Write), Ok);
        if let Some(last) = self.segments.back_mut().filter(|_| result.is_err()) {
            last.appendable = false;
        }
        result
    }

    /// Takes back what was written: it is not accepted. The segments are not written again.
    fn abandon(&mut self, disk: &Disk, staged: Staged) {
        for part in staged.parts {
            if part.created {
                drop(part.file);
                if disk.remove(&part.name).is_err() {
                    self.leftovers.push((part.name, part.segment.size));
                }
            } else if let Some(last) = self.segments.back_mut() {
                last.appendable = false;
                if part.file.truncate(last.len).is_err() {
                    last.size = last.size.max(part.segment.size);
                }
            }
        }
        self.writer = None;
    }

    /// What was written is safe: the items are accepted. Octets of their payloads.
    fn accept(&mut self, staged: Staged) -> u64 {
        let fresh = staged.count.saturating_sub(self.ring.held()) as u64;
        self.waiting += fresh;
        self.counters.accepted += fresh;
        let payload_bytes = self.ring.iter().take(staged.count).map(|item| item.payload.len() as u64).sum();
        for part in staged.parts {
            if part.created {
                if let Some(last) = self.segments.back_mut() {
                    last.appendable = false;
                }
                self.segments.push_back(part.segment);
            } else if let Some(last) = self.segments.back_mut() {
                *last = part.segment;
            }
            self.writer = Some(part.file);
        }
        self.disk_end = self.segments.back().map_or(self.disk_end, |last| last.end);
        self.ring.written(staged.count);
        payload_bytes
    }
}
