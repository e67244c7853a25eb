//! Stand-ins for parts that a board has not got, where [`crate::board::Board`] wants a type.

use core::convert::Infallible;

use embedded_hal::{digital, pwm};
use embedded_storage::nor_flash;

/// No luminaire. There is none of it, so it does nothing.
#[derive(Debug)]
pub enum NoLuminaire {}

impl pwm::ErrorType for NoLuminaire {
    type Error = Infallible;
}

impl pwm::SetDutyCycle for NoLuminaire {
    fn max_duty_cycle(&self) -> u16 {
        match *self {}
    }

    fn set_duty_cycle(&mut self, _duty: u16) -> Result<(), Infallible> {
        match *self {}
    }
}

/// No beacon.
#[derive(Debug)]
pub enum NoBeacon {}

impl digital::ErrorType for NoBeacon {
    type Error = Infallible;
}

impl digital::OutputPin for NoBeacon {
    fn set_low(&mut self) -> Result<(), Infallible> {
        match *self {}
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        match *self {}
    }
}

/// No flash to keep anything in.
#[derive(Debug)]
pub enum NoFlash {}

impl nor_flash::ErrorType for NoFlash {
    type Error = Infallible;
}

impl nor_flash::ReadNorFlash for NoFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, _offset: u32, _octets: &mut [u8]) -> Result<(), Infallible> {
        match *self {}
    }

    fn capacity(&self) -> usize {
        match *self {}
    }
}

impl nor_flash::NorFlash for NoFlash {
    const WRITE_SIZE: usize = 1;
    const ERASE_SIZE: usize = 1;

    fn erase(&mut self, _from: u32, _to: u32) -> Result<(), Infallible> {
        match *self {}
    }

    fn write(&mut self, _offset: u32, _octets: &[u8]) -> Result<(), Infallible> {
        match *self {}
    }
}
