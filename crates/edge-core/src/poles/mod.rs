//! Smart poles: what they report, and what they are to do.
//!
//! A pole is a street light with sensors, a warning display and an emergency call button. It is connected by an adapter,
//! which hands its reports in as [`PoleReport`]s and carries out the [`PoleOrder`]s that come out. Here are the rules in
//! between: luminaires brighten ahead of who comes, displays warn of events that concern them, readings become weather
//! events, alarms go to the cloud. `docs/poles.md` has the rules for people.

mod fleet;
mod lighting;
mod limit;
mod order;
mod pole;
mod readings;
mod report;
mod setup;
mod warning;
mod zones;

pub(crate) use fleet::{Fleet, PoleItem};
pub use order::{Level, PoleOrder, PoleWish, WarnBlink, WarnColour};
pub use readings::{BadReading, PoleMeasurements, PoleQuantity};
pub use report::{PoleAlarm, PoleAlarmKind, PoleContent, PoleIndex, PoleParts, PoleReport};
pub use setup::{DarkRule, LightingSettings, MAX_POLES, PoleSetup, PolesConfig, WarningLook, WarningSettings};
