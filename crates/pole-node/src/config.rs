//! The configuration: which keys there are, what they may be and what they are unless set.
//!
//! A value is set over the link by its key and is never out of its range. What differs from the default is kept in the flash,
//! so a key that nobody set takes the default of the firmware that runs.

use heapless::Vec;
use pole_link::{ConfigKey, Permille, Refusal};

/// How many keys of its own a board can have.
pub const MAX_OWN_KEYS: usize = 8;
/// The first of the integrator's own keys.
pub const FIRST_OWN_KEY: u8 = 128;
/// All keys together.
pub(crate) const MAX_KEYS: usize = KEYS.len() + MAX_OWN_KEYS;

/// A key, its range and its default, in the key's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpec {
    /// Which.
    pub key: ConfigKey,
    /// The least it can be.
    pub min: i32,
    /// The most it can be.
    pub max: i32,
    /// What it is unless set.
    pub default: i32,
}

const fn spec(key: ConfigKey, min: i32, max: i32, default: i32) -> KeySpec {
    KeySpec { key, min, max, default }
}

/// The keys of every pole.
pub const KEYS: [KeySpec; 13] = [
    spec(ConfigKey::TELEMETRY_PERIOD_MS, 1000, 3_600_000, 10_000),
    spec(ConfigKey::SAFE_AFTER_MS, 1000, 86_400_000, 60_000),
    // A road must not go dark because a cable broke.
    spec(ConfigKey::SAFE_LEVEL_PERMILLE, 500, 1000, 1000),
    spec(ConfigKey::DEFAULT_RAMP_MS, 0, 60_000, 2000),
    spec(ConfigKey::DEBOUNCE_MS, 5, 1000, 30),
    spec(ConfigKey::TILT_ALARM_CDEG, 100, 9000, 500),
    spec(ConfigKey::IMPACT_ALARM_MG, 200, 16_000, 2000),
    spec(ConfigKey::OVER_TEMPERATURE_MILLI_CELSIUS, 40_000, 125_000, 85_000),
    // What the supply should be is known to the board only, which can give another default. No supply is below 0.
    spec(ConfigKey::POWER_FAILURE_MV, 0, 60_000, 0),
    spec(ConfigKey::VISIBILITY_ALARM_M, 0, 50_000, 200),
    spec(ConfigKey::WATER_ALARM_UM, 100, 100_000, 2000),
    spec(ConfigKey::ROAD_ICE_ALARM_MILLI_CELSIUS, -40_000, 20_000, 1000),
    spec(ConfigKey::WIND_ALARM_MM_PER_S, 1000, 100_000, 17_200),
];

/// The values that differ from their defaults, as they are stored.
pub(crate) type Changed = Vec<(u8, i32), MAX_KEYS>;

/// The values of all keys of a pole.
#[derive(Debug, Clone)]
pub struct Config {
    board: &'static [KeySpec],
    /// Those of [`KEYS`] and then the board's own, each within its range.
    values: [i32; MAX_KEYS],
}

impl Config {
    /// The defaults. `board` has the board's own keys, and keys of every pole that are otherwise on this one.
    pub fn new(board: &'static [KeySpec]) -> Self {
        let mut config = Self { board, values: [0; MAX_KEYS] };
        for (place, spec) in config.specs() {
            if let Some(value) = config.values.get_mut(place) {
                *value = spec.default;
            }
        }
        config
    }

    /// All keys with their places.
    fn specs(&self) -> impl Iterator<Item = (usize, KeySpec)> + use<> {
        let board = self.board;
        let known = KEYS.iter().map(move |known| *board.iter().find(|spec| spec.key == known.key).unwrap_or(known));
        let own = board.iter().copied().filter(|spec| spec.key.0 >= FIRST_OWN_KEY);
        known.chain(own.take(MAX_OWN_KEYS)).enumerate()
    }

    fn find(&self, key: ConfigKey) -> Option<(usize, KeySpec)> {
        self.specs().find(|(_, spec)| spec.key == key)
    }

    /// The value of a key, if there is the key.
    pub fn get(&self, key: ConfigKey) -> Option<i32> {
        let (place, _) = self.find(key)?;
        self.values.get(place).copied()
    }

