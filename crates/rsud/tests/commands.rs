//! Commands of the cloud, through a real broker to the real daemon: done once, answered, written down, and taken back where
//! they cut the link.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rsu_proto::{Message as _, v1};
use support::{Mosquitto, Rsud, Subscriber, free_tcp_port, now_us, wait_for};
use v1::command::Action;
use v1::{CommandOutcome as Outcome, send_on_air};

const TOPIC: &str = "rsu/v1/test-rsu/command";

fn command(id: &str, action: Action) -> v1::Command {
    v1::Command { command_id: id.into(), issued_by: "test".into(), action: Some(action), ..v1::Command::default() }
}

fn set(id: &str, key: &str, value: &str) -> v1::Command {
    command(id, Action::SetConfiguration(v1::SetConfiguration { key: key.into(), value: value.into() }))
}

/// All answers to a command, in the order of arrival.
fn answers(subscriber: &Subscriber, id: &str) -> Vec<v1::CommandReply> {
    let messages = subscriber.messages().into_iter().filter(|message| message.topic.ends_with("/command-reply"));
    let replies = messages.map(|message| v1::CommandReply::decode(message.payload.as_slice()).unwrap());
    replies.filter(|reply| reply.command_id == id).collect()
}

fn outcomes(subscriber: &Subscriber, id: &str) -> Vec<Outcome> {
    answers(subscriber, id).iter().map(v1::CommandReply::outcome).collect()
}

