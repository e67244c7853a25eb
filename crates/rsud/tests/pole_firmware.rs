//! The pole's real firmware on an emulated board, connected to the real daemon over its emulated serial line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]
#![allow(clippy::print_stdout, reason = "figures for docs/performance.md")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rsu_proto::{Message as _, v1};
use rsud::control::protocol::PoleCommand;
use rsud::poles::inventory::{LinkStatus, PoleStatus};
use rsud::poles::orders::Outcome;
use support::control::{Control, with_poles};
use support::relay::Relay;
use support::{Mosquitto, Process, Rsud, Subscriber, lidar, udp, wait_for};

const QEMU: &str = "qemu-system-arm";
/// What a board without a maker's page says it is.
const SERIAL: &str = "SP-UNSET";
/// A key of the image for tests that sets its contacts, and the contact of the emergency call button.
const CONTACTS: (&str, i32) = ("129", 16);
/// A key of the image for tests that makes faults, and the fault that ends in a panic.
const FAULT: (&str, i32) = ("128", 1);

fn image(name: &str) -> PathBuf {
    let image = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/pole-firmware").join(name);
    assert!(image.exists(), "{} is not there; `cargo xtask firmware` builds it", image.display());
    image
}

/// The board, and a daemon that is connected to it through a relay that can disturb and cut the line.
struct Site {
    rsud: Rsud,
    control: Control,
    relay: Relay,
    _board: Process,
}

impl Site {
    fn start(broker_port: u16, firmware: &str, of_link: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (uart, line) = (folder.path().join("uart"), folder.path().join("line"));
        let serial = format!("unix:{},server=on,wait=off", uart.display());
        let mut command = Command::new(QEMU);
        command.args(["-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", &serial, "-kernel"]);
        command.arg(image(firmware));
        let there = Command::new(QEMU).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(there.is_ok(), "{QEMU} is not installed; on Debian: apt-get install {QEMU}");
        let board = Process::start(&mut command);
        let relay = Relay::start(&line, &uart);
        let to = format!("unix:{}", line.display());
        let of_pole = format!("serial = \"{SERIAL}\"");
        let config = with_poles(
            &support::config(broker_port, ""),
            &[("line", &to, of_link)],
            &[("pole-1", "line", 1, &of_pole)],
        );
        let rsud = Rsud::start_in(folder, &config);
        let mut control = Control::new(&rsud);
        control.wait("pole-1", LinkStatus::Up);
        Self { rsud, control, relay, _board: board }
    }

    fn pole(&mut self, what: &str, is: impl Fn(&PoleStatus) -> bool) -> PoleStatus {
        self.control.wait_until("pole-1", what, is)
    }

    fn order(&mut self, command: PoleCommand) -> Outcome {
        self.control.order("pole-1", command)
    }
}

fn set(key: (&str, i32)) -> PoleCommand {
    PoleCommand::SetConfig { key: key.0.into(), value: key.1 }
}

