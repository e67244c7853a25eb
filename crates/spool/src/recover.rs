//! Finding out what is in the folder.
//!
//! Every file is looked at once. What is ours and in order is taken, what is damaged is taken as far as it is in order, and
//! what is neither is renamed to `*.bad`. Then the state is saved, before anything new is written: what was found lost is
//! safe to be told from there on.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use rsu_units::Timestamp;

use crate::config::{Config, MAX_SEGMENT_BYTES, SET_ASIDE_BYTES, SET_ASIDE_FILES};
use crate::disk::Disk;
use crate::files::Entry;
use crate::gaps::GapIds;
use crate::queue::Queue;
use crate::record::Seal;
use crate::segment::{HEADER_OCTETS, Header, SegmentName};
use crate::spool::{Known, Spool};
use crate::state::{self, Keeper, SLOTS, State};
use crate::trouble::{DiskTrouble, OpenError};

/// The lock's name.
pub(crate) const LOCK: &str = "lock";

/// What the names of files end with that were set aside.
pub(crate) const ASIDE: &str = ".bad";

/// So often is a folder tried that cannot be read, before what can be read of it must do. In the meantime items are kept
/// in memory; to give up what may come back costs more.
const RECOVERY_PATIENCE: u32 = 10;

/// Identities of gaps that may have been given out since the state was saved.
const GAP_IDS_AHEAD: u64 = 65_536;

/// What is counted while the folder is read.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) damaged: u64,
    pub(crate) torn_tails: u64,
    pub(crate) set_aside: u64,
}

/// The folder, while it is read.
pub(crate) struct Recovery<'a> {
    pub(crate) disk: &'a mut Disk,
    /// What cannot be read is passed over in place of giving up.
    pub(crate) lenient: bool,
    pub(crate) ids: GapIds,
    pub(crate) counts: Counts,
}

/// A file that has the name of a segment.
pub(crate) struct Candidate {
    pub(crate) name: SegmentName,
    pub(crate) len: u64,
    /// Its header, if it is in order.
    pub(crate) header: Option<Header>,
}

type Classes = BTreeMap<String, Vec<Candidate>>;

impl Spool {
    /// Takes the lock, and reads the folder if that has not been done. After some failures it makes do with what can be
    /// read.
    pub(crate) fn begin(&mut self, now: Timestamp) -> Result<Result<(), DiskTrouble>, OpenError> {
        let created = self.disk.create_dir();
        if self.lock.is_none() {
            match self.disk.lock(LOCK) {
                Ok(Some(lock)) => self.lock = Some(lock),
                Ok(None) => return Err(OpenError::Locked { path: self.disk.path(LOCK) }),
                // Nobody else can write either, and what is there can be read.
                Err(trouble) if trouble.kind == ErrorKind::ReadOnlyFilesystem => {}
                Err(trouble) => {
                    if trouble.kind == ErrorKind::IsADirectory {
                        // Out of the way, for the next time.
                        let _ = self.disk.rename(LOCK, &format!("{LOCK}{ASIDE}"));
                    }
                    return Ok(Err(created.err().unwrap_or(trouble)));
                }
            }
        }
        if self.known.is_none() {
            let result = self.recover(now);
            if let Err(trouble) = result {
                self.failed_recoveries = self.failed_recoveries.saturating_add(1);
                return Ok(Err(trouble));
            }
        }
        Ok(self.save(now, true).and_then(|()| self.remove_settled()))
    }

    fn recover(&mut self, now: Timestamp) -> Result<(), DiskTrouble> {
        let lenient = self.failed_recoveries >= RECOVERY_PATIENCE;
        let ids = GapIds { next: 0 };
        let mut recovery = Recovery { disk: &mut self.disk, lenient, ids, counts: Counts::default() };
        let (state, keeper, queues) = recovery.read(&self.config, now)?;
        let Recovery { ids, counts, .. } = recovery;
        self.counted.damaged += counts.damaged;
        self.counted.torn_tails += counts.torn_tails;
        self.counted.set_aside += counts.set_aside;
        self.counted.partial_openings += u64::from(lenient);
        self.boot = self.boot.max(state.boot);
        self.clock.remember(Timestamp::from_micros(state.saved_at_us), now);
        // Gaps that were made before keep their identities, which are of another range.
        self.ids = ids;
        for (mut queue, provisional) in queues.into_iter().zip(std::mem::take(&mut self.queues)) {
            queue.adopt(provisional);
            self.queues.push(queue);
        }
        self.known = Some(Known { spool: state.spool, keeper });
        Ok(())
    }
}

