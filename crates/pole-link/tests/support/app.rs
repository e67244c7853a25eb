//! A pole's application for the tests: carries commands out after a while, watches contacts, and can be reset.

use std::collections::BTreeMap;

use pole_link::{Command, LinkState, Medium, Millis, PoleEnd, PoleEvent, ResetCause, Sample, Ticket};
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::ledger::{AlarmKey2, Ledger, Pole, alarm_key};
use super::pole_config;

pub struct App {
    pub end: PoleEnd,
    pub address: Pole,
    medium: Medium,
    /// Whether the pole counts its starts over resets.
    counts_boots: bool,
    pub life: u32,
    /// How the contacts are; they stay so over a reset.
    pub contacts: BTreeMap<AlarmKey2, (bool, i32)>,
    running: Option<(Ticket, Command, Millis)>,
    reset_when_answered: bool,
    /// Commands take up to so long, ms.
    pub slow_ms: u64,
    pub broadcasts: Vec<Command>,
}

impl App {
    pub fn new(address: Pole, medium: Medium, counts_boots: bool, now: Millis) -> Self {
        let end = PoleEnd::new(pole_config(address, medium, u32::from(counts_boots), ResetCause::POWER_ON), now);
        Self {
            end,
            address,
            medium,
            counts_boots,
            life: 1,
            contacts: BTreeMap::new(),
            running: None,
            reset_when_answered: false,
            slow_ms: 0,
            broadcasts: Vec::new(),
        }
    }

    /// All that the microcontroller knew is gone.
    pub fn reset(&mut self, now: Millis, cause: ResetCause) {
        self.life += 1;
        let boot_count = if self.counts_boots { self.life } else { 0 };
        self.end = PoleEnd::new(pole_config(self.address, self.medium, boot_count, cause), now);
        self.running = None;
        self.reset_when_answered = false;
        for (key, (active, value)) in self.contacts.iter().filter(|contact| contact.1.0) {
            self.end.raise(now, alarm_key(*key), *active, *value).unwrap();
        }
    }

    pub fn contact(&mut self, now: Millis, ledger: &mut Ledger, key: AlarmKey2, active: bool) {
        let value = ledger.token().cast_signed();
        ledger.raised(self.address, alarm_key(key), active, value);
        self.contacts.insert(key, (active, value));
        self.end.raise(now, alarm_key(key), active, value).unwrap();
    }

    pub fn sample(&mut self, now: Millis, ledger: &mut Ledger) {
        if self.end.takes_telemetry() {
            let (number, readings) = ledger.sample(self.address);
            self.end.send_telemetry(Sample { number, taken_at: now, backlog: false, readings }).unwrap();
        }
    }

    pub fn event(&mut self, now: Millis, ledger: &mut Ledger, rng: &mut StdRng, event: PoleEvent) {
        match event {
            PoleEvent::Command(ticket, command) => {
                let LinkState::Up { session, .. } = self.end.state() else { panic!("a command without a session") };
                ledger.carried_out(self.address, self.life, session.get(), &command);
                let done_at = now.plus(rng.random_range(0..=self.slow_ms) as u32);
                self.running = Some((ticket, command, done_at));
            }
            PoleEvent::Broadcast(command) => self.broadcasts.push(command),
            PoleEvent::Rejected(_) => panic!("the versions fit"),
            PoleEvent::Up { .. } | PoleEvent::Down => {}
        }
    }

    /// What the application does by itself.
    pub fn run(&mut self, now: Millis, ledger: &mut Ledger) {
        if let Some((ticket, command, _)) = self.running.take_if(|running| now >= running.2) {
            let outcome = ledger.answer(&command);
            self.end.finish(ticket, outcome);
            self.reset_when_answered |= command == Command::Reset && outcome == pole_link::Outcome::Done;
        }
    }

    /// A commanded reset comes when the answer has been sent.
    pub fn reset_if_due(&mut self, now: Millis) {
        if self.reset_when_answered && self.end.is_answered() {
            self.reset(now, ResetCause::COMMAND);
        }
    }

    pub fn deadline(&self) -> Option<Millis> {
        let running = self.running.as_ref().map(|running| running.2);
        [running, self.end.next_deadline()].into_iter().flatten().min()
    }

    pub fn is_idle(&self) -> bool {
        self.running.is_none() && self.end.is_settled()
    }
}
