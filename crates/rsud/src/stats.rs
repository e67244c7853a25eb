//! Counters of the I/O shell, by name, and log lines that cannot flood.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

type Key = (&'static str, &'static str, &'static str);

/// Counters that all tasks share. A name has up to three parts, `<part>.<group>.<what>`; `docs/cloud-mqtt.md` lists them.
#[derive(Debug, Clone, Default)]
pub struct Stats(Arc<Mutex<BTreeMap<Key, u64>>>);

impl Stats {
    /// Counts one more of `part.what`.
    pub fn count(&self, part: &'static str, what: &'static str) {
        self.add(part, "", what, 1);
    }

    /// Counts `n` more of `part.group.what`; an empty group is left out of the name.
    pub fn add(&self, part: &'static str, group: &'static str, what: &'static str, n: u64) {
        let mut counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counter = counters.entry((part, group, what)).or_insert(0);
        *counter = counter.saturating_add(n);
    }

    /// All counts by their full names.
    #[must_use]
    pub fn snapshot(&self) -> BTreeMap<String, u64> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |(part, group, what): &Key| {
            if group.is_empty() { format!("{part}.{what}") } else { format!("{part}.{group}.{what}") }
        };
        counters.iter().map(|(key, count)| (name(key), *count)).collect()
    }
}

/// Lets a log line through at most once in a while and counts those it held back.
#[derive(Debug)]
pub struct LogGate {
    every: Duration,
    last: Option<Instant>,
    held_back: u64,
}

impl LogGate {
    /// A gate that opens at most once per `every`.
    #[must_use]
    pub fn new(every: Duration) -> Self {
        Self { every, last: None, held_back: 0 }
    }

    /// `Some(n)` when a line may be written now, `n` lines having been held back since the last one.
    #[allow(clippy::disallowed_methods, reason = "the pace of log lines is the shell's own matter")]
    pub fn open(&mut self) -> Option<u64> {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) < self.every) {
            self.held_back += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_holds_back_and_says_how_many() {
        let mut gate = LogGate::new(Duration::from_secs(3600));
        assert_eq!(gate.open(), Some(0));
        assert_eq!((gate.open(), gate.open()), (None, None));
        let mut gate = LogGate { every: Duration::ZERO, ..gate };
        assert_eq!(gate.open(), Some(2));
    }
}
