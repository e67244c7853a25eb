//! The services on the air: with which application identifier, destination and priority each message goes out.
//!
//! A service is finer than a [`Kind`] of message, as a receiver's lower layers tell by the identifier alone how urgent
//! a message is: there are four for the BSM and three for the RSI. [`ServiceTable`] begins with what is in use around
//! YD/T 3707:
//!
//! | AID | service | destination layer-2 id | priority | period |
//! |---|---|---|---|---|
//! | 111 | BSM of a normal vehicle, periodic | 0x000001 | 112 | 100 ms |
//! | 112 | BSM of a normal vehicle, event | 0x000002 | 208 | |
//! | 113 | BSM of an emergency vehicle, periodic | 0x000003 | 112 | |
//! | 114 | BSM of an emergency vehicle, event | 0x000004 | 208 | |
//! | 3618 | MAP | 0x000006 | 16 | 1 s at most |
//! | 3619 | SPAT | 0x000007 | 176 | 500 ms at most, 100 ms as a rule |
//! | 3620 | RSI, static | 0x000008 | 48 | 1 s |
//! | 3621 | RSI, semi-static | 0x000009 | 80 | 500 ms |
//! | 3622 | RSI, dynamic | 0x00000A | 112 | 100 ms |
//! | 3623 | RSM | 0x00000B | 208 | 100 ms |
//!
//! One vendor has the two priorities of the BSM the other way round, and the identifiers of the second stage's messages
//! (TEST, RTCM, RSC, SSM, VIR, PAM, PSM, CLPMM, VPM) are not known: a site's configuration says them. 3627, 3628 and
//! 3629 are the certificates, their revocation list and the misbehaviour report, which are no messages of this crate.

use std::collections::BTreeMap;

use rsu_proto::v1::{self, v2x_message::Content};
use thiserror::Error;

use crate::Kind;
use crate::dsmp::Aid;

/// How soon road-side information changes; one RSI carries one class only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RsiClass {
    /// Signs.
    Static,
    /// Events that last, such as road works.
    SemiStatic,
    /// Events that sensors see now.
    Dynamic,
}

impl RsiClass {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::Static, Self::SemiStatic, Self::Dynamic];

    /// The name in configuration: `static`, `semi_static` or `dynamic`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::SemiStatic => "semi_static",
            Self::Dynamic => "dynamic",
        }
    }

    /// The class of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// A message and how urgent it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// BSM of a normal vehicle, periodic.
    Bsm,
    /// BSM of a normal vehicle with an event.
    BsmEvent,
    /// BSM of an emergency vehicle, periodic.
    BsmEmergency,
    /// BSM of an emergency vehicle with an event.
    BsmEmergencyEvent,
    /// MAP.
    Map,
    /// SPAT.
    Spat,
    /// RSI with signs.
    RsiStatic,
    /// RSI with events that last.
    RsiSemiStatic,
    /// RSI with events that sensors see.
    RsiDynamic,
    /// RSM.
    Rsm,
    /// Test message.
    Test,
    /// Differential GNSS corrections.
    Rtcm,
    /// Road-side coordination.
    Rsc,
    /// Sensor sharing message.
    Ssm,
    /// Vehicle intention and request.
    Vir,
    /// Parking area message.
    Pam,
    /// Personal safety message.
    Psm,
    /// Platooning management message.
    Clpmm,
    /// Vehicle payment message.
    Vpm,
}

impl Service {
    /// All services.
    pub const ALL: [Self; 19] = [
        Self::Bsm,
        Self::BsmEvent,
        Self::BsmEmergency,
        Self::BsmEmergencyEvent,
        Self::Map,
        Self::Spat,
        Self::RsiStatic,
        Self::RsiSemiStatic,
        Self::RsiDynamic,
        Self::Rsm,
        Self::Test,
        Self::Rtcm,
        Self::Rsc,
        Self::Ssm,
        Self::Vir,
        Self::Pam,
        Self::Psm,
        Self::Clpmm,
        Self::Vpm,
    ];

