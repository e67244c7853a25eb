//! `cargo xtask bench fusion`: the tracker on the bench's scenes, beside its goals and beside other trackers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::scenes::{Programs, Scene, folder, json_of};
use crate::visibility;

const RIVALS: [&str; 2] = ["norfair", "motpy"];
const OURS: &str = "rsud";

/// The parts that `rsud fuse --without` knows. They are those of `fusion::Parts`, which this crate may not use; a test
/// compares.
const PARTS: [&str; 11] = [
    "registration",
    "velocity",
    "doppler",
    "occlusion",
    "object_ids",
    "gnss_bias",
    "reflection",
    "reordering",
    "anisotropy",
    "class",
    "merging",
];

/// A figure of the score, its heading, and its decimals.
const COLUMNS: [(&str, &str, usize); 10] = [
    ("HOTA", "HOTA", 1),
    ("DetA", "DetA", 1),
    ("AssA", "AssA", 1),
    ("MOTA", "MOTA", 1),
    ("IDF1", "IDF1", 1),
    ("IDSW", "id switches", 0),
    ("GOSPA", "GOSPA m", 2),
    ("RMSE", "RMSE m", 3),
    ("mean", "ms mean", 3),
    ("p99", "ms p99", 3),
];

/// What is wanted of the mean over the seeds: road users, mode, figure, bound, and whether it is the most allowed.
const GOALS: [(&str, &str, &str, f64, bool); 14] = [
    ("50", "clean", "HOTA", 92.0, false),
    ("50", "biased", "HOTA", 91.0, false),
    ("200", "clean", "HOTA", 89.0, false),
    ("200", "biased", "HOTA", 88.0, false),
    ("500", "clean", "HOTA", 80.0, false),
    ("500", "biased", "HOTA", 79.0, false),
    ("200", "biased", "RMSE", 0.40, true),
    ("200", "clean", "IDSW", 60.0, true),
    ("200", "biased", "IDSW", 60.0, true),
    ("200", "biased", "mean", 0.7, true),
    ("200", "biased", "p99", 2.0, true),
    ("200", "clean", "mean", 0.7, true),
    ("500", "clean", "mean", 2.0, true),
    ("500", "biased", "mean", 2.0, true),
];
const TIME_RATIO_GOAL: f64 = 15.0;

/// The figures of one tracker on one scene, or their means.
type Figures = BTreeMap<&'static str, f64>;

/// What the command line asks for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// Less of it.
    pub(crate) quick: bool,
    ablation: bool,
    /// A program to use instead of building one.
    pub(crate) rsud: Option<String>,
}

impl Options {
    /// Reads the words after the name of a bench that knows these options.
    pub(crate) fn parse(words: &[&str], known: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            ensure!(known.contains(word), "this bench has no option {word:?}; it has {}", known.join(", "));
            match *word {
                "--quick" => options.quick = true,
                "--ablation" => options.ablation = true,
                _ => options.rsud = Some((*words.next().context("--rsud needs a path")?).to_owned()),
            }
        }
        Ok(options)
    }
}

/// Runs the bench.
pub(crate) fn bench(options: &Options) -> anyhow::Result<()> {
    let programs = Programs::new(options.rsud.as_deref())?;
    if options.ablation {
        return ablation(&programs);
    }
    let scenes = scenes(options.quick);
    let mut results = BTreeMap::new();
    for scene in &scenes {
        println!("\n== {}", scene.name());
        let path = programs.make(scene)?;
        results.insert((scene.clone(), OURS), ours(&programs, &path, None)?);
        for rival in RIVALS.into_iter().filter(|_| scene.seed == 1) {
            results.insert((scene.clone(), rival), other(&programs, &path, rival)?);
        }
    }
    let text = report(&scenes, &results);
    println!("\n{text}");
    let file = folder().join("fusion.md");
    std::fs::write(&file, text)?;
    println!("written to {}", file.display());
    Ok(())
}

fn scenes(quick: bool) -> Vec<Scene> {
    let all = ["50", "200", "500"].into_iter().flat_map(|source| {
        ["clean", "biased"].into_iter().flat_map(move |mode| (1..=3).map(move |seed| Scene { source, mode, seed }))
    });
    all.filter(|s| !quick || (s.seed == 1 && s.mode == "biased" && s.source != "500")).collect()
}

