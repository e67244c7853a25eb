//! Numbers, enumerators, flags and lists: the parts of every twin.

use std::borrow::Cow;

use rasn::types::{BitString, Enumerated, FixedBitString, FixedOctetString, Ia5String, OctetString};
use rsu_proto::{bytes::Bytes, v1};

use super::Twin;
use crate::ConvertError;

/// An integer type of the standard with its unit: SI value = raw * `NUMERATOR` / `DENOMINATOR`.
pub(crate) trait Quantity: Sized {
    const NUMERATOR: f64;
    const DENOMINATOR: f64;
    const MIN: i64;
    const MAX: i64;
    /// The raw value that means "unavailable".
    const UNAVAILABLE: Option<i64>;
    fn raw(&self) -> i64;
    /// `raw` is within `MIN..=MAX` or is `UNAVAILABLE`.
    fn from_raw(raw: i64) -> Self;
}

/// Declares quantities: `Type(inner) numerator / denominator, min..=max [, unavailable];`
macro_rules! quantities {
    ($($type:ident($inner:ty) $num:literal / $den:literal, $min:literal ..= $max:literal $(, $none:literal)?;)*) => {$(
        impl $crate::convert::scalar::Quantity for asn::$type {
            const NUMERATOR: f64 = $num as f64;
            const DENOMINATOR: f64 = $den as f64;
            const MIN: i64 = $min;
            const MAX: i64 = $max;
            const UNAVAILABLE: Option<i64> = [$(Some($none),)? None][0];
            fn raw(&self) -> i64 {
                i64::from(self.0)
            }
            fn from_raw(raw: i64) -> Self {
                Self(raw as $inner)
            }
        }
    )*};
}
pub(crate) use quantities;

/// The SI value, of a quantity that is never unavailable.
pub(crate) fn si<Q: Quantity>(quantity: &Q) -> f64 {
    quantity.raw() as f64 * Q::NUMERATOR / Q::DENOMINATOR
}

/// The quantity of an SI value.
pub(crate) fn from_si<Q: Quantity>(value: f64, field: &str) -> Result<Q, ConvertError> {
    let raw = (value * Q::DENOMINATOR / Q::NUMERATOR).round();
    // Also false for NaN.
    if raw >= Q::MIN as f64 && raw <= Q::MAX as f64 {
        Ok(Q::from_raw(raw as i64))
    } else {
        Err(ConvertError::OutOfRange {
            path: field.into(),
            value,
            min: Q::MIN as f64 * Q::NUMERATOR / Q::DENOMINATOR,
            max: Q::MAX as f64 * Q::NUMERATOR / Q::DENOMINATOR,
        })
    }
}

/// A mandatory quantity: "unavailable" becomes an absent field.
pub(crate) fn known<Q: Quantity>(quantity: &Q) -> Option<f64> {
    (Q::UNAVAILABLE != Some(quantity.raw())).then(|| si(quantity))
}

/// The inverse of [`known`].
pub(crate) fn from_known<Q: Quantity>(value: Option<f64>, field: &str) -> Result<Q, ConvertError> {
    match value {
        Some(value) => from_si(value, field),
        None => unavailable(field),
    }
}

fn unavailable<Q: Quantity>(field: &str) -> Result<Q, ConvertError> {
    Q::UNAVAILABLE.map(Q::from_raw).ok_or_else(|| ConvertError::Missing { path: field.into() })
}

/// Field numbers of a twin whose values were sent, but marked unavailable.
#[derive(Default)]
pub(crate) struct SentUnavailable(pub(crate) Vec<u32>);

impl SentUnavailable {
    /// An optional quantity.
    pub(crate) fn known<Q: Quantity>(&mut self, quantity: Option<&Q>, number: u32) -> Option<f64> {
        let value = quantity.map(known)?;
        self.note(value, number)
    }

