//! What was handed out and is not settled yet, and where reading goes on.
//!
//! Items are handed out in the order of their positions; the broker's acknowledgements may come in any order. The cursor
//! is the position before which all is settled: delivered, or dropped and told. Only the cursor is saved, so after a crash
//! an item that was acknowledged before an earlier one comes again.

use std::collections::VecDeque;

use rsu_units::Timestamp;

/// An item that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handed {
    pub(crate) position: u64,
    pub(crate) accepted_at: Timestamp,
    fate: Fate,
}

/// What became of an item that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is to be handed out again.
    Waiting,
    /// It may still be delivered.
    InFlight,
    /// Delivered, or given up.
    Done,
}

impl Handed {
    fn is_done(&self) -> bool {
        self.fate == Fate::Done
    }
}

/// The items under way of one class.
#[derive(Debug, Default)]
pub(crate) struct Flight {
    cursor: u64,
    read_at: u64,
    window: VecDeque<Handed>,
}

/// What to do with an item that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Hand it out.
    HandOut,
    /// It is done, or in flight already.
    Skip,
}

impl Flight {
    /// Nothing under way; reading begins at the cursor.
    pub(crate) fn new(cursor: u64) -> Self {
        Self { cursor, read_at: cursor, window: VecDeque::new() }
    }

    /// All before it is settled.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Where reading goes on.
    pub(crate) fn read_at(&self) -> u64 {
        self.read_at
    }

    /// Items that were handed out since the last rewind and may still be delivered.
    pub(crate) fn in_flight(&self) -> usize {
        self.window.iter().filter(|handed| handed.fate == Fate::InFlight).count()
    }

