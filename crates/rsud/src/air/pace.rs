//! When which frame goes out: by priority, within a budget of octets and frames a second. Pure: time comes in.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rsu_units::Timestamp;
use v2x_codec::service::Service;

/// How much may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Octets of frames a second.
    pub octets_per_second: u32,
    /// Frames a second.
    pub frames_per_second: u32,
    /// Frames that may wait.
    pub queue: usize,
}

/// Frames that may go out back to back although the budget says later: a message of several frames.
const BURST: Duration = Duration::from_millis(20);

/// A frame that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// What it is.
    pub service: Service,
    /// Its priority, 255 the most urgent.
    pub priority: u8,
    /// The UPER frame.
    pub payload: Vec<u8>,
}

/// What happened to a frame that cannot wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It waits.
    Waits,
    /// It waits, and the least urgent frame, of this service, had to go for it.
    InsteadOf(Service),
    /// It was the least urgent itself, and is gone.
    Dropped,
}

/// The frames that wait.
#[derive(Debug)]
pub struct Pacer {
    budget: Budget,
    /// By priority, then in their order.
    waiting: BTreeMap<(Reverse<u8>, u64), Waiting>,
    count: u64,
    /// When the budget for all that was sent will have grown again.
    paid_at: Timestamp,
    /// The time of the last look.
    now: Timestamp,
    /// Services of whose message some frames have gone and others wait.
    begun: BTreeSet<Service>,
}

