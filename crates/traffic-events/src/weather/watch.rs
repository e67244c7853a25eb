//! The life of the weather events: each station and kind by itself, from the first look at which a condition holds to the
//! one end.

use std::time::Duration;

use rsu_units::Timestamp;

use super::config::{FogConfig, IceConfig, RainConfig, SlipperyConfig, StandingWaterConfig, WindConfig};
use super::rules::{self, Verdict};
use super::{Station, Weather};
use crate::event::{EventChange, EventId, EventKind, Evidence, Measure, Stage, Zone};
use crate::lifecycle::Strength;
use crate::{EventsConfig, Timing};

/// Values of earlier reports are believed for so long beside what a new one says.
const FRESH_FOR: Duration = Duration::from_secs(300);
/// One look is a glitch.
const MIN_LOOKS: u32 = 2;
/// Share of a look in the averaged confidence.
const CONFIDENCE_GAIN: f64 = 0.2;
const VALUES: usize = 10;
const KINDS: [EventKind; 6] = [
    EventKind::Ice,
    EventKind::Fog,
    EventKind::StandingWater,
    EventKind::SlipperyRoad,
    EventKind::HeavyRain,
    EventKind::StrongWind,
];

/// Watches the weather at all stations.
#[derive(Debug)]
pub(crate) struct WeatherWatch {
    config: Config,
    stations: Vec<Watched>,
}

#[derive(Debug)]
struct Config {
    ice: IceConfig,
    fog: FogConfig,
    standing_water: StandingWaterConfig,
    slippery: SlipperyConfig,
    rain: RainConfig,
    wind: WindConfig,
}

impl Config {
    /// What a kind's timing is; nothing where it is off or no weather.
    fn timing(&self, kind: EventKind) -> Option<&Timing> {
        let (enabled, timing) = match kind {
            EventKind::Ice => (self.ice.enabled, &self.ice.timing),
            EventKind::Fog => (self.fog.enabled, &self.fog.timing),
            EventKind::StandingWater => (self.standing_water.enabled, &self.standing_water.timing),
            EventKind::SlipperyRoad => (self.slippery.enabled, &self.slippery.timing),
            EventKind::HeavyRain => (self.rain.enabled, &self.rain.timing),
            EventKind::StrongWind => (self.wind.enabled, &self.wind.timing),
            _ => return None,
        };
        enabled.then_some(timing)
    }

    fn verdict(&self, kind: EventKind, weather: &Weather) -> Verdict {
        match kind {
            EventKind::Ice => rules::ice(weather, &self.ice),
            EventKind::Fog => rules::fog(weather, &self.fog),
            EventKind::StandingWater => rules::standing_water(weather, &self.standing_water),
            EventKind::SlipperyRoad => rules::slippery(weather, &self.slippery),
            EventKind::HeavyRain => rules::rain(weather, &self.rain),
            EventKind::StrongWind => rules::wind(weather, &self.wind),
            _ => Verdict::Unknown,
        }
    }
}

/// Whether a report has news of what decides a kind.
fn is_news(kind: EventKind, new: &Weather) -> bool {
    match kind {
        EventKind::Ice => new.road_state.is_some() || new.ice_fraction.is_some(),
        EventKind::Fog => new.visibility_m.is_some(),
        EventKind::StandingWater => {
            new.water_film_mm.is_some() || new.water_level_mm.is_some() || new.road_state.is_some()
        }
        EventKind::SlipperyRoad => new.road_state.is_some(),
        EventKind::HeavyRain => new.rain_mm_per_h.is_some(),
        EventKind::StrongWind => new.wind_speed_mps.is_some(),
        _ => false,
    }
}

#[derive(Debug)]
struct Watched {
    station: Station,
    latest_at: Option<Timestamp>,
    /// The latest value of each quantity, and when it was measured.
    known: Weather,
    known_at: [Timestamp; VALUES],
    incidents: [Option<Incident>; KINDS.len()],
}

