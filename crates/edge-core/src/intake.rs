//! The border: protobuf messages become typed inputs in the site frame, or a typed refusal.

use fusion::{
    Class, Covariance2, Detection, Heading, Radial, SensorFrame, SensorId, SensorKind, Speed, V2xId, Velocity,
};
use rsu_proto::v1;
use rsu_units::{Timestamp, Vector2, angle};
use site_map::SiteFrame;
use thiserror::Error;

use crate::SensorSetup;

/// A frame with more detections than this is refused: no sensor sees so many.
pub const MAX_DETECTIONS: usize = 256;
/// No sensor sees farther than this, metres.
const MAX_DISTANCE_M: f64 = 2000.0;
/// Nothing on the road is faster, metres per second.
const MAX_SPEED_MPS: f64 = 120.0;

/// Why a detection frame is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IntakeError {
    /// The configuration names no such sensor.
    #[error("sensor {0:?} is not in the configuration")]
    UnknownSensor(String),
    /// More than [`MAX_DETECTIONS`].
    #[error("{0} detections in one frame")]
    TooMany(usize),
}

/// A frame that passed the border.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The frame.
    pub frame: SensorFrame,
    /// Detections that were left out: no position, or values that cannot be.
    pub left_out: usize,
}

/// Turns a sensor's frame into the site frame. `sensors` is the configuration; the index of a sensor there is its
/// [`SensorId`].
///
/// # Errors
/// [`IntakeError`] when the frame as a whole cannot be used. Single detections that cannot be used are left out and
/// counted in [`Taken::left_out`].
pub fn detections(
    sensors: &[SensorSetup],
    site: &SiteFrame,
    frame: &v1::DetectionFrame,
    arrived_at: Timestamp,
) -> Result<Taken, IntakeError> {
    let unknown = || IntakeError::UnknownSensor(frame.sensor_id.chars().take(64).collect());
    let index = sensors.iter().position(|setup| setup.id == frame.sensor_id).ok_or_else(unknown)?;
    let (Some(setup), Some(sensor)) = (sensors.get(index), SensorId::new(index)) else { return Err(unknown()) };
    if frame.detections.len() > MAX_DETECTIONS {
        return Err(IntakeError::TooMany(frame.detections.len()));
    }
    let measured_at = if frame.measured_at_us <= 0 || setup.ignore_sensor_clock {
        arrived_at - setup.latency
    } else {
        Timestamp::from_micros(frame.measured_at_us)
    };
    let detections: Vec<Detection> =
        frame.detections.iter().filter_map(|detection| one(setup, site, detection)).collect();
    let left_out = frame.detections.len() - detections.len();
    Ok(Taken { frame: SensorFrame { sensor, measured_at, detections }, left_out })
}

