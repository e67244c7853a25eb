//! What is kept over resets and power cuts: settings in two copies, counters, the hand-over to the bootloader.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use embedded_storage::nor_flash::NorFlash;
use pole_link::{Command, CommandOutcome, ConfigKey, Refusal, ResetCause, Version};
use pole_node::{HandOver, HandOverState, Saved, Settings, Store};
use support::board::{HAND_OVER, MAX_IMAGE_OCTETS, SimBoard};
use support::flash::{ERASE_SIZE, SimFlash, WRITE_SIZE};
use support::world::World;

const SLOT: usize = 256;
const RECORDS: usize = ERASE_SIZE / SLOT;

/// Settings that can be told apart: made by a pole that was configured so.
fn settings(telemetry_period_ms: i32) -> Settings {
    let mut world = World::up(SimBoard::new());
    let key = ConfigKey::TELEMETRY_PERIOD_MS;
    assert_eq!(world.command(Command::SetConfig { key, value: telemetry_period_ms }), CommandOutcome::Done);
    world.pole.node().settings()
}

fn load(flash: &SimFlash) -> (Settings, u8) {
    let (_, loaded) = Store::load(&mut flash.powered(), 0);
    (loaded.settings, loaded.damaged)
}

fn save(flash: &mut SimFlash, settings: &Settings) -> Result<Saved, pole_node::StoreError> {
    let (mut store, _) = Store::load(flash, 0);
    store.save(flash, settings)
}

#[test]
fn two_pages_are_what_it_takes() {
    assert_eq!(Store::octets::<SimFlash>(), 2 * ERASE_SIZE);
    assert_eq!(load(&SimFlash::new(2)), (Settings::default(), 0), "an empty flash is no damage");
}

#[test]
fn saves_wear_evenly_and_the_newest_counts() {
    let mut flash = SimFlash::new(2);
    let (a, b) = (settings(2000), settings(3000));
    let saves = 20 * RECORDS;
    for number in 0..saves {
        let which = if number % 2 == 0 { &a } else { &b };
        assert_eq!(save(&mut flash, which), Ok(Saved::Both));
        assert_eq!(load(&flash), (which.clone(), 0));
    }
    assert_eq!(flash.erases, 2 * (saves / RECORDS - 1), "each page once in {RECORDS} saves");
}

/// The power is cut at every octet that is written or erased, whether the pages have room or are full, and whichever copy is
/// first: what is there afterwards is what was before or what was to be, and the next save makes both copies whole.
#[test]
fn a_cut_at_any_octet_leaves_the_settings_before_or_after() {
    let (before, after, later) = (settings(2000), settings(3000), settings(4000));
    let mut cuts = 0;
    let mut seen = [0; 2];
    for saves in 1..=2 * RECORDS {
        let mut prepared = SimFlash::new(2);
        for _ in 0..saves {
            save(&mut prepared, &before).unwrap();
        }
        for budget in 0.. {
            let mut flash = prepared.clone();
            // The store is loaded before the power goes.
            let (mut store, _) = Store::load(&mut flash, 0);
            flash.budget = Some(budget);
            let saved = store.save(&mut flash, &after);
            let whole = flash.budget != Some(0);
            let (found, damaged) = load(&flash);
            assert!(found == before || found == after, "a cut after {budget} octets lost the settings");
            seen[usize::from(found == after)] += 1;
            if saved.is_ok() {
                assert_eq!(found, after, "what was said to be kept is kept");
            }
            if whole {
                assert_eq!((saved, damaged), (Ok(Saved::Both), 0));
                break;
            }
            cuts += 1;
            // The next start repairs, and a cut in the repair is no worse.
            for second in [0, 1, budget / 2, budget, 4 * budget] {
                let mut again = flash.powered();
                let (mut store, _) = Store::load(&mut again, 0);
                again.budget = Some(second);
                let _ = store.save(&mut again, &later);
                let (twice, _) = load(&again);
                assert!(twice == found || twice == later, "a cut after {second} octets of the repair");
            }
            let mut flash = flash.powered();
            assert_eq!(save(&mut flash, &later), Ok(Saved::Both));
            assert_eq!(load(&flash), (later.clone(), 0));
        }
    }
    assert!(cuts > 2 * RECORDS * 40, "{cuts}");
    assert!(seen.iter().all(|times| *times > 100), "{seen:?}");
}

