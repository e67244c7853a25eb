//! The tracker through its public interface.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::f64::consts::TAU;
use std::time::Duration;

use fusion::{
    Accepted, Class, Covariance2, Detection, FrameError, SensorFrame, SensorId, SensorKind, SensorModel, Track,
    Tracker, TrackerConfig, V2xId, Velocity,
};
use proptest::prelude::*;
use rsu_units::{Timestamp, Vector2};

fn tracker() -> Tracker {
    let sensor = |kind| SensorModel::new(kind, Vector2::new(0.0, 30.0), 0.0, TAU, 300.0);
    let sensors = [SensorKind::Lidar, SensorKind::Camera, SensorKind::V2x].map(sensor).to_vec();
    Tracker::new(TrackerConfig { max_participants: 100, ..TrackerConfig::new(sensors) })
}

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_seconds(1_000_000.0 + seconds)
}

fn seen(x: f64, y: f64, vx: f64) -> Detection {
    Detection {
        velocity: Some(Velocity { mps: Vector2::new(vx, 0.0), along_sd_mps: 0.5, across_sd_mps: 0.5 }),
        extent_m: Some((4.5, 1.8)),
        class: Some(Class::Car),
        confidence: 0.9,
        ..Detection::new(Vector2::new(x, y), Covariance2 { xx: 0.05, xy: 0.0, yy: 0.05 })
    }
}

fn frame(sensor: usize, seconds: f64, detections: Vec<Detection>) -> SensorFrame {
    SensorFrame { sensor: SensorId::new(sensor).unwrap(), measured_at: at(seconds), detections }
}

fn tracks(tracker: &mut Tracker, seconds: f64) -> Vec<Track> {
    let mut tracks = Vec::new();
    tracker.tracks_at(at(seconds), &mut tracks);
    tracks
}

#[test]
fn two_cars_are_two_tracks_with_steady_identities() {
    let mut tracker = tracker();
    for step in 0..50 {
        let t = f64::from(step) * 0.1;
        let cars = vec![seen(-50.0 + 10.0 * t, 0.0, 10.0), seen(50.0 - 8.0 * t, 3.5, -8.0)];
        tracker.accept(frame(0, t, cars)).unwrap();
    }
    let now = tracks(&mut tracker, 5.0);
    assert_eq!(now.len(), 2);
    assert!(now.is_sorted_by_key(|track| track.id));
    let east = now.iter().find(|track| track.velocity_mps.x > 0.0).unwrap();
    // The state is that of the asked time, not of the last measurement.
    assert!((east.position_m - Vector2::new(0.0, 0.0)).norm() < 0.3, "{east:?}");
    assert!((east.velocity_mps.x - 10.0).abs() < 0.3);
    assert_eq!(east.class.best().0, Class::Car);
    assert!(east.existence > 0.95 && east.first_measured_at < at(0.5));
    assert!(east.heading_rad.unwrap().abs() < 0.1);
    assert_eq!(east.source_ids().map(SensorId::index).collect::<Vec<_>>(), [0]);
    let later = tracks(&mut tracker, 5.2);
    assert_eq!(later.iter().map(|t| t.id).collect::<Vec<_>>(), now.iter().map(|t| t.id).collect::<Vec<_>>());
}

#[test]
fn clutter_is_not_shown_and_what_leaves_goes() {
    let mut tracker = tracker();
    for step in 0..40 {
        let t = f64::from(step) * 0.1;
        let mut detections = vec![seen(0.0, 0.0, 0.0)];
        // Something that is never twice at the same place.
        detections.push(Detection {
            confidence: 0.4,
            ..seen(f64::from(step * 37 % 100), 60.0 + f64::from(step * 53 % 90), 0.0)
        });
        tracker.accept(frame(0, t, detections)).unwrap();
    }
    assert_eq!(tracks(&mut tracker, 4.0).len(), 1);
    for step in 40..80 {
        tracker.accept(frame(0, f64::from(step) * 0.1, vec![])).unwrap();
    }
    assert!(tracks(&mut tracker, 8.0).is_empty());
    assert_eq!(tracker.alive(), 0);
}