fn one(setup: &SensorSetup, site: &SiteFrame, detection: &v1::Detection) -> Option<Detection> {
    let model = &setup.model;
    let position_m = match detection.position.as_ref()? {
        v1::detection::Position::SensorPosition(p) => {
            model.position_m + Vector2::new(p.x_m, p.y_m).rotated(model.direction_rad)
        }
        v1::detection::Position::Wgs84Position(p) => site.to_site(p.latitude_deg, p.longitude_deg),
    };
    let line_of_sight = position_m - model.position_m;
    let range_m = line_of_sight.norm();
    // Also refuses what is no number.
    if !position_m.is_finite() || range_m > MAX_DISTANCE_M {
        return None;
    }
    let along_sd = positive(detection.range_sd_m).unwrap_or(setup.range_sd_m);
    let across_sd = positive(detection.cross_range_sd_m).unwrap_or(setup.azimuth_sd_rad * range_m);
    let covariance_m2 = Covariance2::along_and_across(
        line_of_sight.angle_rad(),
        along_sd.clamp(0.02, 100.0),
        across_sd.clamp(0.02, 100.0),
    );
    let velocity = detection.velocity_x_mps.zip(detection.velocity_y_mps).and_then(|(x, y)| {
        let mps = Vector2::new(x, y);
        let sd_mps = positive(detection.velocity_sd_mps).unwrap_or(setup.velocity_sd_mps).clamp(0.05, 50.0);
        let mps = mps.rotated(model.direction_rad);
        (mps.norm() < MAX_SPEED_MPS).then_some(Velocity { mps, along_sd_mps: sd_mps, across_sd_mps: sd_mps })
    });
    let heading = detection.heading_rad.filter(|heading| heading.abs() < 100.0).map(|heading| Heading {
        rad: angle::wrap_rad(heading + model.direction_rad),
        sd_rad: model.kind.usual_noise().heading_sd_rad,
    });
    let radial = detection.radial_speed_mps.filter(|speed| speed.abs() < MAX_SPEED_MPS);
    let extent_m = positive(detection.length_m).zip(positive(detection.width_m));
    Some(Detection {
        velocity,
        radial: radial.map(|speed_mps| Radial { speed_mps, sd_mps: setup.radial_speed_sd_mps }),
        heading,
        extent_m: extent_m.filter(|(length_m, width_m)| *length_m < 40.0 && *width_m < 10.0),
        class: setup.classes.get(&detection.class_label).copied(),
        confidence: detection.confidence.filter(|c| (0.0..=1.0).contains(c)).unwrap_or(0.7),
        object_id: (detection.object_id != 0).then_some(detection.object_id),
        ..Detection::new(position_m, covariance_m2)
    })
}

fn positive(value: Option<f64>) -> Option<f64> {
    value.filter(|value| *value > 0.0 && value.is_finite())
}

/// A basic safety message as a frame with one detection; `None` where it says no position.
#[must_use]
pub fn bsm(
    sensor: SensorId,
    site: &SiteFrame,
    message: &v1::BasicSafetyMessage,
    measured_at: Timestamp,
) -> Option<SensorFrame> {
    let confidence = message.position_confidence.as_ref();
    let own = OwnReport {
        id: message.id.as_ref(),
        position: message.position.as_ref()?,
        accuracy_m: message.position_accuracy.as_ref().and_then(|accuracy| positive(accuracy.semi_major_m)),
        bound_m: confidence.and_then(|confidence| positive(confidence.horizontal_m)),
        speed_mps: message.speed_mps,
        heading_deg: message.heading_deg,
    };
    let size = message
        .size
        .as_ref()
        .filter(|size| size.length_m > 0.0 && size.width_m > 0.0 && size.length_m < 30.0 && size.width_m < 4.0);
    let detection = Detection {
        extent_m: size.map(|size| (size.length_m, size.width_m)),
        class: message.vehicle_class.as_ref().and_then(|class| vehicle_class(class.classification)),
        ..own.detection(site)?
    };
    Some(SensorFrame { sensor, measured_at, detections: vec![detection] })
}

/// A personal safety message as a frame with one detection; `None` where it says no position.
#[must_use]
pub fn psm(
    sensor: SensorId,
    site: &SiteFrame,
    message: &v1::PersonalSafetyMessage,
    measured_at: Timestamp,
) -> Option<SensorFrame> {
    let own = OwnReport {
        id: message.id.as_ref(),
        position: message.position.as_ref()?,
        accuracy_m: message.position_accuracy.as_ref().and_then(|accuracy| positive(accuracy.semi_major_m)),
        bound_m: None,
        speed_mps: message.speed_mps,
        heading_deg: message.heading_deg,
    };
    let class = message.non_motor_data.as_ref().and_then(|data| match data.basic_type() {
        v1::PersonalDeviceUserType::Pedestrian | v1::PersonalDeviceUserType::RoadWorker => Some(Class::Pedestrian),
        v1::PersonalDeviceUserType::Pedalcyclist => Some(Class::Bicycle),
        v1::PersonalDeviceUserType::Unavailable | v1::PersonalDeviceUserType::Animal => None,
    });
    let detection = Detection { class, ..own.detection(site)? };
    Some(SensorFrame { sensor, measured_at, detections: vec![detection] })
}

