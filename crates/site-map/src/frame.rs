//! WGS 84 and the site frame.
//!
//! The site frame is the east-north-up frame that touches the ellipsoid at the reference point. The conversion goes
//! through earth-centred coordinates and is exact; the way back takes the point to lie on the ground of the site, which
//! costs less than a millimetre within two kilometres.

use rsu_units::Vector2;
use thiserror::Error;

const SEMI_MAJOR_M: f64 = 6_378_137.0;
const FLATTENING: f64 = 1.0 / 298.257_223_563;
const ECCENTRICITY_SQUARED: f64 = FLATTENING * (2.0 - FLATTENING);

/// Why a reference point cannot be one.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("{latitude_deg}, {longitude_deg} is no place for a site: latitude must be -89 to 89, longitude -180 to 180")]
pub struct FrameError {
    /// Degrees north.
    pub latitude_deg: f64,
    /// Degrees east.
    pub longitude_deg: f64,
}

/// The site frame: metres, x east, y north, from a reference point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SiteFrame {
    latitude_deg: f64,
    longitude_deg: f64,
    sin_lat: f64,
    cos_lat: f64,
    sin_lon: f64,
    cos_lon: f64,
    origin_ecef_m: [f64; 3],
}

impl SiteFrame {
    /// The frame around a reference point.
    ///
    /// # Errors
    /// [`FrameError`] when the point is not on the globe, or so near a pole that east means nothing.
    pub fn new(latitude_deg: f64, longitude_deg: f64) -> Result<Self, FrameError> {
        if !(latitude_deg.abs() <= 89.0 && longitude_deg.abs() <= 180.0) {
            return Err(FrameError { latitude_deg, longitude_deg });
        }
        let (sin_lat, cos_lat) = latitude_deg.to_radians().sin_cos();
        let (sin_lon, cos_lon) = longitude_deg.to_radians().sin_cos();
        let origin_ecef_m = ecef(sin_lat, cos_lat, sin_lon, cos_lon);
        Ok(Self { latitude_deg, longitude_deg, sin_lat, cos_lat, sin_lon, cos_lon, origin_ecef_m })
    }

    /// Latitude and longitude of the reference point, degrees.
    #[must_use]
    pub fn reference_deg(&self) -> (f64, f64) {
        (self.latitude_deg, self.longitude_deg)
    }

    /// Site metres of a WGS 84 position on the ground.
    #[must_use]
    pub fn to_site(&self, latitude_deg: f64, longitude_deg: f64) -> Vector2 {
        let (sin_lat, cos_lat) = latitude_deg.to_radians().sin_cos();
        let (sin_lon, cos_lon) = longitude_deg.to_radians().sin_cos();
        let [x, y, z] = ecef(sin_lat, cos_lat, sin_lon, cos_lon);
        let [ox, oy, oz] = self.origin_ecef_m;
        let (dx, dy, dz) = (x - ox, y - oy, z - oz);
        Vector2::new(
            -self.sin_lon * dx + self.cos_lon * dy,
            -self.sin_lat * self.cos_lon * dx - self.sin_lat * self.sin_lon * dy + self.cos_lat * dz,
        )
    }

    /// Latitude and longitude, degrees, of a point in site metres.
    #[must_use]
    pub fn to_wgs84(&self, point_m: Vector2) -> (f64, f64) {
        let mut up = 0.0;
        let mut result = (self.latitude_deg, self.longitude_deg);
        // Twice is enough: the first pass tells how far the ground falls away from the tangent plane.
        for _ in 0..2 {
            let (east, north) = (point_m.x, point_m.y);
            let [ox, oy, oz] = self.origin_ecef_m;
            let x = ox - self.sin_lon * east - self.sin_lat * self.cos_lon * north + self.cos_lat * self.cos_lon * up;
            let y = oy + self.cos_lon * east - self.sin_lat * self.sin_lon * north + self.cos_lat * self.sin_lon * up;
            let z = oz + self.cos_lat * north + self.sin_lat * up;
            let height_m;
            (result, height_m) = geodetic(x, y, z);
            up -= height_m;
        }
        result
    }
}

fn ecef(sin_lat: f64, cos_lat: f64, sin_lon: f64, cos_lon: f64) -> [f64; 3] {
    let normal = SEMI_MAJOR_M / (1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat).sqrt();
    [normal * cos_lat * cos_lon, normal * cos_lat * sin_lon, normal * (1.0 - ECCENTRICITY_SQUARED) * sin_lat]
}

/// Bowring's method (1976): exact to far below a millimetre near the ground.
fn geodetic(x: f64, y: f64, z: f64) -> ((f64, f64), f64) {
    let semi_minor_m = SEMI_MAJOR_M * (1.0 - FLATTENING);
    let axis_distance = x.hypot(y);
    let parametric = (z * SEMI_MAJOR_M).atan2(axis_distance * semi_minor_m);
    let (sin_p, cos_p) = parametric.sin_cos();
    let second_eccentricity_squared = ECCENTRICITY_SQUARED / (1.0 - ECCENTRICITY_SQUARED);
    let lat = (z + second_eccentricity_squared * semi_minor_m * sin_p.powi(3))
        .atan2(axis_distance - ECCENTRICITY_SQUARED * SEMI_MAJOR_M * cos_p.powi(3));
    let (sin_lat, cos_lat) = lat.sin_cos();
    let normal = SEMI_MAJOR_M / (1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat).sqrt();
    let height_m = axis_distance * cos_lat + z * sin_lat - SEMI_MAJOR_M * SEMI_MAJOR_M / normal;
    ((lat.to_degrees(), y.atan2(x).to_degrees()), height_m)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use geographiclib_rs::{Geodesic, InverseGeodesic};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pole_is_refused() {
        assert!(SiteFrame::new(90.0, 0.0).is_err());
        assert!(SiteFrame::new(f64::NAN, 0.0).is_err());
        assert!(SiteFrame::new(22.69, 181.0).is_err());
    }

    proptest! {
        #[test]
        fn there_and_back(
            lat in -80.0..80.0_f64, lon in -179.0..179.0_f64, x in -2000.0..2000.0_f64, y in -2000.0..2000.0_f64,
        ) {
            let frame = SiteFrame::new(lat, lon).unwrap();
            let point = Vector2::new(x, y);
            let (plat, plon) = frame.to_wgs84(point);
            prop_assert!((frame.to_site(plat, plon) - point).norm() < 1e-3);
        }

        #[test]
        fn distances_agree_with_geodesics(
            lat in -70.0..70.0_f64, lon in -179.0..179.0_f64, x in -1000.0..1000.0_f64, y in -1000.0..1000.0_f64,
        ) {
            let frame = SiteFrame::new(lat, lon).unwrap();
            let point = Vector2::new(x, y);
            let (plat, plon) = frame.to_wgs84(point);
            let (distance_m, azimuth_deg, _, _): (f64, f64, f64, f64) = Geodesic::wgs84().inverse(lat, lon, plat, plon);
            prop_assert!((distance_m - point.norm()).abs() < 1e-3, "{} {}", distance_m, point.norm());
            if point.norm() > 10.0 {
                let ours = rsu_units::angle::heading_deg_from_rad(point.angle_rad());
                prop_assert!(((ours - azimuth_deg + 540.0).rem_euclid(360.0) - 180.0).abs() < 0.01);
            }
        }
    }
}
