//! Latency from the arrival of a datagram at the RSU to the delivery at a subscriber.

use edge_core::Item;
use hdrhistogram::Histogram;
use rsu_units::Timestamp;
use serde_json::{Value, json};

/// One kind of latency, in microseconds up to a minute.
#[derive(Debug, Clone)]
pub(crate) struct Latency(Histogram<u64>);

impl Default for Latency {
    #[allow(clippy::expect_used, reason = "the bounds are constants that the histogram accepts")]
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, 60_000_000, 3).expect("constant bounds"))
    }
}

impl Latency {
    pub(crate) fn record(&mut self, from_us: i64, to: Timestamp) {
        let micros = u64::try_from(to.as_micros().saturating_sub(from_us)).unwrap_or(0);
        self.0.saturating_record(micros);
    }

    pub(crate) fn millis(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1000.0
    }

    pub(crate) fn to_json(&self) -> Value {
        if self.0.is_empty() {
            return json!({ "count": 0 });
        }
        json!({
            "p50": self.millis(0.5),
            "p99": self.millis(0.99),
            "max": self.0.max() as f64 / 1000.0,
            "count": self.0.len(),
        })
    }
}

/// Latencies of everything that was delivered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies {
    /// Of each delivered item: of a message its own datagram, of an event the datagram that brought it about, of a track
    /// list the newest datagram in it.
    pub(crate) all: Latency,
    pub(crate) messages: Latency,
    pub(crate) events: Latency,
    /// Of track lists: the newest datagram in the list.
    pub(crate) tracks_newest: Latency,
    /// Of track lists: the oldest datagram that is in no earlier list; includes the wait for the 10 Hz instant.
    pub(crate) tracks_oldest: Latency,
}

impl Latencies {
    pub(crate) fn record(&mut self, item: &Item, at: Timestamp) {
        let cause_us = item.header().map_or(0, |header| header.caused_by_arrival_us);
        match item {
            Item::Tracks(list) if list.newest_input_arrival_us > 0 => {
                self.all.record(list.newest_input_arrival_us, at);
                self.tracks_newest.record(list.newest_input_arrival_us, at);
                self.tracks_oldest.record(list.oldest_input_arrival_us, at);
            }
            Item::Event(_) if cause_us > 0 => {
                self.all.record(cause_us, at);
                self.events.record(cause_us, at);
            }
            Item::V2x(_) if cause_us > 0 => {
                self.all.record(cause_us, at);
                self.messages.record(cause_us, at);
            }
            _ => {}
        }
    }

    pub(crate) fn by_kind(&self) -> Value {
        json!({
            "messages": self.messages.to_json(),
            "events": self.events.to_json(),
            "tracks_newest_input": self.tracks_newest.to_json(),
            "tracks_oldest_input": self.tracks_oldest.to_json(),
        })
    }
}
