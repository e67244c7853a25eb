//! T/ITS 0117: the captured payloads come out octet for octet, and go in again.

use std::time::Duration;

use edge_core::Item;
use proptest::prelude::*;
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use rsud::uplink::profiles::{Downlink, HearError, Its0117, Its0117Settings, Own, Profile as _, TellError};
use v2x_codec::{Message, Profile as Edition};

use super::*;

/// The time in a captured payload, and its messages.
fn taken_apart(payload: &[u8], counted: bool) -> (Timestamp, Vec<Vec<u8>>) {
    assert_eq!(&payload[..8], b"u_id_123");
    let at_ms = u64::from_le_bytes(payload[8..16].try_into().unwrap());
    let (count, mut rest) = if counted { (payload[16], &payload[17..]) } else { (1, &payload[16..]) };
    let mut messages = Vec::new();
    for _ in 0..count {
        let length = usize::from(u16::from_le_bytes(rest[..2].try_into().unwrap()));
        messages.push(rest[2..2 + length].to_vec());
        rest = &rest[2 + length..];
    }
    assert!(rest.is_empty());
    (Timestamp::from_micros(at_ms.cast_signed() * 1000), messages)
}

#[test]
fn captured_payloads_come_out_octet_for_octet() {
    for (vector, kind) in [(CAPTURED_MAP, "MAP"), (CAPTURED_RSI, "RSI"), (CAPTURED_RSM, "RSM")] {
        let payload = octets_of(vector, "mqtt_payload_hex");
        let (at, messages) = taken_apart(&payload, false);
        assert_eq!(messages, [octets_of(vector, "uper_hex")], "{kind}");
        let item = received(Edition::Y2019, &messages[0], at);
        let told = its0117_with(Edition::Y2020, Own::Items).tell(&item, at + Duration::from_secs(9)).unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].topic, format!("V2X.RSU.{kind}.UP"));
        assert_eq!(told[0].payload, payload, "{kind}");
        assert!(!told[0].retain);
    }
}

#[test]
fn captured_bsms_go_out_one_in_a_payload() {
    let payload = octets_of(CAPTURED_BSM, "mqtt_payload_hex");
    let (at, messages) = taken_apart(&payload, true);
    assert_eq!((messages.len(), &messages[0]), (2, &octets_of(CAPTURED_BSM, "uper_hex")));
    for message in messages {
        let item = received(Edition::Y2019, &message, at);
        let told = its0117_with(Edition::Y2019, Own::Items).tell(&item, at).unwrap();
        assert_eq!((told.len(), told[0].topic.as_str()), (1, "V2X.RSU.BSM.UP"));
        assert_eq!(taken_apart(&told[0].payload, true), (at, vec![message]));
    }
}

#[test]
fn a_message_that_is_too_long_for_its_length_field_is_refused() {
    let Item::V2x(message) = received(Edition::Y2020, &octets_of(BSM, "uper_hex"), NOW) else { unreachable!() };
    let too_long = Item::V2x(Box::new(v1::V2xMessage { octets: vec![0; 65_536].into(), ..*message }));
    let told = its0117_with(Edition::Y2020, Own::Items).tell(&too_long, NOW);
    assert_eq!(told, Err(TellError::TooLong { length: 65_536, max: 65_535 }));
}

#[test]
fn a_message_without_its_octets_is_encoded_in_the_profile_that_was_set() {
    for (vector, edition) in [(CAPTURED_RSM, Edition::Y2020), (CAPTURED_MAP, Edition::Y2019)] {
        let octets = octets_of(vector, "uper_hex");
        let content = Message::from_uper(edition, &octets).unwrap().to_content();
        let told = its0117_with(edition, Own::Items).tell(&said(content), NOW).unwrap();
        assert_eq!(taken_apart(&told[0].payload, false), (NOW, vec![octets]));
    }
    // Only the draft of 2019 allows a road without a width.
    let mut content = Message::from_uper(Edition::Y2019, &octets_of(CAPTURED_MAP, "uper_hex")).unwrap().to_content();
    let Content::Map(map) = &mut content else { panic!("no MAP") };
    map.nodes.iter_mut().flat_map(|node| &mut node.in_links).for_each(|link| link.width_m = None);
    let refused = its0117_with(Edition::Y2020, Own::Items).tell(&said(content), NOW);
    assert!(refused.as_ref().is_err_and(|error| error.name() == "not_in_profile"), "{refused:?}");
}

