//! Smart poles, simulated, at the real daemon: over Unix sockets as an emulator has them, a bus, datagrams and a terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]
#![allow(clippy::print_stdout, reason = "figures for docs/performance.md")]

mod support;

use std::time::{Duration, Instant};

use pole_link::{AlarmKind, Command, Quantity, ResetCause};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rsu_proto::{Message as _, v1};
use rsud::control::protocol::PoleCommand;
use rsud::poles::inventory::LinkStatus;
use rsud::poles::orders::Outcome;
use support::control::{Control, with_poles};
use support::pole::{Line, terminal};
use support::{Mosquitto, Rsud, Subscriber, lidar, udp, wait_for};

fn config(broker_port: u16, links: &[(&str, &str, &str)], poles: &[(&str, &str, u8, &str)]) -> String {
    with_poles(&support::config(broker_port, ""), links, poles)
}

/// A daemon with one pole, both there.
fn one_pole(broker_port: u16) -> (Rsud, Line, Control) {
    one_pole_with(broker_port, "", "serial = \"SP-1\"", "")
}

fn one_pole_with(broker_port: u16, of_link: &str, of_pole: &str, more: &str) -> (Rsud, Line, Control) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pole.sock");
    let line = Line::unix(&path, "SP-1");
    let to = format!("unix:{}", path.display());
    let config = config(broker_port, &[("line", &to, of_link)], &[("pole-1", "line", 1, of_pole)]) + more;
    let rsud = Rsud::start_in(folder, &config);
    let mut control = Control::new(&rsud);
    control.wait("pole-1", LinkStatus::Up);
    (rsud, line, control)
}

fn luminaire(level: f64) -> PoleCommand {
    PoleCommand::Luminaire { level, ramp_ms: 0 }
}

