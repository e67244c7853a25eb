//! The uplink: items of the core wait here, bounded and by priority, until the broker has acknowledged them.

mod client;
mod payload;
mod queue;

pub use client::{LinkState, Uplink, UplinkHandle};
pub use payload::{Received, TOPIC_ROOT, content_type, decode, encode, stream_topic};
pub use queue::Waiting;
