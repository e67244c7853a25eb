//! The daemon: adapters, the core and the uplink, wired together.
//!
//! One task owns the core. It takes inputs from the adapters' queues, hands each to the core with the time, and passes
//! what comes out to the uplink. It sleeps until an input comes or the core's deadline has come.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edge_core::{Core, CoreConfig, Input, Item, Output};
use fusion::SensorKind;
use futures_util::future::join_all;
use rsu_proto::v1::{self, v2x_message::Content};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::adapters::pc5::{Pc5Parser, ProfileChoice, Senders};
use crate::adapters::sensor::SensorParser;
use crate::adapters::v2x::V2xParser;
use crate::adapters::{Parser, udp};
use crate::air::{self, Air};
use crate::clock;
use crate::config::{Checked, CloudSettings, PayloadFormat};
use crate::control::Listener;
use crate::downlink::{self, Concluded, Control, Trial};
use crate::metrics;
use crate::poles::reports::Texts;
use crate::poles::{Lines, Poles, first_session};
use crate::queue::{self, Receiver, Sender};
use crate::stats::Stats;
use crate::uplink::profiles::{Author, NativeSettings};
use crate::uplink::{LinkState, TOPIC_ROOT, Uplink, UplinkHandle, Waiting};

/// Inputs of each adapter that are taken before the core's task yields.
const ROUNDS: usize = 64;

/// Messages for the radio that may wait until its task looks at them.
const AIR_QUEUE: usize = 64;

/// Reports of poles that may wait for the core.
const POLE_QUEUE: usize = 4096;

/// Senders whose profile the health shows.
const SENDERS_SHOWN: usize = 64;

/// Findings of the map that the log shows at the start.
const FINDINGS_SHOWN: usize = 20;

/// A stop takes at most so long, whatever the broker does.
const STOP_WITHIN: Duration = Duration::from_millis(4200);

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    /// Where the adapters listen, by name: with port 0 in the configuration these are the real ports.
    pub addresses: Vec<(String, SocketAddr)>,
    /// Everything that is counted.
    pub stats: Stats,
    /// State of the first link to the cloud.
    pub link: watch::Receiver<LinkState>,
    /// Settings that a command wants to be tried.
    pub trials: mpsc::Receiver<Trial>,
    /// Where to say what became of them.
    pub conclude: mpsc::Sender<Concluded>,
    /// Ends each connection to the cloud, so that new ones are made.
    again: Vec<Arc<Notify>>,
    /// Stops the adapters and the core.
    stop: CancellationToken,
    /// Stops the uplink.
    stop_uplink: CancellationToken,
    inner: TaskTracker,
    /// The links and the commander.
    threads: Vec<oneshot::Receiver<()>>,
}

