//! Writes bits, most significant first.

use super::{Fault, FaultKind, MAX_LATER_ENUMERATOR, width};

/// The octets of a message in the making.
pub(crate) struct Writer {
    octets: Vec<u8>,
    /// The bits that fill no octet of `octets` yet, in the low end.
    word: u64,
    /// How many of them, 0 to 63.
    count: u32,
}

const FRAGMENT: usize = 16 * 1024;

impl Writer {
    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self { octets: Vec::with_capacity(octets), word: 0, count: 0 }
    }

    /// The octets; bits that fill the last are 0.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            let word = self.word << (u64::BITS - self.count);
            let octets = self.count.div_ceil(8) as usize;
            self.octets.extend(word.to_be_bytes().iter().take(octets));
        }
        self.octets
    }

    /// Bits written so far.
    pub(crate) fn position(&self) -> usize {
        self.octets.len() * 8 + self.count as usize
    }

    #[cold]
    pub(crate) fn fault(&self, kind: FaultKind) -> Fault {
        Fault::new(kind, self.position())
    }

    /// The low `count` bits of `value`, 0 to 63; those above are 0.
    #[inline]
    pub(crate) fn bits(&mut self, value: u64, count: u32) {
        debug_assert!(count < 64 && value >> count == 0);
        let free = u64::BITS - self.count;
        if count < free {
            self.word = self.word << count | value;
            self.count += count;
        } else {
            // `free` is at most 63 here, as `count` is.
            let rest = count - free;
            let full = self.word.checked_shl(free).unwrap_or(0) | value >> rest;
            self.octets.extend_from_slice(&full.to_be_bytes());
            self.word = value & ((1 << rest) - 1);
            self.count = rest;
        }
    }

    /// One bit.
    #[inline]
    pub(crate) fn bit(&mut self, bit: bool) {
        self.bits(u64::from(bit), 1);
    }

    /// A whole number of `min..=max`.
    #[inline]
    pub(crate) fn int(&mut self, value: i64, min: i64, max: i64) -> Result<(), Fault> {
        if value < min || value > max {
            return Err(self.fault(FaultKind::OutOfRange { value, min, max }));
        }
        let range = max.wrapping_sub(min).cast_unsigned();
        self.bits(value.wrapping_sub(min).cast_unsigned(), width(range));
        Ok(())
    }

    /// A whole number of `min..=max`, or one beyond as a later edition may allow.
    pub(crate) fn growing_int(&mut self, value: i64, min: i64, max: i64) -> Result<(), Fault> {
        let beyond = value < min || value > max;
        self.bit(beyond);
        if !beyond {
            return self.int(value, min, max);
        }
        // Two's complement in the fewest octets.
        let magnitude = if value < 0 { !value } else { value };
        let octets = 1 + (u64::BITS - magnitude.leading_zeros()) / 8;
        self.bits(u64::from(octets), 8);
        for index in (0..octets).rev() {
            self.bits((value >> (8 * index)).cast_unsigned() & 0xFF, 8);
        }
        Ok(())
    }

    /// The length of a list or string of `min..=max`.
    #[inline]
    pub(crate) fn size(&mut self, length: usize, min: usize, max: usize) -> Result<(), Fault> {
        if length < min || length > max {
            return Err(self.fault(FaultKind::Length { length, min, max }));
        }
        self.bits((length - min) as u64, width((max - min) as u64));
        Ok(())
    }

    /// A length without bounds, not fragmented.
    pub(crate) fn length(&mut self, length: usize) -> Result<(), Fault> {
        match length {
            0..=127 => self.bits(length as u64, 8),
            128..FRAGMENT => self.bits(0x8000 | length as u64, 16),
            _ => return Err(self.fault(FaultKind::Length { length, min: 0, max: FRAGMENT - 1 })),
        }
        Ok(())
    }

    /// A normally small number.
    pub(crate) fn small_number(&mut self, value: u32) {
        if value < 64 {
            self.bits(u64::from(value), 7);
        } else {
            let octets = (u32::BITS - value.leading_zeros()).div_ceil(8);
            self.bits(1, 1);
            self.bits(u64::from(octets), 8);
            self.bits(u64::from(value), 8 * octets);
        }
    }

    /// The index of an enumerator that a later edition added.
    pub(crate) fn later_enumerator(&mut self, index: u32) -> Result<(), Fault> {
        if index > MAX_LATER_ENUMERATOR {
            return Err(self.fault(FaultKind::Unsupported("an enumerator beyond 2^30")));
        }
        self.small_number(index);
        Ok(())
    }

    /// Octets, without a length.
    #[inline]
    pub(crate) fn octets(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(7) {
            let word = chunk.iter().fold(0, |word, octet| word << 8 | u64::from(*octet));
            self.bits(word, 8 * chunk.len() as u32);
        }
    }

    /// Octets behind their length, in fragments where there are 16384 and more (X.691 11.9.3.8).
    pub(crate) fn unbounded_octets(&mut self, mut octets: &[u8]) {
        while octets.len() >= FRAGMENT {
            let count = (octets.len() / FRAGMENT).min(4);
            let (piece, rest) = octets.split_at(count * FRAGMENT);
            self.bits(0xC0 | count as u64, 8);
            self.octets(piece);
            octets = rest;
        }
        if octets.len() < 128 {
            self.bits(octets.len() as u64, 8);
        } else {
            self.bits(0x8000 | octets.len() as u64, 16);
        }
        self.octets(octets);
    }

    /// The octets of an open type whose type is not known: at least one.
    pub(crate) fn open_octets(&mut self, octets: &[u8]) -> Result<(), Fault> {
        if octets.is_empty() {
            return Err(self.fault(FaultKind::Unsupported("an empty open type")));
        }
        self.unbounded_octets(octets);
        Ok(())
    }

    /// A value in an open type.
    pub(crate) fn open(&mut self, write: impl FnOnce(&mut Writer) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut inner = Writer::with_capacity(64);
        write(&mut inner)?;
        let mut octets = inner.finish();
        if octets.is_empty() {
            // X.691 11.1.3: a complete encoding is at least one octet.
            octets.push(0);
        }
        self.unbounded_octets(&octets);
        Ok(())
    }
}
