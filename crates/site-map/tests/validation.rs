//! What the validation says about maps with one mistake each, and that it is silent about a good one.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod support;

use rsu_units::Vector2;
use site_map::{Area, Connection, Finding, FindingKind, Lane, LaneKind, Severity, SiteMap, Turn};
use support::{areas, crossroads, frame, inbound, lanes, on_arm, outbound};

fn findings(lanes: Vec<Lane>, areas: Vec<Area>) -> Vec<Finding> {
    SiteMap::new(frame(), lanes, areas).unwrap().validate()
}

/// What is found when one lane of the crossroads is changed.
fn changed(id: &str, change: impl Fn(&mut Lane)) -> Vec<Finding> {
    let mut lanes = lanes();
    change(lanes.iter_mut().find(|lane| lane.id == id).unwrap());
    findings(lanes, areas())
}

#[track_caller]
fn only(findings: &[Finding], severity: Severity, kind: FindingKind, text: &str) {
    let told: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding.kind == kind), "{told:#?}");
    assert!(findings[0].severity == severity && told.iter().any(|told| told.contains(text)), "{told:#?}");
}

#[test]
fn a_good_map_has_no_findings() {
    assert_eq!(crossroads().validate(), []);
}

#[test]
fn gaps_are_found() {
    let moved = changed(&inbound(0, 1), |lane| {
        lane.connections[0].points_m = vec![on_arm(0, 22.0, 5.25), on_arm(2, 26.0, -5.25)];
    });
    only(
        &moved,
        Severity::Error,
        FindingKind::Gap,
        "east-in-1, west-out-1 at (22.0, 5.2): the way across begins 4.0 m",
    );
    let far = changed(&outbound(2, 1), |lane| lane.points_m[0] = on_arm(2, 190.0, -5.25));
    only(&far, Severity::Warning, FindingKind::Gap, "the way across is 216 m long");
    let approach = changed(&inbound(0, 0), |lane| lane.points_m[1] = on_arm(0, 70.0, 1.75));
    only(&approach, Severity::Warning, FindingKind::Gap, "end 44 m from each other");
}

#[test]
fn overlaps_are_found() {
    let near = changed(&outbound(1, 1), |lane| lane.points_m = vec![on_arm(1, 26.0, -4.5), on_arm(1, 200.0, -4.5)]);
    only(&near, Severity::Warning, FindingKind::Overlap, "overlap by 0.8 m");
    let mut twice = lanes();
    twice.push(Lane { id: "again".into(), connections: vec![], ..twice[2].clone() });
    let told = findings(twice, areas());
    assert!(told.iter().any(|finding| finding.to_string().starts_with("error: east-in-1, again at (")), "{told:?}");
    let zebra = changed("east-zebra", |lane| {
        lane.points_m = vec![on_arm(0, 60.0, 20.0), on_arm(0, 80.0, 20.0)];
    });
    only(&zebra, Severity::Warning, FindingKind::Crosswalk, "over no lane");
}

#[test]
fn wrong_directions_are_found() {
    let told = changed(&inbound(1, 2), |lane| lane.points_m.reverse());
    let text: Vec<String> = told.iter().map(ToString::to_string).collect();
    let has = |part: &str| assert!(text.iter().any(|text| text.contains(part)), "{part}: {text:#?}");
    has("error: north-in-0, north-in-2");
    has("differ in direction by 180 degrees");
    has("does the lane lead the wrong way?");
    has("does one of the two lead the wrong way?");
    let turn = changed(&inbound(0, 0), |lane| lane.connections[0].turn = Turn::Right);
    only(&turn, Severity::Warning, FindingKind::Direction, "given as right, but it goes 90 degrees to the left");
    let kink = changed(&outbound(0, 0), |lane| {
        lane.points_m.insert(1, on_arm(0, 190.0, -1.75));
        lane.points_m[2] = on_arm(0, 150.0, -1.80);
    });
    assert!(kink.iter().any(|finding| finding.text.contains("turns by 180 degrees at its point 2")), "{kink:?}");
    let bend = changed(&inbound(0, 1), |lane| {
        let (start, end) = (on_arm(0, 26.0, 5.25), on_arm(2, 26.0, -5.25));
        lane.connections[0].points_m = vec![start, start + Vector2::new(0.0, 6.0), end];
    });
    only(&bend, Severity::Error, FindingKind::Direction, "where the way across begins it bends by 90 degrees");
}

