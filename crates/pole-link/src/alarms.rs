//! The pole's alarms on their way to the edge.
//!
//! An alarm is a state of one thing, such as a door. What must arrive is how it is now, and that it was active in between: so
//! for each thing the newest state waits, and before it the last activation if that has not been told. Older ones are merged
//! into these and counted. One alarm is under way at a time, and is repeated until it is acknowledged.

use heapless::Vec;

use crate::codes::AlarmKind;
use crate::config::{ALARM_MAX_MS, ALARM_MS};
use crate::message::Alarm;
use crate::time::Millis;

/// How many things can have an alarm that is active or waits.
pub const MAX_ALARMS: usize = 16;

/// Which thing an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AlarmKey {
    /// The kind.
    pub kind: AlarmKind,
    /// Which of several of the kind: a contact's number, a quantity, or 0.
    pub source: u8,
}

/// There is no room for another thing's alarm: [`MAX_ALARMS`] are active or wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room for another alarm")]
pub struct AlarmsFull;

#[derive(Debug, Clone, Copy)]
struct Moment {
    active: bool,
    value: i32,
    at: Millis,
}

#[derive(Debug)]
struct Slot {
    key: AlarmKey,
    now: Moment,
    /// `now` has not been told.
    waits: bool,
    /// An activation before `now` that has not been told.
    activation: Option<Moment>,
    /// Which of the slots has waited longest.
    order: u32,
}

impl Slot {
    fn is_waiting(&self) -> bool {
        self.waits || self.activation.is_some()
    }
}

#[derive(Debug)]
struct UnderWay {
    key: AlarmKey,
    moment: Moment,
    number: u16,
    next_at: Millis,
    wait_ms: u32,
    sent: bool,
}

/// The alarms of a pole.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    slots: Vec<Slot, MAX_ALARMS>,
    under_way: Option<UnderWay>,
    last_number: u16,
    orders: u32,
    /// States that were merged into a newer one before they were told.
    pub(crate) merged: u32,
    /// States for which there was no room.
    pub(crate) refused: u32,
}

