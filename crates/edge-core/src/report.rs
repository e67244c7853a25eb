//! What the core knows, as messages of the contract with the cloud.

use fusion::{Class, Registration, SensorId, Track};
use rsu_proto::v1;
use rsu_units::{Vector2, angle};
use site_map::SiteMap;
use traffic_events::{EventChange, EventKind, Evidence, LaneInterval, Measure, Quantity, Stage};

use crate::{Priority, SensorSetup};

/// A step in the life of an event.
pub(crate) fn event(change: &EventChange, map: &SiteMap, header: v1::Header) -> v1::TrafficEvent {
    let (stage, end_reason) = match change.stage {
        Stage::Start => (v1::EventStage::Start, v1::EndReason::Unspecified),
        Stage::Update => (v1::EventStage::Update, v1::EndReason::Unspecified),
        Stage::Cleared => (v1::EventStage::End, v1::EndReason::Cleared),
        Stage::Lost => (v1::EventStage::End, v1::EndReason::Lost),
    };
    let (latitude_deg, longitude_deg) = map.frame().to_wgs84(change.position_m);
    v1::TrafficEvent {
        header: Some(header),
        event_id: change.id.0,
        kind: kind(change.kind).into(),
        event_code: change.kind.code(),
        stage: stage.into(),
        began_at_us: change.began_at.as_micros(),
        state_at_us: change.at.as_micros(),
        latitude_deg,
        longitude_deg,
        x_m: change.position_m.x,
        y_m: change.position_m.y,
        lane_id: change.lane_id.clone(),
        confidence: change.confidence,
        participants: change.participants.iter().map(|track| participant(track, map)).collect(),
        end_reason: end_reason.into(),
        evidence: Some(evidence(&change.evidence)),
        radius_m: change.zone.as_ref().map(|zone| zone.radius_m),
        pole_id: change.zone.as_ref().map_or_else(String::new, |zone| zone.station.clone()),
    }
}

/// The stream and the priority of an event's steps: all of one event have the same, so their order is kept.
pub(crate) fn stream(kind: EventKind) -> (&'static str, Priority) {
    match kind {
        EventKind::WrongWayDriving | EventKind::PedestrianOnCarriageway | EventKind::CollisionRisk => {
            ("emergency", Priority::Emergency)
        }
        _ => ("events", Priority::Event),
    }
}

pub(crate) fn kind(kind: EventKind) -> v1::EventKind {
    match kind {
        EventKind::StoppedVehicle => v1::EventKind::StoppedVehicle,
        EventKind::WrongWayDriving => v1::EventKind::WrongWayDriving,
        EventKind::PedestrianOnCarriageway => v1::EventKind::PedestrianOnCarriageway,
        EventKind::Speeding => v1::EventKind::Speeding,
        EventKind::SlowVehicle => v1::EventKind::SlowVehicle,
        EventKind::Queue => v1::EventKind::Queue,
        EventKind::RedLightRunning => v1::EventKind::RedLightRunning,
        EventKind::Obstacle => v1::EventKind::Obstacle,
        EventKind::EmergencyVehicle => v1::EventKind::EmergencyVehicle,
        EventKind::LargeVehicle => v1::EventKind::LargeVehicle,
        EventKind::CollisionRisk => v1::EventKind::CollisionRisk,
        EventKind::IllegalUTurn => v1::EventKind::IllegalUTurn,
        EventKind::IllegalLaneUse => v1::EventKind::IllegalLaneUse,
        EventKind::Ice => v1::EventKind::Ice,
        EventKind::Fog => v1::EventKind::Fog,
        EventKind::StandingWater => v1::EventKind::StandingWater,
        EventKind::SlipperyRoad => v1::EventKind::SlipperyRoad,
        EventKind::HeavyRain => v1::EventKind::HeavyRain,
        EventKind::StrongWind => v1::EventKind::StrongWind,
    }
}

