//! The few things that the spool asks of a file system, as a trait, so that tests can put a folder that crashes and fails
//! in the place of the real one.
//!
//! A [`Files`] is one folder and its files by their names; nothing below it. The spool promises what it promises on these
//! terms: octets written are safe after [`OpenFile::sync_data`] has returned without error, a name that was created,
//! removed or renamed after [`Files::sync_dir`] has; until then a crash may keep or lose any of it, in any order.

mod disk;

use std::io;
use std::path::PathBuf;

pub use disk::DiskFiles;

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read.
    Read,
    /// To be read and written; it must be there.
    Write,
    /// To be read and written; it must not be there yet.
    Create,
}

/// One name in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// Octets.
    pub len: u64,
    /// It is a file, and not a folder, a link or a device.
    pub regular: bool,
}

/// One folder.
///
/// # Errors
///
/// Every method gives the operating system's error; the spool treats all of them alike but for those named here.
#[allow(clippy::missing_errors_doc, reason = "said once for all methods")]
pub trait Files: Send {
    /// Makes the folder if it is not there.
    fn create_dir(&self) -> io::Result<()>;

    /// Takes the folder's lock, which is held as long as the file is; `None` when another has it.
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn OpenFile>>>;

    /// All names in the folder.
    fn list(&self) -> io::Result<Vec<Entry>>;

    /// Opens a file. [`io::ErrorKind::AlreadyExists`] from [`Access::Create`] makes the spool remove the file first.
    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn OpenFile>>;

    /// Removes a file. [`io::ErrorKind::NotFound`] is taken as success.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Renames a file, over the one that has the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes the octets of several files safe, one result for each; at once where the system can do so.
    fn sync_data(&self, files: &mut [&mut Box<dyn OpenFile>]) -> Vec<io::Result<()>> {
        files.iter().map(|file| file.sync_data()).collect()
    }

    /// Makes names safe.
    fn sync_dir(&self) -> io::Result<()>;

    /// The path of a name, for messages.
    fn path(&self, name: &str) -> PathBuf;
}

/// One open file.
#[allow(clippy::missing_errors_doc, reason = "said once for all methods")]
#[allow(clippy::len_without_is_empty, reason = "nobody asks whether a file is empty")]
pub trait OpenFile: Send {
    /// Reads into `buffer` from `offset`; how many octets, 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes from `bytes` to `offset`; how many octets, which may be fewer than all.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Makes the octets safe.
    fn sync_data(&self) -> io::Result<()>;

    /// Cuts the file to `len` octets.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Octets of the file.
    fn len(&self) -> io::Result<u64>;
}
