//! Simulated flash over memory that outlives a reset. It does what flash does: a page is erased to ones, and writing can only
//! make zeros of ones.
//!
//! What lies in the memory is the complement of the flash's contents, because memory that was never written is zeros, and flash
//! that was never written is ones.

use embedded_storage::nor_flash::{
    ErrorType, MultiwriteNorFlash, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};

/// Octets of a page.
pub const PAGE_OCTETS: usize = 4096;
const WORD_OCTETS: usize = 4;

/// Memory by octets.
pub trait Memory {
    /// How many octets there are.
    const OCTETS: usize;

    /// The octet at an index; what is beyond the end is 0.
    fn get(&self, index: usize) -> u8;

    /// Writes the octet at an index; beyond the end, nothing.
    fn put(&mut self, index: usize, octet: u8);
}

/// Flash that lies in a memory.
#[derive(Debug)]
pub struct SimulatedFlash<M>(pub M);

/// An access that flash does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub NorFlashErrorKind);

impl NorFlashError for Refused {
    fn kind(&self) -> NorFlashErrorKind {
        self.0
    }
}

impl<M: Memory> SimulatedFlash<M> {
    /// The indices of an access.
    fn range(from: u32, octets: usize, unit: usize) -> Result<core::ops::Range<usize>, Refused> {
        let from = from as usize;
        let to =
            from.checked_add(octets).filter(|to| *to <= M::OCTETS).ok_or(Refused(NorFlashErrorKind::OutOfBounds))?;
        if !from.is_multiple_of(unit) || !octets.is_multiple_of(unit) {
            return Err(Refused(NorFlashErrorKind::NotAligned));
        }
        Ok(from..to)
    }
}

impl<M> ErrorType for SimulatedFlash<M> {
    type Error = Refused;
}

impl<M: Memory> ReadNorFlash for SimulatedFlash<M> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, octets: &mut [u8]) -> Result<(), Refused> {
        let range = Self::range(offset, octets.len(), Self::READ_SIZE)?;
        for (index, octet) in range.zip(octets) {
            *octet = !self.0.get(index);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        M::OCTETS
    }
}

impl<M: Memory> NorFlash for SimulatedFlash<M> {
    const WRITE_SIZE: usize = WORD_OCTETS;
    const ERASE_SIZE: usize = PAGE_OCTETS;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Refused> {
        let octets = to.checked_sub(from).ok_or(Refused(NorFlashErrorKind::OutOfBounds))?;
        for index in Self::range(from, octets as usize, PAGE_OCTETS)? {
            self.0.put(index, 0);
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, octets: &[u8]) -> Result<(), Refused> {
        for (index, octet) in Self::range(offset, octets.len(), WORD_OCTETS)?.zip(octets) {
            self.0.put(index, self.0.get(index) | !octet);
        }
        Ok(())
    }
}

impl<M: Memory> MultiwriteNorFlash for SimulatedFlash<M> {}

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    struct Octets(Vec<u8>);

    impl Memory for Octets {
        const OCTETS: usize = 2 * PAGE_OCTETS;

        fn get(&self, index: usize) -> u8 {
            self.0.get(index).copied().unwrap_or_default()
        }

        fn put(&mut self, index: usize, octet: u8) {
            self.0[index] = octet;
        }
    }

    fn flash() -> SimulatedFlash<Octets> {
        SimulatedFlash(Octets(vec![0; Octets::OCTETS]))
    }

    fn read(flash: &mut SimulatedFlash<Octets>, offset: u32) -> [u8; 4] {
        let mut octets = [0; 4];
        flash.read(offset, &mut octets).unwrap();
        octets
    }

    #[test]
    fn untouched_memory_is_erased_flash() {
        assert_eq!(read(&mut flash(), 4094), [0xFF; 4]);
    }

    #[test]
    fn writing_only_makes_zeros_until_the_page_is_erased() {
        let mut flash = flash();
        flash.write(4096, &[0xF0, 1, 2, 3]).unwrap();
        flash.write(4096, &[0x3C, 0xFF, 0xFF, 0xFF]).unwrap();
        assert_eq!(read(&mut flash, 4096), [0x30, 1, 2, 3]);
        flash.erase(0, 4096).unwrap();
        assert_eq!(read(&mut flash, 4096), [0x30, 1, 2, 3]);
        flash.erase(4096, 8192).unwrap();
        assert_eq!(read(&mut flash, 4096), [0xFF; 4]);
    }

    #[test]
    fn what_flash_does_not_allow_is_refused() {
        let mut flash = flash();
        let (beyond, askew) =
            (Err(Refused(NorFlashErrorKind::OutOfBounds)), Err(Refused(NorFlashErrorKind::NotAligned)));
        assert_eq!(flash.write(8192, &[0; 4]), beyond);
        assert_eq!(flash.write(u32::MAX - 3, &[0; 4]), beyond);
        assert_eq!(flash.read(8190, &mut [0; 3]), beyond);
        assert_eq!(flash.erase(4096, 0), beyond);
        assert_eq!(flash.write(2, &[0; 4]), askew);
        assert_eq!(flash.write(0, &[0; 3]), askew);
        assert_eq!(flash.erase(0, 100), askew);
        assert_eq!(read(&mut flash, 0), [0xFF; 4]);
    }
}
