//! A folder in memory that crashes and fails on demand. Only with the feature `testing`.
//!
//! It keeps what a running system sees apart from what would be there after a power cut, and has no more mercy than a file
//! system is allowed to have: names and octets become safe apart from each other, only when they are synced, and what was
//! not synced may be there after a crash, wholly, in parts, in any order, or as garbage. A sync that fails throws away what
//! it should have made safe, as Linux does: a second sync then succeeds and saves nothing.

mod folder;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use folder::Folder;

use crate::files::{Access, Entry, Files, OpenFile};

/// What a crash does to what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process dies, the system does not: nothing is lost.
    Process,
    /// All of it is lost.
    LoseAll,
    /// Of each file and of the names, the first few changes are there, the last of them in part.
    KeepPrefix,
    /// Each sector of 512 octets and each name is there, or not, or holds garbage, whatever the others do.
    Scramble,
}

/// Which operations fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// All.
    Any,
    /// Those that change something.
    Changes,
    /// Syncs of files and of the folder.
    Syncs,
    /// Those that only look.
    Reads,
}

/// Operations that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The number of the first operation that may fail, as [`MemoryFiles::operations`] counts.
    pub first: u64,
    /// How many operations from there on.
    pub count: u64,
    /// Which of them.
    pub on: On,
    /// The error.
    pub error: io::ErrorKind,
}

/// A folder in memory; clones are the same folder.
#[derive(Debug, Clone, Default)]
pub struct MemoryFiles(Arc<Mutex<Folder>>);

impl MemoryFiles {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The power goes, or the process dies. What had the folder open must be dropped before it is opened again.
    pub fn crash(&self, crash: Crash, seed: u64) {
        self.folder().crash(crash, seed);
    }

