//! Messages as the JSON of the platforms.
//!
//! `OpenV2X` and DRIS come from the same family: numbers are the standard's integers (latitude in 1e-7 degrees, speed in
//! 0.02 m/s ...), positions are `{lat, lon, ele}` and always absolute, names are nearly the standard's. What both have in
//! common is here, written and read; what is particular to one of them stands with it. Reading is for payloads from the
//! platform and trusts nothing.

pub(crate) mod bsm;
pub(crate) mod device;
pub(crate) mod memory;
pub(crate) mod object;
pub(crate) mod position;
pub(crate) mod read;
pub(crate) mod rsi;
pub(crate) mod rsm;
pub(crate) mod spat;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod units;

use serde_json::Value;

use super::{HearError, Outgoing, check_length};

/// A JSON publication.
pub(crate) fn publication(topic: String, body: &Value) -> Outgoing {
    let payload = body.to_string().into_bytes();
    Outgoing { topic, payload, content_type: "application/json", schema: "", retain: false }
}

/// Objects and lists in one payload: more than any message has.
const MAX_CONTAINERS: usize = 8192;

/// The JSON of a payload.
pub(crate) fn parse(payload: &[u8]) -> Result<Value, HearError> {
    check_length(payload)?;
    // An object takes some hundred octets of memory where `{}` takes two.
    if payload.iter().filter(|octet| matches!(octet, b'{' | b'[')).count() > MAX_CONTAINERS {
        return Err(HearError::Json(format!("more than {MAX_CONTAINERS} objects and lists")));
    }
    serde_json::from_slice(payload).map_err(|error| HearError::Json(error.to_string()))
}
