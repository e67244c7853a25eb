//! What V2X messages tell beside places: the signals of the own junction, and who is on emergency duty. Both are
//! believed for a short time only: a signal that is not told any more is not known.

use std::collections::BTreeMap;
use std::time::Duration;

use fusion::V2xId;
use rsu_proto::v1;
use rsu_units::Timestamp;
use traffic_events::{Context, Light, SignalState};

/// Signals that were not told for so long are not known. SPAT comes ten times a second.
const SIGNAL_AGE: Duration = Duration::from_secs(1);
/// A vehicle that was not heard for so long is not on duty. BSMs come ten times a second.
const EMERGENCY_AGE: Duration = Duration::from_secs(2);
/// More vehicles on duty than this are not remembered.
const MAX_EMERGENCY: usize = 64;
/// Flags of `IntersectionState.status` with which the lamps are not what the message says: failure flash, failure, off,
/// no valid SPAT.
const OUT_OF_ORDER: u32 = 1 << 2 | 1 << 8 | 1 << 9 | 1 << 13;

/// Numbers of phases are octets in the standard: more groups than these are not remembered.
const MAX_GROUP: u32 = 255;

/// The own junction's signals and the vehicles on emergency duty.
#[derive(Debug, Clone, Default)]
pub(crate) struct Surroundings {
    junction: Option<v1::NodeReference>,
    /// What each signal group showed when it was last told, and when that was. A SPAT may come in parts, so each group
    /// has a time of its own.
    told: BTreeMap<u32, (SignalState, Timestamp)>,
    signals: Vec<SignalState>,
    heard_at: BTreeMap<V2xId, Timestamp>,
    emergency: Vec<V2xId>,
}

impl Surroundings {
    pub(crate) fn new(junction: Option<v1::NodeReference>) -> Self {
        Self { junction, ..Self::default() }
    }

    /// Forgets all: for when time itself was wrong.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.junction);
    }

    /// What is known now.
    pub(crate) fn context(&mut self, now: Timestamp) -> Context<'_> {
        self.told.retain(|_, (_, told_at)| now.duration_since(*told_at) <= SIGNAL_AGE);
        self.signals.clear();
        self.signals.extend(self.told.values().map(|(state, _)| *state));
        self.heard_at.retain(|_, heard_at| now.duration_since(*heard_at) <= EMERGENCY_AGE);
        self.emergency.clear();
        self.emergency.extend(self.heard_at.keys());
        Context { signals: &self.signals, emergency: &self.emergency }
    }

    /// Takes in the own junction's signals: all of them or a part. Returns whether the message is about them.
    pub(crate) fn spat(&mut self, spat: &v1::SignalPhaseAndTiming, arrived_at: Timestamp) -> bool {
        let junction = self.junction;
        let own = || spat.intersections.iter().filter(move |state| state.id.is_some() && state.id == junction);
        if own().any(|state| state.status & OUT_OF_ORDER != 0) {
            self.told.clear();
            return true;
        }
        for phase in own().flat_map(|state| &state.phases).filter(|phase| phase.id <= MAX_GROUP) {
            let light = present(phase);
            let goes_on = |(state, told_at): &&(SignalState, Timestamp)| {
                state.light == light && arrived_at.duration_since(*told_at) <= SIGNAL_AGE
            };
            // What it showed before we first heard of it, or while nobody told, nobody knows.
            let since = self.told.get(&phase.id).filter(goes_on).map_or(arrived_at, |(state, _)| state.since);
            self.told.insert(phase.id, (SignalState { group: phase.id, light, since }, arrived_at));
        }
        own().next().is_some()
    }

    /// Notes whether a vehicle is on emergency duty. Returns false where it is and cannot be remembered, because so many
    /// others are.
    pub(crate) fn bsm(&mut self, bsm: &v1::BasicSafetyMessage, arrived_at: Timestamp) -> bool {
        let Ok(id) = <[u8; 8]>::try_from(bsm.id.as_ref()).map(V2xId) else { return true };
        let on_duty = bsm.emergency.as_ref().is_some_and(|emergency| {
            emergency.siren() == v1::SirenState::InUse || emergency.lightbar() == v1::LightbarState::InUse
        });
        if !on_duty {
            self.heard_at.remove(&id);
        } else if self.heard_at.len() < MAX_EMERGENCY || self.heard_at.contains_key(&id) {
            self.heard_at.insert(id, arrived_at);
        } else {
            return false;
        }
        true
    }
}

