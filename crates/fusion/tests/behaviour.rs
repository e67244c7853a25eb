//! What the tracker makes of the field: sensors that are off, road users that hide, people that walk slowly.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use std::sync::Arc;

use common::{Dice, all_around, car, frame, three_sensors, tracker, tracks, traffic};
use fusion::{
    Class, Covariance2, Detection, Entry, Heading, SensorKind, SensorModel, Speed, Tracker, TrackerConfig, V2xId, What,
};
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
    let before = tracker.registrations()[2];
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
    assert!((found.offset_m() - offset).norm() < 0.15, "{:?}", found.offset_m());
    assert!(found.clock_s().abs() < 0.004, "{}", found.clock_s());
    // It is surer than it was; least of the clock, which only fast road users show.
    assert!(found.offset_sd_m() < 0.5 * before.offset_sd_m(), "{}", found.offset_sd_m());
    assert!(found.yaw_sd_rad() < 0.5 * before.yaw_sd_rad(), "{}", found.yaw_sd_rad());
    assert!(found.clock_sd_s() < 0.75 * before.clock_sd_s(), "{}", found.clock_sd_s());
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
    let map = Arc::new(map);
    let off_m = |range_m: f64, map: Option<Arc<SiteMap>>| {
        let sensor = SensorModel { range_m, ..all_around(SensorKind::Lidar, -10.0, -30.0) };
        let mut tracker = Tracker::new(TrackerConfig { map, ..TrackerConfig::new(vec![sensor]) });
        let place = |t: f64| Vector2::from_angle(-std::f64::consts::FRAC_PI_2 + 7.0 * t / 30.0) * 30.0;
        for step in 0..=32 {
            let t = f64::from(step) * 0.1;
            let (p, v) = (place(t), (place(t + 0.01) - place(t)) * 100.0);
            let seen = if t < 1.6 { vec![car(p.x, p.y, v.x, v.y, 0.05)] } else { vec![] };
            tracker.accept(frame(0, t, seen)).unwrap();
        }
        let now = tracks(&mut tracker, 3.2);
        assert_eq!(now.len(), 1, "{now:?}");
        (now[0].position_m - place(3.2)).norm()
    };
    // It is last seen 21 m from the sensor and goes on to 31 m: beyond all that is looked at, or so near to the range that
    // the sensor still looks out for it.
    for range_m in [10.0, 25.0] {
        let (with_m, without_m) = (off_m(range_m, Some(Arc::clone(&map))), off_m(range_m, None));
        assert!(with_m < 0.5 * without_m, "range {range_m}: {with_m} with the map, {without_m} without");
    }
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
    let count = steady.len();
    let allocations = allocation_counter::measure(|| {
        for frame in steady {
            let now = frame.measured_at;
            tracker.accept(frame).unwrap();
            tracker.tracks_at(now, &mut list);
        }
    });
    assert_eq!((list.len(), allocations.count_total), (50, 0), "tracks, and allocations for {count} frames");
}
