//! The table of services and what belongs to which.

use std::collections::BTreeSet;

use super::*;

fn entry(aid: u16, destination_l2_id: u32, priority: u8) -> ServiceEntry {
    ServiceEntry { aid: Aid::new(aid).unwrap(), destination_l2_id, priority }
}

#[test]
fn every_service_and_class_has_a_name_of_its_own() {
    for service in Service::ALL {
        assert_eq!(Service::from_name(service.name()), Some(service));
        assert!(service.name().starts_with(service.kind().name()));
    }
    let names: BTreeSet<_> = Service::ALL.iter().map(|service| service.name()).collect();
    assert_eq!(names.len(), Service::ALL.len());
    assert!(Service::ALL.is_sorted());
    for kind in Kind::ALL {
        assert_eq!(Service::ALL.iter().any(|service| service.kind() == kind), kind != Kind::Unknown);
    }
    for class in RsiClass::ALL {
        assert_eq!(RsiClass::from_name(class.name()), Some(class));
        assert_eq!(Service::from(class).name(), format!("rsi_{}", class.name()));
    }
    assert_eq!((Service::from_name("BSM"), RsiClass::from_name("")), (None, None));
}

#[test]
fn the_default_table_is_that_of_the_standard() {
    let table = ServiceTable::default();
    let rows: Vec<_> = table
        .iter()
        .map(|(service, entry)| (service.name(), entry.aid.get(), entry.destination_l2_id, entry.priority))
        .collect();
    let expected = [
        ("bsm", 111, 1, 112),
        ("bsm_event", 112, 2, 208),
        ("bsm_emergency", 113, 3, 112),
        ("bsm_emergency_event", 114, 4, 208),
        ("map", 3618, 6, 16),
        ("spat", 3619, 7, 176),
        ("rsi_static", 3620, 8, 48),
        ("rsi_semi_static", 3621, 9, 80),
        ("rsi_dynamic", 3622, 10, 112),
        ("rsm", 3623, 11, 208),
    ];
    assert_eq!(rows, expected);
    // What is in the table by default is what a table accepts.
    assert_eq!(ServiceTable::default().set_all(table.iter().map(|(service, entry)| (service, *entry))), Ok(()));
    for service in Service::ALL.into_iter().skip(10) {
        assert_eq!(table.get(service), None);
    }
}

#[test]
fn a_table_is_looked_up_both_ways() {
    let mut table = ServiceTable::default();
    assert_eq!(table.by_aid(Aid::RSI_STATIC), Some(Service::RsiStatic));
    assert_eq!(table.fits(Aid::RSI_STATIC, Kind::Rsi), Some(true));
    assert_eq!(table.fits(Aid::RSI_STATIC, Kind::Rsm), Some(false));
    assert_eq!(table.fits(Aid::new(3627).unwrap(), Kind::Rsm), None);

    let shared = entry(4000, 0x20, 80);
    table.set_all([(Service::Ssm, shared), (Service::Vir, shared)]).unwrap();
    assert_eq!(table.by_aid(shared.aid), Some(Service::Ssm));
    assert_eq!(table.fits(shared.aid, Kind::Vir), Some(true));
    table.remove(Service::Ssm);
    assert_eq!((table.get(Service::Ssm), table.by_aid(shared.aid)), (None, Some(Service::Vir)));
}

#[test]
fn a_table_that_cannot_be_is_refused() {
    let mut table = ServiceTable::default();
    let error = table.set(Service::Ssm, entry(4000, 0x100_0000, 1)).unwrap_err();
    assert_eq!(error, ServiceError::L2Id { service: Service::Ssm, destination_l2_id: 0x100_0000 });
    assert_eq!(error.to_string(), "ssm: the layer-2 id 0x1000000 has more than 24 bits");
    let error = table.set(Service::Ssm, entry(3623, 0x0C, 208)).unwrap_err();
    assert_eq!(error, ServiceError::AidTwice { one: Service::Rsm, other: Service::Ssm, aid: Aid::RSM });
    assert_eq!(error.to_string(), "rsm and ssm have the AID 3623 but not the same destination and priority");
    assert_eq!(table, ServiceTable::default());
    table.set(Service::Ssm, entry(3623, 0x0B, 208)).unwrap();
    table.set(Service::Vir, entry(4000, MAX_L2_ID, 255)).unwrap();
}

