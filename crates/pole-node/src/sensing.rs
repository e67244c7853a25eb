//! What the sensors say on its way into the node: plausible readings count and are held against their limits, the others are
//! failures of the sensor.

use pole_link::{AlarmKey, AlarmKind, ConfigKey, Millis, Quantity, Reading};

use crate::board::{Acceleration3, Contacts, SensorError};
use crate::node::Node;
use crate::plan::{Sensor, is_plausible};

impl<const RING: usize> Node<RING> {
    /// The next sensor whose time has come.
    pub fn take_due(&mut self, now: Millis) -> Option<Sensor> {
        self.plan.take_due(now)
    }

    /// The contacts that are active right now, bouncing and all.
    pub fn contacts(&mut self, now: Millis, active: Contacts) {
        self.plan.works(Sensor::Inputs);
        let (debounce_ms, link) = (self.config.debounce_ms(), &mut self.link);
        self.debounce.sample(now, active, debounce_ms, |key, active| {
            // There is room for these; see `faults`.
            let _ = link.raise(now, key, active, 0);
        });
    }

    /// An acceleration.
    pub fn acceleration(&mut self, now: Millis, acceleration: Acceleration3) {
        self.plan.works(Sensor::Acceleration);
        let impact_mg = self.config.value(ConfigKey::IMPACT_ALARM_MG);
        let moved = self.motion.sample(now, acceleration, impact_mg);
        if let Some((active, peak_mg)) = moved.impact {
            let _ = self.link.raise(now, AlarmKey { kind: AlarmKind::IMPACT, source: 0 }, active, peak_mg);
        }
        if let Some(value) = moved.tilt_cdeg {
            self.reading(now, Reading { quantity: Quantity::TILT, value });
        }
        self.due.store |= moved.learned && self.keeps;
    }

    /// What a sensor measured. A reading that cannot be true is a failure of the sensor, and not used.
    pub fn measured(&mut self, now: Millis, sensor: Sensor, readings: &[Reading]) {
        for reading in readings.iter().copied().filter(|reading| is_plausible(*reading)) {
            self.reading(now, reading);
        }
        if readings.iter().copied().all(is_plausible) {
            self.plan.works(sensor);
        } else {
            self.failed(now, sensor, SensorError::Fault);
        }
    }

    /// A sensor gave no reading.
    pub fn failed(&mut self, now: Millis, sensor: Sensor, error: SensorError) {
        match error {
            SensorError::NotReady if !self.plan.not_ready(now, sensor) => {}
            SensorError::NotReady | SensorError::Fault => {
                self.health.sensor_error(now);
                self.plan.fails(sensor);
            }
        }
    }

    /// There is no such sensor: it will not be due again.
    pub fn absent(&mut self, sensor: Sensor) {
        self.plan.absent(sensor);
    }

    fn reading(&mut self, now: Millis, reading: Reading) {
        self.sums.add(reading);
        if let Some((key, active)) = self.thresholds.update(&self.config, reading.quantity, reading.value) {
            let _ = self.link.raise(now, key, active, reading.value);
        }
    }

    /// The way the pole stands now is upright: it is learned anew, as soon as the pole is quiet.
    pub fn learn_upright(&mut self, now: Millis) {
        self.motion.forget_upright(now);
    }
}
