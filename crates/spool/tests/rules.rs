//! The rules one by one, as a reader of the documentation expects them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use std::path::Path;
use std::time::Duration;

use rsu_units::Timestamp;
use spool::testing::{Crash, MemoryFiles};
use spool::{ClassConfig, Config, MIN_CLASS_BYTES, Mode, PushError, Reason, Spool};
use support::{AGED, START, check, config, label, named, payload};

fn open(files: &MemoryFiles, now: Timestamp) -> Spool {
    Spool::open_in(Box::new(files.clone()), config(Path::new("unused")), now).unwrap()
}

fn push(spool: &mut Spool, class: usize, now: Timestamp, sequences: std::ops::RangeInclusive<u64>, len: usize) {
    for sequence in sequences {
        spool.push(class, now, &label(class, sequence), &payload(class, sequence, len)).unwrap();
        spool.commit(now);
    }
}

fn take(spool: &mut Spool, class: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    while let Some(item) = spool.next(class) {
        check(&item);
        assert!(spool.delivered(class, item.position));
        sequences.push(item.label.sequence());
    }
    sequences
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

#[test]
fn nothing_can_be_read_before_its_commit() {
    let mut spool = open(&MemoryFiles::new(), START);
    spool.push(0, START, &label(0, 1), b"").unwrap();
    assert!(spool.next(0).is_none());
    assert_eq!(spool.commit(START).on_disk, 1);
    assert!(spool.next(0).is_some());
    assert!(spool.next(7).is_none() && !spool.delivered(7, 1) && spool.max_payload(7) == 0);
    assert_eq!(spool.push(7, START, &label(0, 2), b""), Err(PushError::NoSuchClass { class: 7 }));
}

#[test]
fn acknowledgements_may_come_in_any_order_and_a_rewind_repeats_the_others() {
    let mut spool = open(&MemoryFiles::new(), START);
    push(&mut spool, 0, START, 1..=10, 10);
    let items: Vec<_> = std::iter::from_fn(|| spool.next(0)).collect();
    assert_eq!(items.len(), 8, "no more than may be in flight");
    assert!(spool.delivered(0, items[1].position) && spool.delivered(0, items[4].position));
    assert!(!spool.delivered(0, items[1].position), "once");
    assert!(spool.next(0).is_none(), "the first is still in flight");
    assert_eq!(spool.stats().classes[0].in_flight, 6);
    spool.rewind(0);
    assert_eq!(take(&mut spool, 0), [1, 3, 4, 6, 7, 8, 9, 10]);
    let stats = &spool.stats().classes[0];
    assert_eq!((stats.accepted, stats.delivered, stats.items), (10, 10, 0));
}

#[test]
fn the_oldest_go_when_a_class_is_full_and_the_gap_is_safe_before() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    push(&mut spool, 0, START, 1..=60, 2000);
    let dropped = spool.stats().classes[0].dropped.overflow;
    assert!(dropped > 20, "{dropped}");
    // Power is cut with no tick in between.
    drop(spool);
    files.crash(Crash::LoseAll, 0);
    let mut spool = open(&files, START);
    let gaps = spool.gaps();
    assert_eq!((gaps.len(), gaps[0].reason), (1, Reason::Overflow));
    assert_eq!(named(&gaps[0]), (1..=dropped).collect::<Vec<_>>());
    assert_eq!(gaps[0].first_accepted_at_us, Some(START.as_micros()));
    assert_eq!(take(&mut spool, 0), (dropped + 1..=60).collect::<Vec<_>>());

    // Told, and saved with the next tick.
    assert!(spool.gap_told(gaps[0].id) && !spool.gap_told(gaps[0].id));
    spool.tick(START + seconds(2));
    drop(spool);
    files.crash(Crash::LoseAll, 0);
    assert_eq!(open(&files, START).gaps(), []);
}

#[test]
fn the_newest_are_refused_where_that_is_the_rule() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    let mut refused = 0;
    for sequence in 1..=60 {
        match spool.push(1, START, &label(1, sequence), &payload(1, sequence, 2000)) {
            Ok(_) => assert_eq!(refused, 0, "once it is full it stays full"),
            Err(error) => {
                assert!(matches!(error, PushError::ClassFull { class: 1, .. }), "{error}");
                refused += 1;
            }
        }
        spool.commit(START);
    }
    assert!(refused > 20);
    let gaps = spool.gaps();
    assert_eq!((gaps.len(), gaps[0].reason, named(&gaps[0])), (1, Reason::Refused, (61 - refused..=60).collect()));
    assert_eq!(take(&mut spool, 1), (1..=60 - refused).collect::<Vec<_>>());
    push(&mut spool, 1, START, 61..=62, 2000);
    assert_eq!(take(&mut spool, 1), [61, 62], "there is room again");
}

