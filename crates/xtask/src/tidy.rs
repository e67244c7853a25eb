//! What review would forget: who may depend on whom, that pure crates stay pure, that licences fit, that files have a
//! bearable length.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

/// The table of `docs/architecture.md`: each crate and our own crates it may use. Tests and benches may use more.
const MAY_USE: [(&str, &[&str]); 13] = [
    ("rsu-proto", &[]),
    ("rsu-units", &[]),
    ("v2x-codec", &["rsu-proto"]),
    ("site-map", &["rsu-proto", "rsu-units"]),
    ("fusion", &["rsu-units", "site-map"]),
    ("traffic-events", &["fusion", "rsu-units", "site-map"]),
    ("edge-core", &["fusion", "rsu-proto", "rsu-units", "site-map", "traffic-events"]),
    ("spool", &["rsu-units"]),
    ("pole-link", &[]),
    ("pole-node", &["pole-link"]),
    ("traffic-sim", &["pole-link", "pole-node", "rsu-proto", "rsu-units", "site-map", "v2x-codec"]),
    (
        "rsud",
        &[
            "edge-core",
            "fusion",
            "pole-link",
            "rsu-proto",
            "rsu-units",
            "site-map",
            "spool",
            "traffic-events",
            "traffic-sim",
            "v2x-codec",
        ],
    ),
    ("xtask", &["pole-link", "rsu-proto"]),
];

/// Crates that know no clock, socket, file, thread or randomness, and words that would betray it.
const PURE: [&str; 9] = [
    "rsu-proto",
    "rsu-units",
    "v2x-codec",
    "site-map",
    "fusion",
    "traffic-events",
    "edge-core",
    "pole-link",
    "pole-node",
];
const IMPURE_WORDS: [&str; 8] =
    ["std::fs", "std::net", "std::thread", "std::env::", "SystemTime", "Instant", "tokio", "rand::"];
const IMPURE_CRATES: [&str; 6] = ["tokio", "rand", "socket2", "rumqttc", "rumqttd", "tracing-subscriber"];

/// Licences that may be linked into what we ship.
const LICENCES: [&str; 13] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "CC0-1.0",
    "0BSD",
    "Unlicense",
    "BSL-1.0",
    "MIT-0",
];

const MAX_LINES: usize = 600;

/// Checks the rules of the house.
pub(crate) fn check(root: &Path) -> anyhow::Result<()> {
    let metadata = metadata(root)?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("cargo metadata")?;
    let mut problems = Vec::new();
    dependencies(packages, &mut problems);
    licences(packages, &mut problems);
    for file in rust_files(&root.join("crates"))? {
        source_file(root, &file, &mut problems)?;
    }
    for problem in &problems {
        eprintln!("{problem}");
    }
    ensure!(problems.is_empty(), "{} house rules are broken", problems.len());
    println!("{} packages and the sources of the project keep the rules", packages.len());
    Ok(())
}

fn metadata(root: &Path) -> anyhow::Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn dependencies(packages: &[Value], problems: &mut Vec<String>) {
    let table: BTreeMap<&str, &[&str]> = MAY_USE.into_iter().collect();
    let ours = packages.iter().filter(|package| package["source"].is_null());
    for package in ours {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(allowed) = table.get(name) else {
            problems.push(format!("{name}: has no row in the table of who may use whom"));
            continue;
        };
        let normal = package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"].is_null());
        for dependency in normal.filter_map(|dependency| dependency["name"].as_str()) {
            if table.contains_key(dependency) && !allowed.contains(&dependency) {
                problems.push(format!("{name}: may not use {dependency}"));
            }
            if PURE.contains(&name) && IMPURE_CRATES.contains(&dependency) {
                problems.push(format!("{name}: is pure and may not use {dependency}"));
            }
        }
    }
}

fn licences(packages: &[Value], problems: &mut Vec<String>) {
    let allowed: BTreeSet<&str> = LICENCES.into_iter().collect();
    for package in packages {
        let licence = package["license"].as_str().unwrap_or_default();
        // Every part that AND joins must offer, among what OR joins, one that is allowed.
        let fits = licence
            .replace('/', " OR ")
            .replace(['(', ')'], "")
            .split(" AND ")
            .all(|part| part.split(" OR ").any(|choice| allowed.contains(choice.trim())));
        if !fits {
            let name = package["name"].as_str().unwrap_or_default();
            problems.push(format!("{name}: licence {licence:?} is not among those we may ship"));
        }
    }
}

fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[allow(clippy::disallowed_methods, reason = "a tool that looks at sources reads files")]
fn source_file(root: &Path, file: &Path, problems: &mut Vec<String>) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(file)?;
    let name = file.strip_prefix(root).unwrap_or(file);
    let mut parts = name.components().skip(1).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let (package, place) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let lines = text.lines().count();
    if lines > MAX_LINES {
        problems.push(format!("{}: {lines} lines; at most {MAX_LINES}", name.display()));
    }
    if place != "src" {
        return Ok(());
    }
    if !text.starts_with("//!") {
        problems.push(format!("{}: does not say what it is (//!)", name.display()));
    }
    if PURE.contains(&package.as_str()) {
        // The tests at a file's end are not what is shipped.
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in IMPURE_WORDS {
            let used = shipped.lines().any(|line| line.contains(word) && !line.trim_start().starts_with("//"));
            if used {
                problems.push(format!("{}: is pure and may not know {word}", name.display()));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_forbidden_dependency_is_found() {
        let dependency = |name: &str| json!({ "name": name, "kind": null });
        let package =
            json!({ "name": "fusion", "source": null, "dependencies": [dependency("edge-core"), dependency("tokio")] });
        let mut problems = Vec::new();
        dependencies(&[package], &mut problems);
        assert_eq!(problems, ["fusion: may not use edge-core", "fusion: is pure and may not use tokio"]);
    }

    #[test]
    fn licences_are_understood() {
        let package = |licence: &str| json!({ "name": "x", "license": licence });
        let bad = |licence: &str| {
            let mut problems = Vec::new();
            licences(&[package(licence)], &mut problems);
            !problems.is_empty()
        };
        assert!(!bad("MIT/Apache-2.0") && !bad("GPL-3.0 OR MIT") && !bad("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(bad("GPL-3.0") && bad("MIT AND GPL-3.0") && bad(""));
    }
}
