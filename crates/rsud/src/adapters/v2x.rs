//! V2X messages as protobuf over UDP: one `rsu.v1.V2xMessage` per datagram, from other roadside machines.
//!
//! A peer may send the decoded content, the UPER octets, or both; where both are there, the octets count.

use std::collections::BTreeMap;

use edge_core::Input;
use rsu_proto::{Message as _, v1};
use rsu_units::Timestamp;
use v2x_codec::convert::kind_of;
use v2x_codec::{Kind, Message, Profile};

use super::{Parser, Refusal};

/// The parser of the V2X-over-UDP adapter.
#[derive(Debug, Clone, Default)]
pub struct V2xParser {
    /// Kind of the message that was just parsed.
    kind: Option<Kind>,
}

impl Parser for V2xParser {
    fn name(&self) -> &'static str {
        "v2x_udp"
    }

    fn parse(&mut self, datagram: &[u8], arrived_at: Timestamp) -> Result<Input, Refusal> {
        look(datagram)?;
        let mut message = v1::V2xMessage::decode(datagram)
            .map_err(|error| Refusal { name: "protobuf_invalid", detail: error.to_string() })?;
        let profile = Profile::from(message.profile());
        if message.octets.is_empty() {
            let content = message
                .content
                .as_ref()
                .ok_or(Refusal { name: "without_content", detail: "neither octets nor content".into() })?;
            // What the standard cannot express would break whoever encodes it later.
            let octets = Message::from_content(profile, content, message.frame_extensions.as_ref())
                .map_err(|error| Refusal { name: "content_invalid", detail: error.to_string() })?
                .to_uper()
                .map_err(|error| Refusal { name: "content_invalid", detail: error.to_string() })?;
            message.octets = octets.into();
        } else {
            let decoded = Message::from_uper(profile, &message.octets)
                .map_err(|error| Refusal { name: "uper_invalid", detail: error.to_string() })?;
            message.content = Some(decoded.to_content());
            message.frame_extensions = decoded.frame_extensions();
        }
        self.kind = message.content.as_ref().map(kind_of);
        message.header = None;
        message.received_at_us = arrived_at.as_micros();
        message.received_by = self.name().into();
        message.profile = v1::Profile::from(profile).into();
        Ok(Input::V2x { message: Box::new(message), arrived_at })
    }

    fn extra_counts(&mut self) -> Option<(&'static str, u64)> {
        self.kind.take().map(|kind| (kind.name(), 1))
    }
}

/// No list of the standard has more elements.
const MAX_ELEMENTS: usize = 512;
/// Numbers of the fields of `V2xMessage` that hold a decoded message.
const CONTENT: std::ops::RangeInclusive<u64> = 10..=25;

/// Looks at a datagram before it is decoded: refuses lists that no message of the standard has, and what prost would
/// take although nobody sends it: a second content, which would be merged into the first, and groups.
///
/// Only lists directly below the content are counted. There the elements are largest: an empty one takes two octets here,
/// but up to 1700 once it is decoded, so 64 KiB of them would take 100 MB for a moment before they are refused. Those of
/// deeper lists take up to 950, so a little more than half of that remains possible.
fn look(datagram: &[u8]) -> Result<(), Refusal> {
    let invalid = |detail: &str| Refusal { name: "protobuf_invalid", detail: detail.into() };
    let no_such_wire_type = |WireType(number)| invalid(&format!("a field of wire type {number}"));
    let mut content = None;
    for field in Fields(datagram) {
        let (number, value) = field.map_err(no_such_wire_type)?;
        if CONTENT.contains(&number) && content.replace(value).is_some() {
            return Err(invalid("more than one content"));
        }
    }
    let mut counts = BTreeMap::new();
    for field in Fields(content.unwrap_or_default()) {
        let (number, _) = field.map_err(no_such_wire_type)?;
        let count = counts.entry(number).or_insert(0_usize);
        *count += 1;
        if *count > MAX_ELEMENTS {
            let detail = format!("a list of more than {MAX_ELEMENTS} elements");
            return Err(Refusal { name: "too_many_elements", detail });
        }
    }
    Ok(())
}

/// A wire type that is a group's or none at all.
struct WireType(u64);