impl Pacer {
    /// Nothing waits.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            waiting: BTreeMap::new(),
            count: 0,
            paid_at: Timestamp::default(),
            now: Timestamp::default(),
            begun: BTreeSet::new(),
        }
    }

    /// Makes room for a newer message of a service: the frames of the older one are forgotten if none of them has gone yet.
    /// `None` if some have: then the older one goes on, so that under a tight budget not only first frames are heard, and
    /// the newer one is to be dropped. Otherwise how many frames were forgotten.
    pub fn supersede(&mut self, service: Service) -> Option<usize> {
        if self.begun.contains(&service) {
            return None;
        }
        let before = self.waiting.len();
        self.waiting.retain(|_, frame| frame.service != service);
        Some(before - self.waiting.len())
    }

    /// Lets a frame wait; when too many do, the least urgent and among those the newest goes.
    pub fn push(&mut self, frame: Waiting) -> Pushed {
        self.count += 1;
        let mut outcome = Pushed::Waits;
        if self.waiting.len() >= self.budget.queue {
            match self.waiting.last_key_value() {
                Some(((Reverse(least), _), _)) if *least < frame.priority => {
                    if let Some((_, gone)) = self.waiting.pop_last() {
                        if !self.waiting.values().any(|other| other.service == gone.service) {
                            self.begun.remove(&gone.service);
                        }
                        outcome = Pushed::InsteadOf(gone.service);
                    }
                }
                _ => return Pushed::Dropped,
            }
        }
        self.waiting.insert((Reverse(frame.priority), self.count), frame);
        outcome
    }

    /// When the next frame may go, `None` while none waits.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        (!self.waiting.is_empty()).then(|| self.paid_at - BURST)
    }

    /// The frame that goes now, if the budget allows one. `framing` octets come around each payload.
    pub fn pop(&mut self, now: Timestamp, framing: usize) -> Option<Waiting> {
        // A clock that was set back must not silence the radio for as long.
        if now < self.now {
            self.paid_at = self.paid_at - self.now.duration_since(now);
        }
        self.now = now;
        if self.paid_at > now + BURST {
            return None;
        }
        let (_, frame) = self.waiting.pop_first()?;
        let octets = (frame.payload.len() + framing) as f64;
        let by_octets = octets / f64::from(self.budget.octets_per_second.max(1));
        let by_frames = 1.0 / f64::from(self.budget.frames_per_second.max(1));
        self.paid_at = self.paid_at.max(now) + Duration::from_secs_f64(by_octets.max(by_frames));
        if self.waiting.values().any(|other| other.service == frame.service) {
            self.begun.insert(frame.service);
        } else {
            self.begun.remove(&frame.service);
        }
        Some(frame)
    }

    /// Number of frames that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no frame waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUDGET: Budget = Budget { octets_per_second: 100_000, frames_per_second: 100, queue: 4 };

    fn frame(service: Service, priority: u8, mark: u8) -> Waiting {
        Waiting { service, priority, payload: vec![mark; 10] }
    }

    #[test]
    fn the_most_urgent_goes_first_and_the_least_urgent_makes_room() {
        let mut pacer = Pacer::new(BUDGET);
        let now = Timestamp::from_seconds(1e9);
        for mark in 0..4 {
            assert_eq!(pacer.push(frame(Service::Map, 16, mark)), Pushed::Waits);
        }
        assert_eq!(pacer.push(frame(Service::Map, 16, 9)), Pushed::Dropped);
        assert_eq!(pacer.push(frame(Service::Rsm, 208, 5)), Pushed::InsteadOf(Service::Map));
        let order: Vec<u8> = (0..4).map(|n| pacer.pop(now + Duration::from_secs(n), 0).unwrap().payload[0]).collect();
        assert_eq!(order, [5, 0, 1, 2]);
        assert!(pacer.is_empty() && pacer.deadline().is_none());
    }

    #[test]
    fn a_newer_message_takes_the_place_of_one_that_waits() {
        let mut pacer = Pacer::new(BUDGET);
        pacer.push(frame(Service::Rsm, 208, 1));
        pacer.push(frame(Service::Map, 16, 2));
        assert_eq!((pacer.supersede(Service::Rsm), pacer.len()), (Some(1), 1));
    }

    #[test]
    fn a_message_that_has_begun_goes_on_to_its_end() {
        let mut pacer = Pacer::new(BUDGET);
        let now = Timestamp::from_seconds(1e9);
        pacer.push(frame(Service::Rsm, 208, 1));
        pacer.push(frame(Service::Rsm, 208, 2));
        assert!(pacer.pop(now, 0).is_some());
        assert_eq!(pacer.supersede(Service::Rsm), None);
        assert_eq!(pacer.pop(now + Duration::from_secs(1), 0).unwrap().payload[0], 2);
        assert_eq!(pacer.supersede(Service::Rsm), Some(0));
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody_and_a_large_frame_is_paid_in_full() {
        let budget = Budget { octets_per_second: 100, ..BUDGET };
        let mut pacer = Pacer::new(budget);
        let now = Timestamp::from_seconds(1e9);
        let large = || Waiting { service: Service::Map, priority: 16, payload: vec![0; 1300] };
        pacer.push(large());
        pacer.push(large());
        assert!(pacer.pop(now, 0).is_some());
        assert!(pacer.pop(now + Duration::from_secs(12), 0).is_none());
        let back = Timestamp::from_seconds(5e8);
        assert!(pacer.pop(back, 0).is_none());
        assert!(pacer.pop(back + Duration::from_secs(1), 0).is_some());
    }

    proptest! {
        /// However the frames come, what goes out in any second is within the budget and one burst.
        #[test]
        fn the_budget_holds(gaps_ms in proptest::collection::vec(0_u64..30, 1..400), size in 1_usize..3000) {
            let budget = Budget { queue: 1000, ..BUDGET };
            let mut pacer = Pacer::new(budget);
            let mut now = Timestamp::from_seconds(1e9);
            let mut sent: Vec<(Timestamp, usize)> = Vec::new();
            for gap_ms in gaps_ms {
                now = now + Duration::from_millis(gap_ms);
                pacer.push(Waiting { service: Service::Rsm, priority: 208, payload: vec![0; size] });
                while let Some(frame) = pacer.pop(now, 6) {
                    sent.push((now, frame.payload.len() + 6));
                }
                // Who is asked to come at the deadline finds a frame that may go then.
                if let Some(deadline) = pacer.deadline() {
                    prop_assert!(deadline > now);
                }
            }
            for (start, _) in &sent {
                let within = |at: Timestamp| at >= *start && at.seconds_since(*start) < 1.0;
                let octets: usize = sent.iter().filter(|(at, _)| within(*at)).map(|(_, octets)| octets).sum();
                let frames = sent.iter().filter(|(at, _)| within(*at)).count();
                prop_assert!(octets <= 102_000 + size + 6, "{octets} octets in a second");
                prop_assert!(frames <= 103, "{frames} frames in a second");
            }
        }
    }
}
