//! One message frame and its UPER encoding.

use crate::asn1::{profile2019, profile2020};
use crate::uper::{Fault, FaultKind, Reader, Uper, Writer};
use crate::{CodecError, extension::Extension};

/// Edition of the message set. Nothing on the wire tells it, so it is configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Profile {
    /// T/CSAE 53-2020 and T/CSAE 157-2020.
    #[default]
    Y2020,
    /// The draft of 2019, still in the field.
    Y2019,
}

impl Profile {
    /// Both profiles.
    pub const ALL: [Self; 2] = [Self::Y2020, Self::Y2019];

    /// The name in configuration and counters: `2020` or `2019`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Y2020 => "2020",
            Self::Y2019 => "2019",
        }
    }
}

/// Kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Basic safety message (车辆基本安全消息).
    Bsm,
    /// Map (地图消息).
    Map,
    /// Road-side safety message (路侧安全消息).
    Rsm,
    /// Signal phase and timing (信号灯消息).
    Spat,
    /// Road-side information (路侧信息).
    Rsi,
    /// Test message (测试消息).
    Test,
    /// Differential GNSS corrections (差分数据消息).
    Rtcm,
    /// Road-side coordination (路侧协调消息).
    Rsc,
    /// Sensor sharing message (感知共享消息).
    Ssm,
    /// Vehicle intention and request (车辆意图和请求消息).
    Vir,
    /// Parking area message (场站地图消息).
    Pam,
    /// Personal safety message (弱势交通参与者安全消息).
    Psm,
    /// Platooning management message (车辆编队管理消息).
    Clpmm,
    /// Vehicle payment message (车辆收费消息).
    Vpm,
    /// A message of a later edition, kept as octets.
    Unknown,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::Bsm,
        Self::Map,
        Self::Rsm,
        Self::Spat,
        Self::Rsi,
        Self::Test,
        Self::Rtcm,
        Self::Rsc,
        Self::Ssm,
        Self::Vir,
        Self::Pam,
        Self::Psm,
        Self::Clpmm,
        Self::Vpm,
        Self::Unknown,
    ];

    /// The name in topics, configuration and counters: `bsm`, `map`, ..., `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bsm => "bsm",
            Self::Map => "map",
            Self::Rsm => "rsm",
            Self::Spat => "spat",
            Self::Rsi => "rsi",
            Self::Test => "test",
            Self::Rtcm => "rtcm",
            Self::Rsc => "rsc",
            Self::Ssm => "ssm",
            Self::Vir => "vir",
            Self::Pam => "pam",
            Self::Psm => "psm",
            Self::Clpmm => "clpmm",
            Self::Vpm => "vpm",
            Self::Unknown => "unknown",
        }
    }
}

/// A message frame (T/CSAE 53 `MessageFrame`) in one of the profiles.
#[derive(Debug, Clone, PartialEq)]
pub enum Message {
    /// Profile 2020.
    Y2020(Box<profile2020::MessageFrame>),
    /// Profile 2019.
    Y2019(Box<profile2019::MessageFrame>),
}

impl Message {
    /// Decodes one frame that fills `octets` to the last.
    ///
    /// # Errors
    /// [`CodecError::Incomplete`], [`CodecError::LeftOver`] or [`CodecError::Invalid`]; [`CodecError::offset`] is the
    /// place.
    pub fn from_uper(profile: Profile, octets: &[u8]) -> Result<Self, CodecError> {
        match profile {
            Profile::Y2020 => decode(octets).map(|frame| Self::Y2020(Box::new(frame))),
            Profile::Y2019 => decode(octets).map(|frame| Self::Y2019(Box::new(frame))),
        }
        .map_err(|fault| explain(octets.len(), &fault))
    }

    /// Encodes the frame.
    ///
    /// # Errors
    /// [`CodecError::Encode`] when a value breaks a constraint of the message set.
    pub fn to_uper(&self) -> Result<Vec<u8>, CodecError> {
        let mut w = Writer::with_capacity(256);
        match self {
            Self::Y2020(frame) => frame.encode(&mut w),
            Self::Y2019(frame) => frame.encode(&mut w),
        }
        .map_err(|fault| CodecError::Encode(fault.to_string()))?;
        Ok(w.finish())
    }

    /// The profile of the frame.
    #[must_use]
    pub fn profile(&self) -> Profile {
        match self {
            Self::Y2020(_) => Profile::Y2020,
            Self::Y2019(_) => Profile::Y2019,
        }
    }

    /// The kind of message.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Y2020(frame) => {
                use profile2020::MessageFrame as Frame;
                match frame.as_ref() {
                    Frame::bsmFrame(_) => Kind::Bsm,
                    Frame::mapFrame(_) => Kind::Map,
                    Frame::rsmFrame(_) => Kind::Rsm,
                    Frame::spatFrame(_) => Kind::Spat,
                    Frame::rsiFrame(_) => Kind::Rsi,
                    Frame::msgFrameExt(ext) => match ext.value {
                        Extension::TestMsg(_) => Kind::Test,
                        Extension::RTCMcorrections(_) => Kind::Rtcm,
                        Extension::RoadsideCoordination(_) => Kind::Rsc,
                        Extension::SensorSharingMsg(_) => Kind::Ssm,
                        Extension::VehIntentionAndRequest(_) => Kind::Vir,
                        Extension::PAMData(_) => Kind::Pam,
                        Extension::PersonalSafetyMessage(_) => Kind::Psm,
                        Extension::CLPMM(_) => Kind::Clpmm,
                        Extension::VehiclePaymentMessage(_) => Kind::Vpm,
                        Extension::Unknown { .. } => Kind::Unknown,
                    },
                    Frame::Unrecognized(_) => Kind::Unknown,
                }
            }
            Self::Y2019(frame) => {
                use profile2019::MessageFrame as Frame;
                match frame.as_ref() {
                    Frame::bsmFrame(_) => Kind::Bsm,
                    Frame::mapFrame(_) => Kind::Map,
                    Frame::rsmFrame(_) => Kind::Rsm,
                    Frame::spatFrame(_) => Kind::Spat,
                    Frame::rsiFrame(_) => Kind::Rsi,
                    Frame::Unrecognized(_) => Kind::Unknown,
                }
            }
        }
    }
}

fn decode<T: Uper>(octets: &[u8]) -> Result<T, Fault> {
    let mut r = Reader::new(octets);
    let value = T::decode(&mut r)?;
    r.finish()?;
    Ok(value)
}

#[cold]
fn explain(length: usize, fault: &Fault) -> CodecError {
    match fault.kind() {
        // What ends within an open type, or does not fill it, says nothing of the message's end.
        _ if fault.is_in_open_type() => {
            CodecError::Invalid { offset: (fault.at_bit() / 8).min(length), reason: fault.to_string() }
        }
        FaultKind::Incomplete => CodecError::Incomplete { length, at: fault.path() },
        FaultKind::LeftOver { octets } => CodecError::LeftOver { taken: fault.at_bit() / 8, left_over: *octets },
        _ => CodecError::Invalid { offset: fault.at_bit() / 8, reason: fault.to_string() },
    }
}
