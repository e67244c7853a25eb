//! What of the pole's program knows no hardware: what is kept over a reset, the page that the maker writes, and the simulated
//! sensors and flash. It builds on any machine, so that its tests run there; the program itself is `main.rs`.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod factory;
pub mod flash;
#[cfg(feature = "test-hooks")]
pub mod hooks;
pub mod kept;
pub mod simulated;
