//! A crossroads, and actors on it whose tracks are given to the monitor directly.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, unreachable_pub, reason = "shared by several tests")]

use std::sync::OnceLock;
use std::time::Duration;

use fusion::{
    Class, Covariance2, Detection, Heading, SensorFrame, SensorId, SensorKind, SensorModel, Track, TrackId, Tracker,
    TrackerConfig, V2xId, Velocity,
};
use rsu_units::{Timestamp, Vector2};
use site_map::{Area, AreaKind, Connection, Lane, LaneKind, SiteFrame, SiteMap, Turn};
use traffic_events::{Context, EventChange, EventKind, EventsConfig, Light, Monitor, SignalState, Stage};

/// Speed limit of all lanes, m/s.
pub const LIMIT_MPS: f64 = 50.0 / 3.6;

fn lane(id: &str, kind: LaneKind, width_m: f64, points: &[(f64, f64)]) -> Lane {
    Lane::new(id, kind, width_m, points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect())
}

fn to(id: &str, turn: Turn, group: u32) -> Connection {
    Connection { signal_group: Some(group), ..Connection::new(id, turn) }
}

/// Four arms of one lane each way, the junction within 20 m. From the west nobody may turn left; from the east one may
/// turn round. Groups: 1 east and west, 2 north and south, 3 left turns from the east, 5 the crosswalk in the west.
pub fn map() -> SiteMap {
    let vehicle =
        |id: &str, points: &[(f64, f64)]| lane(id, LaneKind::Vehicle, 3.5, points).with_speed_limit(LIMIT_MPS);
    let lanes = vec![
        vehicle("W-in", &[(-200.0, -1.75), (-20.0, -1.75)])
            .with_stop_line()
            .with_approach("W")
            .with_connection(to("E-out", Turn::Straight, 1))
            .with_connection(to("S-out", Turn::Right, 1)),
        vehicle("W-out", &[(-20.0, 1.75), (-200.0, 1.75)]),
        vehicle("E-in", &[(200.0, 1.75), (20.0, 1.75)])
            .with_stop_line()
            .with_approach("E")
            .with_connection(to("W-out", Turn::Straight, 1))
            .with_connection(to("S-out", Turn::Left, 3))
            .with_connection(to("E-out", Turn::UTurn, 3)),
        vehicle("E-out", &[(20.0, -1.75), (200.0, -1.75)]),
        vehicle("N-in", &[(-1.75, 200.0), (-1.75, 20.0)])
            .with_stop_line()
            .with_approach("N")
            .with_connection(to("S-out", Turn::Straight, 2))
            .with_connection(to("E-out", Turn::Left, 2)),
        vehicle("N-out", &[(1.75, 20.0), (1.75, 200.0)]),
        vehicle("S-in", &[(1.75, -200.0), (1.75, -20.0)]).with_stop_line().with_approach("S").with_connection(to(
            "N-out",
            Turn::Straight,
            2,
        )),
        vehicle("S-out", &[(-1.75, -20.0), (-1.75, -200.0)]),
        lane("W-bike", LaneKind::Bicycle, 1.5, &[(-200.0, -4.5), (-20.0, -4.5)]),
        lane("W-walk", LaneKind::Sidewalk, 2.0, &[(-200.0, -6.5), (-20.0, -6.5)]),
        lane("W-zebra", LaneKind::Crosswalk, 4.0, &[(-17.0, -7.0), (-17.0, 7.0)]).with_connection(to(
            "W-zebra",
            Turn::Straight,
            5,
        )),
    ];
    let corners = [(-20.0, -5.3), (-5.3, -20.0), (5.3, -20.0), (20.0, -5.3)];
    let polygon_m: Vec<Vector2> =
        corners.iter().chain(corners.map(|(x, y)| (-x, -y)).iter()).map(|(x, y)| Vector2::new(*x, *y)).collect();
    let areas = vec![Area { id: "junction".into(), kind: AreaKind::Junction, polygon_m }];
    SiteMap::new(SiteFrame::new(22.69, 114.35).unwrap(), lanes, areas).unwrap()
}

