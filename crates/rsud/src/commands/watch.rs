//! `rsud watch`: subscribes to a broker and prints events and a summary.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use edge_core::Item;
use rsu_proto::v1;
use rsu_units::Timestamp;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::latency::Latencies;
use super::subscriber::{Delivery, Subscriber};
use crate::clock;
use crate::uplink::Received;

/// What to watch.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// The broker.
    #[arg(long, default_value = "mqtt://127.0.0.1:1883")]
    broker: String,
    /// Name of the RSU; + is all.
    #[arg(long, default_value = "+")]
    rsu: String,
    /// End after this time, as in 15s or 2m.
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// Time between summaries.
    #[arg(long, value_parser = duration, default_value = "5s")]
    every: Duration,
    /// Lines for people, or one JSON object a line.
    #[arg(long, value_enum, default_value = "human")]
    format: OutputFormat,
}

/// Format of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// A duration as people write it: `15s`, `2m`, `500ms`; a bare number counts seconds.
///
/// # Errors
/// When it is none.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split).unwrap_or((text, ""));
    let factor = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("{text:?}: the unit must be ms, s, m or h")),
    };
    let number: f64 = number.trim().parse().map_err(|_| format!("{text:?} is no duration such as 15s"))?;
    let seconds = number * factor;
    if (0.001..=31_536_000.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("{text:?}: a duration from 1 ms to a year is expected"))
    }
}

/// Watches until the time is over or the user stops it.
///
/// # Errors
/// When the broker's address is none, or nothing can be printed.
pub async fn watch(args: WatchArgs) -> anyhow::Result<()> {
    let address = args.broker.strip_prefix("mqtt://").unwrap_or(&args.broker);
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "1883"));
    let port = port.parse().with_context(|| format!("{:?} is no broker such as mqtt://127.0.0.1:1883", args.broker))?;
    let client_id = format!("rsud-watch-{}", clock::now().as_micros());
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut deliveries = receive(Subscriber::new(host, port, &client_id, &args.rsu)?);
    let mut out = std::io::stdout();
    let mut summary = Summary::default();
    let end = args.duration.map(|duration| Instant::now() + duration);
    let mut ticks = tokio::time::interval_at(Instant::now() + args.every, args.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    if args.format == OutputFormat::Human {
        writeln!(out, "watching {host}:{port} ({}); stop with Ctrl-C", args.rsu)?;
    }
    loop {
        tokio::select! {
            () = super::until(end) => break,
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = ticks.tick() => summary.print(&mut out, args.format)?,
            next = deliveries.recv() => match next {
                Some(Ok(delivery)) => {
                    summary.take(&delivery);
                    print_event(&mut out, args.format, &delivery)?;
                }
                Some(Err(error)) => writeln!(std::io::stderr(), "broker {host}:{port} cannot be reached: {error:#}")?,
                None => break,
            },
        }
    }
    summary.print(&mut out, args.format)
}

/// Receives in a task of its own, so that nothing interrupts the connection. An unreachable broker is told once.
fn receive(mut subscriber: Subscriber) -> mpsc::Receiver<anyhow::Result<Delivery>> {
    let (sender, receiver) = mpsc::channel(1024);
    tokio::spawn(async move {
        let mut reachable = true;
        loop {
            let told = match subscriber.next().await {
                Ok(None) => continue,
                Ok(Some(delivery)) => {
                    reachable = true;
                    sender.send(Ok(delivery)).await
                }
                Err(error) if std::mem::take(&mut reachable) => sender.send(Err(error)).await,
                Err(_) => Ok(()),
            };
            if told.is_err() {
                return;
            }
            if !reachable {
                subscriber.back_off().await;
            }
        }
    });
    receiver
}

fn print_event(out: &mut impl Write, format: OutputFormat, delivery: &Delivery) -> anyhow::Result<()> {
    let Ok(Received::Item(Item::Event(event))) = &delivery.content else { return Ok(()) };
    match format {
        OutputFormat::Human => writeln!(out, "{}", event_line(event))?,
        OutputFormat::Json => writeln!(out, "{}", json!({ "event": event }))?,
    }
    Ok(())
}

/// One event as a line for people.
pub(crate) fn event_line(event: &v1::TrafficEvent) -> String {
    let stage = match event.stage() {
        v1::EventStage::Start => "START ",
        v1::EventStage::Update => "update",
        v1::EventStage::End => "END   ",
        v1::EventStage::Unspecified => "?     ",
    };
    let time = Timestamp::from_micros(event.state_at_us).to_string();
    let time = time.get(11..19).unwrap_or(&time);
    let who = event.participants.first().map_or_else(String::new, |participant| {
        format!("{} #{} at {:.1} m/s", class_name(participant.class()), participant.track_id, participant.speed_mps)
    });
    let lane = if event.lane_id.is_empty() { "no lane" } else { &event.lane_id };
    format!(
        "{time}  {stage}  {} {:<24}  {who:<28}  {:.6} N {:.6} E  {lane}",
        event.event_code,
        kind_name(event.kind()),
        event.latitude_deg,
        event.longitude_deg,
    )
}

