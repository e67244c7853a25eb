//! The image on the emulated board, at the link's own edge end: what must be right before a daemon talks to it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use pole_link::{
    AlarmKind, Colour, Command, CommandOutcome, ConfigKey, EdgeEvent, MAX_WIRE, Permille, Refusal, ResetCause,
};

use super::edge::Edge;
use super::image::Image;
use super::qemu::{Board, Factory};

/// Keys of the image for tests; see `crates/pole-firmware/src/hooks.rs`.
const FAULT: ConfigKey = ConfigKey(128);
const CONTACTS: ConfigKey = ConfigKey(129);
const EMERGENCY_CALL: i32 = 16;
/// Values of [`FAULT`], what the pole says after the restart, and what we call it.
const FAULTS: [(i32, ResetCause, &str); 4] = [
    (1, ResetCause::PANIC, "panic"),
    (2, ResetCause::HARD_FAULT, "hard fault"),
    (3, ResetCause::HARD_FAULT, "stack overflow"),
    (4, ResetCause::WATCHDOG, "hanging program"),
];
const PAINT: [u8; 4] = [0xCC; 4];
/// What of the stack must never have been used.
const SPARE_OCTETS: usize = 512;
const ROUND_TRIPS: usize = 1000;
const DISTURBANCES: u32 = 10_000;

/// Runs all trials.
pub(super) fn run(folder: &Path) -> anyhow::Result<()> {
    let trial = folder.join("trial");
    let board = |image: &str, name: &str| -> anyhow::Result<(Board, Edge)> {
        let factory = Factory { serial_number: format!("SP-{name}"), ..Factory::default() };
        let board = Board::start(&folder.join(image), &factory, &trial.join(name))?;
        let edge = Edge::new(board.line()?)?;
        Ok((board, edge))
    };
    let (mut production, mut edge) = board("pole-firmware.elf", "P")?;
    greets(&mut edge, "SP-P")?;
    has_no_hooks(&mut edge)?;
    round_trips(&mut edge)?;
    disturbed(&mut edge)?;
    settings_last(&mut production, &mut edge)?;
    stack(&mut production, &Image::read(&folder.join("pole-firmware.elf"))?)?;
    drop(production);
    let (mut hooked, mut edge) = board("pole-firmware-test-hooks.elf", "T")?;
    greets(&mut edge, "SP-T")?;
    presses_the_button(&mut edge)?;
    for fault in FAULTS {
        faults(&mut edge, fault)?;
    }
    stack(&mut hooked, &Image::read(&folder.join("pole-firmware-test-hooks.elf"))?)
}

fn greets(edge: &mut Edge, serial: &str) -> anyhow::Result<()> {
    let hello = edge.greeting()?;
    ensure!(hello.info.serial == serial && hello.info.reset_cause == ResetCause::POWER_ON, "{hello:?}");
    ensure!(hello.boot_count == 1, "{hello:?}");
    let readings = edge.wait("telemetry", |event| match event {
        EdgeEvent::Telemetry(telemetry) => Some(telemetry.readings.len()),
        _ => None,
    })?;
    println!("{serial} greeted after power on and told {readings} readings");
    Ok(())
}

fn has_no_hooks(edge: &mut Edge) -> anyhow::Result<()> {
    let (outcome, _) = edge.command(Command::SetConfig { key: FAULT, value: 1 })?;
    ensure!(outcome == CommandOutcome::Refused(Refusal::UNKNOWN_KEY), "the production image has hooks: {outcome:?}");
    println!("the production image refuses the hooks");
    Ok(())
}

fn round_trips(edge: &mut Edge) -> anyhow::Result<()> {
    let mut taken = Vec::with_capacity(ROUND_TRIPS);
    for round in 0..ROUND_TRIPS {
        let level = Permille::at_most((round % 1001) as u16);
        let (outcome, time) = edge.command(Command::SetLuminaire { level, ramp_ms: 0 })?;
        ensure!(outcome == CommandOutcome::Done, "round {round}: {outcome:?}");
        taken.push(time);
    }
    taken.sort_unstable();
    let at = |permille: usize| taken.get(taken.len() * permille / 1000).copied().unwrap_or_default();
    println!(
        "{ROUND_TRIPS} commands, from submitting to the result: median {:?}, 99 % within {:?}, all within {:?}",
        at(500),
        at(990),
        at(999)
    );
    Ok(())
}

/// Octets of a linear congruential generator (D. Knuth's MMIX), so that every trial has the same.
struct Octets(u64);

impl Octets {
    fn next(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 56) as u8
    }
}

