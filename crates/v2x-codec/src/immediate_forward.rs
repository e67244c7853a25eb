//! The text form in which a host hands messages to an RSU over UDP: "immediate forward" of RSU specification 4.1.
//!
//! ```text
//! Version=0.7
//! Type=<message>
//! PSID=<hex>
//! Priority=<n>
//! TxMode=CONT
//! TxChannel=<n>
//! TxInterval=
//! DeliveryStart=
//! DeliveryStop=
//! Signature=<True|False>
//! Encryption=False
//! Payload=<hex>
//! ```
//!
//! Read with some leave: keys in any order and any case, spaces around `=`, blank lines, comment lines that begin with
//! `#` or `;`, keys that nobody knows, a value left empty or a key left out where it may be. Written as above.

mod error;

use std::fmt;

use hex::FromHexError;

pub use self::error::{Fault, ForwardError, Key};

/// The longest datagram that is read: a payload of [`MAX_PAYLOAD`] octets in hex, and the other lines.
pub const MAX_LENGTH: usize = 140_000;

/// The longest payload that is read.
pub const MAX_PAYLOAD: usize = 65_535;

/// A text that a line can carry: no control characters, no white space at its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The text, if a line can carry it as it is. It may be empty.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        (text.trim() == text && !text.contains(char::is_control)).then_some(Self(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// How the channel is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TxMode {
    /// `CONT`: all the time.
    #[default]
    Continuous,
    /// `ALT`: in alternating slots.
    Alternating,
}

/// The channel to send on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A channel by its number.
    Number(u16),
    /// `CCH`: the control channel.
    Control,
    /// `SCH`: the service channel.
    Service,
}

/// One message to be sent at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImmediateForward<'a> {
    /// Version of the form, `0.7` as a rule.
    pub version: Text<'a>,
    /// Kind of the message, such as `SPAT`.
    pub message_type: Text<'a>,
    /// Provider service identifier.
    pub psid: u32,
    /// Priority, 0 if it is not there.
    pub priority: u8,
    /// How the channel is used.
    pub tx_mode: TxMode,
    /// The channel, if it is there.
    pub tx_channel: Option<Channel>,
    /// Milliseconds between repetitions, if they are there.
    pub tx_interval: Option<u32>,
    /// When to begin, as it was written.
    pub delivery_start: Text<'a>,
    /// When to end, as it was written.
    pub delivery_stop: Text<'a>,
    /// Whether the RSU shall sign the message.
    pub signature: bool,
    /// Whether the RSU shall encrypt the message.
    pub encryption: bool,
    /// The message: UPER octets.
    pub payload: Vec<u8>,
}

