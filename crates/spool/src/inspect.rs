//! Looking at a spool from outside, for a technician's command.
//!
//! Nothing is written and no lock is taken, so the daemon may be running. What it is just writing then shows up as the tail
//! of a segment, which is no damage; files that go while they are looked at are left out.

use std::ops::Range;
use std::path::Path;

use serde::Serialize;

use crate::disk::Disk;
use crate::files::{Access, DiskFiles, Files};
use crate::gaps::Gap;
use crate::holes::Holes;
use crate::record::Seal;
use crate::recover::{ASIDE, LOCK};
use crate::scan::{Scanner, Step};
use crate::segment::{HEADER_OCTETS, Header, SegmentName};
use crate::state::{self, ClassState, SLOTS};
use crate::trouble::{DiskTrouble, Doing};

/// Most places that are listed one by one.
const MAX_LISTED: usize = 1000;

/// What is wrong with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DamageKind {
    /// The header of a segment is not in order.
    Header,
    /// Octets between records, or behind the last one of a segment that should have more, are none.
    Records,
    /// The payload of a record is not what it was; its head is in order.
    Payload,
    /// Items that should be before this place are nowhere.
    Missing,
    /// It cannot be read.
    Unreadable,
    /// Neither of the two slots of the state is in order.
    State,
}

/// One place that is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// The file.
    pub file: String,
    /// Where in the file, octets.
    pub offset: u64,
    /// How many octets; 0 where it is not about octets.
    pub octets: u64,
    /// What is wrong.
    pub kind: DamageKind,
    /// The position of the item, or of the first that is missing, if it is known.
    pub position: Option<u64>,
    /// How many items are missing.
    pub items: u64,
    /// The spool found them missing itself, and told it as a gap or has it to tell.
    pub told: bool,
}

/// One class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct ClassReport {
    /// Its name.
    pub name: String,
    /// Items that are neither delivered nor dropped.
    pub items: u64,
    /// Items that are, and whose segment is still there.
    pub settled_items: u64,
    /// Segments.
    pub segments: u64,
    /// Octets of the segments.
    pub bytes: u64,
    /// Octets behind the last records: being written at the moment, or cut off by a crash.
    pub tail_bytes: u64,
    /// When the oldest of the items was accepted, microseconds since the Unix epoch.
    pub oldest_accepted_at_us: Option<i64>,
    /// When the newest of the items was accepted.
    pub newest_accepted_at_us: Option<i64>,
    /// The first position of the items.
    pub first_position: Option<u64>,
    /// The last.
    pub last_position: Option<u64>,
    /// All before this position was settled when the state was saved.
    pub cursor: Option<u64>,
    /// Items that were dropped and are still to be told.
    pub gaps: Vec<Gap>,
}

/// A spool, as its files say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Report {
    /// When the state was saved, microseconds since the Unix epoch; `None` if there is no state.
    pub saved_at_us: Option<i64>,
    /// The last boot counter.
    pub boot: Option<i64>,
    /// Slots of the state that are not in order. One is what a crash leaves.
    pub damaged_slots: usize,
    /// The classes that the state or a file names.
    pub classes: Vec<ClassReport>,
    /// Damage; at most 1,000 places.
    pub damage: Vec<Damage>,
    /// How many more places there are.
    pub more_damage: u64,
    /// Files that were set aside.
    pub set_aside: Vec<String>,
    /// Files that are none of the spool's.
    pub other_files: Vec<String>,
}

impl Report {
    /// Nothing is damaged.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }

    fn note(&mut self, damage: Damage) {
        if self.damage.len() < MAX_LISTED {
            self.damage.push(damage);
        } else {
            self.more_damage += 1;
        }
    }
}

/// Looks at the spool in a folder. Payloads are not read: their damage is not found.
///
/// # Errors
///
/// The folder or the state cannot be read.
pub fn inspect(dir: impl AsRef<Path>) -> Result<Report, DiskTrouble> {
    examine(Box::new(DiskFiles::new(dir)), true)
}

