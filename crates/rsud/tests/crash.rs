//! The daemon is killed with SIGKILL a hundred times under load while its broker is restarted, killed, and cut off by a
//! network that stalls, resets and swallows. In the end the subscriber has every item that was ever accepted.
//!
//! What was accepted is read from the spool of each killed daemon: every item of a stream up to the last one that was
//! found there, or that the subscriber has, since a commit accepts items in their order.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::print_stdout, reason = "what was measured, and what cannot be tested here")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::UdpSocket;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rsu_proto::{Message as _, v1};
use rsud::config::{self, Checked};
use spool::{Config, Spool};
use support::proxy::{Mode, Proxy};
use support::{Message, Mosquitto, Process, RSUD, Subscriber, vector, wait_for};
use v2x_codec::dsmp::{Aid, encode};

const KILLS: usize = 100;
const ITEMS_PER_S: u32 = 500;

/// Boot and stream.
type Stream = (i64, String);

fn header(message: &Message) -> Option<v1::Header> {
    let octets = message.payload.as_slice();
    let stream = message.topic.strip_prefix("rsu/v1/test-rsu/")?;
    match stream {
        "tracks" => v1::TrackList::decode(octets).unwrap().header,
        "events" | "emergency" => v1::TrafficEvent::decode(octets).unwrap().header,
        "health" => v1::Health::decode(octets).unwrap().header,
        "lane-statistics" => v1::LaneStatistics::decode(octets).unwrap().header,
        // Signs of life and notices are no items.
        "state" | "gaps" => None,
        _ => v1::V2xMessage::decode(octets).unwrap().header,
    }
}

/// The last sequence of each stream that waits in a spool, which is copied first.
fn waiting(checked: &Checked) -> BTreeMap<Stream, u64> {
    let spool = &checked.cloud[0].spool;
    let copy = tempfile::tempdir().unwrap();
    let mut last = BTreeMap::new();
    let Ok(files) = std::fs::read_dir(spool.dir()) else { return last };
    for file in files.map(Result::unwrap) {
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    let config = Config::new(copy.path(), spool.classes().to_vec()).unwrap().with_max_in_flight(65_536);
    let mut opened = Spool::open(config, rsud::clock::now()).unwrap();
    assert_eq!(opened.stats().damaged, 0, "a kill damages nothing");
    for class in 0..spool.classes().len() {
        while let Some(item) = opened.next(class) {
            let stream = (item.label.boot(), item.label.stream().to_owned());
            let sequence = last.entry(stream).or_insert(0);
            *sequence = item.label.sequence().max(*sequence);
        }
    }
    last
}

/// Does to broker and network what happens to them, until it is told to end; in the end both work.
fn trouble(
    mut broker: Mosquitto,
    proxy: &Proxy,
    subscriber: &Subscriber,
    end: &AtomicBool,
    seed: u64,
) -> (Mosquitto, [usize; 4]) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut counts, mut markers) = ([0; 4], 0);
    let pause = |rng: &mut StdRng, least: u64, most: u64| {
        std::thread::sleep(Duration::from_millis(rng.random_range(least..most)));
    };
    while !end.load(Ordering::Relaxed) {
        pause(&mut rng, 100, 900);
        let kind = rng.random_range(0..8);
        match kind {
            0..=2 => {
                proxy.set(Mode::Stall);
                pause(&mut rng, 50, 600);
            }
            3 | 4 => proxy.reset(),
            5 => {
                proxy.set(Mode::Swallow);
                pause(&mut rng, 100, 1500);
                proxy.reset();
            }
            _ => {
                // What the broker has acknowledged it must have passed on before it dies, and until the subscriber is there
                // again nobody may publish: it would acknowledge and forget. That is the broker's promise, not ours.
                proxy.set(Mode::Stall);
                markers += 1;
                let marker = format!("{seed}-{markers}");
                subscriber.publish("rsu/marker", &marker);
                subscriber.wait("the marker", |message| (message.payload == marker.as_bytes()).then_some(()));
                proxy.reset();
                proxy.set(Mode::Refuse);
                let before = subscriber.subscriptions();
                broker.process.signal(if kind == 6 { "TERM" } else { "KILL" });
                broker.process.wait();
                let port = broker.port;
                drop(broker);
                broker = Mosquitto::start_on(port);
                wait_for("the subscriber", || (subscriber.subscriptions() > before).then_some(()));
            }
        }
        counts[match kind {
            0..=2 => 0,
            3 | 4 => 1,
            5 => 2,
            _ => 3,
        }] += 1;
        proxy.set(Mode::Pass);
    }
    (broker, counts)
}

/// What came of a stream, in the order of arrival, as runs; with the number of the subscriber's connection.
fn runs(messages: &[Message], stream: &Stream) -> String {
    let mut runs: Vec<(usize, u64, u64)> = Vec::new();
    for message in messages {
        let Some(header) = header(message).filter(|h| h.boot_id == stream.0 && h.stream == stream.1) else { continue };
        match runs.last_mut() {
            Some((connection, _, last)) if *connection == message.connection && *last + 1 == header.sequence => {
                *last += 1;
            }
            _ => runs.push((message.connection, header.sequence, header.sequence)),
        }
    }
    format!("{runs:?}")
}

