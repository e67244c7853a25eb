//! Settings in the flash, in two copies.
//!
//! Each copy has an area of its own, at least one erase page, in which records are appended; when it is full it is erased. A
//! record has a generation and a CRC. Whoever saves writes one copy, reads it back, and then writes the other, beginning with
//! the one that is behind. So a power cut at any moment leaves at least one whole copy, of the settings before or after, and a
//! damaged record costs nothing as long as the other copy has it. Appending keeps wear low: with pages of 4 KiB one of sixteen
//! saves erases.
//!
//! A record: `5A C3`, the payload's length (u16), the generation (u32), the payload, and a CRC-32C (u32) of all before it; lowest octets
//! first.

use crc::{CRC_32_ISCSI, Crc, NoTable};
use embedded_storage::nor_flash::NorFlash;
use thiserror::Error;

use crate::settings::{MAX_SETTINGS, Settings};

/// Records begin at multiples of this within an area.
const SLOT: usize = 256;
const MAGIC: [u8; 2] = [0x5A, 0xC3];
const HEADER: usize = 8;
/// What was written is read back in parts of this.
const READ: usize = 32;
const TRAILER: usize = 4;
/// An erased octet.
const BLANK: u8 = 0xFF;

const _: () = assert!(HEADER + MAX_SETTINGS + TRAILER <= SLOT);

/// A bit at a time: a table would be 1 KiB of flash, and this is rare.
pub(crate) const CRC: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISCSI);

/// The settings could not be kept, in neither copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the flash does not keep the settings")]
pub struct StoreError;

/// What a save came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Both copies are there.
    Both,
    /// One copy could not be written.
    One,
}

/// What was found at the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings; the defaults if there are none.
    pub settings: Settings,
    /// How many copies were damaged or behind.
    pub damaged: u8,
}

#[derive(Debug, Clone, Copy, Default)]
struct Copy {
    /// The slot that is written next.
    next: usize,
    /// The newest whole record: its generation, and its slot.
    newest: Option<(u32, usize)>,
    /// The last record is not whole.
    damaged: bool,
}

impl Copy {
    fn generation(&self) -> Option<u32> {
        self.newest.map(|(generation, _)| generation)
    }
}

/// Where the copies are and how far they are written.
#[derive(Debug)]
pub struct Store {
    offset: u32,
    copies: [Copy; 2],
    generation: u32,
}

/// The octets of one area.
const fn area<F: NorFlash>() -> usize {
    SLOT.next_multiple_of(if F::ERASE_SIZE == 0 { 1 } else { F::ERASE_SIZE })
}

impl Store {
    /// How many octets of a flash the settings take, from the offset in [`crate::board::Layout`] on.
    pub const fn octets<F: NorFlash>() -> usize {
        2 * area::<F>()
    }

    /// Looks for settings. A flash that cannot be read is as good as an empty one, and damaged.
    #[inline(never)]
    pub fn load<F: NorFlash>(flash: &mut F, offset: u32) -> (Self, Loaded) {
        let mut store = Self { offset, copies: [Copy::default(); 2], generation: 0 };
        for number in 0..2 {
            let copy = store.scan(flash, number);
            if let Some(place) = store.copies.get_mut(number) {
                *place = copy;
            }
        }
        let [first, second] = &store.copies;
        let (newer, number) = if first.generation() >= second.generation() { (first, 0) } else { (second, 1) };
        let generation = newer.generation();
        let bad = |copy: &&Copy| copy.damaged || copy.generation() != generation;
        let damaged = store.copies.iter().filter(bad).count() as u8;
        let settings = newer.newest.and_then(|(_, slot)| store.settings(flash, number, slot)).unwrap_or_default();
        store.generation = generation.unwrap_or_default();
        (store, Loaded { settings, damaged })
    }

    /// What is in one copy's area.
    #[inline(never)]
    fn scan<F: NorFlash>(&self, flash: &mut F, number: usize) -> Copy {
        let mut copy = Copy::default();
        for slot in 0..area::<F>() / SLOT {
            let mut record = [0; SLOT];
            if flash.read(self.place::<F>(number, slot), &mut record).is_err() {
                copy.damaged = true;
                continue;
            }
            if record.iter().all(|octet| *octet == BLANK) {
                continue;
            }
            copy.next = slot + 1;
            let whole = parse(&record);
            copy.damaged = whole.is_none();
            if let Some((generation, _)) = whole
                && copy.generation().is_none_or(|other| generation > other)
            {
                copy.newest = Some((generation, slot));
            }
        }
        copy
    }

    #[inline(never)]
    fn settings<F: NorFlash>(&self, flash: &mut F, number: usize, slot: usize) -> Option<Settings> {
        let mut record = [0; SLOT];
        flash.read(self.place::<F>(number, slot), &mut record).ok()?;
        let (_, payload) = parse(&record)?;
        Settings::read(payload).ok()
    }

