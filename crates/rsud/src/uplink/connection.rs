//! The connection to the broker: which one, as whom, over TLS or not; and again and again, for years.
//!
//! Every connection is made from scratch: the next broker of the list, its name resolved anew, the certificates and the
//! password read anew, and a client that knows nothing of the last one. So nothing that an earlier connection left can be
//! sent out of order by a later one; what is not acknowledged is kept by the spool and by nobody else. This task polls the
//! connection and does nothing else, so keep-alive and acknowledgements are never late.

use std::sync::Arc;
use std::time::Duration;

use rumqttc::mqttbytes::v5::SubscribeReasonCode;
use rumqttc::{
    AsyncClient, ConnectionError, Event, EventLoop, LastWill, LastWillProperties, MqttOptions, NetworkOptions, Packet,
    Publish, QoS, Transport,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::profiles::{Login, Outgoing};
use super::tls;
use crate::config::CloudSettings;
use crate::stats::{LogGate, Stats};

/// Room in the client's channel beside what may be under way: for birth, signs of life, replies and good-bye.
pub(super) const SPARE: usize = 16;
/// A connection must be complete within this.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that lasted so long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(10);
/// What a broker may send us at most, octets.
const MAX_INCOMING: u32 = 256 * 1024 + 4096;

/// What the platform wants of a new connection.
pub(super) struct Greeting {
    /// As whom, where the platform derives it.
    pub(super) login: Option<Login>,
    /// What the broker publishes when the connection dies.
    pub(super) will: Option<Outgoing>,
    /// What to subscribe to.
    pub(super) subscriptions: Vec<String>,
}

/// What happens to the connection.
pub(super) enum Signal {
    /// A connection is about to be made.
    Prepare(oneshot::Sender<Greeting>),
    /// The broker took it.
    Up {
        client: AsyncClient,
        /// The broker takes so many publications at once.
        receive_maximum: usize,
        /// The broker takes packets of so many octets.
        max_packet: usize,
        /// `host:port`.
        broker: String,
        /// Ends the connection, so that a new one is made.
        end: CancellationToken,
    },
    /// Something was published for us.
    Heard(Publish),
    /// The connection is gone.
    Down,
}

/// A stopwatch of the shell.
#[allow(clippy::disallowed_methods, reason = "how long a connection lasted")]
fn instant() -> std::time::Instant {
    std::time::Instant::now()
}

/// Keeps a connection up.
pub(super) struct Connector {
    pub(super) settings: Arc<CloudSettings>,
    pub(super) signals: mpsc::Sender<Signal>,
    pub(super) stats: Stats,
    /// Ends the connection, so that a new one is made.
    pub(super) again: Arc<Notify>,
    /// No new connection is made; the one that is ends after the good-bye.
    pub(super) closing: CancellationToken,
}

impl Connector {
    /// Until it is closed.
    pub(super) async fn run(self) {
        let mut pace = Pace::new(&self.settings);
        let mut gate = LogGate::new(Duration::from_secs(30));
        let mut next = 0;
        while !self.closing.is_cancelled() {
            let Some(broker) = self.settings.brokers.get(next) else { return };
            let name = format!("{}:{}", broker.host, broker.port);
            let end = CancellationToken::new();
            let connected = match self.connect(next, &name, &end).await {
                Ok(Some(mut events)) => {
                    let since = instant();
                    let why = self.poll(&mut events, &end).await;
                    // Nothing that is still in the client goes out any more.
                    drop(events);
                    self.stats.count("uplink", "disconnections");
                    if !self.closing.is_cancelled() {
                        warn!(link = %self.settings.name, broker = %name, why, "broker connection lost");
                    }
                    if self.signals.send(Signal::Down).await.is_err() {
                        return;
                    }
                    // Who takes a connection and drops it again is as bad as who takes none.
                    since.elapsed() >= GOOD_AFTER
                }
                // Nobody wants a connection any more.
                Ok(None) => return,
                Err(error) => {
                    if let Some(held_back) = gate.open() {
                        let link = &self.settings.name;
                        warn!(%link, broker = %name, %error, held_back, "broker cannot be reached; will go on trying");
                    }
                    false
                }
            };
            // The list is in the order of preference.
            next = if connected { 0 } else { (next + 1) % self.settings.brokers.len().max(1) };
            let wait = pace.next(connected, next == 0);
            tokio::select! {
                () = self.closing.cancelled() => return,
                () = self.again.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Makes one connection. `None`: the other side is gone.
    async fn connect(&self, index: usize, name: &str, end: &CancellationToken) -> anyhow::Result<Option<EventLoop>> {
        let (ask, answer) = oneshot::channel();
        if self.signals.send(Signal::Prepare(ask)).await.is_err() {
            return Ok(None);
        }
        let Ok(greeting) = answer.await else { return Ok(None) };
        let login = greeting.login.as_ref();
        let mut options = tokio::task::block_in_place(|| options(&self.settings, index, login))?;
        options.set_outgoing_inflight_upper_limit(u16::try_from(self.settings.in_flight).unwrap_or(u16::MAX));
        if let Some(will) = &greeting.will {
            options.set_last_will(last_will(will));
        }
        let (client, mut events) =
            AsyncClient::builder(options).capacity(self.settings.in_flight + SPARE).try_build()?;
        let connack = tokio::time::timeout(CONNECT_TIMEOUT, async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(connack))) => return Ok(connack),
                    Ok(_) => {}
                    Err(error) => return Err(error),
                }
            }
        });
        let connack = tokio::select! {
            connack = connack => connack??,
            () = self.closing.cancelled() => return Ok(None),
        };
        let properties = connack.properties;
        let receive_maximum = properties.as_ref().and_then(|properties| properties.receive_max);
        let max_packet = properties.and_then(|properties| properties.max_packet_size);
        for filter in greeting.subscriptions {
            client.try_subscribe(filter, QoS::AtLeastOnce)?;
        }
        self.stats.count("uplink", "connections");
        info!(link = %self.settings.name, broker = %name, "broker connected");
        let up = Signal::Up {
            client,
            receive_maximum: receive_maximum.map_or(usize::from(u16::MAX), usize::from),
            max_packet: max_packet.map_or(usize::MAX, |most| most as usize),
            broker: name.to_owned(),
            end: end.clone(),
        };
        Ok(self.signals.send(up).await.is_ok().then_some(events))
    }

    /// Polls until the connection ends; says why.
    async fn poll(&self, events: &mut EventLoop, end: &CancellationToken) -> String {
        loop {
            let event = tokio::select! {
                event = events.poll() => event,
                () = self.again.notified() => return "a new one is wanted".into(),
                () = end.cancelled() => return "the broker did not answer".into(),
                () = self.closing.cancelled() => return "closed".into(),
            };
            match event {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if self.signals.send(Signal::Heard(publish)).await.is_err() {
                        return "the uplink has ended".into();
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(answer))) => {
                    let granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
                    if !answer.return_codes.iter().all(granted) {
                        self.stats.add("downlink", "refused", "subscription", 1);
                        let (link, codes) = (&self.settings.name, &answer.return_codes);
                        error!(%link, ?codes, "the broker refuses a subscription; nothing will come down");
                    }
                }
                Ok(_) => {}
                Err(ConnectionError::RequestsDone) => return "closed".into(),
                Err(error) => return error.to_string(),
            }
        }
    }
}

