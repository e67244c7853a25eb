//! What is divided is still all there: each part is a message by itself, within the limits, and the parts together hold
//! the items of the whole in their order.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::mem::take;

use rsu_proto::v1::{self, v2x_message::Content};
use support::{arbitrary, kinds};
use v2x_codec::convert::kind_of;
use v2x_codec::service::{RsiClass, Service};
use v2x_codec::split::{MAX_MESSAGE, Outgoing, Part, SplitError, SplitRules};
use v2x_codec::{ConvertError, Kind, Message, Profile};

fn rules(max_octets: usize) -> SplitRules {
    SplitRules { max_octets, ..SplitRules::default() }
}

fn texts<T: Debug>(list: &[T]) -> Vec<String> {
    list.iter().map(|item| format!("{item:?}")).collect()
}

/// Takes the items that parts may share out of a message, in the order in which they are shared out, and leaves what
/// stands in every part.
fn take_items(content: &mut Content, rules: &SplitRules) -> Vec<String> {
    let mut items = Vec::new();
    match content {
        Content::Rsm(m) => items = texts(&take(&mut m.participants)),
        Content::Rsi(m) => {
            let mut events = take(&mut m.events);
            events.sort_by_key(|event| std::cmp::Reverse(rules.rsi_class(event)));
            items = texts(&events);
            items.extend(texts(&take(&mut m.signs)));
        }
        Content::Spat(m) => {
            for mut intersection in take(&mut m.intersections) {
                let phases = texts(&take(&mut intersection.phases));
                items.extend(phases.iter().map(|phase| format!("{intersection:?} {phase}")));
            }
        }
        Content::Map(m) => {
            for mut node in take(&mut m.nodes) {
                let mut of_node = texts(take(&mut node.prohibited_zone).as_slice());
                of_node.extend(texts(&take(&mut node.in_links)));
                of_node.extend(texts(&take(&mut node.in_links_ex)));
                if of_node.is_empty() {
                    of_node.push(String::new());
                }
                items.extend(of_node.iter().map(|item| format!("{node:?} {item}")));
            }
        }
        Content::Ssm(m) => {
            let region = take(&mut m.detected_region);
            items = if region.is_empty() { Vec::new() } else { vec![format!("{region:?}")] };
            items.extend(texts(&take(&mut m.participants)));
            items.extend(texts(&take(&mut m.obstacles)));
            items.extend(texts(&take(&mut m.events)));
        }
        Content::Rsc(m) => {
            items = texts(&take(&mut m.vehicles));
            items.extend(texts(&take(&mut m.lanes)));
        }
        _ => {}
    }
    set_msg_cnt(content, 0);
    items
}

fn set_msg_cnt(content: &mut Content, to: u32) -> u32 {
    macro_rules! each {
        ($($kind:ident)*) => {
            match content {
                $(Content::$kind(m) => std::mem::replace(&mut m.msg_cnt, to),)*
                Content::Extension(_) | Content::Unknown(_) => 0,
            }
        };
    }
    each!(Bsm Map Rsm Spat Rsi Test Rtcm Rsc Ssm Vir Pam Psm Clpmm Vpm)
}

/// Appends the items of a message to another one of its kind.
fn merge(to: &mut Content, from: Content) {
    match (to, from) {
        (Content::Rsm(to), Content::Rsm(from)) => to.participants.extend(from.participants),
        (Content::Rsi(to), Content::Rsi(from)) => {
            to.events.extend(from.events);
            to.signs.extend(from.signs);
        }
        (Content::Spat(to), Content::Spat(from)) => to.intersections.extend(from.intersections),
        (Content::Map(to), Content::Map(from)) => to.nodes.extend(from.nodes),
        (Content::Ssm(to), Content::Ssm(from)) => {
            to.participants.extend(from.participants);
            to.obstacles.extend(from.obstacles);
            to.events.extend(from.events);
        }
        (Content::Rsc(to), Content::Rsc(from)) => {
            to.vehicles.extend(from.vehicles);
            to.lanes.extend(from.lanes);
        }
        _ => {}
    }
}

