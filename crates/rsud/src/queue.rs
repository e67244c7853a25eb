//! The bounded queue between an adapter and the core: when it is full, the newest beats the oldest.

use std::sync::Arc;

use crossbeam_queue::ArrayQueue;
use tokio::sync::Notify;

/// The adapter's end.
#[derive(Debug, Clone)]
pub struct Sender<T> {
    queue: Arc<ArrayQueue<T>>,
    filled: Arc<Notify>,
}

/// The core's end.
#[derive(Debug)]
pub struct Receiver<T> {
    queue: Arc<ArrayQueue<T>>,
}

/// A queue for `capacity` (at least one) items; `filled` is told whenever an item comes in.
#[must_use]
pub fn bounded<T>(capacity: usize, filled: &Arc<Notify>) -> (Sender<T>, Receiver<T>) {
    let queue = Arc::new(ArrayQueue::new(capacity.max(1)));
    (Sender { queue: Arc::clone(&queue), filled: Arc::clone(filled) }, Receiver { queue })
}

impl<T> Sender<T> {
    /// Puts an item in. Returns true when the oldest item had to go for it.
    pub fn push(&self, item: T) -> bool {
        let full = self.queue.force_push(item).is_some();
        self.filled.notify_one();
        full
    }
}

impl<T> Receiver<T> {
    /// The oldest item.
    pub fn pop(&self) -> Option<T> {
        self.queue.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_beats_the_oldest() {
        let (sender, receiver) = bounded(2, &Arc::new(Notify::new()));
        assert_eq!([1, 2, 3].map(|item| sender.push(item)), [false, false, true]);
        assert_eq!((receiver.pop(), receiver.pop(), receiver.pop()), (Some(2), Some(3), None));
    }
}
