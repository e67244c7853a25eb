//! Collision risk: two participants will meet within a moment if neither of them reacts.
//!
//! Each is predicted along its velocity; a vehicle that is on its way through a turn also along that way. The vehicle's
//! point is the middle of its front, a pedestrian's the centre. The time to the closest approach (TCPA) and the distance
//! then (miss) follow; the miss has a variance, which comes from both tracks and grows with the time ahead. It is a risk
//! when TCPA is short and the miss is probably small. See `docs/events.md` for the papers.
//!
//! Ordinary traffic is full of near approaches that are none: who follows on the same lane is judged by the braking that
//! it would take, and two on foot, two on bicycles, or two that hardly move against each other are left out.

use rsu_units::Vector2;
use rsu_units::angle::wrap_rad;
use site_map::{LaneKind, Path, Turn};

use super::speeding::normal_cdf;
use crate::Timing;
use crate::detector::Detector;
use crate::event::{EventKind, Measure, Quantity};
use crate::lifecycle::{Finding, Members, Strength, Subject};
use crate::memory::Group;
use crate::scene::{Scene, Seen};

/// Settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CollisionConfig {
    /// Whether it is looked for.
    pub enabled: bool,
    /// How long; being about to collide for `start_after` is an event.
    pub timing: Timing,
    /// The closest approach is no farther ahead than this, seconds.
    pub max_time_s: f64,
    /// And comes closer than this, metres.
    pub max_miss_m: f64,
    /// With at least this probability, 0 to 1.
    pub start_probability: f64,
    /// An event goes on with this probability, 0 to 1.
    pub end_probability: f64,
    /// Slower against each other than this is no danger, metres per second.
    pub min_relative_speed_mps: f64,
    /// One behind the other on the same lane: the braking that it takes (DRAC), metres per second squared.
    pub min_braking_mps2: f64,
    /// One-sigma of the acceleration that nobody foresees, metres per second squared.
    pub acceleration_sd_mps2: f64,
    /// Each must be a motor vehicle, a bicycle or a pedestrian with at least this averaged probability, 0 to 1: a track
    /// that is new may be anything.
    pub min_class_probability: f64,
    /// A bicycle slower than this towards a pedestrian counts as one on foot, metres per second.
    pub min_bicycle_speed_mps: f64,
    /// Who goes along a lane or a sidewalk keeps to it: this share of the speed across it is believed, 0 to 1.
    pub across_share: f64,
    /// Bicycles among each other count too.
    pub bicycle_pairs: bool,
    /// Vehicles that turn are also predicted along the ways of the map.
    pub follow_turns: bool,
}

impl Default for CollisionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing { max_gap: std::time::Duration::from_millis(250), ..Timing::new(200, 600, 800) },
            max_time_s: 1.5,
            max_miss_m: 1.2,
            start_probability: 0.6,
            end_probability: 0.3,
            min_relative_speed_mps: 2.0,
            min_braking_mps2: 4.5,
            acceleration_sd_mps2: 0.3,
            min_class_probability: 0.85,
            min_bicycle_speed_mps: 0.5,
            across_share: 0.3,
            bicycle_pairs: false,
            follow_turns: true,
        }
    }
}

/// Who is not more off the direction of a lane than this keeps to it, radians.
const MAX_KEPT_RAD: f64 = 0.3;

/// One of a pair.
#[derive(Debug, Clone, Copy)]
struct Party<'s, 'a> {
    seen: &'s Seen<'a>,
    course: Course,
}

/// What decides about a pair.
#[derive(Debug, Clone, Copy)]
struct Approach {
    time_s: f64,
    probability: f64,
    place_m: Vector2,
}

/// Where somebody is going.
#[derive(Debug, Clone, Copy)]
struct Course {
    /// The leading point: the middle of a vehicle's front, a pedestrian's centre.
    from_m: Vector2,
    velocity_mps: Vector2,
    /// Unit vector across the lane that it keeps to.
    across: Option<Vector2>,
}

/// A participant's reach within the time that is looked ahead, for finding pairs.
#[derive(Debug, Clone, Copy)]
struct Reach {
    low: Vector2,
    high: Vector2,
    index: usize,
}

#[derive(Debug)]
pub(crate) struct CollisionRisk {
    config: CollisionConfig,
    reaches: Vec<Reach>,
    courses: Vec<Course>,
    paths: Vec<Path>,
}

impl CollisionRisk {
    pub(crate) fn new(config: CollisionConfig) -> Self {
        Self { config, reaches: Vec::new(), courses: Vec::new(), paths: Vec::new() }
    }

    /// Weak findings look a little farther ahead than full ones.
    fn horizon_s(&self) -> f64 {
        self.config.max_time_s + 0.3
    }

