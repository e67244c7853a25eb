//! The hardware: the only place with `unsafe`. It knows the registers of an Arm MPS2 board with the application note 386
//! (Cortex-M4, CMSDK peripherals), which QEMU emulates as `mps2-an386`, and gives the program safe handles. A handle holds nothing; whoever
//! has it has the right to its part.
#![allow(clippy::unused_self, reason = "see above")]

mod clock;
mod faults;
mod guard;
mod interrupts;
mod memory;
mod registers;
mod uart;
mod watchdog;

pub(crate) use clock::Clock;
pub(crate) use faults::reset;
pub(crate) use memory::{STORAGE_OCTETS, factory_octet, keep, kept_words, storage_octet, store_octet};
pub(crate) use uart::Uart;
pub(crate) use watchdog::Watchdog;

use registers::LEDS;

/// What the processor and the buses run at on this board, Hz.
const SYSTEM_CLOCK_HZ: u32 = 25_000_000;

/// All of the board, once.
pub(crate) struct Hardware {
    /// Milliseconds since the start.
    pub(crate) clock: Clock,
    /// The line to the edge.
    pub(crate) uart: Uart,
    /// Resets the pole unless it is fed.
    pub(crate) watchdog: Watchdog,
    /// The first of the board's LEDs.
    pub(crate) beacon: Led,
}

impl Hardware {
    /// Starts everything; none the second time.
    pub(crate) fn take() -> Option<Self> {
        let mut core = cortex_m::Peripherals::take()?;
        guard::set_up();
        let clock = Clock::start(&mut core.SYST);
        let uart = Uart::start();
        let watchdog = Watchdog::start();
        Some(Self { clock, uart, watchdog, beacon: Led(()) })
    }
}

/// An LED.
pub(crate) struct Led(());

impl Led {
    /// Switches it.
    pub(crate) fn set(&mut self, on: bool) {
        LEDS.write(u32::from(on));
    }
}

/// Sleeps until an interrupt.
pub(crate) fn sleep() {
    cortex_m::asm::wfi();
}
