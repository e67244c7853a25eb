//! `rsud run` and `rsud check`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use crate::config::{Checked, LogConfig, LogFormat, load, load_with};
use crate::daemon::Daemon;
use crate::downlink::{Concluded, Control, LogControl, Outcome, Overlay, Trial};
use crate::uplink::LinkState;

/// Exit code for a configuration that cannot be (`EX_CONFIG`).
pub const EXIT_CONFIG: u8 = 78;

/// The signals that the daemon listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// Why the daemon's inside is to be stopped.
enum Stop {
    /// For good.
    Signal(&'static str),
    /// To try settings.
    Trial(Trial),
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot listen to SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot listen to SIGINT")?,
            hangup: signal(SignalKind::hangup()).context("cannot listen to SIGHUP")?,
        })
    }

    /// Waits until the inside is to be stopped.
    async fn wait(&mut self, daemon: &mut Daemon) -> Stop {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return Stop::Signal("SIGTERM"),
                _ = self.interrupt.recv() => return Stop::Signal("SIGINT"),
                _ = self.hangup.recv() => {
                    info!("connecting anew, with the certificates and passwords that are there now");
                    daemon.reconnect();
                }
                Some(trial) = daemon.trials.recv() => return Stop::Trial(trial),
            }
        }
    }
}

/// What became of settings that were tried.
enum Attempt {
    /// The link came up: they stay.
    Proved(Box<(Daemon, Checked)>),
    /// They are taken back.
    Failed(String),
    /// The daemon was told to stop meanwhile.
    Stopped,
}

/// Runs the daemon until SIGTERM or SIGINT. SIGHUP makes new connections to the cloud. `log` changes what is logged.
///
/// # Errors
/// When something cannot be started.
pub async fn run(file: &Path, config: Checked, log: LogControl) -> anyhow::Result<()> {
    // The signals first: whoever stops us while we start is heard.
    let mut signals = Signals::new()?;
    let folder = config.commands.folder.clone();
    let (mut config, overlay) = with_settings(file, &folder, config);
    let path: PathBuf = file.into();
    let check = move |overlay: &Overlay| load_with(&path, overlay).map(|_| ()).map_err(|error| error.to_string());
    let mut control = Control { log, check: Arc::new(check), overlay, concluded: Vec::new(), trying: None };
    let mut daemon = start(&config, &control)?;
    loop {
        let trial = match signals.wait(&mut daemon).await {
            Stop::Signal(name) => {
                info!(signal = name, "stopping");
                daemon.stop().await;
                return Ok(());
            }
            Stop::Trial(trial) => trial,
        };
        info!(command = trial.command_id, "trying settings of the cloud");
        daemon.stop().await;
        match attempt(file, &folder, &mut signals, &control, &trial).await {
            Attempt::Proved(proved) => {
                (daemon, config) = *proved;
                control.overlay = trial.overlay;
                let Trial { command_id, .. } = trial;
                let done = Concluded { command_id, outcome: Outcome::Done, reason: String::new() };
                // The commander is there as long as the daemon.
                let _ = daemon.conclude.send(done).await;
            }
            Attempt::Failed(reason) => {
                warn!(command = trial.command_id, reason, "the settings are taken back");
                let failed = Concluded { command_id: trial.command_id, outcome: Outcome::Failed, reason };
                daemon = start(&config, &Control { concluded: vec![failed], ..control.clone() })?;
            }
            Attempt::Stopped => return Ok(()),
        }
    }
}

fn start(config: &Checked, control: &Control) -> anyhow::Result<Daemon> {
    if let Some(level) = &config.log.level {
        (control.log)(level).map_err(|error| anyhow::anyhow!("log.level: {error}"))?;
    }
    let daemon = Daemon::start(config.clone(), control.clone())?;
    for (adapter, address) in &daemon.addresses {
        info!(adapter, %address, "ready");
    }
    Ok(daemon)
}

/// The configuration with the settings that the cloud made earlier. If they fit no more, the file counts alone.
fn with_settings(file: &Path, folder: &Path, config: Checked) -> (Checked, Overlay) {
    let loaded = Overlay::load(folder).and_then(|overlay| {
        if overlay.set.is_empty() {
            return Ok((None, overlay));
        }
        let config = load_with(file, &overlay).map_err(|error| error.to_string())?;
        Ok((Some(config), overlay))
    });
    match loaded {
        Ok((with, overlay)) => (with.unwrap_or(config), overlay),
        Err(problem) => {
            error!(problem, "settings of the cloud do not fit and are left out");
            (config, Overlay::default())
        }
    }
}

/// Starts the daemon's inside with other settings, and keeps them if a link comes up that was there before.
async fn attempt(file: &Path, folder: &Path, signals: &mut Signals, control: &Control, trial: &Trial) -> Attempt {
    let Trial { command_id, overlay } = trial;
    let tried = load_with(file, overlay).map_err(|error| error.to_string()).and_then(|config| {
        let control = Control { overlay: overlay.clone(), trying: Some(command_id.clone()), ..control.clone() };
        start(&config, &control).map(|daemon| (daemon, config)).map_err(|error| format!("{error:#}"))
    });
    let (daemon, config) = match tried {
        Ok(tried) => tried,
        Err(problem) => return Attempt::Failed(problem),
    };
    let mut link = daemon.link.clone();
    let confirm_within = config.commands.confirm_within;
    let up = async { link.wait_for(|state| *state != LinkState::Down).await.is_ok() };
    let reason = tokio::select! {
        _ = signals.terminate.recv() => None,
        _ = signals.interrupt.recv() => None,
        up = tokio::time::timeout(confirm_within, up) => match up {
            Ok(true) => match overlay.save(folder) {
                Ok(()) => return Attempt::Proved(Box::new((daemon, config))),
                Err(error) => Some(format!("the setting cannot be kept: {error}")),
            },
            _ => Some(format!("the link did not come up within {} s", seconds(confirm_within))),
        },
    };
    daemon.stop().await;
    reason.map_or(Attempt::Stopped, Attempt::Failed)
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

/// Reads and checks a configuration.
///
/// # Errors
/// The text says what is wrong and what would be right.
pub fn check(file: &Path) -> Result<Checked, String> {
    load(file).map_err(|error| error.to_string())
}

/// Starts the log on standard error. What comes back changes what is logged.
///
/// # Errors
/// When the level is not a filter.
pub fn start_log(config: &LogConfig) -> anyhow::Result<LogControl> {
    let filter = EnvFilter::try_new(config.level.as_deref().unwrap_or("info"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    Ok(match config.format {
        LogFormat::Human => {
            let builder = builder.with_target(false).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            log_control(move |filter| handle.reload(filter).map_err(|error| error.to_string()))
        }
        LogFormat::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            builder.init();
            log_control(move |filter| handle.reload(filter).map_err(|error| error.to_string()))
        }
    })
}

fn log_control(reload: impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static) -> LogControl {
    Arc::new(move |level| reload(EnvFilter::try_new(level).map_err(|error| error.to_string())?))
}
