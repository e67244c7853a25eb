//! SSM.

use super::psm::{tenths_from, tenths_to};
use super::v1::detected_participant::TypeRelatedExtension;
use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::fields::twin;
use crate::convert::scalar::{alternative, alternative_from, grades, part, quantities};

quantities! {
    Pitch(i16) 1 / 80, -7200..=7200;
    Roll(i16) 1 / 80, -7200..=7200;
    Yaw(i16) 1 / 80, -14400..=14400;
    PitchRate(i16) 1 / 100, -32767..=32767;
    RollRate(i16) 1 / 100, -32767..=32767;
    SizeValue(u16) 1 / 10, 0..=1023;
    PlanningDuration(u16) 1 / 10, 0..=600;
}

grades! {
    SizeValueConfidence [100., 50., 20., 10., 5., 2., 1., 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
}

twin! { SensorSharingMsg => SensorSharingMessage [] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    id => id [array],
    equipment_type => equipment_type [enumerator],
    sec_mark => sec_mark_ms [known_count],
    sensor_pos => sensor_position [part],
    detected_region => detected_region [list? 1..=8],
    participants => participants [list? 1..=512],
    obstacles => obstacles [list? 1..=64],
    rtes => events [list? 1..=8],
} }

twin! { DetectedPTCData => DetectedParticipant [] [unknown_extensions] {
    ptc => participant [part],
    obj_size_confidence => size_confidence [part?],
    detected_ptctype => r#type [enumerator?],
    type_confidence => type_confidence_percent [si?],
    acc4_way_confidence => acceleration_confidence [part?],
    status_duration => status_duration_s [si?],
    path_history => path_history [part?],
    planning_list => plannings [list? 1..=8],
    tracking => tracking [int? 1..=65535],
    polygon => polygon [part?],
    type_related_ext => type_related_extension [with type_related_extension, type_related_extension_from],
} }

#[allow(clippy::ref_option, reason = "`twin!` passes every field by reference")]
fn type_related_extension(extension: &Option<asn::DetectedPTCDataTypeRelatedExt>) -> Option<TypeRelatedExtension> {
    use asn::DetectedPTCDataTypeRelatedExt as Standard;
    extension.as_ref().map(|extension| match extension {
        Standard::motorExt(motor) => TypeRelatedExtension::Motor(motor.to_proto()),
        Standard::non_motorExt(non_motor) => TypeRelatedExtension::NonMotor(non_motor.to_proto()),
        Standard::Unrecognized(unknown) => TypeRelatedExtension::UnknownAlternative(alternative(unknown)),
    })
}

#[allow(clippy::ref_option, reason = "`twin!` passes every field by reference")]
fn type_related_extension_from(
    extension: &Option<TypeRelatedExtension>,
    _field: &str,
) -> Result<Option<asn::DetectedPTCDataTypeRelatedExt>, ConvertError> {
    use asn::DetectedPTCDataTypeRelatedExt as Standard;
    Ok(match extension {
        None => None,
        Some(TypeRelatedExtension::Motor(motor)) => Some(Standard::motorExt(part(motor, "motor")?)),
        Some(TypeRelatedExtension::NonMotor(non_motor)) => Some(Standard::non_motorExt(part(non_motor, "non_motor")?)),
        Some(TypeRelatedExtension::UnknownAlternative(unknown)) => {
            Some(Standard::Unrecognized(alternative_from(unknown, 0, "unknown_alternative")?))
        }
    })
}

twin! { ObjectSizeConfidence => ObjectSizeConfidence [sent_unavailable] [] {
    width_conf => width_accuracy_m [grade],
    length_conf => length_accuracy_m [grade],
    height_conf => height_accuracy_m [grade? 3],
} }

twin! { Planning => Planning [] [unknown_extensions] {
    duration => duration_s [si?],
    plan_confidence => confidence_percent [si?],
    driving_behavior => driving_behavior [growing? 14],
    path_planning => path_planning [list? 1..=100],
} }

twin! { MotorDataExtension => MotorExtension [] [unknown_extensions] {
    lights => lights [growing? 9],
    veh_attitude => attitude [part?],
    veh_attitude_confidence => attitude_confidence [part?],
    veh_ang_vel => angular_velocity [part?],
    veh_ang_vel_confidence => angular_velocity_confidence [part?],
} }

twin! { Attitude => Attitude [] [] {
    pitch => pitch_deg [si],
    roll => roll_deg [si],
    yaw => yaw_deg [si],
} }

// Two of the standard's names speak of rates, but these are accuracies of angles.
twin! { AttitudeConfidence => AttitudeConfidence [] [] {
    pitch_confidence => pitch_accuracy_deg [grade],
    roll_rate_confidence => roll_accuracy_deg [grade],
    yaw_rate => yaw_accuracy_deg [grade],
} }

twin! { AngularVelocity => AngularVelocity [] [] {
    pitch_rate => pitch_rate_degps [si],
    roll_rate => roll_rate_degps [si],
    yaw_rate => yaw_rate_degps [si],
} }

twin! { AngularVelocityConfidence => AngularVelocityConfidence [] [] {
    pitch_rate => pitch_rate_accuracy_degps [grade],
    roll_rate => roll_rate_accuracy_degps [grade],
    yaw_rate => yaw_rate_accuracy_degps [grade],
} }

twin! { NonMotorDataExtension => NonMotorExtension [] [unknown_extensions] {
    overall_radius => overall_radius_m [with tenths_to, tenths_from::<_, 200>],
    non_motor_data => non_motor_data [part],
} }

twin! { DetectedObstacleData => DetectedObstacle [sent_unavailable] [unknown_extensions] {
    obs_type => r#type [enumerator],
    obj_type_confidence => type_confidence_percent [si?],
    obs_id => obstacle_id [int 0..=65535],
    source => source [enumerator],
    sec_mark => sec_mark_ms [known_count],
    pos => position [part],
    pos_confidence => position_confidence [part],
    speed => speed_mps [known],
    speed_cfd => speed_accuracy_mps [grade? 9],
    heading => heading_deg [known],
    heading_cfd => heading_accuracy_deg [grade? 11],
    ver_speed => vertical_speed_mps [known? 12],
    ver_speed_confidence => vertical_speed_accuracy_mps [grade? 13],
    accel_set => acceleration [part?],
    size => size [part],
    obj_size_confidence => size_confidence [part?],
    tracking => tracking [int? 1..=65535],
    polygon => polygon [part?],
} }

twin! { ObjectSize => ObjectSize [] [] {
    width => width_m [si],
    length => length_m [si],
    height => height_m [si?],
} }
