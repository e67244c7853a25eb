//! A crossroads for tests and benches: four arms with three vehicle lanes and a bicycle lane in each direction.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, missing_docs, reason = "a test may stop")]
#![allow(clippy::needless_range_loop, reason = "arms have numbers")]

use rsu_units::Vector2;
use site_map::{Area, AreaKind, Connection, Lane, LaneKind, SiteFrame, SiteMap, Turn};

pub(crate) const WIDTH_M: f64 = 3.5;
pub(crate) const STOP_M: f64 = 26.0;
pub(crate) const END_M: f64 = 200.0;
const ARMS: [&str; 4] = ["east", "north", "west", "south"];

pub(crate) fn frame() -> SiteFrame {
    SiteFrame::new(22.6913, 114.3471).unwrap()
}

/// A point of an arm: so far out, so far to the left (looking outwards).
pub(crate) fn on_arm(arm: usize, out_m: f64, left_m: f64) -> Vector2 {
    let [x, y] = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]][arm % 4];
    Vector2::new(out_m * x - left_m * y, out_m * y + left_m * x)
}

/// Lane 0 is the innermost; lane 3 is for bicycles.
fn offset_m(lane: usize) -> f64 {
    if lane < 3 { (lane as f64 + 0.5) * WIDTH_M } else { 3.0 * WIDTH_M + 1.0 }
}

pub(crate) fn inbound(arm: usize, lane: usize) -> String {
    format!("{}-in-{lane}", ARMS[arm % 4])
}

pub(crate) fn outbound(arm: usize, lane: usize) -> String {
    format!("{}-out-{lane}", ARMS[arm % 4])
}

/// Lane 0 turns left or back, lane 1 goes straight, lane 2 straight or right; bicycles go straight or right.
pub(crate) fn lanes() -> Vec<Lane> {
    let mut lanes = Vec::new();
    for arm in 0..4 {
        for lane in 0..4 {
            let (kind, width_m) = if lane < 3 { (LaneKind::Vehicle, WIDTH_M) } else { (LaneKind::Bicycle, 2.0) };
            let to = |turn, target: usize| Connection {
                signal_group: (turn != Turn::Right).then_some(arm as u32 + 1),
                ..Connection::new(outbound(target, lane), turn)
            };
            let (left, straight, right) =
                (to(Turn::Left, arm + 3), to(Turn::Straight, arm + 2), to(Turn::Right, arm + 1));
            let connections = match lane {
                0 => vec![left, to(Turn::UTurn, arm)],
                1 => vec![straight],
                _ => vec![straight, right],
            };
            let left_m = offset_m(lane);
            lanes.push(Lane {
                connections,
                ..Lane::new(
                    inbound(arm, lane),
                    kind,
                    width_m,
                    vec![on_arm(arm, END_M, left_m), on_arm(arm, STOP_M, left_m)],
                )
                .with_stop_line()
                .with_speed_limit(50.0 / 3.6)
                .with_approach(ARMS[arm])
            });
            lanes.push(Lane::new(
                outbound(arm, lane),
                kind,
                width_m,
                vec![on_arm(arm, STOP_M, -left_m), on_arm(arm, END_M, -left_m)],
            ));
        }
        let kerb_m = 3.0 * WIDTH_M + 2.0;
        let zebra = vec![on_arm(arm, 21.5, kerb_m), on_arm(arm, 21.5, -kerb_m)];
        lanes.push(Lane::new(format!("{}-zebra", ARMS[arm]), LaneKind::Crosswalk, 5.0, zebra));
    }
    lanes
}

pub(crate) fn areas() -> Vec<Area> {
    let polygon_m = (0..4).flat_map(|arm| [on_arm(arm, STOP_M, -12.5), on_arm(arm, STOP_M, 12.5)]).collect();
    vec![Area { id: "junction".into(), kind: AreaKind::Junction, polygon_m }]
}

pub(crate) fn crossroads() -> SiteMap {
    SiteMap::new(frame(), lanes(), areas()).unwrap()
}
