//! The system under test that is ours: rsud with a radio adapter and one link.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;

use anyhow::{Context as _, ensure};
use rsu_proto::{Message as _, v1};
use serde_json::Value;

use super::load::{Offered, Plan};
use super::process::Process;
use super::subscriber::Receipt;
use super::tally::{Balance, Item, Received};
use super::{free_udp_port, instant, now_us, pause_until};
use crate::bench_uplink::System;
use crate::root;

/// rsud in a folder.
pub(crate) struct Ours {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    frame: Vec<u8>,
    process: Option<Process>,
    starts: usize,
    /// The last item of each run that was found on disk after a kill.
    on_disk: BTreeMap<i64, u64>,
}

/// The stream of the items.
const STREAM: &str = "bsm";

impl Ours {
    pub(crate) fn new(program: &Path, folder: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            program: program.to_path_buf(),
            folder: folder.to_path_buf(),
            port: free_udp_port()?,
            frame: frame()?,
            process: None,
            starts: 0,
            on_disk: BTreeMap::new(),
        })
    }

    fn look_at_disk(&mut self) -> anyhow::Result<()> {
        let Ok(files) = std::fs::read_dir(self.folder.join("spool/cloud")) else { return Ok(()) };
        for file in files {
            let path = file?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("message-") && path.extension().is_some_and(|extension| extension == "seg") {
                let octets = std::fs::read(&path).with_context(|| path.display().to_string())?;
                last_in_segment(&octets, STREAM, &mut self.on_disk)
                    .with_context(|| format!("{} is no segment as docs/spool.md has it", path.display()))?;
            }
        }
        Ok(())
    }
}

impl System for Ours {
    fn name(&self) -> &'static str {
        "rsud"
    }

    fn start(&mut self, remote: u16) -> anyhow::Result<()> {
        let file = self.folder.join("rsud.toml");
        std::fs::write(&file, config(self.port, remote))?;
        self.starts += 1;
        let log = self.folder.join(format!("rsud-{}.log", self.starts));
        let mut process = Process::start(Command::new(&self.program).args(["run", "--config"]).arg(&file), &log)?;
        process.wait_until("rsud", |process| process.log().contains("\"ready\""))?;
        self.process = Some(process);
        Ok(())
    }

    fn process(&self) -> anyhow::Result<&Process> {
        self.process.as_ref().context("rsud does not run")
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.process = None;
        self.look_at_disk()
    }

    fn offer(&self, plan: Plan) -> JoinHandle<anyhow::Result<Offered>> {
        let (frame, port) = (self.frame.clone(), self.port);
        std::thread::spawn(move || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            let (start, mut made_us) = (instant(), Vec::with_capacity(plan.items as usize));
            while (made_us.len() as u64) < plan.items && start.elapsed() < plan.within {
                pause_until(start + plan.due(made_us.len() as u64));
                made_us.push(now_us());
                // Nobody listens while the daemon is dead.
                let _ = socket.send_to(&frame, (Ipv4Addr::LOCALHOST, port));
            }
            Ok(Offered { items: made_us.len() as u64, made_us, took: start.elapsed(), ..Offered::default() })
        })
    }

    fn item(&self, receipt: &Receipt) -> Option<Item> {
        let header = v1::V2xMessage::decode(receipt.payload.clone()).ok()?.header?;
        Some(Item { run: header.boot_id, sequence: header.sequence, made_us: header.caused_by_arrival_us })
    }

    fn balance(&self, _: &Offered, received: &Received) -> Balance {
        Balance::of_dense(&self.on_disk, received)
    }
}

