//! Memory that the start leaves as it is: what is kept over a reset, the storage, and the maker's page.

use pole_firmware::kept::{Kept, WORDS, Words};

/// Octets of the storage.
pub(crate) const STORAGE_OCTETS: usize = 16 * 1024;
/// Octets of the maker's page that are looked at.
const FACTORY_OCTETS: usize = 64;

// The places are the linker script's, each as long as is said above, aligned to words, and used by nobody else. Everything is read and
// written volatile through raw pointers: the compiler must not believe to know what is there.
unsafe extern "C" {
    static mut _kept: Words;
    static mut _storage: [u8; STORAGE_OCTETS];
    static _factory: [u8; FACTORY_OCTETS];
}

/// What is kept; damaged, it is as if the power had come.
pub(crate) fn kept() -> Kept {
    Kept::read(&kept_words()).unwrap_or_default()
}

/// The words of what is kept.
pub(crate) fn kept_words() -> Words {
    let first = (&raw const _kept).cast::<u32>();
    // SAFETY: the index stays inside; any bits are a u32; volatile, because memory that nobody wrote in this run is to be read as it
    // is.
    core::array::from_fn(|index| unsafe { first.add(index).read_volatile() })
}

/// Keeps this.
pub(crate) fn keep(kept: &Kept) {
    let first = (&raw mut _kept).cast::<u32>();
    for (index, word) in kept.words().into_iter().enumerate().take(WORDS) {
        // SAFETY: the index stays inside. The handlers that interrupt this never return, so nobody sees it half written but
        // the next start, which looks at the CRC.
        unsafe { first.add(index).write_volatile(word) }
    }
}

/// An octet of the storage as it lies in memory; none beyond its end.
pub(crate) fn storage_octet(index: usize) -> Option<u8> {
    let first = (&raw const _storage).cast::<u8>();
    // SAFETY: the index is inside; any bits are a u8; volatile as above.
    (index < STORAGE_OCTETS).then(|| unsafe { first.add(index).read_volatile() })
}

/// Writes an octet of the storage; beyond its end, nothing.
pub(crate) fn store_octet(index: usize, octet: u8) {
    let first = (&raw mut _storage).cast::<u8>();
    if index < STORAGE_OCTETS {
        // SAFETY: the index is inside, and only the main program comes here, so nobody else is at it.
        unsafe { first.add(index).write_volatile(octet) }
    }
}

/// An octet of the maker's page; none beyond its end.
pub(crate) fn factory_octet(index: usize) -> Option<u8> {
    let first = (&raw const _factory).cast::<u8>();
    // SAFETY: the index is inside; any bits are a u8; volatile, because the compiler must not believe that nobody wrote it.
    (index < FACTORY_OCTETS).then(|| unsafe { first.add(index).read_volatile() })
}
