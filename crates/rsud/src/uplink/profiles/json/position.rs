//! Positions: always absolute in JSON, mostly offsets in messages.

use rsu_proto::v1::{
    self,
    position_offset::{Horizontal, Vertical},
};
use serde_json::Value;

use super::object::Object;
use super::read::{Fault, Read, list, needed, number, object, optional};
use super::units::{ELEVATION, LATITUDE, LONGITUDE, RADIUS};

/// An absolute position in the standard's integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// 1e-7 degree.
    pub(crate) lat: i64,
    /// 1e-7 degree.
    pub(crate) lon: i64,
    /// 0.1 m.
    pub(crate) ele: Option<i64>,
}

impl Point {
    /// The point of a position, if it is known.
    pub(crate) fn of(position: &v1::GeoPosition) -> Option<Self> {
        Some(Self {
            lat: LATITUDE.raw(position.latitude_deg?)?,
            lon: LONGITUDE.raw(position.longitude_deg?)?,
            ele: position.elevation_m.and_then(|elevation_m| ELEVATION.raw(elevation_m)),
        })
    }

    /// The point that an offset leads to, if it and its reference are known.
    pub(crate) fn at(offset: &v1::PositionOffset, reference: Option<&v1::GeoPosition>) -> Option<Self> {
        let reference = reference.and_then(Self::of);
        let (lat, lon) = match offset.horizontal.as_ref()? {
            Horizontal::Absolute(position) => {
                (LATITUDE.raw(position.latitude_deg?)?, LONGITUDE.raw(position.longitude_deg?)?)
            }
            // Whole steps are added, so nothing is rounded twice.
            Horizontal::Offset(offset) => {
                let from = reference?;
                (from.lat + LATITUDE.raw(offset.latitude_deg)?, from.lon + LONGITUDE.raw(offset.longitude_deg)?)
            }
        };
        let ele = match offset.vertical.as_ref() {
            None | Some(Vertical::ElevationUnavailable(_)) => None,
            Some(Vertical::ElevationM(elevation_m)) => ELEVATION.raw(*elevation_m),
            Some(Vertical::VerticalOffset(offset)) => {
                let from = reference.and_then(|reference| reference.ele);
                from.zip(offset.offset_m.and_then(|offset_m| ELEVATION.raw(offset_m))).map(|(from, by)| from + by)
            }
        };
        Some(Self { lat, lon, ele })
    }

    /// As JSON, without the elevation if it is not known.
    pub(crate) fn json(self) -> Value {
        Object::new().with("lat", self.lat).with("lon", self.lon).maybe("ele", self.ele).into()
    }

    /// As an absolute position in a message.
    pub(crate) fn absolute(self) -> v1::PositionOffset {
        let position = v1::LatLon { latitude_deg: LATITUDE.value(self.lat), longitude_deg: LONGITUDE.value(self.lon) };
        let elevation = self.ele.and_then(|ele| ELEVATION.value(ele)).map(Vertical::ElevationM);
        v1::PositionOffset {
            horizontal: Some(Horizontal::Absolute(position)),
            vertical: elevation,
            unknown_extensions: None,
        }
    }

    /// As a position by itself.
    pub(crate) fn geo(self) -> v1::GeoPosition {
        v1::GeoPosition {
            latitude_deg: LATITUDE.value(self.lat),
            longitude_deg: LONGITUDE.value(self.lon),
            elevation_m: self.ele.and_then(|ele| ELEVATION.value(ele)),
            ..v1::GeoPosition::default()
        }
    }
}

/// The reference position of a message, if it is known.
pub(crate) fn reference(position: Option<&v1::GeoPosition>) -> Option<Value> {
    position.and_then(Point::of).map(Point::json)
}

/// A position from the platform. DRIS publishes degrees and takes 1e-7 degrees; what is within 90 and 180 is taken for
/// degrees, which as 1e-7 degrees would be within 2 m of the Gulf of Guinea.
pub(crate) fn point(value: &Value) -> Read<Point> {
    let members = object(value)?;
    let (lat, lon) = (needed(members, "lat", number)?, needed(members, "lon", number)?);
    let per_degree = if lat.abs() <= 90.0 && lon.abs() <= 180.0 { 1.0 } else { 1e7 };
    let ele = optional(members, "ele", number)?.filter(|ele| *ele > -4096.0);
    let known = || Fault::new("is no position");
    Ok(Point {
        lat: LATITUDE.raw(lat / per_degree).ok_or_else(known)?,
        lon: LONGITUDE.raw(lon / per_degree).ok_or_else(known)?,
        ele: ele.and_then(|ele| ELEVATION.raw(ele / 10.0)),
    })
}

/// Points of a path that are looked at.
const MAX_POINTS: usize = 32;

/// Stretches of road.
pub(crate) fn paths(paths: &[v1::ReferencePath], reference: Option<&v1::GeoPosition>) -> Vec<Value> {
    let path = |path: &v1::ReferencePath| {
        let points = path.points.iter().filter_map(|point| Point::at(point, reference)).map(Point::json);
        Object::new()
            .with("activePath", points.collect::<Vec<_>>())
            .maybe("pathRadius", RADIUS.raw(path.radius_m))
            .into()
    };
    paths.iter().map(path).collect()
}

/// A stretch of road from the platform. The standard wants two points; one alone is a circle and is said twice.
pub(crate) fn path(value: &Value) -> Read<v1::ReferencePath> {
    let members = object(value)?;
    let mut points = needed(members, "activePath", |value| list(value, MAX_POINTS, point))?;
    if let [only] = points.as_slice() {
        points.push(*only);
    }
    let radius_m = optional(members, "pathRadius", number)?.unwrap_or(0.0) / 10.0;
    Ok(v1::ReferencePath { points: points.into_iter().map(Point::absolute).collect(), radius_m })
}