impl Daemon {
    /// Starts everything.
    ///
    /// # Errors
    /// When a socket cannot be opened, or another process has the spool; nothing runs then.
    pub fn start(mut config: Checked, control: Control) -> anyhow::Result<Self> {
        let started_at = clock::now();
        let stats = Stats::default();
        let stop = CancellationToken::new();
        let stop_uplink = CancellationToken::new();
        let inner = TaskTracker::new();
        let filled = Arc::new(Notify::new());
        let mut addresses = Vec::new();
        let mut inputs = Vec::new();

        // All sockets first: a port that is taken must stop the start before anything runs.
        let mut adapters = Vec::new();
        let mut senders = None;
        let (mut sending, mut edition) = (None, None);
        if let Some(radio) = config.pc5 {
            let socket = udp::bind("pc5", radio.listen)?;
            let profile = match radio.profile {
                Some(profile) => ProfileChoice::Fixed(profile),
                None => ProfileChoice::BySender(Arc::clone(senders.insert(Senders::default()))),
            };
            if let Some(send) = radio.send {
                let address = if send.to.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
                let socket = udp::bind("pc5.send", address.parse()?)?;
                let (framing, services) = (radio.framing.clone(), radio.services.clone());
                edition = Some(send.profile);
                sending = Some((socket, send.to, Air::new(send.profile, framing, services, send.rules, send.budget)));
            }
            let parser = Pc5Parser::new(radio.framing, profile, radio.services);
            adapters.push((socket, radio.queue, AnyParser::Pc5(parser)));
        }
        if let Some((address, capacity)) = config.v2x_udp {
            adapters.push((udp::bind("v2x_udp", address)?, capacity, AnyParser::V2x(V2xParser::default())));
        }
        if let Some((address, capacity)) = config.sensor_udp {
            let parser = SensorParser::new(config.core.sensors.clone(), *config.core.map.frame());
            adapters.push((udp::bind("sensor_udp", address)?, capacity, AnyParser::Sensor(parser)));
        }

        let lines = Lines::open(std::mem::take(&mut config.pole_links))?;
        let control_socket = config.control.as_ref().map(Listener::open).transpose()?;
        let mut uplinks = Vec::new();
        for settings in std::mem::take(&mut config.cloud) {
            uplinks.push(Uplink::open(settings, started_at)?);
        }
        // One number for all links; each remembers at least what it gave.
        config.core.boot_id =
            uplinks.iter_mut().map(|uplink| uplink.boot_id(started_at)).max().unwrap_or(started_at.as_micros());
        let on_air = sending.map(|(socket, to, air)| {
            let filled = Arc::new(Notify::new());
            let (sender, receiver) = queue::bounded(AIR_QUEUE, &filled);
            inner.spawn(air::run(air, socket, to, receiver, filled, stats.clone(), stop.clone()));
            sender
        });
        addresses.extend(lines.addresses.iter().map(|(link, address)| (format!("poles.{link}"), *address)));
        let told = (std::mem::take(&mut config.pole_texts), config.core.boot_id);
        let (poles, reports) = start_poles((lines, control_socket), told, &filled, &stats, (&inner, &stop));
        inputs.push(reports);
        let settings: Vec<Arc<CloudSettings>> = uplinks.iter().map(Uplink::settings).collect();
        let links = start_links(uplinks, &config.core, on_air.as_ref(), &stats, &stop_uplink)?;
        let link = links.first().map(|link| link.link.clone()).ok_or_else(|| anyhow::anyhow!("there is no link"))?;
        let told: Vec<Told> = links.iter().map(|link| (Arc::clone(&link.waiting), Arc::clone(&link.health))).collect();

        let health = Arc::default();
        let listening = settings.into_iter().zip(&links).filter(|(settings, _)| settings.platform.is_native());
        let commands = downlink::start(downlink::Parts {
            links: listening.map(|(settings, link)| (settings, Arc::clone(&link.waiting))).collect(),
            settings: config.commands,
            topic: format!("{TOPIC_ROOT}/{}/command", config.core.rsu_id),
            radio: on_air.clone().zip(edition),
            poles: poles.clone(),
            health: Arc::clone(&health),
            control,
            stats: stats.clone(),
            stop: stop.clone(),
        })?;

        for (socket, capacity, parser) in adapters {
            addresses.push((parser.name().to_owned(), socket.local_addr()?));
            let (sender, receiver) = queue::bounded(capacity, &filled);
            inputs.push(receiver);
            parser.start(socket, sender, stats.clone(), (&inner, stop.clone()));
        }
        let findings = config.core.map.validate();
        let core = Core::new(config.core, started_at);
        let runner = CoreRunner {
            core,
            inputs,
            filled,
            health,
            metrics_file: config.metrics_file,
            links: told,
            stats: stats.clone(),
            senders,
            on_air,
            poles,
            outputs: Vec::new(),
        };
        inner.spawn(runner.run(stop.clone()));
        inner.close();
        warn_of_map(&findings);
        info!(version = env!("CARGO_PKG_VERSION"), "rsud started");
        let again = links.iter().map(|link| Arc::clone(&link.again)).chain(commands.again).collect();
        let threads = links.into_iter().map(|link| link.ended).chain([commands.ended]).collect();
        let (trials, conclude) = (commands.trials, commands.conclude);
        Ok(Self { addresses, stats, link, trials, conclude, again, stop, stop_uplink, inner, threads })
    }

    /// Makes new connections to the cloud: with the certificates and passwords that are there now.
    pub fn reconnect(&self) {
        // Who is not connected just now reads everything anew anyway.
        self.again.iter().for_each(|again| again.notify_waiters());
    }

    /// Stops: no input is taken any more, what came out goes to the broker, the broker is told good-bye.
    pub async fn stop(self) {
        let by = tokio::time::Instant::now() + STOP_WITHIN;
        self.stop.cancel();
        if tokio::time::timeout_at(by, self.inner.wait()).await.is_err() {
            warn!("inputs were left when the daemon had to stop");
        }
        self.stop_uplink.cancel();
        // Who ends without a word has ended too.
        if tokio::time::timeout_at(by, join_all(self.threads)).await.is_err() {
            warn!("a link did not end in time");
        }
        info!("rsud stopped");
    }
}

/// Where a link's items are put, and how it is.
type Told = (Arc<Waiting>, Arc<Mutex<v1::LinkHealth>>);

