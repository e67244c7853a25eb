//! JSON with the standard's own names: the ASN.1 JSON encoding rules (ITU-T X.697), and one step more for the second
//! stage: where the type of an open type is known, its value is written out under the type's name instead of as octets.

use rasn::types::Any;
use serde_json::{Map, Value, json};

use crate::asn1::profile2019;
use crate::asn1::profile2020 as asn;
use crate::{CodecError, Message, Profile};

impl Message {
    /// The frame as JSON.
    ///
    /// # Errors
    /// [`CodecError::Encode`] when the JSON encoder refuses a value.
    pub fn to_json(&self) -> Result<Value, CodecError> {
        match self {
            Self::Y2020(frame) => match frame.as_ref() {
                asn::MessageFrame::msgFrameExt(ext) => {
                    let id = ext.message_id.0;
                    // What is not one of ours, or does not decode, stays octets: nothing is lost.
                    let value = match open_type_to_json(id, ext.value.as_bytes()) {
                        Some((name, value)) => json!({ name: value }),
                        None => Value::String(hex_upper(ext.value.as_bytes())),
                    };
                    Ok(json!({ "msgFrameExt": { "messageId": id, "value": value } }))
                }
                frame => jer(frame),
            },
            Self::Y2019(frame) => jer(frame.as_ref()),
        }
    }

    /// A frame from JSON, the inverse of [`Message::to_json`].
    ///
    /// # Errors
    /// [`CodecError::Json`] when the text is not JSON, names no message, or breaks a constraint.
    pub fn from_json(profile: Profile, text: &str) -> Result<Self, CodecError> {
        match profile {
            Profile::Y2020 => {
                let value: Value = serde_json::from_str(text).map_err(json_error)?;
                let frame = match value.get("msgFrameExt").and_then(Value::as_object) {
                    Some(ext) => asn::MessageFrame::msgFrameExt(extension_from_json(ext)?),
                    None => rasn::jer::decode(text).map_err(json_error)?,
                };
                Ok(Self::Y2020(Box::new(frame)))
            }
            Profile::Y2019 => {
                let frame: profile2019::MessageFrame = rasn::jer::decode(text).map_err(json_error)?;
                Ok(Self::Y2019(Box::new(frame)))
            }
        }
    }
}

fn json_error(error: impl std::fmt::Display) -> CodecError {
    CodecError::Json(error.to_string())
}

fn jer<T: rasn::Encode>(value: &T) -> Result<Value, CodecError> {
    let text = rasn::jer::encode(value).map_err(|e| CodecError::Encode(e.to_string()))?;
    serde_json::from_str(&text).map_err(json_error)
}

/// The types of T/CSAE 157's information object set `MessageTypes`.
macro_rules! open_types {
    ($($id:literal $name:literal $type:ident,)*) => {
        fn open_type_to_json(id: u16, octets: &[u8]) -> Option<(&'static str, Value)> {
            match id {
                $($id => {
                    let value: asn::$type = rasn::uper::decode(octets).ok()?;
                    // Only what gives the same octets again may be shown decoded.
                    (rasn::uper::encode(&value).ok()? == octets).then_some(())?;
                    Some(($name, jer(&value).ok()?))
                })*
                _ => None,
            }
        }

        fn open_type_from_json(id: u16, name: &str, value: &Value) -> Result<Vec<u8>, CodecError> {
            match (id, name) {
                $(($id, $name) => {
                    let value: asn::$type = rasn::jer::decode(&value.to_string()).map_err(json_error)?;
                    rasn::uper::encode(&value).map_err(|e| CodecError::Encode(e.to_string()))
                })*
                _ => Err(CodecError::Json(format!("msgFrameExt.value: {name} is not the type of messageId {id}"))),
            }
        }
    };
}

open_types! {
    0 "TestMsg" TestMsg,
    10 "RTCMcorrections" RTCMcorrections,
    11 "RoadsideCoordination" RoadsideCoordination,
    12 "SensorSharingMsg" SensorSharingMsg,
    13 "VehIntentionAndRequest" VehIntentionAndRequest,
    14 "PAMData" PAMData,
    15 "PersonalSafetyMessage" PersonalSafetyMessage,
    16 "CLPMM" CLPMM,
    17 "VehiclePaymentMessage" VehiclePaymentMessage,
}

fn extension_from_json(ext: &Map<String, Value>) -> Result<asn::MessageFrameExt, CodecError> {
    let id = ext
        .get("messageId")
        .and_then(Value::as_u64)
        .and_then(|id| u16::try_from(id).ok())
        .filter(|id| *id <= 32767)
        .ok_or_else(|| CodecError::Json("msgFrameExt.messageId: an integer from 0 to 32767 is needed".into()))?;
    let octets = match ext.get("value") {
        Some(Value::String(hex)) => {
            hex_decode(hex).ok_or_else(|| CodecError::Json("msgFrameExt.value: not hexadecimal".into()))?
        }
        Some(Value::Object(named)) if named.len() == 1 => {
            let (name, value) = named.iter().next().ok_or_else(|| CodecError::Json("msgFrameExt.value".into()))?;
            open_type_from_json(id, name, value)?
        }
        _ => return Err(CodecError::Json("msgFrameExt.value: hexadecimal text or one named message is needed".into())),
    };
    Ok(asn::MessageFrameExt::new(asn::ExtMsgID(id), Any::new(octets)))
}

fn hex_upper(octets: &[u8]) -> String {
    use std::fmt::Write as _;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02X}");
        text
    })
}

fn hex_decode(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    (digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit))
        .then(|| {
            digits
                .chunks_exact(2)
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
                .collect::<Option<Vec<u8>>>()
        })
        .flatten()
}
