//! Carrying out commands.
//!
//! Most are done at once. What must be kept counts only when it is kept: the answer waits for the flash, and a flash that fails
//! leaves all as it was. What a part must do is answered when the part has taken it.

use pole_link::{Capabilities, Command, ConfigKey, Millis, Outcome, Refusal, SwitchPoints, Ticket};

use crate::hand_over::HandOver;
use crate::node::Node;
use crate::settings::Settings;
use crate::store::{Saved, StoreError};
use crate::warning::Wanted;

/// A commanded reset waits at most so long for its answer to be sent, ms.
const RESTART_MS: u32 = 1000;

/// What a command waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pending {
    /// This value is to be kept.
    Value(ConfigKey, i32),
    /// This schedule is to be kept.
    Schedule(SwitchPoints),
    /// This is to be handed over.
    HandOver(HandOver),
    /// The same, and it is under way.
    HandingOver,
    /// These parts are to do something.
    Parts(Capabilities),
}

enum Carried {
    Done,
    Value(i32),
    Waits(Pending),
}

impl<const RING: usize> Node<RING> {
    /// Carries out a command and answers it, now or later. A broadcast has no ticket and no answer.
    pub(crate) fn command(&mut self, now: Millis, ticket: Option<Ticket>, command: Command) {
        let outcome = match self.carry_out(now, command) {
            Ok(Carried::Done) => Outcome::Done,
            Ok(Carried::Value(value)) => Outcome::Value(value),
            Ok(Carried::Waits(Pending::Parts(parts))) if ticket.is_none() || self.pending.is_some() => {
                self.outcome_of(parts)
            }
            Ok(Carried::Waits(_)) if self.pending.is_some() => Outcome::Refused(Refusal::BUSY),
            Ok(Carried::Waits(pending)) => {
                self.due.store |= matches!(pending, Pending::Value(..) | Pending::Schedule(_));
                self.pending = Some((ticket, pending));
                return;
            }
            Err(refusal) => Outcome::Refused(refusal),
        };
        self.answer(ticket, outcome);
    }

    fn answer(&mut self, ticket: Option<Ticket>, outcome: Outcome) {
        if let Some(ticket) = ticket {
            // The edge may have given up: then nobody waits.
            self.link.finish(ticket, outcome);
        }
    }

    fn needs(&self, parts: Capabilities) -> Result<(), Refusal> {
        if self.parts.has(parts) { Ok(()) } else { Err(Refusal::NO_SUCH_PART) }
    }

    fn carry_out(&mut self, now: Millis, command: Command) -> Result<Carried, Refusal> {
        if self.restart_by.is_some() {
            return Err(Refusal::BUSY);
        }
        match command {
            Command::SetLuminaire { level, ramp_ms } => {
                self.needs(Capabilities::LUMINAIRE)?;
                self.luminaire.set(level, ramp_ms)?;
                Ok(Carried::Waits(Pending::Parts(Capabilities::LUMINAIRE)))
            }
            Command::Presence { level, ramp_ms, hold_ms } => {
                self.needs(Capabilities::LUMINAIRE)?;
                self.luminaire.presence(now, level, ramp_ms, hold_ms)?;
                Ok(Carried::Waits(Pending::Parts(Capabilities::LUMINAIRE)))
            }
            Command::Schedule { points } => self.schedule(points),
            Command::ShowWarning { text_id, colour, blink, beacon, expires_ms } => {
                let wanted = Wanted { text_id, colour, blink, beacon, expires_ms };
                self.warning.show(now, wanted, self.parts, self.texts)?;
                let display = if text_id == 0 { Capabilities::default() } else { Capabilities::DISPLAY };
                let beacon = if beacon { Capabilities::BEACON } else { Capabilities::default() };
                Ok(Carried::Waits(Pending::Parts(display.with(beacon))))
            }
            Command::ClearWarning => {
                let there = Capabilities::DISPLAY.with(Capabilities::BEACON).0 & self.parts.0;
                if there == 0 {
                    return Err(Refusal::NO_SUCH_PART);
                }
                self.warning.clear();
                Ok(Carried::Waits(Pending::Parts(Capabilities(there))))
            }
            Command::SetConfig { key, value } => self.set_config(key, value),
            Command::GetConfig { key } => self.config.get(key).map(Carried::Value).ok_or(Refusal::UNKNOWN_KEY),
            Command::GetState => {
                self.due.state = true;
                Ok(Carried::Done)
            }
            Command::SetTime { unix_ms } => {
                self.clock.set(now, unix_ms);
                Ok(Carried::Done)
            }
            Command::Reset => {
                self.restart_by = Some(now.plus(RESTART_MS));
                Ok(Carried::Done)
            }
            Command::PrepareUpdate { image_octets, version, sha256 } => {
                self.needs(Capabilities::UPDATE)?;
                if image_octets == 0 || image_octets > self.max_image_octets {
                    return Err(Refusal::BAD_VALUE);
                }
                Ok(Carried::Waits(Pending::HandOver(HandOver { image_octets, version, sha256 })))
            }
        }
    }