impl Watched {
    fn new(station: Station) -> Self {
        Self {
            station,
            latest_at: None,
            known: Weather::default(),
            known_at: [Timestamp::default(); VALUES],
            incidents: [const { None }; KINDS.len()],
        }
    }

    /// Takes in new values and forgets old ones; `false` for what is not new.
    fn learn(&mut self, measured_at: Timestamp, new: &Weather) -> bool {
        if self.latest_at.is_some_and(|latest_at| measured_at <= latest_at) {
            return false;
        }
        self.latest_at = Some(measured_at);
        let mut times = self.known_at.iter_mut();
        macro_rules! learn {
            ($($value:ident)*) => {
                $(if let Some(at) = times.next() {
                    if new.$value.is_some() {
                        self.known.$value = new.$value;
                        *at = measured_at;
                    } else if measured_at.duration_since(*at) > FRESH_FOR {
                        self.known.$value = None;
                    }
                })*
            };
        }
        learn!(road_state road_temperature_c air_temperature_c humidity visibility_m);
        learn!(rain_mm_per_h wind_speed_mps water_film_mm water_level_mm ice_fraction);
        true
    }
}

/// A condition that holds, or held a moment ago.
#[derive(Debug)]
struct Incident {
    began_at: Timestamp,
    /// When it held last, weakly or fully.
    held_at: Timestamp,
    full_at: Timestamp,
    /// When the station last could tell, by the arrival of its report.
    seen_at: Timestamp,
    looks: u32,
    looks_held: u32,
    looks_full: u32,
    confidence: f64,
    measures: [Option<Measure>; 2],
    event: Option<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    id: EventId,
    told_at: Timestamp,
}

impl Incident {
    fn new(measured_at: Timestamp, now: Timestamp, confidence: f64) -> Self {
        Self {
            began_at: measured_at,
            held_at: measured_at,
            full_at: measured_at,
            seen_at: now,
            looks: 0,
            looks_held: 0,
            looks_full: 0,
            confidence,
            measures: [None; 2],
            event: None,
        }
    }

    fn is_due(&self, measured_at: Timestamp, timing: &Timing) -> bool {
        measured_at.duration_since(self.began_at) >= timing.start_after
            && self.looks_full >= MIN_LOOKS
            && f64::from(self.looks_full) >= timing.min_share * f64::from(self.looks)
    }

    fn change(&self, kind: EventKind, id: EventId, stage: Stage, at: Timestamp, station: &Station) -> EventChange {
        EventChange {
            id,
            kind,
            stage,
            began_at: self.began_at,
            at,
            position_m: station.position_m,
            lane_id: station.lane_id.clone(),
            confidence: self.confidence.clamp(0.0, 1.0),
            zone: Some(Zone { station: station.name.clone(), radius_m: station.radius_m }),
            participants: Vec::new(),
            evidence: Evidence {
                tracks: Vec::new(),
                looks: self.looks,
                looks_held: self.looks_held,
                measures: self.measures.iter().flatten().copied().collect(),
            },
        }
    }
}

impl WeatherWatch {
    pub(crate) fn new(config: &EventsConfig) -> Self {
        let config = Config {
            ice: config.ice,
            fog: config.fog,
            standing_water: config.standing_water,
            slippery: config.slippery_road,
            rain: config.heavy_rain,
            wind: config.strong_wind,
        };
        Self { config, stations: Vec::new() }
    }

    pub(crate) fn set_stations(&mut self, stations: Vec<Station>) {
        self.stations = stations.into_iter().map(Watched::new).collect();
    }

    pub(crate) fn active(&self) -> usize {
        let incidents = self.stations.iter().flat_map(|watched| &watched.incidents).flatten();
        incidents.filter(|incident| incident.event.is_some()).count()
    }

