//! Smart poles: the lines to them, what is known of them, and the orders for them.
//!
//! Each line has a task ([`mod@line`]) that does the input and output of a driver ([`driver`]), which drives the link's end
//! (crate `pole-link`). What the poles report goes to the core as inputs ([`reports`]) and into the inventory ([`inventory`]),
//! from where health, metrics and the control socket read it. Orders come from the core, from commands of the cloud and from the
//! control socket; they wait in a mailbox, in which a warning never gives way to lighting ([`orders`]).

pub mod counters;
pub mod driver;
pub mod inventory;
pub mod mailbox;
pub mod orders;
pub mod reports;
pub mod values;

mod line;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use edge_core::Input;
use edge_core::poles::PoleOrder;
use pole_link::{Command, Millis};
use rsu_proto::v1;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::info;

use self::driver::{Driver, Now, Sink};
use self::inventory::{Inventory, PoleStatus};
use self::line::{Line, Wire};
use self::mailbox::Mailbox;
use self::orders::{Order, Outcome};
use self::reports::Texts;
use crate::adapters::udp;
use crate::clock;
use crate::config::{PoleEndpoint, PoleLinkSettings};
use crate::queue::Sender;
use crate::stats::Stats;

/// The poles, for whoever wants something of them.
#[derive(Debug, Clone)]
pub struct Poles {
    /// Of each pole in the configuration's order: its line's mailbox, and its place there.
    places: Arc<Vec<(Arc<Mailbox>, usize)>>,
    /// What is known of them.
    pub inventory: Inventory,
    texts: Arc<Texts>,
    stats: Stats,
    epoch: Instant,
}

/// Lines that can be started: the sockets of our own are open.
pub struct Lines {
    lines: Vec<(PoleLinkSettings, Option<Wire>)>,
    /// Where datagrams are awaited, by link: with port 0 in the configuration these are the real ports.
    pub addresses: Vec<(String, std::net::SocketAddr)>,
}

impl Lines {
    /// Opens the sockets at which poles are awaited.
    ///
    /// # Errors
    /// A port is taken.
    pub fn open(links: Vec<PoleLinkSettings>) -> anyhow::Result<Self> {
        let (mut lines, mut addresses) = (Vec::new(), Vec::new());
        for link in links {
            let wire = match &link.endpoint {
                PoleEndpoint::Udp(address) => {
                    let socket = udp::bind("poles", *address)?;
                    addresses.push((link.name.clone(), socket.local_addr()?));
                    Some(Wire::Udp(socket))
                }
                PoleEndpoint::Serial { .. } | PoleEndpoint::Tcp(_) | PoleEndpoint::Unix(_) => None,
            };
            lines.push((link, wire));
        }
        Ok(Self { lines, addresses })
    }

    /// Starts them. Sessions are numbered from `first_session` on.
    pub fn start(
        self,
        texts: Texts,
        first_session: NonZeroU32,
        inputs: &Sender<Input>,
        stats: &Stats,
        (tasks, stop): (&TaskTracker, &CancellationToken),
    ) -> Poles {
        let epoch = Instant::now();
        let now = Now { ms: Millis(0), at: clock::now() };
        let since_us = now.at.as_micros();
        let mut known: Vec<(usize, PoleStatus)> = Vec::new();
        for (link, _) in &self.lines {
            known.extend(link.poles.iter().map(|pole| {
                let (id, address) = (pole.id.clone(), pole.address.get());
                let expected_serial = pole.serial.clone();
                let link = link.name.clone();
                (pole.index, PoleStatus { id, link, address, expected_serial, since_us, ..PoleStatus::default() })
            }));
        }
        known.sort_by_key(|(index, _)| *index);
        let inventory = Inventory::new(known.into_iter().map(|(_, status)| status).collect());
        let mut places = Vec::new();
        for (link, wire) in self.lines {
            let mailbox = Arc::new(Mailbox::new(link.poles.len()));
            places.extend(link.poles.iter().enumerate().map(|(place, pole)| (pole.index, Arc::clone(&mailbox), place)));
            let sink = Sink { inventory: inventory.clone(), inputs: inputs.clone(), stats: stats.clone() };
            let driver = Driver::new(&link, first_session, Arc::clone(&mailbox), sink, now);
            if let Some(Wire::Udp(socket)) = &wire
                && let Ok(address) = socket.local_addr()
            {
                info!(link = %link.name, %address, "poles are awaited");
            }
            let (name, endpoint) = (link.name, link.endpoint);
            let line = Line { name, endpoint, driver, mailbox, stats: stats.clone(), epoch, stop: stop.clone() };
            tasks.spawn(line.run(wire));
        }
        places.sort_by_key(|(index, ..)| *index);
        let places = places.into_iter().map(|(_, mailbox, place)| (mailbox, place)).collect();
        Poles { places: Arc::new(places), inventory, texts: Arc::new(texts), stats: stats.clone(), epoch }
    }
}

