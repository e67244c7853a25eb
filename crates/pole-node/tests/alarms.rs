//! Alarms: thresholds, contacts, the button, tilt and impact, sensors at fault.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use pole_link::{AlarmKind, Command, CommandOutcome, ConfigKey, Quantity};
use pole_node::board::{Acceleration3, Contacts, InsideReading, RoadReading, SensorError};
use support::board::SimBoard;
use support::world::World;

#[test]
fn a_threshold_is_reported_at_once_and_once() {
    let mut world = World::up(SimBoard::new());
    world.run_ms(5000);
    let mut told = Vec::new();
    for visibility in [190, 210, 190, 220, 199, 224, 225, 210, 201, 199] {
        world.board().visibility.0 = Ok(visibility);
        let alarms = world.alarms;
        world.run_ms(2010);
        told.push(world.alarms - alarms);
    }
    // 200 m with a margin of an eighth.
    assert_eq!(told, [1, 0, 0, 0, 0, 0, 1, 0, 0, 1]);
    assert!(world.is_active(AlarmKind::THRESHOLD, Quantity::VISIBILITY.0));
}

#[test]
fn each_threshold_has_its_alarm() {
    let mut world = World::up(SimBoard::new());
    let board = world.board();
    board.inside.0 = Ok(InsideReading { temperature_milli_celsius: Some(85_000), supply_mv: Some(19_999) });
    board.wind.0 = Ok(pole_node::board::WindReading { speed_mm_per_s: 17_200, from_cdeg: None });
    board.road.0 =
        Ok(RoadReading { temperature_milli_celsius: 999, water_um: Some(2000), ice_permille: None, state: None });
    board.visibility.0 = Ok(199);
    world.run_ms(3000);
    let at = |quantity: Quantity| (AlarmKind::THRESHOLD, quantity.0);
    let expected = [
        ((AlarmKind::OVER_TEMPERATURE, 0), 85_000),
        ((AlarmKind::POWER_FAILURE, 0), 19_999),
        (at(Quantity::WIND_SPEED), 17_200),
        (at(Quantity::ROAD_TEMPERATURE), 999),
        (at(Quantity::WATER_FILM), 2000),
        (at(Quantity::VISIBILITY), 199),
    ];
    for (key, value) in expected {
        assert_eq!(world.active.get(&key), Some(&value), "{key:?}");
    }
    assert_eq!(world.active.len(), expected.len());
}

#[test]
fn a_contact_that_bounces_is_one_alarm() {
    let mut world = World::up(SimBoard::new());
    for step in 0..40 {
        let door = if step % 2 == 0 { Contacts::DOOR_0 } else { Contacts::default() };
        world.board().inputs.0 = Ok(door);
        world.run_ms(10);
    }
    assert_eq!(world.alarms, 0, "never steady for 30 ms");
    world.board().inputs.0 = Ok(Contacts::DOOR_0);
    world.run_ms(25);
    assert_eq!(world.alarms, 0);
    world.run_ms(20);
    assert!(world.is_active(AlarmKind::DOOR_OPEN, 0));
    world.board().inputs.0 = Ok(Contacts::default());
    world.run_ms(50);
    assert!(!world.is_active(AlarmKind::DOOR_OPEN, 0));
    assert_eq!(world.alarms, 2);
}

#[test]
fn the_time_to_be_steady_is_configured() {
    let mut world = World::up(SimBoard::new());
    let slow = Command::SetConfig { key: ConfigKey::DEBOUNCE_MS, value: 500 };
    assert_eq!(world.command(slow), CommandOutcome::Done);
    world.board().inputs.0 = Ok(Contacts::FLOOD);
    world.run_ms(480);
    assert!(world.active.is_empty());
    world.run_ms(50);
    assert!(world.is_active(AlarmKind::FLOOD, 0));
}

