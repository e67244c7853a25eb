//! DRIS: Huawei's own examples, the bounds of its lists, its login.

use edge_core::Item;
use proptest::prelude::*;
use rsu_proto::v1::{self, phase_state::Timing, position_offset::Horizontal, v2x_message::Content};
use rsud::uplink::profiles::{Downlink, Dris, DrisSettings, Own, Profile as _};
use serde_json::{Value, json};
use v2x_codec::{Message, Profile as Edition};

use super::*;

const BSM_UP: &str = include_str!("../vectors/dris_bsm_up.json");
const SPAT_UP: &str = include_str!("../vectors/dris_spat_up.json");

fn bsm() -> v1::BasicSafetyMessage {
    let off = Some(v1::BrakeState::Off.into());
    v1::BasicSafetyMessage {
        id: b"01234567".to_vec().into(),
        sec_mark_ms: Some(51_683),
        time_accuracy_s: Some(2.0),
        position: Some(v1::GeoPosition {
            latitude_deg: Some(40.123_456_7),
            longitude_deg: Some(116.123_456_7),
            elevation_m: Some(100.0),
            ..v1::GeoPosition::default()
        }),
        position_accuracy: Some(v1::PositionalAccuracy {
            semi_major_m: Some(5.0),
            semi_minor_m: Some(5.0),
            orientation_deg: Some(1000.0 * 360.0 / 65535.0),
        }),
        position_confidence: Some(v1::PositionConfidence {
            horizontal_m: Some(0.5),
            elevation_m: Some(0.5),
            ..v1::PositionConfidence::default()
        }),
        transmission: Some(v1::TransmissionState::ForwardGears.into()),
        speed_mps: Some(60.0),
        heading_deg: Some(125.0),
        steering_wheel_angle_deg: Some(0.0),
        motion_confidence: Some(v1::MotionConfidence {
            speed_mps: Some(0.1),
            heading_deg: Some(0.05),
            steering_deg: Some(1.0),
            ..v1::MotionConfidence::default()
        }),
        acceleration: Some(v1::Acceleration {
            longitudinal_mps2: Some(0.0),
            lateral_mps2: Some(0.0),
            vertical_mps2: Some(0.0),
            yaw_rate_degps: 0.0,
        }),
        brakes: Some(v1::BrakeSystemStatus {
            pedal: off,
            wheel_brakes: Some(0),
            traction_control: off,
            anti_lock: off,
            stability_control: off,
            brake_boost: off,
            auxiliary: off,
        }),
        size: Some(v1::VehicleSize { width_m: 2.0, length_m: 30.0, height_m: Some(2.0) }),
        vehicle_class: Some(v1::VehicleClass { classification: 54, fuel_type: Some(5), unknown_extensions: None }),
        ..v1::BasicSafetyMessage::default()
    }
}

#[test]
fn the_example_of_a_bsm_comes_out() {
    let mut example: Value = serde_json::from_str(BSM_UP).unwrap();
    // A BSM has no number plate.
    example["bsmDatas"][0].as_object_mut().unwrap().remove("plateNo").unwrap();
    // What is told could have come over the air.
    Message::from_content(Edition::Y2020, &Content::Bsm(bsm()), None).unwrap().to_uper().unwrap();
    let told = dris_with(Own::Items).tell(&said(Content::Bsm(bsm())), NOW).unwrap();
    assert_eq!(told[0].topic, "v2x/v1/rsu/test123/bsm/up");
    assert_eq!(json(&told[0]), example);
}

fn spat(timing: Timing) -> v1::SignalPhaseAndTiming {
    let state = v1::PhaseState { light: 3, timing: Some(timing), unknown_extensions: None };
    v1::SignalPhaseAndTiming {
        name: Some("12345".into()),
        intersections: vec![v1::IntersectionState {
            id: node(1, 301),
            // The platform counts 16 bits from the other end: its 6 is our 13 (no valid SPAT) and 14 (unused).
            status: 1 << 13 | 1 << 14,
            minute_of_year: NOW.minute_of_year(),
            sec_mark_ms: Some(51_683),
            time_accuracy_s: Some(2.0),
            phases: vec![v1::Phase { id: 11, states: vec![state] }],
            ..v1::IntersectionState::default()
        }],
        ..v1::SignalPhaseAndTiming::default()
    }
}

