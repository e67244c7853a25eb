//! Air temperature, humidity and pressure from a Bosch BME280, with the driver `bme280-rs`.

use bme280_rs::{Configuration, Oversampling, SensorMode};
use embedded_hal::delay::DelayNs;
use embedded_hal::i2c::I2c;

use crate::board::{Climate, ClimateReading, Measured, SensorError};

/// A BME280 that measures by itself, so that reading it needs no waiting.
pub struct Bme280<I, D>(bme280_rs::Bme280<I, D>);

impl<I, D> core::fmt::Debug for Bme280<I, D> {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Bme280")
    }
}

impl<I: I2c, D: DelayNs> Bme280<I, D> {
    /// Starts the sensor at an address of the bus, 0x76 or 0x77. Takes a tenth of a second: it is for the board's start.
    ///
    /// # Errors
    /// The bus's.
    pub fn new(bus: I, address: u8, delay: D) -> Result<Self, I::Error> {
        let mut driver = bme280_rs::Bme280::new_with_address(bus, address, delay);
        driver.init()?;
        let measuring = Configuration::default()
            .with_temperature_oversampling(Oversampling::Oversample1)
            .with_pressure_oversampling(Oversampling::Oversample1)
            .with_humidity_oversampling(Oversampling::Oversample1)
            .with_sensor_mode(SensorMode::Normal);
        driver.set_sampling_configuration(measuring)?;
        Ok(Self(driver))
    }

    /// Gives the bus back.
    pub fn free(self) -> I {
        self.0.release()
    }
}

impl<I: I2c, D: DelayNs> Climate for Bme280<I, D> {
    fn read(&mut self) -> Measured<ClimateReading> {
        let sample = self.0.read_sample().map_err(|_| SensorError::Fault)?;
        // The driver says floating point; a conversion that does not fit stops at the bounds, and those cannot be true.
        let temperature = sample.temperature.ok_or(SensorError::Fault)?;
        Ok(ClimateReading {
            temperature_milli_celsius: (temperature * 1000.0) as i32,
            humidity_permille: sample.humidity.map(|percent| (percent * 10.0) as i32),
            pressure_pa: sample.pressure.map(|pressure_pa| pressure_pa as i32),
        })
    }
}
