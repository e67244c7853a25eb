//! The real daemon, a real mosquitto, real sockets: captured and cross-checked frames go in, a subscriber sees them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::time::{Duration, Instant};

use rsu_proto::{Message as _, v1};
use support::{Embedded, Mosquitto, Rsud, Subscriber, lidar, udp, vector, wait_for};
use v1::v2x_message::Content;
use v2x_codec::dsmp::{Aid, encode};

fn v2x(message: &support::Message) -> Option<v1::V2xMessage> {
    message
        .topic
        .starts_with("rsu/v1/test-rsu/v2x/")
        .then(|| v1::V2xMessage::decode(message.payload.as_slice()).unwrap())
}

fn near(left: Option<f64>, right: f64) -> bool {
    left.is_some_and(|left| (left - right).abs() < 1e-9)
}

#[test]
fn frames_of_the_2020_profile_arrive_field_by_field_over_mosquitto() {
    let broker = Mosquitto::start();
    frames_of_the_2020_profile_arrive_field_by_field(broker.port);
}

#[test]
fn frames_of_the_2020_profile_arrive_field_by_field_over_the_embedded_broker() {
    let broker = Embedded::start();
    frames_of_the_2020_profile_arrive_field_by_field(broker.port);
}

fn frames_of_the_2020_profile_arrive_field_by_field(broker_port: u16) {
    let subscriber = Subscriber::new(broker_port);
    let rsud = Rsud::start(broker_port, "");
    let pc5 = rsud.address("pc5");
    rsud.wait_for_broker();

    let socket = udp();
    for (name, aid) in [
        ("bsm", Aid::BSM),
        ("map_4x3", Aid::MAP),
        ("rsm16", Aid::RSM),
        ("spat_4x8", Aid::SPAT),
        ("captured_bsm", Aid::BSM),
    ] {
        socket.send_to(&encode(aid, &vector(name)).unwrap(), pc5).unwrap();
    }

    let bsm = subscriber.wait("the BSM", |m| v2x(m).filter(|m| m.octets == vector("bsm")));
    let header = bsm.header.as_ref().unwrap();
    assert_eq!((header.rsu_id.as_str(), header.stream.as_str()), ("test-rsu", "bsm"));
    assert!(header.sequence >= 1 && header.boot_id > 0 && header.caused_by_arrival_us == bsm.received_at_us);
    assert_eq!((bsm.received_by.as_str(), bsm.aid, bsm.profile()), ("pc5", Some(111), v1::Profile::Profile2020));
    let Some(Content::Bsm(bsm)) = bsm.content else { panic!("no BSM") };
    assert_eq!((bsm.msg_cnt, bsm.id.as_ref(), bsm.sec_mark_ms), (87, b"SZPS0001".as_slice(), Some(41250)));
    let position = bsm.position.clone().unwrap();
    assert!(near(position.latitude_deg, 22.691_765) && near(position.longitude_deg, 114.346_932));
    assert!(near(position.elevation_m, 45.8) && near(bsm.speed_mps, 13.46) && near(bsm.heading_deg, 92.6));
    assert!(near(bsm.steering_wheel_angle_deg, -4.5) && near(bsm.time_accuracy_s, 0.001));
    assert_eq!(bsm.transmission(), v1::TransmissionState::ForwardGears);
    let acceleration = bsm.acceleration.unwrap();
    assert!(near(acceleration.longitudinal_mps2, -1.32) && (acceleration.yaw_rate_degps + 2.15).abs() < 1e-9);
    let brakes = bsm.brakes.unwrap();
    assert_eq!((brakes.pedal(), brakes.wheel_brakes), (v1::BrakeState::On, Some(0b11110)));
    let safety = bsm.safety.unwrap();
    assert_eq!(safety.events.unwrap().bits, 1 << 7, "hard braking");
    assert_eq!(safety.path_history.unwrap().points.len(), 8);
    assert_eq!(safety.path_prediction.unwrap().radius_m, None, "straight");
    let size = bsm.size.unwrap();
    assert_eq!((size.width_m, size.length_m, size.height_m), (1.86, 4.72, Some(1.5)));

    let map = subscriber.wait("the MAP", |m| v2x(m).filter(|m| m.octets == vector("map_4x3")));
    let Some(Content::Map(map)) = map.content else { panic!("no MAP") };
    assert_eq!(map.nodes.len(), 1);
    assert_eq!(map.nodes[0].in_links.len(), 4);
    assert_eq!(map.nodes[0].in_links[0].lanes.len(), 3);
    assert_eq!(map.nodes[0].in_links[0].lanes[0].width_m, Some(3.5));
    assert_eq!(map.nodes[0].in_links[0].movements[0].phase_id, Some(1));

    let rsm = subscriber.wait("the RSM", |m| v2x(m).filter(|m| m.octets == vector("rsm16")));
    let Some(Content::Rsm(rsm)) = rsm.content else { panic!("no RSM") };
    assert_eq!(rsm.participants.len(), 16);
    assert_eq!((rsm.participants[0].ptc_id, rsm.participants[0].r#type()), (0, v1::ParticipantType::Rsu));
    assert_eq!(rsm.participants[1].id.as_deref(), Some(b"SZPS0001".as_slice()));
    assert!(near(rsm.participants[1].heading_deg, 37.0));

    let spat = subscriber.wait("the SPAT", |m| v2x(m).filter(|m| m.octets == vector("spat_4x8")));
    let Some(Content::Spat(spat)) = spat.content else { panic!("no SPAT") };
    assert_eq!((spat.name.as_deref(), spat.intersections.len()), (Some("PINGSHAN-0755"), 4));
    let phase = &spat.intersections[0].phases[1];
    assert_eq!((phase.id, phase.states[0].light()), (2, v1::LightState::ProtectedGreen));
    let Some(v1::phase_state::Timing::Counting(counting)) = &phase.states[0].timing else { panic!("no countdown") };
    assert!(near(counting.likely_end_s, 12.4) && near(counting.confidence_percent, 90.0));
    let Some(v1::phase_state::Timing::Counting(counting)) = &phase.states[1].timing else { panic!("no countdown") };
    assert_eq!(counting.likely_end_s, None, "36001 is unknown");

    let captured = subscriber.wait("the captured BSM", |m| v2x(m).filter(|m| m.octets == vector("captured_bsm")));
    let Some(Content::Bsm(captured)) = captured.content else { panic!("no BSM") };
    let position = captured.position.unwrap();
    assert!(near(position.latitude_deg, 39.976_464_5) && near(position.longitude_deg, 116.350_950_3));
    assert_eq!(captured.acceleration.unwrap().longitudinal_mps2, None, "2001 is unavailable");

    for message in subscriber.messages().iter().filter(|message| !message.topic.ends_with("state")) {
        assert_eq!(message.content_type.as_deref(), Some("application/protobuf"), "{}", message.topic);
        assert!(message.schema.as_deref().is_some_and(|schema| schema.starts_with("rsu.v1.")));
    }
}

#[test]
fn captures_of_the_2019_profile_arrive_bare_and_as_json_over_mosquitto() {
    let broker = Mosquitto::start();
    captures_of_the_2019_profile_arrive_bare_and_as_json(broker.port);
}

#[test]
fn captures_of_the_2019_profile_arrive_bare_and_as_json_over_the_embedded_broker() {
    let broker = Embedded::start();
    captures_of_the_2019_profile_arrive_bare_and_as_json(broker.port);
}

fn captures_of_the_2019_profile_arrive_bare_and_as_json(broker_port: u16) {
    let subscriber = Subscriber::new(broker_port);
    let config = support::config(broker_port, "framing = \"uper\"\nprofile = \"2019\"")
        .replace("[cloud]", "[cloud]\npayload = \"json\"");
    let rsud = Rsud::start_with(&config);
    let pc5 = rsud.address("pc5");
    rsud.wait_for_broker();
    for name in ["captured_map", "captured_rsi", "captured_rsm", "captured_bsm"] {
        udp().send_to(&vector(name), pc5).unwrap();
    }
    let json = |kind: &'static str| {
        subscriber.wait(kind, |m| {
            let topic = format!("rsu/v1/test-rsu/v2x/{kind}");
            (m.topic == topic).then(|| serde_json::from_slice::<serde_json::Value>(&m.payload).unwrap())
        })
    };
    let map = json("map");
    assert_eq!(map["profile"], "PROFILE_2019");
    assert_eq!(map["map"]["nodes"][0]["id"]["id"], 149);
    assert_eq!(map["map"]["nodes"][0]["reference"]["latitudeDeg"], 28.098_525_8);
    assert_eq!(map["map"]["nodes"][0]["inLinks"][0]["widthM"], 22.0);
    let rsi = json("rsi");
    let event = &rsi["rsi"]["events"][0];
    assert_eq!((&event["rteId"], &event["eventType"], &event["radiusM"]), (&123.into(), &9902.into(), &100.0.into()));
    assert_eq!(event["paths"][0]["points"].as_array().unwrap().len(), 4);
    assert_eq!(event["paths"][0]["points"][3]["absolute"]["latitudeDeg"], 28.098_805_1);
    let rsm = json("rsm");
    assert_eq!(rsm["rsm"]["participants"][0]["type"], "PARTICIPANT_TYPE_NON_MOTOR");
    assert_eq!(rsm["rsm"]["participants"][0]["speedMps"], 5.16);
    // Protobuf JSON writes octets in base64.
    assert!(rsm["octets"].as_str().is_some_and(|octets| octets.starts_with("IBMTIzNDUAAA")), "{}", rsm["octets"]);
}

#[test]
fn peers_speak_protobuf_over_udp() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let rsud = Rsud::start(broker.port, "");
    let address = rsud.address("v2x_udp");
    rsud.wait_for_broker();
    let sent = v1::V2xMessage { octets: vector("rsm16").into(), ..v1::V2xMessage::default() };
    udp().send_to(&sent.encode_to_vec(), address).unwrap();
    let got = subscriber.wait("the RSM", v2x);
    assert_eq!((got.received_by.as_str(), got.octets.as_ref()), ("v2x_udp", vector("rsm16").as_slice()));
    assert!(matches!(got.content, Some(Content::Rsm(rsm)) if rsm.participants.len() == 16));
}
#[test]
fn detections_become_tracks_and_a_pedestrian_on_the_road_an_event() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let rsud = Rsud::start(broker.port, "");
    let address = rsud.address("sensor");
    rsud.wait_for_broker();
    let socket = udp();
    let start = Instant::now();
    let stage = |stage: v1::EventStage| {
        subscriber.messages().iter().filter(|m| m.topic.ends_with("/emergency")).find_map(|m| {
            let event = v1::TrafficEvent::decode(m.payload.as_slice()).unwrap();
            (event.stage() == stage).then_some(event)
        })
    };
    // A car drives east, a pedestrian stands on its lane and, once the RSU has told so, is gone to the roadside.
    let mut sequence = 0;
    let mut pedestrian_y = 0.5;
    let ended = wait_for("the end of the event", || {
        sequence += 1;
        let car_x = -100.0 + 10.0 * start.elapsed().as_secs_f64();
        let objects = [(1, car_x, 0.0, 10.0, "CAR"), (2, 50.0, pedestrian_y, 0.0, "PERSON")];
        socket.send_to(&lidar(sequence, &objects), address).unwrap();
        if stage(v1::EventStage::Start).is_some() && pedestrian_y < 6.0 {
            pedestrian_y += 0.05;
        }
        std::thread::sleep(Duration::from_millis(30));
        stage(v1::EventStage::End)
    });
    let started = stage(v1::EventStage::Start).unwrap();
    assert_eq!((started.event_code, started.kind()), (405, v1::EventKind::PedestrianOnCarriageway));
    assert_eq!((started.event_id, ended.event_id, ended.end_reason()), (1, 1, v1::EndReason::Cleared));
    assert_eq!(started.lane_id, "eastbound");
    assert_eq!(started.participants[0].class(), v1::ParticipantClass::Pedestrian);
    assert!((started.x_m - 50.0).abs() < 1.0 && (started.latitude_deg - 22.6913).abs() < 1e-4);
    assert!(started.began_at_us <= started.state_at_us && ended.state_at_us > started.state_at_us);
    let starts = subscriber.messages().iter().filter(|m| m.topic.ends_with("/emergency")).count();
    assert!(starts >= 2);

    let track = subscriber.wait("the car's track", |m| {
        let list = m.topic.ends_with("/tracks").then(|| v1::TrackList::decode(m.payload.as_slice()).unwrap())?;
        list.tracks.into_iter().find(|track| track.class() == v1::ParticipantClass::Car && track.x_m > -80.0)
    });
    assert!((track.velocity_x_mps - 10.0).abs() < 1.0 && track.y_m.abs() < 0.5, "{track:?}");
    assert!(track.heading_deg.is_some_and(|heading| (heading - 90.0).abs() < 5.0));
    assert_eq!((track.sources.as_slice(), track.lane_id.as_str()), (["lidar-1".to_owned()].as_slice(), "eastbound"));
    assert_eq!(track.covariance.len(), 10);
}

