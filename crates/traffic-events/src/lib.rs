//! Traffic events: tracks and the site map in; start, updates and end of each event out.
//!
//! Each kind of event is one detector in one file: a condition that one participant fulfils or not. What all have in
//! common is in [`Monitor`]: the condition must hold for a while before an event starts, must be gone for a while before
//! it ends, a participant that is not seen any more is waited for, and an event starts once and ends once.
//!
//! This crate knows no clock and no message; the same tracks at the same times give the same events.

mod lifecycle;
mod pedestrian;
mod stopped;
mod wrong_way;

use std::time::Duration;

use fusion::{Track, TrackId};
use rsu_units::{Timestamp, Vector2};
use site_map::SiteMap;

pub use pedestrian::PedestrianConfig;
pub use stopped::StoppedConfig;
pub use wrong_way::WrongWayConfig;

use lifecycle::Lifecycle;

/// Kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    /// A vehicle stands on the carriageway where traffic should flow.
    StoppedVehicle,
    /// A vehicle drives against the direction of its lane.
    WrongWayDriving,
    /// A pedestrian is on the carriageway and not on a crosswalk.
    PedestrianOnCarriageway,
}

impl EventKind {
    /// The event number of RSI (eventType), after GB/T 29100 and its field extensions.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::StoppedVehicle => 903,
            Self::WrongWayDriving => 904,
            Self::PedestrianOnCarriageway => 405,
        }
    }
}

/// Identity of an event, never used again by the same monitor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(pub u64);

/// What happened to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// It is there.
    Start,
    /// It goes on.
    Update,
    /// The condition is gone.
    Cleared,
    /// The participant is gone.
    Lost,
}

/// One step in the life of one event.
#[derive(Debug, Clone, PartialEq)]
pub struct EventChange {
    /// The event.
    pub id: EventId,
    /// Its kind.
    pub kind: EventKind,
    /// What happened.
    pub stage: Stage,
    /// When the condition began.
    pub began_at: Timestamp,
    /// The time of this state.
    pub at: Timestamp,
    /// Where the participant is, site frame, metres.
    pub position_m: Vector2,
    /// The lane it is on, empty where it is on none.
    pub lane_id: String,
    /// 0 to 1.
    pub confidence: f64,
    /// The participant, as last seen.
    pub participant: Track,
}

/// Settings of all detectors.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EventsConfig {
    /// Stopped vehicle.
    pub stopped_vehicle: StoppedConfig,
    /// Wrong-way driving.
    pub wrong_way: WrongWayConfig,
    /// Pedestrian on the carriageway.
    pub pedestrian: PedestrianConfig,
}

/// How long conditions must hold and be gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hysteresis {
    /// The condition must hold so long for the event to start.
    pub start_after: Duration,
    /// It must be gone so long for the event to end.
    pub end_after: Duration,
    /// A participant that is not seen any more is waited for so long.
    pub lost_after: Duration,
    /// Updates of a running event are so far apart.
    pub update_every: Duration,
}

/// What a detector sees.
pub(crate) struct Scene<'a> {
    pub(crate) map: &'a SiteMap,
    pub(crate) tracks: &'a [Track],
}

/// One kind of event: a condition on one participant.
pub(crate) trait Detector: std::fmt::Debug {
    fn kind(&self) -> EventKind;
    fn hysteresis(&self) -> Hysteresis;
    /// How sure it is that the condition holds for the participant now, 0 to 1; `None` when it does not hold.
    fn condition(&self, scene: &Scene<'_>, track: &Track) -> Option<f64>;
}

/// Watches tracks and tells events.
#[derive(Debug)]
pub struct Monitor {
    watches: Vec<Watch>,
    last_id: u64,
}

#[derive(Debug)]
struct Watch {
    detector: Box<dyn Detector + Send>,
    lifecycle: Lifecycle,
}

impl Monitor {
    /// A monitor that has seen nothing.
    #[must_use]
    pub fn new(config: &EventsConfig) -> Self {
        let detectors: [Box<dyn Detector + Send>; 3] = [
            Box::new(stopped::Stopped::new(config.stopped_vehicle)),
            Box::new(wrong_way::WrongWay::new(config.wrong_way)),
            Box::new(pedestrian::PedestrianOnCarriageway::new(config.pedestrian)),
        ];
        let watches =
            detectors.into_iter().map(|detector| Watch { detector, lifecycle: Lifecycle::default() }).collect();
        Self { watches, last_id: 0 }
    }

    /// Looks at the tracks as they are at `at`, sorted by identity; times must not go back. Changes are appended.
    pub fn update(&mut self, at: Timestamp, map: &SiteMap, tracks: &[Track], changes: &mut Vec<EventChange>) {
        let scene = Scene { map, tracks };
        for watch in &mut self.watches {
            let detector = watch.detector.as_ref();
            watch.lifecycle.update(at, &scene, detector, &mut self.last_id, changes);
        }
    }

    /// Ends every event as lost and forgets everything but which identities were given: for when time itself was wrong.
    /// `at` may be any time.
    pub fn clear(&mut self, at: Timestamp, changes: &mut Vec<EventChange>) {
        for watch in &mut self.watches {
            watch.lifecycle.clear(at, watch.detector.kind(), changes);
        }
    }

    /// Number of events that go on.
    #[must_use]
    pub fn active(&self) -> usize {
        self.watches.iter().map(|watch| watch.lifecycle.active()).sum()
    }
}

/// The track with an identity, in a list sorted by identity.
pub(crate) fn find(tracks: &[Track], id: TrackId) -> Option<&Track> {
    tracks.binary_search_by_key(&id, |track| track.id).ok().and_then(|index| tracks.get(index))
}
