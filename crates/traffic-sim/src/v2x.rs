//! The messages of connected vehicles.

use rsu_proto::v1;
use rsu_units::{Timestamp, Vector2, angle};
use v2x_codec::dsmp::{self, Aid};
use v2x_codec::{Message, Profile};

use crate::agents::{AgentClass, AgentState};
use crate::layout::to_wgs84;

/// Identity of a vehicle in its messages.
pub(crate) fn vehicle_id(agent: u64) -> [u8; 8] {
    let mut id = *b"SZPS0000";
    for (digit, place) in id.iter_mut().rev().take(4).zip(0..) {
        *digit = b'0' + (agent / 10_u64.pow(place) % 10) as u8;
    }
    id
}

/// The basic safety message of a vehicle, its GNSS being off by `gnss_error_m`, as a DSMP frame.
pub(crate) fn bsm_datagram(agent: &AgentState, gnss_error_m: Vector2, msg_cnt: u32, at: Timestamp) -> Option<Vec<u8>> {
    let content = v1::v2x_message::Content::Bsm(bsm(agent, gnss_error_m, msg_cnt, at));
    let octets = Message::from_content(Profile::Y2020, &content, None).ok()?.to_uper().ok()?;
    dsmp::encode(Aid::BSM, &octets).ok()
}

fn bsm(agent: &AgentState, gnss_error_m: Vector2, msg_cnt: u32, at: Timestamp) -> v1::BasicSafetyMessage {
    let (latitude_deg, longitude_deg) = to_wgs84(agent.position_m + gnss_error_m);
    let (length_m, width_m, height_m) = agent.class.size_m();
    let on = |on: bool| Some(if on { v1::BrakeState::On } else { v1::BrakeState::Off }.into());
    v1::BasicSafetyMessage {
        msg_cnt: msg_cnt % 128,
        id: vehicle_id(agent.id).to_vec().into(),
        sec_mark_ms: Some(u32::from(at.dsecond_ms())),
        time_accuracy_s: Some(0.001),
        position: Some(v1::GeoPosition {
            latitude_deg: Some(latitude_deg),
            longitude_deg: Some(longitude_deg),
            elevation_m: Some(46.0),
            ..v1::GeoPosition::default()
        }),
        position_accuracy: Some(v1::PositionalAccuracy {
            semi_major_m: Some(0.8),
            semi_minor_m: Some(0.8),
            orientation_deg: Some(0.0),
        }),
        transmission: Some(v1::TransmissionState::ForwardGears.into()),
        speed_mps: Some(agent.speed_mps),
        heading_deg: Some(heading_on_wire(agent.heading_rad)),
        acceleration: Some(v1::Acceleration {
            longitudinal_mps2: Some(agent.acceleration_mps2.clamp(-20.0, 20.0)),
            lateral_mps2: Some(0.0),
            vertical_mps2: Some(0.0),
            yaw_rate_degps: 0.0,
        }),
        brakes: Some(v1::BrakeSystemStatus {
            pedal: on(agent.acceleration_mps2 < -0.5),
            ..v1::BrakeSystemStatus::default()
        }),
        size: Some(v1::VehicleSize { width_m, length_m, height_m: Some(height_m) }),
        vehicle_class: Some(v1::VehicleClass {
            classification: match agent.class {
                AgentClass::Truck => 25,
                AgentClass::Bus => 50,
                AgentClass::Motorcycle => 40,
                _ => 10,
            },
            fuel_type: Some(4),
            ..v1::VehicleClass::default()
        }),
        ..v1::BasicSafetyMessage::default()
    }
}

/// The heading that the wire can carry: what would round up to 360 is 0.
fn heading_on_wire(heading_rad: f64) -> f64 {
    let heading_deg = angle::heading_deg_from_rad(heading_rad);
    if heading_deg > 359.99 { 0.0 } else { heading_deg }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_count_in_decimal() {
        assert_eq!(&vehicle_id(1234), b"SZPS1234");
        assert_eq!(&vehicle_id(7), b"SZPS0007");
    }
}
