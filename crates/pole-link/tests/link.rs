//! What both ends do with each other, step by step.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may stop, print and read files"
)]

mod support;

use pole_link::{
    AlarmKey, AlarmKind, Command, CommandId, CommandOutcome, DownReason, EdgeConfig, EdgeEnd, EdgeEvent, LinkState,
    MAX_COMMANDS, MAX_WIRE, Medium, Millis, NotNow, Outcome, Permille, PoleAddress, PoleEnd, PoleEvent, QueueFull,
    Readings, Refusal, ResetCause, Sample, Session, Ticket,
};

/// A serial line without faults that can be cut.
struct Line {
    now: Millis,
    pole: PoleEnd,
    edge: EdgeEnd,
    to_pole: bool,
    to_edge: bool,
    at_pole: Vec<PoleEvent>,
    at_edge: Vec<EdgeEvent>,
}

fn pole(boot_count: u32, cause: ResetCause, now: Millis) -> PoleEnd {
    PoleEnd::new(support::pole_config(1, Medium::Uart, boot_count, cause), now)
}

fn edge(session: u32, now: Millis) -> EdgeEnd {
    EdgeEnd::new(PoleAddress::FIRST, Medium::Uart, EdgeConfig::new(Session::new(session).unwrap()), now)
}

const DIM: Command = Command::SetLuminaire { level: Permille::MAX, ramp_ms: 500 };

impl Line {
    fn new() -> Self {
        let now = Millis(5000);
        let (pole, edge) = (pole(1, ResetCause::POWER_ON, now), edge(1, now));
        Self { now, pole, edge, to_pole: true, to_edge: true, at_pole: Vec::new(), at_edge: Vec::new() }
    }

    fn up() -> Self {
        let mut line = Self::new();
        line.exchange();
        assert!(line.pole.state().is_up() && line.edge.state().is_up());
        line.at_pole.clear();
        line.at_edge.clear();
        line
    }

    /// Everything that either end has to say now reaches the other, unless the line is cut.
    fn exchange(&mut self) {
        let mut buffer = [0; MAX_WIRE];
        let mut quiet = false;
        while !quiet {
            quiet = true;
            self.at_pole.extend(core::iter::from_fn(|| self.pole.poll(self.now)));
            self.at_edge.extend(core::iter::from_fn(|| self.edge.poll(self.now)));
            while let Some(mut octets) = self.pole.poll_transmit(self.now, &mut buffer) {
                quiet = false;
                while self.to_edge
                    && let Some(event) = self.edge.receive(self.now, &mut octets)
                {
                    self.at_edge.push(event);
                }
            }
            while let Some(mut octets) = self.edge.poll_transmit(self.now, &mut buffer) {
                quiet = false;
                while self.to_pole
                    && let Some(event) = self.pole.receive(self.now, &mut octets)
                {
                    self.at_pole.push(event);
                }
            }
        }
    }

    /// Time passes, in the steps that the ends ask for.
    fn pass(&mut self, ms: u32) {
        let until = self.now.plus(ms);
        loop {
            self.exchange();
            let deadlines = [self.pole.next_deadline(), self.edge.next_deadline()];
            let next = deadlines.into_iter().flatten().min().unwrap_or(until);
            assert!(next > self.now, "an end that has nothing to say wants to be asked at once");
            if next > until {
                self.now = until;
                return;
            }
            self.now = next;
        }
    }

    fn submit(&mut self, command: Command) -> CommandId {
        self.edge.submit(command, self.now.plus(20_000)).unwrap()
    }

    /// The command that the pole was given last.
    fn given(&mut self) -> Option<(Ticket, Command)> {
        self.at_pole.drain(..).rev().find_map(|event| match event {
            PoleEvent::Command(ticket, command) => Some((ticket, command)),
            _ => None,
        })
    }

    fn outcomes(&mut self) -> Vec<(CommandId, CommandOutcome)> {
        let finished = self.at_edge.drain(..).filter_map(|event| match event {
            EdgeEvent::Finished { id, outcome } => Some((id, outcome)),
            _ => None,
        });
        finished.collect()
    }
}

