//! Maps out of MAP messages: one from a real roadside unit, one in which every lane has points and connections, one with
//! the roads that lead away, and one in the second stage's form.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use rsu_proto::v1;
use rsu_proto::v1::position_offset::Horizontal;
use rsu_units::Vector2;
use site_map::{ConflictKind, LaneKind, SiteFrame, SiteMap, Turn};
use support::{STOP_M, WIDTH_M, frame, on_arm};

fn fixture(text: &str) -> SiteMap {
    let message: v1::MapData = serde_json::from_str(text).unwrap();
    let reference = message.nodes[0].reference.as_ref().unwrap();
    let frame = SiteFrame::new(reference.latitude_deg.unwrap(), reference.longitude_deg.unwrap()).unwrap();
    SiteMap::from_map_message(frame, &message).unwrap()
}

#[test]
fn a_captured_map_has_its_turns_and_signals() {
    let map = fixture(include_str!("data/captured_map.json"));
    assert_eq!(map.approaches().collect::<Vec<_>>(), ["1.148-1.149", "1.150-1.149", "1.1091-1.149", "1.1095-1.149"]);
    let lane = map.lane("1.148-1.149/1").unwrap();
    let turns: Vec<(Turn, Option<u32>)> = lane.connections.iter().map(|to| (to.turn, to.signal_group)).collect();
    assert_eq!(turns, [(Turn::Left, Some(1)), (Turn::Straight, Some(2)), (Turn::Right, Some(3))]);
    // The roads that lead away are not in it, but the ways across are.
    assert!(lane.connections.iter().all(|to| map.lane(&to.to).is_none() && to.points_m.len() >= 2));
    assert!(map.in_junction(Vector2::default()));
    let told: Vec<String> = map.validate().iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|told| told.contains("not 22 m wide")), "{told:#?}");
    assert!(told.last().unwrap().starts_with("warning: 1.149-1.1091/1: connections lead to this lane (and 3 more)"));
    // Three ways lead into each of the four unknown lanes.
    let merging = map.conflict_points().iter().filter(|conflict| conflict.kind == ConflictKind::Merging).count();
    assert_eq!(merging, 12);
}

#[test]
fn ways_across_lead_to_the_other_side_of_the_road() {
    let map = fixture(include_str!("data/map_4x3.json"));
    assert_eq!(map.lanes().count(), 12);
    let stop = map.lane("440.2001-440.1001/2").unwrap();
    let across = &stop.connections[0];
    assert_eq!(
        (across.turn, across.signal_group, across.to.as_str()),
        (Turn::Straight, Some(2), "440.1001-440.2003/2")
    );
    // From the north to the south: it must end beside the lanes that come from there, on their left.
    let (first, last) = (across.points_m[0], *across.points_m.last().unwrap());
    assert!((first - *stop.points_m.last().unwrap()).norm() < 1e-9);
    assert!(last.y < -10.0 && last.x < 0.0 && last.x > -12.0, "{last:?}");
    assert!(map.lanes_at(LaneKind::Vehicle, last, 0.0).next().is_none());
    // So a vehicle can be followed across, but not beyond.
    let (point, _) = map.follow(first, -std::f64::consts::FRAC_PI_2, 20.0).unwrap();
    assert!((point.y - first.y + 20.0).abs() < 0.5, "{point:?}");
    assert!(map.follow(first, -std::f64::consts::FRAC_PI_2, 60.0).is_none());
}

