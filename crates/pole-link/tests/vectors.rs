//! Recorded frames: those of version 1 are written and read octet for octet, and what this version makes of frames of later
//! ones stays as it was recorded.
//!
//! A new vector is a file with header and message; `POLE_LINK_RECORD=1` then adds the octets. What is recorded is never
//! altered: it is what poles in the field send.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may stop, print and read files"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use pole_link::{
    Address, Deframer, Flags, Frame, Header, LinkCounters, MAX_FRAME, MAX_WIRE, ToEdge, ToPole, build, stuff,
};
use serde_json::{Value, json};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

fn vectors(name: &str) -> BTreeMap<PathBuf, Value> {
    let files = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let vectors: BTreeMap<_, _> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let value = serde_json::from_str(&fs::read_to_string(&path).unwrap());
            (path.clone(), value.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        })
        .collect();
    assert!(!vectors.is_empty());
    vectors
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn octet(value: &Value) -> u8 {
    u8::try_from(number(value)).unwrap()
}

fn header(vector: &Value, id: u8) -> Header {
    let header = &vector["header"];
    Header {
        destination: Address(octet(&header["destination"])),
        source: Address(octet(&header["source"])),
        flags: Flags(octet(&header["flags"])),
        session: number(&header["session"]),
        sequence: u16::try_from(number(&header["sequence"])).unwrap(),
        id,
    }
}

/// The identity and the body that this version writes.
fn written(vector: &Value) -> (u8, Vec<u8>) {
    let mut body = [0; MAX_FRAME];
    let message = vector["message"].clone();
    let (id, octets) = if vector["direction"] == "to-edge" {
        let message: ToEdge = serde_json::from_value(message).unwrap();
        (message.id(), message.write(&mut body).unwrap())
    } else {
        let message: ToPole = serde_json::from_value(message).unwrap();
        (message.id().unwrap(), message.write(&mut body).unwrap())
    };
    (id, body[..octets].to_vec())
}

/// The message that this version reads.
fn read(vector: &Value, id: u8, body: &[u8]) -> Value {
    let message = if vector["direction"] == "to-edge" {
        ToEdge::read(id, body).map(|message| serde_json::to_value(message).unwrap())
    } else {
        ToPole::read(id, body).map(|message| serde_json::to_value(message).unwrap())
    };
    message.unwrap_or_else(|_| json!("malformed"))
}

fn frame(vector: &Value, id: u8, body: &[u8]) -> Vec<u8> {
    let mut room = [0; MAX_FRAME];
    let write = |out: &mut [u8]| {
        out[..body.len()].copy_from_slice(body);
        Ok(body.len())
    };
    build(&header(vector, id), &mut room, write).unwrap().to_vec()
}

/// Compares with what is recorded, or records it.
fn recorded(path: &Path, vector: &Value, octets: &[(&str, Vec<u8>)]) {
    let recording = std::env::var_os("POLE_LINK_RECORD").is_some();
    let mut with_octets = vector.clone();
    for (field, octets) in octets {
        let text = json!(hex::encode(octets));
        if vector[field].is_null() && recording {
            with_octets[field] = text;
        } else {
            assert_eq!(vector[field], text, "{}: {field}", path.display());
        }
    }
    if with_octets != *vector {
        fs::write(path, serde_json::to_string_pretty(&with_octets).unwrap() + "\n").unwrap();
    }
}

#[test]
fn version_1_is_written_and_read_octet_for_octet() {
    for (path, vector) in vectors("v1") {
        let (id, body) = written(&vector);
        let frame = frame(&vector, id, &body);
        let mut room = [0; MAX_WIRE];
        let wire = stuff(&frame, &mut room).unwrap().to_vec();
        recorded(&path, &vector, &[("frame_hex", frame.clone()), ("wire_hex", wire.clone())]);

        let mut counters = LinkCounters::default();
        let mut deframer = Deframer::new();
        let mut seen = 0;
        for octet in wire {
            if let Some(parsed) = deframer.push(octet, &mut counters) {
                assert_eq!(parsed.header, header(&vector, id), "{}", path.display());
                assert_eq!(read(&vector, parsed.header.id, parsed.body), vector["message"], "{}", path.display());
                seen += 1;
            }
        }
        assert_eq!((seen, counters), (1, LinkCounters::default()), "{}", path.display());
    }
}

#[test]
fn frames_of_later_versions_are_read_as_far_as_known() {
    for (path, vector) in vectors("future") {
        let id = octet(&vector["id"]);
        let body = hex::decode(vector["body_hex"].as_str().unwrap()).unwrap();
        let frame = frame(&vector, id, &body);
        recorded(&path, &vector, &[("frame_hex", frame.clone())]);
        let parsed = Frame::parse(&frame).unwrap();
        assert_eq!(parsed.header, header(&vector, id), "{}", path.display());
        assert_eq!(read(&vector, id, parsed.body), vector["read_as"], "{}", path.display());
    }
}

/// Every message has a vector, so none can change unseen.
#[test]
fn every_message_is_recorded() {
    let mut recorded: Vec<u8> = vectors("v1").values().map(|vector| written(vector).0).collect();
    recorded.sort_unstable();
    recorded.dedup();
    let expected: Vec<u8> = (0x01..=0x04).chain(0x10..=0x15).chain(0x40..=0x4A).collect();
    assert_eq!(recorded, expected);
    let unknown = |id: u8| {
        matches!(ToEdge::read(id, &[]), Ok(ToEdge::Unknown { .. }))
            && matches!(ToPole::read(id, &[1]), Ok(ToPole::Unknown { .. } | ToPole::Refuse { .. }))
    };
    for id in (0..=255).filter(|id| !expected.contains(id)) {
        assert!(unknown(id), "message {id:#04x} is known and not recorded");
    }
}

/// The specification shows what is recorded.
#[test]
fn the_specification_has_the_vectors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pole-link.md");
    let text = fs::read_to_string(path).unwrap();
    for (begin, name) in [("<!-- vectors v1 -->", "v1"), ("<!-- vectors future -->", "future")] {
        let section = text.split_once(begin).unwrap().1.split_once("<!-- end -->").unwrap().0;
        let rows: Vec<&str> = section.trim().lines().skip(2).collect();
        let expected: Vec<String> = vectors(name)
            .iter()
            .map(|(path, vector)| {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                let (what, frame) = (vector["what"].as_str().unwrap(), vector["frame_hex"].as_str().unwrap());
                format!("| `{name}` | {what} | `{frame}` |")
            })
            .collect();
        assert_eq!(rows, expected, "docs/pole-link.md after {begin}");
    }
}
