//! The folder as the spool uses it: whole writes in place of short ones, counted, and errors that say what was being done.

use std::io;

use crate::files::{Access, Entry, Files, OpenFile};
use crate::trouble::{DiskTrouble, Doing};

/// A folder with its counters.
pub(crate) struct Disk {
    files: Box<dyn Files>,
    /// fdatasync of files, fsync of the folder.
    pub(crate) syncs: u64,
    pub(crate) bytes_written: u64,
}

impl Disk {
    pub(crate) fn new(files: Box<dyn Files>) -> Self {
        Self { files, syncs: 0, bytes_written: 0 }
    }

    pub(crate) fn trouble(&self, name: &str, doing: Doing, error: &io::Error) -> DiskTrouble {
        DiskTrouble::new(self.files.path(name), doing, error)
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.files.path(name)
    }

    pub(crate) fn create_dir(&self) -> Result<(), DiskTrouble> {
        self.files.create_dir().map_err(|error| self.trouble("", Doing::MakeFolder, &error))
    }

    pub(crate) fn lock(&self, name: &str) -> Result<Option<Box<dyn OpenFile>>, DiskTrouble> {
        self.files.lock(name).map_err(|error| self.trouble(name, Doing::Lock, &error))
    }

    pub(crate) fn list(&self) -> Result<Vec<Entry>, DiskTrouble> {
        self.files.list().map_err(|error| self.trouble("", Doing::List, &error))
    }

    pub(crate) fn open(&self, name: &str, access: Access) -> Result<Box<dyn OpenFile>, DiskTrouble> {
        self.files.open(name, access).map_err(|error| self.trouble(name, Doing::Open, &error))
    }

    /// Makes a new file, in the place of one that may have that name.
    pub(crate) fn create(&self, name: &str) -> Result<Box<dyn OpenFile>, DiskTrouble> {
        let result = match self.files.open(name, Access::Create) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(name)?;
                self.files.open(name, Access::Create)
            }
            other => other,
        };
        result.map_err(|error| self.trouble(name, Doing::Create, &error))
    }

    /// Removes a file; one that is not there is gone too.
    pub(crate) fn remove(&self, name: &str) -> Result<(), DiskTrouble> {
        match self.files.remove(name) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.trouble(name, Doing::Remove, &error)),
            _ => Ok(()),
        }
    }

    /// Renames a file out of the way.
    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }

    /// Writes all octets.
    pub(crate) fn write_all(
        &mut self,
        file: &dyn OpenFile,
        name: &str,
        octets: &[u8],
        offset: u64,
    ) -> Result<(), DiskTrouble> {
        let (mut rest, mut at) = (octets, offset);
        while !rest.is_empty() {
            match file.write_at(rest, at) {
                Ok(0) => return Err(self.trouble(name, Doing::Write, &io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    let written = written.min(rest.len());
                    self.bytes_written += written as u64;
                    at += written as u64;
                    rest = rest.get(written..).unwrap_or_default();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.trouble(name, Doing::Write, &error)),
            }
        }
        Ok(())
    }

    pub(crate) fn sync(&mut self, file: &dyn OpenFile, name: &str) -> Result<(), DiskTrouble> {
        self.syncs += 1;
        file.sync_data().map_err(|error| self.trouble(name, Doing::Sync, &error))
    }

    /// Several files; the first error of each group of parts is what counts for the group.
    pub(crate) fn sync_all(&mut self, files: &mut [&mut Box<dyn OpenFile>]) -> Vec<io::Result<()>> {
        self.syncs += files.len() as u64;
        self.files.sync_data(files)
    }

    pub(crate) fn sync_trouble(&self, name: &str, error: &io::Error) -> DiskTrouble {
        self.trouble(name, Doing::Sync, error)
    }

    pub(crate) fn sync_dir(&mut self) -> Result<(), DiskTrouble> {
        self.syncs += 1;
        self.files.sync_dir().map_err(|error| self.trouble("", Doing::SyncFolder, &error))
    }

    /// A whole file of at most `most` octets; of a longer one the beginning. `None` if it is not there.
    pub(crate) fn read_small(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, DiskTrouble> {
        let file = match self.open(name, Access::Read) {
            Ok(file) => file,
            Err(trouble) if trouble.kind == io::ErrorKind::NotFound => return Ok(None),
            Err(trouble) => return Err(trouble),
        };
        let trouble = |error: &io::Error| self.trouble(name, Doing::Read, error);
        let len = file.len().map_err(|error| trouble(&error))?.min(most) as usize;
        let mut octets = vec![0; len];
        let mut filled = 0;
        while let Some(rest) = octets.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read.min(rest.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(trouble(&error)),
            }
        }
        octets.truncate(filled);
        Ok(Some(octets))
    }
}
