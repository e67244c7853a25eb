//! Reading the segments of one class at opening: what there is, what is lost, and where positions go on.

use crate::files::Access;
use crate::gaps::{Gap, GapIds, Reason};
use crate::holes::Holes;
use crate::queue::{Named, Queue};
use crate::reading::note_broken;
use crate::recover::{Candidate, Recovery};
use crate::scan::{Scanner, Step};
use crate::segment::Segment;
use crate::state::ClassState;
use crate::trouble::{DiskTrouble, Doing};

/// How far the segments have been read.
struct Walk {
    /// The position that should come next.
    expected: u64,
    /// Heads without payload since the last whole record.
    broken: Vec<Named>,
}

impl Walk {
    /// What comes next is at `position`: what should have come before is lost.
    fn to(&mut self, queue: &mut Queue, ids: &mut GapIds, position: u64) {
        if position > self.expected {
            queue.lost(ids, self.expected, position, &self.broken);
            self.expected = position;
        }
        // The head of an item that is only now to come may have been hit in one place and be whole in another.
        self.broken.retain(|named| named.position >= self.expected);
    }
}

/// What was found in one segment.
struct Surveyed {
    segment: Segment,
    /// Octets behind the last record that are none.
    has_tail: bool,
    /// Octets between records that are none.
    is_damaged: bool,
    /// Some of it could not be read.
    is_unreadable: bool,
}

impl Recovery<'_> {
    /// Reads the segments of a class, from the oldest to the newest.
    pub(crate) fn survey(
        &mut self,
        queue: &mut Queue,
        saved: Option<&ClassState>,
        candidates: &[Candidate],
    ) -> Result<(), DiskTrouble> {
        let default = ClassState::default();
        let saved = saved.unwrap_or(&default);
        queue.cursor_saved = saved.cursor;
        queue.holes = Holes::new(&saved.holes);
        for gap in &saved.gaps {
            // Under a new identity: it may have been told already, and may grow now.
            queue.gaps.take_in(Gap { id: self.ids.take(), ..gap.clone() });
        }
        let mut walk = Walk { expected: queue.flight.cursor(), broken: Vec::new() };
        for (index, candidate) in candidates.iter().enumerate() {
            // Where the next one says that this one ends, it ends: what is behind was never accepted. Only a header that
            // is in order is believed.
            let next = candidates.iter().skip(index + 1).find(|next| next.header.is_some());
            let (below, accepted_to) =
                next.map_or((u64::MAX, saved.written_end), |next| (next.name.follows, next.name.follows));
            let surveyed = match self.read_segment(queue, &mut walk, candidate, below) {
                Err(_) if self.lenient => {
                    queue.gaps.add_unnamed(&mut self.ids, Reason::Damaged, 1);
                    self.set_aside(&candidate.name.to_string());
                    continue;
                }
                other => other?,
            };
            self.judge(queue, &walk, candidate, accepted_to, surveyed);
        }
        walk.to(queue, &mut self.ids, saved.written_end);
        let last_end = queue.segments.back().map(|last| last.end);
        queue.disk_end = last_end.unwrap_or(queue.flight.cursor());
        queue.next_position = queue.disk_end.max(saved.reserved).max(saved.written_end).max(queue.flight.cursor());
        self.make_safe(queue, saved.written_end)
    }

    fn read_segment(
        &mut self,
        queue: &mut Queue,
        walk: &mut Walk,
        candidate: &Candidate,
        below: u64,
    ) -> Result<Surveyed, DiskTrouble> {
        let Candidate { name, len, header } = candidate;
        let file_name = name.to_string();
        let file = self.disk.open(&file_name, Access::Read)?;
        // What the segment before has, too, is a copy.
        let floor = queue.segments.back().map_or(0, |last| last.end);
        let mut scanner = Scanner::new(queue.seal.clone(), floor..below);
        scanner.lenient = self.lenient;
        let mut segment = Segment::empty(name.base, name.follows);
        let (mut entered, mut is_damaged, mut garbage_from) = (false, false, None);
        loop {
            let step =
                scanner.step(&*file, *len).map_err(|error| self.disk.trouble(&file_name, Doing::Read, &error))?;
            // A name alone proves nothing; a header or a record does.
            if !entered && (header.is_some() || matches!(step, Step::Record(_) | Step::Broken(_))) {
                entered = true;
                walk.to(queue, &mut self.ids, name.follows);
                walk.expected = walk.expected.max(name.base);
            }
            match step {
                Step::Record(head) => {
                    is_damaged |= garbage_from.take().is_some();
                    walk.to(queue, &mut self.ids, head.position);
                    if head.position >= queue.flight.cursor() {
                        queue.waiting += 1;
                    }
                    segment.note(head.position, head.accepted_at);
                    walk.expected = walk.expected.max(segment.end);
                }
                Step::Broken(head) => note_broken(&mut walk.broken, head),
                Step::Garbage(range) => garbage_from = Some(range.start),
                Step::End => break,
            }
        }
        segment.size = *len;
        segment.len = garbage_from.unwrap_or(*len);
        segment.appendable = !is_damaged && garbage_from.is_none() && header.is_some();
        Ok(Surveyed { segment, has_tail: garbage_from.is_some(), is_damaged, is_unreadable: scanner.unreadable })
    }

    /// Takes a segment, or gets it out of the way; `accepted_to`: up to there positions are known to have been accepted.
    fn judge(&mut self, queue: &mut Queue, walk: &Walk, candidate: &Candidate, accepted_to: u64, surveyed: Surveyed) {
        let Surveyed { mut segment, has_tail, is_damaged, is_unreadable } = surveyed;
        let file_name = candidate.name.to_string();
        // At the end of a write that a crash cut off there is something torn; but if accepted items should be there, it
        // is damage.
        let is_torn = has_tail && walk.expected >= accepted_to && !is_unreadable;
        if has_tail && is_unreadable && walk.expected >= accepted_to {
            // Whether something was accepted there nobody knows. It is told as one item, so that it is not silent.
            queue.gaps.add_unnamed(&mut self.ids, Reason::Damaged, 1);
        }
        self.counts.torn_tails += u64::from(is_torn);
        self.counts.damaged += u64::from(is_damaged || (has_tail && !is_torn));
        if segment.items > 0 {
            if is_torn && self.cut(&file_name, segment.len) {
                segment.size = segment.len;
            }
            queue.segments.push_back(segment);
        } else if is_unreadable || accepted_to > candidate.name.base.max(queue.flight.cursor()) {
            self.set_aside(&file_name);
        } else if self.disk.remove(&file_name).is_err() {
            queue.leftovers.push((file_name, candidate.len));
        }
    }

    fn cut(&self, name: &str, len: u64) -> bool {
        self.disk.open(name, Access::Write).is_ok_and(|file| file.truncate(len).is_ok())
    }

    /// What a process had written that was killed is in the page cache only, and is to be as safe as the rest before
    /// anybody reads it.
    fn make_safe(&mut self, queue: &Queue, written_end: u64) -> Result<(), DiskTrouble> {
        let mut is_new = false;
        for segment in queue.segments.iter().filter(|segment| segment.end > written_end) {
            is_new = true;
            let name = segment.name(&queue.name);
            let result = self.disk.open(&name, Access::Read).and_then(|file| self.disk.sync(&*file, &name));
            if !self.lenient {
                result?;
            }
        }
        let result = if is_new { self.disk.sync_dir() } else { Ok(()) };
        if self.lenient { Ok(()) } else { result }
    }
}