    /// An optional quantity that is counted, not measured.
    pub(crate) fn count<Q: Quantity>(&mut self, quantity: Option<&Q>, number: u32) -> Option<u32> {
        let value = quantity.map(|q| (Q::UNAVAILABLE != Some(q.raw())).then(|| q.raw() as u32))?;
        self.note(value, number)
    }

    /// An optional accuracy.
    pub(crate) fn grade<G: Grade>(&mut self, grade: Option<G>, number: u32) -> Option<f64> {
        let value = grade.map(known_grade)?;
        self.note(value, number)
    }

    fn note<T>(&mut self, value: Option<T>, number: u32) -> Option<T> {
        if value.is_none() {
            self.0.push(number);
        }
        value
    }
}

/// The inverse of [`SentUnavailable::known`].
pub(crate) fn from_optional<Q: Quantity>(
    value: Option<f64>,
    sent_unavailable: &[u32],
    number: u32,
    field: &str,
) -> Result<Option<Q>, ConvertError> {
    match value {
        Some(value) => from_si(value, field).map(Some),
        None if sent_unavailable.contains(&number) => unavailable(field).map(Some),
        None => Ok(None),
    }
}

/// The inverse of [`SentUnavailable::count`].
pub(crate) fn from_optional_count<Q: Quantity>(
    value: Option<u32>,
    sent_unavailable: &[u32],
    number: u32,
    field: &str,
) -> Result<Option<Q>, ConvertError> {
    from_optional(value.map(f64::from), sent_unavailable, number, field)
}

/// The inverse of [`SentUnavailable::grade`].
pub(crate) fn from_optional_grade<G: Grade>(
    value: Option<f64>,
    sent_unavailable: &[u32],
    number: u32,
    field: &str,
) -> Result<Option<G>, ConvertError> {
    if value.is_none() && !sent_unavailable.contains(&number) {
        return Ok(None);
    }
    grade_from(value, field).map(Some)
}

/// A counted quantity that is never unavailable.
pub(crate) fn count<Q: Quantity>(quantity: &Q) -> u32 {
    quantity.raw() as u32
}

/// The inverse of [`count`].
pub(crate) fn from_count<Q: Quantity>(value: u32, field: &str) -> Result<Q, ConvertError> {
    from_si(f64::from(value), field)
}

/// A mandatory counted quantity: "unavailable" becomes an absent field.
pub(crate) fn known_count<Q: Quantity>(quantity: &Q) -> Option<u32> {
    (Q::UNAVAILABLE != Some(quantity.raw())).then(|| count(quantity))
}

/// The inverse of [`known_count`].
pub(crate) fn from_known_count<Q: Quantity>(value: Option<u32>, field: &str) -> Result<Q, ConvertError> {
    from_known(value.map(f64::from), field)
}

/// An unsigned number that the standard bounds by `max`.
pub(crate) fn narrow<T: TryFrom<u32>>(value: u32, max: u32, field: &str) -> Result<T, ConvertError> {
    let out_of_range =
        || ConvertError::OutOfRange { path: field.into(), value: f64::from(value), min: 0.0, max: f64::from(max) };
    if value > max {
        return Err(out_of_range());
    }
    T::try_from(value).map_err(|_| out_of_range())
}

/// An enumerated accuracy: discriminant 0 is "unavailable", discriminant n stands for `STEPS[n - 1]`.
pub(crate) trait Grade: Enumerated + Copy {
    const STEPS: &'static [f64];
    fn index(self) -> usize;
}

macro_rules! grades {
    ($($type:ident $steps:expr;)*) => {$(
        impl $crate::convert::scalar::Grade for asn::$type {
            const STEPS: &'static [f64] = &$steps;
            fn index(self) -> usize {
                self as usize
            }
        }
    )*};
}
pub(crate) use grades;

/// The accuracy, `None` when unavailable.
pub(crate) fn known_grade<G: Grade>(grade: G) -> Option<f64> {
    G::STEPS.get(grade.index().checked_sub(1)?).copied()
}

