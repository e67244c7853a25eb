//! VIR.

use super::psm::{tenths_from, tenths_to};
use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::fields::twin;
use crate::convert::scalar::{alternative, alternative_from, grades, part};

// The names of AccConfidence say degrees, too, but it is of accelerations.
grades! {
    AccConfidence [100., 10., 5., 1., 0.1, 0.05, 0.01];
    AngularVConfidence [100., 10., 5., 1., 0.1, 0.05, 0.01];
}

twin! { VehIntentionAndRequest => VehicleIntentionAndRequest [] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    id => id [array],
    sec_mark => sec_mark_ms [known_count],
    ref_pos => reference [part],
    int_and_req => intention_and_request [part],
} }

twin! { IARData => IntentionAndRequest [] [unknown_extensions] {
    current_pos => current_position [part?],
    path_planning => path_planning [list? 1..=100],
    current_behavior => current_behavior [growing? 14],
    reqs => requests [list? 1..=8],
} }

twin! { PathPlanningPoint => PathPlanningPoint [sent_unavailable] [unknown_extensions] {
    pos_in_map => position_in_map [part?],
    pos => position [part],
    pos_accuracy => position_confidence [part?],
    speed => speed_mps [known? 4],
    speed_cfd => speed_accuracy_mps [grade? 5],
    heading => heading_deg [known? 6],
    heading_cfd => heading_accuracy_deg [grade? 7],
    accel_set => acceleration [part?],
    acc4_way_confidence => acceleration_confidence [part?],
    estimated_time => estimated_time_s [si?],
    time_confidence => time_confidence_percent [si?],
} }

twin! { AccSet4WayConfidence => AccelerationConfidence [] [] {
    lon_acc_confidence => longitudinal_accuracy_mps2 [grade],
    lat_acc_confidence => lateral_accuracy_mps2 [grade],
    vert_acc_confidence => vertical_accuracy_mps2 [grade],
    yaw_rate_con => yaw_rate_accuracy_degps [grade],
} }

twin! { DriveRequest => DriveRequest [] [unknown_extensions] {
    req_id => request_id [int 0..=255],
    status => status [enumerator],
    req_priority => priority [octet?],
    target_veh => target_vehicle [array?],
    target_rsu => target_rsu [array?],
    info => info [with info, info_from],
    life_time => life_time_s [si?],
} }

#[allow(clippy::ref_option, reason = "`twin!` passes every field by reference")]
fn info(info: &Option<asn::ReqInfo>) -> Option<v1::drive_request::Info> {
    use v1::drive_request::Info;
    info.as_ref().map(|info| match info {
        asn::ReqInfo::laneChange(request) => Info::LaneChange(request.to_proto()),
        asn::ReqInfo::clearTheWay(request) => Info::ClearTheWay(request.to_proto()),
        asn::ReqInfo::signalPriority(request) => Info::SignalPriority(request.to_proto()),
        asn::ReqInfo::sensorSharing(request) => Info::SensorSharing(request.to_proto()),
        asn::ReqInfo::parking(request) => Info::Parking(request.to_proto()),
        asn::ReqInfo::Unrecognized(unknown) => Info::UnknownAlternative(alternative(unknown)),
    })
}

#[allow(clippy::ref_option, reason = "`twin!` passes every field by reference")]
fn info_from(info: &Option<v1::drive_request::Info>, _field: &str) -> Result<Option<asn::ReqInfo>, ConvertError> {
    use v1::drive_request::Info;
    Ok(match info {
        None => None,
        Some(Info::LaneChange(request)) => Some(asn::ReqInfo::laneChange(part(request, "lane_change")?)),
        Some(Info::ClearTheWay(request)) => Some(asn::ReqInfo::clearTheWay(part(request, "clear_the_way")?)),
        Some(Info::SignalPriority(request)) => Some(asn::ReqInfo::signalPriority(part(request, "signal_priority")?)),
        Some(Info::SensorSharing(request)) => Some(asn::ReqInfo::sensorSharing(part(request, "sensor_sharing")?)),
        Some(Info::Parking(request)) => Some(asn::ReqInfo::parking(part(request, "parking")?)),
        Some(Info::UnknownAlternative(unknown)) => {
            Some(asn::ReqInfo::Unrecognized(alternative_from(unknown, 0, "unknown_alternative")?))
        }
    })
}

twin! { ReqLaneChange => LaneChangeRequest [] [unknown_extensions] {
    upstream_node => upstream [part],
    downstream_node => downstream [part],
    target_lane => target_lane [count],
} }

twin! { ReqClearTheWay => ClearTheWayRequest [] [unknown_extensions] {
    upstream_node => upstream [part],
    downstream_node => downstream [part],
    target_lane => target_lane [count],
    related_path => related_path [part?],
    t_begin => begin [part?],
    t_end => end [part?],
} }

twin! { ReqSignalPriority => SignalPriorityRequest [] [unknown_extensions] {
    intersection_id => intersection [part],
    required_mov => required_movement [part],
    estimated_arrival_time => estimated_arrival_s [si?],
    distance2_intersection => distance_m [with distance_to, distance_from],
} }

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "`twin!` passes every field by reference")]
fn distance_to(raw: &Option<u16>) -> Option<f64> {
    raw.as_ref().map(tenths_to)
}

#[allow(clippy::ref_option, reason = "`twin!` passes every field by reference")]
fn distance_from(distance_m: &Option<f64>, field: &str) -> Result<Option<u16>, ConvertError> {
    distance_m.as_ref().map(|distance_m| tenths_from::<_, 10_000>(distance_m, field)).transpose()
}

twin! { ReqSensorSharing => SensorSharingRequest [] [unknown_extensions] {
    detect_area => detect_area [list 1..=8],
} }

twin! { ReqParkingArea => ParkingAreaRequest [] [unknown_extensions] {
    vehicle_class => vehicle_class [part],
    req => request [growing 12],
    parking_type => parking_type [growing? 10],
    expected_parking_slot_id => expected_parking_slot_id [int? 0..=65535],
} }
