//! The thread of the commander: commands in, answers to the links, messages to the radio, settings to whoever starts the
//! daemon's inside.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsu_proto::v1::{self, v2x_message::Content};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::info;

use v2x_codec::Profile as Edition;

use super::commander::{Check, Commander, Concluded, Effect, LogControl, Setup, Trial};
use super::inbox::{Delivery, Inbox};
use super::journal::Outcome;
use super::overlay::Overlay;
use crate::clock;
use crate::config::{CloudSettings, CommandSettings};
use crate::poles::Poles;
use crate::queue::Sender;
use crate::stats::Stats;
use crate::uplink::Waiting;

/// What the daemon's inside is given by whoever starts it, for commands of the cloud.
#[derive(Clone)]
pub struct Control {
    /// Changes what is logged.
    pub log: LogControl,
    /// Checks settings.
    pub check: Check,
    /// The settings that are in force.
    pub overlay: Overlay,
    /// What became of commands that an earlier start began.
    pub concluded: Vec<Concluded>,
    /// The command whose settings are being tried.
    pub trying: Option<String>,
}

impl Default for Control {
    /// Nothing can be changed.
    fn default() -> Self {
        Self {
            log: Arc::new(|_| Err("the log level cannot be changed here".into())),
            check: Arc::new(|_| Err("settings cannot be changed here".into())),
            overlay: Overlay::default(),
            concluded: Vec::new(),
            trying: None,
        }
    }
}

/// What commands work with.
pub struct Parts {
    /// The configuration's.
    pub settings: CommandSettings,
    /// The links over which commands may come, and where answers are put.
    pub links: Vec<(Arc<CloudSettings>, Arc<Waiting>)>,
    /// Where commands are published.
    pub topic: String,
    /// The radio, and the edition in which is sent.
    pub radio: Option<(Sender<Box<Content>>, Edition)>,
    /// The smart poles.
    pub poles: Poles,
    /// How the RSU was last.
    pub health: Arc<Mutex<Option<v1::Health>>>,
    /// What whoever starts the inside gives.
    pub control: Control,
    /// Where things are counted.
    pub stats: Stats,
    /// Ends everything.
    pub stop: CancellationToken,
}

/// A running commander.
#[derive(Debug)]
pub struct Running {
    /// Settings that a command wants to be tried.
    pub trials: mpsc::Receiver<Trial>,
    /// Where to say what became of them.
    pub conclude: mpsc::Sender<Concluded>,
    /// Ends the connections, so that new ones are made.
    pub again: Vec<Arc<Notify>>,
    /// Something comes, or nothing can come any more, when it has stopped.
    pub ended: oneshot::Receiver<()>,
}

/// A pole has so long to do what the cloud wants.
const POLE_WITHIN: Duration = Duration::from_secs(5);

/// Commands that wait to be written down.
const DELIVERIES: usize = 16;