/// The finest step that is not better than the value: an accuracy may be understated, never overstated.
pub(crate) fn grade_from<G: Grade>(value: Option<f64>, field: &str) -> Result<G, ConvertError> {
    let index = match value {
        None => 0,
        Some(value) => {
            let bounds = |steps: &[f64]| {
                steps.iter().fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), s| (low.min(*s), high.max(*s)))
            };
            let (min, max) = bounds(G::STEPS);
            let enough = |step: f64| step >= value * (1.0 - 1e-9);
            G::STEPS
                .iter()
                .enumerate()
                .filter(|(_, step)| value >= 0.0 && enough(**step))
                .min_by(|a, b| a.1.total_cmp(b.1))
                .map(|(index, _)| index + 1)
                .ok_or(ConvertError::OutOfRange { path: field.into(), value, min, max })?
        }
    };
    G::from_discriminant(index.cast_signed())
        .ok_or_else(|| ConvertError::Unknown { path: field.into(), value: index.cast_signed() as i64 })
}

/// An enumerator that keeps its number.
pub(crate) trait Enumerator: Enumerated + Copy {
    fn number(self) -> i32;
}

macro_rules! enumerators {
    ($($type:ident)*) => {$(
        impl $crate::convert::scalar::Enumerator for asn::$type {
            fn number(self) -> i32 {
                self as i32
            }
        }
    )*};
}
pub(crate) use enumerators;

impl Enumerator for crate::asn1::profile2020::AuxiliarySignDirection {
    fn number(self) -> i32 {
        self as i32
    }
}

/// An optional enumerator.
pub(crate) fn enumerator_opt<E: Enumerator>(value: Option<E>) -> Option<i32> {
    value.map(Enumerator::number)
}

/// The inverse of [`Enumerator::number`].
pub(crate) fn enumerator_from<E: Enumerator>(value: i32, field: &str) -> Result<E, ConvertError> {
    E::from_discriminant(value as isize)
        .ok_or_else(|| ConvertError::Unknown { path: field.into(), value: i64::from(value) })
}

/// The inverse of [`enumerator_opt`].
pub(crate) fn enumerator_opt_from<E: Enumerator>(value: Option<i32>, field: &str) -> Result<Option<E>, ConvertError> {
    value.map(|value| enumerator_from(value, field)).transpose()
}

/// Flags of fixed length.
pub(crate) fn flags<const N: usize>(bits: &FixedBitString<N>) -> u32 {
    bits.iter().by_vals().take(N).enumerate().fold(0, |flags, (index, bit)| flags | u32::from(bit) << index)
}

/// The inverse of [`flags`].
pub(crate) fn flags_from<const N: usize>(value: u32, field: &str) -> Result<FixedBitString<N>, ConvertError> {
    if u64::from(value) >> N != 0 {
        let max = (1_u64 << N) - 1;
        return Err(ConvertError::OutOfRange {
            path: field.into(),
            value: f64::from(value),
            min: 0.0,
            max: max as f64,
        });
    }
    let mut bits = FixedBitString::<N>::default();
    for index in (0..N).filter(|index| value >> index & 1 == 1) {
        bits.set(index, true);
    }
    Ok(bits)
}

/// Flags whose length, `standard` by itself, may have grown.
pub(crate) fn growing_flags(bits: &BitString, standard: usize) -> v1::Flags {
    let low = bits.iter().by_vals().take(64).enumerate().fold(0, |flags, (index, bit)| flags | u64::from(bit) << index);
    let beyond = bits.get(64..).map(rasn::types::BitStr::to_bitvec).map(BitString::into_vec).unwrap_or_default();
    v1::Flags { bits: low, length: (bits.len() != standard).then_some(bits.len() as u32), beyond_64: beyond.into() }
}

