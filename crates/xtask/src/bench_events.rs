//! `cargo xtask bench events`: the detectors of traffic events on the bench's scenes, beside the truth.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::bench_fusion::Options;
use crate::scenes::{Programs, Scene, Truth, folder, json_of};
use crate::score_events::{self, Alarm, DEFINITIONS, Score, TrueEvent, read_alarms};
use crate::{root, run};

const WITH_TRUTH: &str = "50_events";
/// Nobody does this in these scenes, so each alarm is a false one.
const NEVER: [&str; 2] = ["wrong_way", "pedestrian_on_carriageway"];
const WITHOUT: [&str; 3] = ["50", "200", "500"];

/// Runs the bench.
pub(crate) fn bench(options: &Options) -> anyhow::Result<()> {
    let programs = Programs::new(options.rsud.as_deref())?;
    let truths = score_events::read_truth(&std::fs::read_to_string(root().join("bench/events_truth.json"))?)?;
    let names = names(&programs)?;
    let mut result = Result::default();
    for seed in 1..=3 {
        let scene = Scene { source: WITH_TRUTH, mode: "biased", seed };
        let (path, alarms) = alarms(&programs, &scene)?;
        result.add(&path, &names, &truths, &alarms)?;
    }
    let mut free = BTreeMap::new();
    for source in WITHOUT {
        let (_, alarms) = alarms(&programs, &Scene { source, mode: "biased", seed: 1 })?;
        free.insert(source, counts(&alarms));
    }
    let text = report(&result, &free);
    println!("\n{text}");
    let file = folder().join("events.md");
    std::fs::write(&file, text)?;
    println!("written to {}", file.display());
    Ok(())
}

/// SUMO's names of the road users; the truth of a scene has indices into them.
fn names(programs: &Programs) -> anyhow::Result<Vec<String>> {
    let source = root().join(format!("bench/fcd_{WITH_TRUTH}.xml.gz"));
    let list = json_of(programs.script("bench/sumo_ids.py").arg(source))?;
    let list = list.as_array().context("the names are a list")?;
    let names: Vec<String> = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    ensure!(names.is_sorted() && !names.is_empty(), "the names are not sorted");
    Ok(names)
}

fn alarms(programs: &Programs, scene: &Scene) -> anyhow::Result<(std::path::PathBuf, Vec<Alarm>)> {
    println!("\n== events of {}", scene.name());
    let path = programs.make(scene)?;
    let output = path.join("events.jsonl");
    if output.exists() {
        std::fs::remove_file(&output)?;
    }
    run(programs.rsud("events", &path, &output).arg("--map").arg(root().join("bench/site.toml")))?;
    let text = std::fs::read_to_string(&output).with_context(|| output.display().to_string())?;
    Ok((path, read_alarms(&text)?))
}

fn counts(alarms: &[Alarm]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for alarm in alarms {
        *counts.entry(alarm.kind.clone()).or_default() += 1;
    }
    counts
}

/// Over all seeds.
#[derive(Debug, Default)]
struct Result {
    seeds: usize,
    scores: BTreeMap<&'static str, Score>,
    /// Alarms of pedestrians on the carriageway at people on a crossing.
    at_crossings: usize,
    counts: BTreeMap<String, usize>,
}

impl Result {
    fn add(&mut self, path: &Path, names: &[String], truths: &[TrueEvent], alarms: &[Alarm]) -> anyhow::Result<()> {
        let truth = Truth::read(path)?;
        let scene = score_events::Scene { truth: &truth, names };
        self.seeds += 1;
        for definition in &DEFINITIONS {
            let score = scene.score(definition, truths, alarms);
            let missed =
                if score.missed.is_empty() { String::new() } else { format!("; missed: {}", score.missed.join(", ")) };
            println!(
                "{}: {} of {} found, {} alarms{missed}",
                definition.truth, score.found, score.truths, score.alarms
            );
            self.scores.entry(definition.truth).or_default().add(score);
        }
        self.at_crossings += scene.count_at("vru_crossing", "pedestrian_on_carriageway", truths, alarms);
        for (kind, count) in counts(alarms) {
            *self.counts.entry(kind).or_default() += count;
        }
        Ok(())
    }
}

fn report(result: &Result, free: &BTreeMap<&str, BTreeMap<String, usize>>) -> String {
    let mut text = format!(
        "# Event bench\n\nScene {WITH_TRUTH}, biased, {} seeds together. A delay is from the moment at which the road user is within view and the definition is first \
         fulfilled, its own minimum duration included, to the alarm. False alarms include duplicates.\n\n\
         | type | true | found | recall | alarms | false | duplicates | precision | median delay s |\n|{}\n",
        result.seeds,
        "---|".repeat(9)
    );
    for definition in &DEFINITIONS {
        let score = result.scores.get(definition.truth).cloned().unwrap_or_default();
        let share = |part: usize, all: usize| {
            if all == 0 { "-".to_owned() } else { format!("{:.0} %", 100.0 * part as f64 / all as f64) }
        };
        let delay = score.delay_s().map_or_else(|| "-".to_owned(), |delay| format!("{delay:.2}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {delay} |",
            definition.truth,
            score.truths,
            score.found,
            share(score.found, score.truths),
            score.alarms,
            score.alarms - score.found,
            score.duplicates,
            share(score.found, score.alarms),
        );
    }
    let _ = writeln!(
        text,
        "\nPeople on crossings (vru_crossing) that raised pedestrian_on_carriageway: {}, goal 0.",
        result.at_crossings
    );
    text += "\n## Kinds without truth\n\n| kind | alarms |\n|---|---|\n";
    let is_scored = |kind: &str| DEFINITIONS.iter().any(|definition| definition.kind == kind);
    for (kind, count) in result.counts.iter().filter(|(kind, _)| !is_scored(kind)) {
        let _ = writeln!(text, "| {kind} | {count} |");
    }
    let _ = writeln!(
        text,
        "\n## Scenes without such events (biased, seed 1)\n\nAll alarms of these kinds are false; goal 0.\n\n| scene | {} |\n|---|---|---|",
        NEVER.join(" | ")
    );
    for source in WITHOUT {
        let count = |kind: &str| free.get(source).and_then(|counts| counts.get(kind)).copied().unwrap_or_default();
        let cells = NEVER.map(|kind| count(kind).to_string());
        let _ = writeln!(text, "| {source} | {} |", cells.join(" | "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_has_scores_and_false_alarms() {
        let score = Score { truths: 4, found: 3, alarms: 5, duplicates: 1, delays_s: vec![0.2], missed: Vec::new() };
        let counts = |kind: &str, count| BTreeMap::from([(kind.to_owned(), count)]);
        let result = Result {
            seeds: 3,
            scores: BTreeMap::from([("speeding", score)]),
            at_crossings: 2,
            counts: counts("slow_vehicle", 9),
        };
        let text = report(&result, &BTreeMap::from([("200", counts("wrong_way", 1))]));
        assert!(text.contains("| speeding | 4 | 3 | 75 % | 5 | 2 | 1 | 60 % | 0.20 |"), "{text}");
        assert!(text.contains("| queue | 0 | 0 | - | 0 | 0 | 0 | - | - |"), "{text}");
        assert!(text.contains("| slow_vehicle | 9 |") && text.contains("| 200 | 1 | 0 |"), "{text}");
    }
}
