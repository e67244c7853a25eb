//! The link to the broker: MQTT 5, `QoS` 1, last will, retained state.
//!
//! Two tasks: one polls the connection and nothing else, one publishes. An item is done when the broker has acknowledged
//! it; until then it is kept, and when the link breaks it goes back to the front of its queue. A new connection starts a
//! new session, so what was under way is sent again: the cloud may see an item twice, with the same header.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use edge_core::{Item, Priority};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use rsu_proto::v1;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, LastWillProperties, MqttOptions, Packet, PublishNotice,
    PublishOptions, PublishProperties, QoS,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::payload::{TOPIC_ROOT, content_type, encode, encode_state, stream_topic};
use super::queue::Waiting;
use crate::clock;
use crate::config::CloudSettings;
use crate::stats::{LogGate, Stats};

/// Publishes under way at the same time.
const IN_FLIGHT: usize = 64;
/// A stop waits so long for what still waits.
const DRAIN: Duration = Duration::from_secs(3);
const BACK_OFF_MS: std::ops::RangeInclusive<u64> = 100..=5000;

/// State of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// No connection.
    Down,
    /// Connected; the number counts the connections since the start.
    Up(u64),
}

/// What the uplink is made of.
#[derive(Debug)]
pub struct Uplink {
    /// How to reach the broker.
    pub settings: CloudSettings,
    /// The retained state, but for its header and availability.
    pub state: v1::RsuState,
    /// Name of the RSU.
    pub rsu_id: String,
    /// Tells runs of the daemon apart.
    pub boot_id: i64,
    /// Where the items come from.
    pub waiting: Arc<Waiting>,
    /// Where things are counted.
    pub stats: Stats,
}

/// A running uplink.
#[derive(Debug)]
pub struct UplinkHandle {
    /// State of the link.
    pub link: watch::Receiver<LinkState>,
    /// Ends when the uplink has stopped.
    pub task: JoinHandle<()>,
}

type Notice = BoxFuture<'static, (Priority, Item, bool)>;

impl Uplink {
    /// Starts the uplink. After `stop` it drains for a few seconds, says good-bye and ends.
    ///
    /// # Errors
    /// When the client refuses its options.
    pub fn start(self, stop: CancellationToken) -> anyhow::Result<UplinkHandle> {
        let (client, events) = AsyncClient::builder(self.options()?).capacity(IN_FLIGHT).try_build()?;
        let (state, link) = watch::channel(LinkState::Down);
        let max_packet = Arc::new(AtomicUsize::new(usize::MAX));
        let closing = CancellationToken::new();
        let poller = tokio::spawn(poll(
            events,
            state,
            Arc::clone(&max_packet),
            self.stats.clone(),
            format!("{}:{}", self.settings.host, self.settings.port),
            closing.clone(),
        ));
        let publisher = Publisher {
            uplink: self,
            client,
            link: link.clone(),
            max_packet,
            states_sent: 0,
            under_way: FuturesOrdered::new(),
        };
        let task = tokio::spawn(async move {
            publisher.run(stop).await;
            closing.cancel();
            // The poller ends by itself after the good-bye, or because it is told to.
            if tokio::time::timeout(Duration::from_millis(500), poller).await.is_err() {
                warn!("the broker connection did not close in time");
            }
        });
        Ok(UplinkHandle { link, task })
    }

    fn options(&self) -> anyhow::Result<MqttOptions> {
        let settings = &self.settings;
        let mut options = MqttOptions::new(settings.client_id.clone(), (settings.host.clone(), settings.port));
        options.set_keep_alive(settings.keep_alive_s);
        options.set_clean_start(true);
        options.set_outgoing_inflight_upper_limit(IN_FLIGHT as u16);
        options.set_connect_timeout(Duration::from_secs(5));
        if let Some((username, password)) = &settings.login {
            options.set_credentials(username.clone(), password.clone().into_bytes());
        }
        let will = self.rsu_state(v1::Availability::Offline, true, 0);
        let properties = LastWillProperties {
            delay_interval: None,
            payload_format_indicator: None,
            message_expiry_interval: None,
            content_type: Some(content_type(settings.payload).into()),
            response_topic: None,
            correlation_data: None,
            user_properties: user_properties("rsu.v1.RsuState"),
        };
        let payload = encode_state(&will, settings.payload)?;
        options.set_last_will(LastWill::new(self.state_topic(), payload, QoS::AtLeastOnce, true, Some(properties)));
        Ok(options)
    }

