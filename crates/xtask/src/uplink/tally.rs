//! What was delivered, lost and repeated.

use std::collections::{BTreeMap, HashMap};

use super::load::Offered;

/// An item as a receipt tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    /// Of the process that made it; 0 where the source numbers items.
    pub(crate) run: i64,
    /// Counts up from 1.
    pub(crate) sequence: u64,
    /// Microseconds since the Unix epoch.
    pub(crate) made_us: i64,
}

/// All items that came, once each.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received {
    /// When each was made and came first.
    pub(crate) first: HashMap<(i64, u64), (i64, i64)>,
    pub(crate) duplicates: u64,
    /// Octets of all payloads.
    octets: u64,
    receipts: u64,
}

impl Received {
    pub(crate) fn add(&mut self, item: Item, at_us: i64, octets: usize) {
        self.octets += octets as u64;
        self.receipts += 1;
        if let std::collections::hash_map::Entry::Vacant(place) = self.first.entry((item.run, item.sequence)) {
            place.insert((item.made_us, at_us));
        } else {
            self.duplicates += 1;
        }
    }

    /// Mean size of a payload.
    pub(crate) fn payload(&self) -> Option<usize> {
        self.octets.checked_div(self.receipts).map(|octets| octets as usize)
    }

    /// The last sequence of each run.
    pub(crate) fn last(&self) -> BTreeMap<i64, u64> {
        let mut last = BTreeMap::new();
        for (run, sequence) in self.first.keys() {
            let known = last.entry(*run).or_insert(0);
            *known = (*known).max(*sequence);
        }
        last
    }
}

/// How many items were accepted, and how many of those did not come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) accepted: u64,
    pub(crate) lost: u64,
}

impl Balance {
    /// Where an acknowledgement says that an item is accepted.
    pub(crate) fn of_acknowledged(offered: &Offered, received: &Received) -> Self {
        let lost = offered.acknowledged.iter().filter(|number| !received.first.contains_key(&(0, **number)));
        Self { accepted: offered.acknowledged.len() as u64, lost: lost.count() as u64 }
    }

    /// Where sequences are dense: all of a run up to the last one that was seen anywhere.
    pub(crate) fn of_dense(last_on_disk: &BTreeMap<i64, u64>, received: &Received) -> Self {
        let mut last = received.last();
        for (run, sequence) in last_on_disk {
            let known = last.entry(*run).or_insert(0);
            *known = (*known).max(*sequence);
        }
        let accepted: u64 = last.values().sum();
        Self { accepted, lost: accepted - received.first.len() as u64 }
    }
}

/// Delivery times, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Delivery {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Delivery {
    /// Of times in microseconds, by nearest rank.
    pub(crate) fn of(mut times_us: Vec<i64>) -> Option<Self> {
        times_us.sort_unstable();
        let rank = |part: f64| {
            let place = (part * times_us.len() as f64).ceil().max(1.0) as usize - 1;
            times_us.get(place).map(|us| *us as f64 / 1000.0)
        };
        Some(Self { p50: rank(0.5)?, p99: rank(0.99)?, max: rank(1.0)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(items: &[(i64, u64)]) -> Received {
        let mut received = Received::default();
        for (run, sequence) in items {
            received.add(Item { run: *run, sequence: *sequence, made_us: 1 }, 5, 100);
        }
        received
    }

    #[test]
    fn what_comes_twice_is_a_duplicate() {
        let received = received(&[(1, 1), (1, 2), (1, 1), (2, 1)]);
        assert_eq!((received.first.len(), received.duplicates, received.payload()), (3, 1, Some(100)));
        assert_eq!(received.last(), [(1, 2), (2, 1)].into());
        assert_eq!(Received::default().payload(), None);
    }

    #[test]
    fn what_was_acknowledged_and_did_not_come_is_lost() {
        let offered = Offered { items: 5, acknowledged: [1, 2, 4].into(), ..Offered::default() };
        // The third came without an acknowledgement.
        let balance = Balance::of_acknowledged(&offered, &received(&[(0, 1), (0, 3), (0, 4)]));
        assert_eq!(balance, Balance { accepted: 3, lost: 1 });
    }

    #[test]
    fn all_before_the_last_was_accepted() {
        let received = received(&[(7, 1), (7, 2), (7, 5), (9, 1)]);
        let on_disk = [(7, 4), (8, 2), (9, 3)].into();
        // Of run 7 two are missing, all of run 8, and two of run 9.
        assert_eq!(Balance::of_dense(&on_disk, &received), Balance { accepted: 10, lost: 6 });
    }

    #[test]
    fn ranks_are_the_nearest() {
        let delivery = Delivery::of((1..=100).rev().map(|ms| ms * 1000).collect()).unwrap();
        assert_eq!(delivery, Delivery { p50: 50.0, p99: 99.0, max: 100.0 });
        assert_eq!(Delivery::of(vec![3000]), Some(Delivery { p50: 3.0, p99: 3.0, max: 3.0 }));
        assert_eq!(Delivery::of(Vec::new()), None);
    }
}
