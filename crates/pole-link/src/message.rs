//! The messages of both directions. `docs/pole-link.md` has their fields in the order they stand on the wire.

use serde::{Deserialize, Serialize};

use crate::body::{self, Malformed, Reader};
use crate::codes::{AlarmKind, Colour, LightMode, Refusal, RejectReason};
use crate::command::{self, Command};
use crate::counters::LinkCounters;
use crate::frame::TooLong;
use crate::values::{Permille, PoleInfo, ProtocolRange, Readings, Session};

/// The message identities. Those below 0x10 are the greeting's.
pub(crate) mod id {
    /// Messages from here on belong to a session.
    pub(crate) const FIRST_IN_SESSION: u8 = 0x10;
    pub(crate) const HELLO: u8 = 0x01;
    pub(crate) const WELCOME: u8 = 0x02;
    pub(crate) const REJECT: u8 = 0x03;
    pub(crate) const GREET: u8 = 0x04;
    pub(crate) const HEARTBEAT: u8 = 0x10;
    pub(crate) const TELEMETRY: u8 = 0x11;
    pub(crate) const ALARM: u8 = 0x12;
    pub(crate) const ALARM_ACK: u8 = 0x13;
    pub(crate) const STATE: u8 = 0x14;
    pub(crate) const COMMAND_RESULT: u8 = 0x15;
}

/// The pole says who it is and asks for a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol versions it speaks.
    pub protocol: ProtocolRange,
    /// How many times it has started.
    pub boot_count: u32,
    /// Which greeting since it started.
    pub greeting: u32,
    /// Who it is.
    pub info: PoleInfo,
}

/// The edge gives a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The version that is spoken from now on.
    pub protocol: u8,
    /// The session's number.
    pub session: Session,
    /// The boot count of the Hello that this answers.
    pub boot_count: u32,
    /// The greeting of the Hello that this answers.
    pub greeting: u32,
    /// The wall clock, ms since the Unix epoch, if the edge knows it.
    pub unix_ms: Option<u64>,
    /// Each end sends something at least this often, ms.
    pub heartbeat_ms: u32,
    /// An end that hears nothing for so long gives the session up, ms.
    pub silence_ms: u32,
}

/// The edge gives no session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// Why.
    pub reason: RejectReason,
    /// The protocol versions the edge speaks.
    pub protocol: ProtocolRange,
    /// The boot count of the Hello that this answers.
    pub boot_count: u32,
    /// The greeting of the Hello that this answers.
    pub greeting: u32,
}

/// The edge asks the pole to greet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Greet {
    /// The session that the edge does not know, or 0 for any on a bus.
    pub session: u32,
}

/// What the sensors say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Telemetry {
    /// Counts samples since the pole started.
    pub sample: u32,
    /// How long before sending it was taken, ms.
    pub age_ms: u32,
    /// Whether it was kept while there was no link.
    pub backlog: bool,
    /// The readings.
    pub readings: Readings,
}

/// An alarm began or ended. It is repeated until it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Counts the alarms of the session from 1, wrapping.
    pub number: u16,
    /// What it is about.
    pub kind: AlarmKind,
    /// Which of several of a kind: a contact's number, a quantity, or 0.
    pub source: u8,
    /// Whether it began.
    pub active: bool,
    /// What was measured, in the kind's unit, or 0.
    pub value: i32,
    /// How long before sending it happened, ms.
    pub age_ms: u32,
}

/// The edge has an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmAck {
    /// Its number.
    pub number: u16,
}

/// What became of a command, as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// The command's number.
    pub number: u16,
    /// 0 if it was carried out, else a [`Refusal`].
    pub code: u8,
    /// What the command asked for.
    pub value: Option<i32>,
}

/// What became of a command, as the pole's application says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Carried out.
    Done,
    /// Carried out; this is what it asked for.
    Value(i32),
    /// Not carried out.
    Refused(Refusal),
}

impl CommandResult {
    /// The result of command `number`.
    pub const fn new(number: u16, outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self { number, code: 0, value: None },
            Outcome::Value(value) => Self { number, code: 0, value: Some(value) },
            // 0 would say that it was carried out.
            Outcome::Refused(Refusal(0)) => Self { number, code: Refusal::FAULT.0, value: None },
            Outcome::Refused(Refusal(code)) => Self { number, code, value: None },
        }
    }

    /// What became of it.
    pub const fn outcome(&self) -> Outcome {
        match (self.code, self.value) {
            (0, None) => Outcome::Done,
            (0, Some(value)) => Outcome::Value(value),
            (code, _) => Outcome::Refused(Refusal(code)),
        }
    }
}

/// What a pole does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The luminaire's level.
    pub level: Permille,
    /// The level it is on the way to.
    pub target: Permille,
    /// Who decides the level.
    pub mode: LightMode,
    /// The warning that is shown.
    pub warning: Option<ShownWarning>,
    /// Whether the beacon is on.
    pub beacon: bool,
    /// Whether the pole is in its safe state.
    pub safe: bool,
    /// Samples that were dropped because the link was away for too long, since the pole started.
    pub lost_telemetry: u32,
    /// What the pole's end of the link counted.
    pub link: LinkCounters,
}

