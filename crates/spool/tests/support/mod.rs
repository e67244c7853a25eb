//! What the tests share: a small spool whose items can be told right from wrong by their identity alone.
#![allow(dead_code, reason = "each test uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

use std::time::Duration;

use rsu_units::Timestamp;
use spool::{ClassConfig, Config, Gap, Item, Label, MIN_CLASS_BYTES, Overflow};

/// A day in 2026.
pub(crate) const START: Timestamp = Timestamp::from_micros(1_780_000_000_000_000);

/// Items of the class with this index expire after this time.
pub(crate) const AGED: (usize, Duration) = (2, Duration::from_secs(60));

/// Three of the smallest classes: one of each rule, and one with a maximum age.
pub(crate) fn config(dir: &std::path::Path) -> Config {
    let class = |name| ClassConfig::new(name, MIN_CLASS_BYTES);
    let classes =
        vec![class("event"), class("state").with_overflow(Overflow::RefuseNewest), class("track").with_max_age(AGED.1)];
    Config::new(dir, classes).unwrap().with_max_in_flight(8)
}

/// The stream of a class.
pub(crate) fn stream(class: usize) -> &'static str {
    ["events", "health", "tracks"][class]
}

/// The identity of an item.
pub(crate) fn label(class: usize, sequence: u64) -> Label {
    Label::new(stream(class), 7, sequence).unwrap()
}

/// The payload that an item must have: it follows from its class, number and length.
pub(crate) fn payload(class: usize, sequence: u64, len: usize) -> Vec<u8> {
    let mut state = sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (class as u64) << 56 ^ len as u64;
    let mut octets = Vec::with_capacity(len + 8);
    octets.extend_from_slice(&(len as u32).to_le_bytes());
    while octets.len() < len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        octets.extend_from_slice(&state.to_le_bytes());
    }
    octets.truncate(len);
    octets
}

/// The item is exactly one that could have been pushed.
pub(crate) fn check(item: &Item) {
    let class = item.class;
    assert_eq!((item.label.stream(), item.label.boot()), (stream(class), 7));
    let expected = payload(class, item.label.sequence(), item.payload.len());
    assert!(item.payload == expected, "item {} of class {class} is not what was pushed", item.label.sequence());
}

/// All sequence numbers that a gap names.
pub(crate) fn named(gap: &Gap) -> Vec<u64> {
    let mut all = Vec::new();
    for range in &gap.streams {
        assert_eq!((range.stream.as_str(), range.boot), (stream(gap.class), 7));
        assert_eq!(range.last_sequence - range.first_sequence + 1, range.count, "these tests have few ranges");
        all.extend(range.first_sequence..=range.last_sequence);
    }
    all
}
