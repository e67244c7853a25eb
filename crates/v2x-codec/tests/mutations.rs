//! Hostile input: over a million damaged messages through every decoder. None panics, what still decodes survives each
//! conversion, and none makes a decoder allocate more than a fixed number of octets for each octet of input.
//!
//! Time is bounded by construction, see the head of `src/uper/mod.rs`: every step takes a bit, and a list is refused
//! before its elements are made room for (`src/uper/list.rs`). What can be seen of it from here is memory: work without
//! end would allocate without end, so the longest inputs are measured as well.
//!
//! `allocation_counter` counts for each thread by itself, so tests that run side by side do not disturb each other. The
//! figures of each test are printed with `--nocapture`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]
#![allow(clippy::print_stdout, reason = "figures for the limits below")]

#[path = "mutations/entries.rs"]
mod entries;
#[path = "mutations/invariants.rs"]
mod invariants;
mod support;

use allocation_counter::measure;
use entries::{
    ENTRY_2019, ENTRY_2020, ENTRY_DSMP, ENTRY_IMMEDIATE_FORWARD, ENTRY_PROTOBUF, ENTRY_VENDOR_HEADER, Entry, Figures,
};
use invariants::LAYOUTS;
use rand::rngs::StdRng;
use rand::{Rng as _, RngExt as _, SeedableRng as _};
use rsu_proto::{Message as _, v1};
use support::{arbitrary, kinds, vectors};
use v2x_codec::dsmp::{self, Aid};
use v2x_codec::immediate_forward::{ImmediateForward, MAX_LENGTH, Text};
use v2x_codec::vendor_header::Fields;
use v2x_codec::{Kind, Message, Profile};

/// The longest input of a socket or a frame.
const LONGEST: usize = 65_535;

/// Inputs of each test; the first three have two tests each.
const UPER_2020: usize = 150_000;
const UPER_2019: usize = 100_000;
const PROTOBUF: usize = 100_000;
const DSMP: usize = 150_000;
const VENDOR_HEADER: usize = 150_000;
const IMMEDIATE_FORWARD: usize = 100_000;
const _: () = assert!(2 * (UPER_2020 + UPER_2019 + PROTOBUF) + DSMP + VENDOR_HEADER + IMMEDIATE_FORWARD >= 1_000_000);

/// Messages that are damaged: the vectors, and arbitrary ones of every kind, each other one with parts of later
/// editions.
fn messages(profile: Profile) -> Vec<Message> {
    let sound = vectors().into_iter().filter(|vector| vector.profile == profile);
    let mut messages: Vec<_> = sound.map(|vector| Message::from_uper(profile, &vector.octets).unwrap()).collect();
    for kind in kinds(profile).iter().chain([&Kind::Unknown]) {
        messages.extend((0..40).map(|seed| arbitrary(profile, *kind, seed, seed % 2 == 1)));
    }
    messages
}

fn encoded(messages: &[Message]) -> Vec<Vec<u8>> {
    messages.iter().map(|message| message.to_uper().unwrap()).collect()
}

fn payloads() -> Vec<Vec<u8>> {
    Profile::ALL.into_iter().flat_map(|profile| encoded(&messages(profile))).collect()
}

fn twin(message: &Message) -> Vec<u8> {
    let profile: v1::Profile = message.profile().into();
    v1::V2xMessage {
        profile: profile.into(),
        frame_extensions: message.frame_extensions(),
        content: Some(message.to_content()),
        ..Default::default()
    }
    .encode_to_vec()
}

fn in_dsmp(rng: &mut StdRng, payload: &[u8]) -> Vec<u8> {
    let aid = Aid::new(rng.random_range(0..=Aid::MAX)).unwrap();
    let value: [u8; 9] = std::array::from_fn(|_| rng.random());
    let extension = dsmp::Extension { id: rng.random(), value: &value[..rng.random_range(0..=9)] };
    let extensions = [extension; 3];
    dsmp::encode_with(aid, &extensions[..rng.random_range(0..=3)], payload).unwrap()
}

fn in_vendor_header(rng: &mut StdRng, payload: &[u8]) -> Vec<u8> {
    let fields = Fields {
        kind: rng.random_range(0..256),
        timestamp: rng.random(),
        sequence: rng.random(),
        priority: rng.random(),
        destination: rng.random_range(0..1 << 24),
    };
    LAYOUTS[rng.random_range(0..LAYOUTS.len())].encode(&fields, payload).unwrap()
}