#[test]
fn a_short_gap_keeps_the_identity() {
    let mut tracker = tracker();
    let mut run = |from: i32, to: i32| {
        for step in from..to {
            let t = f64::from(step) * 0.1;
            tracker.accept(frame(0, t, vec![seen(10.0 * t, 0.0, 10.0)])).unwrap();
        }
        tracks(&mut tracker, f64::from(to) * 0.1)
    };
    let before = run(0, 30);
    let after = run(42, 50);
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_eq!(before[0].id, after[0].id);
}

/// Predicted step by step through the gap, it would take hours.
#[test]
fn nobody_is_left_after_a_gap_in_time() {
    for gap_s in [31.0, 1e9, 1e300] {
        let mut tracker = tracker();
        for step in 0..10 {
            tracker.accept(frame(0, f64::from(step) * 0.1, vec![seen(0.0, 0.0, 0.0)])).unwrap();
        }
        let before = tracks(&mut tracker, 1.0);
        tracker.accept(frame(0, gap_s, vec![seen(0.0, 0.0, 0.0)])).unwrap();
        assert!(tracks(&mut tracker, gap_s).is_empty());
        assert_eq!((before.len(), tracker.alive()), (1, 1));
        tracker.accept(frame(1, gap_s, vec![seen(0.0, 0.0, 0.0)])).unwrap();
        let after = tracks(&mut tracker, gap_s);
        assert!(after.len() == 1 && after[0].id != before[0].id, "{after:?}");
    }
}

