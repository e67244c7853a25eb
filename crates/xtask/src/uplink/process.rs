//! The processes of the bench: killed at its end whatever happens, and what the kernel says about them.

use std::fs::File;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::wait_for;

/// A process has so long to get ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A process, and the file that has what it says.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| log.display().to_string())?;
        let errors = file.try_clone()?;
        let child = command.stdin(Stdio::null()).stdout(file).stderr(errors).spawn();
        Ok(Self { child: child.with_context(|| format!("{command:?}"))?, log: log.to_path_buf() })
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until the process is what `probe` wants; an error if it ends instead.
    pub(crate) fn wait_until(&mut self, what: &str, mut probe: impl FnMut(&Self) -> bool) -> anyhow::Result<()> {
        wait_for(what, READY_WITHIN, || {
            if let Some(status) = self.child.try_wait()? {
                bail!("{what}: the process has ended ({status}): {}", self.log());
            }
            Ok(probe(self).then_some(()))
        })
    }

    pub(crate) fn listens(&mut self, port: u16) -> anyhow::Result<()> {
        let what = format!("a listener on port {port}");
        self.wait_until(&what, |_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())
    }

    /// Octets that it made the disk write since its start.
    pub(crate) fn written(&self) -> anyhow::Result<u64> {
        number(&self.proc("io")?, "write_bytes:").context("no write_bytes in /proc/<pid>/io")
    }

    /// The most memory that it ever had, octets.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<u64> {
        let kib = number(&self.proc("status")?, "VmHWM:").context("no VmHWM in /proc/<pid>/status")?;
        Ok(kib << 10)
    }

    fn proc(&self, name: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{name}", self.child.id());
        std::fs::read_to_string(&path).context(path)
    }
}

impl Drop for Process {
    /// With SIGKILL, and waits for the end.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number behind a name at the beginning of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// The program, where distributions put it, and what it says that it is.
pub(crate) fn mosquitto() -> anyhow::Result<(PathBuf, String)> {
    for path in ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"] {
        if let Ok(output) = Command::new(path).arg("-h").stdin(Stdio::null()).output() {
            let text = String::from_utf8_lossy(&output.stdout);
            let version = text.lines().next().unwrap_or("mosquitto").to_owned();
            return Ok((path.into(), version));
        }
    }
    bail!("mosquitto is not installed; on Debian: apt-get install mosquitto");
}

/// Starts a mosquitto with a configuration, in a folder, and waits for its listener.
pub(crate) fn start_mosquitto(
    program: &Path,
    folder: &Path,
    name: &str,
    port: u16,
    config: &str,
) -> anyhow::Result<Process> {
    let file = folder.join(format!("{name}.conf"));
    // As root it would become a user who may not write into our folder.
    let common = "user root\nlog_dest stderr\nlog_type error\nlog_type warning\nlog_type notice\n";
    std::fs::write(&file, format!("{common}listener {port} 127.0.0.1\nallow_anonymous true\n{config}"))?;
    let mut process = Process::start(Command::new(program).arg("-c").arg(&file), &folder.join(format!("{name}.log")))?;
    process.listens(port)?;
    Ok(process)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_names() {
        let io = "rchar: 1\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!(number(io, "write_bytes:"), Some(4096));
        assert_eq!(number("VmPeak:\t 9 kB\nVmHWM:\t    1234 kB\n", "VmHWM:"), Some(1234));
        assert_eq!(number(io, "VmHWM:"), None);
    }

    #[test]
    fn a_process_that_ends_is_told_with_what_it_said() {
        let folder = std::env::temp_dir();
        let log = folder.join(format!("xtask-process-{}", std::process::id()));
        let mut process = Process::start(Command::new("sh").args(["-c", "echo so it is >&2"]), &log).unwrap();
        let error = process.wait_until("a miracle", |_| false).unwrap_err();
        std::fs::remove_file(&log).unwrap();
        assert!(error.to_string().contains("so it is"), "{error}");
    }
}
