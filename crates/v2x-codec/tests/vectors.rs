//! Every vector decodes in its profile to the values it states, and encodes back to the same octets, through UPER, JSON
//! and protobuf.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use serde_json::Value;
use support::vectors;
use v2x_codec::{CodecError, Kind, Message, Profile};

/// The vectors write bit strings as 0/1 text; X.697 writes hexadecimal, with a length where it may vary. Octet strings
/// differ in the case of their digits.
fn same(ours: &Value, theirs: &Value, at: &str) {
    match (ours, theirs) {
        (Value::Object(ours), Value::Object(theirs)) => {
            for (key, theirs) in theirs {
                // The MAP capture's independent decoder prints no name for what it does not know.
                let ours = ours.get(key).unwrap_or_else(|| panic!("{at}.{key} is missing"));
                same(ours, theirs, &format!("{at}.{key}"));
            }
            assert_eq!(ours.len(), theirs.len(), "{at}: more fields than expected: {ours:?}");
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            assert_eq!(ours.len(), theirs.len(), "{at}");
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                same(ours, theirs, &format!("{at}[{index}]"));
            }
        }
        (Value::Object(bits), Value::String(text)) if bits.contains_key("length") => {
            assert_eq!(bits["length"], text.len(), "{at}");
            assert_eq!(bit_text(bits["value"].as_str().unwrap(), text.len()), *text, "{at}");
        }
        (Value::String(ours), Value::String(theirs)) if ours != theirs => {
            let as_bits = || bit_text(ours, theirs.len()) == *theirs;
            assert!(ours.eq_ignore_ascii_case(theirs) || as_bits(), "{at}: {ours} is not {theirs}");
        }
        _ => assert_eq!(ours, theirs, "{at}"),
    }
}

fn bit_text(hex_digits: &str, length: usize) -> String {
    let octets = hex::decode(hex_digits).unwrap_or_default();
    let bit = |index: usize| octets.get(index / 8).is_some_and(|octet| octet >> (7 - index % 8) & 1 == 1);
    (0..length).map(|index| if bit(index) { '1' } else { '0' }).collect()
}

#[test]
fn decode_to_the_stated_values() {
    for vector in vectors() {
        let message = Message::from_uper(vector.profile, &vector.octets).unwrap();
        same(&message.to_json(), &vector.value, &vector.name);
    }
}

#[test]
fn encode_back_to_the_same_octets() {
    for vector in vectors() {
        let message = Message::from_uper(vector.profile, &vector.octets).unwrap();
        assert_eq!(message.to_uper().unwrap(), vector.octets, "{}: UPER", vector.name);

        let text = message.to_json().to_string();
        let again = Message::from_json(vector.profile, &text).unwrap();
        assert_eq!(again.to_uper().unwrap(), vector.octets, "{}: JSON", vector.name);

        let again = Message::from_content(vector.profile, &message.to_content(), None).unwrap();
        assert_eq!(again.to_uper().unwrap(), vector.octets, "{}: protobuf", vector.name);
    }
}

#[test]
fn the_wrong_profile_is_an_error_not_garbage() {
    for vector in vectors() {
        if vector.name == "captured_map" || vector.name == "captured_rsi" {
            let error = Message::from_uper(Profile::Y2020, &vector.octets).unwrap_err();
            assert!(error.offset() <= vector.octets.len());
            if vector.name == "captured_map" {
                // One public codec takes 20 of the 529 octets and calls it good.
                assert_eq!(error, CodecError::LeftOver { taken: 20, left_over: 509 });
            }
        }
    }
}

#[test]
fn octets_behind_a_message_and_cut_messages_are_errors() {
    for vector in vectors() {
        let mut longer = vector.octets.clone();
        longer.push(0);
        let left_over = CodecError::LeftOver { taken: vector.octets.len(), left_over: 1 };
        assert_eq!(Message::from_uper(vector.profile, &longer).unwrap_err(), left_over, "{}", vector.name);
        for length in 0..vector.octets.len() {
            let cut = &vector.octets[..length];
            let error = Message::from_uper(vector.profile, cut).unwrap_err();
            assert_eq!(error.offset(), length, "{}: {error}", vector.name);
        }
    }
}

#[test]
fn kinds_are_told_apart() {
    let mut kinds: Vec<_> =
        vectors().iter().map(|vector| Message::from_uper(vector.profile, &vector.octets).unwrap().kind()).collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, [Kind::Bsm, Kind::Map, Kind::Rsm, Kind::Spat, Kind::Rsi, Kind::Rsc, Kind::Ssm]);
}

#[test]
fn a_broken_rule_is_found_at_its_octet() {
    // RSM: the participant's heading is 15 bits wide on the wire but ends at 28800.
    let vector = vectors().into_iter().find(|v| v.name == "captured_rsm").unwrap();
    let mut worst = None;
    for bit in 0..vector.octets.len() * 8 {
        let mut octets = vector.octets.clone();
        octets[bit / 8] ^= 0x80 >> (bit % 8);
        if let Err(error @ CodecError::Invalid { .. }) = Message::from_uper(vector.profile, &octets) {
            let offset = error.offset();
            // A rule cannot be broken before the octet that was changed.
            assert!(offset >= bit / 8, "bit {bit}: {error} at {offset}");
            worst = worst.max(Some(offset));
        }
    }
    assert!(worst.is_some(), "no flipped bit broke a rule");
}
