//! Compiles the ASN.1 text of both profiles into Rust types.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow, ensure};
use rasn_compiler::prelude::{Compiler, RasnBackend, RasnConfig};

fn main() -> anyhow::Result<()> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=asn1");
    for profile in ["2020", "2019"] {
        let source = format!("asn1/profile-{profile}.asn");
        let result = Compiler::<RasnBackend, _>::new_with_config(RasnConfig::default())
            .add_asn_by_path(&source)
            .compile_to_string()
            .map_err(|e| anyhow!("{source}: {e}"))?;
        ensure!(result.warnings.is_empty(), "{source}: {:?}", result.warnings);
        let target = out.join(format!("profile_{profile}.rs"));
        std::fs::write(&target, result.generated).with_context(|| format!("write {}", target.display()))?;
    }
    Ok(())
}
