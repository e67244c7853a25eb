//! RSI. Its sign differs between the profiles and stands with them.

use super::{asn, differences, v1};
use crate::convert::fields::twin;

twin! { RoadSideInformation => RoadSideInformation [sent_unavailable] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    moy => minute_of_year [known_count? 2],
    id => id [array],
    ref_pos => reference [part],
    rtes => events [list? 1..=8],
    rtss => signs [list? 1..=16],
} }

twin! { RTEData => RoadTrafficEvent [] [unknown_extensions] {
    rte_id => rte_id [int 0..=255],
    event_type => event_type [count],
    event_source => source [enumerator],
    event_pos => position [part?],
    event_radius => radius_m [si?],
    description => description [part?],
    time_details => time [part?],
    priority => priority [octet?],
    reference_paths => paths [list? 1..=8],
    reference_links => links [list? 1..=16],
    event_confidence => confidence_percent [si?],
} }

twin! { RSITimeDetails => InformationTime [sent_unavailable] [] {
    start_time => start_minute_of_year [known_count? 1],
    end_time => end_minute_of_year [known_count? 2],
    end_time_confidence => end_accuracy_s [grade? 3],
} }

twin! { ReferencePath => ReferencePath [] [] {
    active_path => points [list differences::MIN_PATH_POINTS..=32],
    path_radius => radius_m [si],
} }

twin! { ReferenceLink => ReferenceLink [] [] {
    upstream_node_id => upstream [part],
    downstream_node_id => downstream [part],
    reference_lanes => lanes [flags? 16],
} }
