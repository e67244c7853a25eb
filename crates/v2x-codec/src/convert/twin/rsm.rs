//! RSM.

use super::{asn, v1};
use crate::convert::fields::twin;

twin! { RoadsideSafetyMessage => RoadsideSafetyMessage [] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    id => id [array],
    ref_pos => reference [part],
    participants => participants [list 1..=16],
} }

twin! { ParticipantData => Participant [sent_unavailable] [unknown_extensions] {
    ptc_type => r#type [enumerator],
    ptc_id => ptc_id [int 0..=65535],
    source => source [enumerator],
    id => id [array?],
    sec_mark => sec_mark_ms [known_count],
    pos => position [part],
    pos_confidence => position_confidence [part],
    transmission => transmission [enumerator?],
    speed => speed_mps [known],
    heading => heading_deg [known],
    angle => steering_wheel_angle_deg [known? 11],
    motion_cfd => motion_confidence [part?],
    accel_set => acceleration [part?],
    size => size [part],
    vehicle_class => vehicle_class [part?],
} }
