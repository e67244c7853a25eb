//! A shared wire at 115,200 baud, a master and its poles on it. Two that talk at once stop the test.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use pole_link::{BusConfig, BusMaster, BusTiming, MAX_WIRE, Medium, Millis, PoleAddress, ResetCause, Session};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::app::App;
use super::ledger::{Ledger, Pole};

/// Ten bits.
const OCTET_US: f64 = 1_000_000.0 * 10.0 / 115_200.0;
/// A serial port hands over what it has when it has so many octets.
const CHUNK: usize = 8;
/// A driver is off the wire so long after its last octet.
const RELEASE_US: u64 = 100;
/// A pole speaks no sooner than this after the last octet: two octets.
const PAUSE_US: u64 = 174;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// Octets of a talker have been on the wire.
    Chunk { talker: usize, from: usize, to: usize },
    /// A talker has sent all.
    Sent { talker: usize },
    /// A talker may have something to send.
    Speak { talker: usize },
    /// A time is over.
    Wake { talker: usize },
}

/// The master is talker 0; the poles follow.
pub struct Wire {
    pub rng: StdRng,
    pub now_us: u64,
    pub master: BusMaster<32>,
    pub apps: Vec<App>,
    pub ledger: Ledger,
    pub config: BusConfig,
    /// The probability that a receiver gets a chunk wrong.
    pub corruption: f64,
    /// Poles without power.
    pub off: Vec<bool>,
    /// When each pole was given its turn, in µs.
    pub turns: Vec<Vec<u64>>,
    /// How much of the time the wire was in use, µs.
    pub busy_us: u64,
    /// When each command was reported, in µs.
    pub finished_us: Vec<u64>,
    master_from_us: u64,
    /// When each heard the last octets.
    heard_us: Vec<u64>,
    sending: Vec<Option<Vec<u8>>>,
    occupied: Option<(usize, u64)>,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    order: u64,
}

