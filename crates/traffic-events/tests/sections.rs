//! Roads that the map cuts into sections: who waits at a stop line, or behind somebody, on the next one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use common::{Actor, LIMIT_MPS, of, start, stop_at, straight, time, tracks_at, watch_tracks};
use fusion::Class;
use rsu_units::Vector2;
use site_map::{Connection, Lane, LaneKind, SiteFrame, SiteMap, Turn};
use traffic_events::{EventChange, EventKind, EventsConfig, Stage};

/// An eastbound road of two sections that meet at a place; it ends at x = 0 with a stop line, or goes on.
fn map(seam_x: f64, stop_line: bool) -> SiteMap {
    let lane = |id: &str, from: f64, to: f64| {
        Lane::new(id, LaneKind::Vehicle, 3.5, vec![Vector2::new(from, 0.0), Vector2::new(to, 0.0)])
            .with_speed_limit(LIMIT_MPS)
    };
    let first = lane("first", -250.0, seam_x).with_connection(Connection::new("second", Turn::Straight));
    let second = Lane { stop_line, ..lane("second", seam_x, if stop_line { 0.0 } else { 200.0 }) };
    SiteMap::new(SiteFrame::new(22.69, 114.35).unwrap(), vec![first, second], vec![]).unwrap()
}

fn watch(map: &SiteMap, actors: &[Actor]) -> Vec<EventChange> {
    let config = EventsConfig::default();
    watch_tracks(map, &config, 20.0, |_| (vec![], vec![]), |t| tracks_at(actors, t, time(t), 0.1))
}

fn stands(id: u64, x: f64) -> Actor {
    Actor::new(Class::Car, id, stop_at((x - 50.0, 0.0), 10.0, x, 60.0))
}

#[test]
fn the_stop_line_of_the_next_section_counts() {
    let stops = |map: &SiteMap, x| of(&watch(map, &[stands(1, x)]), EventKind::StoppedVehicle);
    assert_eq!(stops(&map(-30.0, true), -35.0), []);
    // Too far from it, and without one.
    assert_eq!(stops(&map(-30.0, true), -60.0), [Stage::Start]);
    assert_eq!(stops(&map(-30.0, false), -35.0), [Stage::Start]);
}

#[test]
fn who_waits_behind_a_breakdown_on_the_next_section_is_none() {
    let changes = watch(&map(-50.0, false), &[stands(1, -46.0), stands(2, -54.0)]);
    assert_eq!(of(&changes, EventKind::StoppedVehicle), [Stage::Start]);
    assert_eq!(start(&changes, EventKind::StoppedVehicle).participants[0].id.0, 1);
}

#[test]
fn who_is_slow_behind_somebody_on_the_next_section_is_none() {
    let slow = |id, x| Actor::new(Class::Car, id, straight((x, 0.0), (3.0, 0.0)));
    let changes = watch(&map(-50.0, false), &[slow(1, -90.0), slow(2, -110.0)]);
    let slow = changes.iter().filter(|change| change.kind == EventKind::SlowVehicle);
    assert!(slow.clone().count() > 0 && slow.clone().all(|change| change.participants[0].id.0 == 1));
}
