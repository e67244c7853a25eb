//! Writes one definition of an ASN.1 module as Rust: the type, and how it is read, written, shown as JSON and drawn for
//! the tests.

use std::fmt::Write as _;

use anyhow::{bail, ensure};
use rasn_compiler::prelude::ir::{
    ASN1Type, Choice, Enumerated, Optionality, SequenceOrSet, SequenceOrSetMember, ToplevelTypeDefinition,
};

use crate::types::{self, Use, field_name, type_name, variant_name};

/// Rust text of a profile: the types with their codecs, and the drawing of arbitrary values for the tests.
#[derive(Default)]
pub(crate) struct Output {
    pub(crate) types: String,
    pub(crate) arbitrary: String,
}

/// Whether the type's value is an open type, whose table of types the compiler's output does not resolve.
pub(crate) fn is_open(ty: &ASN1Type) -> bool {
    let ASN1Type::Sequence(sequence) = ty else { return false };
    sequence.members.iter().any(|member| matches!(member.ty, ASN1Type::ObjectClassField(_)))
}

impl Output {
    /// Adds one definition, and those that stand inside of it.
    pub(crate) fn define(&mut self, definition: &ToplevelTypeDefinition) -> anyhow::Result<()> {
        self.item(&type_name(&definition.name), &definition.name, &definition.comments, &definition.ty)
    }

    fn item(&mut self, name: &str, standard: &str, comments: &str, ty: &ASN1Type) -> anyhow::Result<()> {
        let doc = documentation(standard, comments);
        match ty {
            ASN1Type::Sequence(sequence) => self.sequence(name, &doc, sequence),
            ASN1Type::Choice(choice) => self.choice(name, &doc, choice),
            ASN1Type::Enumerated(enumerated) => self.enumerated(name, &doc, enumerated),
            _ => self.newtype(name, &doc, ty),
        }
    }

    /// A CHOICE or SEQUENCE that is defined where it is used gets a name made of both.
    fn nested(&mut self, name: &str, ty: &ASN1Type) -> anyhow::Result<()> {
        let inner = if let ASN1Type::SequenceOf(list) = ty { &*list.element_type } else { ty };
        match inner {
            ASN1Type::Choice(_) | ASN1Type::Sequence(_) | ASN1Type::Enumerated(_) => self.item(name, name, "", inner),
            _ => Ok(()),
        }
    }

    fn newtype(&mut self, name: &str, doc: &str, ty: &ASN1Type) -> anyhow::Result<()> {
        let part = types::of(ty, &format!("{name}Element"))?;
        let v = "(&self.0)";
        writeln!(
            self.types,
            "impl uper::Inner<{0}> for {name} {{\nfn inner(&self) -> &{0} {{ &self.0 }}\n\
             fn wrap(inner: {0}) -> Self {{ Self(inner) }}\n}}",
            part.rust
        )?;
        let copy = if part.rust.starts_with(['u', 'i', 'b', '[']) { ", Copy, Eq" } else { "" };
        writeln!(self.types, "{doc}#[derive(Debug, Clone, PartialEq{copy})]\npub struct {name}(pub {});", part.rust)?;
        self.codec(name, &part.min_bits, &format!("{}.map(Self)", part.decode), &part.encode.replace("{v}", v))?;
        self.json(name, &part.to_json.replace("{v}", v), &format!("{}.map(Self)", part.from_json))?;
        self.draw(name, &format!("Self({})", part.arbitrary))
    }