impl Wire {
    pub fn new(seed: u64, poles: u8, config: BusConfig) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let medium = Medium::Bus(config.timing);
        let apps: Vec<App> = (1..=poles).map(|address| App::new(address, medium, true, Millis(0))).collect();
        let count = apps.len() + 1;
        let mut wire = Self {
            master: BusMaster::new(config, Millis(0)),
            now_us: rng.random_range(0..1000),
            rng,
            apps,
            ledger: Ledger::default(),
            config,
            corruption: 0.0,
            off: vec![false; count],
            turns: vec![Vec::new(); count],
            busy_us: 0,
            finished_us: Vec::new(),
            master_from_us: 0,
            heard_us: vec![0; count],
            sending: vec![None; count],
            occupied: None,
            events: BinaryHeap::new(),
            order: 0,
        };
        wire.start_master(1, 0);
        for talker in 0..count {
            wire.at(wire.now_us, Event::Speak { talker });
        }
        wire
    }

    pub fn now(&self) -> Millis {
        Millis(self.now_us / 1000)
    }

    /// The daemon starts after a while, with a session number of its own.
    pub fn start_master(&mut self, session: u32, after_us: u64) {
        self.config.edge.first_session = Session::new(session).unwrap();
        self.master_from_us = self.now_us + after_us;
        let from = Millis(self.master_from_us / 1000);
        self.master = BusMaster::new(self.config, from);
        for app in &self.apps {
            self.master.add(PoleAddress::try_from(app.address).unwrap(), from).unwrap();
        }
        self.at(self.master_from_us, Event::Speak { talker: 0 });
    }

    pub fn reset(&mut self, pole: Pole) {
        let now = self.now();
        // What it was sending stays half sent.
        self.sending[usize::from(pole)] = None;
        self.occupied = self.occupied.filter(|occupied| occupied.0 != usize::from(pole));
        self.apps[usize::from(pole) - 1].reset(now, ResetCause::WATCHDOG);
    }

    fn at(&mut self, us: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((us, self.order, event)));
    }

    /// Puts octets on the wire, whoever else is on it.
    pub fn talk(&mut self, talker: usize, octets: &[u8]) {
        let now = self.now_us;
        if let Some((other, until)) = self.occupied
            && other != talker
            && now < until
        {
            panic!("collision at {now} µs: {talker} begins while {other} talks until {until} µs");
        }
        let time = |octets: usize| now + (octets as f64 * OCTET_US).ceil() as u64;
        let end = time(octets.len());
        self.busy_us += end - now;
        self.occupied = Some((talker, end + RELEASE_US));
        for from in (0..octets.len()).step_by(CHUNK) {
            let to = octets.len().min(from + CHUNK);
            self.at(time(to), Event::Chunk { talker, from, to });
        }
        self.at(end, Event::Sent { talker });
        self.sending[talker] = Some(octets.to_vec());
    }

    pub fn run(&mut self, for_ms: u64) {
        let until = self.now_us + for_ms * 1000;
        // What the test has done since may be something to say.
        self.at(self.now_us, Event::Speak { talker: 0 });
        while let Some(Reverse((us, _, event))) = self.events.pop() {
            if us > until {
                self.at(us, event);
                break;
            }
            self.now_us = us;
            match event {
                Event::Chunk { talker, from, to } => self.chunk(talker, from, to),
                Event::Sent { talker } => {
                    self.sending[talker] = None;
                    self.speak(talker);
                }
                Event::Speak { talker } => self.speak(talker),
                Event::Wake { talker } => {
                    if talker == 0 {
                        self.speak(0);
                    } else {
                        self.drive(talker);
                    }
                }
            }
        }
        self.now_us = until;
    }

    fn chunk(&mut self, talker: usize, from: usize, to: usize) {
        let Some(octets) = self.sending[talker].as_ref().and_then(|octets| octets.get(from..to)) else { return };
        let octets = octets.to_vec();
        for listener in 0..=self.apps.len() {
            if listener == talker || self.off[listener] {
                continue;
            }
            self.heard_us[listener] = self.now_us;
            let mut octets = octets.clone();
            if self.rng.random_bool(self.corruption) {
                let index = self.rng.random_range(0..octets.len());
                octets[index] = self.rng.random();
            }
            let now = self.now();
            let mut rest = octets.as_slice();
            if listener == 0 {
                if self.now_us < self.master_from_us {
                    continue;
                }
                while let Some((pole, event)) = self.master.receive(now, &mut rest) {
                    self.told(pole, &event);
                }
                // The daemon is woken a little late.
                let us = self.now_us + self.rng.random_range(0..500);
                self.at(us, Event::Speak { talker: 0 });
            } else {
                let app = &mut self.apps[listener - 1];
                while let Some(event) = app.end.receive(now, &mut rest) {
                    app.event(now, &mut self.ledger, &mut self.rng, event);
                }
                if octets.contains(&0) {
                    let us = self.now_us + self.rng.random_range(200..3000);
                    self.at(us, Event::Speak { talker: listener });
                }
            }
        }
    }

    fn told(&mut self, pole: PoleAddress, event: &pole_link::EdgeEvent) {
        self.ledger.event(pole.get(), event);
        if matches!(event, pole_link::EdgeEvent::Finished { .. }) {
            self.finished_us.push(self.now_us);
        }
    }

    fn drive(&mut self, talker: usize) {
        let now = self.now();
        let app = &mut self.apps[talker - 1];
        while let Some(event) = app.end.poll(now) {
            app.event(now, &mut self.ledger, &mut self.rng, event);
        }
        app.run(now, &mut self.ledger);
        if let Some(at) = app.deadline() {
            let us = (at.0 * 1000).max(self.now_us + 1000);
            self.at(us, Event::Wake { talker });
        }
    }

    fn speak(&mut self, talker: usize) {
        let now = self.now();
        let mut buffer = [0; MAX_WIRE];
        if talker == 0 {
            if self.now_us < self.master_from_us {
                return;
            }
            while let Some((pole, event)) = self.master.poll(now) {
                self.told(pole, &event);
            }
            if self.sending[0].is_some() {
                return;
            }
            if let Some(octets) = self.master.poll_transmit(now, &mut buffer) {
                let octets = octets.to_vec();
                // Behind the delimiter and the code octet there is the format, and then the destination, never 0 here.
                self.turns[usize::from(octets[3]).min(self.apps.len())].push(self.now_us);
                self.talk(0, &octets);
            } else if let Some(at) = self.master.next_deadline() {
                let us = (at.0 * 1000).max(self.now_us + 100);
                self.at(us, Event::Wake { talker: 0 });
            }
            return;
        }
        if self.off[talker] || self.sending[talker].is_some() {
            return;
        }
        let from_us = self.heard_us[talker] + PAUSE_US;
        if self.now_us < from_us {
            self.at(from_us, Event::Speak { talker });
            return;
        }
        self.drive(talker);
        let app = &mut self.apps[talker - 1];
        let octets = app.end.poll_transmit(now, &mut buffer).map(<[u8]>::to_vec);
        app.reset_if_due(now);
        if let Some(octets) = octets {
            self.talk(talker, &octets);
        }
    }
}

pub fn config() -> BusConfig {
    let mut config = BusConfig::new(Session::MIN);
    config.timing = BusTiming::BAUD_115200;
    config
}
