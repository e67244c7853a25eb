//! How twins are declared: one line per field, from which both directions follow.
//!
//! ```text
//! twin! { PathPrediction => PathPrediction [] [unknown_extensions] {
//!     radius_of_curve => radius_m [known],
//!     confidence => confidence_percent [si],
//! } }
//! ```
//!
//! reads: the standard's `PathPrediction` is the protobuf message `PathPrediction`, without `sent_unavailable` but with
//! `unknown_extensions`; its field `radius_of_curve` is the twin's `radius_m`, a quantity whose "unavailable" is an absent
//! field. The kinds of fields, `?` where the standard says OPTIONAL:
//!
//! | kind | standard | twin |
//! |---|---|---|
//! | `part`, `part?` | a type with a twin | message |
//! | `si`, `si?` | a quantity that is always known | double |
//! | `known`, `known? N` | a quantity that may be unavailable | optional double, field number N |
//! | `count`, `count?` | a number that is always known | uint32 |
//! | `known_count`, `known_count? N` | a number that may be unavailable | optional uint32, field number N |
//! | `int`, `int?` | an INTEGER without a name, with its bounds | uint32, int32 or int64 |
//! | `grade`, `grade? N` | an accuracy | optional double, field number N |
//! | `enumerator`, `enumerator?` | ENUMERATED | enum |
//! | `flags W`, `flags? W` | BIT STRING of W bits | uint32 |
//! | `growing W`, `growing? W` | BIT STRING of W bits or more | `Flags` |
//! | `boolean`, `boolean?` | BOOLEAN | bool |
//! | `array`, `array?` | OCTET STRING of fixed size | bytes |
//! | `octet`, `octet?` | OCTET STRING of one octet | uint32 |
//! | `octets`, `octets?` | OCTET STRING with bounds | bytes |
//! | `text`, `text?` | IA5String | string |
//! | `list`, `list?` | a list of types with twins | repeated message |
//! | `counts`, `counts?` | a list of numbers | repeated uint32 |
//! | `with` | anything, by two functions | anything |

/// Declares the twin of a SEQUENCE. Fields of the twin that the profile does not have stand behind `without`.
macro_rules! twin {
    ($asn:ident => $proto:ident [$($sent:ident)?] [$($additions:ident)?] {
        $($field:ident => $twin:ident [$($kind:tt)+],)*
    } $(without { $($absent:ident)* })?) => {
        impl $crate::convert::Twin for asn::$asn {
            type Proto = v1::$proto;

            #[allow(unused_mut, unused_variables, reason = "not every message can have sent something unavailable")]
            fn to_proto(&self) -> v1::$proto {
                let mut sent = $crate::convert::scalar::SentUnavailable::default();
                v1::$proto {
                    $($twin: $crate::convert::fields::to!(&self.$field, sent, $($kind)+),)*
                    $($($absent: Default::default(),)*)?
                    $($sent: sent.0,)?
                    $($additions: $crate::convert::scalar::additions(&self.additions),)?
                }
            }

            #[allow(unused_variables, reason = "not every message can have sent something unavailable")]
            fn from_proto(proto: &v1::$proto) -> Result<Self, $crate::ConvertError> {
                let sent: &[u32] = &[];
                $(let sent: &[u32] = &proto.$sent;)?
                $($(if !$crate::convert::scalar::is_default(&proto.$absent) {
                    return Err($crate::ConvertError::NotInProfile { path: stringify!($absent).into() });
                })*)?
                let value = Self {
                    $($field: $crate::convert::fields::from!(
                        &proto.$twin, sent, $crate::convert::scalar::plain(stringify!($twin)), $($kind)+
                    )?,)*
                    $(additions: $crate::convert::scalar::additions_from(
                        proto.$additions.as_ref(),
                        stringify!($additions),
                    )?,)?
                };
                $(let value = { let _ = stringify!($additions); $crate::uper::Extensible::normal(value) };)?
                Ok(value)
            }
        }
    };
}
pub(crate) use twin;

