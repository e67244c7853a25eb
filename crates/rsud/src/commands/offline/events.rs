//! `rsud events`: a recording through the tracker and the event detectors.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use fusion::Track;
use serde::Serialize;
use site_map::SiteMap;
use traffic_events::{
    Context, EventChange, EventsConfig, LaneInterval, LaneStatistics, LaneStatisticsConfig, Measure, Monitor, Stage,
    TrackEvidence,
};

use super::output::class_name;
use super::scene::Scene;
use super::{Replay, Settings, Ticks, create, parse_rate, round, seconds};
use crate::config::load_site_file;

/// What a site is called that lies beside its scene.
const SITE_BESIDE: &str = "site.toml";

/// Arguments of `rsud events`.
#[derive(Debug, Clone, Args)]
pub struct EventsArgs {
    /// The scene: times and sensors, JSON.
    #[arg(long)]
    pub scene: PathBuf,
    /// The detections in the order of their arrival, CSV; `-` for standard input.
    #[arg(long)]
    pub input: PathBuf,
    /// The events, JSON lines; `-` for standard output.
    #[arg(long)]
    pub output: PathBuf,
    /// The site's map: a site file, a configuration or a MAP message. By default `site.toml` beside the scene.
    #[arg(long)]
    pub map: Option<PathBuf>,
    /// The detectors look so often, hertz.
    #[arg(long, default_value = "10", value_parser = parse_rate)]
    pub rate: f64,
    /// Tell the lane statistics too, of intervals of so many seconds.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "60", value_parser = parse_interval)]
    pub lane_statistics: Option<Duration>,
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (1.0..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("expected a number from 1 to 86400".into()),
    }
}

/// Runs a recording through the tracker and the event detectors, and writes one line for each change.
///
/// # Errors
/// When scene, map or detections cannot be, or the output fails.
pub fn events(args: &EventsArgs) -> anyhow::Result<()> {
    let scene = Scene::load(&args.scene)?;
    let map = Arc::new(site(args)?);
    let settings = Settings { map: Some(Arc::clone(&map)), ..Settings::default() };
    let mut replay = Replay::new(&scene, &args.input, settings)?;
    let mut out = create(&args.output)?;
    let mut monitor = Monitor::new(&EventsConfig::default());
    let mut statistics = args
        .lane_statistics
        .map(|interval| LaneStatistics::new(LaneStatisticsConfig { interval, ..LaneStatisticsConfig::default() }));
    let (mut tracks, mut changes, mut intervals) = (Vec::new(), Vec::new(), Vec::new());
    for at in Ticks::new(&scene, args.rate) {
        replay.step(at, &mut tracks)?;
        monitor.update(at, &map, &tracks, &Context::default(), &mut changes);
        for change in changes.drain(..) {
            line(&mut out, &EventLine::new(&change, &map))?;
        }
        if let Some(statistics) = &mut statistics {
            statistics.update(at, &map, &tracks, &mut intervals);
            for interval in intervals.drain(..) {
                line(&mut out, &StatisticsLine { lane_statistics: LaneLine::new(&interval) })?;
            }
        }
    }
    out.flush().context("cannot write the events")
}

/// The map that was asked for, or the one beside the scene: events are only found on roads that are known.
fn site(args: &EventsArgs) -> anyhow::Result<SiteMap> {
    if let Some(file) = &args.map {
        return Ok(load_site_file(file)?);
    }
    let beside = args.scene.with_file_name(SITE_BESIDE);
    anyhow::ensure!(
        beside.is_file(),
        "there is no map: give --map with a site file, a configuration or a MAP message, or lay the site file beside the \
         scene as {}",
        beside.display()
    );
    Ok(load_site_file(&beside)?)
}

fn line(out: &mut impl Write, content: &impl Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, content).context("cannot write the events")?;
    out.write_all(b"\n").context("cannot write the events")
}

#[derive(Debug, Serialize)]
struct EventLine<'a> {
    event_id: u64,
    kind: &'static str,
    code: u32,
    stage: &'static str,
    t_s: f64,
    began_s: f64,
    x_m: f64,
    y_m: f64,
    latitude_deg: f64,
    longitude_deg: f64,
    lane: Option<&'a str>,
    confidence: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<&'static str>,
    participants: Vec<ParticipantLine>,
    evidence: EvidenceLine,
}

#[derive(Debug, Serialize)]
struct ParticipantLine {
    id: u64,
    class: &'static str,
    x_m: f64,
    y_m: f64,
    speed_mps: f64,
}

