//! The task that reads one UDP socket for one adapter.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use edge_core::Input;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Parser;
use crate::clock;
use crate::queue::Sender;
use crate::stats::{LogGate, Stats};

/// Bytes that the kernel may hold for us while we are busy.
const RECEIVE_BUFFER: usize = 4 << 20;

/// Opens the socket of an adapter.
///
/// # Errors
/// When the address cannot be bound; the error names it.
pub fn bind(name: &str, address: SocketAddr) -> anyhow::Result<UdpSocket> {
    let open = || -> std::io::Result<UdpSocket> {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        // The kernel may give less; then it drops sooner, and that is all.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        UdpSocket::from_std(socket.into())
    };
    open().with_context(|| format!("adapter {name}: cannot listen on UDP {address}"))
}

/// Reads datagrams until cancelled.
pub async fn run(
    socket: UdpSocket,
    mut parser: impl Parser,
    inputs: Sender<Input>,
    stats: Stats,
    stop: CancellationToken,
) {
    let name = parser.name();
    if let Ok(address) = socket.local_addr() {
        info!(adapter = name, %address, "listening");
    }
    // One octet more than the largest datagram.
    let mut buffer = vec![0_u8; 65_536];
    let mut gate = LogGate::new(Duration::from_secs(10));
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = socket.recv_from(&mut buffer) => received,
        };
        let arrived_at = clock::now();
        let (datagram, peer) = match received {
            Ok((length, peer)) => (buffer.get(..length).unwrap_or_default(), peer),
            Err(error) => {
                stats.count(name, "socket_errors");
                if let Some(held_back) = gate.open() {
                    warn!(adapter = name, %error, held_back, "receive failed");
                }
                // An error that comes again at once must not spin.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        stats.count(name, "received");
        match parser.parse(datagram, arrived_at) {
            Ok(input) => {
                while let Some((what, n)) = parser.extra_counts() {
                    stats.add(name, "", what, n);
                }
                if inputs.push(input) {
                    stats.add(name, "dropped", "queue_full", 1);
                }
            }
            Err(refusal) => {
                stats.add(name, "refused", refusal.name, 1);
                if let Some(held_back) = gate.open() {
                    let (reason, detail) = (refusal.name, refusal.detail);
                    warn!(adapter = name, %peer, reason, %detail, held_back, "datagram refused");
                }
            }
        }
    }
}