/// The twin's field of a standard's field.
macro_rules! to {
    ($v:expr, $sent:ident, part) => {
        Some($crate::convert::Twin::to_proto($v))
    };
    ($v:expr, $sent:ident, part?) => {
        ($v).as_ref().map($crate::convert::Twin::to_proto)
    };
    ($v:expr, $sent:ident, si) => {
        $crate::convert::scalar::si($v)
    };
    ($v:expr, $sent:ident, si?) => {
        ($v).as_ref().map($crate::convert::scalar::si)
    };
    ($v:expr, $sent:ident, known) => {
        $crate::convert::scalar::known($v)
    };
    ($v:expr, $sent:ident, known? $number:literal) => {
        $sent.known(($v).as_ref(), $number)
    };
    ($v:expr, $sent:ident, count) => {
        $crate::convert::scalar::count($v)
    };
    ($v:expr, $sent:ident, count?) => {
        ($v).as_ref().map($crate::convert::scalar::count)
    };
    ($v:expr, $sent:ident, known_count) => {
        $crate::convert::scalar::known_count($v)
    };
    ($v:expr, $sent:ident, known_count? $number:literal) => {
        $sent.count(($v).as_ref(), $number)
    };
    ($v:expr, $sent:ident, int $min:literal ..= $max:literal) => {
        (*$v).into()
    };
    ($v:expr, $sent:ident, int? $min:literal ..= $max:literal) => {
        ($v).map(Into::into)
    };
    ($v:expr, $sent:ident, grade) => {
        $crate::convert::scalar::known_grade(*$v)
    };
    ($v:expr, $sent:ident, grade? $number:literal) => {
        $sent.grade(*$v, $number)
    };
    ($v:expr, $sent:ident, enumerator) => {
        $crate::uper::Enumerator::number(*$v)
    };
    ($v:expr, $sent:ident, enumerator?) => {
        ($v).map($crate::uper::Enumerator::number)
    };
    ($v:expr, $sent:ident, flags $width:literal) => {
        ($v).0
    };
    ($v:expr, $sent:ident, flags? $width:literal) => {
        ($v).as_ref().map(|bits| bits.0)
    };
    ($v:expr, $sent:ident, growing $width:literal) => {
        Some($crate::convert::scalar::growing_flags(&($v).0, $width))
    };
    ($v:expr, $sent:ident, growing? $width:literal) => {
        ($v).as_ref().map(|bits| $crate::convert::scalar::growing_flags(&bits.0, $width))
    };
    ($v:expr, $sent:ident, boolean) => {
        *$v
    };
    ($v:expr, $sent:ident, boolean?) => {
        *$v
    };
    ($v:expr, $sent:ident, array) => {
        $crate::convert::scalar::array($v)
    };
    ($v:expr, $sent:ident, array?) => {
        ($v).as_ref().map($crate::convert::scalar::array)
    };
    ($v:expr, $sent:ident, octet) => {
        $crate::convert::scalar::octet($v)
    };
    ($v:expr, $sent:ident, octet?) => {
        ($v).as_ref().map($crate::convert::scalar::octet)
    };
    ($v:expr, $sent:ident, octets $min:literal ..= $max:literal) => {
        $crate::convert::scalar::octets($v)
    };
    ($v:expr, $sent:ident, octets? $min:literal ..= $max:literal) => {
        ($v).as_ref().map($crate::convert::scalar::octets)
    };
    ($v:expr, $sent:ident, text $max:literal) => {
        $crate::convert::scalar::text($v)
    };
    ($v:expr, $sent:ident, text? $max:literal) => {
        ($v).as_ref().map($crate::convert::scalar::text)
    };
    ($v:expr, $sent:ident, list $bounds:expr) => {
        $crate::convert::scalar::list($v)
    };
    ($v:expr, $sent:ident, list? $bounds:expr) => {
        ($v).as_ref().map($crate::convert::scalar::list).unwrap_or_default()
    };
    ($v:expr, $sent:ident, counts $bounds:expr) => {
        $crate::convert::scalar::counts($v)
    };
    ($v:expr, $sent:ident, counts? $bounds:expr) => {
        ($v).as_ref().map($crate::convert::scalar::counts).unwrap_or_default()
    };
    ($v:expr, $sent:ident, with $to:path, $from:path) => {
        $to($v)
    };
}
pub(crate) use to;

