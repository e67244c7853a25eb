//! The RSU as the author of messages: its own track lists and events as RSM and RSI, for platforms that know nothing
//! else.
//!
//! A track list becomes a road-side safety message (RSM) of all participants, an event a road-side information (RSI)
//! with one traffic event. What the messages cannot say is lost: covariances, lanes, evidence.

use std::collections::BTreeMap;

use rsu_proto::v1::{self, position_offset::Horizontal};
use rsu_units::Timestamp;

/// Where a platform's RSM and RSI of the RSU's own knowledge come from. Taking both would tell everything twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Own {
    /// Track lists and events: all participants, also when nothing is sent on the air, and kept while the link is down.
    #[default]
    Items,
    /// What the RSU says on the air (`[pc5.send]`): participants that have no radio, running events again and again.
    Sent,
}

/// Who writes, and what readers need to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Author {
    /// The RSU's identity in its messages.
    pub id: [u8; 8],
    /// Reference of all positions.
    pub reference: v1::GeoPosition,
    /// What the sensors are, by their names in track lists. Sensors that are not named are of unknown kind.
    pub sensors: BTreeMap<String, v1::ParticipantSource>,
}

/// Two-dimensional Gaussian: 95 % lie within this many standard deviations.
const SD_TO_95_PERCENT: f64 = 2.448;
/// Bounds of the standard: metres, metres per second.
const MAX_WIDTH_M: f64 = 10.23;
const MAX_LENGTH_M: f64 = 40.95;
const MAX_SPEED_MPS: f64 = 163.8;
const MAX_ACCURACY_M: f64 = 500.0;
/// From here on a heading is rounded up to the full circle, which is north again.
const NORTH_AGAIN_DEG: f64 = 359.993_75;
/// How far around its position an event is told to reach, metres.
const EVENT_RADIUS_M: f64 = 5.0;

impl Author {
    /// Somebody of whom nothing is known.
    #[must_use]
    pub fn nobody() -> Self {
        Self { id: [0; 8], reference: v1::GeoPosition::default(), sensors: BTreeMap::new() }
    }

    /// The participants of a track list, in its order. There may be more than a frame can hold, or none.
    #[must_use]
    pub fn participants(&self, list: &v1::TrackList) -> v1::RoadsideSafetyMessage {
        let at = Timestamp::from_micros(list.state_at_us);
        v1::RoadsideSafetyMessage {
            id: self.id.to_vec().into(),
            reference: Some(self.reference.clone()),
            participants: list.tracks.iter().map(|track| self.participant(track, at)).collect(),
            ..v1::RoadsideSafetyMessage::default()
        }
    }

    fn participant(&self, track: &v1::Track, at: Timestamp) -> v1::Participant {
        use v1::ParticipantClass as Class;
        let r#type = match track.class() {
            Class::Unknown => v1::ParticipantType::Unknown,
            Class::Car | Class::Truck | Class::Bus | Class::Motorcycle => v1::ParticipantType::Motor,
            Class::Bicycle => v1::ParticipantType::NonMotor,
            Class::Pedestrian => v1::ParticipantType::Pedestrian,
        };
        v1::Participant {
            r#type: r#type.into(),
            // 0 is the RSU itself.
            ptc_id: (track.id % 65535) as u32 + 1,
            source: self.source(&track.sources).into(),
            id: track.v2x_id.clone().filter(|id| id.len() == 8),
            sec_mark_ms: Some(u32::from(at.dsecond_ms())),
            position: Some(absolute(track.latitude_deg, track.longitude_deg)),
            position_confidence: Some(v1::PositionConfidence {
                horizontal_m: accuracy_m(&track.covariance),
                ..v1::PositionConfidence::default()
            }),
            speed_mps: Some(track.speed_mps).filter(|speed_mps| (0.0..=MAX_SPEED_MPS).contains(speed_mps)),
            heading_deg: track.heading_deg.map(|deg| if deg >= NORTH_AGAIN_DEG { 0.0 } else { deg }),
            size: Some(v1::VehicleSize {
                width_m: track.width_m.clamp(0.0, MAX_WIDTH_M),
                length_m: track.length_m.clamp(0.0, MAX_LENGTH_M),
                height_m: None,
            }),
            ..v1::Participant::default()
        }
    }

    fn source(&self, names: &[String]) -> v1::ParticipantSource {
        match names {
            [] => v1::ParticipantSource::Unknown,
            [name] if name == "v2x" => v1::ParticipantSource::V2x,
            [name] => self.sensors.get(name).copied().unwrap_or(v1::ParticipantSource::Unknown),
            _ => v1::ParticipantSource::Integrated,
        }
    }

    /// An event; `None` for kinds that have no number. An event that is over says so by the end of its time.
    #[must_use]
    pub fn event(&self, event: &v1::TrafficEvent) -> Option<v1::RoadSideInformation> {
        if event.event_code == 0 {
            return None;
        }
        let minute = |micros| Timestamp::from_micros(micros).minute_of_year();
        let over = event.stage() == v1::EventStage::End;
        let time = v1::InformationTime {
            start_minute_of_year: minute(event.began_at_us),
            end_minute_of_year: if over { minute(event.state_at_us) } else { None },
            ..v1::InformationTime::default()
        };
        let told = v1::RoadTrafficEvent {
            // A standard event has one octet for its identity; who needs more finds the native profile.
            rte_id: (event.event_id % 256) as u32,
            event_type: event.event_code,
            source: v1::EventSource::Detection.into(),
            position: Some(absolute(event.latitude_deg, event.longitude_deg)),
            radius_m: Some(EVENT_RADIUS_M),
            time: Some(time),
            confidence_percent: Some((event.confidence * 100.0).clamp(0.0, 100.0)),
            ..v1::RoadTrafficEvent::default()
        };
        Some(v1::RoadSideInformation {
            minute_of_year: minute(event.state_at_us),
            id: self.id.to_vec().into(),
            reference: Some(self.reference.clone()),
            events: vec![told],
            ..v1::RoadSideInformation::default()
        })
    }
}

/// An absolute position: right at any distance, which an offset is not.
fn absolute(latitude_deg: f64, longitude_deg: f64) -> v1::PositionOffset {
    let position = v1::LatLon { latitude_deg: Some(latitude_deg), longitude_deg: Some(longitude_deg) };
    v1::PositionOffset { horizontal: Some(Horizontal::Absolute(position)), ..v1::PositionOffset::default() }
}

/// 95 % accuracy, metres, from the covariance of (x, y, velocity x, velocity y), upper triangle by rows.
fn accuracy_m(covariance: &[f64]) -> Option<f64> {
    let (xx, yy) = (covariance.first()?, covariance.get(4)?);
    let accuracy_m = xx.max(*yy).max(0.0).sqrt() * SD_TO_95_PERCENT;
    (accuracy_m <= MAX_ACCURACY_M).then_some(accuracy_m)
}