#[test]
fn a_call_is_told_even_if_it_was_short_and_there_was_no_link() {
    let mut world = World::up(SimBoard::new());
    world.cut = true;
    world.run_ms(70_000);
    world.board().inputs.0 = Ok(Contacts::EMERGENCY_CALL);
    world.run_ms(200);
    world.board().inputs.0 = Ok(Contacts::default());
    world.run_ms(60_000);
    world.cut = false;
    let mut called = false;
    world.run_until("the call", |world| {
        called |= world.is_active(AlarmKind::EMERGENCY_CALL, 0);
        called
    });
    world.run_ms(1000);
    assert!(!world.is_active(AlarmKind::EMERGENCY_CALL, 0), "and that it is over");
}

#[test]
fn contacts_that_cannot_be_read_are_a_fault_and_change_nothing() {
    let mut world = World::up(SimBoard::new());
    world.board().inputs.0 = Ok(Contacts::DOOR_1);
    world.run_ms(100);
    world.board().inputs.0 = Err(SensorError::Fault);
    world.run_ms(100);
    assert!(world.is_active(AlarmKind::DOOR_OPEN, 1));
    assert!(world.is_active(AlarmKind::SENSOR_FAULT, 0));
}

#[test]
fn a_pole_that_was_hit_and_leans_says_so() {
    let mut world = World::up(SimBoard::new());
    world.run_ms(12_000);
    let hit = Acceleration3 { x_mg: 6000, y_mg: 2500, z_mg: 998 };
    world.board().acceleration.queued.extend([hit, hit]);
    world.board().acceleration.rest = Acceleration3 { x_mg: 260, y_mg: 0, z_mg: 966 };
    world.run_ms(100);
    let peak = world.active[&(AlarmKind::IMPACT, 0)];
    assert!((6400..=6500).contains(&peak), "{peak}");
    world.run_ms(10_000);
    let tilt = world.active[&(AlarmKind::TILT, 0)];
    assert!((500..=900).contains(&tilt), "as it was seen beyond 5°: {tilt}");
    world.run_ms(10_000);
    assert!(!world.is_active(AlarmKind::IMPACT, 0), "an impact is over");
    let tilt = *world.readings(Quantity::TILT).last().unwrap();
    // 15.06°, of which the board leaned 0.69° already when upright was learned.
    assert!((1425..=1445).contains(&tilt), "{tilt}");
    assert!(world.readings(Quantity::PEAK_ACCELERATION).iter().any(|peak| (6400..=6500).contains(peak)));
    // Upright is kept over a reset: it still leans.
    let mut world = world.restart(pole_link::ResetCause::PIN);
    world.run_ms(10_000);
    assert!(world.is_active(AlarmKind::TILT, 0));
    // Until somebody says that this is upright.
    let now = world.now;
    world.pole.node_mut().learn_upright(now);
    world.run_ms(15_000);
    assert!(!world.is_active(AlarmKind::TILT, 0));
}

