//! The shell: what it does with the parts of a board, with the link, with resets and with the watchdog.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use embedded_hal_mock::eh1::MockError;
use embedded_hal_mock::eh1::digital::{Mock as Pin, State, Transaction as PinStep};
use embedded_hal_mock::eh1::pwm::{Mock as Pwm, Transaction as PwmStep};
use pole_link::{
    AlarmKind, BusConfig, BusMaster, BusTiming, Capabilities, Command, CommandOutcome, EdgeConfig, EdgeEnd, EdgeEvent,
    MAX_WIRE, Medium, Millis, Permille, PoleAddress, ResetCause, Session,
};
use pole_node::board::{Board, Contacts, Identity, NoFlash};
use pole_node::{Action, Duty, Faults, Node, Pole, Setup};
use support::board::{SimBoard, SimLink};
use support::world::World;

/// A board of a luminaire and a beacon whose every step is checked.
struct MockBoard {
    now: Millis,
    link: SimLink,
    luminaire: Pwm,
    beacon: Pin,
}

impl Board for MockBoard {
    type Link = SimLink;
    type Luminaire = Pwm;
    type Beacon = Pin;
    type Flash = NoFlash;

    fn identity(&self) -> Identity {
        SimBoard::new().identity()
    }

    fn now(&self) -> Millis {
        self.now
    }

    fn reset_cause(&self) -> ResetCause {
        ResetCause::POWER_ON
    }

    fn reset(&mut self, _cause: ResetCause) {
        panic!("nobody asked for it");
    }

    fn feed_watchdog(&mut self) {}

    fn link(&mut self) -> &mut SimLink {
        &mut self.link
    }

    fn luminaire(&mut self) -> Option<&mut Pwm> {
        Some(&mut self.luminaire)
    }

    fn beacon(&mut self) -> Option<&mut Pin> {
        Some(&mut self.beacon)
    }
}

#[test]
fn parts_are_set_when_something_changes_and_tried_again_when_they_fail() {
    let broken = MockError::Io(std::io::ErrorKind::NotConnected);
    let level = |duty| [PwmStep::max_duty_cycle(2000), PwmStep::set_duty_cycle(duty)];
    let mut pwm = level(2000).to_vec();
    pwm[1] = pwm[1].clone().with_error(broken.clone());
    // A second later again; then the command's level, in one step.
    pwm.extend(level(2000));
    pwm.extend(level(500));
    let pin = [PinStep::set(State::Low).with_error(broken), PinStep::set(State::Low), PinStep::set(State::High)];
    let link = SimLink { room: 1000, ..SimLink::default() };
    let board = MockBoard { now: Millis(0), link, luminaire: Pwm::new(&pwm), beacon: Pin::new(&pin) };
    let mut pole: Pole<MockBoard> = Pole::new(board);
    let mut edge = EdgeEnd::new(PoleAddress::FIRST, Medium::Uart, EdgeConfig::new(Session::MIN), Millis(0));
    let set = Command::SetLuminaire { level: Permille::try_from(250).unwrap(), ramp_ms: 0 };
    let warning = Command::ShowWarning {
        text_id: 0,
        colour: pole_link::Colour::RED,
        blink: pole_link::Blink::STEADY,
        beacon: true,
        expires_ms: 60_000,
    };
    let mut done = 0;
    for ms in 0..3000 {
        let now = Millis(ms);
        pole.board_mut().now = now;
        pole.poll();
        let sent = std::mem::take(&mut pole.board_mut().link.sent);
        let mut sent = sent.as_slice();
        while let Some(event) = edge.receive(now, &mut sent) {
            match event {
                EdgeEvent::Up { hello, .. } => {
                    assert_eq!(hello.info.capabilities, Capabilities::LUMINAIRE.with(Capabilities::BEACON));
                }
                EdgeEvent::Finished { outcome, .. } => {
                    assert_eq!(outcome, CommandOutcome::Done);
                    done += 1;
                }
                _ => {}
            }
        }
        if ms == 2000 {
            edge.submit(set.clone(), now.plus(1000)).unwrap();
            edge.submit(warning.clone(), now.plus(1000)).unwrap();
        }
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = edge.poll_transmit(now, &mut buffer) {
            pole.board_mut().link.received.extend(octets);
        }
    }
    assert_eq!(done, 2);
    let mut board = pole.into_board();
    board.luminaire.done();
    board.beacon.done();
}

