//! Queue (707): motor vehicles stand or creep one behind the other on a lane.
//!
//! A queue is a chain of slow vehicles with gaps that are not longer than a vehicle that was missed. It needs three of
//! them, as in the manuals (HCM: vehicles slower than 5 km/h and close to the next). Its length is from the front of the
//! first to the rear of the last one. There is one event per lane, for turning lanes fill without those beside them; the
//! queue of an approach is the longest of its lanes.

use site_map::Lane;

use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Members, Strength, Subject};
use crate::scene::{OnLane, Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QueueConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; a queue of `start_after` is an event.
    pub timing: Timing,
    /// So many vehicles are a queue.
    pub min_vehicles: usize,
    /// And it is at least so long, metres.
    pub min_length_m: f64,
    /// Slower than this is queueing, metres per second.
    pub max_speed_mps: f64,
    /// Who is in an event's queue stays in it up to this speed, metres per second.
    pub end_speed_mps: f64,
    /// Greatest gap within a queue, bumper to bumper, metres.
    pub max_gap_m: f64,
    /// Only lanes that lead to a stop line.
    pub approaches_only: bool,
}

impl Default for QueueConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing {
                min_share: 0.5,
                max_gap: std::time::Duration::from_secs(1),
                ..Timing::new(3000, 1500, 3000)
            },
            min_vehicles: 3,
            min_length_m: 0.0,
            max_speed_mps: 5.0 / 3.6,
            end_speed_mps: 7.0 / 3.6,
            max_gap_m: 25.0,
            approaches_only: true,
        }
    }
}

/// A chain of slow vehicles, from the front.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chain {
    /// Position of the first in the lane's list, counted from the lane's end.
    first: usize,
    pub(crate) vehicles: usize,
    /// Front of the first and rear of the last, metres along the lane.
    front_m: f64,
    rear_m: f64,
}

impl Chain {
    pub(crate) fn length_m(&self) -> f64 {
        (self.front_m - self.rear_m).max(0.0)
    }
}

/// The average lags behind a vehicle that stops; the speed itself jumps.
fn standing_speed_mps(seen: &Seen<'_>) -> f64 {
    seen.memory.speed_mps.min(seen.facts.speed_mps)
}

/// The longest chain of vehicles slower than a speed on a lane; `entries` are the vehicles of one lane.
pub(crate) fn longest_chain(
    scene: &Scene<'_>,
    entries: &[OnLane<'_>],
    max_speed_mps: f64,
    max_gap_m: f64,
) -> Option<Chain> {
    let mut best: Option<Chain> = None;
    let mut chain: Option<Chain> = None;
    for (number, entry) in entries.iter().rev().enumerate() {
        let Some(seen) = scene.seen.get(entry.index) else { continue };
        // Moving against the lane, or a phantom: not part of its queue.
        if standing_speed_mps(seen) > max_speed_mps || seen.facts.track.existence < 0.4 {
            continue;
        }
        let half_m = seen.facts.half_length_m();
        let (front_m, rear_m) = (entry.along_m + half_m, entry.along_m - half_m);
        match &mut chain {
            // Two tracks at one place are one vehicle.
            Some(chain) if chain.rear_m - front_m < -0.5 * half_m => {}
            Some(chain) if chain.rear_m - front_m <= max_gap_m => {
                chain.vehicles += 1;
                chain.rear_m = rear_m;
            }
            chain => *chain = Some(Chain { first: number, vehicles: 1, front_m, rear_m }),
        }
        if let Some(chain) = chain.filter(|chain| best.is_none_or(|best| chain.vehicles > best.vehicles)) {
            best = Some(chain);
        }
    }
    best
}

#[derive(Debug)]
pub(crate) struct Queue {
    config: QueueConfig,
}

impl Queue {
    pub(crate) fn new(config: QueueConfig) -> Self {
        Self { config }
    }

    fn finding<'a>(&self, scene: &Scene<'a>, number: usize, lane: &'a Lane) -> Option<Finding<'a>> {
        let config = &self.config;
        let entries = scene.on_lane(&lane.id);
        let long = |chain: &Chain| chain.vehicles >= config.min_vehicles && chain.length_m() >= config.min_length_m;
        let full = longest_chain(scene, entries, config.max_speed_mps, config.max_gap_m).filter(long);
        let weak = || longest_chain(scene, entries, config.end_speed_mps, config.max_gap_m).filter(long);
        let (strength, chain) =
            full.map(|chain| (Strength::Full, chain)).or_else(|| weak().map(|chain| (Strength::Weak, chain)))?;
        let members = || {
            let slow = entries.iter().rev().skip(chain.first).filter_map(|entry| scene.seen.get(entry.index));
            slow.filter(|seen| standing_speed_mps(seen) <= config.end_speed_mps).take(chain.vehicles)
        };
        let existence = members().map(|seen| seen.facts.track.existence).sum::<f64>() / chain.vehicles.max(1) as f64;
        let last = members().last()?;
        Some(Finding {
            subject: Subject::Lane(number),
            strength,
            confidence: existence.min(1.0),
            members: Members::new(members().map(Seen::id)),
            place: Some((last.position_m(), lane.id.as_str())),
            measures: [
                Some(Measure::new(Quantity::QueueLength, chain.length_m(), config.min_length_m)),
                Some(Measure::new(Quantity::QueueVehicles, chain.vehicles as f64, config.min_vehicles as f64)),
            ],
        })
    }
}

impl Detector for Queue {
    fn kind(&self) -> EventKind {
        EventKind::Queue
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        // Few lanes hold as many vehicles as it takes; only those are looked at closer.
        let busy = scene.occupied_lanes().any(|entries| entries.len() >= self.config.min_vehicles);
        if !busy {
            return;
        }
        for (number, lane) in scene.map.lanes().enumerate() {
            let wanted = lane.kind == site_map::LaneKind::Vehicle && (lane.stop_line || !self.config.approaches_only);
            if wanted && scene.on_lane(&lane.id).len() >= self.config.min_vehicles {
                found.extend(self.finding(scene, number, lane));
            }
        }
    }
}
