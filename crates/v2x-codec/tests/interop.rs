//! Cross-check with pycrate, an ASN.1 implementation in Python that shares nothing with ours: value by value and octet by
//! octet, our messages there and its messages here. `cargo xtask tools` installs it into the target folder.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "a test may run programs and use files")]

mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use support::{arbitrary, kinds, vectors};
use v2x_codec::{Message, Profile};

/// Messages of each kind and profile, in each direction.
const MESSAGES: u64 = 200;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn python() -> PathBuf {
    let installed = here().join("../../target/tools/python/bin/python3");
    assert!(installed.exists(), "{} is not there: run `cargo xtask tools` once", installed.display());
    installed
}

/// Runs the script and gives its lines.
fn script(arguments: &[&str], input: Stdio) -> Vec<Value> {
    let mut command = Command::new(python());
    command.arg(here().join("tests/interop/interop.py")).arg(here().join("asn1")).args(arguments);
    let mut child = command.stdin(input).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let lines = lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
    assert!(child.wait().unwrap().success());
    lines
}

#[test]
fn our_messages_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages.jsonl");
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let mut sent = Vec::new();
    let mut send = |profile: Profile, message: &Message, octets: &[u8], name: String| {
        let (id, hex, profile) = (sent.len(), hex::encode_upper(octets), profile.name());
        writeln!(file, "{}", json!({ "id": id, "profile": profile, "hex": hex, "value": message.to_json() })).unwrap();
        sent.push(name);
    };
    for profile in Profile::ALL {
        for &kind in kinds(profile) {
            for seed in 0..MESSAGES {
                // Not the seeds of the other tests.
                let message = arbitrary(profile, kind, 1_000_000 + seed, false);
                let name = format!("{kind:?} of {profile:?}, seed {seed}: {}", message.to_json());
                send(profile, &message, &message.to_uper().unwrap(), name);
            }
        }
    }
    for vector in vectors() {
        let message = Message::from_uper(vector.profile, &vector.octets).unwrap();
        send(vector.profile, &message, &vector.octets, vector.name);
    }
    file.flush().unwrap();
    let answers = script(&[], File::open(&path).unwrap().into());
    assert_eq!(answers.len(), sent.len());
    for (answer, name) in answers.iter().zip(&sent) {
        assert_eq!(answer["ok"], true, "{name}: {}", answer["why"]);
    }
}

#[test]
fn its_messages_here() {
    let messages = script(&["--generate", &MESSAGES.to_string(), "2026"], Stdio::null());
    assert_eq!(messages.len() as u64, MESSAGES * (14 + 5));
    for line in messages {
        let profile = if line["profile"] == "2019" { Profile::Y2019 } else { Profile::Y2020 };
        let octets = hex::decode(line["hex"].as_str().unwrap()).unwrap();
        let message = Message::from_uper(profile, &octets).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(message.to_json(), line["value"]);
        assert_eq!(message.kind().name(), line["kind"].as_str().unwrap().to_lowercase());
        assert_eq!(message.to_uper().unwrap(), octets, "{line}");
        let by_json = Message::from_json(profile, &line["value"].to_string()).unwrap();
        assert_eq!(by_json.to_uper().unwrap(), octets, "{line}");
        let by_protobuf = Message::from_content(profile, &message.to_content(), None).unwrap();
        assert_eq!(by_protobuf.to_uper().unwrap(), octets, "{line}");
    }
}
