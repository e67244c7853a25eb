//! The emulated board: QEMU with an image, its line at a socket or a terminal, and a look into its memory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};

use crate::{run as run_command, works};

const PROGRAM: &str = "qemu-system-arm";
const MACHINE: &str = "mps2-an386";
/// Where the board has the maker's page.
const FACTORY_ADDRESS: u32 = 0x0011_0000;

/// Where the board's line ends on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Serial {
    /// A new terminal, whose name QEMU prints.
    Pty,
    /// A socket that QEMU makes and listens at.
    Unix(PathBuf),
    /// The same on the loopback interface.
    Tcp(u16),
}

impl FromStr for Serial {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once(':') {
            None if text == "pty" => Ok(Self::Pty),
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(PathBuf::from(path))),
            Some(("tcp", port)) => Ok(Self::Tcp(port.parse().context("--serial tcp:PORT")?)),
            _ => bail!("--serial is pty, unix:PATH or tcp:PORT, not {text:?}"),
        }
    }
}

impl Serial {
    fn argument(&self) -> String {
        match self {
            Self::Pty => "pty".to_owned(),
            Self::Unix(path) => format!("unix:{},server=on,wait=off", path.display()),
            Self::Tcp(port) => format!("tcp:127.0.0.1:{port},server=on,wait=off"),
        }
    }
}

/// What the maker's page says; see `crates/pole-firmware/src/factory.rs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Factory {
    pub(super) serial_number: String,
    pub(super) address: u8,
    pub(super) bus: bool,
}

impl Default for Factory {
    fn default() -> Self {
        Self { serial_number: "SP-000001".to_owned(), address: 1, bus: false }
    }
}

impl Factory {
    fn page(&self) -> anyhow::Result<[u8; 36]> {
        let serial = self.serial_number.as_bytes();
        ensure!(serial.len() <= 24, "a serial number has at most 24 octets");
        ensure!((1..=247).contains(&self.address), "a pole's address is 1 to 247");
        let mut page = [0; 36];
        let head = [b'P', b'O', b'L', b'E', 1, self.address, u8::from(self.bus), serial.len() as u8];
        for (place, octet) in page.iter_mut().zip(head.iter().chain(serial)) {
            *place = *octet;
        }
        let (covered, crc) = page.split_last_chunk_mut::<4>().context("it is longer")?;
        *crc = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI).checksum(covered).to_le_bytes();
        Ok(page)
    }
}

/// Sees to it that QEMU is there.
pub(super) fn install() -> anyhow::Result<()> {
    if works(PROGRAM, &["--version"]) {
        return Ok(());
    }
    println!("{PROGRAM} is not there; trying apt-get");
    for args in [["update", "-qq"].as_slice(), &["install", "-y", "-qq", "--no-install-recommends", PROGRAM]] {
        let _ = Command::new("apt-get").args(args).env("DEBIAN_FRONTEND", "noninteractive").status();
    }
    ensure!(works(PROGRAM, &["--version"]), "the firmware's tests need QEMU: sudo apt-get install {PROGRAM}");
    Ok(())
}

fn command(image: &Path, serial: &Serial, factory: &Factory, folder: &Path) -> anyhow::Result<Command> {
    let page = folder.join(format!("factory-{}.bin", factory.serial_number.replace(['/', ','], "_")));
    std::fs::write(&page, factory.page()?).with_context(|| page.display().to_string())?;
    let mut command = Command::new(PROGRAM);
    command.args(["-M", MACHINE, "-display", "none", "-kernel"]).arg(image);
    command.args(["-serial", &serial.argument()]);
    let loader = format!("loader,file={},addr={FACTORY_ADDRESS:#x},force-raw=on", page.display());
    command.args(["-device", &loader]);
    Ok(command)
}

/// Runs an image in the foreground.
pub(super) fn run(image: &Path, serial: &Serial, factory: &Factory, folder: &Path) -> anyhow::Result<()> {
    let mut command = command(image, serial, factory, folder)?;
    command.args(["-monitor", "none"]);
    println!("{command:?}");
    run_command(&mut command)
}

