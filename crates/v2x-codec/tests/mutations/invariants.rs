//! What must hold for every input of the decoders, however hostile. `tests/mutations.rs` and the fuzz targets in
//! `fuzz/` share it; each function panics where something does not hold, and returns whether a message came out.
#![allow(dead_code, unreachable_pub, reason = "each user takes a part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use std::sync::LazyLock;

use rsu_proto::{Message as _, v1};
use v2x_codec::dsmp;
use v2x_codec::immediate_forward::{ImmediateForward, MAX_LENGTH};
use v2x_codec::vendor_header::{ByteOrder, Field, Fields, Layout, LayoutParts, LengthField, Magic};
use v2x_codec::{Message, Profile};

/// Layouts of vendors' headers: all fields in either order, a length that counts the header, no length, one octet only.
pub static LAYOUTS: LazyLock<[Layout; 4]> = LazyLock::new(|| {
    let at = |offset, width| Field { offset, width };
    let all = LayoutParts {
        header_length: 16,
        byte_order: ByteOrder::Big,
        kind: Some(at(2, 1)),
        timestamp: Some(at(8, 8)),
        sequence: Some(at(4, 2)),
        length: Some(LengthField { field: at(6, 2), counts_header: false }),
        magic: Some(Magic { offset: 0, octets: vec![0xAA, 0x55] }),
        ..LayoutParts::default()
    };
    let counted = LengthField { field: at(0, 4), counts_header: true };
    let little = LayoutParts {
        header_length: 24,
        byte_order: ByteOrder::Little,
        kind: Some(at(4, 4)),
        length: Some(counted),
        timestamp: Some(at(12, 4)),
        sequence: Some(at(8, 4)),
        priority: Some(at(16, 1)),
        destination: Some(at(17, 3)),
        magic: None,
    };
    let no_length = LayoutParts { length: None, magic: None, ..all.clone() };
    let least = LayoutParts { header_length: 1, kind: Some(at(0, 1)), ..LayoutParts::default() };
    [all, little, no_length, least].map(|parts| Layout::new(parts).unwrap())
});

/// A message that was decoded goes through each form and back without loss.
fn survives(message: &Message) {
    let octets = message.to_uper().unwrap_or_else(|error| panic!("{error}: {message:?}"));
    encodes_back(message, &octets);
}

/// `octets` are what the message is encoded to.
fn encodes_back(message: &Message, octets: &[u8]) {
    let profile = message.profile();
    let context = || format!("{profile:?} {}: {message:?}", hex::encode(octets));
    let again = Message::from_uper(profile, octets).unwrap_or_else(|error| panic!("{error}: {}", context()));
    assert!(again == *message, "UPER changes {}: {again:?}", context());

    let content = message.to_content();
    let again = Message::from_content(profile, &content, message.frame_extensions().as_ref())
        .unwrap_or_else(|error| panic!("{error}: {}", context()));
    assert!(again.to_uper().as_deref() == Ok(octets), "protobuf changes {}: {again:?}", context());

    let text = message.to_json().to_string();
    let again = Message::from_json(profile, &text).unwrap_or_else(|error| panic!("{error}: {}", context()));
    assert!(again == *message, "JSON changes {}: {again:?}", context());
}

/// A message frame in UPER.
pub fn uper(profile: Profile, octets: &[u8]) -> bool {
    match Message::from_uper(profile, octets) {
        Ok(message) => {
            survives(&message);
            true
        }
        Err(error) => {
            assert!(error.offset() <= octets.len(), "{error:?} is behind the end of {}", hex::encode(octets));
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// A payload, whose profile nothing tells.
fn payload(octets: &[u8]) -> bool {
    Profile::ALL.map(|profile| uper(profile, octets)).contains(&true)
}

/// A frame of the network layer.
pub fn dsmp(datagram: &[u8]) -> bool {
    let frame = match dsmp::Frame::parse(datagram) {
        Ok(frame) => frame,
        Err(error) => {
            assert!(error.offset() <= datagram.len(), "{error:?} is behind the end of {}", hex::encode(datagram));
            return false;
        }
    };
    assert_eq!(frame.payload_offset + frame.payload.len(), datagram.len());
    let extensions: Vec<_> = frame.extensions().collect();
    assert!(extensions.len() <= 255);
    let written = dsmp::encode_with(frame.aid, &extensions, frame.payload).unwrap();
    let again = dsmp::Frame::parse(&written).unwrap();
    assert_eq!((again.aid, again.payload), (frame.aid, frame.payload));
    assert!(again.extensions().eq(extensions));
    payload(frame.payload)
}

/// A datagram with a vendor's header.
pub fn vendor_header(datagram: &[u8]) -> bool {
    let parsed = |layout: &Layout| {
        let frame = match layout.parse(datagram) {
            Ok(frame) => frame,
            Err(error) => {
                assert!(error.offset() <= datagram.len(), "{error:?} is behind the end of {}", hex::encode(datagram));
                return None;
            }
        };
        assert_eq!(frame.payload_offset + frame.payload.len(), datagram.len());
        let fields = Fields {
            kind: frame.kind.unwrap_or_default(),
            timestamp: frame.timestamp.unwrap_or_default(),
            sequence: frame.sequence.unwrap_or_default(),
            priority: frame.priority.unwrap_or_default(),
            destination: frame.destination.unwrap_or_default(),
        };
        let written = layout.encode(&fields, frame.payload).unwrap();
        assert_eq!(layout.parse(&written), Ok(frame));
        Some(frame.payload)
    };
    // Two of the layouts differ in their fields only.
    let mut payloads: Vec<_> = LAYOUTS.iter().filter_map(parsed).collect();
    payloads.dedup();
    payloads.into_iter().filter(|octets| payload(octets)).count() > 0
}

/// A message in the text form of the immediate forward.
pub fn immediate_forward(datagram: &[u8]) -> bool {
    let message = match ImmediateForward::parse(datagram) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset() <= datagram.len(), "{error:?} is behind the end of {}", hex::encode(datagram));
            assert!(error.line >= 1 && !error.to_string().is_empty());
            return false;
        }
    };
    let text = message.encode();
    if text.len() <= MAX_LENGTH {
        assert_eq!(ImmediateForward::parse(text.as_bytes()).as_ref(), Ok(&message), "{text}");
    }
    payload(&message.payload)
}

/// A message of a peer, in protobuf. Its numbers need not fit the message set: then it is refused, here or when
/// encoding.
pub fn protobuf(octets: &[u8]) -> bool {
    let Ok(twin) = v1::V2xMessage::decode(octets) else { return false };
    let Some(content) = &twin.content else { return false };
    let mut any = false;
    for profile in Profile::ALL {
        match Message::from_content(profile, content, twin.frame_extensions.as_ref()) {
            Ok(message) => {
                if let Ok(octets) = message.to_uper() {
                    encodes_back(&message, &octets);
                    any = true;
                }
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    any
}
