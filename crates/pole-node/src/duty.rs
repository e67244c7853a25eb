//! The watchdog's rule: it is fed only when every duty has been done since it was fed last, and time has gone on.
//!
//! So a part of the program that hangs, is never reached any more, or works with a clock that stands still, ends in a reset, even
//! if the rest runs.

use pole_link::Millis;

/// What must be done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// Looking for octets from the edge.
    Receive = 0,
    /// Reading the sensors that are due.
    Sample = 1,
    /// Looking at the time.
    Decide = 2,
    /// Setting luminaire, display and beacon.
    Apply = 3,
    /// Handing octets to the line.
    Send = 4,
}

const ALL: u8 = 0b1_1111;

/// Which duties have been done.
#[derive(Debug)]
pub(crate) struct Duties {
    done: u8,
    fed_at: Millis,
}

impl Duties {
    pub(crate) const fn new(now: Millis) -> Self {
        Self { done: 0, fed_at: now }
    }

    pub(crate) fn done(&mut self, duty: Duty) {
        self.done |= 1 << duty as u8;
    }

    /// Whether the watchdog is to be fed; if so, all begins anew.
    pub(crate) fn take(&mut self, now: Millis) -> bool {
        if self.done != ALL || now <= self.fed_at {
            return false;
        }
        self.done = 0;
        self.fed_at = now;
        true
    }
}
