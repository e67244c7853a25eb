//! The parts that the emulated board has not got: sensors, contacts, display and dimmer. What the sensors say varies slowly and by
//! the clock alone, so it is the same in every run; with the feature `test-hooks` the edge can set some of it.

use core::convert::Infallible;
use core::num::NonZeroU16;

use embedded_hal::pwm::{self, SetDutyCycle};
use pole_link::{Millis, RoadState};
use pole_node::board::{
    Acceleration, Acceleration3, AmbientLight, Climate, ClimateReading, Contacts, Display, Energy, EnergyReading,
    Inputs, Inside, InsideReading, Measured, Noise, PartFault, Particles, Rain, RoadReading, RoadSurface, SensorError,
    Shown, Visibility, WaterLevel, Wind, WindReading,
};

/// Between two readings of the accelerometer, ms.
const ACCELERATION_MS: u64 = 20;
/// What the controller and the display draw, mW.
const IDLE_MW: i64 = 4000;
/// What the lamp draws in full light, mW.
const LAMP_MW: i64 = 120_000;
/// What the meter counted before the start, Wh.
const METER_WH: i64 = 125_000;
/// Thousandths of a degree that a road is colder than the air.
const ROAD_COLDER_MILLI_CELSIUS: i32 = 1500;

/// What the edge has set in place of the simulation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forced {
    /// Which contacts are active.
    pub contacts: Option<Contacts>,
    /// Temperature of the road, thousandths of a degree Celsius.
    pub road_milli_celsius: Option<i32>,
    /// Water on the road, µm.
    pub water_um: Option<i32>,
    /// The part of it that is ice, thousandths.
    pub ice_permille: Option<i32>,
    /// Visibility, m.
    pub visibility_m: Option<i32>,
    /// How the pole leans, as the acceleration along the first axis, mg.
    pub lean_mg: Option<i32>,
    /// Whether the visibility sensor is broken.
    pub broken: bool,
}

/// All sensors in one.
#[derive(Debug, Default)]
pub struct Sensors {
    now: Millis,
    /// What was set.
    pub forced: Forced,
    accelerated_at: Option<Millis>,
    lamp_permille: i64,
    drawn_mw_ms: i64,
}

impl Sensors {
    /// It is now this time, and the lamp has so much of its full light, thousandths.
    pub fn advance(&mut self, now: Millis, lamp_permille: u16) {
        let gone_ms = i64::try_from(now.since(self.now)).unwrap_or_default();
        self.drawn_mw_ms = self.drawn_mw_ms.saturating_add(self.power_mw().saturating_mul(gone_ms));
        self.lamp_permille = lamp_permille.into();
        self.now = now;
    }

    fn power_mw(&self) -> i64 {
        IDLE_MW + LAMP_MW * self.lamp_permille / 1000
    }

    /// From `low` to `high` and back in so many seconds.
    fn swing(&self, period_s: u64, low: i32, high: i32) -> i32 {
        let period_ms = period_s.saturating_mul(1000).max(2);
        let place = self.now.0 % period_ms;
        let up = place.min(period_ms - place);
        let span = i64::from(high) - i64::from(low);
        let gone = i64::try_from(up).unwrap_or_default() * span * 2 / i64::try_from(period_ms).unwrap_or(i64::MAX);
        i32::try_from(i64::from(low) + gone).unwrap_or(high)
    }

    fn air_milli_celsius(&self) -> i32 {
        self.swing(1800, 14_000, 23_000)
    }
}

impl Inputs for Sensors {
    fn fitted(&self) -> Contacts {
        Contacts::DOOR_0.with(Contacts::FLOOD).with(Contacts::EMERGENCY_CALL)
    }

    fn active(&mut self) -> Measured<Contacts> {
        Ok(self.forced.contacts.unwrap_or_default())
    }
}

impl Climate for Sensors {
    fn read(&mut self) -> Measured<ClimateReading> {
        Ok(ClimateReading {
            temperature_milli_celsius: self.air_milli_celsius(),
            humidity_permille: Some(self.swing(2400, 480, 790)),
            pressure_pa: Some(self.swing(5400, 100_600, 101_500)),
        })
    }
}

impl AmbientLight for Sensors {
    fn read(&mut self) -> Measured<i32> {
        Ok(self.swing(3600, 2, 24_000))
    }
}

impl Acceleration for Sensors {
    fn read(&mut self) -> Measured<Acceleration3> {
        if self.accelerated_at.is_some_and(|at| self.now.since(at) < ACCELERATION_MS) {
            return Err(SensorError::NotReady);
        }
        self.accelerated_at = Some(self.now);
        let sway = self.swing(3, -4, 4);
        let lean = self.forced.lean_mg.unwrap_or_default().clamp(-8000, 8000);
        Ok(Acceleration3 { x_mg: (sway + lean) as i16, y_mg: -sway as i16, z_mg: 1000 })
    }
}

impl Wind for Sensors {
    fn read(&mut self) -> Measured<WindReading> {
        Ok(WindReading { speed_mm_per_s: self.swing(420, 300, 6200), from_cdeg: Some(self.swing(7200, 4500, 22_500)) })
    }
}

impl Rain for Sensors {
    fn read(&mut self) -> Measured<i32> {
        Ok(self.forced.water_um.map_or(0, |water_um| water_um.saturating_mul(2)))
    }
}

impl Visibility for Sensors {
    fn read(&mut self) -> Measured<i32> {
        if self.forced.broken {
            return Err(SensorError::Fault);
        }
        Ok(self.forced.visibility_m.unwrap_or_else(|| self.swing(2700, 9000, 18_000)))
    }
}

