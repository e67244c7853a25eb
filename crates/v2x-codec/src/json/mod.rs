//! JSON with the standard's own names: the ASN.1 JSON encoding rules (ITU-T X.697), and two steps more: a message of the
//! second stage stands under its type's name instead of as octets, and what a later edition added stands under `...`.

pub(crate) mod values;

use serde_json::Value;

use crate::{CodecError, Message, Profile};
use values::Json as _;

impl Message {
    /// The frame as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Y2020(frame) => frame.to_json(),
            Self::Y2019(frame) => frame.to_json(),
        }
    }

    /// A frame from JSON, the inverse of [`Message::to_json`].
    ///
    /// # Errors
    /// [`CodecError::Json`] when the text is not JSON or names no message. Bounds are checked by [`Message::to_uper`].
    pub fn from_json(profile: Profile, text: &str) -> Result<Self, CodecError> {
        let value: Value = serde_json::from_str(text).map_err(|error| CodecError::Json(error.to_string()))?;
        let wrong = |fault: values::JsonFault| CodecError::Json(fault.to_string());
        Ok(match profile {
            Profile::Y2020 => Self::Y2020(Box::new(values::Json::from_json(&value).map_err(wrong)?)),
            Profile::Y2019 => Self::Y2019(Box::new(values::Json::from_json(&value).map_err(wrong)?)),
        })
    }
}
