//! Why octets cannot be read, or a value not be written: the rule, the place, and the way there.

use thiserror::Error;

/// The rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// The octets end within a value.
    #[error("the octets end here")]
    Incomplete,
    /// Octets are left over where a value should fill its place.
    #[error("{octets} octets are left over")]
    LeftOver {
        /// How many.
        octets: usize,
    },
    /// A number breaks its bounds.
    #[error("{value} is outside of {min} to {max}")]
    OutOfRange {
        /// The number.
        value: i64,
        /// The least that is allowed.
        min: i64,
        /// The most that is allowed.
        max: i64,
    },
    /// A list or string breaks its bounds.
    #[error("length {length} is outside of {min} to {max}")]
    Length {
        /// The length.
        length: usize,
        /// The least that is allowed.
        min: usize,
        /// The most that is allowed.
        max: usize,
    },
    /// Text that is not IA5.
    #[error("not IA5 text")]
    NotIa5,
    /// A form that X.691 allows, but no message of the set can need.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
}

/// A broken rule and where. Boxed: it is rare, and the results of all readers stay small.
#[derive(Debug, Clone)]
pub(crate) struct Fault(Box<Detail>);

#[derive(Debug, Clone)]
struct Detail {
    kind: FaultKind,
    at_bit: usize,
    /// Whether it is of a value in an open type, and not of the message's end.
    in_open_type: bool,
    /// Innermost field first.
    path: Vec<&'static str>,
}

impl Fault {
    #[cold]
    pub(crate) fn new(kind: FaultKind, at_bit: usize) -> Self {
        Self(Box::new(Detail { kind, at_bit, in_open_type: false, path: Vec::new() }))
    }

    /// The same fault, seen from the value that holds the field.
    #[cold]
    pub(crate) fn within(mut self, field: &'static str) -> Self {
        self.0.path.push(field);
        self
    }

    /// The same fault, of a value in an open type.
    #[cold]
    pub(crate) fn in_open_type(mut self) -> Self {
        self.0.in_open_type = true;
        self
    }

    /// Whether it is of a value in an open type.
    pub(crate) fn is_in_open_type(&self) -> bool {
        self.0.in_open_type
    }

    /// The same fault, in octets that begin at bit `start` of the message.
    #[cold]
    pub(crate) fn moved(mut self, start: usize) -> Self {
        self.0.at_bit += start;
        self
    }

    pub(crate) fn kind(&self) -> &FaultKind {
        &self.0.kind
    }

    /// Bits from the start of the message to the fault.
    pub(crate) fn at_bit(&self) -> usize {
        self.0.at_bit
    }

    /// The way to the value, outermost field first: `participants > pos > offsetLL`.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for field in self.0.path.iter().rev() {
            if !path.is_empty() {
                path.push_str(" > ");
            }
            path.push_str(field);
        }
        path
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.0.path.is_empty() {
            write!(f, "{}: ", self.path())?;
        }
        self.0.kind.fmt(f)
    }
}
