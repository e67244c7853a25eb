//! Values that the generated types share: growing bit strings, strings, and what a later edition of the standard added.

use super::{Fault, FaultKind, Reader, Writer};

/// An ENUMERATED type.
pub trait Enumerator: Copy + PartialEq {
    /// The number that the standard gives the enumerator. One of a later edition gets the numbers behind the last that is
    /// known, in the order of the later edition.
    fn number(self) -> i32;
    /// The inverse of [`Enumerator::number`].
    fn from_number(number: i32) -> Option<Self>;
}

/// A BIT STRING whose length later editions may let grow. Bit 0 comes first on the wire.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bits {
    /// Bits 0 to 63; those from `length` on are 0.
    pub low: u64,
    /// Number of bits.
    pub length: usize,
    /// Bits from 64 on, first in the high bit of the first octet; the last octet is filled with 0.
    pub beyond_64: Vec<u8>,
}

/// The longest bit string that is read or written: what a length without fragments can say.
pub(crate) const MAX_BITS: usize = 16383;

impl Bits {
    pub(crate) fn decode(r: &mut Reader<'_>, standard: usize) -> Result<Self, Fault> {
        let length = if r.bit()? { r.length()? } else { standard };
        if length > r.left() {
            return Err(r.incomplete());
        }
        let low = fixed_bits(r, length.min(64) as u32)?;
        let beyond = length.saturating_sub(64);
        let mut beyond_64 = r.octets(beyond / 8)?;
        let rest = beyond % 8;
        if rest > 0 {
            beyond_64.push((r.bits(rest as u32)? << (8 - rest)) as u8);
        }
        Ok(Self { low, length, beyond_64 })
    }

    pub(crate) fn encode(&self, w: &mut Writer, standard: usize) -> Result<(), Fault> {
        let grown = self.length != standard;
        let beyond = self.length.saturating_sub(64);
        let fits = self.length >= 64 || self.low >> self.length == 0;
        if !fits || self.length > MAX_BITS || self.beyond_64.len() != beyond.div_ceil(8) {
            return Err(w.fault(FaultKind::Length { length: self.length, min: 0, max: MAX_BITS }));
        }
        w.bit(grown);
        if grown {
            w.length(self.length)?;
        }
        fixed_bits_encode(w, self.low, self.length.min(64) as u32);
        let rest = beyond % 8;
        w.octets(self.beyond_64.get(..beyond / 8).unwrap_or_default());
        if let (Some(last), 1..) = (self.beyond_64.last(), rest) {
            w.bits(u64::from(last >> (8 - rest)), rest as u32);
        }
        Ok(())
    }
}

/// Clears the bits that fill the last octet of `beyond_64`, of a bit string of `length` bits.
pub(crate) fn clear_filling(beyond_64: &mut [u8], length: usize) {
    if let (Some(last), rest @ 1..) = (beyond_64.last_mut(), length.saturating_sub(64) % 8) {
        *last &= 0xFF << (8 - rest);
    }
}

/// `count` bits, up to 64, of which the first is bit 0.
#[inline]
pub(crate) fn fixed_bits(r: &mut Reader<'_>, count: u32) -> Result<u64, Fault> {
    let first = r.bits(count.min(32))?;
    let low = if count == 0 { 0 } else { first.reverse_bits() >> (u64::BITS - count.min(32)) };
    if count <= 32 {
        return Ok(low);
    }
    let second = r.bits(count - 32)?;
    Ok(low | second.reverse_bits() >> (u64::BITS - (count - 32)) << 32)
}

/// Writes `count` bits, up to 64, of which the first is bit 0.
#[inline]
pub(crate) fn fixed_bits_encode(w: &mut Writer, value: u64, count: u32) {
    let part = |value: u64, count: u32| {
        if count == 0 { 0 } else { (value << (u64::BITS - count)).reverse_bits() & (u64::MAX >> (u64::BITS - count)) }
    };
    w.bits(part(value, count.min(32)), count.min(32));
    if count > 32 {
        w.bits(part(value >> 32, count - 32), count - 32);
    }
}

