//! The folder behind [`super::MemoryFiles`]: what is seen, and what is safe.

use std::collections::BTreeMap;
use std::io;

use super::{Crash, Fault, On};
use crate::files::{Access, Entry};

/// What a disk writes at once.
const SECTOR: usize = 512;

#[derive(Debug, Default)]
pub(super) struct Folder {
    nodes: BTreeMap<u64, Node>,
    next_node: u64,
    names: BTreeMap<String, u64>,
    safe_names: BTreeMap<String, u64>,
    /// Changes of names that are not safe yet.
    name_changes: Vec<NameChange>,
    lock: Option<u64>,
    epoch: u64,
    pub(super) operations: u64,
    pub(super) faults: Vec<Fault>,
    /// From this operation on there is no power.
    pub(super) cut_at: Option<u64>,
    pub(super) most_at_once: Option<usize>,
    pub(super) capacity: Option<u64>,
    pub(super) read_only: bool,
}

/// The octets of a file.
#[derive(Debug, Default, Clone)]
struct Node {
    seen: Vec<u8>,
    safe: Vec<u8>,
    /// Changes that are not safe yet.
    changes: Vec<Change>,
}

#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Debug, Clone)]
enum NameChange {
    Link(String, u64),
    Unlink(String),
    Rename(String, String),
}

