//! GCJ-02 (火星坐标): the shifted coordinates of Chinese maps.
//!
//! Map services in mainland China give places in GCJ-02, some hundred metres from WGS 84. Everything inside rsud and on
//! the air is WGS 84, so coordinates are converted once, at the border: where a site's map is read from a file that says
//! `datum = "gcj02"`. The shift is not published officially; these are the formulas that all open implementations share
//! (for instance googollee/eviltransform and wandergis/coordtransform). Like them, this module knows mainland China as a
//! box: what lies outside stays as it is.

use std::f64::consts::PI;

use rsu_proto::v1;
use rsu_proto::v1::position_offset::Horizontal;

/// The ellipsoid of the shift: Krasovsky 1940.
const SEMI_MAJOR_M: f64 = 6_378_245.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;

/// The inverse stops when it changes by less, degrees: a tenth of a micrometre.
const PRECISION_DEG: f64 = 1e-12;

/// GCJ-02 of a WGS 84 position: degrees north and east.
#[must_use]
pub fn gcj02_from_wgs84(latitude_deg: f64, longitude_deg: f64) -> (f64, f64) {
    if !in_china(latitude_deg, longitude_deg) {
        return (latitude_deg, longitude_deg);
    }
    let (north_deg, east_deg) = shift_deg(latitude_deg, longitude_deg);
    (latitude_deg + north_deg, longitude_deg + east_deg)
}

/// WGS 84 of a GCJ-02 position: degrees north and east. The inverse of [`gcj02_from_wgs84`], to below 1e-9 degrees (a
/// tenth of a millimetre).
#[must_use]
pub fn wgs84_from_gcj02(latitude_deg: f64, longitude_deg: f64) -> (f64, f64) {
    if !(latitude_deg.abs() <= 90.0 && longitude_deg.abs() <= 180.0) {
        return (latitude_deg, longitude_deg);
    }
    let (mut latitude, mut longitude) = (latitude_deg, longitude_deg);
    // The shift changes by less than a hundredth from place to place, so each round brings two more digits.
    for _ in 0..20 {
        let (north_deg, east_deg) = shift_deg(latitude, longitude);
        let better = (latitude_deg - north_deg, longitude_deg - east_deg);
        let change = (better.0 - latitude).abs().max((better.1 - longitude).abs());
        (latitude, longitude) = better;
        if change < PRECISION_DEG {
            break;
        }
    }
    if in_china(latitude, longitude) { (latitude, longitude) } else { (latitude_deg, longitude_deg) }
}

/// Turns a MAP message whose positions are GCJ-02 into one in WGS 84: references, points, areas. Points that are given
/// along and across a line need no change.
pub fn map_message_to_wgs84(message: &mut v1::MapData) {
    for node in &mut message.nodes {
        let Some(reference) = node.reference.as_mut() else { continue };
        let (Some(latitude_deg), Some(longitude_deg)) = (reference.latitude_deg, reference.longitude_deg) else {
            continue;
        };
        let from = (latitude_deg, longitude_deg);
        let to = wgs84_from_gcj02(latitude_deg, longitude_deg);
        (reference.latitude_deg, reference.longitude_deg) = (Some(to.0), Some(to.1));
        for_each_point(node, |point| convert_point(point, from, to));
    }
}

fn convert_point(point: &mut v1::PositionOffset, from: (f64, f64), to: (f64, f64)) {
    match point.horizontal.as_mut() {
        Some(Horizontal::Offset(offset)) => {
            let (latitude_deg, longitude_deg) =
                wgs84_from_gcj02(from.0 + offset.latitude_deg, from.1 + offset.longitude_deg);
            (offset.latitude_deg, offset.longitude_deg) = (latitude_deg - to.0, longitude_deg - to.1);
            // The narrowest that holds it: it may have grown by a bit.
            offset.width_bits = 0;
        }
        Some(Horizontal::Absolute(v1::LatLon {
            latitude_deg: Some(latitude_deg),
            longitude_deg: Some(longitude_deg),
        })) => {
            (*latitude_deg, *longitude_deg) = wgs84_from_gcj02(*latitude_deg, *longitude_deg);
        }
        _ => {}
    }
}

fn for_each_point(node: &mut v1::Node, mut convert: impl FnMut(&mut v1::PositionOffset)) {
    for link in &mut node.in_links {
        link.points.iter_mut().for_each(&mut convert);
        link.lanes.iter_mut().flat_map(|lane| &mut lane.points).for_each(&mut convert);
    }
    for link in &mut node.in_links_ex {
        link.reference_line.iter_mut().for_each(&mut convert);
        let lanes = link.sections.iter_mut().flat_map(|section| &mut section.lanes);
        for connection in lanes.flat_map(|lane| &mut lane.connects_to) {
            if let Some(waiting) = connection.signal_waiting_lane.as_mut() {
                waiting.points.iter_mut().for_each(&mut convert);
            }
            connection.connecting_lanes.iter_mut().flat_map(|lane| &mut lane.points).for_each(&mut convert);
        }
    }
    if let Some(zone) = node.prohibited_zone.as_mut() {
        let areas = zone.central_circle.iter_mut();
        let areas = areas.chain(&mut zone.non_motor_vehicle_zones).chain(&mut zone.grid_line_marking_zones);
        areas.flat_map(|area| &mut area.points).for_each(&mut convert);
    }
}

fn in_china(latitude_deg: f64, longitude_deg: f64) -> bool {
    (0.8293..=55.8271).contains(&latitude_deg) && (72.004..=137.8347).contains(&longitude_deg)
}

