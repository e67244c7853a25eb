//! Commands of the cloud: done once, answered, and written down before anything is done.
//!
//! A command comes over a connection of its own, whose session the broker keeps while the RSU is away ([`inbox`]). It is
//! checked ([`order`]), written to the audit log ([`journal`]), acknowledged to the broker, and carried out
//! ([`commander`]). Whatever comes again under the same identity, also after a restart, is answered and not done again.
//! Settings are tried with a new start of the daemon's inside and taken back when the link does not come up
//! ([`overlay`], `commands::run`).

pub mod commander;
pub mod inbox;
pub mod journal;
pub mod order;
pub mod overlay;
pub mod service;

mod pole;

pub use commander::{Check, Commander, Concluded, LogControl, Setup, Trial};
pub use journal::{Entry, Journal, Outcome, ReplyTo};
pub use order::{Action, Order, OrderError};
pub use overlay::{Overlay, Setting};
pub use service::{Control, Parts, Running, start};
