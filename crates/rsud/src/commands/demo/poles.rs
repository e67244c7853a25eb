//! The demo's smart poles: each at a socket of its own, as on a network of poles.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use traffic_sim::poles::{SimulatedPole, positions};

/// Runs all poles until the end.
pub(super) fn start(daemon: SocketAddr, end: &CancellationToken) -> JoinHandle<anyhow::Result<()>> {
    let end = end.clone();
    tokio::spawn(async move {
        let poles = (1..).zip(positions()).map(|(address, _)| run(address, daemon, end.clone()));
        futures_util::future::try_join_all(poles).await.map(drop)
    })
}

async fn run(address: u8, daemon: SocketAddr, end: CancellationToken) -> anyhow::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.context("a pole cannot open a socket")?;
    socket.connect(daemon).await?;
    let began = Instant::now();
    let mut pole = SimulatedPole::new(address, &format!("SIM-{address}"), Duration::ZERO);
    let mut datagram = [0; 512];
    let mut out: Vec<Vec<u8>> = Vec::new();
    loop {
        let deadline = pole.poll(began.elapsed(), |octets| out.push(octets.to_vec()));
        for octets in out.drain(..) {
            // As on a wire: what nobody hears is lost.
            let _ = socket.send(&octets).await;
        }
        tokio::select! {
            () = end.cancelled() => return Ok(()),
            () = tokio::time::sleep_until(began + deadline) => {}
            Ok(length) = socket.recv(&mut datagram) => {
                pole.receive(began.elapsed(), datagram.get(..length).unwrap_or_default());
            }
        }
    }
}
