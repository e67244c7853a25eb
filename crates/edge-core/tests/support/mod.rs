//! The simulated intersection as inputs of the core.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc, missing_docs, unreachable_pub, reason = "a test may stop")]
#![allow(dead_code, reason = "each test and bench uses its part")]

use std::sync::Arc;
use std::time::Duration;

use edge_core::{CoreConfig, Input, Periods, SensorSetup, intake};
use fusion::{Class, SensorKind, SensorModel};
use rsu_proto::{Message as _, v1};
use rsu_units::Timestamp;
use site_map::{SiteFrame, SiteMap};
use traffic_events::{EventsConfig, LaneStatisticsConfig};
use traffic_sim::{Channel, SimConfig, Simulation, SpecKind, layout};
use v2x_codec::{Message, Profile, dsmp};

/// A Sunday morning.
pub const START: Timestamp = Timestamp::from_micros(1_795_328_100_000_000);

pub fn config() -> CoreConfig {
    let frame = SiteFrame::new(layout::REFERENCE_DEG.0, layout::REFERENCE_DEG.1).unwrap();
    CoreConfig {
        rsu_id: "test".into(),
        boot_id: START.as_micros(),
        map: Arc::new(SiteMap::from_map_message(frame, &layout::map_message()).unwrap()),
        junction: layout::map_message().nodes.first().and_then(|node| node.id),
        sensors: sensors(),
        events: EventsConfig::default(),
        lane_statistics: LaneStatisticsConfig { interval: Duration::from_secs(10), ..LaneStatisticsConfig::default() },
        periods: Periods::default(),
        reorder_window: Duration::from_millis(500),
        max_clock_lead: Duration::from_millis(100),
        v2x_range_m: 500.0,
        max_participants: 2000,
        broadcast: edge_core::BroadcastPlan::default(),
        poles: edge_core::poles::PolesConfig::default(),
    }
}

fn sensors() -> Vec<SensorSetup> {
    let setup = |spec: traffic_sim::SensorSpec| SensorSetup {
        id: spec.id.into(),
        model: SensorModel::new(
            match spec.kind {
                SpecKind::Camera => SensorKind::Camera,
                SpecKind::Radar => SensorKind::Radar,
                SpecKind::Lidar => SensorKind::Lidar,
            },
            spec.position_m,
            spec.direction_rad,
            spec.field_of_view_rad,
            spec.range_m,
        ),
        range_sd_m: spec.range_sd_m,
        azimuth_sd_rad: spec.azimuth_sd_rad,
        velocity_sd_mps: spec.speed_sd_mps,
        radial_speed_sd_mps: spec.speed_sd_mps,
        latency: Duration::from_secs_f64(spec.latency_s.0),
        ignore_sensor_clock: !spec.has_clock,
        classes: spec
            .labels()
            .iter()
            .map(|(label, class)| ((*label).to_owned(), Class::from_name(class).unwrap()))
            .collect(),
    };
    traffic_sim::sensors().into_iter().map(setup).collect()
}

/// What the adapters would hand to the core in so many seconds.
pub fn recording(seed: u64, seconds: f64) -> Vec<(Timestamp, Input)> {
    record(SimConfig { seed, ..SimConfig::busy(START) }, seconds)
}

pub fn record(sim: SimConfig, seconds: f64) -> Vec<(Timestamp, Input)> {
    let config = config();
    let mut simulation = Simulation::new(sim);
    let end = START + Duration::from_secs_f64(seconds);
    let mut inputs = Vec::new();
    loop {
        let emission = simulation.next_emission();
        if emission.at > end {
            return inputs;
        }
        // A little later than it was sent.
        let at = emission.at + Duration::from_micros(150);
        inputs.push((at, input(&config, &emission, at)));
    }
}

fn input(config: &CoreConfig, emission: &traffic_sim::Emission, arrived_at: Timestamp) -> Input {
    match emission.channel {
        Channel::Sensor => {
            let frame = v1::DetectionFrame::decode(emission.datagram.as_slice()).unwrap();
            let taken = intake::detections(&config.sensors, config.map.frame(), &frame, arrived_at).unwrap();
            Input::Detections { frame: taken.frame, arrived_at }
        }
        Channel::Pc5 => {
            let frame = dsmp::Frame::parse(&emission.datagram).unwrap();
            let message = Message::from_uper(Profile::Y2020, frame.payload).unwrap();
            let message = v1::V2xMessage {
                received_at_us: arrived_at.as_micros(),
                octets: frame.payload.to_vec().into(),
                content: Some(message.to_content()),
                ..v1::V2xMessage::default()
            };
            Input::V2x { message: Box::new(message), arrived_at }
        }
        Channel::Peer => {
            let message = v1::V2xMessage::decode(emission.datagram.as_slice()).unwrap();
            Input::V2x { message: Box::new(message), arrived_at }
        }
    }
}