    fn schedule(&mut self, points: SwitchPoints) -> Result<Carried, Refusal> {
        self.needs(Capabilities::LUMINAIRE)?;
        crate::luminaire::check(&points)?;
        if self.keeps && *self.luminaire.schedule() != points {
            return Ok(Carried::Waits(Pending::Schedule(points)));
        }
        self.luminaire.follow(points);
        Ok(Carried::Done)
    }

    fn set_config(&mut self, key: ConfigKey, value: i32) -> Result<Carried, Refusal> {
        let before = self.config.clone().set(key, value)?;
        if before == value {
            return Ok(Carried::Done);
        }
        if self.keeps { Ok(Carried::Waits(Pending::Value(key, value))) } else { Err(Refusal::STORAGE) }
    }

    /// Puts the change that waits into what is to be kept.
    pub(crate) fn with_pending(&self, settings: &mut Settings) {
        match &self.pending {
            Some((_, Pending::Value(key, value))) => {
                let mut config = self.config.clone();
                if config.set(*key, *value).is_ok() {
                    settings.changed = config.changed();
                }
            }
            Some((_, Pending::Schedule(points))) => settings.schedule = points.clone(),
            _ => {}
        }
    }

    /// What became of [`crate::Action::Store`].
    pub fn stored(&mut self, now: Millis, result: Result<Saved, StoreError>) {
        if result == Ok(Saved::Both) {
            self.health.stored();
        } else {
            self.health.storage_error(now);
        }
        let kept = result.is_ok();
        let outcome = if kept { Outcome::Done } else { Outcome::Refused(Refusal::STORAGE) };
        match self.pending.take() {
            Some((ticket, Pending::Value(key, value))) => {
                if kept {
                    // Checked when it came.
                    let _ = self.config.set(key, value);
                }
                self.answer(ticket, outcome);
            }
            Some((ticket, Pending::Schedule(points))) => {
                if kept {
                    self.luminaire.follow(points);
                }
                self.answer(ticket, outcome);
            }
            other => self.pending = other,
        }
    }

    /// The record that is to be handed over.
    pub(crate) fn take_hand_over(&mut self) -> Option<HandOver> {
        let (_, pending) = self.pending.as_mut()?;
        let Pending::HandOver(hand_over) = *pending else { return None };
        *pending = Pending::HandingOver;
        Some(hand_over)
    }

    /// What became of [`crate::Action::HandOver`].
    pub fn handed_over(&mut self, now: Millis, result: Result<(), StoreError>) {
        let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Refused(Refusal::STORAGE) };
        if result.is_err() {
            self.health.storage_error(now);
        }
        match self.pending.take() {
            Some((ticket, Pending::HandingOver)) => self.answer(ticket, outcome),
            other => self.pending = other,
        }
    }

    /// The parts have taken what they are to do, or have not.
    pub(crate) fn finish_applied(&mut self) {
        let Some((ticket, Pending::Parts(parts))) = &self.pending else { return };
        let (ticket, parts) = (*ticket, *parts);
        let outcome = self.outcome_of(parts);
        self.pending = None;
        self.answer(ticket, outcome);
    }

    /// Whether these parts do what they are to do, as far as is known.
    fn outcome_of(&self, parts: Capabilities) -> Outcome {
        let failed = self.faults.luminaire && parts.has(Capabilities::LUMINAIRE)
            || self.faults.display && parts.has(Capabilities::DISPLAY)
            || self.faults.beacon && parts.has(Capabilities::BEACON);
        if failed { Outcome::Refused(Refusal::FAULT) } else { Outcome::Done }
    }
}