#[test]
fn a_pole_greets_measures_alarms_and_obeys() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let (rsud, line, mut control) = one_pole(broker.port);
    rsud.wait_for_broker();
    let known = control.wait_until("pole-1", "has said what it does", |pole| pole.doing.is_some());
    let identity = known.identity.unwrap();
    assert_eq!((identity.serial.as_str(), identity.firmware.as_str(), identity.boot_count), ("SP-1", "1.2.3", 1));
    assert_eq!((identity.reset_cause.as_str(), known.sessions), ("power-on", 1));
    let state = subscriber.wait("the pole's state", |message| {
        let state = (message.topic == "rsu/v1/test-rsu/poles/pole-1").then(|| {
            assert_eq!(message.schema.as_deref(), Some("rsu.v1.PoleState"));
            v1::PoleState::decode(message.payload.as_slice()).unwrap()
        });
        state.filter(|state| state.link_up && state.inventory.is_some())
    });
    assert_eq!((state.pole_id.as_str(), state.inventory.unwrap().serial.as_str()), ("pole-1", "SP-1"));
    assert!((state.x_m - 20.0).abs() < 1e-6 && (state.y_m - 6.0).abs() < 1e-6);

    // Readings, also into the inventory.
    let readings = [(Quantity::AIR_TEMPERATURE, -1500), (Quantity::ROAD_STATE, 7), (Quantity::HUMIDITY, 2000)];
    wait_for("room for a sample", || line.with(0, |pole, now| pole.sample(&readings, now)).then_some(()));
    let told = subscriber.wait("the readings", |message| {
        let is = message.topic == "rsu/v1/test-rsu/pole-readings";
        is.then(|| v1::PoleReadings::decode(message.payload.as_slice()).unwrap())
    });
    assert_eq!(told.pole_id, "pole-1");
    let measured = told.readings.unwrap();
    assert_eq!((measured.air_temperature_c, measured.road_state()), (Some(-1.5), v1::PoleRoadState::Ice));
    assert_eq!(measured.humidity, None, "2 is no share");
    assert!((told.measured_at_us - support::now_us()).abs() < 10_000_000);
    let known = control.wait_until("pole-1", "has readings", |pole| !pole.readings.is_empty());
    assert_eq!(known.readings["road-state"].word.as_deref(), Some("ice"));
    assert!((known.readings["air-temperature"].value + 1.5).abs() < 1e-9);

    // An emergency call, and its end.
    line.with(0, |pole, now| pole.raise(AlarmKind::EMERGENCY_CALL, true, now));
    let alarm = |active| {
        subscriber.wait("the alarm", |message| {
            let is = message.topic == "rsu/v1/test-rsu/pole-emergency";
            let alarm = is.then(|| v1::PoleAlarm::decode(message.payload.as_slice()).unwrap());
            alarm.filter(|alarm| alarm.active == active)
        })
    };
    let begun = alarm(true);
    assert_eq!((begun.pole_id.as_str(), begun.kind()), ("pole-1", v1::PoleAlarmKind::EmergencyCall));
    control.wait_until("pole-1", "calls", |pole| pole.alarms.len() == 1);
    line.with(0, |pole, now| pole.raise(AlarmKind::EMERGENCY_CALL, false, now));
    assert_eq!(alarm(false).began_at_us, begun.began_at_us);
    control.wait_until("pole-1", "calls no more", |pole| pole.alarms.is_empty());

    // Orders, by the command line.
    let (done, said) = control.cli(&["set", "pole-1", "luminaire", "70%", "--ramp", "2s"]);
    assert!(done && said.trim() == "done", "{said}");
    assert_eq!(line.with(0, |pole, _| pole.level), 700);
    let args = ["set", "pole-1", "warning", "405", "--colour", "red", "--blink", "fast", "--beacon", "--for", "30s"];
    assert!(control.cli(&args).0);
    let shown = line.with(0, |pole, _| pole.warning).unwrap();
    assert_eq!((shown.0, shown.1, shown.2), (405, pole_link::Colour::RED, true));
    assert!(control.cli(&["set", "pole-1", "state"]).0);
    let (listed, said) = control.cli(&["list"]);
    assert!(listed && said.contains("70% (command)") && said.contains("text 405 in red"), "{said}");
    assert!(control.cli(&["set", "pole-1", "clear"]).0);
    assert_eq!(line.with(0, |pole, _| pole.warning), None);
    assert_eq!(control.cli(&["set", "pole-1", "config", "telemetry-period-ms"]), (true, "60000\n".into()));
    assert!(control.cli(&["set", "pole-1", "config", "telemetry-period-ms", "5000"]).0);
    assert_eq!(line.with(0, |pole, _| pole.config[&1]), 5000);
    let (done, said) = control.cli(&["set", "pole-1", "config", "200"]);
    assert!(!done && said.contains("the pole refused: unknown-key"), "{said}");
    let (done, said) = control.cli(&["set", "pole-2", "clear"]);
    assert!(!done && said.contains("there is no pole \"pole-2\""), "{said}");
    let (done, said) = control.cli(&["set", "pole-1", "warning", "1", "--colour", "pink"]);
    assert!(!done && said.contains("amber"), "{said}");

    // All that is known, for people and for machines.
    let (shown, said) = control.cli(&["show", "pole-1"]);
    for part in ["SIM-4 SP-1", "firmware 1.2.3", "air-temperature", "-1.5 °C", "round trip", "1 refused"] {
        assert!(shown && said.contains(part), "{part}: {said}");
    }
    let (shown, said) = control.cli(&["show", "pole-1", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert!(shown && json["orders"]["done"].as_u64() >= Some(7) && json["state"] == "up", "{said}");
    let health = subscriber.wait("the health", |message| {
        let is = message.topic == "rsu/v1/test-rsu/health";
        let health = is.then(|| v1::Health::decode(message.payload.as_slice()).unwrap());
        health.filter(|health| health.poles.as_ref().is_some_and(|poles| poles.links[0].orders_done >= 7))
    });
    let link = &health.poles.unwrap().links[0];
    assert_eq!((link.pole_id.as_str(), link.line.as_str(), link.state.as_str()), ("pole-1", "line", "up"));
    assert!(link.round_trip_p50_ms > 0.0 && health.counters["poles.refused.reading"] == 1);
}

#[test]
fn a_pedestrian_on_the_road_switches_the_warning_on_and_off() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let (rsud, line, _control) = one_pole(broker.port);
    rsud.wait_for_broker();
    let (sensor, socket) = (rsud.address("sensor"), udp());
    let mut sequence = 0;
    let mut look = |people: &[(u64, f64, f64, f64, &str)]| {
        sequence += 1;
        socket.send_to(&lidar(sequence, people), sensor).unwrap();
    };
    let mut last = Instant::now();
    wait_for("the warning", || {
        if last.elapsed() >= Duration::from_millis(50) {
            last = Instant::now();
            look(&[(1, 10.0, 0.5, 0.1, "PERSON")]);
        }
        line.with(0, |pole, _| pole.warning)
    });
    let (text_id, colour, beacon, _) = line.with(0, |pole, _| pole.warning).unwrap();
    assert_eq!((text_id, colour, beacon), (3, pole_link::Colour::RED, true));
    let event = |stage: v1::EventStage| {
        subscriber.wait("the event", |message| {
            let event =
                message.topic.ends_with("/emergency").then(|| v1::TrafficEvent::decode(&message.payload[..]).unwrap());
            event.filter(|event| event.kind() == v1::EventKind::PedestrianOnCarriageway && event.stage() == stage)
        })
    };
    let started = event(v1::EventStage::Start);
    let shown = line.with(0, |pole, _| {
        let is = |(_, command): &&(Instant, Command)| matches!(command, Command::ShowWarning { .. });
        pole.carried_out.iter().find(is).unwrap().0
    });
    let after_us = support::now_us() - shown.elapsed().as_micros() as i64 - started.header.unwrap().produced_at_us;
    println!("the pole warned {} ms after the start of the event", after_us as f64 / 1000.0);
    assert!(after_us < 100_000, "{after_us} µs");
    assert!(line.with(0, |pole, _| pole.count(|command| matches!(command, Command::Presence { .. }))) > 0);
    wait_for("the end of the warning", || {
        if last.elapsed() >= Duration::from_millis(50) {
            last = Instant::now();
            look(&[]);
        }
        line.with(0, |pole, _| pole.warning.is_none()).then_some(())
    });
    event(v1::EventStage::End);
    assert_eq!(line.with(0, |pole, _| pole.count(|command| *command == Command::ClearWarning)), 1);
}

