//! The conversion for profile 2019: the common source, compiled against the profile's types, and what is its own.

use rsu_proto::v1;

use super::fields::twin;
use super::scalar::quantities;
use crate::ConvertError;
use crate::asn1::profile2019 as asn;

#[path = "twin/bsm.rs"]
mod bsm;
#[path = "twin/common.rs"]
mod common;
#[path = "twin/map.rs"]
mod map;
#[path = "twin/rsi.rs"]
mod rsi;
#[path = "twin/rsm.rs"]
mod rsm;
#[path = "twin/spat.rs"]
mod spat;

/// Where the profiles differ.
mod differences {
    pub(super) const TIME_OFFSET_MIN: (i64, i64) = (-720, 721);
    pub(super) const MAX_NODES: usize = 63;
    pub(super) const MAX_CONNECTIONS: usize = 16;
    pub(super) const MIN_PATH_POINTS: usize = 1;
}

quantities! {
    DHour(u8) 1 / 1, 0..=24;
}

twin! { Node => Node [] [unknown_extensions] {
    name => name [text? 63],
    id => id [part],
    ref_pos => reference [part],
    in_links => in_links [list? 1..=32],
} without { in_links_ex prohibited_zone } }

twin! { Link => Link [] [unknown_extensions] {
    name => name [text? 63],
    upstream_node_id => upstream [part],
    speed_limits => speed_limits [list? 1..=9],
    link_width => width_m [si?],
    points => points [list? 2..=31],
    movements => movements [list? 1..=32],
    lanes => lanes [list 1..=32],
} }

twin! { FullPositionVector => FullPositionVector [sent_unavailable] [unknown_extensions] {
    utc_time => utc_time [part?],
    pos => position [part],
    heading => heading_deg [known? 3],
    transmission => transmission [enumerator?],
    speed => speed_mps [known? 5],
    pos_accuracy => position_accuracy [part?],
    pos_conficence => position_confidence [part?],
    time_confidence => time_accuracy_s [grade? 7],
    motion_cfd => motion_confidence [part?],
} }

twin! { RTSData => RoadTrafficSign [] [unknown_extensions] {
    rts_id => rts_id [int 0..=255],
    sign_type => sign_type [count],
    sign_pos => position [part?],
    description => description [part?],
    time_details => time [part?],
    priority => priority [octet?],
    reference_paths => paths [list? 1..=8],
    reference_links => links [list? 1..=16],
} without { auxiliary } }
