//! The RSU as one state machine.
//!
//! [`Core::handle`] takes the time, one [`Input`] and a list to append [`Output`]s to; [`Core::deadline`] says when it
//! wants to be woken although nothing came in. That is all: the core reads no clock, opens no socket, starts no thread
//! and rolls no dice, so the same inputs at the same times give the same outputs to the last bit.
//!
//! Inputs are typed. [`intake`] is the border where protobuf messages become typed inputs; what passes it cannot be
//! wrong in shape. What the core still refuses (too late, from the future, unknown sensor) it counts.

pub mod intake;
pub mod poles;

mod broadcast;
mod config;
mod counters;
mod machine;
mod output;
mod report;
mod surroundings;

pub use broadcast::BroadcastPlan;
pub use config::{CoreConfig, Periods, SensorSetup};
pub use counters::Counters;
pub use machine::Core;
pub use output::{Item, Output, Priority, Publication};

use fusion::SensorFrame;
use rsu_proto::v1;
use rsu_units::Timestamp;

/// What the core is told. Each input says when it reached the RSU; when it was measured is inside.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A sensor's object list, in the site frame.
    Detections {
        /// What was seen.
        frame: SensorFrame,
        /// When the datagram arrived.
        arrived_at: Timestamp,
    },
    /// A V2X message with its content decoded; `header` is absent, the rest is filled in.
    V2x {
        /// The message.
        message: Box<v1::V2xMessage>,
        /// When the datagram arrived.
        arrived_at: Timestamp,
    },
    /// What a pole says.
    Pole(poles::PoleReport),
    /// Nothing but the time: a deadline has passed.
    Wake,
}
