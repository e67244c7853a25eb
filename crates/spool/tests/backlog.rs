//! A long time without a link: many items wait, and little memory is taken.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use spool::{ClassConfig, Config, Spool};
use support::{START, check, label, payload};

const ITEMS: u64 = 200_000;

#[test]
fn a_backlog_is_not_held_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let config = || Config::new(dir.path(), vec![ClassConfig::new("event", 128 << 20)]).unwrap();

    let mut spool = None;
    let writing = allocation_counter::measure(|| {
        let opened = spool.insert(Spool::open(config(), START).unwrap());
        for sequence in 1..=ITEMS {
            opened.push(0, START, &label(0, sequence), &payload(0, sequence, 300)).unwrap();
            if sequence % 400 == 0 {
                assert_eq!(opened.commit(START).on_disk, 400);
            }
        }
    });
    assert_eq!(spool.as_ref().map(|spool| spool.stats().classes[0].items), Some(ITEMS));
    drop(spool);
    // The buffer of 256 KiB, its items' strings, and the octets that are written at once.
    assert!(writing.bytes_max < 1_000_000, "{writing:?}");

    let mut spool = None;
    let opening = allocation_counter::measure(|| spool = Some(Spool::open(config(), START).unwrap()));
    let mut spool = spool.unwrap();
    assert_eq!(spool.stats().classes[0].items, ITEMS);
    assert!(opening.bytes_max < 200_000, "{opening:?}");

    let reading = allocation_counter::measure(|| {
        for sequence in 1..=ITEMS {
            let item = spool.next(0).unwrap();
            assert_eq!(item.label.sequence(), sequence);
            check(&item);
            spool.delivered(0, item.position);
        }
    });
    assert!(spool.next(0).is_none());
    assert!(reading.bytes_max < 100_000, "{reading:?}");
}