/// How far GCJ-02 lies north and east, degrees.
fn shift_deg(latitude_deg: f64, longitude_deg: f64) -> (f64, f64) {
    let (x, y) = (longitude_deg - 105.0, latitude_deg - 35.0);
    let wave = |amplitude: f64, angle: f64| amplitude * (angle * PI).sin();
    let common = wave(20.0, 6.0 * x) + wave(20.0, 2.0 * x);
    let north_waves = wave(20.0, y) + wave(40.0, y / 3.0) + wave(160.0, y / 12.0) + wave(320.0, y / 30.0);
    let east_waves = wave(20.0, x) + wave(40.0, x / 3.0) + wave(150.0, x / 12.0) + wave(300.0, x / 30.0);
    let root = x.abs().sqrt();
    let north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + (common + north_waves) / 1.5;
    let east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + (common + east_waves) / 1.5;
    let (sin_lat, cos_lat) = latitude_deg.to_radians().sin_cos();
    let squash = 1.0 - ECCENTRICITY_SQUARED * sin_lat * sin_lat;
    let meridian_m = SEMI_MAJOR_M * (1.0 - ECCENTRICITY_SQUARED) / squash.powf(1.5);
    let parallel_m = SEMI_MAJOR_M / squash.sqrt() * cos_lat;
    ((north_m / meridian_m).to_degrees(), (east_m / parallel_m).to_degrees())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// WGS 84 and GCJ-02 of places, as published. The first three: test data of googollee/eviltransform (Shanghai,
    /// Shenzhen, Beijing); the last: the expected output in the tests of wandergis/coordtransform (Beijing, Tian'anmen).
    const PUBLISHED: [[f64; 4]; 4] = [
        [31.177_427_6, 121.527_210_6, 31.175_303_983_645_97, 121.531_541_859_215],
        [22.543_847, 113.912_316, 22.540_796_131_694_766, 113.917_176_480_836_3],
        [39.911_954, 116.377_817, 39.913_345_455_360_69, 116.384_047_224_556_57],
        [39.915, 116.404, 39.916_404_281_501_64, 116.410_244_499_169_38],
    ];

    #[test]
    fn published_places_agree() {
        for [latitude, longitude, gcj_latitude, gcj_longitude] in PUBLISHED {
            let (north, east) = gcj02_from_wgs84(latitude, longitude);
            assert!((north - gcj_latitude).abs() < 1e-12 && (east - gcj_longitude).abs() < 1e-12, "{north} {east}");
            let (north, east) = wgs84_from_gcj02(gcj_latitude, gcj_longitude);
            assert!((north - latitude).abs() < 1e-9 && (east - longitude).abs() < 1e-9, "{north} {east}");
        }
    }

    #[test]
    fn elsewhere_nothing_changes() {
        for place in [(51.4779, -0.0015), (35.68, 139.76), (-33.86, 151.2), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            let same =
                |other: (f64, f64)| other.0.to_bits() == place.0.to_bits() && other.1.to_bits() == place.1.to_bits();
            assert!(same(gcj02_from_wgs84(place.0, place.1)) && same(wgs84_from_gcj02(place.0, place.1)), "{place:?}");
        }
    }

    #[test]
    fn a_message_is_converted_as_a_whole() {
        let (latitude, longitude) = (22.6913, 114.3471);
        let gcj = gcj02_from_wgs84(latitude, longitude);
        let point = (latitude + 0.001, longitude - 0.0005);
        let gcj_point = gcj02_from_wgs84(point.0, point.1);
        let offset =
            v1::LatLonOffset { latitude_deg: gcj_point.0 - gcj.0, longitude_deg: gcj_point.1 - gcj.1, width_bits: 18 };
        let at = |horizontal| v1::PositionOffset { horizontal: Some(horizontal), ..v1::PositionOffset::default() };
        let absolute = v1::LatLon { latitude_deg: Some(gcj_point.0), longitude_deg: Some(gcj_point.1) };
        let link = v1::Link {
            points: vec![at(Horizontal::Offset(offset)), at(Horizontal::Absolute(absolute))],
            ..v1::Link::default()
        };
        let reference =
            v1::GeoPosition { latitude_deg: Some(gcj.0), longitude_deg: Some(gcj.1), ..v1::GeoPosition::default() };
        let node = v1::Node { reference: Some(reference), in_links: vec![link], ..v1::Node::default() };
        let mut message = v1::MapData { nodes: vec![node], ..v1::MapData::default() };
        map_message_to_wgs84(&mut message);
        let node = message.nodes.first().unwrap();
        assert!((node.reference.as_ref().unwrap().latitude_deg.unwrap() - latitude).abs() < 1e-9);
        let points = &node.in_links.first().unwrap().points;
        let (Some(Horizontal::Offset(offset)), Some(Horizontal::Absolute(absolute))) =
            (&points.first().unwrap().horizontal, &points.last().unwrap().horizontal)
        else {
            unreachable!("the kinds of points stay")
        };
        assert!((offset.latitude_deg - 0.001).abs() < 2e-9 && (offset.longitude_deg + 0.0005).abs() < 2e-9);
        assert!((absolute.longitude_deg.unwrap() - point.1).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn there_and_back(latitude in 1.0..55.0_f64, longitude in 72.5..137.5_f64) {
            let (north, east) = gcj02_from_wgs84(latitude, longitude);
            let metres = ((north - latitude) * 111_000.0).hypot((east - longitude) * 111_000.0);
            prop_assert!((10.0..2500.0).contains(&metres), "{}", metres);
            let (north, east) = wgs84_from_gcj02(north, east);
            prop_assert!((north - latitude).abs() < 1e-9 && (east - longitude).abs() < 1e-9);
        }

        #[test]
        fn no_number_stops_it(latitude in proptest::num::f64::ANY, longitude in proptest::num::f64::ANY) {
            let _ = (gcj02_from_wgs84(latitude, longitude), wgs84_from_gcj02(latitude, longitude));
        }
    }
}
