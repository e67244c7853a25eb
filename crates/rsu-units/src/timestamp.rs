//! The one kind of time inside rsud, and the standards' ways to write it.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

/// Microseconds since the Unix epoch, UTC. Never read from a clock here: it is always handed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A time by its microseconds since the Unix epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// A time by its seconds since the Unix epoch; what does not fit ends at the ends of the range.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        // A cast from float saturates.
        Self((seconds * 1e6).round() as i64)
    }

    /// Microseconds since the Unix epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Seconds from `earlier` to `self`; negative when `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 * 1e-6
    }

    /// The time between, zero when `earlier` is later.
    #[must_use]
    pub fn duration_since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The first multiple of `period` that is later than `self`.
    #[must_use]
    pub fn next_multiple(self, period: Duration) -> Self {
        let period = micros(period).max(1);
        Self((self.0.div_euclid(period).saturating_add(1)).saturating_mul(period))
    }

    /// The time with a `DSecond` (milliseconds within the UTC minute, T/CSAE 53) that is nearest to `near`. `None` for
    /// values that are reserved or mean "unavailable"; a leap second (60000 to 60999) counts as the next minute's start.
    #[must_use]
    pub fn from_dsecond(dsecond_ms: u32, near: Self) -> Option<Self> {
        const MINUTE: i64 = 60_000_000;
        if dsecond_ms > 60_999 {
            return None;
        }
        let in_minute = i64::from(dsecond_ms) * 1000;
        let candidate = near.0.div_euclid(MINUTE).checked_mul(MINUTE)?.checked_add(in_minute)?;
        let shift = match candidate - near.0 {
            ahead if ahead > MINUTE / 2 => -MINUTE,
            behind if behind < -MINUTE / 2 => MINUTE,
            _ => 0,
        };
        candidate.checked_add(shift).map(Self)
    }

    /// Milliseconds within the UTC minute, T/CSAE 53 `DSecond`.
    #[must_use]
    pub fn dsecond_ms(self) -> u16 {
        (self.0.div_euclid(1000).rem_euclid(60_000)) as u16
    }

    /// Minute of the UTC year, T/CSAE 53 `MinuteOfTheYear`; `None` beyond the calendar.
    #[must_use]
    pub fn minute_of_year(self) -> Option<u32> {
        let time = jiff::Timestamp::from_microsecond(self.0).ok()?.to_zoned(jiff::tz::TimeZone::UTC);
        let minutes = i64::from(time.day_of_year() - 1) * 1440 + i64::from(time.hour()) * 60 + i64::from(time.minute());
        u32::try_from(minutes).ok()
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => write!(f, "{} us", self.0),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn minute_of_year_counts_from_new_year() {
        let time: jiff::Timestamp = "2026-11-22T06:15:30Z".parse().unwrap();
        let time = Timestamp::from_micros(time.as_microsecond());
        // 325 days before, 6 h 15 min of the day.
        assert_eq!(time.minute_of_year(), Some(325 * 1440 + 375));
        assert_eq!(time.dsecond_ms(), 30_000);
        assert_eq!(time.to_string(), "2026-11-22T06:15:30Z");
        assert_eq!(Timestamp::from_micros(i64::MAX).minute_of_year(), None);
    }

    #[test]
    fn dsecond_is_resolved_over_the_minute() {
        let near = Timestamp::from_micros(1_800_000_000 * 60_000_000 / 60 + 100_000);
        assert_eq!(near.dsecond_ms(), 100);
        let just_before = Timestamp::from_dsecond(59_950, near).unwrap();
        assert_eq!(near.as_micros() - just_before.as_micros(), 150_000);
        assert_eq!(Timestamp::from_dsecond(65_535, near), None);
        assert_eq!(Timestamp::from_dsecond(61_000, near), None);
    }

    proptest! {
        #[test]
        fn dsecond_finds_the_time_again(micros in 0..4_000_000_000_000_000_i64, delay_us in 0..20_000_000_i64) {
            let measured = Timestamp::from_micros(micros / 1000 * 1000);
            let arrived = Timestamp::from_micros(measured.as_micros() + delay_us);
            prop_assert_eq!(Timestamp::from_dsecond(u32::from(measured.dsecond_ms()), arrived), Some(measured));
        }

        #[test]
        fn next_multiple_is_later_and_aligned(micros in any::<i64>().prop_map(|m| m / 4), period_ms in 1..10_000_u64) {
            let now = Timestamp::from_micros(micros);
            let period = Duration::from_millis(period_ms);
            let next = now.next_multiple(period);
            prop_assert!(next > now && next <= now + period);
            prop_assert_eq!(next.as_micros().rem_euclid(period_ms.cast_signed() * 1000), 0);
        }
    }
}