fn frame() -> anyhow::Result<Vec<u8>> {
    let path = root().join("crates/v2x-codec/tests/vectors/bsm.json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let json: Value = serde_json::from_str(&text)?;
    let octets = json.get("uper_hex").and_then(Value::as_str).context("bsm.json has no uper_hex")?;
    Ok(hex::decode(octets)?)
}

/// The site is far from where the messages say they are, so the track lists are empty. The spool has room for all that an
/// outage brings; the longest wait
/// between two tries is the bridge's.
fn config(port: u16, remote: u16) -> String {
    format!(
        r#"
[rsu]
id = "bench"
health_period_s = 3600
[pc5]
listen = "127.0.0.1:{port}"
framing = "uper"
[log]
format = "json"
[site]
latitude_deg = 31.0
longitude_deg = 121.0
[[site.lanes]]
id = "eastbound"
kind = "vehicle"
width_m = 3.5
points_m = [[-150.0, 0.0], [150.0, 0.0]]
[spool]
folder = "spool"
message = {{ max_mib = 1024 }}
[cloud]
broker = "mqtt://127.0.0.1:{remote}"
keep_alive_s = 20
retry_most_s = 5.0
in_flight = 256
"#
    )
}

/// Octets of a segment's header, and of a record's head before the stream's name.
const HEADER: usize = 64;
const HEAD: usize = 49;

/// Notes the last sequence of each run that a segment of the spool has of a stream; `docs/spool.md` has the format. This is
/// not read with our own library, as a second opinion.
fn last_in_segment(octets: &[u8], stream: &str, last: &mut BTreeMap<i64, u64>) -> anyhow::Result<()> {
    // The crash may have come before the header.
    let Some(mut rest) = octets.get(HEADER..) else { return Ok(()) };
    ensure!(octets.starts_with(b"rsuspl01"), "the magic is wrong");
    while let Some((boot, sequence, name, behind)) = record(rest) {
        if name == stream.as_bytes() {
            let known = last.entry(boot).or_insert(0);
            *known = (*known).max(sequence);
        }
        rest = behind;
    }
    Ok(())
}

/// Boot, sequence and stream of the record at the beginning, and what is behind it; nothing if it is torn.
fn record(octets: &[u8]) -> Option<(i64, u64, &[u8], &[u8])> {
    let (head, rest) = octets.split_at_checked(HEAD)?;
    let number = |at: usize| Some(u64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?));
    if !head.starts_with(&[0xFE, 0x72, 0x73, 0x1D]) {
        return None;
    }
    let payload = u32::from_le_bytes(head.get(8..12)?.try_into().ok()?) as usize;
    let (name, rest) = rest.split_at_checked(usize::from(*head.last()?))?;
    let (_, behind) = rest.split_at_checked(payload)?;
    Some((i64::from_le_bytes(number(32)?.to_le_bytes()), number(40)?, name, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record_of(boot: i64, sequence: u64, stream: &str, payload: usize) -> Vec<u8> {
        let mut octets = vec![0xFE, 0x72, 0x73, 0x1D, 0, 0, 0, 0];
        octets.extend((payload as u32).to_le_bytes());
        octets.extend([0; 20]);
        octets.extend(boot.to_le_bytes());
        octets.extend(sequence.to_le_bytes());
        octets.push(stream.len() as u8);
        octets.extend(stream.as_bytes());
        octets.extend(vec![0xFE; payload]);
        octets
    }

    #[test]
    fn the_last_whole_record_counts() {
        let mut octets = [b"rsuspl01".as_slice(), &[0; 56]].concat();
        for (boot, sequence, stream) in [(5, 1, "bsm"), (5, 2, "bsm"), (5, 9, "map"), (6, 1, "bsm")] {
            octets.extend(record_of(boot, sequence, stream, 300));
        }
        let torn = record_of(6, 2, "bsm", 300);
        octets.extend(&torn[..torn.len() - 1]);
        let mut last = BTreeMap::from([(5, 7)]);
        last_in_segment(&octets, "bsm", &mut last).unwrap();
        assert_eq!(last, [(5, 7), (6, 1)].into());
        octets[0] = b'x';
        assert!(last_in_segment(&octets, "bsm", &mut last).is_err());
        assert!(last_in_segment(&[], "bsm", &mut last).is_ok());
    }

    #[test]
    fn the_frame_is_that_of_the_vectors() {
        assert!(frame().unwrap().len() > 100);
    }
}
