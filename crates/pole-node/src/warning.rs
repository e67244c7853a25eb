//! The warning: what the display shows, how it blinks, and when it ends.

use pole_link::{Blink, Capabilities, Colour, Millis, Refusal, ShownWarning};

use crate::board::Shown;

/// The longest that a warning is shown, ms.
pub const MAX_WARNING_MS: u32 = 86_400_000;

/// A warning as it was commanded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Which text; 0 for none, just the beacon.
    pub(crate) text_id: u16,
    pub(crate) colour: Colour,
    pub(crate) blink: Blink,
    pub(crate) beacon: bool,
    pub(crate) expires_ms: u32,
}

#[derive(Debug, Clone, Copy)]
struct Current {
    wanted: Wanted,
    begin: Millis,
    until: Millis,
}

/// The warning of a pole.
#[derive(Debug, Default)]
pub(crate) struct Warning {
    current: Option<Current>,
}

impl Warning {
    /// Shows a warning in place of the one before. `texts` is how many texts the display has.
    pub(crate) fn show(&mut self, now: Millis, wanted: Wanted, parts: Capabilities, texts: u16) -> Result<(), Refusal> {
        let no_display = wanted.text_id != 0 && !parts.has(Capabilities::DISPLAY);
        let no_beacon = wanted.beacon && !parts.has(Capabilities::BEACON);
        if no_display || no_beacon {
            return Err(Refusal::NO_SUCH_PART);
        }
        let nothing = wanted.text_id == 0 && !wanted.beacon;
        let unknown = !Colour::KNOWN.contains(&wanted.colour) || !Blink::KNOWN.contains(&wanted.blink);
        let beyond = wanted.text_id > texts || wanted.expires_ms == 0 || wanted.expires_ms > MAX_WARNING_MS;
        if nothing || unknown || beyond {
            return Err(Refusal::BAD_VALUE);
        }
        let until = now.plus(wanted.expires_ms);
        // The same again only lives longer: it must not start to blink anew.
        let same = self.current.filter(|current| Wanted { expires_ms: wanted.expires_ms, ..current.wanted } == wanted);
        let begin = same.map_or(now, |current| current.begin);
        self.current = Some(Current { wanted, begin, until });
        Ok(())
    }

    /// Ends the warning.
    pub(crate) fn clear(&mut self) {
        self.current = None;
    }

    /// Looks at the time.
    pub(crate) fn poll(&mut self, now: Millis) {
        if self.current.is_some_and(|current| now >= current.until) {
            self.current = None;
        }
    }

    /// What the display shows now.
    pub(crate) fn shown(&self, now: Millis) -> Option<Shown> {
        let Current { wanted, begin, .. } = self.current?;
        let Wanted { text_id, colour, blink, .. } = wanted;
        let (lit, _) = phase(blink, now.since(begin));
        (text_id != 0).then_some(Shown { text_id, colour, lit })
    }

    /// Whether the beacon is on.
    pub(crate) fn beacon(&self) -> bool {
        self.current.is_some_and(|current| current.wanted.beacon)
    }

    /// The warning as the edge is told.
    pub(crate) fn told(&self, now: Millis) -> Option<ShownWarning> {
        let Current { wanted, until, .. } = self.current?;
        Some(ShownWarning { text_id: wanted.text_id, colour: wanted.colour, remaining_ms: until.age_ms(now) })
    }

    /// Which text in which colour, for those who look for changes.
    pub(crate) fn text(&self) -> Option<(u16, Colour)> {
        self.current.map(|current| (current.wanted.text_id, current.wanted.colour))
    }

    /// When to look again.
    pub(crate) fn deadline(&self, now: Millis) -> Option<Millis> {
        let Current { wanted, begin, until } = self.current?;
        let (_, rest_ms) = phase(wanted.blink, now.since(begin));
        Some(rest_ms.map_or(until, |rest_ms| until.min(now.plus(rest_ms))))
    }
}

/// Whether a pattern is lit so long after its begin, and how long this stays, ms; none if for ever.
fn phase(blink: Blink, gone_ms: u64) -> (bool, Option<u32>) {
    // How long lit, dark, lit and so on, ms.
    let parts: &[u32] = match blink {
        Blink::SLOW => &[500, 500],
        Blink::FAST => &[250, 250],
        Blink::DOUBLE_FLASH => &[100, 150, 100, 650],
        _ => return (true, None),
    };
    let period: u32 = parts.iter().sum();
    let mut rest = gone_ms.checked_rem(u64::from(period)).unwrap_or_default() as u32;
    let mut lit = true;
    for part in parts {
        if rest < *part {
            return (lit, Some(part - rest));
        }
        rest -= part;
        lit = !lit;
    }
    (true, None)
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[test]
    fn patterns_are_as_the_link_says() {
        let changes = |blink| {
            let lit = |ms: &u64| phase(blink, *ms).0;
            let changed = |ms: &u64| lit(ms) != lit(&(ms - 1));
            (1..=1000).filter(changed).collect::<Vec<_>>()
        };
        assert_eq!(changes(Blink::STEADY), []);
        assert_eq!(changes(Blink::SLOW), [500, 1000]);
        assert_eq!(changes(Blink::FAST), [250, 500, 750, 1000]);
        assert_eq!(changes(Blink::DOUBLE_FLASH), [100, 250, 350, 1000]);
    }

    #[test]
    fn a_phase_says_how_long_it_stays() {
        for blink in [Blink::SLOW, Blink::FAST, Blink::DOUBLE_FLASH] {
            for ms in 0..2000 {
                let (lit, rest_ms) = phase(blink, ms);
                let rest_ms = u64::from(rest_ms.unwrap());
                assert_ne!(phase(blink, ms + rest_ms).0, lit);
                assert_eq!(phase(blink, ms + rest_ms - 1).0, lit);
            }
        }
    }
}
