//! How a type that is used in place (not by its name) is written in Rust, read, and written.

use anyhow::{Context as _, bail, ensure};
use rasn_compiler::prelude::ir::{
    ASN1Type, ASN1Value, CharacterStringType, Constraint, ElementOrSetOperation, SubtypeElements,
};

/// Rust text for one use of a type. In `encode` and `to_json`, `{v}` stands for an expression that borrows the value.
pub(crate) struct Use {
    /// The Rust type.
    pub(crate) rust: String,
    pub(crate) min_bits: String,
    pub(crate) decode: String,
    pub(crate) encode: String,
    pub(crate) to_json: String,
    /// Reads from the expression `value`.
    pub(crate) from_json: String,
    /// Draws an arbitrary value from `d`, for the tests.
    pub(crate) arbitrary: String,
}

struct Bounds {
    min: i128,
    max: i128,
    extensible: bool,
}

/// The Rust name of a type: `Non-motorData` is `NonMotorData`.
pub(crate) fn type_name(name: &str) -> String {
    let mut out = String::new();
    for part in name.split('-') {
        let mut letters = part.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    out
}

/// The Rust name of a field: `currGNSSstatus` is `curr_gnssstatus`.
pub(crate) fn field_name(name: &str) -> String {
    let mut out = String::new();
    let mut lower = false;
    for letter in name.chars() {
        if letter == '-' {
            out.push('_');
            lower = false;
            continue;
        }
        if letter.is_ascii_uppercase() && lower {
            out.push('_');
        }
        lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        out.push(letter.to_ascii_lowercase());
    }
    raw(out)
}

/// The Rust name of an enumerator or alternative: the standard's own.
pub(crate) fn variant_name(name: &str) -> String {
    raw(name.replace('-', "_"))
}

fn raw(name: String) -> String {
    const KEYWORDS: [&str; 7] = ["type", "loop", "move", "ref", "static", "use", "in"];
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

/// The smallest Rust integer that holds the bounds.
fn int_type(bounds: &Bounds) -> &'static str {
    if bounds.extensible {
        return "i64";
    }
    let unsigned = [("u8", u8::MAX.into()), ("u16", u16::MAX.into()), ("u32", i128::from(u32::MAX))];
    let signed = [("i8", i8::MAX.into()), ("i16", i16::MAX.into()), ("i32", i128::from(i32::MAX))];
    let table = if bounds.min >= 0 { unsigned } else { signed };
    let fits = |max: i128| bounds.max <= max && bounds.min >= -max - 1;
    table.into_iter().find(|(_, max)| fits(*max)).map_or("i64", |(name, _)| name)
}

fn number(value: Option<&ASN1Value>) -> anyhow::Result<i128> {
    match value {
        Some(ASN1Value::Integer(value) | ASN1Value::LinkedIntValue { value, .. }) => Ok(*value),
        other => bail!("a number is needed as bound, not {other:?}"),
    }
}

fn element_bounds(element: &ElementOrSetOperation, extensible: bool) -> anyhow::Result<Bounds> {
    match element {
        ElementOrSetOperation::Element(SubtypeElements::ValueRange { min, max, extensible: more }) => {
            Ok(Bounds { min: number(min.as_ref())?, max: number(max.as_ref())?, extensible: extensible || *more })
        }
        ElementOrSetOperation::Element(SubtypeElements::SingleValue { value, extensible: more }) => {
            let value = number(Some(value))?;
            Ok(Bounds { min: value, max: value, extensible: extensible || *more })
        }
        ElementOrSetOperation::Element(SubtypeElements::SizeConstraint(inner)) => element_bounds(inner, extensible),
        other => bail!("no bounds can be taken from {other:?}"),
    }
}

fn bounds(constraints: &[Constraint]) -> anyhow::Result<Option<Bounds>> {
    match constraints {
        [] => Ok(None),
        [Constraint::Subtype(set)] => {
            let bounds = element_bounds(&set.set, set.extensible)?;
            // One read takes a number or a length; longer ones have another form in X.691.
            ensure!(width(bounds.max - bounds.min) <= 57, "bounds as far apart as {} are not understood", bounds.max);
            Ok(Some(bounds))
        }
        other => bail!("one constraint is understood, not {other:?}"),
    }
}

fn width(range: i128) -> u32 {
    i128::BITS - range.leading_zeros()
}

/// The text for a use of `ty`; `nested` is the name given to a CHOICE that is defined in place.
pub(crate) fn of(ty: &ASN1Type, nested: &str) -> anyhow::Result<Use> {
    match ty {
        ASN1Type::ElsewhereDeclaredType(reference) => Ok(named(&type_name(&reference.identifier))),
        ASN1Type::Choice(_) | ASN1Type::Sequence(_) | ASN1Type::Enumerated(_) => Ok(named(nested)),
        ASN1Type::Boolean(_) => Ok(Use {
            rust: "bool".into(),
            min_bits: "1".into(),
            decode: "r.bit()".into(),
            encode: "{ w.bit(*{v}); Ok(()) }".into(),
            to_json: "Value::Bool(*{v})".into(),
            from_json: "json::boolean(value)".into(),
            arbitrary: "d.chance(2)".into(),
        }),
        ASN1Type::Integer(integer) => Ok(int(&bounds(&integer.constraints)?.context("an INTEGER needs bounds")?)),
        ASN1Type::BitString(bits) => bit_string(&bounds(&bits.constraints)?.context("a BIT STRING needs a size")?),
        ASN1Type::OctetString(octets) => octet_string(bounds(&octets.constraints)?.as_ref()),
        ASN1Type::CharacterString(text) if text.ty == CharacterStringType::IA5String => {
            let size = bounds(&text.constraints)?.context("an IA5String needs a size")?;
            ensure!(!size.extensible && size.max < 65536, "an IA5String that may grow is not understood");
            let (min, max) = (size.min, size.max);
            Ok(Use {
                rust: "String".into(),
                min_bits: format!("{}", i128::from(width(max - min)) + 7 * min),
                decode: format!("values::ia5(r, {min}, {max})"),
                encode: format!("values::ia5_encode(w, {{v}}, {min}, {max})"),
                to_json: "Value::String({v}.clone())".into(),
                from_json: "json::text(value).map(str::to_owned)".into(),
                arbitrary: format!("d.ia5({min}, {max})"),
            })
        }
        ASN1Type::SequenceOf(list) => {
            let element = of(&list.element_type, nested)?;
            let size = bounds(&list.constraints)?;
            // An element that has no name of its own needs one, to be read by the list's one function.
            if !matches!(*list.element_type, ASN1Type::ElsewhereDeclaredType(_)) {
                return anonymous_elements(&element, size.as_ref());
            }
            let Some(Bounds { min, max, extensible: false }) = size else {
                bail!("a list of named elements without a fixed range of sizes is not understood");
            };
            let draw = format!("d.size({min}, {max})");
            Ok(Use {
                rust: format!("Vec<{}>", element.rust),
                min_bits: format!("{} + {min} * <{} as Uper>::MIN_BITS", width(max - min), element.rust),
                decode: format!("uper::list(r, {min}, {max})"),
                encode: format!("uper::list_encode(w, {{v}}, {min}, {max})"),
                to_json: "Value::Array({v}.iter().map(Json::to_json).collect())".into(),
                from_json: "json::list(value, Json::from_json)".into(),
                arbitrary: format!("{{ let size = {draw}; (0..size).map(|_| Draw::draw(d)).collect() }}"),
            })
        }
        other => bail!("{other:?} is not understood"),
    }
}

/// `SEQUENCE OF OCTET STRING (SIZE(n))`: the only list of its kind.
fn anonymous_elements(element: &Use, size: Option<&Bounds>) -> anyhow::Result<Use> {
    if size.is_some() {
        bail!("a list of unnamed elements with a size is not understood");
    }
    Ok(Use {
        rust: format!("Vec<{}>", element.rust),
        min_bits: "8".into(),
        decode: format!(
            "{{ const {{ assert!({} > 0) }}; let count = r.length()?; if count * ({}) > r.left() {{ return Err(r.incomplete()); }} \
             (0..count).map(|_| {}).collect::<Result<Vec<_>, Fault>>() }}",
            element.min_bits, element.min_bits, element.decode
        ),
        encode: format!(
            "{{ w.length({{v}}.len())?; {{v}}.iter().try_for_each(|element| {}) }}",
            element.encode.replace("{v}", "element")
        ),
        to_json: format!(
            "Value::Array({{v}}.iter().map(|element| {}).collect())",
            element.to_json.replace("{v}", "element")
        ),
        from_json: format!("json::list(value, |value| {})", element.from_json),
        arbitrary: format!("{{ let size = d.size(0, 5); (0..size).map(|_| {}).collect() }}", element.arbitrary),
    })
}

fn named(name: &str) -> Use {
    Use {
        rust: name.to_owned(),
        min_bits: format!("<{name} as Uper>::MIN_BITS"),
        decode: "Uper::decode(r)".into(),
        encode: "Uper::encode({v}, w)".into(),
        to_json: "Json::to_json({v})".into(),
        from_json: "Json::from_json(value)".into(),
        arbitrary: "Draw::draw(d)".into(),
    }
}

fn int(bounds: &Bounds) -> Use {
    let (rust, Bounds { min, max, extensible }) = (int_type(bounds), bounds);
    let growing = if *extensible { "growing_" } else { "" };
    let narrow =
        |expression: String| if rust == "i64" { expression } else { format!("{expression}.map(|i| i as {rust})") };
    let wide = if rust == "i64" { "*{v}" } else { "i64::from(*{v})" };
    Use {
        rust: rust.into(),
        // Beyond its bounds an integer takes a length and an octet at least.
        min_bits: if *extensible { (width(max - min) + 1).min(17) } else { width(max - min) }.to_string(),
        decode: narrow(format!("r.{growing}int({min}, {max})")),
        encode: format!("w.{growing}int({wide}, {min}, {max})"),
        to_json: "Value::from(*{v})".into(),
        from_json: format!("json::int::<{rust}>(value)"),
        arbitrary: format!("d.{growing}int({min}, {max}) as {rust}"),
    }
}

fn bit_string(size: &Bounds) -> anyhow::Result<Use> {
    if size.min != size.max || size.max > 32 {
        bail!("bit strings of a fixed size up to 32 are understood, that may grow");
    }
    let count = size.max;
    Ok(if size.extensible {
        Use {
            rust: "Bits".into(),
            min_bits: format!("1 + {}", count.min(8)),
            decode: format!("Bits::decode(r, {count})"),
            encode: format!("{{v}}.encode(w, {count})"),
            to_json: "json::bits_to({v})".into(),
            from_json: "json::bits(value)".into(),
            arbitrary: format!("d.growing_bits({count})"),
        }
    } else {
        Use {
            rust: "u32".into(),
            min_bits: count.to_string(),
            decode: format!("values::fixed_bits(r, {count}).map(|bits| bits as u32)"),
            encode: format!("values::flags_encode(w, *{{v}}, {count})"),
            to_json: format!("json::flags_to(*{{v}}, {count})"),
            from_json: format!("json::flags(value, {count})"),
            arbitrary: format!("d.int(0, (1 << {count}) - 1) as u32"),
        }
    })
}

fn octet_string(size: Option<&Bounds>) -> anyhow::Result<Use> {
    let Some(Bounds { min, max, extensible }) = size else { bail!("an OCTET STRING needs a size") };
    let owned = |decode: String, encode: String, draw: &str| Use {
        rust: "Vec<u8>".into(),
        min_bits: format!("{} + 8 * {}", width(max - min) + u32::from(*extensible), if *extensible { 0 } else { *min }),
        decode,
        encode,
        to_json: "json::octets_to({v})".into(),
        from_json: "json::octets(value)".into(),
        arbitrary: format!("d.{draw}octets({min}, {max})"),
    };
    if *extensible {
        return Ok(owned(
            format!("values::growing_octets(r, {min}, {max})"),
            format!("values::growing_octets_encode(w, {{v}}, {min}, {max})"),
            "growing_",
        ));
    }
    if min == max && *max <= 32 {
        return Ok(Use {
            rust: format!("[u8; {max}]"),
            min_bits: format!("8 * {max}"),
            decode: "r.array()".into(),
            encode: "{ w.octets({v}); Ok(()) }".into(),
            to_json: "json::octets_to({v})".into(),
            from_json: "json::array(value)".into(),
            arbitrary: "d.array()".into(),
        });
    }
    Ok(owned(format!("values::octets(r, {min}, {max})"), format!("values::octets_encode(w, {{v}}, {min}, {max})"), ""))
}
