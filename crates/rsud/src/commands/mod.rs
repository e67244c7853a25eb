//! The subcommands.

pub mod convert;
#[cfg(feature = "demo")]
pub mod demo;
pub mod map;
pub mod offline;
pub mod pole;
pub mod run;
pub mod spool;
pub mod watch;

mod latency;
mod subscriber;

pub use subscriber::{Delivery, Subscriber};

/// Waits until an instant; for ever when there is none.
async fn until(end: Option<tokio::time::Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}
