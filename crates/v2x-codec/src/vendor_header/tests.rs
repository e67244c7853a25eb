//! Layouts of headers: which can be, and that what is written is read back.

use proptest::prelude::*;

use super::*;

const fn at(offset: usize, width: usize) -> Field {
    Field { offset, width }
}

/// magic AA 55 | kind u8 | 0 | sequence u16 | length u16 | timestamp u64
fn parts(byte_order: ByteOrder, counts_header: bool) -> LayoutParts {
    LayoutParts {
        header_length: 16,
        byte_order,
        kind: Some(at(2, 1)),
        timestamp: Some(at(8, 8)),
        sequence: Some(at(4, 2)),
        length: Some(LengthField { field: at(6, 2), counts_header }),
        magic: Some(Magic { offset: 0, octets: vec![0xAA, 0x55] }),
        ..LayoutParts::default()
    }
}

const FIELDS: Fields =
    Fields { kind: 3, timestamp: 0x0102_0304_0506_0708, sequence: 0x1234, priority: 0, destination: 0 };
const BIG: [u8; 18] = [0xAA, 0x55, 3, 0, 0x12, 0x34, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 0xCA, 0xFE];
const LITTLE: [u8; 18] = [0xAA, 0x55, 3, 0, 0x34, 0x12, 18, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0xCA, 0xFE];

#[test]
fn both_byte_orders_are_written_and_read() {
    for (order, counts_header, datagram) in [(ByteOrder::Big, false, BIG), (ByteOrder::Little, true, LITTLE)] {
        let layout = Layout::new(parts(order, counts_header)).unwrap();
        assert_eq!(layout.encode(&FIELDS, &[0xCA, 0xFE]).unwrap(), datagram);
        let frame = layout.parse(&datagram).unwrap();
        assert_eq!((frame.kind, frame.timestamp, frame.sequence), (Some(3), Some(FIELDS.timestamp), Some(0x1234)));
        assert_eq!((frame.payload, frame.payload_offset), ([0xCA, 0xFE].as_slice(), 16));
    }
}

#[test]
fn a_layout_that_cannot_be_is_refused() {
    let new = |change: fn(&mut LayoutParts)| {
        let mut parts = parts(ByteOrder::Big, false);
        change(&mut parts);
        Layout::new(parts).unwrap_err()
    };
    assert_eq!(new(|parts| parts.header_length = 0), LayoutError::HeaderLength { length: 0 });
    assert_eq!(new(|parts| parts.header_length = 65), LayoutError::HeaderLength { length: 65 });
    assert_eq!(new(|parts| parts.kind = Some(at(2, 0))), LayoutError::Width { part: Part::Kind, width: 0 });
    assert_eq!(new(|parts| parts.sequence = Some(at(2, 5))), LayoutError::Width { part: Part::Sequence, width: 5 });
    assert_eq!(new(|parts| parts.timestamp = Some(at(8, 3))), LayoutError::Width { part: Part::Timestamp, width: 3 });
    assert_eq!(new(|parts| parts.timestamp = Some(at(9, 8))), LayoutError::Outside { part: Part::Timestamp });
    assert_eq!(new(|parts| parts.kind = Some(at(usize::MAX, 4))), LayoutError::Outside { part: Part::Kind });
    assert_eq!(new(|parts| parts.priority = Some(at(3, 2))), LayoutError::Width { part: Part::Priority, width: 2 });
    assert_eq!(
        new(|parts| parts.destination = Some(at(3, 2))),
        LayoutError::Width { part: Part::Destination, width: 2 }
    );
    assert_eq!(new(|parts| parts.priority = Some(at(16, 1))), LayoutError::Outside { part: Part::Priority });
    assert_eq!(new(|parts| parts.destination = Some(at(3, 3))), LayoutError::Overlap { part: Part::Destination });
    assert_eq!(new(|parts| parts.sequence = Some(at(5, 2))), LayoutError::Overlap { part: Part::Length });
    assert_eq!(new(|parts| parts.kind = Some(at(1, 1))), LayoutError::Overlap { part: Part::Magic });
    let no_magic = Some(Magic { offset: 0, octets: vec![] });
    let without = LayoutParts { magic: no_magic, ..parts(ByteOrder::Big, false) };
    assert_eq!(Layout::new(without), Err(LayoutError::Width { part: Part::Magic, width: 0 }));
    assert_eq!(LayoutError::Overlap { part: Part::Magic }.to_string(), "the field magic overlaps another one");
}

