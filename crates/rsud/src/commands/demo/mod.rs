//! `rsud demo`: the whole job on one machine, with nothing but this program.
//!
//! An embedded broker, the daemon, a simulated intersection and an independent subscriber run side by side. They know
//! each other only through sockets: the simulation sends its datagrams to the daemon's UDP ports, the daemon publishes
//! to the broker over TCP, the subscriber counts what the broker delivers.

pub mod broker;
mod poles;
mod screen;
mod site;

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use edge_core::Item;
use rsu_proto::v1;
use serde_json::{Map, Value, json};
use tokio::net::UdpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use traffic_sim::{Channel, SimConfig, Simulation};

use super::latency::Latencies;
use super::run::start_log;
use super::subscriber::Subscriber;
use super::watch::{OutputFormat, by_class, class_name, duration};
use crate::clock;
use crate::config::{LogConfig, LogFormat};
use crate::daemon::Daemon;
use crate::downlink::Control;
use crate::uplink::Received;

/// How to show it.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// End after this time, as in 15s; without it, Ctrl-C ends the demo.
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// A live picture for people, or one JSON object at the end.
    #[arg(long, value_enum, default_value = "human")]
    format: OutputFormat,
    /// Seed of the simulated traffic.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What the subscriber has counted.
#[derive(Debug, Default)]
struct Delivered {
    events: u64,
    track_lists: u64,
    messages: u64,
    health: u64,
    states: u64,
    pole_readings: u64,
    /// From the newest health.
    poles: v1::PolesHealth,
    /// Items that were told to be missing.
    told_missing: u64,
    not_understood: u64,
    /// Gaps in the sequence of any stream.
    gaps: u64,
    last_sequences: std::collections::BTreeMap<String, u64>,
    latest_tracks: v1::TrackList,
    latest_events: VecDeque<v1::TrafficEvent>,
    latencies: Latencies,
}

impl Delivered {
    fn take(&mut self, received: Result<Received, String>, at: rsu_units::Timestamp) {
        let item = match received {
            Ok(Received::Item(item)) => item,
            Ok(Received::State(_)) => {
                self.states += 1;
                return;
            }
            Ok(Received::Gap(gap)) => {
                self.told_missing += gap.count;
                return;
            }
            Err(_) => {
                self.not_understood += 1;
                return;
            }
        };
        self.latencies.record(&item, at);
        if let Some(header) = item.header() {
            let last = self.last_sequences.entry(header.stream.clone()).or_insert(header.sequence);
            self.gaps += header.sequence.saturating_sub(*last + 1);
            *last = header.sequence.max(*last);
        }
        match item {
            Item::Tracks(list) => {
                self.track_lists += 1;
                self.latest_tracks = list;
            }
            Item::Event(event) => {
                self.events += 1;
                if event.stage() != v1::EventStage::Update {
                    self.latest_events.push_back(event);
                    while self.latest_events.len() > 6 {
                        self.latest_events.pop_front();
                    }
                }
            }
            Item::V2x(_) => self.messages += 1,
            Item::Health(health) => {
                self.health += 1;
                self.poles = health.poles.unwrap_or_default();
            }
            Item::PoleReadings(_) => self.pole_readings += 1,
            Item::LaneStatistics(_) | Item::PoleState(_) | Item::PoleAlarm(_) => {}
        }
    }
}

type Shared = Arc<Mutex<Delivered>>;