/// Our tracker, whole or without a part.
fn ours(programs: &Programs, scene: &Path, without: Option<&str>) -> anyhow::Result<Figures> {
    let name = without.map_or_else(|| OURS.to_owned(), |part| format!("without_{part}"));
    let output = scene.join(format!("tracks_{name}.csv"));
    let mut command = programs.rsud("fuse", scene, &output);
    command.arg("--stats");
    if let Some(part) = without {
        command.args(["--without", part]);
    }
    figures(programs, scene, &output, &mut command)
}

fn other(programs: &Programs, scene: &Path, rival: &str) -> anyhow::Result<Figures> {
    let output = scene.join(format!("tracks_{rival}.csv"));
    let mut command = programs.script("bench/rivals.py");
    figures(programs, scene, &output, command.arg(rival).arg(scene).arg(&output))
}

/// Runs a tracker that prints its times, and scores what it wrote.
fn figures(programs: &Programs, scene: &Path, output: &Path, tracker: &mut Command) -> anyhow::Result<Figures> {
    if output.exists() {
        std::fs::remove_file(output)?;
    }
    let times = json_of(tracker)?;
    ensure!(output.exists(), "{tracker:?} did not write {}", output.display());
    let score = json_of(programs.script("bench/score.py").arg(scene).arg(output))?;
    let mut figures = Figures::new();
    for (key, _, _) in COLUMNS {
        let value = times.pointer("/ms_per_step").and_then(|times| times.get(key)).or_else(|| score.get(key));
        figures.insert(key, value.and_then(Value::as_f64).unwrap_or(f64::NAN));
    }
    println!("{}", row(&output.file_stem().unwrap_or_default().to_string_lossy(), "", &figures));
    Ok(figures)
}

fn head(first: &str, second: &str) -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(_, heading, _)| *heading).collect();
    format!("| {first} | {second} | {} |\n|{}\n", names.join(" | "), "---|".repeat(COLUMNS.len() + 2))
}

fn row(first: &str, second: &str, figures: &Figures) -> String {
    let cell = |key: &str, decimals: usize| format!("{:.decimals$}", figures.get(key).copied().unwrap_or(f64::NAN));
    let cells: Vec<String> = COLUMNS.iter().map(|(key, _, decimals)| cell(key, *decimals)).collect();
    format!("| {first} | {second} | {} |", cells.join(" | "))
}

fn mean<'a>(all: &(impl Iterator<Item = &'a Figures> + Clone)) -> Figures {
    let count = all.clone().count() as f64;
    let sum = |key: &str| all.clone().filter_map(|figures| figures.get(key)).sum::<f64>();
    COLUMNS.iter().map(|(key, _, _)| (*key, sum(key) / count)).collect()
}

fn report(scenes: &[Scene], results: &BTreeMap<(Scene, &'static str), Figures>) -> String {
    let mut text = format!("# Tracking bench\n\nOne step is 0.1 s. {}\n\n", machine());
    text += &head("scene", "tracker");
    for scene in scenes {
        for tracker in std::iter::once(OURS).chain(RIVALS) {
            if let Some(figures) = results.get(&(scene.clone(), tracker)) {
                let _ = writeln!(text, "{}", row(&scene.name(), tracker, figures));
            }
        }
    }
    let mut means: BTreeMap<(&str, &str), Figures> = BTreeMap::new();
    let _ = write!(text, "\n## Means over the seeds, {OURS}\n\n{}", head("scene", "seeds"));
    for scene in scenes {
        let kind = (scene.source, scene.mode);
        if means.contains_key(&kind) {
            continue;
        }
        let same = results
            .iter()
            .filter(|((s, tracker), _)| *tracker == OURS && (s.source, s.mode) == kind)
            .map(|(_, figures)| figures);
        let figures = mean(&same);
        let name = format!("{} {}", scene.source, scene.mode);
        let _ = writeln!(text, "{}", row(&name, &same.count().to_string(), &figures));
        means.insert(kind, figures);
    }
    text += "\n## Goals\n\n| scene | figure | measured | goal | |\n|---|---|---|---|---|\n";
    for (source, mode, key, bound, is_most) in GOALS {
        let heading = COLUMNS.iter().find(|column| column.0 == key).map_or(key, |column| column.1);
        if let Some(value) = means.get(&(source, mode)).and_then(|figures| figures.get(key)) {
            text += &goal(&format!("{source} {mode}"), heading, *value, bound, is_most);
        }
    }
    for mode in ["clean", "biased"] {
        let time = |source| means.get(&(source, mode)).and_then(|figures| figures.get("mean"));
        if let (Some(small), Some(large)) = (time("50"), time("500")) {
            text += &goal(mode, "ms mean of 500 / of 50", large / small, TIME_RATIO_GOAL, true);
        }
    }
    text
}

fn goal(scene: &str, figure: &str, value: f64, bound: f64, is_most: bool) -> String {
    let is_met = if is_most { value <= bound } else { value >= bound };
    let (sign, verdict) = (if is_most { '≤' } else { '≥' }, if is_met { "met" } else { "**missed**" });
    format!("| {scene} | {figure} | {value:.2} | {sign} {bound} | {verdict} |\n")
}

/// Where it was measured.
pub(crate) fn machine() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    // Times mean little where others compute as well.
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(2).unwrap_or("unknown").to_owned();
    let model = model.map_or("unknown", |(_, model)| model);
    format!("Machine: {model}, {cores} cores, mean load of the last 15 minutes {load}.")
}