/// A warning that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownWarning {
    /// Which text.
    pub text_id: u16,
    /// In which colour.
    pub colour: Colour,
    /// For how long still, ms.
    pub remaining_ms: u32,
}

/// A message from a pole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant, reason = "there is no heap; it lives as long as one frame is looked at")]
pub enum ToEdge {
    /// See [`Hello`].
    Hello(Hello),
    /// Nothing to say.
    Heartbeat,
    /// See [`Telemetry`].
    Telemetry(Telemetry),
    /// See [`Alarm`].
    Alarm(Alarm),
    /// See [`State`].
    State(State),
    /// See [`CommandResult`].
    CommandResult(CommandResult),
    /// A message of a later version: to be ignored.
    Unknown {
        /// Its identity.
        id: u8,
    },
}

impl ToEdge {
    /// The identity of its kind.
    pub const fn id(&self) -> u8 {
        match self {
            Self::Hello(_) => id::HELLO,
            Self::Heartbeat => id::HEARTBEAT,
            Self::Telemetry(_) => id::TELEMETRY,
            Self::Alarm(_) => id::ALARM,
            Self::State(_) => id::STATE,
            Self::CommandResult(_) => id::COMMAND_RESULT,
            Self::Unknown { id } => *id,
        }
    }

    /// Writes the body; returns its octets. An unknown message has none.
    ///
    /// # Errors
    /// [`TooLong`] if `out` is too short.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, TooLong> {
        match self {
            Self::Hello(hello) => body::write(hello, out),
            Self::Telemetry(telemetry) => body::write(telemetry, out),
            Self::Alarm(alarm) => body::write(alarm, out),
            Self::State(state) => body::write(state, out),
            Self::CommandResult(result) => body::write(result, out),
            Self::Heartbeat | Self::Unknown { .. } => Ok(0),
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] if the message is known and the body is not its own.
    pub fn read(id: u8, body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        Ok(match id {
            id::HELLO => Self::Hello(reader.take()?),
            id::HEARTBEAT => Self::Heartbeat,
            id::TELEMETRY => Self::Telemetry(reader.take()?),
            id::ALARM => Self::Alarm(reader.take()?),
            id::STATE => Self::State(reader.take()?),
            id::COMMAND_RESULT => Self::CommandResult(reader.take()?),
            id => Self::Unknown { id },
        })
    }
}

/// A message from the edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToPole {
    /// See [`Welcome`].
    Welcome(Welcome),
    /// See [`Reject`].
    Reject(Reject),
    /// See [`Greet`].
    Greet(Greet),
    /// Nothing to say; on a bus: the pole's turn.
    Heartbeat,
    /// See [`AlarmAck`].
    AlarmAck(AlarmAck),
    /// A command.
    Command {
        /// Counts the commands of the session from 1, wrapping; each until its result is known.
        number: u16,
        /// What to do.
        command: Command,
    },
    /// A command that cannot be carried out as it came. Only ever read.
    Refuse {
        /// Its number.
        number: u16,
        /// Why not.
        refusal: Refusal,
    },
    /// A message of a later version: to be ignored.
    Unknown {
        /// Its identity.
        id: u8,
    },
}

impl ToPole {
    /// The identity of its kind; none for what is only ever read.
    pub const fn id(&self) -> Option<u8> {
        Some(match self {
            Self::Welcome(_) => id::WELCOME,
            Self::Reject(_) => id::REJECT,
            Self::Greet(_) => id::GREET,
            Self::Heartbeat => id::HEARTBEAT,
            Self::AlarmAck(_) => id::ALARM_ACK,
            Self::Command { command, .. } => command.id(),
            Self::Unknown { id } => *id,
            Self::Refuse { .. } => return None,
        })
    }

    /// Writes the body; returns its octets. An unknown message has none.
    ///
    /// # Errors
    /// [`TooLong`] if `out` is too short.
    pub fn write(&self, out: &mut [u8]) -> Result<usize, TooLong> {
        match self {
            Self::Welcome(welcome) => body::write(welcome, out),
            Self::Reject(reject) => body::write(reject, out),
            Self::Greet(greet) => body::write(greet, out),
            Self::AlarmAck(ack) => body::write(ack, out),
            Self::Command { number, command } => command.write(*number, out),
            Self::Heartbeat | Self::Refuse { .. } | Self::Unknown { .. } => Ok(0),
        }
    }

    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] if the message is known and the body is not its own; a command must have a number at least.
    pub fn read(id: u8, body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        Ok(match id {
            id::WELCOME => Self::Welcome(reader.take()?),
            id::REJECT => Self::Reject(reader.take()?),
            id::GREET => Self::Greet(reader.take()?),
            id::HEARTBEAT => Self::Heartbeat,
            id::ALARM_ACK => Self::AlarmAck(reader.take()?),
            command::id::FIRST..=command::id::LAST => {
                let number = reader.take()?;
                match Command::read(id, reader) {
                    Ok(command) => Self::Command { number, command },
                    Err(refusal) => Self::Refuse { number, refusal },
                }
            }
            id => Self::Unknown { id },
        })
    }
}
