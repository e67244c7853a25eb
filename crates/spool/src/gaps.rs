//! What is told of items that had to go.
//!
//! Nothing that was accepted disappears in silence. What is dropped by rule or lost to damage is written down as a
//! [`Gap`], which is safe on disk before the data are removed, and stays until somebody says that it was told.
//!
//! Gaps are bounded. Those of one class and one reason are one, for as long as it was not handed out; what is dropped
//! while it is being told goes into a second one, which is handed out when the first was told. Within a gap the items are
//! ranges of sequence numbers. A gap that runs out of ranges widens one, whose `count` then is less than its span; what
//! has not even a range of its stream is only counted.

use rsu_units::Timestamp;
use serde::{Deserialize, Serialize};

use crate::item::Label;

/// Most ranges in the pending gaps of one class together.
pub const MAX_RANGES: usize = 64;

/// Why items went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The class had used up its disk, and the oldest went.
    Overflow,
    /// They were too old.
    Age,
    /// They could not be read back.
    Damaged,
    /// The disk could not be written, the memory of the class was full, and the oldest went.
    Memory,
    /// The class was full, or the item too large, or the other side will never take it.
    Refused,
    /// They came faster than they could be pushed.
    Busy,
}

impl Reason {
    /// All reasons.
    pub const ALL: [Self; 6] = [Self::Overflow, Self::Age, Self::Damaged, Self::Memory, Self::Refused, Self::Busy];
}

/// Items of one stream and one run of the daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamRange {
    /// The stream.
    pub stream: String,
    /// The run of the daemon.
    pub boot: i64,
    /// The first sequence number that is gone.
    pub first_sequence: u64,
    /// The last.
    pub last_sequence: u64,
    /// How many are gone: all in between, or fewer if the gap ran out of ranges.
    pub count: u64,
}

/// Items that went, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What [`crate::Spool::gap_told`] wants. No two gaps of a spool have the same.
    pub id: u64,
    /// The class, by its place in the configuration.
    #[serde(skip)]
    pub class: usize,
    /// Why they went.
    pub reason: Reason,
    /// Which they were.
    pub streams: Vec<StreamRange>,
    /// How many more went whose identity is not known, or had no room among the ranges.
    pub unnamed: u64,
    /// The earliest time of acceptance that is known, microseconds since the Unix epoch.
    pub first_accepted_at_us: Option<i64>,
    /// The latest.
    pub last_accepted_at_us: Option<i64>,
}

impl Gap {
    fn new(id: u64, class: usize, reason: Reason) -> Self {
        Self {
            id,
            class,
            reason,
            streams: Vec::new(),
            unnamed: 0,
            first_accepted_at_us: None,
            last_accepted_at_us: None,
        }
    }

    /// How many items went.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.streams.iter().map(|range| range.count).fold(self.unnamed, u64::saturating_add)
    }

    /// Takes a range in; `room` says whether there may be one more.
    fn add(&mut self, range: StreamRange, room: bool) {
        let same = |other: &&mut StreamRange| other.stream == range.stream && other.boot == range.boot;
        let touches = |other: &&mut StreamRange| {
            other.last_sequence.checked_add(1) == Some(range.first_sequence)
                || range.last_sequence.checked_add(1) == Some(other.first_sequence)
        };
        // Drops come in order, so the newest range is the likeliest.
        if let Some(other) = self.streams.iter_mut().rev().find(|other| same(other) && touches(other)) {
            other.widen(&range);
        } else if room {
            self.streams.push(range);
        } else if let Some(other) = self.streams.iter_mut().rev().find(same) {
            other.widen(&range);
        } else {
            self.unnamed = self.unnamed.saturating_add(range.count);
        }
    }

    fn note_times(&mut self, first_us: Option<i64>, last_us: Option<i64>) {
        let first = [self.first_accepted_at_us, first_us].into_iter().flatten().min();
        let last = [self.last_accepted_at_us, last_us].into_iter().flatten().max();
        (self.first_accepted_at_us, self.last_accepted_at_us) = (first, last);
    }
}

impl StreamRange {
    fn of(label: &Label) -> Self {
        Self {
            stream: label.stream().to_string(),
            boot: label.boot(),
            first_sequence: label.sequence(),
            last_sequence: label.sequence(),
            count: 1,
        }
    }

    fn widen(&mut self, other: &Self) {
        self.first_sequence = self.first_sequence.min(other.first_sequence);
        self.last_sequence = self.last_sequence.max(other.last_sequence);
        self.count = self.count.saturating_add(other.count);
    }
}

