//! Configuration keys of images for tests: they cause faults and set what the simulated sensors say. An image without the feature
//! `test-hooks` refuses them as unknown.
//!
//! | key | value | |
//! |---|---|---|
//! | 128 | 0 to 4 | when it changes: 1 panic, 2 hard fault, 3 run out of stack, 4 hang |
//! | 129 | −1, or a sum | active contacts: 1 door, 8 water in the pole, 16 emergency call button |
//! | 130 | 0.001 °C | temperature of the road; 100,000 as simulated |
//! | 131 | µm | water on the road; −1 as simulated |
//! | 132 | 0.001 | the part of it that is ice; −1 as simulated |
//! | 133 | m | visibility; −1 as simulated, −2 the sensor is broken |
//! | 134 | mg | how the pole leans |
//!
//! They are kept like any other key, and over a reset.

use pole_link::ConfigKey;
use pole_node::board::Contacts;
use pole_node::config::{Config, KeySpec};

use crate::simulated::Forced;

/// The key that causes faults.
const FAULT: ConfigKey = ConfigKey(128);
const CONTACTS: ConfigKey = ConfigKey(129);
const ROAD: ConfigKey = ConfigKey(130);
const WATER: ConfigKey = ConfigKey(131);
const ICE: ConfigKey = ConfigKey(132);
const VISIBILITY: ConfigKey = ConfigKey(133);
const LEAN: ConfigKey = ConfigKey(134);

/// No road is so hot.
const ROAD_AS_SIMULATED: i32 = 100_000;
const AS_SIMULATED: i32 = -1;
const BROKEN: i32 = -2;

const fn spec(key: ConfigKey, min: i32, max: i32, default: i32) -> KeySpec {
    KeySpec { key, min, max, default }
}

/// The keys of images for tests.
pub const KEYS: [KeySpec; 7] = [
    spec(FAULT, 0, 4, 0),
    spec(CONTACTS, AS_SIMULATED, 31, AS_SIMULATED),
    spec(ROAD, -60_000, ROAD_AS_SIMULATED, ROAD_AS_SIMULATED),
    spec(WATER, AS_SIMULATED, 100_000, AS_SIMULATED),
    spec(ICE, AS_SIMULATED, 1000, AS_SIMULATED),
    spec(VISIBILITY, BROKEN, 50_000, AS_SIMULATED),
    spec(LEAN, -8000, 8000, 0),
];

/// A fault that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The program finds itself wrong.
    Panic,
    /// The processor finds it wrong.
    HardFault,
    /// The stack is not enough.
    StackOverflow,
    /// It does not go on.
    Hang,
}

/// Looks at the keys.
#[derive(Debug)]
pub struct Hooks {
    fault: i32,
}

impl Hooks {
    /// What the keys say at the start asks for no fault: it may be what led to this start.
    pub fn new(config: &Config) -> Self {
        Self { fault: config.get(FAULT).unwrap_or_default() }
    }

    /// The fault that is asked for since this was called last.
    pub fn fault(&mut self, config: &Config) -> Option<Fault> {
        let asked = config.get(FAULT).unwrap_or_default();
        if core::mem::replace(&mut self.fault, asked) == asked {
            return None;
        }
        Some(match asked {
            1 => Fault::Panic,
            2 => Fault::HardFault,
            3 => Fault::StackOverflow,
            4 => Fault::Hang,
            _ => return None,
        })
    }

    /// What the sensors are to say.
    pub fn forced(config: &Config) -> Forced {
        let value = |key| config.get(key).unwrap_or_default();
        let unless = |key, as_simulated| Some(value(key)).filter(|value| *value != as_simulated);
        Forced {
            contacts: u8::try_from(value(CONTACTS)).ok().map(Contacts),
            road_milli_celsius: unless(ROAD, ROAD_AS_SIMULATED),
            water_um: unless(WATER, AS_SIMULATED),
            ice_permille: unless(ICE, AS_SIMULATED),
            visibility_m: unless(VISIBILITY, AS_SIMULATED),
            lean_mg: unless(LEAN, 0),
            broken: value(VISIBILITY) == BROKEN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_asked_for_by_a_change() {
        let mut config = Config::new(&KEYS);
        config.set(FAULT, 1).unwrap();
        let mut hooks = Hooks::new(&config);
        assert_eq!(hooks.fault(&config), None);
        for (value, fault) in [
            (0, None),
            (1, Some(Fault::Panic)),
            (1, None),
            (2, Some(Fault::HardFault)),
            (3, Some(Fault::StackOverflow)),
            (4, Some(Fault::Hang)),
        ] {
            config.set(FAULT, value).unwrap();
            assert_eq!(hooks.fault(&config), fault, "{value}");
        }
    }

    #[test]
    fn sensors_are_as_simulated_until_they_are_set() {
        let mut config = Config::new(&KEYS);
        assert_eq!(Hooks::forced(&config), Forced::default());
        for (key, value) in [(CONTACTS, 16), (ROAD, -2000), (WATER, 0), (ICE, 700), (VISIBILITY, -2), (LEAN, 300)] {
            config.set(key, value).unwrap();
        }
        let forced = Hooks::forced(&config);
        assert_eq!(forced.contacts, Some(Contacts::EMERGENCY_CALL));
        assert_eq!(
            (forced.road_milli_celsius, forced.water_um, forced.ice_permille),
            (Some(-2000), Some(0), Some(700))
        );
        assert!(forced.broken && forced.lean_mg == Some(300));
    }
}