#[test]
fn the_example_of_a_spat_comes_out() {
    let zero = Some(0.0);
    let counting = Timing::Counting(v1::CountingDown {
        start_s: zero,
        min_end_s: zero,
        max_end_s: zero,
        likely_end_s: zero,
        confidence_percent: Some(90.0),
        next_start_s: zero,
        next_duration_s: zero,
        sent_unavailable: Vec::new(),
    });
    let utc = Timing::UtcTiming(v1::UtcTiming {
        start_s: zero,
        min_end_s: zero,
        max_end_s: zero,
        likely_end_s: zero,
        confidence_percent: Some(90.0),
        next_start_s: zero,
        next_end_s: zero,
        sent_unavailable: Vec::new(),
    });
    // The example has both kinds of times; a message has one of them. The other, and the two times of unknown unit
    // beside them, are in no message.
    for (timing, other) in [(counting, "utcTiming"), (utc, "counting")] {
        let mut example: Value = serde_json::from_str(SPAT_UP).unwrap();
        let members = &mut example["intersections"][0]["phases"][0]["phaseStates"][0]["timing"];
        for absent in [other, "startTime", "likelyEndTime"] {
            members.as_object_mut().unwrap().remove(absent).unwrap();
        }
        let content = Content::Spat(spat(timing));
        Message::from_content(Edition::Y2020, &content, None).unwrap().to_uper().unwrap();
        let told = dris_with(Own::Items).tell(&said(content), NOW).unwrap();
        assert_eq!(told[0].topic, "v2x/v1/rsu/test123/spat/up");
        assert_eq!(json(&told[0]), example);
    }
}

#[test]
fn track_lists_are_told_with_lasting_identities() {
    let told = dris_with(Own::Items).tell(&Item::Tracks(track_list(1)), NOW).unwrap();
    assert_eq!(told[0].topic, "v2x/v1/rsu/test123/rsm/up");
    let expected = json!({
        "rsms": [{
            "refPos": { "lat": 226_913_450, "lon": 1_143_471_120 },
            "participants": [{
                "ptcType": "1",
                "ptcId": 4466,
                "global_track_id": 70_000,
                "source": 4,
                "secMark": 51_683,
                "pos": { "lat": 226_913_450, "lon": 1_143_471_120 },
                "speed": 673,
                "heading": 7408,
                "size": { "width": 186, "length": 472 },
            }],
        }],
    });
    assert_eq!(json(&told[0]), expected);
    assert_eq!(dris_with(Own::Sent).tell(&Item::Tracks(track_list(1)), NOW), Ok(Vec::new()));
}

#[test]
fn a_captured_rsi_is_told_with_its_paths() {
    let item = received(Edition::Y2019, &octets_of(CAPTURED_RSI, "uper_hex"), NOW);
    let told = dris_with(Own::Items).tell(&item, NOW).unwrap();
    assert_eq!(told[0].topic, "v2x/v1/rsu/test123/rsi/up");
    let body = json(&told[0]);
    assert_eq!(body["rsiSourceId"], "test123");
    let data = &body["rsiDatas"][0];
    assert_eq!(data["id"], "3132333435000000");
    let event = &data["rtes"][0];
    assert_eq!(
        (&event["rteId"], &event["eventType"], &event["eventRadius"]),
        (&json!(123), &json!(9902), &json!(1000))
    );
    // Offsets of nothing lead to the reference.
    assert_eq!(event["eventPosition"], data["refPos"]);
    // The standard's octet 1 is priority 0.
    assert_eq!(event["eventPriority"], 0);
    let path = &event["referencePaths"][0];
    assert_eq!(path["pathRadius"], 200);
    assert_eq!(path["activePath"][0], json!({ "lat": 281_005_997, "lon": 1_129_828_181, "ele": 0 }));
}

