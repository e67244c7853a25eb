//! The radio, both ways, with the real daemon, a real broker and real sockets: framings, profiles that are found out, and
//! what the RSU says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rsu_proto::{Message as _, v1};
use support::{Mosquitto, PATIENCE, Rsud, Subscriber, config, lidar, udp, vector, vectors};
use v1::v2x_message::Content;
use v2x_codec::dsmp::{Aid, Frame, encode};
use v2x_codec::immediate_forward::ImmediateForward;
use v2x_codec::vendor_header::{Field, Fields, Layout, LayoutParts, LengthField, Magic};
use v2x_codec::{Message, Profile};

fn published(subscriber: &Subscriber, octets: &[u8]) -> v1::V2xMessage {
    subscriber.wait("a message", |m| {
        let message = v1::V2xMessage::decode(m.payload.as_slice()).ok().filter(|_| m.topic.contains("/v2x/"))?;
        (message.octets == octets).then_some(message)
    })
}

fn health(subscriber: &Subscriber, fits: impl Fn(&v1::Health) -> bool) -> v1::Health {
    subscriber.wait("health", |m| {
        let health = m.topic.ends_with("/health").then(|| v1::Health::decode(m.payload.as_slice()).unwrap())?;
        fits(&health).then_some(health)
    })
}

/// The configuration with another section `[pc5]`, and the roads of a MAP message in place of the lane.
fn with_radio(broker_port: u16, pc5: &str) -> String {
    let config = config(broker_port, pc5);
    let lanes = config.find("[[site.lanes]]").unwrap();
    let cloud = config.find("[cloud]").unwrap();
    // The site of the MAP vector.
    format!("{}map_file = \"map.hex\"\n{}", &config[..lanes], &config[cloud..])
}

#[test]
fn every_message_of_the_second_stage_is_published_decoded() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let rsud = Rsud::start(broker.port, "");
    let pc5 = rsud.address("pc5");
    rsud.wait_for_broker();
    // An AID that is in no table is no reason to refuse a message.
    let aid = Aid::new(3699).unwrap();
    for name in ["ssm_8", "dayii_rsc"] {
        udp().send_to(&encode(aid, &vector(name)).unwrap(), pc5).unwrap();
    }
    let Some(Content::Ssm(ssm)) = published(&subscriber, &vector("ssm_8")).content else { panic!("no SSM") };
    assert_eq!((ssm.participants.len(), ssm.obstacles.len()), (8, 2));
    let Some(Content::Rsc(rsc)) = published(&subscriber, &vector("dayii_rsc")).content else { panic!("no RSC") };
    assert_eq!(rsc.id.len(), 8);
    let topics: Vec<_> = subscriber.messages().into_iter().map(|message| message.topic).collect();
    for topic in ["rsu/v1/test-rsu/v2x/ssm", "rsu/v1/test-rsu/v2x/rsc"] {
        assert!(topics.iter().any(|t| t == topic), "{topics:?}");
    }
}

#[test]
fn a_vendors_header_is_taken_off() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let section = r#"
framing = "vendor"
[pc5.vendor_header]
length = 16
byte_order = "little"
magic = { offset = 0, octets = "55AA" }
kind = { offset = 2, width = 2 }
timestamp = { offset = 4, width = 8 }
sequence = { offset = 12, width = 2 }
payload_length = { offset = 14, width = 2 }
"#;
    let rsud = Rsud::start(broker.port, section);
    let pc5 = rsud.address("pc5");
    rsud.wait_for_broker();
    let field = |offset, width| Field { offset, width };
    let layout = Layout::new(LayoutParts {
        header_length: 16,
        byte_order: v2x_codec::vendor_header::ByteOrder::Little,
        magic: Some(Magic { offset: 0, octets: vec![0x55, 0xAA] }),
        kind: Some(field(2, 2)),
        timestamp: Some(field(4, 8)),
        sequence: Some(field(12, 2)),
        length: Some(LengthField { field: field(14, 2), counts_header: false }),
        ..LayoutParts::default()
    })
    .unwrap();
    let framed = layout.encode(&Fields { kind: 4, sequence: 77, ..Fields::default() }, &vector("rsm16")).unwrap();
    let socket = udp();
    socket.send_to(&framed[1..], pc5).unwrap();
    socket.send_to(&[&framed[..], &[0]].concat(), pc5).unwrap();
    socket.send_to(&framed, pc5).unwrap();
    let message = published(&subscriber, &vector("rsm16"));
    assert!(matches!(message.content, Some(Content::Rsm(_))) && message.aid.is_none());
    let health = health(&subscriber, |health| health.counters.get("pc5.received") == Some(&3));
    for name in ["pc5.refused.vendor_magic", "pc5.refused.vendor_left_over", "pc5.rsm"] {
        assert_eq!(health.counters.get(name), Some(&1), "{name}: {:?}", health.counters);
    }
}

