//! Carrying commands out.
//!
//! Sans-I/O but for the audit log: octets and the time go in, what is to be done comes out as [`Effect`]s. A command is
//! written down before it is acknowledged and before anything is done; when it is done, failed or refused that is written
//! down as well, and answered.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pole_link::Command as PoleCommand;
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use v2x_codec::Profile as Edition;
use v2x_codec::split;

use super::journal::{Entry, Journal, Outcome, ReplyTo};
use super::order::{Action, Order, OrderError, read};
use super::overlay::{Overlay, Setting, may_be_set};

/// Messages that commands keep on the air at the same time.
const MAX_SENDING: usize = 32;

/// Changes what is logged. The error says what is wrong with the filter.
pub type LogControl = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Says what a configuration with other settings would come to. The error is for whoever set it.
pub type Check = Arc<dyn Fn(&Overlay) -> Result<(), String> + Send + Sync>;

/// Says whether there is a smart pole of a name.
pub type KnowsPole = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Settings to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// The command that wants it.
    pub command_id: String,
    /// All settings, with the new one.
    pub overlay: Overlay,
}

/// What became of a command that an earlier start of the daemon's inside began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concluded {
    /// Its identity.
    pub command_id: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for people.
    pub reason: String,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Answer.
    Reply(Box<Reply>),
    /// Tell the road users.
    Send(Box<Content>),
    /// Try settings: the daemon's inside starts anew.
    Try(Trial),
    /// Have a pole do something; what becomes of it is concluded later.
    Pole {
        /// The command that wants it.
        command_id: String,
        /// The pole's name.
        pole_id: String,
        /// What.
        command: PoleCommand,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The message, but for its header.
    pub message: v1::CommandReply,
    /// Where it is wanted, beside the topic of the contract.
    pub reply_to: Option<ReplyTo>,
    /// The link over which the command came.
    pub link: String,
}

/// A command as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Over which link.
    pub link: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// Where an answer is wanted.
    pub reply_to: Option<ReplyTo>,
}

/// A message that a command keeps on the air.
#[derive(Debug)]
struct Sending {
    command_id: String,
    content: Box<Content>,
    period: Duration,
    next_at: Timestamp,
    until: Timestamp,
}

/// What a commander works with.
pub struct Setup {
    /// Where the audit log and the settings are.
    pub folder: PathBuf,
    /// The settings that are in force.
    pub overlay: Overlay,
    /// The edition in which is sent, if there is a radio to send with.
    pub radio: Option<Edition>,
    /// Changes what is logged.
    pub log: LogControl,
    /// Checks settings.
    pub check: Check,
    /// Whether there is a pole of a name.
    pub knows_pole: KnowsPole,
    /// What an earlier start of the daemon's inside found out.
    pub concluded: Vec<Concluded>,
    /// The command whose settings are being tried just now.
    pub trying: Option<String>,
}

/// See the module.
pub struct Commander {
    journal: Journal,
    sending: Vec<Sending>,
    setup: Setup,
}

impl Commander {
    /// Reads the audit log, and answers for what an earlier run left open.
    #[must_use]
    pub fn new(mut setup: Setup, now: Timestamp, effects: &mut Vec<Effect>) -> Self {
        let journal = Journal::open(&setup.folder);
        let concluded = std::mem::take(&mut setup.concluded);
        let mut commander = Self { journal, sending: Vec::new(), setup };
        for Concluded { command_id, outcome, reason } in concluded {
            commander.conclude(now, &command_id, outcome, &reason, None, effects);
        }
        for entry in commander.journal.unfinished() {
            if commander.setup.trying.as_ref() == Some(&entry.command_id) {
                continue;
            }
            let kept = commander.setup.overlay.set.iter().any(|setting| setting.command_id == entry.command_id);
            let (outcome, reason) =
                if kept { (Outcome::Done, "") } else { (Outcome::Failed, "the daemon was restarted meanwhile") };
            commander.conclude(now, &entry.command_id, outcome, reason, None, effects);
        }
        commander
    }

