//! Old and new peers: what a version 1 end does with what later versions send, and how a later version adds fields.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may stop, print and read files"
)]

mod support;

use pole_link::body::{Malformed, Reader, write};
use pole_link::{
    Address, EdgeConfig, EdgeEnd, EdgeEvent, Flags, Frame, Header, MAX_FRAME, MAX_WIRE, Medium, Millis, PoleAddress,
    PoleEnd, PoleEvent, ProtocolRange, RejectReason, ResetCause, Session, ToEdge, ToPole, build,
};
use serde::{Deserialize, Serialize};

const NOW: Millis = Millis(1000);

fn pole() -> PoleEnd {
    PoleEnd::new(support::pole_config(1, Medium::Udp, 1, ResetCause::POWER_ON), NOW)
}

fn edge(protocol: ProtocolRange) -> EdgeEnd {
    let config = EdgeConfig { protocol, ..EdgeConfig::new(Session::MIN) };
    EdgeEnd::new(PoleAddress::FIRST, Medium::Udp, config, NOW)
}

fn datagram(header: Header, body: &[u8]) -> Vec<u8> {
    let write = |out: &mut [u8]| {
        out[..body.len()].copy_from_slice(body);
        Ok(body.len())
    };
    build(&header, &mut [0; MAX_FRAME], write).unwrap().to_vec()
}

fn to_pole(id: u8, session: u32, sequence: u16, body: &[u8]) -> Vec<u8> {
    let (destination, source) = (PoleAddress::FIRST.into(), Address::EDGE);
    datagram(Header { destination, source, flags: Flags::default(), session, sequence, id }, body)
}

fn to_edge(id: u8, session: u32, sequence: u16, body: &[u8]) -> Vec<u8> {
    let (destination, source) = (Address::EDGE, PoleAddress::FIRST.into());
    datagram(Header { destination, source, flags: Flags::default(), session, sequence, id }, body)
}

fn sent_by_pole(pole: &mut PoleEnd) -> Option<(ToEdge, Vec<u8>)> {
    let mut buffer = [0; MAX_WIRE];
    let octets = pole.poll_transmit(NOW, &mut buffer)?.to_vec();
    let frame = Frame::parse(&octets).unwrap();
    Some((ToEdge::read(frame.header.id, frame.body).unwrap(), octets))
}

fn sent_by_edge(edge: &mut EdgeEnd) -> Option<(ToPole, Vec<u8>)> {
    let mut buffer = [0; MAX_WIRE];
    let octets = edge.poll_transmit(NOW, &mut buffer)?.to_vec();
    let frame = Frame::parse(&octets).unwrap();
    Some((ToPole::read(frame.header.id, frame.body).unwrap(), octets))
}

/// Both ends with a session, and their datagrams all delivered.
fn connected() -> (PoleEnd, EdgeEnd) {
    let (mut pole, mut edge) = (pole(), edge(ProtocolRange::OURS));
    for _ in 0..3 {
        while let Some((_, octets)) = sent_by_pole(&mut pole) {
            edge.receive_datagram(NOW, &octets);
            while edge.poll(NOW).is_some() {}
        }
        while let Some((_, octets)) = sent_by_edge(&mut edge) {
            pole.receive_datagram(NOW, &octets);
        }
    }
    assert!(pole.state().is_up() && edge.state().is_up());
    (pole, edge)
}

#[test]
fn a_pole_refuses_the_command_it_does_not_know() {
    let (mut pole, _) = connected();
    assert_eq!(pole.receive_datagram(NOW, &to_pole(0x7E, 1, 0, &[0x01, 0xFF])), None);
    let Some((ToEdge::CommandResult(result), _)) = sent_by_pole(&mut pole) else { panic!("no answer") };
    assert_eq!((result.number, result.code), (1, pole_link::Refusal::UNSUPPORTED.0));
    assert_eq!(pole.counters().unknown, 1);
    // Its repetition is answered again, and is no other command.
    assert_eq!(pole.receive_datagram(NOW, &to_pole(0x7E, 1, 1, &[0x01, 0xFF])), None);
    assert!(matches!(sent_by_pole(&mut pole), Some((ToEdge::CommandResult(_), _))));
}

#[test]
fn a_pole_refuses_values_beyond_bounds() {
    let (mut pole, _) = connected();
    assert_eq!(pole.receive_datagram(NOW, &to_pole(0x40, 1, 0, &[0x01, 0xE9, 0x07, 0x00])), None);
    let Some((ToEdge::CommandResult(result), _)) = sent_by_pole(&mut pole) else { panic!("no answer") };
    assert_eq!((result.number, result.code), (1, pole_link::Refusal::BAD_VALUE.0));
    assert_eq!(pole.counters().malformed, 1);
}

