//! Datagrams with a vendor's header, in every layout of the tests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsud_fuzz::invariants;

fuzz_target!(|octets: &[u8]| {
    invariants::vendor_header(octets);
});
