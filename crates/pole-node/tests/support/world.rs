//! A pole and its edge, connected by a wire that can be cut, in a time that goes on as fast as the test runs.

use std::collections::BTreeMap;

use pole_link::{
    AlarmKind, Command, CommandOutcome, DownReason, EdgeConfig, EdgeEnd, EdgeEvent, Hello, MAX_WIRE, Medium, Millis,
    PoleAddress, Quantity, ResetCause, Session, State, Telemetry,
};
use pole_node::Pole;

use super::board::SimBoard;

/// 2026-11-23T12:00:00Z.
pub const NOON: u64 = 1_795_435_200_000;
pub const STEP_MS: u32 = 5;

pub struct World {
    pub pole: Pole<SimBoard>,
    pub edge: EdgeEnd,
    pub now: Millis,
    /// Nothing gets through.
    pub cut: bool,
    pub hello: Option<Hello>,
    pub downs: Vec<DownReason>,
    pub telemetry: Vec<Telemetry>,
    pub states: Vec<State>,
    /// The edge's view of what is active.
    pub active: BTreeMap<(AlarmKind, u8), i32>,
    /// How many alarms were told.
    pub alarms: usize,
    outcomes: Vec<(pole_link::CommandId, CommandOutcome)>,
}

impl World {
    /// A pole and an edge that have not met.
    pub fn new(board: SimBoard) -> Self {
        let now = board.now;
        let mut edge = EdgeEnd::new(PoleAddress::FIRST, Medium::Uart, EdgeConfig::new(Session::new(700).unwrap()), now);
        edge.set_clock(now, NOON);
        Self {
            pole: Pole::new(board),
            edge,
            now,
            cut: false,
            hello: None,
            downs: Vec::new(),
            telemetry: Vec::new(),
            states: Vec::new(),
            active: BTreeMap::new(),
            alarms: 0,
            outcomes: Vec::new(),
        }
    }

    /// The same, connected.
    pub fn up(board: SimBoard) -> Self {
        let mut world = Self::new(board);
        world.run_ms(1000);
        assert!(world.pole.node().link_state().is_up());
        world
    }

    pub fn board(&mut self) -> &mut SimBoard {
        self.pole.board_mut()
    }

    /// The luminaire's duty in thousandths of full.
    pub fn level(&self) -> u32 {
        (u32::from(self.pole.board().luminaire.duty) * 1000).div_ceil(u32::from(u16::MAX))
    }

    pub fn state(&self) -> &State {
        self.states.last().unwrap()
    }

    pub fn run_ms(&mut self, ms: u32) {
        let end = self.now.plus(ms);
        while self.now < end {
            self.step();
        }
    }

    /// Goes on until something is so; stops the test if that takes too long.
    pub fn run_until(&mut self, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let end = self.now.plus(600_000);
        while !so(self) {
            assert!(self.now < end, "never: {what}");
            self.step();
        }
    }

    fn step(&mut self) {
        self.now = self.now.plus(STEP_MS);
        let now = self.now;
        let board = self.pole.board_mut();
        board.now = now;
        board.acceleration.fresh = true;
        // A board that was reset does nothing more.
        if self.pole.board().resets.is_empty() {
            let deadline = self.pole.poll();
            assert!(deadline >= now && deadline <= now.plus(3_600_000));
        }
        let sent = std::mem::take(&mut self.pole.board_mut().link.sent);
        let mut octets = if self.cut { &[] } else { sent.as_slice() };
        while let Some(event) = self.edge.receive(now, &mut octets) {
            self.event(event);
        }
        while let Some(event) = self.edge.poll(now) {
            self.event(event);
        }
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = self.edge.poll_transmit(now, &mut buffer) {
            if !self.cut {
                self.pole.board_mut().link.received.extend(octets);
            }
        }
    }

    fn event(&mut self, event: EdgeEvent) {
        match event {
            EdgeEvent::Up { hello, .. } => {
                self.hello = Some(hello);
                self.active.clear();
            }
            EdgeEvent::Down(reason) => self.downs.push(reason),
            EdgeEvent::Rejected { .. } => panic!("{event:?}"),
            EdgeEvent::Telemetry(telemetry) => self.telemetry.push(telemetry),
            EdgeEvent::Alarm(alarm) => {
                self.alarms += 1;
                let key = (alarm.kind, alarm.source);
                if alarm.active {
                    self.active.insert(key, alarm.value);
                } else {
                    self.active.remove(&key);
                }
            }
            EdgeEvent::State(state) => self.states.push(state),
            EdgeEvent::Finished { id, outcome } => self.outcomes.push((id, outcome)),
        }
    }

    /// What becomes of a command.
    pub fn command(&mut self, command: Command) -> CommandOutcome {
        let id = self.edge.submit(command, self.now.plus(5000)).unwrap();
        let mut outcome = None;
        self.run_until("the command is over", |world| {
            outcome = world.outcomes.iter().find(|(finished, _)| *finished == id).map(|(_, outcome)| *outcome);
            outcome.is_some()
        });
        outcome.unwrap()
    }

    pub fn is_active(&self, kind: AlarmKind, source: u8) -> bool {
        self.active.contains_key(&(kind, source))
    }

    /// The reset that the board was asked for, or any other: all but board and edge is gone.
    pub fn restart(mut self, cause: ResetCause) -> Self {
        let mut board = self.pole.into_board();
        board.cause = cause;
        board.resets.clear();
        board.link.received.clear();
        board.now = self.now;
        self.pole = Pole::new(board);
        self
    }

    /// Values of a quantity in all telemetry so far.
    pub fn readings(&self, quantity: Quantity) -> Vec<i32> {
        let all = self.telemetry.iter().flat_map(|telemetry| &telemetry.readings);
        all.filter(|reading| reading.quantity == quantity).map(|reading| reading.value).collect()
    }
}
