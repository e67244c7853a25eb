//! Positions that are known to be lost to damage and were told: the same damage is found again at each opening, and must
//! not be told again.

/// Most holes that are remembered. Beyond, the oldest is forgotten and, if it is met again, told again: rather twice than
/// never.
pub(crate) const MAX_HOLES: usize = 32;

/// Ranges of positions, from (inclusive) and to (exclusive), in order and apart from each other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Holes(Vec<(u64, u64)>);

impl Holes {
    /// Those that were saved. What is no range is left out.
    pub(crate) fn new(saved: &[(u64, u64)]) -> Self {
        let mut holes = Self::default();
        for &(from, to) in saved.iter().take(MAX_HOLES) {
            holes.add(from, to);
        }
        holes
    }

    pub(crate) fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// What of a range is not known yet.
    pub(crate) fn unknown(&self, from: u64, to: u64) -> Vec<(u64, u64)> {
        let mut unknown = Vec::new();
        let mut at = from;
        for &(start, end) in self.0.iter().filter(|(start, end)| *end > from && *start < to) {
            if start > at {
                unknown.push((at, start));
            }
            at = at.max(end);
        }
        if at < to {
            unknown.push((at, to));
        }
        unknown
    }

    /// Remembers a range.
    pub(crate) fn add(&mut self, from: u64, to: u64) {
        if from >= to {
            return;
        }
        let (mut from, mut to) = (from, to);
        self.0.retain(|&(start, end)| {
            let touches = start <= to && end >= from;
            if touches {
                from = from.min(start);
                to = to.max(end);
            }
            !touches
        });
        let index = self.0.partition_point(|(start, _)| *start < from);
        self.0.insert(index, (from, to));
        if self.0.len() > MAX_HOLES {
            self.0.remove(0);
        }
    }

    /// Forgets what lies before the cursor: nobody reads there again.
    pub(crate) fn forget_before(&mut self, cursor: u64) {
        self.0.retain(|(_, end)| *end > cursor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_not_told_again() {
        let mut holes = Holes::default();
        holes.add(10, 20);
        holes.add(30, 40);
        assert_eq!(holes.unknown(5, 50), [(5, 10), (20, 30), (40, 50)]);
        assert_eq!(holes.unknown(12, 18), []);
        assert_eq!(holes.unknown(15, 25), [(20, 25)]);
        holes.add(20, 30);
        assert_eq!(holes.ranges(), [(10, 40)]);
        holes.add(7, 7);
        holes.forget_before(40);
        assert_eq!(holes.ranges(), []);
    }

    #[test]
    fn they_are_bounded() {
        let mut holes = Holes::default();
        for index in 0..100 {
            holes.add(index * 10, index * 10 + 5);
        }
        assert_eq!(holes.ranges().len(), MAX_HOLES);
        assert_eq!(holes.unknown(0, 5), [(0, 5)], "the oldest is forgotten, and would be told again");
    }
}
