//! Whatever comes over the link and whatever the sensors say: nothing panics, and the luminaire stays within bounds.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use std::num::NonZeroU32;

use pole_link::{
    Address, Blink, Colour, Command, ConfigKey, Flags, Header, LinkState, MAX_FRAME, MAX_WIRE, MinuteOfDay, Permille,
    ResetCause, RoadState, SwitchPoint, ToPole, Version, build, stuff,
};
use pole_node::board::{
    Acceleration3, ClimateReading, Contacts, EnergyReading, InsideReading, RoadReading, SensorError, WindReading,
};
use proptest::collection::vec;
use proptest::prelude::*;
use support::board::{Says, SimBoard};
use support::world::World;

#[derive(Debug, Clone)]
enum Event {
    /// Octets that mean nothing.
    Noise(Vec<u8>),
    /// A whole frame of the present session, with any message and body.
    Frame {
        id: u8,
        sequence: u16,
        body: Vec<u8>,
    },
    /// A command as it should be, with any fields.
    Command(Command),
    /// What the sensors say from now on.
    Sensors([i32; 8], u8, [i16; 3]),
    Fault,
    Cut(bool),
    LampBroken(bool),
    FlashBroken(bool),
    Wait(u32),
}

fn command() -> impl Strategy<Value = Command> {
    let level = || (0..=1000_u16).prop_map(|level| Permille::try_from(level).unwrap());
    let any_ms = || prop_oneof![0..5000_u32, any::<u32>()];
    let point = (0..1440_u16, level())
        .prop_map(|(minute, level)| SwitchPoint { minute: MinuteOfDay::try_from(minute).unwrap(), level });
    prop_oneof![
        (level(), any_ms()).prop_map(|(level, ramp_ms)| Command::SetLuminaire { level, ramp_ms }),
        (level(), any_ms(), any_ms()).prop_map(|(level, ramp_ms, hold_ms)| Command::Presence {
            level,
            ramp_ms,
            hold_ms
        }),
        vec(point, 0..8).prop_map(|points| Command::Schedule { points: points.into_iter().collect() }),
        (0..60_u16, any::<u8>(), 0..6_u8, any::<bool>(), any_ms()).prop_map(
            |(text_id, colour, blink, beacon, expires_ms)| Command::ShowWarning {
                text_id,
                colour: Colour(colour % 8),
                blink: Blink(blink),
                beacon,
                expires_ms
            }
        ),
        Just(Command::ClearWarning),
        (0..20_u8, prop_oneof![0..100_000, any::<i32>()])
            .prop_map(|(key, value)| Command::SetConfig { key: ConfigKey(key), value }),
        any::<u8>().prop_map(|key| Command::GetConfig { key: ConfigKey(key) }),
        Just(Command::GetState),
        any::<u64>().prop_map(|unix_ms| Command::SetTime { unix_ms }),
        (0..300_000_u32).prop_map(|image_octets| Command::PrepareUpdate {
            image_octets,
            version: Version::default(),
            sha256: [1; 32]
        }),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => vec(any::<u8>(), 0..300).prop_map(Event::Noise),
        4 => (any::<u8>(), any::<u16>(), vec(any::<u8>(), 0..60)).prop_map(|(id, sequence, body)| Event::Frame { id, sequence, body }),
        6 => command().prop_map(Event::Command),
        4 => (any::<[i32; 8]>(), any::<u8>(), any::<[i16; 3]>()).prop_map(|(values, contacts, axes)| Event::Sensors(values, contacts, axes)),
        1 => Just(Event::Fault),
        1 => any::<bool>().prop_map(Event::Cut),
        1 => any::<bool>().prop_map(Event::LampBroken),
        1 => any::<bool>().prop_map(Event::FlashBroken),
        3 => (1..3000_u32).prop_map(Event::Wait),
    ]
}

fn frame(world: &World, id: u8, sequence: u16, body: &[u8]) -> Vec<u8> {
    let session = match world.pole.node().link_state() {
        LinkState::Up { session, .. } => session,
        _ => NonZeroU32::MIN,
    };
    let header = Header {
        destination: Address(1),
        source: Address::EDGE,
        flags: Flags::default(),
        session: session.get(),
        sequence,
        id,
    };
    let mut buffer = [0; MAX_FRAME];
    let frame = build(&header, &mut buffer, |out| {
        out[..body.len()].copy_from_slice(body);
        Ok(body.len())
    });
    let mut wire = [0; MAX_WIRE];
    stuff(frame.unwrap(), &mut wire).unwrap().to_vec()
}

