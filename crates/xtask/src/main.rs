//! Project chores: `cargo xtask test` runs everything that must pass, `cargo xtask tidy` the rules of the house alone.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the terminal")]

mod bench_events;
mod bench_fusion;
mod bench_uplink;
mod firmware;
mod python;
mod rival;
mod scenes;
mod score_events;
mod tidy;
mod uplink;
mod visibility;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context as _, bail};

use crate::bench_fusion::Options;

const HELP: &str = "\
cargo xtask test     format, lints, house rules, licences, all tests and doc tests, end-to-end tests
cargo xtask tools    what the tests need: mosquitto, and pycrate in target/tools
cargo xtask tidy     house rules and licences only
cargo xtask bench    the criterion benches
cargo xtask bench codec   the codec beside C code that asn1c generates from the same ASN.1
cargo xtask bench stores  the spool beside general stores, as the same queue on the same disk
cargo xtask bench fusion  the tracker on simulated scenes, beside its goals and other trackers; figures in target/bench
    --quick               two scenes only
    --ablation            the tracker without each of its parts on one scene, and what no sensor saw there
    --rsud PATH           with this program instead of a release build
cargo xtask bench events  the event detectors on simulated scenes, beside the truth; figures in target/bench
    --rsud PATH           as above
cargo xtask bench uplink  what waits for the cloud, beside a mosquitto bridge: outages, crashes; figures in target/bench
    --quick               less of it
    --rsud PATH           as above
cargo xtask firmware      builds the pole's images in target/pole-firmware and says how much flash and RAM they need
cargo xtask firmware size   code by crate; `size c`: the link's part beside the same job in C
cargo xtask firmware test   what must pass of the firmware, on the emulated board too; part of `cargo xtask test`
cargo xtask firmware run    runs the image on the emulated board
    --serial pty|unix:PATH|tcp:PORT   where its line ends here
    --name TEXT --address NUMBER --bus   its serial number, and how it is connected
    --test-hooks          the image for tests";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match chore(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is not understood is refused: who wrote it expects that it does something.
fn chore(words: &[&str]) -> anyhow::Result<()> {
    match words {
        ["test"] => test(),
        ["tidy"] => tidy::check(&root()),
        ["tools"] => tools(),
        ["bench"] => cargo(&["bench", "--workspace", "--benches"]),
        ["bench", "codec"] => rival::bench(),
        ["bench", "stores"] => stores(),
        ["bench", "fusion", options @ ..] => {
            bench_fusion::bench(&Options::parse(options, &["--quick", "--ablation", "--rsud"])?)
        }
        ["bench", "events", options @ ..] => bench_events::bench(&Options::parse(options, &["--rsud"])?),
        ["bench", "uplink", options @ ..] => bench_uplink::bench(&Options::parse(options, &["--quick", "--rsud"])?),
        ["firmware", words @ ..] => firmware::chore(words),
        [] | ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => bail!("{:?} is no chore\n{HELP}", words.join(" ")),
    }
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

fn test() -> anyhow::Result<()> {
    step("rustfmt", || cargo(&["fmt", "--all", "--check"]))?;
    step("house rules and licences", || tidy::check(&root()))?;
    step("cargo deny", deny)?;
    step("tools", tools)?;
    step("clippy", || cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))?;
    // The daemon's tests start the images.
    firmware::test()?;
    step("tests", || cargo(&["test", "--workspace", "--locked", "--all-targets", "--no-fail-fast"]))?;
    step("doc tests", || cargo(&["test", "--workspace", "--locked", "--doc"]))?;
    step("documentation", || {
        let mut command = Command::new(env!("CARGO"));
        command.args(["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"]);
        run(command.env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"))
    })?;
    println!("\nxtask: all passed");
    Ok(())
}

/// On the disk of the target folder: the system's folder for temporary files may be in memory.
fn stores() -> anyhow::Result<()> {
    let target = root().join("target/stores");
    std::fs::create_dir_all(&target)?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["run", "--release", "--locked", "--manifest-path", "bench/stores/Cargo.toml", "--target-dir"]);
    run(command.arg(&target).env("STORES_FOLDER", &target))
}

fn step(name: &str, run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
    println!("\n== {name}");
    run().with_context(|| format!("{name} failed"))
}

fn cargo(args: &[&str]) -> anyhow::Result<()> {
    run(Command::new(env!("CARGO")).args(args))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.current_dir(root()).status().with_context(|| format!("{command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{command:?}: {status}") }
}

fn works(program: impl AsRef<std::ffi::OsStr>, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok()
}

/// Licences, sources and duplicates by cargo-deny, where it is there or can be installed into the target folder. The
/// licence rule itself is also in `tidy`, so a machine without the tool still enforces it.
fn deny() -> anyhow::Result<()> {
    let tools = root().join("target/tools");
    let installed = tools.join("bin/cargo-deny");
    let program = if works("cargo-deny", &["--version"]) {
        PathBuf::from("cargo-deny")
    } else if installed.exists() || std::env::var_os("XTASK_NO_INSTALL").is_some() {
        installed
    } else {
        println!("cargo-deny is not there; installing it into {}", tools.display());
        let mut install = Command::new(env!("CARGO"));
        install.args(["install", "cargo-deny", "--locked", "--quiet", "--debug", "--root"]).arg(&tools);
        if let Err(error) = run(&mut install) {
            println!("cargo-deny cannot be installed here ({error}); going on without it");
            return Ok(());
        }
        installed
    };
    if !works(&program, &["--version"]) {
        println!("no cargo-deny; going on without it");
        return Ok(());
    }
    // Advisories need a database from the network: checked where it can be had, said where not.
    run(Command::new(&program).args(["--locked", "check", "licenses", "bans", "sources"]))?;
    if run(Command::new(&program).args(["--locked", "check", "advisories"])).is_err() {
        let has_database = run(Command::new(&program).args(["fetch", "db"])).is_ok();
        if has_database {
            bail!("advisories");
        }
        println!("the advisory database cannot be fetched here: advisories are NOT checked");
    }
    Ok(())
}

/// What the tests need beside Rust.
fn tools() -> anyhow::Result<()> {
    mosquitto()?;
    pycrate()
}

/// The codec is checked against an implementation in Python.
fn pycrate() -> anyhow::Result<()> {
    let requirements = "crates/v2x-codec/tests/interop/requirements.txt";
    python::environment("python", requirements, "import pycrate_asn1rt")?;
    Ok(())
}

/// The end-to-end tests need a real broker.
fn mosquitto() -> anyhow::Result<()> {
    let there = || ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].iter().any(|p| works(p, &["-h"]));
    if there() {
        return Ok(());
    }
    println!("mosquitto is not there; trying apt-get");
    for args in [["update", "-qq"].as_slice(), &["install", "-y", "-qq", "mosquitto"]] {
        let _ = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
    }
    if there() { Ok(()) } else { bail!("the end-to-end tests need mosquitto: sudo apt-get install mosquitto") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_do_nothing_is_refused() {
        for words in [
            ["bench", "events", "--quick"].as_slice(),
            &["bench", "events", "--rsud", "a", "--ablation"],
            &["bench", "codec", "--quick"],
            &["bench", "fusion", "--fast"],
            &["bench", "uplink", "--ablation"],
            &["bench", "--quick"],
            &["tidy", "everything"],
            &["firmware", "dance"],
            &["firmware", "run", "--serial"],
            &["firmware", "run", "--serial", "paper"],
            &["dance"],
        ] {
            assert!(chore(words).is_err(), "{words:?}");
        }
        assert!(chore(&["help"]).is_ok() && chore(&[]).is_ok());
    }
}
