//! `rsud fuse` and `rsud events`: recordings of sensors through the tracker and the event detectors, without a daemon.
//!
//! Input and output are those of the tracking bench: a scene (JSON), detections in the order of their arrival (CSV) and
//! tracks (CSV). The input is read as it is needed, so its length does not matter; only what `--stats` (the identities of
//! all tracks) and `--explain` (the life of one) gather grows with it. The same input gives the same output to the last
//! octet. `detections` and `output` say what is in each column.
//!
//! The tracker is set as the daemon's is where its configuration says nothing else ([`TrackingConfig`]).

mod detections;
mod events;
mod explain;
mod fuse;
mod output;
mod scene;
mod stats;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use fusion::{FrameError, Parts, SensorId, SensorModel, Track, Tracker, TrackerConfig};
use rsu_units::Timestamp;
use site_map::SiteMap;

use crate::config::TrackingConfig;
use detections::{Frames, TimedFrame};
use stats::{Stats, Stopwatch};

pub use detections::DetectionsError;
pub use events::{EventsArgs, events};
pub use fuse::{FuseArgs, fuse};
pub use scene::Scene;

/// What a recording is played with.
#[derive(Debug, Clone, Default)]
struct Settings {
    map: Option<Arc<SiteMap>>,
    parts: Parts,
    /// Whether the tracker tells the lives of its tracks.
    journal: bool,
    /// Whether [`Replay::stats`] is gathered.
    stats: bool,
}

/// A recording on its way through the tracker.
struct Replay {
    frames: Frames<Box<dyn BufRead>>,
    tracker: Tracker,
    tracking: TrackingConfig,
    /// The place of V2X among the sensors: behind all others.
    v2x: Option<SensorId>,
    /// The first frame that has not arrived yet.
    next: Option<TimedFrame>,
    stats: Option<Stats>,
}

impl Replay {
    fn new(scene: &Scene, input: &Path, settings: Settings) -> anyhow::Result<Self> {
        let tracking = TrackingConfig::default();
        let v2x = SensorModel::v2x(tracking.v2x_range_m);
        let tracker = Tracker::new(TrackerConfig {
            sensors: scene.sensors.iter().map(|sensor| sensor.model).chain([v2x]).collect(),
            reorder_window: Duration::from_millis(tracking.reorder_window_ms),
            max_participants: tracking.max_participants,
            map: settings.map,
            parts: settings.parts,
            journal: settings.journal,
        });
        let mut frames = Frames::new(open(input)?, &input.display().to_string(), scene)?;
        let next = frames.next_frame()?;
        let stats = settings.stats.then(Stats::default);
        Ok(Self { frames, tracker, tracking, v2x: SensorId::new(scene.sensors.len()), next, stats })
    }

    /// Everything that has arrived until `at`, and the tracks as they are then.
    fn step(&mut self, at: Timestamp, tracks: &mut Vec<Track>) -> Result<(), DetectionsError> {
        let mut watch = Stopwatch::default();
        while let Some(timed) = self.next.take_if(|next| next.arrives_at <= at) {
            let detections = timed.frame.detections.len() as u64;
            let refused = self.take(timed, &mut watch);
            if let Some(stats) = &mut self.stats {
                stats.frame(detections, refused);
            }
            self.next = self.frames.next_frame()?;
        }
        watch.time(|| self.tracker.tracks_at(at, tracks));
        if let Some(stats) = &mut self.stats {
            stats.step(&watch, tracks);
        }
        Ok(())
    }

    /// Gives a frame to the tracker, as the daemon's core does. Returns why it was refused, if it was.
    fn take(&mut self, timed: TimedFrame, watch: &mut Stopwatch) -> Option<Refusal> {
        let TimedFrame { arrives_at, mut frame } = timed;
        if frame.measured_at > arrives_at + Duration::from_millis(self.tracking.max_clock_lead_ms) {
            return Some(Refusal::FromTheFuture);
        }
        if Some(frame.sensor) == self.v2x {
            frame.detections.retain(|detection| detection.position_m.norm() <= self.tracking.v2x_range_m);
            if frame.detections.is_empty() {
                return Some(Refusal::OutOfRange);
            }
        }
        watch.time(|| self.tracker.accept(frame)).err().map(|error| match error {
            FrameError::TooLate => Refusal::TooLate,
            FrameError::Repeated => Refusal::Repeated,
            // The reader knows the same sensors.
            FrameError::UnknownSensor => Refusal::UnknownSensor,
        })
    }
}

/// Why a frame was not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refusal {
    TooLate,
    Repeated,
    FromTheFuture,
    /// All reports of a frame of V2X are from too far away.
    OutOfRange,
    UnknownSensor,
}

/// A file to read, `-` for standard input.
fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let opened = File::open(file).with_context(|| format!("{}: cannot be read", file.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, opened)))
}

/// A file to write, `-` for standard output.
fn create(file: &Path) -> anyhow::Result<Box<dyn Write>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufWriter::new(std::io::stdout())));
    }
    let created = File::create(file).with_context(|| format!("{}: cannot be written", file.display()))?;
    Ok(Box::new(BufWriter::with_capacity(1 << 16, created)))
}

/// Where what is not the output goes: standard output, unless that is taken.
fn beside(output: Option<&Path>) -> Box<dyn Write> {
    if output == Some(Path::new("-")) { Box::new(std::io::stderr()) } else { Box::new(std::io::stdout()) }
}

/// The times of the output: the multiples of a period within the scene.
#[derive(Debug)]
struct Ticks {
    rate_hz: f64,
    next: i64,
    last: i64,
}

impl Ticks {
    fn new(scene: &Scene, rate_hz: f64) -> Self {
        // What the scene gives with few decimals is a multiple in spite of the rounding of floats.
        const SLACK: f64 = 1e-6;
        Self {
            rate_hz,
            next: (scene.t0_s * rate_hz - SLACK).ceil() as i64,
            last: (scene.t1_s * rate_hz + SLACK).floor() as i64,
        }
    }
}

impl Iterator for Ticks {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let tick = Some(self.next).filter(|tick| *tick <= self.last)?;
        self.next += 1;
        Some(Timestamp::from_seconds(tick as f64 / self.rate_hz))
    }
}

/// Reads the rate of the output on the command line.
fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate_hz) if (0.01..=1000.0).contains(&rate_hz) => Ok(rate_hz),
        _ => Err("expected a number from 0.01 to 1000".into()),
    }
}

/// To so many decimals.
fn round(value: f64, decimals: i32) -> f64 {
    let units = 10_f64.powi(decimals);
    (value * units).round() / units
}

/// Seconds of a time as the recording counts them.
fn seconds(at: Timestamp) -> f64 {
    at.as_micros() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_the_multiples_within_the_scene() {
        let ticks = |t0_s, t1_s, rate_hz| {
            let scene = Scene { t0_s, t1_s, sensors: Vec::new() };
            Ticks::new(&scene, rate_hz).map(Timestamp::as_micros).collect::<Vec<_>>()
        };
        assert_eq!(ticks(0.3, 0.6, 10.0), [300_000, 400_000, 500_000, 600_000]);
        assert_eq!(ticks(0.25, 0.45, 10.0), [300_000, 400_000]);
        assert_eq!(ticks(300.0, 300.1, 30.0), [300_000_000, 300_033_333, 300_066_667, 300_100_000]);
        assert_eq!(ticks(1.0, 0.0, 10.0), Vec::<i64>::new());
    }
}
