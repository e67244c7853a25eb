//! How near two participants will come: where each is going, and how sure that is.
//!
//! Each goes on with its speed where it heads; who keeps to a lane keeps to it. The leading point counts: the middle of a
//! vehicle's front, a pedestrian's centre. The miss of two leading points has a variance that comes from both tracks, from
//! what nobody foresees, and from errors that the sensors share and the tracks do not know.

use rsu_units::Vector2;
use rsu_units::angle::wrap_rad;
use site_map::{LaneKind, Path, PathWay, Turn, WayRef};

use super::collision::CollisionConfig;
use super::speeding::normal_cdf;
use crate::memory::Group;
use crate::scene::{Scene, Seen};

/// Who is not more off the direction of a lane than this keeps to it, radians.
const MAX_KEPT_RAD: f64 = 0.3;
/// A heading that is farther off the direction of travel is not that of the front, radians.
const MAX_HEADING_OFF_RAD: f64 = 0.8;
/// A heading is never surer than this, and never so unsure that its direction means nothing, radians.
const MIN_HEADING_SD_RAD: f64 = 0.02;
const MAX_HEADING_SD_RAD: f64 = 1.0;
/// Steps by which a way through a turn is predicted, seconds.
const STEP_S: f64 = 0.1;

/// Where somebody is going.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    /// The leading point.
    pub(super) from_m: Vector2,
    pub(super) velocity_mps: Vector2,
    /// Unit vector across the lane that it keeps to.
    across: Option<Vector2>,
    /// How far the leading point moves when the heading changes by one sigma, metres.
    swing_m: Vector2,
    /// The way through a turn that it is on.
    pub(super) turning: Option<WayRef>,
}

impl Course {
    /// Along the velocity, and with less doubt along the lane that it keeps to.
    pub(super) fn new(config: &CollisionConfig, scene: &Scene<'_>, seen: &Seen<'_>) -> Self {
        let (from_m, swing_m) = leading_point_m(seen);
        let velocity_mps = seen.facts.track.velocity_mps;
        let velocity_mps = heading_rad(seen).map_or(velocity_mps, |heading_rad| {
            let heading = Vector2::from_angle(heading_rad);
            heading * velocity_mps.dot(heading)
        });
        let across = kept_direction_rad(scene, seen).map(|lane_rad| {
            let along = Vector2::from_angle(lane_rad);
            Vector2::new(-along.y, along.x)
        });
        let velocity_mps = across.map_or(velocity_mps, |across| kept(config, across, velocity_mps));
        let turning = if config.follow_turns { turning_way(scene, seen) } else { None };
        Self { from_m, velocity_mps, across, swing_m, turning }
    }
}

/// One of a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Party<'s, 'a> {
    pub(super) seen: &'s Seen<'a>,
    pub(super) course: Course,
}

/// What decides about a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Approach {
    /// Until they are nearest to each other, seconds.
    pub(super) time_s: f64,
    /// Of missing each other by less than the limit.
    pub(super) probability: f64,
    /// Where the first of them is then.
    pub(super) place_m: Vector2,
}

/// Both along their courses; nothing when they are nearest to each other beyond the horizon, or were long ago.
pub(super) fn straight(
    config: &CollisionConfig,
    a: Party<'_, '_>,
    b: Party<'_, '_>,
    horizon_s: f64,
) -> Option<Approach> {
    let offset = b.course.from_m - a.course.from_m;
    let relative = b.course.velocity_mps - a.course.velocity_mps;
    let time_s = -offset.dot(relative) / relative.norm_squared().max(1e-6);
    if !(-0.3..horizon_s).contains(&time_s) {
        return None;
    }
    let along = relative * relative.norm().max(1e-6).recip();
    let across = Vector2::new(-along.y, along.x);
    Some(Approach {
        time_s,
        probability: probability(config, a, b, offset.dot(across), across, time_s.max(0.0)),
        place_m: a.course.from_m + a.course.velocity_mps * time_s.max(0.0),
    })
}

/// A vehicle on its way through a turn, and somebody who crosses that way.
pub(super) fn turning(
    config: &CollisionConfig,
    scene: &Scene<'_>,
    a: Party<'_, '_>,
    b: Party<'_, '_>,
    horizon_s: f64,
    paths: &mut Vec<Path>,
) -> Option<Approach> {
    let (vehicle, other, way) = match (a.course.turning, b.course.turning) {
        (Some(way), _) => (a, b, way),
        (None, Some(way)) => (b, a, way),
        (None, None) => return None,
    };
    let facts = &vehicle.seen.facts;
    let half_m = facts.half_length_m();
    let length_m = half_m + facts.speed_mps * horizon_s + 1.0;
    scene.map.paths_from(facts.track.position_m, facts.direction_rad?, length_m, paths);
    let on_way = |first: &PathWay| first.way == way;
    let path = paths.iter().find(|path| path.ways.first().is_some_and(on_way))?;
    // The offset of the two, from step to step.
    let place_at = |time_s: f64| beside(&path.points_m, half_m + facts.speed_mps * time_s, path.left_m);
    let other_at = |time_s: f64| other.course.from_m + other.course.velocity_mps * time_s;
    let mut best: Option<(f64, Vector2)> = None;
    let mut last = other_at(0.0) - place_at(0.0)?;
    let steps = (horizon_s / STEP_S).ceil() as u32;
    for step in 1..=steps {
        let time_s = f64::from(step) * STEP_S;
        let Some(place_m) = place_at(time_s) else { break };
        let offset = other_at(time_s) - place_m;
        let way = offset - last;
        let share = (-last.dot(way) / way.norm_squared().max(1e-9)).clamp(0.0, 1.0);
        let nearest = last + way * share;
        if best.is_none_or(|(_, best)| nearest.norm_squared() < best.norm_squared()) {
            best = Some((time_s - STEP_S * (1.0 - share), nearest));
        }
        last = offset;
    }
    let (time_s, offset) = best?;
    let miss_m = offset.norm();
    let across = offset * miss_m.max(1e-6).recip();
    (time_s > 0.0 && miss_m < config.max_miss_m + 1.0).then(|| Approach {
        time_s,
        probability: probability(config, vehicle, other, miss_m, across, time_s),
        place_m: other_at(time_s),
    })
}

