//! `rsud fuse`: a recording through the tracker.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use clap::builder::PossibleValuesParser;
use fusion::{Parts, TrackId};

use super::explain::Life;
use super::output::Rows;
use super::scene::Scene;
use super::{Replay, Settings, Ticks, beside, create, parse_rate};
use crate::config::load_site_file;

/// Arguments of `rsud fuse`.
#[derive(Debug, Clone, Args)]
pub struct FuseArgs {
    /// The scene: times and sensors, JSON.
    #[arg(long)]
    pub scene: PathBuf,
    /// The detections in the order of their arrival, CSV; `-` for standard input.
    #[arg(long)]
    pub input: PathBuf,
    /// The tracks, CSV; `-` for standard output.
    #[arg(long, required_unless_present = "explain")]
    pub output: Option<PathBuf>,
    /// Tracks are told so often, hertz.
    #[arg(long, default_value = "10", value_parser = parse_rate)]
    pub rate: f64,
    /// The site's map: a site file, a configuration or a MAP message.
    #[arg(long)]
    pub map: Option<PathBuf>,
    /// Print counts, times and how the sensors stand, as one JSON object.
    #[arg(long)]
    pub stats: bool,
    /// Print the life of a track.
    #[arg(long, value_name = "ID")]
    pub explain: Option<u64>,
    /// Leave a part of the tracker out, to see what it brings.
    #[arg(long, value_name = "PART", value_parser = PossibleValuesParser::new(Parts::NAMES))]
    pub without: Vec<String>,
}

/// Runs a recording through the tracker. Returns false when the track to explain never was.
///
/// # Errors
/// When scene, map or detections cannot be, or the output fails.
pub fn fuse(args: &FuseArgs) -> anyhow::Result<bool> {
    let scene = Scene::load(&args.scene)?;
    let map = args.map.as_deref().map(load_site_file).transpose()?.map(Arc::new);
    let mut parts = Parts::default();
    for part in &args.without {
        // The command line takes names of parts only.
        parts.without(part);
    }
    let settings = Settings { map, parts, journal: args.explain.is_some(), stats: args.stats };
    let mut replay = Replay::new(&scene, &args.input, settings)?;
    let mut rows = args
        .output
        .as_deref()
        .map(|file| anyhow::Ok(Rows::new(create(file)?, args.rate)?))
        .transpose()
        .context("cannot write the tracks")?;
    let names = || scene.sensors.iter().map(|sensor| sensor.name.clone()).chain(["bsm".into()]).collect();
    let mut life = args.explain.map(|id| Life::new(TrackId(id), names()));
    let mut tracks = Vec::new();
    let mut entries = Vec::new();
    for at in Ticks::new(&scene, args.rate) {
        replay.step(at, &mut tracks)?;
        if let Some(rows) = &mut rows {
            rows.write(at, &tracks).context("cannot write the tracks")?;
        }
        if let Some(life) = &mut life {
            replay.tracker.drain_journal(&mut entries);
            life.take(&mut entries);
        }
    }
    if let Some(rows) = rows {
        rows.finish().context("cannot write the tracks")?;
    }
    let mut out = beside(args.output.as_deref());
    let mut known = true;
    if let Some(mut life) = life {
        replay.tracker.finish_journal(&mut entries);
        life.take(&mut entries);
        known = life.write(&mut out)?;
    }
    if let Some(stats) = &replay.stats {
        writeln!(out, "{}", stats.to_json(&scene, replay.tracker.registrations())?)?;
    }
    out.flush()?;
    Ok(known)
}
