//! The JSON forms of the values that the generated types are made of (ITU-T X.697).

use serde_json::{Map, Value, json};

use crate::uper::values::clear_filling;
use crate::uper::{Additions, Bits, UnknownAddition, UnknownAlternative};

/// The member that holds what a later edition of the standard added; X.697 has no form for it.
pub(crate) const LATER: &str = "...";

/// A type of the message set, as JSON.
pub(crate) trait Json: Sized {
    /// The value as JSON.
    fn to_json(&self) -> Value;
    /// The inverse. Bounds are checked when the value is encoded.
    fn from_json(value: &Value) -> Result<Self, JsonFault>;
}

/// Where JSON is not a value of the type: the reason, and the way there.
#[derive(Debug)]
pub(crate) struct JsonFault(String);

impl JsonFault {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    pub(crate) fn within(self, field: &str) -> Self {
        Self(format!("{field}: {}", self.0))
    }
}

impl std::fmt::Display for JsonFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

pub(crate) fn int<T: TryFrom<i64>>(value: &Value) -> Result<T, JsonFault> {
    let wrong = || JsonFault::new(format!("{value} is not a number of the type"));
    T::try_from(value.as_i64().ok_or_else(wrong)?).map_err(|_| wrong())
}

pub(crate) fn boolean(value: &Value) -> Result<bool, JsonFault> {
    value.as_bool().ok_or_else(|| JsonFault::new(format!("{value} is neither true nor false")))
}

pub(crate) fn text(value: &Value) -> Result<&str, JsonFault> {
    value.as_str().ok_or_else(|| JsonFault::new(format!("{value} is no text")))
}

/// The members of an object, of which each must be wanted.
pub(crate) fn object<'a>(value: &'a Value, names: &[&str]) -> Result<&'a Map<String, Value>, JsonFault> {
    let members = value.as_object().ok_or_else(|| JsonFault::new(format!("{value} is no object")))?;
    match members.keys().find(|key| !names.contains(&key.as_str())) {
        Some(key) => Err(JsonFault::new(format!("there is no member {key}"))),
        None => Ok(members),
    }
}

/// The single member of an object: a CHOICE.
pub(crate) fn choice(value: &Value) -> Result<(&str, &Value), JsonFault> {
    match value.as_object().map(|members| (members.len(), members.iter().next())) {
        Some((1, Some((name, value)))) => Ok((name, value)),
        _ => Err(JsonFault::new("an object with one member is needed")),
    }
}

pub(crate) fn needed<T>(
    members: &Map<String, Value>,
    name: &str,
    read: impl FnOnce(&Value) -> Result<T, JsonFault>,
) -> Result<T, JsonFault> {
    let value = members.get(name).ok_or_else(|| JsonFault::new(format!("{name} is missing")))?;
    read(value).map_err(|fault| fault.within(name))
}

pub(crate) fn optional<T>(
    members: &Map<String, Value>,
    name: &str,
    read: impl FnOnce(&Value) -> Result<T, JsonFault>,
) -> Result<Option<T>, JsonFault> {
    members.get(name).map(|value| read(value).map_err(|fault| fault.within(name))).transpose()
}

pub(crate) fn list<T>(
    value: &Value,
    mut read: impl FnMut(&Value) -> Result<T, JsonFault>,
) -> Result<Vec<T>, JsonFault> {
    let elements = value.as_array().ok_or_else(|| JsonFault::new(format!("{value} is no list")))?;
    let mut read = |(index, element)| read(element).map_err(|fault| fault.within(&format!("[{index}]")));
    elements.iter().enumerate().map(&mut read).collect()
}

pub(crate) fn octets_to(octets: &[u8]) -> Value {
    use std::fmt::Write as _;
    let text = octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02X}");
        text
    });
    Value::String(text)
}

pub(crate) fn octets(value: &Value) -> Result<Vec<u8>, JsonFault> {
    let wrong = || JsonFault::new(format!("{value} is not hexadecimal"));
    let digits = text(value)?.as_bytes();
    if !digits.len().is_multiple_of(2) || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(wrong());
    }
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks_exact(2).map(octet).collect::<Option<_>>().ok_or_else(wrong)
}

pub(crate) fn array<const N: usize>(value: &Value) -> Result<[u8; N], JsonFault> {
    octets(value)?.try_into().map_err(|_| JsonFault::new(format!("{value} is not of {N} octets")))
}