/// Looks at the spool in a folder and reads every octet.
///
/// # Errors
///
/// The folder or the state cannot be read.
pub fn verify(dir: impl AsRef<Path>) -> Result<Report, DiskTrouble> {
    examine(Box::new(DiskFiles::new(dir)), false)
}

fn examine(files: Box<dyn Files>, heads_only: bool) -> Result<Report, DiskTrouble> {
    let disk = Disk::new(files);
    let entries = disk.list()?;
    let found = state::find(&disk, true)?;
    let mut report = Report { damaged_slots: found.damaged, ..Report::default() };
    let mut spool = None;
    let mut saved = Vec::new();
    if let Some((_, state)) = found.newest {
        (report.saved_at_us, report.boot, spool) = (Some(state.saved_at_us), Some(state.boot), Some(state.spool));
        saved = state.classes;
    } else if found.damaged > 0 {
        let [file, _] = SLOTS.map(String::from);
        report.note(Damage {
            file,
            offset: 0,
            octets: 0,
            kind: DamageKind::State,
            position: None,
            items: 0,
            told: false,
        });
    }
    let mut segments: Vec<(SegmentName, u64)> = Vec::new();
    for entry in entries {
        match SegmentName::parse(&entry.name).filter(|_| entry.regular) {
            Some(name) => segments.push((name, entry.len)),
            None if entry.name.ends_with(ASIDE) => report.set_aside.push(entry.name),
            None if entry.name == LOCK || SLOTS.contains(&entry.name.as_str()) => {}
            None => report.other_files.push(entry.name),
        }
    }
    let mut names: Vec<String> = saved.iter().map(|class| class.name.clone()).collect();
    for (name, _) in &segments {
        if !names.contains(&name.class) {
            names.push(name.class.clone());
        }
    }
    for name in names {
        let saved = saved.iter().find(|class| class.name == name);
        let mut of_class: Vec<_> = segments.iter().filter(|(segment, _)| segment.class == name).cloned().collect();
        of_class.sort_by_key(|(segment, _)| (segment.base, segment.follows));
        let class = Examination::new(&disk, name, spool, saved, heads_only).examine(&of_class, &mut report);
        report.classes.push(class);
    }
    Ok(report)
}

/// One class while it is looked at.
struct Examination<'a> {
    disk: &'a Disk,
    spool: Option<u64>,
    heads_only: bool,
    class: ClassReport,
    cursor: u64,
    written_end: u64,
    holes: Holes,
    /// The position that should come next; `None` before the first segment of a class without a state.
    expected: Option<u64>,
}

impl<'a> Examination<'a> {
    fn new(disk: &'a Disk, name: String, spool: Option<u64>, saved: Option<&ClassState>, heads_only: bool) -> Self {
        let cursor = saved.map(|saved| saved.cursor);
        let gaps = saved.map(|saved| saved.gaps.clone()).unwrap_or_default();
        Self {
            disk,
            spool,
            heads_only,
            class: ClassReport { name, cursor, gaps, ..ClassReport::default() },
            cursor: cursor.unwrap_or(0),
            written_end: saved.map_or(0, |saved| saved.written_end),
            holes: saved.map(|saved| Holes::new(&saved.holes)).unwrap_or_default(),
            expected: cursor,
        }
    }

    fn examine(mut self, segments: &[(SegmentName, u64)], report: &mut Report) -> ClassReport {
        let mut last = None;
        for (index, (name, len)) in segments.iter().enumerate() {
            let below = segments.get(index + 1).map_or(u64::MAX, |(next, _)| next.follows);
            let ends_at = if below == u64::MAX { self.written_end } else { below };
            match self.segment(name, *len, below, ends_at, report) {
                // It was removed while we looked, and so may be what is before the next one.
                Err(trouble) if trouble.kind == std::io::ErrorKind::NotFound => self.expected = None,
                Err(_) => report.note(damage(name, 0..*len, DamageKind::Unreadable, None)),
                Ok(()) => last = Some((name, *len)),
            }
        }
        if let Some((name, len)) = last {
            self.missing(name, len, self.written_end, report);
        }
        self.class
    }

