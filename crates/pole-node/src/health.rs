//! What went wrong so far: counters that are kept over resets, and when they are stored.

use pole_link::{ErrorCounters, Millis, ResetCause};

/// Counters that went up are stored this much later, ms, so that a sensor that flickers does not wear the flash.
const STORE_MS: u32 = 3_600_000;

/// The counters of a pole.
#[derive(Debug)]
pub(crate) struct Health {
    errors: ErrorCounters,
    store_at: Option<Millis>,
}

impl Health {
    /// Counts the start.
    pub(crate) fn new(mut errors: ErrorCounters, cause: ResetCause) -> Self {
        let counter = match cause {
            ResetCause::WATCHDOG => Some(&mut errors.watchdog_resets),
            ResetCause::PANIC => Some(&mut errors.panic_resets),
            ResetCause::HARD_FAULT => Some(&mut errors.hard_fault_resets),
            ResetCause::BROWN_OUT => Some(&mut errors.brown_out_resets),
            _ => None,
        };
        if let Some(counter) = counter {
            *counter = counter.saturating_add(1);
        }
        Self { errors, store_at: None }
    }

    pub(crate) fn errors(&self) -> ErrorCounters {
        self.errors
    }

    /// A sensor failed.
    pub(crate) fn sensor_error(&mut self, now: Millis) {
        self.errors.sensor_errors = self.errors.sensor_errors.saturating_add(1);
        self.store_at.get_or_insert(now.plus(STORE_MS));
    }

    /// The flash failed, or a copy of the settings was damaged.
    pub(crate) fn storage_error(&mut self, now: Millis) {
        self.errors.storage_errors = self.errors.storage_errors.saturating_add(1);
        self.store_at.get_or_insert(now.plus(STORE_MS));
    }

    /// Whether the counters are to be stored now.
    pub(crate) fn is_due(&self, now: Millis) -> bool {
        self.store_at.is_some_and(|at| now >= at)
    }

    /// Whether there is something that is not stored.
    pub(crate) fn is_unstored(&self) -> bool {
        self.store_at.is_some()
    }

    /// The counters are stored.
    pub(crate) fn stored(&mut self) {
        self.store_at = None;
    }
}
