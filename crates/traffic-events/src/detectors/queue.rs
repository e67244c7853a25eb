//! Queue (707): motor vehicles stand or creep one behind the other on a lane.
//!
//! A queue is a chain of slow vehicles with gaps that are not longer than a vehicle that was missed. It needs three of
//! them, as in the manuals (HCM: vehicles slower than 5 km/h and close to the next). Its length is from the front of the
//! first to the rear of the last one. There is one event per lane, for turning lanes fill without those beside them; the
//! queue of an approach is the longest of its lanes.

use site_map::Lane;

use crate::Timing;
use crate::chain::{Chain, Link, longest_chain};
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Members, Strength, Subject};
use crate::scene::{Scene, Seen};

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

/// A track that exists less likely is a phantom.
const MIN_EXISTENCE: f64 = 0.4;

/// The average lags behind a vehicle that stops; the speed itself jumps.
fn standing_speed_mps(seen: &Seen<'_>) -> f64 {
    seen.memory.speed_mps.min(seen.facts.speed_mps)
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
        let long =
            |chain: &Chain| chain.members.len() >= config.min_vehicles && chain.length_m() >= config.min_length_m;
        let links = || {
            entries.iter().rev().filter_map(|entry| {
                let seen = scene.seen.get(entry.index).filter(|seen| seen.facts.track.existence >= MIN_EXISTENCE)?;
                Some(Link {
                    index: entry.index,
                    along_m: entry.along_m,
                    half_m: seen.facts.half_length_m(),
                    speed_mps: standing_speed_mps(seen),
                })
            })
        };
        let full = longest_chain(links(), config.max_speed_mps, config.max_gap_m).filter(long);
        let weak = || longest_chain(links(), config.end_speed_mps, config.max_gap_m).filter(long);
        let (strength, chain) =
            full.map(|chain| (Strength::Full, chain)).or_else(|| weak().map(|chain| (Strength::Weak, chain)))?;
        let members = || chain.members.iter().filter_map(|index| scene.seen.get(*index));
        let vehicles = chain.members.len() as f64;
        let existence = members().map(|seen| seen.facts.track.existence).sum::<f64>() / vehicles.max(1.0);
        let last = members().next_back()?;
        Some(Finding {
            subject: Subject::Lane(number),
            strength,
            confidence: existence.min(1.0),
            members: Members::new(members().map(Seen::id)),
            place: Some((last.position_m(), Some(lane.id.as_str()))),
            measures: [
                Some(Measure::new(Quantity::QueueLength, chain.length_m(), config.min_length_m)),
                Some(Measure::new(Quantity::QueueVehicles, vehicles, config.min_vehicles as f64)),
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