#[test]
fn a_greeting_makes_a_session_and_tells_the_time() {
    let mut line = Line::new();
    line.edge.set_clock(Millis(4000), 1_767_225_600_000);
    line.exchange();
    let up = PoleEvent::Up { protocol: 1, unix_ms: Some(1_767_225_601_000) };
    assert_eq!(line.at_pole, [up]);
    assert!(matches!(&line.at_edge[..], [EdgeEvent::Up { hello, protocol: 1, .. }] if hello.info.serial == "SP-1"));
    let up = LinkState::Up { since: Millis(5000), session: Session::MIN };
    assert_eq!((line.pole.state(), line.edge.state()), (up, up));
}

#[test]
fn results_reach_the_caller() {
    let mut line = Line::up();
    let answers = [Outcome::Done, Outcome::Value(-7), Outcome::Refused(Refusal::BUSY)];
    let expected = [CommandOutcome::Done, CommandOutcome::Value(-7), CommandOutcome::Refused(Refusal::BUSY)];
    for (answer, expected) in answers.into_iter().zip(expected) {
        let id = line.submit(DIM);
        line.exchange();
        let (ticket, command) = line.given().unwrap();
        assert_eq!(command, DIM);
        assert!(line.pole.finish(ticket, answer) && !line.pole.finish(ticket, answer), "once");
        line.exchange();
        assert_eq!(line.outcomes(), [(id, expected)]);
    }
}

#[test]
fn a_lost_result_is_sent_again_and_the_command_not_done_again() {
    let mut line = Line::up();
    let id = line.submit(DIM);
    line.exchange();
    let (ticket, _) = line.given().unwrap();
    line.to_edge = false;
    line.pole.finish(ticket, Outcome::Done);
    line.exchange();
    assert_eq!(line.outcomes(), []);
    line.to_edge = true;
    line.pass(150);
    assert_eq!(line.outcomes(), [(id, CommandOutcome::Done)]);
    assert_eq!(line.given(), None, "carried out again");
    assert_eq!(line.edge.counters().resent, 1);
}

#[test]
fn a_command_without_an_answer_times_out() {
    let mut line = Line::up();
    let attempts = line.submit(DIM);
    let deadline = line.edge.submit(DIM, line.now.plus(300)).unwrap();
    line.pass(400);
    assert_eq!(line.outcomes(), [(deadline, CommandOutcome::TimedOut)], "it waited behind the other");
    line.pass(15_000);
    assert_eq!(line.outcomes(), [(attempts, CommandOutcome::TimedOut)]);
    assert_eq!(line.edge.counters().resent, 7, "eight attempts");
    let (ticket, _) = line.given().unwrap();
    line.pole.finish(ticket, Outcome::Done);
    line.exchange();
    assert_eq!(line.outcomes(), [], "too late");
}

#[test]
fn a_full_queue_is_the_callers_to_know() {
    let mut line = Line::up();
    for _ in 0..MAX_COMMANDS {
        line.submit(DIM);
    }
    assert_eq!(line.edge.submit(DIM, line.now), Err(QueueFull));
    assert_eq!(line.edge.waiting_commands(), MAX_COMMANDS);
}

#[test]
fn a_reset_in_the_middle_of_a_command_has_it_sent_again() {
    let mut line = Line::up();
    let id = line.submit(DIM);
    line.exchange();
    assert!(line.given().is_some());
    line.pole = pole(2, ResetCause::WATCHDOG, line.now);
    line.exchange();
    let (ticket, command) = line.given().unwrap();
    assert_eq!(command, DIM);
    line.pole.finish(ticket, Outcome::Done);
    line.exchange();
    assert!(line.at_edge.contains(&EdgeEvent::Down(DownReason::Greeted)));
    assert_eq!(line.outcomes(), [(id, CommandOutcome::Done)]);
}