    fn segment(
        &mut self,
        name: &SegmentName,
        len: u64,
        below: u64,
        ends_at: u64,
        report: &mut Report,
    ) -> Result<(), DiskTrouble> {
        let file_name = name.to_string();
        let file = self.disk.open(&file_name, Access::Read)?;
        let header = self.disk.read_small(&file_name, HEADER_OCTETS)?.and_then(|octets| Header::decode(&octets));
        let said = header.as_ref().map(|header| header.spool);
        let Some(spool) = self.spool.or(said) else {
            report.note(damage(name, 0..len.min(HEADER_OCTETS), DamageKind::Header, None));
            return Ok(());
        };
        if said.is_none_or(|said| said != spool) && len >= HEADER_OCTETS {
            report.note(damage(name, 0..HEADER_OCTETS, DamageKind::Header, None));
        }
        self.class.segments += 1;
        self.class.bytes += len;
        let mut scanner = Scanner::new(Seal::new(spool, &self.class.name), 0..below);
        scanner.heads_only = self.heads_only;
        if header.is_some() {
            self.missing(name, 0, name.follows, report);
            self.expected = Some(self.expected.unwrap_or(0).max(name.base));
        }
        let mut garbage: Option<Range<u64>> = None;
        let mut broken = Vec::new();
        loop {
            let step = scanner.step(&*file, len).map_err(|error| self.disk.trouble(&file_name, Doing::Read, &error))?;
            match step {
                Step::Record(head) => {
                    for damage in broken.drain(..) {
                        report.note(damage);
                    }
                    if let Some(range) = garbage.take().filter(|range| range.start >= HEADER_OCTETS) {
                        report.note(damage(name, range, DamageKind::Records, None));
                    }
                    self.missing(name, scanner.at() - head.record_octets(), head.position, report);
                    self.expected = Some(self.expected.unwrap_or(0).max(head.position.saturating_add(1)));
                    self.count(head.position, head.accepted_at.as_micros());
                }
                Step::Broken(head) => {
                    let range = scanner.at() - head.octets()..scanner.at();
                    if broken.len() < MAX_LISTED {
                        broken.push(damage(name, range, DamageKind::Payload, Some(head.position)));
                    }
                }
                Step::Garbage(range) => garbage = Some(range),
                Step::End => break,
            }
        }
        if let Some(range) = garbage {
            if self.expected.is_some_and(|expected| expected < ends_at) {
                for damage in broken {
                    report.note(damage);
                }
                report.note(damage(name, range, DamageKind::Records, None));
            } else {
                self.class.tail_bytes += range.end - range.start;
            }
        }
        Ok(())
    }

    fn count(&mut self, position: u64, accepted_at_us: i64) {
        let class = &mut self.class;
        if position < self.cursor {
            class.settled_items += 1;
            return;
        }
        class.items += 1;
        class.first_position.get_or_insert(position);
        class.last_position = Some(position);
        class.oldest_accepted_at_us =
            Some(class.oldest_accepted_at_us.map_or(accepted_at_us, |t| t.min(accepted_at_us)));
        class.newest_accepted_at_us =
            Some(class.newest_accepted_at_us.map_or(accepted_at_us, |t| t.max(accepted_at_us)));
    }

    /// At `offset` of a segment is `position`; what should have come before is missing.
    fn missing(&mut self, name: &SegmentName, offset: u64, position: u64, report: &mut Report) {
        let Some(expected) = self.expected.filter(|expected| *expected < position) else { return };
        let items = position - expected;
        let told = self.holes.unknown(expected, position).is_empty();
        let what = damage(name, offset..offset, DamageKind::Missing, Some(expected));
        // What was found and told already is still damage, but it is old.
        report.note(Damage { items, told, ..what });
        self.expected = Some(position);
    }
}

fn damage(name: &SegmentName, range: Range<u64>, kind: DamageKind, position: Option<u64>) -> Damage {
    let (offset, octets) = (range.start, range.end - range.start);
    Damage { file: name.to_string(), offset, octets, kind, position, items: 0, told: false }
}