#[test]
fn a_map_is_told_when_it_is_new() {
    let mut profile = dris_with(Own::Items);
    let map = Message::from_uper(Edition::Y2019, &octets_of(CAPTURED_MAP, "uper_hex")).unwrap().to_content();
    let told = profile.tell_sent(&map, NOW).unwrap();
    assert_eq!(told[0].topic, "v2x/v1/rsu/test123/map/up");
    let body = json(&told[0]);
    let first = &body["map"]["nodes"][0];
    let Content::Map(twin) = &map else { panic!("no MAP") };
    assert_eq!(first["id"], json!({ "region": 1, "id": twin.nodes[0].id.as_ref().unwrap().id }));
    let lane = &first["inLinks"][0]["lanes"][0];
    assert_eq!(lane["laneId"], twin.nodes[0].in_links[0].lanes[0].id);
    assert!(lane["points"][0]["lat"].as_i64().unwrap() > 280_000_000);
    assert_eq!(profile.tell_sent(&map, NOW), Ok(Vec::new()));
    assert_eq!(profile.birth(NOW), Ok(Vec::new()));
    assert_eq!(profile.tell_sent(&map, NOW).unwrap().len(), 1);
}

#[test]
fn the_login_is_derived() {
    // 2018-07-24T17:56:20Z, the example of Huawei's documentation; the password is Python's
    // hmac.new(b"2018072417", b"device-secret", "sha256").hexdigest().
    let at = Timestamp::from_micros(1_532_454_980_000_000);
    let login = dris_with(Own::Items).login(at).unwrap();
    assert_eq!((login.client_id.as_str(), login.username.as_str()), ("test123_0_0_2018072417", "test123"));
    assert_eq!(login.password, "333effed39ee0ad6abdbd48003cc11eed282a18368d1e50e47ee035e60c80838");
    assert!(!format!("{login:?} {:?}", dris_with(Own::Items)).contains("secret"));
    assert!(!format!("{login:?}").contains("333e"));
    let settings = |esn: &str, secret: Option<&str>| {
        let (secret, profile, own) = (secret.map(Into::into), Edition::Y2020, Own::Items);
        DrisSettings { esn: esn.into(), secret, profile, author: author(), own }
    };
    assert_eq!(Dris::new(settings("test123", None)).unwrap().login(at), None);
    assert_eq!(Dris::new(settings("test123", Some(""))).unwrap_err().key, "secret_file");
    assert_eq!(Dris::new(settings("a/b", None)).unwrap_err().key, "esn");
}

