//! The contract with the cloud as it is written down (`docs/asyncapi.yaml`, `docs/cloud-mqtt.md`), held against what the
//! code makes of it and what a real daemon publishes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "tests read files, and wait for conditions by looking again")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use rsu_proto::{Message as _, v1};
use rsud::uplink::decode;
use support::{Mosquitto, Rsud, Subscriber, udp, vector, wait_for};
use v2x_codec::dsmp::{Aid, encode};
use yaml_rust2::{Yaml, YamlLoader};

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)).unwrap()
}

struct Channel {
    address: String,
    schema: String,
    kinds: Vec<String>,
    sent: bool,
    retained: bool,
}

/// What follows the last slash of a reference.
fn last(reference: &Yaml) -> &str {
    reference["$ref"].as_str().unwrap().rsplit_once('/').unwrap().1
}

fn channels() -> Vec<Channel> {
    let contract = YamlLoader::load_from_str(&page("asyncapi.yaml")).unwrap().remove(0);
    let operations: BTreeMap<&str, &Yaml> = contract["operations"]
        .as_hash()
        .unwrap()
        .values()
        .map(|operation| (last(&operation["channel"]), operation))
        .collect();
    let channel = |(name, channel): (&Yaml, &Yaml)| {
        let message = last(channel["messages"].as_hash().unwrap().front().unwrap().1);
        let operation = operations.get(name.as_str().unwrap());
        if let Some(operation) = operation {
            assert_eq!(operation["bindings"]["mqtt"]["qos"].as_i64(), Some(1));
        }
        let kinds = channel["parameters"]["kind"]["enum"].as_vec().cloned().unwrap_or_default();
        Channel {
            address: channel["address"].as_str().unwrap().into(),
            schema: contract["components"]["messages"][message]["name"].as_str().unwrap().into(),
            kinds: kinds.iter().map(|kind| kind.as_str().unwrap().into()).collect(),
            sent: operation.is_none_or(|operation| operation["action"].as_str() == Some("send")),
            retained: operation
                .is_some_and(|operation| operation["bindings"]["mqtt"]["retain"].as_bool() == Some(true)),
        }
    };
    contract["channels"].as_hash().unwrap().iter().map(channel).collect()
}

#[test]
fn every_channel_is_understood_and_told_in_the_text() {
    let text = page("cloud-mqtt.md");
    let channels = channels();
    assert_eq!(channels.len(), 14);
    for channel in &channels {
        let kinds = if channel.kinds.is_empty() { vec![String::new()] } else { channel.kinds.clone() };
        let shown = channel.address.replace("{rsu}", "<rsu>").replace("{pole}", "<pole>");
        let stream = shown.split("/{kind}").next().unwrap();
        assert!(text.contains(&format!("`{stream}")), "{stream} is not in the text");
        assert!(text.contains(&format!("`{}`", channel.schema)), "{} is not in the text", channel.schema);
        for kind in kinds {
            let topic = channel.address.replace("{rsu}", "a").replace("{kind}", &kind).replace("{pole}", "p");
            assert!(kind.is_empty() || text.contains(&format!("`{kind}`")), "{kind} is not in the text");
            // What a subscriber of ours makes of it: an empty protobuf message is one.
            let known = decode(&topic, b"").is_ok();
            let is_ours = channel.sent && !topic.ends_with("command-reply");
            assert_eq!(known, is_ours, "{topic}");
        }
    }
}

#[test]
fn what_a_daemon_publishes_is_in_the_contract() {
    let broker = Mosquitto::start();
    let subscriber = Subscriber::new(broker.port);
    let rsud = Rsud::start(broker.port, "[events.lane_statistics]\ninterval_s = 1\n");
    let pc5 = rsud.address("pc5");
    udp().send_to(&encode(Aid::BSM, &vector("bsm")).unwrap(), pc5).unwrap();
    wait_for("commands", || rsud.process.log().contains("listening for commands").then_some(()));
    let ask = v1::Command {
        command_id: "1".into(),
        action: Some(v1::command::Action::AskState(v1::AskState {})),
        ..v1::Command::default()
    };
    subscriber.ask("rsu/v1/test-rsu/command", ask.encode_to_vec(), None);
    let channels = channels();
    let of = |topic: &str| {
        channels.iter().find(|channel| {
            let address = channel.address.replace("{rsu}", "test-rsu");
            let kinds = channel.kinds.iter().any(|kind| address.replace("{kind}", kind) == topic);
            kinds || address == topic
        })
    };
    let wanted = ["state", "tracks", "health", "v2x/bsm", "command-reply"];
    wait_for("one of each", || {
        let messages = subscriber.messages();
        let there = |stream: &&str| messages.iter().any(|m| m.topic == format!("rsu/v1/test-rsu/{stream}"));
        wanted.iter().all(there).then_some(())
    });
    for message in subscriber.messages() {
        if message.topic.ends_with("/command") {
            continue;
        }
        let channel = of(&message.topic).unwrap_or_else(|| panic!("{} is not in the contract", message.topic));
        assert_eq!(message.schema.as_deref(), Some(channel.schema.as_str()), "{}", message.topic);
        assert_eq!(message.content_type.as_deref(), Some("application/protobuf"));
        // A broker marks as retained only what it had before the subscription.
        assert!(!message.retain || channel.retained);
    }
}
