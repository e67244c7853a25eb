//! The payload of T/ITS 0117 style platforms, written and read.
//!
//! ```text
//! rsuId: 8 octets ASCII, filled up with zeros | time: ms since 1970, u64 | messages: u8, BSM only |
//! then for each message: its length, u16 | its UPER octets                      numbers are little endian
//! ```
//!
//! The layout was read off captures (`crates/v2x-codec/tests/vectors/captured_*.json`); the captured BSM payload has two
//! messages. How a name shorter than 8 octets is filled up is not known: zeros are our choice, and blanks are
//! understood too.

use rsu_units::Timestamp;

use super::super::{HearError, TellError};

/// Octets of the RSU's name.
pub(super) const ID_OCTETS: usize = 8;

/// The RSU's name as it stands in payloads.
pub(super) fn padded(name: &str) -> [u8; ID_OCTETS] {
    let mut id = [0; ID_OCTETS];
    for (octet, letter) in id.iter_mut().zip(name.bytes()) {
        *octet = letter;
    }
    id
}

/// Begins a payload.
fn head(id: [u8; ID_OCTETS], at: Timestamp, room: usize) -> Vec<u8> {
    let mut payload = Vec::with_capacity(ID_OCTETS + 8 + 1 + room);
    payload.extend_from_slice(&id);
    let at_ms = u64::try_from(at.as_micros() / 1000).unwrap_or(0);
    payload.extend_from_slice(&at_ms.to_le_bytes());
    payload
}

fn push(payload: &mut Vec<u8>, message: &[u8]) -> Result<(), TellError> {
    let too_long = |_| TellError::TooLong { length: message.len(), max: u16::MAX.into() };
    payload.extend_from_slice(&u16::try_from(message.len()).map_err(too_long)?.to_le_bytes());
    payload.extend_from_slice(message);
    Ok(())
}

/// The payload of one message that is no BSM.
pub(super) fn single(id: [u8; ID_OCTETS], at: Timestamp, message: &[u8]) -> Result<Vec<u8>, TellError> {
    let mut payload = head(id, at, message.len() + 2);
    push(&mut payload, message)?;
    Ok(payload)
}

/// The payload of BSMs, at most 255.
pub(super) fn counted(id: [u8; ID_OCTETS], at: Timestamp, messages: &[&[u8]]) -> Result<Vec<u8>, TellError> {
    let too_many = |_| TellError::TooLong { length: messages.len(), max: u8::MAX.into() };
    let count = u8::try_from(messages.len()).map_err(too_many)?;
    let mut payload = head(id, at, messages.iter().map(|message| message.len() + 2).sum());
    payload.push(count);
    for message in messages {
        push(&mut payload, message)?;
    }
    Ok(payload)
}

/// The message in the payload of one that is no BSM, which must be for this RSU.
pub(super) fn read(id: [u8; ID_OCTETS], payload: &[u8]) -> Result<&[u8], HearError> {
    const HEAD: usize = ID_OCTETS + 8 + 2;
    let incomplete = |needed| HearError::Incomplete { length: payload.len(), needed };
    let (named, rest) = payload.split_first_chunk::<ID_OCTETS>().ok_or_else(|| incomplete(HEAD))?;
    // The time says when it was sent; the broker hands it on at once or not at all.
    let (_time, rest) = rest.split_first_chunk::<8>().ok_or_else(|| incomplete(HEAD))?;
    let (length, message) = rest.split_first_chunk::<2>().ok_or_else(|| incomplete(HEAD))?;
    let length = usize::from(u16::from_le_bytes(*length));
    if without_filling(named) != without_filling(&id) {
        return Err(HearError::OtherRsu);
    }
    match message.len().checked_sub(length) {
        None => Err(incomplete(HEAD + length)),
        Some(0) => Ok(message),
        Some(left_over) => Err(HearError::LeftOver { left_over }),
    }
}

fn without_filling(id: &[u8]) -> &[u8] {
    let end = id.iter().rposition(|octet| *octet != 0 && *octet != b' ').map_or(0, |last| last + 1);
    id.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_captured_pair_of_bsms_comes_out_octet_for_octet() {
        let vector = include_str!("../../../../../v2x-codec/tests/vectors/captured_bsm.json");
        let vector: Value = serde_json::from_str(vector).unwrap();
        let octets = |name| hex::decode(vector[name].as_str().unwrap()).unwrap();
        let (payload, first) = (octets("mqtt_payload_hex"), octets("uper_hex"));
        let id = *payload.first_chunk().unwrap();
        let at_ms = u64::from_le_bytes(payload[8..16].try_into().unwrap());
        let second = &payload[17 + 2 + first.len() + 2..];
        let at = Timestamp::from_micros(at_ms.cast_signed() * 1000);
        assert_eq!(counted(id, at, &[&first, second]).unwrap(), payload);
        let too_many = vec![first.as_slice(); 256];
        assert_eq!(counted(id, at, &too_many), Err(TellError::TooLong { length: 256, max: 255 }));
    }
}
