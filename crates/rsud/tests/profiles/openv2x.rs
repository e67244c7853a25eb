//! `OpenV2X`: the members that its readers ask for, and what it publishes itself.

use std::time::Duration;

use edge_core::Item;
use rsu_proto::v1::{
    self, drive_request::Info, phase_state::Timing, position_offset::Horizontal, v2x_message::Content,
};
use rsud::uplink::profiles::{Downlink, OpenV2x, OpenV2xSettings, Own, Profile as _};
use serde_json::{Value, json};
use v2x_codec::{Message, Profile as Edition};

use super::*;

#[test]
fn track_lists_have_all_that_cerebrum_asks_for() {
    let mut list = track_list(2);
    list.tracks[1].heading_deg = None;
    list.tracks[1].length_m = 0.0;
    list.tracks[1].class = v1::ParticipantClass::Pedestrian.into();
    let told = openv2x().tell(&Item::Tracks(list), NOW).unwrap();
    assert_eq!(told[0].topic, "V2X/RSU/R328328/RSM/UP");
    let expected = json!({
        "name": "R328328",
        "id": "R328328",
        "content": {
            "rsms": [{
                "refPos": { "lat": 226_913_450, "lon": 1_143_471_120, "ele": null },
                "participants": [
                    {
                        "ptcType": "motor", "ptcId": 4466, "global_track_id": "70000", "source": 4, "secMark": 51_683,
                        "pos": { "lat": 226_913_450, "lon": 1_143_471_120, "ele": null },
                        "speed": 673, "heading": 7408, "size": { "width": 186, "length": 472, "height": null },
                    },
                    {
                        "ptcType": "pedestrian", "ptcId": 4467, "global_track_id": "70001", "source": 4,
                        "secMark": 51_683, "pos": { "lat": 226_913_450, "lon": 1_143_473_120, "ele": null },
                        "speed": 673, "heading": 28_800,
                    },
                ],
            }],
        },
    });
    assert_eq!(json(&told[0]), expected);
    // However many there are, they go out together: the platform passes over a second RSM of the same instant.
    let told = openv2x().tell(&Item::Tracks(track_list(40)), NOW).unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(json(&told[0])["content"]["rsms"][0]["participants"].as_array().unwrap().len(), 40);
    assert_eq!(openv2x().tell(&Item::Tracks(track_list(0)), NOW), Ok(Vec::new()));
}

#[test]
fn a_received_rsm_is_told_with_identities_of_its_own() {
    let item = received(Edition::Y2019, &octets_of(CAPTURED_RSM, "uper_hex"), NOW);
    let told = openv2x().tell(&item, NOW).unwrap();
    let participant = &json(&told[0])["content"]["rsms"][0]["participants"][0];
    assert_eq!(participant["global_track_id"], "3132333435000000-1");
    assert_eq!(participant["ptcType"], "non-motor");
    assert_eq!(participant["pos"]["lon"], 1_074_134_465);
    assert_eq!((&participant["speed"], &participant["heading"]), (&json!(258), &json!(13_556)));
}

#[test]
fn events_begin_and_end() {
    for (stage, goes_on) in
        [(v1::EventStage::Start, true), (v1::EventStage::Update, true), (v1::EventStage::End, false)]
    {
        let told = openv2x().tell(&Item::Event(wrong_way(stage)), NOW).unwrap();
        assert_eq!(told[0].topic, "V2X/RSU/R328328/RSI/UP");
        let expected = json!({
            "rsiSourceType": "rsu",
            "rsiSourceId": "R328328",
            "rsiDatas": [{
                "alertID": 261,
                "duration": 0,
                "eventStatus": goes_on,
                "timeStamp": "2021-12-18T07:20:51.683Z",
                "eventClass": "AbnormalVehicle",
                "eventType": 904,
                "eventSource": "detection",
                "eventPosition": { "lat": 226_914_000, "lon": 1_143_472_000 },
                "eventConfidence": 0.9,
                "eventRadius": 5.0,
            }],
        });
        assert_eq!(json(&told[0]), expected);
    }
    let heartbeat = OpenV2x::HEARTBEAT;
    let (esn, profile) = ("R328328".into(), Edition::Y2020);
    let settings = OpenV2xSettings { esn, profile, author: author(), events_as_device: true, heartbeat };
    let told = OpenV2x::new(settings).unwrap().tell(&Item::Event(wrong_way(v1::EventStage::Start)), NOW).unwrap();
    assert_eq!(told[0].topic, "V2X/DEVICE/R328328/RSI/UP");
}

