//! What went wrong with the disk, told so that somebody in front of the box can do something about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;

/// What was being done when the disk failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doing {
    /// Making the spool's folder.
    MakeFolder,
    /// Taking the lock.
    Lock,
    /// Listing the folder.
    List,
    /// Opening a file.
    Open,
    /// Making a file.
    Create,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Making octets safe (fdatasync).
    Sync,
    /// Making names safe (fsync of the folder).
    SyncFolder,
    /// Removing a file.
    Remove,
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MakeFolder => "making the folder",
            Self::Lock => "taking the lock",
            Self::List => "listing the folder",
            Self::Open => "opening",
            Self::Create => "creating",
            Self::Read => "reading",
            Self::Write => "writing",
            Self::Sync => "making the data safe (fdatasync)",
            Self::SyncFolder => "making the folder safe (fsync)",
            Self::Remove => "removing",
        })
    }
}

/// One failure of the disk.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {doing} failed: {error}", path.display())]
pub struct DiskTrouble {
    /// The file or folder.
    pub path: PathBuf,
    /// What was being done.
    pub doing: Doing,
    /// The kind of error.
    pub kind: io::ErrorKind,
    /// The operating system's words.
    pub error: String,
}

impl DiskTrouble {
    pub(crate) fn new(path: PathBuf, doing: Doing, error: &io::Error) -> Self {
        Self { path, doing, kind: error.kind(), error: error.to_string() }
    }
}

/// Why a spool was not opened. There is no other reason: whatever else is wrong, it works from memory and says so.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Another process, or another owner in this one, has it open.
    #[error("{}: another process has this spool open", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
}

/// Why an item was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PushError {
    /// No such class is configured.
    #[error("there is no class {class}")]
    NoSuchClass {
        /// The class.
        class: usize,
    },
    /// The payload fits neither a segment nor the memory; it was told as a gap.
    #[error("class {class}: a payload of {octets} octets is too large, the most is {most}")]
    TooLarge {
        /// The class.
        class: usize,
        /// Octets of the payload.
        octets: usize,
        /// The most there can be.
        most: usize,
    },
    /// What waits for a commit fills the memory of the class. After a commit there is room again; it was not told as a gap.
    #[error("class {class}: {bytes} octets wait for a commit, there is room for no more")]
    BufferFull {
        /// The class.
        class: usize,
        /// Octets that wait.
        bytes: u64,
    },
    /// The class is full and refuses the newest; it was told as a gap.
    #[error("class {class}: its {max_bytes} octets of disk are used up, and it refuses the newest")]
    ClassFull {
        /// The class.
        class: usize,
        /// What it has for segments.
        max_bytes: u64,
    },
}
