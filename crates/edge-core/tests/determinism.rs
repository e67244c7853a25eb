//! The same recorded inputs give byte-identical outputs; and what the outputs of a simulated minute look like.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use std::collections::BTreeSet;

use edge_core::{Core, Input, Item, Output, Priority, Publication};
use rsu_proto::{Message as _, v1};
use support::{START, config, recording};

/// Feeds a recording to a fresh core, waking it at each of its deadlines, as the daemon does.
fn replay(inputs: &[(rsu_units::Timestamp, Input)]) -> Vec<Publication> {
    let mut core = Core::new(config(), START);
    let mut outputs = Vec::new();
    for (at, input) in inputs {
        while core.deadline() < *at {
            let deadline = core.deadline();
            core.handle(deadline, Input::Wake, &mut outputs);
        }
        core.handle(*at, input.clone(), &mut outputs);
    }
    outputs.iter().filter_map(Output::publication).cloned().collect()
}

fn bytes(outputs: &[Publication]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for output in outputs {
        match &output.item {
            Item::Tracks(m) => m.encode_length_delimited(&mut bytes).unwrap(),
            Item::Event(m) => m.encode_length_delimited(&mut bytes).unwrap(),
            Item::V2x(m) => m.encode_length_delimited(&mut bytes).unwrap(),
            Item::LaneStatistics(m) => m.encode_length_delimited(&mut bytes).unwrap(),
            Item::PoleState(m) => m.encode_length_delimited(&mut bytes).unwrap(),
            Item::PoleReadings(m) => m.encode_length_delimited(&mut bytes).unwrap(),
            Item::PoleAlarm(m) => m.encode_length_delimited(&mut bytes).unwrap(),
            Item::Health(m) => m.encode_length_delimited(&mut bytes).unwrap(),
        }
    }
    bytes
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let inputs = recording(11, 20.0);
    assert!(inputs.len() > 2000, "{} inputs", inputs.len());
    let once = bytes(&replay(&inputs));
    assert!(once.len() > 1_000_000, "{} bytes", once.len());
    assert!(once == bytes(&replay(&inputs)), "the second run differs");
}

#[test]
fn a_simulated_half_minute() {
    let outputs = replay(&recording(5, 30.0));
    let lists: Vec<&v1::TrackList> =
        outputs.iter().filter_map(|o| if let Item::Tracks(list) = &o.item { Some(list) } else { None }).collect();
    // Ten a second, at the tenths.
    assert!((295..=301).contains(&lists.len()), "{} lists", lists.len());
    assert!(lists.iter().all(|list| list.state_at_us % 100_000 == 0));
    let crowd = lists.last().unwrap().tracks.len();
    assert!((25..=130).contains(&crowd), "{crowd} tracks");
    let classes: BTreeSet<i32> = lists.iter().flat_map(|list| list.tracks.iter().map(|track| track.class)).collect();
    assert!(classes.len() >= 5, "{classes:?}");
    assert!(lists.last().unwrap().tracks.iter().any(|track| track.v2x_id.is_some() && track.sources.len() > 1));

    let events: Vec<&v1::TrafficEvent> =
        outputs.iter().filter_map(|o| if let Item::Event(event) = &o.item { Some(event) } else { None }).collect();
    let starts =
        |code: u32| events.iter().filter(|e| e.event_code == code && e.stage() == v1::EventStage::Start).count();
    assert_eq!(starts(904), 1, "one wrong-way driver");
    assert_eq!(starts(405), 1, "one jaywalker");
    assert_eq!(starts(903), 1, "one breakdown");
    for id in events.iter().map(|event| event.event_id).collect::<BTreeSet<_>>() {
        let stages: Vec<_> = events.iter().filter(|event| event.event_id == id).map(|event| event.stage()).collect();
        assert_eq!(stages[0], v1::EventStage::Start);
        assert!(stages[1..].iter().all(|stage| *stage != v1::EventStage::Start), "{id}: {stages:?}");
        let ends = stages.iter().filter(|stage| **stage == v1::EventStage::End).count();
        assert!(ends <= 1 && (ends == 0 || stages.last() == Some(&v1::EventStage::End)), "{id}: {stages:?}");
    }

    let statistics: Vec<&v1::LaneStatistics> =
        outputs.iter().filter_map(|o| if let Item::LaneStatistics(s) = &o.item { Some(s) } else { None }).collect();
    // The simulated half minute touches three or four intervals of ten seconds.
    assert!((2..=4).contains(&statistics.len()), "{}", statistics.len());
    assert!(statistics.iter().all(|s| s.to_us - s.from_us == 10_000_000 && s.to_us % 10_000_000 == 0));
    assert!(statistics.iter().flat_map(|s| &s.lanes).map(|lane| lane.light_count).sum::<u32>() > 0);

    // The junction's own signals are told apart from what else passes.
    let health =
        outputs.iter().rev().find_map(|o| if let Item::Health(health) = &o.item { Some(health) } else { None });
    let counters = &health.unwrap().counters;
    assert!(counters["core.spat_of_the_junction"] > 0, "{counters:?}");

    // Every stream counts from 1 without a gap.
    for stream in ["tracks", "events", "bsm", "spat", "health", "lane-statistics"] {
        let sequences: Vec<u64> = outputs
            .iter()
            .filter_map(|output| output.item.header())
            .filter(|header| header.stream == stream)
            .map(|header| header.sequence)
            .collect();
        assert!(!sequences.is_empty(), "{stream}");
        assert!(sequences.iter().zip(1..).all(|(sequence, expected)| *sequence == expected), "{stream}");
    }
    assert!(outputs.iter().all(|output| match output.item {
        Item::Event(_) => matches!(output.priority, Priority::Emergency | Priority::Event),
        Item::Health(_) | Item::LaneStatistics(_) | Item::PoleState(_) | Item::PoleReadings(_) => {
            output.priority == Priority::State
        }
        Item::PoleAlarm(_) => matches!(output.priority, Priority::Emergency | Priority::Event),
        Item::Tracks(_) => output.priority == Priority::Track,
        Item::V2x(_) => output.priority == Priority::Message,
    }));
}

