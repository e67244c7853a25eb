//! All poles together: reports in; orders and items for the cloud out.

use rsu_proto::v1;
use rsu_units::Timestamp;
use site_map::SiteMap;
use traffic_events::{EventChange, Station, Weather};

use super::lighting::Lighting;
use super::pole::{AlarmStep, Pole};
use super::warning::Warnings;
use super::zones::{PoleSet, Zones};
use super::{
    MAX_POLES, PoleAlarm, PoleContent, PoleIndex, PoleMeasurements, PoleOrder, PoleQuantity, PoleReport, PoleSetup,
    PolesConfig,
};
use crate::Counters;

/// What the cloud is to be told; its header is not filled in.
#[derive(Debug)]
pub(crate) enum PoleItem {
    State(Box<v1::PoleState>),
    Readings(Box<v1::PoleReadings>),
    Alarm(v1::PoleAlarm),
}

/// News of the weather at a pole.
#[derive(Debug)]
pub(crate) struct WeatherNews {
    pub(crate) station: usize,
    pub(crate) measured_at: Timestamp,
    pub(crate) weather: Weather,
}

/// The poles.
#[derive(Debug)]
pub(crate) struct Fleet {
    setups: Vec<PoleSetup>,
    poles: Vec<Pole>,
    zones: Zones,
    lighting: Lighting,
    warnings: Warnings,
    /// What is to be done, until somebody takes it.
    pub(crate) orders: Vec<PoleOrder>,
    pub(crate) items: Vec<PoleItem>,
}

impl Fleet {
    pub(crate) fn new(config: &PolesConfig, map: &SiteMap) -> Self {
        let setups: Vec<_> = config.poles.iter().take(MAX_POLES).cloned().collect();
        let zones = Zones::new(&setups);
        Self {
            poles: (0..setups.len()).filter_map(PoleIndex::new).map(Pole::new).collect(),
            lighting: Lighting::new(config.lighting, &zones),
            warnings: Warnings::new(config.warning.clone(), &setups, map),
            zones,
            setups,
            orders: Vec::new(),
            items: Vec::new(),
        }
    }

    /// Where the weather is measured: each pole's position in the list is its own.
    pub(crate) fn stations(&self, map: &SiteMap) -> Vec<Station> {
        let lane_id = |setup: &PoleSetup| match setup.lane_ids.first() {
            Some(named) => named.clone(),
            None => map.lane_at(setup.position_m).map_or_else(String::new, |place| place.lane.id.clone()),
        };
        let station = |setup: &PoleSetup| Station {
            name: setup.id.clone(),
            position_m: setup.position_m,
            radius_m: setup.radius_m,
            lane_id: lane_id(setup),
        };
        self.setups.iter().map(station).collect()
    }

    /// Takes in a report; the weather in it, if there is news of it.
    pub(crate) fn report(
        &mut self,
        now: Timestamp,
        report: PoleReport,
        map: &SiteMap,
        counters: &mut Counters,
    ) -> Option<WeatherNews> {
        let number = report.pole.index();
        let (Some(pole), Some(setup)) = (self.poles.get_mut(number), self.setups.get(number)) else {
            counters.count("pole_unknown");
            return None;
        };
        let happened_at = report.measured_at.min(now);
        match report.content {
            PoleContent::Up { inventory, parts } => {
                counters.count("pole_up");
                if pole.came_up(now, inventory, parts) {
                    while let Some((alarm, began_at)) = pole.take_alarm() {
                        let item = alarm_item(setup, map, alarm, now, began_at, v1::PoleAlarmEnd::Lost);
                        self.items.push(PoleItem::Alarm(item));
                    }
                }
                self.warnings.step(now, number, pole, counters, &mut self.orders);
            }
            PoleContent::Down => {
                counters.count("pole_down");
                pole.went_down(now);
            }
            PoleContent::Status(status) => {
                counters.count("pole_status");
                pole.status(status, report.arrived_at);
            }
            PoleContent::Alarm(alarm) => match pole.alarm(now, happened_at, alarm) {
                AlarmStep::Known => counters.count("pole_alarm_repeated"),
                AlarmStep::TooMany => counters.count("pole_alarm_not_told"),
                AlarmStep::Tell { began_at } => {
                    counters.count("pole_alarm");
                    let end = if alarm.active { v1::PoleAlarmEnd::Unspecified } else { v1::PoleAlarmEnd::Cleared };
                    let item = alarm_item(setup, map, alarm, happened_at, began_at, end);
                    self.items.push(PoleItem::Alarm(item));
                }
            },
            PoleContent::Readings { measurements, backlog } => {
                counters.count(if backlog { "pole_readings_backlog" } else { "pole_readings" });
                if pole.may_tell_readings(now) {
                    self.items.push(PoleItem::Readings(Box::new(v1::PoleReadings {
                        header: None,
                        pole_id: setup.id.clone(),
                        measured_at_us: happened_at.as_micros(),
                        backlog,
                        readings: Some(measurements.to_proto()),
                    })));
                } else {
                    counters.count("pole_readings_not_told");
                }
                if !backlog {
                    if pole.measured(happened_at, &measurements) {
                        let weather = weather(&measurements);
                        return Some(WeatherNews { station: number, measured_at: happened_at, weather });
                    }
                    counters.count("pole_readings_late");
                }
            }
        }
        None
    }

