//! Collision risk: two participants will meet within a moment if neither of them reacts.
//!
//! Each is predicted with its speed where it heads; on request a vehicle that is on its way through a turn also along that
//! way. The vehicle's point is the middle of its front, a pedestrian's the centre. The time to the closest approach (TCPA) and the distance
//! then (miss) follow; the miss has a variance, which comes from both tracks and grows with the time ahead. It is a risk
//! when TCPA is short and the miss is probably small. See `docs/events.md` for the papers.
//!
//! Ordinary traffic is full of near approaches that are none: who follows on the same lane is judged by the braking that
//! it would take, and two on foot, two on bicycles, or two that hardly move against each other are left out.

use std::cmp::Ordering;

use rsu_units::{Timestamp, Vector2};
use site_map::Path;

use super::approach::{self, Course, Party};
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
    /// One-sigma of the errors of place that the sensors share, of each participant, metres: a track does not know them.
    pub bias_sd_m: f64,
    /// Each must be on foot, or not, with at least this averaged probability, 0 to 1: a track that is new may be anything.
    /// The pair must be no two bicycles with as much, where those do not count.
    pub min_class_probability: f64,
    /// A bicycle slower than this towards a pedestrian counts as one on foot, metres per second.
    pub min_bicycle_speed_mps: f64,
    /// Who goes along a lane or a sidewalk keeps to it: this share of the speed across it is believed, 0 to 1.
    pub across_share: f64,
    /// Bicycles among each other count too.
    pub bicycle_pairs: bool,
    /// Vehicles that turn are also predicted along the ways of the map. Off by default: who turns gives way, and most of
    /// what is found so ends in braking as everybody expects.
    pub follow_turns: bool,
}

impl Default for CollisionConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: Timing { max_gap: std::time::Duration::from_millis(250), ..Timing::new(200, 600, 800) },
            max_time_s: 1.5,
            max_miss_m: 1.2,
            start_probability: 0.75,
            end_probability: 0.3,
            min_relative_speed_mps: 2.0,
            min_braking_mps2: 4.5,
            acceleration_sd_mps2: 0.3,
            bias_sd_m: 0.2,
            min_class_probability: 0.85,
            min_bicycle_speed_mps: 0.5,
            across_share: 0.3,
            bicycle_pairs: false,
            follow_turns: false,
        }
    }
}

/// At most so many pairs are told at one look, the most certain ones: in a crowd there are as many as its square.
pub(crate) const MAX_PAIRS: usize = 256;

/// A participant's reach within the time that is looked ahead, for finding pairs.
#[derive(Debug, Clone, Copy)]
struct Reach {
    low: Vector2,
    high: Vector2,
    index: usize,
}

