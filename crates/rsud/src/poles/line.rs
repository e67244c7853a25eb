//! The task of a line: opens it, hands octets and datagrams to the driver and back, and opens it again when it went away.
//!
//! It waits for octets, orders and the driver's deadline, and for nothing else. While the line is away the driver goes on,
//! and what it wants to send is lost as on a broken wire: sessions end by their silence, orders by their time.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use pole_link::{MAX_WIRE, Millis};
use serial2_tokio::SerialPort;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket, UnixStream};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::driver::{Driver, Now};
use super::mailbox::Mailbox;
use crate::clock;
use crate::config::PoleEndpoint;
use crate::stats::{LogGate, Stats};
use crate::uplink::connection::Pace;

/// Octets that are taken at once.
const CHUNK: usize = 4096;
/// A line that takes nothing for so long is broken.
const WRITE_WITHIN: Duration = Duration::from_secs(1);
/// A server that does not answer within this is not there.
const OPEN_WITHIN: Duration = Duration::from_secs(5);
/// Between two tries to open a line, at least and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// A socket that fails at once again must not spin.
const AFTER_AN_ERROR: Duration = Duration::from_millis(20);

/// An open line.
#[derive(Debug)]
pub(super) enum Wire {
    /// A serial device.
    Serial(SerialPort),
    /// A device server.
    Tcp(TcpStream),
    /// A device server on this machine.
    Unix(UnixStream),
    /// Datagrams.
    Udp(UdpSocket),
}

type Opening = Pin<Box<dyn Future<Output = std::io::Result<Wire>> + Send>>;

enum Place {
    Open(Wire),
    Opening(Opening),
    Away(Instant),
}

/// What came.
enum Came {
    Opened,
    Octets(usize),
    Datagram(usize, SocketAddr),
    Lost(std::io::Error),
    /// It is time to open it again.
    Again,
}

