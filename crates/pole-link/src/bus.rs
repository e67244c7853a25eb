//! The daemon's end of a half-duplex bus with several poles.
//!
//! Only the pole whose turn it is may speak, and only the master gives turns, so two never speak at once. A turn is what the
//! master sends to one pole, of which the last frame lacks the flag `more`, and the pole's answer, of which the same holds; or
//! a silence, if the pole does not answer. Poles with something waiting are asked first, but at most every second time while
//! others are due; poles that do not answer are asked ever more rarely.

use heapless::{Deque, Vec};
use thiserror::Error;

use crate::address::{Address, PoleAddress};
use crate::command::Command;
use crate::commands::{CommandId, QueueFull};
use crate::config::{BusConfig, BusTiming, TURN_FRAMES};
use crate::counters::LinkCounters;
use crate::deframer::Deframer;
use crate::edge::{Core, EdgeEvent, serial};
use crate::frame::{Flags, Frame, Header, MAX_WIRE};
use crate::link::LinkState;
use crate::message::ToPole;
use crate::time::{Millis, sooner};

/// How many broadcasts can wait.
pub const MAX_BROADCASTS: usize = 4;

/// What was asked of the bus master cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BusError {
    /// There is room for no other pole.
    #[error("the bus has as many poles as it can have")]
    Full,
    /// The pole is there already.
    #[error("the bus has a pole of this address already")]
    Twice,
    /// There is no such pole.
    #[error("the bus has no pole of this address")]
    NoSuchPole,
    /// Too many commands or broadcasts wait. Nothing was taken.
    #[error(transparent)]
    QueueFull(#[from] QueueFull),
    /// The command is not one for all: see [`Command::is_for_all`].
    #[error("the command cannot be given to all poles at once")]
    NotForAll,
}

/// The daemon's end of a bus with up to `N` poles. It is driven like [`crate::PoleEnd`]; octets that
/// [`Self::poll_transmit`] gives must be on the wire without a pause.
#[derive(Debug)]
pub struct BusMaster<const N: usize> {
    config: BusConfig,
    deframer: Deframer,
    counters: LinkCounters,
    poles: Vec<BusPole, N>,
    wire: Wire,
    /// Until when the octets given so far take.
    busy_until: Millis,
    turns: u64,
    last_was_hot: bool,
    broadcasts: Deque<Broadcast, MAX_BROADCASTS>,
    last_broadcast: u16,
    /// A turn goes between two broadcasts.
    broadcast_next: bool,
}

#[derive(Debug)]
struct BusPole {
    core: Core,
    due_at: Millis,
    /// Turns without an answer, in a row.
    misses: u8,
    /// Which turn of the bus was its last.
    turn: u64,
}

#[derive(Debug)]
struct Broadcast {
    number: u16,
    command: Command,
    left: u8,
}

#[derive(Debug, Clone, Copy)]
enum Wire {
    /// Nobody's, from then on.
    Free { at: Millis },
    /// The master speaks to this pole.
    Speaking { pole: usize },
    /// This pole may speak.
    Listening {
        pole: usize,
        /// Until then if no octet comes.
        until: Millis,
        /// Until then whatever comes.
        at_most: Millis,
        heard: bool,
    },
}

impl Wire {
    /// This pole may speak from then on.
    fn listening(pole: usize, from: Millis, timing: BusTiming) -> Self {
        let frame_ms = timing.octets_ms(MAX_WIRE).saturating_add(u32::from(timing.turnaround_ms));
        let until = from.plus(timing.silence_ms());
        let at_most = until.plus(frame_ms.saturating_mul(u32::from(TURN_FRAMES)));
        Self::Listening { pole, until, at_most, heard: false }
    }
}

impl<const N: usize> BusMaster<N> {
    /// A bus without poles. Whoever speaks when it begins, as the answer to an earlier master, may end.
    pub fn new(config: BusConfig, now: Millis) -> Self {
        Self {
            config,
            deframer: Deframer::new(),
            counters: LinkCounters::default(),
            poles: Vec::new(),
            wire: Wire::listening(usize::MAX, now, config.timing),
            busy_until: now,
            turns: 0,
            last_was_hot: false,
            broadcasts: Deque::new(),
            last_broadcast: 0,
            broadcast_next: true,
        }
    }

    /// Puts a pole on the bus.
    ///
    /// # Errors
    /// [`BusError::Full`] or [`BusError::Twice`].
    pub fn add(&mut self, address: PoleAddress, now: Millis) -> Result<(), BusError> {
        if self.pole(address).is_some() {
            return Err(BusError::Twice);
        }
        let core = Core::new(address, self.config.edge, now);
        self.poles.push(BusPole { core, due_at: now, misses: 0, turn: 0 }).map_err(|_| BusError::Full)
    }

    /// Says what time it is, for the poles that are welcomed from now on: ms since the Unix epoch.
    pub fn set_clock(&mut self, now: Millis, unix_ms: u64) {
        for pole in &mut self.poles {
            pole.core.clock = Some((now, unix_ms));
        }
    }

