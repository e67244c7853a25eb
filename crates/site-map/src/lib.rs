//! The geometry of one site.
//!
//! * [`SiteFrame`] turns WGS 84 into site metres (x east, y north, from the reference point) and back; [`gcj02`] is the
//!   border to coordinates of Chinese maps.
//! * [`SiteMap`] holds lanes, their connections, crossings and junction areas in site metres. It answers where a point is
//!   ([`SiteMap::lane_at`], [`SiteMap::connections_at`]), where a road user can go from there ([`SiteMap::follow`],
//!   [`SiteMap::paths_from`]) and where ways meet ([`SiteMap::conflict_points`]).
//! * [`SiteMap::validate`] tells what is probably wrong with a map, and [`SiteMap::to_svg`] draws it.
//!
//! ```
//! use rsu_units::Vector2;
//! use site_map::{Connection, Lane, LaneKind, SiteFrame, SiteMap, Turn};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let line = |points: [(f64, f64); 2]| points.map(|(x, y)| Vector2::new(x, y)).to_vec();
//! let lanes = vec![
//!     Lane::new("in", LaneKind::Vehicle, 3.5, line([(-100.0, 0.0), (0.0, 0.0)]))
//!         .with_stop_line()
//!         .with_connection(Connection::new("out", Turn::Left)),
//!     Lane::new("out", LaneKind::Vehicle, 3.5, line([(20.0, 20.0), (20.0, 120.0)])),
//! ];
//! let map = SiteMap::new(SiteFrame::new(22.6913, 114.3471)?, lanes, vec![])?;
//! let place = map.lane_at(Vector2::new(-40.0, 0.5)).ok_or("beside the road")?;
//! assert_eq!(map.distance_to_stop_line_m(&place), Some(40.0));
//! // Round the bend and 20 m on.
//! let (point, _) = map.follow(Vector2::new(-40.0, 0.5), 0.0, 40.0 + 31.4 + 20.0).ok_or("lost")?;
//! assert_eq!(map.lane_at(point).map(|place| place.lane.id.as_str()), Some("out"));
//! # Ok(())
//! # }
//! ```
//!
//! The map comes from configuration ([`SiteMap::new`]) or from a MAP message ([`SiteMap::from_map_message`]). It is
//! checked when it is made; afterwards nothing in it can be wrong in shape. This crate knows no traffic and no time.

mod conflict;
mod curve;
mod frame;
pub mod gcj02;
mod geometry;
mod index;
mod junction;
mod lane;
mod map;
mod message;
mod message_ex;
mod path;
mod query;
mod svg;
mod validate;

pub use conflict::{ConflictKind, ConflictPoint, MAX_CONFLICT_POINTS, WayRef};
pub use frame::{FrameError, SiteFrame};
pub use lane::{Area, AreaKind, Connection, Lane, LaneKind, Turn};
pub use map::{
    MAX_AREAS, MAX_CONNECTIONS, MAX_COORDINATE_M, MAX_LANES, MAX_LINE_POINTS, MAX_POINTS, MapError, SiteMap, WIDTH_M,
};
pub use path::{MAX_PATHS, Path, PathWay};
pub use query::{ConnectionPlace, LanePlace};
pub use validate::{Finding, FindingKind, MAX_FINDINGS, Severity};
