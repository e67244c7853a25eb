//! `rsud decode` and `rsud encode`: messages as they are on the air, and as JSON with the standard's own names.

use std::io::{BufRead, Read, Write};

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::{Value, json};
use v2x_codec::dsmp::{self, Aid, Extension, Frame};
use v2x_codec::{CodecError, Message, Profile};

/// What is on standard input of `decode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum InputFormat {
    /// One frame a line, in hexadecimal; empty lines and lines that begin with # are passed over.
    Hex,
    /// One frame, as it is.
    Binary,
}

/// What is around the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layer {
    /// Find out.
    Auto,
    /// A network-layer frame.
    Dsmp,
    /// Nothing.
    Uper,
}

/// Edition of the message set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProfileArg {
    /// T/CSAE 53-2020 and T/CSAE 157-2020.
    #[value(name = "2020")]
    Y2020,
    /// The draft of 2019.
    #[value(name = "2019")]
    Y2019,
}

impl From<ProfileArg> for Profile {
    fn from(arg: ProfileArg) -> Self {
        match arg {
            ProfileArg::Y2020 => Self::Y2020,
            ProfileArg::Y2019 => Self::Y2019,
        }
    }
}

/// Why a frame cannot be decoded: where, of which kind, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fault {
    offset: usize,
    kind: &'static str,
    reason: String,
}

impl Fault {
    fn to_json(&self) -> Value {
        json!({ "error": { "offset": self.offset, "kind": self.kind, "reason": self.reason } })
    }
}

/// Longest line that is read: twice the largest datagram and some white space.
const MAX_LINE: u64 = 200_000;

/// Decodes frames from `input`, one JSON object a line to `output`. Returns whether all could be decoded.
///
/// # Errors
/// When input or output fail.
pub fn decode(
    input: impl BufRead,
    mut output: impl Write,
    format: InputFormat,
    layer: Layer,
    profile: Profile,
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
            input.take(MAX_LINE).read_to_end(&mut octets).context("read")?;
            tell(decode_frame(&octets, layer, profile))?;
        }
        InputFormat::Hex => for_each_line(input, |line| tell(decode_hex(line, layer, profile)))?,
    }
    Ok(all)
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

fn decode_hex(line: &str, layer: Layer, profile: Profile) -> Result<Value, Fault> {
    let digits: String = line.chars().filter(|c| !c.is_whitespace()).collect();
    let octets = hex::decode(&digits).map_err(|error| Fault {
        offset: match error {
            hex::FromHexError::InvalidHexCharacter { index, .. } => index / 2,
            _ => digits.len() / 2,
        },
        kind: "hex",
        reason: error.to_string(),
    })?;
    decode_frame(&octets, layer, profile)
}

fn decode_frame(octets: &[u8], layer: Layer, profile: Profile) -> Result<Value, Fault> {
    match layer {
        Layer::Uper => decode_uper(octets, profile, 0),
        Layer::Dsmp => decode_dsmp(octets, profile),
        // 0x04 could begin a BSM too, but a BSM hardly ever has a DSMP length that fits to the octet.
        Layer::Auto => match Frame::parse(octets) {
            Ok(_) => decode_dsmp(octets, profile).or_else(|fault| decode_uper(octets, profile, 0).map_err(|_| fault)),
            Err(_) => decode_uper(octets, profile, 0).or_else(|fault| {
                // What begins like a network-layer frame and is no message either is told as a broken frame.
                if octets.first() == Some(&dsmp::ADAPTATION_DSMP) { decode_dsmp(octets, profile) } else { Err(fault) }
            }),
        },
    }
}

fn decode_uper(octets: &[u8], profile: Profile, offset: usize) -> Result<Value, Fault> {
    let fault = |error: &CodecError| Fault {
        offset: offset + Message::fault_offset(profile, octets, error),
        kind: error.name(),
        reason: error.to_string(),
    };
    let message = Message::from_uper(profile, octets).map_err(|error| fault(&error))?;
    message.to_json().map_err(|error| fault(&error))
}

fn decode_dsmp(octets: &[u8], profile: Profile) -> Result<Value, Fault> {
    let frame = Frame::parse(octets).map_err(|error| Fault {
        offset: error.offset(),
        kind: error.name(),
        reason: error.to_string(),
    })?;
    let message = decode_uper(frame.payload, profile, frame.payload_offset)?;
    let mut header = json!({ "aid": frame.aid.get() });
    let extensions: Vec<Value> = frame
        .extensions()
        .map(|extension| json!({ "id": extension.id, "value": hex::encode_upper(extension.value) }))
        .collect();
    if let (false, Some(header)) = (extensions.is_empty(), header.as_object_mut()) {
        header.insert("extensions".into(), extensions.into());
    }
    if let Some(header) = header.as_object_mut() {
        header.insert("message".into(), message);
    }
    Ok(json!({ "dsmp": header }))
}

/// Encodes messages from `input`, one JSON object a line as `decode` gives them, to hexadecimal lines. Returns whether
/// all could be encoded; a message that cannot gives an error object instead of its line.
///
/// # Errors
/// When input or output fail.
pub fn encode(input: impl BufRead, mut output: impl Write, profile: Profile) -> anyhow::Result<bool> {
    let mut all = true;
    // A JSON object is much longer than its octets.
    for_each_json(input, |value| {
        let line = value.and_then(|value| encode_value(&value, profile)).unwrap_or_else(|reason| {
            all = false;
            json!({ "error": { "reason": reason } }).to_string()
        });
        writeln!(output, "{line}").context("write")
    })?;
    Ok(all)
}

