//! Who counts what arrives at the remote broker.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rsu_proto::bytes::Bytes;
use rumqttc::{Client, Connection, ConnectionError, Event, IncomingPacketSizeLimit, MqttOptions, Packet, QoS};

use super::{instant, now_us, pause, wait_for};

/// A publication as it came; looked into when all is over, to take no time from the system under test.
#[derive(Debug, Clone)]
pub(crate) struct Receipt {
    pub(crate) at_us: i64,
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
}

#[derive(Debug, Default)]
struct Shared {
    receipts: Mutex<Vec<Receipt>>,
    items: AtomicUsize,
    subscriptions: AtomicUsize,
    ended: AtomicBool,
}

/// A subscriber in a thread of its own. It acknowledges nothing (`QoS` 0), so the broker holds nothing back for it; the
/// broker's queue for it has no bound.
pub(crate) struct Subscriber {
    shared: Arc<Shared>,
    client: Client,
}

/// The topic of the items.
pub(crate) const ITEMS: &str = "rsu/v1/bench/v2x/bsm";

impl Subscriber {
    pub(crate) fn start(port: u16) -> anyhow::Result<Self> {
        let mut options = MqttOptions::new("bench-judge", ("127.0.0.1", port));
        options.set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(4 << 20));
        options.set_keep_alive(60);
        let (client, connection) = Client::builder(options).capacity(16).try_build()?;
        let shared = Arc::new(Shared::default());
        let (inner, again) = (Arc::clone(&shared), client.clone());
        std::thread::spawn(move || listen(connection, &again, &inner));
        let subscribed = || Ok((shared.subscriptions.load(Ordering::Relaxed) > 0).then_some(()));
        wait_for("the subscription", Duration::from_secs(10), subscribed)?;
        Ok(Self { shared, client })
    }

    /// Waits until `expected` items came and a little longer, or nothing has come for `quiet`.
    pub(crate) fn settle(&self, expected: u64, quiet: Duration, limit: Duration) -> anyhow::Result<()> {
        let items = || self.shared.items.load(Ordering::Relaxed);
        let (start, mut last, mut since) = (instant(), items(), instant());
        loop {
            pause(Duration::from_millis(50));
            let count = items();
            if count != last {
                (last, since) = (count, instant());
            }
            let patience = if count as u64 >= expected { quiet.min(Duration::from_secs(3)) } else { quiet };
            if since.elapsed() > patience {
                return Ok(());
            }
            ensure!(start.elapsed() < limit, "items still come after {} s: {count} of {expected}", limit.as_secs());
        }
    }

    /// Takes all that came.
    pub(crate) fn take(&self) -> anyhow::Result<Vec<Receipt>> {
        let connections = self.shared.subscriptions.load(Ordering::Relaxed);
        ensure!(connections == 1, "the bench's own subscriber was disconnected: its counts are worth nothing");
        Ok(std::mem::take(&mut self.shared.receipts.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        let _ = self.client.try_disconnect();
    }
}

fn listen(mut connection: Connection, client: &Client, shared: &Shared) {
    for event in connection.iter() {
        if shared.ended.load(Ordering::Relaxed) {
            return;
        }
        match event {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let _ = client.try_subscribe("rsu/#", QoS::AtMostOnce).context("subscription");
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                shared.subscriptions.fetch_add(1, Ordering::Relaxed);
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let receipt = Receipt { at_us: now_us(), topic: publish.topic, payload: publish.payload };
                if receipt.topic == ITEMS.as_bytes() {
                    shared.items.fetch_add(1, Ordering::Relaxed);
                }
                shared.receipts.lock().unwrap_or_else(PoisonError::into_inner).push(receipt);
            }
            Ok(_) => {}
            Err(ConnectionError::RequestsDone) => return,
            Err(_) => pause(Duration::from_millis(50)),
        }
    }
}