#[test]
fn information_that_comes_down_can_be_sent() {
    let mut profile = dris_with(Own::Items);
    assert_eq!(profile.name(), "dris");
    assert_eq!(profile.subscriptions(), ["v2x/v1/rsu/test123/rsi/down", "v2x/v1/rsu/test123/spat/down"]);
    assert_eq!(profile.heartbeat_period(), None);
    // After Huawei's example: JSON in a text, degrees, a path of one point.
    let content = json!({
        "rsiSourceId": "string", "ack": true, "seqNum": "string",
        "rsiDatas": [{
            "id": "string", "timeStamp": 27_344_635,
            "refPos": { "lat": 40.123_456_7, "lon": 116.123_456_7, "ele": 1000 },
            "rtss": [{
                "rtsId": 100, "signType": 1,
                "signPosition": { "lat": 40.123_456_7, "lon": 116.123_456_7, "ele": 1000 },
                "signDescription": "test",
                "timeDetails": { "startTime": 666, "endTime": 527_040, "endTimeConfidence": 10 },
                "signPriority": 5,
                "referencePaths": [{
                    "activePath": [{ "lat": 40.123_456_7, "lon": 116.123_456_7, "ele": 1000 }],
                    "pathRadius": 100,
                }],
            }],
            "rtes": [{
                "rteId": 100, "eventType": 100, "eventSource": "police",
                "eventPosition": { "lat": 401_234_567, "lon": 1_161_234_567, "ele": null },
                "eventRadius": 100, "eventDescription": "前方施工", "eventPriority": 7,
                "eventConfidence": 100, "duration": 100,
            }],
        }],
    });
    let payload = json!({ "name": "testRsi", "content": content.to_string() }).to_string();
    let heard = profile.hear("v2x/v1/rsu/test123/rsi/down", payload.as_bytes(), NOW).unwrap();
    let Downlink::Send(contents) = heard.downlink else { panic!("nothing to send") };
    let [Content::Rsi(rsi)] = contents.as_slice() else { panic!("no RSI") };
    assert_eq!(&rsi.id[..], b"RSU-0755");
    assert_eq!(rsi.reference.as_ref().unwrap().elevation_m, Some(100.0));
    let (event, sign) = (&rsi.events[0], &rsi.signs[0]);
    assert_eq!((event.event_type, event.source(), event.priority), (100, v1::EventSource::Police, Some(0xE0)));
    assert_eq!((event.radius_m, event.confidence_percent), (Some(10.0), Some(50.0)));
    let Some(Horizontal::Absolute(at)) = &event.position.as_ref().unwrap().horizontal else { panic!("no position") };
    assert_eq!((at.latitude_deg, at.longitude_deg), (Some(40.123_456_7), Some(116.123_456_7)));
    let gb2312 = v1::description::Content::TextGb2312(vec![0xC7, 0xB0, 0xB7, 0xBD, 0xCA, 0xA9, 0xB9, 0xA4].into());
    assert_eq!(event.description.as_ref().unwrap().content, Some(gb2312));
    assert_eq!((sign.rts_id, sign.sign_type, sign.paths[0].points.len()), (100, 1, 2));
    let time = sign.time.as_ref().unwrap();
    assert_eq!(
        (time.start_minute_of_year, time.end_minute_of_year, time.end_accuracy_s),
        (Some(666), None, Some(0.05))
    );
    // The same as an object, not a text.
    let payload = json!({ "name": "testRsi", "content": content }).to_string();
    assert!(profile.hear("v2x/v1/rsu/test123/rsi/down", payload.as_bytes(), NOW).is_ok());
}

#[test]
fn signals_that_come_down_can_be_sent() {
    let mut profile = dris_with(Own::Items);
    let mut example: Value = serde_json::from_str(SPAT_UP).unwrap();
    let payload = |body: &Value| json!({ "name": "spat", "content": body.to_string() }).to_string();
    let mut hear = |body: &Value| profile.hear("v2x/v1/rsu/test123/spat/down", payload(body).as_bytes(), NOW);
    let Downlink::Send(contents) = hear(&example).unwrap().downlink else { panic!("nothing to send") };
    let [Content::Spat(spat)] = contents.as_slice() else { panic!("no SPAT") };
    let state = &spat.intersections[0];
    // Down there is the number of a state, 6 traffic dependent, not a set of flags.
    assert_eq!((state.id, state.status), (node(1, 301), 1 << 6));
    assert_eq!(state.minute_of_year, NOW.minute_of_year());
    assert_eq!((state.phases[0].id, state.phases[0].states[0].light), (11, 3));
    assert!(matches!(&state.phases[0].states[0].timing, Some(Timing::Counting(timing)) if timing.start_s == Some(0.0)));

    example["intersections"][0]["phases"][0]["phaseStates"][0]["light"] = json!(9);
    let error = hear(&example).unwrap_err();
    assert_eq!(error.to_string(), "intersections[0].phases[0].phaseStates[0].light: is out of range");
    assert_eq!(hear(&json!({ "intersections": [] })).unwrap_err().name(), "empty");
    assert_eq!(hear(&json!([])).unwrap_err().name(), "shape");
}