/// What a phase shows now: the state that has begun, the first where the message does not say.
fn present(phase: &v1::Phase) -> Light {
    let begun = |state: &&v1::PhaseState| match &state.timing {
        Some(v1::phase_state::Timing::Counting(counting)) => counting.start_s == Some(0.0),
        _ => false,
    };
    let state = phase.states.iter().find(begun).or(phase.states.first());
    match state.map_or(v1::LightState::Unavailable, v1::PhaseState::light) {
        // Flashing red means "stop, then go": nobody who goes offends.
        v1::LightState::Unavailable | v1::LightState::Dark | v1::LightState::FlashingRed => Light::Dark,
        v1::LightState::Red => Light::Red,
        v1::LightState::FlashingGreen => Light::FlashingGreen,
        v1::LightState::PermissiveGreen | v1::LightState::ProtectedGreen => Light::Green,
        v1::LightState::Yellow => Light::Yellow,
        v1::LightState::FlashingYellow => Light::FlashingYellow,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    const OWN: v1::NodeReference = v1::NodeReference { region: Some(440), id: 1 };

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_seconds(1_000_000.0 + seconds)
    }

    fn spat(id: v1::NodeReference, light: v1::LightState) -> v1::SignalPhaseAndTiming {
        let states = vec![v1::PhaseState { light: light.into(), ..v1::PhaseState::default() }];
        let phases = vec![v1::Phase { id: 3, states: states.clone() }, v1::Phase { id: 1, states }];
        let intersection = v1::IntersectionState { id: Some(id), phases, ..v1::IntersectionState::default() };
        v1::SignalPhaseAndTiming { intersections: vec![intersection], ..v1::SignalPhaseAndTiming::default() }
    }

    #[test]
    fn a_signal_is_known_since_it_changed_and_for_a_second() {
        let mut surroundings = Surroundings::new(Some(OWN));
        assert!(surroundings.spat(&spat(OWN, v1::LightState::ProtectedGreen), at(0.0)));
        for tenth in 1..10 {
            assert!(surroundings.spat(&spat(OWN, v1::LightState::Red), at(f64::from(tenth) / 10.0)));
        }
        let signal = *surroundings.context(at(1.0)).signal(3).unwrap();
        assert_eq!((signal.light, signal.since), (Light::Red, at(0.1)));
        assert!(surroundings.context(at(1.0)).signal(2).is_none());
        assert!(surroundings.context(at(2.0)).signal(3).is_none(), "nobody told it any more");
    }

    #[test]
    fn a_message_in_parts_is_known_as_a_whole() {
        let mut whole = spat(OWN, v1::LightState::Red);
        let states = std::mem::take(&mut whole.intersections[0].phases).remove(0).states;
        let part = |group| {
            let mut part = whole.clone();
            part.intersections[0].phases = vec![v1::Phase { id: group, states: states.clone() }];
            part
        };
        let mut surroundings = Surroundings::new(Some(OWN));
        for step in 0..20 {
            let group = if step % 2 == 0 { 1 } else { 3 };
            assert!(surroundings.spat(&part(group), at(f64::from(step) * 0.05)));
        }
        for (group, first) in [(1, at(0.0)), (3, at(0.05))] {
            let signal = *surroundings.context(at(1.0)).signal(group).unwrap();
            assert_eq!((signal.light, signal.since), (Light::Red, first));
        }
        // Each is forgotten by itself, and what it showed in the meantime is not known.
        assert!(surroundings.spat(&part(1), at(1.5)));
        assert_eq!(surroundings.context(at(2.0)).signals.len(), 1);
        assert!(surroundings.spat(&part(3), at(2.1)));
        assert_eq!(surroundings.context(at(2.1)).signal(3).unwrap().since, at(2.1));
        // What is no number of a phase is not remembered.
        assert!(surroundings.spat(&part(256), at(2.2)));
        assert!(surroundings.context(at(2.2)).signal(256).is_none());
    }

    #[test]
    fn an_intersection_may_be_listed_in_parts() {
        let mut parts = spat(OWN, v1::LightState::Red);
        let other = v1::IntersectionState {
            phases: vec![v1::Phase { id: 7, states: parts.intersections[0].phases[0].states.clone() }],
            ..parts.intersections[0].clone()
        };
        parts.intersections.push(other);
        let mut surroundings = Surroundings::new(Some(OWN));
        assert!(surroundings.spat(&parts, at(0.0)));
        let groups: Vec<u32> = surroundings.context(at(0.0)).signals.iter().map(|signal| signal.group).collect();
        assert_eq!(groups, [1, 3, 7]);
    }

    #[test]
    fn only_the_own_junction_counts() {
        let other = v1::NodeReference { region: Some(440), id: 2 };
        let mut surroundings = Surroundings::new(Some(OWN));
        assert!(!surroundings.spat(&spat(other, v1::LightState::Red), at(0.0)));
        assert!(!Surroundings::new(None).spat(&spat(OWN, v1::LightState::Red), at(0.0)));
        let mut broken = spat(OWN, v1::LightState::Red);
        broken.intersections.iter_mut().for_each(|state| state.status = 1 << 8);
        assert!(surroundings.spat(&spat(OWN, v1::LightState::Red), at(0.0)));
        assert!(surroundings.spat(&broken, at(0.1)));
        assert!(surroundings.context(at(0.1)).signals.is_empty());
    }

    #[test]
    fn duty_lasts_while_the_vehicle_says_so() {
        let bsm = |id: u8, siren: v1::SirenState| v1::BasicSafetyMessage {
            id: vec![id; 8].into(),
            emergency: Some(v1::VehicleEmergencyExtensions {
                siren: Some(siren.into()),
                ..v1::VehicleEmergencyExtensions::default()
            }),
            ..v1::BasicSafetyMessage::default()
        };
        let mut surroundings = Surroundings::new(None);
        surroundings.bsm(&bsm(7, v1::SirenState::InUse), at(0.0));
        surroundings.bsm(&bsm(8, v1::SirenState::NotInUse), at(0.0));
        assert_eq!(surroundings.context(at(0.5)).emergency, [V2xId([7; 8])]);
        assert!(surroundings.context(at(3.0)).emergency.is_empty());
        surroundings.bsm(&bsm(7, v1::SirenState::InUse), at(3.0));
        surroundings.bsm(&bsm(7, v1::SirenState::NotInUse), at(3.1));
        assert!(surroundings.context(at(3.1)).emergency.is_empty());
        // More than can be remembered are told; those who are known stay so.
        assert!((0..64).all(|id| surroundings.bsm(&bsm(id, v1::SirenState::InUse), at(4.0))));
        assert!(!surroundings.bsm(&bsm(64, v1::SirenState::InUse), at(4.0)));
        assert!(surroundings.bsm(&bsm(64, v1::SirenState::NotInUse), at(4.0)));
        assert!(surroundings.bsm(&bsm(63, v1::SirenState::InUse), at(4.1)));
        assert_eq!(surroundings.context(at(4.1)).emergency.len(), 64);
    }
}