/// Name of a kind of event, for people.
pub(crate) fn kind_name(kind: v1::EventKind) -> &'static str {
    match kind {
        v1::EventKind::StoppedVehicle => "stopped vehicle",
        v1::EventKind::WrongWayDriving => "wrong-way driving",
        v1::EventKind::PedestrianOnCarriageway => "pedestrian on the road",
        v1::EventKind::Speeding => "speeding",
        v1::EventKind::SlowVehicle => "slow vehicle",
        v1::EventKind::Queue => "queue",
        v1::EventKind::RedLightRunning => "red-light running",
        v1::EventKind::Obstacle => "obstacle",
        v1::EventKind::EmergencyVehicle => "emergency vehicle",
        v1::EventKind::LargeVehicle => "large vehicle",
        v1::EventKind::CollisionRisk => "collision risk",
        v1::EventKind::IllegalUTurn => "illegal U-turn",
        v1::EventKind::IllegalLaneUse => "illegal lane use",
        v1::EventKind::Ice => "ice",
        v1::EventKind::Fog => "fog",
        v1::EventKind::StandingWater => "standing water",
        v1::EventKind::SlipperyRoad => "slippery road",
        v1::EventKind::HeavyRain => "heavy rain",
        v1::EventKind::StrongWind => "strong wind",
        v1::EventKind::Unspecified => "unknown event",
    }
}

/// Name of a class, for people.
pub(crate) fn class_name(class: v1::ParticipantClass) -> &'static str {
    match class {
        v1::ParticipantClass::Unknown => "unknown",
        v1::ParticipantClass::Car => "car",
        v1::ParticipantClass::Truck => "truck",
        v1::ParticipantClass::Bus => "bus",
        v1::ParticipantClass::Motorcycle => "motorcycle",
        v1::ParticipantClass::Bicycle => "bicycle",
        v1::ParticipantClass::Pedestrian => "pedestrian",
    }
}

/// How many participants of each class a list has, in the order of the classes.
pub(crate) fn by_class(list: &v1::TrackList) -> BTreeMap<i32, usize> {
    let mut counts = BTreeMap::new();
    for track in &list.tracks {
        *counts.entry(track.class).or_insert(0) += 1;
    }
    counts
}

#[derive(Debug, Default)]
struct Summary {
    received: BTreeMap<String, u64>,
    not_understood: u64,
    /// Items that were told to be missing.
    told_missing: u64,
    participants: BTreeMap<i32, usize>,
    rsus: BTreeMap<String, &'static str>,
    latencies: Latencies,
}

impl Summary {
    fn take(&mut self, delivery: &Delivery) {
        let mut levels = delivery.topic.splitn(4, '/').skip(2);
        let rsu = levels.next().unwrap_or_default().to_owned();
        *self.received.entry(levels.next().unwrap_or_default().to_owned()).or_insert(0) += 1;
        match &delivery.content {
            Ok(Received::Item(item)) => {
                self.latencies.record(item, delivery.at);
                if let Item::Tracks(list) = item {
                    self.participants = by_class(list);
                }
            }
            Ok(Received::State(state)) => {
                let state = match (state.availability(), state.unexpected) {
                    (v1::Availability::Online, _) => "online",
                    (v1::Availability::Offline, true) => "gone",
                    (v1::Availability::Offline, false) => "offline",
                    (v1::Availability::Unspecified, _) => "unknown",
                };
                self.rsus.insert(rsu, state);
            }
            Ok(Received::Gap(gap)) => self.told_missing += gap.count,
            Err(_) => self.not_understood += 1,
        }
    }

    fn print(&self, out: &mut impl Write, format: OutputFormat) -> anyhow::Result<()> {
        let class = |number: &i32| class_name(v1::ParticipantClass::try_from(*number).unwrap_or_default());
        match format {
            OutputFormat::Human => {
                let list = |map: Vec<String>| if map.is_empty() { "none".to_owned() } else { map.join(", ") };
                let rsus = list(self.rsus.iter().map(|(rsu, state)| format!("{rsu} {state}")).collect());
                let seen = list(self.participants.iter().map(|(number, n)| format!("{n} {}", class(number))).collect());
                let got = list(self.received.iter().map(|(stream, n)| format!("{stream} {n}")).collect());
                writeln!(out, "          RSUs: {rsus} | participants: {seen} | received: {got}")?;
                if self.told_missing > 0 {
                    writeln!(out, "          told to be missing: {}", self.told_missing)?;
                }
                if self.not_understood > 0 {
                    writeln!(out, "          not understood: {}", self.not_understood)?;
                }
            }
            OutputFormat::Json => {
                let seen: BTreeMap<&str, usize> =
                    self.participants.iter().map(|(n, count)| (class(n), *count)).collect();
                let summary = json!({
                    "rsus": self.rsus,
                    "participants": seen,
                    "received": self.received,
                    "not_understood": self.not_understood,
                    "told_missing": self.told_missing,
                    "latency_ms": self.latencies.by_kind(),
                });
                writeln!(out, "{}", json!({ "summary": summary }))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("15s"), Ok(Duration::from_secs(15)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        assert!(
            duration("7 parsecs").is_err()
                && duration("-1s").is_err()
                && duration("0s").is_err()
                && duration("1e30s").is_err()
                && duration("s").is_err()
        );
    }
}
