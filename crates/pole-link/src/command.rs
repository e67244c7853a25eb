//! What the edge can have a pole do.

use serde::{Deserialize, Serialize};

use crate::body::{self, Malformed, Reader};
use crate::codes::{Blink, Colour, ConfigKey, Refusal};
use crate::frame::TooLong;
use crate::values::{Permille, SwitchPoints, Version};

/// A command. On the wire each is a message of its own whose body starts with the command's number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Dim the luminaire to a level and leave it there.
    SetLuminaire {
        /// The level.
        level: Permille,
        /// How long the change takes, ms.
        ramp_ms: u32,
    },
    /// Someone is near: dim to a level, and back by itself.
    Presence {
        /// The level.
        level: Permille,
        /// How long each change takes, ms.
        ramp_ms: u32,
        /// How long to stay there after the last such command, ms.
        hold_ms: u32,
    },
    /// The level by time of day; none ends the schedule.
    Schedule {
        /// From when which level.
        points: SwitchPoints,
    },
    /// Show a warning in place of the one before.
    ShowWarning {
        /// Which of the texts stored in the pole.
        text_id: u16,
        /// Its colour.
        colour: Colour,
        /// How it blinks.
        blink: Blink,
        /// Whether the beacon is on.
        beacon: bool,
        /// It ends by itself after so long, ms.
        expires_ms: u32,
    },
    /// End the warning.
    ClearWarning,
    /// Change the configuration, for good.
    SetConfig {
        /// What.
        key: ConfigKey,
        /// To what, in the key's unit.
        value: i32,
    },
    /// Answer with the value of a key.
    GetConfig {
        /// Which.
        key: ConfigKey,
    },
    /// Send a `State`.
    GetState,
    /// Set the wall clock.
    SetTime {
        /// Milliseconds since the Unix epoch, UTC.
        unix_ms: u64,
    },
    /// Start anew, after having answered.
    Reset,
    /// Make ready for a new firmware image, which comes by another way.
    PrepareUpdate {
        /// Its length in octets.
        image_octets: u32,
        /// Its version.
        version: Version,
        /// Its SHA-256.
        sha256: [u8; 32],
    },
}

/// The message identities of commands: those not in use are commands of later versions.
pub(crate) mod id {
    /// The first of the range.
    pub(crate) const FIRST: u8 = 0x40;
    /// The last of the range.
    pub(crate) const LAST: u8 = 0x7F;
    pub(super) const SET_LUMINAIRE: u8 = 0x40;
    pub(super) const PRESENCE: u8 = 0x41;
    pub(super) const SCHEDULE: u8 = 0x42;
    pub(super) const SHOW_WARNING: u8 = 0x43;
    pub(super) const CLEAR_WARNING: u8 = 0x44;
    pub(super) const SET_CONFIG: u8 = 0x45;
    pub(super) const GET_CONFIG: u8 = 0x46;
    pub(super) const GET_STATE: u8 = 0x47;
    pub(super) const SET_TIME: u8 = 0x48;
    pub(super) const RESET: u8 = 0x49;
    pub(super) const PREPARE_UPDATE: u8 = 0x4A;
}

impl Command {
    /// The identity of its message.
    pub const fn id(&self) -> u8 {
        match self {
            Self::SetLuminaire { .. } => id::SET_LUMINAIRE,
            Self::Presence { .. } => id::PRESENCE,
            Self::Schedule { .. } => id::SCHEDULE,
            Self::ShowWarning { .. } => id::SHOW_WARNING,
            Self::ClearWarning => id::CLEAR_WARNING,
            Self::SetConfig { .. } => id::SET_CONFIG,
            Self::GetConfig { .. } => id::GET_CONFIG,
            Self::GetState => id::GET_STATE,
            Self::SetTime { .. } => id::SET_TIME,
            Self::Reset => id::RESET,
            Self::PrepareUpdate { .. } => id::PREPARE_UPDATE,
        }
    }

    /// Whether carrying it out a second time changes nothing. Only such a command is sent again after the pole lost what it
    /// knows about commands.
    pub const fn is_idempotent(&self) -> bool {
        !matches!(self, Self::Reset | Self::PrepareUpdate { .. })
    }

    /// Whether it can be given to all poles of a bus at once: it asks for nothing and can be repeated.
    pub const fn is_for_all(&self) -> bool {
        self.is_idempotent() && !matches!(self, Self::GetConfig { .. } | Self::GetState)
    }

    /// Writes the body; returns its octets.
    pub(crate) fn write(&self, number: u16, out: &mut [u8]) -> Result<usize, TooLong> {
        match self {
            Self::SetLuminaire { level, ramp_ms } => body::write(&(number, level, ramp_ms), out),
            Self::Presence { level, ramp_ms, hold_ms } => body::write(&(number, level, ramp_ms, hold_ms), out),
            Self::Schedule { points } => body::write(&(number, points), out),
            Self::ShowWarning { text_id, colour, blink, beacon, expires_ms } => {
                body::write(&(number, text_id, colour, blink, beacon, expires_ms), out)
            }
            Self::SetConfig { key, value } => body::write(&(number, key, value), out),
            Self::GetConfig { key } => body::write(&(number, key), out),
            Self::SetTime { unix_ms } => body::write(&(number, unix_ms), out),
            Self::PrepareUpdate { image_octets, version, sha256 } => {
                body::write(&(number, image_octets, version, sha256), out)
            }
            Self::ClearWarning | Self::GetState | Self::Reset => body::write(&number, out),
        }
    }

    /// Reads what follows the number.
    pub(crate) fn read(id: u8, mut fields: Reader<'_>) -> Result<Self, Refusal> {
        let bad_value = |_: Malformed| Refusal::BAD_VALUE;
        Ok(match id {
            id::SET_LUMINAIRE => {
                let (level, ramp_ms) = fields.take().map_err(bad_value)?;
                Self::SetLuminaire { level, ramp_ms }
            }
            id::PRESENCE => {
                let (level, ramp_ms, hold_ms) = fields.take().map_err(bad_value)?;
                Self::Presence { level, ramp_ms, hold_ms }
            }
            id::SCHEDULE => Self::Schedule { points: fields.take().map_err(bad_value)? },
            id::SHOW_WARNING => {
                let (text_id, colour, blink, beacon, expires_ms) = fields.take().map_err(bad_value)?;
                Self::ShowWarning { text_id, colour, blink, beacon, expires_ms }
            }
            id::CLEAR_WARNING => Self::ClearWarning,
            id::SET_CONFIG => {
                let (key, value) = fields.take().map_err(bad_value)?;
                Self::SetConfig { key, value }
            }
            id::GET_CONFIG => Self::GetConfig { key: fields.take().map_err(bad_value)? },
            id::GET_STATE => Self::GetState,
            id::SET_TIME => Self::SetTime { unix_ms: fields.take().map_err(bad_value)? },
            id::RESET => Self::Reset,
            id::PREPARE_UPDATE => {
                let (image_octets, version, sha256) = fields.take().map_err(bad_value)?;
                Self::PrepareUpdate { image_octets, version, sha256 }
            }
            _ => return Err(Refusal::UNSUPPORTED),
        })
    }
}
