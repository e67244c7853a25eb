//! Arbitrary messages of every kind, and the vectors. The drawing of each type is generated with the type.
#![allow(dead_code, unreachable_pub, reason = "each test uses a part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]
#![allow(clippy::disallowed_methods, reason = "a test reads its vectors")]

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use v2x_codec::asn1::{profile2019, profile2020};
use v2x_codec::uper::{Additions, Bits, UnknownAddition, UnknownAlternative};
use v2x_codec::{Kind, Message, Profile};

/// Where arbitrary values come from: the same seed gives the same values.
pub struct Source {
    rng: StdRng,
    /// How many more choices may be large; keeps a message below what a datagram holds.
    budget: usize,
    /// Whether values of later editions are drawn as well.
    later: bool,
}

pub trait Draw: Sized {
    fn draw(d: &mut Source) -> Self;
}

impl Source {
    pub fn new(seed: u64, later: bool) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        // Mostly messages as they are in the field, now and then one as large as can be.
        let budget = if rng.random_ratio(1, 50) { 2500 } else { rng.random_range(0..250) };
        Self { rng, budget, later }
    }

    pub fn chance(&mut self, of: u32) -> bool {
        self.rng.random_ratio(1, of)
    }

    fn later(&mut self, of: u32) -> bool {
        self.later && self.chance(of)
    }

    pub fn below(&mut self, count: usize) -> usize {
        self.rng.random_range(0..count)
    }

    /// One of `0..count`, of which the last stands for what a later edition added.
    pub fn later_below(&mut self, count: usize) -> usize {
        if self.later(12) { count - 1 } else { self.below(count - 1) }
    }

    pub fn int(&mut self, min: i64, max: i64) -> i64 {
        self.budget = self.budget.saturating_sub(1);
        match self.rng.random_range(0..8) {
            0 => min,
            1 => max,
            _ => self.rng.random_range(min..=max),
        }
    }

    pub fn growing_int(&mut self, min: i64, max: i64) -> i64 {
        if !self.later(6) {
            return self.int(min, max);
        }
        match self.below(4) {
            0 => i64::MIN,
            1 => i64::MAX,
            2 => min - 1,
            _ => self.rng.random(),
        }
    }

    pub fn size(&mut self, min: usize, max: usize) -> usize {
        self.budget = self.budget.saturating_sub(4);
        let room = self.budget / 4;
        let largest = max.min(min + room);
        match self.below(12) {
            0 => largest,
            1..=3 => min,
            _ => self.rng.random_range(min..=largest.min(min + 3)),
        }
    }

    pub fn octets(&mut self, min: usize, max: usize) -> Vec<u8> {
        let size = self.size(min, max);
        (0..size).map(|_| self.rng.random()).collect()
    }

    pub fn growing_octets(&mut self, min: usize, max: usize) -> Vec<u8> {
        if self.later(6) { self.octets(max + 1, max + 200) } else { self.octets(min, max) }
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.rng.random())
    }

    pub fn ia5(&mut self, min: usize, max: usize) -> String {
        let size = self.size(min, max);
        (0..size).map(|_| char::from(self.rng.random_range(0..128_u8))).collect()
    }

    pub fn growing_bits(&mut self, standard: usize) -> Bits {
        let mut length = standard;
        if self.later(6) {
            length = self.size(0, 200);
        }
        let mut bits = Bits { low: self.rng.random(), length, beyond_64: Vec::new() };
        if length < 64 {
            bits.low &= (1 << length) - 1;
        } else {
            let beyond = length - 64;
            bits.beyond_64 = (0..beyond.div_ceil(8)).map(|_| self.rng.random()).collect();
            if let (Some(last), rest @ 1..) = (bits.beyond_64.last_mut(), beyond % 8) {
                *last &= 0xFF << (8 - rest);
            }
        }
        bits
    }

    pub fn index(&mut self, min: u32) -> u32 {
        if self.chance(10) { self.rng.random_range(64..100_000) } else { self.rng.random_range(min..min + 4) }
    }

    pub fn alternative(&mut self, known: u32) -> UnknownAlternative {
        UnknownAlternative { index: self.index(known), octets: self.octets(1, 300) }
    }

    pub fn additions(&mut self, known: usize) -> Additions {
        if !self.later(12) {
            return Additions::default();
        }
        let count = if self.chance(8) { 64 } else { known + self.rng.random_range(1..5) };
        let mut unknown = Vec::new();
        for index in known..count {
            if self.chance(2) {
                unknown.push(UnknownAddition { index, octets: self.octets(1, 300) });
            }
        }
        Additions::new(count, unknown).unwrap()
    }
}

