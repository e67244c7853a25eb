//! The roadside unit's daemon and command line.
//!
//! This is the only crate that knows tokio, sockets, files and clocks. It turns datagrams into typed inputs
//! ([`adapters`]), feeds them to the pure core ([`daemon`]) and carries what comes out to the broker ([`uplink`]).

pub mod adapters;
pub mod air;
pub mod capture;
pub mod clock;
pub mod commands;
pub mod config;
pub mod control;
pub mod daemon;
pub mod downlink;
pub mod framing;
pub mod metrics;
pub mod poles;
pub mod queue;
pub mod stats;
pub mod uplink;
