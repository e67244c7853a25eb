//! `rsud map`: checks and draws the map of a site file, a configuration or a MAP message.

use std::io::Write;
use std::path::Path;

use anyhow::Context as _;
use site_map::{AreaKind, Severity};

use crate::config::load_site_file;

/// Prints what is probably wrong with a map, one finding a line, and a summary. Returns whether there is no error;
/// warnings may be.
///
/// # Errors
/// When the file cannot be read or cannot be a map, or the output fails.
pub fn check(file: &Path, mut out: impl Write) -> anyhow::Result<bool> {
    let map = load_site_file(file)?;
    let findings = map.validate();
    for finding in &findings {
        writeln!(out, "{finding}").context("write")?;
    }
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let junctions = map.areas().iter().filter(|area| area.kind == AreaKind::Junction).count();
    writeln!(
        out,
        "{}: {} lanes, {} approaches, {} connections, {junctions} junctions, {} conflict points; {errors} errors, {} warnings",
        file.display(),
        map.lanes().count(),
        map.approaches().count(),
        map.lanes().map(|lane| lane.connections.len()).sum::<usize>(),
        map.conflict_points().len(),
        findings.len() - errors
    )
    .context("write")?;
    Ok(errors == 0)
}

/// Writes the map as an SVG drawing.
///
/// # Errors
/// When the file cannot be read or cannot be a map, or the output fails.
pub fn show(file: &Path, mut out: impl Write) -> anyhow::Result<()> {
    out.write_all(load_site_file(file)?.to_svg().as_bytes()).context("write")
}
