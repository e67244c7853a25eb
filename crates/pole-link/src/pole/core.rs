//! What the pole's end keeps and decides, without the octets of a serial line.

use super::{PoleEvent, Sample, Ticket};
use crate::address::Address;
use crate::alarms::Alarms;
use crate::body::Malformed;
use crate::codes::Refusal;
use crate::config::{HEARTBEAT_MS, HELLO_MAX_MS, HELLO_MS, Medium, PoleConfig, REJECTED_MS, SILENCE_MS, TURN_FRAMES};
use crate::counters::LinkCounters;
use crate::frame::{Flags, Frame, Header, MAX_FRAME, MAX_WIRE, TooLong, build, stuff};
use crate::link::{LinkState, count};
use crate::message::{CommandResult, Hello, Outcome, State, Telemetry, ToEdge, ToPole, Welcome, id};
use crate::time::{Millis, sooner};
use crate::values::{ProtocolRange, Session};
use crate::window::Window;

#[derive(Debug)]
enum Phase {
    Greeting,
    Up(Up),
    Down,
}

#[derive(Debug)]
struct Up {
    session: Session,
    heartbeat_ms: u32,
    silence_ms: u32,
    /// The last command's number, and its result once it is known.
    command: u16,
    result: Option<Outcome>,
    sequence: u16,
    window: Window,
}

/// The pole may speak.
#[derive(Debug, Clone, Copy)]
struct Turn {
    until: Millis,
    frames_left: u8,
}

/// The pole's end, whatever the medium.
#[derive(Debug)]
pub(super) struct Core {
    config: PoleConfig,
    pub(super) counters: LinkCounters,
    phase: Phase,
    since: Millis,
    pub(super) heard_at: Millis,
    sent_at: Millis,
    greeting: u32,
    hello_at: Millis,
    hello_ms: u32,
    turn: Option<Turn>,
    pub(super) result_due: bool,
    /// The edge does not know yet that its Welcome came.
    confirm_due: bool,
    /// Session number and command number of the last broadcast.
    broadcast: Option<(u32, u16)>,
    pub(super) alarms: Alarms,
    pub(super) state: Option<State>,
    pub(super) sample: Option<Sample>,
}

impl Core {
    pub(super) fn new(config: PoleConfig, now: Millis) -> Self {
        Self {
            config,
            counters: LinkCounters::default(),
            phase: Phase::Greeting,
            since: now,
            heard_at: now,
            sent_at: now,
            greeting: 1,
            hello_at: now,
            hello_ms: HELLO_MS,
            turn: None,
            result_due: false,
            confirm_due: false,
            broadcast: None,
            alarms: Alarms::default(),
            state: None,
            sample: None,
        }
    }

    pub(super) fn frame(&mut self, now: Millis, frame: &Frame<'_>) -> Option<PoleEvent> {
        let header = &frame.header;
        let ours = Address::from(self.config.address);
        let to_all = header.destination == Address::BROADCAST;
        if header.source != Address::EDGE || !(to_all || header.destination == ours) {
            LinkCounters::add(&mut self.counters.foreign);
            return None;
        }
        LinkCounters::add(&mut self.counters.frames_in);
        if to_all {
            return self.broadcast(frame);
        }
        if let Some(timing) = self.config.medium.bus()
            && !header.flags.more()
        {
            let until = now.plus(u32::from(timing.turnaround_ms));
            self.turn = Some(Turn { until, frames_left: TURN_FRAMES });
        }
        if header.id >= id::FIRST_IN_SESSION && !self.note(now, header) {
            return None;
        }
        let Ok(message) = ToPole::read(header.id, frame.body) else {
            LinkCounters::add(&mut self.counters.malformed);
            return None;
        };
        self.message(now, message)
    }

    pub(super) fn poll(&mut self, now: Millis) -> Option<PoleEvent> {
        let Phase::Up(up) = &self.phase else { return None };
        (now.since(self.heard_at) >= u64::from(up.silence_ms)).then(|| self.lose(now))
    }

    pub(super) fn link_state(&self) -> LinkState {
        let since = self.since;
        match &self.phase {
            Phase::Greeting => LinkState::Greeting { since },
            Phase::Up(up) => LinkState::Up { since, session: up.session },
            Phase::Down => LinkState::Down { since },
        }
    }

    /// Takes note of a frame of a session; whether it is one of ours that has not been here.
    fn note(&mut self, now: Millis, header: &Header) -> bool {
        let Phase::Up(up) = &mut self.phase else {
            LinkCounters::add(&mut self.counters.stale);
            return false;
        };
        if header.session != up.session.get() {
            LinkCounters::add(&mut self.counters.stale);
            return false;
        }
        if !count(&mut self.counters, up.window.note(header.sequence)) {
            return false;
        }
        self.heard_at = now;
        true
    }

