//! What one would take instead: a local mosquitto that stores, and bridges to the remote one.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, PublishNotice, PublishOptions, QoS};
use tokio::sync::oneshot;

use super::load::{Offered, Plan};
use super::process::{Process, start_mosquitto};
use super::subscriber::{ITEMS, Receipt};
use super::tally::{Balance, Item, Received};
use super::{free_tcp_port, instant, now_us};
use crate::bench_uplink::System;

/// A local mosquitto in a folder.
pub(crate) struct Bridge {
    program: PathBuf,
    folder: PathBuf,
    port: u16,
    saves_each_change: bool,
    /// Octets of a payload.
    payload: usize,
    process: Option<Process>,
}

impl Bridge {
    pub(crate) fn new(program: &Path, folder: &Path, saves_each_change: bool, payload: usize) -> anyhow::Result<Self> {
        let (program, folder) = (program.to_path_buf(), folder.to_path_buf());
        Ok(Self { program, folder, port: free_tcp_port()?, saves_each_change, payload, process: None })
    }
}

impl System for Bridge {
    fn name(&self) -> &'static str {
        if self.saves_each_change { "bridge, saving on each change" } else { "bridge, saving each second" }
    }

    fn start(&mut self, remote: u16) -> anyhow::Result<()> {
        let start = |protocol: &str| {
            let config = config(&self.folder, remote, self.saves_each_change, protocol);
            start_mosquitto(&self.program, &self.folder, "bridge", self.port, &config)
        };
        // Before version 2 it does not know MQTT 5 for bridges, and ends.
        self.process = Some(start("mqttv50").or_else(|_| start("mqttv311"))?);
        Ok(())
    }

    fn process(&self) -> anyhow::Result<&Process> {
        self.process.as_ref().context("the bridge does not run")
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.process = None;
        Ok(())
    }

    fn offer(&self, plan: Plan) -> JoinHandle<anyhow::Result<Offered>> {
        let (port, payload) = (self.port, self.payload);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(publish(port, payload, plan))
        })
    }

    fn item(&self, receipt: &Receipt) -> Option<Item> {
        item(&receipt.payload)
    }

    fn balance(&self, offered: &Offered, received: &Received) -> Balance {
        Balance::of_acknowledged(offered, received)
    }
}

/// Publications under way. Without a bound (0) mosquitto 2.0.11 sends a CONNECT over MQTT 5 that it refuses itself, as a
/// protocol error, and the bridge never comes up.
const IN_FLIGHT: u16 = 1000;

fn config(folder: &Path, remote: u16, saves_each_change: bool, protocol: &str) -> String {
    format!(
        "persistence true
persistence_location {}/
autosave_interval 1
autosave_on_changes {saves_each_change}
max_queued_messages 0
max_inflight_messages {IN_FLIGHT}
connection uplink
address 127.0.0.1:{remote}
bridge_protocol_version {protocol}
remote_clientid bench
topic # out 1
cleansession false
notifications false
keepalive_interval 20
restart_timeout 1 5
",
        folder.display()
    )
}

fn payload_of(sequence: u64, made_us: i64, octets: usize) -> Vec<u8> {
    let mut payload = [sequence.to_le_bytes(), made_us.to_le_bytes()].concat();
    payload.resize(octets.max(payload.len()), 0xA5);
    payload
}

fn item(payload: &[u8]) -> Option<Item> {
    let sequence = u64::from_le_bytes(payload.get(..8)?.try_into().ok()?);
    let made_us = i64::from_le_bytes(payload.get(8..16)?.try_into().ok()?);
    Some(Item { run: 0, sequence, made_us })
}

/// Acknowledgements that are under way at the end are waited for so long.
const LAST_ACKNOWLEDGEMENTS: Duration = Duration::from_secs(10);

/// A source that goes on whether the broker is there or not: what falls due while there is no connection is not offered,
/// and what was not acknowledged is not offered again, so no repetition is of its making.
struct Source {
    plan: Plan,
    payload: usize,
    start: Option<(Instant, i64)>,
    /// Index of the next item.
    next: u64,
    offered: Offered,
}

