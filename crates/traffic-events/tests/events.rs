//! Stopped vehicle, wrong way and pedestrian on the carriageway through the tracker: each event in its true form, and in
//! forms that are nearly true and must stay silent.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::f64::consts::TAU;

use fusion::{
    Class, Covariance2, Detection, SensorFrame, SensorId, SensorKind, SensorModel, Tracker, TrackerConfig, Velocity,
};
use rsu_units::{Timestamp, Vector2};
use site_map::{Area, AreaKind, Lane, LaneKind, SiteFrame, SiteMap};
use traffic_events::{Context, EventChange, EventKind, EventsConfig, Monitor, Stage};

/// An eastbound road of two lanes that ends at a stop line at x = 0, the westbound lane beside it, a crosswalk and a
/// junction behind.
fn map() -> SiteMap {
    let lane = |id: &str, kind, width_m, points: &[(f64, f64)], stop_line| {
        let points_m = points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect();
        Lane { stop_line, ..Lane::new(id, kind, width_m, points_m) }
    };
    let lanes = vec![
        lane("east-1", LaneKind::Vehicle, 3.5, &[(-200.0, -1.75), (0.0, -1.75)], true),
        lane("east-2", LaneKind::Vehicle, 3.5, &[(-200.0, -5.25), (0.0, -5.25)], true),
        lane("west", LaneKind::Vehicle, 3.5, &[(0.0, 1.75), (-200.0, 1.75)], false),
        lane("zebra", LaneKind::Crosswalk, 4.0, &[(-4.0, -8.0), (-4.0, 5.0)], false),
    ];
    let polygon_m = [(0.0, -8.0), (20.0, -8.0), (20.0, 8.0), (0.0, 8.0)].map(|(x, y)| Vector2::new(x, y)).to_vec();
    let areas = vec![Area { id: "junction".into(), kind: AreaKind::Junction, polygon_m }];
    SiteMap::new(SiteFrame::new(22.69, 114.35).unwrap(), lanes, areas).unwrap()
}

/// A road user: class, and where it is at each time (seconds), while it can be seen.
type Actor = (Class, Box<dyn Fn(f64) -> Option<(f64, f64)>>);

fn actor(class: Class, place: impl Fn(f64) -> Option<(f64, f64)> + 'static) -> Actor {
    (class, Box::new(place))
}

/// Runs the scene through tracker and monitor at 20 Hz.
fn run(seconds: f64, actors: &[Actor]) -> Vec<EventChange> {
    run_on(&mut Monitor::new(&EventsConfig::default()), seconds, actors)
}

fn run_on(monitor: &mut Monitor, seconds: f64, actors: &[Actor]) -> Vec<EventChange> {
    let map = map();
    let mut tracker = Tracker::new(TrackerConfig {
        max_participants: 100,
        ..TrackerConfig::new(vec![SensorModel::new(SensorKind::Lidar, Vector2::new(0.0, 20.0), 0.0, TAU, 400.0)])
    });
    let numbers: Vec<i64> = (0..100).collect();
    let (mut changes, mut tracks) = (Vec::new(), Vec::new());
    for step in 0..(seconds * 20.0) as i64 {
        let t = step as f64 / 20.0;
        let noise = |n: i64| ((step * 7919 + n * 104_729) % 100) as f64 / 100.0 * 0.1 - 0.05;
        let detections = actors
            .iter()
            .zip(&numbers)
            .filter_map(|((class, place), n)| {
                let (x, y) = place(t)?;
                let (px, py) = place(t - 0.05).unwrap_or((x, y));
                Some(Detection {
                    position_m: Vector2::new(x + noise(*n), y + noise(*n + 50)),
                    covariance_m2: Covariance2 { xx: 0.02, xy: 0.0, yy: 0.02 },
                    velocity: Some(Velocity {
                        mps: Vector2::new((x - px) * 20.0, (y - py) * 20.0),
                        along_sd_mps: 0.5,
                        across_sd_mps: 0.5,
                    }),
                    speed: None,
                    radial: None,
                    heading: None,
                    extent_m: Some(class.usual_extent_m()),
                    class: Some(*class),
                    confidence: 0.9,
                    object_id: Some(n.unsigned_abs() + 1),
                    v2x_id: None,
                })
            })
            .collect();
        let at = Timestamp::from_seconds(5000.0 + t);
        tracker.accept(SensorFrame { sensor: SensorId::default(), measured_at: at, detections }).unwrap();
        tracker.tracks_at(at, &mut tracks);
        monitor.update(at, &map, &tracks, &Context::default(), &mut changes);
    }
    changes
}

