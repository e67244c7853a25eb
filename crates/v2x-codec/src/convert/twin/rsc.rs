//! RSC.

use super::{asn, v1};
use crate::convert::fields::twin;

twin! { RoadsideCoordination => RoadsideCoordination [] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    id => id [array],
    sec_mark => sec_mark_ms [known_count],
    ref_pos => reference [part],
    coordinates => vehicles [list? 1..=16],
    lane_coordinates => lanes [list? 1..=8],
} }

twin! { VehicleCoordination => VehicleCoordination [] [unknown_extensions] {
    veh_id => vehicle_id [array],
    drive_suggestion => suggestion [part?],
    path_guidance => path_guidance [list? 1..=100],
    info => info [growing? 8],
} }

twin! { DriveSuggestion => DriveSuggestion [] [unknown_extensions] {
    suggestion => suggestion [growing 14],
    life_time => life_time_s [si?],
    related_link => related_link [part?],
    related_path => related_path [part?],
} }

twin! { LaneCoordination => LaneCoordination [sent_unavailable] [unknown_extensions] {
    target_lane => target_lane [part],
    related_path => related_path [part?],
    t_begin => begin [part?],
    t_end => end [part?],
    recommended_speed => recommended_speed_mps [known? 5],
    recommended_behavior => recommended_behavior [growing? 14],
    info => info [growing? 8],
    description => description [part?],
} }
