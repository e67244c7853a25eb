//! What was really asked, done, raised and measured, against which everything that an end reports is checked.

use std::collections::{BTreeMap, BTreeSet};

use pole_link::{
    Alarm, AlarmKey, AlarmKind, Command, CommandId, CommandOutcome, ConfigKey, EdgeEvent, LightMode, LinkCounters,
    Outcome, Permille, Quantity, Reading, Readings, Refusal, State, Version,
};

/// A pole's address.
pub type Pole = u8;

#[derive(Debug)]
struct Asked {
    command: Command,
    /// Which life of the daemon asked.
    edge_life: u32,
    pole: Pole,
    id: CommandId,
    finished: Option<CommandOutcome>,
}

#[derive(Debug, Default)]
pub struct Ledger {
    next_token: u32,
    asked: BTreeMap<u32, Asked>,
    /// What was carried out: token, the pole's life, and the session.
    done: BTreeSet<(u32, u32, u32)>,
    answers: BTreeMap<u32, Outcome>,
    samples: BTreeMap<u32, Pole>,
    samples_seen: BTreeSet<u32>,
    states: BTreeMap<u32, Pole>,
    states_seen: BTreeSet<u32>,
    raised: BTreeSet<(Pole, u8, u8, bool, i32)>,
    /// The daemon's view of the alarms.
    pub view: BTreeMap<(Pole, u8, u8), (bool, i32)>,
    /// The numbers of the alarms told in the present session.
    alarms_told: BTreeSet<(Pole, u16)>,
    activations: BTreeSet<(Pole, u8, u8, i32)>,
    activations_seen: BTreeSet<(Pole, u8, u8, i32)>,
    pub edge_life: u32,
    pub telemetry_seen: usize,
    pub finished: usize,
}

/// What makes a command the one it is.
pub fn token(command: &Command) -> u32 {
    match command {
        Command::SetLuminaire { ramp_ms, .. } => *ramp_ms,
        Command::SetConfig { value, .. } => u32::try_from(*value).unwrap(),
        Command::PrepareUpdate { image_octets, .. } => *image_octets,
        Command::GetConfig { key } => 1_000_000 + u32::from(key.0),
        Command::Reset => u32::MAX,
        other => panic!("{other:?} was never asked"),
    }
}

impl Ledger {
    pub fn token(&mut self) -> u32 {
        self.next_token += 1;
        self.next_token
    }

    /// A command of a kind, told from all others by a number in it.
    pub fn command(&mut self, kind: u32) -> Option<Command> {
        let number = self.token();
        let command = match kind {
            0..=3 => Command::SetLuminaire { level: Permille::at_most((number % 1001) as u16), ramp_ms: number },
            4..=6 => Command::SetConfig { key: ConfigKey(number as u8), value: number.cast_signed() },
            7 => Command::GetConfig { key: ConfigKey(number as u8) },
            8 => {
                Command::PrepareUpdate { image_octets: number, version: Version::default(), sha256: [number as u8; 32] }
            }
            _ => Command::Reset,
        };
        // A reset has no number to tell it by, a key has few: once each.
        (!self.asked.contains_key(&token(&command))).then_some(command)
    }

    pub fn asked(&mut self, pole: Pole, id: CommandId, command: Command) {
        let edge_life = self.edge_life;
        let before = self.asked.insert(token(&command), Asked { command, edge_life, pole, id, finished: None });
        assert!(before.is_none());
    }

    /// A pole carries a command out: at most once in a session, and never a second time if it is not to be repeated.
    pub fn carried_out(&mut self, pole: Pole, life: u32, session: u32, command: &Command) {
        let token = token(command);
        let asked = self.asked.get(&token).expect("a command that was asked");
        assert_eq!((&asked.command, asked.pole), (command, pole), "altered or misled on the way");
        if !command.is_idempotent() {
            assert!(!self.done.iter().any(|done| done.0 == token), "carried out twice: {command:?}");
        }
        assert!(self.done.insert((token, life, session)), "carried out twice in a session: {command:?}");
    }

    /// What the pole's application says of it.
    pub fn answer(&mut self, command: &Command) -> Outcome {
        let token = token(command);
        let outcome = match command {
            Command::GetConfig { .. } => Outcome::Value(-token.cast_signed()),
            _ if token.is_multiple_of(7) => Outcome::Refused(Refusal::BUSY),
            _ => Outcome::Done,
        };
        self.answers.insert(token, outcome);
        outcome
    }

    pub fn sample(&mut self, pole: Pole) -> (u32, Readings) {
        let number = self.token();
        self.samples.insert(number, pole);
        (number, readings(number))
    }

    pub fn state(&mut self, pole: Pole) -> State {
        let number = self.token();
        self.states.insert(number, pole);
        state(number)
    }

    pub fn raised(&mut self, pole: Pole, key: AlarmKey, active: bool, value: i32) {
        self.raised.insert((pole, key.kind.0, key.source, active, value));
        if active {
            self.activations.insert((pole, key.kind.0, key.source, value));
        }
    }

    /// The daemon was started anew: it knows nothing.
    pub fn edge_restarted(&mut self) {
        self.edge_life += 1;
        self.view.clear();
        self.alarms_told.clear();
    }

