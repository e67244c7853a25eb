//! `rsud decode`: hexadecimal lines, a binary frame or a capture file in; JSON lines out.

use std::io::{BufRead, Read, Write};
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;
use rsu_proto::v1;
use serde_json::{Value, json};
use v2x_codec::dsmp;
use v2x_codec::immediate_forward::ImmediateForward;
use v2x_codec::{CodecError, Message, Profile};

use super::{Layer, ProfileArg};
use crate::capture::{self, CaptureError};
use crate::framing::{Framing, FramingFault, Unframed, VendorHeader};

/// What is on standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// One frame a line, in hexadecimal; empty lines and lines that begin with # are passed over.
    Hex,
    /// One frame, as it is.
    Binary,
}

/// How a message is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// The standard's own names and numbers (ASN.1 JSON encoding rules).
    Json,
    /// `rsu.v1.V2xMessage` as protobuf's JSON: SI units.
    ProtoJson,
}

/// How to read and show frames.
#[derive(Debug, Clone)]
pub struct Decoding {
    /// What is around the message.
    pub layer: Layer,
    /// Edition of the message set.
    pub profile: ProfileArg,
    /// How a message is shown.
    pub output: OutputFormat,
    /// The layout, for [`Layer::Vendor`].
    pub vendor: Option<Box<VendorHeader>>,
}

/// Why a frame cannot be decoded: where, of which kind, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    offset: usize,
    kind: &'static str,
    reason: String,
}

impl From<FramingFault> for Fault {
    fn from(fault: FramingFault) -> Self {
        Self { offset: fault.offset, kind: fault.name, reason: fault.reason }
    }
}

impl Fault {
    fn to_json(&self) -> Value {
        json!({ "error": { "offset": self.offset, "kind": self.kind, "reason": self.reason } })
    }
}

/// Longest line that is read: twice the largest datagram and some white space.
const MAX_LINE: u64 = 200_000;
/// Largest text of a frame in [`Layer::ImmediateForward`], and larger than any datagram.
const MAX_BINARY: u64 = 150_000;

/// Decodes frames from `input`, one JSON object a line to `output`. Returns whether all could be decoded.
///
/// # Errors
/// When input or output fail.
pub fn decode(
    input: impl BufRead,
    mut output: impl Write,
    format: InputFormat,
    decoding: &Decoding,
) -> anyhow::Result<bool> {
    let mut all = true;
    let mut tell = |result: Result<Value, Fault>| -> anyhow::Result<()> {
        let value = result.unwrap_or_else(|fault| {
            all = false;
            fault.to_json()
        });
        writeln!(output, "{value}").context("write")
    };
    match format {
        InputFormat::Binary => {
            let mut octets = Vec::new();
            input.take(MAX_BINARY).read_to_end(&mut octets).context("read")?;
            tell(decoding.frame(&octets))?;
        }
        InputFormat::Hex => for_each_line(input, |line| tell(decode_hex(line, decoding)))?,
    }
    Ok(all)
}

/// Decodes the UDP payloads of a pcap or pcapng file, those to `port` if it is given. Each line says when the datagram was
/// captured, from where to where it went, and its frame. Returns whether all could be decoded; what of the capture could not
/// be read is told on standard error, and counts unless a port is given: where those packets went nobody knows.
///
/// # Errors
/// When the file or the output fail; what came before the fault in the file was written.
pub fn decode_capture(
    file: &Path,
    port: Option<u16>,
    mut output: impl Write,
    decoding: &Decoding,
) -> anyhow::Result<bool> {
    let reader = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    let mut all = true;
    let outcome = capture::udp_payloads(reader, |datagram| -> std::io::Result<()> {
        if port.is_some_and(|port| datagram.destination.port() != port) {
            return Ok(());
        }
        let mut value = decoding.frame(datagram.payload).unwrap_or_else(|fault| {
            all = false;
            fault.to_json()
        });
        let captured = json!({
            "captured_at_us": datagram.captured_at_us,
            "source": datagram.source.to_string(),
            "destination": datagram.destination.to_string(),
        });
        match (decoding.output, value.as_object_mut()) {
            // A message of the contract stays one; when it was captured is when it was received.
            (OutputFormat::ProtoJson, Some(message)) if !message.contains_key("error") => {
                message.insert("receivedAtUs".into(), datagram.captured_at_us.to_string().into());
                writeln!(output, "{value}")
            }
            _ => {
                let mut line = captured;
                if let Some(members) = line.as_object_mut() {
                    let name = if value.get("error").is_some() { "error" } else { "frame" };
                    let inner = value.get("error").cloned().unwrap_or(value);
                    members.insert(name.into(), inner);
                }
                writeln!(output, "{line}")
            }
        }
    });
    match outcome {
        Ok(summary) => {
            let skipped = [
                (summary.truncated, "cut off by the capture"),
                (summary.malformed, "malformed"),
                (summary.unfinished, "of which fragments are missing"),
                (summary.unknown_link_types, "from unknown kinds of links"),
            ];
            for (count, what) in skipped.into_iter().filter(|(count, _)| *count > 0) {
                all &= port.is_some();
                let _ = writeln!(std::io::stderr(), "{}: {count} packets {what}", file.display());
            }
            Ok(all)
        }
        Err(CaptureError::File(error)) => Err(error).with_context(|| file.display().to_string()),
        Err(CaptureError::Stopped(error)) => Err(error).context("write"),
    }
}

