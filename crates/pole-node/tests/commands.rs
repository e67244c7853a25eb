//! The luminaire: ramps, presence, schedule; the warning; and commands that are refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use pole_link::{
    Blink, Colour, Command, CommandOutcome, ConfigKey, LightMode, MinuteOfDay, Permille, Refusal, ResetCause,
    SwitchPoint, SwitchPoints, Version,
};
use pole_node::{MAX_HOLD_MS, MAX_RAMP_MS, MAX_WARNING_MS};
use support::board::{MAX_IMAGE_OCTETS, OWN_KEY, SimBoard};
use support::world::World;

fn level(permille: u16) -> Permille {
    Permille::try_from(permille).unwrap()
}

fn set(permille: u16, ramp_ms: u32) -> Command {
    Command::SetLuminaire { level: level(permille), ramp_ms }
}

fn presence(permille: u16, ramp_ms: u32, hold_ms: u32) -> Command {
    Command::Presence { level: level(permille), ramp_ms, hold_ms }
}

fn schedule(points: &[(u16, u16)]) -> Command {
    let point =
        |(minute, at): &(u16, u16)| SwitchPoint { minute: MinuteOfDay::try_from(*minute).unwrap(), level: level(*at) };
    Command::Schedule { points: points.iter().map(point).collect::<SwitchPoints>() }
}

fn warning(text_id: u16, beacon: bool, expires_ms: u32) -> Command {
    Command::ShowWarning { text_id, colour: Colour::RED, blink: Blink::FAST, beacon, expires_ms }
}

#[test]
fn a_ramp_is_straight_and_ends_where_it_should() {
    let mut world = World::up(SimBoard::new());
    assert_eq!(world.level(), 1000, "full from the start");
    assert_eq!(world.command(set(200, 4000)), CommandOutcome::Done);
    let begin = world.now;
    let mut before = 1000;
    while world.now < begin.plus(4000) {
        world.run_ms(5);
        let gone = world.now.since(begin) as u32;
        let expected = 1000 - 800 * gone.min(4000) / 4000;
        assert!(world.level().abs_diff(expected) <= 6, "{} after {gone} ms", world.level());
        assert!(world.level() <= before);
        before = world.level();
    }
    world.run_ms(50);
    assert_eq!(world.level(), 200);
    let state = world.state();
    assert_eq!((state.level, state.target, state.mode), (level(200), level(200), LightMode::COMMAND));
}

#[test]
fn a_ramp_that_is_overtaken_goes_on_from_where_it_is() {
    let mut world = World::up(SimBoard::new());
    world.command(set(0, 2000));
    world.run_ms(1000);
    let half = world.level();
    assert!((400..600).contains(&half));
    world.command(set(1000, 10_000));
    world.run_ms(100);
    assert!(world.level().abs_diff(half) < 30, "no jump");
}

#[test]
fn presence_brightens_and_dims_back_by_itself() {
    let mut world = World::up(SimBoard::new());
    world.command(set(300, 0));
    assert_eq!(world.command(presence(900, 500, 3000)), CommandOutcome::Done);
    world.run_ms(600);
    assert_eq!(world.level(), 900);
    assert_eq!(world.state().mode, LightMode::PRESENCE);
    // Another before the end holds it longer.
    world.run_ms(1500);
    world.command(presence(900, 500, 3000));
    world.run_ms(2000);
    assert_eq!(world.level(), 900);
    world.run_ms(1200);
    assert!((301..899).contains(&world.level()), "on the way back");
    world.run_ms(600);
    assert_eq!(world.level(), 300);
    assert_eq!(world.state().mode, LightMode::COMMAND);
}

#[test]
fn presence_never_dims_the_road() {
    let mut world = World::up(SimBoard::new());
    world.command(presence(100, 0, 5000));
    world.run_ms(1000);
    assert_eq!(world.level(), 1000);
    assert_eq!(world.state().mode, LightMode::SCHEDULE);
}