    /// What an end of the daemon's reported.
    pub fn event(&mut self, pole: Pole, event: &EdgeEvent) {
        match event {
            EdgeEvent::Up { hello, protocol, .. } => {
                assert_eq!((hello.info.serial.as_str(), *protocol), (format!("SP-{pole}").as_str(), 1));
                self.view.retain(|key, _| key.0 != pole);
                self.alarms_told.retain(|told| told.0 != pole);
            }
            EdgeEvent::Down(_) => {}
            EdgeEvent::Rejected { .. } => panic!("the versions fit"),
            EdgeEvent::Telemetry(telemetry) => {
                assert_eq!(self.samples.get(&telemetry.sample), Some(&pole), "nobody took this sample");
                assert_eq!(telemetry.readings, readings(telemetry.sample));
                assert!(self.samples_seen.insert(telemetry.sample), "sample {} came twice", telemetry.sample);
                self.telemetry_seen += 1;
            }
            EdgeEvent::State(seen) => {
                assert_eq!(self.states.get(&seen.lost_telemetry), Some(&pole));
                assert_eq!(seen, &state(seen.lost_telemetry));
                assert!(self.states_seen.insert(seen.lost_telemetry), "a state came twice");
            }
            EdgeEvent::Alarm(alarm) => self.alarm(pole, alarm),
            EdgeEvent::Finished { id, outcome } => self.finished(pole, *id, *outcome),
        }
    }

    fn alarm(&mut self, pole: Pole, alarm: &Alarm) {
        let Alarm { kind, source, active, value, .. } = *alarm;
        assert!(self.raised.contains(&(pole, kind.0, source, active, value)), "nobody raised {alarm:?}");
        assert!(self.alarms_told.insert((pole, alarm.number)), "told twice: {alarm:?}");
        self.view.insert((pole, kind.0, source), (active, value));
        if active {
            self.activations_seen.insert((pole, kind.0, source, value));
        }
    }

    fn finished(&mut self, pole: Pole, id: CommandId, outcome: CommandOutcome) {
        let edge_life = self.edge_life;
        let mut all = self.asked.iter_mut();
        let found = all.find(|(_, asked)| asked.edge_life == edge_life && asked.pole == pole && asked.id == id);
        let (token, asked) = found.expect("a command that was asked");
        assert_eq!(asked.finished, None, "reported twice: {:?}", asked.command);
        asked.finished = Some(outcome);
        self.finished += 1;
        let done = self.done.iter().any(|done| done.0 == *token);
        let answer = self.answers.get(token).copied().map(CommandOutcome::from);
        match outcome {
            CommandOutcome::Done | CommandOutcome::Value(_) | CommandOutcome::Refused(_) => {
                assert!(done, "reported and not carried out: {:?}", asked.command);
                assert_eq!(Some(outcome), answer, "not what the pole said of {:?}", asked.command);
            }
            CommandOutcome::Interrupted => assert!(!asked.command.is_idempotent(), "should have been sent again"),
            CommandOutcome::TimedOut => {}
        }
    }

    /// Whether each command that this life of the daemon asked has been reported.
    pub fn all_finished(&self) -> bool {
        self.asked.values().all(|asked| asked.edge_life != self.edge_life || asked.finished.is_some())
    }

    /// Whether the daemon's view of a pole's alarms is how they are.
    pub fn view_agrees(&self, pole: Pole, contacts: &BTreeMap<AlarmKey2, (bool, i32)>) -> bool {
        let active = |(active, value): &(bool, i32)| active.then_some(*value);
        let mine = self.view.iter().filter(|(key, _)| key.0 == pole);
        let seen: BTreeMap<_, _> = mine.filter_map(|(key, now)| Some(((key.1, key.2), active(now)?))).collect();
        let real: BTreeMap<_, _> = contacts.iter().filter_map(|(key, now)| Some((*key, active(now)?))).collect();
        seen == real
    }

    /// Things that were ever active and of which the daemon was never told so.
    pub fn missed_activations(&self) -> Vec<(Pole, u8, u8)> {
        let seen: BTreeSet<_> = self.activations_seen.iter().map(|seen| (seen.0, seen.1, seen.2)).collect();
        let real: BTreeSet<_> = self.activations.iter().map(|real| (real.0, real.1, real.2)).collect();
        real.difference(&seen).copied().collect()
    }
}

/// Kind and source of an alarm.
pub type AlarmKey2 = (u8, u8);

pub fn alarm_key(key: AlarmKey2) -> AlarmKey {
    AlarmKey { kind: AlarmKind(key.0), source: key.1 }
}

fn readings(number: u32) -> Readings {
    (0..number % 25)
        .map(|index| Reading {
            quantity: Quantity(index as u8 + 1),
            value: (number.wrapping_mul(0x9E37_79B9) ^ index).cast_signed(),
        })
        .collect()
}

fn state(number: u32) -> State {
    State {
        level: Permille::at_most((number % 1001) as u16),
        target: Permille::MAX,
        mode: LightMode::COMMAND,
        warning: None,
        beacon: number.is_multiple_of(2),
        safe: false,
        lost_telemetry: number,
        link: LinkCounters { lost: number.wrapping_mul(77), ..LinkCounters::default() },
    }
}