    /// Takes a command in. When this returns it may be acknowledged to the broker. `health` is how the RSU is.
    pub fn take(
        &mut self,
        now: Timestamp,
        received: &Received,
        health: impl FnOnce() -> Option<v1::Health>,
        effects: &mut Vec<Effect>,
    ) {
        let order = match read(&received.payload) {
            Ok(order) => order,
            Err(OrderError::Value { command_id, problem }) => {
                let order = Order { command_id, issued_by: String::new(), expires_at: None, action: Action::AskState };
                return self.refuse(now, &order, "", received, &problem, effects);
            }
            // Nobody knows whom to answer about what; the log has it.
            Err(error) => {
                let entry = self.entry(now, &Order::unknown(), "", received, Outcome::Refused, &error.to_string());
                let _ = self.journal.write(entry);
                return;
            }
        };
        let summary = order.action.summary();
        if let Some(known) = self.journal.find(&order.command_id) {
            let reason = format!("it came before and was {}", name(known.outcome));
            let entry = self.entry(now, &order, &summary, received, Outcome::Repeated, &reason);
            let _ = self.journal.write(entry);
            return reply(effects, received, &order.command_id, Outcome::Repeated, &reason, None);
        }
        if order.expires_at.is_some_and(|expires_at| expires_at < now) {
            return self.refuse(now, &order, &summary, received, "it has expired", effects);
        }
        if let Err(problem) = self.allowed(&order) {
            return self.refuse(now, &order, &summary, received, &problem, effects);
        }
        let entry = self.entry(now, &order, &summary, received, Outcome::Accepted, "");
        if let Err(error) = self.journal.write(entry) {
            let problem = format!("the audit log cannot be written: {error}");
            return reply(effects, received, &order.command_id, Outcome::Refused, &problem, None);
        }
        reply(effects, received, &order.command_id, Outcome::Accepted, "", None);
        self.carry_out(now, order, health, effects);
    }

    /// What can be said before anything is done.
    fn allowed(&self, order: &Order) -> Result<(), String> {
        match &order.action {
            Action::Send { content, .. } => {
                let edition = self.setup.radio.ok_or("there is no radio to send with: no [pc5.send]")?;
                if self.sending.len() >= MAX_SENDING {
                    return Err(format!("{MAX_SENDING} messages are being sent already"));
                }
                let parts = split::Outgoing::default().parts(edition, (**content).clone());
                if parts.map_err(|error| error.to_string())?.is_empty() {
                    return Err("there is nothing to send in the message".into());
                }
                Ok(())
            }
            Action::Cancel { command_id } => {
                let known = self.sending.iter().any(|sending| sending.command_id == *command_id);
                if known { Ok(()) } else { Err(format!("{command_id:?} sends nothing")) }
            }
            Action::Set { key, .. } if !may_be_set(key) => Err(format!("{key:?} may not be set from here")),
            Action::Set { key, value } => (self.setup.check)(&self.with(order, key, value)),
            Action::Pole { pole_id, .. } if !(self.setup.knows_pole)(pole_id) => {
                Err(format!("there is no pole {pole_id:?}"))
            }
            Action::Pole { .. } | Action::AskState | Action::SetLogLevel { .. } => Ok(()),
        }
    }

    fn with(&self, order: &Order, key: &str, value: &str) -> Overlay {
        let (key, value, command_id) = (key.to_owned(), value.to_owned(), order.command_id.clone());
        self.setup.overlay.with(Setting { key, value, command_id })
    }

    fn carry_out(
        &mut self,
        now: Timestamp,
        order: Order,
        health: impl FnOnce() -> Option<v1::Health>,
        effects: &mut Vec<Effect>,
    ) {
        let id = order.command_id.clone();
        match order.action {
            Action::Send { content, period, duration } => {
                self.sending.push(Sending { command_id: id, content, period, next_at: now, until: now + duration });
                self.tick(now, effects);
            }
            Action::Cancel { command_id } => {
                self.sending.retain(|sending| sending.command_id != command_id);
                self.conclude(now, &command_id, Outcome::Done, "cancelled", None, effects);
                self.conclude(now, &id, Outcome::Done, "", None, effects);
            }
            Action::AskState => self.conclude(now, &id, Outcome::Done, "", health(), effects),
            Action::SetLogLevel { level } => {
                let (outcome, reason) = match (self.setup.log)(&level) {
                    Ok(()) => (Outcome::Done, String::new()),
                    Err(error) => (Outcome::Failed, error),
                };
                self.conclude(now, &id, outcome, &reason, None, effects);
            }
            Action::Set { ref key, ref value } => {
                let overlay = self.with(&order, key, value);
                effects.push(Effect::Try(Trial { command_id: id, overlay }));
            }
            Action::Pole { pole_id, command } => {
                effects.push(Effect::Pole { command_id: id, pole_id, command });
            }
        }
    }