/// The stream and the priority of a pole's alarms. Who calls for help waits for nobody.
pub(crate) fn alarm_stream(kind: v1::PoleAlarmKind) -> (&'static str, Priority) {
    match kind {
        v1::PoleAlarmKind::EmergencyCall => ("pole-emergency", Priority::Emergency),
        _ => ("pole-alarms", Priority::Event),
    }
}

fn participant(track: &Track, map: &SiteMap) -> v1::EventParticipant {
    let (latitude_deg, longitude_deg) = map.frame().to_wgs84(track.position_m);
    v1::EventParticipant {
        track_id: track.id.0,
        class: class(track.class.best().0).into(),
        speed_mps: track.speed_mps(),
        heading_deg: track.heading_rad.map(angle::heading_deg_from_rad),
        v2x_id: track.v2x_id.map(|id| id.0.to_vec().into()),
        x_m: track.position_m.x,
        y_m: track.position_m.y,
        latitude_deg,
        longitude_deg,
    }
}

fn evidence(evidence: &Evidence) -> v1::EventEvidence {
    let tracks = evidence.tracks.iter().map(|track| v1::EventTrack {
        track_id: track.track_id.0,
        from_us: track.from.as_micros(),
        to_us: track.to.as_micros(),
    });
    v1::EventEvidence {
        tracks: tracks.collect(),
        looks: evidence.looks,
        looks_held: evidence.looks_held,
        measures: evidence.measures.iter().map(measure).collect(),
    }
}

/// Angles are degrees towards the cloud.
fn measure(measure: &Measure) -> v1::EventMeasure {
    let (quantity, unit) = match measure.quantity {
        Quantity::Speed => (v1::EventQuantity::SpeedMps, 1.0),
        Quantity::StandingTime => (v1::EventQuantity::StandingTimeS, 1.0),
        Quantity::AngleOff => (v1::EventQuantity::AngleOffDeg, 1_f64.to_degrees()),
        Quantity::Depth => (v1::EventQuantity::DepthM, 1.0),
        Quantity::QueueLength => (v1::EventQuantity::QueueLengthM, 1.0),
        Quantity::QueueVehicles => (v1::EventQuantity::QueueVehicles, 1.0),
        Quantity::RedTime => (v1::EventQuantity::RedTimeS, 1.0),
        Quantity::HeadingChange => (v1::EventQuantity::HeadingChangeDeg, 1_f64.to_degrees()),
        Quantity::TimeToCollision => (v1::EventQuantity::TimeToCollisionS, 1.0),
        Quantity::CollisionProbability => (v1::EventQuantity::CollisionProbability, 1.0),
        Quantity::Length => (v1::EventQuantity::LengthM, 1.0),
        Quantity::Distance => (v1::EventQuantity::DistanceM, 1.0),
        Quantity::RoadTemperature => (v1::EventQuantity::RoadTemperatureC, 1.0),
        Quantity::AirTemperature => (v1::EventQuantity::AirTemperatureC, 1.0),
        Quantity::Humidity => (v1::EventQuantity::Humidity, 1.0),
        Quantity::Visibility => (v1::EventQuantity::VisibilityM, 1.0),
        Quantity::Rain => (v1::EventQuantity::RainMmPerH, 1.0),
        Quantity::WindSpeed => (v1::EventQuantity::WindSpeedMps, 1.0),
        Quantity::WaterFilm => (v1::EventQuantity::WaterFilmMm, 1.0),
        Quantity::WaterLevel => (v1::EventQuantity::WaterLevelMm, 1.0),
        Quantity::IceFraction => (v1::EventQuantity::IceFraction, 1.0),
    };
    v1::EventMeasure { quantity: quantity.into(), value: measure.value * unit, limit: measure.limit * unit }
}

