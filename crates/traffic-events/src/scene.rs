//! What a detector sees: every participant with where it is on the map, and what was remembered of it.
//!
//! The facts that several detectors ask for are worked out once per look and per track here: the lane, the direction,
//! how certain speed and place are. Tracks come in any order and with any numbers; a [`Scene`] is sorted by identity and
//! holds finite numbers only.

use fusion::{Track, TrackId};
use rsu_units::angle::wrap_rad;
use rsu_units::{Timestamp, Vector2};
use site_map::{Lane, LaneKind, LanePlace, SiteMap};

use crate::config::PresenceConfig;
use crate::context::Context;
use crate::memory::{Group, Memories, Memory};

/// Farther off, or faster, is no participant of this site but a number gone wrong.
const MAX_COORDINATE_M: f64 = 1e5;
const MAX_SPEED_MPS: f64 = 150.0;
/// Below this speed the direction of the velocity is noise and the heading counts, m/s.
const MIN_DIRECTED_SPEED_MPS: f64 = 0.8;

/// One participant at one look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) facts: Facts<'a>,
    pub(crate) memory: &'a Memory,
}

/// What follows from the track and the map alone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    pub(crate) track: Track,
    pub(crate) speed_mps: f64,
    /// Direction of travel, or the heading of who stands; radians counter-clockwise from east.
    pub(crate) direction_rad: Option<f64>,
    /// The vehicle lane it is on: the one with the nearest centre line.
    pub(crate) lane: Option<LanePlace<'a>>,
    pub(crate) in_junction: bool,
    /// Measured a moment ago, known for a while and likely to exist: fit to start an event.
    pub(crate) solid: bool,
    /// Its place is known well enough for an event that is about a place.
    pub(crate) placed: bool,
}

impl<'a> Facts<'a> {
    fn new(track: &Track, at: Timestamp, map: &'a SiteMap, presence: &PresenceConfig) -> Self {
        let speed_mps = track.speed_mps();
        let direction_rad =
            if speed_mps >= MIN_DIRECTED_SPEED_MPS { Some(track.velocity_mps.angle_rad()) } else { track.heading_rad };
        let lane = map.nearest_lane(LaneKind::Vehicle, track.position_m, 0.0);
        let solid = at.duration_since(track.last_measured_at) <= presence.max_unmeasured
            && at.duration_since(track.first_measured_at) >= presence.min_age
            && track.existence >= presence.min_existence;
        let placed = track.position_sd_m() <= presence.max_position_sd_m;
        let in_junction = map.in_junction(track.position_m);
        Self { track: *track, speed_mps, direction_rad, lane, in_junction, solid, placed }
    }

    /// One-sigma of the place along a unit vector, metres.
    pub(crate) fn position_sd_m(&self, unit: Vector2) -> f64 {
        let [xx, xy, _, _, yy, ..] = self.track.covariance;
        quadratic(xx, xy, yy, unit).sqrt()
    }

    /// One-sigma of the speed along the direction of travel, m/s.
    pub(crate) fn speed_sd_mps(&self) -> f64 {
        let [.., xx, xy, yy] = self.track.covariance;
        let unit = self.direction_rad.map_or(Vector2::new(1.0, 0.0), Vector2::from_angle);
        quadratic(xx, xy, yy, unit).sqrt()
    }

    /// One-sigma of the place across the lane, metres.
    pub(crate) fn lateral_sd_m(&self, place: &LanePlace<'_>) -> f64 {
        self.position_sd_m(Vector2::from_angle(place.direction_rad + std::f64::consts::FRAC_PI_2))
    }

    /// How far its direction is off another, radians, 0 to π.
    pub(crate) fn off_rad(&self, direction_rad: f64) -> Option<f64> {
        self.direction_rad.map(|own| wrap_rad(own - direction_rad).abs())
    }

    /// Half of the extent along a unit vector, metres; the box lies along the heading.
    pub(crate) fn half_length_m(&self) -> f64 {
        self.track.extent_m.0 / 2.0
    }

    /// Metres from its front to the end of the lane that it is on.
    pub(crate) fn front_to_end_m(&self, place: &LanePlace<'_>) -> f64 {
        place.to_end_m - self.half_length_m()
    }
}

fn quadratic(xx: f64, xy: f64, yy: f64, unit: Vector2) -> f64 {
    (xx * unit.x * unit.x + 2.0 * xy * unit.x * unit.y + yy * unit.y * unit.y).max(0.0)
}

impl Seen<'_> {
    pub(crate) fn id(&self) -> TrackId {
        self.facts.track.id
    }

    pub(crate) fn position_m(&self) -> Vector2 {
        self.facts.track.position_m
    }

    pub(crate) fn is_motor(&self) -> bool {
        self.memory.group() == Group::Motor
    }
}

/// A motor vehicle on a lane: an entry of the list by which neighbours on a lane are found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnLane<'a> {
    pub(crate) lane: &'a Lane,
    pub(crate) along_m: f64,
    /// Index into [`Scene::seen`].
    pub(crate) index: usize,
}

/// All that is seen at one look.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) at: Timestamp,
    pub(crate) map: &'a SiteMap,
    pub(crate) context: Context<'a>,
    /// Sorted by identity.
    pub(crate) seen: Vec<Seen<'a>>,
    /// Motor vehicles on lanes, by lane and along it.
    on_lanes: Vec<OnLane<'a>>,
}