#[test]
fn the_schedule_follows_the_day_and_survives_a_reset() {
    let mut world = World::up(SimBoard::new());
    // It is noon: the last point of the day before holds until 12:02.
    assert_eq!(world.command(schedule(&[(722, 400), (724, 600), (1200, 800)])), CommandOutcome::Done);
    world.run_ms(5000);
    assert_eq!(world.level(), 800);
    world.run_ms(120_000);
    assert_eq!(world.level(), 400);
    assert_eq!(world.state().mode, LightMode::SCHEDULE);
    // A command takes it over; the schedule sent again takes it back.
    world.command(set(50, 0));
    world.run_ms(125_000);
    assert_eq!(world.level(), 50);
    world.command(schedule(&[(722, 400), (724, 600), (1200, 800)]));
    world.run_ms(5000);
    assert_eq!(world.level(), 600);
    // After a reset the time is not known until the edge says it: full until then.
    let mut world = world.restart(ResetCause::POWER_ON);
    world.cut = true;
    world.run_ms(5000);
    assert_eq!(world.level(), 1000);
    world.cut = false;
    world.run_until("the link is back", |world| world.pole.node().link_state().is_up());
    world.run_ms(5000);
    assert_eq!(world.level(), 600);
    assert_eq!(world.command(schedule(&[])), CommandOutcome::Done);
    world.run_ms(5000);
    assert_eq!(world.level(), 1000, "none means full");
}

#[test]
fn time_can_be_set() {
    let mut world = World::up(SimBoard::new());
    world.command(schedule(&[(0, 300), (60, 700)]));
    assert_eq!(world.command(Command::SetTime { unix_ms: 30 * 60_000 }), CommandOutcome::Done);
    world.run_ms(5000);
    assert_eq!(world.level(), 300);
}

#[test]
fn a_warning_blinks_and_expires() {
    let mut world = World::up(SimBoard::new());
    assert_eq!(world.command(warning(17, true, 10_000)), CommandOutcome::Done);
    let board = world.board();
    let shown = board.display.as_ref().unwrap().shown.unwrap();
    assert_eq!((shown.text_id, shown.colour), (17, Colour::RED));
    assert!(board.beacon.on);
    let changes = board.display.as_ref().unwrap().changes;
    world.run_ms(4000);
    let blinked = world.board().display.as_ref().unwrap().changes - changes;
    assert!((15..=17).contains(&blinked), "2 Hz is four changes a second: {blinked}");
    let told = world.state().warning.unwrap();
    assert_eq!((told.text_id, told.colour), (17, Colour::RED));
    assert!(world.state().beacon);
    world.run_ms(6100);
    assert_eq!(world.board().display.as_ref().unwrap().shown, None);
    assert!(!world.board().beacon.on);
    assert_eq!((world.state().warning, world.state().beacon), (None, false));
}

#[test]
fn a_warning_that_is_prolonged_blinks_on() {
    let mut world = World::up(SimBoard::new());
    let mut lit = Vec::new();
    for _ in 0..40 {
        world.command(warning(1, false, 1000));
        world.run_ms(100);
        lit.push(world.board().display.as_ref().unwrap().shown.unwrap().lit);
    }
    let dark = lit.iter().filter(|lit| !**lit).count();
    assert!((15..=25).contains(&dark), "half of the time: {dark}");
}

#[test]
fn a_warning_is_replaced_prolonged_and_cleared() {
    let mut world = World::up(SimBoard::new());
    world.command(warning(1, true, 1000));
    world.command(warning(1, true, 20_000));
    world.run_ms(5000);
    assert_eq!(world.board().display.as_ref().unwrap().shown.unwrap().text_id, 1, "prolonged");
    world.command(warning(2, false, 20_000));
    assert_eq!(world.board().display.as_ref().unwrap().shown.unwrap().text_id, 2);
    assert!(!world.board().beacon.on);
    world.command(warning(0, true, 20_000));
    assert_eq!(world.board().display.as_ref().unwrap().shown, None);
    assert!(world.board().beacon.on, "text 0 is the beacon alone");
    assert_eq!(world.command(Command::ClearWarning), CommandOutcome::Done);
    assert!(!world.board().beacon.on);
}

