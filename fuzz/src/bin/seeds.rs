//! Writes the first corpus of each target into `fuzz/corpus/` from the vectors of `v2x-codec` and `pole-link`: bare, or wrapped
//! as the target needs them. Files that are there already stay.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::{error, fs};

use rsu_proto::{Message as _, v1};
use rsud_fuzz::invariants::LAYOUTS;
use v2x_codec::dsmp::{self, Aid, Extension};
use v2x_codec::immediate_forward::{ImmediateForward, Text};
use v2x_codec::vendor_header::Fields;
use v2x_codec::{Message, Profile};

type Failure = Box<dyn error::Error>;

fn write(target: &str, name: &str, octets: &[u8]) -> Result<(), Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), octets)?)
}

fn vectors() -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/v2x-codec/tests/vectors");
    let mut vectors = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
            let octets = hex::decode(json["uper_hex"].as_str().ok_or("a vector without uper_hex")?)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            vectors.push((name, octets));
        }
    }
    Ok(vectors)
}

/// The recorded frames of the pole's link as scripts: a greeting, and then the frame, on each medium.
fn pole_link() -> Result<(), Failure> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/pole-link/tests/vectors");
    let step = |id: u8, body: &[u8]| [&[1, 0, 0, id, body.len() as u8], body].concat();
    let body = |name: &str| -> Result<(u8, Vec<u8>, String), Failure> {
        let json: serde_json::Value = serde_json::from_str(&fs::read_to_string(folder.join(name))?)?;
        let frame = hex::decode(json["frame_hex"].as_str().ok_or("a vector without frame_hex")?)?;
        let body = frame.get(11..frame.len().saturating_sub(4)).ok_or("a short frame")?.to_vec();
        Ok((frame[10], body, json["direction"].as_str().unwrap_or_default().to_owned()))
    };
    // A Welcome to the pole of the target, version 1, session 1, boot 1, greeting 1.
    let welcome = step(0x02, &[1, 1, 1, 1, 0, 0xE8, 0x07, 0x88, 0x27]);
    let (_, hello, _) = body("v1/hello.json")?;
    let hello = [step(0x01, &hello), vec![3, 0], vec![3, 1]].concat();
    for version in ["v1", "future"] {
        for entry in fs::read_dir(folder.join(version))? {
            let path = entry?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let (id, body, direction) = body(&format!("{version}/{name}.json"))?;
            let (target, greeting) =
                if direction == "to-edge" { ("pole_link_edge", &hello) } else { ("pole_link_pole", &welcome) };
            for medium in 0..3 {
                let script = [&[medium], greeting.as_slice(), &step(id, &body)].concat();
                write(target, &format!("{version}-{name}-{medium}"), &script)?;
            }
        }
    }
    Ok(())
}

fn main() -> Result<(), Failure> {
    pole_link()?;
    for (name, octets) in vectors()? {
        let name = name.as_str();
        write("uper_2020", name, &octets)?;
        write("uper_2019", name, &octets)?;

        write("dsmp", name, &dsmp::encode(Aid::RSM, &octets)?)?;
        let extensions = [Extension { id: 7, value: &[0xAA] }, Extension { id: 9, value: &[] }];
        write("dsmp", &format!("{name}-extensions"), &dsmp::encode_with(Aid::BSM, &extensions, &octets)?)?;

        let fields = Fields { kind: 3, timestamp: 1_600_000_000_000, sequence: 1, ..Fields::default() };
        for (index, layout) in LAYOUTS.iter().enumerate() {
            write("vendor_header", &format!("{name}-{index}"), &layout.encode(&fields, &octets)?)?;
        }

        let text = |text| Text::new(text).unwrap_or_default();
        let forward = ImmediateForward {
            version: text("0.7"),
            message_type: text("RSM"),
            psid: 3623,
            payload: octets.clone(),
            ..ImmediateForward::default()
        };
        write("immediate_forward", name, forward.encode().as_bytes())?;

        for profile in Profile::ALL {
            if let Ok(message) = Message::from_uper(profile, &octets) {
                let twin = v1::V2xMessage {
                    profile: v1::Profile::from(profile).into(),
                    frame_extensions: message.frame_extensions(),
                    content: Some(message.to_content()),
                    ..Default::default()
                };
                write("protobuf", &format!("{name}-{}", profile.name()), &twin.encode_to_vec())?;
            }
        }
    }
    Ok(())
}
