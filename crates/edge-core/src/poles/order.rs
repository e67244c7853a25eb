//! What a pole is to do.

use std::time::Duration;

use traffic_events::EventKind;

use super::PoleIndex;

/// Brightness of a luminaire as a share of full, in steps of a thousandth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Level(u16);

impl Level {
    /// Full.
    pub const FULL: Self = Self(1000);

    /// A level in thousandths of full; `None` above 1000.
    #[must_use]
    pub const fn from_permille(permille: u16) -> Option<Self> {
        if permille > 1000 { None } else { Some(Self(permille)) }
    }

    /// Thousandths of full, 0 to 1000.
    #[must_use]
    pub const fn permille(self) -> u16 {
        self.0
    }
}

/// An order to one pole. Each replaces what was ordered before in the same respect (light, warning), and ends by itself
/// where it says so: a pole that loses the link or the core comes to rest without being told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoleOrder {
    /// Which pole.
    pub pole: PoleIndex,
    /// What it is to do.
    pub wish: PoleWish,
}

/// What a pole is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoleWish {
    /// Somebody is near: brighten, and go back to the level before by itself.
    Brighten {
        /// To which level.
        level: Level,
        /// How long the way up, and later the way down, takes.
        ramp: Duration,
        /// How long to stay there after the last such order.
        hold: Duration,
    },
    /// The level while nobody is near, until further notice.
    Base {
        /// Which level.
        level: Level,
        /// How long the way there takes.
        ramp: Duration,
    },
    /// Show a warning in place of the one before.
    Warn {
        /// What to warn of; the adapter knows which of the pole's texts that is.
        reason: EventKind,
        /// In which colour.
        colour: WarnColour,
        /// How the display blinks.
        blink: WarnBlink,
        /// Whether the beacon is on.
        beacon: bool,
        /// It ends by itself after so long.
        expires: Duration,
    },
    /// End the warning.
    ClearWarning,
}

/// Colour of a display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WarnColour {
    /// White.
    White,
    /// Amber.
    Amber,
    /// Red.
    Red,
}

/// How a display blinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WarnBlink {
    /// Not at all.
    Steady,
    /// Once a second.
    Slow,
    /// Twice a second.
    Fast,
}
