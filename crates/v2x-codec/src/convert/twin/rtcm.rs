//! RTCM.

use super::{asn, v1};
use crate::convert::fields::twin;
use crate::convert::scalar::quantities;

quantities! {
    RTCMID(u16) 1 / 1, 0..=32767;
}

twin! { RTCMcorrections => RtcmCorrections [] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    corrections => corrections [list 1..=5],
} }

twin! { RTCMmsg => RtcmMessage [] [unknown_extensions] {
    rev => revision [enumerator?],
    rtcm_id => rtcm_id [count?],
    payload => payload [octets 1..=2047],
} }