fn merged(profile: Profile, kind: Kind, seeds: std::ops::Range<u64>) -> Content {
    let mut contents = seeds.map(|seed| arbitrary(profile, kind, seed, false).to_content());
    let mut whole = contents.next().unwrap();
    contents.for_each(|content| merge(&mut whole, content));
    whole
}

/// Everything that holds for the parts of any message.
fn check(outgoing: &mut Outgoing, sent: &mut BTreeMap<Service, u32>, profile: Profile, content: &Content) {
    let rules = outgoing.rules().clone();
    let parts = outgoing.parts(profile, content.clone()).unwrap_or_else(|error| panic!("{error}: {content:?}"));
    let mut head = content.clone();
    let mut items = take_items(&mut head, &rules).into_iter();
    for mut part in parts {
        let (service, length) = (part.service, part.octets.len());
        let context = || format!("{} of {length} octets from {content:?}", service.name());
        assert_eq!(service.kind(), kind_of(content), "{}", context());
        assert_eq!(part.oversize, length > rules.max_octets, "{}", context());
        let decoded =
            Message::from_uper(profile, &part.octets).unwrap_or_else(|error| panic!("{error}: {}", context()));
        assert_eq!(decoded.to_content(), part.content, "{}", context());
        check_class(&part, &rules);

        let number = sent.entry(service).or_default();
        assert_eq!(set_msg_cnt(&mut part.content, 0), *number % 128, "{}", context());
        *number += 1;

        let of_part = take_items(&mut part.content, &rules);
        assert!(!part.oversize || of_part.len() <= 1, "{}", context());
        assert_eq!(part.content, head, "{}", context());
        for item in of_part {
            assert_eq!(Some(item), items.next(), "{}", context());
        }
    }
    assert_eq!(items.next(), None, "left out of {content:?}");
}

fn check_class(part: &Part, rules: &SplitRules) {
    if let Content::Rsi(rsi) = &part.content {
        let services = rsi.events.iter().map(|event| Service::from(rules.rsi_class(event)));
        let services = services.chain(rsi.signs.iter().map(|_| Service::RsiStatic));
        assert!(services.clone().all(|service| service == part.service) && services.count() > 0);
    }
}

/// One test a kind, so that they run side by side.
macro_rules! parts_hold_the_whole {
    ($($name:ident $kind:ident,)*) => {$(
        #[test]
        fn $name() {
            for profile in Profile::ALL.into_iter().filter(|profile| kinds(*profile).contains(&Kind::$kind)) {
                for max_octets in [0, 80, 300, 1300, 100_000] {
                    let mut outgoing = Outgoing::new(rules(max_octets));
                    let mut sent = BTreeMap::new();
                    for seed in 0..200 {
                        let content = arbitrary(profile, Kind::$kind, seed, false).to_content();
                        check(&mut outgoing, &mut sent, profile, &content);
                    }
                    for seed in (0..300).step_by(30) {
                        check(&mut outgoing, &mut sent, profile, &merged(profile, Kind::$kind, seed..seed + 30));
                    }
                }
            }
        }
    )*};
}

parts_hold_the_whole! {
    bsm Bsm,
    map Map,
    rsm Rsm,
    spat Spat,
    rsi Rsi,
    test Test,
    rtcm Rtcm,
    rsc Rsc,
    ssm Ssm,
    vir Vir,
    pam Pam,
    psm Psm,
    clpmm Clpmm,
    vpm Vpm,
}

/// No part could have taken the first item of the next one.
#[test]
fn parts_are_as_full_as_they_may_be() {
    for max_octets in [300, 1300, 100_000] {
        for seed in (0..400).step_by(40) {
            let mut outgoing = Outgoing::new(rules(max_octets));
            let content = merged(Profile::Y2020, Kind::Rsm, seed..seed + 40);
            let parts = outgoing.parts(Profile::Y2020, content).unwrap();
            assert!(parts.len() > 2);
            for pair in parts.windows(2) {
                let [Content::Rsm(one), Content::Rsm(next)] = [&pair[0].content, &pair[1].content] else { panic!() };
                let mut one = one.clone();
                one.participants.push(next.participants[0].clone());
                if one.participants.len() <= 16 {
                    let message = Message::from_content(Profile::Y2020, &Content::Rsm(one), None).unwrap();
                    assert!(message.to_uper().unwrap().len() > max_octets);
                }
            }
        }
    }
}

