//! A junction with sensors that err as they do in the field, in few lines and without randomness of the machine.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop; not all use all"
)]

use std::f64::consts::TAU;

use fusion::{
    Class, Covariance2, Detection, Heading, SensorFrame, SensorId, SensorKind, SensorModel, Track, Tracker,
    TrackerConfig, Velocity,
};
use rsu_units::{Timestamp, Vector2};

/// Numbers between -1 and 1 that look random: splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// About normal, one-sigma 1.
    pub fn normal(&mut self) -> f64 {
        (0..6).map(|_| self.uniform()).sum::<f64>() / 2.0_f64.sqrt()
    }
}

pub fn at(seconds: f64) -> Timestamp {
    Timestamp::from_seconds(1_000_000.0 + seconds)
}

pub fn id(sensor: usize) -> SensorId {
    SensorId::new(sensor).unwrap()
}

/// A sensor that sees all around.
pub fn all_around(kind: SensorKind, x: f64, y: f64) -> SensorModel {
    SensorModel::new(kind, Vector2::new(x, y), 0.0, TAU, 200.0)
}

pub fn tracker(sensors: Vec<SensorModel>) -> Tracker {
    Tracker::new(TrackerConfig::new(sensors))
}

/// A car that is seen where it is, with a velocity.
pub fn car(x: f64, y: f64, vx: f64, vy: f64, sd_m: f64) -> Detection {
    let velocity = Vector2::new(vx, vy);
    Detection {
        velocity: Some(Velocity { mps: velocity, along_sd_mps: 0.4, across_sd_mps: 0.4 }),
        heading: Some(Heading { rad: velocity.angle_rad(), sd_rad: 0.1 }),
        extent_m: Some((4.6, 1.9)),
        class: Some(Class::Car),
        confidence: 0.85,
        ..Detection::new(Vector2::new(x, y), Covariance2 { xx: sd_m * sd_m, xy: 0.0, yy: sd_m * sd_m })
    }
}

pub fn frame(sensor: usize, seconds: f64, detections: Vec<Detection>) -> SensorFrame {
    SensorFrame { sensor: id(sensor), measured_at: at(seconds), detections }
}

pub fn tracks(tracker: &mut Tracker, seconds: f64) -> Vec<Track> {
    let mut tracks = Vec::new();
    tracker.tracks_at(at(seconds), &mut tracks);
    tracks
}

/// Frames of three sensors, 10, 15 and 20 Hz, of `n` vehicles that drive in rows.
pub fn traffic(n: usize, seconds: f64, noise_m: f64) -> Vec<SensorFrame> {
    let mut dice = Dice(7);
    let mut frames = Vec::new();
    for (sensor, rate_hz) in [(0, 10.0), (1, 15.0), (2, 20.0)] {
        for k in 0..(seconds * rate_hz) as i32 {
            let t = (f64::from(k) + 0.2 * f64::from(sensor)) / rate_hz;
            let detections = (0..n)
                .map(|n| {
                    let (row, place) = ((n % 10) as f64, (n / 10) as f64);
                    let v = if n % 2 == 0 { 10.0 } else { -8.0 };
                    let x = place * 14.0 - 70.0 + v * (t - seconds / 2.0);
                    let (ex, ey) = (noise_m * dice.normal(), noise_m * dice.normal());
                    car(x + ex, row * 7.0 - 35.0 + ey, v, 0.0, noise_m.max(0.05))
                })
                .collect();
            frames.push(frame(sensor as usize, t, detections));
        }
    }
    frames.sort_by_key(|frame| (frame.measured_at, frame.sensor));
    frames
}

pub fn three_sensors() -> Vec<SensorModel> {
    vec![
        all_around(SensorKind::Lidar, 20.0, 50.0),
        all_around(SensorKind::Camera, -20.0, 50.0),
        all_around(SensorKind::Lidar, 0.0, -50.0),
    ]
}
