//! What is fixed when the spool is opened: its folder, its classes, and how much each may take.
//!
//! A [`Config`] is checked when it is made; what is too small or too large for the format is an error with the bounds,
//! what is only unwise is brought to the nearest wise value.

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::record::RECORD_OVERHEAD;
use crate::segment::HEADER_OCTETS;

/// Most classes of one spool.
pub const MAX_CLASSES: usize = 16;

/// Longest class name, octets.
pub const MAX_CLASS_NAME_OCTETS: usize = 16;

/// Of each class's `max_bytes`, what its part of the two state slots may take; the rest is for segments.
pub const STATE_SHARE_BYTES: u64 = 2 * STATE_SHARE_OF_SLOT;

/// Least `max_bytes` of a class: its share of the state, and room for four segments that hold something.
pub const MIN_CLASS_BYTES: u64 = STATE_SHARE_BYTES + 4 * 16 * 1024;

/// Largest segment.
pub const MAX_SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// What files that were set aside may take, beside the classes.
pub const SET_ASIDE_BYTES: u64 = 4 * 1024 * 1024;

/// How many files that were set aside are kept.
pub const SET_ASIDE_FILES: usize = 4;

/// What one class may take of one state slot. A test of `state.rs` holds it against the worst class there can be.
pub(crate) const STATE_SHARE_OF_SLOT: u64 = 32 * 1024;

/// Flash and file systems give space in blocks: a file counts as this many octets at least, and in steps of it.
pub(crate) const BLOCK_BYTES: u64 = 4096;

/// What an item in memory counts beside its octets.
pub(crate) const MEMORY_OVERHEAD: u64 = 96;

/// What happens when a class has used up its space on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The oldest segments of the class go.
    DropOldest,
    /// The new item is refused.
    RefuseNewest,
}

/// One class of items. Classes do not share space: a flood in one costs nothing in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassConfig {
    /// Its name, in the names of its files: 1 to 16 of `a-z`, `0-9`, `_`, `-`. It is what ties files to a class, so
    /// classes may change places in the configuration, and a class must be empty before it is renamed.
    pub name: String,
    /// Its share of the disk, octets, with its part of the state.
    pub max_bytes: u64,
    /// Items older than this are dropped by [`crate::Spool::expire`]; `None`: never.
    pub max_age: Option<Duration>,
    /// What happens when its space is used up.
    pub overflow: Overflow,
    /// What it may hold in memory, octets: the items before a commit, and all items while the disk cannot be written.
    pub memory_bytes: u64,
}

impl ClassConfig {
    /// A class that drops the oldest, has no maximum age and 256 KiB of memory.
    #[must_use]
    pub fn new(name: impl Into<String>, max_bytes: u64) -> Self {
        Self { name: name.into(), max_bytes, max_age: None, overflow: Overflow::DropOldest, memory_bytes: 256 * 1024 }
    }

    /// With a maximum age.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// With a rule for when the space is used up.
    #[must_use]
    pub fn with_overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = overflow;
        self
    }

    /// With a bound on the memory.
    #[must_use]
    pub fn with_memory_bytes(mut self, memory_bytes: u64) -> Self {
        self.memory_bytes = memory_bytes;
        self
    }
}

/// The checked configuration of a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    dir: PathBuf,
    classes: Vec<ClassConfig>,
    segment_bytes: u64,
    max_in_flight: usize,
    pub(crate) save_every: Duration,
    pub(crate) retry_every: Duration,
    pub(crate) clock_step: Duration,
    pub(crate) clock_settle: Duration,
}

impl Config {
    /// A spool in the folder `dir`, which is made if it is not there, with segments of 1 MiB, 256 items in flight, the
    /// state saved and the disk tried again at most once a second, and expiry that rests for a minute after the clock
    /// has stepped ahead by more than an hour.
    ///
    /// # Errors
    ///
    /// No class or too many, a name that cannot be one or comes twice, a class too small.
    pub fn new(dir: impl Into<PathBuf>, classes: Vec<ClassConfig>) -> Result<Self, ConfigError> {
        if classes.is_empty() || classes.len() > MAX_CLASSES {
            return Err(ConfigError::Classes { found: classes.len() });
        }
        for (index, class) in classes.iter().enumerate() {
            let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
            if class.name.is_empty() || class.name.len() > MAX_CLASS_NAME_OCTETS || !class.name.chars().all(known) {
                return Err(ConfigError::Name { name: class.name.clone() });
            }
            if classes.iter().take(index).any(|other| other.name == class.name) {
                return Err(ConfigError::Twice { name: class.name.clone() });
            }
            if class.max_bytes < MIN_CLASS_BYTES {
                return Err(ConfigError::TooSmall { name: class.name.clone(), max_bytes: class.max_bytes });
            }
        }
        Ok(Self {
            dir: dir.into(),
            classes,
            segment_bytes: 1024 * 1024,
            max_in_flight: 256,
            save_every: Duration::from_secs(1),
            retry_every: Duration::from_secs(1),
            clock_step: Duration::from_secs(3600),
            clock_settle: Duration::from_secs(60),
        })
    }

