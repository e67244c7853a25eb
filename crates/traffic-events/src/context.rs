//! What is known beside the tracks and the map: the signals, and which vehicles are on emergency duty.
//!
//! Both come from other devices (the signal controller, V2X messages) and may be missing. A detector that needs them
//! stays silent without them: a signal that is not known is not red.

use fusion::V2xId;
use rsu_units::Timestamp;

/// What a signal shows to vehicles or pedestrians.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Light {
    /// Nothing, out of order, or not known.
    #[default]
    Dark,
    /// Stop.
    Red,
    /// Green.
    Green,
    /// Green and about to end.
    FlashingGreen,
    /// Stop if you can.
    Yellow,
    /// No signal, take care.
    FlashingYellow,
}

/// One signal group and what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalState {
    /// Number of the group (phase), as in the map's connections.
    pub group: u32,
    /// What it shows.
    pub light: Light,
    /// Since when it shows that.
    pub since: Timestamp,
}

/// What is known beside tracks and map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context<'a> {
    /// What each signal group shows, sorted by group; a group that is missing is not known.
    pub signals: &'a [SignalState],
    /// V2X identities of vehicles on emergency duty (light bar or siren on), sorted.
    pub emergency: &'a [V2xId],
}

impl Context<'_> {
    /// What a group shows.
    #[must_use]
    pub fn signal(&self, group: u32) -> Option<&SignalState> {
        self.signals.binary_search_by_key(&group, |state| state.group).ok().and_then(|index| self.signals.get(index))
    }

    /// Whether a vehicle is on emergency duty.
    #[must_use]
    pub fn is_emergency(&self, id: V2xId) -> bool {
        self.emergency.binary_search(&id).is_ok()
    }
}
