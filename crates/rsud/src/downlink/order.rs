//! From octets to an order that can be carried out.

use std::time::Duration;

use pole_link::Command as PoleCommand;
use rsu_proto::Message as _;
use rsu_proto::v1::{self, command, send_on_air, v2x_message::Content};
use rsu_units::Timestamp;
use thiserror::Error;

use super::pole;
use crate::poles::values::asked;

/// Longest identity and name of who asks, characters.
pub const MAX_NAME: usize = 64;
/// Largest command, octets.
pub const MAX_COMMAND: usize = 256 * 1024;
/// Bounds of the period of a message on the air, seconds.
const PERIOD_S: std::ops::RangeInclusive<f64> = 0.1..=60.0;
/// Longest time for which a message is sent, seconds.
const MAX_DURATION_S: f64 = 86_400.0;

/// What is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send a message again and again for a while.
    Send {
        /// The message.
        content: Box<Content>,
        /// From one sending to the next.
        period: Duration,
        /// For so long.
        duration: Duration,
    },
    /// End what another command began.
    Cancel {
        /// The other command.
        command_id: String,
    },
    /// Tell how the RSU is.
    AskState,
    /// Change what is logged.
    SetLogLevel {
        /// A filter.
        level: String,
    },
    /// Change one key of the configuration.
    Set {
        /// The key, as a path.
        key: String,
        /// The value as TOML; empty takes an earlier setting back.
        value: String,
    },
    /// Have a smart pole do something.
    Pole {
        /// Its name.
        pole_id: String,
        /// What.
        command: PoleCommand,
    },
}

impl Action {
    /// A few words for the audit log.
    #[must_use]
    pub fn summary(&self) -> String {
        match self {
            Self::Send { content, period, duration } => {
                let what = match content.as_ref() {
                    Content::Rsi(_) => "RSI",
                    Content::Map(_) => "MAP",
                    _ => "SPAT",
                };
                format!("send {what} every {} s for {} s", period.as_secs_f64(), duration.as_secs_f64())
            }
            Self::Cancel { command_id } => format!("cancel {command_id:?}"),
            Self::AskState => "ask for the state".into(),
            Self::SetLogLevel { level } => format!("set the log level to {level:?}"),
            Self::Set { key, value } => format!("set {key} = {value}"),
            Self::Pole { pole_id, command } => format!("pole {pole_id:?}: {}", asked(command)),
        }
    }
}

/// An order that can be carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Its identity.
    pub command_id: String,
    /// Who asks, as they say themselves.
    pub issued_by: String,
    /// Worth nothing after this.
    pub expires_at: Option<Timestamp>,
    /// What is asked for.
    pub action: Action,
}

/// Why octets are no order.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OrderError {
    /// It is no message of ours.
    #[error("not a rsu.v1.Command: {0}")]
    Malformed(String),
    /// It cannot be answered, since nobody knows which it is.
    #[error("command_id must have 1 to {MAX_NAME} characters without control characters")]
    Identity,
    /// Something in it cannot be.
    #[error("{problem}")]
    Value {
        /// Its identity: so it can be answered.
        command_id: String,
        /// What is wrong.
        problem: String,
    },
}

