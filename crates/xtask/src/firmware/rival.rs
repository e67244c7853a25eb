//! The link's part of the pole, beside the same job in C as an integrator would write it: nanopb, COBS and a CRC.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::{build, folder, image};
use crate::{python, root, run, works};

const SOURCES: &str = "crates/xtask/rival/pole";
/// Debian's source package: the package for Python has the generator alone.
const NANOPB: &str = "nanopb";
const COMPILER: &str = "arm-none-eabi-gcc";
/// The smallest that nanopb can be made.
const SMALLEST: [&str; 2] = ["-DPB_BUFFER_ONLY", "-DPB_NO_ERRMSG"];
const FOR_THE_CONTROLLER: [&str; 11] = [
    "-Os",
    "-flto",
    "-mcpu=cortex-m4",
    "-mthumb",
    "-mfloat-abi=hard",
    "-mfpu=fpv4-sp-d16",
    "-ffunction-sections",
    "-fdata-sections",
    "--specs=nano.specs",
    "-nostartfiles",
    "-Wl,--gc-sections",
];

/// Builds both and prints how large they are.
pub(super) fn compare() -> anyhow::Result<()> {
    let ours = image::flash_octets(&build::Toolchain::find()?.example("link-codec")?)?;
    let theirs = image::flash_octets(&in_c()?)?;
    println!("\ndeframe and read all messages to a pole, write and frame all messages of a pole; nothing else:");
    println!("\n| | flash, octets |\n|---|---|\n| pole-link | {ours} |\n| nanopb, COBS and CRC in C | {theirs} |");
    Ok(())
}

/// Builds the C program; it was checked on this machine.
fn in_c() -> anyhow::Result<PathBuf> {
    install()?;
    let folder = folder().join("c");
    std::fs::create_dir_all(&folder)?;
    let nanopb = nanopb(&folder)?;
    let here = root().join(SOURCES);
    let python = python::environment("nanopb", &format!("{SOURCES}/requirements.txt"), "import nanopb, grpc_tools")?;
    let mut generate = Command::new(python.with_file_name("nanopb_generator"));
    run(generate
        .arg("--quiet")
        .arg("-I")
        .arg(&here)
        .arg("-D")
        .arg(&folder)
        .arg("pole.proto")
        .env("PYTHONWARNINGS", "ignore"))?;

    let compile = |compiler: &str, options: &[&str], main: &str, output: &Path| {
        let mut command = Command::new(compiler);
        command.args(options).args(SMALLEST).arg("-Wall").arg("-Werror");
        for include in [nanopb.as_path(), &folder, &here] {
            command.arg("-I").arg(include);
        }
        command.arg(here.join(main)).arg(here.join("link.c")).arg(folder.join("pole.pb.c"));
        command.args(["pb_common.c", "pb_decode.c", "pb_encode.c"].map(|file| nanopb.join(file)));
        run(command.arg("-o").arg(output))
    };
    let check = folder.join("check");
    compile("gcc", &["-O1"], "check.c", &check)?;
    run(&mut Command::new(&check))?;
    let program = folder.join("link.elf");
    let script = format!("-Wl,-T,{}", root().join("crates/pole-firmware/proof.x").display());
    compile(COMPILER, &[FOR_THE_CONTROLLER.as_slice(), &[&script]].concat(), "main.c", &program)?;
    Ok(program)
}

fn install() -> anyhow::Result<()> {
    if works(COMPILER, &["--version"]) && works("gcc", &["--version"]) {
        return Ok(());
    }
    println!("{COMPILER} or gcc is not there; trying apt-get");
    let packages = ["install", "-y", "-qq", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi", "gcc", "libc6-dev"];
    for args in [["update", "-qq"].as_slice(), &packages] {
        let _ = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
    }
    ensure!(works(COMPILER, &["--version"]), "the comparison needs {COMPILER}: sudo apt-get install gcc-arm-none-eabi");
    Ok(())
}

/// The folder with nanopb's sources, from Debian's archive.
fn nanopb(folder: &Path) -> anyhow::Result<PathBuf> {
    let find = || -> anyhow::Result<Option<PathBuf>> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.join("pb_decode.c").is_file() {
                return Ok(Some(path));
            }
        }
        Ok(None)
    };
    if let Some(found) = find()? {
        return Ok(found);
    }
    let apt = folder.join("apt");
    for part in ["lists/partial", "cache/archives/partial", "parts"] {
        std::fs::create_dir_all(apt.join(part))?;
    }
    source_lists(&apt.join("parts"))?;
    for args in [["update", "-qq"].as_slice(), &["source", "-qq", "--download-only", NANOPB]] {
        let mut command = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::SourceList", "none"),
            ("Dir::Etc::SourceParts", "parts"),
            ("Dir::State::lists", "lists"),
            ("Dir::Cache", "cache"),
        ] {
            command.arg("-o").arg(format!("{option}={}", apt.join(value).display()));
        }
        let status = command.args(["-o", "APT::Sandbox::User="]).args(args).current_dir(folder).status()?;
        ensure!(status.success(), "{command:?}: {status}");
    }
    let mut archives = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        archives.push(entry?.path());
    }
    let archive = archives.iter().find(|path| path.to_string_lossy().ends_with(".orig.tar.gz"));
    let archive = archive.context("nanopb's sources came without an archive")?;
    run(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(folder))?;
    find()?.context("nanopb's sources are other than they were")
}

/// Where this machine has its packages from, but the sources of them.
fn source_lists(folder: &Path) -> anyhow::Result<()> {
    let mut lists = vec![PathBuf::from("/etc/apt/sources.list")];
    for entry in std::fs::read_dir("/etc/apt/sources.list.d")? {
        lists.push(entry?.path());
    }
    for list in lists {
        let (Some(name), Ok(text)) = (list.file_name(), std::fs::read_to_string(&list)) else { continue };
        let is_word = |line: &str, word: &str| line.split_whitespace().next() == Some(word);
        let sources = text.lines().filter(|line| !is_word(line, "deb-src")).map(|line| match line {
            _ if is_word(line, "deb") => line.replacen("deb", "deb-src", 1),
            _ if is_word(line, "Types:") => "Types: deb-src".to_owned(),
            _ => line.to_owned(),
        });
        std::fs::write(folder.join(name), sources.collect::<Vec<_>>().join("\n") + "\n")?;
    }
    Ok(())
}