    /// No more can be handed out before something is delivered.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        self.window.partition_point(|handed| handed.position < self.read_at) >= most
    }

    /// The oldest item that is not settled was handed out and may still be delivered.
    pub(crate) fn holds_front(&self) -> bool {
        self.window.front().is_some_and(|front| front.fate == Fate::InFlight && front.position <= self.read_at)
    }

    /// When the oldest item that was handed out had been accepted.
    pub(crate) fn oldest(&self) -> Option<Timestamp> {
        self.window.iter().find(|handed| !handed.is_done()).map(|handed| handed.accepted_at)
    }

    /// The item at `position` is done, whatever became of it.
    pub(crate) fn is_done(&self, position: u64) -> bool {
        position < self.cursor
            || self.find(position).ok().and_then(|index| self.window.get(index)).is_some_and(Handed::is_done)
    }

    /// An item was read.
    pub(crate) fn read(&mut self, position: u64, accepted_at: Timestamp) -> Turn {
        if position < self.cursor {
            return Turn::Skip;
        }
        self.read_at = self.read_at.max(position.saturating_add(1));
        let turn = match self.find(position) {
            Ok(index) => match self.window.get_mut(index) {
                Some(handed) if handed.fate == Fate::Waiting => {
                    handed.fate = Fate::InFlight;
                    Turn::HandOut
                }
                _ => Turn::Skip,
            },
            Err(index) => {
                self.window.insert(index, Handed { position, accepted_at, fate: Fate::InFlight });
                Turn::HandOut
            }
        };
        self.advance();
        turn
    }

    /// There is nothing to read before `position`.
    pub(crate) fn read_on_at(&mut self, position: u64) {
        self.read_at = self.read_at.max(position);
        self.advance();
    }

    /// The item at `position` is delivered or given up. False if it was not under way.
    pub(crate) fn settle(&mut self, position: u64) -> bool {
        let Some(handed) = self.find(position).ok().and_then(|index| self.window.get_mut(index)) else { return false };
        let first = !handed.is_done();
        handed.fate = Fate::Done;
        self.advance();
        first
    }

    /// There is nothing any more from `from` to `to`, and reading goes on at `to`. Nobody waits for what was handed out there.
    pub(crate) fn skip(&mut self, from: u64, to: u64) {
        for handed in self.window.iter_mut().filter(|handed| (from..to).contains(&handed.position)) {
            handed.fate = Fate::Done;
        }
        self.read_on_at(to);
    }

    /// All before `position` is given up.
    pub(crate) fn settle_before(&mut self, position: u64) {
        while self.window.front().is_some_and(|handed| handed.position < position) {
            self.window.pop_front();
        }
        self.cursor = self.cursor.max(position);
        self.read_at = self.read_at.max(position);
        self.advance();
    }

    /// Reading begins again at the cursor.
    pub(crate) fn rewind(&mut self) {
        self.read_at = self.cursor;
        for handed in self.window.iter_mut().filter(|handed| !handed.is_done()) {
            handed.fate = Fate::Waiting;
        }
    }

    /// Takes over what is under way of another, whose positions become `shift(position)`.
    pub(crate) fn adopt(&mut self, other: Self, shift: impl Fn(u64) -> u64) {
        for mut handed in other.window {
            handed.position = shift(handed.position);
            self.window.push_back(handed);
        }
        self.advance();
    }

    fn find(&self, position: u64) -> Result<usize, usize> {
        self.window.binary_search_by_key(&position, |handed| handed.position)
    }

    fn advance(&mut self) {
        // Only what has been read up to: before a later one there may be items that were not read yet.
        while let Some(front) = self.window.front().filter(|front| front.is_done() && front.position <= self.read_at) {
            self.read_at = self.read_at.max(front.position.saturating_add(1));
            self.window.pop_front();
        }
        let front = self.window.front().map_or(self.read_at, |front| front.position.min(self.read_at));
        self.cursor = self.cursor.max(front);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_micros(0);

    fn flight(positions: impl IntoIterator<Item = u64>) -> Flight {
        let mut flight = Flight::new(1);
        for position in positions {
            assert_eq!(flight.read(position, AT), Turn::HandOut);
        }
        flight
    }

    #[test]
    fn the_cursor_waits_for_the_oldest() {
        let mut flight = flight(1..=4);
        assert!(flight.settle(2) && flight.settle(3));
        assert_eq!((flight.cursor(), flight.in_flight()), (1, 2));
        assert!(flight.settle(1));
        assert_eq!((flight.cursor(), flight.in_flight()), (4, 1));
        assert!(!flight.settle(2) && !flight.settle(9), "done, and never handed out");
        assert!(flight.settle(4));
        assert_eq!(flight.cursor(), 5);
    }

    #[test]
    fn after_a_rewind_what_is_done_is_skipped() {
        let mut flight = flight(1..=4);
        flight.settle(3);
        flight.rewind();
        assert_eq!((flight.read_at(), flight.in_flight()), (1, 0));
        assert_eq!(flight.read(1, AT), Turn::HandOut);
        assert!(flight.settle(2), "a late acknowledgement counts");
        assert_eq!(flight.read(2, AT), Turn::Skip);
        assert_eq!(flight.read(3, AT), Turn::Skip);
        assert!(flight.settle(1));
        assert_eq!(flight.cursor(), 4);
        assert_eq!(flight.read(4, AT), Turn::HandOut);
    }

    #[test]
    fn positions_that_are_not_there_do_not_hold_the_cursor() {
        let mut flight = flight([1, 5, 9]);
        assert!(flight.settle(1) && flight.settle(9));
        assert_eq!(flight.cursor(), 5);
        flight.rewind();
        flight.settle(5);
        // 6 to 8 were not looked at again.
        assert_eq!((flight.cursor(), flight.read_at()), (6, 6));
        flight.read_on_at(9);
        assert_eq!(flight.cursor(), 10);
    }

    #[test]
    fn what_is_given_up_is_not_waited_for() {
        let mut flight = flight(1..=4);
        flight.settle_before(3);
        assert_eq!((flight.cursor(), flight.in_flight()), (3, 2));
        assert!(!flight.settle(1));
        flight.settle_before(10);
        assert_eq!((flight.cursor(), flight.read_at(), flight.in_flight()), (10, 10, 0));
    }

    #[test]
    fn what_was_handed_out_and_is_gone_does_not_hold_the_cursor() {
        let mut flight = flight(1..=4);
        flight.rewind();
        flight.skip(1, 3);
        assert_eq!((flight.cursor(), flight.read_at()), (3, 3));
        assert_eq!(flight.read(3, AT), Turn::HandOut);
        flight.skip(4, 6);
        assert!(flight.settle(3));
        assert_eq!((flight.cursor(), flight.in_flight()), (6, 0));
    }

    #[test]
    fn items_that_turn_up_before_those_under_way_are_read() {
        let mut ring = flight([1, 2, 3]);
        ring.settle(2);
        let mut flight = Flight::new(5);
        flight.adopt(ring, |position| position + 100);
        assert_eq!((flight.cursor(), flight.read_at()), (5, 5));
        flight.settle(101);
        assert_eq!(flight.cursor(), 5, "what is before is not read yet");
        assert_eq!(flight.read(5, AT), Turn::HandOut);
        assert!(flight.settle(5));
        flight.read_on_at(101);
        assert_eq!(flight.read(101, AT), Turn::Skip);
        assert_eq!(flight.cursor(), 103);
        assert_eq!(flight.read(103, AT), Turn::Skip, "it is in flight still");
        assert!(flight.settle(103));
        assert_eq!(flight.cursor(), 104);
    }

    #[test]
    fn the_window_is_bounded_by_what_was_handed_out() {
        let mut flight = flight(1..=3);
        assert!(flight.is_full(3));
        flight.settle(2);
        assert!(flight.is_full(3), "the oldest holds the window");
        flight.rewind();
        assert!(!flight.is_full(3));
    }
}