impl Alarms {
    /// Takes note of a state.
    pub(crate) fn raise(&mut self, now: Millis, key: AlarmKey, active: bool, value: i32) -> Result<(), AlarmsFull> {
        let moment = Moment { active, value, at: now };
        self.orders = self.orders.wrapping_add(1);
        let order = self.orders;
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.key == key) {
            if !slot.is_waiting() {
                slot.order = order;
            }
            let untold = slot.waits.then_some(slot.now);
            if active {
                // Both what waited and an activation before it are in the newer activation.
                let merged = u32::from(untold.is_some()) + u32::from(slot.activation.is_some());
                self.merged = self.merged.saturating_add(merged);
                slot.activation = None;
            } else if let Some(untold) = untold {
                if untold.active {
                    slot.activation = Some(untold);
                } else {
                    self.merged = self.merged.saturating_add(1);
                }
            }
            slot.now = moment;
            slot.waits = true;
            return Ok(());
        }
        let slot = Slot { key, now: moment, waits: true, activation: None, order };
        self.slots.push(slot).map_err(|_| {
            self.refused = self.refused.saturating_add(1);
            AlarmsFull
        })
    }

    /// A new session: what is active is told again, for the edge has forgotten it.
    pub(crate) fn begin_session(&mut self) {
        self.last_number = 0;
        if let Some(under_way) = &mut self.under_way {
            self.last_number = 1;
            under_way.number = 1;
            under_way.next_at = Millis(0);
            under_way.wait_ms = ALARM_MS;
        }
        for slot in &mut self.slots {
            slot.waits |= slot.now.active;
        }
    }

    /// The edge has the alarm of this number.
    pub(crate) fn acknowledged(&mut self, number: u16) {
        if self.under_way.as_ref().is_some_and(|under_way| under_way.number == number) {
            self.under_way = None;
            self.slots.retain(|slot| slot.now.active || slot.is_waiting());
        }
    }

    /// Whether there is something to send now.
    pub(crate) fn is_due(&self, now: Millis) -> bool {
        match &self.under_way {
            Some(under_way) => now >= under_way.next_at,
            None => self.slots.iter().any(Slot::is_waiting),
        }
    }

    /// When there is something to send, if nothing comes.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        let waiting = self.slots.iter().any(Slot::is_waiting).then_some(Millis(0));
        self.under_way.as_ref().map_or(waiting, |under_way| Some(under_way.next_at))
    }

    /// The alarm to send now, and whether it was sent before.
    pub(crate) fn take_due(&mut self, now: Millis) -> Option<(Alarm, bool)> {
        if self.under_way.is_none() {
            self.under_way = self.next();
        }
        let under_way = self.under_way.as_mut().filter(|under_way| now >= under_way.next_at)?;
        let repeat = under_way.sent;
        under_way.sent = true;
        under_way.next_at = now.plus(under_way.wait_ms);
        under_way.wait_ms = under_way.wait_ms.saturating_mul(2).min(ALARM_MAX_MS);
        let alarm = Alarm {
            number: under_way.number,
            kind: under_way.key.kind,
            source: under_way.key.source,
            active: under_way.moment.active,
            value: under_way.moment.value,
            age_ms: now.age_ms(under_way.moment.at),
        };
        Some((alarm, repeat))
    }

    /// Nothing is active, waits or is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.under_way.is_none() && !self.slots.iter().any(Slot::is_waiting)
    }

    /// The next to be told: an emergency call, else the one that has waited longest.
    fn next(&mut self) -> Option<UnderWay> {
        let orders = self.orders;
        let slot = self.slots.iter_mut().filter(|slot| slot.is_waiting()).min_by_key(|slot| {
            // By how long ago it was, as the count wraps.
            (slot.key.kind != AlarmKind::EMERGENCY_CALL, u32::MAX - orders.wrapping_sub(slot.order))
        })?;
        let moment = slot.activation.take().unwrap_or_else(|| {
            slot.waits = false;
            slot.now
        });
        self.orders = orders.wrapping_add(1);
        slot.order = self.orders;
        self.last_number = self.last_number.wrapping_add(1);
        let number = self.last_number;
        Some(UnderWay { key: slot.key, moment, number, next_at: Millis(0), wait_ms: ALARM_MS, sent: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1000);

    fn key(kind: AlarmKind, source: u8) -> AlarmKey {
        AlarmKey { kind, source }
    }

    /// Tells everything to an edge that acknowledges at once.
    fn told(alarms: &mut Alarms) -> std::vec::Vec<(AlarmKind, u8, bool, i32)> {
        let mut told = std::vec::Vec::new();
        while let Some((alarm, _)) = alarms.take_due(NOW) {
            told.push((alarm.kind, alarm.source, alarm.active, alarm.value));
            alarms.acknowledged(alarm.number);
        }
        told
    }

    #[test]
    fn a_short_activation_is_told() {
        let mut alarms = Alarms::default();
        let button = key(AlarmKind::EMERGENCY_CALL, 0);
        alarms.raise(NOW, button, true, 1).unwrap();
        alarms.raise(NOW, button, false, 2).unwrap();
        alarms.raise(NOW, button, true, 3).unwrap();
        alarms.raise(NOW, button, false, 4).unwrap();
        alarms.raise(NOW, button, false, 5).unwrap();
        assert_eq!(alarms.merged, 3);
        let kind = AlarmKind::EMERGENCY_CALL;
        assert_eq!(told(&mut alarms), [(kind, 0, true, 3), (kind, 0, false, 5)]);
        assert!(alarms.is_settled() && alarms.slots.is_empty());
    }

    #[test]
    fn an_emergency_goes_first_and_the_rest_in_order() {
        let mut alarms = Alarms::default();
        for (kind, source) in [(AlarmKind::DOOR_OPEN, 2), (AlarmKind::TILT, 0), (AlarmKind::EMERGENCY_CALL, 0)] {
            alarms.raise(NOW, key(kind, source), true, 0).unwrap();
        }
        let kinds: std::vec::Vec<_> = told(&mut alarms).into_iter().map(|alarm| alarm.0).collect();
        assert_eq!(kinds, [AlarmKind::EMERGENCY_CALL, AlarmKind::DOOR_OPEN, AlarmKind::TILT]);
    }

    #[test]
    fn a_new_session_is_told_what_is_active() {
        let mut alarms = Alarms::default();
        alarms.raise(NOW, key(AlarmKind::FLOOD, 0), true, 7).unwrap();
        alarms.raise(NOW, key(AlarmKind::TILT, 0), true, 8).unwrap();
        assert_eq!(told(&mut alarms).len(), 2);
        alarms.raise(NOW, key(AlarmKind::TILT, 0), false, 9).unwrap();
        assert_eq!(told(&mut alarms).len(), 1);
        alarms.begin_session();
        assert_eq!(told(&mut alarms), [(AlarmKind::FLOOD, 0, true, 7)]);
    }

    #[test]
    fn an_alarm_is_repeated_ever_more_slowly() {
        let mut alarms = Alarms::default();
        alarms.raise(NOW, key(AlarmKind::FLOOD, 0), true, 0).unwrap();
        assert_eq!(alarms.take_due(NOW).map(|due| due.1), Some(false));
        assert_eq!(alarms.take_due(NOW.plus(ALARM_MS - 1)), None);
        let (again, repeat) = alarms.take_due(NOW.plus(ALARM_MS)).unwrap();
        assert!(repeat && again.number == 1 && again.age_ms == ALARM_MS);
        assert_eq!(alarms.deadline(), Some(NOW.plus(3 * ALARM_MS)));
        alarms.acknowledged(2);
        assert!(!alarms.is_settled(), "that was another alarm's number");
    }

    #[test]
    fn when_full_another_thing_is_refused_and_the_known_are_not() {
        let mut alarms = Alarms::default();
        for source in 0..MAX_ALARMS as u8 {
            alarms.raise(NOW, key(AlarmKind::DOOR_OPEN, source), true, 0).unwrap();
        }
        assert_eq!(alarms.raise(NOW, key(AlarmKind::DOOR_OPEN, 99), true, 0), Err(AlarmsFull));
        assert_eq!(alarms.refused, 1);
        assert_eq!(alarms.raise(NOW, key(AlarmKind::DOOR_OPEN, 3), false, 0), Ok(()));
    }
}