#[test]
fn maps_go_out_as_the_platform_keeps_them_and_come_back() {
    for (vector, edition) in [(CAPTURED_MAP, Edition::Y2019), (MAP_4X3, Edition::Y2020)] {
        let mut profile = openv2x();
        let content = Message::from_uper(edition, &octets_of(vector, "uper_hex")).unwrap().to_content();
        let told = profile.tell_sent(&content, NOW).unwrap();
        assert_eq!(told[0].topic, "V2X/RSU/R328328/MAP/UP");
        let body = json(&told[0]);
        assert_eq!(body["ack"], false);
        assert!(body["mapSlice"].as_str().unwrap().starts_with("R328328-"));
        let first = &body["map"]["nodes"]["Node"][0];
        assert!(first["refPos"]["long"].as_str().unwrap().parse::<i64>().unwrap() > 1_100_000_000);
        assert!(first["refPos"]["elevation"].is_string(), "dandelion removes it");
        let Content::Map(twin) = &content else { panic!("no MAP") };
        let reference = twin.nodes[0].reference.as_ref().unwrap();
        assert_eq!(body["map"]["refPos"]["lat"], reference.latitude_deg.unwrap());
        let with_links =
            body["map"]["nodes"]["Node"].as_array().unwrap().iter().find(|node| !node["inLinks"].is_null());
        let link = &with_links.unwrap()["inLinks"]["Link"][0];
        let lane = &link["lanes"]["Lane"][0];
        assert!(lane["laneID"].as_str().unwrap().parse::<u8>().is_ok());
        let maneuvers = lane["maneuvers"].as_str().unwrap();
        assert!(maneuvers.len() == 12 && maneuvers.bytes().all(|bit| bit == b'0' || bit == b'1'), "{maneuvers}");
        let limit = &link["speedLimits"]["RegulatorySpeedLimit"][0];
        assert!(limit.is_null() || limit["type"].as_object().unwrap().values().all(Value::is_null));

        // The platform publishes to an RSU what it has.
        let down = json!({ "mapSlice": "a", "eTag": "b", "ack": false, "seqNum": "8", "map": body["map"] });
        let heard = profile.hear("V2X/RSU/R328328/MAP/DOWN", down.to_string().as_bytes(), NOW).unwrap();
        let reply = heard.reply.unwrap();
        assert_eq!(reply.topic, "V2X/RSU/R328328/MAP/DOWN/ACK");
        assert_eq!(json(&reply), json!({ "seqNum": "8", "errorCode": 0 }));
        let Downlink::Send(contents) = heard.downlink else { panic!("nothing to send") };
        let again = openv2x().tell_sent(&contents[0], NOW).unwrap();
        assert_eq!(json(&again[0])["map"], body["map"]);
    }
}