/// Runs the demo. Returns false when nothing was delivered.
///
/// # Errors
/// When a part cannot be started.
pub async fn demo(args: DemoArgs) -> anyhow::Result<bool> {
    start_log(&LogConfig { format: LogFormat::Human, level: Some("warn,rumqttd=off".into()) })?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;

    let broker = broker::start().await?;
    let delivered = Shared::default();
    let end_of_subscriber = CancellationToken::new();
    let subscriber = subscribe(broker.port(), Arc::clone(&delivered), end_of_subscriber.clone()).await?;
    // What waits for the broker goes to disk, as it does on the pole.
    let spool = tempfile::tempdir()?;
    let daemon = Daemon::start(site::config(broker.port(), spool.path())?, Control::default())?;
    let end_of_traffic = CancellationToken::new();
    let poles = poles::start(address(&daemon, &format!("poles.{}", site::POLES))?, &end_of_traffic);
    let traffic = tokio::spawn(send_traffic(addresses(&daemon)?, args.seed, end_of_traffic.clone()));

    let started = Instant::now();
    let end = args.duration.map(|duration| started + duration);
    let mut screen = screen::Screen::new(args.format, broker.port());
    let mut ticks = tokio::time::interval(screen.period());
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = super::until(end) => break,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = ticks.tick() => {
                let stats = daemon.stats.snapshot();
                let link = *daemon.link.borrow();
                screen.draw(started.elapsed(), &stats, link, &lock(&delivered))?;
            }
        }
    }

    end_of_traffic.cancel();
    traffic.await??;
    poles.await??;
    let stats = daemon.stats.clone();
    daemon.stop().await;
    let stats = stats.snapshot();
    // What the broker has acknowledged is on its way to the subscriber.
    let published = event_items(&stats, "delivered");
    let patience = Instant::now() + Duration::from_secs(2);
    while lock(&delivered).events < published && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    end_of_subscriber.cancel();
    subscriber.await?;

    let delivered = lock(&delivered);
    let report = report(started.elapsed(), &stats, &delivered);
    match args.format {
        OutputFormat::Json => writeln!(std::io::stdout(), "{report}")?,
        OutputFormat::Human => screen::Screen::conclude(&report)?,
    }
    let events_published = event_items(&stats, "published");
    let events_lost = events_published > 0 && delivered.events == 0;
    Ok(delivered.track_lists > 0 && delivered.messages > 0 && !events_lost)
}

fn lock(delivered: &Shared) -> std::sync::MutexGuard<'_, Delivered> {
    delivered.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn subscribe(
    port: u16,
    delivered: Shared,
    end: CancellationToken,
) -> anyhow::Result<tokio::task::JoinHandle<()>> {
    let mut subscriber = Subscriber::new("127.0.0.1", port, "rsud-demo-subscriber", "+")?;
    let patience = Instant::now() + Duration::from_secs(10);
    while !subscriber.is_subscribed() {
        if Instant::now() > patience {
            bail!("the embedded broker on port {port} does not answer");
        }
        if subscriber.next().await.is_err() {
            subscriber.back_off().await;
        }
    }
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                () = end.cancelled() => return,
                next = subscriber.next() => match next {
                    Ok(Some(delivery)) => lock(&delivered).take(delivery.content, delivery.at),
                    Ok(None) => {}
                    Err(_) => subscriber.back_off().await,
                },
            }
        }
    }))
}

fn addresses(daemon: &Daemon) -> anyhow::Result<[std::net::SocketAddr; 3]> {
    Ok([address(daemon, "pc5")?, address(daemon, "sensor")?, address(daemon, "v2x_udp")?])
}

fn address(daemon: &Daemon, name: &str) -> anyhow::Result<std::net::SocketAddr> {
    let found = daemon.addresses.iter().find(|(adapter, _)| *adapter == name);
    found.map(|(_, address)| *address).with_context(|| format!("adapter {name} does not listen"))
}

