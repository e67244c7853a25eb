//! The text form of messages to an RSU.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsud_fuzz::invariants;

fuzz_target!(|octets: &[u8]| {
    invariants::immediate_forward(octets);
});
