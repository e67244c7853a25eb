//! Telemetry on its way: made in its period, sent live if there is a link, else kept in a ring and sent when the link is back.

use pole_link::{Millis, PoleEnd, Readings, Sample};

use crate::ring::Ring;

/// While there is no link, samples are at least this far apart, ms, so that the ring reaches back farther. They are summaries,
/// so nothing is left out.
const BACKLOG_PERIOD_MS: u32 = 60_000;

/// The telemetry of a pole.
#[derive(Debug)]
pub(crate) struct Telemetry<const RING: usize> {
    ring: Ring<RING>,
    live: Option<Sample>,
    /// The last one sent, and when: until something is heard after it, nobody knows whether there was a link.
    unsure: Option<(Millis, Sample)>,
    made_at: Millis,
    number: u32,
}

impl<const RING: usize> Telemetry<RING> {
    pub(crate) fn new(now: Millis) -> Self {
        Self { ring: Ring::new(), live: None, unsure: None, made_at: now, number: 0 }
    }

    /// When the next sample is made.
    pub(crate) fn due_at(&self, period_ms: u32, up: bool) -> Millis {
        self.made_at.plus(if up { period_ms } else { period_ms.max(BACKLOG_PERIOD_MS) })
    }

    /// Takes the readings of a period.
    pub(crate) fn make(&mut self, now: Millis, readings: Readings, up: bool) {
        self.made_at = now;
        if readings.is_empty() {
            return;
        }
        self.number = self.number.wrapping_add(1);
        let sample = Sample { number: self.number, taken_at: now, backlog: !up, readings };
        if !up {
            self.ring.push(&sample);
        } else if let Some(before) = self.live.replace(sample) {
            self.ring.push(&before);
        }
    }

    /// The link is gone: what was sent since the edge was last heard is sent again.
    #[inline(never)]
    pub(crate) fn link_lost(&mut self) {
        if let Some((_, sample)) = &self.unsure {
            self.ring.push(sample);
        }
        if let Some(sample) = &self.live {
            self.ring.push(sample);
        }
        self.unsure = None;
        self.live = None;
    }

    /// Hands the link what it takes: live telemetry first. What was kept follows one at a time, as the edge is heard, so that
    /// none of it is lost if the link goes again.
    #[inline(never)]
    pub(crate) fn send(&mut self, now: Millis, link: &mut PoleEnd) {
        if self.unsure.as_ref().is_some_and(|(at, _)| link.heard_at() > *at) {
            self.unsure = None;
        }
        if !link.takes_telemetry() {
            return;
        }
        let sample = match self.live.take() {
            None if self.unsure.is_none() => self.ring.pop(),
            live => live,
        };
        if let Some(sample) = sample
            && link.send_telemetry(sample.clone()).is_ok()
        {
            self.unsure = Some((now, sample));
        }
    }

    /// How many samples are lost for good.
    pub(crate) fn lost(&self) -> u32 {
        self.ring.lost()
    }

    /// Whether something waits for the link.
    pub(crate) fn is_waiting(&self) -> bool {
        self.live.is_some() || (self.unsure.is_none() && !self.ring.is_empty())
    }
}
