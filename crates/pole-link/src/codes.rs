//! Numbers that a later version may add to: kinds, reasons, colours, quantities. Each is an octet with names for the values
//! known today, so a peer that meets a new one keeps the number and reads the rest of the message.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($(#[$doc:meta])* $type:ident { $($(#[$value_doc:meta])* $name:ident = $code:literal $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $type(pub u8);

        impl $type {
            $($(#[$value_doc])* pub const $name: Self = Self($code);)*

            /// Those known to this version.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];

            /// The name for people and configuration; none for a value that this version does not know.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some($text),)*
                    _ => None,
                }
            }

            /// The value of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::KNOWN.iter().copied().find(|code| code.name() == Some(name))
            }
        }
    };
}

codes! {
    /// What an alarm is about.
    AlarmKind {
        /// The emergency call button. Told before all others.
        EMERGENCY_CALL = 1 "emergency-call",
        /// A door of the pole is open; the source is its number.
        DOOR_OPEN = 2 "door-open",
        /// The pole leans; the value is the tilt in centidegrees.
        TILT = 3 "tilt",
        /// Something hit the pole; the value is the peak acceleration in mg.
        IMPACT = 4 "impact",
        /// Water in the pole.
        FLOOD = 5 "flood",
        /// No mains; the value is the supply in mV.
        POWER_FAILURE = 6 "power-failure",
        /// Too hot inside; the value is the temperature in thousandths of a degree Celsius.
        OVER_TEMPERATURE = 7 "over-temperature",
        /// The luminaire draws what it should not; the value is its power in mW.
        LAMP_FAULT = 8 "lamp-fault",
        /// A reading beyond its threshold; the source is the [`Quantity`], the value the reading.
        THRESHOLD = 9 "threshold",
        /// A sensor does not answer or answers nonsense; the source is the [`Quantity`].
        SENSOR_FAULT = 10 "sensor-fault",
    }
}

codes! {
    /// Why a pole started.
    ResetCause {
        /// Not known to the hardware.
        UNKNOWN = 0 "unknown",
        /// Power came.
        POWER_ON = 1 "power-on",
        /// The reset pin.
        PIN = 2 "pin",
        /// The supply was too low for a while.
        BROWN_OUT = 3 "brown-out",
        /// The program hung.
        WATCHDOG = 4 "watchdog",
        /// The program found itself wrong.
        PANIC = 5 "panic",
        /// The processor found the program wrong.
        HARD_FAULT = 6 "hard-fault",
        /// The command `Reset`.
        COMMAND = 7 "command",
        /// A new program.
        UPDATE = 8 "update",
    }
}

codes! {
    /// Why a command was not carried out.
    Refusal {
        /// The pole does not know the command.
        UNSUPPORTED = 1 "unsupported",
        /// The pole knows the command and does not understand its fields, or a field is beyond its bounds.
        BAD_VALUE = 2 "bad-value",
        /// Not now.
        BUSY = 3 "busy",
        /// The pole does not have what the command needs, such as a display.
        NO_SUCH_PART = 4 "no-such-part",
        /// The part failed.
        FAULT = 5 "fault",
        /// The pole has no such configuration key.
        UNKNOWN_KEY = 6 "unknown-key",
        /// What was to be kept could not be stored.
        STORAGE = 7 "storage",
    }
}

codes! {
    /// Why a greeting was refused.
    RejectReason {
        /// There is no protocol version that both speak.
        VERSION = 1 "version",
    }
}

codes! {
    /// Who decides the luminaire's level.
    LightMode {
        /// The schedule.
        SCHEDULE = 1 "schedule",
        /// A level that was commanded.
        COMMAND = 2 "command",
        /// A presence that was commanded, for its time.
        PRESENCE = 3 "presence",
        /// The safe state: full.
        SAFE = 4 "safe",
        /// Nobody: the luminaire failed.
        FAULT = 5 "fault",
    }
}

codes! {
    /// A colour of the display.
    Colour {
        /// White.
        WHITE = 1 "white",
        /// Amber.
        AMBER = 2 "amber",
        /// Red.
        RED = 3 "red",
        /// Green.
        GREEN = 4 "green",
        /// Blue.
        BLUE = 5 "blue",
    }
}

codes! {
    /// How the display blinks.
    Blink {
        /// Not at all.
        STEADY = 0 "steady",
        /// 1 Hz, half on.
        SLOW = 1 "slow",
        /// 2 Hz, half on.
        FAST = 2 "fast",
        /// Two short flashes a second.
        DOUBLE_FLASH = 3 "double-flash",
    }
}

