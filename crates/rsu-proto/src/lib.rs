//! The contract for everything that crosses a process boundary, as Rust types.
//!
//! The sources are the files in `proto/rsu/v1`; their comments are the documentation of the types below. Every message
//! also has the standard protobuf JSON mapping through serde. There is no logic here, and there will be none: this crate
//! knows nothing of UPER, of time or of traffic.
//!
//! ```
//! use rsu_proto::{Message as _, v1};
//!
//! let frame = v1::DetectionFrame { sensor_id: "radar-1".into(), sequence: 7, ..Default::default() };
//! let octets = frame.encode_to_vec();
//! assert_eq!(v1::DetectionFrame::decode(octets.as_slice()), Ok(frame));
//! ```

pub use prost::{DecodeError, EncodeError, Message, bytes};

/// Version 1 of the package `rsu`.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    missing_docs,
    unused_qualifications,
    reason = "generated code: its documentation is that of the proto files, its style is the generator's"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/rsu.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/rsu.v1.serde.rs"));
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::v1;

    #[test]
    fn json_mapping_uses_proto_names_in_camel_case() {
        let list = v1::TrackList { state_at_us: 5, ..Default::default() };
        assert_eq!(serde_json::to_string(&list).unwrap(), r#"{"stateAtUs":"5"}"#);
        assert_eq!(serde_json::from_str::<v1::TrackList>(r#"{"state_at_us":5}"#).unwrap(), list);
    }
}
