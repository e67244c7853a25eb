//! Stopped vehicle (903): a motor vehicle stands on a vehicle lane where traffic should flow.
//!
//! Waiting at a stop line is not an event, and neither is waiting behind somebody who waits there. So a vehicle counts
//! if it stands on a lane, outside of the zone before a stop line, and nobody stands right before it on the same lane.
//! Who stands first, far from any stop line, is the obstacle; those behind it are its queue.

use std::time::Duration;

use fusion::Track;
use site_map::LaneKind;

use crate::{Detector, EventKind, Hysteresis, Scene};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StoppedConfig {
    /// Slower than this is standing, metres per second.
    pub max_speed_mps: f64,
    /// Standing so long is an event.
    pub min_duration: Duration,
    /// Within this distance of a stop line vehicles may wait, metres.
    pub stop_line_zone_m: f64,
    /// Who stands within this distance behind a standing vehicle, bumper to bumper, waits for it, metres.
    pub queue_gap_m: f64,
}

impl Default for StoppedConfig {
    fn default() -> Self {
        Self { max_speed_mps: 0.6, min_duration: Duration::from_secs(5), stop_line_zone_m: 40.0, queue_gap_m: 12.0 }
    }
}

#[derive(Debug)]
pub(crate) struct Stopped {
    config: StoppedConfig,
}

impl Stopped {
    pub(crate) fn new(config: StoppedConfig) -> Self {
        Self { config }
    }
}

impl Detector for Stopped {
    fn kind(&self) -> EventKind {
        EventKind::StoppedVehicle
    }

    fn hysteresis(&self) -> Hysteresis {
        Hysteresis {
            start_after: self.config.min_duration,
            end_after: Duration::from_millis(1500),
            lost_after: Duration::from_secs(3),
            update_every: Duration::from_secs(1),
        }
    }

    fn condition(&self, scene: &Scene<'_>, track: &Track) -> Option<f64> {
        let (class, probability) = track.class.best();
        if !class.is_motor_vehicle() || track.speed_mps() > self.config.max_speed_mps {
            return None;
        }
        let place = scene
            .map
            .lanes_at(LaneKind::Vehicle, track.position_m, 0.0)
            .min_by(|a, b| a.left_m.abs().total_cmp(&b.left_m.abs()))?;
        if place.lane.stop_line && place.to_end_m < self.config.stop_line_zone_m {
            return None;
        }
        let half_length_m = track.extent_m.0 / 2.0;
        let reach_m = self.config.queue_gap_m + 25.0;
        let waits = scene.tracks.iter().any(|other| {
            let near = (other.position_m - track.position_m).norm_squared() < reach_m * reach_m;
            if other.id == track.id || !near || other.speed_mps() >= self.config.max_speed_mps * 2.0 {
                return false;
            }
            let ahead = scene
                .map
                .lanes_at(LaneKind::Vehicle, other.position_m, 0.0)
                .find(|other_place| other_place.lane.id == place.lane.id)
                .map(|other_place| other_place.along_m - place.along_m);
            other.class.best().0.is_motor_vehicle()
                && ahead.is_some_and(|ahead_m| {
                    ahead_m > 0.0 && ahead_m - half_length_m - other.extent_m.0 / 2.0 < self.config.queue_gap_m
                })
        });
        (!waits).then_some(track.existence * probability.max(0.5))
    }
}
