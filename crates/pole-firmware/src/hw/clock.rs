//! Milliseconds, by the free-running counter of the FPGA's block. The processor's own timer wakes the program each millisecond; it is
//! not counted, because a tick that comes while the one before still waits is lost.

use core::sync::atomic::{AtomicU32, Ordering};

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use pole_link::Millis;

use super::SYSTEM_CLOCK_HZ;
use super::registers::{COUNTER, COUNTER_PRESCALER};

/// What the counter was when it was read last, and how often it wrapped: after 49 days each time.
static LAST: AtomicU32 = AtomicU32::new(0);
static WRAPS: AtomicU32 = AtomicU32::new(0);

/// The time since the start.
pub(crate) struct Clock(());

impl Clock {
    pub(super) fn start(timer: &mut SYST) -> Self {
        COUNTER_PRESCALER.write(SYSTEM_CLOCK_HZ / 1000 - 1);
        COUNTER.write(0);
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(SYSTEM_CLOCK_HZ / 1000 - 1);
        timer.clear_current();
        timer.enable_counter();
        timer.enable_interrupt();
        Self(())
    }

    /// The time.
    pub(crate) fn now(&self) -> Millis {
        critical_section::with(|_| {
            let ms = COUNTER.read();
            let wrapped = ms < LAST.load(Ordering::Relaxed);
            LAST.store(ms, Ordering::Relaxed);
            let wraps = WRAPS.load(Ordering::Relaxed).wrapping_add(u32::from(wrapped));
            WRAPS.store(wraps, Ordering::Relaxed);
            Millis(u64::from(wraps) << 32 | u64::from(ms))
        })
    }
}