    /// Takes octets of the wire, up to the first that leads to an event; `octets` is what is left.
    pub fn receive(&mut self, now: Millis, octets: &mut &[u8]) -> Option<(PoleAddress, EdgeEvent)> {
        loop {
            if let Some(event) = self.next_event() {
                return Some(event);
            }
            let (octet, rest) = octets.split_first()?;
            *octets = rest;
            let silence_ms = self.config.timing.silence_ms();
            if let Wire::Listening { until, at_most, .. } = &mut self.wire {
                *until = now.plus(silence_ms).max(*until).min(*at_most);
            }
            let frame = self.deframer.push(*octet, &mut self.counters);
            if let Some(frame) = frame {
                heard(&mut self.poles, &mut self.wire, &mut self.counters, &self.config, now, &frame);
            }
        }
    }

    fn next_event(&mut self) -> Option<(PoleAddress, EdgeEvent)> {
        let mut poles = self.poles.iter_mut();
        poles.find_map(|pole| pole.core.next_event().map(|event| (pole.core.address(), event)))
    }

    /// Looks at the time.
    pub fn poll(&mut self, now: Millis) -> Option<(PoleAddress, EdgeEvent)> {
        let mut poles = self.poles.iter_mut();
        poles.find_map(|pole| pole.core.poll(now).map(|event| (pole.core.address(), event)))
    }

    /// The next octets to send, if the wire is the master's.
    pub fn poll_transmit<'b>(&mut self, now: Millis, buffer: &'b mut [u8; MAX_WIRE]) -> Option<&'b [u8]> {
        if let Wire::Listening { pole, until, at_most, heard } = self.wire
            && now >= until.min(at_most)
        {
            self.end_turn(now, pole, heard);
            self.wire = Wire::Free { at: now };
        }
        match self.wire {
            Wire::Listening { .. } => return None,
            Wire::Free { at } if now < at => return None,
            Wire::Free { .. } => {
                let next = self.choose(now);
                if (self.broadcast_next || next.is_none()) && !self.broadcasts.is_empty() {
                    self.broadcast_next = false;
                    return self.send_broadcast(now, buffer);
                }
                self.broadcast_next = true;
                let pole = next?;
                self.turns = self.turns.saturating_add(1);
                self.wire = Wire::Speaking { pole };
            }
            Wire::Speaking { .. } => {}
        }
        self.speak(now, buffer)
    }

    /// When to call [`Self::poll`] and [`Self::poll_transmit`] at the latest.
    pub fn next_deadline(&self) -> Option<Millis> {
        let wire = match self.wire {
            Wire::Listening { until, at_most, .. } => Some(until.min(at_most)),
            Wire::Speaking { .. } => Some(Millis(0)),
            Wire::Free { at } => {
                let hot = self.poles.iter().any(|pole| pole.misses == 0 && pole.core.is_hot(at));
                if hot || !self.broadcasts.is_empty() {
                    Some(at)
                } else {
                    self.poles.iter().map(|pole| pole.due_at).min().map(|due_at| due_at.max(at))
                }
            }
        };
        self.poles.iter().filter_map(|pole| pole.core.time_deadline()).fold(wire, |all, one| sooner(all, Some(one)))
    }

    /// Takes a command for a pole. It is over by `deadline`, whatever happens, and waits for a session till then.
    ///
    /// # Errors
    /// [`BusError::NoSuchPole`] or [`BusError::QueueFull`].
    pub fn submit(&mut self, pole: PoleAddress, command: Command, deadline: Millis) -> Result<CommandId, BusError> {
        let pole = self.poles.iter_mut().find(|known| known.core.address() == pole).ok_or(BusError::NoSuchPole)?;
        Ok(pole.core.commands.submit(command, deadline)?)
    }

    /// Gives a command to all poles at once. It is sent a few times; no pole answers, and one that misses all does not do it.
    ///
    /// # Errors
    /// [`BusError::NotForAll`] or [`BusError::QueueFull`].
    pub fn broadcast(&mut self, command: Command) -> Result<(), BusError> {
        if !command.is_for_all() {
            return Err(BusError::NotForAll);
        }
        let number = self.last_broadcast.wrapping_add(1);
        let left = self.config.broadcast_repeats.max(1);
        self.broadcasts.push_back(Broadcast { number, command, left }).map_err(|_| QueueFull)?;
        self.last_broadcast = number;
        Ok(())
    }

    /// The addresses of the poles.
    pub fn addresses(&self) -> impl Iterator<Item = PoleAddress> {
        self.poles.iter().map(|pole| pole.core.address())
    }

    /// How the link with a pole stands.
    pub fn state(&self, pole: PoleAddress) -> Option<LinkState> {
        self.pole(pole).map(|pole| pole.core.state())
    }

    /// When a pole was last heard in a session.
    pub fn heard_at(&self, pole: PoleAddress) -> Option<Millis> {
        self.pole(pole).and_then(|pole| pole.core.heard_at)
    }

    /// How many commands of a pole are not over.
    pub fn waiting_commands(&self, pole: PoleAddress) -> usize {
        self.pole(pole).map_or(0, |pole| pole.core.commands.len())
    }

    /// What was counted for a pole.
    pub fn pole_counters(&self, pole: PoleAddress) -> Option<&LinkCounters> {
        self.pole(pole).map(|pole| &pole.core.counters)
    }

    /// What was counted on the wire before it was known whose it is: what is no frame, and frames out of turn.
    pub fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    fn pole(&self, address: PoleAddress) -> Option<&BusPole> {
        self.poles.iter().find(|pole| pole.core.address() == address)
    }

    /// Whose turn it is.
    fn choose(&mut self, now: Millis) -> Option<usize> {
        let poles = || self.poles.iter().enumerate();
        let hot =
            poles().filter(|(_, pole)| pole.misses == 0 && pole.core.is_hot(now)).min_by_key(|(_, pole)| pole.turn);
        let due = poles().filter(|(_, pole)| now >= pole.due_at).min_by_key(|(_, pole)| (pole.due_at, pole.turn));
        let (chosen, was_hot) = match (hot, due) {
            (Some(_), Some(due)) if self.last_was_hot => (due, false),
            (Some(hot), _) => (hot, true),
            (None, due) => (due?, false),
        };
        let index = chosen.0;
        self.last_was_hot = was_hot;
        Some(index)
    }

    fn speak<'b>(&mut self, now: Millis, buffer: &'b mut [u8; MAX_WIRE]) -> Option<&'b [u8]> {
        let Wire::Speaking { pole: index } = self.wire else { return None };
        // Whatever goes wrong below, the wire is free again.
        self.wire = Wire::Free { at: now };
        let pole = self.poles.get_mut(index)?;
        pole.turn = self.turns;
        let (message, repeat) = pole.core.next_message(now, true)?;
        let more = pole.core.has_message(now);
        let mut flags = Flags::default();
        flags.0 |= if repeat { Flags::REPEAT } else { 0 } | if more { Flags::MORE } else { 0 };
        let header = pole.core.header(now, &message, flags)?;
        let octets = serial(&header, &message, buffer).ok()?;
        let timing = self.config.timing;
        self.busy_until = self.busy_until.max(now).plus(timing.octets_ms(octets.len()));
        self.wire = if more { Wire::Speaking { pole: index } } else { Wire::listening(index, self.busy_until, timing) };
        Some(octets)
    }

    fn send_broadcast<'b>(&mut self, now: Millis, buffer: &'b mut [u8; MAX_WIRE]) -> Option<&'b [u8]> {
        let mut broadcast = self.broadcasts.pop_front()?;
        let repeat = broadcast.left < self.config.broadcast_repeats.max(1);
        let message = ToPole::Command { number: broadcast.number, command: broadcast.command.clone() };
        let header = Header {
            destination: Address::BROADCAST,
            source: Address::EDGE,
            flags: Flags(if repeat { Flags::REPEAT } else { 0 }),
            session: self.config.edge.first_session.get(),
            sequence: broadcast.number,
            id: message.id()?,
        };
        broadcast.left = broadcast.left.saturating_sub(1);
        if broadcast.left > 0 {
            // There is room: it was just taken out.
            let _ = self.broadcasts.push_front(broadcast);
        }
        let octets = serial(&header, &message, buffer).ok()?;
        LinkCounters::add(&mut self.counters.frames_out);
        self.busy_until = self.busy_until.max(now).plus(self.config.timing.octets_ms(octets.len()));
        self.wire = Wire::Free { at: self.busy_until.plus(self.config.timing.gap_ms()) };
        Some(octets)
    }

    fn end_turn(&mut self, now: Millis, index: usize, heard: bool) {
        if let Some(pole) = self.poles.get_mut(index) {
            pole.end_turn(now, heard, &self.config);
        }
    }
}

