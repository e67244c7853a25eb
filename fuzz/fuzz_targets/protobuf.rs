//! Messages in protobuf, as edge peers send them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsud_fuzz::invariants;

fuzz_target!(|octets: &[u8]| {
    invariants::protobuf(octets);
});
