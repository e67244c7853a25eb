//! What stands in messages of the link as whole numbers of a small unit, in the units that people and the core use.

use pole_link::{AlarmKind, Capabilities, Command, Quantity, RoadState};

/// Standard gravity, m/s².
const GRAVITY_MPS2: f64 = 9.806_65;

/// A quantity's value in its usual unit, and the unit.
#[must_use]
pub fn reading(quantity: Quantity, value: i32) -> (f64, &'static str) {
    let value = f64::from(value);
    match quantity {
        Quantity::AIR_TEMPERATURE | Quantity::ROAD_TEMPERATURE | Quantity::INSIDE_TEMPERATURE => (value / 1e3, "°C"),
        Quantity::HUMIDITY | Quantity::ICE_FRACTION | Quantity::LUMINAIRE_LEVEL => (value / 1e3, ""),
        Quantity::PRESSURE => (value, "Pa"),
        Quantity::ILLUMINANCE => (value, "lx"),
        Quantity::WIND_SPEED => (value / 1e3, "m/s"),
        Quantity::WIND_DIRECTION | Quantity::TILT => (value / 100.0, "°"),
        Quantity::RAIN => (value / 1e3, "mm/h"),
        Quantity::VISIBILITY => (value, "m"),
        Quantity::PM2_5 => (value / 10.0, "µg/m³"),
        Quantity::NOISE => (value / 10.0, "dB(A)"),
        Quantity::ENERGY => (value, "Wh"),
        Quantity::POWER => (value / 1e3, "W"),
        Quantity::SUPPLY => (value / 1e3, "V"),
        Quantity::WATER_FILM => (value / 1e3, "mm"),
        Quantity::PEAK_ACCELERATION => (value / 1e3 * GRAVITY_MPS2, "m/s²"),
        Quantity::WATER_LEVEL => (value, "mm"),
        _ => (value, ""),
    }
}

/// A name that a code may not have.
#[must_use]
pub fn name(name: Option<&'static str>, code: u8) -> String {
    name.map_or_else(|| format!("code-{code}"), str::to_owned)
}

/// A reading as text, where a word says more than its number.
#[must_use]
pub fn word(quantity: Quantity, value: i32) -> Option<&'static str> {
    if quantity == Quantity::ROAD_STATE { RoadState(u8::try_from(value).ok()?).name() } else { None }
}

/// What an alarm is about: for some kinds the source is a quantity.
#[must_use]
pub fn alarm_source(kind: AlarmKind, source: u8) -> String {
    match kind {
        AlarmKind::THRESHOLD | AlarmKind::SENSOR_FAULT => name(Quantity(source).name(), source),
        _ if source == 0 => String::new(),
        _ => source.to_string(),
    }
}

/// What was measured with an alarm, and its unit.
#[must_use]
pub fn alarm_value(kind: AlarmKind, source: u8, value: i32) -> (f64, &'static str) {
    let quantity = match kind {
        AlarmKind::THRESHOLD => Quantity(source),
        AlarmKind::TILT => Quantity::TILT,
        AlarmKind::IMPACT => Quantity::PEAK_ACCELERATION,
        AlarmKind::POWER_FAILURE => Quantity::SUPPLY,
        AlarmKind::OVER_TEMPERATURE => Quantity::INSIDE_TEMPERATURE,
        AlarmKind::LAMP_FAULT => Quantity::POWER,
        _ => return (f64::from(value), ""),
    };
    reading(quantity, value)
}

/// What a command asks for.
#[must_use]
pub const fn asked(command: &Command) -> &'static str {
    match command {
        Command::SetLuminaire { .. } => "luminaire",
        Command::Presence { .. } => "presence",
        Command::Schedule { .. } => "schedule",
        Command::ShowWarning { .. } => "warning",
        Command::ClearWarning => "clear",
        Command::SetConfig { .. } => "set-config",
        Command::GetConfig { .. } => "get-config",
        Command::GetState => "state",
        Command::SetTime { .. } => "time",
        Command::Reset => "reset",
        Command::PrepareUpdate { .. } => "update",
    }
}

/// The names of what a pole has.
#[must_use]
pub fn capabilities(capabilities: Capabilities) -> Vec<&'static str> {
    [
        (Capabilities::LUMINAIRE, "luminaire"),
        (Capabilities::DISPLAY, "display"),
        (Capabilities::BEACON, "beacon"),
        (Capabilities::CLIMATE, "climate"),
        (Capabilities::LIGHT_SENSOR, "light-sensor"),
        (Capabilities::WIND, "wind"),
        (Capabilities::RAIN, "rain"),
        (Capabilities::VISIBILITY, "visibility"),
        (Capabilities::PARTICLES, "particles"),
        (Capabilities::NOISE, "noise"),
        (Capabilities::ENERGY, "energy"),
        (Capabilities::ROAD_SURFACE, "road-surface"),
        (Capabilities::ACCELERATION, "acceleration"),
        (Capabilities::EMERGENCY_CALL, "emergency-call"),
        (Capabilities::DOOR, "door"),
        (Capabilities::FLOOD, "flood"),
        (Capabilities::UPDATE, "update"),
    ]
    .into_iter()
    .filter(|(capability, _)| capabilities.has(*capability))
    .map(|(_, name)| name)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_quantity_has_a_unit_where_the_link_has_one() {
        for quantity in Quantity::KNOWN {
            let (value, unit) = reading(*quantity, 1000);
            // Shares and codes have none.
            let bare = quantity.unit().is_some_and(|unit| unit == "0.001" || unit == "RoadState");
            assert_eq!(unit.is_empty(), bare, "{quantity:?}");
            assert!(value > 0.0);
        }
        assert_eq!(reading(Quantity::AIR_TEMPERATURE, -1500), (-1.5, "°C"));
        assert_eq!(reading(Quantity(200), 7), (7.0, ""));
    }

    #[test]
    fn alarms_say_what_they_are_about() {
        assert_eq!(alarm_source(AlarmKind::THRESHOLD, 8), "visibility");
        assert_eq!(alarm_source(AlarmKind::DOOR_OPEN, 2), "2");
        assert_eq!(alarm_value(AlarmKind::THRESHOLD, 8, 90), (90.0, "m"));
        assert_eq!(alarm_value(AlarmKind::TILT, 0, 250), (2.5, "°"));
    }
}