/// How to connect to one of the brokers; files and passwords are read now.
///
/// # Errors
/// A file or the password cannot be read.
pub(crate) fn options(settings: &CloudSettings, index: usize, login: Option<&Login>) -> anyhow::Result<MqttOptions> {
    let broker = settings.brokers.get(index).ok_or_else(|| anyhow::anyhow!("there is no broker"))?;
    let client_id = login.map_or(&settings.client_id, |login| &login.client_id);
    let mut options = MqttOptions::new(client_id.clone(), (broker.host.clone(), broker.port));
    options.set_keep_alive(settings.keep_alive_s);
    options.set_clean_start(true);
    options.set_connect_timeout(CONNECT_TIMEOUT);
    options.set_max_packet_size(Some(MAX_INCOMING));
    // Else what is published waits for the acknowledgement of what was published before it.
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    if broker.tls {
        options.set_transport(Transport::tls_with_config(tls::client(settings.tls.as_ref())?));
    }
    if let Some(login) = login {
        options.set_credentials(login.username.clone(), login.password.clone().into_bytes());
    } else if let Some(login) = &settings.login {
        options.set_credentials(login.username.clone(), login.password()?.into_bytes());
    }
    Ok(options)
}

fn last_will(will: &Outgoing) -> LastWill {
    let properties = LastWillProperties {
        delay_interval: None,
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: Some(will.content_type.into()),
        response_topic: None,
        correlation_data: None,
        user_properties: user_properties(will.schema),
    };
    let (topic, payload) = (will.topic.clone(), will.payload.clone());
    LastWill::new(topic, payload, QoS::AtLeastOnce, will.retain, Some(properties))
}

/// Names the message to platforms that know such names.
pub(super) fn user_properties(schema: &str) -> Vec<(String, String)> {
    if schema.is_empty() { Vec::new() } else { vec![("schema".into(), schema.into())] }
}

/// How long to wait between tries: longer after each round of failures, and never for two units alike, so that a district of
/// them does not come back in one instant.
pub(crate) struct Pace {
    least: Duration,
    most: Duration,
    ceiling: Duration,
}

impl Pace {
    pub(crate) fn new(settings: &CloudSettings) -> Self {
        Self::between(settings.retry_least, settings.retry_most)
    }

    pub(crate) fn between(least: Duration, most: Duration) -> Self {
        Self { least, most, ceiling: least }
    }

    pub(crate) fn next(&mut self, connected: bool, round_over: bool) -> Duration {
        if connected {
            self.ceiling = self.least;
        } else if !round_over {
            // Another broker is worth a try at once.
            return self.least.mul_f64(rand::random_range(0.0..0.5));
        }
        let wait = self.ceiling.mul_f64(rand::random_range(0.5..1.0));
        self.ceiling = (self.ceiling * 2).min(self.most);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_become_rarer_and_a_connection_forgives() {
        let (least, most) = (Duration::from_millis(100), Duration::from_secs(5));
        let mut pace = Pace { least, most, ceiling: least };
        let waits: Vec<Duration> = (0..10).map(|_| pace.next(false, true)).collect();
        assert!(waits[0] <= least && waits[0] >= least / 2);
        assert!(waits[9] <= most && waits[9] >= most / 2, "{waits:?}");
        assert!(pace.next(false, false) <= least / 2, "the next broker of the list");
        assert!(pace.next(true, true) <= least);
    }
}