    fn state_topic(&self) -> String {
        format!("{TOPIC_ROOT}/{}/state", self.rsu_id)
    }

    fn rsu_state(&self, availability: v1::Availability, unexpected: bool, sequence: u64) -> v1::RsuState {
        let header = v1::Header {
            rsu_id: self.rsu_id.clone(),
            boot_id: self.boot_id,
            stream: "state".into(),
            sequence,
            produced_at_us: clock::now().as_micros(),
            caused_by_arrival_us: 0,
        };
        v1::RsuState { header: Some(header), availability: availability.into(), unexpected, ..self.state.clone() }
    }
}

fn user_properties(message: &str) -> Vec<(String, String)> {
    vec![("schema".into(), message.into())]
}

fn schema(item: &Item) -> &'static str {
    match item {
        Item::Tracks(_) => "rsu.v1.TrackList",
        Item::Event(_) => "rsu.v1.TrafficEvent",
        Item::V2x(_) => "rsu.v1.V2xMessage",
        Item::Health(_) => "rsu.v1.Health",
    }
}

/// Polls the connection: nothing else happens here, so keep-alive and acknowledgements are never late.
async fn poll(
    mut events: EventLoop,
    state: watch::Sender<LinkState>,
    max_packet: Arc<AtomicUsize>,
    stats: Stats,
    broker: String,
    closing: CancellationToken,
) {
    let mut connections = 0_u64;
    let mut back_off_ms = *BACK_OFF_MS.start();
    let mut gate = LogGate::new(Duration::from_secs(30));
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(connack))) => {
                let limit = connack.properties.and_then(|properties| properties.max_packet_size);
                max_packet.store(limit.map_or(usize::MAX, |limit| limit as usize), Ordering::Relaxed);
                connections += 1;
                back_off_ms = *BACK_OFF_MS.start();
                stats.count("uplink", "connections");
                info!(%broker, connections, "broker connected");
                state.send_replace(LinkState::Up(connections));
            }
            Ok(_) => {}
            Err(ConnectionError::RequestsDone) => return,
            Err(error) => {
                if state.send_replace(LinkState::Down) != LinkState::Down {
                    stats.count("uplink", "disconnections");
                    warn!(%broker, %error, "broker connection lost");
                } else if let Some(held_back) = gate.open() {
                    warn!(%broker, %error, held_back, "broker cannot be reached; will go on trying");
                }
                if closing.is_cancelled() {
                    return;
                }
                // Spread out, so that a district of RSUs does not come back in one instant.
                let spread = clock::now().as_micros().unsigned_abs() % (back_off_ms / 2 + 1);
                tokio::select! {
                    () = closing.cancelled() => return,
                    () = tokio::time::sleep(Duration::from_millis(back_off_ms / 2 + spread)) => {}
                }
                back_off_ms = (back_off_ms * 2).min(*BACK_OFF_MS.end());
            }
        }
    }
}

struct Publisher {
    uplink: Uplink,
    client: AsyncClient,
    link: watch::Receiver<LinkState>,
    max_packet: Arc<AtomicUsize>,
    states_sent: u64,
    under_way: FuturesOrdered<Notice>,
}

impl Publisher {
    async fn run(mut self, stop: CancellationToken) {
        let mut announced = None;
        loop {
            let link = *self.link.borrow_and_update();
            let up = link != LinkState::Down;
            if up && announced != Some(link) {
                announced = Some(link);
                self.announce(v1::Availability::Online).await;
            }
            if up
                && self.under_way.len() < IN_FLIGHT
                && let Some((priority, item)) = self.uplink.waiting.pop()
            {
                self.publish(priority, item).await;
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => break,
                _ = self.link.changed() => {}
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => self.finished(done).await,
                () = self.uplink.waiting.filled(), if up && self.under_way.len() < IN_FLIGHT => {}
            }
        }
        if tokio::time::timeout(DRAIN, self.drain()).await.is_err() {
            let left: usize = self.uplink.waiting.depths().iter().map(|(_, depth)| depth).sum();
            let left = left + self.under_way.len();
            self.uplink.stats.add("uplink", "dropped", "at_stop", left as u64);
            error!(left, "items could not be delivered before the stop");
        }
        if *self.link.borrow() != LinkState::Down {
            self.announce(v1::Availability::Offline).await;
            let _ = tokio::time::timeout(Duration::from_millis(500), self.client.disconnect()).await;
        }
    }