/// How one is behind the other on a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Following {
    /// Not at all, or it would have to brake hard.
    No,
    /// Ordinary braking is enough.
    Ordinary,
    /// Their boxes overlap along the lane, which cannot be.
    Overlapping,
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

    fn reach(&self, index: usize, course: &Course) -> Reach {
        let from = course.from_m;
        let way = course.velocity_mps * self.horizon_s();
        let side = course.turning.map_or(0.0, |_| way.norm()) + self.config.max_miss_m + 1.0;
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
        !(walkers || riders)
    }

    /// Whether it is sure enough who they are, as far as it decides whether they matter.
    fn is_sure(&self, at: Timestamp, a: &Seen<'_>, b: &Seen<'_>) -> bool {
        let least = self.config.min_class_probability;
        // Nobody walks fast, whatever the sensors say.
        let on_foot = |seen: &Seen<'_>| seen.memory.pedestrian_probability(at);
        let known = |seen: &Seen<'_>| on_foot(seen).max(1.0 - on_foot(seen)) >= least;
        let bicycle = |seen: &Seen<'_>| seen.memory.probability_of(Group::Bicycle);
        known(a) && known(b) && (self.config.bicycle_pairs || 1.0 - bicycle(a) * bicycle(b) >= least)
    }

    fn judge<'a>(&mut self, scene: &Scene<'a>, a: Party<'_, 'a>, b: Party<'_, 'a>) -> Option<Finding<'a>> {
        let config = self.config;
        let relative_mps = (b.course.velocity_mps - a.course.velocity_mps).norm();
        if relative_mps < 0.8 * config.min_relative_speed_mps || !self.matters(a.seen, b.seen) {
            return None;
        }
        let following = self.following(a.seen, b.seen);
        if following == Following::Ordinary {
            return None;
        }
        let horizon_s = self.horizon_s();
        let straight = approach::straight(&config, a, b, horizon_s);
        let turning = approach::turning(&config, scene, a, b, horizon_s, &mut self.paths);
        let (a, b) = (a.seen, b.seen);
        let approach = match (straight, turning) {
            (Some(straight), Some(turning)) if turning.probability > straight.probability => turning,
            (Some(straight), _) => straight,
            (None, turning) => turning?,
        };
        let full = approach.time_s > 0.0
            && following == Following::No
            && self.is_sure(scene.at, a, b)
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
        Some(Finding {
            subject: Subject::Pair(a.id().min(b.id()), a.id().max(b.id())),
            strength,
            confidence: existence * approach.probability,
            members: Members::new([first.id(), second.id()]),
            place: Some((approach.place_m, None)),
            measures: [
                Some(Measure::new(Quantity::TimeToCollision, approach.time_s.max(0.0), config.max_time_s)),
                Some(Measure::new(Quantity::CollisionProbability, approach.probability, config.start_probability)),
            ],
        })
    }

    /// Whether one follows the other on its lane, and ordinary braking is enough.
    fn following(&self, a: &Seen<'_>, b: &Seen<'_>) -> Following {
        let (Some(pa), Some(pb)) = (a.facts.lane, b.facts.lane) else { return Following::No };
        let along = |seen: &Seen<'_>, direction_rad| seen.facts.off_rad(direction_rad).is_none_or(|off| off < 0.8);
        if pa.lane.id != pb.lane.id || !along(a, pa.direction_rad) || !along(b, pb.direction_rad) {
            return Following::No;
        }
        let (behind, ahead) = if pa.along_m < pb.along_m { (a, b) } else { (b, a) };
        let gap_m = (pa.along_m - pb.along_m).abs() - a.facts.half_length_m() - b.facts.half_length_m();
        let closing_mps = (behind.facts.speed_mps - ahead.facts.speed_mps).max(0.0);
        // The deceleration rate to avoid the crash; bumpers of noisy boxes may seem to touch.
        let needed_mps2 = closing_mps * closing_mps / (2.0 * gap_m.max(1.0));
        match needed_mps2 < self.config.min_braking_mps2 {
            true => Following::Ordinary,
            false if gap_m < 0.0 => Following::Overlapping,
            false => Following::No,
        }
    }
}

/// Keeps the most certain findings; which these are does not depend on the order in which pairs are found.
fn keep_best(found: &mut Vec<Finding<'_>>) {
    let order = |a: &Finding<'_>, b: &Finding<'_>| -> Ordering {
        b.strength.cmp(&a.strength).then(b.confidence.total_cmp(&a.confidence)).then_with(|| a.subject.cmp(&b.subject))
    };
    found.sort_by(order);
    found.truncate(MAX_PAIRS);
}

/// Whether the participants are spread more from west to east than from south to north.
fn is_wide(reaches: &[Reach]) -> bool {
    let spread = |of: fn(&Reach) -> f64| {
        let mean = reaches.iter().map(of).sum::<f64>() / reaches.len().max(1) as f64;
        reaches.iter().map(|reach| (of(reach) - mean).powi(2)).sum::<f64>()
    };
    spread(|reach| reach.low.x) >= spread(|reach| reach.low.y)
}

impl Detector for CollisionRisk {
    fn kind(&self) -> EventKind {
        EventKind::CollisionRisk
    }

    fn timing(&self) -> &Timing {
        &self.config.timing
    }

