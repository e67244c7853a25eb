//! What the edge keeps about a pole and decides, whatever the medium.

use heapless::Deque;

use super::{DownReason, EdgeEvent};
use crate::address::{Address, PoleAddress};
use crate::body::Malformed;
use crate::codes::RejectReason;
use crate::commands::{CommandId, CommandOutcome, Commands};
use crate::config::{EdgeConfig, GREET_MS, HEARTBEAT_MS, SILENCE_MS};
use crate::counters::LinkCounters;
use crate::frame::{Flags, Frame, Header};
use crate::link::{LinkState, count};
use crate::message::{self, AlarmAck, Greet, Hello, Reject, ToEdge, ToPole, Welcome};
use crate::time::{Millis, sooner};
use crate::values::Session;
use crate::window::Window;

#[derive(Debug)]
enum Phase {
    /// No session.
    Idle,
    /// A session was given; whether the pole has it is not known.
    Welcomed(Link),
    /// There is a session.
    Up(Link),
}

#[derive(Debug)]
struct Link {
    hello: Hello,
    protocol: u8,
    session: Session,
    sequence: u16,
    window: Window,
    /// The last alarm that was told, and whether an acknowledgement is due.
    alarm: u16,
    ack_due: bool,
}

/// What the edge keeps about a pole, whatever the medium.
#[derive(Debug)]
pub(crate) struct Core {
    address: PoleAddress,
    config: EdgeConfig,
    pub(crate) clock: Option<(Millis, u64)>,
    pub(crate) counters: LinkCounters,
    phase: Phase,
    ever_up: bool,
    since: Millis,
    pub(crate) heard_at: Option<Millis>,
    sent_at: Millis,
    next_session: Session,
    welcome_due: bool,
    reject_due: Option<Reject>,
    greet_due: Option<u32>,
    greeted_at: Option<Millis>,
    pub(crate) commands: Commands,
    /// Empty whenever a frame is looked at, so the three that a frame can lead to fit.
    events: Deque<EdgeEvent, 4>,
}

impl Core {
    pub(crate) fn new(address: PoleAddress, config: EdgeConfig, now: Millis) -> Self {
        Self {
            address,
            config,
            clock: None,
            counters: LinkCounters::default(),
            phase: Phase::Idle,
            ever_up: false,
            since: now,
            heard_at: None,
            sent_at: now,
            next_session: config.first_session,
            welcome_due: false,
            reject_due: None,
            greet_due: None,
            greeted_at: None,
            commands: Commands::default(),
            events: Deque::new(),
        }
    }

    pub(crate) const fn address(&self) -> PoleAddress {
        self.address
    }