/// A bit of the newest record of either copy flips: the other copy has it.
#[test]
fn a_flipped_bit_in_either_copy_costs_nothing() {
    let mut flash = SimFlash::new(2);
    let (before, after) = (settings(2000), settings(3000));
    save(&mut flash, &before).unwrap();
    let used = flash.octets[..SLOT].iter().rposition(|octet| *octet != 0xFF).unwrap() + 1;
    save(&mut flash, &after).unwrap();
    for copy in 0..2 {
        for bit in 0..used.next_multiple_of(WRITE_SIZE) * 8 {
            let mut flipped = flash.clone();
            flipped.octets[copy * ERASE_SIZE + SLOT + bit / 8] ^= 1 << (bit % 8);
            let (found, damaged) = load(&flipped);
            assert_eq!(found, after, "bit {bit} of copy {copy}");
            // The octets up to the next word are not part of the record.
            assert!(damaged == 1 || bit / 8 >= used, "bit {bit} of copy {copy}");
            assert_eq!(save(&mut flipped, &found), Ok(Saved::Both));
            assert_eq!(load(&flipped), (after.clone(), 0), "repaired");
        }
    }
}

/// A bit flips in both copies: the settings before are what is left, and it is told.
#[test]
fn flipped_bits_in_both_copies_leave_the_settings_before() {
    let mut flash = SimFlash::new(2);
    let (before, after) = (settings(2000), settings(3000));
    save(&mut flash, &before).unwrap();
    save(&mut flash, &after).unwrap();
    for octet in 0..12 {
        let mut flipped = flash.clone();
        flipped.octets[SLOT + octet] ^= 0x10;
        flipped.octets[ERASE_SIZE + SLOT + octet] ^= 0x10;
        assert_eq!(load(&flipped), (before.clone(), 2));
    }
    for at in [0, SLOT, ERASE_SIZE, ERASE_SIZE + SLOT] {
        flash.octets[at] ^= 1;
    }
    assert_eq!(load(&flash), (Settings::default(), 2));
}

/// One copy is damaged while the other's page is full: the damaged one is written first, or a cut would cost both.
#[test]
fn the_copy_that_is_behind_is_written_first() {
    let (older, before, after) = (settings(2000), settings(3000), settings(4000));
    for copy in 0..2 {
        let mut prepared = SimFlash::new(2);
        for number in 0..RECORDS {
            save(&mut prepared, if number + 1 < RECORDS { &older } else { &before }).unwrap();
        }
        prepared.octets[copy * ERASE_SIZE + (RECORDS - 1) * SLOT + 9] ^= 1;
        for budget in 0.. {
            let mut flash = prepared.clone();
            let (mut store, loaded) = Store::load(&mut flash, 0);
            assert_eq!((loaded.settings, loaded.damaged), (before.clone(), 1));
            flash.budget = Some(budget);
            let _ = store.save(&mut flash, &after);
            let (found, _) = load(&flash);
            assert!(found == before || found == after, "copy {copy}, a cut after {budget} octets");
            if flash.budget != Some(0) {
                break;
            }
        }
    }
}

#[test]
fn what_a_flash_does_not_take_is_noticed() {
    let (before, after) = (settings(2000), settings(3000));
    let mut flash = SimFlash::new(2);
    save(&mut flash, &before).unwrap();
    flash.deaf = ERASE_SIZE + SLOT + 20..2 * ERASE_SIZE;
    let (mut store, _) = Store::load(&mut flash, 0);
    assert_eq!(store.save(&mut flash, &after), Ok(Saved::One));
    assert_eq!(load(&flash), (after.clone(), 1));
    flash.deaf = 0..2 * ERASE_SIZE;
    assert!(store.save(&mut flash, &before).is_err());
}