#[test]
fn unknown_messages_are_counted_and_harmless() {
    let (mut pole, mut edge) = connected();
    assert_eq!(pole.receive_datagram(NOW, &to_pole(0xC0, 1, 0, &[1, 2, 3])), None);
    assert_eq!(pole.receive_datagram(NOW, &to_pole(0x0F, 0, 0, &[1, 2, 3])), None);
    assert_eq!(edge.receive_datagram(NOW, &to_edge(0x2A, 1, 5, &[1, 2, 3])), None);
    assert_eq!((pole.counters().unknown, edge.counters().unknown), (2, 1));
    assert!(pole.state().is_up() && edge.state().is_up());
}

#[test]
fn a_frame_of_another_format_is_counted() {
    let (mut pole, _) = connected();
    // Format 2, its CRC right: the CRC covers all before it in every format.
    let mut frame = to_pole(0x10, 1, 0, &[]);
    frame[0] = 2;
    let covered = frame.len() - 4;
    let crc = crc(&frame[..covered]);
    frame[covered..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(pole.receive_datagram(NOW, &frame), None);
    assert_eq!((pole.counters().format, pole.counters().bad_crc), (1, 0));
}

/// CRC-32C by its definition, independent of the library.
fn crc(octets: &[u8]) -> u32 {
    !octets.iter().fold(u32::MAX, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 })
    })
}

#[test]
fn the_crc_is_the_one_of_the_specification() {
    assert_eq!(crc(b"123456789"), 0xE306_9283);
    let frame = to_pole(0x40, 3, 4, b"123456789");
    let (covered, written) = frame.split_last_chunk().unwrap();
    assert_eq!(crc(covered), u32::from_le_bytes(*written));
}

#[test]
fn the_newest_common_version_is_spoken() {
    let range = |min, max| ProtocolRange { min, max };
    assert_eq!(range(1, 3).common(range(2, 5)), Some(3));
    assert_eq!(range(1, 3).common(range(1, 1)), Some(1));
    assert_eq!(range(1, 2).common(range(3, 4)), None);
    assert_eq!(range(4, 2).common(range(1, 9)), None, "no range at all");

    // A later edge that still speaks version 1 welcomes this pole with it.
    let (mut pole, mut later) = (pole(), edge(range(1, 4)));
    later.receive_datagram(NOW, &sent_by_pole(&mut pole).unwrap().1);
    let (welcome, octets) = sent_by_edge(&mut later).unwrap();
    assert!(matches!(welcome, ToPole::Welcome(welcome) if welcome.protocol == 1));
    assert!(matches!(pole.receive_datagram(NOW, &octets), Some(PoleEvent::Up { protocol: 1, .. })));
}

#[test]
fn without_a_common_version_both_sides_learn_why() {
    let (mut pole, mut later) = (pole(), edge(ProtocolRange { min: 2, max: 4 }));
    let event = later.receive_datagram(NOW, &sent_by_pole(&mut pole).unwrap().1);
    assert!(matches!(event, Some(EdgeEvent::Rejected { reason: RejectReason::VERSION, .. })));
    let (reject, octets) = sent_by_edge(&mut later).unwrap();
    assert!(matches!(reject, ToPole::Reject(reject) if reject.protocol == ProtocolRange { min: 2, max: 4 }));
    assert_eq!(pole.receive_datagram(NOW, &octets), Some(PoleEvent::Rejected(RejectReason::VERSION)));
    assert!(!pole.state().is_up() && !later.state().is_up());
    assert_eq!(sent_by_pole(&mut pole), None, "it does not ask again at once");
}

/// A message of version 1, and what a version 2 would make of it: a part appended, with a default.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct First {
    lane: u8,
    speed_mm_per_s: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Second {
    confidence_permille: u16,
    heading_cdeg: Option<u16>,
}

impl Default for Second {
    fn default() -> Self {
        Self { confidence_permille: 1000, heading_cdeg: None }
    }
}

fn read_by_old(body: &[u8]) -> Result<First, Malformed> {
    Reader::new(body).take()
}

fn read_by_new(body: &[u8]) -> Result<(First, Second), Malformed> {
    let mut reader = Reader::new(body);
    Ok((reader.take()?, reader.take_appended()?))
}

#[test]
fn a_message_with_a_part_appended_is_read_by_old_and_new() {
    let first = || First { lane: 2, speed_mm_per_s: 13_900 };
    let second = || Second { confidence_permille: 800, heading_cdeg: Some(27_000) };
    let mut out = [0; 32];

    let octets = write(&first(), &mut out).unwrap();
    let of_old = out[..octets].to_vec();
    assert_eq!(read_by_old(&of_old), Ok(first()));
    assert_eq!(read_by_new(&of_old), Ok((first(), Second::default())));

    let octets = write(&(first(), second()), &mut out).unwrap();
    let of_new = out[..octets].to_vec();
    assert_eq!(read_by_old(&of_new), Ok(first()));
    assert_eq!(read_by_new(&of_new), Ok((first(), second())));

    // A part is there or it is not: half of it is a fault.
    assert_eq!(read_by_new(&of_new[..of_new.len() - 1]), Err(Malformed));
}