impl Change {
    fn apply(&self, octets: &mut Vec<u8>) {
        match self {
            Self::Write(offset, bytes) => write(octets, *offset, bytes),
            Self::Truncate(len) => octets.resize(*len, 0),
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u64>) {
        match self {
            Self::Link(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Unlink(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

fn write(octets: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset.saturating_add(bytes.len());
    if octets.len() < end {
        octets.resize(end, 0);
    }
    if let Some(place) = octets.get_mut(offset..end) {
        place.copy_from_slice(bytes);
    }
}

impl Folder {
    /// Counts an operation, and says whether it fails.
    pub(super) fn operation(&mut self, kind: On) -> io::Result<()> {
        let number = self.operations;
        self.operations += 1;
        if self.is_cut() {
            return Err(io::Error::other("the power is cut"));
        }
        let hits = |fault: &&Fault| {
            number >= fault.first && number - fault.first < fault.count && (fault.on == On::Any || fault.on == kind)
        };
        if let Some(fault) = self.faults.iter().find(hits) {
            return Err(fault.error.into());
        }
        if self.read_only && kind == On::Changes {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        Ok(())
    }

    /// The power went at an earlier operation, or at this one.
    pub(super) fn is_cut(&self) -> bool {
        self.cut_at.is_some_and(|at| self.operations > at)
    }

    pub(super) fn take_lock(&mut self) -> Option<u64> {
        if self.lock.is_some() {
            return None;
        }
        self.epoch += 1;
        self.lock = Some(self.epoch);
        self.lock
    }

    pub(super) fn give_back_lock(&mut self, epoch: u64) {
        if self.lock == Some(epoch) {
            self.lock = None;
        }
    }

    pub(super) fn list(&self) -> Vec<Entry> {
        let len = |node| self.nodes.get(node).map_or(0, |node| node.seen.len() as u64);
        self.names.iter().map(|(name, node)| Entry { name: name.clone(), len: len(node), regular: true }).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.names.keys().cloned().collect()
    }

    pub(super) fn total_bytes(&self) -> u64 {
        self.list().iter().map(|entry| entry.len).sum()
    }

    pub(super) fn contents(&self, name: &str) -> Option<Vec<u8>> {
        self.nodes.get(self.names.get(name)?).map(|node| node.seen.clone())
    }

    pub(super) fn put(&mut self, name: &str, octets: &[u8]) {
        let node = Node { seen: octets.to_vec(), safe: octets.to_vec(), changes: Vec::new() };
        self.nodes.insert(self.next_node, node);
        self.names.insert(name.to_string(), self.next_node);
        self.safe_names.insert(name.to_string(), self.next_node);
        self.next_node += 1;
    }

    pub(super) fn open(&mut self, name: &str, access: Access) -> io::Result<u64> {
        match (self.names.get(name), access) {
            (Some(_), Access::Create) => Err(io::ErrorKind::AlreadyExists.into()),
            (Some(node), _) => Ok(*node),
            (None, Access::Create) => {
                let node = self.next_node;
                self.next_node += 1;
                self.nodes.insert(node, Node::default());
                self.change_names(NameChange::Link(name.to_string(), node));
                Ok(node)
            }
            (None, _) => Err(io::ErrorKind::NotFound.into()),
        }
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        if !self.names.contains_key(name) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change_names(NameChange::Unlink(name.to_string()));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        if !self.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change_names(NameChange::Rename(from.to_string(), to.to_string()));
        Ok(())
    }

    fn change_names(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.name_changes.push(change);
    }

    pub(super) fn sync_names(&mut self) {
        for change in self.name_changes.drain(..) {
            change.apply(&mut self.safe_names);
        }
    }

    pub(super) fn read(&self, node: u64, buffer: &mut [u8], offset: u64) -> usize {
        let seen = self.nodes.get(&node).map(|node| node.seen.as_slice()).unwrap_or_default();
        let from = usize::try_from(offset).ok().and_then(|offset| seen.get(offset..)).unwrap_or_default();
        let octets = from.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..octets), from.get(..octets)) {
            to.copy_from_slice(from);
        }
        octets
    }

    pub(super) fn write(&mut self, node: u64, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let used = self.total_bytes();
        let Some(node) = self.nodes.get_mut(&node) else { return Ok(bytes.len()) };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let free = self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(used));
        let room = (node.seen.len().saturating_sub(offset) as u64).saturating_add(free);
        let octets = bytes.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        if octets == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let bytes = bytes.get(..octets).unwrap_or_default();
        let change = Change::Write(offset, bytes.to_vec());
        change.apply(&mut node.seen);
        node.changes.push(change);
        Ok(octets)
    }

    pub(super) fn truncate(&mut self, node: u64, len: u64) {
        if let Some(node) = self.nodes.get_mut(&node) {
            let change = Change::Truncate(usize::try_from(len).unwrap_or(usize::MAX));
            change.apply(&mut node.seen);
            node.changes.push(change);
        }
    }

    pub(super) fn len(&self, node: u64) -> u64 {
        self.nodes.get(&node).map_or(0, |node| node.seen.len() as u64)
    }

    /// Makes octets safe; or, if it goes wrong, forgets that they are not.
    pub(super) fn sync(&mut self, node: u64, well: bool) {
        let Some(node) = self.nodes.get_mut(&node) else { return };
        for change in node.changes.drain(..) {
            if well {
                change.apply(&mut node.safe);
            }
        }
    }

    pub(super) fn crash(&mut self, crash: Crash, seed: u64) {
        self.lock = None;
        self.cut_at = None;
        if crash == Crash::Process {
            return;
        }
        let mut dice = Dice(seed);
        let changes = std::mem::take(&mut self.name_changes);
        let kept = dice.below(changes.len() + 1);
        for (index, change) in changes.into_iter().enumerate() {
            let stays = match crash {
                Crash::Process => true,
                Crash::LoseAll => false,
                Crash::KeepPrefix => index < kept,
                Crash::Scramble => dice.below(2) == 0,
            };
            if stays {
                change.apply(&mut self.safe_names);
            }
        }
        self.names = self.safe_names.clone();
        for node in self.nodes.values_mut() {
            let changes = std::mem::take(&mut node.changes);
            match crash {
                Crash::Process | Crash::LoseAll => {}
                Crash::KeepPrefix => keep_prefix(&changes, &mut node.safe, &mut dice),
                Crash::Scramble => changes.iter().for_each(|change| scramble(change, &mut node.safe, &mut dice)),
            }
            node.seen.clone_from(&node.safe);
        }
    }
}

fn keep_prefix(changes: &[Change], octets: &mut Vec<u8>, dice: &mut Dice) {
    let kept = dice.below(changes.len() + 1);
    for (index, change) in changes.iter().enumerate().take(kept) {
        match change {
            Change::Write(offset, bytes) if index + 1 == kept => {
                let part = bytes.get(..dice.below(bytes.len() + 1)).unwrap_or_default();
                write(octets, *offset, part);
            }
            _ => change.apply(octets),
        }
    }
}

fn scramble(change: &Change, octets: &mut Vec<u8>, dice: &mut Dice) {
    let Change::Write(offset, bytes) = change else {
        if dice.below(2) == 0 {
            change.apply(octets);
        }
        return;
    };
    // The length of the file may be safe although the octets are not.
    if dice.below(2) == 0 {
        octets.resize(octets.len().max(offset.saturating_add(bytes.len())), 0);
    }
    let mut at = *offset;
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        // Sectors are those of the disk, not of the write.
        let (sector, behind) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
        match dice.below(4) {
            0 => {}
            1 => {
                let garbage: Vec<u8> = sector.iter().map(|_| dice.below(256) as u8).collect();
                write(octets, at, &garbage);
            }
            _ => write(octets, at, sector),
        }
        at += sector.len();
        rest = behind;
    }
}

/// Numbers that are the same for the same seed (`SplitMix64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % bound.max(1) as u64) as usize
    }
}