/// A running board, stopped when it is dropped.
pub(super) struct Board {
    process: Child,
    folder: PathBuf,
    monitor: BufReader<UnixStream>,
}

impl Board {
    /// Starts an image with its line at a socket. `folder` is for this board alone.
    pub(super) fn start(image: &Path, factory: &Factory, folder: &Path) -> anyhow::Result<Self> {
        let _ = std::fs::remove_dir_all(folder);
        std::fs::create_dir_all(folder)?;
        let line = folder.join("line");
        let mut command = command(image, &Serial::Unix(line), factory, folder)?;
        let monitor = folder.join("monitor");
        command.args(["-monitor", "none", "-qmp", &format!("unix:{},server=on,wait=off", monitor.display())]);
        command.stdin(Stdio::null());
        let mut process = command.spawn().with_context(|| format!("{command:?}"))?;
        let stream = connect(&monitor).inspect_err(|_| {
            let _ = process.kill();
            let _ = process.wait();
        })?;
        let mut board = Self { process, folder: folder.to_path_buf(), monitor: BufReader::new(stream) };
        board.command("qmp_capabilities", &json!({}))?;
        Ok(board)
    }

    /// The board's end of the line.
    pub(super) fn line(&self) -> anyhow::Result<UnixStream> {
        connect(&self.folder.join("line"))
    }

    /// Pushes the reset button.
    pub(super) fn push_reset(&mut self) -> anyhow::Result<()> {
        self.command("system_reset", &json!({}))
    }

    /// What is in the board's memory.
    pub(super) fn memory(&mut self, address: u32, octets: u32) -> anyhow::Result<Vec<u8>> {
        let file = self.folder.join("memory");
        self.command("pmemsave", &json!({ "val": address, "size": octets, "filename": file }))?;
        Ok(std::fs::read(&file)?)
    }

    fn command(&mut self, name: &str, arguments: &Value) -> anyhow::Result<()> {
        let command = json!({ "execute": name, "arguments": arguments });
        self.monitor.get_mut().write_all(format!("{command}\n").as_bytes())?;
        // Greetings and events come in between.
        loop {
            let mut answer = String::new();
            ensure!(self.monitor.read_line(&mut answer)? > 0, "QEMU is gone");
            let answer: Value = serde_json::from_str(&answer)?;
            if let Some(error) = answer.get("error") {
                bail!("QEMU: {name}: {error}");
            }
            if answer.get("return").is_some() {
                return Ok(());
            }
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Connects to a socket that QEMU is about to make.
#[allow(clippy::disallowed_methods, reason = "waits for another program, at most so long")]
fn connect(path: &Path) -> anyhow::Result<UnixStream> {
    let began = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(20)))?;
                return Ok(stream);
            }
            Err(error) if began.elapsed() > Duration::from_secs(20) => {
                return Err(error).with_context(|| path.display().to_string());
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_understood_or_refused() {
        assert_eq!("pty".parse::<Serial>().unwrap(), Serial::Pty);
        assert_eq!("tcp:4000".parse::<Serial>().unwrap(), Serial::Tcp(4000));
        assert_eq!("unix:/a:b".parse::<Serial>().unwrap(), Serial::Unix(PathBuf::from("/a:b")));
        for text in ["", "tty", "unix:", "tcp:", "tcp:x", "tcp:99999", "pty:1"] {
            assert!(text.parse::<Serial>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_makers_page_is_as_it_is_documented() {
        let factory = Factory { serial_number: "SP-7".to_owned(), address: 42, bus: true };
        let page = factory.page().unwrap();
        assert_eq!(&page[..14], b"POLE\x01\x2a\x01\x04SP-7\0\0");
        let too_long = Factory { serial_number: "x".repeat(25), ..Factory::default() };
        assert!(too_long.page().is_err());
        assert!(Factory { address: 0, ..Factory::default() }.page().is_err());
    }
}
