//! What the tracker makes of the field: sensors that are off, road users that hide, people that walk slowly.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use std::sync::Arc;

use common::{Dice, all_around, at, car, frame, three_sensors, tracker, tracks, traffic};
use fusion::{
    Class, Covariance2, Detection, Entry, Heading, SensorKind, SensorModel, Speed, Tracker, TrackerConfig, V2xId,
    Velocity, What,
};
use proptest::prelude::*;
use rsu_units::Vector2;
use site_map::{Lane, LaneKind, SiteFrame, SiteMap};

#[test]
fn a_sensor_that_is_off_is_found_out() {
    let sensors = vec![
        all_around(SensorKind::Lidar, 0.0, 0.0),
        all_around(SensorKind::Lidar, 5.0, 5.0),
        all_around(SensorKind::Camera, 0.0, 10.0),
    ];
    let mut tracker = tracker(sensors.clone());
    let mut dice = Dice(3);
    let (offset, yaw_rad) = (Vector2::new(0.3, -0.2), 0.012);
    for step in 0..1200 {
        let t = f64::from(step) * 0.05;
        let cars = [(-60.0 + 9.0 * (t % 12.0), 20.0, 9.0, 0.0), (25.0, 60.0 - 8.0 * (t % 14.0), 0.0, -8.0)];
        for sensor in 0..3 {
            let detections = cars
                .iter()
                .map(|(x, y, vx, vy)| {
                    let mut seen = car(x + 0.1 * dice.normal(), y + 0.1 * dice.normal(), *vx, *vy, 0.1);
                    if sensor == 2 {
                        let line = (seen.position_m - sensors[2].position_m).rotated(yaw_rad);
                        seen.position_m = sensors[2].position_m + line + offset;
                    }
                    seen
                })
                .collect();
            let _ = tracker.accept(frame(sensor, t + 0.001 * sensor as f64, detections));
        }
        tracks(&mut tracker, t);
    }
    let found = tracker.registrations()[2];
    assert!((found.yaw_rad() - yaw_rad).abs() < 0.006, "{}", found.yaw_rad());
    assert!((found.offset_m() - offset).norm() < 0.25, "{:?}", found.offset_m());
    assert!(found.yaw_sd_rad() < 0.007 && found.clock_sd_s() < 0.013 && found.offset_sd_m() < 0.26);
    // Those that agree are not blamed as much.
    assert!(tracker.registrations()[0].yaw_rad().abs() < yaw_rad / 2.0);
}

#[test]
fn who_hides_behind_a_truck_keeps_its_identity() {
    let mut tracker = tracker(vec![SensorModel { height_m: 4.0, ..all_around(SensorKind::Lidar, 0.0, 0.0) }]);
    let run = |tracker: &mut Tracker, from: i32, to: i32, hidden: bool| {
        for step in from..to {
            let t = f64::from(step) * 0.1;
            let truck =
                Detection { class: Some(Class::Truck), extent_m: Some((11.0, 2.5)), ..car(0.0, 20.0, 0.0, 0.0, 0.05) };
            let mut detections = vec![Detection { heading: Some(Heading { rad: 0.0, sd_rad: 0.05 }), ..truck }];
            if !hidden {
                detections.push(car(0.5, 30.0, 0.0, 0.0, 0.05));
            }
            tracker.accept(frame(0, t, detections)).unwrap();
        }
        tracks(tracker, f64::from(to) * 0.1)
    };
    let before = run(&mut tracker, 0, 30, false);
    assert_eq!(before.len(), 2, "{before:?}");
    let car = before.iter().find(|track| track.position_m.y > 25.0).unwrap().id;
    let hidden = run(&mut tracker, 30, 50, true);
    assert!(hidden.iter().any(|track| track.id == car), "{hidden:?}");
    // Longer, and nobody dares to say where it is; but whoever comes out there is it.
    run(&mut tracker, 50, 80, true);
    let after = run(&mut tracker, 80, 90, false);
    assert!(after.len() == 2 && after.iter().any(|track| track.id == car), "{after:?}");
}

#[test]
fn who_is_seen_no_more_in_the_open_is_gone_soon() {
    let mut tracker = tracker(vec![all_around(SensorKind::Lidar, 0.0, 0.0)]);
    for step in 0..30 {
        tracker.accept(frame(0, f64::from(step) * 0.1, vec![car(0.5, 30.0, 0.0, 0.0, 0.05)])).unwrap();
    }
    for step in 30..36 {
        tracker.accept(frame(0, f64::from(step) * 0.1, vec![])).unwrap();
    }
    assert!(tracks(&mut tracker, 3.6).is_empty());
}