fn rsm_of(participants: usize) -> v1::RoadsideSafetyMessage {
    let Content::Rsm(mut rsm) = arbitrary(Profile::Y2020, Kind::Rsm, 1, false).to_content() else { panic!() };
    rsm.participants = rsm.participants.into_iter().cycle().take(participants).collect();
    rsm
}

#[test]
fn the_limits_of_the_standard_hold_however_much_fits() {
    let parts = |profile, content| {
        let parts = Outgoing::new(rules(MAX_MESSAGE)).parts(profile, content).unwrap();
        parts.into_iter().map(|part| part.content).collect::<Vec<_>>()
    };
    let sizes = |contents: Vec<Content>| {
        let size = |content| match content {
            Content::Rsm(m) => m.participants.len(),
            Content::Map(m) => m.nodes.iter().map(|node| node.in_links.len().max(1)).sum(),
            Content::Spat(m) => m.intersections.iter().map(|intersection| intersection.phases.len()).sum(),
            _ => panic!(),
        };
        contents.into_iter().map(size).collect::<Vec<usize>>()
    };
    assert_eq!(sizes(parts(Profile::Y2020, Content::Rsm(rsm_of(40)))), [16, 16, 8]);

    let link = v1::Link { upstream: Some(v1::NodeReference::default()), width_m: Some(3.5), ..Default::default() };
    let link = v1::Link { lanes: vec![v1::Lane::default()], ..link };
    let node = |links| v1::Node {
        id: Some(v1::NodeReference::default()),
        reference: Some(v1::GeoPosition::default()),
        in_links: vec![link.clone(); links],
        ..Default::default()
    };
    let map = |nodes| Content::Map(v1::MapData { nodes, ..Default::default() });
    assert_eq!(sizes(parts(Profile::Y2020, map(vec![node(0); 63]))), [32, 31]);
    assert_eq!(sizes(parts(Profile::Y2019, map(vec![node(0); 64]))), [63, 1]);
    // A node with too many links is divided, its neighbours are not touched by that.
    let nodes = vec![node(1), node(1), node(40), node(2)];
    assert_eq!(sizes(parts(Profile::Y2020, map(nodes))), [2, 32, 8, 2]);

    let state = v1::PhaseState::default();
    let intersection = |phases| v1::IntersectionState {
        id: Some(v1::NodeReference::default()),
        phases: vec![v1::Phase { id: 1, states: vec![state.clone()] }; phases],
        ..Default::default()
    };
    let spat = v1::SignalPhaseAndTiming {
        intersections: vec![intersection(20), intersection(1), intersection(16)],
        ..Default::default()
    };
    assert_eq!(sizes(parts(Profile::Y2020, Content::Spat(spat))), [16, 4, 17]);
}

#[test]
fn an_rsi_is_divided_by_class() {
    use v1::EventSource::{Detection, Police};
    let event = |event_type, source: v1::EventSource| v1::RoadTrafficEvent {
        event_type,
        source: source.into(),
        ..Default::default()
    };
    let rsi = v1::RoadSideInformation {
        id: vec![0; 8].into(),
        reference: Some(v1::GeoPosition::default()),
        events: vec![event(1, Police), event(2, Detection), event(3, Detection), event(4, Police), event(5, Detection)],
        signs: vec![v1::RoadTrafficSign::default(); 17],
        ..Default::default()
    };
    let classes = [(3, RsiClass::SemiStatic), (4, RsiClass::Static), (1, RsiClass::Dynamic)];
    let rules = SplitRules { rsi_class_by_event_type: classes.into(), ..SplitRules::default() };
    let parts = Outgoing::new(rules).parts(Profile::Y2020, Content::Rsi(rsi)).unwrap();
    let parts = parts.into_iter().map(|part| {
        let Content::Rsi(rsi) = part.content else { panic!() };
        let events: Vec<_> = rsi.events.iter().map(|event| event.event_type).collect();
        (part.service, rsi.msg_cnt, events, rsi.signs.len())
    });
    let expected = [
        (Service::RsiDynamic, 0, vec![1, 2, 5], 0),
        (Service::RsiSemiStatic, 0, vec![3], 0),
        (Service::RsiStatic, 0, vec![4], 16),
        (Service::RsiStatic, 1, vec![], 1),
    ];
    assert_eq!(parts.collect::<Vec<_>>(), expected);
}

