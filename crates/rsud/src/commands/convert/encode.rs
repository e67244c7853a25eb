//! `rsud encode`: the inverse of `decode`.

use std::io::{Read, Write};

use anyhow::Context as _;
use rsu_proto::v1;
use serde_json::{Value, json};
use v2x_codec::dsmp::{self, Aid, Extension};
use v2x_codec::immediate_forward::{ImmediateForward, Text};
use v2x_codec::{Message, Profile};

/// Encodes messages from `input`, one JSON object a line as `decode` gives them in either output form, to hexadecimal
/// lines. Returns whether all could be encoded; a message that cannot gives an error object instead of its line.
///
/// # Errors
/// When input or output fail.
pub fn encode(input: impl Read, mut output: impl Write, profile: Profile) -> anyhow::Result<bool> {
    let mut all = true;
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
    // A line of a capture.
    if let (Some(frame), true) = (value.get("frame"), value.get("captured_at_us").is_some()) {
        return encode_value(frame, profile);
    }
    if let Some(frame) = value.get("dsmp") {
        return encode_dsmp(frame, profile);
    }
    if let Some(frame) = value.get("vendor") {
        let header = frame.get("header").and_then(Value::as_str).and_then(|header| hex::decode(header).ok());
        let mut octets = header.ok_or("vendor.header: hexadecimal is needed")?;
        octets.extend(encode_message(frame.get("message").ok_or("vendor.message: is needed")?, profile)?);
        return Ok(hex::encode(octets));
    }
    if let Some(frame) = value.get("immediateForward") {
        return encode_text(frame, profile).map(hex::encode);
    }
    // The members of rsu.v1.V2xMessage; no message of the standard has them.
    if value.get("octets").is_some() || value.get("profile").is_some() {
        return encode_twin(value, profile).map(hex::encode);
    }
    encode_message(value, profile).map(hex::encode)
}

fn encode_message(message: &Value, profile: Profile) -> Result<Vec<u8>, String> {
    let message = Message::from_json(profile, &message.to_string()).map_err(|error| error.to_string())?;
    message.to_uper().map_err(|error| error.to_string())
}

fn encode_twin(value: &Value, profile: Profile) -> Result<Vec<u8>, String> {
    let twin: v1::V2xMessage = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let profile = if twin.profile() == v1::Profile::Unspecified { profile } else { twin.profile().into() };
    let Some(content) = &twin.content else {
        return if twin.octets.is_empty() {
            Err("neither content nor octets".into())
        } else {
            Ok(twin.octets.to_vec())
        };
    };
    let message = Message::from_content(profile, content, twin.frame_extensions.as_ref());
    message.map_err(|error| error.to_string())?.to_uper().map_err(|error| error.to_string())
}

fn encode_dsmp(frame: &Value, profile: Profile) -> Result<String, String> {
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
    let payload = encode_message(frame.get("message").ok_or("dsmp.message: is needed")?, profile)?;
    dsmp::encode_with(aid, &extensions, &payload).map(hex::encode).map_err(|error| error.to_string())
}

fn encode_text(frame: &Value, profile: Profile) -> Result<String, String> {
    let number = |name: &str| frame.get(name).and_then(Value::as_u64);
    let psid = number("psid").and_then(|psid| u32::try_from(psid).ok()).ok_or("immediateForward.psid: is needed")?;
    let priority = number("priority").unwrap_or(0);
    let message_type = frame.get("type").and_then(Value::as_str).unwrap_or_default();
    Ok(ImmediateForward {
        version: Text::new("0.7").unwrap_or_default(),
        message_type: Text::new(message_type).ok_or("immediateForward.type: plain text is needed")?,
        psid,
        priority: u8::try_from(priority).map_err(|_| "immediateForward.priority: 0 to 255 is needed")?,
        payload: encode_message(frame.get("message").ok_or("immediateForward.message: is needed")?, profile)?,
        ..ImmediateForward::default()
    }
    .encode())
}
