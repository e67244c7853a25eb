//! The frame of the second stage: `msgFrameExt`, whose value is an open type that `messageId` names.
//!
//! The table is T/CSAE 157's information object set `MessageTypes`.

use serde_json::{Value, json as object};

use crate::asn1::profile2020 as asn;
use crate::json::values::{self as json, Json, JsonFault};
use crate::uper::{Additions, Fault, FaultKind, Reader, Uper, Writer};

/// `MessageFrameExt`: one message of the second stage.
#[derive(Debug, Clone, PartialEq)]
pub struct MessageFrameExt {
    /// The message, with its `messageId`.
    pub value: Extension,
    /// What a later edition added.
    pub additions: Additions,
}

/// The highest `messageId`.
pub(crate) const MAX_ID: u16 = 32767;

macro_rules! open_types {
    ($($id:literal $name:literal $type:ident,)*) => {
        /// A message of the second stage.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Extension {
            $(#[doc = concat!("`", $name, "`, messageId ", $id, ".")]
            $type(asn::$type),)*
            /// A message that is not known, kept as it was.
            Unknown {
                /// Its `messageId`, none of the known ones.
                id: u16,
                /// The octets of the open type.
                octets: Vec<u8>,
            },
        }

        impl Extension {
            /// The `messageId`.
            #[must_use]
            pub fn id(&self) -> u16 {
                match self {
                    $(Self::$type(_) => $id,)*
                    Self::Unknown { id, .. } => *id,
                }
            }

            fn decode(id: u16, r: &mut Reader<'_>) -> Result<Self, Fault> {
                match id {
                    $($id => r.open(asn::$type::decode).map_err(|fault| fault.within($name)).map(Self::$type),)*
                    _ => Ok(Self::Unknown { id, octets: r.open_octets()? }),
                }
            }

            fn encode(&self, w: &mut Writer) -> Result<(), Fault> {
                match self {
                    $(Self::$type(message) => {
                        w.open(|w| message.encode(w)).map_err(|fault| fault.within($name))
                    })*
                    Self::Unknown { octets, .. } => w.open_octets(octets),
                }
            }

            fn value_to_json(&self) -> Value {
                match self {
                    $(Self::$type(message) => object!({ $name: message.to_json() }),)*
                    Self::Unknown { octets, .. } => json::octets_to(octets),
                }
            }

            fn value_from_json(id: u16, value: &Value) -> Result<Self, JsonFault> {
                match id {
                    $($id => match json::choice(value)? {
                        ($name, value) => asn::$type::from_json(value).map(Self::$type),
                        (other, _) => Err(JsonFault::new(format!("{other} is not the type of messageId {id}"))),
                    },)*
                    _ => Ok(Self::Unknown { id, octets: json::octets(value)? }),
                }
            }
        }

        /// Whether a message of the second stage is known by this `messageId`.
        pub(crate) fn is_known(id: u16) -> bool {
            matches!(id, $($id)|*)
        }
    };
}

open_types! {
    0 "TestMsg" TestMsg,
    10 "RTCMcorrections" RTCMcorrections,
    11 "RoadsideCoordination" RoadsideCoordination,
    12 "SensorSharingMsg" SensorSharingMsg,
    13 "VehIntentionAndRequest" VehIntentionAndRequest,
    14 "PAMData" PAMData,
    15 "PersonalSafetyMessage" PersonalSafetyMessage,
    16 "CLPMM" CLPMM,
    17 "VehiclePaymentMessage" VehiclePaymentMessage,
}

impl Uper for MessageFrameExt {
    const MIN_BITS: usize = 1 + 15 + 8 + 8;

    fn decode(r: &mut Reader<'_>) -> Result<Self, Fault> {
        let extended = r.bit()?;
        let id = r.int(0, MAX_ID.into())? as u16;
        let value = Extension::decode(id, r)?;
        let additions = if extended { Additions::decode(r, 0, |_, _| Ok(()))? } else { Additions::default() };
        Ok(Self { value, additions })
    }

    fn encode(&self, w: &mut Writer) -> Result<(), Fault> {
        w.bit(self.additions.is_some());
        let id = self.value.id();
        if matches!(self.value, Extension::Unknown { .. }) && is_known(id) {
            return Err(w.fault(FaultKind::Unsupported("a known messageId with octets")));
        }
        w.int(id.into(), 0, MAX_ID.into()).map_err(|fault| fault.within("messageId"))?;
        self.value.encode(w)?;
        if self.additions.is_some() {
            self.additions.encode(w, &[], |_, _| Ok(()))?;
        }
        Ok(())
    }
}

impl Json for MessageFrameExt {
    fn to_json(&self) -> Value {
        let mut members = serde_json::Map::new();
        members.insert("messageId".into(), self.value.id().into());
        members.insert("value".into(), self.value.value_to_json());
        json::additions_to(&mut members, &self.additions);
        Value::Object(members)
    }

    fn from_json(value: &Value) -> Result<Self, JsonFault> {
        let members = json::object(value, &["messageId", "value", json::LATER])?;
        let id = json::needed(members, "messageId", json::int::<u16>)?;
        let value = json::needed(members, "value", |value| Extension::value_from_json(id, value))?;
        Ok(Self { value, additions: json::additions(members)? })
    }
}
