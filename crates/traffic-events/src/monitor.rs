//! The monitor: looks at the tracks with every detector and tells what changed.

use fusion::Track;
use rsu_units::Timestamp;
use site_map::SiteMap;

use crate::config::{EventsConfig, PresenceConfig};
use crate::context::Context;
use crate::detector::Detector;
use crate::detectors;
use crate::event::EventChange;
use crate::lifecycle::Lifecycle;
use crate::memory::Memories;
use crate::scene::Scene;
use crate::weather::{Station, Weather, WeatherWatch};

/// Watches tracks and tells events. The same tracks at the same times give the same events, in whatever order the
/// tracks of one look come.
#[derive(Debug)]
pub struct Monitor {
    presence: PresenceConfig,
    watches: Vec<Watch>,
    memories: Memories,
    weather: WeatherWatch,
    last_id: u64,
}

#[derive(Debug)]
struct Watch {
    detector: Box<dyn Detector>,
    lifecycle: Lifecycle,
}

impl Monitor {
    /// A monitor that has seen nothing.
    #[must_use]
    pub fn new(config: &EventsConfig) -> Self {
        let watches = detectors::all(config)
            .into_iter()
            .map(|detector| Watch { detector, lifecycle: Lifecycle::default() })
            .collect();
        let weather = WeatherWatch::new(config);
        Self { presence: config.presence, watches, memories: Memories::default(), weather, last_id: 0 }
    }

    /// The same with stations that measure the weather.
    #[must_use]
    pub fn with_stations(mut self, stations: Vec<Station>) -> Self {
        self.weather.set_stations(stations);
        self
    }

    /// Takes in what a station (its position in the list) measured at a time; `now` must not go back. Changes are
    /// appended. What was measured before the latest report of the station, and what no station measured, changes nothing.
    pub fn weather(
        &mut self,
        now: Timestamp,
        station: usize,
        measured_at: Timestamp,
        weather: &Weather,
        changes: &mut Vec<EventChange>,
    ) {
        self.weather.look(now, station, measured_at, weather, &mut self.last_id, changes);
    }

    /// Looks at the tracks as they are at `at`; times must not go back, and the map stays the same. Changes are
    /// appended. Tracks with numbers that cannot be are left out.
    pub fn update(
        &mut self,
        at: Timestamp,
        map: &SiteMap,
        tracks: &[Track],
        context: &Context<'_>,
        changes: &mut Vec<EventChange>,
    ) {
        let scene = Scene::new(at, map, context, tracks, &self.presence, &mut self.memories);
        let mut found = Vec::new();
        for watch in &mut self.watches {
            found.clear();
            watch.detector.look(&scene, &mut found);
            watch.lifecycle.update(&scene, watch.detector.as_ref(), &mut found, &mut self.last_id, changes);
        }
        self.weather.tick(at, changes);
    }

    /// Ends every event as lost and forgets everything but which identities were given: for when time itself was wrong.
    /// `at` may be any time.
    pub fn clear(&mut self, at: Timestamp, changes: &mut Vec<EventChange>) {
        self.memories.clear();
        self.weather.clear(at, changes);
        for watch in &mut self.watches {
            watch.detector.clear();
            watch.lifecycle.clear(at, watch.detector.kind(), changes);
        }
    }

    /// Number of events that go on.
    #[must_use]
    pub fn active(&self) -> usize {
        self.watches.iter().map(|watch| watch.lifecycle.active()).sum::<usize>() + self.weather.active()
    }
}