    fn enumerated(&mut self, name: &str, doc: &str, enumerated: &Enumerated) -> anyhow::Result<()> {
        let root = enumerated.members.len();
        ensure!(root > 0, "{name}: there must be an enumerator");
        ensure!(enumerated.extensible.is_none_or(|at| at == root), "{name}: enumerators behind the dots");
        let extensible = enumerated.extensible.is_some();
        let last = enumerated.members.iter().map(|m| m.index).max().unwrap_or(0);
        let ascending = enumerated.members.is_sorted_by(|a, b| a.index < b.index);
        ensure!(ascending, "{name}: enumerators must ascend");
        let mut variants = String::new();
        let (mut numbers, mut from, mut decode, mut encode) = <(String, String, String, String)>::default();
        let (mut to_json, mut from_json) = <(String, String)>::default();
        for (index, member) in enumerated.members.iter().enumerate() {
            let (variant, number) = (variant_name(&member.name), member.index);
            writeln!(variants, "/// `{}`, {number}.\n{variant},", member.name)?;
            write!(numbers, "Self::{variant} => {number},")?;
            write!(from, "{number} => Some(Self::{variant}),")?;
            write!(decode, "{index} => Self::{variant},")?;
            write!(encode, "Self::{variant} => {index},")?;
            write!(to_json, "Self::{variant} => Value::from({:?}),", member.name)?;
            write!(from_json, "{:?} => Ok(Self::{variant}),", member.name)?;
        }
        let width = usize::BITS - (root - 1).leading_zeros();
        let (flag, unknown_in, unknown_out) = if extensible {
            writeln!(variants, "/// One of a later edition, by its index among the additions.\nUnrecognized(u32),")?;
            write!(numbers, "Self::Unrecognized(index) => (index as i32).saturating_add({}),", last + 1)?;
            write!(from, "number if number > {last} => Some(Self::Unrecognized((number - {}) as u32)),", last + 1)?;
            write!(to_json, "Self::Unrecognized(index) => json::later_enumerator(*index),")?;
            write!(from_json, "other => json::later_enumerator_from(other).map(Self::Unrecognized),")?;
            (
                1,
                "if r.bit()? { return r.later_enumerator().map(Self::Unrecognized); }",
                "if let Self::Unrecognized(index) = self { w.bit(true); return w.later_enumerator(*index); } w.bit(false);",
            )
        } else {
            let no = "Err(json::JsonFault::new(format!(\"there is no enumerator {other}\")))";
            write!(from_json, "other => {no},")?;
            (0, "", "")
        };
        let fallback = if extensible { "Self::Unrecognized(_) => 0," } else { "" };
        writeln!(self.types, "{doc}#[derive(Debug, Clone, Copy, PartialEq, Eq)]\npub enum {name} {{ {variants} }}")?;
        writeln!(
            self.types,
            "impl Enumerator for {name} {{\n\
             fn number(self) -> i32 {{ match self {{ {numbers} }} }}\n\
             fn from_number(number: i32) -> Option<Self> {{ match number {{ {from} _ => None }} }}\n}}"
        )?;
        let bounds = format!("max: {}", root - 1);
        self.codec(
            name,
            &format!("{flag} + {width}"),
            &format!(
                "{unknown_in} Ok(match r.bits({width})? {{ {decode} index => return Err(r.fault(FaultKind::OutOfRange \
                 {{ value: index as i64, min: 0, {bounds} }})) }})"
            ),
            &format!("{unknown_out} w.bits(match self {{ {encode} {fallback} }}, {width}); Ok(())"),
        )?;
        self.json(
            name,
            &format!("match self {{ {to_json} }}"),
            &format!("match json::text(value)? {{ {from_json} }}"),
        )?;
        let count = if extensible { root + 1 } else { root };
        let draws = enumerated.members.iter().enumerate().fold(String::new(), |mut text, (index, member)| {
            let _ = write!(text, "{index} => Self::{},", variant_name(&member.name));
            text
        });
        let rest = if extensible { "_ => Self::Unrecognized(d.index(0))" } else { "_ => unreachable!()" };
        self.draw(
            name,
            &format!("match d.{}below({count}) {{ {draws} {rest} }}", if extensible { "later_" } else { "" }),
        )
    }