impl Recovery<'_> {
    fn read(&mut self, config: &Config, now: Timestamp) -> Result<(State, Keeper, Vec<Queue>), DiskTrouble> {
        let entries = self.disk.list()?;
        let mut classes = self.sort(config, &entries)?;
        let found = state::find(self.disk, self.lenient)?;
        let keeper = Keeper::new(&found);
        let damaged_slots = found.damaged;
        let state = if let Some((_, state)) = found.newest {
            state
        } else {
            if damaged_slots > 0 {
                for slot in SLOTS {
                    self.set_aside(slot);
                }
            }
            let fresh = State::new(now);
            State { spool: likeliest_spool(&classes).unwrap_or(fresh.spool), ..fresh }
        };
        // A slot that was being written when the power went is nothing out of the ordinary; both cannot have been.
        self.counts.damaged += u64::from(damaged_slots == SLOTS.len());
        self.ids.next = state.next_gap.saturating_add(GAP_IDS_AHEAD);
        let mut queues = Vec::new();
        for (index, class) in config.classes().iter().enumerate() {
            let candidates = classes.remove(&class.name).unwrap_or_default();
            let ours = self.leave_out_aliens(candidates, state.spool);
            let saved = state.classes.iter().find(|saved| saved.name == class.name);
            let first = ours.first().map_or(1, |candidate| candidate.name.follows);
            let cursor = saved.map_or(first, |saved| saved.cursor).max(1);
            let seal = Seal::new(state.spool, &class.name);
            let mut queue = Queue::new(index, class, config.limits(class), seal, cursor);
            self.survey(&mut queue, saved, &ours)?;
            queues.push(queue);
        }
        self.trim_aside();
        Ok((state, keeper, queues))
    }

    /// The files of each class, in order. What else there is goes out of the way, but for folders and the like, which are
    /// left alone unless they have one of our names.
    fn sort(&mut self, config: &Config, entries: &[Entry]) -> Result<Classes, DiskTrouble> {
        let mut classes = Classes::new();
        for Entry { name: file_name, len, regular } in entries {
            let is_slot = SLOTS.contains(&file_name.as_str());
            if file_name == LOCK || file_name.ends_with(ASIDE) || (is_slot && *regular) {
                continue;
            }
            let parsed = SegmentName::parse(file_name);
            let is_ours = is_slot || parsed.is_some();
            let name = parsed
                .filter(|name| config.classes().iter().any(|class| class.name == name.class))
                .filter(|_| *regular && *len <= MAX_SEGMENT_BYTES);
            if let Some(name) = name {
                let octets = match self.disk.read_small(file_name, HEADER_OCTETS) {
                    Err(_) if self.lenient => None,
                    octets => octets?,
                };
                let header = octets.and_then(|octets| Header::decode(&octets));
                classes.entry(name.class.clone()).or_default().push(Candidate { name, len: *len, header });
            } else if *regular || is_ours {
                self.set_aside(file_name);
            }
        }
        for candidates in classes.values_mut() {
            candidates.sort_by_key(|candidate| (candidate.name.base, candidate.name.follows));
        }
        Ok(classes)
    }

    /// Sets aside files whose header says that they are of another spool, or another file.
    fn leave_out_aliens(&mut self, candidates: Vec<Candidate>, spool: u64) -> Vec<Candidate> {
        let mut ours = Vec::new();
        for candidate in candidates {
            let Candidate { name, header, .. } = &candidate;
            let is_alien = header.as_ref().is_some_and(|header| {
                let said = (header.base, header.follows, header.spool);
                said != (name.base, name.follows, spool) || header.class != name.class
            });
            if is_alien {
                self.set_aside(&name.to_string());
            } else {
                ours.push(candidate);
            }
        }
        ours
    }

    /// Renames a file that is no use to us. Where that fails it stays, and is not used either.
    pub(crate) fn set_aside(&mut self, name: &str) {
        if self.disk.rename(name, &format!("{name}{ASIDE}")).is_ok() {
            self.counts.set_aside += 1;
        }
    }

    /// Keeps a few of the files that were set aside, and removes the others.
    fn trim_aside(&mut self) {
        let mut entries = self.disk.list().unwrap_or_default();
        entries.retain(|entry| entry.regular && entry.name.ends_with(ASIDE));
        let (mut files, mut bytes) = (0, 0);
        for Entry { name, len, .. } in entries {
            if files < SET_ASIDE_FILES && bytes + len <= SET_ASIDE_BYTES {
                (files, bytes) = (files + 1, bytes + len);
            } else {
                // Tried again at the next opening.
                let _ = self.disk.remove(&name);
            }
        }
    }
}

/// Without a state: the spool that most of the segments say they are of.
fn likeliest_spool(classes: &Classes) -> Option<u64> {
    let mut votes: BTreeMap<u64, usize> = BTreeMap::new();
    for header in classes.values().flatten().filter_map(|candidate| candidate.header.as_ref()) {
        *votes.entry(header.spool).or_default() += 1;
    }
    votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(spool, _)| spool)
}
