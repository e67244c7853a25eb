//! Message frames in UPER, profile 2020.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsud_fuzz::invariants;
use v2x_codec::Profile;

fuzz_target!(|octets: &[u8]| {
    invariants::uper(Profile::Y2020, octets);
});