impl<'a> ImmediateForward<'a> {
    /// Parses one datagram.
    ///
    /// # Errors
    /// [`ForwardError`] with the line of the fault.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ForwardError> {
        if datagram.len() > MAX_LENGTH {
            let fault = Fault::TooLong { length: datagram.len() };
            return Err(ForwardError { line: 1, offset: 0, fault });
        }
        let mut message = Self::default();
        let mut seen = 0;
        let (mut last, mut offset) = (1, 0);
        for (octets, line) in datagram.split(|octet| *octet == b'\n').zip(1..) {
            message.take_line(octets, &mut seen).map_err(|fault| ForwardError { line, offset, fault })?;
            last = line;
            offset += octets.len() + 1;
        }
        match [Key::Type, Key::Psid, Key::Payload].into_iter().find(|key| seen & key.bit() == 0) {
            Some(key) => Err(ForwardError { line: last, offset: datagram.len(), fault: Fault::Missing { key } }),
            None => Ok(message),
        }
    }

    fn take_line(&mut self, octets: &'a [u8], seen: &mut u16) -> Result<(), Fault> {
        let line = std::str::from_utf8(octets).map_err(|_| Fault::NotText)?.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            return Ok(());
        }
        let (key, value) = line.split_once('=').ok_or(Fault::NoEquals)?;
        let Some(key) = Key::named(key.trim_end()) else { return Ok(()) };
        if *seen & key.bit() != 0 {
            return Err(Fault::Twice { key });
        }
        *seen |= key.bit();
        let value = value.trim_start();
        if key == Key::Payload {
            self.payload = payload(value)?;
            return Ok(());
        }
        self.set(key, value).ok_or(Fault::BadValue { key })
    }

    fn set(&mut self, key: Key, value: &'a str) -> Option<()> {
        match key {
            Key::Version => self.version = Text::new(value)?,
            Key::Type => self.message_type = Text::new(value)?,
            Key::DeliveryStart => self.delivery_start = Text::new(value)?,
            Key::DeliveryStop => self.delivery_stop = Text::new(value)?,
            Key::Psid => self.psid = psid(value)?,
            // The other keys may be left empty.
            _ if value.is_empty() => {}
            Key::Priority => self.priority = number(value)?.try_into().ok()?,
            Key::TxMode => self.tx_mode = tx_mode(value)?,
            Key::TxChannel => self.tx_channel = Some(channel(value)?),
            Key::TxInterval => self.tx_interval = Some(number(value)?),
            Key::Signature => self.signature = boolean(value)?,
            Key::Encryption => self.encryption = boolean(value)?,
            Key::Payload => {}
        }
        Some(())
    }

    /// Writes the message, each line with a line feed. [`ImmediateForward::parse`] reads the same message from it, as
    /// long as the payload is within [`MAX_PAYLOAD`] and the whole within [`MAX_LENGTH`].
    #[must_use]
    pub fn encode(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for ImmediateForward<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |truth: bool| if truth { "True" } else { "False" };
        writeln!(f, "Version={}", self.version.0)?;
        writeln!(f, "Type={}", self.message_type.0)?;
        writeln!(f, "PSID=0x{:X}", self.psid)?;
        writeln!(f, "Priority={}", self.priority)?;
        writeln!(f, "TxMode={}", if self.tx_mode == TxMode::Continuous { "CONT" } else { "ALT" })?;
        match self.tx_channel {
            Some(Channel::Number(number)) => writeln!(f, "TxChannel={number}")?,
            Some(Channel::Control) => writeln!(f, "TxChannel=CCH")?,
            Some(Channel::Service) => writeln!(f, "TxChannel=SCH")?,
            None => writeln!(f, "TxChannel=")?,
        }
        match self.tx_interval {
            Some(interval) => writeln!(f, "TxInterval={interval}")?,
            None => writeln!(f, "TxInterval=")?,
        }
        writeln!(f, "DeliveryStart={}", self.delivery_start.0)?;
        writeln!(f, "DeliveryStop={}", self.delivery_stop.0)?;
        writeln!(f, "Signature={}", word(self.signature))?;
        writeln!(f, "Encryption={}", word(self.encryption))?;
        writeln!(f, "Payload={}", hex::encode(&self.payload))
    }
}

fn without_0x(value: &str) -> &str {
    value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")).unwrap_or(value)
}

fn payload(value: &str) -> Result<Vec<u8>, Fault> {
    let digits = without_0x(value);
    let length = digits.len() / 2;
    if length > MAX_PAYLOAD {
        return Err(Fault::PayloadTooLong { length });
    }
    hex::decode(digits).map_err(|error| match error {
        FromHexError::InvalidHexCharacter { index, .. } => Fault::NotHex { index },
        FromHexError::OddLength | FromHexError::InvalidStringLength => Fault::OddHex,
    })
}

fn psid(value: &str) -> Option<u32> {
    let digits = without_0x(value);
    // `from_str_radix` alone would let a sign and leading zeros through.
    let plain = (1..=8).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    plain.then(|| u32::from_str_radix(digits, 16).ok())?
}

fn number(value: &str) -> Option<u32> {
    // `parse` alone would let a sign through.
    value.bytes().all(|digit| digit.is_ascii_digit()).then(|| value.parse().ok())?
}

fn tx_mode(value: &str) -> Option<TxMode> {
    if value.eq_ignore_ascii_case("CONT") {
        Some(TxMode::Continuous)
    } else {
        value.eq_ignore_ascii_case("ALT").then_some(TxMode::Alternating)
    }
}

fn channel(value: &str) -> Option<Channel> {
    if value.eq_ignore_ascii_case("CCH") {
        Some(Channel::Control)
    } else if value.eq_ignore_ascii_case("SCH") {
        Some(Channel::Service)
    } else {
        number(value)?.try_into().ok().map(Channel::Number)
    }
}

fn boolean(value: &str) -> Option<bool> {
    if value.eq_ignore_ascii_case("True") { Some(true) } else { value.eq_ignore_ascii_case("False").then_some(false) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests;
