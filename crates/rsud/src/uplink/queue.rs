//! Items that wait for the link, each priority in a queue of its own.
//!
//! When a queue is full its oldest item goes: the newest track list beats the oldest, and of events the cloud needs the
//! latest state first. Queues do not take each other's place, so no flood of messages costs an event. Each item that
//! goes is counted by priority.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use edge_core::{Item, Priority, Publication};
use tokio::sync::Notify;

/// The waiting items.
#[derive(Debug)]
pub struct Waiting {
    queues: Mutex<[Queue; 4]>,
    filled: Notify,
}

#[derive(Debug)]
struct Queue {
    items: VecDeque<Item>,
    capacity: usize,
}

impl Waiting {
    /// Empty queues with room for so many items of each priority.
    #[must_use]
    pub fn new(capacity: impl Fn(Priority) -> usize) -> Self {
        let queue = |priority| Queue { items: VecDeque::new(), capacity: capacity(priority).max(1) };
        Self { queues: Mutex::new(Priority::ALL.map(queue)), filled: Notify::new() }
    }

    /// Puts an item in. Returns the priority of the item that had to go, if one had to.
    pub fn push(&self, publication: Publication) -> Option<Priority> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let mut dropped = None;
        if let Some(queue) = queues.get_mut(publication.priority as usize) {
            if queue.items.len() >= queue.capacity {
                queue.items.pop_front();
                dropped = Some(publication.priority);
            }
            queue.items.push_back(publication.item);
        }
        drop(queues);
        self.filled.notify_one();
        dropped
    }

    /// Puts an item back that could not be delivered, in front of all others of its priority. It goes itself when there
    /// is no room any more.
    pub fn put_back(&self, priority: Priority, item: Item) -> Option<Priority> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queues.get_mut(priority as usize)?;
        if queue.items.len() >= queue.capacity {
            return Some(priority);
        }
        queue.items.push_front(item);
        None
    }

    /// The most urgent item that waits longest.
    pub fn pop(&self) -> Option<(Priority, Item)> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        Priority::ALL
            .into_iter()
            .zip(queues.iter_mut())
            .find_map(|(priority, queue)| queue.items.pop_front().map(|item| (priority, item)))
    }

    /// Waits until an item may be there.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Number of items that wait, by priority.
    #[must_use]
    pub fn depths(&self) -> [(Priority, usize); 4] {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let mut depths = Priority::ALL.map(|priority| (priority, 0));
        for ((_, depth), queue) in depths.iter_mut().zip(queues.iter()) {
            *depth = queue.items.len();
        }
        depths
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.depths().iter().all(|(_, depth)| *depth == 0)
    }
}

#[cfg(test)]
mod tests {
    use rsu_proto::v1;

    use super::*;

    fn event(id: u64) -> Publication {
        let event = v1::TrafficEvent { event_id: id, ..v1::TrafficEvent::default() };
        Publication { priority: Priority::Event, item: Item::Event(event) }
    }

    fn tracks(at: i64) -> Publication {
        let list = v1::TrackList { state_at_us: at, ..v1::TrackList::default() };
        Publication { priority: Priority::Track, item: Item::Tracks(list) }
    }

    #[test]
    fn urgent_first_and_each_queue_for_itself() {
        let waiting = Waiting::new(|_| 2);
        let dropped: Vec<_> = [tracks(1), event(1), tracks(2), tracks(3)].map(|o| waiting.push(o)).into();
        assert_eq!(dropped, [None, None, None, Some(Priority::Track)]);
        assert_eq!(waiting.pop(), Some((Priority::Event, event(1).item)));
        assert_eq!(waiting.pop(), Some((Priority::Track, tracks(2).item)));
        assert_eq!(waiting.put_back(Priority::Track, tracks(2).item), None);
        assert_eq!(waiting.pop(), Some((Priority::Track, tracks(2).item)));
        assert_eq!(waiting.depths().map(|(_, depth)| depth), [0, 0, 1, 0]);
    }

    #[test]
    fn what_comes_back_to_a_full_queue_goes() {
        let waiting = Waiting::new(|_| 1);
        waiting.push(tracks(5));
        assert_eq!(waiting.put_back(Priority::Track, tracks(4).item), Some(Priority::Track));
        assert_eq!(waiting.pop(), Some((Priority::Track, tracks(5).item)));
        assert!(waiting.is_empty());
    }
}
