//! Where items wait between the core and the disk: a moment, unless the disk is slow.
//!
//! Each priority has a queue of its own, so no flood of messages costs an event. When a queue is full its oldest item goes;
//! which ones went is remembered and told to the cloud as a gap, like all that is dropped.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use edge_core::{Priority, Publication};
use rsu_proto::v1::v2x_message::Content;
use tokio::sync::Notify;

use crate::downlink::commander::Reply;

/// Items of one stream that had to go, from the first to the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Their priority.
    pub priority: Priority,
    /// Their stream.
    pub stream: String,
    /// Sequence of the first one.
    pub first: u64,
    /// Sequence of the last one: all in between went too.
    pub last: u64,
}

/// The waiting items.
#[derive(Debug)]
pub struct Waiting {
    inner: Mutex<Inner>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    queues: [VecDeque<Arc<Publication>>; Priority::ALL.len()],
    /// By priority and stream: what went since it was last asked for. Streams are few, and a queue's oldest go in order.
    missed: BTreeMap<(Priority, String), Vec<(u64, u64)>>,
    /// What was sent on the air, for platforms that want it. It is worth nothing later.
    sent: VecDeque<Arc<Content>>,
    /// Answers to commands.
    replies: VecDeque<Reply>,
}

/// Room for answers: each was asked for.
const REPLIES: usize = 256;

/// Room for what was sent on the air.
const SENT: usize = 64;

/// Ranges that are remembered of a stream; beyond, the last one is widened, and tells too much rather than too little.
const MAX_RANGES: usize = 16;

/// Room for the items of a priority: what comes in some seconds at full load.
fn capacity(priority: Priority) -> usize {
    match priority {
        Priority::Emergency | Priority::Event | Priority::Message => 4096,
        Priority::State => 256,
        Priority::Track => 64,
    }
}

impl Default for Waiting {
    fn default() -> Self {
        Self { inner: Mutex::default(), filled: Notify::new() }
    }
}

impl Waiting {
    /// Puts an item in. Returns false when the oldest of its priority had to go.
    pub fn push(&self, publication: Arc<Publication>) -> bool {
        let priority = publication.priority;
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = inner.queues.get_mut(priority as usize) else { return false };
        let dropped = if queue.len() >= capacity(priority) { queue.pop_front() } else { None };
        queue.push_back(publication);
        if let Some(header) = dropped.as_deref().and_then(|dropped| dropped.item.header()) {
            let ranges = inner.missed.entry((priority, header.stream.clone())).or_default();
            let full = ranges.len() >= MAX_RANGES;
            match ranges.last_mut() {
                Some((_, last)) if full || *last + 1 == header.sequence => *last = header.sequence,
                _ => ranges.push((header.sequence, header.sequence)),
            }
        }
        drop(inner);
        self.filled.notify_one();
        dropped.is_none()
    }

    /// Takes what was sent on the air. Returns false when the oldest of it had to go.
    pub fn push_sent(&self, content: Arc<Content>) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let full = inner.sent.len() >= SENT && inner.sent.pop_front().is_some();
        inner.sent.push_back(content);
        drop(inner);
        self.filled.notify_one();
        !full
    }

    /// Takes an answer to a command. Returns false when the oldest one had to go.
    pub fn push_reply(&self, reply: Reply) -> bool {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let full = inner.replies.len() >= REPLIES && inner.replies.pop_front().is_some();
        inner.replies.push_back(reply);
        drop(inner);
        self.filled.notify_one();
        !full
    }

    /// The oldest answer.
    pub fn pop_reply(&self) -> Option<Reply> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).replies.pop_front()
    }

    /// The oldest of what was sent on the air.
    pub fn pop_sent(&self) -> Option<Arc<Content>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).sent.pop_front()
    }

    /// The most urgent item that waits longest.
    pub fn pop(&self) -> Option<Arc<Publication>> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.queues.iter_mut().find_map(VecDeque::pop_front)
    }

    /// What had to go since this was last asked.
    pub fn missed(&self) -> Vec<Missed> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = Vec::new();
        for ((priority, stream), ranges) in std::mem::take(&mut inner.missed) {
            let missed = |(first, last)| Missed { priority, stream: stream.clone(), first, last };
            all.extend(ranges.into_iter().map(missed));
        }
        all
    }

    /// Waits until an item may be there.
    pub async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Number of items that wait, by priority.
    #[must_use]
    pub fn depths(&self) -> [(Priority, usize); Priority::ALL.len()] {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut depths = Priority::ALL.map(|priority| (priority, 0));
        for ((_, depth), queue) in depths.iter_mut().zip(&inner.queues) {
            *depth = queue.len();
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
    use edge_core::Item;
    use rsu_proto::v1;

    use super::*;

    fn tracks(sequence: u64) -> Arc<Publication> {
        let header = v1::Header { stream: "tracks".into(), sequence, ..v1::Header::default() };
        let list = v1::TrackList { header: Some(header), ..v1::TrackList::default() };
        Arc::new(Publication { priority: Priority::Track, item: Item::Tracks(list) })
    }

    fn event(priority: Priority) -> Arc<Publication> {
        Arc::new(Publication { priority, item: Item::Event(v1::TrafficEvent::default()) })
    }

    #[test]
    fn urgent_first_and_each_queue_for_itself() {
        let waiting = Waiting::default();
        for sequence in 1..=64 {
            assert!(waiting.push(tracks(sequence)));
        }
        assert!(waiting.push(event(Priority::Event)) && waiting.push(event(Priority::Emergency)));
        assert_eq!(waiting.depths().map(|(_, depth)| depth), [1, 1, 0, 64, 0]);
        let order: Vec<Priority> = std::iter::from_fn(|| waiting.pop()).map(|o| o.priority).take(3).collect();
        assert_eq!(order, [Priority::Emergency, Priority::Event, Priority::Track]);
        assert_eq!(waiting.missed(), []);
    }

    #[test]
    fn who_had_to_go_is_told_once() {
        let waiting = Waiting::default();
        let dropped = (1..=70).filter(|sequence| !waiting.push(tracks(*sequence))).count();
        assert_eq!(dropped, 6);
        let missed = Missed { priority: Priority::Track, stream: "tracks".into(), first: 1, last: 6 };
        assert_eq!(waiting.missed(), [missed]);
        assert_eq!(waiting.missed(), []);
        assert_eq!(waiting.pop().unwrap().item.header().unwrap().sequence, 7);
    }
}
