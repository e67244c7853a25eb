//! Who is meant: the edge, one pole, or all poles of a bus.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An address as it stands in a frame. Of the octets that are neither the edge, nor a pole, nor all, none is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address(pub u8);

impl Address {
    /// The daemon.
    pub const EDGE: Self = Self(0);
    /// All poles of a bus; nobody answers.
    pub const BROADCAST: Self = Self(255);
}

/// The address of one pole, 1 to 247. On a medium with one pole it is 1 unless configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct PoleAddress(u8);

impl PoleAddress {
    /// The lowest, and the usual one of a pole that has the medium to itself.
    pub const FIRST: Self = Self(1);

    /// The address as an octet.
    pub const fn get(self) -> u8 {
        self.0
    }
}

/// Not the address of a pole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a pole's address is 1 to 247, not {0}")]
pub struct BadAddress(pub u8);

impl TryFrom<u8> for PoleAddress {
    type Error = BadAddress;

    fn try_from(octet: u8) -> Result<Self, BadAddress> {
        if (1..=247).contains(&octet) { Ok(Self(octet)) } else { Err(BadAddress(octet)) }
    }
}

impl From<PoleAddress> for u8 {
    fn from(address: PoleAddress) -> Self {
        address.0
    }
}

impl From<PoleAddress> for Address {
    fn from(address: PoleAddress) -> Self {
        Self(address.0)
    }
}
