//! Questions to the map of a crossroads, answered as a person would.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use std::f64::consts::{FRAC_PI_2, PI};

use rsu_units::{Vector2, angle::wrap_rad};
use site_map::{ConflictKind, LaneKind, MAX_PATHS, Path, SiteMap, Turn};
use support::{STOP_M, crossroads, inbound, on_arm, outbound};

#[test]
fn the_nearest_lane_wins() {
    let map = crossroads();
    let place = map.lane_at(on_arm(0, 100.0, 2.0)).unwrap();
    assert_eq!(place.lane.id, "east-in-0");
    assert!((place.along_m - 100.0).abs() < 1e-9 && (place.to_end_m - 74.0).abs() < 1e-9);
    // Left of west is south.
    assert!((place.left_m + 0.25).abs() < 1e-9 && wrap_rad(place.direction_rad - PI).abs() < 1e-9);
    assert_eq!(map.lane_at(on_arm(0, 100.0, -2.0)).unwrap().lane.id, "east-out-0");
    assert_eq!(map.lane_at(on_arm(0, 100.0, 11.2)).unwrap().lane.id, "east-in-3");
    assert!(map.lane_at(on_arm(0, 100.0, 20.0)).is_none() && map.lane_at(on_arm(0, 201.0, 2.0)).is_none());
    assert_eq!(map.lanes_at(LaneKind::Vehicle, on_arm(0, 100.0, 3.0), 1.0).count(), 2);
    let nearest = |left_m: f64, margin_m| {
        map.nearest_lane(LaneKind::Vehicle, on_arm(0, 100.0, left_m), margin_m).map(|place| place.lane.id.as_str())
    };
    assert_eq!((nearest(3.0, 1.0), nearest(4.0, 1.0)), (Some("east-in-0"), Some("east-in-1")));
    // In the middle of both the name decides; beside the road, the margin.
    assert_eq!(
        (nearest(3.5, 0.1), nearest(10.8, 0.5), nearest(10.8, 0.0)),
        (Some("east-in-0"), Some("east-in-2"), None)
    );
}

#[test]
fn the_margin_of_the_carriageway_is_that_of_its_edge() {
    let map = crossroads();
    for arm in 0..4 {
        let on = |out_m, left_m, margin_m| map.on_carriageway(on_arm(arm, out_m, left_m), margin_m);
        // The seams of lanes, between the directions and at the stop line, are not edges; the kerb is one.
        assert!(on(60.0, 3.55, 0.3) && on(60.0, 0.05, 0.3) && on(STOP_M + 0.1, 1.0, 0.3));
        assert!(on(60.0, 10.4, 0.05) && !on(60.0, 10.4, 0.3) && !on(60.0, 10.6, 0.0));
        // In the junction its outline is the edge, here a line from (26, 12.5) to (12.5, 26).
        assert!(on(19.0, 19.0, 0.4) && !on(19.0, 19.0, 0.6) && !on(19.4, 19.4, 0.0));
        // A margin below zero asks for the point itself.
        assert!(on(60.0, 10.4, -1.0) && !on(60.0, 10.6, -1.0));
    }
    assert!(!map.on_carriageway(on_arm(0, 60.0, 1.0), f64::NAN) && !map.on_carriageway(on_arm(0, 60.0, 1.0), 1e300));
}

#[test]
fn crosswalks_are_told_from_the_carriageway() {
    let map = crossroads();
    assert!(map.on_carriageway(on_arm(1, 60.0, 1.0), 0.3) && !map.on_carriageway(on_arm(1, 60.0, 10.4), 0.3));
    assert!(map.on_crosswalk(on_arm(1, 21.0, 1.0), 0.0) && map.on_carriageway(on_arm(1, 21.0, 1.0), 0.3));
    assert!(!map.on_crosswalk(on_arm(1, 18.5, 1.0), 0.3) && map.on_crosswalk(on_arm(1, 18.5, 1.0), 0.6));
    // Without an area the ways across the junction are its carriageway.
    let open = SiteMap::new(support::frame(), support::lanes(), vec![]).unwrap();
    assert!(open.on_carriageway(Vector2::new(5.25, 0.0), 0.3) && !open.on_carriageway(Vector2::new(22.0, 22.0), 0.3));
}

