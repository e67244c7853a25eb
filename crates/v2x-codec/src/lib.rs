//! C-V2X messages as they are on the air.
//!
//! Three layers, each usable by itself:
//!
//! * [`dsmp`]: the network layer of YD/T 3707 that carries a message over PC5;
//! * [`Message`]: a message frame of T/CSAE 53 / 157 in one of two [`Profile`]s, decoded from and encoded to UPER
//!   ([`Message::from_uper`], [`Message::to_uper`]) and JSON with the standard's names ([`Message::from_json`]);
//! * [`convert`]: the same message as the protobuf types of `rsu-proto`, in SI units, losslessly in both directions.
//!
//! This crate never learns of sockets, clocks or the traffic the messages speak of. Input is hostile: every decoder
//! returns a typed error, and none panics, loops or allocates more than the input justifies.
//!
//! ```
//! use v2x_codec::{Message, Profile};
//!
//! let octets = [0x20, 0x13, 0x13]; // a road-side safety message that was cut off
//! let error = Message::from_uper(Profile::Y2020, &octets).unwrap_err();
//! assert_eq!(Message::fault_offset(Profile::Y2020, &octets, &error), 3);
//! ```

pub mod convert;
pub mod dsmp;
mod error;
mod json;
mod message;

pub use error::{CodecError, ConvertError};
pub use message::{Kind, Message, Profile};

/// The types that are generated from `asn1/profile-2020.asn` and `asn1/profile-2019.asn`.
// Generated code: its style is the generator's, its documentation is the standard.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    missing_docs,
    unused_qualifications,
    rust_2018_idioms,
    unreachable_pub
)]
pub mod asn1 {
    include!(concat!(env!("OUT_DIR"), "/profile_2020.rs"));
    include!(concat!(env!("OUT_DIR"), "/profile_2019.rs"));
}
