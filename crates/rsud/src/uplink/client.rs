//! The link to the broker: MQTT 5, `QoS` 1, last will, retained state.
//!
//! Two tasks: one polls the connection and nothing else, one publishes. An item is done when the broker has acknowledged
//! it; until then it is kept. A new connection starts a new session: what was under way in the last one goes back to the
//! front of its queue before anything new is sent, so the order is kept and the cloud may see an item twice, with the
//! same header.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use edge_core::{Item, Priority};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use rsu_proto::v1;
use rumqttc::mqttbytes::v5::PubAckReason;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, LastWillProperties, MqttOptions, Packet, PublishNotice,
    PublishNoticeError, PublishOptions, PublishProperties, QoS,
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
const DRAIN: Duration = Duration::from_secs(2);
/// Room in the client's channel beside what may be under way: for the state.
const SPARE: usize = 8;
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

type Notice = BoxFuture<'static, (Priority, Item, Outcome)>;

impl Uplink {
    /// Starts the uplink. After `stop` it drains for a few seconds, says good-bye and ends.
    ///
    /// # Errors
    /// When the client refuses its options.
    pub fn start(self, stop: CancellationToken) -> anyhow::Result<UplinkHandle> {
        let (client, events) = AsyncClient::builder(self.options()?).capacity(IN_FLIGHT + SPARE).try_build()?;
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
            failed: Vec::new(),
            connection: LinkState::Down,
            rejections: LogGate::new(Duration::from_secs(30)),
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
        Item::LaneStatistics(_) => "rsu.v1.LaneStatistics",
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
    /// What was under way when the session was lost, in its order.
    failed: Vec<(Priority, Item)>,
    /// The connection over which is being published.
    connection: LinkState,
    rejections: LogGate,
}

impl Publisher {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.step(&stop).await;
        }
        let drained = async {
            let never = CancellationToken::new();
            while !(self.under_way.is_empty() && self.failed.is_empty() && self.uplink.waiting.is_empty()) {
                self.step(&never).await;
            }
        };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            let left: usize = self.uplink.waiting.depths().iter().map(|(_, depth)| depth).sum();
            let left = left + self.under_way.len() + self.failed.len();
            self.uplink.stats.add("uplink", "dropped", "at_stop", left as u64);
            error!(left, "items could not be delivered before the stop");
        }
        if *self.link.borrow() != LinkState::Down {
            let good_bye = async {
                self.announce(v1::Availability::Offline).await;
                let _ = self.client.disconnect().await;
            };
            let _ = tokio::time::timeout(Duration::from_millis(600), good_bye).await;
        }
    }

    /// Publishes one item, or waits until one can be published or something happens.
    async fn step(&mut self, stop: &CancellationToken) {
        let link = *self.link.borrow_and_update();
        let up = link != LinkState::Down;
        if up && self.connection != link {
            // What was under way in the last session comes first again, so its fate must be known before anything new.
            if self.under_way.is_empty() {
                self.put_failed_back();
                self.connection = link;
                self.announce(v1::Availability::Online).await;
            }
        } else if up && self.failed.is_empty() && self.under_way.len() < IN_FLIGHT {
            if let Some((priority, item)) = self.uplink.waiting.pop() {
                self.publish(priority, item);
                return;
            }
        } else if self.under_way.is_empty() {
            self.put_failed_back();
        }
        let may_publish = up && self.connection == link && self.failed.is_empty() && self.under_way.len() < IN_FLIGHT;
        if may_publish && !self.uplink.waiting.is_empty() {
            return;
        }
        tokio::select! {
            () = stop.cancelled() => {}
            _ = self.link.changed() => {}
            Some(done) = self.under_way.next(), if !self.under_way.is_empty() => self.finished(done),
            () = self.uplink.waiting.filled(), if may_publish => {}
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
        // The state is told anew with each connection, so a lost one needs no care.
        if let Ok(notice) = self.client.try_publish_tracked(self.uplink.state_topic(), payload, options)
            && availability == v1::Availability::Offline
        {
            let _ = notice.wait_completion_async().await;
        }
    }

    fn publish(&mut self, priority: Priority, item: Item) {
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
        // The client's channel has room for all that may be under way, so it is full only if something is very wrong.
        match self.client.try_publish_tracked(topic, payload, options) {
            Ok(notice) => self.under_way.push_back(Box::pin(wait(priority, item, notice))),
            Err(error) => {
                warn!(%error, "publish refused by the client");
                self.failed.push((priority, item));
            }
        }
    }

    fn finished(&mut self, (priority, item, outcome): (Priority, Item, Outcome)) {
        match outcome {
            Outcome::Delivered => self.uplink.stats.add("uplink", "delivered", priority.name(), 1),
            Outcome::SessionLost => self.failed.push((priority, item)),
            Outcome::Rejected(reason) => {
                self.uplink.stats.add("uplink", "dropped", "rejected", 1);
                if let Some(held_back) = self.rejections.open() {
                    error!(%reason, held_back, kind = priority.name(), "the broker refuses an item");
                }
            }
        }
    }

    fn put_failed_back(&mut self) {
        let failed = std::mem::take(&mut self.failed);
        self.uplink.stats.add("uplink", "", "sent_again", failed.len() as u64);
        for (priority, item) in failed.into_iter().rev() {
            if let Some(dropped) = self.uplink.waiting.put_back(priority, item) {
                self.uplink.stats.add("uplink", "dropped", dropped.name(), 1);
            }
        }
    }
}

/// What became of a publish.
enum Outcome {
    /// The broker has acknowledged it.
    Delivered,
    /// The session was lost before that.
    SessionLost,
    /// The broker will not have it.
    Rejected(PublishNoticeError),
}

async fn wait(priority: Priority, item: Item, notice: PublishNotice) -> (Priority, Item, Outcome) {
    let outcome = match notice.wait_completion_async().await {
        Ok(()) => Outcome::Delivered,
        // The broker has no room now; later it may have.
        Err(PublishNoticeError::V5PubAck(PubAckReason::QuotaExceeded)) => {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Outcome::SessionLost
        }
        Err(reason @ PublishNoticeError::V5PubAck(_)) => Outcome::Rejected(reason),
        Err(_) => Outcome::SessionLost,
    };
    (priority, item, outcome)
}