#[test]
fn a_map_as_the_converter_writes_it_is_understood() {
    // One link, one lane, one point list: the converter leaves out the lists' brackets. After the example of OpenV2X.
    let point = |lon: &str, lat: &str| json!({ "posOffset": { "offsetLL": { "position-LatLon": { "lon": lon, "lat": lat } } } });
    let points = json!({ "RoadPoint": [point("1165142774", "397841165"), point("1165129744", "397857197")] });
    let lane = json!({
        "laneID": "1", "laneWidth": "330",
        "laneAttributes": { "shareWith": "0000000000", "laneType": { "vehicle": "00000001" } },
        "maneuvers": "110000000000",
        "connectsTo": { "Connection": {
            "remoteIntersection": { "region": "10", "id": "12" },
            "connectingLane": { "lane": "1", "maneuver": "010000000000" },
            "phaseId": "7",
        } },
        "points": points,
    });
    let link = json!({
        "name": "18-19", "upstreamNodeId": { "region": "10", "id": "18" },
        "speedLimits": { "RegulatorySpeedLimit": { "type": { "vehicleMaxSpeed": null }, "speed": "833" } },
        "linkWidth": "660", "points": points, "lanes": { "Lane": lane },
    });
    let reference = json!({ "lat": "397870006", "long": "1165119042", "elevation": "0" });
    let node =
        json!({ "name": "19", "id": { "region": "10", "id": "19" }, "refPos": reference, "inLinks": { "Link": link } });
    let down = json!({ "seqNum": 9, "map": { "msgCnt": "1", "nodes": { "Node": node } } });
    let heard = openv2x().hear("V2X/RSU/R328328/MAP/DOWN", down.to_string().as_bytes(), NOW).unwrap();
    assert_eq!(json(&heard.reply.unwrap())["seqNum"], "9");
    let Downlink::Send(contents) = heard.downlink else { panic!("nothing to send") };
    let Content::Map(map) = &contents[0] else { panic!("no MAP") };
    let (node, link) = (&map.nodes[0], &map.nodes[0].in_links[0]);
    assert_eq!((node.name.as_deref(), link.width_m), (Some("19"), Some(6.6)));
    assert_eq!(link.speed_limits[0].r#type(), v1::SpeedLimitType::VehicleMaxSpeed);
    let lane = &link.lanes[0];
    assert_eq!((lane.maneuvers, lane.attributes.as_ref().unwrap().flags.as_ref().unwrap().bits), (Some(0b11), 1 << 7));
    assert_eq!(lane.connects_to[0].lane.as_ref().unwrap().maneuvers, Some(0b10));
    let Some(Horizontal::Absolute(at)) = &lane.points[0].horizontal else { panic!("no position") };
    assert_eq!(at.longitude_deg, Some(116.514_277_4));
}

#[test]
fn signals_say_when_they_are_over() {
    let state = |light, timing| v1::PhaseState { light, timing: Some(timing), unknown_extensions: None };
    let counting = Timing::Counting(v1::CountingDown { likely_end_s: Some(8.4), ..v1::CountingDown::default() });
    // 07:20:51.7 is 1251.7 s after 7 o'clock; 100.0 s after the hour is in the next one.
    let utc = Timing::UtcTiming(v1::UtcTiming { likely_end_s: Some(100.0), ..v1::UtcTiming::default() });
    let phases =
        vec![v1::Phase { id: 1, states: vec![state(3, counting)] }, v1::Phase { id: 2, states: vec![state(6, utc)] }];
    let intersection = v1::IntersectionState {
        id: node(10, 19),
        minute_of_year: NOW.minute_of_year(),
        sec_mark_ms: Some(51_683),
        phases,
        ..v1::IntersectionState::default()
    };
    let spat = v1::SignalPhaseAndTiming { intersections: vec![intersection], ..v1::SignalPhaseAndTiming::default() };
    let told = openv2x().tell(&said(Content::Spat(spat)), NOW).unwrap();
    assert_eq!(told[0].topic, "V2X/RSU/R328328/SPAT/UP");
    let expected = json!({
        "intersections": [{
            "intersectionId": "10-19",
            "status": true,
            "phases": [
                { "phaseId": "1", "phaseStates": { "light": "3", "timing": "2021-12-18 07:21:00" } },
                { "phaseId": "2", "phaseStates": { "light": "6", "timing": "2021-12-18 08:01:40" } },
            ],
        }],
    });
    assert_eq!(json(&told[0]), expected);
}

#[test]
fn requests_of_vehicles_are_told_one_by_one() {
    let lane_change = Info::LaneChange(v1::LaneChangeRequest {
        upstream: node(10, 18),
        downstream: node(10, 19),
        target_lane: 1,
        unknown_extensions: None,
    });
    let point = |lon| v1::PositionOffset {
        horizontal: Some(Horizontal::Offset(v1::LatLonOffset { latitude_deg: 0.0, longitude_deg: lon, width_bits: 0 })),
        ..v1::PositionOffset::default()
    };
    let area = v1::ReferencePath { points: vec![point(0.0), point(1e-4)], radius_m: 5.0 };
    let sharing = Info::SensorSharing(v1::SensorSharingRequest {
        detect_area: vec![area.clone(), area],
        unknown_extensions: None,
    });
    let request = |id, info| v1::DriveRequest {
        request_id: id,
        status: v1::DriveRequestStatus::Request.into(),
        priority: Some(0b1110_0000),
        info: Some(info),
        life_time_s: Some(5.0),
        ..v1::DriveRequest::default()
    };
    let vir = v1::VehicleIntentionAndRequest {
        msg_cnt: 2,
        id: b"veh-0039".to_vec().into(),
        sec_mark_ms: Some(51_600),
        reference: Some(author().reference),
        intention_and_request: Some(v1::IntentionAndRequest {
            current_behavior: Some(v1::Flags { bits: 1 << 2, ..v1::Flags::default() }),
            requests: vec![request(2, lane_change), request(3, sharing)],
            ..v1::IntentionAndRequest::default()
        }),
        unknown_extensions: None,
    };
    let content = Content::Vir(vir);
    Message::from_content(Edition::Y2020, &content, None).unwrap().to_uper().unwrap();
    let told = openv2x().tell(&said(content), NOW).unwrap();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|publication| publication.topic == "V2X/RSU/R328328/VIR/UP"));
    let expected = json!({
        "msgCnt": "2",
        "id": "veh-0039",
        "refPos": { "lon": 1_143_471_120, "lat": 226_913_450, "ele": null },
        "secMark": 51_600,
        "timeStamp": 1_639_812_051_600_i64,
        "intAndReq": {
            "currentBehavior": 2,
            "reqs": {
                "reqID": 2, "status": 1, "reqPriority": "B11100000", "lifeTime": 500,
                "info": { "laneChange": {
                    "upstreamNode": { "region": 10, "id": 18 },
                    "downstreamNode": { "region": 10, "id": 19 },
                    "targetLane": 1,
                } },
            },
        },
    });
    assert_eq!(json(&told[0]), expected);
    let area = &json(&told[2])["intAndReq"]["reqs"]["info"]["sensorSharing"]["detectArea"];
    assert_eq!(area["activePath"][1], json!({ "lat": 226_913_450, "lon": 1_143_472_120 }));
}