    /// Sends what is due and ends what is over.
    pub fn tick(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let mut over = Vec::new();
        for sending in &mut self.sending {
            if now >= sending.until {
                over.push(sending.command_id.clone());
            } else if now >= sending.next_at {
                effects.push(Effect::Send(sending.content.clone()));
                // Who was late does not make up for it.
                sending.next_at = (sending.next_at + sending.period).max(now);
            }
        }
        self.sending.retain(|sending| !over.contains(&sending.command_id));
        for command_id in over {
            self.conclude(now, &command_id, Outcome::Done, "", None, effects);
        }
    }

    /// When something is due.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        self.sending.iter().map(|sending| sending.next_at.min(sending.until)).min()
    }

    /// What became of a command that took its time.
    pub fn conclude(
        &mut self,
        now: Timestamp,
        command_id: &str,
        outcome: Outcome,
        reason: &str,
        health: Option<v1::Health>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(known) = self.journal.find(command_id).filter(|known| known.outcome == Outcome::Accepted) else {
            return;
        };
        let received = Received { link: known.link.clone(), payload: Vec::new(), reply_to: known.reply_to.clone() };
        let entry =
            Entry { at_us: now.as_micros(), at: now.to_string(), outcome, reason: reason.into(), ..known.clone() };
        // It was carried out, whatever the disk says.
        let _ = self.journal.write(entry);
        reply(effects, &received, command_id, outcome, reason, health);
    }

    fn refuse(
        &mut self,
        now: Timestamp,
        order: &Order,
        summary: &str,
        received: &Received,
        problem: &str,
        effects: &mut Vec<Effect>,
    ) {
        let entry = self.entry(now, order, summary, received, Outcome::Refused, problem);
        let _ = self.journal.write(entry);
        reply(effects, received, &order.command_id, Outcome::Refused, problem, None);
    }

    #[allow(clippy::unused_self, reason = "beside its kin")]
    fn entry(
        &self,
        now: Timestamp,
        order: &Order,
        summary: &str,
        received: &Received,
        outcome: Outcome,
        reason: &str,
    ) -> Entry {
        Entry {
            at_us: now.as_micros(),
            at: now.to_string(),
            link: received.link.clone(),
            command_id: order.command_id.clone(),
            issued_by: order.issued_by.clone(),
            action: summary.into(),
            outcome,
            reason: reason.into(),
            reply_to: received.reply_to.clone(),
        }
    }
}

impl Order {
    /// Of which nothing could be read.
    fn unknown() -> Self {
        Self { command_id: String::new(), issued_by: String::new(), expires_at: None, action: Action::AskState }
    }
}

fn name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Done => "done",
        Outcome::Refused => "refused",
        Outcome::Failed => "begun and failed",
        Outcome::Repeated => "repeated",
    }
}

fn reply(
    effects: &mut Vec<Effect>,
    received: &Received,
    command_id: &str,
    outcome: Outcome,
    reason: &str,
    health: Option<v1::Health>,
) {
    let outcome = match outcome {
        Outcome::Accepted => v1::CommandOutcome::Accepted,
        Outcome::Done => v1::CommandOutcome::Done,
        Outcome::Refused => v1::CommandOutcome::Refused,
        Outcome::Failed => v1::CommandOutcome::Failed,
        Outcome::Repeated => v1::CommandOutcome::Repeated,
    };
    let message = v1::CommandReply {
        header: None,
        command_id: command_id.into(),
        outcome: outcome.into(),
        reason: reason.into(),
        health,
    };
    let (reply_to, link) = (received.reply_to.clone(), received.link.clone());
    effects.push(Effect::Reply(Box::new(Reply { message, reply_to, link })));
}
