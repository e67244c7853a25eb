//! What holds for whatever comes: numbers stay numbers, covariances stay covariances, and neither the order of arrival
//! nor the order within a frame leaves a trace.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use common::{Dice, all_around, id};
use fusion::{
    Class, Covariance2, Detection, Heading, Radial, SensorFrame, SensorId, SensorKind, Speed, Track, Tracker,
    TrackerConfig, V2xId, Velocity,
};
use proptest::prelude::*;
use proptest::sample::select;
use rsu_units::{Timestamp, Vector2};

/// Places that are seen again and again: in the open, in a crowd, of the sensors themselves, far off.
const PLACES_M: [(f64, f64); 8] =
    [(0.0, 0.0), (1.5, 0.0), (0.0, 3.0), (-30.0, 20.0), (20.0, 50.0), (0.0, -50.0), (150.0, -90.0), (1e7, -1e9)];

fn position_m() -> impl Strategy<Value = Vector2> {
    let again = (select(PLACES_M.to_vec()), -1.0..1.0_f64, -1.0..1.0_f64)
        .prop_map(|((x, y), off_x, off_y)| Vector2::new(x + off_x, y + off_y));
    let exactly = select(PLACES_M.to_vec()).prop_map(|(x, y)| Vector2::new(x, y));
    // Where numbers begin and end.
    let odd = select(vec![0.0, -0.0, 1e-300, 1e150, -1e300, f64::MAX]);
    let odd = (odd.clone(), odd).prop_map(|(x, y)| Vector2::new(x, y));
    prop_oneof![20 => again, 4 => exactly, 1 => odd]
}

fn speed_mps() -> impl Strategy<Value = f64> {
    prop_oneof![4 => -40.0..40.0_f64, 1 => -120.0..120.0_f64, 2 => select(vec![0.0, -0.0, 1e-300, 1e-9, 120.0])]
}

fn sd() -> impl Strategy<Value = f64> {
    prop_oneof![4 => 0.02..3.0_f64, 1 => select(vec![0.0, 1e-300, 1e-9, 1e-3, 100.0, 1e9])]
}

fn covariance_m2() -> impl Strategy<Value = Covariance2> {
    let odd_sd_m = select(vec![1e-150, 1e-9, 1e-3, 100.0, 1e9, 1e150]);
    let sd_m = prop_oneof![4 => 0.02..5.0_f64, 1 => odd_sd_m].boxed();
    (-3.2..3.2_f64, sd_m.clone(), sd_m).prop_map(|(rad, along, across)| {
        let valid = Covariance2::along_and_across(rad, along, across);
        // Rounding can make what is thin thinner than it may be.
        if valid.is_valid() { valid } else { Covariance2 { xx: along * along, xy: 0.0, yy: across * across } }
    })
}

fn maybe<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    proptest::option::of(strategy)
}

/// A detection whose values are as odd as its type allows.
fn detection() -> impl Strategy<Value = Detection> {
    let place = (position_m(), covariance_m2());
    let motion = (
        maybe((speed_mps(), speed_mps(), sd(), sd())),
        maybe((speed_mps(), sd())),
        maybe((speed_mps(), sd())),
        maybe((-100.0..100.0_f64, sd())),
    );
    let body = (maybe((0.01..40.0_f64, 0.01..10.0_f64)), maybe(select(Class::ALL.to_vec())));
    let who = (select(vec![0.0, 0.3, 0.7, 1.0]), maybe(0..4_u64));
    (place, motion, body, who).prop_map(
        |((position_m, covariance_m2), (velocity, speed, radial, heading), body, who)| Detection {
            velocity: velocity.map(|(x, y, along_sd_mps, across_sd_mps)| Velocity {
                mps: Vector2::new(x, y),
                along_sd_mps,
                across_sd_mps,
            }),
            speed: speed.map(|(mps, sd_mps)| Speed { mps: mps.abs(), sd_mps }),
            radial: radial.map(|(speed_mps, sd_mps)| Radial { speed_mps, sd_mps }),
            heading: heading.map(|(rad, sd_rad)| Heading { rad, sd_rad }),
            extent_m: body.0,
            class: body.1,
            confidence: who.0,
            object_id: who.1,
            ..Detection::new(position_m, covariance_m2)
        },
    )
}

