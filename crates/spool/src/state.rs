//! The little that must survive beside the records: how far each class is delivered, what is to be told, the boot counter.
//!
//! It is written to two files in turn, `state-0` and `state-1`, always over the older one, so that a crash while writing
//! leaves the other. A slot is a line with a generation and a CRC, then JSON that a technician can read, then blanks up to
//! a whole block. It is overwritten in place: on a full disk it needs no new blocks, and no rename has to be made safe.

use std::io;

use rsu_units::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::{BLOCK_BYTES, MAX_CLASSES, STATE_SHARE_OF_SLOT};
use crate::disk::Disk;
use crate::files::Access;
use crate::gaps::Gap;
use crate::trouble::DiskTrouble;

/// The names of the two slots.
pub(crate) const SLOTS: [&str; 2] = ["state-0", "state-1"];

const MAGIC: &str = "rsud-spool-state 1";

/// Nothing that is larger is a slot.
const MAX_SLOT_BYTES: u64 = MAX_CLASSES as u64 * STATE_SHARE_OF_SLOT;

/// What is saved of the spool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// The spool's identity.
    pub(crate) spool: u64,
    /// The last boot counter that was given out.
    pub(crate) boot: i64,
    /// The next identity of a gap.
    pub(crate) next_gap: u64,
    pub(crate) saved_at_us: i64,
    pub(crate) classes: Vec<ClassState>,
}

/// What is saved of one class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ClassState {
    pub(crate) name: String,
    /// All before it is settled.
    pub(crate) cursor: u64,
    /// The position after the last record that was accepted on disk when this was saved.
    pub(crate) written_end: u64,
    /// Positions below it may have been used.
    pub(crate) reserved: u64,
    pub(crate) holes: Vec<(u64, u64)>,
    pub(crate) gaps: Vec<Gap>,
}

/// The octets of a slot.
pub(crate) fn encode(state: &State, generation: u64) -> Vec<u8> {
    // Strings, numbers and lists: there is nothing that JSON could not say.
    let json = serde_json::to_vec(state).unwrap_or_default();
    let crc = crc(generation, &json);
    let mut octets = format!("{MAGIC} {generation} {} {crc:08x}\n", json.len()).into_bytes();
    octets.extend_from_slice(&json);
    octets.resize(octets.len().next_multiple_of(BLOCK_BYTES as usize), b' ');
    octets
}

/// The state and its generation, if the slot is in order.
pub(crate) fn decode(octets: &[u8]) -> Option<(u64, State)> {
    let end = octets.iter().take(100).position(|octet| *octet == b'\n')?;
    let (line, rest) = octets.split_at_checked(end)?;
    let mut words = std::str::from_utf8(line).ok()?.strip_prefix(MAGIC)?.split_ascii_whitespace();
    let generation = words.next()?.parse().ok()?;
    let json = rest.get(1..)?.get(..words.next()?.parse().ok()?)?;
    if u32::from_str_radix(words.next()?, 16).ok()? != crc(generation, json) {
        return None;
    }
    Some((generation, serde_json::from_slice(json).ok()?))
}

fn crc(generation: u64, json: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&generation.to_le_bytes());
    hasher.update(json);
    hasher.finalize()
}

/// What was found in the two slots.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) newest: Option<(u64, State)>,
    /// The slot that the newest is in.
    pub(crate) slot: usize,
    /// Slots that are there and are not in order.
    pub(crate) damaged: usize,
}

/// Reads both slots. `lenient`: one that cannot be read does not matter if the other can.
pub(crate) fn find(disk: &Disk, lenient: bool) -> Result<Found, DiskTrouble> {
    let mut found = Found { slot: 1, ..Found::default() };
    let mut trouble = None;
    for (slot, name) in SLOTS.into_iter().enumerate() {
        let octets = match disk.read_small(name, MAX_SLOT_BYTES) {
            Ok(Some(octets)) => octets,
            Ok(None) => continue,
            Err(error) => {
                trouble = Some(error);
                continue;
            }
        };
        match decode(&octets) {
            Some((generation, state)) => {
                if found.newest.as_ref().is_none_or(|(newest, _)| generation > *newest) {
                    found.newest = Some((generation, state));
                    found.slot = slot;
                }
            }
            None => found.damaged += 1,
        }
    }
    match trouble {
        // Without the state, segments say neither whose they are nor what of them is delivered.
        Some(trouble) if !lenient || found.newest.is_none() => Err(trouble),
        _ => Ok(found),
    }
}

/// Writes slots.
#[derive(Debug)]
pub(crate) struct Keeper {
    generation: u64,
    /// The slot that is written next: not the one with the newest state.
    slot: usize,
    /// The last write to the slot failed; the file is not trusted any more.
    suspect: bool,
    /// The slots whose names we have made safe. That a file is there does not say that it is there after a crash.
    named: [bool; 2],
    /// The slot that was read: a process that died may have written it and not made it safe.
    unproven: Option<usize>,
}