    /// How many operations there were.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.folder().operations
    }

    /// Makes operations fail. A write that fails has written half of its octets; a sync that fails has thrown them away.
    pub fn inject(&self, fault: Fault) {
        self.folder().faults.push(fault);
    }

    /// Cuts the power in the middle of what follows: after so many operations all fail and nothing changes any more,
    /// until [`MemoryFiles::crash`] says what is left.
    pub fn cut_power_after(&self, operations: u64) {
        let mut folder = self.folder();
        folder.cut_at = Some(folder.operations + operations);
    }

    /// All works again.
    pub fn clear_faults(&self) {
        self.folder().faults.clear();
    }

    /// Lets a write take at most so many octets at once.
    pub fn set_short_writes(&self, octets: Option<usize>) {
        self.folder().most_at_once = octets;
    }

    /// Lets all files together have at most so many octets.
    pub fn set_capacity(&self, octets: Option<u64>) {
        self.folder().capacity = octets;
    }

    /// Lets nothing be changed.
    pub fn set_read_only(&self, read_only: bool) {
        self.folder().read_only = read_only;
    }

    /// The octets of all files.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.folder().total_bytes()
    }

    /// The names of all files, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.folder().names()
    }

    /// The octets of a file, if it is there.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        self.folder().contents(name)
    }

    /// Puts a file there, as safe as if it had been synced.
    pub fn put(&self, name: &str, octets: &[u8]) {
        self.folder().put(name, octets);
    }

    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for MemoryFiles {
    fn create_dir(&self) -> io::Result<()> {
        self.folder().operation(On::Changes).or_else(|error| match error.kind() {
            // It is there already.
            io::ErrorKind::ReadOnlyFilesystem => Ok(()),
            _ => Err(error),
        })
    }

    fn lock(&self, _name: &str) -> io::Result<Option<Box<dyn OpenFile>>> {
        let mut folder = self.folder();
        folder.operation(On::Changes)?;
        let Some(epoch) = folder.take_lock() else { return Ok(None) };
        Ok(Some(Box::new(MemoryLock { files: self.clone(), epoch })))
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let mut folder = self.folder();
        folder.operation(On::Reads)?;
        Ok(folder.list())
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let mut folder = self.folder();
        folder.operation(if access == Access::Read { On::Reads } else { On::Changes })?;
        let node = folder.open(name, access)?;
        Ok(Box::new(MemoryFile { files: self.clone(), node }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut folder = self.folder();
        folder.operation(On::Changes)?;
        folder.remove(name)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut folder = self.folder();
        folder.operation(On::Changes)?;
        folder.rename(from, to)
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut folder = self.folder();
        folder.operation(On::Syncs)?;
        folder.sync_names();
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

#[derive(Debug)]
struct MemoryFile {
    files: MemoryFiles,
    node: u64,
}

impl OpenFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut folder = self.files.folder();
        folder.operation(On::Reads)?;
        Ok(folder.read(self.node, buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut folder = self.files.folder();
        if let Err(error) = folder.operation(On::Changes) {
            // What a failing disk does before it says so.
            if error.kind() != io::ErrorKind::ReadOnlyFilesystem && !folder.is_cut() {
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                let _ = folder.write(self.node, half, offset);
            }
            return Err(error);
        }
        let most = folder.most_at_once.unwrap_or(usize::MAX).max(1);
        folder.write(self.node, bytes.get(..most.min(bytes.len())).unwrap_or_default(), offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut folder = self.files.folder();
        let result = folder.operation(On::Syncs);
        if !folder.is_cut() {
            folder.sync(self.node, result.is_ok());
        }
        result
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut folder = self.files.folder();
        folder.operation(On::Changes)?;
        folder.truncate(self.node, len);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        let mut folder = self.files.folder();
        folder.operation(On::Reads)?;
        Ok(folder.len(self.node))
    }
}

#[derive(Debug)]
struct MemoryLock {
    files: MemoryFiles,
    epoch: u64,
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.files.folder().give_back_lock(self.epoch);
    }
}

/// A lock is never read or written.
impl OpenFile for MemoryLock {
    fn read_at(&self, _buffer: &mut [u8], _offset: u64) -> io::Result<usize> {
        Ok(0)
    }

    fn write_at(&self, bytes: &[u8], _offset: u64) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&self, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &MemoryFiles, octets: &[u8]) -> Box<dyn OpenFile> {
        let file = files.open("a", Access::Create).unwrap();
        assert_eq!(file.write_at(octets, 0).unwrap(), octets.len());
        file
    }

    #[test]
    fn what_is_not_synced_is_lost_and_the_name_apart_from_the_octets() {
        let files = MemoryFiles::new();
        written(&files, b"one").sync_data().unwrap();
        files.crash(Crash::LoseAll, 0);
        assert_eq!(files.contents("a"), None, "the name was not synced");

        let file = written(&files, b"one");
        files.sync_dir().unwrap();
        files.crash(Crash::LoseAll, 0);
        assert_eq!(files.contents("a").unwrap(), b"", "the octets were not");
        drop(file);

        let file = files.open("a", Access::Write).unwrap();
        file.write_at(b"two", 0).unwrap();
        file.sync_data().unwrap();
        file.write_at(b"xyz", 1).unwrap();
        files.crash(Crash::Process, 0);
        assert_eq!(files.contents("a").unwrap(), b"txyz");
        files.crash(Crash::LoseAll, 0);
        assert_eq!(files.contents("a").unwrap(), b"two");
    }

    #[test]
    fn a_failed_sync_throws_away_what_a_second_one_does_not_bring_back() {
        let files = MemoryFiles::new();
        let file = written(&files, b"one");
        files.sync_dir().unwrap();
        files.inject(Fault { first: 0, count: u64::MAX, on: On::Syncs, error: io::ErrorKind::Other });
        assert!(file.sync_data().is_err());
        files.clear_faults();
        file.sync_data().unwrap();
        assert_eq!(files.contents("a").unwrap(), b"one", "it can still be read");
        files.crash(Crash::LoseAll, 0);
        assert_eq!(files.contents("a").unwrap(), b"");
    }

    #[test]
    fn faults_capacity_and_short_writes() {
        let files = MemoryFiles::new();
        let file = written(&files, b"0123456789");
        files.set_capacity(Some(12));
        assert_eq!(file.write_at(b"abcd", 10).unwrap(), 2);
        assert_eq!(file.write_at(b"cd", 12).unwrap_err().kind(), io::ErrorKind::StorageFull);
        files.set_capacity(None);
        files.set_short_writes(Some(3));
        assert_eq!(file.write_at(b"abcd", 0).unwrap(), 3);
        let first = files.operations() + 1;
        files.inject(Fault { first, count: 1, on: On::Changes, error: io::ErrorKind::Other });
        file.write_at(b"x", 0).unwrap();
        assert!(file.write_at(b"yz", 0).is_err());
        file.write_at(b"w", 4).unwrap();
        assert_eq!(files.contents("a").unwrap(), b"ybc3w56789ab");
        files.set_read_only(true);
        assert_eq!(files.remove("a").unwrap_err().kind(), io::ErrorKind::ReadOnlyFilesystem);
    }

    #[test]
    fn every_crash_is_repeatable() {
        for crash in [Crash::KeepPrefix, Crash::Scramble] {
            let after = |seed| {
                let files = MemoryFiles::new();
                let file = written(&files, &[7; 5000]);
                files.sync_dir().unwrap();
                file.write_at(&[8; 3000], 4000).unwrap();
                files.crash(crash, seed);
                files.contents("a")
            };
            assert_eq!(after(3), after(3));
            assert!((0..20).any(|seed| after(seed) != after(3)));
        }
    }
}
