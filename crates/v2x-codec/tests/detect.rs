//! The profile of a sender is found out, kept, shown and changed only for good reasons.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use support::{arbitrary, vectors};
use v2x_codec::detect::{Detector, GENERATION, Sender};
use v2x_codec::{Kind, Message, Profile};

fn octets(name: &str) -> Vec<u8> {
    vectors().into_iter().find(|vector| vector.name == name).unwrap().octets
}

/// RSI of one sender that only one profile can read.
fn rsi(profile: Profile, sender: u8, seed: u64) -> Vec<u8> {
    let other = Profile::ALL.into_iter().find(|p| *p != profile).unwrap();
    for seed in seed * 1000..seed * 1000 + 1000 {
        let mut message = arbitrary(profile, Kind::Rsi, seed, false);
        match &mut message {
            Message::Y2020(frame) => {
                let v2x_codec::asn1::profile2020::MessageFrame::rsiFrame(rsi) = frame.as_mut() else { panic!() };
                rsi.id = [sender; 8];
            }
            Message::Y2019(frame) => {
                let v2x_codec::asn1::profile2019::MessageFrame::rsiFrame(rsi) = frame.as_mut() else { panic!() };
                rsi.id = [sender; 8];
            }
        }
        let octets = message.to_uper().unwrap();
        if Message::from_uper(other, &octets).is_err() {
            return octets;
        }
    }
    panic!("no such message")
}

#[test]
fn captured_frames_are_told_apart() {
    let mut detector = Detector::default();
    // Real frames of the draft of 2019, and one of the second stage.
    let map = detector.decode(&octets("captured_map")).unwrap();
    assert_eq!((map.message.profile(), map.decided, map.news), (Profile::Y2019, true, true));
    let again = detector.decode(&octets("captured_map")).unwrap();
    assert_eq!((again.message.profile(), again.decided, again.news), (Profile::Y2019, true, false));
    let rsc = detector.decode(&octets("dayii_rsc")).unwrap();
    assert_eq!((rsc.message.profile(), rsc.decided), (Profile::Y2020, true));
    // Both profiles read a BSM without path history in the same way: nothing is decided by it.
    let bsm = detector.decode(&octets("captured_bsm")).unwrap();
    assert_eq!((bsm.message.kind(), bsm.decided), (Kind::Bsm, false));
    assert_eq!(detector.counts(), [1, 1, 1]);
    let decided = detector.decided(10);
    assert_eq!(decided.len(), 2);
    // The most recently heard first.
    assert_eq!(decided[0].1.profile, Some(Profile::Y2020));
    assert!(matches!(decided[1].0, Sender::Node(Kind::Map, ..)));
    assert_eq!((decided[1].1.profile, decided[1].1.frames), (Some(Profile::Y2019), 2));
}

#[test]
fn left_over_octets_decide_nothing() {
    let mut detector = Detector::default();
    for vector in vectors() {
        let mut longer = vector.octets.clone();
        longer.push(0);
        // The other profile may happen to read it to the end; then that is no frame with octets left over.
        if Profile::ALL.iter().all(|profile| Message::from_uper(*profile, &longer).is_err()) {
            assert!(detector.decode(&longer).is_err());
        }
    }
    assert_eq!(detector.counts(), [0, 0, 0]);
}

#[test]
fn a_decision_is_sticky_and_the_third_contradiction_in_a_row_changes_it() {
    let mut detector = Detector::default();
    let of_2019: Vec<_> = (0..4).map(|seed| rsi(Profile::Y2019, 7, seed)).collect();
    let of_2020: Vec<_> = (0..4).map(|seed| rsi(Profile::Y2020, 7, seed)).collect();
    assert!(detector.decode(&of_2019[0]).unwrap().news);
    // Two frames that only 2020 can read are refused, and a good one forgives them.
    assert!(detector.decode(&of_2020[0]).is_err());
    assert!(detector.decode(&of_2020[1]).is_err());
    assert!(!detector.decode(&of_2019[1]).unwrap().news);
    assert!(detector.decode(&of_2020[0]).is_err());
    assert!(detector.decode(&of_2020[1]).is_err());
    let changed = detector.decode(&of_2020[2]).unwrap();
    assert_eq!((changed.message.profile(), changed.news), (Profile::Y2020, true));
    assert!(detector.decode(&of_2019[2]).is_err());
    // Frames that both can read do not keep a sender from being given another profile.
    let both = (0..10_000)
        .map(|seed| {
            let mut message = arbitrary(Profile::Y2020, Kind::Rsi, seed, false);
            let Message::Y2020(frame) = &mut message else { panic!() };
            let v2x_codec::asn1::profile2020::MessageFrame::rsiFrame(rsi) = frame.as_mut() else { panic!() };
            rsi.id = [7; 8];
            message.to_uper().unwrap()
        })
        .find(|octets| Message::from_uper(Profile::Y2019, octets).is_ok())
        .unwrap();
    for octets in [&of_2019[0], &of_2019[1]] {
        assert_eq!(detector.decode(&both).unwrap().message.profile(), Profile::Y2020);
        let _ = detector.decode(octets);
    }
    assert_eq!(detector.decode(&both).unwrap().message.profile(), Profile::Y2019);
    // Another sender is not touched by all that.
    assert!(detector.decode(&rsi(Profile::Y2019, 8, 0)).unwrap().news);
}

#[test]
fn what_both_can_read_is_read_as_was_decided() {
    let mut detector = Detector::default();
    let both = (0..10_000)
        .map(|seed| arbitrary(Profile::Y2019, Kind::Rsi, seed, false).to_uper().unwrap())
        .find(|octets| Message::from_uper(Profile::Y2020, octets).is_ok())
        .unwrap();
    let undecided = detector.decode(&both).unwrap();
    assert_eq!((undecided.message.profile(), undecided.decided), (Profile::Y2020, false));
    let Sender::Id(id) = Sender::of(&undecided.content) else { panic!() };
    // A frame of the same sender that only 2019 can read decides for the next one of the first sort too.
    let of_the_same = |seed| {
        let mut message = arbitrary(Profile::Y2019, Kind::Rsi, seed, false);
        let Message::Y2019(frame) = &mut message else { panic!() };
        let v2x_codec::asn1::profile2019::MessageFrame::rsiFrame(rsi) = frame.as_mut() else { panic!() };
        rsi.id = id;
        Some(message.to_uper().unwrap()).filter(|octets| Message::from_uper(Profile::Y2020, octets).is_err())
    };
    let only_2019 = (0..10_000).find_map(of_the_same).unwrap();
    assert!(detector.decode(&only_2019).unwrap().news);
    let decided = detector.decode(&both).unwrap();
    assert_eq!((decided.message.profile(), decided.decided, decided.news), (Profile::Y2019, true, false));
}

#[test]
fn the_memory_is_bounded() {
    let mut detector = Detector::default();
    for seed in 0..3 * GENERATION as u64 {
        let _ = detector.decode(&arbitrary(Profile::Y2020, Kind::Bsm, seed, false).to_uper().unwrap());
    }
    let remembered: usize = detector.counts().iter().sum();
    assert!((GENERATION..=2 * GENERATION).contains(&remembered), "{remembered}");
}
