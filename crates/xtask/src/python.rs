//! Python environments in the target folder: each made once from a file of pinned requirements.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, ensure};

use crate::{root, run};

/// The copy of the requirements that an environment was made with, in its folder.
const MADE_WITH: &str = "made-with.txt";

/// The interpreter of the environment `target/tools/<name>`. Unless it was made with these very requirements (a path from
/// the root of the project) and the statement `probe` works there, the environment is made afresh.
pub(crate) fn environment(name: &str, requirements: &str, probe: &str) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/tools").join(name);
    let python = folder.join("bin/python3");
    let wanted = std::fs::read_to_string(root().join(requirements)).with_context(|| requirements.to_owned())?;
    if !(was_made_with(&folder, &wanted) && works(&python, probe)) {
        println!("the Python packages of {requirements} are not there; installing them into {}", folder.display());
        make(&folder)?;
        let mut install = Command::new(&python);
        run(install.args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(root().join(requirements)))?;
        ensure!(works(&python, probe), "{probe:?} does not work in {}", folder.display());
        // Last: an environment that has it is whole.
        std::fs::write(folder.join(MADE_WITH), wanted)?;
    }
    Ok(python)
}

/// Whether an environment was made with these requirements. That its packages can be imported does not tell: a pin may
/// have changed since.
fn was_made_with(folder: &Path, wanted: &str) -> bool {
    std::fs::read_to_string(folder.join(MADE_WITH)).is_ok_and(|known| known == wanted)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_pin_makes_the_environment_stale() {
        let folder = std::env::temp_dir().join(format!("xtask-python-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(!was_made_with(&folder, "numpy==1.0\n"));
        std::fs::write(folder.join(MADE_WITH), "numpy==1.0\n").unwrap();
        assert!(was_made_with(&folder, "numpy==1.0\n") && !was_made_with(&folder, "numpy==1.1\n"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
