//! The cloud profiles, each as its platform sees it: topics and payloads going up, publications coming down.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

use std::collections::BTreeMap;

use edge_core::Item;
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use rsud::uplink::profiles::{
    Author, Dris, DrisSettings, Its0117, Its0117Settings, OpenV2x, OpenV2xSettings, Outgoing, Own,
};
use serde_json::Value;
use v2x_codec::{Message, Profile as Edition};

#[path = "profiles/dris.rs"]
mod dris;
#[path = "profiles/hostile.rs"]
mod hostile;
#[path = "profiles/its0117.rs"]
mod its0117;
#[path = "profiles/native.rs"]
mod native;
#[path = "profiles/openv2x.rs"]
mod openv2x;

/// 2021-12-18T07:20:51.683Z.
const NOW: Timestamp = Timestamp::from_micros(1_639_812_051_683_000);

const CAPTURED_BSM: &str = include_str!("../../v2x-codec/tests/vectors/captured_bsm.json");
const CAPTURED_MAP: &str = include_str!("../../v2x-codec/tests/vectors/captured_map.json");
const CAPTURED_RSI: &str = include_str!("../../v2x-codec/tests/vectors/captured_rsi.json");
const CAPTURED_RSM: &str = include_str!("../../v2x-codec/tests/vectors/captured_rsm.json");
const MAP_4X3: &str = include_str!("../../v2x-codec/tests/vectors/map_4x3.json");
const BSM: &str = include_str!("../../v2x-codec/tests/vectors/bsm.json");

fn author() -> Author {
    let sensors = [
        ("radar-1".to_owned(), v1::ParticipantSource::MicrowaveRadar),
        ("cam-1".to_owned(), v1::ParticipantSource::Video),
    ];
    let reference = v1::GeoPosition {
        latitude_deg: Some(22.691_345),
        longitude_deg: Some(114.347_112),
        ..v1::GeoPosition::default()
    };
    Author { id: *b"RSU-0755", reference, sensors: BTreeMap::from(sensors) }
}

fn its0117_with(profile: Edition, own: Own) -> Its0117 {
    let heartbeat = Its0117::HEARTBEAT;
    Its0117::new(Its0117Settings { rsu_id: "u_id_123".into(), profile, author: author(), own, heartbeat }).unwrap()
}

fn openv2x() -> OpenV2x {
    let heartbeat = OpenV2x::HEARTBEAT;
    let (esn, profile) = ("R328328".into(), Edition::Y2020);
    OpenV2x::new(OpenV2xSettings { esn, profile, author: author(), events_as_device: false, heartbeat }).unwrap()
}

fn dris_with(own: Own) -> Dris {
    let secret = Some("device-secret".into());
    Dris::new(DrisSettings { esn: "test123".into(), secret, profile: Edition::Y2020, author: author(), own }).unwrap()
}

/// Octets of a vector's field in hexadecimal.
fn octets_of(vector: &str, field: &str) -> Vec<u8> {
    let vector: Value = serde_json::from_str(vector).unwrap();
    hex::decode(vector[field].as_str().unwrap()).unwrap()
}

/// A received message, as the core passes it on.
fn received(profile: Edition, octets: &[u8], received_at: Timestamp) -> Item {
    let message = Message::from_uper(profile, octets).unwrap();
    Item::V2x(Box::new(v1::V2xMessage {
        header: Some(v1::Header { boot_id: 1, sequence: 1, ..v1::Header::default() }),
        received_at_us: received_at.as_micros(),
        octets: octets.to_vec().into(),
        content: Some(message.to_content()),
        ..v1::V2xMessage::default()
    }))
}

/// A message of which only the content is known.
fn said(content: Content) -> Item {
    let received_at_us = NOW.as_micros();
    Item::V2x(Box::new(v1::V2xMessage { received_at_us, content: Some(content), ..v1::V2xMessage::default() }))
}

fn json(publication: &Outgoing) -> Value {
    assert_eq!(publication.content_type, "application/json");
    serde_json::from_slice(&publication.payload).unwrap()
}

#[allow(clippy::unnecessary_wraps, reason = "as the fields have it")]
fn node(region: u32, id: u32) -> Option<v1::NodeReference> {
    Some(v1::NodeReference { region: Some(region), id })
}

/// A list of tracks at 07:20:51.683, one every 20 m to the east.
fn track_list(count: u64) -> v1::TrackList {
    let track = |n: u64| v1::Track {
        id: 70_000 + n,
        class: v1::ParticipantClass::Car.into(),
        latitude_deg: 22.691_345,
        longitude_deg: 114.347_112 + 2e-4 * n as f64,
        speed_mps: 13.46,
        heading_deg: Some(92.6),
        length_m: 4.72,
        width_m: 1.86,
        covariance: vec![0.04, 0.0, 0.0, 0.0, 0.09, 0.0, 0.0, 1.0, 0.0, 1.0],
        sources: vec!["radar-1".into()],
        ..v1::Track::default()
    };
    v1::TrackList { state_at_us: NOW.as_micros(), tracks: (0..count).map(track).collect(), ..v1::TrackList::default() }
}

fn wrong_way(stage: v1::EventStage) -> v1::TrafficEvent {
    v1::TrafficEvent {
        event_id: 261,
        kind: v1::EventKind::WrongWayDriving.into(),
        event_code: 904,
        stage: stage.into(),
        began_at_us: NOW.as_micros() - 60_000_000,
        state_at_us: NOW.as_micros(),
        latitude_deg: 22.6914,
        longitude_deg: 114.3472,
        confidence: 0.9,
        ..v1::TrafficEvent::default()
    }
}
