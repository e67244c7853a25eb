//! The daemon's control socket, and configurations with poles, for the tests.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rsud::control::protocol::{Answer, PoleCommand, Request};
use rsud::poles::inventory::{LinkStatus, PoleStatus};
use rsud::poles::orders::Outcome;

use super::{Process, Rsud, rsud, text, wait_for};

/// A client of the control socket.
pub struct Control {
    pub socket: PathBuf,
    reader: BufReader<UnixStream>,
}

impl Control {
    /// As soon as the daemon listens.
    pub fn new(rsud: &Rsud) -> Self {
        Self::at(&rsud.folder.path().join("control.sock"), &rsud.process)
    }

    pub fn at(socket: &Path, process: &Process) -> Self {
        let stream = wait_for("the control socket", || match UnixStream::connect(socket) {
            Ok(stream) => Some(stream),
            Err(error) => {
                let log = process.log();
                assert!(!log.contains("cannot"), "{error}: {log}");
                None
            }
        });
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { socket: socket.into(), reader: BufReader::new(stream) }
    }

    pub fn say(&mut self, line: &str) {
        self.reader.get_mut().write_all(line.as_bytes()).unwrap();
    }

    /// The next line; nothing at the end of the connection.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.reader.read_line(&mut line).unwrap() > 0).then_some(line)
    }

    /// The next line that comes within a moment.
    pub fn line_or_nothing(&mut self) -> Option<String> {
        self.reader.get_ref().set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut line = String::new();
        self.reader.read_line(&mut line).ok().filter(|octets| *octets > 0).map(|_| line)
    }

    pub fn ask(&mut self, request: &Request) -> Answer {
        self.say(&(serde_json::to_string(request).unwrap() + "\n"));
        serde_json::from_str(&self.line().expect("an answer")).unwrap()
    }

    pub fn poles(&mut self) -> Vec<PoleStatus> {
        match self.ask(&Request::Poles) {
            Answer::Poles { poles } => poles,
            other => panic!("{other:?}"),
        }
    }

    pub fn pole(&mut self, id: &str) -> PoleStatus {
        match self.ask(&Request::Pole { id: id.into() }) {
            Answer::Pole(pole) => *pole,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the link stands so, and gives what is known of the pole then.
    pub fn wait(&mut self, id: &str, state: LinkStatus) -> PoleStatus {
        self.wait_until(id, state.name(), |pole| pole.state == state)
    }

    pub fn wait_until(&mut self, id: &str, what: &str, is: impl Fn(&PoleStatus) -> bool) -> PoleStatus {
        wait_for(&format!("{id} {what}"), || Some(self.pole(id)).filter(|pole| is(pole)))
    }

    pub fn order(&mut self, id: &str, command: PoleCommand) -> Outcome {
        match self.ask(&Request::Order { id: id.into(), command, wait_ms: 10_000 }) {
            Answer::Order(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    /// `rsud pole` with these arguments: whether it succeeded, and what it printed.
    pub fn cli(&self, args: &[&str]) -> (bool, String) {
        let socket = self.socket.to_str().unwrap();
        let output = rsud(&[&["pole", "--socket", socket], args].concat(), &[]);
        (output.status.success(), text(&output.stdout) + &text(&output.stderr))
    }
}

/// Adds a control socket, and poles with their links, to a configuration: name and `to` of each link with further keys, and the
/// poles as (id, address, further keys), at 20 m east of the reference point and 6 m north.
pub fn with_poles(config: &str, links: &[(&str, &str, &str)], poles: &[(&str, &str, u8, &str)]) -> String {
    let mut config = config.to_owned() + "\n[control]\nsocket = \"control.sock\"\n";
    for (name, to, more) in links {
        let _ = write!(config, "[[pole_links]]\nname = \"{name}\"\nto = \"{to}\"\n{more}\n");
    }
    for (id, link, address, more) in poles {
        let position = "position = { x_m = 20.0, y_m = 6.0 }";
        let _ =
            write!(config, "[[poles]]\nid = \"{id}\"\nlink = \"{link}\"\naddress = {address}\n{position}\n{more}\n");
    }
    config
}
