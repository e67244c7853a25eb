//! What waits to be asked of one pole.
//!
//! One command is under way at a time, so what waits can still be put in order: a warning goes first, then what a person asked
//! for, then lighting. Of warnings, levels and presences only the newest is worth sending, so it takes the place of one that
//! waits; the rest waits in a row of [`MAX_OTHERS`]. Lighting never takes a warning's place.

use pole_link::{Command, CommandOutcome, Millis};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

/// How many other commands wait for a pole.
pub const MAX_OTHERS: usize = 16;

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// The pole carried it out.
    Done,
    /// The pole carried it out; this is what was asked for, in the key's unit.
    Value {
        /// The answer.
        value: i32,
    },
    /// The pole did not carry it out.
    Refused {
        /// The pole's reason.
        reason: String,
    },
    /// No answer came in time; the pole may have carried it out.
    TimedOut,
    /// The pole started anew before it answered; it may have carried it out.
    Interrupted,
    /// It was not sent: a newer one took its place.
    Superseded,
    /// It was not sent: too many wait.
    QueueFull,
    /// It was not sent: there was no link with the pole in time.
    NoLink,
    /// There is no such pole.
    NoSuchPole,
}

impl Outcome {
    /// Whether the pole carried it out.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::Value { .. })
    }
}

impl Outcome {
    /// The name in counters.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Done | Self::Value { .. } => "done",
            Self::Refused { .. } => "refused",
            Self::TimedOut => "timed_out",
            Self::Interrupted => "interrupted",
            Self::Superseded => "superseded",
            Self::QueueFull => "queue_full",
            Self::NoLink => "no_link",
            Self::NoSuchPole => "no_such_pole",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Value { value } => write!(f, "{value}"),
            Self::Refused { reason } => write!(f, "the pole refused: {reason}"),
            Self::TimedOut => f.write_str("the pole did not answer in time"),
            Self::Interrupted => f.write_str("the pole started anew before it answered"),
            Self::Superseded => f.write_str("a newer order took its place"),
            Self::QueueFull => f.write_str("too many orders wait for the pole"),
            Self::NoLink => f.write_str("there was no link with the pole"),
            Self::NoSuchPole => f.write_str("there is no such pole"),
        }
    }
}

impl From<CommandOutcome> for Outcome {
    fn from(outcome: CommandOutcome) -> Self {
        match outcome {
            CommandOutcome::Done => Self::Done,
            CommandOutcome::Value(value) => Self::Value { value },
            CommandOutcome::Refused(refusal) => {
                Self::Refused { reason: refusal.name().map_or_else(|| refusal.0.to_string(), str::to_owned) }
            }
            CommandOutcome::TimedOut => Self::TimedOut,
            CommandOutcome::Interrupted => Self::Interrupted,
        }
    }
}

/// Something to ask of a pole.
#[derive(Debug)]
pub struct Order {
    /// What.
    pub command: Command,
    /// Worth nothing after this.
    pub until: Millis,
    /// When it was given, for the round trip.
    pub given: tokio::time::Instant,
    /// Who wants to know what became of it.
    pub answer: Option<oneshot::Sender<Outcome>>,
}

