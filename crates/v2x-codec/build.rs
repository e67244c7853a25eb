//! Turns the ASN.1 modules of both profiles into Rust types with their UPER and JSON codecs; see `src/uper`. rasn's
//! compiler reads the ASN.1; the tests get rasn's own types as well, to compare with.

#[path = "build/items.rs"]
mod items;
#[path = "build/types.rs"]
mod types;

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use rasn_compiler::prelude::{
    Backend, Compiler, ExtensibilityEnvironment, GeneratedModule, GeneratorError, GeneratorErrorType, RasnBackend,
    RasnConfig, TaggingEnvironment, ToplevelDefinition,
};

use items::Output;

fn main() -> anyhow::Result<()> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    println!("cargo::rerun-if-changed=asn1");
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=build.rs");
    for profile in ["2020", "2019"] {
        let modules = modules(profile)?;

        let result = Compiler::<Generator, _>::new()
            .add_asn_sources_by_path(modules.iter())
            .compile_to_string()
            .map_err(|e| anyhow!("profile {profile}: {e}"))?;
        ensure!(result.warnings.is_empty(), "profile {profile}: {:?}", result.warnings);
        let output = OUTPUT.take();
        write(&out.join(format!("types_{profile}.rs")), &output.types)?;
        write(&out.join(format!("arbitrary_{profile}.rs")), &output.arbitrary)?;

        let rival = Compiler::<RasnBackend, _>::new_with_config(RasnConfig::default())
            .add_asn_sources_by_path(modules.iter())
            .compile_to_string()
            .map_err(|e| anyhow!("profile {profile}: {e}"))?;
        write(&out.join(format!("rasn_{profile}.rs")), &rival.generated)?;
    }
    Ok(())
}

/// The files of a profile: its own and the common ones.
fn modules(profile: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut modules = Vec::new();
    for folder in ["common", profile] {
        let folder = Path::new("asn1").join(folder);
        for entry in std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))? {
            modules.push(entry?.path());
        }
    }
    modules.retain(|path| path.extension().is_some_and(|e| e == "asn"));
    modules.sort();
    Ok(modules)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

thread_local! {
    /// What the backend wrote. The compiler makes the backend itself, so there is no other way out.
    static OUTPUT: RefCell<Output> = RefCell::default();
}

#[derive(Default)]
struct Generator;

impl Backend for Generator {
    type Config = ();

    const FILE_EXTENSION: &'static str = ".rs";

    fn generate_module(&mut self, module: Vec<ToplevelDefinition>) -> Result<GeneratedModule, GeneratorError> {
        for definition in module {
            // Values and information objects are the business of `src/extension.rs`.
            if let ToplevelDefinition::Type(ty) = &definition
                && !items::is_open(&ty.ty)
            {
                let defined = OUTPUT.with_borrow_mut(|output| output.define(ty));
                if let Err(error) = defined {
                    let reason = format!("{error:#}");
                    return Err(GeneratorError::new(Some(definition), &reason, GeneratorErrorType::Unsupported));
                }
            }
        }
        Ok(GeneratedModule::empty())
    }

    fn generate(&self, definition: ToplevelDefinition) -> Result<String, GeneratorError> {
        Err(GeneratorError::new(Some(definition), "only whole modules", GeneratorErrorType::Unsupported))
    }

    fn config(&self) -> &() {
        &()
    }

    fn from_config((): ()) -> Self {
        Self
    }

    fn new((): (), _: TaggingEnvironment, _: ExtensibilityEnvironment) -> Self {
        Self
    }
}