/// A message of the crossroads: its node 1 and, if `whole`, the four next nodes, 2 to 5.
fn message(whole: bool, arms: &[usize]) -> v1::MapData {
    let connect = |arm: usize, lane: u32| v1::Connection {
        remote: Some(id(arm % 4)),
        lane: Some(v1::ConnectingLane { lane_id: lane, maneuvers: None }),
        phase_id: None,
    };
    let lane = |number: u32, line: [Vector2; 2], connects_to| v1::Lane {
        id: number,
        width_m: Some(WIDTH_M),
        points: line.iter().map(|point| absolute(*point)).collect(),
        connects_to,
        ..v1::Lane::default()
    };
    let link = |upstream, lanes| v1::Link { upstream: Some(upstream), lanes, ..v1::Link::default() };
    let offset_m = |number: u32| (f64::from(number) - 0.5) * WIDTH_M;
    let inbound = arms.iter().map(|arm| {
        let line = |number| [on_arm(*arm, 200.0, offset_m(number)), on_arm(*arm, STOP_M, offset_m(number))];
        let to = |turn: usize, number| {
            let target = (arm + turn) % 4;
            arms.contains(&target).then(|| connect(target, number)).into_iter().collect::<Vec<_>>()
        };
        let movements = vec![v1::Movement { remote: Some(id((arm + 2) % 4)), phase_id: Some(7) }];
        let lanes = vec![lane(1, line(1), to(3, 1)), lane(2, line(2), to(2, 2)), lane(3, line(3), to(1, 3))];
        v1::Link { movements, ..link(id(*arm), lanes) }
    });
    let mut nodes = vec![node(v1::NodeReference { region: None, id: 1 }, inbound.collect())];
    for arm in arms.iter().filter(|_| whole) {
        let line = |number| [on_arm(*arm, STOP_M, -offset_m(number)), on_arm(*arm, 200.0, -offset_m(number))];
        let lanes = (1..=3).map(|number| lane(number, line(number), vec![])).collect();
        nodes.push(node(id(*arm), vec![link(v1::NodeReference { region: None, id: 1 }, lanes)]));
    }
    v1::MapData { nodes, ..v1::MapData::default() }
}

fn id(arm: usize) -> v1::NodeReference {
    v1::NodeReference { region: None, id: arm as u32 + 2 }
}

fn node(id: v1::NodeReference, in_links: Vec<v1::Link>) -> v1::Node {
    let (latitude_deg, longitude_deg) = frame().reference_deg();
    let reference = v1::GeoPosition {
        latitude_deg: Some(latitude_deg),
        longitude_deg: Some(longitude_deg),
        ..v1::GeoPosition::default()
    };
    v1::Node { id: Some(id), reference: Some(reference), in_links, ..v1::Node::default() }
}

fn absolute(point: Vector2) -> v1::PositionOffset {
    let (latitude_deg, longitude_deg) = frame().to_wgs84(point);
    let place = v1::LatLon { latitude_deg: Some(latitude_deg), longitude_deg: Some(longitude_deg) };
    v1::PositionOffset { horizontal: Some(Horizontal::Absolute(place)), ..v1::PositionOffset::default() }
}

#[test]
fn lanes_that_lead_away_are_found_in_the_next_nodes() {
    let map = SiteMap::from_map_message(frame(), &message(true, &[0, 1, 2, 3])).unwrap();
    let ids: Vec<String> = map.lanes().flat_map(|lane| &lane.connections).map(|to| to.to.clone()).collect();
    assert!(ids.len() == 12 && ids.iter().all(|id| map.lane(id).is_some()), "{ids:?}");
    // No maneuvers are given: the turns are seen. The phase comes from the link's movements.
    let turns: Vec<Turn> = map.lanes().take(3).map(|lane| lane.connections[0].turn).collect();
    assert_eq!(turns, [Turn::Left, Turn::Straight, Turn::Right]);
    assert_eq!(map.lane("2-1/2").unwrap().connections[0].signal_group, Some(7));
    assert_eq!(map.lane("2-1/1").unwrap().connections[0].signal_group, None);
    assert_eq!(map.validate().iter().filter(|finding| finding.severity == site_map::Severity::Error).count(), 0);
    assert!(map.distance_to_stop_line_m(&map.lane_at(on_arm(0, 76.0, 5.0)).unwrap()).is_some());
}

