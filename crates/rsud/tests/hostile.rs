//! 100,000 random, cut and bit-flipped datagrams of each adapter's kind: the daemon goes on serving, its memory stays
//! flat, and each datagram is counted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::net::SocketAddr;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rsu_proto::{Message as _, v1};
use support::{Mosquitto, Rsud, Subscriber, now_us, udp, vector, wait_for};
use v2x_codec::dsmp::{Aid, encode};

const DATAGRAMS: u64 = 100_000;
/// So many wait in the socket at most: far less than it holds.
const BURST: u64 = 100;

/// Octets that wait in a UDP socket of this machine, and datagrams it lost: `/proc/net/udp`.
fn socket_state(port: u16) -> (u64, u64) {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let line = table.lines().find(|line| line.contains(&format!(":{port:04X} "))).expect("the socket is open");
    let columns: Vec<&str> = line.split_whitespace().collect();
    let waiting = columns[4].split(':').nth(1).map(|octets| u64::from_str_radix(octets, 16).unwrap()).unwrap();
    (waiting, columns.last().unwrap().parse().unwrap())
}

fn damage(rng: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut datagram = seeds[rng.random_range(0..seeds.len())].clone();
    match rng.random_range(0..4) {
        0 => (0..rng.random_range(0..300)).map(|_| rng.random()).collect(),
        1 => {
            datagram.truncate(rng.random_range(0..datagram.len()));
            datagram
        }
        2 => {
            datagram.extend((0..rng.random_range(1..20)).map(|_| rng.random::<u8>()));
            datagram
        }
        _ => {
            for _ in 0..rng.random_range(1..8) {
                let bit = rng.random_range(0..datagram.len() * 8);
                datagram[bit / 8] ^= 1 << (bit % 8);
            }
            datagram
        }
    }
}

fn pc5_seeds() -> Vec<Vec<u8>> {
    [
        ("bsm", Aid::BSM),
        ("captured_bsm", Aid::BSM),
        ("rsm16", Aid::RSM),
        ("captured_rsm", Aid::RSM),
        ("map_4x3", Aid::MAP),
    ]
    .map(|(name, aid)| encode(aid, &vector(name)).unwrap())
    .into()
}

fn v2x_seeds() -> Vec<Vec<u8>> {
    ["bsm", "rsm16", "captured_rsm", "spat_4x8"]
        .map(|name| v1::V2xMessage { octets: vector(name).into(), ..v1::V2xMessage::default() }.encode_to_vec())
        .into()
}

fn sensor_seeds() -> Vec<Vec<u8>> {
    [1, 8, 40]
        .map(|count| {
            let detections = (0..count).map(|index| v1::Detection {
                object_id: index,
                position: Some(v1::detection::Position::SensorPosition(v1::SensorPosition {
                    x_m: index as f64 * 3.0,
                    y_m: -10.0,
                    z_m: None,
                })),
                velocity_x_mps: Some(3.0),
                velocity_y_mps: Some(0.0),
                class_label: "CAR".into(),
                ..v1::Detection::default()
            });
            let frame = v1::DetectionFrame {
                sensor_id: "lidar-1".into(),
                sequence: 0,
                measured_at_us: now_us(),
                detections: detections.collect(),
            };
            frame.encode_to_vec()
        })
        .into()
}

fn flood(address: SocketAddr, seed: u64, seeds: &[Vec<u8>]) {
    let mut rng = StdRng::seed_from_u64(seed);
    let socket = udp();
    for sent in 0..DATAGRAMS {
        socket.send_to(&damage(&mut rng, seeds), address).unwrap();
        if sent % BURST == BURST - 1 {
            wait_for("the daemon to read", || (socket_state(address.port()).0 == 0).then_some(()));
        }
    }
    assert_eq!(socket_state(address.port()).1, 0, "the kernel lost datagrams; the test sends too fast");
}

#[test]
fn a_flood_of_garbage_is_counted_and_changes_nothing() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    // Sensor clocks are garbage here too, so arrival counts; else one frame from the future would be refused as a whole.
    let config =
        support::config(broker.port, "").replace("latency_ms = 0", "latency_ms = 0\nignore_sensor_clock = true");
    let mut rsud = Rsud::start_with(&config);
    rsud.wait_for_broker();
    let latest_health = || {
        let messages = subscriber.messages();
        let health = messages.iter().rev().find(|m| m.topic.ends_with("/health"))?;
        Some(v1::Health::decode(health.payload.as_slice()).unwrap())
    };
    let count = |name: &str| latest_health().and_then(|health| health.counters.get(name).copied()).unwrap_or(0);

    // Once through everything to fill what is filled once: allocator, queues, codec tables.
    for (adapter, seeds) in [("pc5", pc5_seeds()), ("v2x_udp", v2x_seeds()), ("sensor", sensor_seeds())] {
        let mut rng = StdRng::seed_from_u64(99);
        for _ in 0..50 {
            for _ in 0..BURST {
                udp().send_to(&damage(&mut rng, &seeds), rsud.address(adapter)).unwrap();
            }
            wait_for("the daemon to read", || (socket_state(rsud.address(adapter).port()).0 == 0).then_some(()));
        }
    }
    wait_for("the health after the run-in", || (count("sensor.received") >= 5000).then_some(()));
    let memory_before = latest_health().unwrap().memory_bytes;

    for (seed, adapter, seeds) in [(1, "pc5", pc5_seeds()), (2, "v2x_udp", v2x_seeds()), (3, "sensor", sensor_seeds())]
    {
        let before = count(&format!("{adapter}.received"));
        flood(rsud.address(adapter), seed, &seeds);
        wait_for(&format!("all datagrams of {adapter} to be counted"), || {
            (count(&format!("{adapter}.received")) == before + DATAGRAMS).then_some(())
        });
    }
    let health = latest_health().unwrap();
    let of = |adapter: &str, group: &str| -> u64 {
        let prefix = format!("{adapter}.{group}");
        health.counters.iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(_, n)| n).sum()
    };
    for adapter in ["pc5", "v2x_udp", "sensor"] {
        let refused = of(adapter, "refused.");
        assert!(refused > DATAGRAMS / 4, "{adapter}: {refused} refused of {DATAGRAMS}");
    }
    // Each datagram was refused for a reason or taken.
    let kinds =
        |adapter: &str| -> u64 { ["bsm", "map", "rsm", "spat", "rsi", "ext"].iter().map(|k| of(adapter, k)).sum() };
    assert_eq!(of("pc5", "received"), of("pc5", "refused.") + kinds("pc5"));
    assert_eq!(of("v2x_udp", "received"), of("v2x_udp", "refused.") + kinds("v2x_udp"));
    assert_eq!(of("sensor", "received"), of("sensor", "refused.") + of("sensor", "frames"));
    let grown = health.memory_bytes.saturating_sub(memory_before);
    assert!(grown < 24 << 20, "memory grew by {} KiB over {} datagrams", grown >> 10, 3 * DATAGRAMS);

    assert!(rsud.process.is_running());
    let start = now_us();
    udp().send_to(&encode(Aid::BSM, &vector("bsm")).unwrap(), rsud.address("pc5")).unwrap();
    subscriber.wait("a good message after the flood", |m| {
        let message = m.topic.ends_with("/bsm").then(|| v1::V2xMessage::decode(m.payload.as_slice()).unwrap())?;
        (message.octets == vector("bsm") && message.received_at_us >= start).then_some(())
    });
    let log_lines = rsud.process.lines.lock().unwrap().len();
    assert!(log_lines < 200, "{log_lines} log lines");
}
