//! The subcommands.

pub mod convert;
#[cfg(feature = "demo")]
pub mod demo;
pub mod run;
pub mod watch;

mod latency;
mod subscriber;

pub use subscriber::{Delivery, Subscriber};