impl Order {
    /// Tells whoever wants to know.
    pub fn conclude(self, outcome: Outcome) {
        if let Some(answer) = self.answer {
            // Who asked may have gone.
            let _ = answer.send(outcome);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Warning,
    Other,
    Lighting,
}

fn rank(command: &Command) -> Rank {
    match command {
        Command::ShowWarning { .. } | Command::ClearWarning => Rank::Warning,
        Command::SetLuminaire { .. } | Command::Presence { .. } => Rank::Lighting,
        _ => Rank::Other,
    }
}

/// Whether the newer makes the older pointless.
fn replaces(newer: &Command, older: &Command) -> bool {
    match rank(newer) {
        Rank::Warning => rank(older) == Rank::Warning,
        Rank::Lighting => newer.id() == older.id(),
        Rank::Other => false,
    }
}

/// The waiting orders of a pole.
#[derive(Debug, Default)]
pub struct Orders {
    waiting: Vec<Order>,
}

impl Orders {
    /// Puts an order in. What has to go for it is told and given back as what became of it: the one that it replaces, or, when
    /// too many wait, itself.
    pub fn put(&mut self, order: Order) -> Option<Outcome> {
        if let Some(place) = self.waiting.iter().position(|older| replaces(&order.command, &older.command)) {
            let older = self.waiting.remove(place);
            self.waiting.push(order);
            older.conclude(Outcome::Superseded);
            return Some(Outcome::Superseded);
        }
        let others = self.waiting.iter().filter(|other| rank(&other.command) == Rank::Other).count();
        if rank(&order.command) == Rank::Other && others >= MAX_OTHERS {
            order.conclude(Outcome::QueueFull);
            return Some(Outcome::QueueFull);
        }
        self.waiting.push(order);
        None
    }

    /// The order that is to be sent next.
    pub fn take(&mut self) -> Option<Order> {
        let next = self.waiting.iter().enumerate().min_by_key(|(place, order)| (rank(&order.command), *place))?;
        let place = next.0;
        Some(self.waiting.remove(place))
    }

    /// Takes out an order whose time is over.
    pub fn take_expired(&mut self, now: Millis) -> Option<Order> {
        let place = self.waiting.iter().position(|order| now >= order.until)?;
        Some(self.waiting.remove(place))
    }

    /// When the next one's time is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Millis> {
        self.waiting.iter().map(|order| order.until).min()
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use pole_link::{Blink, Colour, ConfigKey, Permille};

    use super::*;

    fn order(command: Command) -> (Order, oneshot::Receiver<Outcome>) {
        let (answer, answered) = oneshot::channel();
        (Order { command, until: Millis(1000), given: tokio::time::Instant::now(), answer: Some(answer) }, answered)
    }

    fn level(level: u16) -> Command {
        Command::SetLuminaire { level: Permille::at_most(level), ramp_ms: 0 }
    }

    fn presence(level: u16) -> Command {
        Command::Presence { level: Permille::at_most(level), ramp_ms: 0, hold_ms: 1 }
    }

    fn warning(text_id: u16) -> Command {
        Command::ShowWarning { text_id, colour: Colour::AMBER, blink: Blink::STEADY, beacon: true, expires_ms: 1000 }
    }

    #[test]
    fn warnings_go_first_and_only_the_newest_of_what_replaces_itself_is_sent() {
        let mut orders = Orders::default();
        let mut answers = Vec::new();
        for command in [level(100), presence(1), Command::GetState, level(200), warning(1), presence(2), warning(2)] {
            let (order, answered) = order(command);
            orders.put(order);
            answers.push(answered);
        }
        let sent: Vec<Command> = std::iter::from_fn(|| orders.take()).map(|order| order.command).collect();
        assert_eq!(sent, [warning(2), Command::GetState, level(200), presence(2)]);
        let superseded = |answered: &mut oneshot::Receiver<Outcome>| answered.try_recv() == Ok(Outcome::Superseded);
        let told: Vec<bool> = answers.iter_mut().map(superseded).collect();
        assert_eq!(told, [true, true, false, false, true, false, false]);
    }

    #[test]
    fn the_row_is_bounded_and_lighting_displaces_no_warning() {
        let mut orders = Orders::default();
        orders.put(order(warning(1)).0);
        for key in 0..MAX_OTHERS as u8 {
            assert_eq!(orders.put(order(Command::GetConfig { key: ConfigKey(key) }).0), None);
        }
        let (refused, mut answered) = order(Command::Reset);
        assert_eq!(orders.put(refused), Some(Outcome::QueueFull));
        assert_eq!(answered.try_recv(), Ok(Outcome::QueueFull));
        for step in 0..100 {
            orders.put(order(level(step)).0);
            orders.put(order(presence(step)).0);
        }
        assert_eq!(orders.len(), 1 + MAX_OTHERS + 2);
        assert_eq!(orders.take().map(|order| order.command), Some(warning(1)));
    }

    #[test]
    fn what_waits_too_long_is_taken_out() {
        let mut orders = Orders::default();
        orders.put(order(warning(1)).0);
        assert_eq!(orders.deadline(), Some(Millis(1000)));
        assert!(orders.take_expired(Millis(999)).is_none() && orders.take_expired(Millis(1000)).is_some());
        assert!(orders.is_empty());
    }
}
