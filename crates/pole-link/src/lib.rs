//! The link between the edge daemon and a smart pole.
//!
//! A pole is a street light with sensors, a warning display and an emergency call button, run by a microcontroller. This crate
//! is what pole and daemon say to each other and how: over a serial line, over a half-duplex bus with several poles, or in
//! datagrams. It needs neither the standard library nor a heap, and knows no clock, thread or device: each end is a state
//! machine that is given octets and the time and gives octets and events. `docs/pole-link.md` says the same for somebody who
//! writes a peer in another language.
//!
//! * [`PoleEnd`] is the pole's end.
//! * [`EdgeEnd`] is the daemon's end for one pole that has the medium to itself, [`BusMaster`] the one for a bus.
//! * [`ToEdge`] and [`ToPole`] are the messages.
//!
//! ```
//! use pole_link::{
//!     Capabilities, Command, EdgeConfig, EdgeEnd, EdgeEvent, MAX_WIRE, Medium, Millis, Outcome, Permille, PoleAddress,
//!     PoleConfig, PoleEnd, PoleEvent, PoleInfo, ResetCause, Session, Version,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let info = PoleInfo {
//!     serial: "SP-000123".try_into()?,
//!     model: "SP-4".try_into()?,
//!     firmware: Version { major: 1, minor: 0, patch: 0 },
//!     capabilities: Capabilities::LUMINAIRE,
//!     reset_cause: ResetCause::POWER_ON,
//!     errors: Default::default(),
//! };
//! let now = Millis(0);
//! let config = PoleConfig { address: PoleAddress::FIRST, medium: Medium::Uart, boot_count: 1, info };
//! let mut pole = PoleEnd::new(config, now);
//! let mut edge = EdgeEnd::new(PoleAddress::FIRST, Medium::Uart, EdgeConfig::new(Session::MIN), now);
//! let wish = Command::SetLuminaire { level: Permille::MAX, ramp_ms: 500 };
//! let id = edge.submit(wish, now.plus(2000))?;
//!
//! // Here the wire is a function call.
//! let mut outcome = None;
//! while outcome.is_none() {
//!     let mut buffer = [0; MAX_WIRE];
//!     while let Some(mut octets) = pole.poll_transmit(now, &mut buffer) {
//!         while let Some(event) = edge.receive(now, &mut octets) {
//!             if let EdgeEvent::Finished { id: finished, outcome: reached } = event {
//!                 assert_eq!(finished, id);
//!                 outcome = Some(reached);
//!             }
//!         }
//!     }
//!     while let Some(mut octets) = edge.poll_transmit(now, &mut buffer) {
//!         while let Some(event) = pole.receive(now, &mut octets) {
//!             if let PoleEvent::Command(ticket, command) = event {
//!                 assert!(matches!(command, Command::SetLuminaire { .. }));
//!                 pole.finish(ticket, Outcome::Done);
//!             }
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod address;
mod alarms;
pub mod body;
mod bus;
mod codes;
mod command;
mod commands;
mod config;
mod counters;
mod deframer;
mod edge;
mod frame;
mod link;
mod message;
mod pole;
mod time;
mod values;
mod window;

pub use address::{Address, BadAddress, PoleAddress};
pub use alarms::{AlarmKey, AlarmsFull, MAX_ALARMS};
pub use bus::{BusError, BusMaster, MAX_BROADCASTS};
pub use codes::{
    AlarmKind, Blink, Colour, ConfigKey, LightMode, Quantity, Refusal, RejectReason, ResetCause, RoadState,
};
pub use command::Command;
pub use commands::{CommandId, CommandOutcome, MAX_COMMANDS, QueueFull};
pub use config::{
    ALARM_MAX_MS, ALARM_MS, BusConfig, BusTiming, EdgeConfig, GREET_MS, HELLO_MAX_MS, HELLO_MS, Medium, PoleConfig,
    REJECTED_MS, TURN_FRAMES,
};
pub use counters::LinkCounters;
pub use deframer::Deframer;
pub use edge::{DownReason, EdgeEnd, EdgeEvent};
pub use frame::{
    CRC_OCTETS, FORMAT, Flags, Frame, FrameError, HEADER_OCTETS, Header, MAX_BODY, MAX_FRAME, MAX_WIRE, TooLong, build,
    stuff,
};
pub use link::LinkState;
pub use message::{
    Alarm, AlarmAck, CommandResult, Greet, Hello, Outcome, Reject, ShownWarning, State, Telemetry, ToEdge, ToPole,
    Welcome,
};
pub use pole::{NotNow, PoleEnd, PoleEvent, Sample, Ticket};
pub use time::Millis;
pub use values::{
    Capabilities, ErrorCounters, MAX_READINGS, MAX_SWITCH_POINTS, MinuteOfDay, Permille, PoleInfo, ProtocolRange,
    Reading, Readings, Session, SwitchPoint, SwitchPoints, TooMuch, Version,
};