#[derive(Debug, Serialize)]
struct EvidenceLine {
    tracks: Vec<TrackLine>,
    looks: u32,
    looks_held: u32,
    measures: Vec<MeasureLine>,
}

#[derive(Debug, Serialize)]
struct TrackLine {
    id: u64,
    from_s: f64,
    to_s: f64,
}

#[derive(Debug, Serialize)]
struct MeasureLine {
    quantity: &'static str,
    unit: &'static str,
    value: f64,
    limit: f64,
}

impl<'a> EventLine<'a> {
    fn new(change: &'a EventChange, map: &SiteMap) -> Self {
        let (stage, end_reason) = match change.stage {
            Stage::Start => ("start", None),
            Stage::Update => ("update", None),
            Stage::Cleared => ("end", Some("cleared")),
            Stage::Lost => ("end", Some("lost")),
        };
        let (latitude_deg, longitude_deg) = map.frame().to_wgs84(change.position_m);
        Self {
            event_id: change.id.0,
            kind: change.kind.name(),
            code: change.kind.code(),
            stage,
            t_s: seconds(change.at),
            began_s: seconds(change.began_at),
            x_m: round(change.position_m.x, 3),
            y_m: round(change.position_m.y, 3),
            latitude_deg: round(latitude_deg, 8),
            longitude_deg: round(longitude_deg, 8),
            lane: Some(change.lane_id.as_str()).filter(|lane| !lane.is_empty()),
            confidence: round(change.confidence, 3),
            end_reason,
            participants: change.participants.iter().map(ParticipantLine::new).collect(),
            evidence: EvidenceLine {
                tracks: change.evidence.tracks.iter().map(TrackLine::new).collect(),
                looks: change.evidence.looks,
                looks_held: change.evidence.looks_held,
                measures: change.evidence.measures.iter().map(MeasureLine::new).collect(),
            },
        }
    }
}

impl ParticipantLine {
    fn new(track: &Track) -> Self {
        Self {
            id: track.id.0,
            class: class_name(track.class.best().0),
            x_m: round(track.position_m.x, 3),
            y_m: round(track.position_m.y, 3),
            speed_mps: round(track.speed_mps(), 3),
        }
    }
}

impl TrackLine {
    fn new(track: &TrackEvidence) -> Self {
        Self { id: track.track_id.0, from_s: seconds(track.from), to_s: seconds(track.to) }
    }
}

impl MeasureLine {
    fn new(measure: &Measure) -> Self {
        Self {
            quantity: measure.quantity.name(),
            unit: measure.quantity.unit(),
            value: round(measure.value, 4),
            limit: round(measure.limit, 4),
        }
    }
}

#[derive(Debug, Serialize)]
struct StatisticsLine<'a> {
    lane_statistics: LaneLine<'a>,
}

#[derive(Debug, Serialize)]
struct LaneLine<'a> {
    lane: &'a str,
    approach: Option<&'a str>,
    from_s: f64,
    to_s: f64,
    coverage: f64,
    counts: ByClass<u32>,
    flow_per_h: ByClass<f64>,
    stretch_flow_per_h: f64,
    density_per_km: f64,
    occupancy: f64,
    mean_speed_mps: Option<f64>,
    passing_speed_mps: Option<f64>,
    mean_headway_s: Option<f64>,
    max_queue_m: f64,
    max_queue_vehicles: u32,
}

#[derive(Debug, Serialize)]
struct ByClass<T> {
    light: T,
    heavy: T,
    cycle: T,
}

impl<T> From<[T; 3]> for ByClass<T> {
    fn from([light, heavy, cycle]: [T; 3]) -> Self {
        Self { light, heavy, cycle }
    }
}

impl<'a> LaneLine<'a> {
    fn new(interval: &'a LaneInterval) -> Self {
        let round3 = |value: f64| round(value, 3);
        Self {
            lane: &interval.lane_id,
            approach: interval.approach.as_deref(),
            from_s: seconds(interval.from),
            to_s: seconds(interval.to),
            coverage: round3(interval.coverage),
            counts: interval.counts.into(),
            flow_per_h: interval.flow_veh_per_h.map(round3).into(),
            stretch_flow_per_h: round3(interval.stretch_flow_veh_per_h),
            density_per_km: round3(interval.density_veh_per_km),
            occupancy: round3(interval.occupancy),
            mean_speed_mps: interval.mean_speed_mps.map(round3),
            passing_speed_mps: interval.passing_speed_mps.map(round3),
            mean_headway_s: interval.mean_headway_s.map(round3),
            max_queue_m: round3(interval.max_queue_m),
            max_queue_vehicles: interval.max_queue_vehicles,
        }
    }
}
