//! The pole's program: built for its controller, measured, linked as a proof, and run on an emulated board.

mod build;
mod edge;
mod image;
mod qemu;
mod rival;
mod trial;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::{root, step};
use build::Variant;
use image::Image;
use qemu::Serial;

/// What `cargo xtask firmware` is asked for.
pub(crate) fn chore(words: &[&str]) -> anyhow::Result<()> {
    match words {
        [] => build_all().map(drop),
        ["size"] => size(),
        ["size", "c"] => rival::compare(),
        ["test"] => test(),
        ["trial"] => trial(),
        ["run", options @ ..] => run(options),
        _ => bail!("cargo xtask firmware has no {:?}", words.join(" ")),
    }
}

/// Everything about the firmware that must pass.
pub(crate) fn test() -> anyhow::Result<()> {
    step("firmware: tests of what needs no hardware", build::host_tests)?;
    step("firmware: lints", build::lints)?;
    step("firmware: no panic from the line's octets", build::panic_free)?;
    step("firmware: on the emulated board", trial)
}

fn trial() -> anyhow::Result<()> {
    qemu::install()?;
    build_all()?;
    trial::run(&folder())
}

/// Where the images are: the same for whoever starts them.
fn folder() -> PathBuf {
    root().join("target/pole-firmware")
}

/// Builds both images, says how large they are and fails if one is too large.
fn build_all() -> anyhow::Result<Image> {
    let tools = build::Toolchain::find()?;
    let mut production = None;
    for variant in [Variant::TestHooks, Variant::Production] {
        let path = tools.build(variant)?;
        let image = Image::read(&path)?;
        println!("\n{}", path.display());
        image.print_use();
        image.check().with_context(|| path.display().to_string())?;
        production = Some(image);
    }
    production.context("an image was built")
}

fn size() -> anyhow::Result<()> {
    build_all()?.print_crates();
    Ok(())
}

/// Runs an image until it is interrupted.
fn run(options: &[&str]) -> anyhow::Result<()> {
    let mut serial = Serial::Pty;
    let mut variant = Variant::Production;
    let mut factory = qemu::Factory::default();
    let mut words = options.iter();
    while let Some(option) = words.next() {
        let mut value = || words.next().copied().with_context(|| format!("{option} needs a value"));
        match *option {
            "--serial" => serial = value()?.parse()?,
            "--name" => value()?.clone_into(&mut factory.serial_number),
            "--address" => factory.address = value()?.parse().context("--address")?,
            "--bus" => factory.bus = true,
            "--test-hooks" => variant = Variant::TestHooks,
            _ => bail!("cargo xtask firmware run has no option {option:?}"),
        }
    }
    qemu::install()?;
    let image = build::Toolchain::find()?.build(variant)?;
    qemu::run(&image, &serial, &factory, Path::new(&folder()))
}
