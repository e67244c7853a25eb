//! The live picture of the demo: redrawn in place on a terminal, plain blocks now and then elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use rsu_proto::v1;
use serde_json::Value;

use super::Delivered;
use crate::commands::watch::{OutputFormat, by_class, class_name, event_line};
use crate::uplink::LinkState;

/// Draws the state of the demo.
pub(super) struct Screen {
    format: OutputFormat,
    terminal: bool,
    broker_port: u16,
    /// Lines of the last picture, to go back over them.
    drawn: usize,
    before: Option<(Duration, BTreeMap<String, u64>, u64)>,
}

impl Screen {
    pub(super) fn new(format: OutputFormat, broker_port: u16) -> Self {
        Self { format, terminal: std::io::stdout().is_terminal(), broker_port, drawn: 0, before: None }
    }

    pub(super) fn period(&self) -> Duration {
        if self.terminal { Duration::from_millis(500) } else { Duration::from_secs(5) }
    }

    pub(super) fn draw(
        &mut self,
        elapsed: Duration,
        stats: &BTreeMap<String, u64>,
        link: LinkState,
        delivered: &Delivered,
    ) -> anyhow::Result<()> {
        if self.format == OutputFormat::Json {
            return Ok(());
        }
        let text = self.picture(elapsed, stats, link, delivered)?;
        let mut out = std::io::stdout().lock();
        if self.terminal {
            if self.drawn > 0 {
                // Up to the first line of the last picture, and clear from there.
                write!(out, "\x1b[{}A\x1b[J", self.drawn)?;
            }
            self.drawn = text.lines().count();
        }
        write!(out, "{text}")?;
        out.flush()?;
        Ok(())
    }

    fn picture(
        &mut self,
        elapsed: Duration,
        stats: &BTreeMap<String, u64>,
        link: LinkState,
        delivered: &Delivered,
    ) -> anyhow::Result<String> {
        let (then, old, old_delivered) = self.before.clone().unwrap_or_default();
        let seconds = elapsed.saturating_sub(then).as_secs_f64().max(0.001);
        let get = |map: &BTreeMap<String, u64>, name: &str| map.get(name).copied().unwrap_or(0);
        let rate = |name: &str| (get(stats, name).saturating_sub(get(&old, name))) as f64 / seconds;
        let sum = |part: &str| stats.iter().filter(|(name, _)| name.contains(part)).map(|(_, n)| n).sum::<u64>();
        let total = delivered.track_lists + delivered.events + delivered.messages;
        let delivered_rate = total.saturating_sub(old_delivered) as f64 / seconds;

        let mut text = String::new();
        writeln!(
            text,
            "rsud demo   {:>5.0} s   signalised intersection, simulated; everything over real sockets",
            elapsed.as_secs_f64()
        )?;
        writeln!(text)?;
        let counts = by_class(&delivered.latest_tracks);
        let classes: Vec<String> = counts
            .iter()
            .map(|(number, n)| {
                format!("{n} {}", class_name(v1::ParticipantClass::try_from(*number).unwrap_or_default()))
            })
            .collect();
        let connected = delivered.latest_tracks.tracks.iter().filter(|track| track.v2x_id.is_some()).count();
        let all = delivered.latest_tracks.tracks.len();
        writeln!(text, "  participants   {all:>4}   {}   ({connected} connected)", classes.join(", "))?;
        writeln!(
            text,
            "  in, per second {:>6.0} BSM   {:.0} SPAT   {:.0} sensor frames with {:.0} detections",
            rate("pc5.bsm"),
            rate("v2x_udp.spat"),
            rate("sensor.received"),
            rate("sensor.detections"),
        )?;
        writeln!(
            text,
            "  out, per second{:>6.0} messages   {:.0} track lists   {:.1} event items   {:.1} health",
            rate("uplink.published.message"),
            rate("uplink.published.track"),
            rate("uplink.published.event") + rate("uplink.published.emergency"),
            rate("uplink.published.state"),
        )?;
        let poles = &delivered.poles;
        writeln!(
            text,
            "  smart poles    {:>6} of {} with a link   {} brightened   {} warning   {} orders done",
            poles.up,
            poles.configured,
            poles.presence,
            poles.warning,
            get(stats, "poles.orders.done"),
        )?;
        writeln!(text, "  refused        {:>6}        dropped {}", sum(".refused."), sum(".dropped."))?;
        let link = match link {
            LinkState::Up(_) => "up",
            LinkState::Down => "down",
        };
        writeln!(
            text,
            "  cloud link     {link:>6}        {delivered_rate:.0} items per second delivered: {} track lists, {} messages, {} of {} event items",
            delivered.track_lists,
            delivered.messages,
            delivered.events,
            super::event_items(stats, "published"),
        )?;
        let latency = &delivered.latencies;
        writeln!(
            text,
            "  latency        p50 {:.1} ms   p99 {:.1} ms   (datagram in to item at the subscriber; oldest datagram in a 10 Hz track list: p50 {:.0} ms)",
            latency.all.millis(0.5),
            latency.all.millis(0.99),
            latency.tracks_oldest.millis(0.5),
        )?;
        writeln!(text)?;
        writeln!(text, "  events")?;
        for event in &delivered.latest_events {
            writeln!(text, "    {}", event_line(event))?;
        }
        for _ in delivered.latest_events.len()..6 {
            writeln!(text, "    -")?;
        }
        writeln!(text)?;
        writeln!(
            text,
            "  watch the broker:  cargo run --release -p rsud -- watch --broker mqtt://127.0.0.1:{}",
            self.broker_port
        )?;
        writeln!(text, "  stop:              Ctrl-C")?;
        self.before = Some((elapsed, stats.clone(), total));
        Ok(text)
    }

    pub(super) fn conclude(report: &Value) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        let number = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or(0);
        let latency =
            |name: &str| report.pointer(&format!("/latency_ms/{name}")).and_then(Value::as_f64).unwrap_or(0.0);
        writeln!(
            out,
            "\nIn all: {} BSM and {} detections in; {} track lists, {} event items and {} messages delivered; {} refused.",
            number("bsm_received"),
            number("detections_received"),
            number("track_lists_delivered"),
            number("events_delivered"),
            number("messages_delivered"),
            number("decode_errors"),
        )?;
        writeln!(
            out,
            "Latency p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms. --format json prints all figures.",
            latency("p50"),
            latency("p99"),
            latency("max")
        )?;
        Ok(())
    }
}