/// Gives out the identities of gaps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GapIds {
    pub(crate) next: u64,
}

impl GapIds {
    pub(crate) fn take(&mut self) -> u64 {
        let id = self.next;
        self.next = self.next.saturating_add(1);
        id
    }
}

#[derive(Debug, Clone)]
struct Pending {
    gap: Gap,
    /// It was handed out once: what it says does not change any more, since a late answer may still come.
    fixed: bool,
    /// It is being told.
    handed_out: bool,
}

impl Pending {
    fn growing(gap: Gap) -> Self {
        Self { gap, fixed: false, handed_out: false }
    }
}

/// The pending gaps of one class: of each reason at most one that is fixed and one that grows.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClassGaps {
    class: usize,
    pending: Vec<Pending>,
    /// Something changed since it was saved.
    pub(crate) changed: bool,
}

impl ClassGaps {
    pub(crate) fn new(class: usize) -> Self {
        Self { class, ..Self::default() }
    }

    /// An item went.
    pub(crate) fn add(&mut self, ids: &mut GapIds, reason: Reason, label: &Label, accepted_at: Timestamp) {
        let at_us = Some(accepted_at.as_micros());
        let room = self.ranges() < MAX_RANGES;
        self.grow(ids, reason, |gap| {
            gap.add(StreamRange::of(label), room);
            gap.note_times(at_us, at_us);
        });
    }

    /// Items went from one to the other, both included; how many.
    pub(crate) fn add_range(
        &mut self,
        ids: &mut GapIds,
        reason: Reason,
        (first, last): (&Label, &Label),
        accepted_at: Timestamp,
    ) -> u64 {
        let at_us = Some(accepted_at.as_micros());
        let room = self.ranges() < MAX_RANGES;
        let count = last.sequence().saturating_sub(first.sequence()).saturating_add(1);
        let range =
            StreamRange { last_sequence: last.sequence().max(first.sequence()), count, ..StreamRange::of(first) };
        self.grow(ids, reason, |gap| {
            gap.add(range, room);
            gap.note_times(at_us, at_us);
        });
        count
    }

    /// Items went whose identity is not known.
    pub(crate) fn add_unnamed(&mut self, ids: &mut GapIds, reason: Reason, count: u64) {
        if count > 0 {
            self.grow(ids, reason, |gap| gap.unnamed = gap.unnamed.saturating_add(count));
        }
    }

    /// Takes in a gap that was saved, or made before the state was known.
    pub(crate) fn take_in(&mut self, gap: Gap) {
        let Gap { id, reason, streams, unnamed, first_accepted_at_us, last_accepted_at_us, .. } = gap;
        let mut ids = GapIds { next: id };
        self.grow(&mut ids, reason, |gap| {
            gap.unnamed = gap.unnamed.saturating_add(unnamed);
            gap.note_times(first_accepted_at_us, last_accepted_at_us);
        });
        for range in streams {
            let room = self.ranges() < MAX_RANGES;
            self.grow(&mut ids, reason, |gap| gap.add(range, room));
        }
    }

    /// Takes over the gaps of the time before the state was known. Those that were handed out stay as they are.
    pub(crate) fn adopt(&mut self, other: Self) {
        self.changed = true;
        for pending in other.pending {
            if pending.fixed {
                // In front: the one that was saved is handed out when this one was told.
                self.pending.insert(0, pending);
            } else {
                self.take_in(pending.gap);
            }
        }
        // Both may have been at the bound. Those that grow give way.
        while self.ranges() > MAX_RANGES {
            let wide = self.pending.iter_mut().rev().find(|pending| !pending.fixed && !pending.gap.streams.is_empty());
            let Some((gap, range)) = wide.and_then(|p| p.gap.streams.pop().map(|range| (&mut p.gap, range))) else {
                break;
            };
            gap.add(range, false);
        }
    }

    /// Hands out what is not being told already: of each reason the oldest.
    pub(crate) fn hand_out(&mut self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        for reason in Reason::ALL {
            let first = self.pending.iter_mut().find(|pending| pending.gap.reason == reason);
            if let Some(pending) = first.filter(|pending| !pending.handed_out) {
                (pending.fixed, pending.handed_out) = (true, true);
                gaps.push(pending.gap.clone());
            }
        }
        gaps
    }

    /// A gap waits until an earlier one was told: what follows the items in it must wait too.
    pub(crate) fn holds_back(&self) -> bool {
        self.pending.iter().enumerate().any(|(index, pending)| {
            let earlier = |other: &Pending| other.handed_out && other.gap.reason == pending.gap.reason;
            !pending.handed_out && self.pending.iter().take(index).any(earlier)
        })
    }

