//! What the node hands over to the bootloader: which image is to be installed, and back: what became of it.
//!
//! The image itself comes by another way, and is checked and installed by the bootloader. The record has a page of its own:
//!
//! | offset | octets | what |
//! |---|---|---|
//! | 0 | 4 | `PUH1` |
//! | 4 | 4 | length of the image, octets |
//! | 8 | 6 | its version: major, minor, patch, each u16 |
//! | 14 | 2 | 0 |
//! | 16 | 32 | its SHA-256 |
//! | 48 | 4 | CRC-32C of the octets before |
//! | 64 | 1 to 32 | written by the bootloader, with anything but `FF`: the image is installed |
//! | 96 | 1 to 32 | written by the bootloader: the image was refused |
//!
//! Numbers have their lowest octet first. What is not written is `FF`, so the bootloader needs to erase nothing.

use embedded_storage::nor_flash::NorFlash;
use pole_link::Version;

use crate::store::{CRC, StoreError};

const MAGIC: [u8; 4] = *b"PUH1";
/// The record and its room.
const RECORD: usize = 64;
const COVERED: usize = 48;
const INSTALLED: usize = 64;
const REFUSED: usize = 96;
const PAGE: usize = 128;
const BLANK: u8 = 0xFF;

/// An image that is to be installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HandOver {
    /// Its length in octets.
    pub image_octets: u32,
    /// Its version.
    pub version: Version,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}

/// How far an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOverState {
    /// The node has written the record; the bootloader has not been at it.
    Prepared,
    /// The bootloader has installed the image.
    Installed,
    /// The bootloader has refused the image.
    Refused,
}

impl HandOver {
    /// Writes the record in place of any before it.
    ///
    /// # Errors
    /// [`StoreError`] if the flash does not take it, or cannot write so few octets as 64 at once.
    pub fn write<F: NorFlash>(&self, flash: &mut F, offset: u32) -> Result<(), StoreError> {
        let record = self.record().ok_or(StoreError)?;
        erase(flash, offset)?;
        let mut back = [0; RECORD];
        flash.write(offset, &record).map_err(|_| StoreError)?;
        flash.read(offset, &mut back).map_err(|_| StoreError)?;
        if back == record { Ok(()) } else { Err(StoreError) }
    }

    fn record(&self) -> Option<[u8; RECORD]> {
        let mut record = [BLANK; RECORD];
        let Version { major, minor, patch } = self.version;
        let (magic, rest) = record.split_first_chunk_mut::<4>()?;
        let (length, rest) = rest.split_first_chunk_mut::<4>()?;
        let (version, rest) = rest.split_first_chunk_mut::<8>()?;
        let (sha256, rest) = rest.split_first_chunk_mut::<32>()?;
        *magic = MAGIC;
        *length = self.image_octets.to_le_bytes();
        let [a, b] = major.to_le_bytes();
        let [c, d] = minor.to_le_bytes();
        let [e, f] = patch.to_le_bytes();
        *version = [a, b, c, d, e, f, 0, 0];
        *sha256 = self.sha256;
        let mut crc = CRC.digest();
        crc.update(magic);
        crc.update(length);
        crc.update(version);
        crc.update(sha256);
        *rest.first_chunk_mut::<4>()? = crc.finalize().to_le_bytes();
        Some(record)
    }

    /// The record that is there, if it is whole, and how far its image is.
    pub fn read<F: NorFlash>(flash: &mut F, offset: u32) -> Option<(Self, HandOverState)> {
        let mut page = [0; PAGE];
        flash.read(offset, &mut page).ok()?;
        let covered = page.get(..COVERED)?;
        let crc = page.get(COVERED..)?.first_chunk::<4>()?;
        if CRC.checksum(covered).to_le_bytes() != *crc {
            return None;
        }
        let (magic, rest) = covered.split_first_chunk::<4>()?;
        let (length, rest) = rest.split_first_chunk::<4>()?;
        let ([a, b, c, d, e, f, _, _], rest) = rest.split_first_chunk::<8>()?;
        let sha256 = *rest.first_chunk::<32>()?;
        if *magic != MAGIC {
            return None;
        }
        let version = Version {
            major: u16::from_le_bytes([*a, *b]),
            minor: u16::from_le_bytes([*c, *d]),
            patch: u16::from_le_bytes([*e, *f]),
        };
        let is_marked = |from: usize| page.iter().skip(from).take(32).any(|octet| *octet != BLANK);
        let state = match (is_marked(INSTALLED), is_marked(REFUSED)) {
            (_, true) => HandOverState::Refused,
            (true, false) => HandOverState::Installed,
            (false, false) => HandOverState::Prepared,
        };
        Some((Self { image_octets: u32::from_le_bytes(*length), version, sha256 }, state))
    }
}

/// Takes the record away.
pub(crate) fn erase<F: NorFlash>(flash: &mut F, offset: u32) -> Result<(), StoreError> {
    let page = PAGE.next_multiple_of(F::ERASE_SIZE.max(1));
    flash.erase(offset, offset.saturating_add(page as u32)).map_err(|_| StoreError)
}
