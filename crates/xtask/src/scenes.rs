//! The scenes of `bench/`, made once in `target/bench`, and the programs that are run on them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::{python, root, run};

/// Where scenes and results lie.
pub(crate) fn folder() -> PathBuf {
    root().join("target/bench")
}

/// One simulated scene.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scene {
    /// What `bench/fcd_<source>.xml.gz` is called: the road users at once, or `50_events`.
    pub(crate) source: &'static str,
    /// `clean` or `biased`.
    pub(crate) mode: &'static str,
    /// Of the simulated sensors.
    pub(crate) seed: u32,
}

impl Scene {
    /// Its name, and that of its folder.
    pub(crate) fn name(&self) -> String {
        format!("{}_{}_{}", self.source, self.mode, self.seed)
    }

    /// Where it lies.
    pub(crate) fn path(&self) -> PathBuf {
        folder().join(self.name())
    }
}

/// What runs on scenes: the environment with the scorer, and rsud.
pub(crate) struct Programs {
    /// The interpreter that has the packages of `bench/requirements.txt`.
    pub(crate) python: PathBuf,
    /// The daemon's program.
    pub(crate) rsud: PathBuf,
}

impl Programs {
    /// Gets the environment and builds rsud, unless `given` is a path to it.
    pub(crate) fn new(given: Option<&str>) -> anyhow::Result<Self> {
        let probe = "import numpy, scipy, trackeval, norfair, motpy";
        let python = python::environment("bench-python", "bench/requirements.txt", probe)?;
        Ok(Self { python, rsud: rsud(given)? })
    }

    /// Simulates the scene's sensors, unless that was done before. The scene file is written last, so a scene that has
    /// one is whole.
    pub(crate) fn make(&self, scene: &Scene) -> anyhow::Result<PathBuf> {
        let path = scene.path();
        if !path.join("scene.json").exists() {
            let source = format!("fcd:bench/fcd_{}.xml.gz", scene.source);
            let mut command = self.script("bench/sim.py");
            command.args(["--src", &source, "--mode", scene.mode, "--seed", &scene.seed.to_string(), "--out"]);
            run(command.arg(&path))?;
        }
        Ok(path)
    }

    /// A script of the bench in its environment.
    pub(crate) fn script(&self, path: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg(root().join(path));
        command
    }

    /// A subcommand of rsud that reads a scene and writes a file.
    pub(crate) fn rsud(&self, command: &str, scene: &Path, output: &Path) -> Command {
        let mut program = Command::new(&self.rsud);
        program.arg(command).arg("--scene").arg(scene.join("scene.json"));
        program.arg("--input").arg(scene.join("dets.csv")).arg("--output").arg(output);
        program
    }
}

/// Builds rsud, unless `given` is a path to it. The folder of the results is there as well then.
pub(crate) fn rsud(given: Option<&str>) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(folder())?;
    if let Some(path) = given {
        // It is run in the project's folder, but named in that of whoever calls.
        let path = std::path::absolute(path)?;
        ensure!(path.is_file(), "{} is no program", path.display());
        return Ok(path);
    }
    run(Command::new(env!("CARGO")).args(["build", "--release", "--locked", "-p", "rsud"]))?;
    Ok(root().join("target/release/rsud"))
}

/// Runs a program to its end and takes what it wrote as one JSON value, or as the last line that is one.
pub(crate) fn json_of(command: &mut Command) -> anyhow::Result<Value> {
    let output = command.current_dir(root()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let parsed = serde_json::from_str(&text).or_else(|_| {
        let last = text.lines().rev().find(|line| line.starts_with('{')).unwrap_or_default();
        // Python writes what JSON does not know.
        serde_json::from_str(&last.replace("NaN", "null"))
    });
    parsed.with_context(|| format!("{command:?} did not write JSON but {text:?}"))
}

/// A road user at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Place {
    /// Index into the sorted list of SUMO's names.
    pub(crate) id: usize,
    /// Centre, site frame, metres.
    pub(crate) x: f64,
    /// Centre, site frame, metres.
    pub(crate) y: f64,
    /// Whether it counts.
    pub(crate) evaluated: bool,
}

/// All road users of a scene by time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Truth {
    /// By tenth of a second.
    pub(crate) at: BTreeMap<i64, Vec<Place>>,
}

/// The time's place in [`Truth::at`].
pub(crate) fn tenths(t_s: f64) -> i64 {
    (t_s * 10.0).round() as i64
}

impl Truth {
    /// Reads the truth.csv of a scene.
    pub(crate) fn read(scene: &Path) -> anyhow::Result<Self> {
        let mut truth = Self::default();
        for row in csv(&scene.join("truth.csv"), ["t", "id", "x", "y", "eval"])? {
            let [t_s, id, x_m, y_m, eval] = row.each_ref().map(|cell| cell.parse::<f64>());
            let place = Place { id: id? as usize, x: x_m?, y: y_m?, evaluated: eval? > 0.5 };
            truth.at.entry(tenths(t_s?)).or_default().push(place);
        }
        Ok(truth)
    }

    /// Whether a road user was within view of a sensor.
    pub(crate) fn covers(&self, id: usize, tenths: i64) -> bool {
        self.at.get(&tenths).is_some_and(|places| places.iter().any(|place| place.id == id && place.evaluated))
    }

    /// Where a road user was.
    pub(crate) fn place(&self, id: usize, tenths: i64) -> Option<(f64, f64)> {
        self.at.get(&tenths)?.iter().find(|place| place.id == id).map(|place| (place.x, place.y))
    }
}

/// The wanted columns of a file of comma-separated values without quotes.
pub(crate) fn csv<const N: usize>(path: &Path, columns: [&str; N]) -> anyhow::Result<Vec<[String; N]>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let mut lines = text.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let mut wanted = [0; N];
    for (slot, name) in wanted.iter_mut().zip(columns) {
        let place = head.iter().position(|column| *column == name);
        *slot = place.with_context(|| format!("{}: no column {name}", path.display()))?;
    }
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        wanted.map(|place| cells.get(place).copied().unwrap_or_default().to_owned())
    };
    Ok(lines.map(row).collect())
}