#[test]
fn what_cannot_be_is_refused_with_the_reason() {
    let mut world = World::up(SimBoard::new());
    let refused = |world: &mut World, command: Command| match world.command(command.clone()) {
        CommandOutcome::Refused(refusal) => refusal,
        other => panic!("{command:?}: {other:?}"),
    };
    let bad = Refusal::BAD_VALUE;
    assert_eq!(refused(&mut world, set(1, MAX_RAMP_MS + 1)), bad);
    assert_eq!(refused(&mut world, presence(1, MAX_RAMP_MS + 1, 1)), bad);
    assert_eq!(refused(&mut world, presence(1, 1, MAX_HOLD_MS + 1)), bad);
    assert_eq!(refused(&mut world, schedule(&[(5, 1), (6, 1), (5, 2)])), bad, "one minute twice");
    assert_eq!(refused(&mut world, warning(41, false, 1000)), bad, "there are 40 texts");
    assert_eq!(refused(&mut world, warning(0, false, 1000)), bad, "neither text nor beacon");
    assert_eq!(refused(&mut world, warning(1, false, 0)), bad);
    assert_eq!(refused(&mut world, warning(1, false, MAX_WARNING_MS + 1)), bad);
    let purple =
        Command::ShowWarning { text_id: 1, colour: Colour(99), blink: Blink::STEADY, beacon: false, expires_ms: 1000 };
    assert_eq!(refused(&mut world, purple), bad);
    let unknown = ConfigKey(99);
    assert_eq!(refused(&mut world, Command::GetConfig { key: unknown }), Refusal::UNKNOWN_KEY);
    assert_eq!(refused(&mut world, Command::SetConfig { key: unknown, value: 0 }), Refusal::UNKNOWN_KEY);
    let safe = ConfigKey::SAFE_LEVEL_PERMILLE;
    assert_eq!(refused(&mut world, Command::SetConfig { key: safe, value: 499 }), bad, "a road must not go dark");
    let image = |image_octets| Command::PrepareUpdate { image_octets, version: Version::default(), sha256: [7; 32] };
    assert_eq!(refused(&mut world, image(0)), bad);
    assert_eq!(refused(&mut world, image(MAX_IMAGE_OCTETS + 1)), bad);
    assert_eq!(world.level(), 1000, "none of these did anything");
}

#[test]
fn parts_that_are_not_there_are_refused() {
    let mut board = SimBoard::new();
    board.display = None;
    board.bootloader = false;
    let mut world = World::up(board);
    let none = CommandOutcome::Refused(Refusal::NO_SUCH_PART);
    assert_eq!(world.command(warning(1, false, 1000)), none);
    assert_eq!(world.command(warning(0, true, 1000)), CommandOutcome::Done, "the beacon is there");
    let image = Command::PrepareUpdate { image_octets: 1000, version: Version::default(), sha256: [7; 32] };
    assert_eq!(world.command(image), none);
}

#[test]
fn parts_that_fail_are_told() {
    let mut world = World::up(SimBoard::new());
    world.board().display.as_mut().unwrap().broken = true;
    assert_eq!(world.command(warning(1, false, 60_000)), CommandOutcome::Refused(Refusal::FAULT));
    world.board().display.as_mut().unwrap().broken = false;
    world.run_ms(1100);
    assert_eq!(world.board().display.as_ref().unwrap().shown.unwrap().text_id, 1, "tried again");
    world.board().luminaire.broken = true;
    world.command(set(500, 100));
    world.run_ms(1000);
    assert!(world.is_active(pole_link::AlarmKind::LAMP_FAULT, 0));
    assert_eq!(world.state().mode, LightMode::FAULT);
    assert_eq!(world.command(set(600, 0)), CommandOutcome::Refused(Refusal::FAULT));
    world.board().luminaire.broken = false;
    world.run_ms(2000);
    assert!(!world.is_active(pole_link::AlarmKind::LAMP_FAULT, 0));
    assert_eq!(world.level(), 600);
}

#[test]
fn configuration_is_set_asked_for_and_kept() {
    let mut world = World::up(SimBoard::new());
    let get = |key| Command::GetConfig { key };
    assert_eq!(world.command(get(OWN_KEY)), CommandOutcome::Value(3));
    assert_eq!(world.command(get(ConfigKey::POWER_FAILURE_MV)), CommandOutcome::Value(20_000), "the board's default");
    assert_eq!(world.command(Command::SetConfig { key: OWN_KEY, value: -7 }), CommandOutcome::Done);
    let ramp = Command::SetConfig { key: ConfigKey::DEFAULT_RAMP_MS, value: 0 };
    assert_eq!(world.command(ramp), CommandOutcome::Done);
    let mut world = world.restart(ResetCause::PIN);
    world.run_ms(1000);
    assert_eq!(world.command(get(OWN_KEY)), CommandOutcome::Value(-7));
    assert_eq!(world.command(get(ConfigKey::DEFAULT_RAMP_MS)), CommandOutcome::Value(0));
    let writes = world.board().flash.as_ref().unwrap().writes;
    world.command(Command::SetConfig { key: OWN_KEY, value: -7 });
    assert_eq!(world.board().flash.as_ref().unwrap().writes, writes, "the same again wears nothing");
}