/// Each stream came in order but for repetitions, which are the same octets. Counts items and repetitions.
fn check_order(messages: &[Message], seed: u64) -> (usize, usize) {
    let mut first: BTreeMap<(Stream, u64), &[u8]> = BTreeMap::new();
    let mut newest: BTreeMap<Stream, u64> = BTreeMap::new();
    let mut repeated = 0;
    for message in messages {
        let Some(header) = header(message) else { continue };
        let stream = (header.boot_id, header.stream);
        match first.entry((stream.clone(), header.sequence)) {
            std::collections::btree_map::Entry::Occupied(known) => {
                repeated += 1;
                assert_eq!(*known.get(), message.payload, "the same identity is the same item");
            }
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(&message.payload);
                let newest = newest.entry(stream.clone()).or_insert(0);
                let order = || runs(messages, &stream);
                let sequence = header.sequence;
                assert!(sequence > *newest, "{stream:?} {sequence} after {newest} (seed {seed}): {}", order());
                *newest = header.sequence;
            }
        }
    }
    (first.len(), repeated)
}

#[test]
fn a_hundred_kills_lose_nothing_that_was_accepted() {
    let seed: u64 = std::env::var("RSUD_CRASH_SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut rng = StdRng::seed_from_u64(seed);
    let broker = Mosquitto::start();
    let (proxy, subscriber) = (Arc::new(Proxy::start(broker.port)), Arc::new(Subscriber::at_most_once(broker.port)));
    let folder = tempfile::tempdir().unwrap();
    let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let extra = "\n[spool]\nfolder = \"spool\"\n[cloud]\nacknowledge_within_s = 1\nretry_most_s = 0.5";
    let text = support::config(proxy.port, "")
        .replacen("listen = \"127.0.0.1:0\"", &format!("listen = \"127.0.0.1:{port}\""), 1)
        .replace("[cloud]", extra);
    let file = folder.path().join("rsud.toml");
    std::fs::write(&file, text).unwrap();
    let checked = config::load(&file).unwrap();

    // Five hundred messages a second, whether somebody listens or not.
    let end = Arc::new(AtomicBool::new(false));
    let load = {
        let (end, frame) = (Arc::clone(&end), encode(Aid::BSM, &vector("bsm")).unwrap());
        std::thread::spawn(move || {
            let socket = support::udp();
            let (start, mut sent) = (Instant::now(), 0);
            while !end.load(Ordering::Relaxed) {
                sent += 1;
                std::thread::sleep((Duration::from_secs(1) / ITEMS_PER_S * sent).saturating_sub(start.elapsed()));
                // Nobody listens while the daemon is dead.
                let _ = socket.send_to(&frame, ("127.0.0.1", port));
            }
        })
    };
    let faults = {
        let (end, proxy, subscriber) = (Arc::clone(&end), Arc::clone(&proxy), Arc::clone(&subscriber));
        std::thread::spawn(move || trouble(broker, &proxy, &subscriber, &end, seed))
    };

    let mut accepted: BTreeMap<Stream, u64> = BTreeMap::new();
    let start = || Process::start(std::process::Command::new(RSUD).args(["run", "--config"]).arg(&file));
    for _ in 0..KILLS {
        let mut rsud = start();
        std::thread::sleep(Duration::from_millis(rng.random_range(20..700)));
        assert!(rsud.is_running(), "{}", rsud.log());
        rsud.process_kill();
        for (stream, last) in waiting(&checked) {
            let known = accepted.entry(stream).or_insert(0);
            *known = last.max(*known);
        }
    }
    end.store(true, Ordering::Relaxed);
    load.join().unwrap();
    let (_broker, [stalls, resets, holes, restarts]) = faults.join().unwrap();

    // The network works, nothing comes in any more: what waits goes out.
    let mut rsud = start();
    let missing = |received: &BTreeMap<Stream, BTreeSet<u64>>| -> Option<(Stream, u64)> {
        accepted.iter().find_map(|(stream, last)| {
            let there = received.get(stream);
            (1..=*last).find(|n| !there.is_some_and(|there| there.contains(n))).map(|n| (stream.clone(), n))
        })
    };
    let sets = |messages: &[Message]| {
        let mut sets: BTreeMap<Stream, BTreeSet<u64>> = BTreeMap::new();
        for header in messages.iter().filter_map(header) {
            sets.entry((header.boot_id, header.stream)).or_default().insert(header.sequence);
        }
        sets
    };
    let by = Instant::now() + Duration::from_secs(60);
    while missing(&sets(&subscriber.messages())).is_some() && Instant::now() < by {
        std::thread::sleep(Duration::from_millis(200));
    }
    rsud.signal("TERM");
    assert_eq!(rsud.wait(), Some(0), "{}", rsud.log());

    let messages = subscriber.messages();
    let received = sets(&messages);
    assert_eq!(missing(&received), None, "accepted, and not delivered (seed {seed})");
    let (items, repeated) = check_order(&messages, seed);
    // What the subscriber has is dense as well: nothing between was dropped, and no gap was told.
    for (stream, sequences) in &received {
        let last = *sequences.last().unwrap();
        assert_eq!(sequences.len() as u64, last, "{stream:?} has holes (seed {seed})");
    }
    assert!(!messages.iter().any(|message| message.topic.ends_with("/gaps")), "nothing had to be dropped");
    println!(
        "{KILLS} kills, {stalls} stalls, {resets} resets, {holes} black holes, {restarts} broker restarts and kills, \
         {} connections: {} items accepted, all delivered, {repeated} repetitions",
        proxy.accepted(),
        items
    );
    assert!(items > 5000, "{items}");
}

/// What is read beside the configuration is where it says.
#[test]
fn the_spool_is_beside_the_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rsud.toml");
    std::fs::write(&file, support::config(1883, "")).unwrap();
    let checked = config::load(&file).unwrap();
    assert_eq!(checked.cloud[0].spool.dir(), Path::new(folder.path()).join("spool/cloud"));
}