    /// The name in configuration and counters: `bsm`, `bsm_event`, ..., `rsi_static`, ..., `vpm`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::BsmEvent => "bsm_event",
            Self::BsmEmergency => "bsm_emergency",
            Self::BsmEmergencyEvent => "bsm_emergency_event",
            Self::RsiStatic => "rsi_static",
            Self::RsiSemiStatic => "rsi_semi_static",
            Self::RsiDynamic => "rsi_dynamic",
            // The others are the only service of their kind, but for the plain BSM, which is named the same.
            _ => self.kind().name(),
        }
    }

    /// The service of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// The kind of its messages.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Bsm | Self::BsmEvent | Self::BsmEmergency | Self::BsmEmergencyEvent => Kind::Bsm,
            Self::Map => Kind::Map,
            Self::Spat => Kind::Spat,
            Self::RsiStatic | Self::RsiSemiStatic | Self::RsiDynamic => Kind::Rsi,
            Self::Rsm => Kind::Rsm,
            Self::Test => Kind::Test,
            Self::Rtcm => Kind::Rtcm,
            Self::Rsc => Kind::Rsc,
            Self::Ssm => Kind::Ssm,
            Self::Vir => Kind::Vir,
            Self::Pam => Kind::Pam,
            Self::Psm => Kind::Psm,
            Self::Clpmm => Kind::Clpmm,
            Self::Vpm => Kind::Vpm,
        }
    }

    /// Milliseconds between two messages as a rule, where there is a rule.
    #[must_use]
    pub fn usual_period_ms(self) -> Option<u32> {
        match self {
            Self::Map | Self::RsiStatic => Some(1000),
            Self::RsiSemiStatic => Some(500),
            Self::Bsm | Self::Spat | Self::RsiDynamic | Self::Rsm => Some(100),
            _ => None,
        }
    }

    /// The service that a message goes out with. An RSI does not tell its class, so it is asked for; the other messages
    /// do not heed it. There is none for a message of a later edition.
    ///
    /// A BSM is of an emergency vehicle if its `BasicVehicleClass` is 60 to 69, the emergency vehicles of SAE J2735, or
    /// its light bar or siren is in use. It has an event if any of its event flags is set.
    #[must_use]
    pub fn of(content: &Content, rsi_class: RsiClass) -> Option<Self> {
        Some(match content {
            Content::Bsm(bsm) => match (is_emergency(bsm), has_event(bsm)) {
                (false, false) => Self::Bsm,
                (false, true) => Self::BsmEvent,
                (true, false) => Self::BsmEmergency,
                (true, true) => Self::BsmEmergencyEvent,
            },
            Content::Map(_) => Self::Map,
            Content::Spat(_) => Self::Spat,
            Content::Rsi(_) => rsi_class.into(),
            Content::Rsm(_) => Self::Rsm,
            Content::Test(_) => Self::Test,
            Content::Rtcm(_) => Self::Rtcm,
            Content::Rsc(_) => Self::Rsc,
            Content::Ssm(_) => Self::Ssm,
            Content::Vir(_) => Self::Vir,
            Content::Pam(_) => Self::Pam,
            Content::Psm(_) => Self::Psm,
            Content::Clpmm(_) => Self::Clpmm,
            Content::Vpm(_) => Self::Vpm,
            Content::Extension(_) | Content::Unknown(_) => return None,
        })
    }
}

impl From<RsiClass> for Service {
    fn from(class: RsiClass) -> Self {
        match class {
            RsiClass::Static => Self::RsiStatic,
            RsiClass::SemiStatic => Self::RsiSemiStatic,
            RsiClass::Dynamic => Self::RsiDynamic,
        }
    }
}

fn is_emergency(bsm: &v1::BasicSafetyMessage) -> bool {
    let by_class = bsm.vehicle_class.as_ref().is_some_and(|class| (60..=69).contains(&class.classification));
    let signals = |emergency: &v1::VehicleEmergencyExtensions| {
        emergency.lightbar == Some(v1::LightbarState::InUse.into())
            || emergency.siren == Some(v1::SirenState::InUse.into())
    };
    by_class || bsm.emergency.as_ref().is_some_and(signals)
}

fn has_event(bsm: &v1::BasicSafetyMessage) -> bool {
    let events = bsm.safety.as_ref().and_then(|safety| safety.events.as_ref());
    events.is_some_and(|events| events.bits != 0 || events.beyond_64.iter().any(|octet| *octet != 0))
}

/// The `ProSe` per-packet priority (PPPP, 1 the most urgent, 8 the least) for a priority, as one vendor maps it: each
/// 32 priorities are one PPPP, 224 to 255 the first.
#[must_use]
pub fn pppp(priority: u8) -> u8 {
    8 - priority / 32
}

/// How the messages of a service are addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceEntry {
    /// The application identifier.
    pub aid: Aid,
    /// The layer-2 id that they are sent to, 24 bits.
    pub destination_l2_id: u32,
    /// The priority, 255 the most urgent; see [`pppp`].
    pub priority: u8,
}

/// The largest layer-2 id.
pub const MAX_L2_ID: u32 = 0xFF_FFFF;