#[test]
fn what_the_platform_does_not_know_is_not_told() {
    let mut profile = its0117_with(Edition::Y2020, Own::Items);
    let nothing = [
        said(Content::Vir(v1::VehicleIntentionAndRequest::default())),
        Item::V2x(Box::default()),
        Item::LaneStatistics(v1::LaneStatistics::default()),
        Item::PoleState(Box::default()),
        Item::PoleReadings(Box::default()),
        Item::PoleAlarm(v1::PoleAlarm::default()),
        Item::Event(v1::TrafficEvent { event_code: 0, ..wrong_way(v1::EventStage::Start) }),
        Item::Tracks(track_list(0)),
    ];
    for item in nothing {
        assert_eq!(profile.tell(&item, NOW), Ok(Vec::new()), "{item:?}");
    }
}

#[test]
fn events_become_rsi_and_end() {
    let mut profile = its0117_with(Edition::Y2020, Own::Items);
    for (stage, end) in [(v1::EventStage::Start, None), (v1::EventStage::End, NOW.minute_of_year())] {
        let told = profile.tell(&Item::Event(wrong_way(stage)), NOW).unwrap();
        assert_eq!(told[0].topic, "V2X.RSU.RSI.UP");
        let (at, messages) = taken_apart(&told[0].payload, false);
        assert_eq!(at, NOW);
        let Content::Rsi(rsi) = Message::from_uper(Edition::Y2020, &messages[0]).unwrap().to_content() else {
            panic!("no RSI")
        };
        assert_eq!(&rsi.id[..], b"RSU-0755");
        let event = &rsi.events[0];
        assert_eq!((event.rte_id, event.event_type, event.confidence_percent), (5, 904, Some(90.0)));
        assert_eq!(event.time.as_ref().unwrap().end_minute_of_year, end);
    }
}

#[test]
fn what_is_sent_is_told_once() {
    let rsm = Message::from_uper(Edition::Y2020, &octets_of(CAPTURED_RSM, "uper_hex")).unwrap().to_content();
    let map = Message::from_uper(Edition::Y2020, &octets_of(MAP_4X3, "uper_hex")).unwrap().to_content();
    let tracks = Item::Tracks(track_list(3));
    for (own, from_items, from_sent) in [(Own::Items, 1, 0), (Own::Sent, 0, 1)] {
        let mut profile = its0117_with(Edition::Y2020, own);
        assert_eq!(profile.tell(&tracks, NOW).unwrap().len(), from_items);
        assert_eq!(profile.tell_sent(&rsm, NOW).unwrap().len(), from_sent);
        let told = profile.tell_sent(&map, NOW).unwrap();
        assert_eq!(told[0].topic, "V2X.RSU.MAP.UP");
    }
}

#[test]
fn the_rsu_shows_itself() {
    let mut profile = its0117_with(Edition::Y2020, Own::Items);
    assert_eq!(profile.name(), "its0117");
    assert_eq!(profile.login(NOW), None);
    assert_eq!(profile.will(NOW), Ok(None));
    let birth = profile.birth(NOW).unwrap();
    assert_eq!(birth[0].topic, "V2X.RSU.INFO.UP");
    assert_eq!(json(&birth[0])["location"], serde_json::json!({ "lon": 114.347_112, "lat": 22.691_345 }));
    assert_eq!(profile.heartbeat_period(), Some(Duration::from_secs(60)));
    for sequence in 0..2 {
        let beat = profile.heartbeat(NOW).unwrap();
        assert_eq!(beat[0].topic, "V2X.RSU.HB.UP");
        let beat = json(&beat[0]);
        assert_eq!((&beat["rsuId"], &beat["seqNum"]), (&"u_id_123".into(), &sequence.into()));
        assert_eq!(beat["timestamp"], 1_639_812_051_683_i64);
    }
    let running = profile.tell(&Item::Health(v1::Health { tracks_alive: 7, ..v1::Health::default() }), NOW).unwrap();
    assert_eq!(running[0].topic, "V2X.RSU.RunningInfo.UP");
    assert_eq!(json(&running[0])["tracksAlive"], 7);
}

