//! Speeding, slow and large vehicles, U-turns, lane use, emergency vehicles, obstacles: true and nearly true.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use common::{Actor, LIMIT_MPS, along, of, seconds, start, stop_at, straight, watch, watch_with};
use fusion::{Class, ClassBelief, V2xId};
use traffic_events::{EventKind, EventsConfig, Quantity, Stage};

#[test]
fn speeding_is_told_after_a_second_and_ends() {
    // 18 m/s, and from second 6 on 13 m/s.
    let car = Actor::new(Class::Car, 1, |t| Some((-190.0 + 18.0 * t.min(6.0) + 13.0 * (t - 6.0).max(0.0), -1.75)));
    let changes = watch(12.0, &[car]);
    assert_eq!(of(&changes, EventKind::Speeding), [Stage::Start, Stage::Cleared]);
    let start = start(&changes, EventKind::Speeding);
    assert!((1.0..1.6).contains(&seconds(start.at)), "{}", seconds(start.at));
    let measure = start.evidence.measures[0];
    assert_eq!((measure.quantity, measure.limit, start.kind.code()), (Quantity::Speed, LIMIT_MPS, 901));
    assert!((measure.value - 18.0).abs() < 0.5 && measure.quantity.unit() == "m/s");
    assert_eq!(start.lane_id, "W-in");
    assert!(start.evidence.looks_held >= 10 && start.evidence.tracks[0].track_id.0 == 1);
}

#[test]
fn a_little_too_fast_shortly_too_fast_and_fast_beside_the_road_are_none() {
    let little = Actor::new(Class::Car, 1, straight((-190.0, -1.75), (16.0, 0.0)));
    let shortly =
        Actor::new(Class::Car, 2, |t| Some((-150.0 + 13.0 * t + 5.0 * (t - 4.0).clamp(0.0, 0.7), 1.75 - 3.5)));
    let beside = Actor::new(Class::Car, 3, straight((-190.0, 40.0), (30.0, 0.0)));
    for actor in [little, shortly, beside] {
        assert_eq!(of(&watch(10.0, &[actor]), EventKind::Speeding), []);
    }
}

#[test]
fn who_is_as_fast_as_no_bicycle_counts_whatever_its_class() {
    let ride = |speed| watch(9.0, &[Actor::new(Class::Bicycle, 1, straight((-190.0, -1.75), (speed, 0.0)))]);
    assert_eq!(of(&ride(18.0), EventKind::Speeding), [Stage::Start]);
    assert_eq!(of(&ride(10.0), EventKind::Speeding), []);
}

#[test]
fn an_uncertain_speed_is_no_speeding() {
    let fast = || Actor::new(Class::Car, 1, straight((-190.0, -1.75), (16.9, 0.0)));
    let certain = watch_with(&EventsConfig::default(), 8.0, &[fast()], 0.05, |_| (vec![], vec![]));
    let uncertain = watch_with(&EventsConfig::default(), 8.0, &[fast()], 1.5, |_| (vec![], vec![]));
    assert_eq!(of(&certain, EventKind::Speeding), [Stage::Start]);
    assert_eq!(of(&uncertain, EventKind::Speeding), []);
}

#[test]
fn a_slow_vehicle_on_a_free_road() {
    let changes = watch(14.0, &[Actor::new(Class::Truck, 1, straight((70.0, -1.75), (4.0, 0.0)))]);
    assert_eq!(of(&changes, EventKind::SlowVehicle), [Stage::Start]);
    assert_eq!(start(&changes, EventKind::SlowVehicle).kind.code(), 902);
}

#[test]
fn slow_with_reason_is_none() {
    // Behind another one, before the stop line, right after the junction.
    let behind = [
        Actor::new(Class::Car, 1, straight((70.0, -1.75), (4.0, 0.0))),
        Actor::new(Class::Car, 2, straight((85.0, -1.75), (4.0, 0.0))),
    ];
    let changes = watch(14.0, &behind);
    let slow = changes.iter().filter(|c| c.kind == EventKind::SlowVehicle);
    assert!(slow.clone().all(|c| c.participants[0].id.0 == 2) && slow.count() > 0);
    let others = [
        Actor::new(Class::Car, 3, straight((-80.0, -1.75), (4.0, 0.0))),
        Actor::new(Class::Car, 4, straight((22.0, -1.75), (4.0, 0.0))),
    ];
    assert_eq!(of(&watch(9.0, &others), EventKind::SlowVehicle), []);
}

