//! What trackers do to events: identities that change, doubles, gaps, phantoms, classes that wobble.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use common::{Actor, of, start, stop_at, straight, template, watch};
use fusion::Class;
use traffic_events::{EventChange, EventKind, Stage};

fn jaywalk() -> impl Fn(f64) -> Option<(f64, f64)> {
    straight((-80.0, -8.0), (0.0, 1.2))
}

const JAYWALK: EventKind = EventKind::PedestrianOnCarriageway;

fn one_event(changes: &[EventChange], kind: EventKind) {
    assert_eq!(of(changes, kind), [Stage::Start, Stage::Cleared]);
}

#[test]
fn an_event_goes_on_under_a_new_identity() {
    let changes = watch(16.0, &[Actor::new(Class::Pedestrian, 1, jaywalk()).renamed(6.0, 42)]);
    one_event(&changes, JAYWALK);
    let end = changes.iter().rfind(|c| c.kind == JAYWALK).unwrap();
    assert_eq!(end.evidence.tracks.iter().map(|t| t.track_id.0).collect::<Vec<_>>(), [1, 42]);
    assert_eq!(end.participants[0].id.0, 42);
}

#[test]
fn and_after_a_gap() {
    let seen = |t: f64| if (6.0..7.2).contains(&t) { None } else { jaywalk()(t) };
    one_event(&watch(16.0, &[Actor::new(Class::Pedestrian, 1, seen).renamed(6.5, 42)]), JAYWALK);
}

#[test]
fn what_was_gathered_before_the_start_is_inherited_too() {
    // Five seconds of standing, with the identity changing twice in them.
    let stands = stop_at((-130.0, -1.75), 10.0, -100.0, 14.0);
    let actor = Actor::new(Class::Car, 1, stands).renamed(5.0, 20).renamed(7.0, 30);
    let changes = watch(18.0, &[actor]);
    one_event(&changes, EventKind::StoppedVehicle);
    let told_s = common::seconds(start(&changes, EventKind::StoppedVehicle).at);
    assert!((8.0..9.2).contains(&told_s), "{told_s}");
}

#[test]
fn identities_that_are_swapped_swap_no_event() {
    // A speeder overtakes; the two tracks change names in passing.
    let swap_s = 5.0;
    let fast = Actor::new(Class::Car, 1, straight((-190.0, -1.75), (18.0, 0.0))).renamed(swap_s, 2);
    let slow = Actor::new(Class::Car, 2, straight((-150.0, 1.75), (10.0, 0.0))).renamed(swap_s, 1);
    let changes = watch(9.0, &[fast, slow]);
    assert_eq!(of(&changes, EventKind::Speeding), [Stage::Start]);
}

#[test]
fn two_tracks_of_one_participant_are_one_event() {
    let shifted = |dx: f64, dy: f64| move |t: f64| jaywalk()(t).map(|(x, y)| (x + dx, y + dy));
    let doubles = [
        Actor::new(Class::Pedestrian, 1, jaywalk()),
        Actor::new(Class::Pedestrian, 2, move |t| (t > 5.0).then(|| shifted(0.3, -0.2)(t)).flatten()),
    ];
    one_event(&watch(16.0, &doubles), JAYWALK);
    // Two people some metres apart are two.
    let two = [Actor::new(Class::Pedestrian, 1, jaywalk()), Actor::new(Class::Pedestrian, 2, shifted(4.0, 0.0))];
    assert_eq!(watch(16.0, &two).iter().filter(|c| c.kind == JAYWALK && c.stage == Stage::Start).count(), 2);
}

#[test]
fn flicker_is_no_second_event() {
    // Three looks seen, one not.
    let flicker = |t: f64| if ((t * 10.0).round() as i64) % 4 == 3 { None } else { jaywalk()(t) };
    one_event(&watch(16.0, &[Actor::new(Class::Pedestrian, 1, flicker)]), JAYWALK);
}

#[test]
fn phantoms_are_none() {
    // Each lives half a second, on the carriageway.
    let phantoms: Vec<Actor> = (0..12)
        .map(|n| {
            let begin = f64::from(n);
            Actor::new(Class::Pedestrian, 100 + n as u64, move |t| {
                (begin..begin + 0.5).contains(&t).then_some((-80.0 + 9.0 * begin, -1.75))
            })
        })
        .collect();
    assert_eq!(of(&watch(14.0, &phantoms), JAYWALK), []);
    // This one is there, but hardly credible.
    let doubtful = Actor::new(Class::Pedestrian, 1, jaywalk());
    let mut config = traffic_events::EventsConfig::default();
    config.presence.min_existence = 0.99;
    let changes = common::watch_with(&config, 12.0, &[doubtful], 0.1, |_| (vec![], vec![]));
    assert_eq!(of(&changes, JAYWALK), []);
}

#[test]
fn a_cyclist_taken_for_a_pedestrian_is_none() {
    let rides = Actor::new(Class::Pedestrian, 1, straight((-150.0, -3.0), (5.0, 0.0)));
    assert_eq!(of(&watch(12.0, &[rides]), JAYWALK), []);
    // Also after getting slower.
    let slows =
        Actor::new(Class::Pedestrian, 1, |t| Some((-150.0 + 5.0 * t.min(5.0) + 1.5 * (t - 5.0).max(0.0), -3.0)));
    assert_eq!(of(&watch(9.0, &[slows]), JAYWALK), []);
}

#[test]
fn a_pedestrian_taken_for_a_cyclist_for_a_moment_stays_one() {
    let map = common::map();
    let mut monitor = traffic_events::Monitor::new(&traffic_events::EventsConfig::default());
    let actors = [Actor::new(Class::Pedestrian, 1, jaywalk())];
    let mut changes = Vec::new();
    for step in 0..160 {
        let t = f64::from(step) / 10.0;
        let mut tracks = common::tracks_at(&actors, t, common::time(t), 0.1);
        if step % 10 < 3 {
            tracks[0].class = template(Class::Bicycle).class;
        }
        monitor.update(common::time(t), &map, &tracks, &traffic_events::Context::default(), &mut changes);
    }
    one_event(&changes, JAYWALK);
}

#[test]
fn weak_evidence_of_long_ago_does_not_hold_back_an_event() {
    // Deep enough on the carriageway for a moment, at its edge for long, and at second 20 in it.
    let walks = |t: f64| {
        let y = match t {
            t if t < 0.3 => -3.0,
            t if t < 20.0 => -3.25,
            _ => -2.0,
        };
        Some((-80.0, y))
    };
    let actors = [Actor::new(Class::Pedestrian, 1, walks)];
    let config = traffic_events::EventsConfig::default();
    let changes = common::watch_with(&config, 24.0, &actors, 0.02, |_| (vec![], vec![]));
    assert_eq!(of(&changes, JAYWALK), [Stage::Start]);
    let start = start(&changes, JAYWALK);
    assert!((20.4..20.8).contains(&common::seconds(start.at)), "{}", common::seconds(start.at));
    assert!((start.began_at, start.evidence.looks) >= (common::time(19.9), 5) && start.evidence.looks < 10);
}

#[test]
fn each_detector_can_be_switched_off() {
    let mut config = traffic_events::EventsConfig::default();
    config.pedestrian.enabled = false;
    let actors = [Actor::new(Class::Pedestrian, 1, jaywalk())];
    assert_eq!(common::watch_with(&config, 12.0, &actors, 0.1, |_| (vec![], vec![])), []);
}