#[test]
fn a_payload_that_fits_nowhere_is_refused_and_told() {
    let mut spool = open(&MemoryFiles::new(), START);
    let most = spool.max_payload(0);
    assert!(spool.push(0, START, &label(0, 1), &vec![0; most + 1]).is_err());
    assert_eq!(spool.gaps()[0].reason, Reason::Refused);
    spool.push(0, START, &label(0, 2), &payload(0, 2, most)).unwrap();
    let full = spool.push(0, START, &label(0, 3), &payload(0, 3, 300));
    assert!(matches!(full, Err(PushError::BufferFull { class: 0, .. })), "{full:?}");
    spool.commit(START);
    spool.push(0, START, &label(0, 3), &payload(0, 3, 300)).unwrap();
    spool.commit(START);
    assert_eq!(take(&mut spool, 0), [2, 3]);
}

#[test]
fn what_is_too_old_is_dropped_and_told() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    push(&mut spool, AGED.0, START, 1..=20, 2000);
    push(&mut spool, AGED.0, START + seconds(50), 21..=22, 2000);
    push(&mut spool, 0, START, 1..=3, 10);
    assert_eq!(spool.expire(START + AGED.1).items, 0);
    let expired = spool.expire(START + AGED.1 + seconds(1));
    assert_eq!((expired.items, expired.resting), (20, false));
    let gaps = spool.gaps();
    assert_eq!((gaps[0].class, gaps[0].reason, named(&gaps[0])), (AGED.0, Reason::Age, (1..=20).collect()));
    spool.tick(START + AGED.1 + seconds(3));
    assert_eq!(spool.stats().classes[AGED.0].segments, 2, "those before the one with item 21 are removed");
    assert_eq!(take(&mut spool, AGED.0), [21, 22]);
    assert_eq!(take(&mut spool, 0), [1, 2, 3], "the other classes have no age");
}

#[test]
fn what_is_in_flight_does_not_expire() {
    let mut spool = open(&MemoryFiles::new(), START);
    push(&mut spool, AGED.0, START, 1..=3, 10);
    let first = spool.next(AGED.0).unwrap();
    let later = START + AGED.1 + seconds(5);
    assert_eq!(spool.expire(later).items, 0);
    assert!(spool.delivered(AGED.0, first.position));
    assert_eq!(spool.expire(later).items, 2);
    push(&mut spool, AGED.0, START, 4..=5, 10);
    spool.next(AGED.0).unwrap();
    spool.rewind(AGED.0);
    assert_eq!(spool.expire(later).items, 2, "the session is lost, so nothing is in flight");
}

#[test]
fn a_clock_that_jumps_does_not_empty_the_spool() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    push(&mut spool, AGED.0, START, 1..=3, 10);
    // A bad fix: twenty years ahead for a moment.
    let ahead = START + seconds(20 * 365 * 86_400);
    assert!(spool.expire(ahead).resting);
    spool.tick(ahead + seconds(10));
    assert!(spool.expire(ahead + seconds(20)).resting);
    let back = START + seconds(30);
    assert_eq!(spool.expire(back).items, 0);
    assert!(!spool.expire(back).resting);
    assert_eq!((spool.stats().clock_steps_ahead, spool.stats().clock_steps_back), (1, 1));
    // A clock that stays ahead is believed in the end.
    assert!(spool.expire(ahead).resting);
    assert_eq!(spool.expire(ahead + seconds(61)).items, 3);

    // Back by a day: what is there now is from the future, and not old.
    push(&mut spool, AGED.0, START, 4..=6, 10);
    assert_eq!(spool.expire(START - seconds(86_400)).items, 0);
    assert_eq!(take(&mut spool, AGED.0), [4, 5, 6]);
}

#[test]
fn items_of_a_time_without_a_clock_have_no_age() {
    let start = Timestamp::from_micros(5_000_000);
    let mut spool = open(&MemoryFiles::new(), start);
    push(&mut spool, AGED.0, start, 1..=3, 10);
    assert!(spool.expire(start + seconds(100)).resting, "1970 is no time");
    spool.tick(START);
    let now = START + seconds(100);
    assert_eq!(spool.expire(now).items, 0);
    assert!(!spool.expire(now).resting);
    assert_eq!(take(&mut spool, AGED.0), [1, 2, 3]);
}

