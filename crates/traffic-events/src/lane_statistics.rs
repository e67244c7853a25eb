//! Lane statistics: what passed on each lane and how, interval by interval.
//!
//! Tracks see the whole lane, so the quantities are Edie's (1963), over the area of a stretch of lane and an interval,
//! and not those of a loop: flow is the distance travelled by all per metre and second, density the time spent by all per
//! metre and second, and the mean speed is their quotient, the space mean speed. The time occupancy and the headways are
//! taken at a virtual loop some way before the lane's end, where a detector would lie. The queue is the longest chain of
//! slow vehicles, as the queue detector sees it.

use std::collections::BTreeMap;
use std::time::Duration;

use fusion::{Class, Track, TrackId};
use rsu_units::{Timestamp, Vector2};
use site_map::{LaneKind, SiteMap};

use crate::chain::{Link, longest_chain};
use crate::scene::{is_sane, length_m};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LaneStatisticsConfig {
    /// Whether they are made.
    pub enabled: bool,
    /// Length of an interval; intervals begin at multiples of it since the Unix epoch.
    pub interval: Duration,
    /// The virtual loop lies so far before the lane's end, metres; at half of the lane where that is shorter.
    pub loop_to_end_m: f64,
    /// The stretch that counts reaches so far before the lane's end, metres; what sensors do not see must not count.
    pub stretch_m: f64,
    /// Length of the virtual loop, metres: it is occupied while a vehicle covers any part of it.
    pub loop_length_m: f64,
    /// Slower than this is queueing, metres per second.
    pub queue_speed_mps: f64,
    /// Greatest gap within a queue, bumper to bumper, metres.
    pub queue_gap_m: f64,
    /// A track must exist with at least this probability, 0 to 1.
    pub min_existence: f64,
}

impl Default for LaneStatisticsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            interval: Duration::from_secs(60),
            loop_to_end_m: 30.0,
            stretch_m: 100.0,
            loop_length_m: 2.0,
            queue_speed_mps: 5.0 / 3.6,
            queue_gap_m: 25.0,
            min_existence: 0.5,
        }
    }
}

/// Groups by which flow is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TrafficClass {
    /// Cars and vans.
    Light,
    /// Trucks and buses.
    Heavy,
    /// Motorcycles and bicycles.
    Cycle,
}

impl TrafficClass {
    /// All groups; a group is its own index in [`LaneInterval::flow_veh_per_h`].
    pub const ALL: [Self; 3] = [Self::Light, Self::Heavy, Self::Cycle];

    fn of(class: Class) -> Option<Self> {
        match class {
            Class::Car => Some(Self::Light),
            Class::Truck | Class::Bus => Some(Self::Heavy),
            Class::Motorcycle | Class::Bicycle => Some(Self::Cycle),
            Class::Pedestrian => None,
        }
    }
}

/// One lane in one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneInterval {
    /// The lane.
    pub lane_id: String,
    /// Its approach, where it has one.
    pub approach: Option<String>,
    /// Start of the interval.
    pub from: Timestamp,
    /// End of the interval.
    pub to: Timestamp,
    /// Share of the interval that was watched, 0 to 1: the first interval after a start is a part of one.
    pub coverage: f64,
    /// Vehicles that passed the virtual loop, by [`TrafficClass`].
    pub counts: [u32; 3],
    /// Passed vehicles per hour, by [`TrafficClass`].
    pub flow_veh_per_h: [f64; 3],
    /// Flow over the stretch after Edie, all vehicles, vehicles per hour.
    pub stretch_flow_veh_per_h: f64,
    /// Density over the stretch after Edie, vehicles per kilometre.
    pub density_veh_per_km: f64,
    /// Share of the time for which the virtual loop was covered, 0 to 1.
    pub occupancy: f64,
    /// Space mean speed over the stretch, metres per second; none without vehicles.
    pub mean_speed_mps: Option<f64>,
    /// Mean of the speeds at which the virtual loop was passed, metres per second; none without passages.
    pub passing_speed_mps: Option<f64>,
    /// Mean time between the passages of two vehicles, seconds; none with fewer than two.
    pub mean_headway_s: Option<f64>,
    /// Longest queue, metres.
    pub max_queue_m: f64,
    /// Vehicles in the fullest queue.
    pub max_queue_vehicles: u32,
}