fn wait_outcomes(subscriber: &Subscriber, rsud: &Rsud, id: &str, expected: &[Outcome]) -> v1::CommandReply {
    let what = format!("{expected:?} to {id}");
    let start = Instant::now();
    // QoS 1: around a restart the broker may deliver a command twice, and the second time is answered as such.
    let repeats = expected.contains(&Outcome::Repeated);
    let told_once = || {
        let mut told = outcomes(subscriber, id);
        told.retain(|outcome| repeats || *outcome != Outcome::Repeated);
        told
    };
    while told_once() != expected {
        let told = answers(subscriber, id);
        assert!(start.elapsed() < support::PATIENCE, "waited in vain for {what}: {told:?}\n{}", rsud.process.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut told = answers(subscriber, id).into_iter();
    told.rfind(|reply| repeats || reply.outcome() != Outcome::Repeated).unwrap()
}

fn listening(rsud: &Rsud, times: usize) {
    let start = Instant::now();
    while rsud.process.log().matches("listening for commands").count() < times {
        assert!(start.elapsed() < support::PATIENCE, "nobody listens:\n{}", rsud.process.log());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn audit(rsud: &Rsud) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(rsud.folder.path().join("commands/audit.jsonl")).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn config(broker_port: u16, send_to: u16) -> String {
    let send = format!("[pc5.send]\nto = \"127.0.0.1:{send_to}\"\nid = \"3132333435363738\"");
    support::config(broker_port, &send)
}

#[test]
fn a_message_is_sent_for_a_while_and_can_be_cancelled() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::to(broker.port, "#");
    let radio = UdpSocket::bind("127.0.0.1:0").unwrap();
    radio.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let rsud = Rsud::start_with(&config(broker.port, radio.local_addr().unwrap().port()));
    listening(&rsud, 1);
    let position =
        v1::GeoPosition { latitude_deg: Some(22.6913), longitude_deg: Some(114.3471), ..v1::GeoPosition::default() };
    let event = v1::RoadTrafficEvent { rte_id: 1, event_type: 904, ..v1::RoadTrafficEvent::default() };
    let rsi = v1::RoadSideInformation {
        id: b"12345678".to_vec().into(),
        reference: Some(position),
        events: vec![event],
        ..v1::RoadSideInformation::default()
    };
    let send = |duration_s| {
        let content = Some(send_on_air::Content::Rsi(rsi.clone()));
        Action::SendOnAir(v1::SendOnAir { content, period_s: 0.1, duration_s })
    };
    subscriber.ask(TOPIC, command("send-1", send(0.5)).encode_to_vec(), Some(("answers/here", b"42")));
    wait_outcomes(&subscriber, &rsud, "send-1", &[Outcome::Accepted, Outcome::Done]);
    let mut frame = [0; 2048];
    radio.set_nonblocking(true).unwrap();
    let mut frames = 0;
    while radio.recv(&mut frame).is_ok() {
        frames += 1;
    }
    assert!((4..=6).contains(&frames), "{frames} frames in half a second");
    // The answers come to the response topic as well.
    let asked = wait_for("both answers at the response topic", || {
        let asked: Vec<_> = subscriber.messages().into_iter().filter(|m| m.topic == "answers/here").collect();
        (asked.len() >= 2).then_some(asked)
    });
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].correlation.as_deref(), Some(&b"42"[..]));

    subscriber.ask(TOPIC, command("send-2", send(3600.0)).encode_to_vec(), None);
    wait_outcomes(&subscriber, &rsud, "send-2", &[Outcome::Accepted]);
    let cancel =
        |id: &str, other: &str| command(id, Action::CancelSending(v1::CancelSending { command_id: other.into() }));
    subscriber.ask(TOPIC, cancel("cancel-1", "send-2").encode_to_vec(), None);
    wait_outcomes(&subscriber, &rsud, "cancel-1", &[Outcome::Accepted, Outcome::Done]);
    let last = wait_outcomes(&subscriber, &rsud, "send-2", &[Outcome::Accepted, Outcome::Done]);
    assert_eq!(last.reason, "cancelled");
    subscriber.ask(TOPIC, cancel("cancel-2", "send-2").encode_to_vec(), None);
    let refused = wait_outcomes(&subscriber, &rsud, "cancel-2", &[Outcome::Refused]);
    assert!(refused.reason.contains("sends nothing"), "{}", refused.reason);
}

#[test]
fn what_cannot_be_done_is_refused_with_a_reason_and_written_down() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let rsud = Rsud::start(broker.port, "");
    listening(&rsud, 1);
    let mut expired = command("late", Action::AskState(v1::AskState {}));
    expired.expires_at_us = now_us() - 1;
    let rsi = Some(send_on_air::Content::Rsi(v1::RoadSideInformation::default()));
    let send = v1::SendOnAir { content: rsi, period_s: 1.0, duration_s: 1.0 };
    for (command, reason) in [
        (expired, "expired"),
        (command("no-radio", Action::SendOnAir(send)), "no radio"),
        (set("not-allowed", "rsu.id", "\"other\""), "may not be set"),
        (set("no-value", "events.speeding.enabled", "perhaps"), "no value"),
        (set("no-such-key", "events.speeding.colour", "1"), "colour"),
        (set("out-of-range", "cloud.keep_alive_s", "1"), "cloud.keep_alive_s"),
        (v1::Command { command_id: "nothing".into(), ..v1::Command::default() }, "no action"),
    ] {
        let id = command.command_id.clone();
        subscriber.ask(TOPIC, command.encode_to_vec(), None);
        let reply = wait_outcomes(&subscriber, &rsud, &id, &[Outcome::Refused]);
        assert!(reply.reason.contains(reason), "{id}: {}", reply.reason);
    }
    subscriber.ask(TOPIC, vec![0xff; 40], None);
    wait_for("the eighth entry", || (audit(&rsud).len() == 8).then_some(()));
    let audit = audit(&rsud);
    assert!(audit.iter().all(|entry| entry["outcome"] == "refused" && entry["link"] == "cloud"), "{audit:?}");
    assert_eq!((audit[0]["command_id"].as_str(), audit[0]["issued_by"].as_str()), (Some("late"), Some("test")));

    // How it is, as JSON; and what is logged changes.
    subscriber.ask(TOPIC, br#"{"commandId":"how","askState":{}}"#.to_vec(), None);
    let reply = wait_outcomes(&subscriber, &rsud, "how", &[Outcome::Accepted, Outcome::Done]);
    assert!(reply.health.is_none_or(|health| health.uptime_s > 0.0));
    let level = |id: &str, level: &str| command(id, Action::SetLogLevel(v1::SetLogLevel { level: level.into() }));
    subscriber.ask(TOPIC, level("loud", "rsud=loud").encode_to_vec(), None);
    wait_outcomes(&subscriber, &rsud, "loud", &[Outcome::Accepted, Outcome::Failed]);
    subscriber.ask(TOPIC, level("debug", "debug").encode_to_vec(), None);
    wait_outcomes(&subscriber, &rsud, "debug", &[Outcome::Accepted, Outcome::Done]);
    wait_for("a debug line", || rsud.process.log().contains("\"level\":\"DEBUG\"").then_some(()));
}

#[test]
fn a_command_is_done_once_also_across_a_kill_and_waits_at_the_broker_meanwhile() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let mut rsud = Rsud::start(broker.port, "");
    listening(&rsud, 1);
    let once = command("once", Action::AskState(v1::AskState {})).encode_to_vec();
    subscriber.ask(TOPIC, once.clone(), None);
    wait_outcomes(&subscriber, &rsud, "once", &[Outcome::Accepted, Outcome::Done]);
    subscriber.ask(TOPIC, once.clone(), None);
    wait_outcomes(&subscriber, &rsud, "once", &[Outcome::Accepted, Outcome::Done, Outcome::Repeated]);
    rsud.process.process_kill();
    // Nobody is there: the broker keeps it.
    subscriber.ask(TOPIC, once, None);
    subscriber.ask(TOPIC, command("meanwhile", Action::AskState(v1::AskState {})).encode_to_vec(), None);
    let folder = std::mem::replace(&mut rsud.folder, tempfile::tempdir().unwrap());
    let rsud = Rsud::start_in(folder, &support::config(broker.port, ""));
    wait_outcomes(&subscriber, &rsud, "meanwhile", &[Outcome::Accepted, Outcome::Done]);
    wait_for("the answer to the old one", || {
        (outcomes(&subscriber, "once").iter().filter(|outcome| **outcome == Outcome::Repeated).count() >= 2)
            .then_some(())
    });
    let done = audit(&rsud).iter().filter(|e| e["command_id"] == "once" && e["outcome"] == "done").count();
    assert_eq!(done, 1);
}