#[test]
fn stop_lines_are_found_ahead() {
    let map = crossroads();
    let distance_m = |point| map.distance_to_stop_line_m(&map.lane_at(point).unwrap());
    assert!((distance_m(on_arm(2, 76.0, 2.0)).unwrap() - 50.0).abs() < 1e-9);
    assert_eq!(distance_m(on_arm(2, 76.0, -2.0)), None);
}

#[test]
fn connections_know_where_a_point_is() {
    let map = crossroads();
    // Straight on from the east: along y = 5.25 to the west.
    let places: Vec<_> = map.connections_at(Vector2::new(0.0, 5.0), 0.0).collect();
    let place = places.iter().find(|place| place.from.id == "east-in-1").unwrap();
    assert_eq!(place.connection.to, "west-out-1");
    assert!((place.along_m - 26.0).abs() < 1e-9 && (place.to_end_m - 26.0).abs() < 1e-9);
    assert!((place.left_m - 0.25).abs() < 1e-9 && wrap_rad(place.direction_rad - PI).abs() < 1e-9);
    assert_eq!(map.connections_at(on_arm(0, 100.0, 2.0), 3.0).count(), 0);
}

#[test]
fn following_goes_round_the_bend() {
    let map = crossroads();
    // From the east on lane 1, which only goes straight: 50 m before the stop line to 48 m behind the junction.
    let (point, direction) = map.follow(on_arm(0, 76.0, 5.0), PI, 150.0).unwrap();
    assert!((point - on_arm(2, 74.0, -5.0)).norm() < 1e-6 && wrap_rad(direction - PI).abs() < 1e-9);
    // In the middle of the right turn from the south to the east the choice is made.
    let turn = map.lane("south-in-2").unwrap().connections.iter().find(|to| to.turn == Turn::Right).unwrap();
    let middle = turn.points_m[turn.points_m.len() / 2];
    let (point, direction) = map.follow(middle, PI / 4.0, 40.0).unwrap();
    assert_eq!(map.lane_at(point).unwrap().lane.id, "east-out-2");
    assert!(direction.abs() < 1e-6);
}

#[test]
fn following_admits_that_it_does_not_know() {
    let map = crossroads();
    let before = on_arm(0, 40.0, 8.75);
    assert!(map.follow(before, PI, 10.0).is_some(), "the lane goes on");
    assert!(map.follow(before, PI, 16.0).is_some(), "straight on and right begin the same");
    assert!(map.follow(before, PI, 35.0).is_none(), "straight on or right?");
    assert!(map.follow(before, PI - 0.6, 5.0).is_none(), "the heading is another");
    assert!(map.follow(before, 0.0, 5.0).is_none(), "against the traffic");
    assert!(map.follow(on_arm(0, 100.0, 30.0), PI, 5.0).is_none(), "beside the road");
    assert!(map.follow(on_arm(0, 150.0, -2.0), 0.0, 60.0).is_none(), "the map ends");
    assert!(map.follow(before, f64::NAN, 5.0).is_none() && map.follow(before, PI, f64::NAN).is_none());
    assert!(map.follow(Vector2::new(f64::NAN, 0.0), PI, 5.0).is_none() && map.follow(before, PI, -1.0).is_none());
}

#[test]
fn following_takes_no_memory() {
    let map = crossroads();
    let info = allocation_counter::measure(|| {
        for step in 0..200 {
            let t = f64::from(step) * 0.31;
            std::hint::black_box(map.follow(Vector2::new(t - 30.0, 20.0 - t), t, t));
        }
    });
    assert_eq!(info.count_total, 0);
}

