//! Daylight from a Texas Instruments OPT3001, with the driver `opt300x`.

use embedded_hal::i2c::I2c;
use opt300x::{LuxRange, ModeChangeError, SlaveAddr, ic, mode};

use crate::board::{AmbientLight, Measured, SensorError};

/// An OPT3001 that measures by itself, every 800 ms.
pub struct Opt300x<I>(opt300x::Opt300x<I, ic::Opt3001, mode::Continuous>);

impl<I> core::fmt::Debug for Opt300x<I> {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Opt300x")
    }
}

impl<I: I2c> Opt300x<I> {
    /// Starts the sensor.
    ///
    /// # Errors
    /// The bus's.
    pub fn new(bus: I, address: SlaveAddr) -> Result<Self, opt300x::Error<I::Error>> {
        let mut driver = opt300x::Opt300x::new_opt3001(bus, address);
        driver.set_lux_range(LuxRange::Auto)?;
        match driver.into_continuous() {
            Ok(driver) => Ok(Self(driver)),
            Err(ModeChangeError::I2C(error, _)) => Err(opt300x::Error::I2C(error)),
        }
    }

    /// Gives the bus back.
    pub fn free(self) -> I {
        self.0.destroy()
    }
}

impl<I: I2c> AmbientLight for Opt300x<I> {
    fn read(&mut self) -> Measured<i32> {
        let (exponent, fraction) = self.0.read_raw().map_err(|_| SensorError::Fault)?;
        // Hundredths of a lux, times two to the exponent; exponents above 11 do not exist.
        let centilux = i32::from(fraction).checked_shl(u32::from(exponent)).ok_or(SensorError::Fault)?;
        Ok(centilux / 100)
    }
}