/// A bit string of fixed size: its bits as octets, the first bit in the high bit of the first octet.
pub(crate) fn flags_to(value: u32, count: u32) -> Value {
    let octets = value.reverse_bits().to_be_bytes();
    octets_to(octets.get(..count.div_ceil(8) as usize).unwrap_or(&octets))
}

pub(crate) fn flags(value: &Value, count: u32) -> Result<u32, JsonFault> {
    let octets = octets(value)?;
    let mut word = [0; 4];
    match word.get_mut(..octets.len()) {
        Some(part) if octets.len() == count.div_ceil(8) as usize => part.copy_from_slice(&octets),
        _ => return Err(JsonFault::new(format!("{value} is not of {count} bits"))),
    }
    let bits = u32::from_be_bytes(word).reverse_bits();
    if bits >> count == 0 { Ok(bits) } else { Err(JsonFault::new(format!("{value} has bits behind the last"))) }
}

pub(crate) fn bits_to(bits: &Bits) -> Value {
    let low = bits.low.reverse_bits().to_be_bytes();
    let mut octets = low.get(..bits.length.min(64).div_ceil(8)).unwrap_or(&low).to_vec();
    octets.extend_from_slice(&bits.beyond_64);
    json!({ "value": octets_to(&octets), "length": bits.length })
}

pub(crate) fn bits(value: &Value) -> Result<Bits, JsonFault> {
    let members = object(value, &["value", "length"])?;
    let length = needed(members, "length", int::<u32>)? as usize;
    let octets = needed(members, "value", octets)?;
    if octets.len() != length.div_ceil(8) {
        return Err(JsonFault::new(format!("{} octets are not {length} bits", octets.len())));
    }
    let mut low = [0; 8];
    for (bit, octet) in low.iter_mut().zip(&octets) {
        *bit = *octet;
    }
    let low = u64::from_be_bytes(low).reverse_bits();
    let mut beyond_64 = octets.get(8..).unwrap_or_default().to_vec();
    clear_filling(&mut beyond_64, length);
    Ok(Bits { low, length, beyond_64 })
}

/// An enumerator of a later edition, by its index among the additions.
pub(crate) fn later_enumerator(index: u32) -> Value {
    Value::String(format!("{LATER}{index}"))
}

pub(crate) fn later_enumerator_from(text: &str) -> Result<u32, JsonFault> {
    let wrong = || JsonFault::new(format!("there is no enumerator {text}"));
    text.strip_prefix(LATER).and_then(|index| index.parse().ok()).ok_or_else(wrong)
}

pub(crate) fn alternative_to(alternative: &UnknownAlternative) -> Value {
    json!({ LATER: { "index": alternative.index, "octets": octets_to(&alternative.octets) } })
}

pub(crate) fn alternative(name: &str, value: &Value) -> Result<UnknownAlternative, JsonFault> {
    if name != LATER {
        return Err(JsonFault::new(format!("there is no alternative {name}")));
    }
    let members = object(value, &["index", "octets"])?;
    Ok(UnknownAlternative { index: needed(members, "index", int)?, octets: needed(members, "octets", octets)? })
}

pub(crate) fn additions_to(members: &mut Map<String, Value>, additions: &Additions) {
    if let Some(count) = additions.count() {
        let unknown: Map<_, _> =
            additions.unknown().iter().map(|a| (a.index.to_string(), octets_to(&a.octets))).collect();
        members.insert(LATER.into(), json!({ "count": count, "additions": unknown }));
    }
}

pub(crate) fn additions(members: &Map<String, Value>) -> Result<Additions, JsonFault> {
    let Some(later) = members.get(LATER) else { return Ok(Additions::default()) };
    let wrong = || JsonFault::new("the additions of a later edition make no sense").within(LATER);
    let members = object(later, &["count", "additions"])?;
    let count = needed(members, "count", int::<u32>)? as usize;
    let mut unknown = Vec::new();
    let additions = members.get("additions").and_then(Value::as_object).ok_or_else(wrong)?;
    for (index, value) in additions {
        unknown.push(UnknownAddition { index: index.parse().map_err(|_| wrong())?, octets: octets(value)? });
    }
    unknown.sort_by_key(|addition| addition.index);
    Additions::new(count, unknown).ok_or_else(wrong)
}