    /// Sets a key; returns what it was.
    ///
    /// # Errors
    /// [`Refusal::UNKNOWN_KEY`], or [`Refusal::BAD_VALUE`] if the value is out of the key's range.
    pub fn set(&mut self, key: ConfigKey, value: i32) -> Result<i32, Refusal> {
        let (place, spec) = self.find(key).ok_or(Refusal::UNKNOWN_KEY)?;
        if value < spec.min || value > spec.max {
            return Err(Refusal::BAD_VALUE);
        }
        let place = self.values.get_mut(place).ok_or(Refusal::UNKNOWN_KEY)?;
        Ok(core::mem::replace(place, value))
    }

    /// What differs from the defaults.
    pub(crate) fn changed(&self) -> Changed {
        let mut changed = Changed::new();
        for ((_, spec), value) in self.specs().zip(self.values) {
            if value != spec.default {
                // There is room for all keys.
                let _ = changed.push((spec.key.0, value));
            }
        }
        changed
    }

    /// Takes what was stored. Keys that this firmware has not got, and values that it does not allow, are left out.
    pub(crate) fn restore(&mut self, changed: &Changed) {
        for (key, value) in changed {
            let _ = self.set(ConfigKey(*key), *value);
        }
    }

    /// The value of a key of every pole.
    pub(crate) fn value(&self, key: ConfigKey) -> i32 {
        self.get(key).unwrap_or_default()
    }

    fn ms(&self, key: ConfigKey) -> u32 {
        u32::try_from(self.value(key)).unwrap_or_default()
    }

    /// Between two telemetry messages, ms.
    pub fn telemetry_period_ms(&self) -> u32 {
        self.ms(ConfigKey::TELEMETRY_PERIOD_MS).max(100)
    }

    /// Without the edge for so long, the pole goes into its safe state, ms.
    pub fn safe_after_ms(&self) -> u32 {
        self.ms(ConfigKey::SAFE_AFTER_MS)
    }

    /// The luminaire's level in the safe state.
    pub fn safe_level(&self) -> Permille {
        u16::try_from(self.value(ConfigKey::SAFE_LEVEL_PERMILLE)).map_or(Permille::MAX, Permille::at_most)
    }

    /// The ramp of changes that name none, ms.
    pub fn default_ramp_ms(&self) -> u32 {
        self.ms(ConfigKey::DEFAULT_RAMP_MS)
    }

    /// A contact must be steady for so long, ms.
    pub fn debounce_ms(&self) -> u32 {
        self.ms(ConfigKey::DEBOUNCE_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &[KeySpec] = &[
        spec(ConfigKey::POWER_FAILURE_MV, 0, 60_000, 10_000),
        spec(ConfigKey(128), -5, 5, 1),
        spec(ConfigKey(200), 0, 9, 9),
    ];

    #[test]
    fn every_key_of_the_link_has_a_sound_range() {
        assert_eq!(KEYS.map(|spec| spec.key).as_slice(), ConfigKey::KNOWN);
        for spec in KEYS {
            assert!(spec.min <= spec.default && spec.default <= spec.max, "{spec:?}");
        }
    }

    #[test]
    fn a_board_adds_keys_and_changes_defaults() {
        let mut config = Config::new(OWN);
        assert_eq!(config.get(ConfigKey::POWER_FAILURE_MV), Some(10_000));
        assert_eq!(config.get(ConfigKey(200)), Some(9));
        assert_eq!(config.set(ConfigKey(128), -5), Ok(1));
        assert_eq!(config.set(ConfigKey(128), -6), Err(Refusal::BAD_VALUE));
        assert_eq!(config.set(ConfigKey(129), 0), Err(Refusal::UNKNOWN_KEY));
        assert_eq!(config.changed().as_slice(), [(128, -5)]);
    }

    #[test]
    fn what_another_firmware_stored_is_taken_as_far_as_it_fits() {
        let mut config = Config::new(&[]);
        let stored = Changed::from_slice(&[(1, 5000), (2, -1), (128, 7), (99, 7)]).unwrap();
        config.restore(&stored);
        assert_eq!(config.telemetry_period_ms(), 5000);
        assert_eq!(config.safe_after_ms(), 60_000);
        assert_eq!(config.changed().as_slice(), [(1, 5000)]);
    }
}