/// The number of the first session with each pole, out of the number of the daemon's start, which grows with each start but
/// may have grown by one only: a clock that stands still does that. So the numbers of two starts lie far from each other.
#[must_use]
pub fn first_session(boot_id: i64) -> NonZeroU32 {
    NonZeroU32::new((boot_id as u32).wrapping_mul(0x9E37_79B1)).unwrap_or(NonZeroU32::MIN)
}

impl Poles {
    /// No poles.
    #[must_use]
    pub fn none(stats: &Stats) -> Self {
        let inventory = Inventory::new(Vec::new());
        Self { places: Arc::default(), inventory, texts: Arc::default(), stats: stats.clone(), epoch: Instant::now() }
    }

    /// Whether there is a pole of this name.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        self.inventory.index(id).is_some()
    }

    /// Carries out what the core wants.
    pub fn order(&self, order: &PoleOrder) {
        let (command, valid) = reports::command(&order.wish, &self.texts);
        self.give(order.pole.index(), command, valid, None);
    }

    /// Gives a command to a pole of this name. It is over within `valid`. What became of it comes in any case.
    #[must_use]
    pub fn ask(&self, id: &str, command: Command, valid: Duration) -> oneshot::Receiver<Outcome> {
        let (answer, answered) = oneshot::channel();
        match self.inventory.index(id) {
            Some(index) => self.give(index, command, valid, Some(answer)),
            None => {
                let _ = answer.send(Outcome::NoSuchPole);
            }
        }
        answered
    }

    /// Adds to the core's health what the links know.
    pub fn complete_health(&self, health: &mut v1::Health) {
        let known = self.inventory.all();
        if known.is_empty() {
            return;
        }
        let link = |pole: PoleStatus| v1::PoleLinkHealth {
            pole_id: pole.id,
            line: pole.link,
            state: pole.state.name().into(),
            reason: pole.reason,
            sessions: pole.sessions,
            telemetry: pole.telemetry,
            orders_done: pole.orders.done,
            orders_refused: pole.orders.refused,
            orders_unanswered: pole.orders.timed_out,
            orders_not_sent: pole.orders.not_sent,
            round_trip_last_ms: pole.orders.last_ms,
            round_trip_p50_ms: pole.orders.p50_ms,
            round_trip_p99_ms: pole.orders.p99_ms,
            round_trip_max_ms: pole.orders.max_ms,
        };
        health.poles.get_or_insert_default().links = known.into_iter().map(link).collect();
    }

    fn give(&self, index: usize, command: Command, valid: Duration, answer: Option<oneshot::Sender<Outcome>>) {
        let until = Millis((self.epoch.elapsed() + valid).as_millis() as u64);
        let asked = values::asked(&command);
        let order = Order { command, until, given: Instant::now(), answer };
        let Some((mailbox, place)) = self.places.get(index) else { return order.conclude(Outcome::NoSuchPole) };
        if let Some(gone) = mailbox.put(*place, order) {
            self.stats.add("poles", "orders", gone.name(), 1);
            self.inventory.order(index, clock::now(), asked.into(), &gone, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_two_starts_lie_far_from_each_other_even_when_the_clock_stands_still() {
        for boot_id in [0, 1, 1_790_000_000_000_000, i64::MAX - 1] {
            let (a, b) = (first_session(boot_id).get(), first_session(boot_id + 1).get());
            assert!(a.abs_diff(b) > 1_000_000_000 && a.wrapping_sub(b) > 1_000_000_000, "{boot_id}");
        }
    }
}
