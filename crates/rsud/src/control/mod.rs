//! The control socket: how the command line asks the running daemon about poles and has them do things.
//!
//! A Unix domain socket, so file permissions say who may use it: its owner alone, or the group too. There is no network
//! port. A request is one line of JSON ([`protocol`]). Clients are few and bounded, and none of them can hold up the daemon:
//! a line that is too long, a client that does not read, or one too many ends that client's connection.

pub mod protocol;

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::protocol::{Answer, MAX_LINE, MAX_WAIT_MS, Request};
use crate::clock;
use crate::config::ControlSettings;
use crate::poles::Poles;
use crate::stats::{LogGate, Stats};

/// Clients at the same time; one more is turned away.
const CLIENTS: usize = 16;
/// A client that takes nothing for so long is gone.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// A socket that is open.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Opens the socket. One that a daemon left behind is replaced; one that a daemon listens at is not.
    ///
    /// # Errors
    /// Another daemon has it, or it cannot be made.
    pub fn open(settings: &ControlSettings) -> anyhow::Result<Self> {
        let path = settings.socket.clone();
        let open = || {
            make_way(&path)?;
            // Made aside with its permissions and put into its place whole: nobody sees it without them.
            let mut fresh = path.clone().into_os_string();
            fresh.push(".new");
            let fresh = PathBuf::from(fresh);
            let _ = std::fs::remove_file(&fresh);
            let listener = UnixListener::bind(&fresh)?;
            let mode = if settings.group { 0o660 } else { 0o600 };
            std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(mode))?;
            std::fs::rename(&fresh, &path)?;
            anyhow::Ok(listener)
        };
        let listener = open().with_context(|| format!("control socket {}", path.display()))?;
        Ok(Self { listener, path })
    }

    /// Serves until it is told to stop.
    pub async fn run(self, poles: Poles, stats: Stats, stop: CancellationToken) {
        info!(socket = %self.path.display(), "listening for the command line");
        let clients = Arc::new(Semaphore::new(CLIENTS));
        let mut gate = LogGate::new(Duration::from_secs(60));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    stats.count("control", "socket_errors");
                    if let Some(held_back) = gate.open() {
                        warn!(%error, held_back, "the control socket fails");
                    }
                    // An error that comes again at once must not spin.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            };
            stats.count("control", "clients");
            let place = Arc::clone(&clients).try_acquire_owned();
            let (poles, stats, stop) = (poles.clone(), stats.clone(), stop.clone());
            tokio::spawn(async move {
                let mut client = Client::new(stream);
                let Ok(_place) = place else {
                    stats.count("control", "clients_turned_away");
                    let problem = format!("there are {CLIENTS} clients already");
                    let _ = client.tell(&Answer::Error { problem }).await;
                    return;
                };
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = client.serve(&poles, &stats) => {}
                }
            });
        }
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Makes sure that there is nothing but a socket that nobody listens at.
fn make_way(path: &Path) -> anyhow::Result<()> {
    let there = match std::fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !there.file_type().is_socket() {
        bail!("there is something else of that name");
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => bail!("another daemon listens at it"),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => Ok(()),
        Err(error) => Err(error.into()),
    }
}

struct Client {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    /// The user at the other end, for the log.
    user: Option<u32>,
}

impl Client {
    fn new(stream: UnixStream) -> Self {
        let user = stream.peer_cred().ok().map(|credentials| credentials.uid());
        let (reader, writer) = stream.into_split();
        Self { reader: BufReader::new(reader), writer, user }
    }

    /// Whether it was told.
    async fn tell(&mut self, answer: &Answer) -> bool {
        let Ok(mut line) = serde_json::to_vec(answer) else { return false };
        line.push(b'\n');
        tokio::time::timeout(WRITE_WITHIN, self.writer.write_all(&line)).await.is_ok_and(|written| written.is_ok())
    }

    async fn serve(&mut self, poles: &Poles, stats: &Stats) {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut self.reader).take(MAX_LINE as u64).read_until(b'\n', &mut line).await;
            if !read.is_ok_and(|octets| octets > 0) {
                return;
            }
            if line.last() != Some(&b'\n') && line.len() >= MAX_LINE {
                stats.add("control", "refused", "line_too_long", 1);
                let problem = format!("a request is one line of at most {MAX_LINE} octets");
                let _ = self.tell(&Answer::Error { problem }).await;
                return;
            }
            let answer = match serde_json::from_slice(&line) {
                Err(error) => {
                    stats.add("control", "refused", "not_a_request", 1);
                    Answer::Error { problem: error.to_string() }
                }
                Ok(Request::Watch) => return self.watch(poles).await,
                Ok(request) => self.answer(request, poles).await,
            };
            if !self.tell(&answer).await {
                return;
            }
        }
    }

    async fn answer(&self, request: Request, poles: &Poles) -> Answer {
        match request {
            Request::Poles => Answer::Poles { poles: poles.inventory.all() },
            Request::Pole { id } => match poles.inventory.one(&id) {
                Some(pole) => Answer::Pole(Box::new(pole)),
                None => Answer::Error { problem: format!("there is no pole {id:?}") },
            },
            Request::Order { id, command, wait_ms } => {
                if !(1..=MAX_WAIT_MS).contains(&wait_ms) {
                    return Answer::Error { problem: format!("wait_ms is from 1 to {MAX_WAIT_MS}, not {wait_ms}") };
                }
                let unix_ms = u64::try_from(clock::now().as_micros() / 1000).unwrap_or(0);
                let asked = match command.command(unix_ms) {
                    Ok(asked) => asked,
                    Err(problem) => return Answer::Error { problem },
                };
                if !poles.knows(&id) {
                    return Answer::Error { problem: format!("there is no pole {id:?}") };
                }
                let answered = poles.ask(&id, asked, Duration::from_millis(wait_ms.into()));
                let Ok(outcome) = answered.await else {
                    return Answer::Error { problem: "the daemon stops".into() };
                };
                info!(pole = id, ?command, user = self.user, %outcome, "order from the command line");
                Answer::Order(outcome)
            }
            // Who watches does nothing else.
            Request::Watch => Answer::Error { problem: "watch is a connection of its own".into() },
        }
    }

    async fn watch(&mut self, poles: &Poles) {
        let mut changes = poles.inventory.watch();
        let mut ignored = [0; 64];
        loop {
            let answer = tokio::select! {
                change = changes.recv() => match change {
                    Ok(change) => Answer::Change(change),
                    Err(RecvError::Lagged(changes)) => Answer::Missed { changes },
                    Err(RecvError::Closed) => return,
                },
                // Who closes the connection has seen enough.
                read = self.reader.read(&mut ignored) => match read {
                    Ok(octets) if octets > 0 => continue,
                    _ => return,
                },
            };
            if !self.tell(&answer).await {
                return;
            }
        }
    }
}
