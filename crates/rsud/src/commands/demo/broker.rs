//! The embedded broker of the demo and of the tests: rumqttd on a free loopback port.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use tokio::net::TcpStream;

/// A running broker. It has no end of its own: it ends with the process.
#[derive(Debug, Clone, Copy)]
pub struct EmbeddedBroker {
    address: SocketAddr,
}

impl EmbeddedBroker {
    /// Its port on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

/// Starts the broker and waits until it answers.
///
/// # Errors
/// When no port can be had or the broker does not answer.
pub async fn start() -> anyhow::Result<EmbeddedBroker> {
    // Somebody else may take the port between our look and the broker's.
    for _ in 0..5 {
        let address = free_address()?;
        let mut broker = Broker::new(config(address));
        let (ended, end) = tokio::sync::oneshot::channel();
        std::thread::Builder::new().name("broker".into()).spawn(move || {
            let _ = ended.send(broker.start().map_err(|error| error.to_string()));
        })?;
        tokio::select! {
            answers = answers(address) => answers?,
            _ = end => continue,
        }
        return Ok(EmbeddedBroker { address });
    }
    bail!("no free loopback port for the embedded broker")
}

async fn answers(address: SocketAddr) -> anyhow::Result<()> {
    for _ in 0..500 {
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("the embedded broker does not listen on {address}")
}

fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no loopback port")?;
    Ok(listener.local_addr()?)
}

fn config(address: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5000,
        max_payload_size: 4 << 20,
        max_inflight_count: 200,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server =
        ServerSettings { name: "demo".into(), listen: address, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: 64,
        max_outgoing_packet_count: 200,
        max_segment_size: 1 << 20,
        max_segment_count: 10,
        ..RouterConfig::default()
    };
    Config { id: 0, router, v5: Some(HashMap::from([("demo".to_owned(), server)])), ..Config::default() }
}

/// Runs the broker alone until SIGINT or SIGTERM, and says where it is.
///
/// # Errors
/// When it cannot be started.
pub async fn run() -> anyhow::Result<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let broker = start().await?;
    writeln!(std::io::stderr(), "broker listening on mqtt://127.0.0.1:{}", broker.port())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(true)
}