    async fn drain(&mut self) {
        loop {
            let up = *self.link.borrow_and_update() != LinkState::Down;
            if up
                && self.under_way.len() < IN_FLIGHT
                && let Some((priority, item)) = self.uplink.waiting.pop()
            {
                self.publish(priority, item).await;
                continue;
            }
            if self.under_way.is_empty() && self.uplink.waiting.is_empty() {
                return;
            }
            tokio::select! {
                _ = self.link.changed() => {}
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => self.finished(done).await,
            }
        }
    }

    async fn announce(&mut self, availability: v1::Availability) {
        self.states_sent += 1;
        let state = self.uplink.rsu_state(availability, false, self.states_sent);
        let format = self.uplink.settings.payload;
        let Ok(payload) = encode_state(&state, format) else { return };
        let properties = PublishProperties {
            content_type: Some(content_type(format).into()),
            user_properties: user_properties("rsu.v1.RsuState"),
            ..PublishProperties::default()
        };
        let options = PublishOptions::new(QoS::AtLeastOnce).retained().properties(properties);
        let sent = self.client.publish_tracked(self.uplink.state_topic(), payload, options);
        // The state is told anew with each connection, so a lost one needs no care.
        if let Ok(Ok(notice)) = tokio::time::timeout(Duration::from_millis(500), sent).await
            && availability == v1::Availability::Offline
        {
            let _ = tokio::time::timeout(Duration::from_millis(500), notice.wait_completion_async()).await;
        }
    }

    async fn publish(&mut self, priority: Priority, item: Item) {
        let format = self.uplink.settings.payload;
        let topic = stream_topic(&self.uplink.rsu_id, &item);
        let payload = match encode(&item, format) {
            Ok(payload) => payload,
            Err(error) => {
                self.uplink.stats.add("uplink", "dropped", "not_encodable", 1);
                error!(%topic, %error, "an item cannot be encoded");
                return;
            }
        };
        // An item that the broker will never take must not be tried for ever. 256 octets are room for the packet's head.
        if payload.len() + topic.len() + 256 > self.max_packet.load(Ordering::Relaxed) {
            self.uplink.stats.add("uplink", "dropped", "too_large", 1);
            error!(%topic, size = payload.len(), "an item is larger than the broker takes");
            return;
        }
        let properties = PublishProperties {
            content_type: Some(content_type(format).into()),
            user_properties: user_properties(schema(&item)),
            ..PublishProperties::default()
        };
        let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
        match self.client.publish_tracked(topic, payload, options).await {
            Ok(notice) => self.under_way.push_back(Box::pin(wait(priority, item, notice))),
            Err(error) => {
                warn!(%error, "publish refused by the client");
                self.put_back(vec![(priority, item)]);
            }
        }
    }

    async fn finished(&mut self, (priority, item, delivered): (Priority, Item, bool)) {
        if delivered {
            self.uplink.stats.add("uplink", "delivered", priority.name(), 1);
            return;
        }
        // The session is gone, and with it all that was under way: collect it, to put it back in its order.
        let mut failed = vec![(priority, item)];
        while let Some((priority, item, delivered)) = self.under_way.next().await {
            if delivered {
                self.uplink.stats.add("uplink", "delivered", priority.name(), 1);
            } else {
                failed.push((priority, item));
            }
        }
        self.put_back(failed);
    }

    fn put_back(&mut self, failed: Vec<(Priority, Item)>) {
        self.uplink.stats.add("uplink", "", "sent_again", failed.len() as u64);
        for (priority, item) in failed.into_iter().rev() {
            if let Some(dropped) = self.uplink.waiting.put_back(priority, item) {
                self.uplink.stats.add("uplink", "dropped", dropped.name(), 1);
            }
        }
    }
}

/// An item and whether the broker has acknowledged it.
async fn wait(priority: Priority, item: Item, notice: PublishNotice) -> (Priority, Item, bool) {
    let delivered = notice.wait_completion_async().await.is_ok();
    (priority, item, delivered)
}
