//! The safe state, and telemetry with and without a link.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use pole_link::{
    Blink, Colour, Command, CommandOutcome, ConfigKey, DownReason, LightMode, Permille, Quantity, ResetCause,
};
use pole_node::board::{SensorError, WindReading};
use support::board::SimBoard;
use support::world::World;

fn dim() -> Command {
    Command::SetLuminaire { level: Permille::try_from(200).unwrap(), ramp_ms: 0 }
}

fn config(key: ConfigKey, value: i32) -> Command {
    Command::SetConfig { key, value }
}

/// A dimmed pole that shows a warning for an hour.
fn busy() -> World {
    let mut world = World::up(SimBoard::new());
    world.command(dim());
    let warning = Command::ShowWarning {
        text_id: 3,
        colour: Colour::AMBER,
        blink: Blink::SLOW,
        beacon: true,
        expires_ms: 3_600_000,
    };
    world.command(warning);
    world.run_ms(1000);
    assert_eq!(world.level(), 200);
    world
}

#[test]
fn a_silent_link_is_the_safe_state_and_a_greeting_its_end() {
    let mut world = busy();
    world.cut = true;
    world.run_ms(59_000);
    assert_eq!(world.level(), 200, "not yet: it is 60 s");
    assert!(world.board().beacon.on);
    world.run_ms(4000);
    assert_eq!(world.level(), 1000);
    assert_eq!(world.board().display.as_ref().unwrap().shown, None);
    assert!(!world.board().beacon.on);
    let safe = world.pole.node().state(world.now);
    assert!(safe.safe && safe.mode == LightMode::SAFE);
    world.run_ms(600_000);
    assert_eq!(world.level(), 1000);
    world.cut = false;
    world.run_until("the link is back", |world| world.pole.node().link_state().is_up());
    world.run_ms(3000);
    assert_eq!(world.level(), 200, "as commanded before");
    assert!(!world.state().safe);
    assert_eq!(world.state().warning, None, "it has expired");
    assert!(world.downs.contains(&DownReason::Silent));
}

#[test]
fn a_presence_from_before_is_not_believed_afterwards() {
    let mut world = busy();
    let level = Permille::try_from(900).unwrap();
    assert_eq!(world.command(Command::Presence { level, ramp_ms: 0, hold_ms: 3_600_000 }), CommandOutcome::Done);
    world.cut = true;
    world.run_ms(70_000);
    assert_eq!(world.level(), 1000);
    world.cut = false;
    world.run_until("the link is back", |world| world.pole.node().link_state().is_up());
    world.run_ms(3000);
    assert_eq!(world.level(), 200);
}

#[test]
fn a_short_silence_is_none() {
    let mut world = busy();
    world.cut = true;
    world.run_ms(30_000);
    world.cut = false;
    world.run_ms(10_000);
    assert_eq!(world.level(), 200);
    assert!(world.board().beacon.on, "the warning goes on");
    assert!(world.states.iter().all(|state| !state.safe));
}

#[test]
fn time_and_level_of_the_safe_state_are_configured() {
    let mut world = busy();
    assert_eq!(world.command(config(ConfigKey::SAFE_AFTER_MS, 7000)), CommandOutcome::Done);
    assert_eq!(world.command(config(ConfigKey::SAFE_LEVEL_PERMILLE, 700)), CommandOutcome::Done);
    world.cut = true;
    world.run_ms(10_000);
    assert_eq!(world.level(), 700);
}

#[test]
fn a_pole_that_never_finds_an_edge_is_in_its_safe_state() {
    let mut world = World::new(SimBoard::new());
    world.cut = true;
    world.run_ms(61_000);
    let state = world.pole.node().state(world.now);
    assert!(state.safe && world.level() == 1000);
}

#[test]
fn telemetry_sums_up_what_was_measured() {
    let mut board = SimBoard::new();
    board.wind.0 = Ok(WindReading { speed_mm_per_s: 2000, from_cdeg: Some(100) });
    let mut world = World::up(board);
    world.run_until("telemetry", |world| !world.telemetry.is_empty());
    world.telemetry.clear();
    world.run_ms(4000);
    world.board().wind.0 = Ok(WindReading { speed_mm_per_s: 4000, from_cdeg: Some(200) });
    world.run_ms(7000);
    let telemetry = &world.telemetry[0];
    assert_eq!(world.telemetry.len(), 1);
    assert!(telemetry.age_ms < 100 && !telemetry.backlog && telemetry.sample == 2);
    let wind = world.readings(Quantity::WIND_SPEED)[0];
    assert!((3000..=3500).contains(&wind), "a mean: {wind}");
    assert_eq!(world.readings(Quantity::WIND_DIRECTION), [200]);
    assert_eq!(world.readings(Quantity::LUMINAIRE_LEVEL), [1000]);
    assert_eq!(world.readings(Quantity::AIR_TEMPERATURE), [21_500]);
    assert_eq!(telemetry.readings.len(), 22, "all that there are");
}