#[test]
fn slow_people_are_not_held_back_by_speeds_without_a_sign() {
    let mut tracker = tracker(vec![all_around(SensorKind::Camera, 0.0, 0.0)]);
    let mut dice = Dice(11);
    let mut last = 0.0;
    for step in 0..300 {
        let t = f64::from(step) * 0.1;
        last = -15.0 + 1.0 * t;
        let speed_mps = (1.0 + 1.2 * dice.normal()).abs();
        let person = Detection {
            speed: Some(Speed { mps: speed_mps, sd_mps: 1.2 }),
            class: Some(Class::Pedestrian),
            extent_m: Some((0.5, 0.6)),
            ..Detection::new(
                Vector2::new(last + 0.3 * dice.normal(), 30.0 + 0.3 * dice.normal()),
                Covariance2 { xx: 0.09, xy: 0.0, yy: 0.09 },
            )
        };
        tracker.accept(frame(0, t, vec![person])).unwrap();
    }
    let now = tracks(&mut tracker, 29.9);
    assert_eq!(now.len(), 1);
    assert!((now[0].position_m.x - last).abs() < 0.5, "{} instead of {last}", now[0].position_m.x);
    assert!((now[0].velocity_mps.x - 1.0).abs() < 0.35, "{:?}", now[0].velocity_mps);
}

#[test]
fn a_vehicle_out_of_sight_follows_its_road() {
    // A quarter of a circle, radius 30 m.
    let points: Vec<Vector2> = (0..=30)
        .map(|n| Vector2::from_angle(std::f64::consts::FRAC_PI_2 * (f64::from(n) / 30.0 - 1.0)) * 30.0)
        .collect();
    let map = SiteMap::new(
        SiteFrame::new(22.69, 114.35).unwrap(),
        vec![Lane::new("bend", LaneKind::Vehicle, 3.5, points)],
        vec![],
    )
    .unwrap();
    let run = |map: Option<Arc<SiteMap>>| {
        // The sensor does not see beyond 12 m.
        let sensor = SensorModel { range_m: 25.0, ..all_around(SensorKind::Lidar, -10.0, -30.0) };
        let config = TrackerConfig { map, ..TrackerConfig::new(vec![sensor]) };
        let mut tracker = Tracker::new(config);
        let place = |t: f64| Vector2::from_angle(-std::f64::consts::FRAC_PI_2 + 7.0 * t / 30.0) * 30.0;
        for step in 0..45 {
            let t = f64::from(step) * 0.1;
            let (p, v) = (place(t), (place(t + 0.01) - place(t)) * 100.0);
            let seen = if t < 1.6 { vec![car(p.x, p.y, v.x, v.y, 0.05)] } else { vec![] };
            tracker.accept(frame(0, t, seen)).unwrap();
        }
        let mut all = Vec::new();
        tracker.finish_journal(&mut all);
        tracker.tracks_at(at(3.0), &mut Vec::new());
        let mut list = Vec::new();
        tracker.tracks_at(at(2.6), &mut list);
        list.first().map(|track| (track.position_m - place(2.6)).norm())
    };
    let (with, without) = (run(Some(Arc::new(map))), run(None));
    assert!(with.is_none_or(|off_m| without.is_none_or(|far_m| off_m <= far_m)), "{with:?} {without:?}");
}

#[test]
fn the_journal_tells_a_life() {
    let config = TrackerConfig { journal: true, ..TrackerConfig::new(vec![all_around(SensorKind::Lidar, 0.0, 0.0)]) };
    let mut tracker = Tracker::new(config);
    let mut life: Vec<Entry> = Vec::new();
    for step in 0..60 {
        let seen = if step < 20 { vec![car(0.5, 30.0, 0.0, 0.0, 0.05)] } else { vec![] };
        tracker.accept(frame(0, f64::from(step) * 0.1, seen)).unwrap();
        tracks(&mut tracker, f64::from(step) * 0.1);
        tracker.drain_journal(&mut life);
    }
    for step in 60..400 {
        tracker.accept(frame(0, f64::from(step) * 0.1, vec![])).unwrap();
    }
    tracker.finish_journal(&mut life);
    assert!(life.is_sorted_by_key(|entry| entry.at));
    assert!(matches!(life[0].what, What::Born { .. }));
    let count = |pick: fn(&What) -> bool| life.iter().filter(|entry| pick(&entry.what)).count();
    assert_eq!(count(|what| matches!(what, What::Hit { .. })), 19);
    assert!(count(|what| matches!(what, What::Missed { .. })) > 1);
    assert_eq!(count(|what| matches!(what, What::Ended { .. })), 1);
}

