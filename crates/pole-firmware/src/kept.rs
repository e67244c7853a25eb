//! What a pole remembers over a reset, in memory that the start does not clear: why it was reset, and where the last panic and
//! hard fault were. It is gone when the power goes, which is how a start by power is known. How often things went wrong the
//! node counts, in its settings.
//!
//! It is a few words with a CRC, written by the panic and fault handlers, so it takes nothing that could fail.

use crc::{CRC_32_ISCSI, Crc, NoTable};
use pole_link::ResetCause;

/// How many words it is.
pub const WORDS: usize = 5;

/// What is kept, as it lies in memory.
pub type Words = [u32; WORDS];

const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISCSI);
/// In place of a cause: nobody noted one.
const NO_CAUSE: u32 = u32::MAX;

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// Why the next start will be; nothing as long as all is well.
    noted: Option<ResetCause>,
    /// Where the last panic was, if there was one.
    pub panic: Place,
    /// The address of the instruction that the last hard fault was at; 0 if there was none or it is not known.
    pub fault_at: u32,
}

/// A place in the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// FNV-1a of the file's name as the compiler was given it; 0 for none.
    pub file: u32,
    /// The line.
    pub line: u32,
}

impl Place {
    /// The place of a file and line.
    pub fn new(file: &str, line: u32) -> Self {
        let hash =
            file.bytes().fold(0x811C_9DC5_u32, |hash, octet| (hash ^ u32::from(octet)).wrapping_mul(0x0100_0193));
        Self { file: hash, line }
    }
}

impl Kept {
    /// What the memory holds; none if it was without power.
    pub fn read(words: &Words) -> Option<Self> {
        let [cause, file, line, fault_at, crc] = *words;
        if crc != Self::crc([cause, file, line, fault_at]) {
            return None;
        }
        let noted = u8::try_from(cause).ok().map(ResetCause);
        Some(Self { noted, panic: Place { file, line }, fault_at })
    }

    /// As it lies in memory.
    pub fn words(&self) -> Words {
        let cause = self.noted.map_or(NO_CAUSE, |cause| cause.0.into());
        let Place { file, line } = self.panic;
        let crc = Self::crc([cause, file, line, self.fault_at]);
        [cause, file, line, self.fault_at, crc]
    }

    /// At the start: what is kept from here on, and why the pole started. Without power it kept nothing; if nobody noted why,
    /// the reset came from outside.
    pub fn begin(words: &Words) -> (Self, ResetCause) {
        let Some(kept) = Self::read(words) else { return (Self::default(), ResetCause::POWER_ON) };
        (Self { noted: None, ..kept }, kept.noted.unwrap_or(ResetCause::PIN))
    }

    /// Notes why the next start will be.
    #[must_use]
    pub fn note(self, cause: ResetCause) -> Self {
        Self { noted: Some(cause), ..self }
    }

    fn crc(words: [u32; WORDS - 1]) -> u32 {
        let mut digest = CRC.digest();
        for word in words {
            digest.update(&word.to_le_bytes());
        }
        digest.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_tells_what_was_noted_once() {
        let (kept, cause) = Kept::begin(&[0xA5A5_A5A5; WORDS]);
        assert_eq!(cause, ResetCause::POWER_ON);
        let mut kept = kept.note(ResetCause::PANIC);
        kept.panic = Place::new("src/app.rs", 17);
        kept.fault_at = 0x1234;
        let (kept, cause) = Kept::begin(&kept.words());
        assert_eq!(cause, ResetCause::PANIC);
        assert_eq!((kept.panic, kept.fault_at), (Place::new("src/app.rs", 17), 0x1234));
        let (kept, cause) = Kept::begin(&kept.words());
        assert_eq!(cause, ResetCause::PIN);
        assert_eq!((kept.panic, kept.fault_at), (Place::new("src/app.rs", 17), 0x1234));
    }

    #[test]
    fn memory_that_was_without_power_is_noticed() {
        assert_eq!(Kept::read(&[0; WORDS]), None);
        assert_eq!(Kept::read(&[u32::MAX; WORDS]), None);
        for word in 0..WORDS {
            let mut words = Kept::default().note(ResetCause::COMMAND).words();
            words[word] ^= 1 << 9;
            assert_eq!(Kept::read(&words), None, "{word}");
        }
    }

    #[test]
    fn places_differ() {
        let places = [Place::new("a.rs", 1), Place::new("b.rs", 1), Place::new("a.rs", 2), Place::default()];
        for (index, place) in places.iter().enumerate() {
            assert!(!places[..index].contains(place));
        }
    }
}