/// A participant of the track list.
pub(crate) fn track(track: &Track, map: &SiteMap, sensors: &[SensorSetup]) -> v1::Track {
    let (latitude_deg, longitude_deg) = map.frame().to_wgs84(track.position_m);
    let (best, class_probability) = track.class.best();
    let name = |sensor: SensorId| sensors.get(sensor.index()).map_or("v2x", |setup| setup.id.as_str());
    v1::Track {
        id: track.id.0,
        class: class(best).into(),
        class_probability,
        latitude_deg,
        longitude_deg,
        x_m: track.position_m.x,
        y_m: track.position_m.y,
        velocity_x_mps: track.velocity_mps.x,
        velocity_y_mps: track.velocity_mps.y,
        speed_mps: track.speed_mps(),
        heading_deg: track.heading_rad.map(angle::heading_deg_from_rad),
        length_m: track.extent_m.0,
        width_m: track.extent_m.1,
        covariance: track.covariance.to_vec(),
        existence: track.existence,
        sources: track.source_ids().map(|sensor| name(sensor).to_owned()).collect(),
        v2x_id: track.v2x_id.map(|id| id.0.to_vec().into()),
        first_measured_at_us: track.first_measured_at.as_micros(),
        last_measured_at_us: track.last_measured_at.as_micros(),
        lane_id: map.lane_at(track.position_m).map_or_else(String::new, |place| place.lane.id.clone()),
        acceleration_x_mps2: track.acceleration_mps2.x,
        acceleration_y_mps2: track.acceleration_mps2.y,
        heading_sd_deg: track.heading_sd_rad.map(f64::to_degrees),
        class_probabilities: Class::ALL.into_iter().map(|class| track.class.of(class)).collect(),
    }
}

fn class(class: Class) -> v1::ParticipantClass {
    match class {
        Class::Car => v1::ParticipantClass::Car,
        Class::Truck => v1::ParticipantClass::Truck,
        Class::Bus => v1::ParticipantClass::Bus,
        Class::Motorcycle => v1::ParticipantClass::Motorcycle,
        Class::Bicycle => v1::ParticipantClass::Bicycle,
        Class::Pedestrian => v1::ParticipantClass::Pedestrian,
    }
}

/// How a sensor stands off from its configuration.
pub(crate) fn registration(registration: &Registration) -> v1::SensorRegistration {
    let Vector2 { x: east_m, y: north_m } = registration.offset_m();
    v1::SensorRegistration {
        east_m,
        north_m,
        offset_sd_m: registration.offset_sd_m(),
        yaw_deg: registration.yaw_rad().to_degrees(),
        yaw_sd_deg: registration.yaw_sd_rad().to_degrees(),
        clock_ms: registration.clock_s() * 1000.0,
        clock_sd_ms: registration.clock_sd_s() * 1000.0,
    }
}

/// The records of one interval; `None` when there are none.
pub(crate) fn lane_statistics(intervals: &[LaneInterval], header: v1::Header) -> Option<v1::LaneStatistics> {
    let first = intervals.first()?;
    let lane = |interval: &LaneInterval| {
        let [light_count, heavy_count, cycle_count] = interval.counts;
        let [light_flow_per_h, heavy_flow_per_h, cycle_flow_per_h] = interval.flow_veh_per_h;
        v1::LaneInterval {
            lane_id: interval.lane_id.clone(),
            approach: interval.approach.clone().unwrap_or_default(),
            light_count,
            heavy_count,
            cycle_count,
            light_flow_per_h,
            heavy_flow_per_h,
            cycle_flow_per_h,
            stretch_flow_per_h: interval.stretch_flow_veh_per_h,
            density_per_km: interval.density_veh_per_km,
            occupancy: interval.occupancy,
            mean_speed_mps: interval.mean_speed_mps,
            passing_speed_mps: interval.passing_speed_mps,
            mean_headway_s: interval.mean_headway_s,
            max_queue_m: interval.max_queue_m,
            max_queue_vehicles: interval.max_queue_vehicles,
        }
    };
    Some(v1::LaneStatistics {
        header: Some(header),
        from_us: first.from.as_micros(),
        to_us: first.to.as_micros(),
        coverage: first.coverage,
        lanes: intervals.iter().map(lane).collect(),
    })
}