    fn choice(&mut self, name: &str, doc: &str, choice: &Choice) -> anyhow::Result<()> {
        let root = choice.extensible.unwrap_or(choice.options.len());
        let known = choice.options.len() - root;
        let extensible = choice.extensible.is_some();
        let width = usize::BITS - (root - 1).leading_zeros();
        let (mut variants, mut decode, mut added, mut encode) = <(String, String, String, String)>::default();
        let (mut to_json, mut from_json, mut draws) = <(String, String, String)>::default();
        let mut min_bits = Vec::new();
        for (index, option) in choice.options.iter().enumerate() {
            let nested = format!("{name}{}", type_name(&option.name));
            self.nested(&nested, &option.ty)?;
            let Use { rust, min_bits: least, decode: read, encode: write, to_json: show, from_json: parse, arbitrary } =
                types::of(&option.ty, &nested)?;
            let (standard, variant) = (&option.name, variant_name(&option.name));
            writeln!(variants, "/// `{standard}`.\n{variant}({rust}),")?;
            let write = write.replace("{v}", "inner");
            if index < root {
                min_bits.push(least);
                write!(decode, "{index} => {read}.map(Self::{variant}),")?;
                let bits = width + u32::from(extensible);
                write!(encode, "Self::{variant}(inner) => {{ w.bits({index}, {bits}); {write} }}")?;
            } else {
                let number = index - root;
                write!(added, "{number} => r.open(|r| {read}).map(Self::{variant}),")?;
                write!(
                    encode,
                    "Self::{variant}(inner) => {{ w.bit(true); w.small_number({number}); w.open(|w| {write}) }}"
                )?;
            }
            let show = show.replace("{v}", "inner");
            write!(to_json, "Self::{variant}(inner) => serde_json::json!({{ {standard:?}: {show} }}),")?;
            write!(from_json, "({standard:?}, value) => {parse}.map(Self::{variant}),")?;
            write!(draws, "{index} => Self::{variant}({arbitrary}),")?;
        }
        if extensible {
            writeln!(variants, "/// One of a later edition.\nUnrecognized(UnknownAlternative),")?;
            write!(encode, "Self::Unrecognized(inner) => {{ w.bit(true); inner.encode(w, {known}) }}")?;
            write!(to_json, "Self::Unrecognized(inner) => json::alternative_to(inner),")?;
            write!(from_json, "(name, value) => json::alternative(name, value).map(Self::Unrecognized),")?;
            write!(draws, "_ => Self::Unrecognized(d.alternative({known})),")?;
        } else {
            write!(
                from_json,
                "(name, _) => Err(json::JsonFault::new(format!(\"there is no alternative {{name}}\"))),"
            )?;
            write!(draws, "_ => unreachable!(),")?;
        }
        let later = if extensible {
            format!(
                "if r.bit()? {{ return match r.small_number()? {{ {added} index => UnknownAlternative::decode(r, \
                 index).map(Self::Unrecognized) }}; }}"
            )
        } else {
            String::new()
        };
        // An addition takes at least the dots' bit, an index and one octet behind its length: 24 bits.
        let least = min_bits.iter().fold("24".to_owned(), |least, bits| format!("min({least}, {width} + {bits})"));
        writeln!(self.types, "{doc}#[derive(Debug, Clone, PartialEq)]\npub enum {name} {{ {variants} }}")?;
        self.codec(
            name,
            &least,
            &format!(
                "{later} match r.bits({width})? {{ {decode} index => Err(r.fault(FaultKind::OutOfRange {{ value: index \
                 as i64, min: 0, max: {} }})) }}",
                root - 1
            ),
            &format!("match self {{ {encode} }}"),
        )?;
        self.json(
            name,
            &format!("match self {{ {to_json} }}"),
            &format!("match json::choice(value)? {{ {from_json} }}"),
        )?;
        let count = choice.options.len() + usize::from(extensible);
        self.draw(name, &format!("match d.{}below({count}) {{ {draws} }}", if extensible { "later_" } else { "" }))
    }

