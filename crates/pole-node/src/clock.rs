//! The wall clock, as far as the edge told it, and times of the day.

use pole_link::{Millis, MinuteOfDay};

const MINUTE_MS: u64 = 60_000;
const DAY_MINUTES: u64 = 1440;

/// The wall clock: what it was when it was told, and when that was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WallClock {
    told: Option<(Millis, u64)>,
}

impl WallClock {
    /// It is so many ms since the Unix epoch.
    pub(crate) fn set(&mut self, now: Millis, unix_ms: u64) {
        self.told = Some((now, unix_ms));
    }

    fn unix_ms(&self, now: Millis) -> Option<u64> {
        self.told.map(|(at, unix_ms)| unix_ms.saturating_add(now.since(at)))
    }

    /// The minute of the day in UTC, if the time is known.
    pub(crate) fn minute(&self, now: Millis) -> Option<MinuteOfDay> {
        let minute = self.unix_ms(now)? / MINUTE_MS % DAY_MINUTES;
        MinuteOfDay::try_from(minute as u16).ok()
    }

    /// When the next minute begins.
    pub(crate) fn next_minute(&self, now: Millis) -> Option<Millis> {
        let into = self.unix_ms(now)? % MINUTE_MS;
        Some(now.plus((MINUTE_MS - into) as u32))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minute_goes_on_by_itself() {
        let mut clock = WallClock::default();
        assert_eq!(clock.minute(Millis(0)), None);
        // 2026-11-23T23:58:30Z
        clock.set(Millis(500), 1_795_478_310_000);
        let minute = |ms| clock.minute(Millis(ms)).map(MinuteOfDay::get);
        assert_eq!(minute(500), Some(1438));
        assert_eq!(clock.next_minute(Millis(500)), Some(Millis(30_500)));
        assert_eq!(minute(30_499), Some(1438));
        assert_eq!(minute(30_500), Some(1439));
        assert_eq!(minute(90_500), Some(0));
    }

    #[test]
    fn a_clock_beyond_all_time_is_no_harm() {
        let mut clock = WallClock::default();
        clock.set(Millis(0), u64::MAX);
        assert!(clock.minute(Millis(u64::MAX)).is_some());
        assert!(clock.next_minute(Millis(u64::MAX)).is_some());
    }
}