/// The probability that the miss is small; `miss_m` lies along the unit vector `across`.
fn probability(
    config: &CollisionConfig,
    a: Party<'_, '_>,
    b: Party<'_, '_>,
    miss_m: f64,
    across: Vector2,
    time_s: f64,
) -> f64 {
    let unforeseen_m = config.acceleration_sd_mps2 * time_s * time_s / 2.0;
    let each_m2 = unforeseen_m.powi(2) + config.bias_sd_m.powi(2);
    let variance_m2 = variance_m2(config, a, across, time_s) + variance_m2(config, b, across, time_s) + 2.0 * each_m2;
    let sd_m = variance_m2.sqrt().max(0.02);
    let limit_m = config.max_miss_m;
    normal_cdf((limit_m - miss_m) / sd_m) - normal_cdf((-limit_m - miss_m) / sd_m)
}

/// Variance of the predicted leading point along a unit vector, square metres.
fn variance_m2(config: &CollisionConfig, party: Party<'_, '_>, unit: Vector2, time_s: f64) -> f64 {
    let [xx, xy, xvx, xvy, yy, yvx, yvy, vxx, vxy, vyy] = party.seen.facts.track.covariance;
    // The predicted point is position + time · K · velocity, where K keeps it to its lane; K is symmetric.
    let kept = party.course.across.map_or(unit, |across| kept(config, across, unit));
    let position = xx * unit.x * unit.x + 2.0 * xy * unit.x * unit.y + yy * unit.y * unit.y;
    let both = unit.x * (xvx * kept.x + xvy * kept.y) + unit.y * (yvx * kept.x + yvy * kept.y);
    let velocity = vxx * kept.x * kept.x + 2.0 * vxy * kept.x * kept.y + vyy * kept.y * kept.y;
    let sum = position + 2.0 * time_s * both + time_s * time_s * velocity;
    sum.max(0.0) + party.course.swing_m.dot(unit).powi(2)
}

/// A vector of which the part across a lane is believed less.
fn kept(config: &CollisionConfig, across: Vector2, vector: Vector2) -> Vector2 {
    vector - across * ((1.0 - config.across_share) * across.dot(vector))
}

/// Where a body points and goes. Its heading says that better than its velocity, which is noisier; but sensors turn
/// headings round now and then, so the two must agree roughly.
fn heading_rad(seen: &Seen<'_>) -> Option<f64> {
    let direction_rad = seen.facts.direction_rad.filter(|_| seen.memory.group() != Group::Pedestrian)?;
    let heading = seen.facts.track.heading_rad;
    heading.filter(|heading_rad| wrap_rad(heading_rad - direction_rad).abs() < MAX_HEADING_OFF_RAD)
}

/// The leading point, and how far it moves when the heading changes by one sigma, metres.
fn leading_point_m(seen: &Seen<'_>) -> (Vector2, Vector2) {
    let (facts, track) = (&seen.facts, &seen.facts.track);
    let Some(direction_rad) = facts.direction_rad.filter(|_| seen.memory.group() != Group::Pedestrian) else {
        return (track.position_m, Vector2::default());
    };
    let heading_rad = heading_rad(seen);
    let front = Vector2::from_angle(heading_rad.unwrap_or(direction_rad));
    let half_m = facts.half_length_m();
    let heading_sd_rad = heading_rad.and(track.heading_sd_rad).filter(|sd_rad| sd_rad.is_finite()).unwrap_or(0.0);
    let swing_m = half_m * heading_sd_rad.clamp(MIN_HEADING_SD_RAD, MAX_HEADING_SD_RAD);
    (track.position_m + front * half_m, Vector2::new(-front.y, front.x) * swing_m)
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

/// The way through a turn that a vehicle is on.
fn turning_way(scene: &Scene<'_>, seen: &Seen<'_>) -> Option<WayRef> {
    if !seen.facts.in_junction || seen.memory.group() == Group::Pedestrian || seen.facts.speed_mps <= 2.0 {
        return None;
    }
    let held = seen.memory.lane.as_ref()?;
    let place = scene.map.connections_at(seen.position_m(), -0.3).find(|place| {
        let along = seen.facts.off_rad(place.direction_rad).is_some_and(|off_rad| off_rad < 0.2);
        place.connection.turn != Turn::Straight && along && held.id == place.from.id && place.along_m > 4.0
    })?;
    let connection = place.from.connections.iter().position(|other| std::ptr::eq(other, place.connection))?;
    Some(WayRef { lane: scene.map.lane_index(&place.from.id)?, connection: Some(connection) })
}

/// The point at a distance along a line, so far to its left.
fn beside(points_m: &[Vector2], distance_m: f64, left_m: f64) -> Option<Vector2> {
    let mut rest_m = distance_m;
    for (a, b) in points_m.iter().zip(points_m.iter().skip(1)) {
        let segment = *b - *a;
        let length_m = segment.norm();
        if rest_m <= length_m {
            let along = segment * length_m.max(1e-9).recip();
            return Some(*a + along * rest_m + Vector2::new(-along.y, along.x) * left_m);
        }
        rest_m -= length_m;
    }
    None
}
