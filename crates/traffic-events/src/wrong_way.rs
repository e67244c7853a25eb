//! Wrong-way driving (904): a motor vehicle drives against the direction of its lane.
//!
//! Lanes of opposite directions lie side by side and positions are noisy, so a vehicle counts only if no lane that agrees
//! with its direction is within reach of its position's uncertainty. Inside of a junction there is no direction to go
//! against.

use std::time::Duration;

use fusion::Track;
use rsu_units::angle::wrap_rad;
use site_map::LaneKind;

use crate::{Detector, EventKind, Hysteresis, Scene};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WrongWayConfig {
    /// Slower than this a direction is not trusted, metres per second.
    pub min_speed_mps: f64,
    /// The direction is wrong when it is off the lane's by more than this, radians.
    pub min_angle_rad: f64,
    /// A lane in the right direction must be farther away than this, metres, beside the uncertainty of the position.
    pub lane_margin_m: f64,
    /// Driving wrong so long is an event.
    pub min_duration: Duration,
}

impl Default for WrongWayConfig {
    fn default() -> Self {
        Self {
            min_speed_mps: 2.0,
            min_angle_rad: 135_f64.to_radians(),
            lane_margin_m: 0.5,
            min_duration: Duration::from_millis(800),
        }
    }
}

#[derive(Debug)]
pub(crate) struct WrongWay {
    config: WrongWayConfig,
}

impl WrongWay {
    pub(crate) fn new(config: WrongWayConfig) -> Self {
        Self { config }
    }
}

impl Detector for WrongWay {
    fn kind(&self) -> EventKind {
        EventKind::WrongWayDriving
    }

    fn hysteresis(&self) -> Hysteresis {
        Hysteresis {
            start_after: self.config.min_duration,
            end_after: Duration::from_secs(2),
            lost_after: Duration::from_secs(2),
            update_every: Duration::from_millis(500),
        }
    }

    fn condition(&self, scene: &Scene<'_>, track: &Track) -> Option<f64> {
        let (class, probability) = track.class.best();
        if !class.is_motor_vehicle() || track.speed_mps() < self.config.min_speed_mps {
            return None;
        }
        if scene.map.in_junction(track.position_m) {
            return None;
        }
        let direction_rad = track.velocity_mps.angle_rad();
        let off = |lane_rad: f64| wrap_rad(direction_rad - lane_rad).abs();
        let on_wrong_lane = scene
            .map
            .lanes_at(LaneKind::Vehicle, track.position_m, 0.0)
            .any(|place| off(place.direction_rad) > self.config.min_angle_rad);
        if !on_wrong_lane {
            return None;
        }
        let [xx, _, _, _, yy, ..] = track.covariance;
        let reach_m = self.config.lane_margin_m + (xx.max(yy)).sqrt();
        let right_lane_near = scene
            .map
            .lanes_at(LaneKind::Vehicle, track.position_m, reach_m)
            .any(|place| off(place.direction_rad) <= self.config.min_angle_rad);
        (!right_lane_near).then_some(track.existence * probability.max(0.5))
    }
}
