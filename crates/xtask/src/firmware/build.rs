//! The building of images: by rustup's standard library for the controller, or with Debian's own sources of it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use super::folder;
use crate::{root, run, works};

/// Cortex-M4 with its floating point unit.
const TARGET: &str = "thumbv7em-none-eabihf";
const MANIFEST: &str = "crates/pole-firmware/Cargo.toml";
/// What the linker says about the function that no program has.
const PROOF_FAILED: &str = "octets_from_the_line_can_lead_to_a_panic";

/// Which image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// As it leaves the house.
    Production,
    /// With keys that cause faults and set what the simulated sensors say.
    TestHooks,
}

impl Variant {
    fn file(self) -> &'static str {
        match self {
            Self::Production => "pole-firmware.elf",
            Self::TestHooks => "pole-firmware-test-hooks.elf",
        }
    }
}

/// What builds for the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toolchain {
    /// The one that runs this, with the target's standard library from rustup.
    Rustup,
    /// Debian's, building the standard library from its sources.
    Debian,
}

impl Toolchain {
    /// The first that is there or can be had.
    pub(super) fn find() -> anyhow::Result<Self> {
        if has_target() {
            return Ok(Self::Rustup);
        }
        println!("the standard library for {TARGET} is not there; trying rustup");
        let _ = Command::new("rustup").args(["target", "add", TARGET]).status();
        if has_target() {
            return Ok(Self::Rustup);
        }
        println!("rustup does not have it; trying Debian's toolchain, which builds it from its sources");
        if !has_debian() {
            let packages = ["rustc-web", "cargo-web", "rust-web-src", "binutils-arm-none-eabi"];
            for args in [["update", "-qq"].as_slice(), &[["install", "-y", "-qq"].as_slice(), &packages].concat()] {
                let _ = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
            }
        }
        ensure!(
            has_debian(),
            "the firmware needs `rustup target add {TARGET}`, or Debian's rustc-web, cargo-web, rust-web-src and \
             binutils-arm-none-eabi"
        );
        Ok(Self::Debian)
    }

    /// Builds an image and puts it into its place.
    pub(super) fn build(self, variant: Variant) -> anyhow::Result<PathBuf> {
        let mut command = self.cargo("build", "release");
        command.args(["--bin", "pole-firmware"]);
        if variant == Variant::TestHooks {
            command.args(["--features", "test-hooks"]);
        }
        run(&mut command)?;
        let image = folder().join(variant.file());
        let built = self.target_folder().join(TARGET).join("release/pole-firmware");
        // Moved into place, so that nobody reads half of it.
        let half = image.with_extension("new");
        std::fs::copy(&built, &half).with_context(|| built.display().to_string())?;
        std::fs::rename(&half, &image)?;
        Ok(image)
    }

    /// Builds an example; returns the program.
    pub(super) fn example(self, name: &str) -> anyhow::Result<PathBuf> {
        run(self.cargo("build", "release").args(["--example", name]))?;
        Ok(self.target_folder().join(TARGET).join("release/examples").join(name))
    }

    /// Cargo for the controller.
    fn cargo(self, verb: &str, profile: &str) -> Command {
        // No folder of this machine is in an image.
        let home =
            std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
        let mut flags = vec![format!("--remap-path-prefix={}=rsud", root().display())];
        flags.extend(home.map(|home| format!("--remap-path-prefix={}=cargo", home.display())));
        let mut command = match self {
            Self::Rustup => Command::new(env!("CARGO")),
            Self::Debian => {
                flags.push("-Clinker=arm-none-eabi-ld".to_owned());
                let mut command = Command::new("/usr/bin/cargo");
                for variable in ["RUSTC", "RUSTUP_TOOLCHAIN", "RUSTUP_HOME"] {
                    command.env_remove(variable);
                }
                command.env("PATH", "/usr/bin:/bin").env("RUSTC_BOOTSTRAP", "1");
                command
            }
        };
        command.arg(verb).args(["--quiet", "--locked", "--manifest-path", MANIFEST, "--target", TARGET]);
        command.args(["--profile", profile, "--target-dir"]).arg(self.target_folder());
        if self == Self::Debian {
            command.arg("-Zbuild-std=core,compiler_builtins");
        }
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"));
        command
    }

    fn target_folder(self) -> PathBuf {
        let build = folder().join("build");
        if self == Self::Debian { build.join("debian") } else { build }
    }
}

/// Links the proofs: each must, and the control, which can panic, must not.
pub(super) fn panic_free() -> anyhow::Result<()> {
    let tools = Toolchain::find()?;
    for (profile, cfg, what) in [
        ("release", "panic_free=\"decoder\"", "deframer and messages, optimised like the image"),
        ("panic-free", "panic_free=\"end\"", "the pole's end of the link"),
        ("panic-free", "panic_free=\"pole\"", "all of the pole's application"),
    ] {
        let output = link(tools, profile, cfg)?;
        if !output.status.success() {
            bail!("{what}:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        println!("{what}: no way into a panic");
    }
    for profile in ["release", "panic-free"] {
        let output = link(tools, profile, "panic_free=\"control\"")?;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(!output.status.success() && complaint.contains(PROOF_FAILED), "the control linked: {complaint}");
    }
    println!("the control, with an index out of the line's octets: not linked, as it should be");
    Ok(())
}

fn link(tools: Toolchain, profile: &str, cfg: &str) -> anyhow::Result<std::process::Output> {
    let mut command = tools.cargo("rustc", profile);
    command.args(["--example", "panic-free", "--", "--cfg", cfg]).current_dir(root());
    command.output().with_context(|| format!("{command:?}"))
}

/// What of the firmware knows no hardware is tested here.
pub(super) fn host_tests() -> anyhow::Result<()> {
    let mut command = Command::new(env!("CARGO"));
    command.args([
        "test",
        "--quiet",
        "--locked",
        "--lib",
        "--all-features",
        "--manifest-path",
        MANIFEST,
        "--target-dir",
    ]);
    run(command.arg(folder().join("build")))
}

/// Clippy and rustfmt over the firmware, which the workspace's own do not see.
pub(super) fn lints() -> anyhow::Result<()> {
    run(Command::new(env!("CARGO")).args(["fmt", "--check", "--manifest-path", MANIFEST]))?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["clippy", "--quiet", "--locked", "--lib", "--tests", "--all-features", "--manifest-path", MANIFEST]);
    command.arg("--target-dir").arg(folder().join("build"));
    run(command.args(["--", "-D", "warnings"]))?;
    // Debian's toolchain has no clippy.
    if Toolchain::find()? == Toolchain::Debian {
        println!("no clippy for {TARGET} here");
        return Ok(());
    }
    for features in [[].as_slice(), &["--features", "test-hooks"]] {
        let mut command = Toolchain::Rustup.cargo("clippy", "release");
        command.args(features).args(["--bins", "--examples", "--", "-D", "warnings"]);
        run(&mut command)?;
    }
    Ok(())
}

/// Whether the compiler that runs this has the target's standard library.
fn has_target() -> bool {
    let rustc = Path::new(env!("CARGO")).with_file_name("rustc");
    let mut command = Command::new(rustc);
    let output = command.args(["--print", "target-libdir", "--target", TARGET]).stderr(Stdio::null()).output();
    output.is_ok_and(|output| Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir())
}

fn has_debian() -> bool {
    works("/usr/bin/cargo", &["--version"])
        && works("arm-none-eabi-ld", &["--version"])
        && Path::new("/usr/lib/rustlib/src/rust/library/core").is_dir()
}
