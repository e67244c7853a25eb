//! A subscriber that is independent of the daemon: it knows the contract of `docs/cloud-mqtt.md` and nothing else.

use std::time::Duration;

use rsu_units::Timestamp;
use rumqttc::{AsyncClient, Event, EventLoop, IncomingPacketSizeLimit, MqttOptions, Packet, QoS};

use crate::clock;
use crate::uplink::{Received, TOPIC_ROOT, decode};

/// A message that came.
#[derive(Debug)]
pub struct Delivery {
    /// Its topic.
    pub topic: String,
    /// When it came.
    pub at: Timestamp,
    /// What it is, or why it cannot be understood.
    pub content: Result<Received, String>,
}

/// A connection that subscribes to everything of one RSU, or of all.
pub struct Subscriber {
    client: AsyncClient,
    events: EventLoop,
    filter: String,
    subscribed: bool,
}

impl Subscriber {
    /// A subscriber that will connect when it is polled. `rsu` is an RSU's name, or `+` for all.
    ///
    /// # Errors
    /// When the client refuses its options.
    pub fn new(host: &str, port: u16, client_id: &str, rsu: &str) -> anyhow::Result<Self> {
        let mut options = MqttOptions::new(client_id, (host.to_owned(), port));
        options.set_keep_alive(20);
        options.set_incoming_packet_size_limit(IncomingPacketSizeLimit::Bytes(4 << 20));
        let (client, events) = AsyncClient::builder(options).capacity(16).try_build()?;
        Ok(Self { client, events, filter: format!("{TOPIC_ROOT}/{rsu}/#"), subscribed: false })
    }

    /// Whether the broker has confirmed the subscription.
    #[must_use]
    pub fn is_subscribed(&self) -> bool {
        self.subscribed
    }

    /// The next message, or `None` for any other thing that happened on the connection.
    ///
    /// # Errors
    /// When the connection is lost or cannot be made; the next call tries again.
    pub async fn next(&mut self) -> anyhow::Result<Option<Delivery>> {
        match self.events.poll().await {
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let at = clock::now();
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                let content = decode(&topic, &publish.payload);
                Ok(Some(Delivery { topic, at, content }))
            }
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                self.client.try_subscribe(self.filter.clone(), QoS::AtLeastOnce)?;
                Ok(None)
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                self.subscribed = true;
                Ok(None)
            }
            Ok(_) => Ok(None),
            Err(error) => {
                self.subscribed = false;
                Err(error.into())
            }
        }
    }

    /// Waits a little before the next try.
    pub async fn back_off(&self) {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