codes! {
    /// What can be configured. 128 and above are the integrator's own.
    ConfigKey {
        /// Between two telemetry messages, ms.
        TELEMETRY_PERIOD_MS = 1 "telemetry-period-ms",
        /// Without the edge for so long, the pole goes into its safe state, ms.
        SAFE_AFTER_MS = 2 "safe-after-ms",
        /// The luminaire's level in the safe state, thousandths of full.
        SAFE_LEVEL_PERMILLE = 3 "safe-level-permille",
        /// The ramp of changes that name none, such as those of the schedule, ms.
        DEFAULT_RAMP_MS = 4 "default-ramp-ms",
        /// A contact must be steady for so long to be believed, ms.
        DEBOUNCE_MS = 5 "debounce-ms",
        /// The tilt from which it is an alarm, centidegrees.
        TILT_ALARM_CDEG = 6 "tilt-alarm-cdeg",
        /// The peak acceleration from which it is an alarm, mg.
        IMPACT_ALARM_MG = 7 "impact-alarm-mg",
        /// The temperature inside from which it is an alarm, thousandths of a degree Celsius.
        OVER_TEMPERATURE_MILLI_CELSIUS = 8 "over-temperature-milli-celsius",
        /// The supply below which it is an alarm, mV.
        POWER_FAILURE_MV = 9 "power-failure-mv",
        /// The visibility below which it is an alarm, m.
        VISIBILITY_ALARM_M = 10 "visibility-alarm-m",
        /// The water on the road from which it is an alarm, µm.
        WATER_ALARM_UM = 11 "water-alarm-um",
        /// The road surface temperature below which it is an alarm, thousandths of a degree Celsius.
        ROAD_ICE_ALARM_MILLI_CELSIUS = 12 "road-ice-alarm-milli-celsius",
        /// The wind speed from which it is an alarm, mm/s.
        WIND_ALARM_MM_PER_S = 13 "wind-alarm-mm-per-s",
    }
}

codes! {
    /// What a reading measures; [`Quantity::unit`] says in which unit.
    Quantity {
        /// Air temperature.
        AIR_TEMPERATURE = 1 "air-temperature",
        /// Relative humidity of the air.
        HUMIDITY = 2 "humidity",
        /// Air pressure at the pole, not reduced to sea level.
        PRESSURE = 3 "pressure",
        /// Illuminance of daylight.
        ILLUMINANCE = 4 "illuminance",
        /// Wind speed.
        WIND_SPEED = 5 "wind-speed",
        /// The direction the wind comes from, clockwise from north.
        WIND_DIRECTION = 6 "wind-direction",
        /// Rain.
        RAIN = 7 "rain",
        /// Meteorological visibility.
        VISIBILITY = 8 "visibility",
        /// Particles up to 2.5 µm.
        PM2_5 = 9 "pm2.5",
        /// Sound level, A-weighted.
        NOISE = 10 "noise",
        /// Energy drawn since the meter was made.
        ENERGY = 11 "energy",
        /// Power drawn.
        POWER = 12 "power",
        /// Supply of the controller.
        SUPPLY = 13 "supply",
        /// Temperature of the road surface.
        ROAD_TEMPERATURE = 14 "road-temperature",
        /// Thickness of the water on the road.
        WATER_FILM = 15 "water-film",
        /// The part of what is on the road that is ice.
        ICE_FRACTION = 16 "ice-fraction",
        /// State of the road surface; the value is a [`RoadState`].
        ROAD_STATE = 17 "road-state",
        /// How far the pole leans.
        TILT = 18 "tilt",
        /// Highest acceleration since the reading before.
        PEAK_ACCELERATION = 19 "peak-acceleration",
        /// Temperature inside the pole.
        INSIDE_TEMPERATURE = 20 "inside-temperature",
        /// Level of the luminaire.
        LUMINAIRE_LEVEL = 21 "luminaire-level",
        /// Water standing at the pole's foot.
        WATER_LEVEL = 22 "water-level",
    }
}

impl Quantity {
    /// The unit of the values: whole numbers of it.
    pub const fn unit(self) -> Option<&'static str> {
        Some(match self {
            Self::AIR_TEMPERATURE | Self::ROAD_TEMPERATURE | Self::INSIDE_TEMPERATURE => "0.001 °C",
            Self::HUMIDITY | Self::ICE_FRACTION | Self::LUMINAIRE_LEVEL => "0.001",
            Self::PRESSURE => "Pa",
            Self::ILLUMINANCE => "lx",
            Self::WIND_SPEED => "mm/s",
            Self::WIND_DIRECTION | Self::TILT => "0.01°",
            Self::RAIN => "µm/h",
            Self::VISIBILITY => "m",
            Self::PM2_5 => "0.1 µg/m³",
            Self::NOISE => "0.1 dB(A)",
            Self::ENERGY => "Wh",
            Self::POWER => "mW",
            Self::SUPPLY => "mV",
            Self::WATER_FILM => "µm",
            Self::ROAD_STATE => "RoadState",
            Self::PEAK_ACCELERATION => "mg",
            Self::WATER_LEVEL => "mm",
            _ => return None,
        })
    }
}

codes! {
    /// State of a road surface.
    RoadState {
        /// Dry.
        DRY = 1 "dry",
        /// Moist.
        MOIST = 2 "moist",
        /// Wet.
        WET = 3 "wet",
        /// Water stands.
        STANDING_WATER = 4 "standing-water",
        /// Snow.
        SNOW = 5 "snow",
        /// Slush.
        SLUSH = 6 "slush",
        /// Ice.
        ICE = 7 "ice",
        /// Hoar frost.
        FROST = 8 "frost",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_fit() {
        for quantity in Quantity::KNOWN {
            assert!(quantity.unit().is_some(), "{quantity:?}");
            assert_eq!(quantity.name().and_then(Quantity::from_name), Some(*quantity));
        }
        assert_eq!(AlarmKind::from_name("emergency-call"), Some(AlarmKind::EMERGENCY_CALL));
        assert_eq!(AlarmKind(200).name(), None);
        assert_eq!(AlarmKind::from_name("none of them"), None);
    }
}