#[test]
fn the_cursor_is_saved_at_its_pace_and_a_crash_repeats_the_rest() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    push(&mut spool, 0, START, 1..=6, 10);
    for sequence in 1..=3 {
        let item = spool.next(0).unwrap();
        assert_eq!(item.label.sequence(), sequence);
        spool.delivered(0, item.position);
    }
    spool.tick(START + seconds(2));
    let written = spool.stats().bytes_written;
    spool.tick(START + seconds(9));
    assert_eq!(spool.stats().bytes_written, written, "nothing new, nothing written");
    let fourth = spool.next(0).unwrap();
    spool.delivered(0, fourth.position);
    drop(spool);
    files.crash(Crash::LoseAll, 0);
    let mut spool = open(&files, START + seconds(9));
    assert_eq!(take(&mut spool, 0), [4, 5, 6]);
    spool.close(START + seconds(9));
    assert!(take(&mut open(&files, START), 0).is_empty());
}

#[test]
fn positions_are_never_used_twice_even_if_the_end_is_lost() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    push(&mut spool, 0, START, 1..=10, 10);
    let last = std::iter::from_fn(|| spool.next(0)).last().unwrap().position;
    drop(spool);
    // The flash loses the whole segment, although it had said that it was safe.
    let segment = files.names().into_iter().find(|name| name.starts_with("event-")).unwrap();
    let octets = files.contents(&segment).unwrap();
    for cut in [octets.len() - 5, 200, 0] {
        files.put(&segment, &octets[..cut]);
        let mut spool = open(&files, START);
        let position = spool.push(0, START, &label(0, 11), b"").unwrap();
        assert!(position > last + 2, "{position}");
    }
}

#[test]
fn the_boot_counter_grows_whatever_the_clock_does() {
    let files = MemoryFiles::new();
    let mut last = 0;
    for now in [START, START, START - seconds(86_400), Timestamp::from_micros(0), START + seconds(1)] {
        let mut spool = open(&files, now);
        let boot = spool.boot_id(now);
        assert!(boot.durable && boot.id > last && boot.id >= now.as_micros());
        last = boot.id;
        drop(spool);
        files.crash(Crash::LoseAll, 0);
    }
}

#[test]
fn whatever_is_in_the_folder_it_opens() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    push(&mut spool, 0, START, 1..=3, 10);
    drop(spool);
    let event = files.names().into_iter().find(|name| name.starts_with("event-")).unwrap();
    let octets = files.contents(&event).unwrap();
    // Another spool's segment, one of a class that is gone, one renamed, a core dump, notes, and empty ones.
    let other = MemoryFiles::new();
    let mut spool = open(&other, START);
    push(&mut spool, 0, START, 1..=3, 10);
    files.put("event-00000000000000000900-00000000000000000900.seg", &other.contents(&event).unwrap());
    files.put("gone-00000000000000000001-00000000000000000001.seg", &octets);
    files.put("track-00000000000000000001-00000000000000000001.seg", &octets);
    files.put("event-00000000000000000700-00000000000000000004.seg", &octets);
    files.put("core.1234", &[1; 5000]);
    files.put("event-00000000000000000800-00000000000000000800.seg", b"");
    files.put("event-00000000000000000801-00000000000000000801.seg", &[0; 300]);
    let mut spool = open(&files, START);
    let stats = spool.stats();
    assert_eq!((spool.mode(), stats.set_aside), (&Mode::Disk, 5), "{:?}", files.names());
    assert_eq!(take(&mut spool, 0), [1, 2, 3]);
    assert_eq!(spool.gaps(), [], "an empty file or an alien one says nothing of items");
    assert_eq!(files.names().iter().filter(|name| name.contains(".bad")).count(), 4, "a few are kept");
    push(&mut spool, 0, START, 4..=4, 10);
    assert_eq!(take(&mut spool, 0), [4]);
}

