//! What is known of one pole, and what it was told.

use std::time::Duration;

use rsu_proto::v1;
use rsu_units::Timestamp;
use site_map::SiteMap;
use traffic_events::EventId;

use super::limit::{Limiter, Rate};
use super::{
    Level, PoleAlarm, PoleAlarmKind, PoleIndex, PoleMeasurements, PoleOrder, PoleParts, PoleQuantity, PoleSetup,
    PoleWish, WarningLook,
};
use crate::{Counters, report};

/// Orders to one pole.
const ORDERS: Rate = Rate { burst: 6, interval: Duration::from_millis(500) };
/// Of these so many are kept for warnings.
const KEPT_FOR_WARNINGS: u32 = 3;
/// Alarms of one pole that are told to the cloud one by one.
const ALARMS: Rate = Rate { burst: 32, interval: Duration::from_secs(1) };
/// Readings of one pole that are told to the cloud: also those that it kept for an hour.
const READINGS: Rate = Rate { burst: 512, interval: Duration::from_millis(50) };
/// More alarms of one pole are not remembered at once.
const MAX_ALARMS: usize = 16;
/// States of a pole are so far apart, at least.
const URGENT_EVERY: Duration = Duration::from_secs(1);
const STATE_EVERY: Duration = Duration::from_secs(10);

/// What a pole shows as far as we told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) event: EventId,
    pub(super) look: WarningLook,
    pub(super) since: Timestamp,
    pub(super) told_at: Timestamp,
}

/// An alarm that goes on.
#[derive(Debug, Clone, Copy)]
struct Alarming {
    kind: PoleAlarmKind,
    source: u8,
    value: Option<f64>,
    began_at: Timestamp,
}

/// Whether the cloud must be told of the pole.
#[derive(Debug, Default)]
pub(super) struct News {
    urgent: bool,
    changed: bool,
    told_at: Option<Timestamp>,
}

impl News {
    /// Something changed that somebody may wait for.
    pub(super) fn note_urgent(&mut self) {
        self.urgent = true;
    }

    pub(super) fn note_change(&mut self) {
        self.changed = true;
    }

    /// Whether it is time to tell; if so it counts as told.
    fn take(&mut self, now: Timestamp) -> bool {
        let since = |told_at: Timestamp| now.duration_since(told_at);
        let due = self.told_at.is_none_or(|told_at| {
            (self.urgent && since(told_at) >= URGENT_EVERY) || (self.changed && since(told_at) >= STATE_EVERY)
        });
        if due {
            *self = Self { told_at: Some(now), ..Self::default() };
        }
        due
    }
}

#[derive(Debug)]
pub(super) struct Pole {
    index: PoleIndex,
    pub(super) up: bool,
    pub(super) parts: PoleParts,
    link_since: Option<Timestamp>,
    link_ups: u64,
    inventory: Option<Box<v1::PoleInventory>>,
    status: Option<(Box<v1::PoleStatus>, Timestamp)>,
    pub(super) measured: PoleMeasurements,
    measured_at: Option<Timestamp>,
    pub(super) daylight_at: Option<Timestamp>,
    pub(super) dark: Option<bool>,
    alarms: Vec<Alarming>,
    pub(super) presence: bool,
    pub(super) presence_told_at: Option<Timestamp>,
    pub(super) base_told: Option<Level>,
    pub(super) shown: Option<Shown>,
    pub(super) news: News,
    ordering: Limiter,
    alarming: Limiter,
    reading: Limiter,
    orders: u64,
    held_back: u64,
    holding_back: bool,
}

impl Pole {
    pub(super) fn new(index: PoleIndex) -> Self {
        Self {
            index,
            up: false,
            parts: PoleParts::default(),
            link_since: None,
            link_ups: 0,
            inventory: None,
            status: None,
            measured: PoleMeasurements::default(),
            measured_at: None,
            daylight_at: None,
            dark: None,
            alarms: Vec::new(),
            presence: false,
            presence_told_at: None,
            base_told: None,
            shown: None,
            news: News::default(),
            ordering: Limiter::default(),
            alarming: Limiter::default(),
            reading: Limiter::default(),
            orders: 0,
            held_back: 0,
            holding_back: false,
        }
    }

    /// Whether an alarm goes on.
    pub(super) fn is_alarming(&self) -> bool {
        !self.alarms.is_empty()
    }

    /// Gives an order, if there were not too many; who may not, comes again.
    pub(super) fn order(
        &mut self,
        now: Timestamp,
        wish: PoleWish,
        urgent: bool,
        counters: &mut Counters,
        orders: &mut Vec<PoleOrder>,
    ) -> bool {
        let rate = if urgent { ORDERS } else { ORDERS.leaving(KEPT_FOR_WARNINGS) };
        if !self.ordering.take(now, rate) {
            // Once for each time that something has to wait, not for each attempt.
            if !std::mem::replace(&mut self.holding_back, true) {
                self.held_back += 1;
                counters.count("pole_order_held_back");
            }
            return false;
        }
        self.holding_back = false;
        self.orders += 1;
        counters.count("pole_order");
        orders.push(PoleOrder { pole: self.index, wish });
        true
    }

    /// The link came up: the pole may have forgotten all that it was told. Returns whether it started anew since.
    pub(super) fn came_up(&mut self, now: Timestamp, inventory: Box<v1::PoleInventory>, parts: PoleParts) -> bool {
        let life = |inventory: &v1::PoleInventory| (inventory.boot_count, inventory.serial.clone());
        let anew = self.inventory.as_deref().is_some_and(|known| life(known) != life(&inventory));
        self.up = true;
        self.parts = parts;
        self.link_ups += 1;
        self.inventory = Some(inventory);
        self.changed_link(now);
        anew
    }

