//! What the RSU says on the air, as typed messages: its map, the participants that have no radio of their own, and the
//! traffic events that go on. Numbering, splitting and encoding are the adapter's business.

use std::collections::BTreeMap;
use std::time::Duration;

use fusion::{Class, SensorKind, Track};
use rsu_proto::v1::{self, position_offset::Horizontal, v2x_message::Content};
use rsu_units::{Timestamp, angle};
use site_map::SiteFrame;
use traffic_events::{EventChange, Stage};

use crate::SensorSetup;
use crate::output::Output;

/// What to send. Nothing by itself.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BroadcastPlan {
    /// The RSU's identity in its messages.
    pub id: [u8; 8],
    /// The map, sent once a second.
    pub map: Option<v1::MapData>,
    /// Whether to send the participants (RSM) with each track list.
    pub participants: bool,
    /// Whether to send the events (RSI) at their start and with each track list.
    pub events: bool,
}

const MAP_PERIOD: Duration = Duration::from_secs(1);
/// Two-dimensional Gaussian: 95 % lie within this many standard deviations.
const SD_TO_95_PERCENT: f64 = 2.448;
/// Bounds of the standard, metres: position offsets are checked by the codec, sizes are cut here.
const MAX_WIDTH_M: f64 = 10.23;
const MAX_LENGTH_M: f64 = 40.95;
const MAX_RADIUS_M: f64 = 6553.5;

#[derive(Debug)]
pub(crate) struct Broadcaster {
    plan: BroadcastPlan,
    next_map_at: Timestamp,
    /// The events that go on, by their identity, and the number of each in RSI.
    events: BTreeMap<u64, v1::RoadTrafficEvent>,
    next_rte_id: u8,
}

impl Broadcaster {
    pub(crate) fn new(plan: BroadcastPlan, now: Timestamp) -> Self {
        Self { plan, next_map_at: now, events: BTreeMap::new(), next_rte_id: 0 }
    }

    /// When there is something to send although nothing came in.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        self.plan.map.is_some().then_some(self.next_map_at)
    }

    /// The clock was set.
    pub(crate) fn restart(&mut self, now: Timestamp) {
        self.next_map_at = now;
    }

    pub(crate) fn tick(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        if let Some(map) = self.plan.map.as_mut().filter(|_| now >= self.next_map_at) {
            self.next_map_at = now.next_multiple(MAP_PERIOD);
            map.minute_of_year = now.minute_of_year();
            outputs.push(Output::Send(Box::new(Content::Map(map.clone()))));
        }
    }

    /// A step in the life of an event. Returns whether road users are to be told at once.
    pub(crate) fn event(&mut self, change: &EventChange, site: &SiteFrame) -> bool {
        // A kind that has no number cannot be told on the air.
        if !self.plan.events || change.kind.code() == 0 {
            return false;
        }
        match change.stage {
            Stage::Start | Stage::Update => {
                let known = self.events.get(&change.id.0).map(|event| event.rte_id);
                let rte_id = known.unwrap_or_else(|| self.free_rte_id());
                let event = v1::RoadTrafficEvent {
                    rte_id,
                    event_type: change.kind.code(),
                    source: v1::EventSource::Detection.into(),
                    position: Some(position(change.position_m, site)),
                    radius_m: Some(change.zone.as_ref().map_or(5.0, |zone| zone.radius_m.clamp(0.0, MAX_RADIUS_M))),
                    confidence_percent: Some((change.confidence * 100.0).clamp(0.0, 100.0)),
                    ..v1::RoadTrafficEvent::default()
                };
                self.events.insert(change.id.0, event).is_none()
            }
            Stage::Cleared | Stage::Lost => {
                self.events.remove(&change.id.0);
                false
            }
        }
    }

    /// Round and round, so that a number is not given again soon, and none that is in use unless all are.
    fn free_rte_id(&mut self) -> u32 {
        let used: Vec<u32> = self.events.values().map(|event| event.rte_id).collect();
        let next = self.next_rte_id;
        let free = (0..=u8::MAX).map(|n| next.wrapping_add(n)).find(|id| !used.contains(&u32::from(*id)));
        let id = free.unwrap_or(next);
        self.next_rte_id = id.wrapping_add(1);
        u32::from(id)
    }

    /// All events that go on.
    pub(crate) fn information(&self, at: Timestamp, site: &SiteFrame) -> Output {
        let events = self.events.values().cloned().collect();
        Output::Send(Box::new(Content::Rsi(v1::RoadSideInformation {
            minute_of_year: at.minute_of_year(),
            id: self.plan.id.to_vec().into(),
            reference: Some(reference(site)),
            events,
            ..v1::RoadSideInformation::default()
        })))
    }

    /// With each track list: the participants and the events as they are now.
    pub(crate) fn tracks(
        &mut self,
        at: Timestamp,
        tracks: &[Track],
        sensors: &[SensorSetup],
        site: &SiteFrame,
        outputs: &mut Vec<Output>,
    ) {
        if self.plan.participants {
            let unconnected = tracks.iter().filter(|track| track.v2x_id.is_none());
            let participants: Vec<_> = unconnected.map(|track| participant(track, sensors, site)).collect();
            if !participants.is_empty() {
                outputs.push(Output::Send(Box::new(Content::Rsm(v1::RoadsideSafetyMessage {
                    id: self.plan.id.to_vec().into(),
                    reference: Some(reference(site)),
                    participants,
                    ..v1::RoadsideSafetyMessage::default()
                }))));
            }
        }
        if !self.events.is_empty() {
            outputs.push(self.information(at, site));
        }
    }
}