#[test]
fn the_rsu_shows_itself() {
    let mut profile = openv2x();
    assert_eq!(profile.name(), "openv2x");
    let birth = profile.birth(NOW).unwrap();
    assert_eq!(birth[0].topic, "V2X/RSU/INFO/UP");
    let body = json(&birth[0]);
    // dandelion creates no RSU unless all of these are there.
    for member in ["rsuId", "rsuName", "rsuEsn", "version", "rsuStatus", "location", "config"] {
        assert!(!body[member].is_null(), "{member}");
    }
    assert_eq!(profile.heartbeat_period(), Some(Duration::from_secs(10)));
    let beat = profile.heartbeat(NOW).unwrap();
    assert_eq!(beat[0].topic, "V2X/RSU/HB/UP");
    assert_eq!(json(&beat[0])["rsuEsn"], "R328328");
    let told = profile.tell(&received(Edition::Y2020, &octets_of(BSM, "uper_hex"), NOW), NOW).unwrap();
    assert_eq!(told[0].topic, "V2X/RSU/R328328/BSM/UP");
    assert_eq!(json(&told[0])["bsmDatas"][0]["vehicleId"], "SZPS0001");
    let told = profile.tell(&Item::Health(v1::Health::default()), NOW).unwrap();
    assert_eq!(told[0].topic, "V2X/RSU/RunningInfo/UP");
    assert_eq!(profile.tell(&Item::LaneStatistics(v1::LaneStatistics::default()), NOW), Ok(Vec::new()));
}

