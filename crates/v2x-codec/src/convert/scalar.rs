//! Numbers, enumerators, flags and lists: the parts of every twin.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use rsu_proto::{bytes::Bytes, v1};

use super::Twin;
use crate::ConvertError;
use crate::uper::{Additions, Bits, Enumerator, Inner, MAX_BITS, UnknownAddition, UnknownAlternative};

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

/// A number within the standard's bounds.
pub(crate) fn narrow<W, T>(value: W, min: i64, max: i64, field: &str) -> Result<T, ConvertError>
where
    W: Into<i64>,
    T: TryFrom<i64>,
{
    let value = value.into();
    let wrong =
        || ConvertError::OutOfRange { path: field.into(), value: value as f64, min: min as f64, max: max as f64 };
    if value < min || value > max {
        return Err(wrong());
    }
    T::try_from(value).map_err(|_| wrong())
}

/// An enumerated accuracy: discriminant 0 is "unavailable", discriminant n stands for `STEPS[n - 1]`.
pub(crate) trait Grade: Enumerator {
    const STEPS: &'static [f64];
}

macro_rules! grades {
    ($($type:ident $steps:expr;)*) => {$(
        impl $crate::convert::scalar::Grade for asn::$type {
            const STEPS: &'static [f64] = &$steps;
        }
    )*};
}
pub(crate) use grades;

/// The accuracy, `None` when unavailable.
pub(crate) fn known_grade<G: Grade>(grade: G) -> Option<f64> {
    G::STEPS.get(usize::try_from(grade.number()).ok()?.checked_sub(1)?).copied()
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
    enumerator_from(i32::try_from(index).unwrap_or(i32::MAX), field)
}

/// The enumerator of a number.
pub(crate) fn enumerator_from<E: Enumerator>(value: i32, field: &str) -> Result<E, ConvertError> {
    E::from_number(value).ok_or_else(|| ConvertError::Unknown { path: field.into(), value: i64::from(value) })
}

/// Flags of fixed length.
pub(crate) fn flags_from<T: Inner<u32>>(value: u32, width: u32, field: &str) -> Result<T, ConvertError> {
    let max = (1_u32 << width) - 1;
    if value > max {
        let (value, max) = (f64::from(value), f64::from(max));
        return Err(ConvertError::OutOfRange { path: field.into(), value, min: 0.0, max });
    }
    Ok(T::wrap(value))
}

/// Flags whose length, `standard` by itself, may have grown.
pub(crate) fn growing_flags(bits: &Bits, standard: usize) -> v1::Flags {
    v1::Flags {
        bits: bits.low,
        length: (bits.length != standard).then_some(bits.length as u32),
        beyond_64: Bytes::copy_from_slice(&bits.beyond_64),
    }
}

/// The inverse of [`growing_flags`].
pub(crate) fn growing_flags_from<T: Inner<Bits>>(
    flags: &v1::Flags,
    standard: usize,
    field: &str,
) -> Result<T, ConvertError> {
    let length = flags.length.map_or(standard, |length| length as usize);
    let fits = length >= 64 || flags.bits >> length == 0;
    if length > MAX_BITS || !fits || flags.beyond_64.len() != length.saturating_sub(64).div_ceil(8) {
        return Err(ConvertError::Length { path: field.into(), length, min: 0, max: MAX_BITS });
    }
    let mut beyond_64 = flags.beyond_64.to_vec();
    crate::uper::values::clear_filling(&mut beyond_64, length);
    Ok(T::wrap(Bits { low: flags.bits, length, beyond_64 }))
}