#[test]
fn state_is_retained_and_the_will_tells_of_a_sudden_death() {
    let broker = Mosquitto::start();
    let state = |subscriber: &Subscriber, pick: &dyn Fn(&v1::RsuState) -> bool| {
        subscriber.wait("the state", |m| {
            let state = m.topic.ends_with("/state").then(|| v1::RsuState::decode(m.payload.as_slice()).unwrap())?;
            pick(&state).then_some((state, m.retain))
        })
    };
    let mut rsud = Rsud::start(broker.port, "");
    rsud.wait_for_broker();
    let early = Subscriber::new(broker.port);
    let (online, _) = state(&early, &|state| state.availability() == v1::Availability::Online);
    assert_eq!(online.software_version, env!("CARGO_PKG_VERSION"));
    assert!((online.reference_latitude_deg - 22.6913).abs() < 1e-9);

    let term = Instant::now();
    rsud.process.signal("TERM");
    assert_eq!(rsud.process.wait(), Some(0), "{}", rsud.process.log());
    assert!(term.elapsed() < Duration::from_secs(5), "SIGTERM took {:?}", term.elapsed());
    let (offline, _) = state(&early, &|state| state.availability() == v1::Availability::Offline);
    assert!(!offline.unexpected);

    let second = Rsud::start(broker.port, "");
    second.wait_for_broker();
    second.process.signal("KILL");
    state(&early, &|state| state.unexpected && state.availability() == v1::Availability::Offline);
    // Who comes later sees it too.
    let late = Subscriber::new(broker.port);
    let (last, retained) = state(&late, &|_| true);
    assert!(retained && last.unexpected);
}

