//! CLPMM.

use super::{asn, v1};
use crate::convert::fields::twin;

twin! { CLPMM => PlatooningManagementMessage [] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    id => id [array],
    sec_mark => sec_mark_ms [known_count],
    pid => platoon_id [array],
    role => role [enumerator],
    status => status [enumerator],
    leading_ext => leading [part?],
} }

twin! { MemberManagement => MemberManagement [] [unknown_extensions] {
    member_list => members [list 1..=32],
    joining_list => joining [list? 1..=32],
    leaving_list => leaving [list? 1..=32],
    capacity => capacity [int 1..=32],
    open_to_join => open_to_join [boolean],
} }

twin! { MemberNode => MemberNode [] [unknown_extensions] {
    vid => vehicle_id [array],
} }