/// The name of a field without the mark that Rust needs where it is a keyword.
pub(crate) fn plain(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Whether a field of a twin is not set.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Octets of fixed length.
pub(crate) fn array<const N: usize>(octets: &impl Inner<[u8; N]>) -> Bytes {
    Bytes::copy_from_slice(octets.inner())
}

/// The inverse of [`array()`].
pub(crate) fn array_from<const N: usize, T: Inner<[u8; N]>>(octets: &Bytes, field: &str) -> Result<T, ConvertError> {
    let array = <[u8; N]>::try_from(octets.as_ref());
    let wrong = |_| ConvertError::Length { path: field.into(), length: octets.len(), min: N, max: N };
    array.map(T::wrap).map_err(wrong)
}

/// One octet.
pub(crate) fn octet(octet: &impl Inner<[u8; 1]>) -> u32 {
    let [octet] = octet.inner();
    u32::from(*octet)
}

/// The inverse of [`octet`].
pub(crate) fn octet_from<T: Inner<[u8; 1]>>(value: u32, field: &str) -> Result<T, ConvertError> {
    Ok(T::wrap([narrow(value, 0, 255, field)?]))
}

/// Octets whose number varies.
pub(crate) fn octets(octets: &impl Inner<Vec<u8>>) -> Bytes {
    Bytes::copy_from_slice(octets.inner())
}

/// The inverse of [`octets`].
pub(crate) fn octets_from<T: Inner<Vec<u8>>>(
    octets: &Bytes,
    bounds: RangeInclusive<usize>,
    field: &str,
) -> Result<T, ConvertError> {
    within(octets.len(), bounds, field)?;
    Ok(T::wrap(octets.to_vec()))
}

/// IA5 text.
pub(crate) fn text(text: &impl Inner<String>) -> String {
    text.inner().clone()
}

/// The inverse of [`text`]: 1 to `max` characters.
pub(crate) fn text_from<T: Inner<String>>(text: &str, max: usize, field: &str) -> Result<T, ConvertError> {
    within(text.len(), 1..=max, field)?;
    if !text.is_ascii() {
        return Err(ConvertError::NotIa5 { path: field.into() });
    }
    Ok(T::wrap(text.to_owned()))
}

fn within(length: usize, bounds: RangeInclusive<usize>, field: &str) -> Result<(), ConvertError> {
    if bounds.contains(&length) {
        return Ok(());
    }
    Err(ConvertError::Length { path: field.into(), length, min: *bounds.start(), max: *bounds.end() })
}

/// What a later edition added to a SEQUENCE.
pub(crate) fn additions(additions: &Additions) -> Option<v1::UnknownExtensions> {
    let count = additions.count()? as u32;
    let addition = |addition: &UnknownAddition| v1::UnknownExtension {
        index: addition.index as u32,
        value: Bytes::copy_from_slice(&addition.octets),
    };
    Some(v1::UnknownExtensions { count, additions: additions.unknown().iter().map(addition).collect() })
}

/// The inverse of [`additions`].
pub(crate) fn additions_from(twin: Option<&v1::UnknownExtensions>, field: &str) -> Result<Additions, ConvertError> {
    let Some(twin) = twin else { return Ok(Additions::default()) };
    let addition =
        |twin: &v1::UnknownExtension| UnknownAddition { index: twin.index as usize, octets: twin.value.to_vec() };
    Additions::new(twin.count as usize, twin.additions.iter().map(addition).collect())
        .ok_or_else(|| ConvertError::Additions { path: field.into() })
}

/// An alternative of a later edition.
pub(crate) fn alternative(alternative: &UnknownAlternative) -> v1::UnknownAlternative {
    v1::UnknownAlternative { index: alternative.index, value: Bytes::copy_from_slice(&alternative.octets) }
}

/// The inverse of [`alternative`]; the first `known` of them have names of their own.
pub(crate) fn alternative_from(
    twin: &v1::UnknownAlternative,
    known: u32,
    field: &str,
) -> Result<UnknownAlternative, ConvertError> {
    if twin.index < known {
        return Err(ConvertError::Unknown { path: field.into(), value: i64::from(twin.index) });
    }
    within(twin.value.len(), 1..=usize::MAX, field)?;
    Ok(UnknownAlternative { index: twin.index, octets: twin.value.to_vec() })
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

/// A list of parts.
pub(crate) fn list<T: Twin>(list: &impl Inner<Vec<T>>) -> Vec<T::Proto> {
    list.inner().iter().map(Twin::to_proto).collect()
}

/// The inverse of [`list`].
pub(crate) fn list_from<T: Twin, L: Inner<Vec<T>>>(
    protos: &[T::Proto],
    bounds: RangeInclusive<usize>,
    field: &str,
) -> Result<L, ConvertError> {
    within(protos.len(), bounds, field)?;
    let part = |(index, proto)| T::from_proto(proto).map_err(|error| error.within(&format!("{field}[{index}]")));
    protos.iter().enumerate().map(part).collect::<Result<_, _>>().map(L::wrap)
}

/// A list that may be left out; an empty one is left out.
pub(crate) fn optional_list_from<T: Twin, L: Inner<Vec<T>>>(
    protos: &[T::Proto],
    bounds: RangeInclusive<usize>,
    field: &str,
) -> Result<Option<L>, ConvertError> {
    if protos.is_empty() { Ok(None) } else { list_from(protos, bounds, field).map(Some) }
}

/// A list of numbers.
pub(crate) fn counts<Q: Quantity>(list: &impl Inner<Vec<Q>>) -> Vec<u32> {
    list.inner().iter().map(count).collect()
}

/// The inverse of [`counts`].
pub(crate) fn counts_from<Q: Quantity, L: Inner<Vec<Q>>>(
    values: &[u32],
    bounds: RangeInclusive<usize>,
    field: &str,
) -> Result<L, ConvertError> {
    within(values.len(), bounds, field)?;
    let number =
        |(index, value): (usize, &u32)| from_count(*value, field).map_err(|error: ConvertError| error.indexed(index));
    values.iter().enumerate().map(number).collect::<Result<_, _>>().map(L::wrap)
}

/// The inverse of [`counts`] for a list that may be left out.
pub(crate) fn optional_counts_from<Q: Quantity, L: Inner<Vec<Q>>>(
    values: &[u32],
    bounds: RangeInclusive<usize>,
    field: &str,
) -> Result<Option<L>, ConvertError> {
    if values.is_empty() { Ok(None) } else { counts_from(values, bounds, field).map(Some) }
}