/// What a road user says of itself, whatever the message.
struct OwnReport<'a> {
    id: &'a [u8],
    position: &'a v1::GeoPosition,
    /// One-sigma of the position.
    accuracy_m: Option<f64>,
    /// Its 95 % bound.
    bound_m: Option<f64>,
    speed_mps: Option<f64>,
    heading_deg: Option<f64>,
}

impl OwnReport<'_> {
    fn detection(&self, site: &SiteFrame) -> Option<Detection> {
        let position_m = site.to_site(self.position.latitude_deg?, self.position.longitude_deg?);
        let v2x_id = <[u8; 8]>::try_from(self.id).ok().map(V2xId)?;
        let usual = SensorKind::V2x.usual_noise();
        // A 95 % bound in the plane is 2.45 sigma. GNSS errors drift slowly, so no fix counts as better than half a metre.
        let sd_m = self.accuracy_m.or(self.bound_m.map(|bound_m| bound_m / 2.45)).unwrap_or(usual.range_sd_m);
        let sd_m = sd_m.clamp(0.5, 50.0);
        let variance = sd_m * sd_m;
        let speed_mps = self.speed_mps.filter(|speed_mps| speed_mps.abs() < MAX_SPEED_MPS);
        let heading_rad = self.heading_deg.filter(|deg| deg.is_finite()).map(angle::rad_from_heading_deg);
        let velocity = speed_mps.zip(heading_rad).map(|(speed_mps, heading_rad)| Velocity {
            mps: Vector2::from_angle(heading_rad) * speed_mps,
            along_sd_mps: usual.velocity_sd_mps,
            across_sd_mps: usual.velocity_sd_mps,
        });
        Some(Detection {
            velocity,
            speed: speed_mps.map(|mps| Speed { mps, sd_mps: usual.velocity_sd_mps }),
            heading: heading_rad.map(|rad| Heading { rad, sd_rad: usual.heading_sd_rad }),
            confidence: 0.99,
            v2x_id: Some(v2x_id),
            ..Detection::new(position_m, Covariance2 { xx: variance, xy: 0.0, yy: variance })
        })
    }
}