#[test]
fn the_daemon_outlives_its_broker_and_delivers_what_waited_in_order() {
    let mut broker = Mosquitto::start();
    let port = broker.port;
    // Nothing but messages, and a subscriber whose session outlives its connection: the broker keeps for it what comes
    // between its own start and the subscriber's return.
    let rsud = Rsud::start(port, "");
    let pc5 = rsud.address("pc5");
    rsud.wait_for_broker();
    broker.process.signal("KILL");
    broker.process.wait();
    wait_for("the loss to be noticed", || rsud.process.log().contains("broker connection lost").then_some(()));
    // What comes in while the link is down waits for it.
    let socket = udp();
    for name in ["rsm16", "captured_bsm", "spat_4x8"] {
        socket.send_to(&encode(Aid::RSM, &vector(name)).unwrap(), pc5).unwrap();
    }
    drop(broker);
    // The port answers only when the subscriber is there: it stands behind a gate that opens then.
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let gate = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let target = broker.port;
    std::thread::spawn(move || {
        for from in gate.incoming().map_while(Result::ok) {
            let to = std::net::TcpStream::connect(("127.0.0.1", target)).unwrap();
            let (mut from2, mut to2) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            let (mut from, mut to) = (from, to);
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
            std::thread::spawn(move || std::io::copy(&mut to2, &mut from2));
        }
    });
    wait_for("the link to come back", || (rsud.process.log().matches("broker connected").count() >= 2).then_some(()));
    socket.send_to(&encode(Aid::BSM, &vector("bsm")).unwrap(), pc5).unwrap();
    subscriber.wait("a message after the reconnection", |m| v2x(m).filter(|m| m.octets == vector("bsm")));
    let octets: Vec<Vec<u8>> = subscriber.messages().iter().filter_map(v2x).map(|m| m.octets.to_vec()).collect();
    assert_eq!(
        octets,
        ["rsm16", "captured_bsm", "spat_4x8", "bsm"].map(vector),
        "what waited comes first, in its order"
    );
    let health = subscriber.wait("health", |m| {
        let health = m.topic.ends_with("/health").then(|| v1::Health::decode(m.payload.as_slice()).unwrap())?;
        (health.counters.get("uplink.connections") == Some(&2)).then_some(health)
    });
    assert_eq!(health.counters.get("uplink.disconnections"), Some(&1));
    assert_eq!(health.counters.get("core.v2x_rsm"), Some(&1));
}

