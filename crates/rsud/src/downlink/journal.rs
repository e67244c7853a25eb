//! The audit log: a line of JSON for each command and for what became of it, on disk before anything is done.
//!
//! It is also the memory of which commands there were, so that none is done twice. The newest [`MEMORY`] identities are
//! remembered; a file that has become large is put aside, and the one put aside before it goes.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// So many identities are remembered.
pub const MEMORY: usize = 10_000;
/// A log larger than this is put aside, octets.
const MAX_OCTETS: u64 = 8 << 20;
/// Longer lines are none of ours, octets.
const MAX_LINE: u64 = 64 * 1024;

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is being carried out.
    Accepted,
    /// It was carried out.
    Done,
    /// It was not begun.
    Refused,
    /// It was begun and taken back, or broken off.
    Failed,
    /// It came again.
    Repeated,
}

/// Where an answer is wanted, beside the topic of the contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// MQTT response topic.
    pub topic: String,
    /// MQTT correlation data, hexadecimal.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub correlation: String,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Microseconds since the Unix epoch.
    pub at_us: i64,
    /// The same for people.
    pub at: String,
    /// The link over which it came.
    pub link: String,
    /// Its identity.
    pub command_id: String,
    /// Who asked, as they say themselves.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub issued_by: String,
    /// What was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub action: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Where an answer is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
}

/// The audit log.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    /// The last entry of each command, and the order in which they came first.
    known: BTreeMap<String, Entry>,
    order: VecDeque<String>,
}

impl Journal {
    /// Reads what there is in a folder; what cannot be read is not there.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let mut journal = Self { path: folder.join("audit.jsonl"), known: BTreeMap::new(), order: VecDeque::new() };
        for file in [journal.aside(), journal.path.clone()] {
            journal.read(&file);
        }
        journal
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("1.jsonl")
    }

    fn read(&mut self, file: &Path) {
        let Ok(file) = File::open(file) else { return };
        let mut reader = BufReader::new(file);
        let mut line = Vec::new();
        loop {
            line.clear();
            // A crash may have torn a line; nothing was done before it was whole.
            match std::io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if let Ok(entry) = serde_json::from_slice::<Entry>(&line) {
                self.remember(entry);
            }
        }
    }

    fn remember(&mut self, entry: Entry) {
        if entry.outcome == Outcome::Repeated || entry.command_id.is_empty() {
            return;
        }
        let id = entry.command_id.clone();
        if self.known.insert(id.clone(), entry).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// What became of a command, if there was one of this identity.
    #[must_use]
    pub fn find(&self, command_id: &str) -> Option<&Entry> {
        self.known.get(command_id)
    }

    /// The commands that were accepted and of which nobody knows what became of them.
    #[must_use]
    pub fn unfinished(&self) -> Vec<Entry> {
        self.known.values().filter(|entry| entry.outcome == Outcome::Accepted).cloned().collect()
    }

    /// Writes an entry down; when this returns, it is safe.
    ///
    /// # Errors
    /// It cannot be written. Nothing must be done then.
    pub fn write(&mut self, entry: Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let is_new = !self.path.exists();
        let size = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        let full = size + line.len() as u64 > MAX_OCTETS;
        if full {
            std::fs::rename(&self.path, self.aside())?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        // One write: what a crash leaves of it is a torn line, which a line break ends.
        if size > 0 && !full {
            line.insert(0, b'\n');
        }
        file.write_all(&line)?;
        file.sync_data()?;
        if (is_new || full)
            && let Some(folder) = self.path.parent()
        {
            File::open(folder)?.sync_all()?;
        }
        self.remember(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(command_id: &str, outcome: Outcome) -> Entry {
        Entry {
            at_us: 1,
            at: "then".into(),
            link: "cloud".into(),
            command_id: command_id.into(),
            issued_by: String::new(),
            action: "ask".into(),
            outcome,
            reason: String::new(),
            reply_to: None,
        }
    }

    #[test]
    fn what_was_written_is_known_after_a_restart_also_behind_a_torn_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path());
        journal.write(entry("a", Outcome::Accepted)).unwrap();
        journal.write(entry("b", Outcome::Accepted)).unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut octets = std::fs::read(&path).unwrap();
        octets.extend(br#"{"at_us":1,"at":"then","li"#);
        std::fs::write(&path, octets).unwrap();
        let mut journal = Journal::open(folder.path());
        journal.write(entry("a", Outcome::Done)).unwrap();
        journal.write(entry("a", Outcome::Repeated)).unwrap();
        let journal = Journal::open(folder.path());
        assert_eq!(journal.find("a").unwrap().outcome, Outcome::Done);
        let unfinished: Vec<String> = journal.unfinished().into_iter().map(|entry| entry.command_id).collect();
        assert_eq!(unfinished, ["b"]);
        assert!(journal.find("c").is_none());
    }

    #[test]
    fn a_large_log_is_put_aside_and_still_known() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path());
        journal.write(entry("a", Outcome::Done)).unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut octets = std::fs::read(&path).unwrap();
        octets.resize(MAX_OCTETS as usize, b'\n');
        std::fs::write(&path, octets).unwrap();
        journal.write(entry("b", Outcome::Done)).unwrap();
        let journal = Journal::open(folder.path());
        assert!(journal.find("a").is_some() && journal.find("b").is_some());
        assert!(std::fs::metadata(path).unwrap().len() < 1000);
    }
}