/// Random octets, and frames of the edge's that were altered.
fn disturbed(edge: &mut Edge) -> anyhow::Result<()> {
    let mut random = Octets(6);
    let whole = hex::decode("0003010101020701010202".to_owned() + "0b4001de02f403a630869100")?;
    edge.longest_gap_ms = 0;
    for number in 0..DISTURBANCES {
        let octets: Vec<u8> = if number % 2 == 0 {
            (0..usize::from(random.next()).min(MAX_WIRE)).map(|_| random.next()).collect()
        } else {
            let mut frame = whole.clone();
            let place = usize::from(random.next()) % frame.len();
            if let Some(octet) = frame.get_mut(place) {
                *octet ^= random.next() | 1;
            }
            frame
        };
        edge.disturb(&octets)?;
        // As fast as the board takes them, and yet the edge does what it has to.
        if let Some(event) = edge.next(Duration::ZERO)? {
            ensure!(!matches!(event, EdgeEvent::Down(_) | EdgeEvent::Up { .. }), "disturbance {number}: {event:?}");
        }
    }
    edge.disturb(&[0])?;
    edge.must(&Command::ClearWarning)?;
    // A heartbeat comes each second; from twice that on one is missing.
    ensure!(edge.longest_gap_ms < 2000, "for {} ms nothing was heard of the pole", edge.longest_gap_ms);
    println!("{DISTURBANCES} altered and random frames: the longest silence was {} ms", edge.longest_gap_ms);
    // Much more at once than the board has room for.
    edge.disturb(&vec![0x55; 20_000])?;
    edge.disturb(&[0])?;
    edge.must(&Command::ClearWarning)
}

fn settings_last(board: &mut Board, edge: &mut Edge) -> anyhow::Result<()> {
    let key = ConfigKey::TELEMETRY_PERIOD_MS;
    edge.must(&Command::SetConfig { key, value: 7000 })?;
    board.push_reset()?;
    let hello = edge.greeting()?;
    ensure!(hello.info.reset_cause == ResetCause::PIN && hello.boot_count == 2, "{hello:?}");
    let (outcome, _) = edge.command(Command::GetConfig { key })?;
    ensure!(outcome == CommandOutcome::Value(7000), "after a reset: {outcome:?}");
    edge.must(&Command::Reset)?;
    let hello = edge.greeting()?;
    ensure!(hello.info.reset_cause == ResetCause::COMMAND && hello.boot_count == 3, "{hello:?}");
    println!("a setting outlived the reset button and a commanded reset, each reported");
    Ok(())
}

fn presses_the_button(edge: &mut Edge) -> anyhow::Result<()> {
    edge.must(&Command::ShowWarning {
        text_id: 3,
        colour: Colour::RED,
        blink: pole_link::Blink::FAST,
        beacon: true,
        expires_ms: 60_000,
    })?;
    edge.must(&Command::SetConfig { key: CONTACTS, value: EMERGENCY_CALL })?;
    edge.wait("the emergency call", |event| match event {
        EdgeEvent::Alarm(alarm) if alarm.kind == AlarmKind::EMERGENCY_CALL && alarm.active => Some(()),
        _ => None,
    })?;
    edge.must(&Command::SetConfig { key: CONTACTS, value: -1 })?;
    println!("the button of the test image calls for help");
    Ok(())
}

fn faults(edge: &mut Edge, (value, cause, name): (i32, ResetCause, &str)) -> anyhow::Result<()> {
    edge.must(&Command::SetConfig { key: FAULT, value })?;
    let hello = edge.greeting()?;
    ensure!(hello.info.reset_cause == cause, "after a {name}: {hello:?}");
    let errors = hello.info.errors;
    println!("after a {name} the pole greets with {:?}: {errors:?}", cause.name().context("it has a name")?);
    let counted = errors.panic_resets + errors.hard_fault_resets + errors.watchdog_resets;
    ensure!(i32::from(counted) == value, "{counted} faults are counted after {value}");
    Ok(())
}

/// How much of the stack was ever used: the start paints it.
fn stack(board: &mut Board, image: &Image) -> anyhow::Result<()> {
    let (from, octets) = image.stack();
    let stack = board.memory(from, octets)?;
    let unused = stack.chunks_exact(4).take_while(|word| *word == PAINT).count() * 4;
    let used = stack.len() - unused;
    println!("stack: {used} of {octets} octets were used at most");
    ensure!(unused >= SPARE_OCTETS, "only {unused} octets of the stack were never used");
    Ok(())
}
