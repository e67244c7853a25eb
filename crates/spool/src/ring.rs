//! The items of a class in memory: those that wait for a commit, and, while the disk cannot be written, all that came
//! since.
//!
//! In front are the held ones, which were committed while the disk could not be written and can be read; behind them the
//! fresh ones, which no commit has seen.

use std::collections::VecDeque;
use std::collections::vec_deque::Iter;

use crate::config::MEMORY_OVERHEAD;
use crate::item::Item;

/// Items in the order of their positions.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    items: VecDeque<Item>,
    bytes: u64,
    held: usize,
}

/// What an item takes of the memory.
pub(crate) fn cost(item: &Item) -> u64 {
    cost_of(item.label.stream().len(), item.payload.len())
}

/// What an item with so many octets takes of the memory.
pub(crate) fn cost_of(stream_octets: usize, payload_octets: usize) -> u64 {
    (stream_octets + payload_octets) as u64 + MEMORY_OVERHEAD
}

impl Ring {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn held(&self) -> usize {
        self.held
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn iter(&self) -> Iter<'_, Item> {
        self.items.iter()
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.bytes += cost(&item);
        self.items.push_back(item);
    }

    /// All fresh items are held from now on; how many they were.
    pub(crate) fn hold_all(&mut self) -> usize {
        let fresh = self.items.len() - self.held;
        self.held = self.items.len();
        fresh
    }

    /// The first held item at or behind a position.
    pub(crate) fn held_from(&self, position: u64) -> Option<&Item> {
        let index = self.items.partition_point(|item| item.position < position);
        self.items.get(index).filter(|_| index < self.held)
    }

    /// Takes out the oldest; and whether it was held.
    pub(crate) fn pop_oldest(&mut self) -> Option<(Item, bool)> {
        let item = self.items.pop_front()?;
        self.bytes -= cost(&item);
        let was_held = self.held > 0;
        self.held = self.held.saturating_sub(1);
        Some((item, was_held))
    }

    /// Takes out the newest; and whether it was held.
    pub(crate) fn pop_newest(&mut self) -> Option<(Item, bool)> {
        let item = self.items.pop_back()?;
        self.bytes -= cost(&item);
        let was_held = self.held > self.items.len();
        self.held = self.held.min(self.items.len());
        Some((item, was_held))
    }

    /// Takes out held items before a position.
    pub(crate) fn drop_held_before(&mut self, position: u64) {
        while self.held > 0 && self.items.front().is_some_and(|item| item.position < position) {
            self.pop_oldest();
        }
    }

    /// Takes out the first `count`, which are on disk now.
    pub(crate) fn written(&mut self, count: usize) {
        for _ in 0..count {
            self.pop_oldest();
        }
        if self.items.is_empty() {
            // After a time without a disk it may be large.
            self.items.shrink_to(1024);
        }
    }

    /// Gives every item another position.
    pub(crate) fn shift(&mut self, shift: impl Fn(u64) -> u64) {
        for item in &mut self.items {
            item.position = shift(item.position);
        }
    }
}