    /// Where a participant is going: along its velocity, and with less doubt along the lane that it keeps to.
    fn course(&self, scene: &Scene<'_>, seen: &Seen<'_>) -> Course {
        let velocity_mps = seen.facts.track.velocity_mps;
        let Some(lane_rad) = kept_direction_rad(scene, seen) else {
            return Course { from_m: leading_point_m(seen), velocity_mps, across: None };
        };
        let along = Vector2::from_angle(lane_rad);
        let across = Vector2::new(-along.y, along.x);
        let velocity_mps =
            along * velocity_mps.dot(along) + across * (velocity_mps.dot(across) * self.config.across_share);
        Course { from_m: leading_point_m(seen), velocity_mps, across: Some(across) }
    }

    fn reach(&self, index: usize, seen: &Seen<'_>, course: &Course) -> Reach {
        let from = course.from_m;
        let way = course.velocity_mps * self.horizon_s();
        let turning = self.config.follow_turns && seen.facts.in_junction && seen.memory.group() != Group::Pedestrian;
        let side = if turning { way.norm() } else { 0.0 } + self.config.max_miss_m + 1.0;
        let to = from + way;
        Reach {
            low: Vector2::new(from.x.min(to.x) - side, from.y.min(to.y) - side),
            high: Vector2::new(from.x.max(to.x) + side, from.y.max(to.y) + side),
            index,
        }
    }