/// A message that fits the standard but for the lengths of its lists.
fn long_rsi(events: u32, signs: u32) -> v1::RoadSideInformation {
    let event = |n| v1::RoadTrafficEvent { rte_id: n, event_type: 904, ..v1::RoadTrafficEvent::default() };
    let sign = |n| v1::RoadTrafficSign { rts_id: n, sign_type: 85, ..v1::RoadTrafficSign::default() };
    v1::RoadSideInformation {
        id: b"RSU-0755".to_vec().into(),
        reference: Some(author().reference),
        events: (0..events).map(event).collect(),
        signs: (0..signs).map(sign).collect(),
        ..v1::RoadSideInformation::default()
    }
}

fn numbers(list: &Value, member: &str) -> Vec<u64> {
    let elements = list.as_array().map_or(&[][..], Vec::as_slice);
    elements.iter().map(|element| element[member].as_u64().unwrap()).collect()
}

proptest! {
    #[test]
    fn participants_are_divided_and_none_is_lost(count in 0_u64..100) {
        let told = dris_with(Own::Items).tell(&Item::Tracks(track_list(count)), NOW).unwrap();
        let mut all = Vec::new();
        for publication in &told {
            let part = numbers(&json(publication)["rsms"][0]["participants"], "global_track_id");
            prop_assert!((1..=16).contains(&part.len()));
            all.extend(part);
        }
        prop_assert_eq!(all, (70_000..70_000 + count).collect::<Vec<_>>());
    }

    #[test]
    fn events_and_signs_are_divided_and_none_is_lost(events in 0_u32..50, signs in 0_u32..70) {
        let told = dris_with(Own::Items).tell(&said(Content::Rsi(long_rsi(events, signs))), NOW).unwrap();
        let (mut all_events, mut all_signs) = (Vec::new(), Vec::new());
        for publication in &told {
            let body = json(publication);
            prop_assert_eq!(body["rsiDatas"].as_array().unwrap().len(), 1);
            let data = &body["rsiDatas"][0];
            let (events, signs) = (numbers(&data["rtes"], "rteId"), numbers(&data["rtss"], "rtsId"));
            prop_assert!(events.len() <= 8 && signs.len() <= 16 && events.len() + signs.len() > 0);
            all_events.extend(events);
            all_signs.extend(signs);
        }
        prop_assert_eq!(all_events, (0..u64::from(events)).collect::<Vec<_>>());
        prop_assert_eq!(all_signs, (0..u64::from(signs)).collect::<Vec<_>>());
    }

    #[test]
    fn phases_are_divided_and_none_is_lost(counts in proptest::collection::vec(0_u32..60, 0..5)) {
        let phase = |id| v1::Phase { id, states: vec![v1::PhaseState { light: 3, ..v1::PhaseState::default() }] };
        let state = |(id, count): (u32, &u32)| v1::IntersectionState {
            id: node(1, id),
            phases: (0..*count).map(phase).collect(),
            ..v1::IntersectionState::default()
        };
        let intersections = (0..).zip(&counts).map(state).collect();
        let message = v1::SignalPhaseAndTiming { intersections, ..v1::SignalPhaseAndTiming::default() };
        let told = dris_with(Own::Items).tell(&said(Content::Spat(message)), NOW).unwrap();
        let mut all = vec![Vec::new(); counts.len()];
        for publication in &told {
            for state in json(publication)["intersections"].as_array().unwrap() {
                let phases = numbers(&state["phases"], "phaseId");
                prop_assert!((1..=16).contains(&phases.len()));
                all[state["intersectionId"]["id"].as_u64().unwrap() as usize].extend(phases);
            }
        }
        let expected: Vec<Vec<u64>> = counts.iter().map(|count| (0..u64::from(*count)).collect()).collect();
        prop_assert_eq!(all, expected);
    }
}
