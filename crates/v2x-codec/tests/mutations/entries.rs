//! The decoders, what each may allocate, and what came of the inputs of a test.
#![allow(unreachable_pub, reason = "a module of tests")]

use std::hint::black_box;

use allocation_counter::{AllocationInfo, measure};
use rsu_proto::{Message as _, v1};
use v2x_codec::dsmp;
use v2x_codec::immediate_forward::ImmediateForward;
use v2x_codec::{Message, Profile};

use super::invariants::{self, LAYOUTS};

/// What a decoder may allocate in all, freed or not: so many octets for each of the input, and so many beside.
#[derive(Clone, Copy)]
pub struct Limit {
    per_octet: u64,
    beside: u64,
}

/// A frame that borrows.
pub const NOTHING: Limit = Limit { per_octet: 0, beside: 0 };

/// A list gets room for all its elements at once, but only if the octets that are left could hold the least of each.
/// The most room for the fewest bits: `VPApplicationParameter`, 408 octets for 11 bits, holding a list of `PassedPos`,
/// 72 for 28; the same octets can pay once for each list around them, which makes 318 for one octet (MAP: 208 in seven
/// lists, SSM: 177). What later editions add: 160 octets for 17 bits, 75 for one. Beside: the frame (416), and the path
/// and the text of an error.
pub const UPER: Limit = Limit { per_octet: 400, beside: 2_048 };

/// An octet takes two digits; the vector of octets grows by doubling, so all its sizes are four times the last.
pub const TEXT: Limit = Limit { per_octet: 2, beside: 64 };

/// An element of a list takes two octets, its tag and a length of 0, and makes the vector grow: all its sizes are up to
/// four times the last. The largest element is `DetectedParticipant` of 1664 octets, then `DetectedPTCData` of 536 for
/// it: 4 x (1664 + 536) / 2.
pub const TWIN: Limit = Limit { per_octet: 4_400, beside: 2_048 };

impl Limit {
    fn check(self, input: &[u8], info: AllocationInfo) {
        let most = self.per_octet * input.len() as u64 + self.beside;
        let start = &input[..input.len().min(200)];
        let length = input.len();
        assert!(info.bytes_total <= most, "{info:?} for {length} octets: {}...", hex::encode(start));
        assert_eq!(info.bytes_current, 0, "leaked by {}", hex::encode(start));
    }
}

/// A decoder, what it may allocate, and what must hold of it.
#[derive(Clone, Copy)]
pub struct Entry {
    decode: fn(&[u8]),
    limit: Limit,
    holds: fn(&[u8]) -> bool,
}

pub const ENTRY_2020: Entry = Entry {
    decode: |octets| drop(Message::from_uper(Profile::Y2020, octets)),
    limit: UPER,
    holds: |octets| invariants::uper(Profile::Y2020, octets),
};
pub const ENTRY_2019: Entry = Entry {
    decode: |octets| drop(Message::from_uper(Profile::Y2019, octets)),
    limit: UPER,
    holds: |octets| invariants::uper(Profile::Y2019, octets),
};
pub const ENTRY_DSMP: Entry = Entry {
    decode: |octets| {
        let _ = dsmp::Frame::parse(octets).map(|frame| frame.extensions().count());
    },
    limit: NOTHING,
    holds: invariants::dsmp,
};
pub const ENTRY_VENDOR_HEADER: Entry = Entry {
    decode: |octets| {
        for layout in LAYOUTS.iter() {
            let _ = black_box(layout.parse(octets));
        }
    },
    limit: NOTHING,
    holds: invariants::vendor_header,
};
pub const ENTRY_IMMEDIATE_FORWARD: Entry =
    Entry { decode: |octets| drop(ImmediateForward::parse(octets)), limit: TEXT, holds: invariants::immediate_forward };
pub const ENTRY_PROTOBUF: Entry = Entry {
    decode: |octets| {
        let twin = v1::V2xMessage::decode(octets);
        if let Ok(v1::V2xMessage { content: Some(content), frame_extensions, .. }) = &twin {
            drop(Message::from_content(Profile::Y2020, content, frame_extensions.as_ref()));
        }
    },
    limit: TWIN,
    holds: invariants::protobuf,
};

/// What came of the inputs of a test.
#[derive(Default)]
pub struct Figures {
    pub inputs: usize,
    pub decoded: usize,
    octets: usize,
    /// The most that was allocated for one octet beside what is allowed for any input.
    worst: f64,
    /// The most that was allocated for an input of less than 16 octets.
    worst_short: u64,
}

impl Figures {
    pub fn take(&mut self, entry: Entry, input: &[u8]) {
        let info = measure(|| (entry.decode)(input));
        entry.limit.check(input, info);
        self.inputs += 1;
        self.octets += input.len();
        self.decoded += usize::from((entry.holds)(input));
        if input.len() >= 16 {
            let above = info.bytes_total.saturating_sub(entry.limit.beside);
            self.worst = self.worst.max(above as f64 / input.len() as f64);
        } else {
            self.worst_short = self.worst_short.max(info.bytes_total);
        }
    }

    pub fn print(&self, name: &str) {
        let Self { inputs, decoded, octets, worst, worst_short } = self;
        print!("{name}: {inputs} inputs, {octets} octets, {decoded} decoded; ");
        println!("{worst:.1} allocated for one octet, {worst_short} for less than 16");
    }
}