#[test]
fn the_profile_of_each_sender_is_found_out() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let rsud = Rsud::start(broker.port, "framing = \"uper\"\nprofile = \"auto\"");
    let pc5 = rsud.address("pc5");
    rsud.wait_for_broker();
    let socket = udp();
    for name in ["captured_map", "captured_map", "map_4x3", "dayii_rsc", "bsm"] {
        socket.send_to(&vector(name), pc5).unwrap();
    }
    // Left-over octets decide nothing and are refused.
    socket.send_to(&[&vector("captured_map")[..], &[0; 3]].concat(), pc5).unwrap();
    for (name, profile) in [
        ("captured_map", v1::Profile::Profile2019),
        ("map_4x3", v1::Profile::Profile2020),
        ("dayii_rsc", v1::Profile::Profile2020),
        ("bsm", v1::Profile::Profile2020),
    ] {
        assert_eq!(published(&subscriber, &vector(name)).profile(), profile, "{name}");
    }
    let health = health(&subscriber, |health| health.counters.get("pc5.received") == Some(&6));
    let refused: u64 =
        health.counters.iter().filter(|(name, _)| name.starts_with("pc5.refused.")).map(|(_, n)| n).sum();
    assert_eq!(refused, 1, "{:?}", health.counters);
    let by_profile: Vec<u64> = ["2020", "2019", "undecided"].map(|p| health.senders_by_profile[p]).to_vec();
    assert_eq!(by_profile.iter().sum::<u64>(), 4, "{by_profile:?}");
    assert_eq!(by_profile[1], 1);
    let of_2019: Vec<_> = health.senders.iter().filter(|s| s.profile() == v1::Profile::Profile2019).collect();
    assert_eq!((of_2019.len(), of_2019[0].frames), (1, 2));
    assert!(of_2019[0].sender.starts_with("map "), "{}", of_2019[0].sender);
}

/// Receives datagrams until `done`.
fn receive(socket: &UdpSocket, mut done: impl FnMut(&[u8]) -> bool) {
    socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let start = Instant::now();
    let mut buffer = vec![0; 65_536];
    loop {
        assert!(start.elapsed() < PATIENCE, "waited in vain for frames");
        if let Ok(length) = socket.recv(&mut buffer)
            && done(&buffer[..length])
        {
            return;
        }
    }
}

fn content(octets: &[u8]) -> Content {
    Message::from_uper(Profile::Y2020, octets).unwrap().to_content()
}