#[test]
fn those_who_only_report_do_not_crowd_out_those_who_are_seen() {
    let sensors = vec![all_around(SensorKind::Lidar, 0.0, 0.0), all_around(SensorKind::V2x, 0.0, 0.0)];
    let mut tracker = Tracker::new(TrackerConfig { max_participants: 30, ..TrackerConfig::new(sensors) });
    for step in 0..20 {
        let t = f64::from(step) * 0.1;
        let seen = (0..10).map(|n| car(f64::from(n) * 12.0 - 60.0, 10.0, 0.0, 0.0, 0.05)).collect();
        tracker.accept(frame(0, t, seen)).unwrap();
        for ghost in 0..100_u64 {
            let place = car(ghost as f64 * 3.0 - 150.0, -60.0 - (ghost % 7) as f64 * 9.0, 0.0, 0.0, 0.8);
            let report = Detection { v2x_id: Some(V2xId(ghost.to_be_bytes())), ..place };
            let _ = tracker.accept(frame(1, t + 0.01 + ghost as f64 * 1e-5, vec![report]));
        }
    }
    let now = tracks(&mut tracker, 2.0);
    assert_eq!(now.iter().filter(|track| track.position_m.y > 0.0).count(), 10);
    assert!(tracker.alive() <= 30);
}

#[test]
fn nothing_is_allocated_for_a_steady_crowd() {
    let mut tracker = tracker(three_sensors());
    let frames = traffic(50, 6.0, 0.1);
    let (warm_up, steady) = frames.split_at(frames.len() * 2 / 3);
    let mut list = Vec::with_capacity(200);
    for frame in warm_up {
        tracker.accept(frame.clone()).unwrap();
        tracker.tracks_at(frame.measured_at, &mut list);
    }
    let steady = steady.to_vec();
    let count = steady.len() as u64;
    let allocations = allocation_counter::measure(|| {
        for frame in steady {
            let now = frame.measured_at;
            tracker.accept(frame).unwrap();
            tracker.tracks_at(now, &mut list);
        }
    });
    // A newcomer or two may need some; frames do not.
    assert!(allocations.count_total < count / 2, "{} allocations for {count} frames", allocations.count_total);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(20) })]

    /// The order within a frame means nothing.
    #[test]
    fn permutations_change_nothing(seed in any::<u64>()) {
        let (mut straight, mut shuffled) = (tracker(three_sensors()), tracker(three_sensors()));
        let mut dice = Dice(seed);
        for original in traffic(25, 2.0, 0.3) {
            let mut other = original.clone();
            for n in (1..other.detections.len()).rev() {
                other.detections.swap(n, (f64::midpoint(dice.uniform(), 1.0) * n as f64) as usize);
            }
            straight.accept(original).unwrap();
            shuffled.accept(other).unwrap();
        }
        prop_assert_eq!(tracks(&mut straight, 2.0), tracks(&mut shuffled, 2.0));
    }

    /// Whatever comes, the tracker shows numbers.
    #[test]
    fn nothing_makes_it_lose_its_numbers(
        frames in proptest::collection::vec((0_usize..3, 0_u32..4000, proptest::collection::vec(
            (-300.0..300.0_f64, -300.0..300.0_f64, -60.0..60.0_f64, 0.02..50.0_f64, 0_u8..64), 0..6)), 1..60)
    ) {
        let mut tracker = tracker(three_sensors());
        for (sensor, millis, objects) in frames {
            let detections = objects.into_iter().map(|(x, y, v, sd, mask)| {
                let mut d = car(x, y, v, -v * 0.5, sd);
                d.covariance_m2 = Covariance2::along_and_across(x, sd, sd * 0.05 + 0.01);
                d.velocity = (mask & 1 > 0).then_some(Velocity { mps: Vector2::new(v, 1.0), along_sd_mps: sd, across_sd_mps: 0.0 });
                d.radial = (mask & 2 > 0).then_some(fusion::Radial { speed_mps: v, sd_mps: 0.05 });
                d.heading = (mask & 4 > 0).then_some(Heading { rad: x, sd_rad: 0.0 });
                d.class = (mask & 8 > 0).then_some(Class::ALL[usize::from(mask) % 6]);
                d.confidence = f64::from(mask % 3) / 2.0;
                d.object_id = Some(u64::from(mask % 4));
                d
            }).collect();
            let _ = tracker.accept(frame(sensor, f64::from(millis) / 1000.0, detections));
            for track in tracks(&mut tracker, 4.0) {
                let [xx, xy, _, _, yy, .., vxvx, _, vyvy] = track.covariance;
                prop_assert!(track.position_m.is_finite() && track.velocity_mps.is_finite() && track.acceleration_mps2.is_finite());
                prop_assert!(xx > 0.0 && yy > 0.0 && vxvx > 0.0 && vyvy > 0.0 && xx * yy >= xy * xy, "{:?}", track.covariance);
                prop_assert!((0.0..=1.0).contains(&track.existence));
                prop_assert!((track.class.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-9);
                prop_assert!(track.heading_rad.is_none_or(f64::is_finite) && track.heading_sd_rad.is_none_or(f64::is_finite));
            }
        }
    }
}