    fn sequence(&mut self, name: &str, doc: &str, sequence: &SequenceOrSet) -> anyhow::Result<()> {
        ensure!(sequence.components_of.is_empty(), "{name}: COMPONENTS OF is not understood");
        // One read takes the head; X.691 19 knows no limit.
        ensure!(sequence.members.len() < 57, "{name}: so many fields are not understood");
        let root = sequence.extensible.unwrap_or(sequence.members.len());
        let extensible = sequence.extensible.is_some();
        let (roots, additions) = sequence.members.split_at(root);
        let optional = |member: &SequenceOrSetMember| !matches!(member.optionality, Optionality::Required);
        let head = roots.iter().filter(|m| optional(m)).count() + usize::from(extensible);
        let (mut fields, mut names) = <(String, String)>::default();
        let (mut decode, mut encode, mut present) = <(String, String, String)>::default();
        let (mut to_json, mut from_json, mut draws) = <(String, String, String)>::default();
        let mut keys = Vec::new();
        let mut min_bits = head.to_string();
        // The bits of the head, first to last: later additions, then each optional field.
        let mut bit = head;
        if extensible {
            bit -= 1;
        }
        if head > 0 {
            write!(decode, "let head = r.bits({head})?;")?;
        }
        for member in &sequence.members {
            if let Optionality::Default(_) = member.optionality {
                bail!("{name}.{}: DEFAULT is not understood", member.name);
            }
            let nested = format!("{name}{}", type_name(&member.name));
            self.nested(&nested, &member.ty)?;
            let part = types::of(&member.ty, &nested)?;
            let (standard, field) = (&member.name, field_name(&member.name));
            keys.push(format!("{standard:?}"));
            write!(names, "{field},")?;
            let within = format!(".map_err(|fault: Fault| fault.within({standard:?}))");
            let (rust, read, show) = (&part.rust, &part.decode, part.to_json.replace("{v}", "inner"));
            let parse = format!("members, {standard:?}, |value| {}", part.from_json);
            let write = part.encode.replace("{v}", "inner");
            if optional(member) {
                writeln!(fields, "/// `{standard}`.\npub {field}: Option<{rust}>,")?;
                write!(
                    to_json,
                    "if let Some(inner) = &self.{field} {{ members.insert({standard:?}.into(), {show}); }}"
                )?;
                write!(from_json, "{field}: json::optional({parse})?,")?;
                let chance = if additions.contains(member) { 3 } else { 2 };
                write!(draws, "{field}: if d.chance({chance}) {{ Some({}) }} else {{ None }},", part.arbitrary)?;
            } else {
                writeln!(fields, "/// `{standard}`.\npub {field}: {rust},")?;
                write!(to_json, "{{ let inner = &self.{field}; members.insert({standard:?}.into(), {show}); }}")?;
                write!(from_json, "{field}: json::needed({parse})?,")?;
                write!(draws, "{field}: {},", part.arbitrary)?;
            }
            if additions.contains(member) {
                continue;
            }
            if optional(member) {
                bit -= 1;
                let value = format!("Some(read(r, |r| {read}){within}?)");
                write!(decode, "let {field} = if head >> {bit} & 1 == 1 {{ {value} }} else {{ None }};")?;
                write!(present, " | u64::from(self.{field}.is_some()) << {bit}")?;
                write!(encode, "if let Some(inner) = &self.{field} {{ write(w, |w| {write}){within}?; }}")?;
            } else {
                write!(min_bits, " + {}", part.min_bits)?;
                write!(decode, "let {field} = read(r, |r| {read}){within}?;")?;
                write!(encode, "{{ let inner = &self.{field}; write(w, |w| {write}){within}?; }}")?;
            }
        }
        let mut last = String::new();
        if extensible {
            Self::additions(name, additions, head, &mut decode, &mut last)?;
            write!(present, " | u64::from(extended) << {}", head - 1)?;
            writeln!(fields, "/// What a later edition added.\npub additions: Additions,")?;
            names.push_str("additions,");
            to_json.push_str("json::additions_to(&mut members, &self.additions);");
            from_json.push_str("additions: json::additions(members)?,");
            write!(draws, "additions: d.additions({}),", additions.len())?;
        }
        let extended = if extensible {
            format!("let extended = self.additions.is_some() || {};", any_is_there(additions))
        } else {
            String::new()
        };
        let write_head = if head > 0 { format!("w.bits(0{present}, {head});") } else { String::new() };
        writeln!(self.types, "{doc}#[derive(Debug, Clone, PartialEq)]\npub struct {name} {{ {fields} }}")?;
        self.codec(
            name,
            &min_bits,
            &format!("{decode} Ok(Self {{ {names} }})"),
            &format!("{extended} {write_head} {encode} {last} Ok(())"),
        )?;
        if extensible {
            keys.push("json::LATER".to_owned());
            self.extensible(name, additions)?;
        }
        let keys = keys.join(", ");
        self.json(
            name,
            &format!("let mut members = serde_json::Map::new(); {to_json} Value::Object(members)"),
            &format!(
                "let members = json::object(value, &[{keys}])?; Ok(Self {{ {from_json} }}{})",
                if extensible { ".normal()" } else { "" }
            ),
        )?;
        self.draw(name, &format!("Self {{ {draws} }}"))
    }