#[derive(Debug, Clone, Default)]
struct LaneSums {
    counts: [u32; 3],
    travelled_m: f64,
    spent_s: f64,
    occupied_s: f64,
    passing_speed_sum_mps: f64,
    headway_sum_s: f64,
    headways: u32,
    last_passage: Option<Timestamp>,
    max_queue_m: f64,
    max_queue_vehicles: u32,
}

/// A vehicle on a lane at the last look.
#[derive(Debug, Clone, Copy)]
struct Last {
    lane: usize,
    along_m: f64,
    /// It was counted at this lane's loop.
    counted: bool,
}

/// A vehicle on a lane at this look.
#[derive(Debug, Clone, Copy)]
struct Entry {
    lane: usize,
    along_m: f64,
    half_m: f64,
    speed_mps: f64,
}

/// Collects the statistics of all vehicle and bicycle lanes.
#[derive(Debug)]
pub struct LaneStatistics {
    config: LaneStatisticsConfig,
    lanes: Vec<LaneSums>,
    last: BTreeMap<TrackId, Last>,
    entries: Vec<Entry>,
    watched_s: f64,
    /// Time of the last look.
    at: Option<Timestamp>,
    /// End of the interval that is being collected.
    until: Timestamp,
}

impl LaneStatistics {
    /// Statistics of nothing yet.
    #[must_use]
    pub fn new(config: LaneStatisticsConfig) -> Self {
        Self {
            config,
            lanes: Vec::new(),
            last: BTreeMap::new(),
            entries: Vec::new(),
            watched_s: 0.0,
            at: None,
            until: Timestamp::default(),
        }
    }

    /// Takes in the tracks as they are at `at`; times must not go back, and the map stays the same. When an interval is
    /// over, one record per lane is appended.
    pub fn update(&mut self, at: Timestamp, map: &SiteMap, tracks: &[Track], records: &mut Vec<LaneInterval>) {
        if !self.config.enabled {
            return;
        }
        if self.at.is_none() {
            self.until = at.next_multiple(self.config.interval);
        }
        if at >= self.until {
            self.tell(map, records);
            self.until = at.next_multiple(self.config.interval);
        }
        self.lanes.resize(map.lanes().count(), LaneSums::default());
        // A long pause between looks was not watched.
        let dt_s = self.at.map_or(0.0, |last| at.seconds_since(last)).clamp(0.0, 1.0);
        self.at = Some(at);
        self.watched_s += dt_s;
        self.entries.clear();
        let mut now: BTreeMap<TrackId, Last> = BTreeMap::new();
        let min_existence = self.config.min_existence;
        let mut sane: Vec<&Track> =
            tracks.iter().filter(|track| is_sane(track) && track.existence >= min_existence).collect();
        sane.sort_by_key(|track| track.id);
        for track in sane {
            if let Some(last) = self.follow(at, map, track) {
                now.insert(track.id, last);
            }
        }
        self.last = now;
        self.entries.sort_by(|a, b| {
            a.lane.cmp(&b.lane).then(b.along_m.total_cmp(&a.along_m)).then(a.speed_mps.total_cmp(&b.speed_mps))
        });
        for vehicles in self.entries.chunk_by(|a, b| a.lane == b.lane) {
            let Some(lane) = vehicles.first().and_then(|first| map.lane_by_index(first.lane)) else { continue };
            let length_m = length_m(&lane.points_m);
            let Some(sums) = vehicles.first().and_then(|first| self.lanes.get_mut(first.lane)) else { continue };
            let loop_m = loop_at_m(&self.config, length_m);
            let covers =
                |entry: &Entry| (entry.along_m - loop_m).abs() <= entry.half_m + self.config.loop_length_m / 2.0;
            for entry in vehicles.iter().filter(|entry| length_m - entry.along_m <= self.config.stretch_m) {
                sums.travelled_m += entry.speed_mps * dt_s;
                sums.spent_s += dt_s;
            }
            if vehicles.iter().any(covers) {
                sums.occupied_s += dt_s;
            }
            let links = vehicles.iter().enumerate().map(|(index, entry)| Link {
                index,
                along_m: entry.along_m,
                half_m: entry.half_m,
                speed_mps: entry.speed_mps,
            });
            if let Some(chain) = longest_chain(links, self.config.queue_speed_mps, self.config.queue_gap_m) {
                sums.max_queue_m = sums.max_queue_m.max(chain.length_m());
                sums.max_queue_vehicles = sums.max_queue_vehicles.max(chain.members.len() as u32);
            }
        }
    }