    fn message(&mut self, now: Millis, message: ToPole) -> Option<PoleEvent> {
        match message {
            ToPole::Welcome(welcome) => return self.welcome(now, &welcome),
            ToPole::Reject(reject) => {
                if self.is_for_us(reject.boot_count, reject.greeting) {
                    self.hello_at = now.plus(REJECTED_MS);
                    return Some(PoleEvent::Rejected(reject.reason));
                }
                LinkCounters::add(&mut self.counters.stale);
            }
            ToPole::Greet(greet) => {
                if let Phase::Up(up) = &self.phase {
                    // On a wire nothing is late, so a Greet for any session is meant for this one.
                    let any = greet.session == 0 && self.config.medium.bus().is_some();
                    if any || greet.session == up.session.get() {
                        return Some(self.lose(now));
                    }
                    LinkCounters::add(&mut self.counters.stale);
                }
            }
            ToPole::Heartbeat => {}
            ToPole::AlarmAck(ack) => self.alarms.acknowledged(ack.number),
            ToPole::Command { number, command } => {
                if let Some(ticket) = self.accept(number) {
                    return Some(PoleEvent::Command(ticket, command));
                }
            }
            ToPole::Refuse { number, refusal } => {
                if refusal == Refusal::UNSUPPORTED {
                    LinkCounters::add(&mut self.counters.unknown);
                } else {
                    LinkCounters::add(&mut self.counters.malformed);
                }
                if let Some(ticket) = self.accept(number) {
                    self.finish(ticket, Outcome::Refused(refusal));
                }
            }
            ToPole::Unknown { .. } => LinkCounters::add(&mut self.counters.unknown),
        }
        None
    }

    /// Whether the answer to a greeting is to the present one.
    fn is_for_us(&self, boot_count: u32, greeting: u32) -> bool {
        !matches!(self.phase, Phase::Up(_)) && (boot_count, greeting) == (self.config.boot_count, self.greeting)
    }

    fn welcome(&mut self, now: Millis, welcome: &Welcome) -> Option<PoleEvent> {
        if !self.is_for_us(welcome.boot_count, welcome.greeting) {
            LinkCounters::add(&mut self.counters.stale);
            return None;
        }
        let ours = ProtocolRange::OURS;
        if welcome.protocol < ours.min || welcome.protocol > ours.max {
            LinkCounters::add(&mut self.counters.malformed);
            return None;
        }
        let heartbeat_ms = welcome.heartbeat_ms.clamp(HEARTBEAT_MS.0, HEARTBEAT_MS.1);
        let silence_ms = welcome.silence_ms.clamp(SILENCE_MS.0, SILENCE_MS.1).max(heartbeat_ms.saturating_mul(2));
        self.phase = Phase::Up(Up {
            session: welcome.session,
            heartbeat_ms,
            silence_ms,
            command: 0,
            result: None,
            sequence: 0,
            window: Window::new(),
        });
        self.since = now;
        self.heard_at = now;
        self.result_due = false;
        self.confirm_due = true;
        self.alarms.begin_session();
        Some(PoleEvent::Up { protocol: welcome.protocol, unix_ms: welcome.unix_ms })
    }

    /// Gives the session up and greets anew.
    fn lose(&mut self, now: Millis) -> PoleEvent {
        self.phase = Phase::Down;
        self.since = now;
        self.greeting = self.greeting.saturating_add(1);
        self.hello_at = now;
        self.hello_ms = HELLO_MS;
        self.result_due = false;
        self.confirm_due = false;
        PoleEvent::Down
    }

    /// A ticket, if the command has not been here. The result of the last one is sent again.
    fn accept(&mut self, number: u16) -> Option<Ticket> {
        let Phase::Up(up) = &mut self.phase else { return None };
        let ahead = number.wrapping_sub(up.command);
        if ahead == 0 || ahead >= 0x8000 {
            LinkCounters::add(&mut self.counters.duplicate);
            // One that is still being carried out is answered when it is done.
            self.result_due |= ahead == 0 && up.result.is_some();
            return None;
        }
        up.command = number;
        up.result = None;
        self.result_due = false;
        Some(Ticket { session: up.session, number })
    }

    pub(super) fn finish(&mut self, ticket: Ticket, outcome: Outcome) -> bool {
        let Phase::Up(up) = &mut self.phase else { return false };
        if up.session != ticket.session || up.command != ticket.number || up.result.is_some() {
            return false;
        }
        up.result = Some(outcome);
        self.result_due = true;
        true
    }

    fn broadcast(&mut self, frame: &Frame<'_>) -> Option<PoleEvent> {
        let Phase::Up(_) = &self.phase else {
            LinkCounters::add(&mut self.counters.stale);
            return None;
        };
        match ToPole::read(frame.header.id, frame.body) {
            Ok(ToPole::Command { number, command }) if command.is_for_all() => {
                let this = Some((frame.header.session, number));
                if self.broadcast == this {
                    LinkCounters::add(&mut self.counters.duplicate);
                    return None;
                }
                self.broadcast = this;
                return Some(PoleEvent::Broadcast(command));
            }
            Ok(ToPole::Unknown { .. } | ToPole::Refuse { refusal: Refusal::UNSUPPORTED, .. }) => {
                LinkCounters::add(&mut self.counters.unknown);
            }
            Ok(_) | Err(Malformed) => LinkCounters::add(&mut self.counters.malformed),
        }
        None
    }