/// Sends each datagram of the simulation when its time has come.
async fn send_traffic(to: [std::net::SocketAddr; 3], seed: u64, end: CancellationToken) -> anyhow::Result<()> {
    // The run-in takes a moment of computing; the traffic begins when it is done.
    let config = SimConfig { seed, ..SimConfig::busy(clock::now() + Duration::from_millis(500)) };
    let mut simulation = tokio::task::spawn_blocking(move || Simulation::new(config)).await?;
    let socket = UdpSocket::bind("127.0.0.1:0").await.context("the simulation cannot open a socket")?;
    let [pc5, sensor, peer] = to;
    loop {
        let emission = simulation.next_emission();
        let wait = emission.at.duration_since(clock::now());
        if !wait.is_zero() {
            tokio::select! {
                () = end.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
        } else if end.is_cancelled() {
            return Ok(());
        }
        let address = match emission.channel {
            Channel::Pc5 => pc5,
            Channel::Sensor => sensor,
            Channel::Peer => peer,
        };
        socket.send_to(&emission.datagram, address).await?;
    }
}

/// Steps of events, emergencies among them.
fn event_items(stats: &std::collections::BTreeMap<String, u64>, what: &str) -> u64 {
    let of = |class: &str| stats.get(&format!("uplink.{what}.{class}")).copied().unwrap_or(0);
    of("event") + of("emergency")
}

/// Items published per second, by kind.
fn per_second(stats: &std::collections::BTreeMap<String, u64>, elapsed: Duration) -> Value {
    let kinds = ["emergency", "event", "state", "track", "message"].map(|kind| {
        let count = stats.get(&format!("uplink.published.{kind}")).copied().unwrap_or(0);
        (kind.to_owned(), Value::from((count as f64 / elapsed.as_secs_f64().max(0.1) * 10.0).round() / 10.0))
    });
    Value::Object(kinds.into_iter().collect())
}

fn report(elapsed: Duration, stats: &std::collections::BTreeMap<String, u64>, delivered: &Delivered) -> Value {
    let get = |name: &str| stats.get(name).copied().unwrap_or(0);
    let sum = |part: &str| stats.iter().filter(|(name, _)| name.contains(part)).map(|(_, n)| n).sum::<u64>();
    let mut dropped = Map::new();
    for (name, count) in stats {
        let by_core = [
            "core.frame_too_late",
            "core.frame_repeated",
            "core.frame_from_the_future",
            "core.bsm_out_of_range",
            "core.track_lists_skipped",
        ];
        if *count > 0 && (name.contains(".dropped.") || by_core.contains(&name.as_str())) {
            dropped.insert(name.clone(), (*count).into());
        }
    }
    let mut participants = Map::new();
    for (number, count) in by_class(&delivered.latest_tracks) {
        let class = v1::ParticipantClass::try_from(number).unwrap_or_default();
        participants.insert(class_name(class).into(), count.into());
    }
    json!({
        "duration_s": (elapsed.as_secs_f64() * 10.0).round() / 10.0,
        "bsm_received": get("pc5.bsm"),
        "spat_received": get("v2x_udp.spat"),
        "sensor_frames_received": get("sensor.received"),
        "detections_received": get("sensor.detections"),
        "tracks_published": get("uplink.tracks"),
        "track_lists_published": get("uplink.published.track"),
        "track_lists_delivered": delivered.track_lists,
        "events_published": event_items(stats, "published"),
        "events_delivered": delivered.events,
        "messages_published": get("uplink.published.message"),
        "messages_delivered": delivered.messages,
        "health_delivered": delivered.health,
        "states_delivered": delivered.states,
        "poles_configured": delivered.poles.configured,
        "poles_with_link": delivered.poles.up,
        "pole_readings_delivered": delivered.pole_readings,
        "pole_orders_done": get("poles.orders.done"),
        "told_missing": delivered.told_missing,
        "sequence_gaps": delivered.gaps,
        "not_understood": delivered.not_understood,
        "decode_errors": sum(".refused."),
        "dropped": dropped,
        "items_published_per_s": per_second(stats, elapsed),
        "participants": participants,
        "latency_ms": delivered.latencies.all.to_json(),
        "latency_by_kind_ms": delivered.latencies.by_kind(),
        "memory_mib": crate::daemon::resident_memory_bytes().map(|bytes| bytes / (1 << 20)),
    })
}
