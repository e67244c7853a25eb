//! Contacts and the button on input pins.

use embedded_hal::digital::InputPin;

use crate::board::{Contacts, Inputs, Measured, SensorError};

/// Which level of a pin means that the contact is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// High.
    High,
    /// Low: contacts to ground with a pull-up. A broken wire of a closed-circuit contact is an alarm then if it is fitted so.
    Low,
}

/// Contacts on pins.
#[derive(Debug)]
pub struct PinInputs<P, const N: usize> {
    pins: [(Contacts, Level, P); N],
}

impl<P: InputPin, const N: usize> PinInputs<P, N> {
    /// Each pin: which contact it is, and which level means that it is active.
    pub const fn new(pins: [(Contacts, Level, P); N]) -> Self {
        Self { pins }
    }

    /// Gives the pins back.
    pub fn free(self) -> [P; N] {
        self.pins.map(|(_, _, pin)| pin)
    }
}

impl<P: InputPin, const N: usize> Inputs for PinInputs<P, N> {
    fn fitted(&self) -> Contacts {
        self.pins.iter().fold(Contacts::default(), |all, (contact, _, _)| all.with(*contact))
    }

    fn active(&mut self) -> Measured<Contacts> {
        let mut active = Contacts::default();
        for (contact, level, pin) in &mut self.pins {
            let high = pin.is_high().map_err(|_| SensorError::Fault)?;
            if high == (*level == Level::High) {
                active = active.with(*contact);
            }
        }
        Ok(active)
    }
}
