//! The bounded, crash-safe queue on flash between the RSU's core and its cloud link.
//!
//! A roadside unit makes items for the cloud all day, and its mobile link is gone for minutes or days. What it made in the
//! meantime must survive a power cut, must not fill the disk, and must go out in order when the link is back; what had to be
//! dropped must be told. That is all this crate does: it knows no message, no network, no thread and no clock.
//!
//! ```
//! use rsu_units::Timestamp;
//! use spool::{ClassConfig, Config, Label, Spool};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! # let now = Timestamp::from_micros(1_800_000_000_000_000);
//! let classes = vec![ClassConfig::new("event", 64 << 20), ClassConfig::new("track", 16 << 20)];
//! let mut spool = Spool::open(Config::new(dir.path(), classes)?, now)?;
//! let boot = spool.boot_id(now).id;
//!
//! // The core's side: push, and commit a few at once.
//! spool.push(0, now, &Label::new("events", boot, 1)?, b"start")?;
//! spool.push(0, now, &Label::new("events", boot, 2)?, b"end")?;
//! assert_eq!(spool.commit(now).on_disk, 2);
//!
//! // The link's side: publish in order, and say what was acknowledged.
//! while let Some(item) = spool.next(0) {
//!     spool.delivered(0, item.position);
//! }
//! for gap in spool.gaps() {
//!     spool.gap_told(gap.id);
//! }
//! // Once a second, whatever else happens.
//! spool.expire(now);
//! spool.tick(now);
//! spool.close(now);
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! * What [`Spool::commit`] counted as `on_disk` survives a crash of the process, of the system and of the power, and comes
//!   out of [`Spool::next`] in the order of [`Spool::push`], unless a [`Gap`] tells that it was dropped.
//! * What was delivered may come again after a crash; nothing else comes twice, and nothing comes altered.
//! * The files together never take more than [`Config::disk_bytes`], the memory never more than the classes' bounds.
//! * [`Spool::open`] opens whatever it finds. A disk that is full, read-only or broken costs durability and no more: items
//!   are kept in memory, bounded, and go to the disk when it works again.
//!
//! The format, what happens at each kind of failure, and how this compares with general stores are in `docs/spool.md`.

mod clock;
mod commit;
mod config;
mod decode;
mod disk;
mod files;
mod flight;
mod gaps;
mod holes;
mod inspect;
mod item;
mod queue;
mod reading;
mod record;
mod recover;
mod ring;
mod scan;
mod segment;
mod spool;
mod state;
mod stats;
mod survey;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod trouble;

pub use commit::Committed;
pub use config::{
    ClassConfig, Config, ConfigError, MAX_CLASS_NAME_OCTETS, MAX_CLASSES, MAX_SEGMENT_BYTES, MIN_CLASS_BYTES, Overflow,
    SET_ASIDE_BYTES, SET_ASIDE_FILES, STATE_SHARE_BYTES,
};
pub use decode::{DecodedSegment, decode_segment};
pub use files::{Access, DiskFiles, Entry, Files, OpenFile};
pub use gaps::{Gap, MAX_RANGES, Reason, StreamRange};
pub use inspect::{ClassReport, Damage, DamageKind, Report, inspect, verify};
pub use item::{Item, Label, LabelError, MAX_STREAM_OCTETS};
pub use spool::{BootId, Expired, Spool};
pub use stats::{ClassStats, Dropped, Mode, Stats};
pub use trouble::{DiskTrouble, Doing, OpenError, PushError};