#[test]
fn a_clock_that_is_set_back_ends_events_and_starts_anew() {
    let inputs = recording(5, 12.0);
    let mut core = Core::new(config(), START);
    let mut outputs = Vec::new();
    for (at, input) in &inputs {
        core.handle(*at, input.clone(), &mut outputs);
    }
    let publications =
        |outputs: &[Output]| outputs.iter().filter_map(Output::publication).cloned().collect::<Vec<Publication>>();
    let running = |outputs: &[Output]| -> i64 {
        publications(outputs)
            .iter()
            .map(|o| match &o.item {
                Item::Event(e) if e.stage() == v1::EventStage::Start => 1,
                Item::Event(e) if e.stage() == v1::EventStage::End => -1,
                _ => 0,
            })
            .sum()
    };
    assert!(running(&outputs) > 0);
    let ids: BTreeSet<u64> = track_ids(&publications(&outputs));
    let before = outputs.len();
    core.handle(START, Input::Wake, &mut outputs);
    assert_eq!(running(&outputs), 0, "all events have ended");
    assert_eq!(core.counters().get("clock_set_back"), 1);
    for (at, input) in &inputs {
        core.handle(*at, input.clone(), &mut outputs);
    }
    let again = track_ids(&publications(&outputs[before..]));
    assert!(!again.is_empty() && again.is_disjoint(&ids), "identities were used again");
}

fn track_ids(outputs: &[Publication]) -> BTreeSet<u64> {
    outputs
        .iter()
        .filter_map(|o| if let Item::Tracks(list) = &o.item { Some(list) } else { None })
        .flat_map(|list| list.tracks.iter().map(|track| track.id))
        .collect()
}

#[test]
fn what_comes_from_the_future_is_refused() {
    let inputs = recording(5, 1.0);
    let mut core = Core::new(config(), START);
    let mut outputs = Vec::new();
    for (at, input) in inputs {
        let Input::Detections { mut frame, arrived_at } = input else { continue };
        frame.measured_at = at + std::time::Duration::from_secs(3600);
        core.handle(at, Input::Detections { frame, arrived_at }, &mut outputs);
    }
    assert!(core.counters().get("frame_from_the_future") > 20);
    assert_eq!(core.counters().get("frame_in_order"), 0);
}
