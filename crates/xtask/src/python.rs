//! Python environments in the target folder: each made once from a file of pinned requirements.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::ensure;

use crate::{root, run};

/// The interpreter of the environment `target/tools/<name>`. Unless the statement `probe` works there, the environment is
/// made afresh with the requirements, a path from the root of the project.
pub(crate) fn environment(name: &str, requirements: &str, probe: &str) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools").join(name);
    let python = folder.join("bin/python3");
    if !works(&python, probe) {
        println!("the Python packages of {requirements} are not there; installing them into {}", folder.display());
        make(&folder)?;
        let mut install = Command::new(&python);
        run(install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(root().join(requirements)))?;
        ensure!(works(&python, probe), "{probe:?} does not work in {}", folder.display());
    }
    Ok(python)
}

fn works(python: &Path, probe: &str) -> bool {
    let mut command = Command::new(python);
    command.args(["-c", probe]).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn make(folder: &Path) -> anyhow::Result<()> {
    let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if make().is_err() {
        println!("python3 cannot make an environment; trying apt-get");
        for args in [["update", "-qq"].as_slice(), &["install", "-y", "-qq", "python3-venv"]] {
            let _ = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
        }
        make()?;
    }
    Ok(())
}
