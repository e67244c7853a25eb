//! The pole's end of the link.
//!
//! It greets until it is welcomed, then answers commands, tells alarms until they are acknowledged, and sends states and
//! telemetry; when the edge is silent for too long it greets anew. The application drives it:
//!
//! 1. Octets or a datagram came: call [`PoleEnd::receive`] or [`PoleEnd::receive_datagram`] until there is no event.
//! 2. Call [`PoleEnd::poll`] until there is no event.
//! 3. Call [`PoleEnd::poll_transmit`] until there is nothing to send; each time, put the octets on the wire.
//! 4. Wait for octets, or until [`PoleEnd::next_deadline`].
//!
//! On a bus, step 3 must come within the turn-around after step 1, and sends nothing outside the pole's turn.

mod core;

use self::core::Core;
use crate::alarms::{AlarmKey, AlarmsFull};
use crate::codes::RejectReason;
use crate::command::Command;
use crate::config::PoleConfig;
use crate::counters::LinkCounters;
use crate::deframer::Deframer;
use crate::frame::MAX_WIRE;
use crate::link::LinkState;
use crate::message::{Outcome, State};
use crate::time::Millis;
use crate::values::{Readings, Session};

/// Which command a result belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    session: Session,
    number: u16,
}

/// What the application is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoleEvent {
    /// There is a session.
    Up {
        /// The protocol version.
        protocol: u8,
        /// The wall clock now, ms since the Unix epoch, if the edge knows it.
        unix_ms: Option<u64>,
    },
    /// There is no session any more.
    Down,
    /// The edge gives no session.
    Rejected(RejectReason),
    /// Carry this out, and say with [`PoleEnd::finish`] what became of it.
    Command(Ticket, Command),
    /// Carry this out; nobody waits for an answer.
    Broadcast(Command),
}

/// What the sensors say, as the application hands it in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Counts samples since the pole started.
    pub number: u32,
    /// When it was taken.
    pub taken_at: Millis,
    /// Whether it was kept while there was no link.
    pub backlog: bool,
    /// The readings.
    pub readings: Readings,
}

/// Not now: there is no session, or the sample before waits still. The sample is the caller's to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("telemetry cannot be taken now")]
pub struct NotNow;

/// The pole's end of the link.
#[derive(Debug)]
pub struct PoleEnd {
    deframer: Deframer,
    core: Core,
}

impl PoleEnd {
    /// An end that begins to greet.
    pub fn new(config: PoleConfig, now: Millis) -> Self {
        Self { deframer: Deframer::new(), core: Core::new(config, now) }
    }

    /// Takes octets of a serial line, up to the first that leads to an event; `octets` is what is left.
    pub fn receive(&mut self, now: Millis, octets: &mut &[u8]) -> Option<PoleEvent> {
        while let Some((octet, rest)) = octets.split_first() {
            *octets = rest;
            if let Some(frame) = self.deframer.push(*octet, &mut self.core.counters)
                && let Some(event) = self.core.frame(now, &frame)
            {
                return Some(event);
            }
        }
        None
    }

    /// Takes a datagram.
    pub fn receive_datagram(&mut self, now: Millis, octets: &[u8]) -> Option<PoleEvent> {
        let frame = self.core.counters.parse(octets)?;
        self.core.frame(now, &frame)
    }

    /// Looks at the time.
    pub fn poll(&mut self, now: Millis) -> Option<PoleEvent> {
        self.core.poll(now)
    }

    /// The next octets to send, if there are any: on a serial line with delimiters, else a datagram.
    pub fn poll_transmit<'b>(&mut self, now: Millis, buffer: &'b mut [u8; MAX_WIRE]) -> Option<&'b [u8]> {
        self.core.transmit(now, buffer)
    }

    /// When to call [`Self::poll`] and [`Self::poll_transmit`] at the latest. On a bus what waits to be sent has no
    /// deadline: it waits for the pole's turn.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.core.deadline()
    }

    /// Hands in a sample; it is sent once, as soon as may be, and not repeated.
    ///
    /// # Errors
    /// [`NotNow`] if [`Self::takes_telemetry`] says so.
    pub fn send_telemetry(&mut self, sample: Sample) -> Result<(), NotNow> {
        if !self.takes_telemetry() {
            return Err(NotNow);
        }
        self.core.sample = Some(sample);
        Ok(())
    }

    /// Whether there is a session and no sample waits.
    pub fn takes_telemetry(&self) -> bool {
        self.state().is_up() && self.core.sample.is_none()
    }

    /// Sends a state; one that waits is replaced, and it waits for a session.
    pub fn send_state(&mut self, state: State) {
        self.core.state = Some(state);
    }

    /// Tells the edge that something became or ceased to be an alarm, until it is acknowledged, whatever happens to the link.
    ///
    /// # Errors
    /// [`AlarmsFull`] if so many other things' alarms are active or wait.
    pub fn raise(&mut self, now: Millis, key: AlarmKey, active: bool, value: i32) -> Result<(), AlarmsFull> {
        self.core.alarms.raise(now, key, active, value)
    }

    /// Says what became of a command. A ticket of another session or of a command that the edge gave up is too late: false.
    pub fn finish(&mut self, ticket: Ticket, outcome: Outcome) -> bool {
        self.core.finish(ticket, outcome)
    }

    /// How the link stands.
    pub fn state(&self) -> LinkState {
        self.core.link_state()
    }

    /// When the edge was last heard in a session; before that, when the pole began to greet.
    pub fn heard_at(&self) -> Millis {
        self.core.heard_at
    }

    /// Whether nothing waits to be sent or acknowledged: the moment for a commanded reset.
    pub fn is_settled(&self) -> bool {
        !self.core.result_due
            && self.core.alarms.is_settled()
            && self.core.state.is_none()
            && self.core.sample.is_none()
    }

    /// Whether the last command's result has been sent, or there is none to send.
    pub fn is_answered(&self) -> bool {
        !self.core.result_due
    }

    /// What this end counted.
    pub fn counters(&self) -> &LinkCounters {
        &self.core.counters
    }

    /// How many states of alarms were merged into a newer one before they were told.
    pub fn merged_alarms(&self) -> u32 {
        self.core.alarms.merged
    }

    /// How many states of alarms found no room.
    pub fn refused_alarms(&self) -> u32 {
        self.core.alarms.refused
    }
}