#[test]
fn a_commanded_reset_is_answered_first_and_known_afterwards() {
    let mut world = World::up(SimBoard::new());
    // The answer takes several passes.
    world.board().link.room = 4;
    assert_eq!(world.command(Command::Reset), CommandOutcome::Done);
    let answered = world.now;
    world.run_until("reset", |world| !world.pole.board().resets.is_empty());
    assert!(world.now <= answered.plus(20), "at once then");
    world.board().link.room = 64;
    assert_eq!(world.board().resets[0], ResetCause::COMMAND);
    let mut world = world.restart(ResetCause::COMMAND);
    world.hello = None;
    world.run_until("greeted", |world| world.hello.is_some());
    let hello = world.hello.as_ref().unwrap();
    assert_eq!((hello.info.reset_cause, hello.boot_count), (ResetCause::COMMAND, 2));
}

#[test]
fn a_reset_is_not_kept_waiting_by_a_line_that_is_stuck() {
    let mut world = World::up(SimBoard::new());
    world.edge.submit(Command::Reset, world.now.plus(100_000)).unwrap();
    world.run_ms(5);
    world.board().link.room = 0;
    world.run_until("reset", |world| !world.pole.board().resets.is_empty());
    assert!(world.now < Millis(4000));
}

#[test]
fn a_slow_line_gets_every_octet() {
    let mut board = SimBoard::new();
    board.link.room = 1;
    let mut world = World::new(board);
    // An octet in 5 ms.
    world.run_until("telemetry", |world| world.telemetry.len() > 2);
    assert_eq!(world.edge.counters().bad_crc + world.edge.counters().bad_cobs, 0);
}

#[test]
fn datagrams_work_as_well() {
    let mut board = SimBoard::new();
    board.medium = Medium::Udp;
    board.link.room = 300;
    let mut pole: Pole<SimBoard> = Pole::new(board);
    let mut edge = EdgeEnd::new(PoleAddress::FIRST, Medium::Udp, EdgeConfig::new(Session::MIN), Millis(0));
    let mut telemetry = 0;
    for ms in (0..15_000).step_by(5) {
        let now = Millis(ms);
        pole.board_mut().now = now;
        // One datagram at a time, as each is taken alone.
        pole.poll();
        let sent = std::mem::take(&mut pole.board_mut().link.sent);
        let mut event = (!sent.is_empty()).then(|| edge.receive_datagram(now, &sent)).flatten();
        while let Some(told) = event {
            telemetry += u32::from(matches!(told, EdgeEvent::Telemetry(_)));
            event = edge.poll(now);
        }
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = edge.poll_transmit(now, &mut buffer) {
            pole.board_mut().link.datagrams.push_back(octets.to_vec());
        }
    }
    assert!(pole.node().link_state().is_up());
    assert_eq!(telemetry, 1);
}

/// Two poles on a bus whose wire takes no time. None speaks out of turn, and each has what it needs.
#[test]
fn poles_share_a_bus() {
    let medium = Medium::Bus(BusTiming::BAUD_115200);
    let mut poles = [1, 2].map(|address| {
        let mut board = SimBoard::new();
        board.medium = medium;
        board.address = PoleAddress::try_from(address).unwrap();
        board.link.room = 2000;
        let pole: Pole<SimBoard> = Pole::new(board);
        pole
    });
    let mut master = BusMaster::<2>::new(BusConfig::new(Session::MIN), Millis(0));
    for pole in &poles {
        master.add(pole.board().address, Millis(0)).unwrap();
    }
    let (mut telemetry, mut calls, mut done) = ([0; 2], [0; 2], 0);
    for ms in 1..25_000 {
        let now = Millis(ms);
        match ms {
            5000 => {
                let level = Permille::try_from(300).unwrap();
                master.broadcast(Command::SetLuminaire { level, ramp_ms: 0 }).unwrap();
                master.submit(poles[1].board().address, Command::GetState, now.plus(1000)).unwrap();
            }
            6000 => poles[0].board_mut().inputs.0 = Ok(Contacts::EMERGENCY_CALL),
            _ => {}
        }
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = master.poll_transmit(now, &mut buffer) {
            for pole in &mut poles {
                pole.board_mut().link.received.extend(octets);
            }
        }
        let mut speakers = 0;
        let mut wire = Vec::new();
        for at in 0..poles.len() {
            poles[at].board_mut().now = now;
            poles[at].poll();
            let sent = std::mem::take(&mut poles[at].board_mut().link.sent);
            speakers += u32::from(!sent.is_empty());
            poles[1 - at].board_mut().link.received.extend(&sent);
            wire.extend(sent);
        }
        assert!(speakers < 2, "both at once, after {ms} ms");
        let mut wire = wire.as_slice();
        while let Some((address, event)) = master.receive(now, &mut wire).or_else(|| master.poll(now)) {
            let at = usize::from(address.get()) - 1;
            match event {
                EdgeEvent::Telemetry(_) => telemetry[at] += 1,
                EdgeEvent::Alarm(alarm) if alarm.kind == AlarmKind::EMERGENCY_CALL => calls[at] += 1,
                EdgeEvent::Finished { outcome, .. } => {
                    assert_eq!(outcome, CommandOutcome::Done);
                    done += 1;
                }
                EdgeEvent::Down(reason) => panic!("{reason:?}"),
                _ => {}
            }
        }
    }
    assert_eq!((telemetry, calls, done), ([2, 2], [1, 0], 1));
    for pole in &poles {
        let state = pole.node().state(Millis(25_000));
        assert_eq!((state.level.get(), state.link.bad_crc), (300, 0));
    }
}