#[test]
fn a_cut_line_is_noticed_and_comes_back() {
    let broker = Mosquitto::start();
    let of_link = "heartbeat_ms = 100\nsilence_ms = 500";
    let (rsud, line, mut control) = one_pole_with(broker.port, of_link, "", "");
    let mut watcher = Control::new(&rsud);
    watcher.say("{\"request\":\"watch\"}\n");
    // The connection breaks for a moment: the session outlives that.
    line.cut();
    wait_for("the line", || (rsud.process.log().matches("the line to the pole is open").count() >= 2).then_some(()));
    assert_eq!(control.order("pole-1", luminaire(0.1)), Outcome::Done);
    assert_eq!(control.pole("pole-1").sessions, 1);

    // Nobody says anything any more.
    line.with(0, |pole, _| pole.mute = true);
    let known = control.wait("pole-1", LinkStatus::Down);
    assert!(known.reason.contains("nothing was heard"), "{}", known.reason);
    let order = PoleCommand::Luminaire { level: 0.2, ramp_ms: 0 };
    let request = rsud::control::protocol::Request::Order { id: "pole-1".into(), command: order, wait_ms: 200 };
    let answer = control.ask(&request);
    assert_eq!(answer, rsud::control::protocol::Answer::Order(Outcome::NoLink));
    line.with(0, |pole, _| pole.mute = false);
    let known = control.wait("pole-1", LinkStatus::Up);
    assert_eq!(known.sessions, 2);
    assert_eq!(control.order("pole-1", luminaire(0.3)), Outcome::Done);
    assert_eq!(line.with(0, |pole, _| (pole.level, pole.downs)), (300, 1));
    let mut states = Vec::new();
    while states.len() < 2 {
        let change: serde_json::Value = serde_json::from_str(&watcher.line().unwrap()).unwrap();
        if change["change"] == "link" {
            states.push(change["state"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(states, ["down", "up"]);
}

#[test]
fn another_pole_than_the_expected_one_is_refused_and_told() {
    let broker = Mosquitto::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pole.sock");
    let line = Line::unix(&path, "SP-9");
    let to = format!("unix:{}", path.display());
    let config = config(broker.port, &[("line", &to, "")], &[("pole-1", "line", 1, "serial = \"SP-1\"")]);
    let rsud = Rsud::start_in(folder, &config);
    let mut control = Control::new(&rsud);
    let known = control.wait("pole-1", LinkStatus::Refused);
    assert_eq!(known.reason, "its serial number is SP-9, and not SP-1");
    assert_eq!(known.identity.unwrap().serial, "SP-9");
    assert!(rsud.process.log().contains("SP-9"));
    // It gets no orders, and what it says goes nowhere.
    line.with(0, |pole, now| pole.raise(AlarmKind::EMERGENCY_CALL, true, now));
    let request =
        rsud::control::protocol::Request::Order { id: "pole-1".into(), command: luminaire(1.0), wait_ms: 100 };
    assert_eq!(control.ask(&request), rsud::control::protocol::Answer::Order(Outcome::NoLink));
    assert!(control.pole("pole-1").alarms.is_empty());
    assert_eq!(line.with(0, |pole, _| pole.carried_out.len()), 0);
}

#[test]
fn ten_thousand_corrupted_and_random_frames_cost_no_heartbeat() {
    let broker = Mosquitto::start();
    // Who misses one heartbeat has no link any more.
    let (rsud, line, mut control) = one_pole_with(broker.port, "heartbeat_ms = 400\nsilence_ms = 800", "", "");
    let before = control.pole("pole-1").sessions;
    let mut random = StdRng::seed_from_u64(6);
    let heard = || line.with(0, |pole, _| pole.end.counters().frames_in);
    let (at_first, begun) = (heard(), Instant::now());
    let mut frames = 0;
    while frames < 10_000 || heard() < at_first + 5 {
        let mut octets: Vec<u8> = (0..random.random_range(1..200)).map(|_| random.random()).collect();
        if frames % 2 == 0 {
            // Looks like a frame of the pole's, and is none.
            octets.splice(..octets.len().min(5), [2, 1, 4, 0, 1]);
        }
        octets.insert(0, 0);
        octets.push(0);
        line.disturb(&octets);
        frames += 1;
        assert!(begun.elapsed() < support::PATIENCE, "no heartbeat is heard: {}", rsud.process.log());
    }
    assert_eq!(control.order("pole-1", luminaire(0.9)), Outcome::Done);
    let refused = |pole: &rsud::poles::inventory::PoleStatus| {
        ["bad_cobs", "bad_crc", "short", "oversize"].iter().map(|name| pole.counters[*name]).sum::<u64>()
    };
    // A random frame may have a delimiter inside, which makes two of it, or be none at all; nothing of it is taken.
    let known = control.wait_until("pole-1", "has heard it all", |pole| refused(pole) > 9_500);
    assert_eq!((known.state, known.sessions), (LinkStatus::Up, before), "{}", rsud.process.log());
    assert_eq!(line.with(0, |pole, _| (pole.level, pole.downs)), (900, 0));
    let told = rsud.process.log().matches("frames or octets refused").count();
    assert!((1..=5).contains(&told), "{told} lines in the log");
}

#[test]
fn three_poles_share_a_bus() {
    let broker = Mosquitto::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bus.sock");
    let line = Line::bus(&path, &[(1, "SP-1"), (2, "SP-2"), (7, "SP-7")]);
    let to = format!("unix:{}", path.display());
    let poles = [
        ("pole-1", "bus", 1, "serial = \"SP-1\""),
        ("pole-2", "bus", 2, "serial = \"SP-2\""),
        ("pole-7", "bus", 7, "serial = \"SP-7\""),
    ];
    // Other people's processor time is not the wire's.
    let config = config(broker.port, &[("bus", &to, "bus = true\nturnaround_ms = 200\nguard_ms = 200")], &poles);
    let rsud = Rsud::start_in(folder, &config);
    let mut control = Control::new(&rsud);
    for (id, ..) in poles {
        control.wait(id, LinkStatus::Up);
    }
    for (place, (id, ..)) in poles.into_iter().enumerate() {
        assert_eq!(control.order(id, luminaire(0.1 * (place + 1) as f64)), Outcome::Done);
    }
    assert_eq!([0, 1, 2].map(|place| line.with(place, |pole, _| pole.level)), [100, 200, 300]);
    line.with(1, |pole, now| pole.raise(AlarmKind::DOOR_OPEN, true, now));
    control.wait_until("pole-2", "has its door open", |pole| pole.alarms.len() == 1);
    // One goes: the others stay.
    line.with(0, |pole, _| pole.mute = true);
    control.wait("pole-1", LinkStatus::Down);
    assert_eq!(control.order("pole-7", luminaire(1.0)), Outcome::Done);
    assert_eq!(control.pole("pole-2").state, LinkStatus::Up);
    line.with(0, |pole, _| pole.mute = false);
    control.wait("pole-1", LinkStatus::Up);
}

#[test]
fn a_reset_in_the_middle_of_a_command_is_got_over() {
    let broker = Mosquitto::start();
    let (rsud, line, mut control) = one_pole(broker.port);
    line.with(0, |pole, _| pole.holds_answers = true);
    let mut other = Control::new(&rsud);
    let asked = std::thread::spawn(move || other.order("pole-1", luminaire(0.8)));
    wait_for("the command", || line.with(0, |pole, _| pole.level == 800).then_some(()));
    line.with(0, |pole, now| {
        pole.holds_answers = false;
        pole.reset(ResetCause::WATCHDOG, now);
    });
    // It was not answered: it is sent again, as that does no harm.
    assert_eq!(asked.join().unwrap(), Outcome::Done);
    assert_eq!(line.with(0, |pole, _| pole.level), 800);
    let known = control.pole("pole-1");
    assert_eq!((known.sessions, known.identity.unwrap().reset_cause.as_str()), (2, "watchdog"));
    // A commanded reset is done when the pole is back from it.
    assert_eq!(control.order("pole-1", PoleCommand::Reset), Outcome::Done);
    let known = control.wait_until("pole-1", "is back", |pole| pole.sessions == 3 && pole.state == LinkStatus::Up);
    assert_eq!(known.identity.unwrap().reset_cause, "command");
}

#[test]
fn datagrams_come_from_where_the_pole_greeted() {
    let broker = Mosquitto::start();
    let poles = [("pole-1", "net", 1, "serial = \"SP-1\""), ("pole-2", "net", 2, "serial = \"SP-2\"")];
    let config = config(broker.port, &[("net", "udp:127.0.0.1:0", "heartbeat_ms = 100\nsilence_ms = 500")], &poles);
    let mut rsud = Rsud::start_with(&config);
    let address = rsud.address("poles.net");
    let mut control = Control::new(&rsud);
    let impostor = Line::udp(address, 1, "SP-8");
    let known = control.wait("pole-1", LinkStatus::Refused);
    assert!(known.reason.contains("SP-8"), "{}", known.reason);
    let (one, two) = (Line::udp(address, 1, "SP-1"), Line::udp(address, 2, "SP-2"));
    control.wait("pole-1", LinkStatus::Up);
    control.wait("pole-2", LinkStatus::Up);
    assert_eq!(control.order("pole-1", luminaire(0.4)), Outcome::Done);
    assert_eq!(control.order("pole-2", luminaire(0.5)), Outcome::Done);
    assert_eq!([&one, &two].map(|line| line.with(0, |pole, _| pole.level)), [400, 500]);
    assert_eq!(impostor.with(0, |pole, _| pole.carried_out.len()), 0);
    // While there is a session nobody takes the pole's place, not even with its serial number.
    let thief = Line::udp(address, 1, "SP-1");
    wait_for("the thief to greet", || (thief.with(0, |pole, _| pole.end.counters().frames_out) >= 2).then_some(()));
    assert_eq!(control.order("pole-1", luminaire(0.4)), Outcome::Done);
    assert_eq!(thief.with(0, |pole, _| pole.end.counters().frames_in), 0);
    assert_eq!(control.pole("pole-1").sessions, 1);
    for datagram in [&b""[..], b"x", &[0xff; 300], &[1, 0, 1]] {
        udp().send_to(datagram, address).unwrap();
    }
    let folder = std::mem::replace(&mut rsud.folder, tempfile::tempdir().unwrap());
    drop((impostor, thief, rsud));

    // After a restart the poles are asked to greet, and come back; the number of their session is another one.
    let text = config.replace("udp:127.0.0.1:0", &format!("udp:{address}"));
    let rsud = Rsud::start_in(folder, &text);
    let mut control = Control::new(&rsud);
    control.wait("pole-1", LinkStatus::Up);
    control.wait("pole-2", LinkStatus::Up);
    assert_eq!(control.order("pole-2", luminaire(0.6)), Outcome::Done);
}

#[test]
fn a_serial_line_works_as_a_socket_does() {
    let broker = Mosquitto::start();
    let (file, path) = terminal();
    let line = Line::terminal(file, "SP-1");
    let to = format!("serial:{}", path.display());
    let config = config(broker.port, &[("line", &to, "baud = 115200")], &[("pole-1", "line", 1, "")]);
    let rsud = Rsud::start_with(&config);
    let mut control = Control::new(&rsud);
    control.wait("pole-1", LinkStatus::Up);
    assert_eq!(control.order("pole-1", luminaire(0.6)), Outcome::Done);
    assert_eq!(line.with(0, |pole, _| pole.level), 600);
    // Every octet gets through as it is, also those that a terminal knows something about.
    assert!(control.cli(&["set", "pole-1", "warning", "4369", "--for", "17s"]).0);
    assert_eq!(line.with(0, |pole, _| pole.warning.map(|warning| warning.0)), Some(4369));
}

#[test]
fn the_cloud_commands_a_pole_once_and_is_answered() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let (rsud, line, mut control) = one_pole(broker.port);
    wait_for("commands", || rsud.process.log().contains("listening for commands").then_some(()));
    let ask = |id: &str, pole_id: &str, order: v1::command_pole::Order| {
        let order = v1::CommandPole { pole_id: pole_id.into(), order: Some(order) };
        let action = Some(v1::command::Action::CommandPole(order));
        let command = v1::Command { command_id: id.into(), issued_by: "test".into(), action, ..v1::Command::default() };
        subscriber.ask("rsu/v1/test-rsu/command", command.encode_to_vec(), None);
    };
    let wait = |id: &str, outcome: v1::CommandOutcome| {
        subscriber.wait(&format!("{outcome:?} to {id}"), |message| {
            let is = message.topic.ends_with("/command-reply");
            let reply = is.then(|| v1::CommandReply::decode(message.payload.as_slice()).unwrap());
            reply.filter(|reply| reply.command_id == id && reply.outcome() == outcome)
        })
    };
    let set = |level| v1::command_pole::Order::SetLuminaire(v1::PoleSetLuminaire { level, ramp_s: 0.0 });
    ask("dim", "pole-1", set(0.25));
    wait("dim", v1::CommandOutcome::Accepted);
    wait("dim", v1::CommandOutcome::Done);
    assert_eq!(line.with(0, |pole, _| pole.level), 250);
    ask("dim", "pole-1", set(0.25));
    wait("dim", v1::CommandOutcome::Repeated);
    assert_eq!(line.with(0, |pole, _| pole.count(|command| matches!(command, Command::SetLuminaire { .. }))), 1);
    let show =
        v1::PoleShowWarning { text_id: 7, expires_after_s: 60.0, beacon: true, ..v1::PoleShowWarning::default() };
    ask("warn", "pole-1", v1::command_pole::Order::ShowWarning(show));
    wait("warn", v1::CommandOutcome::Done);
    assert_eq!(line.with(0, |pole, _| pole.warning.map(|warning| (warning.0, warning.2))), Some((7, true)));
    let unknown = v1::PoleSetConfiguration { key: "200".into(), value: 1 };
    ask("config", "pole-1", v1::command_pole::Order::SetConfiguration(unknown));
    let failed = wait("config", v1::CommandOutcome::Failed);
    assert!(failed.reason.contains("unknown-key"), "{}", failed.reason);
    ask("nobody", "pole-2", set(1.0));
    assert!(wait("nobody", v1::CommandOutcome::Refused).reason.contains("no pole"));
    ask("too-much", "pole-1", set(1.5));
    assert!(wait("too-much", v1::CommandOutcome::Refused).reason.contains("0 to 1"));
    line.with(0, |pole, _| pole.mute = true);
    control.wait("pole-1", LinkStatus::Down);
    ask("away", "pole-1", set(0.5));
    assert!(wait("away", v1::CommandOutcome::Failed).reason.contains("no link"));
    let audit = std::fs::read_to_string(rsud.folder.path().join("commands/audit.jsonl")).unwrap();
    assert!(audit.contains(r#""action":"pole \"pole-1\": luminaire""#), "{audit}");
}
