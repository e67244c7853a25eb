//! How many of something there may be in a time.

use std::time::Duration;

use rsu_units::Timestamp;

/// So many at once, and one more after each interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    pub(super) burst: u32,
    pub(super) interval: Duration,
}

impl Rate {
    /// The same with fewer at once, so that some are left for what is more urgent.
    pub(super) const fn leaving(self, count: u32) -> Self {
        Self { burst: self.burst.saturating_sub(count), ..self }
    }
}

/// What was used of a [`Rate`]; the generic cell rate algorithm of ATM (ITU-T I.371).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limiter {
    /// When all that was taken would be due at one in each interval.
    due_at: Timestamp,
}

impl Limiter {
    /// Takes one; `false` where there is none left. Times must not go back: after that begins a new limiter.
    pub(super) fn take(&mut self, now: Timestamp, rate: Rate) -> bool {
        let due_at = self.due_at.max(now);
        let is_left = due_at.duration_since(now) + rate.interval <= rate.interval * rate.burst;
        if is_left {
            self.due_at = due_at + rate.interval;
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_in_each_interval() {
        let rate = Rate { burst: 3, interval: Duration::from_millis(500) };
        let at = |ms: i64| Timestamp::from_micros(1_000_000 + ms * 1000);
        let mut limiter = Limiter::default();
        let taken: Vec<bool> = (0..5).map(|_| limiter.take(at(0), rate)).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        assert!(!limiter.take(at(499), rate) && limiter.take(at(500), rate) && !limiter.take(at(501), rate));
        // What is left over for the urgent.
        assert!(!limiter.take(at(1000), rate.leaving(1)) && limiter.take(at(1000), rate));
        let total = (0..10_000).filter(|ms| limiter.take(at(1000 + ms), rate)).count();
        assert!((19..=20).contains(&total), "{total}");
    }
}