/// Seconds from one frame to the next: a little, a little late, or a gap. Who was seen before five days ago and a bit was,
/// by a clock of 32 bits, seen just now.
fn step_s() -> impl Strategy<Value = f64> {
    let gaps = select(vec![0.5, 3.0, 29.0, 31.0, 3600.0, 429_496.729_6, 1e9, 1e300]);
    prop_oneof![30 => 0.0..0.1_f64, 5 => -0.3..0.0_f64, 5 => Just(0.0), 1 => gaps]
}

/// Frames from anywhere in time. Sensors 0 to 2 see, sensor 3 hears.
fn frames() -> impl Strategy<Value = Vec<SensorFrame>> {
    let starts_s = select(vec![1e6, 1e6, 0.0, 2e9, -1e9, -1e300, 9.223_372_036e12]);
    let reporter = proptest::option::of(0..3_u8);
    let frame = (0..4_usize, step_s(), proptest::collection::vec(detection(), 0..9), reporter);
    (starts_s, proptest::collection::vec(frame, 1..80)).prop_map(|(start_s, frames)| {
        let mut now_s: f64 = start_s;
        let frame = |(sensor, step_s, mut detections, reporter): (usize, f64, Vec<Detection>, Option<u8>)| {
            let time_s = now_s + step_s;
            now_s = now_s.max(time_s);
            if sensor == 3 {
                detections.truncate(1);
                for report in &mut detections {
                    report.v2x_id = reporter.map(|name| V2xId([name; 8]));
                }
            }
            SensorFrame { sensor: id(sensor), measured_at: Timestamp::from_seconds(time_s), detections }
        };
        frames.into_iter().map(frame).collect()
    })
}

fn tracker() -> Tracker {
    let sensors = vec![
        all_around(SensorKind::Lidar, 20.0, 50.0),
        all_around(SensorKind::Camera, -20.0, 50.0),
        all_around(SensorKind::Radar, 0.0, -50.0),
        all_around(SensorKind::V2x, 0.0, 0.0),
    ];
    Tracker::new(TrackerConfig { max_participants: 50, ..TrackerConfig::new(sensors) })
}

fn shown(tracker: &mut Tracker, at: Timestamp) -> Vec<Track> {
    let mut tracks = Vec::new();
    tracker.tracks_at(at, &mut tracks);
    tracks
}

/// Whether the covariance of place and velocity has a Cholesky factor, but for rounding.
#[allow(clippy::needless_range_loop, reason = "as in the books")]
fn is_positive_definite(triangle: &[f64; 10]) -> bool {
    let [xx, xy, xvx, xvy, yy, yvx, yvy, vxvx, vxvy, vyvy] = *triangle;
    let m = [[xx, xy, xvx, xvy], [xy, yy, yvx, yvy], [xvx, yvx, vxvx, vxvy], [xvy, yvy, vxvy, vyvy]];
    let mut l = [[0.0; 4]; 4];
    for i in 0..4 {
        for j in 0..=i {
            let rest = m[i][j] - (0..j).map(|k| l[i][k] * l[j][k]).sum::<f64>();
            if i != j {
                l[i][j] = rest / l[j][j];
            } else if rest > 0.0 {
                l[i][i] = rest.sqrt();
            } else {
                return false;
            }
        }
    }
    true
}

/// What tells a frame from others, in the order of time.
fn of_frame(frame: &SensorFrame) -> (Timestamp, SensorId, Option<V2xId>) {
    (frame.measured_at, frame.sensor, frame.detections.first().and_then(|detection| detection.v2x_id))
}