#[test]
fn the_firmware_greets_measures_and_obeys() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let mut site = Site::start(broker.port, "pole-firmware.elf", "");
    site.rsud.wait_for_broker();
    let identity = site.control.pole("pole-1").identity.unwrap();
    assert_eq!((identity.serial.as_str(), identity.reset_cause.as_str()), (SERIAL, "power-on"));
    assert!(identity.capabilities.iter().any(|part| part == "luminaire"), "{:?}", identity.capabilities);
    let told = subscriber.wait("readings in the cloud", |message| {
        let is = message.topic == "rsu/v1/test-rsu/pole-readings";
        is.then(|| v1::PoleReadings::decode(message.payload.as_slice()).unwrap())
    });
    assert!(told.readings.is_some_and(|readings| readings.air_temperature_c.is_some()));
    site.pole("has readings", |pole| pole.readings.contains_key("air-temperature"));

    let (done, said) = site.control.cli(&["set", "pole-1", "luminaire", "40%"]);
    assert!(done, "{said}");
    assert!(site.control.cli(&["set", "pole-1", "state"]).0);
    let known =
        site.pole("is dimmed", |pole| pole.doing.as_ref().is_some_and(|doing| (doing.target - 0.4).abs() < 1e-6));
    assert_eq!(known.doing.unwrap().mode, "command");
    let (done, said) = site.control.cli(&["set", "pole-1", "config", "telemetry-period-ms"]);
    assert!(done && said.trim().parse::<u32>().is_ok(), "{said}");
    // Of the image that leaves the house the keys for tests are unknown.
    assert_eq!(site.order(set(FAULT)), Outcome::Refused { reason: "unknown-key".into() });

    // A few hundred round trips, for the figures.
    for step in 0..300 {
        assert_eq!(
            site.order(PoleCommand::Luminaire { level: f64::from(step % 10) / 10.0, ramp_ms: 0 }),
            Outcome::Done
        );
    }
    let orders = site.control.pole("pole-1").orders;
    println!(
        "round trip: median {:.1} ms, 99 % {:.1} ms, longest {:.1} ms",
        orders.p50_ms, orders.p99_ms, orders.max_ms
    );
    assert!(orders.p50_ms < 1000.0);
}

#[test]
fn the_firmware_warns_of_a_pedestrian_and_stops() {
    let broker = Mosquitto::start();
    let mut site = Site::start(broker.port, "pole-firmware.elf", "");
    let (sensor, socket) = (site.rsud.address("sensor"), udp());
    let mut watcher = Control::new(&site.rsud);
    watcher.say("{\"request\":\"watch\"}\n");
    let (seen, shown) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        while let Some(line) = watcher.line() {
            let change: serde_json::Value = serde_json::from_str(&line).unwrap();
            if change["change"] == "order" && change["outcome"] == "done" && seen.send(change["asked"].clone()).is_err()
            {
                return;
            }
        }
    });
    let mut sequence = 0;
    let mut last = Instant::now();
    let mut until = |what: &str, people: &[(u64, f64, f64, f64, &str)]| {
        wait_for(what, || {
            if last.elapsed() >= Duration::from_millis(50) {
                last = Instant::now();
                sequence += 1;
                socket.send_to(&lidar(sequence, people), sensor).unwrap();
            }
            shown.try_iter().find(|asked| *asked == what)
        });
    };
    until("warning", &[(1, 10.0, 0.5, 0.1, "PERSON")]);
    assert_eq!(site.order(PoleCommand::State), Outcome::Done);
    let known = site.pole("warns", |pole| pole.doing.as_ref().is_some_and(|doing| doing.warning.is_some()));
    let doing = known.doing.unwrap();
    assert_eq!((doing.warning.unwrap().text_id, doing.beacon), (3, true));
    until("clear", &[]);
    assert_eq!(site.order(PoleCommand::State), Outcome::Done);
    site.pole("warns no more", |pole| {
        pole.doing.as_ref().is_some_and(|doing| doing.warning.is_none() && !doing.beacon)
    });
}

#[test]
fn the_firmware_goes_into_its_safe_state_when_the_line_is_cut_and_comes_back() {
    let broker = Mosquitto::start();
    let mut site = Site::start(broker.port, "pole-firmware.elf", "heartbeat_ms = 200\nsilence_ms = 1000");
    let key = |key: &str, value| PoleCommand::SetConfig { key: key.into(), value };
    assert_eq!(site.order(PoleCommand::Luminaire { level: 0.2, ramp_ms: 0 }), Outcome::Done);
    for (name, value) in [("safe-after-ms", 2000), ("telemetry-period-ms", 1000)] {
        assert_eq!(site.order(key(name, value)), Outcome::Done, "{name}");
    }
    let watts = |pole: &PoleStatus| pole.readings.get("power").map_or(0.0, |power| power.value);
    site.pole("draws little", |pole| (1.0..50.0).contains(&watts(pole)));
    site.relay.set_cut(true);
    site.control.wait("pole-1", LinkStatus::Down);
    // Nobody hears from the pole meanwhile: it must be alone for long enough.
    std::thread::sleep(Duration::from_secs(6));
    site.relay.set_cut(false);
    site.control.wait("pole-1", LinkStatus::Up);
    // Its meter was read last while the luminaire was at full; then the level that was ordered counts again.
    site.pole("was at full", |pole| watts(pole) > 90.0);
    site.pole("is dimmed again", |pole| (1.0..50.0).contains(&watts(pole)));
    assert_eq!(site.control.pole("pole-1").sessions, 2);
    assert_eq!(site.order(PoleCommand::Luminaire { level: 0.2, ramp_ms: 0 }), Outcome::Done);
}