    /// Notes where a vehicle is, and counts it when it passed the loop since the last look.
    fn follow(&mut self, at: Timestamp, map: &SiteMap, track: &Track) -> Option<Last> {
        let class = TrafficClass::of(track.class.best().0)?;
        let kind = if track.class.best().0 == Class::Bicycle { LaneKind::Bicycle } else { LaneKind::Vehicle };
        let place = map.nearest_lane(kind, track.position_m, 0.0)?;
        let along_mps = track.velocity_mps.dot(Vector2::from_angle(place.direction_rad));
        if along_mps < -1.0 {
            return None;
        }
        let lane = map.lane_index(&place.lane.id)?;
        let speed_mps = along_mps.max(0.0);
        self.entries.push(Entry { lane, along_m: place.along_m, half_m: track.extent_m.0 / 2.0, speed_mps });
        let loop_m = loop_at_m(&self.config, place.along_m + place.to_end_m);
        let before = self.last.get(&track.id).filter(|last| last.lane == lane);
        let passed = before.is_some_and(|last| !last.counted && last.along_m < loop_m && place.along_m >= loop_m);
        if passed {
            let sums = self.lanes.get_mut(lane)?;
            if let Some(count) = sums.counts.get_mut(class as usize) {
                *count = count.saturating_add(1);
            }
            sums.passing_speed_sum_mps += speed_mps;
            if let Some(last) = sums.last_passage {
                sums.headway_sum_s += at.seconds_since(last);
                sums.headways += 1;
            }
            sums.last_passage = Some(at);
        }
        // Noise at the loop must not count a vehicle twice.
        let counted = passed || before.is_some_and(|last| last.counted);
        Some(Last { lane, along_m: place.along_m, counted })
    }

    fn tell(&mut self, map: &SiteMap, records: &mut Vec<LaneInterval>) {
        let interval_s = self.config.interval.as_secs_f64().max(1e-3);
        let watched_s = self.watched_s.max(1e-3);
        for (lane, sums) in map.lanes().zip(&mut self.lanes) {
            let last_passage = sums.last_passage;
            let done = std::mem::take(sums);
            // The first headway of the next interval begins in this one.
            sums.last_passage = last_passage;
            if !matches!(lane.kind, LaneKind::Vehicle | LaneKind::Bicycle) {
                continue;
            }
            let stretch_m = length_m(&lane.points_m).min(self.config.stretch_m).max(1.0);
            let passed: u32 = done.counts.iter().sum();
            records.push(LaneInterval {
                lane_id: lane.id.clone(),
                approach: lane.approach.clone(),
                from: self.until - self.config.interval,
                to: self.until,
                coverage: (self.watched_s / interval_s).clamp(0.0, 1.0),
                counts: done.counts,
                flow_veh_per_h: done.counts.map(|count| f64::from(count) * 3600.0 / watched_s),
                stretch_flow_veh_per_h: done.travelled_m / stretch_m / watched_s * 3600.0,
                density_veh_per_km: done.spent_s / stretch_m / watched_s * 1000.0,
                occupancy: (done.occupied_s / watched_s).clamp(0.0, 1.0),
                mean_speed_mps: (done.spent_s > 0.0).then(|| done.travelled_m / done.spent_s),
                passing_speed_mps: (passed > 0).then(|| done.passing_speed_sum_mps / f64::from(passed)),
                mean_headway_s: (done.headways > 0).then(|| done.headway_sum_s / f64::from(done.headways)),
                max_queue_m: done.max_queue_m,
                max_queue_vehicles: done.max_queue_vehicles,
            });
        }
        self.watched_s = 0.0;
    }

    /// Forgets everything: time itself was wrong.
    pub fn clear(&mut self) {
        *self = Self::new(self.config);
    }
}

fn loop_at_m(config: &LaneStatisticsConfig, length_m: f64) -> f64 {
    (length_m - config.loop_to_end_m).max(length_m / 2.0)
}
