//! The spool as its owner sees it.

use std::time::Duration;

use rsu_units::Timestamp;

use crate::clock::{Clock, Pace};
use crate::config::{Config, Overflow};
use crate::disk::Disk;
use crate::files::{DiskFiles, Files, OpenFile};
use crate::gaps::{Gap, GapIds, Reason};
use crate::item::{Item, Label};
use crate::queue::Queue;
use crate::ring::cost_of;
use crate::state::{Keeper, State};
use crate::stats::{ClassStats, Mode, Stats};
use crate::trouble::{DiskTrouble, OpenError, PushError};

/// Gaps that are made before the state is known have identities from here on.
const PROVISIONAL_GAPS: u64 = 1 << 63;

/// The bounded, crash-safe queue. See the crate's documentation.
pub struct Spool {
    pub(crate) config: Config,
    pub(crate) disk: Disk,
    /// Held as long as the spool is open. None where the disk cannot be written.
    pub(crate) lock: Option<Box<dyn OpenFile>>,
    /// What the folder says about the spool, once it could be read.
    pub(crate) known: Option<Known>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) ids: GapIds,
    pub(crate) boot: i64,
    pub(crate) clock: Clock,
    pub(crate) mode: Mode,
    /// The boot counter is not saved yet.
    pub(crate) boot_changed: bool,
    pub(crate) save_pace: Pace,
    /// The next save comes so long after the last one: soon at first, so that a daemon that dies again and again still
    /// gets on.
    pub(crate) save_after: Duration,
    pub(crate) retry_pace: Pace,
    pub(crate) read_pace: Pace,
    /// So often could the folder not be read.
    pub(crate) failed_recoveries: u32,
    /// The counters that are not counted elsewhere.
    pub(crate) counted: Stats,
}

/// What the folder says about the spool.
pub(crate) struct Known {
    /// The spool's identity.
    pub(crate) spool: u64,
    pub(crate) keeper: Keeper,
}

/// A boot counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootId {
    /// Larger than any earlier one of this spool, and at least the time it was asked for at, in microseconds.
    pub id: i64,
    /// It is safe on disk. If not, the disk cannot be written, and a later run whose clock is behind may get it again.
    pub durable: bool,
}

/// What [`Spool::expire`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Items that were dropped for their age.
    pub items: u64,
    /// The clock is not set, or has stepped ahead: nothing was looked at.
    pub resting: bool,
}

impl Spool {
    /// Opens the spool in the folder of the configuration. Whatever is in the folder, and if it cannot be used at all,
    /// there is a spool then; [`Spool::mode`] and [`Spool::stats`] say what was found.
    ///
    /// Takes the time to read all segments once.
    ///
    /// # Errors
    ///
    /// Only [`OpenError::Locked`]: another owner has it open.
    pub fn open(config: Config, now: Timestamp) -> Result<Self, OpenError> {
        let files = DiskFiles::new(config.dir());
        Self::open_in(Box::new(files), config, now)
    }

    /// Opens the spool in another kind of folder; the configuration's is not used.
    ///
    /// # Errors
    ///
    /// As [`Spool::open`].
    pub fn open_in(files: Box<dyn Files>, config: Config, now: Timestamp) -> Result<Self, OpenError> {
        let class = |(index, class)| Queue::provisional(index, class, config.limits(class));
        let queues = config.classes().iter().enumerate().map(class).collect();
        let mut spool = Self {
            disk: Disk::new(files),
            lock: None,
            known: None,
            queues,
            ids: GapIds { next: PROVISIONAL_GAPS.saturating_add_signed(now.as_micros().max(0)) },
            boot: 0,
            clock: Clock::new(now, config.clock_step, config.clock_settle),
            mode: Mode::Disk,
            boot_changed: false,
            save_pace: Pace::default(),
            save_after: config.save_every / 16,
            retry_pace: Pace::default(),
            read_pace: Pace::default(),
            failed_recoveries: 0,
            counted: Stats::default(),
            config,
        };
        if let Err(trouble) = spool.begin(now)? {
            spool.fall_back(trouble, now);
        }
        Ok(spool)
    }

