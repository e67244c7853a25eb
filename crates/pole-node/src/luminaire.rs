//! How bright the luminaire is.
//!
//! Who decides, first to last: the safe state; a presence, if it wants more light than the rest; and the base, which is either a
//! level that was commanded or the schedule. An empty schedule, and any schedule while the time of day is not known, means full:
//! in doubt the road is lit. Changes of the level are ramps.

use pole_link::{LightMode, Millis, MinuteOfDay, Permille, Refusal, SwitchPoint, SwitchPoints};

/// The longest ramp, ms.
pub const MAX_RAMP_MS: u32 = 600_000;
/// The longest that a presence is held, ms.
pub const MAX_HOLD_MS: u32 = 3_600_000;
/// A ramp goes in steps at least this far apart, ms: smooth to the eye.
const STEP_MS: u32 = 10;

/// What decides besides the commands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    /// The minute of the day, if it is known.
    pub(crate) minute: Option<MinuteOfDay>,
    /// The level of the safe state, if the pole is in it.
    pub(crate) safe: Option<Permille>,
    /// The ramp of changes that name none, ms.
    pub(crate) default_ramp_ms: u32,
}

#[derive(Debug, Clone, Copy)]
struct Presence {
    level: Permille,
    ramp_ms: u32,
    until: Millis,
}

#[derive(Debug, Clone, Copy)]
struct Ramp {
    from: u16,
    to: u16,
    begin: Millis,
    ms: u32,
}

impl Ramp {
    fn level(self, now: Millis) -> u16 {
        let gone = now.age_ms(self.begin);
        if gone >= self.ms {
            return self.to;
        }
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        let level = from + (to - from) * i64::from(gone) / i64::from(self.ms.max(1));
        u16::try_from(level).unwrap_or(self.to)
    }

    fn is_over(self, now: Millis) -> bool {
        now.age_ms(self.begin) >= self.ms
    }
}

/// The luminaire's level and who decides it.
#[derive(Debug)]
pub(crate) struct Luminaire {
    /// A commanded level; none if the schedule decides.
    commanded: Option<Permille>,
    schedule: SwitchPoints,
    presence: Option<Presence>,
    ramp: Ramp,
    mode: LightMode,
    /// The ramp that the next change was given, ms.
    next_ramp_ms: Option<u32>,
}

impl Luminaire {
    /// Full at once: after a start nobody knows better.
    pub(crate) fn new(schedule: SwitchPoints, now: Millis) -> Self {
        let full = Permille::MAX.get();
        let ramp = Ramp { from: full, to: full, begin: now, ms: 0 };
        Self { commanded: None, schedule, presence: None, ramp, mode: LightMode::SCHEDULE, next_ramp_ms: None }
    }

    /// Dims to a level and leaves it there.
    pub(crate) fn set(&mut self, level: Permille, ramp_ms: u32) -> Result<(), Refusal> {
        if ramp_ms > MAX_RAMP_MS {
            return Err(Refusal::BAD_VALUE);
        }
        self.commanded = Some(level);
        self.presence = None;
        self.next_ramp_ms = Some(ramp_ms);
        Ok(())
    }

    /// At least this level for a while.
    pub(crate) fn presence(&mut self, now: Millis, level: Permille, ramp_ms: u32, hold_ms: u32) -> Result<(), Refusal> {
        if ramp_ms > MAX_RAMP_MS || hold_ms > MAX_HOLD_MS {
            return Err(Refusal::BAD_VALUE);
        }
        self.presence = Some(Presence { level, ramp_ms, until: now.plus(hold_ms) });
        self.next_ramp_ms = Some(ramp_ms);
        Ok(())
    }

    /// The schedule decides from now on.
    pub(crate) fn follow(&mut self, points: SwitchPoints) {
        self.commanded = None;
        self.schedule = points;
    }

    pub(crate) fn schedule(&self) -> &SwitchPoints {
        &self.schedule
    }

    /// The link has been silent for too long: nobody is known to be near.
    pub(crate) fn forget_presence(&mut self) {
        self.presence = None;
    }

    /// Looks at the time; a change of the target begins a ramp from where the level is.
    pub(crate) fn poll(&mut self, now: Millis, around: Around) {
        if let Some(presence) = self.presence
            && now >= presence.until
        {
            self.presence = None;
            self.next_ramp_ms = Some(presence.ramp_ms);
        }
        let (target, mode) = self.decide(around);
        self.mode = mode;
        let ramp_ms = self.next_ramp_ms.take().unwrap_or(around.default_ramp_ms);
        if target.get() != self.ramp.to {
            self.ramp = Ramp { from: self.ramp.level(now), to: target.get(), begin: now, ms: ramp_ms };
        }
    }

    fn decide(&self, around: Around) -> (Permille, LightMode) {
        if let Some(safe) = around.safe {
            return (safe, LightMode::SAFE);
        }
        let (base, mode) = match self.commanded {
            Some(level) => (level, LightMode::COMMAND),
            None => (self.scheduled(around.minute), LightMode::SCHEDULE),
        };
        match self.presence {
            Some(presence) if presence.level > base => (presence.level, LightMode::PRESENCE),
            _ => (base, mode),
        }
    }

    /// The level of the last point before this minute; before the first of the day that is yesterday's last.
    fn scheduled(&self, minute: Option<MinuteOfDay>) -> Permille {
        let Some(minute) = minute else { return Permille::MAX };
        let points = || self.schedule.iter();
        let today = points().filter(|point| point.minute <= minute).max_by_key(|point| point.minute);
        let point = today.or_else(|| points().max_by_key(|point| point.minute));
        point.map_or(Permille::MAX, |point| point.level)
    }

    /// The level now.
    pub(crate) fn level(&self, now: Millis) -> Permille {
        Permille::at_most(self.ramp.level(now))
    }

    /// The level that it is on the way to.
    pub(crate) fn target(&self) -> Permille {
        Permille::at_most(self.ramp.to)
    }

    /// Who decides.
    pub(crate) fn mode(&self) -> LightMode {
        self.mode
    }

    /// Whether the level changes.
    pub(crate) fn is_on_the_way(&self, now: Millis) -> bool {
        !self.ramp.is_over(now) && self.ramp.from != self.ramp.to
    }

    /// When to look again.
    pub(crate) fn deadline(&self, now: Millis) -> Option<Millis> {
        if self.is_on_the_way(now) {
            return Some(now.plus(STEP_MS));
        }
        self.presence.map(|presence| presence.until)
    }
}

/// Whether a schedule says for each minute what it is.
pub(crate) fn check(points: &SwitchPoints) -> Result<(), Refusal> {
    let twice =
        |(place, point): (usize, &SwitchPoint)| points.iter().skip(place + 1).any(|other| other.minute == point.minute);
    if points.iter().enumerate().any(twice) { Err(Refusal::BAD_VALUE) } else { Ok(()) }
}