fn reference(site: &SiteFrame) -> v1::GeoPosition {
    let (latitude_deg, longitude_deg) = site.reference_deg();
    v1::GeoPosition {
        latitude_deg: Some(latitude_deg),
        longitude_deg: Some(longitude_deg),
        ..v1::GeoPosition::default()
    }
}

fn position(position_m: rsu_units::Vector2, site: &SiteFrame) -> v1::PositionOffset {
    let (reference_latitude_deg, reference_longitude_deg) = site.reference_deg();
    let (latitude_deg, longitude_deg) = site.to_wgs84(position_m);
    v1::PositionOffset {
        horizontal: Some(Horizontal::Offset(v1::LatLonOffset {
            latitude_deg: latitude_deg - reference_latitude_deg,
            longitude_deg: longitude_deg - reference_longitude_deg,
            width_bits: 0,
        })),
        ..v1::PositionOffset::default()
    }
}

fn participant(track: &Track, sensors: &[SensorSetup], site: &SiteFrame) -> v1::Participant {
    let r#type = match track.class.best().0 {
        Class::Car | Class::Truck | Class::Bus | Class::Motorcycle => v1::ParticipantType::Motor,
        Class::Bicycle => v1::ParticipantType::NonMotor,
        Class::Pedestrian => v1::ParticipantType::Pedestrian,
    };
    let [xx, _, _, _, yy, ..] = track.covariance;
    let accuracy_m = xx.max(yy).max(0.0).sqrt() * SD_TO_95_PERCENT;
    let (length_m, width_m) = track.extent_m;
    v1::Participant {
        r#type: r#type.into(),
        // 0 is the RSU itself.
        ptc_id: (track.id.0 % 65535) as u32 + 1,
        source: source(track, sensors).into(),
        sec_mark_ms: Some(u32::from(track.at.dsecond_ms())),
        position: Some(position(track.position_m, site)),
        position_confidence: Some(v1::PositionConfidence {
            horizontal_m: Some(accuracy_m).filter(|accuracy_m| *accuracy_m <= 500.0),
            ..v1::PositionConfidence::default()
        }),
        speed_mps: Some(track.speed_mps()).filter(|speed_mps| *speed_mps <= 163.8),
        heading_deg: track.heading_rad.map(|heading_rad| {
            // What rounds up to the full circle is north again.
            let heading_deg = angle::heading_deg_from_rad(heading_rad);
            if heading_deg >= 359.993 { 0.0 } else { heading_deg }
        }),
        size: Some(v1::VehicleSize {
            width_m: width_m.clamp(0.0, MAX_WIDTH_M),
            length_m: length_m.clamp(0.0, MAX_LENGTH_M),
            height_m: None,
        }),
        ..v1::Participant::default()
    }
}

fn source(track: &Track, sensors: &[SensorSetup]) -> v1::ParticipantSource {
    let mut kinds = track.source_ids().map(|id| sensors.get(id.index()).map(|setup| setup.model.kind));
    match (kinds.next(), kinds.next()) {
        (Some(_), Some(_)) => v1::ParticipantSource::Integrated,
        (Some(Some(SensorKind::Camera)), None) => v1::ParticipantSource::Video,
        (Some(Some(SensorKind::Radar)), None) => v1::ParticipantSource::MicrowaveRadar,
        (Some(Some(SensorKind::Lidar)), None) => v1::ParticipantSource::Lidar,
        (Some(None | Some(SensorKind::V2x)), None) => v1::ParticipantSource::V2x,
        (None, _) => v1::ParticipantSource::Unknown,
    }
}
