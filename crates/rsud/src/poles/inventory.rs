//! What is known of the poles: who they are, how the link stands, what they measured last, what they do, what was counted.
//!
//! The links write it, health, metrics and the control socket read it. Whoever watches is told each change as it happens; a
//! watcher that is too slow misses some and is told how many.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use pole_link::{Alarm, Hello, LinkCounters, State, Telemetry};
use rsu_units::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;

use super::counters::counts;
use super::orders::Outcome;
use super::values;

/// Changes that a watcher may be behind.
const CHANGES: usize = 256;
/// Alarms that are shown of a pole; more it does not have.
const MAX_ALARMS: usize = 64;
/// Longest round trip that is told apart, microseconds.
const MAX_ROUND_TRIP_US: u64 = 600_000_000;

/// How the link with a pole stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkStatus {
    /// It was never up since the daemon started.
    #[default]
    Waiting,
    /// There is a session.
    Up,
    /// There was one.
    Down,
    /// A pole is there, but not the one that is expected, or one that speaks no version of ours.
    Refused,
}

impl LinkStatus {
    /// The name for people and machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Up => "up",
            Self::Down => "down",
            Self::Refused => "refused",
        }
    }
}

/// Who a pole says it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Serial number.
    pub serial: String,
    /// Model.
    pub model: String,
    /// Firmware.
    pub firmware: String,
    /// Protocol versions it speaks, oldest and newest.
    pub protocol: (u8, u8),
    /// What it has.
    pub capabilities: Vec<String>,
    /// How many times it has started.
    pub boot_count: u32,
    /// Why it started.
    pub reset_cause: String,
    /// What went wrong since these were last cleared.
    pub errors: BTreeMap<String, u16>,
}

impl From<&Hello> for Identity {
    fn from(hello: &Hello) -> Self {
        let (info, errors) = (&hello.info, &hello.info.errors);
        let errors = [
            ("watchdog-resets", errors.watchdog_resets),
            ("panic-resets", errors.panic_resets),
            ("hard-fault-resets", errors.hard_fault_resets),
            ("brown-out-resets", errors.brown_out_resets),
            ("storage-errors", errors.storage_errors),
            ("sensor-errors", errors.sensor_errors),
        ];
        Self {
            serial: info.serial.as_str().into(),
            model: info.model.as_str().into(),
            firmware: info.firmware.to_string(),
            protocol: (hello.protocol.min, hello.protocol.max),
            capabilities: values::capabilities(info.capabilities).into_iter().map(str::to_owned).collect(),
            boot_count: hello.boot_count,
            reset_cause: values::name(info.reset_cause.name(), info.reset_cause.0),
            errors: errors.into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
        }
    }
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadingStatus {
    /// The value, in the unit.
    pub value: f64,
    /// The unit; empty for shares and codes.
    pub unit: String,
    /// The value as a word, where it is a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    /// Microseconds since the Unix epoch.
    pub measured_at_us: i64,
}

/// An alarm that is active, or that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmStatus {
    /// The kind.
    pub kind: String,
    /// Which of several: a contact's number or a quantity; empty if there is one only.
    pub source: String,
    /// Whether it began.
    pub active: bool,
    /// What was measured, in the unit.
    pub value: f64,
    /// The unit.
    pub unit: String,
    /// Microseconds since the Unix epoch.
    pub at_us: i64,
}

/// What a pole does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Doing {
    /// The luminaire's level, 0 to 1, and the one it is on the way to.
    pub level: f64,
    /// See above.
    pub target: f64,
    /// Who decides the level.
    pub mode: String,
    /// The warning that is shown.
    pub warning: Option<WarningStatus>,
    /// Whether the beacon is on.
    pub beacon: bool,
    /// Whether it is in its safe state.
    pub safe: bool,
    /// Samples that it had to drop.
    pub lost_telemetry: u32,
    /// What its end of the link counted.
    pub link: BTreeMap<String, u32>,
    /// When it said so, microseconds since the Unix epoch.
    pub told_at_us: i64,
}

/// A warning that is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WarningStatus {
    /// Which text.
    pub text_id: u16,
    /// Its colour.
    pub colour: String,
    /// For how long still, seconds.
    pub remaining_s: f64,
}

/// What became of the orders, and how long the pole took.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct OrderStatus {
    /// Carried out.
    pub done: u64,
    /// Refused by the pole.
    pub refused: u64,
    /// Without an answer.
    pub timed_out: u64,
    /// Not sent: replaced, too many, or no link.
    pub not_sent: u64,
    /// From the order to the pole's answer, milliseconds: the last, the median, the 99th percentile and the longest.
    pub last_ms: f64,
    /// See above.
    pub p50_ms: f64,
    /// See above.
    pub p99_ms: f64,
    /// See above.
    pub max_ms: f64,
}