/// The inverse of [`growing_flags`].
pub(crate) fn growing_flags_from(flags: &v1::Flags, standard: usize, field: &str) -> Result<BitString, ConvertError> {
    // Far more than a datagram can hold.
    const MAX: usize = 8 * 65536;
    let length = flags.length.map_or(standard, |length| length as usize);
    let fits = length >= 64 || flags.bits >> length == 0;
    if length > MAX || !fits || flags.beyond_64.len() != length.saturating_sub(64).div_ceil(8) {
        return Err(ConvertError::Length { path: field.into(), length, min: 0, max: MAX });
    }
    let mut bits: BitString = (0..length.min(64)).map(|index| flags.bits >> index & 1 == 1).collect();
    bits.extend(BitString::from_slice(&flags.beyond_64).iter().by_vals().take(length.saturating_sub(64)));
    Ok(bits)
}

/// An identity of eight octets.
pub(crate) fn id_from(octets: &Bytes, field: &str) -> Result<OctetString, ConvertError> {
    if octets.len() == 8 {
        Ok(octets.clone().into())
    } else {
        Err(ConvertError::Length { path: field.into(), length: octets.len(), min: 8, max: 8 })
    }
}

/// One octet.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "the generated types are all passed by reference")]
pub(crate) fn octet(octets: &FixedOctetString<1>) -> u32 {
    octets.first().copied().map_or(0, u32::from)
}

/// The inverse of [`octet`].
pub(crate) fn octet_from(value: u32, field: &str) -> Result<FixedOctetString<1>, ConvertError> {
    Ok(FixedOctetString::from([narrow::<u8>(value, 255, field)?]))
}

/// IA5 text of 1 to `max` characters.
pub(crate) fn ia5_from(text: &str, max: usize, field: &str) -> Result<Ia5String, ConvertError> {
    if text.is_empty() || text.len() > max {
        return Err(ConvertError::Length { path: field.into(), length: text.len(), min: 1, max });
    }
    Ia5String::from_iso646_bytes(text.as_bytes()).map_err(|_| ConvertError::NotIa5 { path: field.into() })
}

/// A message that may be absent, which then stands for its own default.
pub(crate) fn or_default<T: Clone + Default>(message: Option<&T>) -> Cow<'_, T> {
    message.map_or_else(|| Cow::Owned(T::default()), Cow::Borrowed)
}

/// The twin of a part, with errors that name the part.
pub(crate) fn part<T: Twin>(proto: &T::Proto, field: &str) -> Result<T, ConvertError> {
    T::from_proto(proto).map_err(|error| error.within(field))
}

/// The twin of a mandatory part; an absent one stands for its default.
pub(crate) fn needed<T: Twin>(proto: Option<&T::Proto>, field: &str) -> Result<T, ConvertError>
where
    T::Proto: Clone + Default,
{
    part(or_default(proto).as_ref(), field)
}

/// The twin of an optional part.
pub(crate) fn optional<T: Twin>(proto: Option<&T::Proto>, field: &str) -> Result<Option<T>, ConvertError> {
    proto.map(|proto| part(proto, field)).transpose()
}

/// Lists of twins.
pub(crate) trait List<T: Twin> {
    fn to_protos(&self) -> Vec<T::Proto>;
}

impl<T: Twin> List<T> for [T] {
    fn to_protos(&self) -> Vec<T::Proto> {
        self.iter().map(Twin::to_proto).collect()
    }
}

/// A list of `min` to `max` parts.
pub(crate) fn list_from<T: Twin>(
    protos: &[T::Proto],
    min: usize,
    max: usize,
    field: &str,
) -> Result<Vec<T>, ConvertError> {
    if protos.len() < min || protos.len() > max {
        return Err(ConvertError::Length { path: field.into(), length: protos.len(), min, max });
    }
    protos
        .iter()
        .enumerate()
        .map(|(index, proto)| T::from_proto(proto).map_err(|error| error.within(&format!("{field}[{index}]"))))
        .collect()
}

/// A list of `min` to `max` parts that may be left out; an empty one is left out.
pub(crate) fn optional_list_from<T: Twin>(
    protos: &[T::Proto],
    min: usize,
    max: usize,
    field: &str,
) -> Result<Option<Vec<T>>, ConvertError> {
    if protos.is_empty() { Ok(None) } else { list_from(protos, min, max, field).map(Some) }
}
