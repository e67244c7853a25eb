//! One line and the poles on it: octets, orders and the time in; octets, reports and inventory out.
//!
//! It knows no socket. The task of the line ([`super::line`]) calls it whenever something came or its deadline passed. A pole
//! whose serial number is not the expected one is not listened to, and gets no orders.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use edge_core::Input;
use edge_core::poles::{PoleContent, PoleIndex, PoleReport};
use pole_link::{
    Address, BusConfig, BusMaster, Command, CommandId, DownReason, EdgeConfig, EdgeEnd, EdgeEvent, Frame, Hello,
    LinkCounters, MAX_WIRE, Medium, Millis, PoleAddress, ProtocolRange, Session, ToEdge,
};
use rsu_units::Timestamp;

use super::counters::add;
use super::inventory::{Inventory, LinkStatus};
use super::mailbox::Mailbox;
use super::orders::{Order, Orders, Outcome};
use super::reports;
use crate::config::{MAX_BUS_POLES, PoleLinkSettings, PoleSettings};
use crate::queue::Sender;
use crate::stats::Stats;

/// The pole's clock is set again after so long.
const CLOCK_EVERY_MS: u32 = 3_600_000;
/// What the daemon itself asks is worth trying for so long.
const OWN_VALID_MS: u32 = 10_000;
/// Lighting is under way at most so long, so that a warning does not wait behind it.
const LIGHTING_MS: u32 = 1000;
/// A warning that waited is shown for this long at least, or it would not be worth sending, ms.
const LEAST_WARNING_MS: u32 = 100;

/// The time, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The monotonic one, since the daemon's start.
    pub ms: Millis,
    /// The wall clock.
    pub at: Timestamp,
}

impl Now {
    fn before(self, age_ms: u32) -> Timestamp {
        self.at - Duration::from_millis(age_ms.into())
    }
}

/// Where a line tells what it hears.
#[derive(Debug, Clone)]
pub struct Sink {
    /// What is known of the poles.
    pub inventory: Inventory,
    /// The core.
    pub inputs: Sender<Input>,
    /// What is counted.
    pub stats: Stats,
}

/// The end of the link.
#[derive(Debug)]
enum End {
    /// One pole has the line to itself.
    Line(Box<EdgeEnd>),
    /// An end for each pole.
    Datagrams(Vec<EdgeEnd>),
    /// Who is asked may speak.
    Bus(Box<BusMaster<MAX_BUS_POLES>>),
}

/// A pole of the line.
#[derive(Debug)]
struct Member {
    settings: PoleSettings,
    /// There is a session, with the right pole.
    up: bool,
    under_way: Option<(CommandId, Order)>,
    /// When its clock is to be set again.
    clock_at: Option<Millis>,
    /// What was counted of it already.
    counted: LinkCounters,
    /// On UDP: where it is.
    peer: Option<SocketAddr>,
}

/// See the module.
#[derive(Debug)]
pub struct Driver {
    end: End,
    members: Vec<Member>,
    mailbox: Arc<Mailbox>,
    sink: Sink,
    /// What is not yet known whose it is: on a bus in its own counters, on UDP here.
    strays: LinkCounters,
    strays_counted: LinkCounters,
    /// Frames and octets refused since this was last asked, by reason.
    refused: u64,
}

impl Driver {
    /// A line on which nobody has been heard.
    #[must_use]
    pub fn new(
        settings: &PoleLinkSettings,
        first_session: Session,
        mailbox: Arc<Mailbox>,
        sink: Sink,
        now: Now,
    ) -> Self {
        let mut edge = EdgeConfig::new(first_session);
        (edge.heartbeat_ms, edge.silence_ms) = (settings.heartbeat_ms, settings.silence_ms);
        let first = settings.poles.first().map_or(PoleAddress::FIRST, |pole| pole.address);
        let end = match (&settings.bus, settings.endpoint.is_datagrams()) {
            (Some(bus), _) => {
                let config =
                    BusConfig { edge, timing: bus.timing, poll_ms: bus.poll_ms, ..BusConfig::new(first_session) };
                let mut master = BusMaster::new(config, now.ms);
                for pole in &settings.poles {
                    // The configuration knows how many there may be, and that each address is there once.
                    let _ = master.add(pole.address, now.ms);
                }
                End::Bus(Box::new(master))
            }
            (None, true) => {
                let end = |pole: &PoleSettings| EdgeEnd::new(pole.address, Medium::Udp, edge, now.ms);
                End::Datagrams(settings.poles.iter().map(end).collect())
            }
            (None, false) => End::Line(Box::new(EdgeEnd::new(first, Medium::Uart, edge, now.ms))),
        };
        let member = |pole: &PoleSettings| Member {
            settings: pole.clone(),
            up: false,
            under_way: None,
            clock_at: None,
            counted: LinkCounters::default(),
            peer: pole.peer,
        };
        let members = settings.poles.iter().map(member).collect();
        let none = LinkCounters::default();
        Self { end, members, mailbox, sink, strays: none, strays_counted: none, refused: 0 }
    }