/// All that is known of a pole.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PoleStatus {
    /// Name.
    pub id: String,
    /// Name of its link.
    pub link: String,
    /// Address on the link.
    pub address: u8,
    /// The serial number that it must have.
    pub expected_serial: Option<String>,
    /// How the link stands.
    pub state: LinkStatus,
    /// Since when, microseconds since the Unix epoch.
    pub since_us: i64,
    /// Why it is refused or down, for people.
    pub reason: String,
    /// Sessions since the daemon started.
    pub sessions: u64,
    /// Who it says it is.
    pub identity: Option<Identity>,
    /// Telemetry messages since the daemon started.
    pub telemetry: u64,
    /// The last readings by quantity.
    pub readings: BTreeMap<String, ReadingStatus>,
    /// Alarms that are active.
    pub alarms: Vec<AlarmStatus>,
    /// What it does, as it said last.
    pub doing: Option<Doing>,
    /// What was counted at this end.
    pub counters: BTreeMap<String, u64>,
    /// Orders.
    pub orders: OrderStatus,
}

/// Something that happened to a pole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Microseconds since the Unix epoch.
    pub at_us: i64,
    /// The pole.
    pub pole: String,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "change")]
pub enum What {
    /// The link stands otherwise.
    Link {
        /// How it stands now.
        state: LinkStatus,
        /// Why, for people.
        reason: String,
    },
    /// Readings came.
    Telemetry {
        /// By quantity.
        readings: BTreeMap<String, ReadingStatus>,
        /// Whether the pole had kept them while there was no link.
        backlog: bool,
    },
    /// An alarm began or ended.
    Alarm(AlarmStatus),
    /// The pole said what it does.
    State(Doing),
    /// An order is over.
    Order {
        /// What was asked for.
        asked: String,
        /// What became of it.
        #[serde(flatten)]
        outcome: Outcome,
        /// How long the pole took, milliseconds; nothing if it was not asked.
        round_trip_ms: Option<f64>,
    },
}

#[derive(Debug)]
struct Pole {
    status: PoleStatus,
    counters: LinkCounters,
    round_trips: Histogram<u32>,
}

impl Pole {
    fn status(&self) -> PoleStatus {
        let counters =
            counts(&self.counters).into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        PoleStatus { counters, ..self.status.clone() }
    }
}

/// What is known of all poles.
#[derive(Debug, Clone)]
pub struct Inventory {
    poles: Arc<Mutex<Vec<Pole>>>,
    changes: broadcast::Sender<Change>,
}