/// Writes a bit string of fixed size.
#[inline]
pub(crate) fn flags_encode(w: &mut Writer, value: u32, count: u32) -> Result<(), Fault> {
    if u64::from(value) >> count != 0 {
        let max = (1_i64 << count) - 1;
        return Err(w.fault(FaultKind::OutOfRange { value: i64::from(value), min: 0, max }));
    }
    fixed_bits_encode(w, u64::from(value), count);
    Ok(())
}

/// Octets of `min..=max`.
pub(crate) fn octets(r: &mut Reader<'_>, min: usize, max: usize) -> Result<Vec<u8>, Fault> {
    let length = r.size(min, max)?;
    r.octets(length)
}

/// Writes octets of `min..=max`.
pub(crate) fn octets_encode(w: &mut Writer, octets: &[u8], min: usize, max: usize) -> Result<(), Fault> {
    w.size(octets.len(), min, max)?;
    w.octets(octets);
    Ok(())
}

/// Octets of `min..=max`, or more in a later edition.
pub(crate) fn growing_octets(r: &mut Reader<'_>, min: usize, max: usize) -> Result<Vec<u8>, Fault> {
    if r.bit()? { r.unbounded_octets() } else { octets(r, min, max) }
}

/// Writes octets of `min..=max`, or more as in a later edition.
pub(crate) fn growing_octets_encode(w: &mut Writer, value: &[u8], min: usize, max: usize) -> Result<(), Fault> {
    let grown = value.len() < min || value.len() > max;
    w.bit(grown);
    if grown {
        w.unbounded_octets(value);
        Ok(())
    } else {
        octets_encode(w, value, min, max)
    }
}

/// IA5 text of `min..=max` characters, seven bits each.
pub(crate) fn ia5(r: &mut Reader<'_>, min: usize, max: usize) -> Result<String, Fault> {
    let length = r.size(min, max)?;
    if length * 7 > r.left() {
        return Err(r.incomplete());
    }
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        text.push(char::from(r.bits(7)? as u8));
    }
    Ok(text)
}

/// Writes IA5 text of `min..=max` characters.
pub(crate) fn ia5_encode(w: &mut Writer, text: &str, min: usize, max: usize) -> Result<(), Fault> {
    if !text.is_ascii() {
        return Err(w.fault(FaultKind::NotIa5));
    }
    w.size(text.len(), min, max)?;
    for character in text.bytes() {
        w.bits(u64::from(character), 7);
    }
    Ok(())
}

/// An alternative of a CHOICE that a later edition of the standard added, kept as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAlternative {
    /// Its index among the additions, from 0.
    pub index: u32,
    /// The octets of its open type.
    pub octets: Vec<u8>,
}

impl UnknownAlternative {
    pub(crate) fn decode(r: &mut Reader<'_>, index: u32) -> Result<Self, Fault> {
        Ok(Self { index, octets: r.open_octets()? })
    }

    /// Writes index and octets; alternatives below `known` have names and must not be written so.
    pub(crate) fn encode(&self, w: &mut Writer, known: u32) -> Result<(), Fault> {
        if self.index < known {
            let (value, min, max) = (i64::from(self.index), i64::from(known), i64::from(u32::MAX));
            return Err(w.fault(FaultKind::OutOfRange { value, min, max }));
        }
        w.small_number(self.index);
        w.open_octets(&self.octets)
    }
}

/// What a later edition of the standard added to a SEQUENCE, kept as it was. Empty, and then without any allocation, for
/// a sender of the edition that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Additions(Option<Box<Unknown>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Unknown {
    count: usize,
    additions: Vec<UnknownAddition>,
}

/// One addition to a SEQUENCE that is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownAddition {
    /// Its index among the additions, from 0.
    pub index: usize,
    /// The octets of its open type.
    pub octets: Vec<u8>,
}

/// The most additions to one SEQUENCE: what X.691 can announce in short (64 at most by the normally small length).
pub(crate) const MAX_ADDITIONS: usize = 64;