    /// Takes an item into the buffer of its class; it counts as accepted after the next [`Spool::commit`]. Gives its
    /// position.
    ///
    /// # Errors
    ///
    /// The item cannot be taken: never ([`PushError::NoSuchClass`], [`PushError::TooLarge`]), before the next commit
    /// ([`PushError::BufferFull`]), or before something was delivered ([`PushError::ClassFull`]). An item that was refused
    /// for good is told as a gap.
    pub fn push(&mut self, class: usize, now: Timestamp, label: &Label, payload: &[u8]) -> Result<u64, PushError> {
        self.clock.observe(now);
        let in_memory = self.mode != Mode::Disk;
        let queue = self.queues.get_mut(class).ok_or(PushError::NoSuchClass { class })?;
        let limits = queue.limits;
        let mut refuse = |queue: &mut Queue| {
            queue.gaps.add(&mut self.ids, Reason::Refused, label, now);
            queue.counters.dropped(Reason::Refused, 1);
        };
        if payload.len() > limits.max_payload {
            refuse(queue);
            return Err(PushError::TooLarge { class, octets: payload.len(), most: limits.max_payload });
        }
        let cost = cost_of(label.stream().len(), payload.len());
        if limits.overflow == Overflow::RefuseNewest && self.known.is_some() {
            let free = limits.budget_bytes.saturating_sub(queue.unsettled_bytes());
            if queue.growth_with(cost) > free {
                refuse(queue);
                return Err(PushError::ClassFull { class, max_bytes: limits.budget_bytes });
            }
        }
        if in_memory {
            queue.fit_memory(&mut self.ids, cost);
        } else if queue.ring.bytes() + cost > limits.memory_bytes {
            return Err(PushError::BufferFull { class, bytes: queue.ring.bytes() });
        }
        let position = queue.next_position;
        queue.next_position = position.saturating_add(1);
        queue.ring.push(queue.item(position, now, label, payload));
        Ok(position)
    }

    /// The next item of a class, in order. `None` when there is none, when too many are in flight, or when the place
    /// cannot be read for the moment.
    pub fn next(&mut self, class: usize) -> Option<Item> {
        let queue = self.queues.get_mut(class)?;
        match queue.next(&self.disk, &mut self.ids) {
            Ok(item) => item,
            Err(trouble) => {
                self.counted.read_errors += 1;
                self.counted.read_trouble = Some(trouble.to_string());
                None
            }
        }
    }

    /// The item at a position was acknowledged. False if it is not in flight: it was acknowledged before, or given up.
    pub fn delivered(&mut self, class: usize, position: u64) -> bool {
        self.queues.get_mut(class).is_some_and(|queue| queue.delivered(position))
    }

    /// The item at a position will never be taken by the other side: it is told as a gap ([`Reason::Refused`]) and not handed
    /// out again. False if it is not in flight.
    pub fn give_up(&mut self, class: usize, position: u64, label: &Label, accepted_at: Timestamp) -> bool {
        let Some(queue) = self.queues.get_mut(class) else { return false };
        queue.give_up(&mut self.ids, position, label, accepted_at)
    }

    /// Items `first` to `last` of a stream went before they could be pushed: they are told as a gap.
    pub fn missed(&mut self, class: usize, now: Timestamp, reason: Reason, first: &Label, last: &Label) {
        let Some(queue) = self.queues.get_mut(class) else { return };
        let count = queue.gaps.add_range(&mut self.ids, reason, (first, last), now);
        queue.counters.dropped(reason, count);
    }

    /// The session was lost: what was not delivered is handed out again, and so are the gaps of the class.
    pub fn rewind(&mut self, class: usize) {
        if let Some(queue) = self.queues.get_mut(class) {
            queue.rewind();
        }
    }

