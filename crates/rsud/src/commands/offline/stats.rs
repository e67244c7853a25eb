//! What `--stats` tells: how much there was, how long it took, and how the sensors stand.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use fusion::{Registration, Track, TrackId};
use hdrhistogram::Histogram;
use serde::Serialize;

use super::scene::Scene;
use super::{Refusal, round};

/// Time that is spent in parts of a step.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    spent: Duration,
}

impl Stopwatch {
    /// Does something and adds the time that it takes.
    #[allow(clippy::disallowed_methods, reason = "a stopwatch: only what --stats tells depends on it")]
    pub(super) fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        self.spent += start.elapsed();
        result
    }
}

/// No step takes longer than a minute.
const LONGEST_NS: u64 = 60_000_000_000;

/// Counts of a run.
#[derive(Debug, Default)]
pub(super) struct Stats {
    frames: u64,
    detections: u64,
    frames_refused: Refused,
    steps: u64,
    /// All that were shown: the only thing here that grows with the recording.
    tracks: BTreeSet<TrackId>,
    /// Nanoseconds of each step.
    spent: Option<Histogram<u64>>,
}

/// Frames that were not used.
#[derive(Debug, Default, Clone, Copy, Serialize)]
struct Refused {
    too_late: u64,
    repeated: u64,
    from_the_future: u64,
    out_of_range: u64,
    unknown_sensor: u64,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    steps: u64,
    detections: u64,
    frames: u64,
    frames_refused: Refused,
    tracks: usize,
    ms_per_step: MsPerStep,
    sensors: Vec<SensorReport<'a>>,
}

#[derive(Debug, Serialize)]
struct MsPerStep {
    mean: f64,
    p99: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct SensorReport<'a> {
    name: &'a str,
    east_m: f64,
    north_m: f64,
    yaw_deg: f64,
    clock_ms: f64,
    reflection_near: f64,
    reflection_far: f64,
}

impl Stats {
    /// A frame has been read, and used where it was not refused.
    pub(super) fn frame(&mut self, detections: u64, refused: Option<Refusal>) {
        self.frames += 1;
        self.detections += detections;
        let counts = &mut self.frames_refused;
        match refused {
            None => {}
            Some(Refusal::TooLate) => counts.too_late += 1,
            Some(Refusal::Repeated) => counts.repeated += 1,
            Some(Refusal::FromTheFuture) => counts.from_the_future += 1,
            Some(Refusal::OutOfRange) => counts.out_of_range += 1,
            Some(Refusal::UnknownSensor) => counts.unknown_sensor += 1,
        }
    }

    /// A step has been done.
    pub(super) fn step(&mut self, watch: &Stopwatch, tracks: &[Track]) {
        self.steps += 1;
        self.tracks.extend(tracks.iter().map(|track| track.id));
        if self.spent.is_none() {
            // One that has no bounds would not grow for what saturates.
            self.spent = Histogram::new_with_bounds(1, LONGEST_NS, 3).ok();
        }
        if let Some(spent) = &mut self.spent {
            spent.saturating_record(u64::try_from(watch.spent.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// One JSON object.
    pub(super) fn to_json(&self, scene: &Scene, registrations: &[Registration]) -> Result<String, serde_json::Error> {
        let ms = |nanos: f64| round(nanos / 1e6, 3);
        let spent = self.spent.as_ref();
        let sensors = scene.sensors.iter().zip(registrations).map(|(sensor, registration)| SensorReport {
            name: &sensor.name,
            east_m: round(registration.offset_m().x, 4),
            north_m: round(registration.offset_m().y, 4),
            yaw_deg: round(registration.yaw_rad().to_degrees(), 4),
            clock_ms: round(registration.clock_s() * 1000.0, 4),
            reflection_near: round(registration.reflection(0.0), 4),
            reflection_far: round(registration.reflection(1.0), 4),
        });
        serde_json::to_string(&Report {
            steps: self.steps,
            detections: self.detections,
            frames: self.frames,
            frames_refused: self.frames_refused,
            tracks: self.tracks.len(),
            ms_per_step: MsPerStep {
                mean: ms(spent.map_or(0.0, Histogram::mean)),
                p99: ms(spent.map_or(0, |spent| spent.value_at_quantile(0.99)) as f64),
                max: ms(spent.map_or(0, Histogram::max) as f64),
            },
            sensors: sensors.collect(),
        })
    }
}
