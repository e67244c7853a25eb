//! What the spool makes of the times it is told.
//!
//! A roadside unit's clock is wrong now and then: before the first fix there is no time at all, and a bad one may be ahead
//! by years. Nothing but age depends on the time, so age is judged with care: see [`Clock::may_expire`].

use std::time::Duration;

use rsu_units::Timestamp;

/// 2020-01-01. An earlier time says that the clock was not set.
const PLAUSIBLE: Timestamp = Timestamp::from_micros(1_577_836_800_000_000);

/// Going back by less is no step: calls may come a little out of order.
const JITTER: Duration = Duration::from_secs(1);

/// After a step ahead.
#[derive(Debug)]
struct Rest {
    /// The last time before it.
    before: Timestamp,
    /// Until when the clock must have gone on.
    until: Timestamp,
}

/// Follows the clock from call to call.
#[derive(Debug)]
pub(crate) struct Clock {
    last: Timestamp,
    /// After a step ahead.
    rest: Option<Rest>,
    step: Duration,
    settle: Duration,
    pub(crate) steps_ahead: u64,
    pub(crate) steps_back: u64,
}

impl Clock {
    pub(crate) fn new(now: Timestamp, step: Duration, settle: Duration) -> Self {
        Self { last: now, rest: None, step, settle, steps_ahead: 0, steps_back: 0 }
    }

    /// The last run knew this time. What has passed since is a step ahead if it is long: the clock may be wrong.
    pub(crate) fn remember(&mut self, earlier: Timestamp, now: Timestamp) {
        if earlier >= PLAUSIBLE && now.duration_since(earlier) > self.step {
            self.rest = Some(Rest { before: earlier, until: now + self.settle });
        }
    }

    /// Takes notice of the time of a call.
    pub(crate) fn observe(&mut self, now: Timestamp) {
        if now + JITTER < self.last {
            self.steps_back += 1;
        } else if now.duration_since(self.last) > self.step {
            self.steps_ahead += 1;
            self.rest = Some(Rest { before: self.last, until: now + self.settle });
        }
        // The step ahead was an error, and is over.
        if self.rest.as_ref().is_some_and(|rest| now <= rest.before + self.step) {
            self.rest = None;
        }
        self.last = now;
    }

    /// Items may be dropped for their age: the clock is set, and has not just stepped ahead.
    pub(crate) fn may_expire(&self) -> bool {
        self.last >= PLAUSIBLE && self.rest.as_ref().is_none_or(|rest| self.last >= rest.until)
    }

    /// An item is older than `max_age`. One that came before the clock was set, or from the future, is not.
    pub(crate) fn is_over_age(&self, accepted_at: Timestamp, max_age: Duration) -> bool {
        accepted_at >= PLAUSIBLE && self.last.duration_since(accepted_at) > max_age
    }
}

/// Does something at most once in a while.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pace {
    last: Option<Timestamp>,
}

impl Pace {
    /// It is time again. A clock that was set back must not make us wait until it is there again.
    pub(crate) fn is_due(self, now: Timestamp, every: Duration) -> bool {
        self.last.is_none_or(|last| now < last || now.duration_since(last) >= every)
    }

    /// It is done now.
    pub(crate) fn done(&mut self, now: Timestamp) {
        self.last = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const MINUTE: Duration = Duration::from_secs(60);

    fn clock(now: Timestamp) -> Clock {
        Clock::new(now, HOUR, MINUTE)
    }

    #[test]
    fn without_a_set_clock_nothing_is_old() {
        let mut clock = clock(Timestamp::from_micros(0));
        assert!(!clock.may_expire());
        let in_1970 = Timestamp::from_micros(5);
        clock.observe(PLAUSIBLE);
        clock.observe(PLAUSIBLE + MINUTE);
        assert!(clock.may_expire());
        assert!(!clock.is_over_age(in_1970, MINUTE));
    }

    #[test]
    fn a_step_ahead_rests_until_the_clock_goes_on_or_goes_back() {
        let start = PLAUSIBLE + HOUR;
        let mut clock = clock(start);
        clock.observe(start + HOUR);
        assert!(clock.may_expire(), "an hour is no step");
        let wrong = start + HOUR * 10_000;
        clock.observe(wrong);
        assert!(!clock.may_expire());
        clock.observe(wrong + MINUTE / 2);
        clock.observe(wrong + MINUTE / 2 - JITTER / 2);
        assert!(!clock.may_expire(), "calls out of order change nothing");
        clock.observe(wrong + MINUTE);
        assert!(clock.may_expire());

        clock.observe(wrong + MINUTE + HOUR * 10_000);
        clock.observe(start + HOUR + MINUTE);
        assert!(clock.may_expire(), "it was an error");
        assert_eq!((clock.steps_ahead, clock.steps_back), (2, 1));
        assert!(!clock.is_over_age(wrong, MINUTE), "what comes from the future is not old");
    }

    #[test]
    fn a_pace_survives_a_clock_set_back() {
        let mut pace = Pace::default();
        assert!(pace.is_due(PLAUSIBLE, HOUR));
        pace.done(PLAUSIBLE);
        assert!(!pace.is_due(PLAUSIBLE + MINUTE, HOUR));
        assert!(pace.is_due(PLAUSIBLE + HOUR, HOUR));
        assert!(pace.is_due(PLAUSIBLE - MINUTE, HOUR));
    }
}
