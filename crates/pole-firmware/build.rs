//! Tells the linker where things go: in the image, and in the proofs.

use std::path::PathBuf;

fn main() {
    for script in ["memory.x", "device.x", "proof.x"] {
        println!("cargo:rerun-if-changed={script}");
    }
    let target_os = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let (true, Some(here)) = (target_os == "none", here) else { return };
    println!("cargo:rustc-link-search={}", here.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    println!("cargo:rustc-link-arg-examples=-Tproof.x");
    println!("cargo:rustc-link-arg=--nmagic");
}