    pub(crate) const fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Up(_))
    }

    pub(crate) fn state(&self) -> LinkState {
        match &self.phase {
            Phase::Up(link) => LinkState::Up { since: self.since, session: link.session },
            Phase::Idle | Phase::Welcomed(_) if self.ever_up => LinkState::Down { since: self.since },
            Phase::Idle | Phase::Welcomed(_) => LinkState::Greeting { since: self.since },
        }
    }

    fn heartbeat_ms(&self) -> u32 {
        self.config.heartbeat_ms.clamp(HEARTBEAT_MS.0, HEARTBEAT_MS.1)
    }

    fn silence_ms(&self) -> u32 {
        self.config.silence_ms.clamp(SILENCE_MS.0, SILENCE_MS.1).max(self.heartbeat_ms().saturating_mul(2))
    }

    pub(crate) fn next_event(&mut self) -> Option<EdgeEvent> {
        self.events.pop_front()
    }

    fn tell(&mut self, event: EdgeEvent) {
        let told = self.events.push_back(event);
        debug_assert!(told.is_ok(), "a frame leads to three events at most");
    }

    fn tell_finished(&mut self, finished: Option<(CommandId, CommandOutcome)>) {
        if let Some((id, outcome)) = finished {
            self.tell(EdgeEvent::Finished { id, outcome });
        }
    }

    pub(crate) fn frame(&mut self, now: Millis, frame: &Frame<'_>) {
        let header = &frame.header;
        if header.source != Address::from(self.address) || header.destination != Address::EDGE {
            LinkCounters::add(&mut self.counters.foreign);
            return;
        }
        LinkCounters::add(&mut self.counters.frames_in);
        if header.id >= message::id::FIRST_IN_SESSION && !self.note(now, header) {
            return;
        }
        match ToEdge::read(header.id, frame.body) {
            Ok(message) => self.message(now, message),
            Err(Malformed) => LinkCounters::add(&mut self.counters.malformed),
        }
    }

    /// Takes note of a frame of a session; whether it is one of ours that has not been here.
    fn note(&mut self, now: Millis, header: &Header) -> bool {
        let link = match &mut self.phase {
            Phase::Up(link) | Phase::Welcomed(link) if link.session.get() == header.session => link,
            Phase::Up(_) | Phase::Welcomed(_) | Phase::Idle => {
                LinkCounters::add(&mut self.counters.stale);
                if header.session != 0 && self.greeted_at.is_none_or(|at| now.since(at) >= u64::from(GREET_MS)) {
                    self.greet_due = Some(header.session);
                }
                return false;
            }
        };
        if !count(&mut self.counters, link.window.note(header.sequence)) {
            return false;
        }
        self.heard_at = Some(now);
        self.confirm(now);
        true
    }

    /// The pole speaks in the session it was given: it is up.
    fn confirm(&mut self, now: Millis) {
        if matches!(self.phase, Phase::Welcomed(_)) {
            let Phase::Welcomed(link) = ::core::mem::replace(&mut self.phase, Phase::Idle) else {
                return;
            };
            let finished = self.commands.begin_session(&link.hello);
            self.tell(EdgeEvent::Up { hello: link.hello.clone(), session: link.session, protocol: link.protocol });
            self.tell_finished(finished);
            self.phase = Phase::Up(link);
            self.ever_up = true;
            self.since = now;
            self.welcome_due = false;
        }
    }

    fn message(&mut self, now: Millis, message: ToEdge) {
        match message {
            ToEdge::Hello(hello) => self.hello(now, hello),
            ToEdge::Heartbeat => {}
            ToEdge::Telemetry(telemetry) => self.tell(EdgeEvent::Telemetry(telemetry)),
            ToEdge::State(state) => self.tell(EdgeEvent::State(state)),
            ToEdge::Alarm(alarm) => {
                let Phase::Up(link) = &mut self.phase else { return };
                let ahead = alarm.number.wrapping_sub(link.alarm);
                if ahead >= 0x8000 {
                    LinkCounters::add(&mut self.counters.duplicate);
                    return;
                }
                link.alarm = alarm.number;
                link.ack_due = true;
                if ahead == 0 {
                    LinkCounters::add(&mut self.counters.duplicate);
                } else {
                    self.tell(EdgeEvent::Alarm(alarm));
                }
            }
            ToEdge::CommandResult(result) => {
                let finished = self.commands.result(result.number, result.outcome());
                if finished.is_none() {
                    LinkCounters::add(&mut self.counters.duplicate);
                }
                self.tell_finished(finished);
            }
            ToEdge::Unknown { .. } => LinkCounters::add(&mut self.counters.unknown),
        }
    }

    fn hello(&mut self, now: Millis, hello: Hello) {
        if let Phase::Up(link) | Phase::Welcomed(link) = &self.phase
            && link.hello.info.serial == hello.info.serial
        {
            let known = (link.hello.boot_count, link.hello.greeting);
            let this = (hello.boot_count, hello.greeting);
            if this == known && matches!(self.phase, Phase::Welcomed(_)) {
                self.welcome_due = true;
                return;
            }
            if this <= known {
                // Late, or the pole lost its count of starts: then it is believed after a silence.
                LinkCounters::add(&mut self.counters.stale);
                return;
            }
        }
        if self.is_up() {
            self.tell(EdgeEvent::Down(DownReason::Greeted));
        }
        self.since = now;
        self.greet_due = None;
        let Some(protocol) = self.config.protocol.common(hello.protocol) else {
            let reason = RejectReason::VERSION;
            let Hello { boot_count, greeting, .. } = hello;
            self.reject_due = Some(Reject { reason, protocol: self.config.protocol, boot_count, greeting });
            self.phase = Phase::Idle;
            self.tell(EdgeEvent::Rejected { hello, reason });
            return;
        };
        let session = self.next_session;
        self.next_session = session.checked_add(1).unwrap_or(Session::MIN);
        let window = Window::new();
        self.phase = Phase::Welcomed(Link { hello, protocol, session, sequence: 0, window, alarm: 0, ack_due: false });
        self.welcome_due = true;
    }

    pub(crate) fn poll(&mut self, now: Millis) -> Option<EdgeEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        let heard_at = match &self.phase {
            Phase::Up(_) => self.heard_at.unwrap_or(self.since),
            Phase::Welcomed(_) => self.since,
            Phase::Idle => now,
        };
        if now.since(heard_at) >= u64::from(self.silence_ms()) {
            let was_up = self.is_up();
            self.phase = Phase::Idle;
            self.since = now;
            self.welcome_due = false;
            if was_up {
                return Some(EdgeEvent::Down(DownReason::Silent));
            }
        }
        let (id, outcome) = self.commands.expire(now, self.is_up(), &self.config)?;
        Some(EdgeEvent::Finished { id, outcome })
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_message(&self, now: Millis) -> bool {
        let in_phase = match &self.phase {
            Phase::Idle => false,
            Phase::Welcomed(_) => self.welcome_due,
            Phase::Up(link) => link.ack_due || self.commands.is_due(now, &self.config),
        };
        in_phase || self.reject_due.is_some() || self.greet_due.is_some()
    }

    /// Whether the pole is to be asked soon: something waits to be sent, or a result is awaited.
    pub(crate) fn is_hot(&self, now: Millis) -> bool {
        self.has_message(now) || (self.is_up() && self.commands.is_busy())
    }

    /// The next message, and whether it was sent before. In a pole's turn there always is one.
    pub(crate) fn next_message(&mut self, now: Millis, in_turn: bool) -> Option<(ToPole, bool)> {
        if let Some(reject) = self.reject_due.take() {
            return Some((ToPole::Reject(reject), false));
        }
        if let Some(session) = self.greet_due.take() {
            self.greeted_at = Some(now);
            return Some((ToPole::Greet(Greet { session }), false));
        }
        let heartbeat_ms = self.heartbeat_ms();
        let silence_ms = self.silence_ms();
        match &mut self.phase {
            Phase::Idle => in_turn.then_some((ToPole::Greet(Greet { session: 0 }), false)),
            Phase::Welcomed(link) if self.welcome_due => {
                self.welcome_due = false;
                let welcome = Welcome {
                    protocol: link.protocol,
                    session: link.session,
                    boot_count: link.hello.boot_count,
                    greeting: link.hello.greeting,
                    unix_ms: self.clock.map(|(at, unix_ms)| unix_ms.saturating_add(now.since(at))),
                    heartbeat_ms,
                    silence_ms,
                };
                Some((ToPole::Welcome(welcome), false))
            }
            Phase::Welcomed(_) => in_turn.then_some((ToPole::Heartbeat, false)),
            Phase::Up(link) => {
                if link.ack_due {
                    link.ack_due = false;
                    return Some((ToPole::AlarmAck(AlarmAck { number: link.alarm }), false));
                }
                let boot_count = link.hello.boot_count;
                if let Some((number, command, repeat)) = self.commands.take_due(now, &self.config, boot_count) {
                    if repeat {
                        LinkCounters::add(&mut self.counters.resent);
                    }
                    return Some((ToPole::Command { number, command }, repeat));
                }
                let due = in_turn || now.since(self.sent_at) >= u64::from(heartbeat_ms);
                due.then_some((ToPole::Heartbeat, false))
            }
        }
    }

    /// The header of a message that is sent now.
    pub(crate) fn header(&mut self, now: Millis, message: &ToPole, flags: Flags) -> Option<Header> {
        let id = message.id()?;
        let (session, sequence) = match &mut self.phase {
            Phase::Up(link) | Phase::Welcomed(link) if id >= message::id::FIRST_IN_SESSION => {
                let sequence = link.sequence;
                link.sequence = sequence.wrapping_add(1);
                (link.session.get(), sequence)
            }
            _ => (0, 0),
        };
        self.sent_at = now;
        LinkCounters::add(&mut self.counters.frames_out);
        let destination = self.address.into();
        Some(Header { destination, source: Address::EDGE, flags, session, sequence, id })
    }

    /// When to look at the time or to send, with the medium to oneself.
    pub(super) fn deadline(&self) -> Option<Millis> {
        if self.has_message(Millis(0)) || !self.events.is_empty() {
            return Some(Millis(0));
        }
        let heartbeat = self.is_up().then(|| self.sent_at.plus(self.heartbeat_ms()));
        sooner(sooner(self.time_deadline(), self.commands.deadline(self.is_up())), heartbeat)
    }

    /// When to look at the time.
    pub(crate) fn time_deadline(&self) -> Option<Millis> {
        let silence = match &self.phase {
            Phase::Up(_) => Some(self.heard_at.unwrap_or(self.since).plus(self.silence_ms())),
            Phase::Welcomed(_) => Some(self.since.plus(self.silence_ms())),
            Phase::Idle => None,
        };
        sooner(silence, self.commands.deadline(false))
    }
}
