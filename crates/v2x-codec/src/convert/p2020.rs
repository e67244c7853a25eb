//! The conversion for profile 2020: the common source, compiled against the profile's types, and what is its own.

use rsu_proto::v1;

use super::fields::twin;
use super::scalar::{from_si, quantities, si};
use crate::ConvertError;
use crate::asn1::profile2020 as asn;

#[path = "twin/bsm.rs"]
mod bsm;
#[path = "twin/clpmm.rs"]
mod clpmm;
#[path = "twin/common.rs"]
mod common;
#[path = "twin/map.rs"]
mod map;
#[path = "twin/map_ex.rs"]
mod map_ex;
#[path = "twin/pam.rs"]
mod pam;
#[path = "twin/psm.rs"]
mod psm;
#[path = "twin/rsc.rs"]
mod rsc;
#[path = "twin/rsi.rs"]
mod rsi;
#[path = "twin/rsm.rs"]
mod rsm;
#[path = "twin/rtcm.rs"]
mod rtcm;
#[path = "twin/spat.rs"]
mod spat;
#[path = "twin/ssm.rs"]
mod ssm;
#[path = "twin/test.rs"]
mod test;
#[path = "twin/vir.rs"]
mod vir;
#[path = "twin/vpm.rs"]
mod vpm;

/// Where the profiles differ.
mod differences {
    pub(super) const TIME_OFFSET_MIN: (i64, i64) = (-840, 840);
    pub(super) const MAX_NODES: usize = 32;
    pub(super) const MAX_CONNECTIONS: usize = 8;
    pub(super) const MIN_PATH_POINTS: usize = 2;
}

quantities! {
    DHour(u8) 1 / 1, 0..=31;
}

twin! { Node => Node [] [unknown_extensions] {
    name => name [text? 63],
    id => id [part],
    ref_pos => reference [part],
    in_links => in_links [list? 1..=32],
    in_links_ex => in_links_ex [list? 1..=32],
    prohibitedzone => prohibited_zone [part?],
} }

twin! { Link => Link [] [unknown_extensions] {
    name => name [text? 63],
    upstream_node_id => upstream [part],
    speed_limits => speed_limits [list? 1..=9],
    link_width => width_m [with link_width, link_width_from],
    points => points [list? 2..=31],
    movements => movements [list? 1..=32],
    lanes => lanes [list 1..=32],
} }

#[allow(clippy::unnecessary_wraps, reason = "optional in the other profile")]
fn link_width(width: &asn::LaneWidth) -> Option<f64> {
    Some(si(width))
}

fn link_width_from(width_m: &Option<f64>, field: &str) -> Result<asn::LaneWidth, ConvertError> {
    from_si(width_m.ok_or_else(|| ConvertError::Missing { path: field.into() })?, field)
}

twin! { FullPositionVector => FullPositionVector [sent_unavailable] [unknown_extensions] {
    utc_time => utc_time [part?],
    pos => position [part],
    heading => heading_deg [known? 3],
    transmission => transmission [enumerator?],
    speed => speed_mps [known? 5],
    pos_accuracy => position_confidence [part?],
    time_confidence => time_accuracy_s [grade? 7],
    motion_cfd => motion_confidence [part?],
} without { position_accuracy } }

twin! { RTSData => RoadTrafficSign [] [unknown_extensions] {
    rts_id => rts_id [int 0..=255],
    sign_type => sign_type [count],
    sign_pos => position [part?],
    description => description [part?],
    time_details => time [part?],
    priority => priority [octet?],
    reference_paths => paths [list? 1..=8],
    reference_links => links [list? 1..=16],
    auxiliary_sign => auxiliary [part?],
} }

twin! { AuxiliarySign => AuxiliarySign [] [unknown_extensions] {
    sign_with_vehicle_type => vehicle_types [growing? 5],
    sign_direction => direction [enumerator?],
} }
