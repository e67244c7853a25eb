//! What holds for any map and any point.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use std::f64::consts::FRAC_PI_2;

use proptest::prelude::*;
use rsu_units::{Vector2, angle::wrap_rad};
use site_map::{Area, AreaKind, Connection, Lane, LaneKind, MAX_PATHS, SiteMap, Turn};
use support::{crossroads, frame};

/// A number as maps have them, now and then one as they must not have.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -100.0..100.0_f64, 1 => Just(0.0), 1 => proptest::num::f64::ANY]
}

fn line(from: f64, to: f64) -> impl Strategy<Value = Vec<Vector2>> {
    let point = (from..to, from..to).prop_map(|(x, y)| Vector2::new(x, y));
    proptest::collection::vec(point, 2..8)
}

/// Lanes as crooked as they may be, with connections to each other.
fn lanes() -> impl Strategy<Value = Vec<Lane>> {
    let lane =
        (line(-60.0, 60.0), 0.5..9.0_f64, 0..4_usize, proptest::collection::vec((0..12_usize, 0..4_usize), 0..4));
    proptest::collection::vec(lane, 0..12).prop_map(|lanes| {
        let kinds = [LaneKind::Vehicle, LaneKind::Bicycle, LaneKind::Crosswalk, LaneKind::Sidewalk];
        let turns = [Turn::Straight, Turn::Left, Turn::Right, Turn::UTurn];
        let mut made = Vec::new();
        for (index, (points_m, width_m, kind, to)) in lanes.into_iter().enumerate() {
            let connections = to.into_iter().map(|(to, turn)| Connection::new(to.to_string(), turns[turn])).collect();
            made.push(Lane { connections, ..Lane::new(index.to_string(), kinds[kind], width_m, points_m) });
        }
        made
    })
}

/// Distance from a line, and whether its nearest point is an end beyond which the point lies: the slow way.
fn from_line(line: &[Vector2], point: Vector2) -> (f64, bool) {
    let mut best = (f64::INFINITY, false);
    for (number, pair) in line.windows(2).enumerate() {
        let (a, whole) = (pair[0], pair[1] - pair[0]);
        let t = (point - a).dot(whole) / whole.norm_squared();
        let distance_m = (point - a - whole * t.clamp(0.0, 1.0)).norm();
        if distance_m < best.0 {
            best = (distance_m, (number == 0 && t < 0.0) || (number + 2 == line.len() && t > 1.0));
        }
    }
    best
}

