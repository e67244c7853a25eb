//! The edge's commands on their way to one pole.
//!
//! One is under way at a time. It is sent again, ever more slowly, until its result comes, its deadline passes or the attempts
//! are used up; so each is reported exactly once. When the pole begins a new session it has forgotten what it did, and the
//! command is sent again if that does no harm.

use heapless::Deque;
use thiserror::Error;

use crate::codes::{Refusal, ResetCause};
use crate::command::Command;
use crate::config::EdgeConfig;
use crate::message::{Hello, Outcome};
use crate::time::{Millis, sooner};

/// How many commands of a pole can wait beside the one under way.
pub const MAX_COMMANDS: usize = 8;

/// Which command of a pole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommandId(pub u32);

/// [`MAX_COMMANDS`] wait already. Nothing was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many commands wait for the pole")]
pub struct QueueFull;

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandOutcome {
    /// The pole carried it out.
    Done,
    /// The pole carried it out; this is what it asked for.
    Value(i32),
    /// The pole did not carry it out.
    Refused(Refusal),
    /// No result came in time. If it was sent, the pole may have carried it out.
    TimedOut,
    /// The pole began a new session before it answered; the command is not one to send twice. The pole may have carried it
    /// out.
    Interrupted,
}

impl From<Outcome> for CommandOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Value(value) => Self::Value(value),
            Outcome::Refused(refusal) => Self::Refused(refusal),
        }
    }
}

#[derive(Debug)]
struct Waiting {
    id: CommandId,
    command: Command,
    deadline: Millis,
}

#[derive(Debug)]
struct UnderWay {
    id: CommandId,
    command: Command,
    deadline: Millis,
    number: u16,
    /// How often it was sent in this session.
    attempts: u8,
    next_at: Millis,
    wait_ms: u32,
    /// The boot count of the pole it was first sent to.
    sent_to: Option<u32>,
}

/// The commands of a pole.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    waiting: Deque<Waiting, MAX_COMMANDS>,
    under_way: Option<UnderWay>,
    last_id: u32,
    last_number: u16,
}

type Finished = (CommandId, CommandOutcome);

impl Commands {
    pub(crate) fn submit(&mut self, command: Command, deadline: Millis) -> Result<CommandId, QueueFull> {
        let id = CommandId(self.last_id.wrapping_add(1));
        self.waiting.push_back(Waiting { id, command, deadline }).map_err(|_| QueueFull)?;
        self.last_id = id.0;
        Ok(id)
    }

    /// A new session with the pole that said this. Says what became of a command that is not sent again.
    pub(crate) fn begin_session(&mut self, hello: &Hello) -> Option<Finished> {
        self.last_number = 0;
        let under_way = self.under_way.as_mut()?;
        if let Some(boot_count) = under_way.sent_to
            && !under_way.command.is_idempotent()
        {
            let restarted = hello.boot_count != boot_count && hello.info.reset_cause == ResetCause::COMMAND;
            let done = under_way.command == Command::Reset && restarted;
            let outcome = if done { CommandOutcome::Done } else { CommandOutcome::Interrupted };
            return self.finish(outcome);
        }
        self.last_number = 1;
        under_way.number = 1;
        under_way.attempts = 0;
        under_way.next_at = Millis(0);
        None
    }

    /// The command to send now: its number, and whether it was sent before in this session.
    pub(crate) fn take_due(
        &mut self,
        now: Millis,
        config: &EdgeConfig,
        boot_count: u32,
    ) -> Option<(u16, Command, bool)> {
        if self.under_way.is_none() {
            let Waiting { id, command, deadline } = self.waiting.pop_front()?;
            self.last_number = self.last_number.wrapping_add(1);
            let number = self.last_number;
            let next_at = Millis(0);
            self.under_way =
                Some(UnderWay { id, command, deadline, number, attempts: 0, next_at, wait_ms: 0, sent_to: None });
        }
        let under_way = self.under_way.as_mut()?;
        if now < under_way.next_at || under_way.attempts >= config.attempts.max(1) {
            return None;
        }
        let repeat = under_way.attempts > 0;
        under_way.wait_ms = if repeat {
            under_way.wait_ms.saturating_mul(2).min(config.retry_max_ms).max(1)
        } else {
            config.retry_ms.max(1)
        };
        under_way.attempts = under_way.attempts.saturating_add(1);
        under_way.next_at = now.plus(under_way.wait_ms);
        under_way.sent_to.get_or_insert(boot_count);
        Some((under_way.number, under_way.command.clone(), repeat))
    }

    /// The result of a command; none is reported twice, nor one that was given up.
    pub(crate) fn result(&mut self, number: u16, outcome: Outcome) -> Option<Finished> {
        let under_way = self.under_way.as_ref()?;
        // Numbers start again with each session: what was not sent in this one has no result in it.
        if under_way.number != number || under_way.attempts == 0 {
            return None;
        }
        self.finish(outcome.into())
    }

    /// A command whose time is over. Attempts only count while there is a session.
    pub(crate) fn expire(&mut self, now: Millis, up: bool, config: &EdgeConfig) -> Option<Finished> {
        if let Some(under_way) = &self.under_way {
            let used_up = up && under_way.attempts >= config.attempts.max(1) && now >= under_way.next_at;
            if used_up || now >= under_way.deadline {
                return self.finish(CommandOutcome::TimedOut);
            }
        }
        // The rest goes round once, so the order stays.
        let mut expired = None;
        for _ in 0..self.waiting.len() {
            let waiting = self.waiting.pop_front()?;
            if expired.is_none() && now >= waiting.deadline {
                expired = Some((waiting.id, CommandOutcome::TimedOut));
            } else if self.waiting.push_back(waiting).is_err() {
                break;
            }
        }
        expired
    }

    fn finish(&mut self, outcome: CommandOutcome) -> Option<Finished> {
        self.under_way.take().map(|under_way| (under_way.id, outcome))
    }

    /// Whether one has to be sent now.
    pub(crate) fn is_due(&self, now: Millis, config: &EdgeConfig) -> bool {
        match &self.under_way {
            Some(under_way) => now >= under_way.next_at && under_way.attempts < config.attempts.max(1),
            None => !self.waiting.is_empty(),
        }
    }

    /// Whether one waits or is under way.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.is_some() || !self.waiting.is_empty()
    }

    /// How many wait or are under way.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.under_way.is_some())
    }

    /// When one has to be sent or is over.
    pub(crate) fn deadline(&self, up: bool) -> Option<Millis> {
        let mut deadline = self.waiting.iter().map(|waiting| waiting.deadline).min();
        match &self.under_way {
            Some(under_way) => {
                deadline = sooner(deadline, Some(under_way.deadline));
                if up {
                    deadline = sooner(deadline, Some(under_way.next_at));
                }
            }
            None if up && !self.waiting.is_empty() => deadline = Some(Millis(0)),
            None => {}
        }
        deadline
    }
}