/// A track as the tracker makes it of a class that every report agrees on.
pub fn template(class: Class) -> Track {
    static TEMPLATES: OnceLock<Vec<Track>> = OnceLock::new();
    TEMPLATES.get_or_init(|| Class::ALL.into_iter().map(make_template).collect())[class as usize]
}

fn make_template(class: Class) -> Track {
    let sensor = SensorModel::new(SensorKind::Lidar, Vector2::new(0.0, 20.0), 0.0, 7.0, 400.0);
    let mut tracker = Tracker::new(TrackerConfig { max_participants: 4, ..TrackerConfig::new(vec![sensor]) });
    let mut tracks = Vec::new();
    for step in 0..60 {
        let at = Timestamp::from_seconds(10.0 + 0.05 * f64::from(step));
        let detection = Detection {
            velocity: Some(Velocity { mps: Vector2::default(), along_sd_mps: 0.3, across_sd_mps: 0.3 }),
            heading: Some(Heading { rad: 0.0, sd_rad: 0.1 }),
            extent_m: Some(class.usual_extent_m()),
            class: Some(class),
            confidence: 0.9,
            object_id: Some(1),
            ..Detection::new(Vector2::default(), Covariance2 { xx: 0.02, xy: 0.0, yy: 0.02 })
        };
        let frame = SensorFrame { sensor: SensorId::default(), measured_at: at, detections: vec![detection] };
        tracker.accept(frame).unwrap();
        tracker.tracks_at(at, &mut tracks);
    }
    tracks[0]
}

type Place = Box<dyn Fn(f64) -> Option<(f64, f64)>>;

/// A road user: where it is at each time (seconds), while it is tracked, and under which identity.
pub struct Actor {
    pub track: Track,
    pub place: Place,
    pub id: Box<dyn Fn(f64) -> u64>,
}

impl Actor {
    pub fn new(class: Class, id: u64, place: impl Fn(f64) -> Option<(f64, f64)> + 'static) -> Self {
        Self { track: template(class), place: Box::new(place), id: Box::new(move |_| id) }
    }

    /// The same actor under another identity from a time on.
    pub fn renamed(self, from_s: f64, id: u64) -> Self {
        let before = self.id;
        Self { id: Box::new(move |t| if t < from_s { before(t) } else { id }), ..self }
    }

    pub fn with(mut self, change: impl Fn(&mut Track)) -> Self {
        change(&mut self.track);
        self
    }
}

/// Tracks of all actors at a time, with errors of a size, metres.
pub fn tracks_at(actors: &[Actor], t: f64, at: Timestamp, noise_m: f64) -> Vec<Track> {
    let step = (t * 10.0).round() as i64;
    let error = |n: i64| (((step * 7919 + n * 104_729).rem_euclid(100)) as f64 / 50.0 - 1.0) * noise_m;
    let mut tracks: Vec<Track> = actors
        .iter()
        .zip(0..)
        .filter_map(|(actor, n)| {
            let (x, y) = (actor.place)(t)?;
            let (px, py) = (actor.place)(t - 0.1).unwrap_or((x, y));
            let velocity_mps = Vector2::new((x - px) * 10.0, (y - py) * 10.0);
            let id = (actor.id)(t);
            let mut first = t;
            // A look that is missing now and then ends no track.
            while first > t - 2.0
                && [0.0, 0.1, 0.2].iter().any(|d| (actor.place)(first - d).is_some() && (actor.id)(first - d) == id)
            {
                first -= 0.1;
            }
            let mut covariance = [0.0; 10];
            (covariance[0], covariance[4]) = (noise_m * noise_m + 1e-4, noise_m * noise_m + 1e-4);
            (covariance[7], covariance[9]) = (noise_m * noise_m + 1e-4, noise_m * noise_m + 1e-4);
            Some(Track {
                id: TrackId(id),
                at,
                position_m: Vector2::new(x + error(n), y + error(n + 50)),
                velocity_mps: velocity_mps + Vector2::new(error(n + 7), error(n + 70)) * 0.5,
                covariance,
                heading_rad: (velocity_mps.norm() > 0.1).then(|| velocity_mps.angle_rad()).or(actor.track.heading_rad),
                existence: 0.98,
                first_measured_at: at - Duration::from_secs_f64(t - first),
                last_measured_at: at,
                classified_at: at,
                sources: 3,
                ..actor.track
            })
        })
        .collect();
    tracks.sort_by_key(|track| track.id);
    tracks
}

