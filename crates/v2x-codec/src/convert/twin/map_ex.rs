//! What the second stage adds to MAP: roads in sections, with finer lanes, and prohibited zones.

use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::fields::twin;
use crate::convert::scalar::{list, list_from, narrow, quantities};

quantities! {
    SectionId(u8) 1 / 1, 1..=63;
}

twin! { LinkEx => LinkEx [] [unknown_extensions] {
    name => name [text? 63],
    upstream_node_id => upstream [part],
    speed_limits => speed_limits [list? 1..=9],
    link_width => width_m [si?],
    ref_line => reference_line [list? 2..=31],
    movements_ex => movements [list? 1..=32],
    sections => sections [list 1..=16],
} }

twin! { MovementEx => MovementEx [] [unknown_extensions] {
    remote_intersection => remote [part],
    phase_id => phase_id [count?],
    turn_direction => turn_direction [enumerator?],
} }

twin! { Section => Section [] [unknown_extensions] {
    sec_id => id [count],
    lanes => lanes [list 1..=32],
} }

twin! { LaneEx => LaneEx [] [unknown_extensions] {
    lane_ref_id => ref_id [with lane_ref_id, lane_ref_id_from],
    lane_width => width_m [si?],
    lane_attributes => attributes [part?],
    maneuvers => maneuvers [flags? 12],
    connects_to_ex => connects_to [list? 1..=32],
    speed_limits => speed_limits [list? 1..=9],
    st_points => st_points [list? 2..=63],
    lane_line_type => line_type [part?],
} }

twin! { ConnectionEx => ConnectionEx [] [unknown_extensions] {
    remote_intersection => remote [part],
    swl => signal_waiting_lane [part?],
    connecting_lane => connecting_lanes [list? 1..=16],
    phase_id => phase_id [count?],
    turn_direction => turn_direction [enumerator?],
} }

twin! { SignalWaitingLane => SignalWaitingLane [] [] {
    lane_width => width_m [si],
    points => points [list 2..=31],
    allowed_phase_ids => allowed_phase_ids [counts? 1..=7],
} }

twin! { ConnectingLaneEx => ConnectingLaneEx [] [] {
    target_section => target_section [count],
    target_lane => target_lane [with lane_ref_id, lane_ref_id_from],
    connecting_lane_width => width_m [si?],
    connecting_lane_points => points [list? 2..=31],
    isolated_connecting_lane => isolated [boolean?],
} }

twin! { STPoint => StPoint [] [unknown_extensions] {
    s_axis => s_axis [int -1024..=65535],
    t_axis => t_axis [int -32768..=32767],
} }

twin! { LaneLineType => LaneLineType [] [] {
    left_lane_line => left [enumerator],
    right_lane_line => right [enumerator],
} }

twin! { ProhibitedZone => ProhibitedZone [] [unknown_extensions] {
    central_circle_prohibited_zone => central_circle [part?],
    non_motor_vehicle_prohibited_zones => non_motor_vehicle_zones [list? 1..=16],
    grid_line_marking_prohibited_zones => grid_line_marking_zones [list? 2..=16],
} }

#[allow(clippy::trivially_copy_pass_by_ref, reason = "twin! hands in references")]
fn lane_ref_id(id: &asn::LaneRefID) -> i32 {
    i32::from(id.0)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "twin! hands in references")]
fn lane_ref_id_from(value: &i32, field: &str) -> Result<asn::LaneRefID, ConvertError> {
    narrow(*value, -31, 31, field).map(asn::LaneRefID)
}

impl Twin for asn::Polygon {
    type Proto = v1::Polygon;

    fn to_proto(&self) -> v1::Polygon {
        v1::Polygon { points: list(self) }
    }

    fn from_proto(proto: &v1::Polygon) -> Result<Self, ConvertError> {
        list_from(&proto.points, 4..=32, "points")
    }
}
