//! Values that messages are made of, each of which cannot be beyond its bounds.

use core::fmt;

use heapless::{String, Vec};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::codes::{Quantity, ResetCause};

/// The number of a session; never 0.
pub type Session = core::num::NonZeroU32;

/// The most readings of a telemetry message.
pub const MAX_READINGS: usize = 24;
/// The readings of a telemetry message.
pub type Readings = Vec<Reading, MAX_READINGS>;

/// The most points of a schedule.
pub const MAX_SWITCH_POINTS: usize = 8;
/// The points of a schedule.
pub type SwitchPoints = Vec<SwitchPoint, MAX_SWITCH_POINTS>;

/// A value is beyond its bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{value} is more than {most}")]
pub struct TooMuch {
    /// What was given.
    pub value: u16,
    /// What may be.
    pub most: u16,
}

macro_rules! bounded {
    ($(#[$doc:meta])* $type:ident, $most:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(try_from = "u16", into = "u16")]
        pub struct $type(u16);

        impl $type {
            /// The highest.
            pub const MAX: Self = Self($most);

            /// The number.
            pub const fn get(self) -> u16 {
                self.0
            }

            /// This number, or the highest if it is beyond.
            pub const fn at_most(number: u16) -> Self {
                if number > $most { Self::MAX } else { Self(number) }
            }
        }

        impl TryFrom<u16> for $type {
            type Error = TooMuch;

            fn try_from(value: u16) -> Result<Self, TooMuch> {
                if value > $most { Err(TooMuch { value, most: $most }) } else { Ok(Self(value)) }
            }
        }

        impl From<$type> for u16 {
            fn from(value: $type) -> Self {
                value.0
            }
        }
    };
}

bounded! {
    /// A luminaire's level in thousandths of full, 0 to 1000.
    Permille, 1000
}

bounded! {
    /// A minute of the day in UTC, 0 to 1439.
    MinuteOfDay, 1439
}

/// One reading. The quantity says the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What was measured.
    pub quantity: Quantity,
    /// The value in the quantity's unit.
    pub value: i32,
}

/// From this minute of each day on, the luminaire has this level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchPoint {
    /// When.
    pub minute: MinuteOfDay,
    /// The level.
    pub level: Permille,
}

/// A firmware version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Version {
    /// Changes that break.
    pub major: u16,
    /// Changes that add.
    pub minor: u16,
    /// Changes that mend.
    pub patch: u16,
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The protocol versions an end speaks, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProtocolRange {
    /// The oldest.
    pub min: u8,
    /// The newest.
    pub max: u8,
}

impl ProtocolRange {
    /// What this crate speaks.
    pub const OURS: Self = Self { min: 1, max: 1 };

    /// The newest version that both speak.
    pub fn common(self, other: Self) -> Option<u8> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

/// What a pole has: a bit each. Unknown bits are kept and mean nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Capabilities(pub u32);

impl Capabilities {
    /// A luminaire that can be dimmed.
    pub const LUMINAIRE: Self = Self(1);
    /// A display.
    pub const DISPLAY: Self = Self(1 << 1);
    /// A beacon.
    pub const BEACON: Self = Self(1 << 2);
    /// Temperature, humidity and pressure of the air.
    pub const CLIMATE: Self = Self(1 << 3);
    /// Illuminance.
    pub const LIGHT_SENSOR: Self = Self(1 << 4);
    /// Wind speed and direction.
    pub const WIND: Self = Self(1 << 5);
    /// Rain.
    pub const RAIN: Self = Self(1 << 6);
    /// Visibility.
    pub const VISIBILITY: Self = Self(1 << 7);
    /// Particles.
    pub const PARTICLES: Self = Self(1 << 8);
    /// Noise.
    pub const NOISE: Self = Self(1 << 9);
    /// Energy meter.
    pub const ENERGY: Self = Self(1 << 10);
    /// Road surface.
    pub const ROAD_SURFACE: Self = Self(1 << 11);
    /// Tilt and impact.
    pub const ACCELERATION: Self = Self(1 << 12);
    /// Emergency call button.
    pub const EMERGENCY_CALL: Self = Self(1 << 13);
    /// Door contact.
    pub const DOOR: Self = Self(1 << 14);
    /// Flood contact.
    pub const FLOOD: Self = Self(1 << 15);
    /// Takes new firmware over the link's commands.
    pub const UPDATE: Self = Self(1 << 16);

    /// Whether all of `others` are there.
    pub const fn has(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    /// These and `others`.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// What went wrong in a pole since its counters were last cleared, kept over resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErrorCounters {
    /// Resets by the watchdog.
    pub watchdog_resets: u16,
    /// Resets after a panic.
    pub panic_resets: u16,
    /// Resets after a hard fault.
    pub hard_fault_resets: u16,
    /// Resets because of the supply.
    pub brown_out_resets: u16,
    /// Times that a copy of the configuration was found damaged.
    pub storage_errors: u16,
    /// Times that a sensor did not answer or answered nonsense.
    pub sensor_errors: u16,
}

/// Who a pole is and in which state it started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoleInfo {
    /// Serial number, unique to the maker.
    pub serial: String<24>,
    /// Hardware model.
    pub model: String<16>,
    /// Firmware.
    pub firmware: Version,
    /// What it has.
    pub capabilities: Capabilities,
    /// Why it started.
    pub reset_cause: ResetCause,
    /// What went wrong so far.
    pub errors: ErrorCounters,
}