#[test]
fn a_command_not_to_be_repeated_is_interrupted() {
    let update = Command::PrepareUpdate { image_octets: 1, version: pole_link::Version::default(), sha256: [0; 32] };
    for command in [Command::Reset, update] {
        let mut line = Line::up();
        let id = line.submit(command);
        line.exchange();
        assert!(line.given().is_some());
        line.pole = pole(2, ResetCause::WATCHDOG, line.now);
        line.exchange();
        assert_eq!(line.given(), None);
        assert_eq!(line.outcomes(), [(id, CommandOutcome::Interrupted)]);
    }
}

#[test]
fn a_reset_that_was_commanded_is_done_even_without_an_answer() {
    let mut line = Line::up();
    let id = line.submit(Command::Reset);
    line.exchange();
    line.pole = pole(2, ResetCause::COMMAND, line.now);
    line.exchange();
    assert_eq!(line.outcomes(), [(id, CommandOutcome::Done)]);
}

#[test]
fn silence_takes_the_link_down_on_both_sides_and_a_greeting_up() {
    let mut line = Line::up();
    (line.to_pole, line.to_edge) = (false, false);
    line.pass(4900);
    assert!(line.pole.state().is_up() && line.edge.state().is_up());
    line.pass(1200);
    assert!(line.at_pole.contains(&PoleEvent::Down) && line.at_edge.contains(&EdgeEvent::Down(DownReason::Silent)));
    assert!(matches!(line.pole.state(), LinkState::Down { .. }) && matches!(line.edge.state(), LinkState::Down { .. }));
    line.pass(60_000);
    (line.to_pole, line.to_edge) = (true, true);
    line.pass(pole_link::HELLO_MAX_MS);
    assert!(line.pole.state().is_up() && line.edge.state().is_up());
}

#[test]
fn heartbeats_keep_the_link_up() {
    let mut line = Line::up();
    line.pass(100_000);
    assert!(line.at_pole.is_empty() && line.at_edge.is_empty());
    let frames = line.edge.counters().frames_in;
    assert!((98..=103).contains(&frames), "{frames} frames in 100 s");
    assert_eq!((line.edge.counters().lost, line.pole.counters().duplicate), (0, 0));
}

#[test]
fn a_daemon_that_starts_anew_is_greeted_at_the_next_heartbeat() {
    let mut line = Line::up();
    let door = AlarmKey { kind: AlarmKind::DOOR_OPEN, source: 1 };
    line.pole.raise(line.now, door, true, 0).unwrap();
    line.exchange();
    assert!(
        matches!(line.at_edge[..], [EdgeEvent::Alarm(alarm)] if alarm.active && alarm.kind == AlarmKind::DOOR_OPEN)
    );
    line.at_edge.clear();
    line.edge = edge(1000, line.now);
    line.pass(1100);
    assert!(matches!(line.pole.state(), LinkState::Up { session, .. } if session.get() == 1000));
    let alarms = line.at_edge.iter().filter(|event| matches!(event, EdgeEvent::Alarm(_))).count();
    assert_eq!(alarms, 1, "what is active is told again");
}

#[test]
fn a_pole_that_cannot_count_its_starts_is_believed_after_a_silence() {
    let now = Millis(5000);
    let mut line = Line { pole: pole(0, ResetCause::UNKNOWN, now), ..Line::new() };
    line.exchange();
    line.pole = pole(0, ResetCause::UNKNOWN, now);
    line.pass(4000);
    assert!(!line.pole.state().is_up());
    line.pass(6000);
    assert!(line.pole.state().is_up() && line.edge.state().is_up());
}

#[test]
fn telemetry_is_taken_while_there_is_a_session() {
    let sample = || Sample { number: 9, taken_at: Millis(4000), backlog: true, readings: Readings::new() };
    let mut line = Line::new();
    assert_eq!(line.pole.send_telemetry(sample()), Err(NotNow));
    line.exchange();
    line.at_edge.clear();
    assert_eq!(line.pole.send_telemetry(sample()), Ok(()));
    assert_eq!(line.pole.send_telemetry(sample()), Err(NotNow), "one waits");
    line.exchange();
    assert!(matches!(&line.at_edge[..], [EdgeEvent::Telemetry(telemetry)]
        if telemetry.sample == 9 && telemetry.age_ms == 1000 && telemetry.backlog));
    assert!(line.pole.takes_telemetry());
}