/// The lines to the poles, and the socket at which the command line asks about them. Gives the poles, and what they report.
fn start_poles(
    (lines, control): (Lines, Option<Listener>),
    (texts, boot_id): (Texts, i64),
    filled: &Arc<Notify>,
    stats: &Stats,
    (tasks, stop): (&TaskTracker, &CancellationToken),
) -> (Poles, Receiver<Input>) {
    let (sender, reports) = queue::bounded(POLE_QUEUE, filled);
    let poles = lines.start(texts, first_session(boot_id), &sender, stats, (tasks, stop));
    if let Some(listener) = control {
        tasks.spawn(listener.run(poles.clone(), stats.clone(), stop.clone()));
    }
    (poles, reports)
}

fn start_links(
    uplinks: Vec<Uplink>,
    core: &CoreConfig,
    on_air: Option<&Sender<Box<Content>>>,
    stats: &Stats,
    stop: &CancellationToken,
) -> anyhow::Result<Vec<UplinkHandle>> {
    let (latitude_deg, longitude_deg) = core.map.frame().reference_deg();
    let native = |format: PayloadFormat| NativeSettings {
        rsu_id: core.rsu_id.clone(),
        boot_id: core.boot_id,
        format,
        state: v1::RsuState {
            software_version: env!("CARGO_PKG_VERSION").into(),
            reference_latitude_deg: latitude_deg,
            reference_longitude_deg: longitude_deg,
            ..v1::RsuState::default()
        },
    };
    let start = |uplink: Uplink| {
        let settings = uplink.platform().settings(|| native(uplink.payload()), || author(core))?;
        let profile = settings.build().map_err(|error| anyhow::anyhow!("{}: {}", error.key, error.problem))?;
        let who = (core.rsu_id.clone(), core.boot_id);
        uplink.start(profile, who, on_air.cloned(), stats.clone(), stop.clone())
    };
    uplinks.into_iter().map(start).collect()
}

/// The RSU as platforms know it that want its knowledge as messages.
fn author(core: &CoreConfig) -> Author {
    let mut id = core.broadcast.id;
    if id == [0; 8] {
        id.iter_mut().rev().zip(core.rsu_id.bytes().rev()).for_each(|(octet, letter)| *octet = letter);
    }
    let (latitude_deg, longitude_deg) = core.map.frame().reference_deg();
    let kind = |kind: SensorKind| match kind {
        SensorKind::Camera => v1::ParticipantSource::Video,
        SensorKind::Radar => v1::ParticipantSource::MicrowaveRadar,
        SensorKind::Lidar => v1::ParticipantSource::Lidar,
        SensorKind::V2x => v1::ParticipantSource::V2x,
    };
    let sensors = core.sensors.iter().map(|sensor| (sensor.id.clone(), kind(sensor.model.kind)));
    Author {
        id,
        reference: v1::GeoPosition {
            latitude_deg: Some(latitude_deg),
            longitude_deg: Some(longitude_deg),
            ..v1::GeoPosition::default()
        },
        sensors: sensors.chain([("v2x".to_owned(), v1::ParticipantSource::V2x)]).collect(),
    }
}

/// Tells the log what is probably wrong with the map, once; a map that is wrong throughout must not fill the log.
fn warn_of_map(findings: &[site_map::Finding]) {
    for finding in findings.iter().take(FINDINGS_SHOWN) {
        warn!(%finding, "the site's map");
    }
    if let Some(more) = findings.len().checked_sub(FINDINGS_SHOWN).filter(|more| *more > 0) {
        warn!(more, "the site's map has more findings; `rsud map check` shows all");
    }
}

enum AnyParser {
    Pc5(Pc5Parser),
    V2x(V2xParser),
    Sensor(SensorParser),
}

impl AnyParser {
    fn name(&self) -> &'static str {
        match self {
            Self::Pc5(parser) => parser.name(),
            Self::V2x(parser) => parser.name(),
            Self::Sensor(parser) => parser.name(),
        }
    }

    fn start(
        self,
        socket: UdpSocket,
        inputs: Sender<Input>,
        stats: Stats,
        (tasks, stop): (&TaskTracker, CancellationToken),
    ) {
        match self {
            Self::Pc5(parser) => tasks.spawn(udp::run(socket, parser, inputs, stats, stop)),
            Self::V2x(parser) => tasks.spawn(udp::run(socket, parser, inputs, stats, stop)),
            Self::Sensor(parser) => tasks.spawn(udp::run(socket, parser, inputs, stats, stop)),
        };
    }
}

struct CoreRunner {
    core: Core,
    inputs: Vec<Receiver<Input>>,
    filled: Arc<Notify>,
    links: Vec<Told>,
    stats: Stats,
    /// Where profiles are found out.
    senders: Option<Senders>,
    /// The last health.
    health: Arc<Mutex<Option<v1::Health>>>,
    /// Where metrics are written.
    metrics_file: Option<PathBuf>,
    /// Where messages for the radio go.
    on_air: Option<Sender<Box<Content>>>,
    /// Where orders to poles go.
    poles: Poles,
    outputs: Vec<Output>,
}

