//! The application of a smart pole's controller.
//!
//! A pole has a luminaire, sensors, a warning display with a beacon, contacts and an emergency call button. [`Node`] decides what
//! they do: it is a state machine that is given octets, readings and the time, and says how bright, what to show and what to send.
//! It knows no clock and no device. [`Pole`] is the thin shell that runs it on a board, for which an integrator implements
//! [`board::Board`]; his main loop is `loop { pole.poll(); wait for an interrupt }`. `docs/pole-node.md` tells the rest.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod absent;
pub mod board;
mod clock;
mod commands;
pub mod config;
mod debounce;
pub mod drivers;
mod duty;
mod faults;
mod hand_over;
mod health;
mod luminaire;
mod motion;
mod node;
mod parts;
mod plan;
mod pole;
mod readings;
mod report;
mod ring;
mod sensing;
mod settings;
mod store;
mod telemetry;
mod threshold;
mod warning;

pub use duty::Duty;
pub use hand_over::{HandOver, HandOverState};
pub use luminaire::{MAX_HOLD_MS, MAX_RAMP_MS};
pub use node::{Action, Faults, Node, Outputs, RING_OCTETS, Setup};
pub use plan::Sensor;
pub use pole::Pole;
pub use settings::Settings;
pub use store::{Loaded, Saved, Store, StoreError};
pub use warning::MAX_WARNING_MS;
