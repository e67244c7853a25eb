//! Everything that is counted, by name.

use std::collections::BTreeMap;

/// Counts by name. Names are fixed at compile time and listed in `docs/cloud-mqtt.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters(BTreeMap<&'static str, u64>);

impl Counters {
    /// Counts one more.
    pub fn count(&mut self, name: &'static str) {
        self.add(name, 1);
    }

    /// Counts `n` more.
    pub fn add(&mut self, name: &'static str, n: u64) {
        let counter = self.0.entry(name).or_insert(0);
        *counter = counter.saturating_add(n);
    }

    /// One count.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or(0)
    }

    /// All counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.0.iter().map(|(name, count)| (*name, *count))
    }
}
