//! Red-light running, and pedestrians who cross at red: true and nearly true.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use common::{Actor, Known, along, of, seconds, signal, start, stop_at, straight, watch_with};
use fusion::Class;
use traffic_events::{EventKind, EventsConfig, Light, Quantity, Stage};

fn watch(actors: &[Actor], known: impl Fn(f64) -> Known) -> Vec<traffic_events::EventChange> {
    watch_with(&EventsConfig::default(), 20.0, actors, 0.1, known)
}

fn red_since(since_s: f64) -> impl Fn(f64) -> Known {
    move |t| {
        let light = if t < since_s - 3.0 {
            signal(1, Light::Green, -30.0)
        } else if t < since_s {
            signal(1, Light::Yellow, since_s - 3.0)
        } else {
            signal(1, Light::Red, since_s)
        };
        (vec![light, signal(2, Light::Green, -10.0), signal(3, Light::Green, -10.0)], vec![])
    }
}

/// Its front is at the stop line at second 10 - 0.23.
fn through() -> Actor {
    Actor::new(Class::Car, 1, straight((-120.0, -1.75), (10.0, 0.0)))
}

#[test]
fn passing_at_red_is_told_once() {
    let changes = watch(&[through()], red_since(7.0));
    assert_eq!(of(&changes, EventKind::RedLightRunning), [Stage::Start, Stage::Cleared]);
    let start = start(&changes, EventKind::RedLightRunning);
    assert!((10.0..10.6).contains(&seconds(start.at)), "{}", seconds(start.at));
    let red_s = start.evidence.measures[0].value;
    assert!((2.5..3.1).contains(&red_s), "{red_s}");
    assert_eq!(start.kind.code(), 0);
}

#[test]
fn passing_at_yellow_at_the_first_instant_of_red_and_at_an_unknown_light_is_none() {
    for since_s in [11.0, 9.9, 9.4] {
        assert_eq!(of(&watch(&[through()], red_since(since_s)), EventKind::RedLightRunning), [], "{since_s}");
    }
    assert_eq!(of(&watch(&[through()], |_| (vec![], vec![])), EventKind::RedLightRunning), []);
    let dark = |_| (vec![signal(1, Light::Dark, 0.0)], vec![]);
    assert_eq!(of(&watch(&[through()], dark), EventKind::RedLightRunning), []);
}

#[test]
fn stopping_at_the_line_or_a_little_over_it_is_none() {
    for x in [-23.0, -21.5] {
        let stops = Actor::new(Class::Car, 1, stop_at((-120.0, -1.75), 10.0, x, 60.0));
        assert_eq!(of(&watch(&[stops], red_since(5.0)), EventKind::RedLightRunning), [], "{x}");
    }
}

/// Group 1 is red from second 5 on and green again from a second on.
fn red_until(green_s: f64) -> impl Fn(f64) -> Known {
    move |t| if t < green_s { red_since(5.0)(t) } else { (vec![signal(1, Light::Green, green_s)], vec![]) }
}

#[test]
fn waiting_with_the_front_at_the_line_and_driving_off_at_green_is_none() {
    // The front seems to be before and over the line in turn, or it is over it all the time.
    for (flicker_m, over_m) in [(0.2, 0.0), (0.2, 0.1), (0.0, 0.4)] {
        let waits = move |t: f64| {
            let line_x = -22.3 + over_m;
            let side = if (t * 5.0).floor() % 2.0 < 0.5 { flicker_m } else { -flicker_m };
            let x = if t < 8.0 { line_x - 10.0 * (8.0 - t) } else { line_x + side };
            Some((if t < 15.5 { x } else { line_x + 8.0 * (t - 15.5) }, -1.75))
        };
        let changes =
            watch_with(&EventsConfig::default(), 25.0, &[Actor::new(Class::Car, 1, waits)], 0.02, red_until(15.0));
        assert_eq!(of(&changes, EventKind::RedLightRunning), [], "{flicker_m} {over_m}");
    }
}

