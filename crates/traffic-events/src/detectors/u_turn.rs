//! Illegal U-turn: a motor vehicle turned round where no U-turn is allowed.
//!
//! The lane that the vehicle came from says what is allowed: a connection that is a U-turn. A vehicle turned round when
//! it now travels against the direction of that lane and is no more on it: inside of the junction, or along another lane
//! in that lane's own direction. So neither reversing nor wrong-way driving is a U-turn.

use std::time::Duration;

use rsu_units::angle::wrap_rad;
use site_map::Turn;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Strength};
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UTurnConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; having turned round for `start_after` is an event.
    pub timing: Timing,
    /// A change of heading by more than this is a U-turn, radians.
    pub min_angle_rad: f64,
    /// Slower than this a direction is not trusted, metres per second.
    pub min_speed_mps: f64,
    /// It takes no longer than this from one lane to the other.
    pub max_duration: Duration,
    /// A U-turn is held against a vehicle for so long after it is on its new lane.
    pub memory: Duration,
    /// Turning round outside of a junction, from a lane that the map knows no ways on from, is illegal too.
    pub outside_junction: bool,
}

impl Default for UTurnConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing { min_share: 0.8, ..Timing::new(700, 1000, 2000) },
            min_angle_rad: 150_f64.to_radians(),
            min_speed_mps: 1.5,
            max_duration: Duration::from_secs(20),
            memory: Duration::from_secs(2),
            outside_junction: true,
        }
    }
}

#[derive(Debug)]
pub(crate) struct UTurn {
    config: UTurnConfig,
}

impl UTurn {
    pub(crate) fn new(config: UTurnConfig) -> Self {
        Self { config }
    }

    /// The change of heading, when it is a U-turn that is not allowed.
    fn turned_rad(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Option<f64> {
        let config = &self.config;
        let (facts, memory) = (&seen.facts, seen.memory);
        if !seen.is_motor() || facts.speed_mps < config.min_speed_mps {
            return None;
        }
        let direction_rad = facts.direction_rad?;
        let off = |lane_rad: f64| wrap_rad(direction_rad - lane_rad);
        // The lane it came from: the last one that counts, or the one before when it already drives along the next.
        let from = [memory.lane.as_ref(), memory.before.as_ref()].into_iter().flatten().find(|held| {
            scene.at.duration_since(held.until) <= config.max_duration
                && off(held.direction_rad).abs() > config.min_angle_rad
        })?;
        let along_another = match facts.lane {
            Some(place) if place.lane.id == from.id => false,
            Some(place) => off(place.direction_rad).abs() < 0.6,
            None => facts.in_junction,
        };
        let arrived = memory.lane.as_ref().filter(|held| held.id != from.id);
        if arrived.is_some_and(|held| scene.at.duration_since(held.since) > config.memory) {
            return None;
        }
        let lane = scene.map.lane(&from.id)?;
        let between = if arrived.is_some() { memory.through_junction } else { memory.been_in_junction };
        let through = facts.in_junction || between;
        let illegal = if through {
            !lane.connections.is_empty() && lane.connections.iter().all(|connection| connection.turn != Turn::UTurn)
        } else {
            config.outside_junction
        };
        (along_another && illegal).then(|| off(from.direction_rad))
    }
}

impl Detector for UTurn {
    fn kind(&self) -> EventKind {
        EventKind::IllegalUTurn
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        for seen in &scene.seen {
            let Some(turned_rad) = self.turned_rad(scene, seen) else { continue };
            let confidence = seen.facts.track.existence * seen.memory.group_probability();
            let measure = Measure::new(Quantity::HeadingChange, turned_rad, self.config.min_angle_rad);
            found.push(Finding::one(seen, Strength::Full, confidence, measure));
        }
    }
}