/// What each part of the tracker brings.
fn ablation(programs: &Programs) -> anyhow::Result<()> {
    let scene = Scene { source: "200", mode: "biased", seed: 1 };
    let path = programs.make(&scene)?;
    let mut text = format!("# What the parts bring: {}\n\n{}", scene.name(), head("without", "HOTA lost"));
    let whole = ours(programs, &path, None)?;
    let hota = |figures: &Figures| figures.get("HOTA").copied().unwrap_or(f64::NAN);
    let _ = writeln!(text, "{}", row("(all parts)", "", &whole));
    for part in PARTS {
        let figures = ours(programs, &path, Some(part))?;
        let lost = format!("{:.1}", hota(&whole) - hota(&figures));
        let _ = writeln!(text, "{}", row(part, &lost, &figures));
    }
    text += &visibility::report(&path)?;
    println!("\n{text}");
    let file = folder().join("ablation.md");
    std::fs::write(&file, text)?;
    println!("written to {}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(hota: f64, ms: f64) -> Figures {
        [("HOTA", hota), ("mean", ms)].into_iter().collect()
    }

    #[test]
    fn the_report_has_means_goals_and_the_time_ratio() {
        let scene = |source, seed| Scene { source, mode: "biased", seed };
        let scenes = [scene("50", 1), scene("50", 2), scene("500", 1)];
        let mut results = BTreeMap::new();
        results.insert((scenes[0].clone(), OURS), figures(90.0, 0.1));
        results.insert((scenes[1].clone(), OURS), figures(94.0, 0.1));
        results.insert((scenes[0].clone(), "motpy"), figures(10.0, 9.0));
        results.insert((scenes[2].clone(), OURS), figures(70.0, 2.5));
        let text = report(&scenes, &results);
        assert!(text.contains("| 50 biased | HOTA | 92.00 | ≥ 91 | met |"), "{text}");
        assert!(text.contains("| 500 biased | HOTA | 70.00 | ≥ 79 | **missed** |"), "{text}");
        assert!(text.contains("| biased | ms mean of 500 / of 50 | 25.00 | ≤ 15 | **missed** |"), "{text}");
        assert!(text.contains("| 50_biased_1 | motpy | 10.0 |") && !text.contains("| 200 biased | HOTA"), "{text}");
    }

    #[test]
    fn the_scenes_are_eighteen_or_two() {
        assert_eq!(scenes(false).len(), 18);
        let names: Vec<String> = scenes(true).iter().map(Scene::name).collect();
        assert_eq!(names, ["50_biased_1", "200_biased_1"]);
    }

    #[test]
    fn options_are_read() {
        let all = ["--quick", "--ablation", "--rsud"];
        let options = Options::parse(&["--quick", "--rsud", "a/b"], &all).unwrap();
        assert_eq!(options, Options { quick: true, ablation: false, rsud: Some("a/b".to_owned()) });
        assert!(Options::parse(&["--ablation"], &all).unwrap().ablation);
        assert!(Options::parse(&["--rsud"], &all).is_err() && Options::parse(&["--fast"], &all).is_err());
        assert!(Options::parse(&["--quick"], &["--rsud"]).is_err());
    }

    /// A part that fusion has and the bench has not would stay out of the ablation.
    #[test]
    fn the_parts_are_those_of_the_tracker() {
        let source = include_str!("../../fusion/src/parts.rs");
        let (_, list) = source.split_once("\nparts! {\n").unwrap();
        let (list, _) = list.split_once("\n}\n").unwrap();
        let lines = list.lines().map(str::trim).filter(|line| !line.starts_with("///"));
        let names: Vec<&str> = lines.map(|line| line.strip_suffix(',').unwrap()).collect();
        assert_eq!(names, PARTS);
    }
}
