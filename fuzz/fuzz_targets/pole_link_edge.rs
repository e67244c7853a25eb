//! The daemon's end of the link: with one pole, and on a bus.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rsud_fuzz::pole_link;

fuzz_target!(|script: &[u8]| {
    pole_link::edge(script);
});
