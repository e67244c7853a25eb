//! Sending: typed messages from the core become frames for the radio. A message is split and numbered
//! ([`v2x_codec::split`]), waits for its turn by priority and budget ([`pace`]), is framed ([`crate::framing`]) and goes
//! out as one UDP datagram.

pub mod pace;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rsu_proto::v1::v2x_message::Content;
use rsu_units::Timestamp;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use v2x_codec::Profile;
use v2x_codec::service::{Service, ServiceTable};
use v2x_codec::split::{Outgoing, SplitRules};

pub use pace::Budget;
use pace::{Pacer, Pushed, Waiting};

use crate::clock;
use crate::framing::{Departure, Framing};
use crate::queue::Receiver;
use crate::stats::{LogGate, Stats};

/// Octets of a network-layer frame around its payload, for the budget.
const NETWORK_LAYER: usize = 6;

/// The sending side of the radio, without its socket.
#[derive(Debug)]
pub struct Air {
    profile: Profile,
    framing: Framing,
    services: ServiceTable,
    outgoing: Outgoing,
    pacer: Pacer,
    sequence: u32,
}

/// A frame on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// What goes to the radio.
    pub datagram: Vec<u8>,
    /// What it is.
    pub service: Service,
    /// Octets on the air.
    pub octets: usize,
}

impl Air {
    /// Nothing is sent yet.
    #[must_use]
    pub fn new(profile: Profile, framing: Framing, services: ServiceTable, rules: SplitRules, budget: Budget) -> Self {
        Self { profile, framing, services, outgoing: Outgoing::new(rules), pacer: Pacer::new(budget), sequence: 0 }
    }

    /// Takes a message of the core. What cannot be sent is counted, and the reason given.
    ///
    /// # Errors
    /// Why the message, or a part of it, cannot be sent: name for a counter, and words.
    pub fn take(&mut self, content: Content, stats: &Stats) -> Result<(), (&'static str, String)> {
        let parts = self.outgoing.parts(self.profile, content).map_err(|error| (error.name(), error.to_string()))?;
        let mut services: Vec<_> = parts.iter().map(|part| part.service).collect();
        services.dedup();
        let mut busy = Vec::new();
        for service in services {
            match self.pacer.supersede(service) {
                Some(0) => {}
                Some(superseded) => stats.add("air", "superseded", service.name(), superseded as u64),
                None => busy.push(service),
            }
        }
        let mut outcome = Ok(());
        for part in parts {
            if busy.contains(&part.service) {
                stats.add("air", "superseded", part.service.name(), 1);
                continue;
            }
            let Some(entry) = self.services.get(part.service) else {
                let name = part.service.name();
                outcome = Err(("no_aid", format!("{name} has no AID: [pc5.services.{name}] gives it one")));
                continue;
            };
            if part.oversize {
                stats.add("air", "oversize", part.service.name(), 1);
            }
            let frame = Waiting { service: part.service, priority: entry.priority, payload: part.octets };
            match self.pacer.push(frame) {
                Pushed::Waits => {}
                Pushed::InsteadOf(service) => stats.add("air", "dropped", service.name(), 1),
                Pushed::Dropped => stats.add("air", "dropped", part.service.name(), 1),
            }
        }
        outcome
    }

    /// The datagram that goes now, if one may, and what it is.
    ///
    /// # Errors
    /// Why the frame whose turn it is cannot be made.
    pub fn next(&mut self, now: Timestamp) -> Result<Option<Ready>, (&'static str, String)> {
        let Some(frame) = self.pacer.pop(now, NETWORK_LAYER) else { return Ok(None) };
        // The entry was there when the frame was let in.
        let Some(entry) = self.services.get(frame.service) else { return Ok(None) };
        self.sequence = self.sequence.wrapping_add(1);
        let (payload, sequence, service) = (frame.payload.as_slice(), self.sequence, frame.service);
        let datagram = self
            .framing
            .frame(&Departure { service, entry, payload, sequence, at: now })
            .map_err(|error| ("framing", error.to_string()))?;
        Ok(Some(Ready { datagram, service, octets: payload.len() + NETWORK_LAYER }))
    }

    /// Number of frames that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.pacer.len()
    }

    /// When the next frame may go.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.pacer.deadline()
    }
}

/// Sends until cancelled.
pub async fn run(
    mut air: Air,
    socket: UdpSocket,
    to: SocketAddr,
    messages: Receiver<Box<Content>>,
    filled: Arc<Notify>,
    stats: Stats,
    stop: CancellationToken,
) {
    info!(%to, "sending on the air");
    let mut gate = LogGate::new(Duration::from_secs(10));
    let mut complain = |stats: &Stats, name: &'static str, reason: String| {
        stats.add("air", "refused", name, 1);
        if let Some(held_back) = gate.open() {
            warn!(name, reason, held_back, "not sent");
        }
    };
    while !stop.is_cancelled() {
        while let Some(content) = messages.pop() {
            if let Err((name, reason)) = air.take(*content, &stats) {
                complain(&stats, name, reason);
            }
        }
        let now = clock::now();
        match air.next(now) {
            Ok(Some(Ready { datagram, service, octets })) => {
                match socket.send_to(&datagram, to).await {
                    Ok(_) => {
                        stats.add("air", "sent", service.name(), 1);
                        stats.add("air", "", "octets", octets as u64);
                    }
                    Err(error) => complain(&stats, "socket", error.to_string()),
                }
                continue;
            }
            Ok(None) => {}
            Err((name, reason)) => {
                complain(&stats, name, reason);
                continue;
            }
        }
        let wait = air.deadline().map_or(Duration::from_secs(3600), |deadline| deadline.duration_since(clock::now()));
        tokio::select! {
            () = filled.notified() => {}
            // A clock that was set must not make a frame wait long.
            () = tokio::time::sleep(wait.min(Duration::from_secs(1))), if air.deadline().is_some() => {}
            () = stop.cancelled() => {}
        }
    }
    let left = air.waiting() + std::iter::from_fn(|| messages.pop()).count();
    if left > 0 {
        stats.add("air", "dropped", "at_stop", left as u64);
    }
}
