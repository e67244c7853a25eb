//! C-V2X messages as they are on the air.
//!
//! Layers, each usable by itself:
//!
//! * [`dsmp`], [`vendor_header`], [`immediate_forward`]: what is around a message in a datagram of the radio;
//! * [`Message`]: a message frame of T/CSAE 53 / 157 in one of two [`Profile`]s, decoded from and encoded to UPER
//!   ([`Message::from_uper`], [`Message::to_uper`]) and JSON with the standard's names ([`Message::from_json`]);
//!   [`asn1`] has its types, generated from the ASN.1, and [`uper`] what they are made of;
//! * [`convert`]: the same message as the protobuf types of `rsu-proto`, in SI units, losslessly in both directions;
//! * [`detect`]: which profile a sender uses.
//!
//! And for messages on their way out:
//!
//! * [`service`]: which application identifier, destination and priority each goes out with;
//! * [`split`]: several frames for what is too large for one, numbered and encoded.
//!
//! This crate never learns of sockets, clocks or the traffic the messages speak of. Input is hostile: every decoder
//! returns a typed error, and none panics, loops or allocates more than the input justifies.
//!
//! ```
//! use v2x_codec::{Message, Profile};
//!
//! let octets = [0x20, 0x13, 0x13]; // a road-side safety message that was cut off
//! let error = Message::from_uper(Profile::Y2020, &octets).unwrap_err();
//! assert_eq!(error.offset(), 3);
//! ```

pub mod convert;
pub mod detect;
pub mod dsmp;
mod error;
mod extension;
pub mod immediate_forward;
mod json;
mod message;
pub mod service;
pub mod split;
pub mod uper;
pub mod vendor_header;

pub use error::{CodecError, ConvertError};
pub use message::{Kind, Message, Profile};

/// The types that are generated from the ASN.1 modules in `asn1/`, one Rust module a profile. Fields, enumerators and
/// alternatives have the standard's names; numbers are the standard's, in the units of its comments.
pub mod asn1 {
    /// T/CSAE 53-2020 and T/CSAE 157-2020.
    #[allow(clippy::all, clippy::pedantic, clippy::restriction, reason = "the generator's style")]
    #[allow(non_camel_case_types, unused_parens, unused_braces, unused_variables, reason = "the standard's names")]
    pub mod profile2020 {
        pub use crate::extension::{Extension, MessageFrameExt};
        use crate::generated::*;
        include!(concat!(env!("OUT_DIR"), "/types_2020.rs"));
    }

    /// The draft of 2019, as far as its five messages reach.
    #[allow(clippy::all, clippy::pedantic, clippy::restriction, reason = "the generator's style")]
    #[allow(non_camel_case_types, unused_parens, unused_braces, unused_variables, reason = "the standard's names")]
    pub mod profile2019 {
        use crate::generated::*;
        include!(concat!(env!("OUT_DIR"), "/types_2019.rs"));
    }
}

/// What the generated code refers to.
mod generated {
    pub(crate) use serde_json::Value;

    pub(crate) use crate::json::values::{self as json, Json};
    pub(crate) use crate::uper::{
        self, Additions, Bits, Enumerator, Extensible, Fault, FaultKind, Reader, UnknownAlternative, Uper, Writer, min,
        read, values, write,
    };
}
