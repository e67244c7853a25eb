//! The uplink: nothing that was accepted for the cloud is lost, and nothing goes in silence.
//!
//! An item's way: the core's task puts it into [`Waiting`]; the link's thread takes it, lets the platform's profile turn
//! it into publications, and pushes these into the spool; after the commit they are safe on disk, and only then they are
//! published; when the broker has acknowledged them, they are forgotten. [`link`] decides what goes next and is pure;
//! `connection` keeps a connection to one of the brokers; `worker` is the thread that ties them together.

mod client;
pub(crate) mod connection;
mod keeper;
pub mod link;
mod payload;
pub mod profiles;
mod tls;
mod waiting;
mod worker;

pub use client::{LinkState, Uplink, UplinkHandle};
pub use payload::{Received, TOPIC_ROOT, content_type, decode, encode, stream_topic};
pub use tls::{TlsSettings, client as tls_client};
pub use waiting::{Missed, Waiting};
