//! What a technician's command shows: of a running spool, of a sound one, and of a damaged one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use std::fs;

use spool::{Damage, DamageKind, Spool, inspect, verify};
use support::{START, config, label, payload};

#[test]
fn a_spool_can_be_looked_at_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    assert!(inspect(dir.path().join("none")).unwrap_err().to_string().contains("none"));
    let mut spool = Spool::open(config(dir.path()), START).unwrap();
    let boot = spool.boot_id(START).id;
    for sequence in 1..=40 {
        spool.push(0, START, &label(0, sequence), &payload(0, sequence, 1000)).unwrap();
        spool.commit(START);
    }
    for _ in 0..5 {
        let item = spool.next(0).unwrap();
        spool.delivered(0, item.position);
    }
    spool.tick(START + std::time::Duration::from_secs(1));
    spool.push(0, START, &label(0, 41), &vec![0; 100_000]).unwrap_err();
    spool.tick(START + std::time::Duration::from_secs(2));
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();

    for report in [inspect(dir.path()).unwrap(), verify(dir.path()).unwrap()] {
        assert!(report.is_sound(), "{report:?}");
        assert_eq!((report.boot, report.other_files.as_slice()), (Some(boot), ["notes.txt".to_string()].as_slice()));
        let names: Vec<_> = report.classes.iter().map(|class| class.name.as_str()).collect();
        assert_eq!(names, ["event", "state", "track"]);
        let event = &report.classes[0];
        assert_eq!((event.items, event.settled_items, event.segments), (35, 5, 3));
        assert_eq!((event.cursor, event.first_position, event.last_position), (Some(6), Some(6), Some(40)));
        assert_eq!(event.oldest_accepted_at_us, Some(START.as_micros()));
        assert_eq!(event.gaps.len(), 1);
        assert!(serde_json::to_string(&report).unwrap().contains("\"reason\":\"refused\""));
    }
}

#[test]
fn damage_is_shown_with_its_file_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = Spool::open(config(dir.path()), START).unwrap();
    for sequence in 1..=40 {
        spool.push(0, START, &label(0, sequence), &payload(0, sequence, 1000)).unwrap();
        spool.commit(START);
    }
    spool.close(START);
    let mut names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    let segments: Vec<_> = names.iter().filter_map(|name| name.to_str()).filter(|n| n.starts_with("event")).collect();
    assert_eq!(segments.len(), 3);
    let record = 49 + 6 + 1000;
    let change = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut octets = fs::read(dir.path().join(name)).unwrap();
        change(&mut octets);
        fs::write(dir.path().join(name), octets).unwrap();
    };
    // The third item's payload; the fifth's head; and the second segment's last item.
    change(segments[0], &|octets| octets[64 + 2 * record + 500] ^= 1);
    change(segments[0], &|octets| octets[64 + 4 * record + 20] ^= 1);
    change(segments[1], &|octets| octets.truncate(octets.len() - 10));

    let report = verify(dir.path()).unwrap();
    let places: Vec<_> = report.damage.iter().map(place).collect();
    let third = 64 + 2 * record as u64;
    let fifth = 64 + 4 * record as u64;
    let last = 64 + 14 * record as u64;
    assert_eq!(
        places,
        [
            (segments[0], third, 55, DamageKind::Payload, Some(3), 0),
            (segments[0], third, record as u64, DamageKind::Records, None, 0),
            (segments[0], third + record as u64, 0, DamageKind::Missing, Some(3), 1),
            (segments[0], fifth, record as u64, DamageKind::Records, None, 0),
            (segments[0], fifth + record as u64, 0, DamageKind::Missing, Some(5), 1),
            (segments[1], last, 55, DamageKind::Payload, Some(30), 0),
            (segments[1], last, record as u64 - 10, DamageKind::Records, None, 0),
            (segments[2], 0, 0, DamageKind::Missing, Some(30), 1),
        ]
    );
    assert!(report.damage.iter().all(|damage| !damage.told));
    assert_eq!(report.classes[0].items, 37);

    // Once the spool has found it itself, it is known to be told.
    Spool::open(config(dir.path()), START).unwrap().close(START);
    let report = verify(dir.path()).unwrap();
    assert!(report.damage.iter().filter(|damage| damage.kind == DamageKind::Missing).all(|damage| damage.told));
    assert_eq!(report.classes[0].gaps[0].count(), 3);
}

fn place(damage: &Damage) -> (&str, u64, u64, DamageKind, Option<u64>, u64) {
    (&damage.file, damage.offset, damage.octets, damage.kind, damage.position, damage.items)
}