#[test]
fn faults_are_named_with_their_place() {
    let layout = Layout::new(parts(ByteOrder::Little, true)).unwrap();
    let changed = |at: usize, to: u8| {
        let mut datagram = LITTLE;
        datagram[at] = to;
        layout.parse(&datagram).map(|_| ()).unwrap_err()
    };
    assert_eq!(layout.parse(&[]), Err(HeaderError::Incomplete { offset: 0 }));
    assert_eq!(layout.parse(&LITTLE[..15]), Err(HeaderError::Incomplete { offset: 15 }));
    assert_eq!(layout.parse(&LITTLE[..17]), Err(HeaderError::Incomplete { offset: 17 }));
    assert_eq!(changed(1, 0), HeaderError::Magic { offset: 1 });
    assert_eq!(changed(6, 15), HeaderError::BadLength { offset: 6, length: 15 });
    assert_eq!(changed(6, 17), HeaderError::LeftOver { offset: 17, left_over: 1 });
    assert_eq!(changed(7, 1), HeaderError::Incomplete { offset: 18 });
    assert_eq!(changed(7, 1).name(), "vendor_incomplete");
}

#[test]
fn what_does_not_fit_is_refused_or_wraps() {
    let parts = LayoutParts {
        header_length: 4,
        kind: Some(at(0, 1)),
        timestamp: Some(at(1, 1)),
        sequence: Some(at(2, 1)),
        length: Some(LengthField { field: at(3, 1), counts_header: true }),
        ..LayoutParts::default()
    };
    let layout = Layout::new(parts).unwrap();
    let fields = Fields { kind: 255, timestamp: 0x1FF, sequence: 0x101, ..Fields::default() };
    assert_eq!(layout.encode(&fields, &[]).unwrap(), [255, 0xFF, 1, 4]);
    assert_eq!(layout.encode(&fields, &[7; 251]).unwrap().len(), 255);
    assert_eq!(layout.encode(&fields, &[7; 252]), Err(EncodeError::Length { length: 256, width: 1 }));
    let kind = Fields { kind: 256, ..fields };
    assert_eq!(layout.encode(&kind, &[]), Err(EncodeError::Kind { kind: 256, width: 1 }));
}

#[test]
fn priority_and_destination_are_written_and_read() {
    let layout = |byte_order, width| {
        let (priority, destination) = (Some(at(0, 1)), Some(at(1, width)));
        let parts = LayoutParts { header_length: 5, byte_order, priority, destination, ..LayoutParts::default() };
        Layout::new(parts).unwrap()
    };
    let fields = Fields { priority: 208, destination: 0x01_0203, ..Fields::default() };
    for (order, width, expected) in [
        (ByteOrder::Big, 3, [208, 1, 2, 3, 0, 9]),
        (ByteOrder::Little, 3, [208, 3, 2, 1, 0, 9]),
        (ByteOrder::Big, 4, [208, 0, 1, 2, 3, 9]),
    ] {
        let layout = layout(order, width);
        assert_eq!(layout.encode(&fields, &[9]).unwrap(), expected);
        let frame = layout.parse(&expected).unwrap();
        assert_eq!((frame.priority, frame.destination), (Some(208), Some(0x01_0203)));
    }
    let fields = Fields { destination: 0x0100_0000, ..fields };
    let error = layout(ByteOrder::Big, 3).encode(&fields, &[]).unwrap_err();
    assert_eq!(error, EncodeError::Destination { destination: 0x0100_0000, width: 3 });
    assert_eq!(error.to_string(), "the destination 0x1000000 does not fit 3 octets");
    assert_eq!(layout(ByteOrder::Big, 4).encode(&fields, &[]).unwrap(), [208, 1, 0, 0, 0]);
}

#[test]
fn without_a_length_the_payload_is_the_rest() {
    let parts = LayoutParts { header_length: 2, kind: Some(at(1, 1)), ..LayoutParts::default() };
    let layout = Layout::new(parts).unwrap();
    let frame = layout.parse(&[9, 1, 2, 3]).unwrap();
    assert_eq!((frame.kind, frame.timestamp, frame.sequence), (Some(1), None, None));
    assert_eq!(frame.payload, [2, 3]);
}