fn node(settings: Option<pole_node::Settings>) -> Node {
    let board = SimBoard::new();
    let setup = Setup {
        identity: board.identity(),
        parts: Capabilities::LUMINAIRE,
        texts: 0,
        max_image_octets: 0,
        address: PoleAddress::FIRST,
        medium: Medium::Uart,
        reset_cause: ResetCause::POWER_ON,
        keys: &[],
        settings,
        damaged_copies: 0,
    };
    Node::new(setup, Millis(0))
}

#[test]
fn the_watchdog_is_fed_only_when_every_duty_was_done_and_time_goes_on() {
    const DUTIES: [Duty; 5] = [Duty::Receive, Duty::Sample, Duty::Decide, Duty::Apply, Duty::Send];
    for missing in DUTIES {
        let mut node = node(None);
        for duty in DUTIES.into_iter().filter(|duty| *duty != missing) {
            node.did(duty);
            node.did(duty);
        }
        assert!(!node.may_feed(Millis(10)), "without {missing:?}");
        node.did(missing);
        assert!(!node.may_feed(Millis(0)), "time stands still");
        assert!(node.may_feed(Millis(10)));
        assert!(!node.may_feed(Millis(20)), "all begins anew");
    }
}

#[test]
fn a_pole_that_runs_is_fed_and_one_whose_clock_stands_still_is_not() {
    let mut world = World::up(SimBoard::new());
    let fed = world.board().fed;
    world.run_ms(1000);
    let fed_ms = world.board().fed - fed;
    assert_eq!(fed_ms, 200, "once a pass of 5 ms");
    for _ in 0..1000 {
        world.pole.poll();
    }
    assert_eq!(world.board().fed - fed, 200);
}

#[test]
fn a_flood_on_the_link_starves_nothing() {
    let mut world = World::up(SimBoard::new());
    for _ in 0..200 {
        // More than is taken in a pass.
        world.board().link.received.clear();
        world.board().link.received.extend(core::iter::repeat_n(0x55, 2000));
        let fed = world.board().fed;
        world.run_ms(5);
        assert!(world.board().link.received.len() > 900);
        assert_eq!(world.board().fed, fed + 1);
    }
    world.board().link.received.clear();
    world.run_ms(1000);
    assert!(world.pole.node().link_state().is_up());
}

#[test]
fn the_start_is_kept_once() {
    let mut node = node(Some(pole_node::Settings::default()));
    assert_eq!(node.take_action(Millis(0)), Some(Action::Store), "the start is counted");
    node.stored(Millis(0), Ok(pole_node::Saved::Both));
    assert_eq!(node.take_action(Millis(0)), None);
    node.applied(Millis(0), Faults::default());
    assert_eq!(node.take_action(Millis(0)), None);
}

#[test]
fn what_a_pole_takes_of_memory() {
    let (node, pole) = (size_of::<Node>(), size_of::<Pole<MockBoard>>() - size_of::<MockBoard>());
    // On the target addresses are half as long. The bound is the part of 12 KiB that the node may have.
    assert!(node <= 7 * 1024 && pole <= node + 512, "a node takes {node} octets, the shell {}", pole - node);
}
