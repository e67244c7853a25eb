//! `--explain`: the life of one track as lines for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use fusion::{Entry, SensorId, TrackId, What};
use rsu_units::Timestamp;

use super::seconds;

/// The life of a track, as far as it has been told.
#[derive(Debug)]
pub(super) struct Life {
    track: TrackId,
    /// Names of the sensors.
    names: Vec<String>,
    text: String,
    misses: Option<Misses>,
}

/// Looks in a row at which nobody saw the track.
#[derive(Debug)]
struct Misses {
    from: Timestamp,
    to: Timestamp,
    by: BTreeMap<Option<SensorId>, (u32, f64)>,
    existence: f64,
}

impl Life {
    pub(super) fn new(track: TrackId, names: Vec<String>) -> Self {
        Self { track, names, text: String::new(), misses: None }
    }

    /// Takes in what concerns the track, and empties the list.
    pub(super) fn take(&mut self, entries: &mut Vec<Entry>) {
        for entry in entries.drain(..) {
            if entry.track == self.track {
                self.own(&entry);
            } else {
                self.others(&entry);
            }
        }
    }

    fn own(&mut self, entry: &Entry) {
        let sensor = self.name(entry.sensor);
        let words = match entry.what {
            What::Missed { probability, existence } => return self.missed(entry, probability, existence),
            What::Born { position_m, existence } => {
                format!(
                    "born at ({:.2}, {:.2}), seen by {sensor}; existence {existence:.3}",
                    position_m.x, position_m.y
                )
            }
            What::Hit { along_m, across_m, existence } => {
                format!("{sensor}: {along_m:+.2} m along, {across_m:+.2} m across; existence {existence:.3}")
            }
            What::Renamed { from } => format!("took over from #{}: --explain {} tells what was before", from.0, from.0),
            What::Merged { into } => format!("merged into #{}: they were the same", into.0),
            What::Ended { existence, unseen_s } => {
                format!("ended: not seen for {unseen_s:.2} s, existence {existence:.3}")
            }
        };
        self.line(entry.at, &words);
    }

    /// Others' entries say what became of the track, too.
    fn others(&mut self, entry: &Entry) {
        match entry.what {
            What::Renamed { from } if from == self.track => {
                self.line(entry.at, &format!("goes on as #{}", entry.track.0));
            }
            What::Merged { into } if into == self.track => {
                self.line(entry.at, &format!("#{} merged into it", entry.track.0));
            }
            _ => {}
        }
    }

    fn missed(&mut self, entry: &Entry, probability: f64, existence: f64) {
        let misses = self.misses.get_or_insert(Misses { from: entry.at, to: entry.at, by: BTreeMap::new(), existence });
        misses.to = entry.at;
        misses.existence = existence;
        let (count, sum) = misses.by.entry(entry.sensor).or_default();
        *count += 1;
        *sum += probability;
    }

    fn line(&mut self, at: Timestamp, words: &str) {
        self.end_misses();
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{:10.3}  {words}", seconds(at));
    }

    /// Misses come in runs: one line for each run.
    fn end_misses(&mut self) {
        let Some(misses) = self.misses.take() else { return };
        let by: Vec<String> = misses
            .by
            .iter()
            .map(|(sensor, (count, sum))| {
                let expected = sum / f64::from((*count).max(1));
                format!("{} {count}x (expected {expected:.2})", self.name(*sensor))
            })
            .collect();
        let _ = writeln!(
            self.text,
            "{:10.3}  missed until {:.3} by {}; existence {:.3}",
            seconds(misses.from),
            seconds(misses.to),
            by.join(", "),
            misses.existence
        );
    }

    fn name(&self, sensor: Option<SensorId>) -> String {
        let name = sensor.and_then(|sensor| self.names.get(sensor.index()));
        name.map_or("nobody", String::as_str).to_owned()
    }

    /// Writes what is known; false when that is nothing.
    pub(super) fn write(mut self, out: &mut impl Write) -> io::Result<bool> {
        self.end_misses();
        if self.text.is_empty() {
            writeln!(out, "track {}: there was none", self.track.0)?;
            return Ok(false);
        }
        writeln!(out, "track {}", self.track.0)?;
        out.write_all(self.text.as_bytes())?;
        Ok(true)
    }
}