#[test]
fn who_passes_at_red_offends_also_when_green_comes_right_after() {
    // The whole car is over the line at second 10.3.
    assert_eq!(of(&watch(&[through()], red_until(10.7)), EventKind::RedLightRunning), [Stage::Start, Stage::Cleared]);
    assert_eq!(of(&watch(&[through()], red_until(9.9)), EventKind::RedLightRunning), []);
}

#[test]
fn who_passes_at_red_and_gets_a_new_identity_on_the_line() {
    let changes = watch(&[through().renamed(9.9, 2)], red_since(5.0));
    assert_eq!(of(&changes, EventKind::RedLightRunning), [Stage::Start, Stage::Cleared]);
    assert_eq!(start(&changes, EventKind::RedLightRunning).participants[0].id.0, 2);
}

#[test]
fn who_is_seen_only_shortly_before_the_line() {
    // From the north, too short on its lane for that to count as the one that it came from.
    let drive = |t: f64| (t >= 5.0).then_some((-1.75, 25.0 - 10.0 * (t - 5.0)));
    let red = |_| (vec![signal(2, Light::Red, -10.0)], vec![]);
    let changes = watch(&[Actor::new(Class::Car, 1, drive)], red);
    assert_eq!(of(&changes, EventKind::RedLightRunning), [Stage::Start, Stage::Cleared]);
}

const LEFT_FROM_EAST: &[(f64, f64)] =
    &[(100.0, 1.75), (15.0, 1.75), (6.0, 0.5), (0.0, -4.0), (-1.5, -10.0), (-1.75, -20.0), (-1.75, -80.0)];
const STRAIGHT_FROM_EAST: &[(f64, f64)] = &[(100.0, 1.75), (-100.0, 1.75)];

#[test]
fn a_lane_with_a_signal_for_each_turn() {
    // Straight on is red, the left turn is green.
    let left = Actor::new(Class::Car, 1, along(LEFT_FROM_EAST, 9.0));
    assert_eq!(of(&watch(&[left], red_since(1.0)), EventKind::RedLightRunning), []);
    let on = Actor::new(Class::Car, 1, along(STRAIGHT_FROM_EAST, 9.0));
    assert_eq!(of(&watch(&[on], red_since(1.0)), EventKind::RedLightRunning), [Stage::Start, Stage::Cleared]);
}

#[test]
fn a_pedestrian_who_crosses_at_red() {
    let walk = || Actor::new(Class::Pedestrian, 1, straight((-17.0, -10.0), (0.0, 1.3)));
    let light = |light, since_s| move |_| (vec![signal(5, light, since_s)], vec![]);
    let kind = EventKind::PedestrianOnCarriageway;
    let changes = watch(&[walk()], light(Light::Red, -5.0));
    assert_eq!(of(&changes, kind), [Stage::Start, Stage::Cleared]);
    // They step on it at second 2.6.
    let measure = start(&changes, kind).evidence.measures[0];
    assert_eq!((measure.quantity, measure.limit), (Quantity::RedTime, 2.0));
    assert!((7.0..8.5).contains(&measure.value), "{measure:?}");
    assert_eq!(of(&watch(&[walk().renamed(6.0, 2)], light(Light::Red, -5.0)), kind), [Stage::Start, Stage::Cleared]);
    assert_eq!(of(&watch(&[walk()], light(Light::Green, -5.0)), kind), []);
    assert_eq!(of(&watch(&[walk()], |_| (vec![], vec![])), kind), []);
    // Red came while they were on their way.
    let late = |t: f64| {
        let state = if t < 4.0 { signal(5, Light::Green, -5.0) } else { signal(5, Light::Red, 4.0) };
        (vec![state], vec![])
    };
    assert_eq!(of(&watch(&[walk()], late), kind), []);
}
