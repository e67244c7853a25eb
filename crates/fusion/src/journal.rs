//! The lives of tracks, for the technician who asks why.
//!
//! A late frame makes the tracker run frames again, so what happened is final only when it can no longer be run again.

use rsu_units::{Timestamp, Vector2};

use crate::types::{SensorId, TrackId};

/// One thing that happened to one track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry {
    /// When, by the time of measurement.
    pub at: Timestamp,
    /// The track.
    pub track: TrackId,
    /// The sensor that had to do with it.
    pub sensor: Option<SensorId>,
    /// What happened.
    pub what: What,
}

/// What can happen to a track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum What {
    /// A detection that was of nobody known.
    Born {
        /// Centre, site frame, metres.
        position_m: Vector2,
        /// Probability that it exists.
        existence: f64,
    },
    /// A detection was taken as of this participant.
    Hit {
        /// Residual along the main axis of the detection's noise, metres.
        along_m: f64,
        /// Residual across it, metres.
        across_m: f64,
        /// Probability that it exists, afterwards.
        existence: f64,
    },
    /// A sensor that covers its place did not see it.
    Missed {
        /// How likely it was to be seen.
        probability: f64,
        /// Probability that it exists, afterwards.
        existence: f64,
    },
    /// It turned out to be the same as an older one: a late frame told.
    Renamed {
        /// The identity it had until now.
        from: TrackId,
    },
    /// It was a double of another track.
    Merged {
        /// The other.
        into: TrackId,
    },
    /// It was given up.
    Ended {
        /// Probability that it existed.
        existence: f64,
        /// Seconds since its last detection.
        unseen_s: f64,
    },
}

/// Collects entries, where somebody wants them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal {
    pub(crate) wanted: bool,
    pub(crate) entries: Vec<Entry>,
}

impl Journal {
    pub(crate) fn note(&mut self, at: Timestamp, track: TrackId, sensor: Option<SensorId>, what: What) {
        if self.wanted {
            self.entries.push(Entry { at, track, sensor, what });
        }
    }
}