fn of(changes: &[EventChange], kind: EventKind) -> Vec<Stage> {
    changes.iter().filter(|c| c.kind == kind && c.stage != Stage::Update).map(|c| c.stage).collect()
}

/// Drives at 10 m/s, brakes for two seconds to stand at x, and drives off at a time with 4 m/s².
fn drive_and_stand(from: f64, x: f64, y: f64, until: f64) -> impl Fn(f64) -> Option<(f64, f64)> {
    move |t| {
        let braking_from = (x - 10.0 - from) / 10.0;
        let at = if t < braking_from {
            from + 10.0 * t
        } else if t < braking_from + 2.0 {
            let left = braking_from + 2.0 - t;
            x - 2.5 * left * left
        } else {
            let driving = (t - until).max(0.0);
            x + if driving < 2.5 { 2.0 * driving * driving } else { 10.0 * driving - 12.5 }
        };
        Some((at, y))
    }
}

#[test]
fn a_breakdown_starts_and_ends_once() {
    let changes = run(25.0, &[actor(Class::Car, drive_and_stand(-150.0, -100.0, -1.75, 18.0))]);
    assert_eq!(of(&changes, EventKind::StoppedVehicle), [Stage::Start, Stage::Cleared]);
    let changes: Vec<_> = changes.into_iter().filter(|c| c.kind == EventKind::StoppedVehicle).collect();
    let start = &changes[0];
    assert_eq!((start.stage, start.lane_id.as_str(), start.kind.code()), (Stage::Start, "east-1", 903));
    assert!((start.position_m - Vector2::new(-100.0, -1.75)).norm() < 0.5);
    // It stands from second 6 on; five seconds later that is an event.
    let told_s = start.at.seconds_since(Timestamp::from_seconds(5000.0));
    assert!((10.8..12.3).contains(&told_s), "{told_s}");
    assert!(start.at.seconds_since(start.began_at) >= 5.0);
    assert!(changes.iter().filter(|c| c.stage == Stage::Update).count() >= 5);
    assert!(changes.iter().all(|c| c.id == start.id));
}

#[test]
fn waiting_at_a_stop_line_and_behind_one_who_waits_is_none() {
    let queue: Vec<Actor> =
        (0..7).map(|n| actor(Class::Car, drive_and_stand(-190.0, -3.0 - 7.5 * f64::from(n), -1.75, 60.0))).collect();
    assert_eq!(of(&run(40.0, &queue), EventKind::StoppedVehicle), []);
}

#[test]
fn of_a_queue_behind_a_breakdown_only_the_first_counts() {
    let queue: Vec<Actor> =
        (0..4).map(|n| actor(Class::Car, drive_and_stand(-190.0, -100.0 - 7.5 * f64::from(n), -1.75, 60.0))).collect();
    assert_eq!(of(&run(30.0, &queue), EventKind::StoppedVehicle), [Stage::Start]);
}

#[test]
fn a_bicycle_and_a_car_beside_the_road_may_stand() {
    let beside = [
        actor(Class::Bicycle, drive_and_stand(-120.0, -100.0, -1.75, 60.0)),
        actor(Class::Car, drive_and_stand(-120.0, -100.0, -11.0, 60.0)),
    ];
    assert_eq!(of(&run(20.0, &beside), EventKind::StoppedVehicle), []);
}

#[test]
fn a_stop_of_four_seconds_is_none() {
    let changes = run(15.0, &[actor(Class::Car, drive_and_stand(-150.0, -100.0, -1.75, 9.0))]);
    assert_eq!(of(&changes, EventKind::StoppedVehicle), []);
}

