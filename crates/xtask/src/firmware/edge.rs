//! The daemon's end of a line, for trials: what the link's own end says, over a socket and by this machine's clock.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use pole_link::{
    Command, CommandOutcome, EdgeConfig, EdgeEnd, EdgeEvent, Hello, MAX_WIRE, Medium, Millis, PoleAddress, Session,
};

/// Longer than anything takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The edge at the end of a line.
pub(super) struct Edge {
    stream: UnixStream,
    end: EdgeEnd,
    began: Instant,
    waiting: Vec<u8>,
    /// The longest time between two frames of the pole's, ms.
    pub(super) longest_gap_ms: u64,
    heard_at: Option<Millis>,
}

impl Edge {
    /// An edge that waits for the pole to greet.
    #[allow(clippy::disallowed_methods, reason = "the stopwatch of a trial")]
    pub(super) fn new(stream: UnixStream) -> anyhow::Result<Self> {
        let mut config = EdgeConfig::new(Session::MIN);
        config.silence_ms = 10_000;
        stream.set_write_timeout(Some(PATIENCE))?;
        // What the board has not taken yet keeps the writer waiting, not a long queue: so the edge goes on listening.
        socket2::SockRef::from(&stream).set_send_buffer_size(4096)?;
        let end = EdgeEnd::new(PoleAddress::FIRST, Medium::Uart, config, Millis(0));
        Ok(Self { stream, end, began: Instant::now(), waiting: Vec::new(), longest_gap_ms: 0, heard_at: None })
    }

    fn now(&self) -> Millis {
        Millis(self.began.elapsed().as_millis() as u64)
    }

    /// The next event; none if there is none for so long.
    pub(super) fn next(&mut self, patience: Duration) -> anyhow::Result<Option<EdgeEvent>> {
        let until = self.now().plus(patience.as_millis() as u32);
        self.read(Duration::ZERO)?;
        loop {
            let now = self.now();
            if let Some(event) = self.end.poll(now) {
                return Ok(Some(event));
            }
            let mut octets = self.waiting.as_slice();
            let event = self.end.receive(now, &mut octets);
            let left = octets.len();
            self.waiting.drain(..self.waiting.len() - left);
            self.note_gap();
            let mut buffer = [0; MAX_WIRE];
            while let Some(octets) = self.end.poll_transmit(now, &mut buffer) {
                self.stream.write_all(octets)?;
            }
            if event.is_some() {
                return Ok(event);
            }
            if now >= until {
                return Ok(None);
            }
            let wake = self.end.next_deadline().map_or(until, |deadline| deadline.min(until));
            self.read(Duration::from_millis(wake.since(now).max(1)))?;
        }
    }

    fn read(&mut self, patience: Duration) -> anyhow::Result<()> {
        self.stream.set_nonblocking(patience.is_zero())?;
        if !patience.is_zero() {
            self.stream.set_read_timeout(Some(patience))?;
        }
        let mut octets = [0; 4096];
        match self.stream.read(&mut octets) {
            Ok(0) => bail!("the board is gone"),
            Ok(read) => self.waiting.extend_from_slice(octets.get(..read).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error.into()),
        }
        // Writing waits, within bounds.
        Ok(self.stream.set_nonblocking(false)?)
    }

    fn note_gap(&mut self) {
        let heard_at = self.end.heard_at();
        if let (Some(before), Some(heard_at)) = (self.heard_at, heard_at) {
            self.longest_gap_ms = self.longest_gap_ms.max(heard_at.since(before));
        }
        self.heard_at = heard_at;
    }

    /// The first event that `wanted` makes something of.
    pub(super) fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(EdgeEvent) -> Option<T>) -> anyhow::Result<T> {
        let until = self.now().plus(PATIENCE.as_millis() as u32);
        while self.now() < until {
            if let Some(event) = self.next(Duration::from_millis(200))?
                && let Some(found) = wanted(event)
            {
                return Ok(found);
            }
        }
        bail!("{what}: waited {PATIENCE:?} in vain; the edge counted {:?}", self.end.counters())
    }

    /// The next greeting.
    pub(super) fn greeting(&mut self) -> anyhow::Result<Hello> {
        let hello = self.wait("a greeting", |event| match event {
            EdgeEvent::Up { hello, .. } => Some(hello),
            _ => None,
        })?;
        self.longest_gap_ms = 0;
        Ok(hello)
    }

    /// What becomes of a command, and how long it takes.
    pub(super) fn command(&mut self, command: Command) -> anyhow::Result<(CommandOutcome, Duration)> {
        let submitted = self.began.elapsed();
        let deadline = self.now().plus(PATIENCE.as_millis() as u32 / 2);
        let what = format!("the end of {command:?}");
        let wanted = self.end.submit(command, deadline)?;
        let outcome = self.wait(&what, |event| match event {
            EdgeEvent::Finished { id, outcome } if id == wanted => Some(outcome),
            _ => None,
        })?;
        Ok((outcome, self.began.elapsed().saturating_sub(submitted)))
    }

    /// Has a command carried out.
    pub(super) fn must(&mut self, command: &Command) -> anyhow::Result<()> {
        let (outcome, _) = self.command(command.clone())?;
        ensure!(outcome == CommandOutcome::Done, "{command:?}: {outcome:?}");
        Ok(())
    }

    /// Writes octets that are no frames of the edge's.
    pub(super) fn disturb(&mut self, octets: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(octets)?)
    }
}