#[test]
fn only_a_whole_timestamp_becomes_a_time() {
    let unix_us = 1_700_000_000_123_456;
    assert_eq!(TimestampUnit::Microseconds.raw(unix_us), 1_700_000_000_123_456);
    assert_eq!(TimestampUnit::Milliseconds.raw(unix_us), 1_700_000_000_123);
    assert_eq!(TimestampUnit::Seconds.raw(unix_us), 1_700_000_000);
    assert_eq!(TimestampUnit::Seconds.raw(-1), 0);
    assert_eq!(TimestampUnit::Milliseconds.unix_us(u64::MAX), None);
    assert_eq!(TimestampUnit::Microseconds.unix_us(u64::MAX), None);
    for (width, expected) in [(8, Some(1_700_000_000_123_000)), (4, None)] {
        let parts = LayoutParts { header_length: 8, timestamp: Some(at(0, width)), ..LayoutParts::default() };
        let layout = Layout::new(parts).unwrap();
        let timestamp = TimestampUnit::Milliseconds.raw(unix_us);
        let datagram = layout.encode(&Fields { timestamp, ..Fields::default() }, &[]).unwrap();
        assert_eq!(layout.unix_us(&layout.parse(&datagram).unwrap(), TimestampUnit::Milliseconds), expected);
    }
}

fn field() -> impl Strategy<Value = Option<Field>> {
    proptest::option::of((0..64usize, 1..=8usize).prop_map(|(offset, width)| Field { offset, width }))
}

prop_compose! {
    fn any_parts()(
        header_length in 0..70usize,
        little: bool,
        kind in field(),
        timestamp in field(),
        sequence in field(),
        priority in field(),
        destination in field(),
        length in field(),
        counts_header: bool,
        magic in proptest::option::of((0..64usize, proptest::collection::vec(any::<u8>(), 0..4))),
    ) -> LayoutParts {
        LayoutParts {
            header_length,
            byte_order: if little { ByteOrder::Little } else { ByteOrder::Big },
            kind,
            timestamp,
            sequence,
            priority,
            destination,
            length: length.map(|field| LengthField { field, counts_header }),
            magic: magic.map(|(offset, octets)| Magic { offset, octets }),
        }
    }
}

fn wrapped(number: u64, field: Option<Field>) -> Option<u64> {
    field.map(|field| if field.width == 8 { number } else { number % (1 << (field.width * 8)) })
}

proptest! {
    #![proptest_config(ProptestConfig { max_global_rejects: 1_000_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_framed_is_parsed(
        parts in any_parts(),
        kind: u32,
        timestamp: u64,
        sequence: u32,
        priority: u8,
        destination: u32,
        payload in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let Ok(layout) = Layout::new(parts.clone()) else { return Err(TestCaseError::reject("no layout")) };
        match layout.encode(&Fields { kind, timestamp, sequence, priority, destination }, &payload) {
            Ok(datagram) => {
                let frame = layout.parse(&datagram).unwrap();
                prop_assert_eq!(frame.kind, parts.kind.map(|_| kind));
                prop_assert_eq!(frame.timestamp, wrapped(timestamp, parts.timestamp));
                prop_assert_eq!(frame.sequence.map(u64::from), wrapped(sequence.into(), parts.sequence));
                prop_assert_eq!(frame.priority, parts.priority.map(|_| priority));
                prop_assert_eq!(frame.destination, parts.destination.map(|_| destination));
                prop_assert_eq!(frame.payload, payload);
                prop_assert_eq!(layout.parse(&datagram[..datagram.len() - 1]).is_err(),
                    parts.length.is_some() || datagram.len() == parts.header_length);
            }
            Err(EncodeError::Kind { width, .. }) => prop_assert!(u64::from(kind) >= 1 << (width * 8)),
            Err(EncodeError::Length { length, width }) => prop_assert!(length >= 1 << (width * 8)),
            Err(EncodeError::Destination { width, .. }) => prop_assert!(width == 3 && destination >= 1 << 24),
        }
    }

    #[test]
    fn no_datagram_is_read_past_its_end(
        parts in any_parts(),
        datagram in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let Ok(layout) = Layout::new(parts) else { return Ok(()) };
        match layout.parse(&datagram) {
            Ok(frame) => prop_assert_eq!(frame.payload_offset + frame.payload.len(), datagram.len()),
            Err(error) => prop_assert!(error.offset() <= datagram.len()),
        }
    }
}