fn in_immediate_forward(rng: &mut StdRng, payload: &[u8]) -> Vec<u8> {
    let message = ImmediateForward {
        version: Text::new("0.7").unwrap(),
        message_type: Text::new("RSM").unwrap(),
        psid: rng.random(),
        priority: rng.random(),
        payload: payload.to_vec(),
        ..ImmediateForward::default()
    };
    message.encode().into_bytes()
}

/// Puts a payload into a frame.
type Wrap = fn(&mut StdRng, &[u8]) -> Vec<u8>;

/// Damages `input` in one way.
fn damage(rng: &mut StdRng, input: &mut Vec<u8>, other: &[u8]) {
    let length = input.len();
    let way = rng.random_range(0..16);
    if length == 0 || way == 0 {
        // Anything at all.
        input.clear();
        input.extend((0..rng.random_range(0..64)).map(|_| rng.random::<u8>()));
        return;
    }
    let at = rng.random_range(0..length);
    let piece = at..(at + rng.random_range(1..=32)).min(length);
    match way {
        1..=5 => input[at] ^= 1 << rng.random_range(0..8),
        6 => input[at] = 0,
        7 => input[at] = 0xFF,
        8 => input[at] = rng.random(),
        9 => input.truncate(at),
        10 => {
            let octets: [u8; 8] = std::array::from_fn(|_| rng.random());
            input.splice(at..at, octets.into_iter().take(rng.random_range(1..=8)));
        }
        11 => {
            let again = input[piece].to_vec();
            input.splice(at..at, again);
        }
        12 => drop(input.drain(piece)),
        13 => {
            // The start of one, the end of another.
            let from = rng.random_range(0..=other.len());
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        // A length at its most: whole octets, or the few bits that UPER takes for one.
        14 => input[at..(at + rng.random_range(1..=4)).min(length)].fill(0xFF),
        _ => {
            let from = rng.random_range(0..length * 8);
            for bit in from..(from + rng.random_range(2..=9)).min(length * 8) {
                input[bit / 8] |= 0x80 >> (bit % 8);
            }
        }
    }
}

/// Runs `count` damaged inputs through a decoder. Half of them are damaged before they are wrapped, so that what is
/// within gets damaged as well.
fn run(name: &str, seed: u64, count: usize, entry: Entry, seeds: &[Vec<u8>], wrap: Option<Wrap>) {
    let rng = &mut StdRng::seed_from_u64(seed);
    let mut figures = Figures::default();
    for _ in 0..count {
        let pick = |rng: &mut StdRng| &seeds[rng.random_range(0..seeds.len())];
        let mut input = pick(rng).clone();
        let wrap_first = rng.random();
        if let Some(wrap) = wrap.filter(|_| wrap_first) {
            input = wrap(rng, &input);
        }
        // One fault as a rule; the more there are, the sooner it is refused.
        let faults = 1 + rng.next_u32().leading_ones();
        for _ in 0..faults {
            let other = pick(rng);
            damage(rng, &mut input, other);
        }
        input.truncate(LONGEST);
        if let Some(wrap) = wrap.filter(|_| !wrap_first) {
            input = wrap(rng, &input);
        }
        figures.take(entry, &input);
    }
    figures.print(name);
    // Damage that nothing gets through would prove little.
    assert!(figures.decoded > count / 100, "only {} of {count} decode", figures.decoded);
}

#[test]
fn uper_2020() {
    run("uper_2020", 1, UPER_2020, ENTRY_2020, &encoded(&messages(Profile::Y2020)), None);
}

#[test]
fn uper_2020_more() {
    run("uper_2020_more", 2, UPER_2020, ENTRY_2020, &encoded(&messages(Profile::Y2020)), None);
}

#[test]
fn uper_2019() {
    run("uper_2019", 3, UPER_2019, ENTRY_2019, &encoded(&messages(Profile::Y2019)), None);
}

#[test]
fn uper_2019_more() {
    run("uper_2019_more", 4, UPER_2019, ENTRY_2019, &encoded(&messages(Profile::Y2019)), None);
}

#[test]
fn protobuf() {
    let seeds: Vec<_> = messages(Profile::Y2020).iter().map(twin).collect();
    run("protobuf", 5, PROTOBUF, ENTRY_PROTOBUF, &seeds, None);
}

#[test]
fn protobuf_more() {
    let seeds: Vec<_> = Profile::ALL.into_iter().flat_map(messages).map(|message| twin(&message)).collect();
    run("protobuf_more", 6, PROTOBUF, ENTRY_PROTOBUF, &seeds, None);
}

#[test]
fn dsmp_frames() {
    run("dsmp", 7, DSMP, ENTRY_DSMP, &payloads(), Some(in_dsmp));
}

#[test]
fn vendor_headers() {
    run("vendor_header", 8, VENDOR_HEADER, ENTRY_VENDOR_HEADER, &payloads(), Some(in_vendor_header));
}

#[test]
fn immediate_forwards() {
    let seeds = payloads();
    run("immediate_forward", 9, IMMEDIATE_FORWARD, ENTRY_IMMEDIATE_FORWARD, &seeds, Some(in_immediate_forward));
}

fn from_json(profile: Profile, text: &str) -> Message {
    Message::from_json(profile, text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A list of `count` times the same.
fn times(count: usize, element: &str) -> String {
    format!("[{}]", vec![element; count].join(","))
}

const POSITION: &str = r#"{"lat": 1, "long": 1}"#;

fn map(nodes: &str) -> String {
    format!(r#"{{"mapFrame": {{"msgCnt": 1, "nodes": {nodes}}}}}"#)
}

/// A node with links of 32 lanes, each lane of the fewest bits.
fn node(links: usize) -> String {
    let lanes = times(32, r#"{"laneID": 1}"#);
    let links = times(links, &format!(r#"{{"upstreamNodeId": {{"id": 1}}, "linkWidth": 1, "lanes": {lanes}}}"#));
    format!(r#"{{"id": {{"id": 1}}, "refPos": {POSITION}, "inLinks": {links}}}"#)
}

/// As [`node`], with links of the second stage, which are an addition and thus within an open type.
fn node_ex(links: usize) -> String {
    let lanes = times(32, r#"{"laneRefID": 1}"#);
    let sections = times(16, &format!(r#"{{"secId": 1, "lanes": {lanes}}}"#));
    let links = times(links, &format!(r#"{{"upstreamNodeId": {{"id": 1}}, "sections": {sections}}}"#));
    format!(r#"{{"id": {{"id": 1}}, "refPos": {POSITION}, "inLinks-ex": {links}}}"#)
}

fn second_stage(id: u16, name: &str, value: &str) -> String {
    format!(r#"{{"msgFrameExt": {{"messageId": {id}, "value": {{"{name}": {value}}}}}}}"#)
}

const PARTICIPANT: &str = r#"{"ptcType": "motor", "ptcId": 1, "source": "video", "secMark": 1,
    "pos": {"offsetLL": {"position-LL1": {"lon": 1, "lat": 1}}}, "posConfidence": {"pos": "a1m"}, "speed": 1,
    "heading": 1, "size": {"width": 1, "length": 1}}"#;

fn ssm(participants: usize, more: &str) -> String {
    let participants = times(participants, &format!(r#"{{"ptc": {PARTICIPANT} {more}}}"#));
    let value = format!(
        r#"{{"msgCnt": 1, "id": "0000000000000000", "equipmentType": "rsu", "secMark": 1, "sensorPos": {POSITION},
            "participants": {participants}}}"#
    );
    second_stage(12, "SensorSharingMsg", &value)
}

fn rsm(participants: usize) -> String {
    let participants = times(participants, PARTICIPANT);
    format!(
        r#"{{"rsmFrame": {{"msgCnt": 1, "id": "0000000000000000", "refPos": {POSITION},
            "participants": {participants}}}}}"#
    )
}

fn pam(slots: usize) -> String {
    let slot = r#"{"slotID": 1, "parkingType": {"value": "0000", "length": 10}, "status": "unknown",
        "parkingSpaceTheta": "unknown", "parkingLock": "unknown"}"#;
    let slots = times(slots, slot);
    let value = format!(
        r#"{{"msgCnt": 1, "parkingLotInfo": {{}}, "pamNodes": [{{"id": 1, "refPos": {POSITION},
            "inDrives": [{{"upstreamPAMNodeId": 1, "parkingSlots": {slots}}}]}}]}}"#
    );
    second_stage(14, "PAMData", &value)
}

/// Frame of a second-stage message: one octet for the choice, lengths of less than 128 in one octet, two for messageId.
fn open_type(frame: &[u8]) -> &[u8] {
    assert_eq!((frame[0], frame[1] as usize, frame[4] as usize), (0x80, frame.len() - 2, frame.len() - 5));
    &frame[5..]
}

/// `length` octets whose list of one element claims as many as its `width` bits can say. `one` is the message with that
/// one element, `two` with two: they first differ in the last bit of the list's length.
fn claim(one: &[u8], two: &[u8], width: usize, length: usize) -> Vec<u8> {
    let bit = |octets: &[u8], at: usize| octets[at / 8] & 0x80 >> (at % 8);
    let last = (0..one.len() * 8).find(|at| bit(one, *at) != bit(two, *at)).unwrap();
    let mut claim = one.to_vec();
    claim.resize(length, 0);
    for at in last + 1 - width..=last {
        claim[at / 8] |= 0x80 >> (at % 8);
    }
    claim
}

#[test]
fn a_list_that_cannot_be_there_gets_no_room() {
    let octets = |json: &str| from_json(Profile::Y2020, json).to_uper().unwrap();
    let wrapped = |id: u8, value: &[u8]| {
        let length = value.len() as u8;
        [&[0x80, length + 3, 0, id, length], value].concat()
    };
    let simple = r#"{"id": {"id": 1}, "refPos": {"lat": 1, "long": 1}}"#;
    let map_of = |nodes| map(&times(nodes, simple));
    let cases = [
        ("SensorSharingMsg > participants", {
            let (one, two) = (octets(&ssm(1, "")), octets(&ssm(2, "")));
            wrapped(12, &claim(open_type(&one), open_type(&two), 9, 23))
        }),
        ("inDrives > parkingSlots", {
            let (one, two) = (octets(&pam(1)), octets(&pam(2)));
            wrapped(14, &claim(open_type(&one), open_type(&two), 8, 20))
        }),
        ("participants", claim(&octets(&rsm(1)), &octets(&rsm(2)), 4, 20)),
        ("nodes", claim(&octets(&map_of(1)), &octets(&map_of(2)), 5, 20)),
    ];
    for (list, input) in cases {
        assert!((20..=28).contains(&input.len()), "{list}");
        let mut result = None;
        let info = measure(|| result = Some(Message::from_uper(Profile::Y2020, &input)));
        let error = result.unwrap().unwrap_err().to_string();
        println!("{list}: {info:?} {error}");
        // Refused at the list itself, not before and not within.
        assert!(error.trim_end_matches(": the octets end here").ends_with(list), "{list}: {error}");
        // The fault and its text, and for the slots the one node and the one drive around them.
        assert!(info.bytes_max < 600, "{list}: {info:?}");
    }
}

/// Messages of each profile as long as a datagram, of what takes the most memory for its octets.
fn longest_messages(profile: Profile) -> Vec<Vec<u8>> {
    let mut texts = vec![map(&times(30, &node(32)))];
    if profile == Profile::Y2020 {
        texts.push(map(&times(2, &node_ex(32))));
        let planned = r#", "planningList": [{}, {}, {}, {}, {}, {}, {}, {}]"#;
        texts.push(ssm(512, planned));
        texts.push(second_stage(9_999, "x", "1").replace(r#"{"x": 1}"#, &format!(r#""{}""#, "5A".repeat(65_000))));
        texts.push(format!(r#"{{"...": {{"index": 1, "octets": "{}"}}}}"#, "FF".repeat(65_000)));
    }
    texts.iter().map(|text| from_json(profile, text).to_uper().unwrap()).collect()
}

/// Inputs of [`LONGEST`] octets that end in any way but well: cut, filled up, damaged at their ends.
fn longest_inputs(profile: Profile) -> Vec<Vec<u8>> {
    let rng = &mut StdRng::seed_from_u64(10);
    let mut inputs = vec![vec![0; LONGEST], vec![0xFF; LONGEST]];
    inputs.push((0..LONGEST).map(|_| rng.random()).collect());
    let too_long = from_json(profile, &map(&times(32, &node(32)))).to_uper().unwrap();
    inputs.push(too_long[..LONGEST].to_vec());
    for message in longest_messages(profile) {
        for start in [0x00, 0x80, 0xFF] {
            let mut input = message.clone();
            input[0] = start;
            inputs.push(input);
        }
        for end in [0x00, 0xFF] {
            let mut input = message.clone();
            input.resize(LONGEST, end);
            inputs.push(input);
        }
        for _ in 0..20 {
            let mut input = message.clone();
            let at = input.len() - rng.random_range(1..2_000);
            input[at] ^= rng.random_range(1..=255);
            inputs.push(input);
        }
    }
    inputs
}

fn longest_in_uper(profile: Profile, entry: Entry) {
    let mut figures = Figures::default();
    for message in longest_messages(profile) {
        // Even 512 participants with eight plans each are 12 kB.
        assert!((10_000..=LONGEST).contains(&message.len()), "{}", message.len());
        figures.take(entry, &message);
    }
    assert_eq!(figures.decoded, figures.inputs);
    for input in longest_inputs(profile) {
        figures.take(entry, &input);
    }
    figures.print("longest in UPER");
}

#[test]
fn longest_in_uper_2020() {
    longest_in_uper(Profile::Y2020, ENTRY_2020);
}

#[test]
fn longest_in_uper_2019() {
    longest_in_uper(Profile::Y2019, ENTRY_2019);
}

#[test]
fn longest_in_frames() {
    let rng = &mut StdRng::seed_from_u64(11);
    let message = longest_messages(Profile::Y2020).swap_remove(0);
    for payload in [message, vec![0; LONGEST], vec![0xFF; LONGEST]] {
        let mut figures = Figures::default();
        for cut in [0, 1, 2, 40_000] {
            let dsmp = in_dsmp(rng, &payload);
            figures.take(ENTRY_DSMP, &dsmp[..dsmp.len() - cut]);
            let framed = in_vendor_header(rng, &payload[..payload.len().min(LONGEST - 24)]);
            figures.take(ENTRY_VENDOR_HEADER, &framed[..framed.len() - cut]);
            let text = in_immediate_forward(rng, &payload);
            figures.take(ENTRY_IMMEDIATE_FORWARD, &text[..text.len() - cut]);
        }
        figures.print("longest in frames");
    }
    let mut figures = Figures::default();
    // Extension elements without end; lines, keys and digits without end.
    let mut elements = vec![0x04, 0x10, 0xFF];
    elements.extend(vec![0xFF; LONGEST - 3]);
    figures.take(ENTRY_DSMP, &elements);
    elements[3..].fill(0);
    figures.take(ENTRY_DSMP, &elements);
    for line in ["\n", "=\n", "#\n", "Type=\n", "Version", "Payload=0", "\u{e9}", " "] {
        let text = line.repeat(MAX_LENGTH / line.len());
        figures.take(ENTRY_IMMEDIATE_FORWARD, text.as_bytes());
    }
    let digits = format!("Payload={}", "0".repeat(2 * LONGEST));
    for tail in ["", "\nPSID=1\nType=RSM", "g", "00"] {
        figures.take(ENTRY_IMMEDIATE_FORWARD, format!("{digits}{tail}").as_bytes());
    }
    figures.take(ENTRY_IMMEDIATE_FORWARD, &vec![b'0'; MAX_LENGTH + 1]);
    figures.print("endless text");
}

/// A field of protobuf with octets.
fn field(number: u64, octets: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    for mut varint in [number << 3 | 2, octets.len() as u64] {
        while varint >= 0x80 {
            field.push(varint as u8 | 0x80);
            varint >>= 7;
        }
        field.push(varint as u8);
    }
    field.extend_from_slice(octets);
    field
}

#[test]
fn longest_in_protobuf() {
    let mut figures = Figures::default();
    for profile in Profile::ALL {
        for octets in longest_messages(profile) {
            let mut octets = twin(&Message::from_uper(profile, &octets).unwrap());
            octets.truncate(LONGEST);
            figures.take(ENTRY_PROTOBUF, &octets);
        }
    }
    // Each list of each message, of a few empty elements, of one more than a list of the standard has, where the vector
    // has just doubled, and of as many as fit.
    for content in 10..=25 {
        for list in 1..=15 {
            for count in [1, 5, 513, 16_385, LONGEST / 2 - 4] {
                let input = field(content, &field(list, &[]).repeat(count));
                assert!(input.len() <= LONGEST);
                figures.take(ENTRY_PROTOBUF, &input);
            }
        }
    }
    figures.print("longest in protobuf");
}

#[test]
fn found_before() {
    // Enumerators of later editions whose index does not fit the numbers of the twins: one became a known enumerator.
    for octets in [
        "20131323334350000004ce3d680b06e03ff001827fffffff800099933355a7e7e0475c765100409a7a000000",
        "20131323334350000004ce3d680b06e03ff001823ffffffe800099933355a7e7e0475c765100409a7a000000",
        "20131323334350000004ce3d680b06e03ff0018240000000000099933355a7e7e0475c765100409a7a000000",
    ] {
        invariants::uper(Profile::Y2020, &hex::decode(octets).unwrap());
    }
}