#[test]
fn impossible_numbers_are_found() {
    let wide = changed(&outbound(0, 2), |lane| {
        lane.width_m = 14.0;
        lane.points_m = vec![on_arm(0, 26.0, -16.0), on_arm(0, 200.0, -16.0)];
    });
    assert!(wide.iter().any(|finding| finding.severity == Severity::Error && finding.kind == FindingKind::Width));
    let narrow = changed(&inbound(0, 3), |lane| lane.width_m = 0.6);
    only(&narrow, Severity::Warning, FindingKind::Width, "not 0.6 m wide; usual are 0.8 to 7 m");
    let fast = changed(&inbound(0, 3), |lane| lane.speed_limit_mps = Some(50.0));
    only(&fast, Severity::Warning, FindingKind::SpeedLimit, "180 km/h");
    let far = changed(&outbound(3, 0), |lane| lane.points_m[1] = on_arm(3, 7000.0, -1.75));
    only(&far, Severity::Error, FindingKind::FarAway, "7.0 km from the reference");
}

#[test]
fn bad_targets_are_found() {
    let unknown = changed(&inbound(0, 1), |lane| lane.connections[0].to = "west-out-9".into());
    only(
        &unknown,
        Severity::Error,
        FindingKind::Target,
        "east-in-1, west-out-9 at (26.0, 5.2): the connection leads to a",
    );
    let drawn = changed(&inbound(0, 1), |lane| {
        lane.connections[0].to = "west-out-9".into();
        lane.connections[0].points_m = vec![on_arm(0, 26.0, 5.25), on_arm(2, 26.0, -5.25)];
    });
    only(
        &drawn,
        Severity::Warning,
        FindingKind::Target,
        "warning: west-out-9: connections lead to this lane, which is not",
    );
    let foot = changed(&inbound(0, 1), |lane| lane.connections.push(Connection::new("west-zebra", Turn::Left)));
    assert!(foot.iter().any(|finding| finding.text.contains("from a vehicle lane to a crosswalk lane")), "{foot:?}");
    let own = changed(&inbound(0, 1), |lane| lane.connections[0].to = "east-in-1".into());
    only(&own, Severity::Error, FindingKind::Target, "back to its own lane");
    let twice = changed(&inbound(0, 1), |lane| lane.connections.push(lane.connections[0].clone()));
    only(&twice, Severity::Error, FindingKind::Duplicate, "twice");
    let end = changed(&inbound(0, 1), |lane| lane.connections.clear());
    only(&end, Severity::Warning, FindingKind::DeadEnd, "nothing leads on");
}

#[test]
fn lines_that_cross_themselves_are_found() {
    let bow =
        |x: f64| [(0.0, 0.0), (20.0, 20.0), (20.0, 0.0), (0.0, 19.0)].map(|(dx, y)| Vector2::new(x + dx, y + 300.0));
    let lane = Lane::new("bow", LaneKind::Vehicle, 3.5, bow(0.0).to_vec());
    let area = Area { id: "tie".into(), kind: site_map::AreaKind::Junction, polygon_m: bow(300.0).to_vec() };
    let told = findings(vec![lane], vec![area]);
    let crossing = told.iter().filter(|finding| finding.kind == FindingKind::SelfCrossing).count();
    assert_eq!(crossing, 2, "{told:?}");
}

#[test]
fn findings_are_bounded_and_errors_come_first() {
    let lanes = (0..1500)
        .map(|n| {
            let y = f64::from(n) * 40.0 - 30_000.0;
            let points_m = vec![Vector2::new(0.0, y), Vector2::new(50.0, y)];
            Lane::new(n.to_string(), LaneKind::Bicycle, 0.6, points_m)
        })
        .collect();
    let told = findings(lanes, vec![]);
    assert_eq!(told.len(), site_map::MAX_FINDINGS);
    assert!(told.is_sorted_by_key(|finding| finding.severity) && told[0].severity == Severity::Error);
}
