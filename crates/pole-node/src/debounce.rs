//! Contacts and the button, freed of bouncing: a change counts when it has been steady for the configured time.

use pole_link::{AlarmKey, AlarmKind, Millis};

use crate::board::Contacts;

/// Each contact and the alarm it is.
pub(crate) const ALARMS: [(Contacts, AlarmKey); 5] = [
    (Contacts::DOOR_0, AlarmKey { kind: AlarmKind::DOOR_OPEN, source: 0 }),
    (Contacts::DOOR_1, AlarmKey { kind: AlarmKind::DOOR_OPEN, source: 1 }),
    (Contacts::DOOR_2, AlarmKey { kind: AlarmKind::DOOR_OPEN, source: 2 }),
    (Contacts::FLOOD, AlarmKey { kind: AlarmKind::FLOOD, source: 0 }),
    (Contacts::EMERGENCY_CALL, AlarmKey { kind: AlarmKind::EMERGENCY_CALL, source: 0 }),
];

#[derive(Debug, Clone, Copy, Default)]
struct Contact {
    /// Whether it counts as active.
    steady: bool,
    /// Since when it has been the other way; none if it is as it counts.
    other_since: Option<Millis>,
}

/// All contacts.
#[derive(Debug, Default)]
pub(crate) struct Debounce {
    contacts: [Contact; ALARMS.len()],
}

impl Debounce {
    /// Takes what the contacts are right now, and tells each that changed and whether it is active now.
    pub(crate) fn sample(
        &mut self,
        now: Millis,
        active: Contacts,
        debounce_ms: u32,
        mut changed: impl FnMut(AlarmKey, bool),
    ) {
        for (contact, (bit, key)) in self.contacts.iter_mut().zip(ALARMS) {
            let level = active.has_any(bit);
            if level == contact.steady {
                contact.other_since = None;
                continue;
            }
            let since = *contact.other_since.get_or_insert(now);
            if now.since(since) >= u64::from(debounce_ms) {
                *contact = Contact { steady: level, other_since: None };
                changed(key, level);
            }
        }
    }
}
