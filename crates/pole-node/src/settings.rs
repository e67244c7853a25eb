//! What a pole keeps over a reset: its configuration, its schedule, which way is up, how often it has started and what went wrong.

use pole_link::body::{Malformed, Reader, write};
use pole_link::{ErrorCounters, SwitchPoints};

use crate::config::{Changed, MAX_KEYS};

/// The longest that settings are, octets.
pub(crate) const MAX_SETTINGS: usize = {
    let counters = 5 + 6 * 3;
    let values = 1 + MAX_KEYS * 6;
    let schedule = 1 + pole_link::MAX_SWITCH_POINTS * 4;
    let upright = 1 + 3 * 3;
    counters + values + schedule + upright
};

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// How often the pole has started.
    pub(crate) boot_count: u32,
    /// What went wrong so far.
    pub(crate) errors: ErrorCounters,
    /// The values that are not their defaults.
    pub(crate) changed: Changed,
    /// The schedule.
    pub(crate) schedule: SwitchPoints,
    /// The acceleration when the pole was set up, mg.
    pub(crate) upright: Option<[i16; 3]>,
}

impl Settings {
    /// How often the pole has started.
    pub fn boot_count(&self) -> u32 {
        self.boot_count
    }

    /// What went wrong so far.
    pub fn errors(&self) -> ErrorCounters {
        self.errors
    }

    /// As octets; a later version appends to them.
    pub(crate) fn write<'b>(&self, buffer: &'b mut [u8; MAX_SETTINGS]) -> Option<&'b [u8]> {
        let Self { boot_count, errors, changed, schedule, upright } = self;
        let octets = write(&(boot_count, errors, changed, schedule, upright), buffer).ok()?;
        buffer.get(..octets)
    }

    /// Of what [`Self::write`] wrote, here or in another version of the firmware.
    pub(crate) fn read(octets: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(octets);
        // One after another: at once they would stand on the stack several times.
        let mut settings = Self { boot_count: reader.take()?, errors: reader.take()?, ..Self::default() };
        settings.changed = reader.take()?;
        settings.schedule = reader.take()?;
        settings.upright = reader.take()?;
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use pole_link::{MinuteOfDay, Permille, SwitchPoint};

    use super::*;

    #[test]
    fn the_longest_settings_fit_and_are_read_again() {
        let errors = ErrorCounters {
            watchdog_resets: u16::MAX,
            panic_resets: u16::MAX,
            hard_fault_resets: u16::MAX,
            brown_out_resets: u16::MAX,
            storage_errors: u16::MAX,
            sensor_errors: u16::MAX,
        };
        let point = SwitchPoint { minute: MinuteOfDay::MAX, level: Permille::MAX };
        let settings = Settings {
            boot_count: u32::MAX,
            errors,
            changed: core::iter::repeat_n((255, i32::MIN), MAX_KEYS).collect(),
            schedule: core::iter::repeat_n(point, pole_link::MAX_SWITCH_POINTS).collect(),
            upright: Some([i16::MIN; 3]),
        };
        let mut buffer = [0; MAX_SETTINGS];
        let octets = settings.write(&mut buffer).unwrap();
        assert_eq!(octets.len(), MAX_SETTINGS);
        assert_eq!(Settings::read(octets), Ok(settings));
        assert!(Settings::read(&octets[..MAX_SETTINGS - 1]).is_err());
    }
}
