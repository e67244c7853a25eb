//! Reads bits, most significant first.

use super::{Fault, FaultKind, MAX_LATER_ENUMERATOR, width};

/// A place in the octets of a message. `end` may lie before the last octet: within an open type, at its end.
pub(crate) struct Reader<'a> {
    octets: &'a [u8],
    /// The next bit.
    at: usize,
    /// The bit behind the last.
    end: usize,
}

/// Fewer than this many octets or elements are one piece; from here on X.691 sends fragments.
const FRAGMENT: usize = 16 * 1024;

impl<'a> Reader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self { octets, at: 0, end: octets.len() * 8 }
    }

    /// Bits that are left.
    #[inline]
    pub(crate) fn left(&self) -> usize {
        self.end - self.at
    }

    #[cold]
    pub(crate) fn incomplete(&self) -> Fault {
        Fault::new(FaultKind::Incomplete, self.end)
    }

    #[cold]
    pub(crate) fn fault(&self, kind: FaultKind) -> Fault {
        Fault::new(kind, self.at)
    }

    /// The next `count` bits, 0 to 57, as a number.
    #[inline]
    pub(crate) fn bits(&mut self, count: u32) -> Result<u64, Fault> {
        debug_assert!(count <= 57);
        if count == 0 {
            return Ok(0);
        }
        if self.left() < count as usize {
            return Err(self.incomplete());
        }
        let first = self.at / 8;
        let word = match self.octets.get(first..).and_then(<[u8]>::first_chunk::<8>) {
            Some(octets) => u64::from_be_bytes(*octets),
            None => self.last_octets(first),
        };
        let value = (word << (self.at % 8)) >> (u64::BITS - count);
        self.at += count as usize;
        Ok(value)
    }

    /// The fewer than eight octets at the end of the message, as if zeros came behind.
    #[inline(never)]
    fn last_octets(&self, first: usize) -> u64 {
        let octets = self.octets.get(first..).unwrap_or_default();
        octets.iter().enumerate().fold(0, |word, (index, octet)| word | u64::from(*octet) << (56 - 8 * index))
    }

    /// One bit.
    #[inline]
    pub(crate) fn bit(&mut self) -> Result<bool, Fault> {
        Ok(self.bits(1)? == 1)
    }

    /// A whole number of `min..=max` (X.691 11.5).
    #[inline]
    pub(crate) fn int(&mut self, min: i64, max: i64) -> Result<i64, Fault> {
        let range = max.wrapping_sub(min).cast_unsigned();
        let start = self.at;
        let raw = self.bits(width(range))?;
        let value = min.wrapping_add(raw.cast_signed());
        if raw > range {
            return Err(Fault::new(FaultKind::OutOfRange { value, min, max }, start));
        }
        Ok(value)
    }

    /// A whole number of `min..=max` that later editions may let grow (X.691 13.1): behind the extension bit a number
    /// without bounds, of which eight octets are taken.
    pub(crate) fn growing_int(&mut self, min: i64, max: i64) -> Result<i64, Fault> {
        if !self.bit()? {
            return self.int(min, max);
        }
        let octets = self.length()?;
        if octets == 0 || octets > 8 {
            return Err(self.fault(FaultKind::Unsupported("an integer of no or more than eight octets")));
        }
        let mut value = 0_i64;
        for index in 0..octets {
            let octet = self.bits(8)?;
            value = if index == 0 { i64::from((octet as u8).cast_signed()) } else { value << 8 | octet.cast_signed() };
        }
        Ok(value)
    }

    /// The length of a list or string of `min..=max`.
    #[inline]
    pub(crate) fn size(&mut self, min: usize, max: usize) -> Result<usize, Fault> {
        let range = (max - min) as u64;
        let start = self.at;
        let length = min + self.bits(width(range))? as usize;
        if length > max {
            return Err(Fault::new(FaultKind::Length { length, min, max }, start));
        }
        Ok(length)
    }

    /// A length without bounds (X.691 11.9.3.5 to 11.9.3.7), not fragmented.
    pub(crate) fn length(&mut self) -> Result<usize, Fault> {
        match self.piece()? {
            (length, false) => Ok(length),
            (_, true) => Err(self.fault(FaultKind::Unsupported("a fragmented length"))),
        }
    }

    /// The length of the next piece, and whether another follows.
    fn piece(&mut self) -> Result<(usize, bool), Fault> {
        if !self.bit()? {
            return Ok((self.bits(7)? as usize, false));
        }
        if !self.bit()? {
            return Ok((self.bits(14)? as usize, false));
        }
        let start = self.at;
        let count = self.bits(6)? as usize;
        if (1..=4).contains(&count) {
            Ok((count * FRAGMENT, true))
        } else {
            Err(Fault::new(FaultKind::Unsupported("a fragment of other than 1 to 4 times 16384"), start))
        }
    }

    /// A normally small number (X.691 11.6).
    pub(crate) fn small_number(&mut self) -> Result<u32, Fault> {
        if !self.bit()? {
            return Ok(self.bits(6)? as u32);
        }
        let octets = self.length()?;
        if octets == 0 || octets > 4 {
            return Err(self.fault(FaultKind::Unsupported("an index of no or more than four octets")));
        }
        Ok(self.bits(8 * octets as u32)? as u32)
    }

    /// The index of an enumerator that a later edition added. Beyond 2^30 it would not fit the numbers of the twins.
    pub(crate) fn later_enumerator(&mut self) -> Result<u32, Fault> {
        let start = self.at;
        let index = self.small_number()?;
        if index > MAX_LATER_ENUMERATOR {
            return Err(Fault::new(FaultKind::Unsupported("an enumerator beyond 2^30"), start));
        }
        Ok(index)
    }

    /// `out.len()` octets.
    #[inline]
    pub(crate) fn fill(&mut self, out: &mut [u8]) -> Result<(), Fault> {
        if self.left() / 8 < out.len() {
            return Err(self.incomplete());
        }
        for chunk in out.chunks_mut(7) {
            let word = self.bits(8 * chunk.len() as u32)? << (64 - 8 * chunk.len());
            for (octet, value) in chunk.iter_mut().zip(word.to_be_bytes()) {
                *octet = value;
            }
        }
        Ok(())
    }

    /// An array of octets.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut octets = [0; N];
        self.fill(&mut octets)?;
        Ok(octets)
    }

    /// `length` octets.
    pub(crate) fn octets(&mut self, length: usize) -> Result<Vec<u8>, Fault> {
        if self.left() / 8 < length {
            return Err(self.incomplete());
        }
        let mut octets = vec![0; length];
        self.fill(&mut octets)?;
        Ok(octets)
    }

    /// The octets of an open type or of a string without bounds, whole or in fragments.
    pub(crate) fn unbounded_octets(&mut self) -> Result<Vec<u8>, Fault> {
        let (length, mut more) = self.piece()?;
        let mut octets = self.octets(length)?;
        while more {
            let (length, another) = self.piece()?;
            octets.extend(self.octets(length)?);
            more = another;
        }
        Ok(octets)
    }

    /// The octets of an open type whose type is not known: at least one (X.691 11.1.3).
    pub(crate) fn open_octets(&mut self) -> Result<Vec<u8>, Fault> {
        let octets = self.unbounded_octets()?;
        if octets.is_empty() {
            return Err(self.fault(FaultKind::Unsupported("an empty open type")));
        }
        Ok(octets)
    }

    /// A value in an open type (X.691 11.2), which it must fill.
    pub(crate) fn open<T>(&mut self, read: impl FnOnce(&mut Reader<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
        let start = self.at;
        let (length, more) = self.piece()?;
        if more {
            // Rare: only a message of 16384 octets and more. The fragments are joined, so offsets count from the start.
            self.at = start;
            let octets = self.unbounded_octets()?;
            let mut inner = Reader::new(&octets);
            let moved = |fault: Fault| fault.moved(start).in_open_type();
            let value = read(&mut inner).map_err(moved)?;
            inner.finish().map_err(moved)?;
            return Ok(value);
        }
        if self.left() / 8 < length {
            return Err(self.incomplete());
        }
        let mut inner = Reader { octets: self.octets, at: self.at, end: self.at + 8 * length };
        let value = read(&mut inner).map_err(Fault::in_open_type)?;
        inner.finish().map_err(Fault::in_open_type)?;
        self.at = inner.end;
        Ok(value)
    }

    /// Only the bits that fill the last octet may be left.
    pub(crate) fn finish(&self) -> Result<(), Fault> {
        let octets = self.left() / 8;
        if octets > 0 {
            return Err(Fault::new(FaultKind::LeftOver { octets }, self.end - 8 * octets));
        }
        Ok(())
    }
}