impl Additions {
    /// Additions of a sender whose edition has `count` of them, known ones included; the unknown ones in their order.
    /// `None` unless `count` is 1 to 64, the indices ascend below it, and each has octets.
    #[must_use]
    pub fn new(count: usize, additions: Vec<UnknownAddition>) -> Option<Self> {
        let ascending = additions.windows(2).all(|pair| matches!(pair, [a, b] if a.index < b.index));
        let below = additions.last().is_none_or(|last| last.index < count);
        let filled = additions.iter().all(|addition| !addition.octets.is_empty());
        let sound = ascending && below && filled && (1..=MAX_ADDITIONS).contains(&count);
        sound.then(|| Self(Some(Box::new(Unknown { count, additions }))))
    }

    /// Number of additions in the sender's edition, where it is not the one that is known here.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        self.0.as_ref().map(|unknown| unknown.count)
    }

    /// The additions that are not known here, in their order.
    #[must_use]
    pub fn unknown(&self) -> &[UnknownAddition] {
        self.0.as_ref().map_or(&[], |unknown| &unknown.additions)
    }

    /// Forgets what a sender that wrote what we would write has said: `known` additions, of which one is there.
    pub(crate) fn normalize(&mut self, known: usize, any_known: bool) {
        let as_ours = |unknown: &Unknown| unknown.count == known && any_known && unknown.additions.is_empty();
        if self.0.as_deref().is_some_and(as_ours) {
            self.0 = None;
        }
    }

    /// Whether the SEQUENCE is to be written with its extension bit set, for their sake alone.
    #[inline]
    pub(crate) fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Reads additions, behind an extension bit that is set. `known` of them have readers.
    pub(crate) fn decode(
        r: &mut Reader<'_>,
        known: usize,
        mut read: impl FnMut(usize, &mut Reader<'_>) -> Result<(), Fault>,
    ) -> Result<Self, Fault> {
        if r.bit()? {
            return Err(r.fault(FaultKind::Unsupported("more than 64 extension additions")));
        }
        let count = r.bits(6)? as usize + 1;
        let present = fixed_bits(r, count as u32)?;
        let mut additions = Vec::new();
        for index in (0..count).filter(|index| present >> index & 1 == 1) {
            if index < known {
                r.open(|inner| read(index, inner))?;
            } else {
                additions.push(UnknownAddition { index, octets: r.open_octets()? });
            }
        }
        // Nothing to remember of a sender that wrote what we would write.
        let any_known = present & ((1_u64 << known) - 1) != 0;
        let as_ours = count == known && any_known;
        Ok(Self((!as_ours).then(|| Box::new(Unknown { count, additions }))))
    }

    /// Writes the additions: `present[i]` says whether the known addition i is there, and `write` writes it.
    pub(crate) fn encode(
        &self,
        w: &mut Writer,
        present: &[bool],
        write: impl Fn(usize, &mut Writer) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let count = self.count().unwrap_or(present.len());
        let last_known = present.iter().rposition(|present| *present).map_or(0, |index| index + 1);
        let first_unknown = self.unknown().first().map_or(usize::MAX, |addition| addition.index);
        if count < last_known || first_unknown < present.len() || count == 0 || count > MAX_ADDITIONS {
            return Err(w.fault(FaultKind::Length { length: count, min: last_known.max(1), max: MAX_ADDITIONS }));
        }
        w.bits(count as u64 - 1, 7);
        let known = present.iter().enumerate().fold(0, |bits, (index, present)| bits | u64::from(*present) << index);
        let bits = self.unknown().iter().fold(known, |bits, addition| bits | 1 << addition.index);
        fixed_bits_encode(w, bits, count as u32);
        for index in (0..present.len()).filter(|index| known >> index & 1 == 1) {
            w.open(|inner| write(index, inner))?;
        }
        self.unknown().iter().try_for_each(|addition| w.open_octets(&addition.octets))
    }
}