#[test]
fn folders_and_links_with_our_names_go_out_of_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let segment = "event-00000000000000000001-00000000000000000001.seg";
    for name in ["lock", "state-0", segment, "lost+found"] {
        std::fs::create_dir(dir.path().join(name)).unwrap();
        std::fs::write(dir.path().join(name).join("x"), "x").unwrap();
    }
    std::os::unix::fs::symlink("/dev/full", dir.path().join("state-1")).unwrap();
    let mut spool = Spool::open(config(dir.path()), START).unwrap();
    push(&mut spool, 0, START, 1..=3, 10);
    spool.tick(START + seconds(1));
    assert_eq!(*spool.mode(), Mode::Disk);
    assert_eq!(take(&mut spool, 0), [1, 2, 3]);
    assert!(dir.path().join("lost+found/x").exists(), "what is not ours is left alone");
    drop(spool);

    // The folder is a file; it is a folder later.
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let mut spool = Spool::open(config(&file), START).unwrap();
    assert!(matches!(spool.mode(), Mode::Memory { .. }));
    push(&mut spool, 0, START, 1..=3, 10);
    std::fs::remove_file(&file).unwrap();
    spool.tick(START + seconds(1));
    assert_eq!(*spool.mode(), Mode::Disk);
    assert_eq!(take(&mut spool, 0), [1, 2, 3]);
}

#[test]
fn a_class_that_is_given_less_room_makes_do_with_it() {
    let files = MemoryFiles::new();
    let config = |max_bytes| Config::new("unused", vec![ClassConfig::new("event", max_bytes)]).unwrap();
    let open = |max_bytes| Spool::open_in(Box::new(files.clone()), config(max_bytes), START).unwrap();
    let mut spool = open(4 * MIN_CLASS_BYTES);
    push(&mut spool, 0, START, 1..=100, 2000);
    drop(spool);
    assert!(files.total_bytes() > MIN_CLASS_BYTES);
    let mut spool = open(MIN_CLASS_BYTES);
    spool.tick(START);
    assert!(files.total_bytes() <= MIN_CLASS_BYTES);
    let dropped = named(&spool.gaps()[0]);
    assert_eq!(dropped.iter().copied().chain(take(&mut spool, 0)).collect::<Vec<_>>(), (1..=100).collect::<Vec<_>>());
}

#[test]
fn classes_may_change_places_and_segments_their_size() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    push(&mut spool, 0, START, 1..=30, 1000);
    drop(spool);
    let class = |name| ClassConfig::new(name, 4 * MIN_CLASS_BYTES);
    let config = Config::new("unused", vec![class("new"), class("event")]).unwrap().with_segment_bytes(4096);
    let mut spool = Spool::open_in(Box::new(files.clone()), config, START).unwrap();
    assert_eq!(spool.stats().classes[1].items, 30);
    for sequence in 1..=30 {
        let item = spool.next(1).unwrap();
        assert_eq!(item.payload, payload(0, sequence, 1000));
        assert_eq!((item.class, item.label), (1, label(0, sequence)));
        spool.delivered(1, item.position);
    }
}

#[test]
fn a_delivered_segment_is_removed_and_what_is_written_is_little_more_than_what_came() {
    let files = MemoryFiles::new();
    let mut spool = open(&files, START);
    let mut now = START;
    for round in 0..200 {
        for sequence in round * 10 + 1..=round * 10 + 10 {
            spool.push(0, now, &label(0, sequence), &payload(0, sequence, 300)).unwrap();
        }
        spool.commit(now);
        assert_eq!(take(&mut spool, 0).len(), 10);
        now = now + seconds(1);
        spool.tick(now);
    }
    let stats = spool.stats();
    assert_eq!((stats.classes[0].delivered, stats.payload_bytes), (2000, 600_000));
    assert!(stats.classes[0].segments <= 2 && stats.classes[0].dropped.overflow == 0, "{stats:?}");
    // The state is a block each second; the records have a head each.
    let state = 4096 * 205;
    assert!(stats.bytes_written - state < 600_000 * 5 / 4, "{stats:?}");
    // A sync for the records, one for the state, and now and then one for the folder.
    assert!(stats.syncs <= 200 * 2 + 80, "{stats:?}");
}

#[test]
fn a_spool_can_be_given_to_a_thread() {
    fn is_send<T: Send>(_: &T) {}
    is_send(&open(&MemoryFiles::new(), START));
}

#[test]
fn statistics_can_be_written_down() {
    let mut spool = open(&MemoryFiles::new(), START);
    push(&mut spool, 0, START, 1..=2, 10);
    let json = serde_json::to_value(spool.stats()).unwrap();
    assert_eq!(json["classes"][0]["items"], 2);
    assert_eq!(json["classes"][0]["oldest_accepted_at_us"], START.as_micros());
    assert_eq!(json["classes"][0]["dropped"]["overflow"], 0);
    spool.rewind(0);
}
