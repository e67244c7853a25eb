//! A signalised four-arm intersection as it looks on the wire.
//!
//! [`Simulation`] moves cars, trucks, buses, motorcycles, cyclists and pedestrians through the intersection of
//! [`layout`], lets roadside sensors look at them and connected vehicles speak, and hands out the resulting datagrams in
//! the order in which they are sent. It opens no socket and reads no clock: whoever runs it sends each [`Emission`] when
//! its time has come. The same seed and start time give the same datagrams. Beside the road are smart [`poles`].

pub mod layout;
pub mod poles;

mod agents;
mod incidents;
mod sensors;
mod signals;
mod simulation;
mod v2x;
mod world;

pub use agents::{AgentClass, AgentState};
pub use incidents::{Incident, IncidentKind};
pub use sensors::{SensorSpec, SpecKind, sensors};
pub use signals::{Light, Movement};
pub use simulation::{Channel, Emission, SimConfig, Simulation};