#[test]
fn map_participants_and_events_go_on_the_air_split_and_numbered() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let radio = udp();
    let port = radio.local_addr().unwrap().port();
    let section = format!(
        "[pc5.send]\nto = \"127.0.0.1:{port}\"\nid = \"0102030405060708\"\nmap = true\nparticipants = true\nevents = true\nmax_octets = 600"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("map.hex"), hex::encode(vector("map_4x3"))).unwrap();
    assert!(vectors().exists());
    let rsud = Rsud::start_in(folder, &with_radio(broker.port, &section));
    let sensor = rsud.address("sensor");
    rsud.wait_for_broker();

    // Forty people walk through the lidar's view; one of them on the road would be an event, but the roads are elsewhere.
    let socket = udp();
    let people: Vec<_> =
        (0..40_u32).map(|n| (n.into(), f64::from(n % 8) * 6.0, f64::from(n / 8) * 6.0 + 4.0, 1.0, "PERSON")).collect();
    let (mut maps, mut rsms) = (Vec::new(), Vec::new());
    let mut sequence = 0;
    let mut largest = 0;
    receive(&radio, |datagram| {
        sequence += 1;
        socket.send_to(&lidar(sequence, &people), sensor).unwrap();
        let frame = Frame::parse(datagram).unwrap();
        largest = largest.max(frame.payload.len());
        match content(frame.payload) {
            Content::Map(map) => {
                assert_eq!(frame.aid, Aid::MAP);
                maps.push(map);
            }
            Content::Rsm(rsm) => {
                assert_eq!((frame.aid, rsm.id.as_ref()), (Aid::RSM, [1, 2, 3, 4, 5, 6, 7, 8].as_slice()));
                assert!(rsm.participants.len() <= 16);
                rsms.push(rsm);
            }
            Content::Rsi(rsi) => assert!(frame.aid == Aid::RSI_DYNAMIC && !rsi.events.is_empty()),
            other => panic!("{other:?}"),
        }
        // A list of all forty takes three frames.
        let all = rsms.windows(3).any(|three| three.iter().map(|rsm| rsm.participants.len()).sum::<usize>() >= 40);
        maps.len() >= 4 && all
    });
    // 984 octets of MAP go in two parts that together have all four approaches.
    assert!(largest <= 600, "{largest}");
    let approaches: usize = maps[..2].iter().map(|map| map.nodes[0].in_links.len()).sum();
    assert_eq!(approaches, 4);
    let numbers: Vec<u32> = rsms.iter().map(|rsm| rsm.msg_cnt).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == (pair[0] + 1) % 128), "{numbers:?}");
    let ids: std::collections::BTreeSet<u32> =
        rsms.iter().flat_map(|rsm| rsm.participants.iter().map(|p| p.ptc_id)).collect();
    assert!(ids.len() >= 40 && !ids.contains(&0), "{ids:?}");
    let health = health(&subscriber, |health| health.counters.get("air.sent.rsm").is_some_and(|n| *n >= 3));
    assert!(health.counters["air.sent.map"] >= 2 && health.counters["air.octets"] > 1000);
}

#[test]
fn the_text_form_works_both_ways() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let radio = udp();
    let port = radio.local_addr().unwrap().port();
    let section = format!(
        "framing = \"immediate-forward\"\n[pc5.immediate_forward]\ntx_channel = 183\nsignature = true\n[pc5.send]\nto = \"127.0.0.1:{port}\"\nmap = true"
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("map.hex"), hex::encode(vector("map_4x3"))).unwrap();
    let rsud = Rsud::start_in(folder, &with_radio(broker.port, &section));
    let pc5 = rsud.address("pc5");
    rsud.wait_for_broker();

    let mut heard = Vec::new();
    receive(&radio, |datagram| {
        heard = datagram.to_vec();
        true
    });
    let forward = ImmediateForward::parse(&heard).unwrap();
    assert_eq!((forward.message_type.as_str(), forward.psid, forward.priority), ("MAP", 3618, 16));
    assert!(forward.signature && std::str::from_utf8(&heard).unwrap().contains("TxChannel=183\n"));
    let Content::Map(map) = content(&forward.payload) else { panic!("no MAP") };
    assert_eq!((map.msg_cnt, map.nodes.len()), (0, 1));

    // What was sent can be heard.
    udp().send_to(&heard, pc5).unwrap();
    let message = published(&subscriber, &forward.payload);
    assert_eq!((message.aid, message.profile()), (Some(3618), v1::Profile::Profile2020));
}