#[test]
fn who_waits_at_the_corner_is_not_on_the_carriageway() {
    for whole in [true, false] {
        for arms in [&[0, 1, 2, 3][..], &[0, 1, 2]] {
            let map = SiteMap::from_map_message(frame(), &message(whole, arms)).unwrap();
            let polygon = &map.areas()[0].polygon_m;
            assert!(map.in_junction(Vector2::default()) && map.in_junction(Vector2::new(12.0, 12.0)), "{polygon:?}");
            assert!(map.in_junction(Vector2::new(25.0, 10.0)) && map.in_junction(Vector2::new(-10.0, 25.0)));
            // The convex hull would have them; the pavement begins 10.5 m from the middle of each road.
            for corner in [(18.5, 18.5), (-18.5, 18.5), (24.0, 13.0)] {
                let corner = Vector2::new(corner.0, corner.1);
                assert!(!map.on_carriageway(corner, 0.0), "{corner:?} {whole} {arms:?} {polygon:?}");
            }
            let south = map.in_junction(Vector2::new(3.0, -20.0));
            assert_eq!(south, arms.len() == 4, "{polygon:?}");
        }
    }
    let road = SiteMap::from_map_message(frame(), &message(true, &[0, 2])).unwrap();
    assert!(road.areas().is_empty(), "two arms are no junction");
}

#[test]
fn the_second_stages_form_is_read() {
    let st = |s_m: f64, t_m: f64| v1::StPoint {
        s_axis: (s_m * 10.0) as i32,
        t_axis: (t_m * 100.0) as i32,
        ..v1::StPoint::default()
    };
    let lane = |ref_id, from_m, to_m, left_m| v1::LaneEx {
        ref_id,
        width_m: Some(3.2),
        st_points: vec![st(from_m, left_m), st(to_m, left_m)],
        ..v1::LaneEx::default()
    };
    let way = v1::ConnectingLaneEx {
        target_section: 1,
        target_lane: -1,
        points: vec![absolute(Vector2::new(-26.0, -1.6)), absolute(Vector2::new(1.6, 26.0))],
        ..v1::ConnectingLaneEx::default()
    };
    let connection = v1::ConnectionEx {
        remote: Some(id(1)),
        connecting_lanes: vec![way],
        phase_id: Some(5),
        turn_direction: Some(v1::Maneuver::LeftTurn.into()),
        ..v1::ConnectionEx::default()
    };
    let last = v1::LaneEx { connects_to: vec![connection], ..lane(-1, 100.0, 174.0, -1.6) };
    let section = |id, lanes| v1::Section { id, lanes, ..v1::Section::default() };
    let link = v1::LinkEx {
        upstream: Some(id(2)),
        reference_line: vec![absolute(Vector2::new(-200.0, 0.0)), absolute(Vector2::new(-26.0, 0.0))],
        sections: vec![section(1, vec![lane(-1, 0.0, 100.0, -1.6)]), section(2, vec![last])],
        ..v1::LinkEx::default()
    };
    let own = v1::NodeReference { region: None, id: 1 };
    let node = v1::Node { in_links_ex: vec![link], ..node(own, vec![]) };
    let map = SiteMap::from_map_message(frame(), &v1::MapData { nodes: vec![node], ..v1::MapData::default() }).unwrap();
    let first = map.lane("4-1/1.-1").unwrap();
    assert!((first.points_m[0] - Vector2::new(-200.0, -1.6)).norm() < 0.01 && !first.stop_line);
    assert_eq!(first.connections[0].to, "4-1/2.-1");
    let second = map.lane("4-1/2.-1").unwrap();
    assert!(second.stop_line && (second.points_m[1] - Vector2::new(-26.0, -1.6)).norm() < 0.01);
    let turn = &second.connections[0];
    assert_eq!((turn.turn, turn.signal_group, turn.points_m.len()), (Turn::Left, Some(5), 2));
    // The sections are one road: the stop line is ahead from its beginning on.
    let place = map.lane_at(Vector2::new(-190.0, -1.0)).unwrap();
    assert!((map.distance_to_stop_line_m(&place).unwrap() - 164.0).abs() < 0.05);
    assert!(map.follow(Vector2::new(-110.0, -1.0), 0.0, 30.0).is_some());
}
