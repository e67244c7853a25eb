//! The load: what is offered, and when.

use std::collections::BTreeSet;
use std::time::Duration;

/// What is to be offered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    pub(crate) items: u64,
    /// As fast as the system takes them where nothing is said.
    pub(crate) per_s: Option<u32>,
    /// Publications that may wait for their acknowledgement, where there is one.
    pub(crate) window: usize,
    /// No more is offered after this.
    pub(crate) within: Duration,
}

impl Plan {
    /// When an item is due, from the beginning.
    pub(crate) fn due(&self, index: u64) -> Duration {
        self.per_s.map_or(Duration::ZERO, |per_s| Duration::from_secs_f64(index as f64 / f64::from(per_s)))
    }

    /// How many items were due before `passed`.
    pub(crate) fn due_by(&self, passed: Duration) -> u64 {
        self.per_s.map_or(0, |per_s| (passed.as_secs_f64() * f64::from(per_s)) as u64).min(self.items)
    }
}

/// What was offered.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Offered {
    /// Items that were offered; numbers begin at 1.
    pub(crate) items: u64,
    /// When each was, microseconds since the Unix epoch, where the items do not say it themselves.
    pub(crate) made_us: Vec<i64>,
    /// Numbers of those that were acknowledged, where there are acknowledgements.
    pub(crate) acknowledged: BTreeSet<u64>,
    /// How long it took.
    pub(crate) took: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_due_at_their_rate() {
        let plan = Plan { items: 100, per_s: Some(500), window: 1, within: Duration::MAX };
        assert_eq!(plan.due(50), Duration::from_millis(100));
        assert_eq!((plan.due_by(Duration::from_millis(101)), plan.due_by(Duration::from_secs(9))), (50, 100));
        let plan = Plan { per_s: None, ..plan };
        assert_eq!((plan.due(50), plan.due_by(Duration::from_secs(9))), (Duration::ZERO, 0));
    }
}
