//! The geometry of one site.
//!
//! * [`SiteFrame`] turns WGS 84 into site metres (x east, y north, from the reference point) and back.
//! * [`SiteMap`] holds lanes, crossings and junction areas in site metres, and answers where a point is.
//!
//! The map comes from configuration ([`SiteMap::new`]) or from a MAP message ([`SiteMap::from_map_message`]). It is
//! checked when it is made; afterwards nothing in it can be wrong in shape. This crate knows no traffic and no time.

mod frame;
mod geometry;
mod map;
mod message;

pub use frame::{FrameError, SiteFrame};
pub use map::{Area, AreaKind, Lane, LaneKind, LanePlace, MapError, SiteMap};