#[test]
fn a_stop_is_quick_without_a_broker_and_with_one_that_hangs() {
    let port = support::free_tcp_port();
    let mut without = Rsud::start(port, "");
    let pc5 = without.address("pc5");
    udp().send_to(&encode(Aid::BSM, &vector("bsm")).unwrap(), pc5).unwrap();
    wait_for("the message on disk", || {
        let files = std::fs::read_dir(without.folder.path().join("spool/cloud")).ok()?;
        let is_message = |name: std::ffi::OsString| name.to_string_lossy().starts_with("message-");
        files.filter_map(Result::ok).any(|file| is_message(file.file_name())).then_some(())
    });
    let start = Instant::now();
    without.process.signal("TERM");
    assert_eq!(without.process.wait(), Some(0), "{}", without.process.log());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(without.process.log().contains("items wait on disk for the next start"), "{}", without.process.log());

    let broker = Mosquitto::start();
    let mut hanging = Rsud::start(broker.port, "");
    hanging.wait_for_broker();
    broker.process.signal("STOP");
    let start = Instant::now();
    hanging.process.signal("TERM");
    assert_eq!(hanging.process.wait(), Some(0), "{}", hanging.process.log());
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn health_tells_what_is_counted() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let rsud = Rsud::start(broker.port, "");
    let (pc5, sensor) = (rsud.address("pc5"), rsud.address("sensor"));
    rsud.wait_for_broker();
    let socket = udp();
    socket.send_to(&[0x05, 1, 2], pc5).unwrap();
    socket.send_to(&[], pc5).unwrap();
    socket.send_to(&lidar(1, &[(1, 10.0, 0.0, 0.0, "CAR")]), sensor).unwrap();
    let stranger = v1::DetectionFrame { sensor_id: "nobody".into(), ..v1::DetectionFrame::default() };
    socket.send_to(&stranger.encode_to_vec(), sensor).unwrap();
    let health = subscriber.wait("health", |m| {
        let health = m.topic.ends_with("/health").then(|| v1::Health::decode(m.payload.as_slice()).unwrap())?;
        (health.counters.get("sensor.received") == Some(&2) && health.sensors[0].frames == 1).then_some(health)
    });
    for (name, count) in [
        ("pc5.received", 2),
        ("pc5.refused.dsmp_other_network_layer", 1),
        ("pc5.refused.dsmp_incomplete", 1),
        ("sensor.refused.unknown_sensor", 1),
        ("sensor.detections", 1),
        ("sensor.frames", 1),
    ] {
        assert_eq!(health.counters.get(name), Some(&count), "{name}: {:?}", health.counters);
    }
    assert_eq!((health.sensors[0].sensor_id.as_str(), health.sensors[0].detections), ("lidar-1", 1));
    assert!(health.memory_bytes > 1 << 20 && health.uptime_s > 0.5);
    assert!(health.queue_depth.contains_key("event"));
}
