//! The daemon's end of the link with one pole: what it keeps about a pole, and the end for a pole that has the medium to
//! itself.
//!
//! The edge never greets: it answers a Hello with a session, and asks a pole that speaks in a session it does not know to
//! greet. A session begins for the edge with the pole's first frame in it, and ends with a silence or a newer Hello.

mod core;

pub(crate) use self::core::Core;
use crate::address::PoleAddress;
use crate::codes::RejectReason;
use crate::command::Command;
use crate::commands::{CommandId, CommandOutcome, QueueFull};
use crate::config::{EdgeConfig, Medium};
use crate::counters::LinkCounters;
use crate::deframer::Deframer;
use crate::frame::{Flags, Header, MAX_FRAME, MAX_WIRE, TooLong, build, stuff};
use crate::link::LinkState;
use crate::message::{Alarm, Hello, State, Telemetry, ToPole};
use crate::time::Millis;
use crate::values::Session;

/// What the daemon is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is no heap; an event is looked at and gone")]
pub enum EdgeEvent {
    /// There is a session. What was known of the pole's alarms is void: those active are told again.
    Up {
        /// Who the pole is.
        hello: Hello,
        /// The session.
        session: Session,
        /// The protocol version.
        protocol: u8,
    },
    /// There is no session any more.
    Down(DownReason),
    /// The pole was given no session.
    Rejected {
        /// Who it is.
        hello: Hello,
        /// Why.
        reason: RejectReason,
    },
    /// Readings.
    Telemetry(Telemetry),
    /// Something became or ceased to be an alarm. Each is told once in a session.
    Alarm(Alarm),
    /// What the pole does.
    State(State),
    /// A command is over; each is told exactly once.
    Finished {
        /// Which.
        id: CommandId,
        /// How.
        outcome: CommandOutcome,
    },
}

/// Why there is no session any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownReason {
    /// Nothing came for too long.
    Silent,
    /// The pole greets: it was reset, or heard nothing for too long.
    Greeted,
}

/// The daemon's end of the link with a pole that has the medium to itself. It is driven like [`crate::PoleEnd`].
#[derive(Debug)]
pub struct EdgeEnd {
    deframer: Deframer,
    medium: Medium,
    core: Core,
}

impl EdgeEnd {
    /// An end that waits for the pole to greet. The medium is [`Medium::Uart`] or [`Medium::Udp`]; for a bus there is
    /// [`crate::BusMaster`], and this end would speak there out of turn.
    pub fn new(address: PoleAddress, medium: Medium, config: EdgeConfig, now: Millis) -> Self {
        Self { deframer: Deframer::new(), medium, core: Core::new(address, config, now) }
    }

    /// Says what time it is, for the poles that are welcomed from now on: ms since the Unix epoch.
    pub fn set_clock(&mut self, now: Millis, unix_ms: u64) {
        self.core.clock = Some((now, unix_ms));
    }

    /// Takes octets of a serial line, up to the first that leads to an event; `octets` is what is left.
    pub fn receive(&mut self, now: Millis, octets: &mut &[u8]) -> Option<EdgeEvent> {
        loop {
            if let Some(event) = self.core.next_event() {
                return Some(event);
            }
            let (octet, rest) = octets.split_first()?;
            *octets = rest;
            if let Some(frame) = self.deframer.push(*octet, &mut self.core.counters) {
                self.core.frame(now, &frame);
            }
        }
    }

    /// Takes a datagram. What it leads to comes from here and then from [`Self::poll`].
    pub fn receive_datagram(&mut self, now: Millis, octets: &[u8]) -> Option<EdgeEvent> {
        if let Some(frame) = self.core.counters.parse(octets) {
            self.core.frame(now, &frame);
        }
        self.core.next_event()
    }

    /// Looks at the time.
    pub fn poll(&mut self, now: Millis) -> Option<EdgeEvent> {
        self.core.poll(now)
    }

    /// The next octets to send, if there are any: on a serial line with delimiters, else a datagram.
    pub fn poll_transmit<'b>(&mut self, now: Millis, buffer: &'b mut [u8; MAX_WIRE]) -> Option<&'b [u8]> {
        let (message, repeat) = self.core.next_message(now, false)?;
        let flags = Flags(if repeat { Flags::REPEAT } else { 0 });
        let header = self.core.header(now, &message, flags)?;
        if self.medium == Medium::Udp {
            let room = buffer.first_chunk_mut::<MAX_FRAME>()?;
            return build(&header, room, |body| message.write(body)).ok();
        }
        serial(&header, &message, buffer).ok()
    }

    /// When to call [`Self::poll`] and [`Self::poll_transmit`] at the latest.
    pub fn next_deadline(&self) -> Option<Millis> {
        self.core.deadline()
    }

    /// Takes a command. It is over by `deadline`, whatever happens, and waits for a session till then.
    ///
    /// # Errors
    /// [`QueueFull`] if too many wait.
    pub fn submit(&mut self, command: Command, deadline: Millis) -> Result<CommandId, QueueFull> {
        self.core.commands.submit(command, deadline)
    }

    /// How many commands are not over.
    pub fn waiting_commands(&self) -> usize {
        self.core.commands.len()
    }

    /// How the link stands.
    pub fn state(&self) -> LinkState {
        self.core.state()
    }

    /// When the pole was last heard in a session.
    pub fn heard_at(&self) -> Option<Millis> {
        self.core.heard_at
    }

    /// What this end counted.
    pub fn counters(&self) -> &LinkCounters {
        &self.core.counters
    }
}

/// A message as octets for a serial line.
pub(crate) fn serial<'b>(
    header: &Header,
    message: &ToPole,
    buffer: &'b mut [u8; MAX_WIRE],
) -> Result<&'b [u8], TooLong> {
    let mut frame = [0; MAX_FRAME];
    let frame = build(header, &mut frame, |body| message.write(body))?;
    stuff(frame, buffer)
}
