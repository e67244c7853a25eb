//! What can be wrong with a message.

use thiserror::Error;

/// Why octets or text are not a message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The octets end within the message.
    #[error("the message goes on after its last octet ({length} octets), in {at}")]
    Incomplete {
        /// Number of octets there were.
        length: usize,
        /// What was being read.
        at: String,
    },
    /// Octets are left over after a complete message: very likely the wrong profile.
    #[error("{left_over} octets are left over after a message of {taken} octets; wrong profile?")]
    LeftOver {
        /// Number of octets that the message took.
        taken: usize,
        /// Number of octets behind it.
        left_over: usize,
    },
    /// The octets break a rule of the message set.
    #[error("{reason}")]
    Invalid {
        /// Index of the octet in which the rule is broken.
        offset: usize,
        /// The field and the rule.
        reason: String,
    },
    /// The sender was found to use the other profile, in which the frame cannot be understood.
    #[error("the sender uses the other profile")]
    OtherProfile,
    /// The JSON text is not a message.
    #[error("JSON: {0}")]
    Json(String),
    /// A value does not fit the message set's encoding.
    #[error("encode: {0}")]
    Encode(String),
}

impl CodecError {
    /// Index of the octet at which decoding stopped; 0 for what has no octets.
    #[must_use]
    pub fn offset(&self) -> usize {
        match self {
            Self::Incomplete { length, .. } => *length,
            Self::LeftOver { taken, .. } => *taken,
            Self::Invalid { offset, .. } => *offset,
            Self::OtherProfile | Self::Json(_) | Self::Encode(_) => 0,
        }
    }

    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Incomplete { .. } => "incomplete",
            Self::LeftOver { .. } => "left_over",
            Self::Invalid { .. } => "invalid",
            Self::OtherProfile => "other_profile",
            Self::Json(_) => "json",
            Self::Encode(_) => "encode",
        }
    }
}

/// Why a protobuf message cannot become a message of the standard. `path` names the field, as in
/// `participants[3].speed_mps`.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ConvertError {
    /// A number is outside of what the standard can carry.
    #[error("{path}: {value} is outside of {min} to {max}")]
    OutOfRange {
        /// The field.
        path: String,
        /// Its value.
        value: f64,
        /// The least that fits.
        min: f64,
        /// The most that fits.
        max: f64,
    },
    /// A list or string has a length that the standard does not allow.
    #[error("{path}: length {length} is outside of {min} to {max}")]
    Length {
        /// The field.
        path: String,
        /// Its length.
        length: usize,
        /// The least that is allowed.
        min: usize,
        /// The most that is allowed.
        max: usize,
    },
    /// A field is absent that the standard has no way to leave out.
    #[error("{path}: is needed")]
    Missing {
        /// The field.
        path: String,
    },
    /// A number that names no alternative of the standard.
    #[error("{path}: {value} is not a value of the standard")]
    Unknown {
        /// The field.
        path: String,
        /// Its value.
        value: i64,
    },
    /// What is said to be of a later edition makes no sense.
    #[error("{path}: the count is 1 to 64, the indices ascend below it, and each has octets")]
    Additions {
        /// The field.
        path: String,
    },
    /// The text is not in the character set of the standard (IA5).
    #[error("{path}: only IA5 characters can be sent")]
    NotIa5 {
        /// The field.
        path: String,
    },
    /// The content does not exist in the profile.
    #[error("{path}: cannot be sent in this profile")]
    NotInProfile {
        /// The field.
        path: String,
    },
}

impl ConvertError {
    /// The same error, of the element `index` of the field.
    #[must_use]
    pub(crate) fn indexed(mut self, index: usize) -> Self {
        let path = self.path();
        *path = format!("{path}[{index}]");
        self
    }

    /// The same error, seen from the message that holds `outer`.
    #[must_use]
    pub(crate) fn within(mut self, outer: &str) -> Self {
        let path = self.path();
        path.insert(0, '.');
        path.insert_str(0, outer);
        self
    }

    fn path(&mut self) -> &mut String {
        match self {
            Self::OutOfRange { path, .. }
            | Self::Length { path, .. }
            | Self::Missing { path }
            | Self::Unknown { path, .. }
            | Self::NotIa5 { path }
            | Self::Additions { path }
            | Self::NotInProfile { path } => path,
        }
    }
}