/// The class of a `BasicVehicleClass` (T/CSAE 53).
fn vehicle_class(classification: u32) -> Option<Class> {
    match classification {
        10..=19 | 60..=69 => Some(Class::Car),
        20..=39 => Some(Class::Truck),
        40..=49 => Some(Class::Motorcycle),
        50..=59 => Some(Class::Bus),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use std::time::Duration;

    use fusion::{SensorKind, SensorModel};

    use super::*;

    fn setup() -> SensorSetup {
        SensorSetup {
            id: "radar-1".into(),
            model: SensorModel::new(
                SensorKind::Radar,
                Vector2::new(10.0, 20.0),
                std::f64::consts::FRAC_PI_2,
                2.0,
                200.0,
            ),
            range_sd_m: 0.5,
            azimuth_sd_rad: 0.01,
            velocity_sd_mps: 1.0,
            radial_speed_sd_mps: 0.2,
            latency: Duration::from_millis(60),
            ignore_sensor_clock: false,
            classes: [("car".to_owned(), Class::Car)].into(),
        }
    }

    fn at(x_m: f64, y_m: f64) -> v1::Detection {
        let position = v1::SensorPosition { x_m, y_m, z_m: None };
        v1::Detection {
            position: Some(v1::detection::Position::SensorPosition(position)),
            class_label: "car".into(),
            ..v1::Detection::default()
        }
    }

    fn take(detections: Vec<v1::Detection>, measured_at_us: i64) -> Taken {
        let frame = v1::DetectionFrame { sensor_id: "radar-1".into(), sequence: 1, measured_at_us, detections };
        let site = SiteFrame::new(22.69, 114.35).unwrap();
        super::detections(&[setup()], &site, &frame, Timestamp::from_micros(5_000_000)).unwrap()
    }

    #[test]
    fn the_pose_turns_and_moves() {
        // The radar looks north: 30 m ahead and 5 m to its left is north-west of it.
        let taken = take(vec![at(30.0, 5.0)], 4_900_000);
        let detection = taken.frame.detections[0];
        assert!((detection.position_m - Vector2::new(5.0, 50.0)).norm() < 1e-9);
        assert_eq!(detection.class, Some(Class::Car));
        assert_eq!(taken.frame.measured_at, Timestamp::from_micros(4_900_000));
        assert!(detection.covariance_m2.is_valid());
    }

    #[test]
    fn without_a_clock_the_latency_is_taken_off() {
        assert_eq!(take(vec![], 0).frame.measured_at, Timestamp::from_micros(4_940_000));
    }

    #[test]
    fn what_cannot_be_is_left_out() {
        let taken = take(
            vec![at(f64::NAN, 0.0), at(1e9, 0.0), v1::Detection::default(), at(f64::INFINITY, 1.0), at(3.0, 0.0)],
            1,
        );
        assert_eq!((taken.left_out, taken.frame.detections.len()), (4, 1));
        let mut odd = at(3.0, 0.0);
        odd.range_sd_m = Some(-1.0);
        odd.velocity_x_mps = Some(f64::NAN);
        odd.velocity_y_mps = Some(1.0);
        odd.heading_rad = Some(f64::INFINITY);
        odd.confidence = Some(7.0);
        odd.length_m = Some(1e300);
        odd.width_m = Some(2.0);
        let detection = take(vec![odd], 1).frame.detections[0];
        assert!(detection.covariance_m2.is_valid());
        assert_eq!((detection.velocity, detection.heading, detection.extent_m), (None, None, None));
        assert!((detection.confidence - 0.7).abs() < 1e-12);
    }

    #[test]
    fn people_tell_where_they_are_too() {
        let site = SiteFrame::new(22.69, 114.35).unwrap();
        let (latitude_deg, longitude_deg) = site.to_wgs84(Vector2::new(12.0, -7.0));
        let position = v1::GeoPosition {
            latitude_deg: Some(latitude_deg),
            longitude_deg: Some(longitude_deg),
            ..v1::GeoPosition::default()
        };
        let data = v1::NonMotorData {
            basic_type: v1::PersonalDeviceUserType::Pedestrian.into(),
            ..v1::NonMotorData::default()
        };
        let mut message = v1::PersonalSafetyMessage {
            id: vec![3; 8].into(),
            position: Some(position),
            speed_mps: Some(1.5),
            heading_deg: Some(90.0),
            non_motor_data: Some(data),
            ..v1::PersonalSafetyMessage::default()
        };
        let frame = psm(SensorId::default(), &site, &message, Timestamp::default()).unwrap();
        let detection = frame.detections[0];
        assert!((detection.position_m - Vector2::new(12.0, -7.0)).norm() < 1e-3);
        assert!((detection.velocity.unwrap().mps - Vector2::new(1.5, 0.0)).norm() < 1e-9);
        assert_eq!((detection.class, detection.v2x_id), (Some(Class::Pedestrian), Some(V2xId([3; 8]))));
        message.non_motor_data.as_mut().unwrap().basic_type = v1::PersonalDeviceUserType::Pedalcyclist.into();
        let frame = psm(SensorId::default(), &site, &message, Timestamp::default()).unwrap();
        assert_eq!(frame.detections[0].class, Some(Class::Bicycle));
        message.position = None;
        assert_eq!(psm(SensorId::default(), &site, &message, Timestamp::default()), None);
    }

    #[test]
    fn strangers_are_refused() {
        let frame = v1::DetectionFrame { sensor_id: "x".repeat(1000), ..v1::DetectionFrame::default() };
        let site = SiteFrame::new(22.69, 114.35).unwrap();
        let error = detections(&[setup()], &site, &frame, Timestamp::default()).unwrap_err();
        assert_eq!(error, IntakeError::UnknownSensor("x".repeat(64)));
    }
}
