//! Hostile publications: each gets a typed error or is understood; none panics, and none makes the RSU allocate more
//! than its octets justify.

use proptest::prelude::*;
use rsu_proto::v1::v2x_message::Content;
use rsud::config::PayloadFormat;
use rsud::uplink::profiles::{Downlink, MAX_HEARD, Native, NativeSettings, Own, Profile};
use serde_json::{Value, json};
use v2x_codec::Profile as Edition;

use super::*;

fn all() -> Vec<Box<dyn Profile>> {
    let (rsu_id, format, state) = ("a".into(), PayloadFormat::Protobuf, v1::RsuState::default());
    vec![
        Box::new(Native::new(NativeSettings { rsu_id, boot_id: 1, format, state })),
        Box::new(its0117_with(Edition::Y2019, Own::Items)),
        Box::new(openv2x()),
        Box::new(dris_with(Own::Items)),
    ]
}

/// Payloads as they could come, to begin from.
fn genuine() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        octets_of(CAPTURED_MAP, "mqtt_payload_hex"),
        octets_of(CAPTURED_RSI, "mqtt_payload_hex"),
        octets_of(CAPTURED_RSM, "mqtt_payload_hex"),
    ];
    let mut profile = openv2x();
    let map = Message::from_uper(Edition::Y2020, &octets_of(MAP_4X3, "uper_hex")).unwrap().to_content();
    seeds.push(profile.tell_sent(&map, NOW).unwrap().remove(0).payload);
    for item in [Item::Tracks(track_list(2)), Item::Event(wrong_way(v1::EventStage::Start))] {
        let up = profile.tell(&item, NOW).unwrap().remove(0).payload;
        seeds.push(String::from_utf8(up).unwrap().replace("R328328", "R329329").into_bytes());
    }
    for (vector, up) in
        [(include_str!("../vectors/dris_spat_up.json"), "spat"), (include_str!("../vectors/dris_bsm_up.json"), "bsm")]
    {
        seeds.push(json!({ "name": up, "content": vector }).to_string().into_bytes());
        seeds.push(vector.as_bytes().to_vec());
    }
    let rsi = received(Edition::Y2019, &octets_of(CAPTURED_RSI, "uper_hex"), NOW);
    let up = dris_with(Own::Items).tell(&rsi, NOW).unwrap().remove(0).payload;
    seeds.push(json!({ "name": "rsi", "content": String::from_utf8(up).unwrap() }).to_string().into_bytes());
    seeds
}

/// Hears a payload on every topic of every profile. What is to be sent can be sent.
fn heard_everywhere(payload: &[u8]) -> usize {
    let mut understood = 0;
    for profile in &mut all() {
        for topic in profile.subscriptions() {
            if let Ok(heard) = profile.hear(&topic, payload, NOW) {
                understood += 1;
                if let Downlink::Send(contents) = heard.downlink {
                    let edition = if profile.name() == "its0117" { Edition::Y2019 } else { Edition::Y2020 };
                    for content in contents {
                        assert!(matches!(
                            content,
                            Content::Rsi(_) | Content::Rsm(_) | Content::Map(_) | Content::Spat(_)
                        ));
                        let parts = v2x_codec::split::Outgoing::default().parts(edition, content).unwrap();
                        assert!(!parts.is_empty());
                    }
                }
            }
        }
    }
    understood
}

#[test]
fn the_seeds_are_understood() {
    for (index, seed) in genuine().iter().enumerate() {
        let others = heard_everywhere(seed);
        // A BSM does not come down.
        assert_eq!(others > 0, !seed.windows(8).any(|octets| octets == b"bsmDatas"), "seed {index}");
    }
}

/// A value drawn from the members that the readers ask for.
fn arbitrary_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "rsiDatas",
        "rtes",
        "rtss",
        "eventType",
        "eventPosition",
        "signType",
        "lat",
        "lon",
        "ele",
        "referencePaths",
        "activePath",
        "pathRadius",
        "timeDetails",
        "startTime",
        "intersections",
        "intersectionId",
        "region",
        "id",
        "phases",
        "phaseId",
        "phaseStates",
        "light",
        "timing",
        "counting",
        "likelyEndTime",
        "timeMark",
        "content",
        "rsms",
        "participants",
        "pos",
        "speed",
        "size",
        "map",
        "nodes",
        "Node",
        "refPos",
        "seqNum",
        "name",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0_i64..300).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[0-9a-z\u{4e00}-\u{4e20}]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_octets(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        heard_everywhere(&payload);
    }

    #[test]
    fn any_json(value in arbitrary_json(), wrapped in any::<bool>()) {
        let text = value.to_string();
        let payload = if wrapped { json!({ "name": "x", "content": text }).to_string() } else { text };
        heard_everywhere(payload.as_bytes());
    }

    #[test]
    fn changed_seeds(
        seed in prop::sample::select(genuine()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut payload = seed;
        for (at, octet) in changes {
            let at = at.index(payload.len());
            // Digits for digits and letters for letters, so that much of it stays JSON.
            payload[at] = if payload[at].is_ascii_digit() { b'0' + octet % 10 } else { octet };
        }
        if let Some(cut) = cut {
            payload.truncate(cut.index(payload.len()));
        }
        heard_everywhere(&payload);
    }

    #[test]
    fn any_topic(topic in "[A-Za-z0-9./_]{0,40}") {
        for profile in &mut all() {
            prop_assert_eq!(profile.hear(&topic, b"{}", NOW).unwrap_err().name(), "topic");
        }
    }
}

#[test]
fn what_is_too_long_is_not_looked_at_and_what_is_not_is_bounded() {
    let longest = |fill: &str, open: &str, close: &str| {
        let room = MAX_HEARD - open.len() - close.len();
        [open, &fill.repeat(room / fill.len()), "0", close].concat().into_bytes()
    };
    let payloads = [
        longest("[],", "[", "]"),
        longest("[", "", ""),
        longest("0,", "{\"content\":{\"rsiDatas\":[", "]}}"),
        longest("{},", "{\"content\":{\"rsms\":[", "]}}"),
        longest("{\"eventType\":1},", "{\"rsiDatas\":[{}", "]}"),
        longest("\\u0000", "{\"content\":\"", "\"}"),
        longest("{\"a\":1},", "{\"map\":{\"nodes\":[", "]}}"),
        vec![b'9'; MAX_HEARD],
        vec![0; MAX_HEARD],
    ];
    for payload in &payloads {
        let measured = allocation_counter::measure(|| {
            heard_everywhere(payload);
        });
        // A JSON value takes 32 octets where `0,` takes two, and a growing list up to twice that while it grows.
        let most = 100 * MAX_HEARD as u64;
        assert!(measured.bytes_max < most, "{} for {:?}", measured.bytes_max, &payload[..20]);
    }
    let too_long = vec![b'['; MAX_HEARD + 1];
    let measured = allocation_counter::measure(|| {
        for profile in &mut all() {
            for topic in profile.subscriptions() {
                assert_eq!(profile.hear(&topic, &too_long, NOW).unwrap_err().name(), "too_long");
            }
        }
    });
    assert!(measured.bytes_max < 100_000, "{}", measured.bytes_max);
}