/// The standard's field of a twin's field, as a `Result`.
macro_rules! from {
    ($v:expr, $sent:ident, $name:expr, part) => {
        $crate::convert::scalar::needed(($v).as_ref(), $name)
    };
    ($v:expr, $sent:ident, $name:expr, part?) => {
        $crate::convert::scalar::optional(($v).as_ref(), $name)
    };
    ($v:expr, $sent:ident, $name:expr, si) => {
        $crate::convert::scalar::from_si(*$v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, si?) => {
        ($v).map(|value| $crate::convert::scalar::from_si(value, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, known) => {
        $crate::convert::scalar::from_known(*$v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, known? $number:literal) => {
        $crate::convert::scalar::from_optional(*$v, $sent, $number, $name)
    };
    ($v:expr, $sent:ident, $name:expr, count) => {
        $crate::convert::scalar::from_count(*$v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, count?) => {
        ($v).map(|value| $crate::convert::scalar::from_count(value, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, known_count) => {
        $crate::convert::scalar::from_known_count(*$v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, known_count? $number:literal) => {
        $crate::convert::scalar::from_optional_count(*$v, $sent, $number, $name)
    };
    ($v:expr, $sent:ident, $name:expr, int $min:literal ..= $max:literal) => {
        $crate::convert::scalar::narrow(*$v, $min, $max, $name)
    };
    ($v:expr, $sent:ident, $name:expr, int? $min:literal ..= $max:literal) => {
        ($v).map(|value| $crate::convert::scalar::narrow(value, $min, $max, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, grade) => {
        $crate::convert::scalar::grade_from(*$v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, grade? $number:literal) => {
        $crate::convert::scalar::from_optional_grade(*$v, $sent, $number, $name)
    };
    ($v:expr, $sent:ident, $name:expr, enumerator) => {
        $crate::convert::scalar::enumerator_from(*$v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, enumerator?) => {
        ($v).map(|value| $crate::convert::scalar::enumerator_from(value, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, flags $width:literal) => {
        $crate::convert::scalar::flags_from(*$v, $width, $name)
    };
    ($v:expr, $sent:ident, $name:expr, flags? $width:literal) => {
        ($v).map(|value| $crate::convert::scalar::flags_from(value, $width, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, growing $width:literal) => {
        $crate::convert::scalar::growing_flags_from(
            $crate::convert::scalar::or_default(($v).as_ref()).as_ref(),
            $width,
            $name,
        )
    };
    ($v:expr, $sent:ident, $name:expr, growing? $width:literal) => {
        ($v).as_ref().map(|flags| $crate::convert::scalar::growing_flags_from(flags, $width, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, boolean) => {
        Ok::<_, $crate::ConvertError>(*$v)
    };
    ($v:expr, $sent:ident, $name:expr, boolean?) => {
        Ok::<_, $crate::ConvertError>(*$v)
    };
    ($v:expr, $sent:ident, $name:expr, array) => {
        $crate::convert::scalar::array_from($v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, array?) => {
        ($v).as_ref().map(|octets| $crate::convert::scalar::array_from(octets, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, octet) => {
        $crate::convert::scalar::octet_from(*$v, $name)
    };
    ($v:expr, $sent:ident, $name:expr, octet?) => {
        ($v).map(|octet| $crate::convert::scalar::octet_from(octet, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, octets $min:literal ..= $max:literal) => {
        $crate::convert::scalar::octets_from($v, $min..=$max, $name)
    };
    ($v:expr, $sent:ident, $name:expr, octets? $min:literal ..= $max:literal) => {
        ($v).as_ref().map(|octets| $crate::convert::scalar::octets_from(octets, $min..=$max, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, text $max:literal) => {
        $crate::convert::scalar::text_from($v, $max, $name)
    };
    ($v:expr, $sent:ident, $name:expr, text? $max:literal) => {
        ($v).as_ref().map(|text| $crate::convert::scalar::text_from(text, $max, $name)).transpose()
    };
    ($v:expr, $sent:ident, $name:expr, list $bounds:expr) => {
        $crate::convert::scalar::list_from($v, $bounds, $name)
    };
    ($v:expr, $sent:ident, $name:expr, list? $bounds:expr) => {
        $crate::convert::scalar::optional_list_from($v, $bounds, $name)
    };
    ($v:expr, $sent:ident, $name:expr, counts $bounds:expr) => {
        $crate::convert::scalar::counts_from($v, $bounds, $name)
    };
    ($v:expr, $sent:ident, $name:expr, counts? $bounds:expr) => {
        $crate::convert::scalar::optional_counts_from($v, $bounds, $name)
    };
    ($v:expr, $sent:ident, $name:expr, with $to:path, $from:path) => {
        $from($v, $name)
    };
}
pub(crate) use from;