fn shuffle<T>(list: &mut [T], dice: &mut Dice) {
    for n in (1..list.len()).rev() {
        list.swap(n, (f64::midpoint(dice.uniform(), 1.0) * n as f64).round() as usize);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn whatever_comes_numbers_stay_numbers(
        frames in frames(), later_s in select(vec![0.05, 0.3, -1.0, 29.0, 1e9, -1e300, 1e300]),
    ) {
        let mut tracker = tracker();
        for frame in frames {
            let at = frame.measured_at;
            let _ = tracker.accept(frame);
            let mut tracks = shown(&mut tracker, at);
            tracks.extend(shown(&mut tracker, Timestamp::from_seconds(at.as_micros() as f64 * 1e-6 + later_s)));
            for track in tracks {
                let motion = [track.position_m, track.velocity_mps, track.acceleration_mps2];
                prop_assert!(motion.into_iter().all(Vector2::is_finite), "{:?}", track);
                prop_assert!(track.velocity_mps.norm() <= 300.0, "{:?}", track);
                prop_assert!(is_positive_definite(&track.covariance), "{:?}", track);
                prop_assert!((0.0..=1.0).contains(&track.existence), "{:?}", track);
                let classes = track.class.probabilities();
                prop_assert!((classes.iter().sum::<f64>() - 1.0).abs() < 1e-9 && classes.iter().all(|p| *p > 0.0));
                prop_assert!(track.heading_rad.is_none_or(|rad| rad.abs() <= std::f64::consts::PI), "{:?}", track);
                prop_assert!(track.heading_sd_rad.is_none_or(|sd_rad| sd_rad >= 0.0), "{:?}", track);
                prop_assert!(track.extent_m.0 > 0.0 && track.extent_m.1 > 0.0, "{:?}", track);
            }
            for sensor in tracker.registrations() {
                prop_assert!(sensor.offset_m().is_finite() && sensor.yaw_rad().is_finite(), "{:?}", sensor);
                prop_assert!(sensor.clock_s().is_finite() && sensor.reflection(0.5).is_finite(), "{:?}", sensor);
                prop_assert!(sensor.offset_sd_m() > 0.0 && sensor.yaw_sd_rad() > 0.0 && sensor.clock_sd_s() > 0.0);
            }
        }
    }

    /// Neither does the order within a frame mean anything, nor that in which frames of one time arrive; also where
    /// detections share a place.
    #[test]
    fn permutations_change_nothing(mut frames in frames(), seed in any::<u64>()) {
        frames.sort_by_key(of_frame);
        frames.dedup_by_key(|frame| of_frame(frame));
        let (mut straight, mut shuffled) = (tracker(), tracker());
        let mut dice = Dice(seed);
        for together in frames.chunk_by(|a, b| a.measured_at == b.measured_at) {
            for frame in together {
                let _ = straight.accept(frame.clone());
            }
            let mut others = together.to_vec();
            shuffle(&mut others, &mut dice);
            for mut other in others {
                shuffle(&mut other.detections, &mut dice);
                let _ = shuffled.accept(other);
            }
            let at = together[0].measured_at;
            prop_assert_eq!(shown(&mut straight, at), shown(&mut shuffled, at));
        }
        prop_assert_eq!(straight.registrations(), shuffled.registrations());
        prop_assert_eq!(straight.alive(), shuffled.alive());
    }

    /// The same frames give the same tracks, whoever asks for them, and a copy goes on as its original would.
    #[test]
    fn the_same_frames_give_the_same_tracks(frames in frames(), copied_at in 0..80_usize) {
        let (mut one, mut other) = (tracker(), tracker());
        for (number, frame) in frames.into_iter().enumerate() {
            if number == copied_at {
                other = one.clone();
            }
            let at = frame.measured_at;
            prop_assert_eq!(one.accept(frame.clone()), other.accept(frame));
            prop_assert_eq!(shown(&mut one, at), shown(&mut other, at));
        }
        prop_assert_eq!(one.registrations(), other.registrations());
    }
}