    /// The probability of the miss counts with what the tracks do not know of their places.
    fn needs_place(&self) -> bool {
        false
    }

    fn look<'a>(&mut self, scene: &Scene<'a>, found: &mut Vec<Finding<'a>>) {
        let (mut reaches, mut courses) = (std::mem::take(&mut self.reaches), std::mem::take(&mut self.courses));
        courses.clear();
        courses.extend(scene.seen.iter().map(|seen| Course::new(&self.config, scene, seen)));
        reaches.clear();
        reaches.extend(courses.iter().enumerate().map(|(index, course)| self.reach(index, course)));
        // Sweep and prune (Cohen et al. 1995): only boxes that overlap along the longer side of the site are compared.
        let is_wide = is_wide(&reaches);
        let swept = |point: Vector2| if is_wide { point.x } else { point.y };
        let other = |point: Vector2| if is_wide { point.y } else { point.x };
        reaches.sort_by(|a, b| swept(a.low).total_cmp(&swept(b.low)).then(a.index.cmp(&b.index)));
        let party = |index: usize| {
            let (seen, course) = scene.seen.get(index).zip(courses.get(index))?;
            Some(Party { seen, course: *course })
        };
        for (number, one) in reaches.iter().enumerate() {
            for two in reaches.iter().skip(number + 1).take_while(|two| swept(two.low) <= swept(one.high)) {
                if other(two.low) > other(one.high) || other(one.low) > other(two.high) {
                    continue;
                }
                // Always the lower identity first: the same numbers in the same order.
                let (low, high) = (one.index.min(two.index), one.index.max(two.index));
                if let (Some(a), Some(b)) = (party(low), party(high)) {
                    found.extend(self.judge(scene, a, b));
                }
                if found.len() >= 2 * MAX_PAIRS {
                    keep_best(found);
                }
            }
        }
        if found.len() > MAX_PAIRS {
            keep_best(found);
        }
        (self.reaches, self.courses) = (reaches, courses);
    }
}

#[cfg(test)]
mod tests {
    use fusion::TrackId;

    use super::*;

    fn finding(number: u64, strength: Strength) -> Finding<'static> {
        Finding {
            subject: Subject::Pair(TrackId(number), TrackId(number + 1000)),
            strength,
            // Many are equally certain.
            confidence: (number % 7) as f64 / 10.0,
            members: Members::new([]),
            place: None,
            measures: [None; 2],
        }
    }

    #[test]
    fn of_too_many_pairs_the_most_certain_are_kept_in_whatever_order_they_come() {
        let all: Vec<_> =
            (0..1000).map(|n| finding(n, if n % 50 == 0 { Strength::Full } else { Strength::Weak })).collect();
        let mut forward = all.clone();
        keep_best(&mut forward);
        let subjects = |found: &[Finding<'_>]| found.iter().map(|finding| finding.subject).collect::<Vec<_>>();
        assert_eq!(forward.len(), MAX_PAIRS);
        assert_eq!(forward.iter().filter(|finding| finding.strength == Strength::Full).count(), 20);
        assert!(forward.iter().skip(20).all(|finding| finding.confidence > 0.4));
        // In pieces and backwards.
        let mut backward = Vec::new();
        for finding in all.into_iter().rev() {
            backward.push(finding);
            if backward.len() >= 2 * MAX_PAIRS {
                keep_best(&mut backward);
            }
        }
        keep_best(&mut backward);
        assert_eq!(subjects(&forward), subjects(&backward));
    }

    #[test]
    fn the_longer_side_of_the_site_is_swept() {
        let reach = |x, y| Reach { low: Vector2::new(x, y), high: Vector2::new(x + 1.0, y + 1.0), index: 0 };
        assert!(is_wide(&[reach(-100.0, 1.0), reach(0.0, 0.0), reach(100.0, 5.0)]));
        assert!(!is_wide(&[reach(0.0, -50.0), reach(3.0, 0.0), reach(1.0, 50.0)]));
        assert!(is_wide(&[]));
    }
}