impl Particles for Sensors {
    fn read(&mut self) -> Measured<i32> {
        Ok(self.swing(3000, 120, 410))
    }
}

impl Noise for Sensors {
    fn read(&mut self) -> Measured<i32> {
        Ok(self.swing(90, 430, 690))
    }
}

impl Energy for Sensors {
    fn read(&mut self) -> Measured<EnergyReading> {
        let energy_wh = METER_WH + self.drawn_mw_ms / 3_600_000_000;
        Ok(EnergyReading {
            energy_wh: i32::try_from(energy_wh).unwrap_or(i32::MAX),
            power_mw: i32::try_from(self.power_mw()).unwrap_or(i32::MAX),
        })
    }
}

impl RoadSurface for Sensors {
    fn read(&mut self) -> Measured<RoadReading> {
        let water_um = self.forced.water_um.unwrap_or_default();
        let ice_permille = self.forced.ice_permille.unwrap_or_default();
        let state = match (ice_permille, water_um) {
            (500.., _) => RoadState::ICE,
            (_, 2000..) => RoadState::STANDING_WATER,
            (_, 100..) => RoadState::WET,
            (_, 1..) => RoadState::MOIST,
            _ => RoadState::DRY,
        };
        let usual = self.air_milli_celsius() - ROAD_COLDER_MILLI_CELSIUS;
        Ok(RoadReading {
            temperature_milli_celsius: self.forced.road_milli_celsius.unwrap_or(usual),
            water_um: Some(water_um),
            ice_permille: Some(ice_permille),
            state: Some(state),
        })
    }
}

impl Inside for Sensors {
    fn read(&mut self) -> Measured<InsideReading> {
        Ok(InsideReading {
            temperature_milli_celsius: Some(self.swing(1800, 24_000, 31_000)),
            supply_mv: Some(self.swing(60, 23_900, 24_100)),
        })
    }
}

impl WaterLevel for Sensors {
    fn read(&mut self) -> Measured<i32> {
        Ok(0)
    }
}

/// A display that keeps what it is to show.
#[derive(Debug, Default)]
pub struct Texts {
    /// What is shown.
    pub shown: Option<Shown>,
}

impl Display for Texts {
    fn texts(&self) -> NonZeroU16 {
        const TEXTS: NonZeroU16 = NonZeroU16::MIN.saturating_add(31);
        TEXTS
    }

    fn show(&mut self, shown: Option<Shown>) -> Result<(), PartFault> {
        self.shown = shown;
        Ok(())
    }
}

/// A dimmer that keeps its duty cycle.
#[derive(Debug, Default)]
pub struct Dimmer {
    duty: u16,
}

impl Dimmer {
    /// Thousandths of full light.
    pub fn permille(&self) -> u16 {
        (u32::from(self.duty) * 1000 / u32::from(u16::MAX)) as u16
    }
}

impl pwm::ErrorType for Dimmer {
    type Error = Infallible;
}

impl SetDutyCycle for Dimmer {
    fn max_duty_cycle(&self) -> u16 {
        u16::MAX
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Infallible> {
        self.duty = duty;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulation_is_slow_and_within_bounds() {
        let mut sensors = Sensors::default();
        let mut before: Option<i32> = None;
        let (mut least, mut most) = (i32::MAX, i32::MIN);
        for second in 0..7200 {
            sensors.advance(Millis(second * 1000), 0);
            let now = Climate::read(&mut sensors).unwrap().temperature_milli_celsius;
            assert!(before.is_none_or(|before| (now - before).abs() <= 10), "{before:?} {now}");
            before = Some(now);
            (least, most) = (least.min(now), most.max(now));
        }
        assert_eq!((least, most), (14_000, 23_000));
    }

    #[test]
    fn what_is_set_is_read() {
        let mut sensors = Sensors::default();
        assert_eq!(RoadSurface::read(&mut sensors).unwrap().state, Some(RoadState::DRY));
        sensors.forced = Forced {
            contacts: Some(Contacts::EMERGENCY_CALL),
            road_milli_celsius: Some(-3000),
            water_um: Some(2500),
            ice_permille: Some(900),
            visibility_m: Some(40),
            lean_mg: Some(200),
            broken: false,
        };
        let road = RoadSurface::read(&mut sensors).unwrap();
        assert_eq!((road.temperature_milli_celsius, road.state), (-3000, Some(RoadState::ICE)));
        sensors.forced.ice_permille = None;
        assert_eq!(RoadSurface::read(&mut sensors).unwrap().state, Some(RoadState::STANDING_WATER));
        assert_eq!(sensors.active(), Ok(Contacts::EMERGENCY_CALL));
        assert_eq!(Visibility::read(&mut sensors), Ok(40));
        sensors.forced.broken = true;
        assert_eq!(Visibility::read(&mut sensors), Err(SensorError::Fault));
        let lean = Acceleration::read(&mut sensors).unwrap().x_mg;
        assert!((190..=210).contains(&lean), "{lean}");
        assert_eq!(Acceleration::read(&mut sensors), Err(SensorError::NotReady));
    }

    #[test]
    fn the_meter_counts_what_the_lamp_draws() {
        let mut sensors = Sensors::default();
        sensors.advance(Millis(0), 1000);
        sensors.advance(Millis(10 * 3_600_000), 0);
        let energy = Energy::read(&mut sensors).unwrap();
        assert_eq!((energy.energy_wh, energy.power_mw), (125_000 + 1240, 4000));
        let mut dimmer = Dimmer::default();
        dimmer.set_duty_cycle(u16::MAX).unwrap();
        assert_eq!(dimmer.permille(), 1000);
    }
}
