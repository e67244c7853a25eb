//! What a vehicle says of itself (BSM), as both platforms take it.

use rsu_proto::v1;
use rsu_units::Timestamp;
use serde_json::{Value, json};

use super::object::Object;
use super::position::Point;
use super::text::identity;
use super::time;
use super::units::{
    ACCELERATION, DISTANCES, HEADING, HEADINGS, HEIGHT, LENGTH, ORIENTATION, SEMI_AXIS, SPEED, SPEEDS, STEERING,
    STEERINGS, TIMES, VERTICAL_ACCELERATION, WIDTH, YAW_RATE, step,
};

/// One vehicle. `heard_at` is when the RSU heard it, near which its time is. Path history and prediction, lights and
/// emergency have no member there; a number plate is in no BSM.
pub(crate) fn vehicle(bsm: &v1::BasicSafetyMessage, heard_at: Timestamp) -> Value {
    let accuracy = bsm.time_accuracy_s.map(|accuracy_s| step(TIMES, Some(accuracy_s)));
    Object::new()
        .with("vehicleId", identity(&bsm.id))
        .with("timeStamp", time::ms(time::absolute(None, bsm.sec_mark_ms, heard_at)))
        .maybe("timeConfidence", accuracy)
        .maybe("pos", bsm.position.as_ref().and_then(Point::of).map(Point::json))
        .maybe("posAccuracy", bsm.position_accuracy.as_ref().map(ellipse))
        .maybe("posConfidence", bsm.position_confidence.as_ref().map(confidence))
        // 7 is not known.
        .with("transmission", bsm.transmission.unwrap_or(7))
        .maybe("speed", bsm.speed_mps.and_then(|speed_mps| SPEED.raw(speed_mps)))
        .maybe("heading", bsm.heading_deg.and_then(|heading_deg| HEADING.raw(heading_deg)))
        .maybe("angle", bsm.steering_wheel_angle_deg.and_then(|angle_deg| STEERING.raw(angle_deg)))
        .maybe("motionConfidence", bsm.motion_confidence.as_ref().map(motion))
        .maybe("accelSet", bsm.acceleration.as_ref().map(acceleration))
        .maybe("brakes", bsm.brakes.as_ref().map(brakes))
        .maybe("vehicleClass", bsm.vehicle_class.as_ref().map(class))
        .maybe("size", bsm.size.as_ref().map(size))
        .into()
}

fn ellipse(ellipse: &v1::PositionalAccuracy) -> Value {
    json!({
        "semiMajor": SEMI_AXIS.raw_or(ellipse.semi_major_m, 255),
        "semiMinor": SEMI_AXIS.raw_or(ellipse.semi_minor_m, 255),
        "orientation": ORIENTATION.raw_or(ellipse.orientation_deg, 65535),
    })
}

fn confidence(confidence: &v1::PositionConfidence) -> Value {
    json!({
        "positionConfidence": step(DISTANCES, confidence.horizontal_m),
        "eleConfidence": step(DISTANCES, confidence.elevation_m),
    })
}

fn motion(confidence: &v1::MotionConfidence) -> Value {
    json!({
        "speedConfidence": step(SPEEDS, confidence.speed_mps),
        "headingConfidence": step(HEADINGS, confidence.heading_deg),
        "steerConfidence": step(STEERINGS, confidence.steering_deg),
    })
}

fn acceleration(acceleration: &v1::Acceleration) -> Value {
    json!({
        "longAccel": ACCELERATION.raw_or(acceleration.longitudinal_mps2, 2001),
        "latAccel": ACCELERATION.raw_or(acceleration.lateral_mps2, 2001),
        "vertAccel": VERTICAL_ACCELERATION.raw_or(acceleration.vertical_mps2, -127),
        "yawRate": YAW_RATE.raw_or(Some(acceleration.yaw_rate_degps), 0),
    })
}

fn brakes(brakes: &v1::BrakeSystemStatus) -> Value {
    let wheels = brakes.wheel_brakes.map(|wheels| {
        let is_set = |bit: u32| wheels >> bit & 1 == 1;
        json!({
            "setStatus": is_set(0),
            "leftFront": is_set(1),
            "leftRear": is_set(2),
            "rightFront": is_set(3),
            "rightRear": is_set(4),
        })
    });
    Object::new()
        .maybe("brakePadelStatus", brakes.pedal)
        .maybe("wheelBrakesStatus", wheels)
        .maybe("tractionStatus", brakes.traction_control)
        .maybe("absStatus", brakes.anti_lock)
        .maybe("scsStatus", brakes.stability_control)
        .maybe("brakeBoostStatus", brakes.brake_boost)
        .maybe("auxBrakesStatus", brakes.auxiliary)
        .into()
}

fn class(class: &v1::VehicleClass) -> Value {
    Object::new().with("basicVehicleClass", class.classification).maybe("fuelType", class.fuel_type).into()
}

fn size(size: &v1::VehicleSize) -> Value {
    Object::new()
        .maybe("width", WIDTH.raw(size.width_m))
        .maybe("length", LENGTH.raw(size.length_m))
        .maybe("height", size.height_m.and_then(|height_m| HEIGHT.raw(height_m)))
        .into()
}
