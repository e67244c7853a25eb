//! What a pole says, as the core is told it; and what the core wants, as a pole is told it.

use std::collections::BTreeMap;
use std::time::Duration;

use edge_core::poles::{
    BadReading, PoleAlarm, PoleAlarmKind, PoleMeasurements, PoleParts, PoleQuantity, PoleWish, WarnBlink, WarnColour,
};
use pole_link::{
    Alarm, AlarmKind, Blink, Capabilities, Colour, Command, Hello, LightMode, LinkCounters, Permille, Quantity,
    RoadState, State, Telemetry,
};
use rsu_proto::v1;
use traffic_events::{EventKind, RoadState as CoreRoadState};

use super::counters::counts;
use super::inventory::Identity;
use super::values;

/// Which of a pole's texts belongs to a kind of event.
pub type Texts = BTreeMap<EventKind, u16>;

/// What a pole says of itself.
pub(super) fn inventory(hello: &Hello, protocol: u8) -> (v1::PoleInventory, PoleParts) {
    let Identity { serial, model, firmware, capabilities, boot_count, reset_cause, errors, .. } = hello.into();
    let inventory = v1::PoleInventory {
        serial,
        model,
        firmware,
        parts: capabilities,
        reset_cause,
        boot_count,
        errors: errors.into_iter().map(|(name, count)| (name, count.into())).collect(),
        protocol: protocol.into(),
    };
    let has = hello.info.capabilities;
    let warning = has.has(Capabilities::DISPLAY) || has.has(Capabilities::BEACON);
    (inventory, PoleParts { luminaire: has.has(Capabilities::LUMINAIRE), warning })
}

/// The readings of a telemetry message that can be, and those that cannot.
pub(super) fn measurements(telemetry: &Telemetry) -> (PoleMeasurements, Vec<BadReading>) {
    let mut measurements = PoleMeasurements::default();
    let mut bad = Vec::new();
    for reading in &telemetry.readings {
        let Some(quantity) = quantity(reading.quantity) else { continue };
        if let Some(state) = road_state(reading.quantity, reading.value) {
            measurements.set_road_state(state);
            continue;
        }
        let (value, _) = values::reading(reading.quantity, reading.value);
        if let Err(error) = measurements.set(quantity, value) {
            bad.push(error);
        }
    }
    (measurements, bad)
}

/// A quantity that both the link and the core know.
fn quantity(quantity: Quantity) -> Option<PoleQuantity> {
    PoleQuantity::ALL.into_iter().find(|known| known.number() == u32::from(quantity.0))
}

fn road_state(quantity: Quantity, value: i32) -> Option<CoreRoadState> {
    if quantity != Quantity::ROAD_STATE {
        return None;
    }
    Some(match RoadState(u8::try_from(value).ok()?) {
        RoadState::DRY => CoreRoadState::Dry,
        RoadState::MOIST => CoreRoadState::Moist,
        RoadState::WET => CoreRoadState::Wet,
        RoadState::STANDING_WATER => CoreRoadState::StandingWater,
        RoadState::SNOW => CoreRoadState::Snow,
        RoadState::SLUSH => CoreRoadState::Slush,
        RoadState::ICE => CoreRoadState::Ice,
        RoadState::FROST => CoreRoadState::Frost,
        _ => return None,
    })
}