#[test]
fn nothing_to_say_is_not_said() {
    let mut outgoing = Outgoing::default();
    for content in [
        Content::Rsm(v1::RoadsideSafetyMessage::default()),
        Content::Rsi(v1::RoadSideInformation::default()),
        Content::Spat(v1::SignalPhaseAndTiming::default()),
        Content::Map(v1::MapData::default()),
    ] {
        assert_eq!(outgoing.parts(Profile::Y2020, content), Ok(vec![]));
    }
    let position = Some(v1::GeoPosition::default());
    let ssm = v1::SensorSharingMessage { id: vec![0; 8].into(), sensor_position: position, ..Default::default() };
    assert_eq!(outgoing.parts(Profile::Y2020, Content::Ssm(ssm)).unwrap().len(), 1);
}

#[test]
fn what_cannot_be_sent_is_named_and_uses_no_number() {
    let mut outgoing = Outgoing::default();
    for content in
        [Content::Unknown(v1::UnknownAlternative::default()), Content::Extension(v1::ExtensionMessage::default())]
    {
        assert_eq!(outgoing.parts(Profile::Y2020, content), Err(SplitError::NoService));
    }

    let mut faulty = rsm_of(40);
    faulty.participants[35].ptc_id = 65_536;
    let error = outgoing.parts(Profile::Y2020, Content::Rsm(faulty)).unwrap_err();
    assert!(matches!(error, SplitError::Convert { service: Service::Rsm, first: 32, .. }), "{error:?}");
    assert_eq!(error.name(), "split_convert");
    assert_eq!(error.to_string(), "rsm from item 32 on: participants[3].ptc_id: 65536 is outside of 0 to 65535");
    let parts = outgoing.parts(Profile::Y2020, Content::Rsm(rsm_of(1))).unwrap();
    assert!(matches!(&parts[0].content, Content::Rsm(rsm) if rsm.msg_cnt == 0));

    let ssm = arbitrary(Profile::Y2020, Kind::Ssm, 1, false).to_content();
    let error = outgoing.parts(Profile::Y2019, ssm).unwrap_err();
    assert!(matches!(error, SplitError::Convert { error: ConvertError::NotInProfile { .. }, .. }), "{error:?}");
}

#[test]
fn what_is_too_long_for_any_frame_is_refused() {
    use v1::transaction_info::Content as Transaction;
    let vpm = |apdus| {
        let request = v1::ChannelRequest { apdus: vec![vec![0; 127].into(); apdus], ..Default::default() };
        let request = v1::PaymentActionRequest {
            time: Some(v1::DateTime::default()),
            source_id: vec![0; 8].into(),
            parameter: Some(v1::TransactionInfo { content: Some(Transaction::TransferChannelRequest(request)) }),
            ..Default::default()
        };
        let payment = Some(v1::vehicle_payment_message::Payment::ActionRequest(request));
        Content::Vpm(v1::VehiclePaymentMessage { payment, ..Default::default() })
    };
    let mut outgoing = Outgoing::new(rules(usize::MAX));
    let parts = outgoing.parts(Profile::Y2020, vpm(500)).unwrap();
    assert!(parts.len() == 1 && parts[0].octets.len() > 63_500 && !parts[0].oversize);
    let error = outgoing.parts(Profile::Y2020, vpm(520)).unwrap_err();
    assert!(matches!(error, SplitError::TooLong { service: Service::Vpm, first: 0, length: 66_000.. }), "{error:?}");
}