/// Calls `each` for each line that is not empty and not a comment. A line that is too long is given cut off.
fn for_each_line(mut input: impl BufRead, mut each: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).context("read")?;
        if length == 0 {
            return Ok(());
        }
        if length as u64 == MAX_LINE && line.last() != Some(&b'\n') {
            // The rest of the line belongs to it; it is read away without being kept.
            while !matches!(input.fill_buf().context("read")?, []) {
                let buffer = input.fill_buf().context("read")?;
                let end = buffer.iter().position(|octet| *octet == b'\n');
                let used = end.map_or(buffer.len(), |end| end + 1);
                input.consume(used);
                if end.is_some() {
                    break;
                }
            }
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() && !text.starts_with('#') {
            each(text)?;
        }
    }
}

fn decode_hex(line: &str, decoding: &Decoding) -> Result<Value, Fault> {
    let digits: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let octets = hex::decode(&digits).map_err(|error| Fault {
        offset: match error {
            hex::FromHexError::InvalidHexCharacter { index, .. } => index / 2,
            _ => digits.len() / 2,
        },
        kind: "hex",
        reason: error.to_string(),
    })?;
    decoding.frame(&octets)
}

impl Decoding {
    fn frame(&self, octets: &[u8]) -> Result<Value, Fault> {
        match self.layer {
            Layer::Uper => self.framed(&Framing::Uper, octets),
            Layer::Dsmp => self.framed(&Framing::Dsmp, octets),
            Layer::ImmediateForward => self.framed(&TEXT, octets),
            Layer::Vendor => match &self.vendor {
                Some(header) => self.framed(&Framing::Vendor(header.clone()), octets),
                None => Err(Fault { offset: 0, kind: "layer", reason: "no vendor header was described".into() }),
            },
            Layer::Auto => self.any(octets),
        }
    }

    /// 0x04 could begin a BSM too, but a BSM hardly ever has a DSMP length that fits to the octet; and no message is a text
    /// that has the keys of an immediate forward.
    fn any(&self, octets: &[u8]) -> Result<Value, Fault> {
        if ImmediateForward::parse(octets).is_ok() {
            return self.framed(&TEXT, octets);
        }
        if dsmp::Frame::parse(octets).is_ok() {
            let framed = self.framed(&Framing::Dsmp, octets);
            return framed.or_else(|fault| self.framed(&Framing::Uper, octets).map_err(|_| fault));
        }
        self.framed(&Framing::Uper, octets).or_else(|fault| {
            // What begins like a network-layer frame and is no message either is told as a broken frame.
            if octets.first() == Some(&dsmp::ADAPTATION_DSMP) {
                self.framed(&Framing::Dsmp, octets)
            } else {
                Err(fault)
            }
        })
    }

    fn framed(&self, framing: &Framing, octets: &[u8]) -> Result<Value, Fault> {
        let unframed = framing.unframe(octets)?;
        let (profile, message) = self.message(&unframed)?;
        match self.output {
            OutputFormat::ProtoJson => proto_json(profile, &message, &unframed),
            OutputFormat::Json => Ok(wrap(framing, octets, &unframed, message.to_json())),
        }
    }

    fn message(&self, unframed: &Unframed<'_>) -> Result<(Profile, Message), Fault> {
        let octets = unframed.payload.as_ref();
        let profiles: &[Profile] = match self.profile {
            ProfileArg::Y2020 => &[Profile::Y2020],
            ProfileArg::Y2019 => &[Profile::Y2019],
            ProfileArg::Auto => &Profile::ALL,
        };
        let mut first = None;
        for profile in profiles {
            match Message::from_uper(*profile, octets) {
                Ok(message) => return Ok((*profile, message)),
                Err(error) => first = first.or(Some(error)),
            }
        }
        let error = first.unwrap_or(CodecError::OtherProfile);
        Err(Fault { offset: unframed.payload_offset + error.offset(), kind: error.name(), reason: error.to_string() })
    }
}

/// What an immediate forward asks for does not matter when one is read.
const TEXT: Framing = Framing::ImmediateForward { tx_channel: None, signature: false };

fn proto_json(profile: Profile, message: &Message, unframed: &Unframed<'_>) -> Result<Value, Fault> {
    let twin = v1::V2xMessage {
        profile: v1::Profile::from(profile).into(),
        aid: unframed.aid,
        octets: unframed.payload.to_vec().into(),
        frame_extensions: message.frame_extensions(),
        content: Some(message.to_content()),
        ..v1::V2xMessage::default()
    };
    serde_json::to_value(&twin).map_err(|error| Fault { offset: 0, kind: "json", reason: error.to_string() })
}

/// The message within what was around it, so that `encode` can make the same octets again.
fn wrap(framing: &Framing, octets: &[u8], unframed: &Unframed<'_>, message: Value) -> Value {
    match framing {
        Framing::Uper => message,
        Framing::Dsmp => {
            let mut header = json!({ "aid": unframed.aid });
            let extensions: Vec<Value> = unframed
                .extensions
                .iter()
                .map(|extension| json!({ "id": extension.id, "value": hex::encode_upper(extension.value) }))
                .collect();
            if let Some(header) = header.as_object_mut() {
                if !extensions.is_empty() {
                    header.insert("extensions".into(), extensions.into());
                }
                header.insert("message".into(), message);
            }
            json!({ "dsmp": header })
        }
        Framing::Vendor(_) => {
            let header = octets.get(..unframed.payload_offset).unwrap_or_default();
            json!({ "vendor": { "header": hex::encode_upper(header), "message": message } })
        }
        Framing::ImmediateForward { .. } => match ImmediateForward::parse(octets) {
            Ok(forward) => json!({ "immediateForward": {
                "type": forward.message_type.as_str(),
                "psid": forward.psid,
                "priority": forward.priority,
                "message": message,
            } }),
            Err(_) => message,
        },
    }
}