/// An alarm of a kind that the core knows.
pub(super) fn alarm(alarm: &Alarm) -> Option<PoleAlarm> {
    let kind = match alarm.kind {
        AlarmKind::EMERGENCY_CALL => PoleAlarmKind::EmergencyCall,
        AlarmKind::DOOR_OPEN => PoleAlarmKind::DoorOpen,
        AlarmKind::TILT => PoleAlarmKind::Tilt,
        AlarmKind::IMPACT => PoleAlarmKind::Impact,
        AlarmKind::FLOOD => PoleAlarmKind::Flood,
        AlarmKind::POWER_FAILURE => PoleAlarmKind::PowerFailure,
        AlarmKind::OVER_TEMPERATURE => PoleAlarmKind::OverTemperature,
        AlarmKind::LAMP_FAULT => PoleAlarmKind::LampFault,
        AlarmKind::THRESHOLD => PoleAlarmKind::Threshold(quantity(Quantity(alarm.source))?),
        AlarmKind::SENSOR_FAULT => PoleAlarmKind::SensorFault(quantity(Quantity(alarm.source))?),
        _ => return None,
    };
    let measured = !matches!(
        kind,
        PoleAlarmKind::EmergencyCall | PoleAlarmKind::DoorOpen | PoleAlarmKind::Flood | PoleAlarmKind::SensorFault(_)
    );
    let by_quantity = matches!(kind, PoleAlarmKind::Threshold(_) | PoleAlarmKind::SensorFault(_));
    Some(PoleAlarm {
        kind,
        source: if by_quantity { 0 } else { alarm.source },
        active: alarm.active,
        value: measured.then(|| values::alarm_value(alarm.kind, alarm.source, alarm.value).0),
    })
}

/// What a pole says it does. `edge` is what our end counted.
pub(super) fn status(state: &State, edge: &LinkCounters) -> v1::PoleStatus {
    let light_mode = match state.mode {
        LightMode::SCHEDULE => v1::PoleLightMode::Schedule,
        LightMode::COMMAND => v1::PoleLightMode::Command,
        LightMode::PRESENCE => v1::PoleLightMode::Presence,
        LightMode::SAFE => v1::PoleLightMode::Safe,
        LightMode::FAULT => v1::PoleLightMode::Fault,
        _ => v1::PoleLightMode::Unspecified,
    };
    let of = |end: &'static str, counters: &LinkCounters| {
        counts(counters).map(|(name, count)| (format!("{end}.{name}"), u64::from(count)))
    };
    v1::PoleStatus {
        level: f64::from(state.level.get()) / 1000.0,
        target_level: f64::from(state.target.get()) / 1000.0,
        light_mode: light_mode.into(),
        warning_text_id: state.warning.map(|warning| warning.text_id.into()),
        warning_remaining_s: state.warning.map(|warning| f64::from(warning.remaining_ms) / 1000.0),
        beacon: state.beacon,
        safe: state.safe,
        samples_lost: state.lost_telemetry.into(),
        link_counters: of("pole", &state.link).into_iter().chain(of("edge", edge)).collect(),
    }
}

/// What the core wants, as a command, and for how long it is worth sending.
pub(super) fn command(wish: &PoleWish, texts: &Texts) -> (Command, Duration) {
    let ms = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX);
    match wish {
        PoleWish::Brighten { level, ramp, hold } => {
            let level = Permille::at_most(level.permille());
            (Command::Presence { level, ramp_ms: ms(*ramp), hold_ms: ms(*hold) }, *hold)
        }
        PoleWish::Base { level, ramp } => {
            let level = Permille::at_most(level.permille());
            (Command::SetLuminaire { level, ramp_ms: ms(*ramp) }, BASE_VALID)
        }
        PoleWish::Warn { reason, colour, blink, beacon, expires } => {
            let colour = match colour {
                WarnColour::White => Colour::WHITE,
                WarnColour::Amber => Colour::AMBER,
                WarnColour::Red => Colour::RED,
            };
            let blink = match blink {
                WarnBlink::Steady => Blink::STEADY,
                WarnBlink::Slow => Blink::SLOW,
                WarnBlink::Fast => Blink::FAST,
            };
            let text_id = texts.get(reason).copied().unwrap_or_else(|| usual_text(*reason));
            (Command::ShowWarning { text_id, colour, blink, beacon: *beacon, expires_ms: ms(*expires) }, *expires)
        }
        PoleWish::ClearWarning => (Command::ClearWarning, CLEAR_VALID),
    }
}

