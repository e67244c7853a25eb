//! What the fuzz targets share: the invariants of the mutation tests, and the scripts for both ends of the pole's link.
#![forbid(unsafe_code)]

#[path = "../../crates/v2x-codec/tests/mutations/invariants.rs"]
pub mod invariants;

pub mod pole_link;
