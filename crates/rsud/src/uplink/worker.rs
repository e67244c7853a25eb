//! One link's thread: takes items in, makes them safe, publishes what is safe, and hears what became of it.
//!
//! It is a thread of its own because a disk may take its time: neither the core nor the keep-alive of the connection may
//! wait for an fsync. Whatever comes first is handled first; nothing is asked for again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use edge_core::Priority;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use rsu_proto::v1::{self, v2x_message::Content};
use rumqttc::mqttbytes::v5::PubAckReason;
use rumqttc::{AsyncClient, PublishNotice, PublishNoticeError, PublishOptions, PublishProperties, QoS};
use spool::Mode;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::LinkState;
use super::connection::{Greeting, SPARE, Signal, user_properties};
use super::keeper::{Keeper, Kept};
use super::link::{Link, LinkEvent, Publish, Token};
use super::profiles::{Downlink, Outgoing, TellError};
use super::waiting::Waiting;
use crate::clock;
use crate::config::CloudSettings;
use crate::queue::Sender;
use crate::stats::{LogGate, Stats};

/// Items taken in before something else gets a turn.
const ROUND: usize = 256;
/// A stop waits so long for what still waits, while the link is up.
const DRAIN: Duration = Duration::from_secs(2);
/// The good-bye may take so long.
const GOOD_BYE: Duration = Duration::from_millis(600);
/// Age, cursors and a disk that failed are looked after so often.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// What a broker does not take now is offered again after this.
const POSTPONE: Duration = Duration::from_secs(1);
/// Names what is told at once and kept nowhere.
const TELL: Token = Token(0);

/// What became of a publication.
enum Outcome {
    Acknowledged,
    /// The client gave it up.
    Lost,
    /// The broker will not have it.
    Refused(PublishNoticeError),
    /// The broker does not take it now; which is not yet to be told to the link.
    Postponed(PublishNoticeError),
    /// The pause after that is over.
    Over,
}

pub(super) struct Worker {
    settings: Arc<CloudSettings>,
    keeper: Keeper,
    link: Link,
    waiting: Arc<Waiting>,
    signals: mpsc::Receiver<Signal>,
    stats: Stats,
    state: watch::Sender<LinkState>,
    health: Arc<Mutex<v1::LinkHealth>>,
    /// Where messages for the radio go.
    on_air: Option<Sender<Box<Content>>>,
    client: Option<AsyncClient>,
    under_way: FuturesUnordered<BoxFuture<'static, (Token, Outcome)>>,
    /// When what was not answered yet was published, the oldest first.
    sent: BTreeMap<Token, Instant>,
    /// Told at once and not acknowledged yet.
    tells: usize,
    /// The broker takes packets of so many octets.
    max_packet: usize,
    /// Ends the present connection.
    end_connection: CancellationToken,
    /// The oldest item that is not committed came then, and when there was a commit last.
    uncommitted_since: Option<Instant>,
    committed_at: Option<Instant>,
    urgent: bool,
    tick_at: Instant,
    heartbeat_at: Option<Instant>,
    connections: u64,
    /// Since when the link is as it is, and how long it was up and down before.
    changed_at: Instant,
    time_up: Duration,
    time_down: Duration,
    broker: String,
    on_disk: bool,
    rejections: LogGate,
}

/// What a worker shares with others.
pub(super) struct Shared {
    pub(super) waiting: Arc<Waiting>,
    pub(super) signals: mpsc::Receiver<Signal>,
    pub(super) stats: Stats,
    pub(super) state: watch::Sender<LinkState>,
    pub(super) health: Arc<Mutex<v1::LinkHealth>>,
    pub(super) on_air: Option<Sender<Box<Content>>>,
}

/// A stopwatch of the shell.
#[allow(clippy::disallowed_methods, reason = "deadlines of the shell")]
fn instant() -> Instant {
    Instant::now()
}