#[test]
fn a_truck_is_large_and_a_car_and_a_bus_are_not() {
    let drive = |class, y| Actor::new(class, 1, straight((-190.0, y), (10.0, 0.0)));
    assert_eq!(of(&watch(5.0, &[drive(Class::Truck, -1.75)]), EventKind::LargeVehicle), [Stage::Start]);
    assert_eq!(of(&watch(5.0, &[drive(Class::Car, -1.75)]), EventKind::LargeVehicle), []);
    assert_eq!(of(&watch(5.0, &[drive(Class::Bus, -1.75)]), EventKind::LargeVehicle), []);
    let mut config = EventsConfig::default();
    config.large_vehicle.buses = true;
    let changes = watch_with(&config, 5.0, &[drive(Class::Bus, -1.75)], 0.1, |_| (vec![], vec![]));
    assert_eq!(of(&changes, EventKind::LargeVehicle), [Stage::Start]);
}

/// Into the junction from the north, round, and back out to the north.
const ROUND_NORTH: &[(f64, f64)] =
    &[(-1.75, 60.0), (-1.75, 16.0), (-1.0, 13.0), (0.0, 12.5), (1.0, 13.0), (1.75, 16.0), (1.75, 80.0)];
const ROUND_EAST: &[(f64, f64)] =
    &[(60.0, 1.75), (16.0, 1.75), (13.0, 1.0), (12.5, 0.0), (13.0, -1.0), (16.0, -1.75), (80.0, -1.75)];
const LEFT_FROM_NORTH: &[(f64, f64)] =
    &[(-1.75, 60.0), (-1.75, 15.0), (-0.5, 6.0), (4.0, 0.5), (10.0, -1.5), (20.0, -1.75), (80.0, -1.75)];
const LEFT_FROM_WEST: &[(f64, f64)] =
    &[(-60.0, -1.75), (-15.0, -1.75), (-6.0, -0.5), (0.0, 4.0), (1.5, 10.0), (1.75, 20.0), (1.75, 80.0)];
const RIGHT_FROM_WEST: &[(f64, f64)] =
    &[(-60.0, -1.75), (-15.0, -1.75), (-8.0, -3.0), (-3.0, -8.0), (-1.75, -15.0), (-1.75, -80.0)];

#[test]
fn turning_round_where_it_is_not_allowed() {
    let changes = watch(14.0, &[Actor::new(Class::Car, 1, along(ROUND_NORTH, 8.0))]);
    assert_eq!(of(&changes, EventKind::IllegalUTurn), [Stage::Start, Stage::Cleared]);
    assert_eq!(of(&changes, EventKind::WrongWayDriving), []);
    assert_eq!(of(&changes, EventKind::IllegalLaneUse), []);
}

#[test]
fn turning_round_where_it_is_allowed_turning_left_and_reversing_are_none() {
    for points in [ROUND_EAST, LEFT_FROM_NORTH, RIGHT_FROM_WEST] {
        assert_eq!(of(&watch(14.0, &[Actor::new(Class::Car, 1, along(points, 8.0))]), EventKind::IllegalUTurn), []);
    }
    let reversing = Actor::new(Class::Car, 1, |t| Some((-100.0 + 5.0 * t.min(6.0) - 3.0 * (t - 6.0).max(0.0), -1.75)));
    assert_eq!(of(&watch(14.0, &[reversing]), EventKind::IllegalUTurn), []);
}

#[test]
fn a_turn_where_the_lane_does_not_lead() {
    let changes = watch(16.0, &[Actor::new(Class::Car, 1, along(LEFT_FROM_WEST, 8.0))]);
    assert_eq!(of(&changes, EventKind::IllegalLaneUse), [Stage::Start, Stage::Cleared]);
    for points in [ROUND_EAST, LEFT_FROM_NORTH, RIGHT_FROM_WEST] {
        assert_eq!(of(&watch(16.0, &[Actor::new(Class::Car, 1, along(points, 8.0))]), EventKind::IllegalLaneUse), []);
    }
}

