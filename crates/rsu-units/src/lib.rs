//! The quantities that all pure crates share: [`Timestamp`], angles, plane vectors.
//!
//! This crate knows no clock: a [`Timestamp`] is always handed in. It knows nothing of messages or of roads either.

pub mod angle;
mod timestamp;
mod vector;

pub use timestamp::Timestamp;
pub use vector::Vector2;
