//! Lists (SEQUENCE OF).

use super::{Fault, Reader, Uper, Writer};

/// A list of `min..=max` elements.
#[inline]
pub(crate) fn list<T: Uper>(r: &mut Reader<'_>, min: usize, max: usize) -> Result<Vec<T>, Fault> {
    const { assert!(T::MIN_BITS > 0, "an element that takes no bit would let a list cost more than its octets") };
    let count = r.size(min, max)?;
    // A list that cannot end within the octets is refused before anything is allocated for it.
    if count * T::MIN_BITS > r.left() {
        return Err(r.incomplete());
    }
    let mut elements = Vec::with_capacity(count);
    for _ in 0..count {
        elements.push(T::decode(r)?);
    }
    Ok(elements)
}

/// Writes a list of `min..=max` elements.
#[inline]
pub(crate) fn list_encode<T: Uper>(w: &mut Writer, elements: &[T], min: usize, max: usize) -> Result<(), Fault> {
    w.size(elements.len(), min, max)?;
    elements.iter().try_for_each(|element| element.encode(w))
}
