//! Collision risk: true and nearly true.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use common::{Actor, along, map, of, seconds, start, straight, time, tracks_at, watch, watch_tracks, watch_with};
use fusion::{Class, Track};
use rsu_units::Vector2;
use traffic_events::{EventChange, EventKind, EventsConfig, Quantity, Stage};

const KIND: EventKind = EventKind::CollisionRisk;

/// Meets a car that comes from the west at 10 m/s at x = 0 and second 9.5.
fn crossing_car() -> Actor {
    Actor::new(Class::Car, 2, straight((-1.75, -85.0 - 2.3 - 1.75), (0.0, 9.0)))
}

#[test]
fn two_cars_that_meet_in_the_junction() {
    let west = Actor::new(Class::Car, 1, straight((-99.0, -1.75), (10.0, 0.0)));
    let changes = watch(11.0, &[west, crossing_car()]);
    assert_eq!(of(&changes, KIND).first(), Some(&Stage::Start));
    let start = start(&changes, KIND);
    assert_eq!(start.participants.len(), 2);
    let [time, probability] = start.evidence.measures[..] else { panic!("two measures") };
    assert_eq!((time.quantity, probability.quantity), (Quantity::TimeToCollision, Quantity::CollisionProbability));
    assert!((0.9..1.5).contains(&time.value) && probability.value > 0.6, "{time:?} {probability:?}");
    assert!((7.9..9.0).contains(&seconds(start.at)), "{}", seconds(start.at));
    let meeting_m = Vector2::new(-1.75, -1.75);
    assert!((start.position_m - meeting_m).norm() < 2.0, "{:?}", start.position_m);
    // They are far beyond when it ends; it was where they would have met.
    let end = changes.iter().find(|change| change.kind == KIND && change.stage.is_end()).unwrap();
    assert!((end.position_m - meeting_m).norm() < 2.5, "{:?}", end.position_m);
    assert!((end.participants[0].position_m - meeting_m).norm() > 4.0, "{:?}", end.participants);
}

#[test]
fn a_car_and_a_pedestrian_who_steps_out() {
    let car = Actor::new(Class::Car, 1, straight((-150.0, -1.75), (10.0, 0.0)));
    let walker = Actor::new(Class::Pedestrian, 2, straight((-80.0, -1.75 - 1.3 * 6.77), (0.0, 1.3)));
    let changes = watch(9.0, &[car, walker]);
    assert_eq!(of(&changes, KIND), [Stage::Start, Stage::Cleared]);
    assert_eq!(start(&changes, KIND).participants[0].id.0, 1, "the vehicle comes first");
}

#[test]
fn a_bicycle_and_a_pedestrian() {
    let bicycle = Actor::new(Class::Bicycle, 1, straight((-120.0, -4.5), (5.0, 0.0)));
    let near = Actor::new(Class::Pedestrian, 2, straight((-80.0, -4.9), (0.0, 0.0)));
    assert_eq!(of(&watch(12.0, &[bicycle, near]), KIND), [Stage::Start, Stage::Cleared]);
    // Three who stand side by side are three risks, one after the other or at once.
    let bicycle = Actor::new(Class::Bicycle, 1, straight((-120.0, -4.5), (5.0, 0.0)));
    let people = [-80.0, -79.2, -78.4].map(|x| straight((x, -4.9), (0.0, 0.0)));
    let mut actors: Vec<Actor> =
        people.into_iter().zip(2..).map(|(place, id)| Actor::new(Class::Pedestrian, id, place)).collect();
    actors.push(bicycle);
    let changes = watch(12.0, &actors);
    assert_eq!(changes.iter().filter(|c| c.kind == KIND && c.stage == Stage::Start).count(), 3);
}

#[test]
fn passing_with_room_is_none() {
    let pairs: [[Actor; 2]; 6] = [
        // Oncoming on the neighbouring lane.
        [
            Actor::new(Class::Car, 1, straight((-150.0, -1.75), (13.0, 0.0))),
            Actor::new(Class::Bus, 2, straight((-20.0, 1.75), (-13.0, 0.0))),
        ],
        // Following, a little faster than the one ahead.
        [
            Actor::new(Class::Car, 1, straight((-150.0, -1.75), (12.0, 0.0))),
            Actor::new(Class::Car, 2, straight((-130.0, -1.75), (10.5, 0.0))),
        ],
        // Braking behind one who stands: 3 m/s².
        [
            Actor::new(Class::Car, 1, |t| {
                let s = t.min(4.0);
                Some((-120.0 + 12.0 * s - 1.5 * s * s, -1.75))
            }),
            Actor::new(Class::Car, 2, straight((-120.0 + 24.0 + 6.5, -1.75), (0.0, 0.0))),
        ],
        // Through the junction two seconds after the other.
        [Actor::new(Class::Car, 1, straight((-125.0, -1.75), (10.0, 0.0))), crossing_car()],
        // Two on foot who meet, and two who run.
        [
            Actor::new(Class::Pedestrian, 1, straight((-90.0, -6.5), (1.5, 0.0))),
            Actor::new(Class::Pedestrian, 2, straight((-70.0, -6.5), (-1.5, 0.0))),
        ],
        // Along the road, a person on the sidewalk beside it.
        [
            Actor::new(Class::Car, 1, straight((-150.0, -1.75), (13.0, 0.0))),
            Actor::new(Class::Pedestrian, 2, straight((-70.0, -6.5), (-1.5, 0.0))),
        ],
    ];
    for (number, pair) in pairs.into_iter().enumerate() {
        assert_eq!(of(&watch(9.0, &pair), KIND), [], "pair {number}");
    }
}

