//! Messages as protobuf: the twins of `proto/rsu/v1`, in SI units.
//!
//! The conversion loses nothing: octets → [`Message`] → protobuf → [`Message`] gives the same octets. The one exception
//! are the second stage's additions to MAP (`inLinks-ex`, `prohibitedzone`), which have no twin yet.
//!
//! Both profiles have their own generated types but share the twins, so the conversion is written once, in `twin/`, and
//! compiled against the types of each profile; what differs between the profiles stands in the two modules below.

// The files in twin/ are compiled twice on purpose: once against the types of each profile.
#[allow(clippy::duplicate_mod, reason = "see above")]
mod p2019;
#[allow(clippy::duplicate_mod, reason = "see above")]
mod p2020;
mod scalar;

use rsu_proto::v1::{self, v2x_message::Content};

use crate::asn1::{profile2019, profile2020};
use crate::{ConvertError, Kind, Message, Profile};
use scalar::narrow;

/// A type of the standard and its protobuf twin.
pub(crate) trait Twin: Sized {
    /// The protobuf message.
    type Proto;
    /// Every valid value has a twin.
    fn to_proto(&self) -> Self::Proto;
    /// The inverse; a twin can say more than the standard can carry.
    fn from_proto(proto: &Self::Proto) -> Result<Self, ConvertError>;
}

impl Message {
    /// The twin of the message.
    #[must_use]
    pub fn to_content(&self) -> Content {
        match self {
            Self::Y2020(frame) => {
                use profile2020::MessageFrame as Frame;
                match frame.as_ref() {
                    Frame::bsmFrame(m) => Content::Bsm(m.to_proto()),
                    Frame::mapFrame(m) => Content::Map(m.to_proto()),
                    Frame::rsmFrame(m) => Content::Rsm(m.to_proto()),
                    Frame::spatFrame(m) => Content::Spat(m.to_proto()),
                    Frame::rsiFrame(m) => Content::Rsi(m.to_proto()),
                    Frame::msgFrameExt(m) => Content::Extension(v1::ExtensionMessage {
                        message_id: u32::from(m.message_id.0),
                        value: m.value.as_bytes().to_vec().into(),
                    }),
                }
            }
            Self::Y2019(frame) => {
                use profile2019::MessageFrame as Frame;
                match frame.as_ref() {
                    Frame::bsmFrame(m) => Content::Bsm(m.to_proto()),
                    Frame::mapFrame(m) => Content::Map(m.to_proto()),
                    Frame::rsmFrame(m) => Content::Rsm(m.to_proto()),
                    Frame::spatFrame(m) => Content::Spat(m.to_proto()),
                    Frame::rsiFrame(m) => Content::Rsi(m.to_proto()),
                }
            }
        }
    }

    /// The message of a twin, in the profile that it will be sent in.
    ///
    /// # Errors
    /// [`ConvertError`] names the field that the profile cannot carry.
    pub fn from_content(profile: Profile, content: &Content) -> Result<Self, ConvertError> {
        match profile {
            Profile::Y2020 => {
                use profile2020::{self as asn, MessageFrame as Frame};
                Ok(Self::Y2020(Box::new(match content {
                    Content::Bsm(m) => Frame::bsmFrame(asn::BasicSafetyMessage::from_proto(m)?),
                    Content::Map(m) => Frame::mapFrame(asn::MapData::from_proto(m)?),
                    Content::Rsm(m) => Frame::rsmFrame(asn::RoadsideSafetyMessage::from_proto(m)?),
                    Content::Spat(m) => Frame::spatFrame(asn::SPAT::from_proto(m)?),
                    Content::Rsi(m) => Frame::rsiFrame(asn::RoadSideInformation::from_proto(m)?),
                    Content::Extension(m) => Frame::msgFrameExt(asn::MessageFrameExt::new(
                        asn::ExtMsgID(narrow(m.message_id, 32767, "message_id")?),
                        rasn::types::Any::new(m.value.to_vec()),
                    )),
                })))
            }
            Profile::Y2019 => {
                use profile2019::{self as asn, MessageFrame as Frame};
                Ok(Self::Y2019(Box::new(match content {
                    Content::Bsm(m) => Frame::bsmFrame(asn::BasicSafetyMessage::from_proto(m)?),
                    Content::Map(m) => Frame::mapFrame(asn::MapData::from_proto(m)?),
                    Content::Rsm(m) => Frame::rsmFrame(asn::RoadsideSafetyMessage::from_proto(m)?),
                    Content::Spat(m) => Frame::spatFrame(asn::SPAT::from_proto(m)?),
                    Content::Rsi(m) => Frame::rsiFrame(asn::RoadSideInformation::from_proto(m)?),
                    Content::Extension(_) => {
                        return Err(ConvertError::NotInProfile { path: "extension".into() });
                    }
                })))
            }
        }
    }
}

/// The kind of message that a twin is.
#[must_use]
pub fn kind_of(content: &Content) -> Kind {
    match content {
        Content::Bsm(_) => Kind::Bsm,
        Content::Map(_) => Kind::Map,
        Content::Rsm(_) => Kind::Rsm,
        Content::Spat(_) => Kind::Spat,
        Content::Rsi(_) => Kind::Rsi,
        Content::Extension(_) => Kind::Extension,
    }
}

impl From<Profile> for v1::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Y2020 => Self::Profile2020,
            Profile::Y2019 => Self::Profile2019,
        }
    }
}

impl From<v1::Profile> for Profile {
    fn from(profile: v1::Profile) -> Self {
        match profile {
            v1::Profile::Unspecified | v1::Profile::Profile2020 => Self::Y2020,
            v1::Profile::Profile2019 => Self::Y2019,
        }
    }
}
