//! Which frames of a session have been here: a datagram may come twice, or after those sent later.

/// What the sequence number of a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// The newest so far; so many between it and the newest before have not come.
    Newest { missing: u16 },
    /// One of those that were missing.
    Late,
    /// Here before, or so late that nobody knows.
    Duplicate,
}

/// The newest sequence number, and which of the 32 up to it have come.
#[derive(Debug)]
pub(crate) struct Window {
    next: u16,
    seen: u32,
}

impl Window {
    /// That of a session in which nothing has come: the first frame has number 0, and there are none before it.
    pub(crate) const fn new() -> Self {
        Self { next: 0, seen: u32::MAX }
    }

    /// Takes note of a frame.
    pub(crate) fn note(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.next);
        if ahead < 0x8000 {
            let shift = u32::from(ahead) + 1;
            self.seen = self.seen.checked_shl(shift).unwrap_or(0) | 1;
            self.next = sequence.wrapping_add(1);
            return Arrival::Newest { missing: ahead };
        }
        let behind = u32::from(self.next.wrapping_sub(sequence)).wrapping_sub(1);
        match 1_u32.checked_shl(behind) {
            Some(bit) if self.seen & bit == 0 => {
                self.seen |= bit;
                Arrival::Late
            }
            _ => Arrival::Duplicate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_is_known() {
        let mut window = Window::new();
        assert_eq!(window.note(0xFFFF), Arrival::Duplicate, "before the first");
        assert_eq!(window.note(0), Arrival::Newest { missing: 0 });
        assert_eq!(window.note(0), Arrival::Duplicate);
        assert_eq!(window.note(3), Arrival::Newest { missing: 2 });
        assert_eq!(window.note(1), Arrival::Late);
        assert_eq!(window.note(1), Arrival::Duplicate);
        assert_eq!(window.note(40), Arrival::Newest { missing: 36 });
        assert_eq!(window.note(2), Arrival::Duplicate, "38 behind: nobody knows");
        assert_eq!(window.note(9), Arrival::Late);
        assert_eq!(window.note(9), Arrival::Duplicate);
        assert_eq!(window.note(8), Arrival::Duplicate);
    }

    #[test]
    fn the_number_wraps() {
        let mut window = Window { next: 0xFFFF, seen: u32::MAX };
        assert_eq!(window.note(0), Arrival::Newest { missing: 1 });
        assert_eq!(window.note(0xFFFF), Arrival::Late);
        assert_eq!(window.note(0xFFFF), Arrival::Duplicate);
    }
}