#[test]
fn a_wrong_way_driver_is_told_at_once_and_until_gone() {
    let wrong = actor(Class::Car, |t| (t < 10.0).then_some((-150.0 + 12.0 * t, 1.75)));
    let changes = run(15.0, &[wrong]);
    assert_eq!(of(&changes, EventKind::WrongWayDriving), [Stage::Start, Stage::Lost]);
    let told_s = changes[0].at.seconds_since(Timestamp::from_seconds(5000.0));
    assert!(told_s < 1.8, "{told_s}");
}

#[test]
fn driving_right_close_to_the_line_reversing_slowly_and_cycling_are_none() {
    let nearly = [
        // Right direction, a wheel over the middle line.
        actor(Class::Car, |t| Some((-150.0 + 12.0 * t, -0.2))),
        // Into a parking space, backwards.
        actor(Class::Car, |t| Some((-120.0 + 1.0 * t, 1.75))),
        // Bicycles do it all day; there is another event for that.
        actor(Class::Bicycle, |t| Some((-150.0 + 5.0 * t, 1.75))),
        // Inside of the junction there is no direction.
        actor(Class::Car, |t| Some((15.0 - 0.1 * t, 6.0 - 3.0 * (t % 3.0)))),
    ];
    assert_eq!(of(&run(9.0, &nearly), EventKind::WrongWayDriving), []);
}

#[test]
fn a_jaywalker_is_told_and_cleared_at_the_kerb() {
    let jaywalker = actor(Class::Pedestrian, |t| Some((-80.0, (-10.0 + 1.3 * t).min(6.0))));
    let changes = run(20.0, &[jaywalker]);
    assert_eq!(of(&changes, EventKind::PedestrianOnCarriageway), [Stage::Start, Stage::Cleared]);
    assert_eq!(changes[0].kind.code(), 405);
    // How deep is measured: at the start hardly more than it takes, in the middle much more.
    let depths_m: Vec<f64> = changes.iter().map(|change| change.evidence.measures[0].value).collect();
    assert!((0.4..=0.8).contains(&depths_m[0]) && depths_m.contains(&1.6), "{depths_m:?}");
}

#[test]
fn crossing_on_the_crosswalk_and_walking_beside_the_road_are_none() {
    let good = [
        actor(Class::Pedestrian, |t| Some((-4.0, -10.0 + 1.3 * t))),
        actor(Class::Pedestrian, |t| Some((-6.5, -10.0 + 1.3 * t))),
        actor(Class::Pedestrian, |t| Some((-80.0 + 1.3 * t, -7.4))),
    ];
    assert_eq!(of(&run(14.0, &good), EventKind::PedestrianOnCarriageway), []);
}

#[test]
fn an_event_outlives_a_short_occlusion() {
    let hidden = actor(Class::Pedestrian, |t| (!(6.0..7.2).contains(&t)).then_some((-80.0, (-8.0 + 0.8 * t).min(1.0))));
    let changes = run(14.0, &[hidden]);
    assert_eq!(of(&changes, EventKind::PedestrianOnCarriageway), [Stage::Start]);
}

#[test]
fn clearing_ends_what_runs() {
    let mut monitor = Monitor::new(&EventsConfig::default());
    let changes = run_on(&mut monitor, 14.0, &[actor(Class::Car, drive_and_stand(-150.0, -100.0, -1.75, 60.0))]);
    assert_eq!((of(&changes, EventKind::StoppedVehicle), monitor.active()), (vec![Stage::Start], 1));
    let mut ended = Vec::new();
    // Time was wrong: it may be any.
    monitor.clear(Timestamp::default(), &mut ended);
    assert_eq!((of(&ended, EventKind::StoppedVehicle), ended.len(), monitor.active()), (vec![Stage::Lost], 1, 0));
    assert_eq!((ended[0].id, ended[0].lane_id.as_str()), (changes[0].id, "east-1"));
    assert!((ended[0].position_m - Vector2::new(-100.0, -1.75)).norm() < 0.5);
    // Nothing is left, but no identity comes again.
    let again = run_on(&mut monitor, 14.0, &[actor(Class::Car, drive_and_stand(-150.0, -100.0, -1.75, 60.0))]);
    assert_eq!(of(&again, EventKind::StoppedVehicle), [Stage::Start]);
    assert!(again[0].id > changes[0].id);
}