proptest! {
    #[test]
    fn nothing_stops_the_making_of_a_map(
        points in proptest::collection::vec((number(), number()), 0..6),
        others in proptest::collection::vec((number(), number()), 0..6),
        width_m in number(),
        limit in number(),
        x in number(), y in number(), heading_rad in number(), length_m in number(),
    ) {
        let line = |points: &[(f64, f64)]| points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect::<Vec<_>>();
        let mut connection = Connection::new("b", Turn::Left);
        connection.points_m = line(&others);
        let lanes = vec![
            Lane::new("a", LaneKind::Vehicle, width_m, line(&points))
                .with_speed_limit(limit)
                .with_connection(connection)
                .with_connection(Connection::new("b", Turn::Left)),
            Lane::new("b", LaneKind::Vehicle, 3.5, line(&others)),
        ];
        let areas = vec![Area { id: "c".into(), kind: AreaKind::Junction, polygon_m: line(&points) }];
        for (lanes, areas) in [(lanes.clone(), areas.clone()), (lanes, vec![]), (vec![], areas)] {
            if let Ok(map) = SiteMap::new(frame(), lanes, areas) {
                ask_everything(&map, Vector2::new(x, y), heading_rad, length_m);
            }
        }
    }

    #[test]
    fn nothing_stops_a_question(
        lanes in lanes(), x in number(), y in number(), heading_rad in number(), length_m in number(),
    ) {
        if let Ok(map) = SiteMap::new(frame(), lanes, vec![]) {
            ask_everything(&map, Vector2::new(x, y), heading_rad, length_m);
        }
    }

    #[test]
    fn the_index_finds_what_a_search_through_all_finds(
        lanes in lanes(), x in -70.0..70.0_f64, y in -70.0..70.0_f64, margin_m in -3.0..10.0_f64,
    ) {
        let Ok(map) = SiteMap::new(frame(), lanes, vec![]) else { return Ok(()) };
        let point = Vector2::new(x, y);
        let holds = |line: &[Vector2], width_m: f64| {
            let (distance_m, beyond) = from_line(line, point);
            distance_m <= width_m / 2.0 + margin_m && !(beyond && distance_m > margin_m.max(0.0))
        };
        for kind in [LaneKind::Vehicle, LaneKind::Bicycle, LaneKind::Crosswalk, LaneKind::Sidewalk] {
            let found: Vec<&str> = map.lanes_at(kind, point, margin_m).map(|place| place.lane.id.as_str()).collect();
            let of_kind = map.lanes().filter(|lane| lane.kind == kind);
            let all: Vec<&str> =
                of_kind.filter(|lane| holds(&lane.points_m, lane.width_m)).map(|lane| lane.id.as_str()).collect();
            prop_assert_eq!(found, all);
        }
        let found = map.connections_at(point, margin_m).count();
        let all: usize = map
            .lanes()
            .map(|lane| lane.connections.iter().filter(|to| holds(&to.points_m, lane.width_m)).count())
            .sum();
        prop_assert_eq!(found, all);
    }

    #[test]
    fn paths_are_not_too_long_and_whole(
        lanes in lanes(), x in -70.0..70.0_f64, y in -70.0..70.0_f64, heading_rad in -3.2..3.2_f64,
        length_m in 0.0..300.0_f64,
    ) {
        let Ok(map) = SiteMap::new(frame(), lanes, vec![]) else { return Ok(()) };
        let mut paths = Vec::new();
        map.paths_from(Vector2::new(x, y), heading_rad, length_m, &mut paths);
        prop_assert!(paths.len() <= MAX_PATHS);
        for path in &paths {
            let total: f64 = path.points_m.windows(2).map(|pair| (pair[1] - pair[0]).norm()).sum();
            prop_assert!(path.points_m.len() >= 2 && total <= length_m + 1e-6, "{} {}", total, length_m);
            prop_assert!(path.points_m.iter().all(|point| point.is_finite()));
            prop_assert!(path.ways.windows(2).all(|pair| pair[0].from_m <= pair[1].from_m));
        }
    }

    #[test]
    fn following_keeps_the_distance_from_the_centre_line(
        arm in 0..4_usize, out_m in 30.0..190.0_f64, left_m in 0.2..10.3_f64, off_rad in -0.1..0.1_f64,
        distance_m in 0.0..20.0_f64,
    ) {
        let map = crossroads();
        let point = support::on_arm(arm, out_m, left_m);
        let place = map.lane_at(point).unwrap();
        if distance_m < place.to_end_m {
            let (after, direction_rad) = map.follow(point, place.direction_rad + off_rad, distance_m).unwrap();
            let then = map.lanes_at(LaneKind::Vehicle, after, 0.1).find(|then| then.lane.id == place.lane.id).unwrap();
            prop_assert!((then.left_m - place.left_m).abs() < 1e-9);
            prop_assert!((then.along_m - place.along_m - distance_m).abs() < 1e-9);
            prop_assert!(wrap_rad(direction_rad - place.direction_rad).abs() < 1e-9);
        }
    }

    #[test]
    fn following_keeps_the_distance_in_a_turn(
        arm in 0..4_usize, t in 0.3..0.7_f64, left_m in -1.0..1.0_f64, step_m in 0.5..4.0_f64,
    ) {
        let map = crossroads();
        let from = map.lane(&support::inbound(arm, 2)).unwrap();
        let turn = from.connections.iter().find(|to| to.turn == Turn::Right).unwrap();
        let middle = (turn.points_m.len() as f64 * t) as usize;
        let (a, b) = (turn.points_m[middle], turn.points_m[middle + 1]);
        let heading_rad = (b - a).angle_rad();
        let point = (a + b) * 0.5 + Vector2::from_angle(heading_rad + FRAC_PI_2) * left_m;
        let (after, direction_rad) = map.follow(point, heading_rad, step_m).unwrap();
        let then = map.connections_at(after, 0.5).find(|then| then.connection == turn).unwrap();
        // At the corners of the line the distance is not the same from both sides.
        prop_assert!((then.left_m - left_m).abs() < 0.05, "{} {}", then.left_m, left_m);
        prop_assert!(wrap_rad(direction_rad - then.direction_rad).abs() < 0.12);
    }
}

fn ask_everything(map: &SiteMap, point: Vector2, heading_rad: f64, length_m: f64) {
    let _ = (map.lane_at(point), map.in_junction(point), map.on_carriageway(point, length_m));
    let _ = (map.on_crosswalk(point, length_m), map.connections_at(point, length_m).count());
    for place in map.lanes_at(LaneKind::Vehicle, point, length_m) {
        let _ = map.distance_to_stop_line_m(&place);
    }
    let reached = map.follow(point, heading_rad, length_m);
    assert!(reached.is_none_or(|(point, direction_rad)| point.is_finite() && direction_rad.is_finite()));
    let mut paths = Vec::new();
    map.paths_from(point, heading_rad, length_m, &mut paths);
    assert!(map.conflict_points().iter().all(|conflict| conflict.point_m.is_finite()));
    let _ = map.validate();
    assert!(map.to_svg().ends_with("</svg>\n"));
}