    /// What was handed out is to be handed out again.
    pub(crate) fn rewind(&mut self) {
        for pending in &mut self.pending {
            pending.handed_out = false;
        }
    }

    /// A gap was told. False if there is none of this identity.
    pub(crate) fn told(&mut self, id: u64) -> bool {
        let before = self.pending.len();
        self.pending.retain(|pending| pending.gap.id != id);
        self.changed |= self.pending.len() < before;
        self.pending.len() < before
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.pending.iter().map(|pending| &pending.gap)
    }

    fn ranges(&self) -> usize {
        self.pending.iter().map(|pending| pending.gap.streams.len()).sum()
    }

    /// Lets the gap of this reason grow that is not fixed.
    fn grow(&mut self, ids: &mut GapIds, reason: Reason, change: impl FnOnce(&mut Gap)) {
        self.changed = true;
        if let Some(pending) = self.pending.iter_mut().find(|pending| pending.gap.reason == reason && !pending.fixed) {
            change(&mut pending.gap);
        } else {
            let mut gap = Gap::new(ids.take(), self.class, reason);
            change(&mut gap);
            self.pending.push(Pending::growing(gap));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(5);

    fn label(stream: &str, sequence: u64) -> Label {
        Label::new(stream, 1, sequence).unwrap()
    }

    fn ranges(gap: &Gap) -> Vec<(&str, u64, u64, u64)> {
        gap.streams.iter().map(|r| (r.stream.as_str(), r.first_sequence, r.last_sequence, r.count)).collect()
    }

    #[test]
    fn items_in_order_are_one_range() {
        let (mut gaps, mut ids) = (ClassGaps::new(3), GapIds { next: 1 });
        for sequence in [5, 6, 7, 9] {
            gaps.add(&mut ids, Reason::Age, &label("a", sequence), AT);
            gaps.add(&mut ids, Reason::Age, &label("b", sequence), AT + std::time::Duration::from_micros(sequence));
        }
        let gap = &gaps.hand_out()[0];
        assert_eq!(ranges(gap), [("a", 5, 7, 3), ("b", 5, 7, 3), ("a", 9, 9, 1), ("b", 9, 9, 1)]);
        assert_eq!((gap.class, gap.count(), gap.unnamed), (3, 8, 0));
        assert_eq!((gap.first_accepted_at_us, gap.last_accepted_at_us), (Some(5), Some(14)));
    }

    #[test]
    fn a_gap_that_is_told_does_not_grow() {
        let (mut gaps, mut ids) = (ClassGaps::new(0), GapIds { next: 1 });
        gaps.add(&mut ids, Reason::Overflow, &label("a", 1), AT);
        let first = gaps.hand_out();
        assert_eq!(first.len(), 1);
        gaps.add(&mut ids, Reason::Overflow, &label("a", 2), AT);
        assert_eq!(gaps.hand_out(), [], "the second waits for the first");
        gaps.rewind();
        gaps.add(&mut ids, Reason::Overflow, &label("a", 3), AT);
        assert_eq!(gaps.hand_out(), first, "after a lost session, the same again");
        assert!(gaps.told(first[0].id) && !gaps.told(first[0].id));
        assert_eq!(ranges(&gaps.hand_out()[0]), [("a", 2, 3, 2)]);
    }

    #[test]
    fn ranges_are_bounded_and_nothing_is_uncounted() {
        let (mut gaps, mut ids) = (ClassGaps::new(0), GapIds { next: 1 });
        for sequence in 0..1000 {
            gaps.add(&mut ids, Reason::Overflow, &label("a", sequence * 2), AT);
        }
        gaps.add(&mut ids, Reason::Overflow, &label("b", 1), AT);
        gaps.add_unnamed(&mut ids, Reason::Overflow, 4);
        let gap = gaps.iter().next().unwrap().clone();
        assert_eq!((gap.streams.len(), gap.count(), gap.unnamed), (MAX_RANGES, 1005, 5));

        let mut saved = ClassGaps::new(0);
        saved.take_in(Gap { id: 77, ..gap.clone() });
        gaps.hand_out();
        let other = gaps.clone();
        saved.adopt(other);
        assert_eq!(saved.iter().map(Gap::count).sum::<u64>(), 2010);
        assert!(saved.iter().map(|gap| gap.streams.len()).sum::<usize>() <= MAX_RANGES);
        assert_eq!(saved.iter().next(), Some(&gap), "what is being told stays as it is");
    }
}
