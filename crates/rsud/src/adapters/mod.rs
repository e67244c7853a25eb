//! Adapters: datagrams come in by UDP, are parsed at this border, and leave as typed inputs of the core.
//!
//! Each adapter is a [`Parser`] (pure) driven by one task of [`udp`]. What cannot be parsed is counted by reason under
//! the adapter's name and never disturbs the others.

pub mod pc5;
pub mod sensor;
pub mod udp;
pub mod v2x;

use edge_core::Input;
use rsu_units::Timestamp;

/// Why a datagram is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// A short, stable name for the counter.
    pub name: &'static str,
    /// What was wrong, for the log.
    pub detail: String,
}

/// Turns one datagram into one input.
pub trait Parser: Send + 'static {
    /// The adapter's name in counters, logs and `received_by`.
    fn name(&self) -> &'static str;

    /// Parses one datagram.
    ///
    /// # Errors
    /// [`Refusal`] says why it is not one of ours.
    fn parse(&mut self, datagram: &[u8], arrived_at: Timestamp) -> Result<Input, Refusal>;

    /// A further thing to count of the datagram that was just parsed: name and number. Called until there is none.
    fn extra_counts(&mut self) -> Option<(&'static str, u64)> {
        None
    }
}