    /// Whether two are such that a near approach between them means something.
    fn matters(&self, a: &Seen<'_>, b: &Seen<'_>) -> bool {
        let on_foot = |seen: &Seen<'_>| match seen.memory.group() {
            Group::Pedestrian => true,
            Group::Bicycle => seen.facts.speed_mps < self.config.min_bicycle_speed_mps,
            Group::Motor => false,
        };
        let bicycles = a.memory.group() == Group::Bicycle && b.memory.group() == Group::Bicycle;
        let pedestrian = a.memory.group() == Group::Pedestrian || b.memory.group() == Group::Pedestrian;
        let walkers = pedestrian && on_foot(a) && on_foot(b);
        let riders = bicycles && !self.config.bicycle_pairs;
        !(walkers || riders || self.follows(a, b))
    }

    fn judge<'a>(&mut self, scene: &Scene<'a>, a: Party<'_, 'a>, b: Party<'_, 'a>) -> Option<Finding<'a>> {
        let config = self.config;
        let relative_mps = (b.course.velocity_mps - a.course.velocity_mps).norm();
        if relative_mps < 0.8 * config.min_relative_speed_mps || !self.matters(a.seen, b.seen) {
            return None;
        }
        let straight = self.straight(a, b);
        let turned = if config.follow_turns { self.turned(scene, a, b) } else { None };
        let (a, b) = (a.seen, b.seen);
        let approach = match (straight, turned) {
            (Some(straight), Some(turned)) if turned.probability > straight.probability => turned,
            (Some(straight), _) => straight,
            (None, turned) => turned?,
        };
        let sure = |seen: &Seen<'_>| seen.memory.group_probability() >= config.min_class_probability;
        let full = approach.time_s > 0.0
            && sure(a)
            && sure(b)
            && approach.time_s < config.max_time_s
            && approach.probability >= config.start_probability
            && relative_mps >= config.min_relative_speed_mps;
        let strength = match full {
            true => Strength::Full,
            false if approach.probability >= config.end_probability => Strength::Weak,
            false => return None,
        };
        let order = |seen: &Seen<'_>| (seen.memory.group() as u8, -seen.facts.speed_mps);
        let (first, second) = if order(a) <= order(b) { (a, b) } else { (b, a) };
        let existence = first.facts.track.existence * second.facts.track.existence;
        let lane = scene.map.lane_at(approach.place_m);
        Some(Finding {
            subject: Subject::Pair(a.id().min(b.id()), a.id().max(b.id())),
            strength,
            confidence: existence * approach.probability,
            members: Members::new([first.id(), second.id()]),
            place: Some((approach.place_m, lane.map_or("", |place| place.lane.id.as_str()))),
            measures: [
                Some(Measure::new(Quantity::TimeToCollision, approach.time_s.max(0.0), config.max_time_s)),
                Some(Measure::new(Quantity::CollisionProbability, approach.probability, config.start_probability)),
            ],
        })
    }

    /// Both predicted along their courses.
    fn straight(&self, a: Party<'_, '_>, b: Party<'_, '_>) -> Option<Approach> {
        let offset = b.course.from_m - a.course.from_m;
        let relative = b.course.velocity_mps - a.course.velocity_mps;
        let time_s = -offset.dot(relative) / relative.norm_squared().max(1e-6);
        if !(-0.3..self.horizon_s()).contains(&time_s) {
            return None;
        }
        let across = relative * relative.norm().max(1e-6).recip();
        let across = Vector2::new(-across.y, across.x);
        Some(Approach {
            time_s,
            probability: self.probability(a, b, offset.dot(across), across, time_s.max(0.0)),
            place_m: a.course.from_m + a.course.velocity_mps * time_s.max(0.0),
        })
    }

    /// The probability that the miss is small; `miss_m` lies along the unit vector `across`.
    fn probability(&self, a: Party<'_, '_>, b: Party<'_, '_>, miss_m: f64, across: Vector2, time_s: f64) -> f64 {
        let unforeseen_m = self.config.acceleration_sd_mps2 * time_s * time_s / 2.0;
        let variance_m2 = self.variance_m2(a, across, time_s) + self.variance_m2(b, across, time_s);
        let sd_m = (variance_m2 + 2.0 * unforeseen_m.powi(2)).sqrt().max(0.02);
        let limit_m = self.config.max_miss_m;
        normal_cdf((limit_m - miss_m) / sd_m) - normal_cdf((-limit_m - miss_m) / sd_m)
    }

    /// Variance of the predicted place along a unit vector, square metres.
    fn variance_m2(&self, party: Party<'_, '_>, unit: Vector2, time_s: f64) -> f64 {
        let [xx, xy, xvx, xvy, yy, yvx, yvy, vxx, vxy, vyy] = party.seen.facts.track.covariance;
        let form = |xx: f64, xy: f64, yy: f64| xx * unit.x * unit.x + xy * unit.x * unit.y + yy * unit.y * unit.y;
        // Who keeps to a lane does not drift across it as its velocity's variance says.
        let kept = party.course.across.map_or(0.0, |across| across.dot(unit).powi(2));
        let share = 1.0 - kept * (1.0 - self.config.across_share.powi(2));
        let sum = form(xx, 2.0 * xy, yy)
            + 2.0 * time_s * form(xvx, xvy + yvx, yvy) * share.sqrt()
            + time_s * time_s * form(vxx, 2.0 * vxy, vyy) * share;
        sum.max(0.0)
    }

    /// A vehicle on its way through a turn and somebody who crosses that way.
    fn turned(&mut self, scene: &Scene<'_>, a: Party<'_, '_>, b: Party<'_, '_>) -> Option<Approach> {
        let (vehicle, other) = if turns(scene, a.seen) { (a, b) } else { (b, a) };
        if !turns(scene, vehicle.seen) {
            return None;
        }
        let speed_mps = vehicle.seen.facts.speed_mps;
        let heading_rad = vehicle.seen.facts.direction_rad?;
        let length_m = speed_mps * self.horizon_s() + 1.0;
        scene.map.paths_from(vehicle.course.from_m, heading_rad, length_m, &mut self.paths);
        let path = self.paths.first()?;
        let mut best: Option<(f64, Vector2, Vector2)> = None;
        let steps = (self.horizon_s() / 0.1).ceil() as u32;
        for step in 0..steps {
            let time_s = f64::from(step) * 0.1;
            let Some(place_m) = along(&path.points_m, speed_mps * time_s) else { break };
            let other_m = other.course.from_m + other.course.velocity_mps * time_s;
            let offset = other_m - place_m;
            if best.is_none_or(|(_, best, _)| offset.norm_squared() < best.norm_squared()) {
                best = Some((time_s, offset, place_m));
            }
        }
        let (time_s, offset, place_m) = best?;
        let miss_m = offset.norm();
        let across = offset * miss_m.max(1e-6).recip();
        (time_s > 0.0 && miss_m < self.config.max_miss_m + 1.0).then(|| Approach {
            time_s,
            probability: self.probability(vehicle, other, miss_m, across, time_s),
            place_m,
        })
    }

    /// Whether one follows the other on its lane, and ordinary braking is enough.
    fn follows(&self, a: &Seen<'_>, b: &Seen<'_>) -> bool {
        let (Some(pa), Some(pb)) = (a.facts.lane, b.facts.lane) else { return false };
        let along = |seen: &Seen<'_>, direction_rad| seen.facts.off_rad(direction_rad).is_none_or(|off| off < 0.8);
        if pa.lane.id != pb.lane.id || !along(a, pa.direction_rad) || !along(b, pb.direction_rad) {
            return false;
        }
        let (behind, ahead) = if pa.along_m < pb.along_m { (a, b) } else { (b, a) };
        let gap_m = (pa.along_m - pb.along_m).abs() - a.facts.half_length_m() - b.facts.half_length_m();
        let closing_mps = (behind.facts.speed_mps - ahead.facts.speed_mps).max(0.0);
        // The deceleration rate to avoid the crash; bumpers of noisy boxes may seem to touch.
        closing_mps * closing_mps / (2.0 * gap_m.max(1.0)) < self.config.min_braking_mps2
    }
}