#[test]
fn a_setting_is_tried_kept_when_the_link_comes_up_and_taken_back_when_not() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let text = support::config(broker.port, "") + "[commands]\nconfirm_within_s = 3\n";
    let mut rsud = Rsud::start_with(&text);
    listening(&rsud, 1);
    subscriber.ask(TOPIC, set("keep", "rsu.health_period_s", "2").encode_to_vec(), None);
    wait_outcomes(&subscriber, &rsud, "keep", &[Outcome::Accepted, Outcome::Done]);
    let settings = std::fs::read_to_string(rsud.folder.path().join("commands/settings.toml")).unwrap();
    assert!(settings.contains("rsu.health_period_s"), "{settings}");

    // A broker that is not there: nobody could ever take that back from outside.
    listening(&rsud, 2);
    let lost = format!("\"mqtt://127.0.0.1:{}\"", free_tcp_port());
    subscriber.ask(TOPIC, set("lose", "cloud.broker", &lost).encode_to_vec(), None);
    let reply = wait_outcomes(&subscriber, &rsud, "lose", &[Outcome::Accepted, Outcome::Failed]);
    assert!(reply.reason.contains("did not come up within 3 s"), "{}", reply.reason);
    let again = std::fs::read_to_string(rsud.folder.path().join("commands/settings.toml")).unwrap();
    assert_eq!(settings, again);

    // A kill in the middle of a trial takes it back too.
    listening(&rsud, 3);
    subscriber.ask(TOPIC, set("killed", "cloud.broker", &lost).encode_to_vec(), None);
    wait_for("the trial", || (rsud.process.log().matches("trying settings").count() >= 3).then_some(()));
    rsud.process.process_kill();
    let folder = std::mem::replace(&mut rsud.folder, tempfile::tempdir().unwrap());
    let rsud = Rsud::start_in(folder, &text);
    let last = wait_for("the answer", || {
        let told = answers(&subscriber, "killed");
        told.last().filter(|reply| reply.outcome() == Outcome::Failed).cloned()
    });
    assert!(last.reason.contains("restarted"), "{}", last.reason);

    // What was kept is in force after the restart; an empty value takes it back.
    listening(&rsud, 1);
    subscriber.ask(TOPIC, set("undo", "rsu.health_period_s", "").encode_to_vec(), None);
    wait_outcomes(&subscriber, &rsud, "undo", &[Outcome::Accepted, Outcome::Done]);
    let settings = std::fs::read_to_string(rsud.folder.path().join("commands/settings.toml")).unwrap();
    assert!(!settings.contains("rsu.health_period_s"), "{settings}");
}
