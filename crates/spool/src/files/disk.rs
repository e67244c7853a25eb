//! The real folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use super::{Access, Entry, Files, OpenFile};

/// A folder of the operating system.
#[derive(Debug, Clone)]
pub struct DiskFiles {
    dir: PathBuf,
}

impl DiskFiles {
    /// The folder `dir`.
    #[must_use]
    pub fn new(dir: impl AsRef<Path>) -> Self {
        Self { dir: dir.as_ref().to_path_buf() }
    }
}

impl Files for DiskFiles {
    fn create_dir(&self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn OpenFile>>> {
        let path = self.dir.join(name);
        let file = match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
            // Where nothing can be written, a lock that is there can still be taken.
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => File::open(&path).map_err(|_| error)?,
            other => other?,
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(Box::new(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            // A name that is no text is none of ours, and is left alone.
            let Ok(name) = entry.file_name().into_string() else { continue };
            let metadata = match entry.metadata() {
                // It went while we looked.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other?,
            };
            entries.push(Entry { name, len: metadata.len(), regular: metadata.is_file() });
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(entries)
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn OpenFile>> {
        let mut options = OpenOptions::new();
        match access {
            Access::Read => options.read(true),
            Access::Write => options.read(true).write(true),
            Access::Create => options.read(true).write(true).create_new(true),
        };
        Ok(Box::new(options.open(self.dir.join(name))?))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.dir.join(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.dir.join(from), self.dir.join(to))
    }

    /// Two syncs one after the other take twice as long; at once they share the file system's journal.
    fn sync_data(&self, files: &mut [&mut Box<dyn OpenFile>]) -> Vec<io::Result<()>> {
        let Some((last, others)) = files.split_last_mut() else { return Vec::new() };
        thread::scope(|scope| {
            let others: Vec<_> = others.iter_mut().map(|file| scope.spawn(move || file.sync_data())).collect();
            let last = last.sync_data();
            let ended = |thread: thread::ScopedJoinHandle<'_, io::Result<()>>| {
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the sync's thread ended")))
            };
            others.into_iter().map(ended).chain([last]).collect()
        })
    }

    fn sync_dir(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

impl OpenFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::write_at(self, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_does_what_the_trait_says() {
        let dir = tempfile::tempdir().unwrap();
        let files = DiskFiles::new(dir.path().join("a/b"));
        files.create_dir().unwrap();
        files.create_dir().unwrap();
        let lock = files.lock("lock").unwrap();
        assert!(lock.is_some());
        assert!(files.lock("lock").unwrap().is_none(), "a second handle does not get it");
        drop(lock);
        assert!(files.lock("lock").unwrap().is_some());

        let file = files.open("x", Access::Create).unwrap();
        assert_eq!(files.open("x", Access::Create).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(files.open("y", Access::Write).err().unwrap().kind(), io::ErrorKind::NotFound);
        assert_eq!(file.write_at(b"hello", 3).unwrap(), 5);
        file.sync_data().unwrap();
        file.truncate(6).unwrap();
        assert_eq!(file.len().unwrap(), 6);
        let mut buffer = [9; 8];
        assert_eq!(file.read_at(&mut buffer, 2).unwrap(), 4);
        assert_eq!(buffer, *b"\0hel\x09\x09\x09\x09");
        files.rename("x", "z").unwrap();
        files.sync_dir().unwrap();
        let names: Vec<_> = files.list().unwrap().into_iter().map(|entry| (entry.name, entry.len)).collect();
        assert_eq!(names, [("lock".to_string(), 0), ("z".to_string(), 6)]);
        files.remove("z").unwrap();
        assert_eq!(files.remove("z").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
