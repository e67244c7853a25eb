//! `rsud fuse` and `rsud events`: recordings of sensors through the tracker and the event detectors, without a daemon.
//!
//! Input and output are those of the tracking bench: a scene (JSON), detections in the order of their arrival (CSV) and
//! tracks (CSV). The input is read as it is needed, so its length does not matter; the same input gives the same output
//! to the last octet. `detections` and `output` say what is in each column.

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
use fusion::{FrameError, Parts, SensorKind, SensorModel, Track, Tracker, TrackerConfig};
use rsu_units::{Timestamp, Vector2};
use site_map::SiteMap;

use detections::{Frames, TimedFrame};
use stats::Stats;

pub use detections::DetectionsError;
pub use events::{EventsArgs, events};
pub use fuse::{FuseArgs, fuse};
pub use scene::{Scene, SceneError};

/// Frames that are older than the newest by more than this come too late, as in the daemon's configuration.
const REORDER_WINDOW: Duration = Duration::from_millis(500);
/// A frame that was measured so long after it arrived has a clock that says nothing.
const MAX_CLOCK_LEAD: Duration = Duration::from_secs(1);
/// More participants than this are not held.
const MAX_PARTICIPANTS: usize = 4000;
/// V2X reaches so far, metres.
const V2X_RANGE_M: f64 = 1000.0;

/// A recording on its way through the tracker.
struct Replay {
    frames: Frames<Box<dyn BufRead>>,
    tracker: Tracker,
    /// The first frame that has not arrived yet.
    next: Option<TimedFrame>,
    stats: Stats,
}

impl Replay {
    fn new(
        scene: &Scene,
        input: &Path,
        map: Option<Arc<SiteMap>>,
        parts: Parts,
        journal: bool,
    ) -> anyhow::Result<Self> {
        let v2x = SensorModel::new(SensorKind::V2x, Vector2::default(), 0.0, std::f64::consts::TAU, V2X_RANGE_M);
        let tracker = Tracker::new(TrackerConfig {
            sensors: scene.sensors.iter().map(|sensor| sensor.model).chain([v2x]).collect(),
            reorder_window: REORDER_WINDOW,
            max_participants: MAX_PARTICIPANTS,
            map,
            parts,
            journal,
        });
        let mut frames = Frames::new(open(input)?, &input.display().to_string(), scene)?;
        let next = frames.next_frame()?;
        Ok(Self { frames, tracker, next, stats: Stats::default() })
    }

    /// Everything that has arrived until `at`, and the tracks as they are then.
    fn step(&mut self, at: Timestamp, tracks: &mut Vec<Track>) -> Result<(), DetectionsError> {
        let mut watch = stats::Stopwatch::default();
        while let Some(TimedFrame { arrives_at, frame }) = self.next.take_if(|next| next.arrives_at <= at) {
            self.stats.frames += 1;
            self.stats.detections += frame.detections.len() as u64;
            if frame.measured_at > arrives_at + MAX_CLOCK_LEAD {
                self.stats.frames_refused.from_the_future += 1;
            } else {
                match watch.time(|| self.tracker.accept(frame)) {
                    Ok(_) => {}
                    Err(FrameError::TooLate) => self.stats.frames_refused.too_late += 1,
                    Err(FrameError::Repeated) => self.stats.frames_refused.repeated += 1,
                    // The reader knows the same sensors.
                    Err(FrameError::UnknownSensor) => self.stats.frames_refused.unknown_sensor += 1,
                }
            }
            self.next = self.frames.next_frame()?;
        }
        watch.time(|| self.tracker.tracks_at(at, tracks));
        self.stats.step(&watch, tracks);
        Ok(())
    }
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
