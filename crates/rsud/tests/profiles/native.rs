//! Our own contract: what the uplink has always told, behind the trait.

use edge_core::Item;
use rsu_proto::{Message as _, v1};
use rsud::config::PayloadFormat;
use rsud::uplink::profiles::{Native, NativeMessage, NativeSettings, Profile as _};
use rsud::uplink::{Received, decode};

use super::*;

fn native(format: PayloadFormat) -> Native {
    let state = v1::RsuState { software_version: "1.2".into(), ..v1::RsuState::default() };
    Native::new(NativeSettings { rsu_id: "a".into(), boot_id: 5, format, state })
}

#[test]
fn items_come_back_whole() {
    let header = v1::Header { stream: "bsm".into(), ..v1::Header::default() };
    let items = [
        (Item::Tracks(track_list(2)), "rsu/v1/a/tracks", "rsu.v1.TrackList"),
        (Item::Event(wrong_way(v1::EventStage::Start)), "rsu/v1/a/events", "rsu.v1.TrafficEvent"),
        (
            Item::V2x(Box::new(v1::V2xMessage { header: Some(header), ..v1::V2xMessage::default() })),
            "rsu/v1/a/v2x/bsm",
            "rsu.v1.V2xMessage",
        ),
        (Item::LaneStatistics(v1::LaneStatistics::default()), "rsu/v1/a/lane-statistics", "rsu.v1.LaneStatistics"),
        (
            Item::PoleState(Box::new(v1::PoleState { pole_id: "p".into(), ..v1::PoleState::default() })),
            "rsu/v1/a/poles/p",
            "rsu.v1.PoleState",
        ),
        (Item::PoleReadings(Box::default()), "rsu/v1/a/pole-readings", "rsu.v1.PoleReadings"),
        (
            Item::PoleAlarm(v1::PoleAlarm {
                header: Some(v1::Header { stream: "pole-emergency".into(), ..v1::Header::default() }),
                ..v1::PoleAlarm::default()
            }),
            "rsu/v1/a/pole-emergency",
            "rsu.v1.PoleAlarm",
        ),
        (Item::Health(v1::Health { uptime_s: 1.5, ..v1::Health::default() }), "rsu/v1/a/health", "rsu.v1.Health"),
    ];
    for format in [PayloadFormat::Protobuf, PayloadFormat::Json] {
        for (item, topic, schema) in &items {
            let told = native(format).tell(item, NOW).unwrap();
            assert_eq!(told.len(), 1);
            // How a pole is stays true until it is told otherwise.
            let retain = *schema == "rsu.v1.PoleState";
            assert_eq!((told[0].topic.as_str(), told[0].schema, told[0].retain), (*topic, *schema, retain));
            assert_eq!(decode(topic, &told[0].payload), Ok(Received::Item(item.clone())));
        }
    }
}

#[test]
fn the_state_is_retained_and_the_will_says_that_it_was_not_meant() {
    let mut profile = native(PayloadFormat::Protobuf);
    let state = |publication: &Outgoing| {
        assert_eq!((publication.topic.as_str(), publication.retain), ("rsu/v1/a/state", true));
        assert_eq!(publication.schema, "rsu.v1.RsuState");
        let state = v1::RsuState::decode(publication.payload.as_slice()).unwrap();
        assert_eq!(state.software_version, "1.2");
        let header = state.header.clone().unwrap();
        assert_eq!((header.boot_id, header.stream.as_str(), header.produced_at_us), (5, "state", NOW.as_micros()));
        (state.availability(), state.unexpected, header.sequence)
    };
    let will = profile.will(NOW).unwrap().unwrap();
    assert_eq!(state(&will), (v1::Availability::Offline, true, 0));
    assert_eq!(state(&profile.birth(NOW).unwrap()[0]), (v1::Availability::Online, false, 1));
    assert_eq!(state(&profile.birth(NOW).unwrap()[0]), (v1::Availability::Online, false, 2));
    assert_eq!(state(&profile.farewell(NOW).unwrap()[0]), (v1::Availability::Offline, false, 3));
    assert_eq!(profile.heartbeat_period(), None);
}

#[test]
fn gaps_and_replies_go_out_and_commands_do_not_come_in_here() {
    let mut profile = native(PayloadFormat::Json);
    let gap = NativeMessage { stream: "gaps", schema: "rsu.v1.Gap", payload: b"{}".to_vec() };
    let told = profile.tell_native(gap.clone()).unwrap();
    assert_eq!((told.topic.as_str(), told.schema), ("rsu/v1/a/gaps", "rsu.v1.Gap"));
    assert_eq!((told.content_type, told.payload), ("application/json", b"{}".to_vec()));
    assert_eq!(openv2x().tell_native(gap), None);

    assert_eq!(profile.subscriptions(), [""; 0]);
    assert_eq!(profile.hear("rsu/v1/a/command", b"", NOW).unwrap_err().name(), "topic");
}