    /// What a later edition added is forgotten where it says nothing new.
    fn extensible(&mut self, name: &str, additions: &[SequenceOrSetMember]) -> anyhow::Result<()> {
        let (known, any) = (additions.len(), any_is_there(additions));
        writeln!(
            self.types,
            "impl Extensible for {name} {{\nfn normal(mut self) -> Self {{ let any = {any}; \
             self.additions.normalize({known}, any); self }}\n}}"
        )?;
        Ok(())
    }

    /// The part of a SEQUENCE behind the dots.
    fn additions(
        name: &str,
        additions: &[SequenceOrSetMember],
        head: usize,
        decode: &mut String,
        encode: &mut String,
    ) -> anyhow::Result<()> {
        let (mut reads, mut writes, mut present) = <(String, String, String)>::default();
        for (index, member) in additions.iter().enumerate() {
            ensure!(matches!(member.optionality, Optionality::Optional), "{name}.{}: OPTIONAL is needed", member.name);
            let part = types::of(&member.ty, &format!("{name}{}", type_name(&member.name)))?;
            let (standard, field) = (&member.name, field_name(&member.name));
            let within = format!(".map_err(|fault: Fault| fault.within({standard:?}))");
            write!(decode, "let mut {field} = None;")?;
            write!(reads, "{index} => {field} = Some(read(r, |r| {}){within}?),", part.decode)?;
            let write = part.encode.replace("{v}", "inner");
            write!(writes, "{index} => if let Some(inner) = &self.{field} {{ write(w, |w| {write}){within}?; }},")?;
            write!(present, "self.{field}.is_some(),")?;
        }
        let known = additions.len();
        write!(
            decode,
            "let additions = if head >> {} & 1 == 1 {{ Additions::decode(r, {known}, |index, r| {{ match index {{ {reads} \
             _ => {{}} }} Ok(()) }})? }} else {{ Additions::default() }};",
            head - 1
        )?;
        write!(
            encode,
            "if extended {{ self.additions.encode(w, &[{present}], |index, w| {{ match index {{ {writes} _ => {{}} }} \
             Ok(()) }})?; }}"
        )?;
        Ok(())
    }

    fn codec(&mut self, name: &str, min_bits: &str, decode: &str, encode: &str) -> anyhow::Result<()> {
        writeln!(
            self.types,
            "impl Uper for {name} {{\nconst MIN_BITS: usize = {min_bits};\n\
             #[inline]\nfn decode(r: &mut Reader<'_>) -> Result<Self, Fault> {{ {decode} }}\n\
             #[inline]\nfn encode(&self, w: &mut Writer) -> Result<(), Fault> {{ {encode} }}\n}}"
        )?;
        Ok(())
    }

    fn json(&mut self, name: &str, to_json: &str, from_json: &str) -> anyhow::Result<()> {
        writeln!(
            self.types,
            "impl Json for {name} {{\nfn to_json(&self) -> Value {{ {to_json} }}\n\
             fn from_json(value: &Value) -> Result<Self, json::JsonFault> {{ {from_json} }}\n}}"
        )?;
        Ok(())
    }

    fn draw(&mut self, name: &str, expression: &str) -> anyhow::Result<()> {
        writeln!(
            self.arbitrary,
            "impl Draw for asn::{name} {{\nfn draw(d: &mut Source) -> Self {{ {expression} }}\n}}"
        )?;
        Ok(())
    }
}

/// Whether one of the known additions is there.
fn any_is_there(additions: &[SequenceOrSetMember]) -> String {
    let each = additions.iter().map(|member| format!("self.{}.is_some()", field_name(&member.name)));
    let each: Vec<String> = each.chain(["false".to_owned()]).collect();
    each.join(" || ")
}

/// The comment of the ASN.1 text, under the standard's own name.
fn documentation(standard: &str, comments: &str) -> String {
    let mut doc = format!("/// `{standard}`.\n");
    for line in comments.lines().map(str::trim).filter(|line| !line.is_empty()) {
        doc.push_str("/// ");
        // Names in brackets are not links.
        doc.push_str(&line.replace('[', "\\[").replace('<', "\\<"));
        doc.push('\n');
    }
    doc
}