impl Worker {
    pub(super) fn new(settings: Arc<CloudSettings>, keeper: Keeper, link: Link, shared: Shared) -> Self {
        let Shared { waiting, signals, stats, state, health, on_air } = shared;
        let now = instant();
        let on_disk = *keeper.spool.mode() == Mode::Disk;
        Self {
            settings,
            keeper,
            link,
            waiting,
            signals,
            stats,
            state,
            health,
            on_air,
            client: None,
            under_way: FuturesUnordered::new(),
            sent: BTreeMap::new(),
            tells: 0,
            max_packet: usize::MAX,
            end_connection: CancellationToken::new(),
            uncommitted_since: None,
            committed_at: None,
            urgent: false,
            tick_at: now,
            heartbeat_at: None,
            connections: 0,
            changed_at: now,
            time_up: Duration::ZERO,
            time_down: Duration::ZERO,
            broker: String::new(),
            on_disk,
            rejections: LogGate::new(Duration::from_secs(30)),
        }
    }

    /// Until it is told to stop; then drains while the link is up, and says good-bye.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.step(&stop).await;
        }
        let never = CancellationToken::new();
        let drained = async {
            while self.link.is_up() && !self.is_idle() {
                self.step(&never).await;
            }
        };
        let _ = tokio::time::timeout(DRAIN, drained).await;
        while self.take_in() {}
        self.commit();
        self.say_good_bye().await;
        self.close();
    }

    /// Does what can be done, then waits for something to happen.
    async fn step(&mut self, stop: &CancellationToken) {
        let more = self.take_in();
        let commit_at = self.commit_at();
        let now = instant();
        if commit_at.is_some_and(|at| at <= now) {
            self.commit();
        }
        if self.tick_at <= now {
            self.look_after(now);
        }
        if self.heartbeat_at.is_some_and(|at| at <= now) {
            self.heartbeat(now);
        }
        self.publish();
        let commit_at = self.commit_at();
        let stalled_at = self.sent.first_key_value().map(|(_, at)| *at + self.settings.acknowledge_within);
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            // First, so that nothing is handed to a connection that is known to have ended.
            Some(signal) = self.signals.recv() => self.heard(signal),
            Some((token, outcome)) = self.under_way.next(), if !self.under_way.is_empty() => {
                self.finished(token, outcome);
            }
            () = std::future::ready(()), if more => {}
            () = self.waiting.filled() => {}
            () = until(commit_at) => {}
            () = until(self.heartbeat_at) => {}
            () = until(stalled_at) => self.give_up_connection(),
            () = sleep_until(self.tick_at) => {}
        }
    }

    /// Takes in what waits. Returns whether there is more.
    fn take_in(&mut self) -> bool {
        let now = clock::now();
        for missed in self.waiting.missed() {
            self.keeper.miss(&missed, now);
        }
        while let Some(reply) = self.waiting.pop_reply() {
            if self.keeper.answer(reply, now) {
                self.uncommitted_since.get_or_insert_with(instant);
                self.urgent = true;
            }
        }
        while let Some(content) = self.waiting.pop_sent() {
            if self.client.is_some() {
                let told = self.keeper.profile.tell_sent(&content, now);
                self.tell(told);
            }
        }
        for _ in 0..ROUND {
            let Some(publication) = self.waiting.pop() else { return false };
            if self.keeper.take(&publication, now) {
                self.uncommitted_since.get_or_insert_with(instant);
                self.urgent |= publication.priority == Priority::Emergency;
            }
        }
        true
    }

    /// When what was taken in must be made safe: at once after a pause, and after a commit when some more may have come.
    fn commit_at(&self) -> Option<Instant> {
        let since = self.uncommitted_since?;
        match self.committed_at {
            Some(last) if !self.urgent => Some(since.max(last + self.settings.commit_within)),
            _ => Some(since),
        }
    }

    fn commit(&mut self) {
        if self.uncommitted_since.take().is_none() {
            return;
        }
        self.urgent = false;
        let done = self.keeper.spool.commit(clock::now());
        self.committed_at = Some(instant());
        self.stats.add("uplink", "accepted", "on_disk", done.on_disk);
        self.stats.add("uplink", "accepted", "in_memory", done.in_memory);
        self.watch_disk();
    }

    /// Says when items stop and begin again to survive a crash.
    fn watch_disk(&mut self) {
        let on_disk = *self.keeper.spool.mode() == Mode::Disk;
        if on_disk != self.on_disk {
            let link = &self.settings.name;
            match self.keeper.spool.mode() {
                Mode::Disk => info!(%link, "the spool is on disk again"),
                Mode::Memory { reason, .. } => {
                    error!(%link, %reason, "the spool cannot be written; items are kept in memory");
                }
            }
            self.on_disk = on_disk;
        }
    }

    fn look_after(&mut self, now: Instant) {
        self.tick_at = now + HOUSEKEEPING;
        let time = clock::now();
        self.keeper.spool.expire(time);
        self.keeper.spool.tick(time);
        self.watch_disk();
        self.report(now);
    }

    /// Publishes what may go.
    fn publish(&mut self) {
        while let Some(client) = self.client.clone() {
            let Some((token, what)) = self.link.next(&mut self.keeper) else { return };
            // A notice is never given up.
            let may_go = matches!(what, Publish::Item(_));
            let (Publish::Item(kept) | Publish::Gap(kept)) = what;
            match client.try_publish_tracked(kept.topic.clone(), kept.payload.clone(), options(&kept)) {
                Ok(notice) => {
                    self.sent.insert(token, instant());
                    self.under_way.push(Box::pin(outcome(token, notice, may_go)));
                }
                Err(error) => {
                    // It has room for all that may be under way, so its connection has ended.
                    warn!(link = %self.settings.name, %error, "publish refused by the client");
                    self.end_connection.cancel();
                    self.down();
                }
            }
        }
    }

    fn finished(&mut self, token: Token, outcome: Outcome) {
        self.sent.remove(&token);
        if token == TELL {
            self.tells = self.tells.saturating_sub(1);
            return;
        }
        let event = match outcome {
            Outcome::Acknowledged => LinkEvent::Acknowledged(token),
            Outcome::Lost => LinkEvent::Lost(token),
            Outcome::Over => LinkEvent::Postponed(token),
            Outcome::Postponed(reason) => {
                self.stats.count("uplink", "postponed");
                if let Some(held_back) = self.rejections.open() {
                    error!(link = %self.settings.name, %reason, held_back, "the broker does not take an item now");
                }
                self.under_way.push(Box::pin(async move {
                    tokio::time::sleep(POSTPONE).await;
                    (token, Outcome::Over)
                }));
                return;
            }
            Outcome::Refused(reason) => {
                if let Some(held_back) = self.rejections.open() {
                    error!(link = %self.settings.name, %reason, held_back, "the broker refuses an item");
                }
                LinkEvent::Refused(token)
            }
        };
        self.link.handle(event, &mut self.keeper);
    }

    fn heard(&mut self, signal: Signal) {
        match signal {
            Signal::Prepare(answer) => {
                let now = clock::now();
                let will = self.keeper.profile.will(now).unwrap_or_else(|error| {
                    error!(link = %self.settings.name, %error, "the last will cannot be encoded");
                    None
                });
                let profile = &self.keeper.profile;
                // Who asks may have been closed meanwhile.
                let _ =
                    answer.send(Greeting { login: profile.login(now), will, subscriptions: profile.subscriptions() });
            }
            Signal::Up { client, receive_maximum, max_packet, broker, end } => {
                self.down();
                self.end_connection = end;
                (self.max_packet, self.keeper.max_packet) = (max_packet, max_packet);
                self.client = Some(client);
                self.connections += 1;
                self.broker = broker;
                self.pass_time(false);
                self.state.send_replace(LinkState::Up(self.connections));
                self.link.handle(LinkEvent::Up { receive_maximum, max_packet }, &mut self.keeper);
                let birth = self.keeper.profile.birth(clock::now());
                self.tell(birth);
                let now = instant();
                if self.keeper.profile.heartbeat_period().is_some() {
                    self.heartbeat(now);
                }
                self.report(now);
            }
            Signal::Down => {
                self.down();
                self.report(instant());
            }
            Signal::Heard(publish) => {
                let topic = String::from_utf8_lossy(&publish.topic);
                match self.keeper.profile.hear(&topic, &publish.payload, clock::now()) {
                    Ok(heard) => match heard.downlink {
                        Downlink::Nothing => {}
                        Downlink::Send(contents) => {
                            self.stats.count("downlink", "heard");
                            self.send_on_air(contents, heard.reply);
                        }
                    },
                    Err(error) => {
                        self.stats.add("downlink", "refused", error.name(), 1);
                        if let Some(held_back) = self.rejections.open() {
                            warn!(link = %self.settings.name, %topic, %error, held_back, "cannot be understood");
                        }
                    }
                }
            }
        }
    }

    /// What a platform wants the road users to be told, once.
    fn send_on_air(&mut self, contents: Vec<Content>, reply: Option<Outgoing>) {
        let Some(on_air) = &self.on_air else {
            self.stats.add("downlink", "refused", "no_radio", 1);
            if let Some(held_back) = self.rejections.open() {
                let link = &self.settings.name;
                warn!(%link, held_back, "the platform wants something sent, and there is no [pc5.send]");
            }
            return;
        };
        for content in contents {
            if on_air.push(Box::new(content)) {
                self.stats.add("air", "dropped", "queue_full", 1);
            }
        }
        if let Some(reply) = reply {
            self.tell(Ok(vec![reply]));
        }
    }

    fn down(&mut self) {
        if self.client.take().is_none() {
            return;
        }
        self.under_way.clear();
        self.sent.clear();
        self.tells = 0;
        self.heartbeat_at = None;
        self.pass_time(true);
        self.state.send_replace(LinkState::Down);
        self.link.handle(LinkEvent::Down, &mut self.keeper);
    }

    /// Publications are under way and nothing came back for long: the connection is dead, whatever TCP believes.
    fn give_up_connection(&mut self) {
        self.stats.count("uplink", "stalled");
        warn!(link = %self.settings.name, "the broker does not acknowledge; connecting anew");
        self.end_connection.cancel();
        self.down();
    }

    fn heartbeat(&mut self, now: Instant) {
        self.heartbeat_at = self.keeper.profile.heartbeat_period().map(|period| now + period);
        let beat = self.keeper.profile.heartbeat(clock::now());
        self.tell(beat);
    }

    /// Publishes what is worth nothing later, and so is not kept.
    fn tell(&mut self, outgoing: Result<Vec<Outgoing>, TellError>) {
        let outgoing = match outgoing {
            Ok(outgoing) => outgoing,
            Err(error) => return error!(link = %self.settings.name, %error, "cannot be encoded"),
        };
        for kept in outgoing.into_iter().map(Kept::from) {
            let Some(client) = &self.client else { return };
            // The room in the client's channel is for what is kept; and one packet too large would end the connection.
            let fits = self.tells < SPARE / 2 && kept.packet_octets() <= self.max_packet;
            let publish = || client.try_publish_tracked(kept.topic.clone(), kept.payload.clone(), options(&kept)).ok();
            match fits.then(publish).flatten() {
                Some(notice) => {
                    self.tells += 1;
                    self.under_way.push(Box::pin(outcome(TELL, notice, true)));
                }
                None => self.stats.add("uplink", "dropped", "not_told", 1),
            }
        }
    }

    fn is_idle(&self) -> bool {
        let stats = self.keeper.spool.stats();
        self.waiting.is_empty()
            && self.uncommitted_since.is_none()
            && self.link.under_way() == 0
            && stats.classes.iter().all(|class| class.items == 0)
    }

    async fn say_good_bye(&mut self) {
        let Some(client) = self.client.take() else { return };
        let farewell = self.keeper.profile.farewell(clock::now()).unwrap_or_default();
        let good_bye = async {
            for kept in farewell.into_iter().map(Kept::from) {
                if let Ok(notice) = client.try_publish_tracked(kept.topic.clone(), kept.payload.clone(), options(&kept))
                {
                    let _ = notice.wait_completion_async().await;
                }
            }
            let _ = client.disconnect().await;
            drop(client);
            while !matches!(self.signals.recv().await, Some(Signal::Down) | None) {}
        };
        let _ = tokio::time::timeout(GOOD_BYE, good_bye).await;
    }

    fn close(self) {
        let stats = self.keeper.spool.stats();
        let in_memory: u64 = stats.classes.iter().map(|class| class.in_memory).sum();
        let left: u64 = stats.classes.iter().map(|class| class.items + class.uncommitted).sum();
        let link = &self.settings.name;
        if left > in_memory {
            info!(%link, left = left - in_memory, "items wait on disk for the next start");
        }
        if in_memory > 0 {
            self.stats.add("uplink", "dropped", "at_stop", in_memory);
            let left = in_memory;
            error!(%link, left, "items could not be delivered before the stop, and the spool cannot be written");
        }
        self.keeper.spool.close(clock::now());
    }

    /// Adds the time that has passed to how long the link was up or down.
    fn pass_time(&mut self, was_up: bool) {
        let now = instant();
        let passed = now.duration_since(self.changed_at);
        *(if was_up { &mut self.time_up } else { &mut self.time_down }) += passed;
        self.changed_at = now;
    }

    /// What the health says of this link.
    fn report(&mut self, now: Instant) {
        let stats = self.keeper.spool.stats();
        let connected = self.client.is_some();
        let passed = now.duration_since(self.changed_at);
        let time = |sum: Duration, running: bool| (if running { sum + passed } else { sum }).as_secs_f64();
        let queues = stats.classes.iter().map(|class| {
            let dropped = class.dropped;
            v1::QueueHealth {
                item_class: class.name.clone(),
                items: class.items + class.uncommitted,
                disk_bytes: class.disk_bytes,
                memory_bytes: class.memory_bytes,
                oldest_accepted_at_us: class.oldest_accepted_at_us.unwrap_or(0),
                accepted: class.accepted,
                delivered: class.delivered,
                dropped: dropped.overflow
                    + dropped.age
                    + dropped.damaged
                    + dropped.memory
                    + dropped.refused
                    + dropped.busy,
            }
        });
        let health = v1::LinkHealth {
            name: self.settings.name.clone(),
            profile: self.keeper.profile.name().into(),
            connected,
            broker: self.broker.clone(),
            connected_s: time(self.time_up, connected),
            disconnected_s: time(self.time_down, !connected),
            connections: self.connections,
            under_way: self.link.under_way() as u64,
            queues: queues.collect(),
            disk_trouble: stats.disk_trouble.unwrap_or_default(),
            disk_bytes_written: stats.bytes_written,
            disk_damage: stats.damaged,
            disk_torn_tails: stats.torn_tails,
        };
        *self.health.lock().unwrap_or_else(PoisonError::into_inner) = health;
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

fn options(kept: &Kept) -> PublishOptions {
    let properties = PublishProperties {
        content_type: Some(kept.content_type.clone()).filter(|content_type| !content_type.is_empty()),
        user_properties: user_properties(&kept.schema),
        correlation_data: Some(kept.correlation.clone()).filter(|correlation| !correlation.is_empty()),
        ..PublishProperties::default()
    };
    let options = PublishOptions::new(QoS::AtLeastOnce).properties(properties);
    if kept.retain { options.retained() } else { options }
}

/// What the broker says to a publication; `may_go`: there are answers after which it is given up.
async fn outcome(token: Token, notice: PublishNotice, may_go: bool) -> (Token, Outcome) {
    let outcome = match notice.wait_completion_async().await {
        Ok(()) => Outcome::Acknowledged,
        // These two are the item's own fault; all others may pass: rights that are being set up, a broker in trouble.
        Err(PublishNoticeError::V5PubAck(
            reason @ (PubAckReason::PayloadFormatInvalid | PubAckReason::TopicNameInvalid),
        )) if may_go => Outcome::Refused(PublishNoticeError::V5PubAck(reason)),
        Err(reason @ PublishNoticeError::V5PubAck(_)) => Outcome::Postponed(reason),
        Err(_) => Outcome::Lost,
    };
    (token, outcome)
}