    /// With segments of this size; 4 KiB to 64 MiB, and at most a quarter of what a class has for segments.
    #[must_use]
    pub fn with_segment_bytes(mut self, segment_bytes: u64) -> Self {
        self.segment_bytes = segment_bytes.clamp(BLOCK_BYTES, MAX_SEGMENT_BYTES);
        self
    }

    /// With this many items of a class under way at once; 1 to 65536.
    #[must_use]
    pub fn with_max_in_flight(mut self, max_in_flight: usize) -> Self {
        self.max_in_flight = max_in_flight.clamp(1, 65_536);
        self
    }

    /// With the delivered cursors saved at most this often, and in the first moments after the opening up to sixteen times as
    /// often. After a crash, what was delivered since comes again.
    #[must_use]
    pub fn with_save_every(mut self, save_every: Duration) -> Self {
        self.save_every = save_every;
        self
    }

    /// With a disk that failed tried again at most this often.
    #[must_use]
    pub fn with_retry_every(mut self, retry_every: Duration) -> Self {
        self.retry_every = retry_every;
        self
    }

    /// With expiry resting until the clock has gone on for `settle` after a step ahead of more than `step` between two
    /// calls. See `docs/spool.md` for the clock rule.
    #[must_use]
    pub fn with_clock_rule(mut self, step: Duration, settle: Duration) -> Self {
        self.clock_step = step;
        self.clock_settle = settle;
        self
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The classes, in their order.
    #[must_use]
    pub fn classes(&self) -> &[ClassConfig] {
        &self.classes
    }

    /// The bound on all files of the spool together, octets.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.classes.iter().map(|class| class.max_bytes).fold(SET_ASIDE_BYTES, u64::saturating_add)
    }

    /// The bounds that follow from the configuration of one class.
    pub(crate) fn limits(&self, class: &ClassConfig) -> Limits {
        let budget_bytes = class.max_bytes.saturating_sub(STATE_SHARE_BYTES);
        let segment_bytes = self.segment_bytes.min(budget_bytes / 4);
        let memory_bytes = class.memory_bytes.clamp(BLOCK_BYTES, budget_bytes / 4);
        let longest_label = crate::MAX_STREAM_OCTETS as u64;
        let in_segment = segment_bytes.saturating_sub(HEADER_OCTETS + RECORD_OVERHEAD + longest_label);
        let in_memory = memory_bytes.saturating_sub(MEMORY_OVERHEAD + longest_label);
        Limits {
            budget_bytes,
            segment_bytes,
            memory_bytes,
            max_payload: usize::try_from(in_segment.min(in_memory)).unwrap_or(usize::MAX),
            max_in_flight: self.max_in_flight,
            max_age: class.max_age,
            overflow: class.overflow,
        }
    }
}

/// The bounds of one class.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// For all its segments together, in blocks.
    pub(crate) budget_bytes: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) max_payload: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) max_age: Option<Duration>,
    pub(crate) overflow: Overflow,
}

/// Why something cannot be a configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No class, or too many.
    #[error("a spool has 1 to {MAX_CLASSES} classes, not {found}")]
    Classes {
        /// How many there are.
        found: usize,
    },
    /// The name cannot be part of a file's name.
    #[error("class {name:?}: a name is 1 to {MAX_CLASS_NAME_OCTETS} of a-z, 0-9, _ and -")]
    Name {
        /// The name.
        name: String,
    },
    /// Two classes have one name.
    #[error("class {name:?} comes twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// The class cannot hold anything.
    #[error("class {name:?}: max_bytes = {max_bytes} is too small, the least is {MIN_CLASS_BYTES}")]
    TooSmall {
        /// Its name.
        name: String,
        /// What it was given.
        max_bytes: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused() {
        let class = |name: &str| ClassConfig::new(name, MIN_CLASS_BYTES);
        assert_eq!(Config::new("d", vec![]), Err(ConfigError::Classes { found: 0 }));
        assert_eq!(Config::new("d", vec![class("../a")]), Err(ConfigError::Name { name: "../a".into() }));
        assert_eq!(Config::new("d", vec![class("a"), class("a")]), Err(ConfigError::Twice { name: "a".into() }));
        let small = ClassConfig::new("a", MIN_CLASS_BYTES - 1);
        assert!(matches!(Config::new("d", vec![small]), Err(ConfigError::TooSmall { .. })));
    }

    #[test]
    fn the_smallest_class_still_has_four_segments() {
        let config = Config::new("d", vec![ClassConfig::new("a", MIN_CLASS_BYTES)]).unwrap();
        let limits = config.limits(&config.classes()[0]);
        assert_eq!(limits.segment_bytes * 4, limits.budget_bytes);
        assert!(limits.max_payload > 8000, "{limits:?}");
        assert_eq!(config.disk_bytes(), MIN_CLASS_BYTES + SET_ASIDE_BYTES);
    }
}