fn say(board: &mut SimBoard, values: [i32; 8], contacts: u8, [x_mg, y_mg, z_mg]: [i16; 3]) {
    let [a, b, c, d, e, f, g, h] = values;
    board.inputs = Says(Ok(Contacts(contacts)));
    board.acceleration.queued.push_back(Acceleration3 { x_mg, y_mg, z_mg });
    board.acceleration.rest = Acceleration3 { x_mg: z_mg, y_mg: x_mg, z_mg: y_mg };
    board.climate.0 =
        Ok(ClimateReading { temperature_milli_celsius: a, humidity_permille: Some(b), pressure_pa: Some(c) });
    board.wind.0 = Ok(WindReading { speed_mm_per_s: d, from_cdeg: Some(e) });
    board.energy.0 = Ok(EnergyReading { energy_wh: f, power_mw: g });
    let state = Some(RoadState(contacts));
    board.road.0 = Ok(RoadReading { temperature_milli_celsius: h, water_um: Some(a), ice_permille: Some(b), state });
    board.inside.0 = Ok(InsideReading { temperature_milli_celsius: Some(c), supply_mv: Some(d) });
    for (sensor, value) in [
        (&mut board.light, e),
        (&mut board.rain, f),
        (&mut board.visibility, g),
        (&mut board.particles, h),
        (&mut board.noise, a),
        (&mut board.water, b),
    ] {
        sensor.0 = Ok(value);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn nothing_that_comes_breaks_the_pole(events in vec(event(), 1..60)) {
        let mut world = World::up(SimBoard::new());
        let mut number = 1000;
        for event in events {
            match event {
                Event::Noise(octets) => world.board().link.received.extend(octets),
                Event::Frame { id, sequence, body } => {
                    let octets = frame(&world, id, sequence, &body);
                    world.board().link.received.extend(octets);
                }
                Event::Command(command) => {
                    number += 1;
                    let command = ToPole::Command { number, command };
                    let mut body = [0; 200];
                    let octets = command.write(&mut body).unwrap();
                    let octets = frame(&world, command.id().unwrap(), number, &body[..octets]);
                    world.board().link.received.extend(octets);
                }
                Event::Sensors(values, contacts, axes) => say(world.board(), values, contacts, axes),
                Event::Fault => {
                    world.board().rain.0 = Err(SensorError::Fault);
                    world.board().inputs.0 = Err(SensorError::Fault);
                }
                Event::Cut(cut) => world.cut = cut,
                Event::LampBroken(broken) => world.board().luminaire.broken = broken,
                Event::FlashBroken(broken) => world.board().flash.as_mut().unwrap().broken = broken,
                Event::Wait(ms) => world.run_ms(ms),
            }
            let fed = world.board().fed;
            world.run_ms(5);
            if !world.board().resets.is_empty() {
                // One of the frames was a Reset as it should be.
                world = world.restart(ResetCause::COMMAND);
                continue;
            }
            // A pass was made, and the pole is alive.
            prop_assert_eq!(world.board().fed, fed + 1);
            prop_assert!(world.level() <= 1000);
            let state = world.pole.node().state(world.now);
            prop_assert!(state.level.get() <= 1000 && state.target.get() <= 1000);
            if state.safe {
                prop_assert!(state.target.get() >= 500, "dark in the safe state");
            }
            let shown = world.board().display.as_ref().unwrap().shown;
            prop_assert!(shown.is_none_or(|shown| (1..=40).contains(&shown.text_id)));
            prop_assert_eq!(world.pole.node().refused_alarms(), 0);
        }
        // Whatever happened, the pole comes back to a link that works.
        world.cut = false;
        world.board().flash.as_mut().unwrap().broken = false;
        world.board().link.received.clear();
        world.run_until("the link is back", |world| {
            world.pole.node().link_state().is_up() && world.edge.state().is_up()
        });
    }
}