#[test]
fn a_car_on_the_bicycle_lane_and_one_beside_it() {
    let on = Actor::new(Class::Car, 1, straight((-150.0, -4.5), (8.0, 0.0)));
    let changes = watch(8.0, &[on]);
    assert_eq!(of(&changes, EventKind::IllegalLaneUse), [Stage::Start]);
    // The edge of the vehicle lane is a metre away.
    let measure = start(&changes, EventKind::IllegalLaneUse).evidence.measures[0];
    assert_eq!((measure.quantity, measure.limit), (Quantity::Depth, 0.3));
    assert!((measure.value - 1.0).abs() < 0.25, "{measure:?}");
    let near = Actor::new(Class::Car, 1, straight((-150.0, -3.3), (8.0, 0.0)));
    let bicycle = Actor::new(Class::Bicycle, 2, straight((-150.0, -4.5), (5.0, 0.0)));
    assert_eq!(of(&watch(8.0, &[near, bicycle]), EventKind::IllegalLaneUse), []);
}

#[test]
fn an_emergency_vehicle_comes_and_goes() {
    let id = V2xId(*b"ambulanc");
    let drive = || Actor::new(Class::Truck, 1, straight((-150.0, -1.75), (15.0, 0.0))).with(|t| t.v2x_id = Some(id));
    let changes = watch_with(&EventsConfig::default(), 20.0, &[drive()], 0.1, |_| (vec![], vec![id]));
    assert_eq!(of(&changes, EventKind::EmergencyVehicle), [Stage::Start, Stage::Cleared]);
    let end = changes.iter().find(|c| c.kind == EventKind::EmergencyVehicle && c.stage.is_end()).unwrap();
    assert!(end.position_m.x > 20.0);
    // Without the light bar, or going away, it is a truck as others.
    let changes = watch_with(&EventsConfig::default(), 20.0, &[drive()], 0.1, |_| (vec![], vec![V2xId([0; 8])]));
    assert_eq!(of(&changes, EventKind::EmergencyVehicle), []);
    let leaving = Actor::new(Class::Truck, 1, straight((30.0, -1.75), (15.0, 0.0))).with(|t| t.v2x_id = Some(id));
    let changes = watch_with(&EventsConfig::default(), 8.0, &[leaving], 0.1, |_| (vec![], vec![id]));
    assert_eq!(of(&changes, EventKind::EmergencyVehicle), []);
}

#[test]
fn lost_cargo_and_what_is_none() {
    let unsure = |track: &mut fusion::Track| {
        (track.class, track.extent_m) = (ClassBelief::default(), (0.8, 0.6));
    };
    let cargo = Actor::new(Class::Car, 1, |t| (t > 2.0).then_some((-90.0, -1.75))).with(unsure);
    let changes = watch(12.0, &[cargo]);
    assert_eq!(of(&changes, EventKind::Obstacle), [Stage::Start]);
    assert_eq!(start(&changes, EventKind::Obstacle).kind.code(), 401);
    // Where two lanes touch there is no edge.
    let seam = Actor::new(Class::Car, 1, |t| (t > 2.0).then_some((-90.0, 0.05))).with(unsure);
    assert_eq!(of(&watch(12.0, &[seam]), EventKind::Obstacle), [Stage::Start]);
    let nearly = [
        // Beside the road.
        Actor::new(Class::Car, 1, straight((-90.0, -9.0), (0.0, 0.0))).with(unsure),
        // It drove there.
        Actor::new(Class::Car, 2, stop_at((-120.0, -1.75), 8.0, -90.0, 60.0)).with(unsure),
        // A car that stands.
        Actor::new(Class::Car, 3, straight((-70.0, -1.75), (0.0, 0.0))),
    ];
    assert_eq!(of(&watch(15.0, &nearly), EventKind::Obstacle), []);
}