impl<'a> Scene<'a> {
    /// Looks at tracks in any order. What is no number, or no track of this site, is left out.
    pub(crate) fn new(
        at: Timestamp,
        map: &'a SiteMap,
        context: &Context<'a>,
        tracks: &[Track],
        presence: &PresenceConfig,
        memories: &'a mut Memories,
    ) -> Self {
        let mut facts: Vec<Facts<'a>> =
            tracks.iter().filter(|track| is_sane(track)).map(|track| Facts::new(track, at, map, presence)).collect();
        // Identities are unique; should they not be, the choice must still not depend on the order.
        facts.sort_by(|a, b| {
            let key = |facts: &Facts<'_>| (facts.track.position_m, facts.track.velocity_mps);
            let ((pa, va), (pb, vb)) = (key(a), key(b));
            a.track
                .id
                .cmp(&b.track.id)
                .then(pa.x.total_cmp(&pb.x))
                .then(pa.y.total_cmp(&pb.y))
                .then(va.x.total_cmp(&vb.x))
                .then(va.y.total_cmp(&vb.y))
        });
        facts.dedup_by_key(|facts| facts.track.id);
        memories.look(at, &facts);
        let memories: &'a Memories = memories;
        let seen: Vec<Seen<'a>> =
            facts.into_iter().filter_map(|facts| Some(Seen { facts, memory: memories.get(facts.track.id)? })).collect();
        let mut on_lanes: Vec<OnLane<'a>> = seen
            .iter()
            .enumerate()
            .filter(|(_, seen)| seen.is_motor())
            .filter_map(|(index, seen)| {
                let place = seen.facts.lane?;
                Some(OnLane { lane: place.lane, along_m: place.along_m, index })
            })
            .collect();
        on_lanes.sort_by(|a, b| {
            a.lane.id.cmp(&b.lane.id).then(a.along_m.total_cmp(&b.along_m)).then(a.index.cmp(&b.index))
        });
        Self { at, map, context: *context, seen, on_lanes }
    }

    /// The participant with an identity.
    pub(crate) fn find(&self, id: TrackId) -> Option<&Seen<'a>> {
        self.seen.binary_search_by_key(&id, Seen::id).ok().and_then(|index| self.seen.get(index))
    }

    /// Motor vehicles on a lane, from its start to its end.
    pub(crate) fn on_lane(&self, lane_id: &str) -> &[OnLane<'a>] {
        let start = self.on_lanes.partition_point(|entry| entry.lane.id.as_str() < lane_id);
        let rest = self.on_lanes.get(start..).unwrap_or_default();
        let count = rest.partition_point(|entry| entry.lane.id == lane_id);
        rest.get(..count).unwrap_or_default()
    }

    /// The lanes that hold motor vehicles, each with these.
    pub(crate) fn occupied_lanes(&self) -> impl Iterator<Item = &[OnLane<'a>]> {
        self.on_lanes.chunk_by(|a, b| a.lane.id == b.lane.id)
    }

    /// The vehicles ahead of one, the nearest first, each with the gap from bumper to bumper, metres: on its lane and, where
    /// only one way leads on, on the lane that follows.
    pub(crate) fn ahead_of(&self, seen: &Seen<'a>) -> impl Iterator<Item = (&Seen<'a>, f64)> {
        let place = seen.facts.lane;
        let on_own = place.map_or(&[][..], |place| self.on_lane(&place.lane.id));
        let along_m = place.map_or(0.0, |place| place.along_m);
        let start = on_own.partition_point(|entry| entry.along_m <= along_m);
        let own = on_own.get(start..).unwrap_or_default().iter().map(move |entry| (entry, entry.along_m - along_m));
        let next = place.and_then(|place| match place.lane.connections.as_slice() {
            [only] => Some((self.on_lane(&only.to), place.to_end_m + length_m(&only.points_m))),
            _ => None,
        });
        let (on_next, to_next_m) = next.unwrap_or_default();
        let next = on_next.iter().map(move |entry| (entry, to_next_m + entry.along_m));
        let half_m = seen.facts.half_length_m();
        own.chain(next).filter_map(move |(entry, ahead_m)| {
            let other = self.seen.get(entry.index)?;
            Some((other, ahead_m - half_m - other.facts.half_length_m()))
        })
    }
}

/// Length of a line, metres.
pub(crate) fn length_m(points_m: &[Vector2]) -> f64 {
    points_m.iter().zip(points_m.iter().skip(1)).map(|(a, b)| (*b - *a).norm()).sum()
}

/// Whether all numbers of a track are such that the detectors can count with them.
pub(crate) fn is_sane(track: &Track) -> bool {
    let near = |point: Vector2, limit: f64| point.x.abs() <= limit && point.y.abs() <= limit;
    let [xx, xy, _, _, yy, _, _, vxx, vxy, vyy] = track.covariance;
    let variances = [xx, yy, vxx, vyy].iter().all(|v| (0.0..=1e12).contains(v));
    near(track.position_m, MAX_COORDINATE_M)
        && near(track.velocity_mps, MAX_SPEED_MPS)
        && variances
        && track.covariance.iter().all(|v| v.is_finite())
        && xy.is_finite()
        && vxy.is_finite()
        && track.heading_rad.is_none_or(|heading| heading.abs() <= 1e3)
        && (0.0..=60.0).contains(&track.extent_m.0)
        && (0.0..=60.0).contains(&track.extent_m.1)
        && (0.0..=1.0).contains(&track.existence)
}
