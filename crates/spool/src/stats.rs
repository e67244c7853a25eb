//! What the spool counts.

use rsu_units::Timestamp;
use serde::Serialize;

use crate::gaps::Reason;
use crate::trouble::DiskTrouble;

/// Where items go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mode {
    /// To disk: what is committed survives a crash.
    #[default]
    Disk,
    /// Into memory, bounded: the disk cannot be written. It is tried again at commits and ticks.
    Memory {
        /// What went wrong.
        reason: DiskTrouble,
        /// When it began.
        since: Timestamp,
    },
}

/// Items that were dropped, by reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Dropped {
    /// [`Reason::Overflow`].
    pub overflow: u64,
    /// [`Reason::Age`].
    pub age: u64,
    /// [`Reason::Damaged`].
    pub damaged: u64,
    /// [`Reason::Memory`].
    pub memory: u64,
    /// [`Reason::Refused`].
    pub refused: u64,
    /// [`Reason::Busy`].
    pub busy: u64,
}

/// One class, at the moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ClassStats {
    /// Its name.
    pub name: String,
    /// Accepted items that are neither delivered nor dropped.
    pub items: u64,
    /// Items that no commit has seen.
    pub uncommitted: u64,
    /// Items that are in memory and not on disk, uncommitted ones among them.
    pub in_memory: u64,
    /// Items that were handed out and may still be delivered.
    pub in_flight: u64,
    /// Octets on disk, in blocks.
    pub disk_bytes: u64,
    /// Octets in memory.
    pub memory_bytes: u64,
    /// Segments.
    pub segments: u64,
    /// When the oldest item that waits was accepted, microseconds since the Unix epoch. It may be the time of an item that
    /// was delivered, from the same segment, when nothing is in flight.
    pub oldest_accepted_at_us: Option<i64>,
    /// Items accepted since the spool was opened.
    pub accepted: u64,
    /// Items delivered since.
    pub delivered: u64,
    /// Items dropped since.
    pub dropped: Dropped,
}

/// The spool, at the moment. Counters count since it was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Stats {
    /// The classes, in the order of the configuration.
    pub classes: Vec<ClassStats>,
    /// Items are kept in memory because of this.
    pub disk_trouble: Option<String>,
    /// The last place that could not be read.
    pub read_trouble: Option<String>,
    /// Commits.
    pub commits: u64,
    /// Syncs of files and of the folder.
    pub syncs: u64,
    /// Octets written: records, headers and state.
    pub bytes_written: u64,
    /// Octets of payload that were accepted on disk; what is written beside them is the write amplification.
    pub payload_bytes: u64,
    /// Times that writing failed.
    pub write_errors: u64,
    /// Times that reading failed.
    pub read_errors: u64,
    /// Damaged places that were found at opening.
    pub damaged: u64,
    /// Ends of segments that had never been accepted, found at opening and cut off.
    pub torn_tails: u64,
    /// The folder could not be read as a whole, at many tries, and was opened with what could be read.
    pub partial_openings: u64,
    /// Files that were set aside.
    pub set_aside: u64,
    /// Times that the clock stepped ahead by more than the configured step.
    pub clock_steps_ahead: u64,
    /// Times that the clock went back by more than a second.
    pub clock_steps_back: u64,
}

/// The counters of one class.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClassCounters {
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    dropped: Dropped,
}

impl ClassCounters {
    pub(crate) fn dropped(&mut self, reason: Reason, count: u64) {
        let counter = match reason {
            Reason::Overflow => &mut self.dropped.overflow,
            Reason::Age => &mut self.dropped.age,
            Reason::Damaged => &mut self.dropped.damaged,
            Reason::Memory => &mut self.dropped.memory,
            Reason::Refused => &mut self.dropped.refused,
            Reason::Busy => &mut self.dropped.busy,
        };
        *counter = counter.saturating_add(count);
    }

    pub(crate) fn all_dropped(&self) -> Dropped {
        self.dropped
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        let Dropped { overflow, age, damaged, memory, refused, busy } = other.dropped;
        for (reason, count) in [
            (Reason::Overflow, overflow),
            (Reason::Age, age),
            (Reason::Damaged, damaged),
            (Reason::Memory, memory),
            (Reason::Refused, refused),
            (Reason::Busy, busy),
        ] {
            self.dropped(reason, count);
        }
    }
}