#[test]
fn a_connected_vehicle_is_seen_once() {
    let mut tracker = tracker();
    let id = V2xId(*b"SZPS0001");
    for step in 0..60 {
        let t = f64::from(step) * 0.1;
        let x = -30.0 + 10.0 * t;
        tracker.accept(frame(0, t, vec![seen(x, 0.0, 10.0)])).unwrap();
        // Its GNSS is off by a metre.
        let own = Detection {
            v2x_id: Some(id),
            covariance_m2: Covariance2 { xx: 0.8, xy: 0.0, yy: 0.8 },
            ..seen(x + 0.5 + 0.7, 0.7, 10.0)
        };
        tracker.accept(frame(2, t + 0.05, vec![own])).unwrap();
    }
    let now = tracks(&mut tracker, 6.0);
    assert_eq!(now.len(), 1, "{now:?}");
    assert_eq!(now[0].v2x_id, Some(id));
    assert_eq!(now[0].source_ids().map(SensorId::index).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn what_cannot_be_used_is_refused() {
    let mut tracker = tracker();
    tracker.accept(frame(0, 10.0, vec![])).unwrap();
    assert_eq!(tracker.accept(frame(0, 10.0, vec![])), Err(FrameError::Repeated));
    assert_eq!(tracker.accept(frame(0, 9.4, vec![])), Err(FrameError::TooLate));
    assert_eq!(tracker.accept(frame(7, 10.0, vec![])), Err(FrameError::UnknownSensor));
    assert_eq!(tracker.accept(frame(1, 9.9, vec![])), Ok(Accepted::Reordered { later: 1 }));
    assert_eq!(tracker.accept(frame(1, 10.1, vec![])), Ok(Accepted::InOrder));
}

#[test]
fn two_vehicles_that_report_at_once_are_two() {
    let mut tracker = tracker();
    for step in 0..20 {
        let t = f64::from(step) * 0.1;
        for (name, y) in [(b"SZPS0001", 0.0), (b"SZPS0002", 40.0)] {
            let own = Detection { v2x_id: Some(V2xId(*name)), ..seen(10.0 * t, y, 10.0) };
            tracker.accept(frame(2, t, vec![own])).unwrap();
        }
    }
    let now = tracks(&mut tracker, 2.0);
    assert_eq!(now.len(), 2);
    assert_ne!(now[0].id, now[1].id);
    assert_ne!(now[0].v2x_id, now[1].v2x_id);
}

#[test]
fn a_flood_of_frames_is_bounded() {
    let mut tracker = tracker();
    let mut refused = 0;
    for n in 0..20_000_u32 {
        // Within a tenth of a second, backwards.
        let t = 10.0 - f64::from(n) * 5e-6;
        let name = n.to_be_bytes();
        let name = [name, name].concat().try_into().unwrap();
        let own = Detection { v2x_id: Some(V2xId(name)), ..seen(f64::from(n % 300), f64::from(n % 7) * 20.0, 0.0) };
        refused += u32::from(tracker.accept(frame(2, t, vec![own])) == Err(FrameError::TooLate));
    }
    assert!(refused > 10_000, "{refused} refused");
    // And forwards, all within a hundredth of a second.
    for n in 0..20_000_u32 {
        let t = 10.0 + f64::from(n) * 5e-7;
        let name = [n.to_le_bytes(), n.to_be_bytes()].concat().try_into().unwrap();
        let own = Detection { v2x_id: Some(V2xId(name)), ..seen(f64::from(n % 300), f64::from(n % 7) * 20.0, 0.0) };
        let _ = tracker.accept(frame(2, t, vec![own]));
        assert!(tracker.frames_kept() <= 4097);
    }
    tracks(&mut tracker, 10.0);
    assert!(tracker.alive() <= 100);
}

#[test]
fn too_many_participants_are_not_held() {
    let mut tracker = tracker();
    for step in 0..5 {
        let crowd = (0..150).map(|n| seen(f64::from(n % 15) * 15.0, f64::from(n / 15) * 15.0, 0.0)).collect();
        tracker.accept(frame(0, f64::from(step) * 0.1, crowd)).unwrap();
        tracks(&mut tracker, f64::from(step) * 0.1);
        assert!(tracker.alive() > 50 && tracker.alive() <= 100);
    }
}

/// A scene with three sensors: frames with the time they are measured.
fn scene() -> Vec<SensorFrame> {
    let mut frames = Vec::new();
    for step in 0..60 {
        let t = f64::from(step) * 0.05;
        let wobble = f64::from(step * 7919 % 13) * 0.02 - 0.12;
        let cars = vec![seen(-40.0 + 12.0 * t, wobble, 12.0), seen(30.0 - 9.0 * t, 4.0 - wobble, -9.0)];
        match step % 3 {
            0 => frames.push(frame(0, t, cars)),
            1 => frames.push(frame(1, t, cars)),
            _ => frames.push(frame(2, t, vec![Detection { v2x_id: Some(V2xId(*b"SZPS0007")), ..cars[0] }])),
        }
    }
    frames
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) })]

    /// Frames that arrive late and out of order give the tracks of the order of measurement.
    #[test]
    fn the_order_of_arrival_leaves_no_trace(delays in proptest::collection::vec(0_u32..400, 60)) {
        let mut in_order = tracker();
        for frame in scene() {
            in_order.accept(frame).unwrap();
        }
        let mut arrivals: Vec<(Timestamp, SensorFrame)> = scene()
            .into_iter()
            .zip(delays)
            .map(|(frame, delay)| (frame.measured_at + Duration::from_millis(u64::from(delay)), frame))
            .collect();
        arrivals.sort_by_key(|(arrival, _)| *arrival);
        let mut shuffled = tracker();
        for (_, frame) in arrivals {
            shuffled.accept(frame).unwrap();
        }
        let strip = |tracker: &mut Tracker| -> Vec<(Vector2, Vector2, [f64; 10], f64, Timestamp)> {
            let mut list: Vec<_> = tracks(tracker, 3.0)
                .iter()
                .map(|t| (t.position_m, t.velocity_mps, t.covariance, t.existence, t.first_measured_at))
                .collect();
            list.sort_by(|a, b| a.0.x.total_cmp(&b.0.x));
            list
        };
        prop_assert_eq!(strip(&mut in_order), strip(&mut shuffled));
    }
}