/// Why a table cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ServiceError {
    /// A layer-2 id of more than 24 bits.
    #[error("{}: the layer-2 id 0x{destination_l2_id:x} has more than 24 bits", service.name())]
    L2Id {
        /// The service.
        service: Service,
        /// The layer-2 id.
        destination_l2_id: u32,
    },
    /// Two services with the same AID but another destination or priority.
    #[error("{} and {} have the AID {} but not the same destination and priority", one.name(), other.name(), aid.get())]
    AidTwice {
        /// The one.
        one: Service,
        /// The other.
        other: Service,
        /// Their AID.
        aid: Aid,
    },
}

/// The services that are in use; the others cannot be sent.
///
/// ```
/// use v2x_codec::dsmp::Aid;
/// use v2x_codec::service::{Service, ServiceEntry, ServiceTable};
///
/// let mut table = ServiceTable::default();
/// assert_eq!(table.by_aid(Aid::RSM), Some(Service::Rsm));
/// let aid = Aid::new(3700).unwrap();
/// table.set(Service::Ssm, ServiceEntry { aid, destination_l2_id: 0x10, priority: 112 }).unwrap();
/// assert_eq!(table.by_aid(aid), Some(Service::Ssm));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceTable(BTreeMap<Service, ServiceEntry>);

impl Default for ServiceTable {
    fn default() -> Self {
        let entries = [
            (Service::Bsm, Aid::BSM, 0x01, 112),
            (Service::BsmEvent, Aid::BSM_EVENT, 0x02, 208),
            (Service::BsmEmergency, Aid::BSM_EMERGENCY, 0x03, 112),
            (Service::BsmEmergencyEvent, Aid::BSM_EMERGENCY_EVENT, 0x04, 208),
            (Service::Map, Aid::MAP, 0x06, 16),
            (Service::Spat, Aid::SPAT, 0x07, 176),
            (Service::RsiStatic, Aid::RSI_STATIC, 0x08, 48),
            (Service::RsiSemiStatic, Aid::RSI_SEMI_STATIC, 0x09, 80),
            (Service::RsiDynamic, Aid::RSI_DYNAMIC, 0x0A, 112),
            (Service::Rsm, Aid::RSM, 0x0B, 208),
        ];
        let entry =
            |(service, aid, destination_l2_id, priority)| (service, ServiceEntry { aid, destination_l2_id, priority });
        Self(entries.into_iter().map(entry).collect())
    }
}

impl ServiceTable {
    /// The entry of a service, if it is in use.
    #[must_use]
    pub fn get(&self, service: Service) -> Option<&ServiceEntry> {
        self.0.get(&service)
    }

    /// Enters a service or changes its entry.
    ///
    /// # Errors
    /// As of [`ServiceTable::set_all`].
    pub fn set(&mut self, service: Service, entry: ServiceEntry) -> Result<(), ServiceError> {
        self.set_all([(service, entry)])
    }

    /// Enters or changes several services at once, as for two that swap their AIDs. Two services may have the same AID
    /// if their entries are the same.
    ///
    /// # Errors
    /// [`ServiceError`] for what would be wrong with the table, which then stays as it was.
    pub fn set_all(&mut self, entries: impl IntoIterator<Item = (Service, ServiceEntry)>) -> Result<(), ServiceError> {
        let mut changed = self.0.clone();
        changed.extend(entries);
        let mut by_aid: BTreeMap<Aid, (Service, &ServiceEntry)> = BTreeMap::new();
        for (&service, entry) in &changed {
            let ServiceEntry { aid, destination_l2_id, .. } = *entry;
            if destination_l2_id > MAX_L2_ID {
                return Err(ServiceError::L2Id { service, destination_l2_id });
            }
            let (one, first) = *by_aid.entry(aid).or_insert((service, entry));
            if first != entry {
                return Err(ServiceError::AidTwice { one, other: service, aid });
            }
        }
        self.0 = changed;
        Ok(())
    }

    /// Takes a service out of use.
    pub fn remove(&mut self, service: Service) {
        self.0.remove(&service);
    }

    /// The services in use with their entries, in the order of [`Service::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Service, &ServiceEntry)> {
        self.0.iter().map(|(service, entry)| (*service, entry))
    }

    /// The service of an AID: the first one where several share it.
    #[must_use]
    pub fn by_aid(&self, aid: Aid) -> Option<Service> {
        self.with_aid(aid).next()
    }

    /// Whether messages of the kind are sent with the AID; not known (`None`) for an AID that is in no entry.
    #[must_use]
    pub fn fits(&self, aid: Aid, kind: Kind) -> Option<bool> {
        self.by_aid(aid)?;
        Some(self.with_aid(aid).any(|service| service.kind() == kind))
    }

    fn with_aid(&self, aid: Aid) -> impl Iterator<Item = Service> {
        self.iter().filter(move |(_, entry)| entry.aid == aid).map(|(service, _)| service)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests;
