//! Alarms of sensors that are at fault.
//!
//! The link has room for the alarms of sixteen things. Fourteen are kept for what the pole is there to tell; so at most two sensors
//! at a time are told to be at fault, and a further one when the edge has heard that one of them works again.

use pole_link::{AlarmKey, AlarmKind, MAX_ALARMS, Millis, PoleEnd};

use crate::plan::{Plan, Sensor};

const TOLD: usize = 2;

/// What all others need: the contacts, seven thresholds, impact and luminaire.
const _: () = assert!(crate::debounce::ALARMS.len() + crate::threshold::LIMITS + 2 + TOLD <= MAX_ALARMS);

/// The sensors whose fault was told, and whether they are at fault still.
#[derive(Debug, Default)]
pub(crate) struct FaultAlarms {
    told: [Option<(Sensor, bool)>; TOLD],
}

impl FaultAlarms {
    /// Tells what changed.
    pub(crate) fn poll(&mut self, now: Millis, plan: &Plan, link: &mut PoleEnd) {
        for place in &mut self.told {
            if let Some((sensor, active)) = place {
                let at_fault = plan.is_at_fault(*sensor);
                if at_fault != *active {
                    *active = at_fault;
                    tell(now, link, *sensor, at_fault);
                } else if !at_fault && link.is_settled() {
                    *place = None;
                }
            }
        }
        for sensor in Sensor::ALL {
            let known = self.told.iter().flatten().any(|(other, _)| *other == sensor);
            if !known
                && plan.is_at_fault(sensor)
                && let Some(place) = self.told.iter_mut().find(|place| place.is_none())
            {
                *place = Some((sensor, true));
                tell(now, link, sensor, true);
            }
        }
    }
}

fn tell(now: Millis, link: &mut PoleEnd, sensor: Sensor, active: bool) {
    let key = AlarmKey { kind: AlarmKind::SENSOR_FAULT, source: sensor.quantity().0 };
    // There is room, as said above; the link counts it if not.
    let _ = link.raise(now, key, active, 0);
}
