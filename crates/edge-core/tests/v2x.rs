//! What road users say of themselves, on its way through the whole core.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use std::time::Duration;

use edge_core::{Core, Input, Item, Output};
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::{Timestamp, Vector2, angle};
use support::{START, config};
use traffic_sim::layout;

/// One road user that keeps its velocity and sends ten messages a second. `content` makes one of position, heading in
/// degrees and milliseconds of the minute.
fn replay(
    core: &mut Core,
    from_m: Vector2,
    velocity_mps: Vector2,
    seconds: u32,
    content: impl Fn(v1::GeoPosition, f64, u32) -> Content,
) -> Vec<Output> {
    let site = *config().map.frame();
    let mut outputs = Vec::new();
    for step in 0..seconds * 10 {
        let measured_at = START + Duration::from_millis(u64::from(step) * 100);
        let arrived_at = measured_at + Duration::from_millis(20);
        while core.deadline() < arrived_at {
            let deadline = core.deadline();
            core.handle(deadline, Input::Wake, &mut outputs);
        }
        let (latitude_deg, longitude_deg) = site.to_wgs84(from_m + velocity_mps * (f64::from(step) / 10.0));
        let position = v1::GeoPosition {
            latitude_deg: Some(latitude_deg),
            longitude_deg: Some(longitude_deg),
            ..v1::GeoPosition::default()
        };
        let heading_deg = angle::heading_deg_from_rad(velocity_mps.angle_rad());
        let content = content(position, heading_deg, u32::from(measured_at.dsecond_ms()));
        let message = Box::new(v1::V2xMessage { content: Some(content), ..v1::V2xMessage::default() });
        core.handle(arrived_at, Input::V2x { message, arrived_at }, &mut outputs);
    }
    outputs
}

fn items(outputs: &[Output]) -> impl Iterator<Item = &Item> {
    outputs.iter().filter_map(Output::publication).map(|publication| &publication.item)
}

fn accuracy() -> v1::PositionalAccuracy {
    v1::PositionalAccuracy { semi_major_m: Some(0.5), ..v1::PositionalAccuracy::default() }
}

#[test]
fn who_tells_that_it_walks_is_a_pedestrian() {
    let mut core = Core::new(config(), START);
    let psm = |position, heading_deg, sec_mark_ms| {
        let data = v1::NonMotorData {
            basic_type: v1::PersonalDeviceUserType::Pedestrian.into(),
            ..v1::NonMotorData::default()
        };
        Content::Psm(v1::PersonalSafetyMessage {
            id: vec![5; 8].into(),
            sec_mark_ms: Some(sec_mark_ms),
            position: Some(position),
            position_accuracy: Some(accuracy()),
            speed_mps: Some(1.4),
            heading_deg: Some(heading_deg),
            non_motor_data: Some(data),
            ..v1::PersonalSafetyMessage::default()
        })
    };
    let outputs = replay(&mut core, Vector2::new(40.0, 14.0), Vector2::new(1.4, 0.0), 3, psm);
    let passed_on = items(&outputs).filter(|item| matches!(item, Item::V2x(_))).count();
    assert_eq!((passed_on, core.counters().get("v2x_psm")), (30, 30));
    assert_eq!(core.counters().get("psm_clock_off"), 0);
    let lists = items(&outputs).filter_map(|item| if let Item::Tracks(list) = item { Some(list) } else { None });
    let [track] = &lists.last().unwrap().tracks[..] else { panic!("one walks") };
    assert_eq!(track.class(), v1::ParticipantClass::Pedestrian);
    assert_eq!((track.v2x_id.as_deref(), &track.sources[..]), (Some(&[5; 8][..]), &["v2x".to_owned()][..]));
    assert!((track.x_m - 44.0).abs() < 1.0 && (track.y_m - 14.0).abs() < 1.0, "{track:?}");
}

#[test]
fn who_comes_with_its_siren_on_is_an_event() {
    let bsm = |siren: v1::SirenState| {
        move |position, heading_deg, sec_mark_ms| {
            let emergency = v1::VehicleEmergencyExtensions {
                siren: Some(siren.into()),
                ..v1::VehicleEmergencyExtensions::default()
            };
            Content::Bsm(v1::BasicSafetyMessage {
                id: vec![7; 8].into(),
                sec_mark_ms: Some(sec_mark_ms),
                position: Some(position),
                position_accuracy: Some(accuracy()),
                speed_mps: Some(12.0),
                heading_deg: Some(heading_deg),
                size: Some(v1::VehicleSize { width_m: 2.0, length_m: 5.5, height_m: None }),
                emergency: Some(emergency),
                ..v1::BasicSafetyMessage::default()
            })
        }
    };
    let [from_m, to_m] = layout::inbound(2, layout::Track::Vehicle(1));
    let velocity_mps = (to_m - from_m) * (12.0 / (to_m - from_m).norm());
    let run = |siren| {
        let mut core = Core::new(config(), START);
        let outputs = replay(&mut core, from_m, velocity_mps, 4, bsm(siren));
        let event = |item: &Item| match item {
            Item::Event(event) if event.event_code == 905 => {
                Some((Timestamp::from_micros(event.began_at_us), event.clone()))
            }
            _ => None,
        };
        items(&outputs).filter_map(event).collect::<Vec<_>>()
    };
    let events = run(v1::SirenState::InUse);
    let (began_at, event) = events.first().expect("it comes");
    assert_eq!((event.stage(), event.kind()), (v1::EventStage::Start, v1::EventKind::EmergencyVehicle));
    assert_eq!(event.participants[0].v2x_id.as_deref(), Some(&[7; 8][..]));
    assert!(began_at.seconds_since(START) < 2.0, "{event:?}");
    assert!(events.iter().all(|(_, event)| event.stage() != v1::EventStage::End));
    assert!(run(v1::SirenState::NotInUse).is_empty());
}