#[test]
fn names_must_fit() {
    let settings = |rsu_id: &str| {
        let (profile, own) = (Edition::Y2020, Own::Items);
        let heartbeat = Its0117::HEARTBEAT;
        Its0117Settings { rsu_id: rsu_id.into(), profile, author: author(), own, heartbeat }
    };
    for wrong in ["", "u_id_1234", "u.id", "u/id", "u+id", "u#id", "u id", "路侧"] {
        let error = Its0117::new(settings(wrong)).unwrap_err();
        assert_eq!(error.key, "rsu_id");
    }
    let mut short = Its0117::new(settings("a-1")).unwrap();
    let told = short.tell(&received(Edition::Y2020, &octets_of(BSM, "uper_hex"), NOW), NOW).unwrap();
    assert_eq!(&told[0].payload[..8], b"a-1\0\0\0\0\0");
    let never = Its0117Settings { heartbeat: Duration::ZERO, ..settings("a") };
    assert_eq!(Its0117::new(never).unwrap_err().key, "heartbeat_s");
}

#[test]
fn captured_payloads_are_heard() {
    let mut profile = its0117_with(Edition::Y2019, Own::Items);
    assert_eq!(
        profile.subscriptions(),
        [
            "V2X.RSU.MAP.u_id_123.DOWN",
            "V2X.RSU.RSM.u_id_123.DOWN",
            "V2X.RSU.SPAT.u_id_123.DOWN",
            "V2X.RSU.RSI.u_id_123.DOWN",
        ]
    );
    for (vector, kind) in [(CAPTURED_MAP, "MAP"), (CAPTURED_RSI, "RSI"), (CAPTURED_RSM, "RSM")] {
        let payload = octets_of(vector, "mqtt_payload_hex");
        let topic = format!("V2X.RSU.{kind}.u_id_123.DOWN");
        let heard = profile.hear(&topic, &payload, NOW).unwrap();
        let content = Message::from_uper(Edition::Y2019, &octets_of(vector, "uper_hex")).unwrap().to_content();
        assert_eq!(heard.downlink, Downlink::Send(vec![content]));
        assert_eq!(heard.reply, None);

        let mut hear = |topic: &str, payload: &[u8]| profile.hear(topic, payload, NOW).unwrap_err().name();
        assert_eq!(hear("V2X.RSU.BSM.u_id_123.DOWN", &payload), "topic");
        assert_eq!(hear("V2X.RSU.MAP.other.DOWN", &payload), "topic");
        assert_eq!(hear("V2X.RSU.SPAT.u_id_123.DOWN", &payload), "kind");
        for length in [0, 7, 15, 17, payload.len() - 1] {
            assert_eq!(hear(&topic, &payload[..length]), "incomplete", "{length}");
        }
        let longer = [payload.as_slice(), &[0]].concat();
        assert_eq!(hear(&topic, &longer), "left_over");
        let mut other = payload.clone();
        other[7] = b'4';
        assert_eq!(hear(&topic, &other), "other_rsu");
        let mut empty = payload[..16].to_vec();
        empty.extend_from_slice(&[0, 0]);
        assert_eq!(hear(&topic, &empty), "uper");
    }
    let huge = vec![0; 300_000];
    let error = profile.hear("V2X.RSU.MAP.u_id_123.DOWN", &huge, NOW).unwrap_err();
    assert_eq!(error, HearError::TooLong { length: 300_000 });
}

proptest! {
    #[test]
    fn no_participant_is_lost_and_no_part_is_too_large(count in 0_u64..70) {
        let list = track_list(count);
        let told = its0117_with(Edition::Y2020, Own::Items).tell(&Item::Tracks(list), NOW).unwrap();
        let mut numbers = Vec::new();
        for publication in &told {
            prop_assert_eq!(&publication.topic, "V2X.RSU.RSM.UP");
            let (at, messages) = taken_apart(&publication.payload, false);
            prop_assert_eq!(at, NOW);
            let Content::Rsm(rsm) = Message::from_uper(Edition::Y2020, &messages[0]).unwrap().to_content() else {
                panic!("no RSM")
            };
            prop_assert!(rsm.participants.len() <= 16);
            numbers.extend(rsm.participants.iter().map(|participant| participant.ptc_id));
        }
        let all: Vec<u32> = (0..count).map(|n| ((70_000 + n) % 65_535) as u32 + 1).collect();
        prop_assert_eq!(numbers, all);
    }
}
