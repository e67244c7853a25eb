//! Queues and lane statistics.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use std::time::Duration;

use common::{Actor, map, of, seconds, start, stop_at, straight, time, tracks_at, watch};
use fusion::Class;
use rsu_units::Timestamp;
use traffic_events::{EventKind, LaneStatistics, LaneStatisticsConfig, Quantity, Stage, TrafficClass};

fn standing(count: u32, until_s: f64) -> Vec<Actor> {
    (0..count)
        .map(|n| {
            let x = -23.0 - 7.0 * f64::from(n);
            Actor::new(Class::Car, u64::from(n) + 1, stop_at((x - 50.0, -1.75), 10.0, x, until_s + f64::from(n)))
        })
        .collect()
}

#[test]
fn three_who_wait_are_a_queue_with_a_length() {
    let changes = watch(25.0, &standing(3, 16.0));
    assert_eq!(of(&changes, EventKind::Queue), [Stage::Start, Stage::Cleared]);
    let start = start(&changes, EventKind::Queue);
    // They stand at second 5; three seconds later it is a queue.
    assert!((8.0..9.5).contains(&seconds(start.at)), "{}", seconds(start.at));
    assert_eq!((start.lane_id.as_str(), start.kind.code(), start.participants.len()), ("W-in", 707, 3));
    assert_eq!(start.participants[0].id.0, 1, "the first of the queue comes first");
    let [length, vehicles] = start.evidence.measures[..] else { panic!("two measures") };
    assert_eq!(
        (length.quantity, vehicles.quantity, vehicles.value),
        (Quantity::QueueLength, Quantity::QueueVehicles, 3.0)
    );
    assert!((length.value - 18.6).abs() < 0.6, "{}", length.value);
    assert!((start.position_m.x + 37.0).abs() < 0.5);
}

#[test]
fn two_who_wait_three_who_roll_and_three_for_two_seconds_are_none() {
    assert_eq!(of(&watch(20.0, &standing(2, 60.0)), EventKind::Queue), []);
    assert_eq!(of(&watch(20.0, &standing(3, 7.0)), EventKind::Queue), []);
    let rolling: Vec<Actor> =
        (0..4).map(|n| Actor::new(Class::Car, n + 1, straight((-120.0 - 8.0 * n as f64, -1.75), (3.0, 0.0)))).collect();
    assert_eq!(of(&watch(15.0, &rolling), EventKind::Queue), []);
}

#[test]
fn a_queue_outlives_a_hidden_member_and_counts_doubles_once() {
    let mut actors = standing(3, 60.0);
    actors[1] = Actor::new(Class::Car, 2, |t| (!(10.0..11.0).contains(&t)).then_some((-30.0, -1.75)));
    assert_eq!(of(&watch(20.0, &actors), EventKind::Queue), [Stage::Start]);
    let mut doubled = standing(2, 60.0);
    doubled.push(Actor::new(Class::Car, 9, stop_at((-73.4, -2.0), 10.0, -23.4, 60.0)));
    assert_eq!(of(&watch(20.0, &doubled), EventKind::Queue), []);
}

#[test]
fn the_queue_told_is_the_one_that_was_counted() {
    // Two tracks of the second car: the third one is still its last.
    let mut actors = standing(3, 60.0);
    actors.push(Actor::new(Class::Car, 9, stop_at((-80.4, -2.0), 10.0, -30.4, 60.0)));
    let changes = watch(20.0, &actors);
    let start = start(&changes, EventKind::Queue);
    assert_eq!(start.participants.iter().filter(|track| [1, 3].contains(&track.id.0)).count(), 2);
    assert_eq!(start.participants.len(), 3);
    assert!((start.position_m.x + 37.0).abs() < 0.5, "{:?}", start.position_m);
}

#[test]
fn statistics_of_a_steady_flow() {
    // One car every four seconds at 10 m/s, and a truck every twelve.
    let actors: Vec<Actor> = (0..30)
        .map(|n| {
            let class = if n % 3 == 0 { Class::Truck } else { Class::Car };
            let begin = f64::from(n) * 4.0;
            Actor::new(class, u64::from(n as u32) + 1, move |t| {
                let x = -200.0 + 10.0 * (t - begin);
                (t >= begin && x < -20.0).then_some((x, -1.75))
            })
        })
        .collect();
    let map = map();
    let mut statistics = LaneStatistics::new(LaneStatisticsConfig::default());
    let mut records = Vec::new();
    // Second 5000 is in the middle of a minute: the first interval is watched for 40 s only.
    for step in 0..1050 {
        let t = f64::from(step) / 10.0;
        statistics.update(time(t), &map, &tracks_at(&actors, t, time(t), 0.0), &mut records);
    }
    let of_lane: Vec<_> = records.iter().filter(|record| record.lane_id == "W-in").collect();
    assert_eq!(of_lane.len(), 2);
    assert!(of_lane[0].coverage < 0.7 && of_lane[1].coverage > 0.98);
    let record = of_lane[1];
    assert_eq!((record.from, record.to), (Timestamp::from_seconds(5040.0), Timestamp::from_seconds(5100.0)));
    assert_eq!(record.counts, [10, 5, 0]);
    assert!((record.flow_veh_per_h[TrafficClass::Light as usize] - 600.0).abs() < 15.0);
    assert!((record.stretch_flow_veh_per_h - 900.0).abs() < 30.0, "{}", record.stretch_flow_veh_per_h);
    assert!((record.mean_headway_s.unwrap() - 4.0).abs() < 0.05);
    assert!((record.mean_speed_mps.unwrap() - 10.0).abs() < 0.01);
    assert!((record.passing_speed_mps.unwrap() - 10.0).abs() < 0.01);
    assert!((record.density_veh_per_km - 25.0).abs() < 1.0);
    // Two cars of 4.6 m and a truck of 9 m in twelve seconds, over a loop of 2 m.
    let occupancy = (2.0 * 6.6 + 11.0) / 10.0 / 12.0;
    assert!((record.occupancy - occupancy).abs() < 0.03, "{} {occupancy}", record.occupancy);
    // At its first look a car has no speed yet.
    assert!(record.max_queue_vehicles <= 1);
    assert_eq!(record.approach.as_deref(), Some("W"));
    assert!(records.iter().any(|record| record.lane_id == "E-out" && record.mean_speed_mps.is_none()));
}

#[test]
fn statistics_count_a_standing_vehicle_at_the_loop_once_and_see_the_queue() {
    let config = LaneStatisticsConfig { interval: Duration::from_secs(20), ..LaneStatisticsConfig::default() };
    let mut statistics = LaneStatistics::new(config);
    // The loop is at x = -50; noise moves the car over it again and again.
    let mut actors = standing(5, 60.0);
    actors.push(Actor::new(Class::Car, 7, stop_at((-150.0, -1.75), 10.0, -50.0, 60.0)));
    let mut records = Vec::new();
    let map = map();
    for step in 0..450 {
        let t = f64::from(step) / 10.0;
        statistics.update(time(t), &map, &tracks_at(&actors, t, time(t), 0.3), &mut records);
    }
    let lane: Vec<_> = records.iter().filter(|record| record.lane_id == "W-in").collect();
    assert_eq!(lane.len(), 2);
    // The first four of the queue passed the loop, and the two at its place perhaps.
    let passed: u32 = lane.iter().map(|record| record.counts[0]).sum();
    assert!((4..=6).contains(&passed), "{passed}");
    assert!(lane[1].max_queue_vehicles >= 5 && lane[1].max_queue_m > 30.0 && lane[1].occupancy > 0.9);
    statistics.clear();
}