    /// Takes octets of the line.
    pub fn receive(&mut self, now: Now, mut octets: &[u8]) {
        self.set_clock(now);
        loop {
            let (member, event) = match &mut self.end {
                End::Line(end) => match end.receive(now.ms, &mut octets) {
                    Some(event) => (0, event),
                    None => return,
                },
                End::Bus(master) => match master.receive(now.ms, &mut octets) {
                    Some((address, event)) => (self.member_at(Address::from(address)).unwrap_or(usize::MAX), event),
                    None => return,
                },
                End::Datagrams(_) => return,
            };
            self.event(now, member, event);
        }
    }

    /// Takes a datagram.
    pub fn receive_datagram(&mut self, now: Now, from: SocketAddr, octets: &[u8]) {
        self.set_clock(now);
        let Some(frame) = self.strays.parse(octets) else { return };
        let Some(index) = self.member_at(frame.header.source) else {
            self.strays.foreign = self.strays.foreign.saturating_add(1);
            return;
        };
        if !self.is_from(now, index, from, &frame) {
            return;
        }
        let End::Datagrams(ends) = &mut self.end else { return };
        let event = ends.get_mut(index).and_then(|end| end.receive_datagram(now.ms, octets));
        if let Some(event) = event {
            self.event(now, index, event);
        }
        self.poll(now);
    }

    /// Whether a datagram comes from where the pole is. Where that is is learnt from a greeting with the right serial number,
    /// unless there is a session: nobody takes that over.
    fn is_from(&mut self, now: Now, index: usize, from: SocketAddr, frame: &Frame<'_>) -> bool {
        let has_session = match &self.end {
            End::Datagrams(ends) => ends.get(index).is_some_and(|end| end.state().is_up()),
            _ => false,
        };
        let Some(member) = self.members.get_mut(index) else { return false };
        let known = member.peer == Some(from);
        let hello = match ToEdge::read(frame.header.id, frame.body) {
            Ok(ToEdge::Hello(hello)) => Some(hello),
            _ => None,
        };
        match hello {
            Some(hello) if is_other(&member.settings, &hello) => {
                if !has_session {
                    self.refuse_other(now, index, &hello);
                }
                false
            }
            Some(_) if !known && !has_session && member.settings.peer.is_none() => {
                member.peer = Some(from);
                true
            }
            // It believes in a session with an earlier start of ours: it is asked to greet.
            None if member.peer.is_none() && !has_session => {
                member.peer = Some(from);
                true
            }
            _ if known => true,
            _ => {
                self.sink.stats.add("poles", "refused", "peer", 1);
                self.refused += 1;
                false
            }
        }
    }

    /// Looks at the time and at what waits.
    pub fn poll(&mut self, now: Now) {
        loop {
            let next = match &mut self.end {
                End::Line(end) => end.poll(now.ms).map(|event| (0, event)),
                End::Datagrams(ends) => {
                    ends.iter_mut().enumerate().find_map(|(index, end)| end.poll(now.ms).map(|event| (index, event)))
                }
                End::Bus(master) => {
                    let next = master.poll(now.ms);
                    next.map(|(address, event)| (self.member_at(Address::from(address)).unwrap_or(usize::MAX), event))
                }
            };
            match next {
                Some((member, event)) => self.event(now, member, event),
                None => break,
            }
        }
        for index in 0..self.members.len() {
            self.expire(now, index);
            self.ask_for_own(now, index);
            self.submit(now, index);
        }
        self.count();
    }