impl Keeper {
    pub(crate) fn new(found: &Found) -> Self {
        let generation = found.newest.as_ref().map_or(0, |(generation, _)| *generation);
        let unproven = found.newest.is_some().then_some(found.slot);
        Self { generation, slot: 1 - found.slot.min(1), suspect: false, named: [false; 2], unproven }
    }

    /// Before the other slot is written over, the one that was read must be safe.
    fn prove(&mut self, disk: &mut Disk) -> Result<(), DiskTrouble> {
        let Some(name) = self.unproven.and_then(|slot| SLOTS.get(slot)) else { return Ok(()) };
        let file = disk.open(name, Access::Write)?;
        disk.sync(&*file, name)?;
        self.unproven = None;
        Ok(())
    }

    /// Writes the state and makes it safe.
    pub(crate) fn save(&mut self, disk: &mut Disk, state: &State) -> Result<(), DiskTrouble> {
        self.prove(disk)?;
        let name = SLOTS.get(self.slot).copied().unwrap_or_default();
        let octets = encode(state, self.generation + 1);
        let result = self.write(disk, name, &octets);
        self.suspect = result.is_err();
        if result.is_ok() {
            self.generation += 1;
            self.slot = 1 - self.slot;
        }
        result
    }

    fn write(&mut self, disk: &mut Disk, name: &str, octets: &[u8]) -> Result<(), DiskTrouble> {
        let mut named = self.named.get(self.slot).copied().unwrap_or(false);
        if self.suspect {
            // A bad block under the file would fail for ever.
            disk.remove(name)?;
        }
        let file = match disk.open(name, Access::Write) {
            Err(trouble) if trouble.kind == io::ErrorKind::NotFound => {
                named = false;
                disk.create(name)?
            }
            other => other?,
        };
        disk.write_all(&*file, name, octets, 0)?;
        disk.sync(&*file, name)?;
        if !named {
            disk.sync_dir()?;
        }
        if let Some(named) = self.named.get_mut(self.slot) {
            *named = true;
        }
        Ok(())
    }
}

impl State {
    /// The state of a spool that has none yet. The identity comes from the random keys of the standard library's hash
    /// maps: a stale block of an earlier spool in the same folder must not have it.
    pub(crate) fn new(now: Timestamp) -> Self {
        use std::hash::{BuildHasher as _, RandomState};
        let spool = RandomState::new().hash_one(now);
        Self {
            spool,
            boot: 0,
            // Gaps of different spools are told apart too.
            next_gap: (spool >> 2).max(1),
            saved_at_us: now.as_micros(),
            classes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BLOCK_BYTES;
    use crate::gaps::{ClassGaps, GapIds, MAX_RANGES, Reason};
    use crate::holes::{Holes, MAX_HOLES};
    use crate::{Label, MAX_STREAM_OCTETS};

    fn state() -> State {
        State { spool: u64::MAX, boot: i64::MIN, next_gap: 3, saved_at_us: 4, classes: vec![ClassState::default()] }
    }

    #[test]
    fn a_slot_comes_back_and_a_changed_one_does_not() {
        let octets = encode(&state(), 9);
        assert_eq!(octets.len() as u64, BLOCK_BYTES);
        assert_eq!(decode(&octets), Some((9, state())));
        let used = octets.iter().rposition(|octet| *octet != b' ').unwrap();
        for bit in 0..=used * 8 {
            let mut changed = octets.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // A letter of the CRC may change between small and capital; that says the same.
            assert!(decode(&changed).is_none_or(|decoded| decoded == (9, state())), "bit {bit}");
        }
        for len in 0..used {
            assert_eq!(decode(&octets[..len]), None);
        }
    }

    #[test]
    fn the_worst_class_fits_its_share() {
        let mut gaps = ClassGaps::new(0);
        let mut ids = GapIds { next: u64::MAX - 100 };
        let at = Timestamp::from_micros(i64::MIN);
        for round in 0..2 {
            for (index, reason) in Reason::ALL.into_iter().enumerate() {
                for range in 0..=MAX_RANGES / 10 {
                    // What JSON must escape takes two octets; more of it cannot be in a label.
                    let stream = "\"".repeat(MAX_STREAM_OCTETS);
                    let sequence = u64::MAX - (index * 1000 + range * 2 + round) as u64;
                    gaps.add(&mut ids, reason, &Label::new(stream, i64::MIN, sequence).unwrap(), at);
                }
            }
            gaps.hand_out();
        }
        assert_eq!(gaps.iter().map(|gap| gap.streams.len()).sum::<usize>(), MAX_RANGES);
        let mut holes = Holes::default();
        for index in 0..MAX_HOLES as u64 {
            holes.add(u64::MAX - index * 10 - 5, u64::MAX - index * 10);
        }
        let class = ClassState {
            name: "x".repeat(16),
            cursor: u64::MAX,
            written_end: u64::MAX,
            reserved: u64::MAX,
            holes: holes.ranges().to_vec(),
            gaps: gaps.iter().cloned().collect(),
        };
        let octets = encode(&State { classes: vec![class; MAX_CLASSES], ..state() }, u64::MAX);
        assert!(octets.len() as u64 <= MAX_SLOT_BYTES, "{} octets", octets.len());
    }
}
