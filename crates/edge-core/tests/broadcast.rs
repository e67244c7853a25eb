//! What the core says on the air in a simulated half minute: every message can be sent, events are told at once and no
//! longer than they go on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use std::collections::BTreeSet;

use edge_core::{BroadcastPlan, Core, Input, Item, Output};
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use support::{START, config, recording};
use v2x_codec::Profile;
use v2x_codec::split::{Outgoing, SplitRules};

/// The outputs of a recording, each with the time at which it was made.
fn replay(plan: BroadcastPlan) -> Vec<(Timestamp, Output)> {
    let mut core = Core::new(edge_core::CoreConfig { broadcast: plan, ..config() }, START);
    let mut all = Vec::new();
    let mut outputs = Vec::new();
    for (at, input) in recording(5, 30.0) {
        while core.deadline() < at {
            let deadline = core.deadline();
            core.handle(deadline, Input::Wake, &mut outputs);
            all.extend(outputs.drain(..).map(|output| (deadline, output)));
        }
        core.handle(at, input, &mut outputs);
        all.extend(outputs.drain(..).map(|output| (at, output)));
    }
    all
}

fn plan() -> BroadcastPlan {
    let map = Some(traffic_sim::layout::map_message());
    BroadcastPlan { id: *b"RSU-0001", map, participants: true, events: true }
}

#[test]
fn nothing_is_said_without_a_plan() {
    assert!(replay(BroadcastPlan::default()).iter().all(|(_, output)| matches!(output, Output::Publish(_))));
}

#[test]
fn every_message_can_be_sent_in_both_profiles() {
    let outputs = replay(plan());
    for profile in Profile::ALL {
        let mut outgoing = Outgoing::new(SplitRules::default());
        let (mut maps, mut participants, mut lists) = (0, 0, 0);
        for (at, output) in &outputs {
            let Output::Send(content) = output else { continue };
            match content.as_ref() {
                Content::Map(map) => {
                    maps += 1;
                    assert_eq!(map.minute_of_year, at.minute_of_year());
                }
                Content::Rsm(rsm) => {
                    lists += 1;
                    participants += rsm.participants.len();
                    let ids: BTreeSet<u32> = rsm.participants.iter().map(|p| p.ptc_id).collect();
                    assert!(ids.len() == rsm.participants.len() && !ids.contains(&0));
                }
                Content::Rsi(_) => {}
                other => panic!("{other:?}"),
            }
            let parts = outgoing.parts(profile, content.as_ref().clone()).unwrap();
            assert!(!parts.is_empty() && parts.iter().all(|part| !part.oversize));
        }
        // Once and ten times a second.
        assert!((29..=31).contains(&maps), "{maps}");
        assert!((250..=301).contains(&lists) && participants > 10 * lists, "{lists} lists, {participants}");
    }
}

#[test]
fn events_are_told_at_their_start_and_while_they_go_on() {
    let outputs = replay(plan());
    let mut active = BTreeSet::new();
    let (mut starts, mut ends) = (0, 0);
    for (index, (at, output)) in outputs.iter().enumerate() {
        match output {
            Output::Publish(publication) => {
                let Item::Event(event) = &publication.item else { continue };
                // Kinds without a number of the standard are for the cloud alone.
                if event.event_code == 0 {
                    continue;
                }
                match event.stage() {
                    v1::EventStage::Start => {
                        starts += 1;
                        active.insert(event.event_id);
                        // Road users hear of it in the same breath as the cloud, with all that go on.
                        let said = outputs[index..].iter().find_map(|(at, output)| match output {
                            Output::Send(content) => Some((at, content.as_ref())),
                            Output::Publish(_) | Output::Pole(_) => None,
                        });
                        let Some((said_at, Content::Rsi(rsi))) = said else { panic!("{said:?}") };
                        assert_eq!(said_at, at);
                        assert!(rsi.events.len() >= active.len());
                        assert!(rsi.events.iter().any(|told| told.event_type == event.event_code));
                        let ids: BTreeSet<u32> = rsi.events.iter().map(|told| told.rte_id).collect();
                        assert_eq!(ids.len(), rsi.events.len());
                    }
                    v1::EventStage::End => {
                        ends += 1;
                        active.remove(&event.event_id);
                    }
                    _ => {}
                }
            }
            Output::Send(content) => {
                if let Content::Rsi(rsi) = content.as_ref() {
                    assert!(!rsi.events.is_empty() && rsi.events.len() <= active.len());
                }
            }
            Output::Pole(order) => panic!("{order:?}"),
        }
    }
    assert!(starts >= 2 && ends >= 1, "{starts} starts, {ends} ends");
}
