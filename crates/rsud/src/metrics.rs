//! The health as metrics in a file, in the text format of `OpenMetrics`: for the textfile collector of a node exporter, or for
//! whoever reads files. No port is opened for it.

use std::fmt;
use std::path::Path;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use rsu_proto::v1::{Health, LinkHealth, PoleLinkHealth, QueueHealth};

/// Writes the metrics over those of before: readers see the old ones or the new ones.
///
/// # Errors
/// The file cannot be written.
pub fn write(file: &Path, health: Health) -> std::io::Result<()> {
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".new");
    std::fs::write(&fresh, render(health))?;
    std::fs::rename(fresh, file)
}

/// The metrics as text.
#[must_use]
pub fn render(health: Health) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot(health)));
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = encode(&mut text, &registry);
    text
}

#[derive(Debug)]
struct Snapshot(Health);

/// Writes one metric of each link.
fn of_links<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    links: &[LinkHealth],
    (name, help, kind): (&str, &str, MetricType),
    metric: impl Fn(&LinkHealth) -> M,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for link in links {
        let labels = [("link", link.name.as_str()), ("profile", link.profile.as_str())];
        metric(link).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

/// Writes one metric of each class of each link.
fn of_queues<M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    links: &[LinkHealth],
    (name, help, kind): (&str, &str, MetricType),
    metric: impl Fn(&QueueHealth) -> M,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, kind)?;
    for link in links {
        for queue in &link.queues {
            let labels = [("link", link.name.as_str()), ("class", queue.item_class.as_str())];
            metric(queue).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

type Count = fn(&PoleLinkHealth) -> u64;

/// Writes the metrics of the links with smart poles.
fn of_poles(encoder: &mut DescriptorEncoder<'_>, poles: &[PoleLinkHealth]) -> fmt::Result {
    use MetricType::{Counter, Gauge};
    if poles.is_empty() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor("rsud_pole_up", "1 while there is a link with the pole", None, Gauge)?;
    for pole in poles {
        let labels = [("pole", pole.pole_id.as_str()), ("line", pole.line.as_str())];
        ConstGauge::new(i64::from(pole.state == "up")).encode(family.encode_family(&labels)?)?;
    }
    let counters: [(&str, &str, Count); 2] = [
        ("rsud_pole_sessions", "Sessions with the pole", |pole| pole.sessions),
        ("rsud_pole_telemetry", "Messages with readings", |pole| pole.telemetry),
    ];
    for (name, help, count) in counters {
        let mut family = encoder.encode_descriptor(name, help, None, Counter)?;
        for pole in poles {
            let labels = [("pole", pole.pole_id.as_str())];
            ConstCounter::new(count(pole)).encode(family.encode_family(&labels)?)?;
        }
    }
    let mut family = encoder.encode_descriptor("rsud_pole_orders", "Orders by what became of them", None, Counter)?;
    for pole in poles {
        for (outcome, count) in [
            ("done", pole.orders_done),
            ("refused", pole.orders_refused),
            ("unanswered", pole.orders_unanswered),
            ("not_sent", pole.orders_not_sent),
        ] {
            let labels = [("pole", pole.pole_id.as_str()), ("outcome", outcome)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
    }
    let about = "From the order to the pole's answer";
    let mut family = encoder.encode_descriptor("rsud_pole_round_trip_seconds", about, None, Gauge)?;
    for pole in poles {
        for (quantile, ms) in
            [("0.5", pole.round_trip_p50_ms), ("0.99", pole.round_trip_p99_ms), ("1", pole.round_trip_max_ms)]
        {
            let labels = [("pole", pole.pole_id.as_str()), ("quantile", quantile)];
            ConstGauge::new(ms / 1000.0).encode(family.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        use MetricType::{Counter, Gauge};
        let Self(health) = self;
        for (name, count) in &health.counters {
            let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let name = format!("rsud_{name}");
            let descriptor = encoder.encode_descriptor(&name, "See docs/cloud-mqtt.md", None, Counter)?;
            ConstCounter::new(*count).encode(descriptor)?;
        }
        for (name, help, value) in [
            ("rsud_uptime_seconds", "Since the daemon started", health.uptime_s),
            ("rsud_memory_bytes", "Resident memory", health.memory_bytes as f64),
            ("rsud_tracks_alive", "Tracks, tentative ones included", health.tracks_alive as f64),
            ("rsud_events_active", "Events that go on", health.events_active as f64),
        ] {
            ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, Gauge)?)?;
        }
        of_poles(&mut encoder, health.poles.as_ref().map_or(&[], |poles| poles.links.as_slice()))?;
        let links = health.links.as_slice();
        let e = &mut encoder;
        of_links(e, links, ("rsud_link_connected", "1 while there is a connection", Gauge), |link| {
            ConstGauge::new(i64::from(link.connected))
        })?;
        of_links(e, links, ("rsud_link_connected_seconds", "Time with a connection", Counter), |link| {
            ConstCounter::new(link.connected_s)
        })?;
        of_links(e, links, ("rsud_link_disconnected_seconds", "Time without one", Counter), |link| {
            ConstCounter::new(link.disconnected_s)
        })?;
        of_links(e, links, ("rsud_link_connections", "Connections", Counter), |link| {
            ConstCounter::new(link.connections)
        })?;
        of_links(e, links, ("rsud_link_under_way", "Publications not acknowledged yet", Gauge), |link| {
            ConstGauge::new(link.under_way as f64)
        })?;
        of_links(e, links, ("rsud_link_spool_on_disk", "0 while the disk cannot be written", Gauge), |link| {
            ConstGauge::new(i64::from(link.disk_trouble.is_empty()))
        })?;
        of_links(e, links, ("rsud_link_spool_written_bytes", "Octets written to the disk", Counter), |link| {
            ConstCounter::new(link.disk_bytes_written)
        })?;
        of_queues(e, links, ("rsud_queue_items", "Items that wait", Gauge), |queue| {
            ConstGauge::new(queue.items as f64)
        })?;
        of_queues(e, links, ("rsud_queue_disk_bytes", "Octets on disk", Gauge), |queue| {
            ConstGauge::new(queue.disk_bytes as f64)
        })?;
        of_queues(e, links, ("rsud_queue_memory_bytes", "Octets in memory", Gauge), |queue| {
            ConstGauge::new(queue.memory_bytes as f64)
        })?;
        of_queues(
            e,
            links,
            ("rsud_queue_oldest_seconds", "Unix time of the oldest item that waits, 0: none", Gauge),
            |queue| ConstGauge::new(queue.oldest_accepted_at_us as f64 / 1e6),
        )?;
        of_queues(e, links, ("rsud_queue_accepted", "Publications accepted", Counter), |queue| {
            ConstCounter::new(queue.accepted)
        })?;
        of_queues(e, links, ("rsud_queue_delivered", "Publications acknowledged", Counter), |queue| {
            ConstCounter::new(queue.delivered)
        })?;
        of_queues(e, links, ("rsud_queue_dropped", "Publications dropped, all told as gaps", Counter), |queue| {
            ConstCounter::new(queue.dropped)
        })
    }
}

#[cfg(test)]
mod tests {
    use rsu_proto::v1::PolesHealth;

    use super::*;

    #[test]
    fn counters_gauges_and_links_are_told() {
        let queue = QueueHealth { item_class: "event".into(), items: 3, delivered: 7, ..QueueHealth::default() };
        let link = LinkHealth {
            name: "a\"b".into(),
            profile: "native".into(),
            connected: true,
            queues: vec![queue],
            ..LinkHealth::default()
        };
        let pole = PoleLinkHealth {
            pole_id: "p".into(),
            line: "l".into(),
            state: "up".into(),
            orders_done: 5,
            round_trip_p99_ms: 20.0,
            ..PoleLinkHealth::default()
        };
        let text = render(Health {
            poles: Some(PolesHealth { links: vec![pole], ..PolesHealth::default() }),
            uptime_s: 1.5,
            counters: [("pc5.refused.dsmp_aid".to_owned(), 4)].into(),
            links: vec![link],
            ..Health::default()
        });
        for line in [
            "rsud_pc5_refused_dsmp_aid_total 4",
            "rsud_uptime_seconds 1.5",
            "rsud_link_connected{link=\"a\\\"b\",profile=\"native\"} 1",
            "rsud_pole_up{pole=\"p\",line=\"l\"} 1",
            "rsud_pole_orders_total{pole=\"p\",outcome=\"done\"} 5",
            "rsud_pole_round_trip_seconds{pole=\"p\",quantile=\"0.99\"} 0.02",
            "rsud_queue_items{link=\"a\\\"b\",class=\"event\"} 3.0",
            "rsud_queue_delivered_total{link=\"a\\\"b\",class=\"event\"} 7",
        ] {
            assert!(text.lines().any(|other| other == line), "{line}:\n{text}");
        }
    }
}