#[test]
fn services_may_swap_their_identifiers() {
    let mut table = ServiceTable::default();
    let (bsm, event) = (entry(112, 2, 208), entry(111, 1, 112));
    assert!(table.set(Service::Bsm, entry(112, 2, 0)).is_err());
    table.set_all([(Service::Bsm, bsm), (Service::BsmEvent, event)]).unwrap();
    assert_eq!((table.get(Service::Bsm), table.by_aid(Aid::BSM)), (Some(&bsm), Some(Service::BsmEvent)));
}

#[test]
fn priorities_become_pppp() {
    for (from, to, expected) in
        [(224, 255, 1), (192, 223, 2), (160, 191, 3), (128, 159, 4), (96, 127, 5), (64, 95, 6), (32, 63, 7), (0, 31, 8)]
    {
        assert!((from..=to).all(|priority| pppp(priority) == expected));
    }
}

#[test]
fn a_bsm_tells_its_service() {
    use v1::{LightbarState as Lightbar, SirenState as Siren};

    let of = |classification, emergency, events| {
        let bsm = v1::BasicSafetyMessage {
            vehicle_class: Some(v1::VehicleClass { classification, ..Default::default() }),
            emergency,
            safety: Some(v1::VehicleSafetyExtensions { events, ..Default::default() }),
            ..Default::default()
        };
        Service::of(&Content::Bsm(bsm), RsiClass::Static).unwrap()
    };
    let flags = |bits, beyond_64: &'static [u8]| Some(v1::Flags { bits, length: None, beyond_64: beyond_64.into() });
    let emergency = |lightbar: Lightbar, siren: Siren| {
        let (lightbar, siren) = (Some(lightbar.into()), Some(siren.into()));
        Some(v1::VehicleEmergencyExtensions { lightbar, siren, ..Default::default() })
    };
    let nothing = Service::of(&Content::Bsm(v1::BasicSafetyMessage::default()), RsiClass::Static);
    assert_eq!(nothing, Some(Service::Bsm));
    for (classification, expected) in [
        (10, Service::Bsm),
        (59, Service::Bsm),
        (60, Service::BsmEmergency),
        (69, Service::BsmEmergency),
        (70, Service::Bsm),
    ] {
        assert_eq!(of(classification, None, None), expected);
    }
    assert_eq!(of(10, None, flags(0, &[0])), Service::Bsm);
    assert_eq!(of(10, None, flags(1 << 7, &[])), Service::BsmEvent);
    assert_eq!(of(10, None, flags(0, &[0, 0x80])), Service::BsmEvent);
    assert_eq!(of(10, emergency(Lightbar::NotInUse, Siren::InUse), None), Service::BsmEmergency);
    assert_eq!(of(10, emergency(Lightbar::InUse, Siren::NotInUse), flags(1, &[])), Service::BsmEmergencyEvent);
    assert_eq!(of(10, emergency(Lightbar::SchoolBusLights, Siren::Reserved), None), Service::Bsm);
    assert_eq!(of(64, emergency(Lightbar::NotInUse, Siren::NotInUse), None), Service::BsmEmergency);
}

#[test]
fn the_class_of_an_rsi_is_asked_for() {
    let of = |content: Content| Service::of(&content, RsiClass::SemiStatic);
    assert_eq!(of(Content::Rsi(v1::RoadSideInformation::default())), Some(Service::RsiSemiStatic));
    assert_eq!(of(Content::Rsm(v1::RoadsideSafetyMessage::default())), Some(Service::Rsm));
    assert_eq!(of(Content::Extension(v1::ExtensionMessage::default())), None);
    assert_eq!(of(Content::Unknown(v1::UnknownAlternative::default())), None);
}
