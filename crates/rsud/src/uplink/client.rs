//! Starting one link: its spool, its thread, its connection.

use std::sync::{Arc, Mutex};

use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use spool::{OpenError, Spool};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::connection::Connector;
use super::keeper::Keeper;
use super::link::{Link, LinkConfig};
use super::profiles::Profile;
use super::waiting::Waiting;
use super::worker::{Shared, Worker};
use crate::config::{CloudSettings, PayloadFormat, Platform};
use crate::queue::Sender;
use crate::stats::Stats;

/// Signals of the connection that the thread has not looked at.
const SIGNALS: usize = 64;

/// State of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// No connection.
    Down,
    /// Connected; the number counts the connections since the start.
    Up(u64),
}

/// A link whose backlog is open and that does not run yet.
pub struct Uplink {
    settings: Arc<CloudSettings>,
    spool: Spool,
}

/// A running link.
#[derive(Debug)]
pub struct UplinkHandle {
    /// State of the link.
    pub link: watch::Receiver<LinkState>,
    /// Where its items are put.
    pub waiting: Arc<Waiting>,
    /// How it is.
    pub health: Arc<Mutex<v1::LinkHealth>>,
    /// Ends the connection, so that a new one is made.
    pub again: Arc<Notify>,
    /// Something comes, or nothing can come any more, when the link has stopped.
    pub ended: oneshot::Receiver<()>,
}

impl Uplink {
    /// Opens the backlog; takes the time to read it once.
    ///
    /// # Errors
    /// When another process has it open.
    pub fn open(settings: CloudSettings, now: Timestamp) -> Result<Self, OpenError> {
        let spool = Spool::open(settings.spool.clone(), now)?;
        let link = &settings.name;
        let stats = spool.stats();
        if let Some(trouble) = &stats.disk_trouble {
            error!(%link, %trouble, "the spool cannot be written; items are kept in memory");
        }
        if stats.damaged > 0 || stats.torn_tails > 0 || stats.set_aside > 0 {
            let (damaged, torn_tails, set_aside) = (stats.damaged, stats.torn_tails, stats.set_aside);
            warn!(%link, damaged, torn_tails, set_aside, "the spool was not whole; `rsud spool verify` shows what was found");
        }
        Ok(Self { settings: Arc::new(settings), spool })
    }

    /// In what format the native profile tells things.
    #[must_use]
    pub fn payload(&self) -> PayloadFormat {
        self.settings.payload
    }

    /// Its settings.
    #[must_use]
    pub fn settings(&self) -> Arc<CloudSettings> {
        Arc::clone(&self.settings)
    }

    /// The platform at its other end.
    #[must_use]
    pub fn platform(&self) -> &Platform {
        &self.settings.platform
    }

    /// A number for this run of the daemon, larger than that of any run before as far as this backlog knows.
    pub fn boot_id(&mut self, now: Timestamp) -> i64 {
        let boot = self.spool.boot_id(now);
        if !boot.durable {
            warn!(link = %self.settings.name, "the boot counter cannot be saved; a later run may have the same number");
        }
        boot.id
    }

    /// Starts the link. After `stop` it drains for a moment if the link is up, says good-bye and ends; what is left waits on
    /// disk.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        self,
        profile: Box<dyn Profile>,
        who: (String, i64),
        on_air: Option<Sender<Box<Content>>>,
        stats: Stats,
        stop: CancellationToken,
    ) -> anyhow::Result<UplinkHandle> {
        let settings = self.settings;
        let (state, link) = watch::channel(LinkState::Down);
        let (sender, signals) = mpsc::channel(SIGNALS);
        let (waiting, again, health) = (Arc::new(Waiting::default()), Arc::new(Notify::new()), Arc::default());
        let closing = CancellationToken::new();
        tokio::spawn(
            Connector {
                settings: Arc::clone(&settings),
                signals: sender,
                stats: stats.clone(),
                again: Arc::clone(&again),
                closing: closing.clone(),
            }
            .run(),
        );
        let config = LinkConfig { window: settings.in_flight, shares: settings.shares };
        let keeper = Keeper::new(self.spool, profile, who, settings.payload, stats.clone());
        let shared =
            Shared { waiting: Arc::clone(&waiting), signals, stats, state, health: Arc::clone(&health), on_air };
        let worker = Worker::new(Arc::clone(&settings), keeper, Link::new(config), shared);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (end, ended) = oneshot::channel();
        std::thread::Builder::new().name(format!("link-{}", settings.name)).spawn(move || {
            runtime.block_on(worker.run(stop));
            closing.cancel();
            // Whoever waits may have gone.
            let _ = end.send(());
        })?;
        Ok(UplinkHandle { link, waiting, health, again, ended })
    }
}
