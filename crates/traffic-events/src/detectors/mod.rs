//! The detectors, one kind of event per file, and the list of them all. A new one is a file and a line in [`all`].

mod approach;
mod collision;
mod emergency;
mod lane_use;
mod large;
mod obstacle;
mod pedestrian;
mod queue;
mod red_light;
mod slow;
mod speeding;
mod stopped;
mod u_turn;
mod wrong_way;

pub use collision::CollisionConfig;
pub use emergency::EmergencyConfig;
pub use lane_use::LaneUseConfig;
pub use large::LargeVehicleConfig;
pub use obstacle::ObstacleConfig;
pub use pedestrian::PedestrianConfig;
pub use queue::QueueConfig;
pub use red_light::RedLightConfig;
pub use slow::SlowConfig;
pub use speeding::SpeedingConfig;
pub use stopped::StoppedConfig;
pub use u_turn::UTurnConfig;
pub use wrong_way::WrongWayConfig;

use crate::config::EventsConfig;
use crate::detector::Detector;

/// The detectors that are switched on.
pub(crate) fn all(config: &EventsConfig) -> Vec<Box<dyn Detector>> {
    let list: [(bool, Box<dyn Detector>); 13] = [
        (config.stopped_vehicle.enabled, Box::new(stopped::Stopped::new(config.stopped_vehicle))),
        (config.wrong_way.enabled, Box::new(wrong_way::WrongWay::new(config.wrong_way))),
        (config.pedestrian.enabled, Box::new(pedestrian::PedestrianOnCarriageway::new(config.pedestrian))),
        (config.speeding.enabled, Box::new(speeding::Speeding::new(config.speeding))),
        (config.slow_vehicle.enabled, Box::new(slow::SlowVehicle::new(config.slow_vehicle))),
        (config.queue.enabled, Box::new(queue::Queue::new(config.queue))),
        (config.red_light.enabled, Box::new(red_light::RedLight::new(config.red_light))),
        (config.obstacle.enabled, Box::new(obstacle::Obstacle::new(config.obstacle))),
        (config.emergency_vehicle.enabled, Box::new(emergency::Emergency::new(config.emergency_vehicle))),
        (config.large_vehicle.enabled, Box::new(large::LargeVehicle::new(config.large_vehicle))),
        (config.collision_risk.enabled, Box::new(collision::CollisionRisk::new(config.collision_risk))),
        (config.u_turn.enabled, Box::new(u_turn::UTurn::new(config.u_turn))),
        (config.lane_use.enabled, Box::new(lane_use::LaneUse::new(config.lane_use))),
    ];
    list.into_iter().filter(|(enabled, _)| *enabled).map(|(_, detector)| detector).collect()
}
