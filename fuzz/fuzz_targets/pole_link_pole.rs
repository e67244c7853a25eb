//! The pole's end of the link.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsud_fuzz::pole_link;

fuzz_target!(|script: &[u8]| {
    pole_link::pole(script);
});