#[test]
fn echoes_are_passed_over_and_the_rest_is_sent() {
    let mut profile = openv2x();
    assert_eq!(
        profile.subscriptions(),
        [
            "V2X/RSU/R328328/RSI/DOWN",
            "V2X/RSU/R328328/RSM/DOWN",
            "V2X/RSU/R328328/MAP/DOWN",
            "V2X/RSU/R328328/SPAT/DOWN",
        ]
    );
    for item in [Item::Tracks(track_list(3)), Item::Event(wrong_way(v1::EventStage::Start))] {
        let up = profile.tell(&item, NOW).unwrap().remove(0);
        let down = up.topic.replace("UP", "DOWN");
        assert_eq!(profile.hear(&down, &up.payload, NOW).unwrap().downlink, Downlink::Nothing);
        // The same of another RSU is for the road users.
        let other = String::from_utf8(up.payload).unwrap().replace("R328328", "R329329");
        let Downlink::Send(contents) = profile.hear(&down, other.as_bytes(), NOW).unwrap().downlink else {
            panic!("nothing to send")
        };
        match contents.as_slice() {
            [Content::Rsm(rsm)] => {
                assert_eq!((rsm.participants.len(), &rsm.id[..]), (3, &b"RSU-0755"[..]));
                assert_eq!(rsm.participants[2].source(), v1::ParticipantSource::MicrowaveRadar);
                assert_eq!(rsm.participants[2].speed_mps, Some(13.46));
            }
            [Content::Rsi(rsi)] => {
                assert_eq!((rsi.events[0].rte_id, rsi.events[0].event_type), (5, 904));
                assert_eq!(rsi.events[0].confidence_percent, Some(90.0));
            }
            other => panic!("{other:?}"),
        }
    }
    // An event that is over is not sent.
    let over = profile.tell(&Item::Event(wrong_way(v1::EventStage::End)), NOW).unwrap().remove(0);
    let other = String::from_utf8(over.payload).unwrap().replace("R328328", "R329329");
    let heard = profile.hear("V2X/RSU/R328328/RSI/DOWN", other.as_bytes(), NOW).unwrap();
    assert_eq!(heard.downlink, Downlink::Nothing);
    // Dandelion's form of signals.
    let spat = json!({ "intersections": [{
        "intersectionId": { "region": 10, "id": 19 }, "status": true,
        "phases": [{ "phaseId": "3", "phaseStates": { "light": "6", "timing": "2021-12-18 07:21:00" } }],
    }] });
    let heard = profile.hear("V2X/RSU/R328328/SPAT/DOWN", spat.to_string().as_bytes(), NOW).unwrap();
    assert!(matches!(heard.downlink, Downlink::Send(contents) if contents.len() == 1));
}

#[test]
fn events_are_not_told_twice() {
    let rsm = Message::from_uper(Edition::Y2020, &octets_of(CAPTURED_RSM, "uper_hex")).unwrap().to_content();
    assert_eq!(openv2x().tell_sent(&rsm, NOW), Ok(Vec::new()));
    assert_eq!(dris_with(Own::Sent).tell_sent(&rsm, NOW).unwrap().len(), 1);
    assert_eq!(dris_with(Own::Items).tell_sent(&rsm, NOW), Ok(Vec::new()));
}
