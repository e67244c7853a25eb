//! Turns `proto/` into Rust types, with a compiler written in Rust, so that no `protoc` is needed.

use std::path::PathBuf;

use anyhow::Context as _;
use prost::Message as _;

fn main() -> anyhow::Result<()> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo::rerun-if-changed={}", root.display());

    let package = root.join("rsu/v1");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&package).with_context(|| format!("read {}", package.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "proto") {
            files.push(path);
        }
    }
    files.sort();

    let descriptors = protox::compile(&files, [&root])?;
    let encoded = descriptors.encode_to_vec();
    prost_build::Config::new().btree_map(["."]).bytes(["."]).compile_fds(descriptors)?;
    pbjson_build::Builder::new().register_descriptors(&encoded)?.btree_map(["."]).build(&[".rsu.v1"])?;
    Ok(())
}