/// Reads a command; JSON begins with `{`.
///
/// # Errors
/// What is wrong with it.
pub fn read(octets: &[u8]) -> Result<Order, OrderError> {
    if octets.len() > MAX_COMMAND {
        return Err(OrderError::Malformed(format!("{} octets are too many", octets.len())));
    }
    let command = if octets.first() == Some(&b'{') {
        serde_json::from_slice(octets).map_err(|error| OrderError::Malformed(error.to_string()))?
    } else {
        v1::Command::decode(octets).map_err(|error| OrderError::Malformed(error.to_string()))?
    };
    let is_name = |name: &str| name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control);
    let v1::Command { command_id, expires_at_us, issued_by, action } = command;
    if command_id.is_empty() || !is_name(&command_id) {
        return Err(OrderError::Identity);
    }
    let wrong = |problem: &str| OrderError::Value { command_id: command_id.clone(), problem: problem.into() };
    if !is_name(&issued_by) {
        return Err(wrong("issued_by is too long or has control characters"));
    }
    let action = match action {
        None => return Err(wrong("there is no action, or one that this version does not know")),
        Some(command::Action::SendOnAir(send)) => self::send(send).map_err(wrong)?,
        Some(command::Action::CancelSending(cancel)) => Action::Cancel { command_id: cancel.command_id },
        Some(command::Action::AskState(_)) => Action::AskState,
        Some(command::Action::SetLogLevel(set)) if set.level.len() <= 1024 => Action::SetLogLevel { level: set.level },
        Some(command::Action::SetLogLevel(_)) => return Err(wrong("the level is too long")),
        Some(command::Action::SetConfiguration(set)) if set.key.len() <= 256 && set.value.len() <= 4096 => {
            Action::Set { key: set.key, value: set.value }
        }
        Some(command::Action::SetConfiguration(_)) => return Err(wrong("key or value is too long")),
        Some(command::Action::CommandPole(order)) if is_name(&order.pole_id) => {
            let command = pole::command(order.order).map_err(|problem| wrong(&problem))?;
            Action::Pole { pole_id: order.pole_id, command }
        }
        Some(command::Action::CommandPole(_)) => return Err(wrong("pole_id is too long or has control characters")),
    };
    let expires_at = (expires_at_us != 0).then(|| Timestamp::from_micros(expires_at_us));
    Ok(Order { command_id, issued_by, expires_at, action })
}

fn send(send: v1::SendOnAir) -> Result<Action, &'static str> {
    let content = match send.content {
        Some(send_on_air::Content::Rsi(rsi)) => Content::Rsi(rsi),
        Some(send_on_air::Content::Map(map)) => Content::Map(map),
        Some(send_on_air::Content::Spat(spat)) => Content::Spat(spat),
        None => return Err("there is no message to send"),
    };
    if !PERIOD_S.contains(&send.period_s) {
        return Err("period_s must be from 0.1 to 60");
    }
    if !(send.duration_s > 0.0 && send.duration_s <= MAX_DURATION_S) {
        return Err("duration_s must be above 0 and at most 86400");
    }
    Ok(Action::Send {
        content: Box::new(content),
        period: Duration::from_secs_f64(send.period_s),
        duration: Duration::from_secs_f64(send.duration_s),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn command(action: Option<command::Action>) -> v1::Command {
        v1::Command { command_id: "a-1".into(), action, ..v1::Command::default() }
    }

    fn problem(command: &v1::Command) -> String {
        read(&command.encode_to_vec()).unwrap_err().to_string()
    }

    #[test]
    fn what_can_be_done_is_read_in_both_formats() {
        let asked = command(Some(command::Action::AskState(v1::AskState {})));
        let order = read(&asked.encode_to_vec()).unwrap();
        assert_eq!((order.command_id.as_str(), &order.action, order.expires_at), ("a-1", &Action::AskState, None));
        assert_eq!(read(&serde_json::to_vec(&asked).unwrap()), Ok(order));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        assert_eq!(read(b"{\"commandId\":\"\"}"), Err(OrderError::Identity));
        assert!(matches!(read(&[0xff; 10]), Err(OrderError::Malformed(_))));
        assert!(problem(&command(None)).contains("no action"));
        let send = |period_s, duration_s, content| {
            command(Some(command::Action::SendOnAir(v1::SendOnAir { period_s, duration_s, content })))
        };
        let rsi = || Some(send_on_air::Content::Rsi(v1::RoadSideInformation::default()));
        assert!(problem(&send(1.0, 1.0, None)).contains("no message"));
        for period_s in [0.0, 0.09, 61.0, f64::NAN] {
            assert!(problem(&send(period_s, 1.0, rsi())).contains("period_s"));
        }
        for duration_s in [0.0, -1.0, 86_401.0, f64::NAN] {
            assert!(problem(&send(1.0, duration_s, rsi())).contains("duration_s"));
        }
        assert!(read(&send(1.0, 1.0, rsi()).encode_to_vec()).is_ok());
    }

    proptest! {
        #[test]
        fn any_octets_are_read_or_refused(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&octets);
        }
    }
}