#[test]
fn one_dead_page_leaves_one_copy() {
    let mut flash = SimFlash::new(2);
    let (before, after) = (settings(2000), settings(3000));
    save(&mut flash, &before).unwrap();
    // Bits of the second page are stuck.
    flash.octets[ERASE_SIZE + SLOT..2 * ERASE_SIZE].fill(0xFE);
    let (mut store, loaded) = Store::load(&mut flash, 0);
    assert_eq!(loaded.damaged, 1);
    assert!(store.save(&mut flash, &after).is_ok());
    assert_eq!(load(&flash).0, after);
    flash.broken = true;
    assert!(store.save(&mut flash, &before).is_err());
}

#[test]
fn starts_and_their_causes_are_counted_over_resets() {
    let mut world = World::up(SimBoard::new());
    assert_eq!(world.hello.as_ref().unwrap().boot_count, 1);
    let causes = [
        ResetCause::WATCHDOG,
        ResetCause::PANIC,
        ResetCause::HARD_FAULT,
        ResetCause::BROWN_OUT,
        ResetCause::WATCHDOG,
        ResetCause::PIN,
    ];
    for (number, cause) in (2..).zip(causes) {
        world = world.restart(cause);
        world.hello = None;
        world.run_until("greeted", |world| world.hello.is_some());
        let hello = world.hello.as_ref().unwrap();
        assert_eq!((hello.boot_count, hello.info.reset_cause), (number, cause));
    }
    let errors = world.hello.as_ref().unwrap().info.errors;
    assert_eq!((errors.watchdog_resets, errors.panic_resets), (2, 1));
    assert_eq!((errors.hard_fault_resets, errors.brown_out_resets, errors.storage_errors), (1, 1, 0));
}

#[test]
fn errors_while_running_are_kept_in_time_and_before_a_commanded_reset() {
    let mut world = World::up(SimBoard::new());
    world.board().rain.0 = Err(pole_node::board::SensorError::Fault);
    world.run_ms(60_000);
    let failed = world.pole.node().settings().errors().sensor_errors;
    assert!(failed >= 11, "{failed}");
    // A power cut now loses them; a commanded reset does not.
    assert!(load(world.pole.board().flash.as_ref().unwrap()).0.errors().sensor_errors < failed);
    assert_eq!(world.command(Command::Reset), CommandOutcome::Done);
    world.run_until("reset", |world| !world.pole.board().resets.is_empty());
    assert!(load(world.pole.board().flash.as_ref().unwrap()).0.errors().sensor_errors >= failed);
    // And an hour's are kept anyway.
    let mut world = world.restart(ResetCause::COMMAND);
    world.run_ms(3_700_000);
    assert!(load(world.pole.board().flash.as_ref().unwrap()).0.errors().sensor_errors > 600);
    let writes = world.pole.board().flash.as_ref().unwrap().writes;
    assert!(writes < 20, "a sensor at fault does not wear the flash: {writes}");
}

#[test]
fn a_damaged_copy_is_told_and_repaired() {
    let world = World::up(SimBoard::new());
    let mut board = world.pole.into_board();
    board.flash.as_mut().unwrap().octets[20] ^= 4;
    board.link.received.clear();
    let world = World::up(board);
    assert_eq!(world.hello.as_ref().unwrap().info.errors.storage_errors, 1);
    assert_eq!(world.hello.as_ref().unwrap().boot_count, 2);
    assert_eq!(load(world.pole.board().flash.as_ref().unwrap()).1, 0);
}

#[test]
fn what_cannot_be_kept_is_refused_and_not_done() {
    let mut world = World::up(SimBoard::new());
    let key = ConfigKey::DEFAULT_RAMP_MS;
    world.board().flash.as_mut().unwrap().broken = true;
    let refused = CommandOutcome::Refused(Refusal::STORAGE);
    assert_eq!(world.command(Command::SetConfig { key, value: 5 }), refused);
    assert_eq!(world.command(Command::GetConfig { key }), CommandOutcome::Value(2000));
    let image = Command::PrepareUpdate { image_octets: 1000, version: Version::default(), sha256: [7; 32] };
    assert_eq!(world.command(image), refused);
    assert_eq!(world.pole.node().settings().errors().storage_errors, 2);
    world.board().flash.as_mut().unwrap().broken = false;
    assert_eq!(world.command(Command::SetConfig { key, value: 5 }), CommandOutcome::Done);
}

