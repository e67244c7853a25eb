//! The watchdog: if nobody feeds it, it interrupts, and the handler notes why and resets; if not even that works, it resets
//! the pole itself.

use super::SYSTEM_CLOCK_HZ;
use super::registers::{WATCHDOG_CLEAR, WATCHDOG_CONTROL, WATCHDOG_LOAD, WATCHDOG_LOCK};

/// How long the program may take for one round, s. Much longer than it ever does, because an emulated board on a busy machine
/// stands still at times.
const PATIENCE_S: u32 = 4;
const KEY: u32 = 0x1ACC_E551;
const INTERRUPT_THEN_RESET: u32 = 1 | 2;

/// The watchdog, running. Nothing can stop it.
pub(crate) struct Watchdog(());

impl Watchdog {
    pub(super) fn start() -> Self {
        WATCHDOG_LOCK.write(KEY);
        WATCHDOG_LOAD.write(PATIENCE_S * SYSTEM_CLOCK_HZ);
        WATCHDOG_CONTROL.write(INTERRUPT_THEN_RESET);
        WATCHDOG_LOCK.write(0);
        Self(())
    }

    /// The program is well.
    pub(crate) fn feed(&mut self) {
        WATCHDOG_LOCK.write(KEY);
        WATCHDOG_CLEAR.write(1);
        WATCHDOG_LOCK.write(0);
    }
}
