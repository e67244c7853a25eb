//! `rsud run` and `rsud check`.

use std::path::Path;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

use crate::config::{Checked, LogConfig, LogFormat, load};
use crate::daemon::Daemon;

/// Exit code for a configuration that cannot be (`EX_CONFIG`).
pub const EXIT_CONFIG: u8 = 78;

/// Runs the daemon until SIGTERM or SIGINT. SIGHUP makes new connections to the cloud.
///
/// # Errors
/// When something cannot be started.
pub async fn run(config: Checked) -> anyhow::Result<()> {
    // The signals first: whoever stops us while we start is heard.
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to SIGINT")?;
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen to SIGHUP")?;
    let daemon = Daemon::start(config)?;
    for (adapter, address) in &daemon.addresses {
        info!(adapter, %address, "ready");
    }
    let name = loop {
        tokio::select! {
            _ = terminate.recv() => break "SIGTERM",
            _ = interrupt.recv() => break "SIGINT",
            _ = hangup.recv() => {
                info!("connecting anew, with the certificates and passwords that are there now");
                daemon.reconnect();
            }
        }
    };
    info!(signal = name, "stopping");
    daemon.stop().await;
    Ok(())
}

/// Reads and checks a configuration.
///
/// # Errors
/// The text says what is wrong and what would be right.
pub fn check(file: &Path) -> Result<Checked, String> {
    load(file).map_err(|error| error.to_string())
}

/// Starts the log on standard error.
///
/// # Errors
/// When the level is not a filter.
pub fn start_log(config: &LogConfig) -> anyhow::Result<()> {
    let filter = tracing_subscriber::EnvFilter::try_new(config.level.as_deref().unwrap_or("info"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Human => builder.with_target(false).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
