//! Where commands come in: a connection of its own to the broker of a link, as client `<client id>-commands`.
//!
//! Its session outlives it, so a command that is published while the RSU is away waits at the broker. A command is
//! acknowledged when it has been written down, so one that a crash interrupts comes again. The link's other connection
//! publishes and keeps nothing at the broker.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use rumqttc::mqttbytes::v5::SubscribeReasonCode;
use rumqttc::{
    AckMode, AsyncClient, BrokerSessionResumePolicy, ConnectionError, Event, EventLoop, Packet, Publish, QoS,
};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::commander::Received;
use super::journal::ReplyTo;
use crate::config::CloudSettings;
use crate::stats::{LogGate, Stats};
use crate::uplink::connection::{CONNECT_TIMEOUT, Pace, options};

/// The broker keeps what is published for us so long, seconds.
const SESSION_S: u32 = 7 * 86_400;
/// Commands that the broker may send before the first is acknowledged.
const RECEIVE_MAXIMUM: u16 = 8;
/// Longest response topic and correlation data that are answered to, octets.
const MAX_REPLY_TO: usize = 256;

/// A command, and whom to tell that it is written down.
pub type Delivery = (Received, oneshot::Sender<()>);

/// Keeps the connection up.
pub struct Inbox {
    /// The link.
    pub settings: Arc<CloudSettings>,
    /// The commands' folder.
    pub folder: PathBuf,
    /// Where commands are published.
    pub topic: String,
    /// Who carries them out.
    pub deliveries: mpsc::Sender<Delivery>,
    /// Where things are counted.
    pub stats: Stats,
    /// Ends the connection, so that a new one is made.
    pub again: Arc<Notify>,
    /// Ends everything.
    pub stop: CancellationToken,
}

impl Inbox {
    /// Until it is told to stop.
    pub async fn run(self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(self) {
        let mut pace = Pace::new(&self.settings);
        let mut gate = LogGate::new(Duration::from_secs(60));
        let mut next = 0;
        loop {
            let connected = match self.connect(next).await {
                Ok((client, mut events)) => {
                    let why = self.poll(&client, &mut events).await;
                    if let Some(held_back) = gate.open() {
                        warn!(link = %self.settings.name, why, held_back, "the connection for commands is lost");
                    }
                    true
                }
                Err(error) => {
                    if let Some(held_back) = gate.open() {
                        warn!(link = %self.settings.name, %error, held_back, "no connection for commands yet");
                    }
                    false
                }
            };
            if self.deliveries.is_closed() {
                return;
            }
            next = if connected { 0 } else { (next + 1) % self.settings.brokers.len().max(1) };
            let wait = pace.next(connected, next == 0);
            tokio::select! {
                () = self.again.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn connect(&self, index: usize) -> anyhow::Result<(AsyncClient, EventLoop)> {
        let mut options = tokio::task::block_in_place(|| options(&self.settings, index, None))?;
        options.set_client_id(format!("{}-commands", self.settings.client_id));
        let broker = self.settings.brokers.get(index).map(|broker| format!("{}:{}", broker.host, broker.port));
        let broker = broker.unwrap_or_default();
        // A session without a subscription would be deaf for days, so only one that is known to have it goes on.
        options.set_clean_start(!self.is_subscribed(&broker));
        options.set_session_expiry_interval(Some(SESSION_S));
        options.set_receive_maximum(Some(RECEIVE_MAXIMUM));
        // Nothing is published here, so nothing of an earlier connection is missed.
        options.set_broker_session_resume_policy(BrokerSessionResumePolicy::AllowBrokerOnly);
        options.set_ack_mode(AckMode::Manual);
        let (client, mut events) =
            AsyncClient::builder(options).capacity(usize::from(RECEIVE_MAXIMUM) + 2).try_build()?;
        let subscribed = async {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(Packet::ConnAck(connack))) if connack.session_present => return anyhow::Ok(()),
                    Ok(Event::Incoming(Packet::ConnAck(_))) => {
                        client.try_subscribe(self.topic.clone(), QoS::AtLeastOnce)?;
                    }
                    Ok(Event::Incoming(Packet::SubAck(answer))) => {
                        let granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
                        ensure!(answer.return_codes.iter().all(granted), "the broker refuses the subscription");
                        self.note_subscribed(&broker);
                        return Ok(());
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => self.hand_over(&client, publish).await?,
                    Ok(_) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        };
        tokio::time::timeout(CONNECT_TIMEOUT, subscribed).await??;
        info!(link = %self.settings.name, topic = %self.topic, "listening for commands");
        Ok((client, events))
    }

    /// Where is noted at which brokers there is a session with the subscription.
    fn note(&self) -> PathBuf {
        self.folder.join(format!("subscribed-{}", self.settings.name))
    }

    /// What a note says of a broker: it counts for this client and this topic.
    fn line(&self, broker: &str) -> String {
        format!("{broker} {} {}", self.settings.client_id, self.topic)
    }

    fn is_subscribed(&self, broker: &str) -> bool {
        let noted = std::fs::read_to_string(self.note()).unwrap_or_default();
        noted.lines().any(|line| line == self.line(broker))
    }

    /// Without the note the next connection begins a new session, which loses what waits in the old one and no more.
    fn note_subscribed(&self, broker: &str) {
        let noted = std::fs::read_to_string(self.note()).unwrap_or_default();
        let kept = noted.lines().filter(|line| *line != self.line(broker)).take(self.settings.brokers.len());
        let lines: Vec<String> = kept.map(str::to_owned).chain([self.line(broker)]).collect();
        let _ = std::fs::create_dir_all(&self.folder).and_then(|()| std::fs::write(self.note(), lines.join("\n")));
    }

    async fn poll(&self, client: &AsyncClient, events: &mut EventLoop) -> String {
        loop {
            let event = tokio::select! {
                event = events.poll() => event,
                () = self.again.notified() => return "a new one is wanted".into(),
            };
            match event {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    if let Err(error) = self.hand_over(client, publish).await {
                        return error.to_string();
                    }
                }
                Ok(_) => {}
                Err(ConnectionError::RequestsDone) => return "closed".into(),
                Err(error) => return error.to_string(),
            }
        }
    }

    /// Waits until the command is written down, and acknowledges it then.
    async fn hand_over(&self, client: &AsyncClient, publish: Publish) -> anyhow::Result<()> {
        self.stats.count("downlink", "commands");
        let properties = publish.properties.as_ref();
        let topic = properties.and_then(|properties| properties.response_topic.clone());
        let correlation = properties.and_then(|properties| properties.correlation_data.clone()).unwrap_or_default();
        let fits = |topic: &String| {
            (1..=MAX_REPLY_TO).contains(&topic.len())
                && correlation.len() <= MAX_REPLY_TO
                && !topic.contains(['+', '#', '\0'])
        };
        let reply_to = topic.filter(fits).map(|topic| ReplyTo { topic, correlation: hex::encode(&correlation) });
        let (done, written) = oneshot::channel();
        let received = Received { link: self.settings.name.clone(), payload: publish.payload.to_vec(), reply_to };
        self.deliveries.send((received, done)).await?;
        written.await?;
        if let Some(ack) = client.prepare_ack(&publish) {
            client.try_manual_ack(ack)?;
        }
        Ok(())
    }
}
