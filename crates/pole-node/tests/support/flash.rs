//! A flash in memory that is as strict as the real one, and whose power can be cut at any octet.

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash, check_erase, check_read, check_write,
};

pub const WRITE_SIZE: usize = 4;
pub const ERASE_SIZE: usize = 1024;

#[derive(Debug, Clone)]
pub struct SimFlash {
    pub octets: Vec<u8>,
    /// So many octets are written or erased still, then the power is cut. An octet under way is left as garbage.
    pub budget: Option<usize>,
    pub erases: usize,
    pub writes: usize,
    pub broken: bool,
    /// From here to there it says that it has written, and has not.
    pub deaf: std::ops::Range<usize>,
}

impl SimFlash {
    pub fn new(pages: usize) -> Self {
        Self { octets: vec![0xFF; pages * ERASE_SIZE], budget: None, erases: 0, writes: 0, broken: false, deaf: 0..0 }
    }

    /// The power comes back.
    pub fn powered(&self) -> Self {
        Self { budget: None, ..self.clone() }
    }

    fn spend(&mut self) -> Result<bool, NorFlashErrorKind> {
        match &mut self.budget {
            None => Ok(true),
            Some(0) => Err(NorFlashErrorKind::Other),
            Some(left) => {
                *left -= 1;
                Ok(*left > 0)
            }
        }
    }
}

impl ErrorType for SimFlash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for SimFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, octets: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        check_read(self, offset, octets.len())?;
        if self.budget == Some(0) || self.broken {
            return Err(NorFlashErrorKind::Other);
        }
        octets.copy_from_slice(&self.octets[offset as usize..][..octets.len()]);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.octets.len()
    }
}

impl NorFlash for SimFlash {
    const WRITE_SIZE: usize = WRITE_SIZE;
    const ERASE_SIZE: usize = ERASE_SIZE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        check_erase(self, from, to)?;
        if self.broken {
            return Err(NorFlashErrorKind::Other);
        }
        self.erases += 1;
        for at in from as usize..to as usize {
            self.octets[at] = if self.spend()? { 0xFF } else { 0x7B };
        }
        Ok(())
    }

    fn write(&mut self, offset: u32, octets: &[u8]) -> Result<(), NorFlashErrorKind> {
        check_write(self, offset, octets.len())?;
        if self.broken {
            return Err(NorFlashErrorKind::Other);
        }
        self.writes += 1;
        for (at, octet) in (offset as usize..).zip(octets) {
            assert!(self.octets[at] == 0xFF, "{at:#x} is written a second time without being erased");
            if !self.deaf.contains(&at) {
                self.octets[at] = if self.spend()? { *octet } else { *octet & 0xA5 };
            }
        }
        Ok(())
    }
}