    /// Takes in one report.
    pub(crate) fn look(
        &mut self,
        now: Timestamp,
        station: usize,
        measured_at: Timestamp,
        new: &Weather,
        last_id: &mut u64,
        changes: &mut Vec<EventChange>,
    ) {
        let Some(watched) = self.stations.get_mut(station) else { return };
        if !watched.learn(measured_at, new) {
            return;
        }
        for (kind, slot) in KINDS.into_iter().zip(&mut watched.incidents) {
            let Some(timing) = self.config.timing(kind).filter(|_| is_news(kind, new)) else { continue };
            let verdict = self.config.verdict(kind, &watched.known);
            step(slot, kind, timing, verdict, (measured_at, now), &watched.station, last_id, changes);
        }
    }

    /// Tells what goes on, and ends what is not measured any more.
    pub(crate) fn tick(&mut self, now: Timestamp, changes: &mut Vec<EventChange>) {
        for watched in &mut self.stations {
            for (kind, slot) in KINDS.into_iter().zip(&mut watched.incidents) {
                let (Some(timing), Some(incident)) = (self.config.timing(kind), slot.as_mut()) else { continue };
                let lost = now.duration_since(incident.seen_at) > timing.lost_after;
                if let Some(mut running) = incident.event {
                    if lost {
                        changes.push(incident.change(kind, running.id, Stage::Lost, now, &watched.station));
                    } else if now.duration_since(running.told_at) >= timing.update_every {
                        running.told_at = now;
                        incident.event = Some(running);
                        changes.push(incident.change(kind, running.id, Stage::Update, now, &watched.station));
                    }
                }
                if lost {
                    *slot = None;
                }
            }
        }
    }

    /// Ends all events as lost and forgets what was measured: time itself was wrong.
    pub(crate) fn clear(&mut self, at: Timestamp, changes: &mut Vec<EventChange>) {
        for watched in &mut self.stations {
            for (kind, slot) in KINDS.into_iter().zip(&mut watched.incidents) {
                let Some(incident) = slot.take() else { continue };
                if let Some(running) = incident.event {
                    changes.push(incident.change(kind, running.id, Stage::Lost, at, &watched.station));
                }
            }
            *watched = Watched::new(watched.station.clone());
        }
    }
}

/// One look at one kind.
#[allow(clippy::too_many_arguments, reason = "one call site; the parts belong to three owners")]
fn step(
    slot: &mut Option<Incident>,
    kind: EventKind,
    timing: &Timing,
    verdict: Verdict,
    (measured_at, now): (Timestamp, Timestamp),
    station: &Station,
    last_id: &mut u64,
    changes: &mut Vec<EventChange>,
) {
    match verdict {
        Verdict::Unknown => {}
        Verdict::Holds { strength, confidence, measures } => {
            if slot.is_none() && strength == Strength::Weak {
                return;
            }
            let incident = slot.get_or_insert_with(|| Incident::new(measured_at, now, confidence));
            incident.seen_at = now;
            incident.held_at = measured_at;
            incident.looks = incident.looks.saturating_add(1);
            incident.looks_held = incident.looks_held.saturating_add(1);
            incident.confidence += CONFIDENCE_GAIN * (confidence - incident.confidence);
            incident.measures = measures;
            if strength == Strength::Full {
                incident.full_at = measured_at;
                incident.looks_full = incident.looks_full.saturating_add(1);
                if incident.event.is_none() && incident.is_due(measured_at, timing) {
                    *last_id += 1;
                    let id = EventId(*last_id);
                    incident.event = Some(Running { id, told_at: now });
                    changes.push(incident.change(kind, id, Stage::Start, now, station));
                }
            } else if incident.event.is_none() && measured_at.duration_since(incident.full_at) > timing.max_gap {
                *slot = None;
            }
        }
        Verdict::No => {
            let Some(incident) = slot.as_mut() else { return };
            incident.seen_at = now;
            incident.looks = incident.looks.saturating_add(1);
            match incident.event {
                None if measured_at.duration_since(incident.full_at) > timing.max_gap => *slot = None,
                Some(running) if measured_at.duration_since(incident.held_at) > timing.end_after => {
                    changes.push(incident.change(kind, running.id, Stage::Cleared, now, station));
                    *slot = None;
                }
                _ => {}
            }
        }
    }
}
