//! PAM.

use super::{ConvertError, asn, v1};
use crate::convert::fields::twin;
use crate::convert::scalar::quantities;

quantities! {
    PAMNodeID(u16) 1 / 1, 0..=65535;
}

twin! { PAMData => ParkingAreaMessage [sent_unavailable] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    time_stamp => minute_of_year [known_count? 2],
    parking_lot_info => lot [part],
    pam_nodes => nodes [list 1..=63],
    parking_area_guidance => guidance [list? 1..=16],
} }

twin! { ParkingLotInfo => ParkingLotInfo [] [unknown_extensions] {
    id => id [int? 0..=65535],
    name => name [text? 63],
    number => slot_count [int? 0..=65535],
    building_layer_num => floor_count [int? 0..=256],
    avp_type => avp_type [enumerator?],
} }

twin! { PAMNode => PamNode [] [unknown_extensions] {
    id => id [count],
    ref_pos => reference [part],
    floor => floor [int? -128..=128],
    attributes => attributes [growing? 8],
    in_drives => in_drives [list? 1..=63],
} }

twin! { PAMDrive => PamDrive [sent_unavailable] [unknown_extensions] {
    upstream_pamnode_id => upstream_node_id [count],
    drive_id => id [int? 0..=255],
    twoway_sepration => two_way_separation [boolean?],
    speed_limit => speed_limit_mps [known? 4],
    height_restriction => height_restriction_m [with height_restriction, height_restriction_from],
    drive_width => width_m [si?],
    lane_num => lane_count [int? 0..=100],
    points => points [list? 2..=31],
    movements => movements [counts? 1..=32],
    parking_slots => slots [list? 1..=256],
} }

twin! { ParkingSlot => ParkingSlot [] [unknown_extensions] {
    slot_id => id [int 0..=65535],
    position => position [part?],
    sign => sign [text? 63],
    parking_type => r#type [growing 10],
    status => status [enumerator],
    parking_space_theta => theta [enumerator],
    parking_lock => lock [enumerator],
} }

twin! { ParkingSlotPosition => ParkingSlotPosition [] [] {
    top_left => top_left [part],
    top_right => top_right [part],
    bottom_left => bottom_left [part],
} }

twin! { ParkingGuide => ParkingGuide [] [unknown_extensions] {
    veh_id => vehicle_id [array],
    drive_path => drive_path [counts 1..=32],
    target_parking_slot => target_slot_id [int? 0..=65535],
} }

const DECIMETRES_PER_METRE: f64 = 10.0;
const MAX_HEIGHT_M: f64 = 10.0;

#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "twin! hands in references")]
fn height_restriction(decimetres: &Option<u8>) -> Option<f64> {
    decimetres.map(|decimetres| f64::from(decimetres) / DECIMETRES_PER_METRE)
}

#[allow(clippy::ref_option, reason = "twin! hands in references")]
fn height_restriction_from(metres: &Option<f64>, field: &str) -> Result<Option<u8>, ConvertError> {
    let Some(value) = *metres else { return Ok(None) };
    let decimetres = (value * DECIMETRES_PER_METRE).round();
    // Also false for NaN.
    if (0.0..=MAX_HEIGHT_M * DECIMETRES_PER_METRE).contains(&decimetres) {
        Ok(Some(decimetres as u8))
    } else {
        Err(ConvertError::OutOfRange { path: field.into(), value, min: 0.0, max: MAX_HEIGHT_M })
    }
}