#[test]
fn a_pole_without_flash_works_and_keeps_nothing() {
    let mut board = SimBoard::new();
    board.flash = None;
    let mut world = World::up(board);
    assert_eq!(world.hello.as_ref().unwrap().boot_count, 0, "a count that is not kept is 0");
    let key = ConfigKey::DEFAULT_RAMP_MS;
    assert_eq!(world.command(Command::SetConfig { key, value: 5 }), CommandOutcome::Refused(Refusal::STORAGE));
    assert_eq!(world.command(Command::Schedule { points: [].into_iter().collect() }), CommandOutcome::Done);
    world.board().rain.0 = Err(pole_node::board::SensorError::Fault);
    world.run_ms(10_000);
    assert_eq!(world.command(Command::Reset), CommandOutcome::Done);
    world.run_until("reset", |world| !world.pole.board().resets.is_empty());
}

#[test]
fn an_image_is_handed_over() {
    let mut world = World::up(SimBoard::new());
    let version = Version { major: 1, minor: 3, patch: 0 };
    let hand_over = HandOver { image_octets: MAX_IMAGE_OCTETS, version, sha256: core::array::from_fn(|at| at as u8) };
    let HandOver { image_octets, version, sha256 } = hand_over;
    let command = Command::PrepareUpdate { image_octets, version, sha256 };
    assert_eq!(world.command(command.clone()), CommandOutcome::Done);
    let flash = world.board().flash.as_mut().unwrap();
    assert_eq!(HandOver::read(flash, HAND_OVER), Some((hand_over, HandOverState::Prepared)));
    let page = &flash.octets[HAND_OVER as usize..];
    assert_eq!(&page[..16], b"PUH1\x40\x0d\x03\0\x01\0\x03\0\0\0\0\0", "as the documentation says");
    assert_eq!(page[16..48], sha256);
    // Another takes its place.
    let other = Command::PrepareUpdate { image_octets: 77, version, sha256 };
    assert_eq!(world.command(other), CommandOutcome::Done);
    let flash = world.board().flash.as_mut().unwrap();
    assert_eq!(HandOver::read(flash, HAND_OVER).unwrap().0.image_octets, 77);
    // It stays over a reset until the bootloader has been at it.
    let mut world = world.restart(ResetCause::COMMAND);
    world.run_ms(1000);
    assert_eq!(world.hello.as_ref().unwrap().info.reset_cause, ResetCause::COMMAND);
    for (mark, cause) in [(64, ResetCause::UPDATE), (96, ResetCause::PIN)] {
        world.command(command.clone());
        let flash = world.board().flash.as_mut().unwrap();
        flash.write(HAND_OVER + mark, &[0; WRITE_SIZE]).unwrap();
        world = world.restart(ResetCause::PIN);
        world.hello = None;
        world.run_until("greeted", |world| world.hello.is_some());
        assert_eq!(world.hello.as_ref().unwrap().info.reset_cause, cause);
        let flash = world.board().flash.as_mut().unwrap();
        assert_eq!(HandOver::read(flash, HAND_OVER), None, "dealt with");
    }
}

#[test]
fn a_torn_hand_over_is_none() {
    let hand_over = HandOver { image_octets: 5, version: Version::default(), sha256: [9; 32] };
    let mut before = SimFlash::new(1);
    hand_over.write(&mut before, 0).unwrap();
    let next = HandOver { image_octets: 6, ..hand_over };
    let mut whole = false;
    for budget in 0..=ERASE_SIZE + 65 {
        let mut flash = before.clone();
        flash.budget = Some(budget);
        let written = next.write(&mut flash, 0);
        let found = HandOver::read(&mut flash.powered(), 0);
        match found {
            None => {}
            Some((found, state)) => {
                assert!(found == next || found == hand_over);
                // While a page is erased the power may go before what the bootloader reads is gone.
                assert!(found == next || state == HandOverState::Prepared || budget < ERASE_SIZE);
                whole |= found == next;
            }
        }
        assert!(written.is_err() || found == Some((next, HandOverState::Prepared)));
    }
    assert!(whole);
}
