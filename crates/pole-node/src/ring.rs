//! Telemetry that waits for the link: a ring of a fixed number of octets, in which the oldest samples give way to new ones and
//! are counted.

use heapless::Deque;
use pole_link::body::{Reader, write};
use pole_link::{Millis, Readings, Sample};

/// The longest sample as it is kept: number, time and as many readings as there can be.
const MAX_KEPT: usize = 5 + 10 + 1 + 6 * pole_link::MAX_READINGS;

/// The ring. Each sample is kept as its length and its octets.
#[derive(Debug)]
pub(crate) struct Ring<const OCTETS: usize> {
    octets: Deque<u8, OCTETS>,
    lost: u32,
}

impl<const OCTETS: usize> Ring<OCTETS> {
    pub(crate) const fn new() -> Self {
        Self { octets: Deque::new(), lost: 0 }
    }

    /// Keeps a sample; the oldest make room for it.
    pub(crate) fn push(&mut self, sample: &Sample) {
        let mut buffer = [0; MAX_KEPT];
        let kept = write(&(sample.number, sample.taken_at.0, &sample.readings), &mut buffer);
        let octets = kept.ok().and_then(|octets| buffer.get(..octets)).unwrap_or_default();
        let Ok(length) = u8::try_from(octets.len()) else { return self.lose() };
        if octets.is_empty() || octets.len() >= OCTETS {
            return self.lose();
        }
        while OCTETS - self.octets.len() <= octets.len() {
            if self.take_octets(&mut [0; MAX_KEPT]).is_none() {
                break;
            }
            self.lose();
        }
        // There is room for all of them now.
        for octet in core::iter::once(length).chain(octets.iter().copied()) {
            let _ = self.octets.push_back(octet);
        }
    }

    /// The oldest sample.
    pub(crate) fn pop(&mut self) -> Option<Sample> {
        let mut buffer = [0; MAX_KEPT];
        let octets = self.take_octets(&mut buffer)?;
        let kept: Result<(u32, u64, Readings), _> = Reader::new(octets).take();
        let Ok((number, taken_at, readings)) = kept else {
            self.lose();
            return None;
        };
        Some(Sample { number, taken_at: Millis(taken_at), backlog: true, readings })
    }

    fn take_octets<'b>(&mut self, buffer: &'b mut [u8; MAX_KEPT]) -> Option<&'b [u8]> {
        let length = usize::from(self.octets.pop_front()?);
        let octets = buffer.get_mut(..length)?;
        for place in octets.iter_mut() {
            *place = self.octets.pop_front()?;
        }
        Some(octets)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    fn lose(&mut self) {
        self.lost = self.lost.saturating_add(1);
    }

    /// How many samples gave way.
    pub(crate) fn lost(&self) -> u32 {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use pole_link::{Quantity, Reading};

    use super::*;

    fn sample(number: u32, readings: usize) -> Sample {
        let reading = Reading { quantity: Quantity::WIND_SPEED, value: i32::MIN };
        let readings = core::iter::repeat_n(reading, readings).collect();
        Sample { number, taken_at: Millis(u64::MAX), backlog: true, readings }
    }

    #[test]
    fn the_oldest_give_way_and_are_counted() {
        let mut ring = Ring::<512>::new();
        for number in 0..100 {
            ring.push(&sample(number, number as usize % 25));
        }
        let first = ring.lost();
        assert!(first > 90);
        for number in first..100 {
            assert_eq!(ring.pop(), Some(sample(number, number as usize % 25)));
        }
        assert_eq!(ring.pop(), None);
        assert!(ring.is_empty() && ring.lost() == first);
    }

    #[test]
    fn a_sample_that_never_fits_is_counted_and_the_rest_stays() {
        let mut ring = Ring::<64>::new();
        ring.push(&sample(1, 2));
        ring.push(&sample(2, 24));
        assert_eq!(ring.lost(), 1);
        assert_eq!(ring.pop(), Some(sample(1, 2)));
    }
}
