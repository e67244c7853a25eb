//! The unaligned packed encoding rules (UPER, ITU-T X.691) as far as the message set needs them.
//!
//! The build script turns the ASN.1 modules into Rust types whose `decode` and `encode` call the functions here, one
//! straight line of code per type, so nothing is looked up while a message is read. rasn, the general library, reads and
//! writes the same messages in the tests and must agree on every one; it is not used here because it drops what a later
//! edition of the standard may add, and because of its speed (`docs/performance.md`).
//!
//! What bounds the work for hostile input, by construction:
//!
//! * every step reads forward and takes at least one bit (each list checks at compile time that its elements do), and no
//!   type contains itself, so time is linear in the number of octets;
//! * a list allocates only after the octets that are left could hold as many elements as it announces;
//! * strings and unknown parts are copied only after their octets are known to be there.

mod fault;
mod list;
mod reader;
pub(crate) mod values;
mod writer;

pub(crate) use fault::Fault;
pub use fault::FaultKind;
pub(crate) use list::{list, list_encode};
pub(crate) use reader::Reader;
pub(crate) use values::MAX_BITS;
pub use values::{Additions, Bits, Enumerator, UnknownAddition, UnknownAlternative};
pub(crate) use writer::Writer;

/// A type that is another with a name, or that other itself.
pub(crate) trait Inner<T> {
    /// The other.
    fn inner(&self) -> &T;
    /// The type of the other.
    fn wrap(inner: T) -> Self;
}

impl<T> Inner<T> for T {
    fn inner(&self) -> &T {
        self
    }

    fn wrap(inner: T) -> Self {
        inner
    }
}

/// A SEQUENCE that later editions may extend, made from a twin or from JSON.
pub(crate) trait Extensible: Sized {
    /// The same value as it would be read from the air.
    fn normal(self) -> Self;
}

/// A type of the message set.
pub(crate) trait Uper: Sized {
    /// The fewest bits that a value takes.
    const MIN_BITS: usize;
    /// Reads one value.
    fn decode(r: &mut Reader<'_>) -> Result<Self, Fault>;
    /// Writes the value.
    fn encode(&self, w: &mut Writer) -> Result<(), Fault>;
}

/// The highest index of an enumerator that a later edition added.
pub(crate) const MAX_LATER_ENUMERATOR: u32 = 1 << 30;

/// Bits that tell apart the values `0..=range`.
pub(crate) const fn width(range: u64) -> u32 {
    u64::BITS - range.leading_zeros()
}

/// The lesser of two, for the constants of the generated types.
pub(crate) const fn min(a: usize, b: usize) -> usize {
    if a < b { a } else { b }
}

/// Gives the closure of a generated reader its type, and keeps `?` within from leaving the function around it.
#[inline]
pub(crate) fn read<T>(r: &mut Reader<'_>, read: impl FnOnce(&mut Reader<'_>) -> Result<T, Fault>) -> Result<T, Fault> {
    read(r)
}

/// As [`read()`], for writers.
#[inline]
pub(crate) fn write(w: &mut Writer, write: impl FnOnce(&mut Writer) -> Result<(), Fault>) -> Result<(), Fault> {
    write(w)
}