#[test]
fn the_period_is_configured() {
    let mut world = World::up(SimBoard::new());
    world.command(config(ConfigKey::TELEMETRY_PERIOD_MS, 1000));
    world.telemetry.clear();
    world.run_ms(20_000);
    assert!((19..=21).contains(&world.telemetry.len()), "{}", world.telemetry.len());
    assert!(world.telemetry.windows(2).all(|pair| pair[1].sample == pair[0].sample + 1));
}

#[test]
fn what_was_measured_without_a_link_is_sent_when_it_is_back_and_live_goes_first() {
    let mut world = World::up(SimBoard::new());
    world.run_ms(25_000);
    let before = world.telemetry.last().unwrap().sample;
    world.telemetry.clear();
    world.cut = true;
    world.run_ms(600_000);
    world.board().rain.0 = Ok(777);
    world.cut = false;
    world.run_until("the link is back", |world| world.pole.node().link_state().is_up());
    world.run_ms(60_000);
    // Nothing is missing, not even what was sent into the cut wire before the silence was noticed.
    let mut numbers: Vec<u32> = world.telemetry.iter().map(|telemetry| telemetry.sample).collect();
    let first = &world.telemetry[0];
    assert!(!first.backlog && first.age_ms < 1000, "live goes first: {first:?}");
    numbers.sort_unstable();
    numbers.dedup();
    let all: Vec<u32> = (before + 1..=*numbers.last().unwrap()).collect();
    assert_eq!(numbers, all);
    let kept: Vec<_> = world.telemetry.iter().filter(|telemetry| telemetry.backlog).collect();
    assert!(kept.len() >= 10, "one a minute: {}", kept.len());
    assert!(kept[0].age_ms > 500_000);
    assert_eq!(world.state().lost_telemetry, 0);
}

#[test]
fn a_full_ring_drops_the_oldest_and_counts_them() {
    let mut world = World::up(SimBoard::new());
    world.cut = true;
    world.run_ms(2 * 3_600_000);
    world.cut = false;
    world.telemetry.clear();
    world.states.clear();
    world.run_until("the link is back", |world| world.pole.node().link_state().is_up());
    world.run_ms(120_000);
    let lost = world.state().lost_telemetry;
    let kept: Vec<u32> = world.telemetry.iter().filter(|telemetry| telemetry.backlog).map(|kept| kept.sample).collect();
    assert!(lost > 60, "{lost}");
    assert!(kept.len() >= 20, "{}", kept.len());
    assert_eq!(kept[0], lost + 1, "the oldest that is left follows the last that was dropped");
    assert!(kept.windows(2).all(|pair| pair[1] == pair[0] + 1), "{kept:?}");
}

#[test]
fn sampling_goes_on_in_the_safe_state() {
    let mut world = World::up(SimBoard::new());
    world.cut = true;
    world.run_ms(120_000);
    world.board().visibility.0 = Ok(30);
    world.run_ms(10_000);
    world.cut = false;
    world.run_ms(10_000);
    let key = (pole_link::AlarmKind::THRESHOLD, Quantity::VISIBILITY.0);
    assert_eq!(world.active.get(&key), Some(&30));
}

#[test]
fn a_sensor_that_does_not_answer_is_missing_and_told() {
    let mut world = World::up(SimBoard::new());
    world.board().climate.0 = Err(SensorError::Fault);
    world.run_ms(30_000);
    world.telemetry.clear();
    world.run_ms(11_000);
    assert!(world.readings(Quantity::AIR_TEMPERATURE).is_empty());
    assert!(!world.readings(Quantity::RAIN).is_empty());
    assert!(world.is_active(pole_link::AlarmKind::SENSOR_FAULT, Quantity::AIR_TEMPERATURE.0));
    let world = world.restart(ResetCause::WATCHDOG);
    assert_eq!(world.pole.node().settings().errors().watchdog_resets, 1);
}
