//! Acceleration from an ST LIS2DH12, with the driver `lis2dh12`.

use accelerometer::{Error, RawAccelerometer};
use embedded_hal::i2c::I2c;
use lis2dh12::{FifoMode, FullScale, Mode, Odr, SlaveAddr};

use crate::board::{Acceleration, Acceleration3, Measured, SensorError};

/// At ±8 g a step of the twelve bits is so much, mg.
const STEP_MG: i16 = 4;

/// A LIS2DH12 at 100 readings a second and ±8 g, with its queue of 32 readings in use: nothing is missed in a third of a second.
pub struct Lis2dh12<I>(lis2dh12::Lis2dh12<I>);

impl<I> core::fmt::Debug for Lis2dh12<I> {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        out.write_str("Lis2dh12")
    }
}

impl<I: I2c> Lis2dh12<I>
where
    I::Error: core::fmt::Debug,
{
    /// Starts the sensor.
    ///
    /// # Errors
    /// The bus's, or that of a device that is none.
    pub fn new(bus: I, address: SlaveAddr) -> Result<Self, Error<I::Error>> {
        let mut driver = lis2dh12::Lis2dh12::new(bus, address)?;
        driver.set_mode(Mode::HighResolution)?;
        driver.set_odr(Odr::Hz100)?;
        driver.set_bdu(true)?;
        driver.set_fs(FullScale::G8)?;
        driver.enable_axis((true, true, true))?;
        driver.enable_fifo(true)?;
        driver.set_fm(FifoMode::Stream)?;
        Ok(Self(driver))
    }

    /// Gives the bus back.
    pub fn free(self) -> I {
        self.0.destroy()
    }
}

impl<I: I2c> Acceleration for Lis2dh12<I>
where
    I::Error: core::fmt::Debug,
{
    fn read(&mut self) -> Measured<Acceleration3> {
        if self.0.get_stored_samples().map_err(|_| SensorError::Fault)? == 0 {
            return Err(SensorError::NotReady);
        }
        let raw = self.0.accel_raw().map_err(|_| SensorError::Fault)?;
        // Twelve bits, at the upper end of the word.
        let mg = |axis: i16| (axis >> 4) * STEP_MG;
        Ok(Acceleration3 { x_mg: mg(raw.x), y_mg: mg(raw.y), z_mg: mg(raw.z) })
    }
}
