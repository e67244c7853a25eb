//! The parts of a board that have no trait of their own elsewhere: display, contacts and sensors.

use core::num::NonZeroU16;

use pole_link::{Colour, RoadState};

/// A part did not take what it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the part does not answer")]
pub struct PartFault;

/// What the display shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Which of the display's texts, counted from 1.
    pub text_id: u16,
    /// In which colour.
    pub colour: Colour,
    /// Whether it is lit: the display blinks at the node's pace.
    pub lit: bool,
}

/// A display with texts of its own.
pub trait Display {
    /// How many texts it has. They have the numbers from 1.
    fn texts(&self) -> NonZeroU16;

    /// Shows this; nothing if none. Called when it changes.
    ///
    /// # Errors
    /// [`PartFault`] if the display does not take it.
    fn show(&mut self, shown: Option<Shown>) -> Result<(), PartFault>;
}

/// Why there is no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SensorError {
    /// There will be one soon: ask again on the next pass.
    #[error("no reading yet")]
    NotReady,
    /// The sensor does not answer, or what it says cannot be.
    #[error("the sensor is at fault")]
    Fault,
}

/// A reading, or why there is none.
pub type Measured<T> = Result<T, SensorError>;

/// A set of contacts. A contact is in the set if it is active: the door is open, there is water, the button is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Contacts(pub u8);

impl Contacts {
    /// The first door.
    pub const DOOR_0: Self = Self(1);
    /// The second door.
    pub const DOOR_1: Self = Self(1 << 1);
    /// The third door.
    pub const DOOR_2: Self = Self(1 << 2);
    /// Water in the pole.
    pub const FLOOD: Self = Self(1 << 3);
    /// The emergency call button.
    pub const EMERGENCY_CALL: Self = Self(1 << 4);

    /// Whether any of `others` is in this set.
    pub const fn has_any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// This set and `others`.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }
}

/// Contacts and the button. For pins there is [`crate::drivers::PinInputs`].
pub trait Inputs {
    /// Which there are.
    fn fitted(&self) -> Contacts;

    /// Which are active right now, bouncing and all: the node debounces.
    ///
    /// # Errors
    /// [`SensorError`] if they cannot be read.
    fn active(&mut self) -> Measured<Contacts>;
}

macro_rules! sensor {
    ($(#[$doc:meta])* $name:ident -> $reading:ty) => {
        $(#[$doc])*
        pub trait $name {
            /// The newest reading.
            ///
            /// # Errors
            /// [`SensorError`] if there is none.
            fn read(&mut self) -> Measured<$reading>;
        }
    };
}

/// The air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClimateReading {
    /// Temperature, thousandths of a degree Celsius.
    pub temperature_milli_celsius: i32,
    /// Relative humidity, thousandths; none if the sensor does not measure it.
    pub humidity_permille: Option<i32>,
    /// Pressure, Pa; none if the sensor does not measure it.
    pub pressure_pa: Option<i32>,
}
sensor! {
    /// Temperature, humidity and pressure of the air.
    Climate -> ClimateReading
}

sensor! {
    /// Illuminance of daylight, lx.
    AmbientLight -> i32
}

/// Acceleration along three axes at right angles, thousandths of the standard gravity. At rest it points up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Acceleration3 {
    /// Along the first axis, mg.
    pub x_mg: i16,
    /// Along the second.
    pub y_mg: i16,
    /// Along the third.
    pub z_mg: i16,
}
/// The accelerometer, in any orientation. It has a range of ±8 g or more, or impacts look smaller than they are.
pub trait Acceleration {
    /// The next reading that was not read yet, so that one that keeps a queue of them misses no impact.
    ///
    /// # Errors
    /// [`SensorError`] if there is none.
    fn read(&mut self) -> Measured<Acceleration3>;
}

/// Wind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindReading {
    /// Speed, mm/s.
    pub speed_mm_per_s: i32,
    /// The direction it comes from, clockwise from north, hundredths of a degree; none if the sensor does not measure it.
    pub from_cdeg: Option<i32>,
}
sensor! {
    /// Wind.
    Wind -> WindReading
}

sensor! {
    /// Rain, µm/h.
    Rain -> i32
}

sensor! {
    /// Meteorological visibility, m.
    Visibility -> i32
}

sensor! {
    /// Particles up to 2.5 µm, tenths of a µg/m³.
    Particles -> i32
}

sensor! {
    /// Sound level, A-weighted, tenths of a dB.
    Noise -> i32
}

/// Energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnergyReading {
    /// Energy drawn since the meter was made, Wh.
    pub energy_wh: i32,
    /// Power drawn, mW.
    pub power_mw: i32,
}
sensor! {
    /// The energy meter.
    Energy -> EnergyReading
}

/// The road surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoadReading {
    /// Its temperature, thousandths of a degree Celsius.
    pub temperature_milli_celsius: i32,
    /// Thickness of the water on it, µm; none if the sensor does not measure it.
    pub water_um: Option<i32>,
    /// The part of what is on it that is ice, thousandths; none if the sensor does not measure it.
    pub ice_permille: Option<i32>,
    /// Its state; none if the sensor does not say.
    pub state: Option<RoadState>,
}
sensor! {
    /// The road surface.
    RoadSurface -> RoadReading
}

/// Inside the pole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InsideReading {
    /// Temperature, thousandths of a degree Celsius; none if it is not measured.
    pub temperature_milli_celsius: Option<i32>,
    /// Supply of the controller, mV; none if it is not measured.
    pub supply_mv: Option<i32>,
}
sensor! {
    /// Temperature inside and supply, such as from the controller's own converter.
    Inside -> InsideReading
}

sensor! {
    /// Water standing at the pole's foot, mm.
    WaterLevel -> i32
}
