//! BSM.

use super::{ConvertError, asn, v1};
use crate::convert::fields::twin;
use crate::convert::scalar::enumerator_from;
use crate::uper::Enumerator as _;

twin! { BasicSafetyMessage => BasicSafetyMessage [sent_unavailable] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    id => id [array],
    sec_mark => sec_mark_ms [known_count],
    time_confidence => time_accuracy_s [grade? 4],
    pos => position [part],
    pos_accuracy => position_accuracy [part?],
    pos_confidence => position_confidence [part?],
    transmission => transmission [with transmission, transmission_from],
    speed => speed_mps [known],
    heading => heading_deg [known],
    angle => steering_wheel_angle_deg [known? 11],
    motion_cfd => motion_confidence [part?],
    accel_set => acceleration [part],
    brakes => brakes [part],
    size => size [part],
    vehicle_class => vehicle_class [part],
    safety_ext => safety [part?],
    emergency_ext => emergency [part?],
} }

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the field macro borrows")]
fn transmission(state: &asn::TransmissionState) -> Option<i32> {
    (*state != asn::TransmissionState::unavailable).then(|| state.number())
}

fn transmission_from(state: &Option<i32>, field: &str) -> Result<asn::TransmissionState, ConvertError> {
    state.map_or(Ok(asn::TransmissionState::unavailable), |state| enumerator_from(state, field))
}

twin! { BrakeSystemStatus => BrakeSystemStatus [] [] {
    brake_padel => pedal [enumerator?],
    wheel_brakes => wheel_brakes [flags? 5],
    traction => traction_control [enumerator?],
    abs => anti_lock [enumerator?],
    scs => stability_control [enumerator?],
    brake_boost => brake_boost [enumerator?],
    aux_brakes => auxiliary [enumerator?],
} }

twin! { VehicleSafetyExtensions => VehicleSafetyExtensions [] [unknown_extensions] {
    events => events [growing? 13],
    path_history => path_history [part?],
    path_prediction => path_prediction [part?],
    lights => lights [growing? 9],
} }

twin! { PathHistory => PathHistory [] [unknown_extensions] {
    initial_position => initial_position [part?],
    curr_gnssstatus => gnss_status [flags? 8],
    crumb_data => points [list 1..=23],
} }

twin! { PathHistoryPoint => PathHistoryPoint [sent_unavailable] [unknown_extensions] {
    llv_offset => position [part],
    time_offset => time_offset_s [si],
    speed => speed_mps [known? 3],
    pos_accuracy => position_confidence [part?],
    heading => heading_deg [known? 5],
} }

twin! { PathPrediction => PathPrediction [] [unknown_extensions] {
    radius_of_curve => radius_m [known],
    confidence => confidence_percent [si],
} }

twin! { VehicleEmergencyExtensions => VehicleEmergencyExtensions [] [unknown_extensions] {
    response_type => response_type [enumerator?],
    siren_use => siren [enumerator?],
    lights_use => lightbar [enumerator?],
} }
