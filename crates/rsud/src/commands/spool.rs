//! `rsud spool`: what waits on disk, and whether it is whole.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use rsu_units::Timestamp;
use spool::{ClassReport, Report};

/// What `rsud spool inspect` and `rsud spool verify` are told.
#[derive(Debug, Args)]
pub struct SpoolArgs {
    /// Configuration file: all its links are looked at.
    #[arg(long, conflicts_with = "folder", required_unless_present = "folder")]
    config: Option<PathBuf>,
    /// The folder of one link.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// One JSON object for each link instead of text.
    #[arg(long)]
    json: bool,
}

/// Looks at what waits; with `every_octet` reads all of it. Returns whether nothing is damaged. The daemon may be running.
///
/// # Errors
/// The configuration or the spool cannot be read.
pub fn look(args: &SpoolArgs, every_octet: bool, mut out: impl Write) -> anyhow::Result<bool> {
    let folders = match (&args.config, &args.folder) {
        (_, Some(folder)) => vec![folder.clone()],
        (Some(config), None) => {
            crate::config::load(config)?.cloud.into_iter().map(|link| link.spool.dir().to_path_buf()).collect()
        }
        (None, None) => Vec::new(),
    };
    let mut sound = true;
    for folder in folders {
        let report = if every_octet { spool::verify(&folder) } else { spool::inspect(&folder) };
        let report = report.with_context(|| format!("{}", folder.display()))?;
        sound &= report.is_sound();
        if args.json {
            let report = serde_json::json!({ "folder": folder, "sound": report.is_sound(), "report": report });
            writeln!(out, "{report}")?;
        } else {
            show(&folder, &report, every_octet, &mut out)?;
        }
    }
    Ok(sound)
}

fn time(at_us: Option<i64>) -> String {
    at_us.map_or_else(|| "-".into(), |us| Timestamp::from_micros(us).to_string())
}

fn show(folder: &Path, report: &Report, every_octet: bool, out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "{}", folder.display())?;
    writeln!(out, "  state saved at {}, boot {}", time(report.saved_at_us), report.boot.unwrap_or(0))?;
    writeln!(
        out,
        "  {:<10} {:>9} {:>12} {:>9}  {:<28} gaps to tell",
        "class", "waiting", "octets", "segments", "oldest"
    )?;
    for class in &report.classes {
        let ClassReport { name, items, bytes, segments, oldest_accepted_at_us, gaps, .. } = class;
        let missing: u64 = gaps.iter().map(spool::Gap::count).sum();
        let oldest = time(*oldest_accepted_at_us);
        writeln!(out, "  {name:<10} {items:>9} {bytes:>12} {segments:>9}  {oldest:<28} {missing}")?;
    }
    for damage in &report.damage {
        let told = if damage.told { "told" } else { "not found by the daemon yet" };
        let (file, offset, octets, items) = (&damage.file, damage.offset, damage.octets, damage.items);
        writeln!(out, "  damaged: {file} at {offset}, {octets} octets, {items} items: {:?} ({told})", damage.kind)?;
    }
    if report.more_damage > 0 {
        writeln!(out, "  and {} more damaged places", report.more_damage)?;
    }
    for file in &report.set_aside {
        writeln!(out, "  set aside: {file}")?;
    }
    for file in &report.other_files {
        writeln!(out, "  not the spool's: {file}")?;
    }
    let sound = match (report.is_sound(), every_octet) {
        (true, true) => "every octet is in order",
        (true, false) => "no damage seen; `verify` reads every octet",
        (false, _) => "damaged",
    };
    writeln!(out, "  {sound}")
}