    fn place<F: NorFlash>(&self, copy: usize, slot: usize) -> u32 {
        self.offset.saturating_add((copy * area::<F>() + slot * SLOT) as u32)
    }

    /// Writes both copies.
    ///
    /// # Errors
    /// [`StoreError`] if neither could be written. What was stored before is then there still, unless the flash is broken.
    #[inline(never)]
    pub fn save<F: NorFlash>(&mut self, flash: &mut F, settings: &Settings) -> Result<Saved, StoreError> {
        let generation = self.generation.wrapping_add(1);
        let mut record = [BLANK; SLOT];
        let octets = build(generation, settings, &mut record).ok_or(StoreError)?;
        // A flash that writes more than a slot at once is none that this is made for.
        let octets = octets.next_multiple_of(F::WRITE_SIZE.max(1));
        let record = record.get(..octets).ok_or(StoreError)?;
        let [first, second] = &self.copies;
        let order = if first.generation() <= second.generation() { [0, 1] } else { [1, 0] };
        let mut written = 0;
        for number in order {
            let slot = self.write(flash, number, record);
            if let Some(copy) = self.copies.get_mut(number) {
                copy.damaged = slot.is_none();
                if let Some(slot) = slot {
                    copy.newest = Some((generation, slot));
                    written += 1;
                }
            }
        }
        match written {
            0 => return Err(StoreError),
            _ => self.generation = generation,
        }
        Ok(if written == 2 { Saved::Both } else { Saved::One })
    }

    /// Writes one copy and reads it back; the slot it is in. Where the flash has a bad place, once more at the next.
    #[inline(never)]
    fn write<F: NorFlash>(&mut self, flash: &mut F, number: usize, record: &[u8]) -> Option<usize> {
        for _ in 0..2 {
            let slot = self.take_slot(flash, number)?;
            let at = self.place::<F>(number, slot);
            if flash.write(at, record).is_ok() && is_there(flash, at, record) {
                return Some(slot);
            }
        }
        None
    }

    /// The next slot of a copy; its area is erased if there is none.
    fn take_slot<F: NorFlash>(&mut self, flash: &mut F, number: usize) -> Option<usize> {
        let from = self.place::<F>(number, 0);
        let copy = self.copies.get_mut(number)?;
        if copy.next >= area::<F>() / SLOT {
            copy.newest = None;
            flash.erase(from, from.saturating_add(area::<F>() as u32)).ok()?;
            copy.next = 0;
        }
        let slot = copy.next;
        copy.next += 1;
        Some(slot)
    }
}

/// Whether a flash says what was written to it.
fn is_there<F: NorFlash>(flash: &mut F, mut at: u32, record: &[u8]) -> bool {
    let mut part = [0; READ];
    record.chunks(READ).all(|expected| {
        let same = part.get_mut(..expected.len()).is_some_and(|part| flash.read(at, part).is_ok() && part == expected);
        at = at.saturating_add(READ as u32);
        same
    })
}

fn build(generation: u32, settings: &Settings, record: &mut [u8; SLOT]) -> Option<usize> {
    let (header, rest) = record.split_first_chunk_mut::<HEADER>()?;
    let length = settings.write(rest.first_chunk_mut::<MAX_SETTINGS>()?)?.len();
    let (body, rest) = rest.split_at_mut_checked(length)?;
    let [g0, g1, g2, g3] = generation.to_le_bytes();
    let [l0, l1] = u16::try_from(length).ok()?.to_le_bytes();
    let [m0, m1] = MAGIC;
    *header = [m0, m1, l0, l1, g0, g1, g2, g3];
    let mut crc = CRC.digest();
    crc.update(header);
    crc.update(body);
    *rest.first_chunk_mut::<TRAILER>()? = crc.finalize().to_le_bytes();
    Some(HEADER + length + TRAILER)
}

/// The generation and the payload of a record that is whole.
fn parse(record: &[u8; SLOT]) -> Option<(u32, &[u8])> {
    let ([m0, m1, l0, l1, g0, g1, g2, g3], rest) = record.split_first_chunk::<HEADER>()?;
    let length = usize::from(u16::from_le_bytes([*l0, *l1]));
    let (payload, rest) = rest.split_at_checked(length)?;
    let crc = rest.first_chunk::<TRAILER>()?;
    let whole = CRC.checksum(record.get(..HEADER + length)?).to_le_bytes() == *crc;
    let generation = u32::from_le_bytes([*g0, *g1, *g2, *g3]);
    ([*m0, *m1] == MAGIC && whole).then_some((generation, payload))
}