/// What is known beside the tracks at a time.
pub type Known = (Vec<SignalState>, Vec<V2xId>);

/// The start of all scenes.
pub fn time(t: f64) -> Timestamp {
    Timestamp::from_seconds(5000.0 + t)
}

/// Shows the actors to a monitor at 10 Hz.
pub fn watch_with(
    config: &EventsConfig,
    seconds: f64,
    actors: &[Actor],
    noise_m: f64,
    known: impl Fn(f64) -> Known,
) -> Vec<EventChange> {
    watch_tracks(&map(), config, seconds, known, |t| tracks_at(actors, t, time(t), noise_m))
}

/// Shows the tracks of each time to a monitor at 10 Hz.
pub fn watch_tracks(
    map: &SiteMap,
    config: &EventsConfig,
    seconds: f64,
    known: impl Fn(f64) -> Known,
    tracks: impl Fn(f64) -> Vec<Track>,
) -> Vec<EventChange> {
    let mut monitor = Monitor::new(config);
    let mut changes = Vec::new();
    for step in 0..(seconds * 10.0) as u32 {
        let t = f64::from(step) / 10.0;
        let (signals, emergency) = known(t);
        let context = Context { signals: &signals, emergency: &emergency };
        monitor.update(time(t), map, &tracks(t), &context, &mut changes);
    }
    changes
}

/// Shows the actors to a monitor with usual settings and slight noise.
pub fn watch(seconds: f64, actors: &[Actor]) -> Vec<EventChange> {
    watch_with(&EventsConfig::default(), seconds, actors, 0.1, |_| (vec![], vec![]))
}

/// The starts and ends of one kind.
pub fn of(changes: &[EventChange], kind: EventKind) -> Vec<Stage> {
    changes.iter().filter(|c| c.kind == kind && c.stage != Stage::Update).map(|c| c.stage).collect()
}

/// The first start of one kind.
pub fn start(changes: &[EventChange], kind: EventKind) -> &EventChange {
    changes.iter().find(|c| c.kind == kind && c.stage == Stage::Start).unwrap()
}

/// Seconds of the scene.
pub fn seconds(at: Timestamp) -> f64 {
    at.seconds_since(time(0.0))
}

/// A signal group that shows a light since a second of the scene.
pub fn signal(group: u32, light: Light, since_s: f64) -> SignalState {
    SignalState { group, light, since: time(since_s) }
}

/// Straight on at a constant speed.
pub fn straight(from: (f64, f64), velocity: (f64, f64)) -> impl Fn(f64) -> Option<(f64, f64)> {
    move |t| Some((from.0 + velocity.0 * t, from.1 + velocity.1 * t))
}

/// Along a line of points at a constant speed, standing at its end.
pub fn along(points: &'static [(f64, f64)], speed: f64) -> impl Fn(f64) -> Option<(f64, f64)> {
    move |t| {
        let mut left = speed * t.max(0.0);
        for pair in points.windows(2) {
            let (dx, dy) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let length = dx.hypot(dy);
            if left <= length {
                return Some((pair[0].0 + dx * left / length, pair[0].1 + dy * left / length));
            }
            left -= length;
        }
        points.last().copied()
    }
}

/// Drives in x at a speed until it stands at a place; drives on at a time.
pub fn stop_at(from: (f64, f64), speed: f64, x: f64, until_s: f64) -> impl Fn(f64) -> Option<(f64, f64)> {
    move |t| {
        let arrived = (x - from.0) / speed;
        let at = if t < arrived {
            from.0 + speed * t
        } else if t < until_s {
            x
        } else {
            x + speed * (t - until_s)
        };
        Some((at, from.1))
    }
}