#[test]
fn the_firmware_gets_over_a_reset_in_the_middle_of_a_command() {
    let broker = Mosquitto::start();
    let mut site = Site::start(broker.port, "pole-firmware-test-hooks.elf", "");
    // The command that makes it panic is answered before or after the restart, and done in any case.
    let outcome = site.order(set(FAULT));
    assert!(outcome == Outcome::Done, "{outcome:?}");
    let known = site.pole("is back", |pole| pole.sessions == 2 && pole.state == LinkStatus::Up);
    let identity = known.identity.unwrap();
    assert_eq!((identity.reset_cause.as_str(), identity.boot_count), ("panic", 2));
    assert_eq!(identity.errors["panic-resets"], 1);
    assert_eq!(site.order(PoleCommand::Reset), Outcome::Done);
    let known = site.pole("is back again", |pole| pole.sessions == 3 && pole.state == LinkStatus::Up);
    assert_eq!(known.identity.unwrap().reset_cause, "command");
}

#[test]
fn the_firmware_calls_for_help() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let mut site = Site::start(broker.port, "pole-firmware-test-hooks.elf", "");
    site.rsud.wait_for_broker();
    assert_eq!(site.order(set(CONTACTS)), Outcome::Done);
    let alarm = subscriber.wait("the call", |message| {
        let is = message.topic == "rsu/v1/test-rsu/pole-emergency";
        is.then(|| v1::PoleAlarm::decode(message.payload.as_slice()).unwrap())
    });
    assert!(alarm.active && alarm.kind() == v1::PoleAlarmKind::EmergencyCall);
    assert_eq!(site.order(set((CONTACTS.0, 0))), Outcome::Done);
    site.pole("calls no more", |pole| pole.alarms.is_empty());
}

#[test]
fn ten_thousand_disturbances_on_both_sides_cost_the_firmware_no_heartbeat() {
    let broker = Mosquitto::start();
    let mut site = Site::start(broker.port, "pole-firmware.elf", "heartbeat_ms = 1000\nsilence_ms = 5000");
    let mut random = StdRng::seed_from_u64(7);
    for frame in 0..10_000 {
        let mut octets: Vec<u8> = (0..random.random_range(1..60)).map(|_| random.random()).collect();
        if frame % 2 == 0 {
            octets.splice(..octets.len().min(5), [2, 1, 4, 1, 2]);
        }
        octets.insert(0, 0);
        octets.push(0);
        site.relay.disturb(&octets);
    }
    assert_eq!(site.order(PoleCommand::State), Outcome::Done);
    let sum = |counters: Vec<u64>| counters.into_iter().sum::<u64>();
    let names = ["bad_cobs", "bad_crc", "short", "oversize"];
    let known = site.pole("has counted", |pole| {
        let heard = pole.doing.as_ref().map_or(0, |doing| sum(names.map(|name| doing.link[name].into()).to_vec()));
        sum(names.map(|name| pole.counters[name]).to_vec()) > 9_000 && heard > 9_000
    });
    assert_eq!((known.state, known.sessions), (LinkStatus::Up, 1), "{}", site.rsud.process.log());
}
