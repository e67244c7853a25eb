//! Time on one machine: milliseconds that only go forward. Neither end knows the other's; what crosses the link is ages and
//! durations.

/// Milliseconds of a monotonic clock, from any start, such as since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Millis(pub u64);

impl Millis {
    /// This time and `ms` milliseconds more.
    #[must_use]
    pub const fn plus(self, ms: u32) -> Self {
        Self(self.0.saturating_add(ms as u64))
    }

    /// The milliseconds from `earlier` to this; 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The same as a number that fits the wire: at most `u32::MAX`, 49 days.
    pub const fn age_ms(self, earlier: Self) -> u32 {
        let ms = self.since(earlier);
        if ms > u32::MAX as u64 { u32::MAX } else { ms as u32 }
    }
}

/// The earlier of two deadlines, of which either may be none.
pub(crate) fn sooner(a: Option<Millis>, b: Option<Millis>) -> Option<Millis> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
