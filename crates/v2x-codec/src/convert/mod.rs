//! Messages as protobuf: the twins of `proto/rsu/v1`, in SI units.
//!
//! The conversion loses nothing: octets → [`Message`] → protobuf → [`Message`] gives the same octets, what a later edition
//! of the standard added included, if they were written as X.691 says. (A sender that, say, puts a small number into a
//! long form is understood, but what is made of its message again has the short form.)
//!
//! Both profiles have their own generated types but share the twins, so the conversion is written once, in `twin/`, and
//! compiled against the types of each profile; what differs between the profiles stands in the two modules below.

// The files in twin/ are compiled twice on purpose: once against the types of each profile.
mod fields;
#[allow(clippy::duplicate_mod, reason = "see above")]
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the macro that declares twins borrows")]
mod p2019;
#[allow(clippy::duplicate_mod, reason = "see above")]
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "the macro that declares twins borrows")]
mod p2020;
mod scalar;

use rsu_proto::bytes::Bytes;
use rsu_proto::v1::{self, v2x_message::Content};

use crate::asn1::{profile2019, profile2020};
use crate::extension::{self, Extension, MAX_ID, MessageFrameExt};
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

/// The messages of the second stage.
macro_rules! second_stage {
    ($($content:ident $type:ident $kind:ident,)*) => {
        fn extension_to_content(value: &Extension) -> Content {
            match value {
                $(Extension::$type(m) => Content::$content(m.to_proto()),)*
                Extension::Unknown { id, octets } => Content::Extension(v1::ExtensionMessage {
                    message_id: u32::from(*id),
                    value: Bytes::copy_from_slice(octets),
                }),
            }
        }

        /// The message of the second stage that a twin is, `None` for one of the first.
        fn extension_from_content(content: &Content) -> Result<Option<Extension>, ConvertError> {
            Ok(Some(match content {
                $(Content::$content(m) => Extension::$type(Twin::from_proto(m)?),)*
                Content::Extension(m) => {
                    let id: u16 = narrow(m.message_id, 0, i64::from(MAX_ID), "message_id")?;
                    if extension::is_known(id) {
                        return Err(ConvertError::Unknown { path: "message_id".into(), value: i64::from(id) });
                    }
                    Extension::Unknown { id, octets: scalar::octets_from(&m.value, 1..=usize::MAX, "value")? }
                }
                _ => return Ok(None),
            }))
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
                $(Content::$content(_) => Kind::$kind,)*
                Content::Extension(_) | Content::Unknown(_) => Kind::Unknown,
            }
        }
    };
}

second_stage! {
    Test TestMsg Test,
    Rtcm RTCMcorrections Rtcm,
    Rsc RoadsideCoordination Rsc,
    Ssm SensorSharingMsg Ssm,
    Vir VehIntentionAndRequest Vir,
    Pam PAMData Pam,
    Psm PersonalSafetyMessage Psm,
    Clpmm CLPMM Clpmm,
    Vpm VehiclePaymentMessage Vpm,
}

impl Message {
    /// The twin of the message. What a later edition added to the frame around a message of the second stage is not in
    /// it, see [`Message::frame_extensions`].
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
                    Frame::msgFrameExt(m) => extension_to_content(&m.value),
                    Frame::Unrecognized(m) => Content::Unknown(scalar::alternative(m)),
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
                    Frame::Unrecognized(m) => Content::Unknown(scalar::alternative(m)),
                }
            }
        }
    }

    /// What a later edition added to the frame around a message of the second stage.
    #[must_use]
    pub fn frame_extensions(&self) -> Option<v1::UnknownExtensions> {
        match self {
            Self::Y2020(frame) => match frame.as_ref() {
                profile2020::MessageFrame::msgFrameExt(m) => scalar::additions(&m.additions),
                _ => None,
            },
            Self::Y2019(_) => None,
        }
    }

    /// The message of a twin, in the profile that it will be sent in, with what a later edition added to its frame.
    ///
    /// # Errors
    /// [`ConvertError`] names the field that the profile cannot carry.
    pub fn from_content(
        profile: Profile,
        content: &Content,
        frame_extensions: Option<&v1::UnknownExtensions>,
    ) -> Result<Self, ConvertError> {
        let not_in_profile = |field: &str| ConvertError::NotInProfile { path: field.into() };
        let extension = extension_from_content(content)?;
        if extension.is_none() && frame_extensions.is_some() {
            return Err(not_in_profile("frame_extensions"));
        }
        let frame = || -> Result<Self, ConvertError> {
            match profile {
                Profile::Y2020 => {
                    use profile2020::MessageFrame as Frame;
                    Ok(Self::Y2020(Box::new(match content {
                        Content::Bsm(m) => Frame::bsmFrame(Twin::from_proto(m)?),
                        Content::Map(m) => Frame::mapFrame(Twin::from_proto(m)?),
                        Content::Rsm(m) => Frame::rsmFrame(Twin::from_proto(m)?),
                        Content::Spat(m) => Frame::spatFrame(Twin::from_proto(m)?),
                        Content::Rsi(m) => Frame::rsiFrame(Twin::from_proto(m)?),
                        Content::Unknown(m) => Frame::Unrecognized(scalar::alternative_from(m, 1, "unknown")?),
                        _ => {
                            let value = extension.ok_or_else(|| not_in_profile("content"))?;
                            let additions = scalar::additions_from(frame_extensions, "frame_extensions")?;
                            Frame::msgFrameExt(MessageFrameExt { value, additions })
                        }
                    })))
                }
                Profile::Y2019 => {
                    use profile2019::MessageFrame as Frame;
                    Ok(Self::Y2019(Box::new(match content {
                        Content::Bsm(m) => Frame::bsmFrame(Twin::from_proto(m)?),
                        Content::Map(m) => Frame::mapFrame(Twin::from_proto(m)?),
                        Content::Rsm(m) => Frame::rsmFrame(Twin::from_proto(m)?),
                        Content::Spat(m) => Frame::spatFrame(Twin::from_proto(m)?),
                        Content::Rsi(m) => Frame::rsiFrame(Twin::from_proto(m)?),
                        Content::Unknown(m) => Frame::Unrecognized(scalar::alternative_from(m, 0, "unknown")?),
                        _ => return Err(not_in_profile("content")),
                    })))
                }
            }
        };
        frame()
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
