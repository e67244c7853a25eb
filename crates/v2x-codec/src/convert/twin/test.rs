//! TEST.

use super::{asn, v1};
use crate::convert::fields::twin;

twin! { TestMsg => TestMessage [] [] {
    msg_cnt => msg_cnt [count],
    user_data => user_data [octets 1..=2048],
} }