impl Inventory {
    /// One in which nothing is known but what the configuration says.
    #[must_use]
    #[allow(clippy::expect_used, clippy::missing_panics_doc, reason = "the histogram accepts the constant bounds")]
    pub fn new(poles: Vec<PoleStatus>) -> Self {
        let round_trips = || Histogram::new_with_max(MAX_ROUND_TRIP_US, 2).expect("constant bounds");
        let poles = poles
            .into_iter()
            .map(|status| Pole { status, counters: LinkCounters::default(), round_trips: round_trips() })
            .collect();
        Self { poles: Arc::new(Mutex::new(poles)), changes: broadcast::channel(CHANGES).0 }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Pole>> {
        self.poles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every pole.
    #[must_use]
    pub fn all(&self) -> Vec<PoleStatus> {
        self.lock().iter().map(Pole::status).collect()
    }

    /// The place of a pole.
    #[must_use]
    pub fn index(&self, id: &str) -> Option<usize> {
        self.lock().iter().position(|pole| pole.status.id == id)
    }

    /// One pole.
    #[must_use]
    pub fn one(&self, id: &str) -> Option<PoleStatus> {
        self.lock().iter().find(|pole| pole.status.id == id).map(Pole::status)
    }

    /// What happens from now on.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Changes a pole's status and tells the watchers.
    fn change(&self, pole: usize, at: Timestamp, change: impl FnOnce(&mut Pole) -> What) {
        let mut poles = self.lock();
        let Some(pole) = poles.get_mut(pole) else { return };
        let what = change(pole);
        let id = pole.status.id.clone();
        drop(poles);
        // Nobody may be watching.
        let _ = self.changes.send(Change { at_us: at.as_micros(), pole: id, what });
    }

    /// The link stands otherwise. A new session voids what was known of alarms: those active are told again.
    /// Returns whether that is news.
    pub fn link(&self, pole: usize, at: Timestamp, state: LinkStatus, reason: &str, hello: Option<&Hello>) -> bool {
        let is = |pole: &Pole| pole.status.state == state && pole.status.reason == reason;
        if state != LinkStatus::Up && self.lock().get(pole).is_none_or(is) {
            return false;
        }
        self.change(pole, at, |pole| {
            let status = &mut pole.status;
            (status.state, status.since_us, status.reason) = (state, at.as_micros(), reason.to_owned());
            if let Some(hello) = hello {
                status.identity = Some(hello.into());
            }
            if state == LinkStatus::Up {
                status.sessions += 1;
                status.alarms.clear();
            }
            What::Link { state, reason: reason.to_owned() }
        });
        true
    }

    /// Readings came.
    pub fn telemetry(&self, pole: usize, at: Timestamp, measured_at: Timestamp, telemetry: &Telemetry) {
        self.change(pole, at, |pole| {
            let measured_at_us = measured_at.as_micros();
            let reading = |reading: &pole_link::Reading| {
                let (value, unit) = values::reading(reading.quantity, reading.value);
                let word = values::word(reading.quantity, reading.value).map(str::to_owned);
                let name = values::name(reading.quantity.name(), reading.quantity.0);
                (name, ReadingStatus { value, unit: unit.into(), word, measured_at_us })
            };
            let readings: BTreeMap<String, ReadingStatus> = telemetry.readings.iter().map(reading).collect();
            pole.status.telemetry += 1;
            for (name, reading) in &readings {
                // What was kept while there was no link may come after newer ones.
                let known = pole.status.readings.get(name);
                if known.is_none_or(|known| known.measured_at_us <= measured_at_us) {
                    pole.status.readings.insert(name.clone(), reading.clone());
                }
            }
            What::Telemetry { readings, backlog: telemetry.backlog }
        });
    }

    /// An alarm began or ended.
    pub fn alarm(&self, pole: usize, at: Timestamp, happened_at: Timestamp, alarm: &Alarm) {
        self.change(pole, at, |pole| {
            let (value, unit) = values::alarm_value(alarm.kind, alarm.source, alarm.value);
            let alarm = AlarmStatus {
                kind: values::name(alarm.kind.name(), alarm.kind.0),
                source: values::alarm_source(alarm.kind, alarm.source),
                active: alarm.active,
                value,
                unit: unit.into(),
                at_us: happened_at.as_micros(),
            };
            let alarms = &mut pole.status.alarms;
            alarms.retain(|known| known.kind != alarm.kind || known.source != alarm.source);
            if alarm.active && alarms.len() < MAX_ALARMS {
                alarms.push(alarm.clone());
            }
            What::Alarm(alarm)
        });
    }

    /// The pole said what it does.
    pub fn state(&self, pole: usize, at: Timestamp, state: &State) {
        self.change(pole, at, |pole| {
            let permille = |level: pole_link::Permille| f64::from(level.get()) / 1000.0;
            let doing = Doing {
                level: permille(state.level),
                target: permille(state.target),
                mode: values::name(state.mode.name(), state.mode.0),
                warning: state.warning.map(|warning| WarningStatus {
                    text_id: warning.text_id,
                    colour: values::name(warning.colour.name(), warning.colour.0),
                    remaining_s: f64::from(warning.remaining_ms) / 1000.0,
                }),
                beacon: state.beacon,
                safe: state.safe,
                lost_telemetry: state.lost_telemetry,
                link: counts(&state.link).into_iter().map(|(name, count)| (name.to_owned(), count)).collect(),
                told_at_us: at.as_micros(),
            };
            pole.status.doing = Some(doing.clone());
            What::State(doing)
        });
    }

    /// An order is over. `round_trip` is how long the pole took, if it answered.
    pub fn order(&self, pole: usize, at: Timestamp, asked: String, outcome: &Outcome, round_trip: Option<Duration>) {
        self.change(pole, at, |pole| {
            let orders = &mut pole.status.orders;
            match outcome {
                Outcome::Done | Outcome::Value { .. } => orders.done += 1,
                Outcome::Refused { .. } => orders.refused += 1,
                Outcome::TimedOut | Outcome::Interrupted => orders.timed_out += 1,
                Outcome::Superseded | Outcome::QueueFull | Outcome::NoLink | Outcome::NoSuchPole => {
                    orders.not_sent += 1;
                }
            }
            let round_trip_ms = round_trip.map(|round_trip| round_trip.as_secs_f64() * 1000.0);
            if let Some((round_trip, round_trip_ms)) = round_trip.zip(round_trip_ms) {
                let round_trips = &mut pole.round_trips;
                round_trips.saturating_record(round_trip.as_micros() as u64);
                let quantile = |quantile| round_trips.value_at_quantile(quantile) as f64 / 1000.0;
                orders.last_ms = round_trip_ms;
                (orders.p50_ms, orders.p99_ms) = (quantile(0.5), quantile(0.99));
                orders.max_ms = orders.max_ms.max(round_trip_ms);
            }
            What::Order { asked, outcome: outcome.clone(), round_trip_ms }
        });
    }

    /// What was counted at this end. Nobody is told: it changes all the time.
    pub fn counters(&self, pole: usize, counters: &LinkCounters) {
        if let Some(pole) = self.lock().get_mut(pole) {
            pole.counters = *counters;
        }
    }
}
