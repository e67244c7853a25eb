//! What a pole reports.

use rsu_proto::v1;
use rsu_units::Timestamp;

use super::{MAX_POLES, PoleMeasurements, PoleQuantity};

/// A pole: its position in [`PolesConfig::poles`](super::PolesConfig::poles).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoleIndex(u16);

impl PoleIndex {
    /// The pole at a position of the list; `None` beyond [`MAX_POLES`].
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        u16::try_from(index).ok().filter(|_| index < MAX_POLES).map(Self)
    }

    /// The position in the list.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A report of one pole.
#[derive(Debug, Clone, PartialEq)]
pub struct PoleReport {
    /// Which pole.
    pub pole: PoleIndex,
    /// When what it says was so, by our clock: the arrival less the age that the pole gives.
    pub measured_at: Timestamp,
    /// When it arrived.
    pub arrived_at: Timestamp,
    /// What it says.
    pub content: PoleContent,
}

/// What a pole reports.
#[derive(Debug, Clone, PartialEq)]
pub enum PoleContent {
    /// Its link came up: it forgot what it was told before.
    Up {
        /// What it said of itself.
        inventory: Box<v1::PoleInventory>,
        /// What the core needs to know of that.
        parts: PoleParts,
    },
    /// Its link went down.
    Down,
    /// What its sensors measured.
    Readings {
        /// The values.
        measurements: Box<PoleMeasurements>,
        /// Whether the pole kept them while there was no link. They are for the cloud, and no event begins with them.
        backlog: bool,
    },
    /// An alarm began or ended.
    Alarm(PoleAlarm),
    /// What it does.
    Status(Box<v1::PoleStatus>),
}

/// The parts of a pole that take orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoleParts {
    /// A luminaire that can be dimmed.
    pub luminaire: bool,
    /// A display or a beacon.
    pub warning: bool,
}

/// A step of an alarm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoleAlarm {
    /// What it is about.
    pub kind: PoleAlarmKind,
    /// Which of several of the kind: a contact's number, or 0.
    pub source: u8,
    /// Whether it began; else it ended.
    pub active: bool,
    /// What was measured, in the unit that the kind says.
    pub value: Option<f64>,
}

/// Kind of alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PoleAlarmKind {
    /// Somebody calls for help.
    EmergencyCall,
    /// A door of the pole is open.
    DoorOpen,
    /// The pole leans; the value is the tilt, degrees.
    Tilt,
    /// Something hit the pole; the value is the peak acceleration, m/s².
    Impact,
    /// Water in the pole.
    Flood,
    /// No mains; the value is the supply, V.
    PowerFailure,
    /// Too hot inside; the value is the temperature, °C.
    OverTemperature,
    /// The luminaire draws what it should not; the value is its power, W.
    LampFault,
    /// A reading beyond its threshold in the pole; the value is in the quantity's unit.
    Threshold(PoleQuantity),
    /// A sensor does not answer or answers nonsense.
    SensorFault(PoleQuantity),
}

impl PoleAlarmKind {
    /// The kind and the quantity's number, as in messages.
    pub(super) fn to_proto(self) -> (v1::PoleAlarmKind, u32) {
        match self {
            Self::EmergencyCall => (v1::PoleAlarmKind::EmergencyCall, 0),
            Self::DoorOpen => (v1::PoleAlarmKind::DoorOpen, 0),
            Self::Tilt => (v1::PoleAlarmKind::Tilt, 0),
            Self::Impact => (v1::PoleAlarmKind::Impact, 0),
            Self::Flood => (v1::PoleAlarmKind::Flood, 0),
            Self::PowerFailure => (v1::PoleAlarmKind::PowerFailure, 0),
            Self::OverTemperature => (v1::PoleAlarmKind::OverTemperature, 0),
            Self::LampFault => (v1::PoleAlarmKind::LampFault, 0),
            Self::Threshold(quantity) => (v1::PoleAlarmKind::Threshold, quantity.number()),
            Self::SensorFault(quantity) => (v1::PoleAlarmKind::SensorFault, quantity.number()),
        }
    }
}