    pub(super) fn transmit<'b>(&mut self, now: Millis, buffer: &'b mut [u8; MAX_WIRE]) -> Option<&'b [u8]> {
        let turn = match self.config.medium {
            Medium::Uart | Medium::Udp => None,
            Medium::Bus(timing) => {
                let turn = self.turn.take().filter(|turn| now < turn.until)?;
                Some((timing, turn))
            }
        };
        let (message, repeat) = self.next_message(now, turn.is_some())?;
        let more = turn.is_some_and(|(_, turn)| turn.frames_left > 1 && self.has_message(now));
        let mut flags = Flags::default();
        flags.0 |= if repeat { Flags::REPEAT } else { 0 } | if more { Flags::MORE } else { 0 };
        let octets = self.encode(&message, flags, buffer).ok()?;
        LinkCounters::add(&mut self.counters.frames_out);
        self.sent_at = now;
        if more && let Some((timing, turn)) = turn {
            let until = now.plus(timing.octets_ms(octets.len())).plus(u32::from(timing.turnaround_ms));
            self.turn = Some(Turn { until, frames_left: turn.frames_left.saturating_sub(1) });
        }
        Some(octets)
    }

    fn encode<'b>(
        &mut self,
        message: &ToEdge,
        flags: Flags,
        buffer: &'b mut [u8; MAX_WIRE],
    ) -> Result<&'b [u8], TooLong> {
        let (session, sequence) = match &mut self.phase {
            Phase::Up(up) => {
                let sequence = up.sequence;
                up.sequence = sequence.wrapping_add(1);
                (up.session.get(), sequence)
            }
            Phase::Greeting | Phase::Down => (0, 0),
        };
        let header = Header {
            destination: Address::EDGE,
            source: self.config.address.into(),
            flags,
            session,
            sequence,
            id: message.id(),
        };
        if self.config.medium == Medium::Udp {
            let room = buffer.first_chunk_mut::<MAX_FRAME>().ok_or(TooLong)?;
            return build(&header, room, |body| message.write(body));
        }
        let mut frame = [0; MAX_FRAME];
        let frame = build(&header, &mut frame, |body| message.write(body))?;
        stuff(frame, buffer)
    }

    /// Whether something waits to be sent in a session.
    fn has_message(&self, now: Millis) -> bool {
        matches!(self.phase, Phase::Up(_))
            && (self.result_due || self.alarms.is_due(now) || self.state.is_some() || self.sample.is_some())
    }

    /// The next message, and whether it was sent before. In a turn there always is one.
    fn next_message(&mut self, now: Millis, in_turn: bool) -> Option<(ToEdge, bool)> {
        let Phase::Up(up) = &self.phase else {
            if !in_turn && now < self.hello_at {
                return None;
            }
            self.hello_at = now.plus(self.hello_ms);
            self.hello_ms = self.hello_ms.saturating_mul(2).min(HELLO_MAX_MS);
            return Some((self.hello(), false));
        };
        if self.result_due
            && let Some(outcome) = up.result
        {
            self.result_due = false;
            return Some((ToEdge::CommandResult(CommandResult::new(up.command, outcome)), false));
        }
        let heartbeat_ms = up.heartbeat_ms;
        if let Some((alarm, repeat)) = self.alarms.take_due(now) {
            if repeat {
                LinkCounters::add(&mut self.counters.resent);
            }
            self.confirm_due = false;
            return Some((ToEdge::Alarm(alarm), repeat));
        }
        if let Some(state) = self.state.take() {
            return Some((ToEdge::State(state), false));
        }
        if let Some(sample) = self.sample.take() {
            let Sample { number, taken_at, backlog, readings } = sample;
            let age_ms = now.age_ms(taken_at);
            return Some((ToEdge::Telemetry(Telemetry { sample: number, age_ms, backlog, readings }), false));
        }
        if in_turn || self.confirm_due || now.since(self.sent_at) >= u64::from(heartbeat_ms) {
            self.confirm_due = false;
            return Some((ToEdge::Heartbeat, false));
        }
        None
    }

    fn hello(&self) -> ToEdge {
        ToEdge::Hello(Hello {
            protocol: ProtocolRange::OURS,
            boot_count: self.config.boot_count,
            greeting: self.greeting,
            info: self.config.info.clone(),
        })
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        let on_bus = self.config.medium.bus().is_some();
        let Phase::Up(up) = &self.phase else { return (!on_bus).then_some(self.hello_at) };
        let silence = Some(self.heard_at.plus(up.silence_ms));
        if on_bus {
            return silence;
        }
        if self.confirm_due || self.has_message(Millis(0)) {
            return Some(Millis(0));
        }
        let heartbeat = Some(self.sent_at.plus(up.heartbeat_ms));
        sooner(sooner(silence, heartbeat), self.alarms.deadline())
    }
}