/// The middle of a vehicle's front, a pedestrian's centre.
fn leading_point_m(seen: &Seen<'_>) -> Vector2 {
    let facts = &seen.facts;
    match facts.direction_rad {
        Some(direction_rad) if seen.memory.group() != Group::Pedestrian => {
            facts.track.position_m + Vector2::from_angle(direction_rad) * facts.half_length_m()
        }
        _ => facts.track.position_m,
    }
}

/// The direction of the lane, straight connection or sidewalk that somebody keeps to, radians.
fn kept_direction_rad(scene: &Scene<'_>, seen: &Seen<'_>) -> Option<f64> {
    let facts = &seen.facts;
    if facts.speed_mps < 0.8 {
        return None;
    }
    let direction_rad = facts.direction_rad?;
    let off = |lane_rad: f64| wrap_rad(direction_rad - lane_rad).abs();
    let near = |lane_rad: f64| off(lane_rad) < MAX_KEPT_RAD;
    if facts.in_junction {
        let mut ways = scene.map.connections_at(seen.position_m(), 0.0).filter(|place| near(place.direction_rad));
        let first = ways.next().filter(|place| place.connection.turn == Turn::Straight)?;
        let agree = ways.all(|place| wrap_rad(place.direction_rad - first.direction_rad).abs() < 0.1);
        return agree.then_some(first.direction_rad);
    }
    let (kind, margin_m) = match seen.memory.group() {
        Group::Motor => (LaneKind::Vehicle, 0.0),
        Group::Bicycle => (LaneKind::Bicycle, 0.6),
        Group::Pedestrian => (LaneKind::Sidewalk, 0.5),
    };
    let place = scene.map.lanes_at(kind, seen.position_m(), margin_m).next()?;
    // People walk both ways.
    let either_way = seen.memory.group() == Group::Pedestrian && near(place.direction_rad + std::f64::consts::PI);
    (near(place.direction_rad) || either_way).then_some(place.direction_rad)
}

/// Whether a vehicle is on its way through a turn.
fn turns(scene: &Scene<'_>, seen: &Seen<'_>) -> bool {
    seen.facts.in_junction
        && seen.memory.group() != Group::Pedestrian
        && seen.facts.speed_mps > 2.0
        && scene.map.connections_at(seen.position_m(), -0.3).any(|place| {
            let along = seen.facts.off_rad(place.direction_rad).is_some_and(|off_rad| off_rad < 0.2);
            let came = seen.memory.lane.as_ref().is_some_and(|held| held.id == place.from.id);
            place.connection.turn != Turn::Straight && along && came && place.along_m > 4.0
        })
}

/// The point at a distance along a line.
fn along(points_m: &[Vector2], distance_m: f64) -> Option<Vector2> {
    let mut left_m = distance_m;
    for (a, b) in points_m.iter().zip(points_m.iter().skip(1)) {
        let segment = *b - *a;
        let length_m = segment.norm();
        if left_m <= length_m {
            return Some(*a + segment * (left_m / length_m.max(1e-9)));
        }
        left_m -= length_m;
    }
    None
}

impl Detector for CollisionRisk {
    fn kind(&self) -> EventKind {
        EventKind::CollisionRisk
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        // Sweep and prune (Cohen et al. 1995): only boxes that overlap in x are compared.
        let (mut reaches, mut courses) = (std::mem::take(&mut self.reaches), std::mem::take(&mut self.courses));
        courses.clear();
        courses.extend(scene.seen.iter().map(|seen| self.course(scene, seen)));
        reaches.clear();
        let both = scene.seen.iter().zip(&courses);
        reaches.extend(both.enumerate().map(|(index, (seen, course))| self.reach(index, seen, course)));
        reaches.sort_by(|a, b| a.low.x.total_cmp(&b.low.x).then(a.index.cmp(&b.index)));
        let party = |index: usize| {
            let (seen, course) = scene.seen.get(index).zip(courses.get(index))?;
            Some(Party { seen, course: *course })
        };
        for (number, one) in reaches.iter().enumerate() {
            for other in reaches.iter().skip(number + 1).take_while(|other| other.low.x <= one.high.x) {
                if other.low.y > one.high.y || one.low.y > other.high.y {
                    continue;
                }
                // Always the lower identity first: the same numbers in the same order.
                let (low, high) = (one.index.min(other.index), one.index.max(other.index));
                if let (Some(a), Some(b)) = (party(low), party(high)) {
                    found.extend(self.judge(scene, a, b));
                }
            }
        }
        (self.reaches, self.courses) = (reaches, courses);
    }
}