impl CoreRunner {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            if self.take_inputs(ROUNDS) {
                // More is waiting, but others want the processor too.
                tokio::task::yield_now().await;
                continue;
            }
            let wait = self.core.deadline().duration_since(clock::now());
            tokio::select! {
                () = self.filled.notified() => {}
                // A clock that was set must not make us sleep long.
                () = tokio::time::sleep(wait.min(Duration::from_secs(1))) => self.handle(Input::Wake),
                () = stop.cancelled() => {}
            }
        }
        // Whoever stops takes the inputs that are there already along.
        while self.take_inputs(ROUNDS) {
            tokio::task::yield_now().await;
        }
        for (name, count) in self.core.counters().iter() {
            self.stats.add("core", "", name, count);
        }
    }

    /// Takes at most `rounds` inputs of each adapter, in turn, so that a flood at one does not silence the others.
    /// Returns whether more may be waiting.
    fn take_inputs(&mut self, rounds: usize) -> bool {
        for _ in 0..rounds {
            let mut idle = true;
            for index in 0..self.inputs.len() {
                if let Some(input) = self.inputs.get(index).and_then(Receiver::pop) {
                    idle = false;
                    self.handle(input);
                }
            }
            if idle {
                return false;
            }
        }
        true
    }

    fn handle(&mut self, input: Input) {
        self.core.handle(clock::now(), input, &mut self.outputs);
        for output in self.outputs.drain(..) {
            let mut publication = match output {
                Output::Publish(publication) => publication,
                Output::Send(content) => {
                    let told = Arc::new((*content).clone());
                    for (waiting, _) in &self.links {
                        waiting.push_sent(Arc::clone(&told));
                    }
                    if self.on_air.as_ref().is_some_and(|on_air| on_air.push(content)) {
                        self.stats.add("air", "dropped", "queue_full", 1);
                    }
                    continue;
                }
                Output::Pole(order) => {
                    self.poles.order(&order);
                    continue;
                }
            };
            if let Item::Health(health) = &mut publication.item {
                complete_health(health, &self.stats, &self.links, self.senders.as_ref());
                self.poles.complete_health(health);
                *self.health.lock().unwrap_or_else(PoisonError::into_inner) = Some(health.clone());
                write_metrics(self.metrics_file.as_ref(), &self.stats, health);
            }
            if let Item::Tracks(list) = &publication.item {
                self.stats.add("uplink", "", "tracks", list.tracks.len() as u64);
            }
            self.stats.add("uplink", "published", publication.priority.name(), 1);
            let publication = Arc::new(publication);
            for (waiting, _) in &self.links {
                if !waiting.push(Arc::clone(&publication)) {
                    self.stats.add("uplink", "dropped", "busy", 1);
                }
            }
        }
    }
}

/// Not on the core's own time: a disk may take long.
fn write_metrics(file: Option<&PathBuf>, stats: &Stats, health: &v1::Health) {
    let Some(file) = file.cloned() else { return };
    let (stats, health) = (stats.clone(), health.clone());
    tokio::task::spawn_blocking(move || {
        if metrics::write(&file, health).is_err() {
            stats.count("metrics", "not_written");
        }
    });
}

/// Adds to the core's health what only the shell knows.
fn complete_health(health: &mut v1::Health, stats: &Stats, links: &[Told], senders: Option<&Senders>) {
    health.counters.extend(stats.snapshot());
    for (waiting, link) in links {
        let link = link.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for queue in &link.queues {
            *health.queue_depth.entry(queue.item_class.clone()).or_default() += queue.items;
        }
        for (priority, depth) in waiting.depths() {
            *health.queue_depth.entry(priority.name().to_owned()).or_default() += depth as u64;
        }
        health.links.push(link);
    }
    health.memory_bytes = resident_memory_bytes().unwrap_or(0);
    if let Some(senders) = senders {
        let senders = senders.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = senders.counts().map(|count| count as u64);
        health.senders_by_profile = ["2020", "2019", "undecided"].map(str::to_owned).into_iter().zip(counts).collect();
        let shown = senders.decided(SENDERS_SHOWN).into_iter();
        health.senders = shown
            .map(|(sender, known)| v1::SenderProfile {
                sender: sender.to_string(),
                profile: known.profile.map_or(v1::Profile::Unspecified, v1::Profile::from).into(),
                frames: known.frames,
            })
            .collect();
    }
}

/// Resident memory of this process, where the system tells.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "the shell may read files")]
pub fn resident_memory_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