/// Starts listening, where the configuration wants it, and the thread that carries commands out.
///
/// # Errors
/// When the thread cannot be started.
pub fn start(parts: Parts) -> anyhow::Result<Running> {
    let (sender, deliveries) = mpsc::channel(DELIVERIES);
    let (want, trials) = mpsc::channel(1);
    let (conclude, concluded) = mpsc::channel(1);
    let mut again = Vec::new();
    for (settings, _) in parts.links.iter().filter(|_| parts.settings.enabled) {
        let (notify, settings) = (Arc::new(Notify::new()), Arc::clone(settings));
        again.push(Arc::clone(&notify));
        let (topic, stats, stop) = (parts.topic.clone(), parts.stats.clone(), parts.stop.clone());
        let folder = parts.settings.folder.clone();
        tokio::spawn(Inbox { settings, folder, topic, deliveries: sender.clone(), stats, again: notify, stop }.run());
    }
    let Control { log, check, overlay, concluded: earlier, trying } = parts.control;
    let radio = parts.radio.as_ref().map(|(_, edition)| *edition);
    let poles = parts.poles.clone();
    let knows_pole = Arc::new(move |id: &str| poles.knows(id));
    let folder = parts.settings.folder;
    let setup = Setup { folder, overlay, radio, log, check, knows_pole, concluded: earlier, trying };
    let links = parts.links.into_iter().map(|(settings, waiting)| (settings.name.clone(), waiting)).collect();
    let service = Service {
        deliveries,
        concluded,
        conclude: conclude.clone(),
        poles: parts.poles,
        trials: want,
        links,
        on_air: parts.radio.map(|(on_air, _)| on_air),
        health: parts.health,
        stats: parts.stats,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (end, ended) = oneshot::channel();
    std::thread::Builder::new().name("commands".into()).spawn(move || {
        runtime.block_on(service.run(setup, parts.stop));
        // Whoever waits may have gone.
        let _ = end.send(());
    })?;
    Ok(Running { trials, conclude, again, ended })
}

/// What the thread is connected with.
struct Service {
    /// Commands.
    deliveries: mpsc::Receiver<Delivery>,
    /// What became of settings that are being tried, and of what poles were to do.
    concluded: mpsc::Receiver<Concluded>,
    /// Where the latter is said.
    conclude: mpsc::Sender<Concluded>,
    /// The smart poles.
    poles: Poles,
    /// Settings to be tried.
    trials: mpsc::Sender<Trial>,
    /// The links by name, for the answers.
    links: Vec<(String, Arc<Waiting>)>,
    /// Where messages for the radio go.
    on_air: Option<Sender<Box<Content>>>,
    /// How the RSU was last.
    health: Arc<Mutex<Option<v1::Health>>>,
    /// Where things are counted.
    stats: Stats,
}

impl Service {
    /// Until it is told to stop.
    async fn run(mut self, setup: Setup, stop: CancellationToken) {
        let mut effects = Vec::new();
        let mut commander = Commander::new(setup, clock::now(), &mut effects);
        loop {
            for effect in effects.drain(..) {
                self.perform(effect).await;
            }
            let wait = commander.deadline().map(|at| at.duration_since(clock::now()));
            tokio::select! {
                () = stop.cancelled() => return,
                Some((received, written)) = self.deliveries.recv() => {
                    let health = || self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    commander.take(clock::now(), &received, health, &mut effects);
                    // Who asks may have lost the connection meanwhile; then the command comes again.
                    let _ = written.send(());
                }
                Some(Concluded { command_id, outcome, reason }) = self.concluded.recv() => {
                    commander.conclude(clock::now(), &command_id, outcome, &reason, None, &mut effects);
                }
                () = pause(wait) => commander.tick(clock::now(), &mut effects),
            }
        }
    }

    async fn perform(&self, effect: Effect) {
        match effect {
            Effect::Reply(reply) => {
                info!(command = reply.message.command_id, outcome = ?reply.message.outcome(), reason = reply.message.reason, "command");
                // A link that is no longer configured cannot be answered over.
                if let Some((_, waiting)) = self.links.iter().find(|(name, _)| *name == reply.link)
                    && !waiting.push_reply(*reply)
                {
                    self.stats.add("uplink", "dropped", "busy", 1);
                }
            }
            Effect::Send(content) => {
                if self.on_air.as_ref().is_some_and(|on_air| on_air.push(content)) {
                    self.stats.add("air", "dropped", "queue_full", 1);
                }
            }
            // Whoever starts the inside is there as long as it runs.
            Effect::Try(trial) => {
                let _ = self.trials.send(trial).await;
            }
            // Those that wait for a pole are as few as it takes; what is left at a stop is answered after the next start.
            Effect::Pole { command_id, pole_id, command } => {
                let answered = self.poles.ask(&pole_id, command, POLE_WITHIN);
                let conclude = self.conclude.clone();
                tokio::spawn(async move {
                    let Ok(became) = answered.await else { return };
                    let (outcome, reason) = if became.is_done() {
                        (Outcome::Done, String::new())
                    } else {
                        (Outcome::Failed, became.to_string())
                    };
                    // Who carries commands out may have stopped.
                    let _ = conclude.send(Concluded { command_id, outcome, reason }).await;
                });
            }
        }
    }
}

async fn pause(wait: Option<Duration>) {
    match wait {
        // A clock that was set must not make us wait long.
        Some(wait) => tokio::time::sleep(wait.min(Duration::from_secs(1))).await,
        None => std::future::pending().await,
    }
}
