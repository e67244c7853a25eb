//! What the fuzz targets share: the invariants of the mutation tests.
#![forbid(unsafe_code)]

#[path = "../../crates/v2x-codec/tests/mutations/invariants.rs"]
pub mod invariants;