/// The length-delimited fields of a protobuf message, by number; ends where the octets are no message, which decoding
/// tells better.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, &'a [u8]), WireType>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let key = varint(&mut self.0)?;
            match key & 7 {
                0 => {
                    varint(&mut self.0)?;
                }
                1 => self.0 = self.0.get(8..)?,
                2 => {
                    let length = usize::try_from(varint(&mut self.0)?).ok()?;
                    let (value, behind) = self.0.split_at_checked(length)?;
                    self.0 = behind;
                    return Some(Ok((key >> 3, value)));
                }
                5 => self.0 = self.0.get(4..)?,
                other => {
                    self.0 = &[];
                    return Some(Err(WireType(other)));
                }
            }
        }
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (octet, behind) = rest.split_first()?;
        *rest = behind;
        value |= u64::from(octet & 0x7F) << shift;
        if octet & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]
mod tests {
    use super::*;

    fn parse(message: &v1::V2xMessage) -> Result<v1::V2xMessage, &'static str> {
        match V2xParser::default().parse(&message.encode_to_vec(), Timestamp::from_micros(9)) {
            Ok(Input::V2x { message, .. }) => Ok(*message),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal.name),
        }
    }

    #[test]
    fn octets_and_content_complete_each_other() {
        let octets = hex::decode("20131323334350000004ce3d680b06e03ff00040002664ccd569f9f811d71d944010269e80000000");
        let by_octets = parse(&v1::V2xMessage { octets: octets.unwrap().into(), ..v1::V2xMessage::default() }).unwrap();
        let by_content =
            parse(&v1::V2xMessage { content: by_octets.content.clone(), ..v1::V2xMessage::default() }).unwrap();
        assert_eq!(by_octets, by_content);
        assert_eq!(by_octets.received_by, "v2x_udp");
    }

    #[test]
    fn refusals_are_told_apart() {
        assert_eq!(parse(&v1::V2xMessage::default()), Err("without_content"));
        let short = v1::V2xMessage { octets: vec![0x20].into(), ..v1::V2xMessage::default() };
        assert_eq!(parse(&short), Err("uper_invalid"));
        let content = v1::v2x_message::Content::Rsm(v1::RoadsideSafetyMessage::default());
        let empty = v1::V2xMessage { content: Some(content), ..v1::V2xMessage::default() };
        assert_eq!(parse(&empty), Err("content_invalid"));
        assert_eq!(V2xParser::default().parse(&[0xFF; 9], Timestamp::default()).unwrap_err().name, "protobuf_invalid");
        let crowd = |count| {
            let participants = vec![v1::DetectedParticipant::default(); count];
            let ssm = v1::SensorSharingMessage { participants, ..v1::SensorSharingMessage::default() };
            let content = Some(v1::v2x_message::Content::Ssm(ssm));
            parse(&v1::V2xMessage { content, ..v1::V2xMessage::default() })
        };
        assert_eq!((crowd(512), crowd(513)), (Err("content_invalid"), Err("too_many_elements")));
    }

    #[test]
    fn what_nobody_sends_is_no_message() {
        let ssm = v1::SensorSharingMessage {
            participants: vec![v1::DetectedParticipant::default(); 300],
            ..v1::SensorSharingMessage::default()
        };
        let content = Some(v1::v2x_message::Content::Ssm(ssm));
        let one = v1::V2xMessage { content, ..v1::V2xMessage::default() }.encode_to_vec();
        let refusal = |datagram: &[u8]| V2xParser::default().parse(datagram, Timestamp::default()).unwrap_err();
        assert_eq!(refusal(&one).name, "content_invalid");
        // Neither the content in two pieces nor a group in front hides a crowd.
        let twice = refusal(&[&one[..], &one[..]].concat());
        assert_eq!((twice.name, twice.detail.as_str()), ("protobuf_invalid", "more than one content"));
        for (wire_type, end) in [(3, &[0xA4, 0x06][..]), (4, &[]), (6, &[]), (7, &[])] {
            let group = refusal(&[&[0xA0 | wire_type, 0x06], end, &one[..]].concat());
            let detail = format!("a field of wire type {wire_type}");
            assert_eq!((group.name, group.detail), ("protobuf_invalid", detail));
        }
        // Within the content as well: an SSM of three octets, one field of which begins a group.
        let within = refusal(&[0x92, 0x01, 0x02, 0xA3, 0x06]);
        assert_eq!((within.name, within.detail.as_str()), ("protobuf_invalid", "a field of wire type 3"));
    }
}