impl BusPole {
    fn end_turn(&mut self, now: Millis, heard: bool, config: &BusConfig) {
        self.misses = if heard { 0 } else { self.misses.saturating_add(1) };
        let factor = 1_u32.checked_shl(u32::from(self.misses)).unwrap_or(u32::MAX);
        let most = if self.misses == 0 { u32::MAX } else { config.probe_max_ms };
        self.due_at = now.plus(config.poll_ms.saturating_mul(factor).min(most));
    }
}

/// A frame from the wire. Only the pole whose turn it is is listened to.
fn heard(
    poles: &mut [BusPole],
    wire: &mut Wire,
    counters: &mut LinkCounters,
    config: &BusConfig,
    now: Millis,
    frame: &Frame<'_>,
) {
    let source = frame.header.source;
    let Wire::Listening { pole: index, heard, .. } = wire else {
        LinkCounters::add(&mut counters.foreign);
        return;
    };
    let Some(pole) = poles.get_mut(*index).filter(|pole| source == Address::from(pole.core.address())) else {
        LinkCounters::add(&mut counters.foreign);
        return;
    };
    *heard = true;
    pole.core.frame(now, frame);
    if !frame.header.flags.more() {
        pole.end_turn(now, true, config);
        *wire = Wire::Free { at: now.plus(config.timing.gap_ms()) };
    }
}