/// The core says a base level once, and again when the pole comes back.
const BASE_VALID: Duration = Duration::from_secs(60);
/// A warning that is not cleared ends by itself.
const CLEAR_VALID: Duration = Duration::from_secs(60);

/// The text of a kind of event where the configuration names none: the kind's number in `rsu.v1.EventKind`, from 1 on as
/// poles number their texts.
#[must_use]
pub fn usual_text(kind: EventKind) -> u16 {
    kind as u16 + 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pole_link::Reading;

    use super::quantity as quantity_of;
    use super::*;

    #[test]
    fn each_kind_of_event_has_a_text_of_its_own() {
        let texts: BTreeSet<u16> = EventKind::ALL.into_iter().map(usual_text).collect();
        assert_eq!(texts.len(), EventKind::ALL.len());
        assert_eq!(usual_text(EventKind::PedestrianOnCarriageway), v1::EventKind::PedestrianOnCarriageway as u16);
        assert_eq!(usual_text(EventKind::StrongWind), v1::EventKind::StrongWind as u16);
        let wish = PoleWish::Warn {
            reason: EventKind::Ice,
            colour: WarnColour::Amber,
            blink: WarnBlink::Slow,
            beacon: false,
            expires: Duration::from_secs(5),
        };
        let of = |texts: &Texts| match command(&wish, texts) {
            (Command::ShowWarning { text_id, expires_ms: 5000, .. }, valid) if valid == Duration::from_secs(5) => {
                text_id
            }
            other => panic!("{other:?}"),
        };
        assert_eq!((of(&Texts::new()), of(&[(EventKind::Ice, 77)].into())), (14, 77));
    }

    #[test]
    fn readings_reach_the_core_in_its_units_and_nonsense_does_not() {
        let readings = [
            (Quantity::AIR_TEMPERATURE, -2500),
            (Quantity::WATER_FILM, 1500),
            (Quantity::PEAK_ACCELERATION, 1000),
            (Quantity::ROAD_STATE, 7),
            (Quantity::HUMIDITY, 5000),
            (Quantity(200), 1),
        ];
        let readings = readings.into_iter().map(|(quantity, value)| Reading { quantity, value }).collect();
        let (taken, bad) = measurements(&Telemetry { sample: 1, age_ms: 0, backlog: false, readings });
        let is = |quantity, value: f64| taken.get(quantity).is_some_and(|taken| (taken - value).abs() < 1e-9);
        assert!(is(PoleQuantity::AirTemperature, -2.5) && is(PoleQuantity::WaterFilm, 1.5));
        assert!(is(PoleQuantity::PeakAcceleration, 9.806_65));
        assert_eq!(taken.road_state(), Some(CoreRoadState::Ice));
        assert_eq!(bad.iter().map(|bad| bad.quantity).collect::<Vec<_>>(), [PoleQuantity::Humidity]);
        for quantity in Quantity::KNOWN {
            assert!(quantity_of(*quantity).is_some(), "{quantity:?}");
        }
    }

    #[test]
    fn alarms_reach_the_core_with_what_they_are_about() {
        let of = |kind, source, value| alarm(&Alarm { number: 1, kind, source, active: true, value, age_ms: 0 });
        let threshold = of(AlarmKind::THRESHOLD, Quantity::VISIBILITY.0, 90).unwrap();
        assert_eq!(threshold.kind, PoleAlarmKind::Threshold(PoleQuantity::Visibility));
        assert_eq!((threshold.source, threshold.value), (0, Some(90.0)));
        assert_eq!(of(AlarmKind::DOOR_OPEN, 2, 0).unwrap().source, 2);
        for kind in AlarmKind::KNOWN {
            assert!(of(*kind, 1, 1).is_some(), "{kind:?}");
        }
        assert!(of(AlarmKind(99), 0, 0).is_none());
    }
}
