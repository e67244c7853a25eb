//! The C program that the codec is measured against: asn1c's code from our own ASN.1, built in the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

use crate::{root, run, works};

/// Builds the rival afresh and measures against it.
pub(crate) fn bench() -> anyhow::Result<()> {
    let program = build()?;
    let mut command = Command::new(env!("CARGO"));
    command.args(["bench", "-p", "v2x-codec", "--bench", "rival"]);
    run(command.env("RSUD_ASN1C_RIVAL", program))
}

fn build() -> anyhow::Result<PathBuf> {
    install()?;
    let root = root();
    let folder = root.join("target/rival/asn1c");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let (asn1, code, objects) = (folder.join("asn1"), folder.join("gen"), folder.join("obj"));
    for part in [&asn1, &code, &objects] {
        std::fs::create_dir_all(part).with_context(|| part.display().to_string())?;
    }
    let mut modules = Vec::new();
    for profile in ["common", "2020"] {
        for entry in std::fs::read_dir(root.join("crates/v2x-codec/asn1").join(profile))? {
            let from = entry?.path();
            let to = asn1.join(from.file_name().context("a module has a name")?);
            let text = std::fs::read_to_string(&from)?;
            std::fs::write(&to, if to.ends_with("MsgDayII.asn") { without_class(&text)? } else { text })?;
            modules.push(to);
        }
    }
    modules.sort();
    inside(&code, Command::new("asn1c").args(["-gen-PER", "-fcompound-names"]).args(&modules))?;
    std::fs::remove_file(code.join("converter-sample.c"))?;

    // The flags that made the generated code fastest; see docs/performance.md.
    let flags = ["-O3", "-flto", "-DNDEBUG", "-w"];
    let mut sources = Vec::new();
    for entry in std::fs::read_dir(&code)? {
        sources.push(entry?.path());
    }
    sources.retain(|path| path.extension().is_some_and(|e| e == "c"));
    sources.push(root.join("crates/xtask/rival/driver.c"));
    let mut compile = Command::new("gcc");
    compile.args(flags).arg("-I").arg(&code).arg("-c").args(&sources);
    inside(&objects, &mut compile)?;
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(&objects)? {
        parts.push(entry?.path());
    }
    let program = folder.join("rival");
    let mut link = Command::new("gcc");
    // Each allocation is counted on its way.
    link.args(["-O3", "-flto=auto", "-w", "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc"]).args(&parts);
    inside(&objects, link.arg("-o").arg(&program))?;
    Ok(program)
}

fn install() -> anyhow::Result<()> {
    if works("asn1c", &["-h"]) && works("gcc", &["--version"]) {
        return Ok(());
    }
    println!("asn1c or gcc is not there; trying apt-get");
    for args in [["update", "-qq"].as_slice(), &["install", "-y", "-qq", "asn1c", "gcc", "libc6-dev"]] {
        let _ = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
    }
    ensure!(works("asn1c", &["-h"]), "the comparison needs asn1c and gcc: sudo apt-get install asn1c gcc");
    Ok(())
}

/// asn1c 0.9.28 knows no information object classes. An open type and an OCTET STRING without bounds are the same bits.
fn without_class(text: &str) -> anyhow::Result<String> {
    let text = text
        .replace("MESSAGE-ID-AND-TYPE.&id ({MessageTypes})", "ExtMsgID")
        .replace("MESSAGE-ID-AND-TYPE.&Type ({MessageTypes}{@.messageId})", "OCTET STRING");
    let Some((before, _)) = text.split_once("\nMESSAGE-ID-AND-TYPE ::= CLASS") else { bail!("no class in MsgDayII") };
    Ok(format!("{before}\nEND\n"))
}

fn inside(folder: &Path, command: &mut Command) -> anyhow::Result<()> {
    let output = command.current_dir(folder).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
