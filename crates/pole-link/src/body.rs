//! How bodies are read, so that peers of different versions understand each other.
//!
//! A body is one part after another. The first part is what version 1 has; a later version appends a part and changes none.
//! A reader takes the parts it knows and leaves the rest; a part that an older sender did not write has its default.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::frame::TooLong;

/// A body that is not that of its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body is not that of its message")]
pub struct Malformed;

/// Reads a body part by part.
///
/// ```
/// use pole_link::body::{Malformed, Reader, write};
///
/// // A message of version 1 has a count; version 2 appended a unit and a limit, of which the default says: none.
/// fn read_v2(body: &[u8]) -> Result<(u16, (u8, u32)), Malformed> {
///     let mut reader = Reader::new(body);
///     Ok((reader.take()?, reader.take_appended()?))
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut old = [0; 8];
/// let octets = write(&300_u16, &mut old)?;
/// assert_eq!(read_v2(&old[..octets])?, (300, (0, 0)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the beginning of a body.
    pub const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// The next part, which every sender writes.
    ///
    /// # Errors
    /// [`Malformed`] if it is not there.
    pub fn take<T: Deserialize<'a>>(&mut self) -> Result<T, Malformed> {
        let (value, rest) = postcard::take_from_bytes(self.rest).map_err(|_| Malformed)?;
        self.rest = rest;
        Ok(value)
    }

    /// The next part, which senders of older versions do not write: then its default.
    ///
    /// # Errors
    /// [`Malformed`] if there is something that is not it.
    pub fn take_appended<T: Deserialize<'a> + Default>(&mut self) -> Result<T, Malformed> {
        if self.rest.is_empty() { Ok(T::default()) } else { self.take() }
    }
}

/// Writes a part, or several as a tuple, to the beginning of `out`; returns how many octets it took.
///
/// # Errors
/// [`TooLong`] if `out` is too short.
pub fn write<T: Serialize + ?Sized>(parts: &T, out: &mut [u8]) -> Result<usize, TooLong> {
    postcard::to_slice(parts, out).map(|written| written.len()).map_err(|_| TooLong)
}