/// Opens a line that is no socket of ours.
async fn open(endpoint: PoleEndpoint) -> std::io::Result<Wire> {
    let open = async {
        Ok(match endpoint {
            PoleEndpoint::Serial { path, baud } => {
                let port = SerialPort::open(path, baud)?;
                // What came before the daemon looked is of no use; a device that cannot forget it is no trouble.
                let _ = port.discard_buffers();
                Wire::Serial(port)
            }
            PoleEndpoint::Tcp(server) => {
                let stream = TcpStream::connect(server).await?;
                stream.set_nodelay(true)?;
                Wire::Tcp(stream)
            }
            PoleEndpoint::Unix(path) => Wire::Unix(UnixStream::connect(path).await?),
            PoleEndpoint::Udp(address) => Wire::Udp(UdpSocket::bind(address).await?),
        })
    };
    tokio::time::timeout(OPEN_WITHIN, open).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

impl Wire {
    async fn receive(&mut self, buffer: &mut [u8]) -> Came {
        let octets = match self {
            Self::Serial(port) => port.read(buffer).await,
            Self::Tcp(stream) => stream.read(buffer).await,
            Self::Unix(stream) => stream.read(buffer).await,
            Self::Udp(socket) => {
                return match socket.recv_from(buffer).await {
                    Ok((octets, from)) => Came::Datagram(octets, from),
                    Err(error) => Came::Lost(error),
                };
            }
        };
        match octets {
            Ok(0) => Came::Lost(std::io::ErrorKind::UnexpectedEof.into()),
            Ok(octets) => Came::Octets(octets),
            Err(error) => Came::Lost(error),
        }
    }

    async fn send(&mut self, octets: &[u8], to: Option<SocketAddr>) -> std::io::Result<()> {
        let send = async {
            match self {
                Self::Serial(port) => port.write_all(octets).await,
                Self::Tcp(stream) => stream.write_all(octets).await,
                Self::Unix(stream) => stream.write_all(octets).await,
                Self::Udp(socket) => match to {
                    Some(to) => socket.send_to(octets, to).await.map(|_| ()),
                    None => Ok(()),
                },
            }
        };
        tokio::time::timeout(WRITE_WITHIN, send).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }
}

impl Place {
    /// Waits until something comes of it. What was begun goes on if this is broken off.
    async fn next(&mut self, buffer: &mut [u8]) -> Came {
        match self {
            Self::Open(wire) => wire.receive(buffer).await,
            Self::Away(until) => {
                tokio::time::sleep_until(*until).await;
                Came::Again
            }
            Self::Opening(opening) => match opening.await {
                Ok(wire) => {
                    *self = Self::Open(wire);
                    Came::Opened
                }
                Err(error) => Came::Lost(error),
            },
        }
    }
}

/// A line's task.
pub(super) struct Line {
    /// The name of the link.
    pub(super) name: String,
    /// What is opened.
    pub(super) endpoint: PoleEndpoint,
    /// What knows the protocol.
    pub(super) driver: Driver,
    /// Where orders come from.
    pub(super) mailbox: Arc<Mailbox>,
    /// Where things are counted.
    pub(super) stats: Stats,
    /// When the daemon's clock of milliseconds began.
    pub(super) epoch: Instant,
    /// Ends it.
    pub(super) stop: CancellationToken,
}

impl Line {
    /// Until it is told to stop. A socket of our own is opened already.
    pub(super) async fn run(mut self, wire: Option<Wire>) {
        let mut place = wire.map_or_else(|| Place::Opening(Box::pin(open(self.endpoint.clone()))), Place::Open);
        let mut pace = Pace::between(RETRY.0, RETRY.1);
        let mut trouble = LogGate::new(Duration::from_secs(60));
        let mut refusals = LogGate::new(Duration::from_secs(10));
        let mut buffer = vec![0; CHUNK];
        let mut heard = false;
        loop {
            let now = self.now();
            self.driver.poll(now);
            self.transmit(&mut place).await;
            let refused = self.driver.take_refused();
            if refused > 0
                && let Some(held_back) = refusals.open()
            {
                warn!(link = %self.name, refused, held_back, "frames or octets refused; the counters say why");
            }
            let deadline = self.driver.deadline();
            let came = tokio::select! {
                () = self.stop.cancelled() => break,
                () = until(self.epoch, deadline) => continue,
                () = self.mailbox.filled.notified() => continue,
                came = place.next(&mut buffer) => came,
            };
            let now = self.now();
            match came {
                Came::Octets(octets) => {
                    heard = true;
                    self.driver.receive(now, buffer.get(..octets).unwrap_or_default());
                }
                Came::Datagram(octets, from) => {
                    self.driver.receive_datagram(now, from, buffer.get(..octets).unwrap_or_default());
                }
                Came::Opened => {
                    info!(link = %self.name, "the line to the pole is open");
                    self.stats.count("poles", "lines_opened");
                }
                Came::Again => place = Place::Opening(Box::pin(open(self.endpoint.clone()))),
                Came::Lost(error) if matches!(&place, Place::Open(Wire::Udp(_))) => {
                    self.stats.count("poles", "socket_errors");
                    if let Some(held_back) = trouble.open() {
                        warn!(link = %self.name, %error, held_back, "receive failed");
                    }
                    tokio::time::sleep(AFTER_AN_ERROR).await;
                }
                Came::Lost(error) => {
                    self.stats.count("poles", "lines_lost");
                    if let Some(held_back) = trouble.open() {
                        warn!(link = %self.name, %error, held_back, "no line to the pole");
                    }
                    // A line that opens and says nothing is tried ever more rarely too.
                    place = Place::Away(Instant::now() + pace.next(std::mem::take(&mut heard), true));
                }
            }
        }
        self.driver.stop(self.now());
    }

    fn now(&self) -> Now {
        Now { ms: Millis(self.epoch.elapsed().as_millis() as u64), at: clock::now() }
    }

    /// Sends what there is to send.
    async fn transmit(&mut self, place: &mut Place) {
        let mut buffer = [0; MAX_WIRE];
        loop {
            let now = self.now();
            let Some((octets, to)) = self.driver.transmit(now, &mut buffer) else { return };
            let Place::Open(wire) = place else {
                self.stats.count("poles", "not_sent");
                continue;
            };
            if let Err(error) = wire.send(octets, to).await {
                self.stats.count("poles", "not_sent");
                if !matches!(wire, Wire::Udp(_)) {
                    // The next look at the line says what it is.
                    let lost = async move { Err(error) };
                    *place = Place::Opening(Box::pin(lost));
                }
            }
        }
    }
}

async fn until(epoch: Instant, deadline: Option<Millis>) {
    match deadline {
        Some(Millis(ms)) => tokio::time::sleep_until(epoch + Duration::from_millis(ms)).await,
        None => std::future::pending().await,
    }
}