/// Calls `each` for each JSON value; values may be spread over lines. After text that is no JSON nothing more can be read.
fn for_each_json(
    input: impl Read,
    mut each: impl FnMut(Result<Value, String>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    for value in serde_json::Deserializer::from_reader(input).into_iter::<Value>() {
        match value {
            Ok(value) => each(Ok(value))?,
            Err(error) => return each(Err(error.to_string())),
        }
    }
    Ok(())
}

fn encode_value(value: &Value, profile: Profile) -> Result<String, String> {
    let text = |message: &Value| -> Result<Vec<u8>, String> {
        let message = Message::from_json(profile, &message.to_string()).map_err(|error| error.to_string())?;
        message.to_uper().map_err(|error| error.to_string())
    };
    let Some(frame) = value.get("dsmp") else { return text(value).map(hex::encode) };
    let aid = frame
        .get("aid")
        .and_then(Value::as_u64)
        .and_then(|aid| Aid::new(u16::try_from(aid).ok()?))
        .ok_or_else(|| format!("dsmp.aid: a number from 0 to {} is needed", Aid::MAX))?;
    let mut values = Vec::new();
    for extension in frame.get("extensions").and_then(Value::as_array).into_iter().flatten() {
        let id = extension.get("id").and_then(Value::as_u64).and_then(|id| u8::try_from(id).ok());
        let value = extension.get("value").and_then(Value::as_str).and_then(|value| hex::decode(value).ok());
        values.push(id.zip(value).ok_or("dsmp.extensions: each needs an id from 0 to 255 and a hexadecimal value")?);
    }
    let extensions: Vec<Extension<'_>> = values.iter().map(|(id, value)| Extension { id: *id, value }).collect();
    let payload = text(frame.get("message").ok_or("dsmp.message: is needed")?)?;
    dsmp::encode_with(aid, &extensions, &payload).map(hex::encode).map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    const RSM: &str = "20131323334350000004ce3d680b06e03ff00040002664ccd569f9f811d71d944010269e80000000";

    fn decode_text(text: &str, layer: Layer) -> (bool, Vec<Value>) {
        let mut output = Vec::new();
        let all = decode(text.as_bytes(), &mut output, InputFormat::Hex, layer, Profile::Y2020).unwrap();
        let lines = String::from_utf8(output).unwrap();
        (all, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn encode_text(text: &str) -> (bool, String) {
        let mut output = Vec::new();
        let all = encode(text.as_bytes(), &mut output, Profile::Y2020).unwrap();
        (all, String::from_utf8(output).unwrap())
    }

    #[test]
    fn encode_is_the_inverse_of_decode() {
        let framed = format!("04008da7{:04x}{RSM}", RSM.len() / 2);
        let extended = format!("0410010702abcd8da7{:04x}{RSM}", RSM.len() / 2);
        let (all, values) = decode_text(&format!("# a comment\n\n{RSM}\n  {framed}\n{extended}"), Layer::Auto);
        assert!(all);
        assert_eq!(values[1]["dsmp"]["aid"], 3623);
        assert_eq!(values[1]["dsmp"]["message"], values[0]);
        let text: String = values.iter().flat_map(|value| [value.to_string(), "\n".into()]).collect();
        assert_eq!(encode_text(&text), (true, format!("{RSM}\n{framed}\n{extended}\n")));
    }

    #[test]
    fn faults_have_offset_and_reason_and_the_rest_goes_on() {
        let (all, values) = decode_text(&format!("{RSM}00\nzz\n{}\n{RSM}", &RSM[..20]), Layer::Uper);
        assert!(!all);
        assert_eq!(
            values[0]["error"],
            json!({
                "offset": 40, "kind": "left_over", "reason": "1 octets are left over after a message of 40 octets; wrong profile?"
            })
        );
        assert_eq!(values[1]["error"]["kind"], "hex");
        assert_eq!(values[2]["error"]["offset"], 10);
        assert!(values[3].get("rsmFrame").is_some());
        let (_, values) = decode_text(&format!("04008da7{:04x}{}", RSM.len() / 2, &RSM[2..]), Layer::Auto);
        assert_eq!(values[0]["error"]["kind"], "dsmp_incomplete");
        let (all, values) = decode_text(&format!("04008da7{:04x}{RSM}00", RSM.len() / 2), Layer::Dsmp);
        assert_eq!((all, &values[0]["error"]["kind"]), (false, &json!("dsmp_left_over")));
    }

    #[test]
    fn what_cannot_be_encoded_is_told() {
        let (all, text) = encode_text("{\"dsmp\":{\"aid\":99999}} {\"rsmFrame\":{}} nonsense");
        assert!(!all);
        assert_eq!(text.lines().count(), 3);
        assert!(text.lines().all(|line| line.contains("error")), "{text}");
    }

    #[test]
    fn an_endless_line_is_one_fault() {
        let (all, values) = decode_text(&format!("{}\n{RSM}", "ab".repeat(300_000)), Layer::Auto);
        assert_eq!((all, values.len()), (false, 2));
        assert!(values[1].get("rsmFrame").is_some());
    }
}
