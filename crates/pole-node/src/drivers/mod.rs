//! What a board can be made of: published drivers and the traits of `embedded-hal` and `embedded-io` behind those of
//! [`crate::board`]. A driver of a chip is behind a feature of its name.

#[cfg(feature = "bme280")]
mod bme280;
mod io_link;
#[cfg(feature = "lis2dh12")]
mod lis2dh12;
#[cfg(feature = "opt300x")]
mod opt300x;
mod pin_inputs;

#[cfg(feature = "bme280")]
pub use self::bme280::Bme280;
pub use self::io_link::IoLink;
#[cfg(feature = "lis2dh12")]
pub use self::lis2dh12::Lis2dh12;
#[cfg(feature = "opt300x")]
pub use self::opt300x::Opt300x;
pub use self::pin_inputs::{Level, PinInputs};
