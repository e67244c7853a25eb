//! Network-layer frames of YD/T 3707.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsud_fuzz::invariants;

fuzz_target!(|octets: &[u8]| {
    invariants::dsmp(octets);
});
