//! The multi-sensor tracker: detections in, tracks of traffic participants out.
//!
//! # Method
//!
//! * Motion: constant velocity with white-noise acceleration, its strength chosen by the class (Bar-Shalom, Li,
//!   Kirubarajan, *Estimation with Applications to Tracking and Navigation*, 2001, 6.2).
//! * Update: Kalman filter in Joseph form; position, then velocity or Doppler where the sensor gives them.
//! * Association: gated global nearest neighbour, solved exactly in each group of detections and tracks that compete
//!   (Blackman, Popoli, *Design and Analysis of Modern Tracking Systems*, 1999, 6.4).
//! * Life: existence as a Bernoulli probability that hits raise and misses lower; a track is shown once it is confirmed.
//! * Class: Bayesian belief over the classes.
//! * Order: frames are used when they arrive, at the time they were measured. A frame that is older than the newest one
//!   rewinds the tracker to before it and runs the frames in between again, so the result is that of the order of
//!   measurement, whatever the order of arrival was ([`Tracker`]).
//!
//! # What this crate will never know
//!
//! Clocks, sockets, messages, WGS 84. Everything is in the site frame (metres, x east, y north), time is handed in, and
//! the same frames give the same tracks to the last bit.

mod assignment;
mod class;
mod kalman;
mod participant;
mod set;
mod tracker;
mod types;

pub use class::{Class, ClassBelief};
pub use tracker::{Accepted, FrameError, Tracker, TrackerConfig};
pub use types::{
    Covariance2, Detection, MAX_SENSORS, Radial, SensorFrame, SensorId, SensorKind, SensorModel, Track, TrackId, V2xId,
    Velocity,
};