    /// The next octets to send, and where to on UDP.
    pub fn transmit<'b>(&mut self, now: Now, buffer: &'b mut [u8; MAX_WIRE]) -> Option<(&'b [u8], Option<SocketAddr>)> {
        match &mut self.end {
            End::Line(end) => end.poll_transmit(now.ms, buffer).map(|octets| (octets, None)),
            End::Bus(master) => master.poll_transmit(now.ms, buffer).map(|octets| (octets, None)),
            End::Datagrams(ends) => {
                for (end, member) in ends.iter_mut().zip(&self.members) {
                    let octets = end.poll_transmit(now.ms, buffer).map(<[u8]>::len);
                    if let Some(octets) = octets {
                        // What is sent to nobody does not happen: a session needs a peer.
                        return Some((buffer.get(..octets)?, member.peer));
                    }
                }
                None
            }
        }
    }

    /// When to call [`Self::poll`] and [`Self::transmit`] at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        let end = match &self.end {
            End::Line(end) => end.next_deadline(),
            End::Datagrams(ends) => ends.iter().filter_map(EdgeEnd::next_deadline).min(),
            End::Bus(master) => master.next_deadline(),
        };
        let clock = self.members.iter().filter_map(|member| member.clock_at).min();
        [end, clock, self.mailbox.deadline()].into_iter().flatten().min()
    }

    /// How much was refused since this was last asked.
    pub fn take_refused(&mut self) -> u64 {
        std::mem::take(&mut self.refused)
    }

    /// Nothing is heard any more, because the daemon stops: whoever waits for an answer is told.
    pub fn stop(&mut self, now: Now) {
        for index in 0..self.members.len() {
            let under_way = self.members.get_mut(index).and_then(|member| member.under_way.take());
            if let Some((_, order)) = under_way {
                self.conclude(now, index, order, Outcome::TimedOut);
            }
            while let Some(order) = self.mailbox.with(index, |orders| orders.and_then(Orders::take)) {
                self.conclude(now, index, order, Outcome::NoLink);
            }
        }
    }

    fn set_clock(&mut self, now: Now) {
        let unix_ms = u64::try_from(now.at.as_micros() / 1000).unwrap_or(0);
        match &mut self.end {
            End::Line(end) => end.set_clock(now.ms, unix_ms),
            End::Datagrams(ends) => ends.iter_mut().for_each(|end| end.set_clock(now.ms, unix_ms)),
            End::Bus(master) => master.set_clock(now.ms, unix_ms),
        }
    }

    fn member_at(&self, address: Address) -> Option<usize> {
        self.members.iter().position(|member| Address::from(member.settings.address) == address)
    }

    fn end_counters(&self, index: usize) -> LinkCounters {
        let counters = match &self.end {
            End::Line(end) => Some(end.counters()),
            End::Datagrams(ends) => ends.get(index).map(EdgeEnd::counters),
            End::Bus(master) => {
                self.members.get(index).and_then(|member| master.pole_counters(member.settings.address))
            }
        };
        counters.copied().unwrap_or_default()
    }

    fn event(&mut self, now: Now, index: usize, event: EdgeEvent) {
        let Some(member) = self.members.get_mut(index) else { return };
        let pole = member.settings.index;
        match event {
            EdgeEvent::Up { hello, protocol, .. } => {
                if is_other(&member.settings, &hello) {
                    return self.refuse_other(now, index, &hello);
                }
                member.up = true;
                member.clock_at = Some(now.ms.plus(CLOCK_EVERY_MS));
                self.sink.inventory.link(pole, now.at, LinkStatus::Up, "", Some(&hello));
                let (inventory, parts) = reports::inventory(&hello, protocol);
                self.report(now, pole, now.at, PoleContent::Up { inventory: Box::new(inventory), parts });
                tracing::info!(pole = %self.id(index), serial = %hello.info.serial, firmware = %hello.info.firmware, "pole is up");
                self.ask(now, index, Command::GetState);
            }
            EdgeEvent::Down(reason) => {
                let reason = match reason {
                    DownReason::Silent => "nothing was heard for too long",
                    DownReason::Greeted => "the pole started anew or heard nothing for too long",
                };
                self.down(now, index, LinkStatus::Down, reason, None);
            }
            EdgeEvent::Rejected { hello, .. } => {
                let (ours, theirs) = (ProtocolRange::OURS, hello.protocol);
                let reason = format!(
                    "it speaks protocol versions {} to {}, and not {} to {}",
                    theirs.min, theirs.max, ours.min, ours.max
                );
                self.down(now, index, LinkStatus::Refused, &reason, Some(&hello));
            }
            EdgeEvent::Finished { id, outcome } => {
                let under_way = member.under_way.take_if(|(under_way, _)| *under_way == id);
                if let Some((_, order)) = under_way {
                    self.conclude(now, index, order, outcome.into());
                }
            }
            EdgeEvent::Telemetry(_) | EdgeEvent::Alarm(_) | EdgeEvent::State(_) if !member.up => {
                self.sink.stats.add("poles", "refused", "serial", 1);
                self.refused += 1;
            }
            EdgeEvent::Telemetry(telemetry) => {
                let measured_at = now.before(telemetry.age_ms);
                self.sink.stats.count("poles", "telemetry");
                self.sink.inventory.telemetry(pole, now.at, measured_at, &telemetry);
                let (measurements, bad) = reports::measurements(&telemetry);
                if !bad.is_empty() {
                    self.sink.stats.add("poles", "refused", "reading", bad.len() as u64);
                    self.refused += bad.len() as u64;
                }
                let (measurements, backlog) = (Box::new(measurements), telemetry.backlog);
                self.report(now, pole, measured_at, PoleContent::Readings { measurements, backlog });
            }
            EdgeEvent::Alarm(alarm) => {
                let happened_at = now.before(alarm.age_ms);
                self.sink.stats.count("poles", "alarms");
                self.sink.inventory.alarm(pole, now.at, happened_at, &alarm);
                match reports::alarm(&alarm) {
                    Some(alarm) => self.report(now, pole, happened_at, PoleContent::Alarm(alarm)),
                    None => self.sink.stats.count("poles", "alarms_unknown"),
                }
            }
            EdgeEvent::State(state) => {
                self.sink.inventory.state(pole, now.at, &state);
                let status = reports::status(&state, &self.end_counters(index));
                self.report(now, pole, now.at, PoleContent::Status(Box::new(status)));
            }
        }
    }

    /// Another pole than the expected one is there.
    fn refuse_other(&mut self, now: Now, index: usize, hello: &Hello) {
        self.sink.stats.add("poles", "refused", "serial", 1);
        self.refused += 1;
        let expected = self.members.get(index).and_then(|member| member.settings.serial.clone()).unwrap_or_default();
        let reason = format!("its serial number is {}, and not {expected}", hello.info.serial);
        self.down(now, index, LinkStatus::Refused, &reason, Some(hello));
    }

    /// There is no link any more with the right pole.
    fn down(&mut self, now: Now, index: usize, state: LinkStatus, reason: &str, hello: Option<&Hello>) {
        let Some(member) = self.members.get_mut(index) else { return };
        let was_up = std::mem::take(&mut member.up);
        member.clock_at = None;
        let pole = member.settings.index;
        // One that was refused and is silent now is still not the right one.
        if was_up || state == LinkStatus::Refused {
            let news = self.sink.inventory.link(pole, now.at, state, reason, hello);
            if news {
                tracing::warn!(pole = %self.id(index), reason, "no link with the pole");
            }
        }
        if was_up {
            self.report(now, pole, now.at, PoleContent::Down);
        }
    }

    fn id(&self, index: usize) -> &str {
        self.members.get(index).map_or("", |member| member.settings.id.as_str())
    }

    fn report(&self, now: Now, pole: usize, measured_at: Timestamp, content: PoleContent) {
        let Some(pole) = PoleIndex::new(pole) else { return };
        let report = PoleReport { pole, measured_at, arrived_at: now.at, content };
        if self.sink.inputs.push(Input::Pole(report)) {
            self.sink.stats.add("poles", "dropped", "queue_full", 1);
        }
    }

    /// Something that the daemon itself wants to know or to set.
    fn ask(&self, now: Now, index: usize, command: Command) {
        let until = now.ms.plus(OWN_VALID_MS);
        let order = Order { command, until, given: tokio::time::Instant::now(), answer: None };
        if let Some(outcome) = self.mailbox.put(index, order)
            && let Some(member) = self.members.get(index)
        {
            self.sink.inventory.order(member.settings.index, now.at, "state".into(), &outcome, None);
        }
    }

    fn ask_for_own(&mut self, now: Now, index: usize) {
        let Some(member) = self.members.get_mut(index) else { return };
        if member.clock_at.is_some_and(|at| now.ms >= at) {
            member.clock_at = Some(now.ms.plus(CLOCK_EVERY_MS));
            let unix_ms = u64::try_from(now.at.as_micros() / 1000).unwrap_or(0);
            self.ask(now, index, Command::SetTime { unix_ms });
        }
    }

    /// Orders that waited too long.
    fn expire(&mut self, now: Now, index: usize) {
        let up = self.members.get(index).is_some_and(|member| member.up);
        let outcome = if up { Outcome::TimedOut } else { Outcome::NoLink };
        while let Some(order) = self.mailbox.with(index, |orders| orders.and_then(|orders| orders.take_expired(now.ms)))
        {
            self.conclude(now, index, order, outcome.clone());
        }
    }

    /// Gives the end the next order, if it has none and there is somebody to carry it out.
    fn submit(&mut self, now: Now, index: usize) {
        let Some(member) = self.members.get_mut(index) else { return };
        if !member.up || member.under_way.is_some() {
            return;
        }
        let Some(mut order) = self.mailbox.with(index, |orders| orders.and_then(Orders::take)) else { return };
        let waited_ms = u32::try_from(order.given.elapsed().as_millis()).unwrap_or(u32::MAX);
        let mut until = order.until;
        match &mut order.command {
            Command::ShowWarning { expires_ms, .. } => {
                *expires_ms = expires_ms.saturating_sub(waited_ms).max(LEAST_WARNING_MS);
            }
            Command::SetLuminaire { .. } | Command::Presence { .. } => until = until.min(now.ms.plus(LIGHTING_MS)),
            Command::SetTime { unix_ms } => *unix_ms = unix_ms.saturating_add(waited_ms.into()),
            _ => {}
        }
        let command = order.command.clone();
        let submitted = match &mut self.end {
            End::Line(end) => end.submit(command, until).ok(),
            End::Datagrams(ends) => ends.get_mut(index).and_then(|end| end.submit(command, until).ok()),
            End::Bus(master) => master.submit(member.settings.address, command, until).ok(),
        };
        match submitted {
            Some(id) => member.under_way = Some((id, order)),
            None => self.conclude(now, index, order, Outcome::QueueFull),
        }
    }

    fn conclude(&self, now: Now, index: usize, order: Order, outcome: Outcome) {
        let Some(member) = self.members.get(index) else { return };
        let answered = outcome.is_done() || matches!(outcome, Outcome::Refused { .. });
        let round_trip = answered.then(|| order.given.elapsed());
        let what = super::values::asked(&order.command);
        self.sink.stats.add("poles", "orders", outcome.name(), 1);
        self.sink.inventory.order(member.settings.index, now.at, what.into(), &outcome, round_trip);
        order.conclude(outcome);
    }

    /// Adds what the ends counted to the daemon's counters.
    fn count(&mut self) {
        for index in 0..self.members.len() {
            let counters = self.end_counters(index);
            let Some(member) = self.members.get_mut(index) else { return };
            if counters != member.counted {
                self.refused += add(&self.sink.stats, &counters, &member.counted);
                member.counted = counters;
                self.sink.inventory.counters(member.settings.index, &counters);
            }
        }
        let strays = match &self.end {
            End::Bus(master) => *master.counters(),
            _ => self.strays,
        };
        if strays != self.strays_counted {
            self.refused += add(&self.sink.stats, &strays, &self.strays_counted);
            self.strays_counted = strays;
        }
    }
}

/// Whether a pole says another serial number than it must have.
fn is_other(settings: &PoleSettings, hello: &Hello) -> bool {
    settings.serial.as_ref().is_some_and(|expected| *expected != hello.info.serial.as_str())
}