#[test]
fn paths_branch_at_connections() {
    let map = crossroads();
    let mut paths = vec![Path::default(); 3];
    map.paths_from(on_arm(1, 46.0, 8.5), -FRAC_PI_2, 120.0, &mut paths);
    let turns: Vec<Option<Turn>> = paths.iter().map(|path| path.turn).collect();
    assert_eq!(turns, [Some(Turn::Straight), Some(Turn::Right)]);
    assert_eq!(paths[0].point_at(20.0), Some(on_arm(1, 26.0, 8.75)));
    assert!((paths[1].point_at(119.0).unwrap() - paths[1].points_m.last().copied().unwrap()).norm() < 1.0 + 1e-6);
    assert!(paths[0].point_at(121.0).is_none() && paths[0].point_at(-0.1).is_none());
    assert!(paths[0].point_at(f64::NAN).is_none() && Path::default().point_at(0.0).is_none());
    for path in &paths {
        assert!((length_m(&path.points_m) - 120.0).abs() < 1e-6);
        assert!((path.left_m - 0.25).abs() < 1e-9 && (path.width_m - 3.5).abs() < 1e-9);
        assert_eq!((path.ways.len(), path.ways[0].way.connection, path.ways[2].way.connection), (3, None, None));
        assert!((path.ways[1].from_m - 20.0).abs() < 1e-9 && (path.ways[0].entered_m - 154.0).abs() < 1e-9);
    }
    let last = |path: &Path| map.lane_by_index(path.ways[2].way.lane).unwrap().id.clone();
    assert_eq!((last(&paths[0]), last(&paths[1])), (outbound(3, 2), outbound(2, 2)));
    // Short paths stay on the lane, and where the map ends so do they.
    map.paths_from(on_arm(1, 46.0, 8.5), -FRAC_PI_2, 10.0, &mut paths);
    assert!(paths.len() == 1 && paths[0].turn.is_none() && (length_m(&paths[0].points_m) - 10.0).abs() < 1e-9);
    map.paths_from(on_arm(1, 190.0, -2.0), FRAC_PI_2, 50.0, &mut paths);
    assert!(paths.len() == 1 && (length_m(&paths[0].points_m) - 10.0).abs() < 1e-9);
    // Beside the lane counts as on it, against it does not.
    map.paths_from(on_arm(1, 100.0, 13.0), -FRAC_PI_2, 10.0, &mut paths);
    assert_eq!(paths.len(), 1);
    map.paths_from(on_arm(1, 100.0, 13.0), FRAC_PI_2, 10.0, &mut paths);
    assert!(paths.is_empty());
    map.paths_from(Vector2::new(f64::NAN, 0.0), 0.0, 10.0, &mut paths);
    assert!(paths.is_empty() && MAX_PATHS == 8);
}

#[test]
fn ways_meet_where_they_should() {
    let map = crossroads();
    let way = |lane: &str, turn: Turn| {
        let index = map.lane_index(lane).unwrap();
        let connection = map.lane(lane).unwrap().connections.iter().position(|to| to.turn == turn).unwrap();
        (index, Some(connection))
    };
    let between = |a: (usize, Option<usize>), b: (usize, Option<usize>)| {
        let of = |way: site_map::WayRef| (way.lane, way.connection);
        map.conflict_points()
            .iter()
            .filter(move |conflict| {
                let (first, second) = (of(conflict.first), of(conflict.second));
                (first, second) == (a, b) || (first, second) == (b, a)
            })
            .collect::<Vec<_>>()
    };
    // Straight from the south (x = 5.25) and straight from the west (y = -5.25).
    let crossing = between(way(&inbound(3, 1), Turn::Straight), way(&inbound(2, 1), Turn::Straight));
    assert_eq!(crossing.len(), 1);
    assert_eq!(crossing[0].kind, ConflictKind::Crossing);
    assert!((crossing[0].point_m - Vector2::new(5.25, -5.25)).norm() < 1e-6);
    assert!((crossing[0].angle_rad - FRAC_PI_2).abs() < 1e-9);
    // Side by side and opposite: no conflict. The same lane's two ways: none.
    assert!(between(way(&inbound(3, 1), Turn::Straight), way(&inbound(1, 1), Turn::Straight)).is_empty());
    assert!(between(way(&inbound(0, 0), Turn::Left), way(&inbound(0, 0), Turn::UTurn)).is_empty());
    // Right from the south and straight from the west come together in the east.
    let merging = between(way(&inbound(3, 2), Turn::Right), way(&inbound(2, 2), Turn::Straight));
    assert_eq!(merging.len(), 1);
    assert_eq!(merging[0].kind, ConflictKind::Merging);
    // Each way across passes two crosswalks, and says where.
    let zebra = (map.lane_index("south-zebra").unwrap(), None);
    let walk = between(way(&inbound(3, 1), Turn::Straight), zebra);
    assert_eq!((walk.len(), walk[0].kind), (1, ConflictKind::Crosswalk));
    assert!((walk[0].first_along_m - 4.5).abs() < 1e-9);
}

fn length_m(points: &[Vector2]) -> f64 {
    points.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum()
}