    /// Drops items that are older than the maximum age of their class.
    pub fn expire(&mut self, now: Timestamp) -> Expired {
        self.clock.observe(now);
        if !self.clock.may_expire() {
            return Expired { items: 0, resting: true };
        }
        let mut items = 0;
        for queue in &mut self.queues {
            items += queue.expire(&self.disk, &mut self.ids, &self.clock);
        }
        Expired { items, resting: false }
    }

    /// The gaps that are not being told yet. Each is handed out once, and again after [`Spool::rewind`] of its class, until
    /// [`Spool::gap_told`]; in between it does not change.
    pub fn gaps(&mut self) -> Vec<Gap> {
        self.queues.iter_mut().flat_map(|queue| queue.gaps.hand_out()).collect()
    }

    /// A gap was told; it is forgotten. False if there is none of this identity.
    pub fn gap_told(&mut self, id: u64) -> bool {
        self.queues.iter_mut().any(|queue| queue.gaps.told(id))
    }

    /// A number for this run of the daemon, larger than that of any run before.
    pub fn boot_id(&mut self, now: Timestamp) -> BootId {
        self.clock.observe(now);
        self.boot = self.boot.saturating_add(1).max(now.as_micros());
        self.boot_changed = true;
        let saved = if self.mode == Mode::Disk { Some(self.save(now, true)) } else { None };
        let durable = matches!(saved, Some(Ok(())));
        if let Some(Err(trouble)) = saved {
            self.fall_back(trouble, now);
        }
        BootId { id: self.boot, durable }
    }

    /// Where items go at the moment.
    #[must_use]
    pub fn mode(&self) -> &Mode {
        &self.mode
    }

    /// The configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The largest payload that a class takes, octets; 0 if there is no such class.
    #[must_use]
    pub fn max_payload(&self, class: usize) -> usize {
        self.queues.get(class).map_or(0, |queue| queue.limits.max_payload)
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let class = |queue: &Queue| ClassStats {
            name: queue.name.clone(),
            items: queue.waiting,
            uncommitted: (queue.ring.len() - queue.ring.held()) as u64,
            in_memory: queue.ring.len() as u64,
            in_flight: queue.flight.in_flight() as u64,
            disk_bytes: queue.occupied(),
            memory_bytes: queue.ring.bytes(),
            segments: queue.segments.len() as u64,
            oldest_accepted_at_us: queue.oldest().map(Timestamp::as_micros),
            accepted: queue.counters.accepted,
            delivered: queue.counters.delivered,
            dropped: queue.counters.all_dropped(),
        };
        let disk_trouble = match &self.mode {
            Mode::Disk => None,
            Mode::Memory { reason, .. } => Some(reason.to_string()),
        };
        Stats {
            classes: self.queues.iter().map(class).collect(),
            disk_trouble,
            syncs: self.disk.syncs,
            bytes_written: self.disk.bytes_written,
            clock_steps_ahead: self.clock.steps_ahead,
            clock_steps_back: self.clock.steps_back,
            ..self.counted.clone()
        }
    }

    /// What is saved of the spool. `lead`: with positions reserved for later.
    pub(crate) fn state(&self, spool: u64, now: Timestamp, lead: bool) -> State {
        State {
            spool,
            boot: self.boot,
            next_gap: self.ids.next,
            saved_at_us: now.as_micros(),
            classes: self.queues.iter().map(|queue| queue.saved(lead)).collect(),
        }
    }

    /// The disk failed: items stay in memory from now on.
    pub(crate) fn fall_back(&mut self, trouble: DiskTrouble, now: Timestamp) {
        self.counted.write_errors += 1;
        self.retry_pace.done(now);
        let since = match self.mode {
            Mode::Memory { since, .. } => since,
            Mode::Disk => now,
        };
        self.mode = Mode::Memory { reason: trouble, since };
    }
}