    pub(super) fn went_down(&mut self, now: Timestamp) {
        if self.up || self.link_since.is_none() {
            self.up = false;
            self.changed_link(now);
        }
    }

    fn changed_link(&mut self, now: Timestamp) {
        self.link_since = Some(now);
        self.presence = false;
        self.presence_told_at = None;
        self.base_told = None;
        self.shown = None;
        self.news.note_urgent();
    }

    pub(super) fn status(&mut self, status: Box<v1::PoleStatus>, arrived_at: Timestamp) {
        match &self.status {
            Some((before, _)) if before.safe != status.safe || before.beacon != status.beacon => {
                self.news.note_urgent();
            }
            _ => self.news.note_change(),
        }
        self.status = Some((status, arrived_at));
    }

    /// Takes in readings; `false` for those that are not new.
    pub(super) fn measured(&mut self, measured_at: Timestamp, measurements: &PoleMeasurements) -> bool {
        if self.measured_at.is_some_and(|known_at| measured_at <= known_at) {
            return false;
        }
        self.measured_at = Some(measured_at);
        self.measured.update(measurements);
        if measurements.get(PoleQuantity::Illuminance).is_some() {
            self.daylight_at = Some(measured_at);
        }
        self.news.note_change();
        true
    }

    /// Whether the cloud is told of these readings.
    pub(super) fn may_tell_readings(&mut self, now: Timestamp) -> bool {
        self.reading.take(now, READINGS)
    }

    /// A step of an alarm; what the cloud is to be told. An alarm that is known already is none.
    pub(super) fn alarm(&mut self, now: Timestamp, happened_at: Timestamp, alarm: PoleAlarm) -> AlarmStep {
        let known = self.alarms.iter().position(|known| known.kind == alarm.kind && known.source == alarm.source);
        let began_at = match (alarm.active, known) {
            (true, Some(_)) => return AlarmStep::Known,
            (true, None) if self.alarms.len() >= MAX_ALARMS => happened_at,
            (true, None) => {
                let PoleAlarm { kind, source, value, .. } = alarm;
                self.alarms.push(Alarming { kind, source, value, began_at: happened_at });
                happened_at
            }
            (false, Some(at)) => self.alarms.remove(at).began_at,
            // One that began and ended while nobody could be told, or that was not remembered.
            (false, None) => happened_at,
        };
        self.news.note_urgent();
        if self.alarming.take(now, ALARMS) { AlarmStep::Tell { began_at } } else { AlarmStep::TooMany }
    }

    /// Takes an alarm that the pole, having started anew, knows nothing of.
    pub(super) fn take_alarm(&mut self) -> Option<(PoleAlarm, Timestamp)> {
        let Alarming { kind, source, value, began_at } = self.alarms.pop()?;
        self.news.note_urgent();
        Some((PoleAlarm { kind, source, active: false, value }, began_at))
    }

    /// The clock was set back: times of before mean nothing.
    pub(super) fn restart(&mut self, now: Timestamp) {
        self.link_since = self.link_since.map(|_| now);
        self.measured_at = None;
        self.daylight_at = None;
        self.presence_told_at = None;
        (self.ordering, self.alarming, self.reading) = Default::default();
        if let Some(shown) = &mut self.shown {
            (shown.since, shown.told_at) = (now, now);
        }
        for alarm in &mut self.alarms {
            alarm.began_at = alarm.began_at.min(now);
        }
        self.news = News::default();
    }

    /// What the cloud is told of the pole, if it is time.
    pub(super) fn state(&mut self, now: Timestamp, setup: &PoleSetup, map: &SiteMap) -> Option<v1::PoleState> {
        if !self.news.take(now) {
            return None;
        }
        let (latitude_deg, longitude_deg) = map.frame().to_wgs84(setup.position_m);
        let warning = self.shown.map(|shown| v1::PoleWarning {
            event_id: shown.event.0,
            kind: report::kind(shown.look.kind).into(),
            event_code: shown.look.kind.code(),
            since_us: shown.since.as_micros(),
        });
        let alarm = |alarm: &Alarming| {
            let (kind, quantity) = alarm.kind.to_proto();
            v1::PoleActiveAlarm {
                kind: kind.into(),
                source: alarm.source.into(),
                began_at_us: alarm.began_at.as_micros(),
                quantity,
                value: alarm.value.filter(|value| value.is_finite()),
            }
        };
        Some(v1::PoleState {
            header: None,
            pole_id: setup.id.clone(),
            latitude_deg,
            longitude_deg,
            x_m: setup.position_m.x,
            y_m: setup.position_m.y,
            link_up: self.up,
            link_since_us: self.link_since.map_or(0, Timestamp::as_micros),
            link_ups: self.link_ups,
            inventory: self.inventory.as_deref().cloned(),
            status: self.status.as_ref().map(|(status, _)| status.as_ref().clone()),
            status_at_us: self.status.as_ref().map_or(0, |(_, at)| at.as_micros()),
            warning,
            presence: self.presence,
            dark: self.dark,
            alarms: self.alarms.iter().map(alarm).collect(),
            readings: self.measured_at.map(|_| self.measured.to_proto()),
            readings_at_us: self.measured_at.map_or(0, Timestamp::as_micros),
            orders: self.orders,
            orders_held_back: self.held_back,
        })
    }
}

/// What to do about a step of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AlarmStep {
    /// Nothing: it was told before.
    Known,
    /// Tell the cloud.
    Tell {
        /// When it began.
        began_at: Timestamp,
    },
    /// The pole's state has it; it is not told by itself.
    TooMany,
}
