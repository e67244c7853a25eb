//! The multi-sensor tracker: detections in, tracks of traffic participants out.
//!
//! # Method
//!
//! * **Order** ([`Tracker`]): each frame is used when it arrives, at the time it was measured. A frame that is older than
//!   the newest one takes the tracker back to before it and the frames since are run again, so the result is that of the
//!   order of measurement, whatever the order of arrival was.
//! * **Motion** (`kinematics`): position, velocity and acceleration, the acceleration a Singer process whose strength
//!   depends on the class and on the direction: road users brake harder than they swerve.
//! * **Update** (`update`): position along the axes of its noise, speed and heading in polar form, Doppler, class, extent.
//! * **Reflection and registration** (`registration`): which point of a road user each sensor sees, and each sensor's errors
//!   of place, direction and clock, learnt against the consensus of all sensors and applied.
//! * **Own reports** (`kinematics::GnssBias`): the slowly varying error of each participant's GNSS is part of its state, so
//!   that a connected vehicle appears once and does not pull its track aside.
//! * **Association** (`association`, `assignment`, `grid`): likelihoods from place, motion, class and the sensor's own
//!   identities; solved exactly in each group of detections and tracks that compete.
//! * **Life** (`visibility`, `set`, `tidy`): existence as a Bernoulli probability that hits raise and misses lower, as far as
//!   the sensor should have seen the participant: in range, in view, not hidden by a nearer one. Doubles become one. Who is
//!   out of sight follows the road, where a map is given.
//! * **Class** (`class`): Bayesian belief with each kind of sensor's confusions.
//!
//! docs/fusion.md has the models, the papers and the measurements.
//!
//! # What this crate will never know
//!
//! Clocks, sockets, messages, WGS 84. Everything is in the site frame (metres, x east, y north), time is handed in, and
//! the same frames give the same tracks to the last bit.

mod assignment;
mod association;
mod class;
mod grid;
mod journal;
mod kinematics;
mod linear;
mod participant;
mod parts;
mod registration;
mod set;
mod tidy;
mod tracker;
mod types;
mod update;
mod visibility;

pub use class::{Class, ClassBelief};
pub use journal::{Entry, What};
pub use parts::Parts;
pub use registration::Registration;
pub use tracker::{Accepted, FrameError, Tracker, TrackerConfig};
pub use types::{
    Covariance2, Detection, Heading, MAX_SENSORS, Radial, SensorFrame, SensorId, SensorKind, SensorModel, Speed, Track,
    TrackId, UsualNoise, V2xId, Velocity,
};