    /// A step in the life of an event.
    pub(crate) fn event(&mut self, change: &EventChange, map: &SiteMap, counters: &mut Counters) {
        if !self.poles.is_empty() {
            self.warnings.event(change, map, &self.zones, counters);
        }
    }

    /// Says what is new about warnings, and says again what goes on.
    pub(crate) fn warn(&mut self, now: Timestamp, counters: &mut Counters) {
        for (number, pole) in self.poles.iter_mut().enumerate() {
            self.warnings.step(now, number, pole, counters, &mut self.orders);
        }
    }

    /// With each track list: lights, warnings, and what the cloud is told of the poles.
    pub(crate) fn look(&mut self, now: Timestamp, tracks: &[fusion::Track], map: &SiteMap, counters: &mut Counters) {
        if self.poles.is_empty() {
            return;
        }
        self.warn(now, counters);
        let wanted: PoleSet = self.lighting.wanted(tracks, map, &self.zones);
        for (number, (pole, setup)) in self.poles.iter_mut().zip(&self.setups).enumerate() {
            self.lighting.step(now, pole, wanted.contains(number), counters, &mut self.orders);
            if let Some(state) = pole.state(now, setup, map) {
                self.items.push(PoleItem::State(Box::new(state)));
            }
        }
    }

    /// The clock was set back.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.poles.iter_mut().for_each(|pole| pole.restart(now));
    }

    /// The poles' part of the health.
    pub(crate) fn health(&self) -> Option<v1::PolesHealth> {
        let count = |holds: fn(&Pole) -> bool| self.poles.iter().filter(|pole| holds(pole)).count() as u32;
        (!self.poles.is_empty()).then(|| v1::PolesHealth {
            configured: self.poles.len() as u32,
            up: count(|pole| pole.up),
            warning: count(|pole| pole.shown.is_some()),
            presence: count(|pole| pole.presence),
            alarming: count(Pole::is_alarming),
            links: Vec::new(),
        })
    }
}

fn alarm_item(
    setup: &PoleSetup,
    map: &SiteMap,
    alarm: PoleAlarm,
    happened_at: Timestamp,
    began_at: Timestamp,
    end_reason: v1::PoleAlarmEnd,
) -> v1::PoleAlarm {
    let (latitude_deg, longitude_deg) = map.frame().to_wgs84(setup.position_m);
    let (kind, quantity) = alarm.kind.to_proto();
    v1::PoleAlarm {
        header: None,
        pole_id: setup.id.clone(),
        latitude_deg,
        longitude_deg,
        x_m: setup.position_m.x,
        y_m: setup.position_m.y,
        kind: kind.into(),
        source: alarm.source.into(),
        active: alarm.active,
        happened_at_us: happened_at.as_micros(),
        began_at_us: began_at.as_micros(),
        quantity,
        value: alarm.value.filter(|value| value.is_finite()),
        end_reason: end_reason.into(),
    }
}

/// What the event rules want to know of readings.
fn weather(measurements: &PoleMeasurements) -> Weather {
    Weather {
        road_state: measurements.road_state(),
        road_temperature_c: measurements.get(PoleQuantity::RoadTemperature),
        air_temperature_c: measurements.get(PoleQuantity::AirTemperature),
        humidity: measurements.get(PoleQuantity::Humidity),
        visibility_m: measurements.get(PoleQuantity::Visibility),
        rain_mm_per_h: measurements.get(PoleQuantity::Rain),
        wind_speed_mps: measurements.get(PoleQuantity::WindSpeed),
        water_film_mm: measurements.get(PoleQuantity::WaterFilm),
        water_level_mm: measurements.get(PoleQuantity::WaterLevel),
        ice_fraction: measurements.get(PoleQuantity::IceFraction),
    }
}