#[allow(clippy::all, clippy::pedantic, reason = "the generator's style")]
mod drawn_2020 {
    use super::{Draw, Source};
    use v2x_codec::asn1::profile2020 as asn;
    include!(concat!(env!("OUT_DIR"), "/arbitrary_2020.rs"));
}

#[allow(clippy::all, clippy::pedantic, reason = "the generator's style")]
mod drawn_2019 {
    use super::{Draw, Source};
    use v2x_codec::asn1::profile2019 as asn;
    include!(concat!(env!("OUT_DIR"), "/arbitrary_2019.rs"));
}

impl Draw for profile2020::MessageFrameExt {
    fn draw(d: &mut Source) -> Self {
        let kinds = &Kind::ALL[5..if d.later { 15 } else { 14 }];
        let kind = kinds[d.below(kinds.len())];
        Self { value: extension(kind, d), additions: d.additions(0) }
    }
}

fn extension(kind: Kind, d: &mut Source) -> profile2020::Extension {
    use profile2020::Extension;
    match kind {
        Kind::Test => Extension::TestMsg(Draw::draw(d)),
        Kind::Rtcm => Extension::RTCMcorrections(Draw::draw(d)),
        Kind::Rsc => Extension::RoadsideCoordination(Draw::draw(d)),
        Kind::Ssm => Extension::SensorSharingMsg(Draw::draw(d)),
        Kind::Vir => Extension::VehIntentionAndRequest(Draw::draw(d)),
        Kind::Pam => Extension::PAMData(Draw::draw(d)),
        Kind::Psm => Extension::PersonalSafetyMessage(Draw::draw(d)),
        Kind::Clpmm => Extension::CLPMM(Draw::draw(d)),
        Kind::Vpm => Extension::VehiclePaymentMessage(Draw::draw(d)),
        _ => Extension::Unknown { id: d.rng.random_range(18..32768) as u16, octets: d.octets(1, 2000) },
    }
}

/// The kinds of a profile, those of later editions apart.
pub fn kinds(profile: Profile) -> &'static [Kind] {
    match profile {
        Profile::Y2020 => &Kind::ALL[..14],
        Profile::Y2019 => &Kind::ALL[..5],
    }
}

/// An arbitrary message; with `later`, parts of it may be of a later edition of the standard.
pub fn arbitrary(profile: Profile, kind: Kind, seed: u64, later: bool) -> Message {
    let d = &mut Source::new(seed.wrapping_mul(31).wrapping_add(kind as u64), later);
    match profile {
        Profile::Y2020 => {
            use profile2020::MessageFrame as Frame;
            Message::Y2020(Box::new(match kind {
                Kind::Bsm => Frame::bsmFrame(Draw::draw(d)),
                Kind::Map => Frame::mapFrame(Draw::draw(d)),
                Kind::Rsm => Frame::rsmFrame(Draw::draw(d)),
                Kind::Spat => Frame::spatFrame(Draw::draw(d)),
                Kind::Rsi => Frame::rsiFrame(Draw::draw(d)),
                Kind::Unknown if d.chance(2) => Frame::Unrecognized(d.alternative(1)),
                _ => {
                    let value = extension(kind, d);
                    Frame::msgFrameExt(profile2020::MessageFrameExt { value, additions: d.additions(0) })
                }
            }))
        }
        Profile::Y2019 => {
            use profile2019::MessageFrame as Frame;
            Message::Y2019(Box::new(match kind {
                Kind::Bsm => Frame::bsmFrame(Draw::draw(d)),
                Kind::Map => Frame::mapFrame(Draw::draw(d)),
                Kind::Rsm => Frame::rsmFrame(Draw::draw(d)),
                Kind::Spat => Frame::spatFrame(Draw::draw(d)),
                Kind::Rsi => Frame::rsiFrame(Draw::draw(d)),
                _ => Frame::Unrecognized(d.alternative(0)),
            }))
        }
    }
}

/// A message of `tests/vectors`; `README.md` there says where each comes from.
pub struct Vector {
    pub name: String,
    pub octets: Vec<u8>,
    pub profile: Profile,
    pub value: serde_json::Value,
}

pub fn vectors() -> Vec<Vector> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    let mut vectors = Vec::new();
    for path in paths {
        let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let octets = hex::decode(json["uper_hex"].as_str().unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (profile, value) = if let Some(by_profile) = json.get("decoded_by_profile") {
            (Profile::Y2019, by_profile["zyjohn2019"].clone())
        } else {
            (Profile::Y2020, json["value"].clone())
        };
        vectors.push(Vector { name, octets, profile, value });
    }
    assert_eq!(vectors.len(), 10);
    vectors
}