async fn publish(port: u16, payload: usize, plan: Plan) -> anyhow::Result<Offered> {
    let mut source = Source { plan, payload, start: None, next: 0, offered: Offered::default() };
    let begun = instant();
    while !source.session(port).await? {
        if source.start.map_or(begun, |(start, _)| start).elapsed() > plan.within + LAST_ACKNOWLEDGEMENTS {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(source.offered)
}

impl Source {
    /// One connection. Returns whether all is done.
    async fn session(&mut self, port: u16) -> anyhow::Result<bool> {
        let mut options = MqttOptions::new("bench-source", ("127.0.0.1", port));
        options.set_keep_alive(60);
        options.set_clean_start(true);
        options.set_outgoing_inflight_upper_limit(u16::try_from(self.plan.window)?);
        let (client, mut eventloop) = AsyncClient::builder(options).capacity(self.plan.window).try_build()?;
        let (up, connected) = oneshot::channel();
        let mut connection = tokio::spawn(async move {
            let mut up = Some(up);
            // An error ends it, and drops what is under way.
            while let Ok(event) = eventloop.poll().await {
                if let (Event::Incoming(Packet::ConnAck(_)), Some(up)) = (event, up.take()) {
                    let _ = up.send(());
                }
            }
        });
        if connected.await.is_err() {
            return Ok(false);
        }
        let (start, start_us) = *self.start.get_or_insert_with(|| (instant(), now_us()));
        let skipped = self.plan.due_by(start.elapsed()).max(self.next);
        (self.offered.items, self.next) = (self.offered.items + skipped - self.next, skipped);
        let mut under_way = FuturesUnordered::new();
        loop {
            let more = self.next < self.plan.items && start.elapsed() < self.plan.within;
            if !more && under_way.is_empty() {
                connection.abort();
                return Ok(true);
            }
            let may = more && under_way.len() < self.plan.window;
            let until = if may { self.plan.due(self.next) } else { self.plan.within + LAST_ACKNOWLEDGEMENTS };
            tokio::select! {
                biased;
                _ = &mut connection => return Ok(false),
                Some(number) = under_way.next(), if !under_way.is_empty() => {
                    self.offered.acknowledged.extend(number);
                    self.offered.took = start.elapsed();
                }
                () = tokio::time::sleep_until((start + until).into()) => {
                    if !may {
                        connection.abort();
                        return Ok(true);
                    }
                    let due_us = start_us + until.as_micros() as i64;
                    // Of a source with a rate an item is as old as it should be, whatever held it up.
                    let made_us = if self.plan.per_s.is_some() { due_us } else { now_us() };
                    (self.next, self.offered.items) = (self.next + 1, self.offered.items + 1);
                    let payload = payload_of(self.next, made_us, self.payload);
                    let options = PublishOptions::new(QoS::AtLeastOnce);
                    let notice = client.try_publish_tracked(ITEMS, payload, options)?;
                    under_way.push(outcome(self.next, notice));
                }
            }
        }
    }
}

/// The number, if the broker has it.
async fn outcome(number: u64, notice: PublishNotice) -> Option<u64> {
    notice.wait_completion_async().await.is_ok().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_say_what_they_are() {
        let payload = payload_of(77, 1_700_000_000_000_000, 640);
        assert_eq!(payload.len(), 640);
        assert_eq!(item(&payload), Some(Item { run: 0, sequence: 77, made_us: 1_700_000_000_000_000 }));
        assert_eq!((payload_of(1, 1, 3).len(), item(&[0; 15])), (16, None));
    }

    #[test]
    fn the_variants_differ_in_when_they_save() {
        let config = |saves| config(Path::new("/there"), 7, saves, "mqttv50");
        assert!(config(true).contains("autosave_on_changes true") && config(true).contains("_location /there/\n"));
        assert_eq!(config(false).replace("on_changes false", "on_changes true"), config(true));
    }
}