#[test]
fn braking_too_late_behind_one_who_stands() {
    let pair = [
        Actor::new(Class::Car, 1, straight((-150.0, -1.75), (14.0, 0.0))),
        Actor::new(Class::Car, 2, straight((-80.0, -1.75), (0.0, 0.0))),
    ];
    assert_eq!(of(&watch(4.5, &pair), KIND).first(), Some(&Stage::Start));
}

#[test]
fn a_turning_car_is_predicted_along_its_turn() {
    const RIGHT: &[(f64, f64)] = &[
        (-60.0, -1.75),
        (-20.0, -1.75),
        (-14.0, -2.1),
        (-9.0, -4.3),
        (-4.9, -8.4),
        (-2.6, -13.0),
        (-1.75, -20.0),
        (-1.75, -90.0),
    ];
    // The person crosses the arm that the car turns into; straight on the car would pass well before.
    let car = || Actor::new(Class::Car, 1, along(RIGHT, 6.0));
    let walker = || Actor::new(Class::Pedestrian, 2, straight((-1.75 - 1.2 * 10.3, -17.5), (1.2, 0.0)));
    let mut config = EventsConfig::default();
    let mut told_s = |follow_turns| {
        config.collision_risk.follow_turns = follow_turns;
        let changes = watch_with(&config, 14.0, &[car(), walker()], 0.1, |_| (vec![], vec![]));
        seconds(start(&changes, KIND).at)
    };
    // Without the map it is not told before the car has nearly turned.
    let (followed_s, straight_s) = (told_s(true), told_s(false));
    assert!(followed_s + 0.3 < straight_s, "{followed_s} {straight_s}");
}

/// A watch of the tracks after a change.
fn watch_changed(seconds: f64, actors: &[Actor], change: impl Fn(&mut Track)) -> Vec<EventChange> {
    watch_tracks(
        &map(),
        &EventsConfig::default(),
        seconds,
        |_| (vec![], vec![]),
        |t| {
            let mut tracks = tracks_at(actors, t, time(t), 0.05);
            tracks.iter_mut().for_each(&change);
            tracks
        },
    )
}

#[test]
fn a_place_that_is_uncertain_along_the_way_is_certain_enough() {
    // A camera far off knows the direction and not the distance.
    let actors = || {
        [
            Actor::new(Class::Car, 1, straight((-150.0, -1.75), (10.0, 0.0))),
            Actor::new(Class::Pedestrian, 2, straight((-80.0, -1.75), (0.0, 0.0))),
        ]
    };
    let along = watch_changed(9.0, &actors(), |track| track.covariance[0] = 1.0);
    assert_eq!(of(&along, KIND).first(), Some(&Stage::Start));
    // Uncertain across, they may as well miss each other.
    let across = watch_changed(9.0, &actors(), |track| track.covariance[4] = 1.0);
    assert_eq!(of(&across, KIND), []);
}

#[test]
fn boxes_that_overlap_on_a_lane_start_nothing() {
    // The van's length is overestimated: its rear seems to be where the car behind has its front.
    let actors = [
        Actor::new(Class::Car, 1, straight((-150.0, -1.75), (12.0, 0.0))),
        Actor::new(Class::Truck, 2, straight((-145.0, -1.75), (7.0, 0.0))).with(|track| track.extent_m.0 = 14.0),
    ];
    assert_eq!(of(&watch(0.9, &actors), KIND), []);
}

#[test]
fn a_rider_whom_sensors_take_for_a_walker_at_times_is_known_by_the_speed() {
    let actors = [
        Actor::new(Class::Bicycle, 1, straight((-120.0, -4.5), (5.0, 0.0))),
        Actor::new(Class::Pedestrian, 2, straight((-80.0, -4.9), (0.0, 0.0))),
    ];
    // Two of five reports say so.
    let changes = watch_tracks(
        &map(),
        &EventsConfig::default(),
        12.0,
        |_| (vec![], vec![]),
        |t| {
            let mut tracks = tracks_at(&actors, t, time(t), 0.05);
            if (t * 10.0).round() as i64 % 5 > 2 {
                tracks[0].class = tracks[1].class;
            }
            tracks
        },
    );
    assert_eq!(of(&changes, KIND).first(), Some(&Stage::Start));
}
