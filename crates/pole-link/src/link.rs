//! What both ends have in common: how the link stands, and the counting of a session's frames.

use crate::counters::LinkCounters;
use crate::time::Millis;
use crate::values::Session;
use crate::window::Arrival;

/// How the link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// It was never up.
    Greeting {
        /// Since when.
        since: Millis,
    },
    /// There is a session.
    Up {
        /// Since when.
        since: Millis,
        /// Which.
        session: Session,
    },
    /// It was up, and has to be greeted anew.
    Down {
        /// Since when.
        since: Millis,
    },
}

impl LinkState {
    /// Whether there is a session.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Up { .. })
    }
}

/// Counts what the window says of a frame; whether the frame is to be looked at.
pub(crate) fn count(counters: &mut LinkCounters, arrival: Arrival) -> bool {
    match arrival {
        Arrival::Newest { missing } => counters.lost = counters.lost.saturating_add(u32::from(missing)),
        Arrival::Late => counters.lost = counters.lost.saturating_sub(1),
        Arrival::Duplicate => {
            LinkCounters::add(&mut counters.duplicate);
            return false;
        }
    }
    true
}