#[test]
fn faults_of_sensors_never_keep_a_call_from_being_told() {
    let mut world = World::up(SimBoard::new());
    world.cut = true;
    // All sensors fail one after another while nobody is told, and everything else is beyond its limits.
    let fault: Result<i32, _> = Err(SensorError::Fault);
    let fail: [fn(&mut SimBoard); 11] = [
        |board| board.climate.0 = Err(SensorError::Fault),
        |board| board.light.0 = Err(SensorError::Fault),
        |board| board.wind.0 = Err(SensorError::Fault),
        |board| board.rain.0 = Err(SensorError::Fault),
        |board| board.visibility.0 = Err(SensorError::Fault),
        |board| board.particles.0 = Err(SensorError::Fault),
        |board| board.noise.0 = Err(SensorError::Fault),
        |board| board.energy.0 = Err(SensorError::Fault),
        |board| board.road.0 = Err(SensorError::Fault),
        |board| board.inside.0 = Err(SensorError::Fault),
        |board| board.water.0 = Err(SensorError::Fault),
    ];
    for fail in fail {
        let sound = SimBoard::new();
        let board = world.board();
        (board.climate, board.light, board.wind, board.rain) = (sound.climate, sound.light, sound.wind, sound.rain);
        (board.visibility, board.particles, board.noise) = (sound.visibility, sound.particles, sound.noise);
        (board.energy, board.road, board.inside, board.water) = (sound.energy, sound.road, sound.inside, sound.water);
        fail(board);
        world.run_ms(20_000);
    }
    let board = world.board();
    board.water.0 = Ok(0);
    board.rain.0 = fault;
    board.luminaire.broken = true;
    board.inside.0 = Ok(InsideReading { temperature_milli_celsius: Some(90_000), supply_mv: Some(1000) });
    board.wind.0 = Ok(pole_node::board::WindReading { speed_mm_per_s: 50_000, from_cdeg: None });
    board.road.0 =
        Ok(RoadReading { temperature_milli_celsius: 0, water_um: Some(9000), ice_permille: None, state: None });
    board.visibility.0 = Ok(10);
    board.acceleration.rest = Acceleration3 { x_mg: 5000, y_mg: 0, z_mg: 0 };
    world.run_ms(20_000);
    world.board().inputs.0 = Ok(Contacts(0xFF));
    world.run_ms(100);
    assert_eq!(world.pole.node().refused_alarms(), 0);
    world.cut = false;
    world.run_until("the call", |world| world.is_active(AlarmKind::EMERGENCY_CALL, 0));
    world.run_ms(5000);
    assert!(world.is_active(AlarmKind::DOOR_OPEN, 2) && world.is_active(AlarmKind::FLOOD, 0));
    assert!(world.active.keys().any(|(kind, _)| *kind == AlarmKind::SENSOR_FAULT));
}

#[test]
fn nonsense_is_a_fault_of_the_sensor_and_goes_nowhere() {
    let mut world = World::up(SimBoard::new());
    world.run_until("telemetry", |world| !world.telemetry.is_empty());
    world.board().noise.0 = Ok(-1);
    world.board().visibility.0 = Ok(i32::MIN);
    world.run_ms(12_000);
    world.telemetry.clear();
    world.run_ms(12_000);
    assert!(world.readings(Quantity::NOISE).is_empty());
    assert!(!world.is_active(AlarmKind::THRESHOLD, Quantity::VISIBILITY.0));
    assert!(world.is_active(AlarmKind::SENSOR_FAULT, Quantity::NOISE.0));
    assert!(world.is_active(AlarmKind::SENSOR_FAULT, Quantity::VISIBILITY.0));
    world.board().noise.0 = Ok(600);
    world.run_ms(2000);
    assert!(!world.is_active(AlarmKind::SENSOR_FAULT, Quantity::NOISE.0));
}

#[test]
fn a_sensor_that_is_never_ready_is_at_fault() {
    let mut world = World::up(SimBoard::new());
    world.board().light.0 = Err(SensorError::NotReady);
    world.run_ms(4000);
    assert!(world.active.is_empty());
    world.run_ms(13_000);
    assert!(world.is_active(AlarmKind::SENSOR_FAULT, Quantity::ILLUMINANCE.0));
}

#[test]
fn a_sensor_that_fails_now_and_then_is_counted_and_not_at_fault() {
    let mut world = World::up(SimBoard::new());
    for _ in 0..10 {
        // Read every second.
        world.board().noise.0 = Err(SensorError::Fault);
        world.run_ms(2000);
        assert!(world.active.is_empty(), "twice in a row");
        world.board().noise.0 = Ok(500);
        world.run_ms(1000);
    }
    assert_eq!(world.pole.node().settings().errors().sensor_errors, 20);
    world.board().noise.0 = Err(SensorError::Fault);
    world.run_ms(3100);
    assert!(world.is_active(AlarmKind::SENSOR_FAULT, Quantity::NOISE.0));
}
