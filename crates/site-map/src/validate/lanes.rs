//! Findings about lanes and areas by themselves, and about lanes beside each other.

use std::collections::BTreeMap;

use rsu_units::Vector2;

use super::{FindingKind, Findings, Severity, degrees_between};
use crate::geometry::{crosses_itself, segments};
use crate::{AreaKind, ConflictKind, Lane, LaneKind, SiteMap};

/// Points farther from the reference than this belong to another site, metres.
const SITE_M: f64 = 5000.0;
/// A line does not turn more sharply than this at one point, degrees.
const KINK_DEG: f64 = 100.0;
/// Lanes are looked at every so many metres for others that lie over them, but at so many places at most.
const SAMPLE_M: f64 = 5.0;
const MAX_SAMPLES: usize = 100;
/// Lanes may overlap by so much, metres.
const OVERLAP_M: f64 = 0.5;
/// Directions within this are the same one, degrees; beyond 180 minus it they are opposite.
const SAME_WAY_DEG: f64 = 45.0;
/// A stop line is nearer than this to its junction, metres.
const AT_JUNCTION_M: f64 = 40.0;

pub(super) fn check(map: &SiteMap, findings: &mut Findings) {
    for lane in map.lanes() {
        width(lane, findings);
        speed_limit(lane, findings);
        line(lane, findings);
        far_away(&lane.id, &lane.points_m, findings);
    }
    for area in map.areas() {
        far_away(&area.id, &area.polygon_m, findings);
        if crosses_itself(&area.polygon_m, true) {
            let text = "the polygon crosses itself".into();
            findings.add((Severity::Error, FindingKind::SelfCrossing), &[&area.id], None, text);
        }
    }
    overlaps(map, findings);
    crosswalks(map, findings);
    approaches(map, findings);
    stop_lines(map, findings);
}

fn width(lane: &Lane, findings: &mut Findings) {
    // What such lanes have, and what none has.
    let (usual, possible) = match lane.kind {
        LaneKind::Vehicle => (2.3..=5.5, 1.5..=12.0),
        LaneKind::Bicycle => (0.8..=7.0, 0.5..=12.0),
        LaneKind::Crosswalk => (2.0..=12.0, 1.0..=30.0),
        LaneKind::Sidewalk => (1.0..=15.0, 0.5..=30.0),
    };
    if usual.contains(&lane.width_m) {
        return;
    }
    let severity = if possible.contains(&lane.width_m) { Severity::Warning } else { Severity::Error };
    let hint =
        if lane.width_m > *usual.end() && lane.kind.is_directed() { "; are these several lanes in one?" } else { "" };
    let (name, width_m) = (lane.kind.name(), lane.width_m);
    let text = format!("a {name} lane is not {width_m} m wide; usual are {} to {} m{hint}", usual.start(), usual.end());
    findings.add((severity, FindingKind::Width), &[&lane.id], None, text);
}

fn speed_limit(lane: &Lane, findings: &mut Findings) {
    let Some(limit_mps) = lane.speed_limit_mps.filter(|limit| !(5.0 / 3.6..=121.0 / 3.6).contains(limit)) else {
        return;
    };
    let text = format!("a speed limit of {:.0} km/h; usual are 5 to 120", limit_mps * 3.6);
    findings.add((Severity::Warning, FindingKind::SpeedLimit), &[&lane.id], None, text);
}

fn line(lane: &Lane, findings: &mut Findings) {
    if crosses_itself(&lane.points_m, false) {
        let text = "the line crosses itself".into();
        findings.add((Severity::Error, FindingKind::SelfCrossing), &[&lane.id], None, text);
    }
    let next = segments(&lane.points_m).skip(1);
    for (number, (a, b)) in segments(&lane.points_m).zip(next).enumerate() {
        let turn_deg = degrees_between(a.unit.angle_rad(), b.unit.angle_rad());
        if turn_deg > KINK_DEG {
            let text = format!("the line turns by {turn_deg} degrees at its point {}", number + 2);
            findings.add((Severity::Error, FindingKind::Direction), &[&lane.id], b.start, text);
        }
    }
}

fn far_away(id: &str, points_m: &[Vector2], findings: &mut Findings) {
    let farthest = points_m.iter().max_by(|a, b| a.norm().total_cmp(&b.norm()));
    if let Some(point) = farthest.filter(|point| point.norm() > SITE_M) {
        let text = format!(
            "{:.1} km from the reference point, which is more than {:.0}; are the coordinates of another place?",
            point.norm() / 1000.0,
            SITE_M / 1000.0
        );
        findings.add((Severity::Error, FindingKind::FarAway), &[id], *point, text);
    }
}

/// Vehicle lanes that lie over each other along some way, told once for each pair.
fn overlaps(map: &SiteMap, findings: &mut Findings) {
    /// Of a pair: at how many places, and the worst.
    #[derive(Default)]
    struct Pair {
        places: usize,
        overlap_m: f64,
        point_m: Vector2,
        apart_deg: f64,
    }
    for (index, lane) in map.lanes().enumerate().filter(|(_, lane)| lane.kind == LaneKind::Vehicle) {
        let mut pairs: BTreeMap<usize, Pair> = BTreeMap::new();
        for (point, direction_rad) in samples(&lane.points_m) {
            for place in map.lanes_at(LaneKind::Vehicle, point, lane.width_m / 2.0) {
                let Some(other) = map.lane_index(&place.lane.id).filter(|other| *other != index) else { continue };
                let apart_deg = degrees_between(direction_rad, place.direction_rad);
                let overlap_m = f64::midpoint(lane.width_m, place.lane.width_m) - place.left_m.abs();
                if overlap_m <= OVERLAP_M || (SAME_WAY_DEG..=180.0 - SAME_WAY_DEG).contains(&apart_deg) {
                    continue;
                }
                let pair = pairs.entry(other).or_default();
                pair.places += 1;
                if overlap_m > pair.overlap_m {
                    (pair.overlap_m, pair.point_m, pair.apart_deg) = (overlap_m, point, apart_deg);
                }
            }
        }
        // A pair is told by the first of its lanes that notices.
        for (other, pair) in pairs.into_iter().filter(|(other, pair)| *other > index && pair.places >= 2) {
            let Some(other) = map.lane_by_index(other) else { continue };
            let half_m = lane.width_m.min(other.width_m) / 2.0;
            let severity = if pair.overlap_m > half_m { Severity::Error } else { Severity::Warning };
            let opposite = pair.apart_deg > 90.0;
            let way = if opposite { "opposite directions" } else { "the same direction" };
            let hint = if opposite && severity == Severity::Error { "; does one lead the wrong way?" } else { "" };
            let text = format!("lanes of {way} overlap by {:.1} m{hint}", pair.overlap_m);
            findings.add((severity, FindingKind::Overlap), &[&lane.id, &other.id], pair.point_m, text);
        }
    }
}

/// Points along a line with the line's direction, not at its very ends.
fn samples(line: &[Vector2]) -> impl Iterator<Item = (Vector2, f64)> + '_ {
    let length_m = crate::geometry::length_m(line);
    let step_m = SAMPLE_M.max(length_m / MAX_SAMPLES as f64).min(length_m / 2.5);
    let mut next_m = step_m / 2.0;
    let mut start_m = 0.0;
    segments(line).flat_map(move |segment| {
        let first_m = next_m - start_m;
        let count = if first_m > segment.length_m { 0 } else { ((segment.length_m - first_m) / step_m) as usize + 1 };
        start_m += segment.length_m;
        next_m += count as f64 * step_m;
        (0..count.min(MAX_SAMPLES))
            .map(move |n| (segment.start + segment.unit * (first_m + n as f64 * step_m), segment.unit.angle_rad()))
    })
}

fn crosswalks(map: &SiteMap, findings: &mut Findings) {
    for (index, lane) in map.lanes().enumerate().filter(|(_, lane)| lane.kind == LaneKind::Crosswalk) {
        let crossed = map
            .conflict_points()
            .iter()
            .any(|conflict| conflict.kind == ConflictKind::Crosswalk && conflict.second.lane == index);
        let over_carriageway = || samples(&lane.points_m).any(|(point, _)| map.on_carriageway(point, 0.0));
        if !crossed && !over_carriageway() {
            let text = "the crosswalk leads over no lane and no junction".into();
            findings.add(
                (Severity::Warning, FindingKind::Crosswalk),
                &[&lane.id],
                lane.points_m.first().copied(),
                text,
            );
        }
    }
}

/// The lanes of an approach lead side by side to one stop line.
fn approaches(map: &SiteMap, findings: &mut Findings) {
    let end = |lane: &Lane| segments(&lane.points_m).next_back();
    for approach in map.approaches() {
        let mut lanes = map.lanes_of(approach).filter(|lane| lane.kind.is_directed());
        let Some((first, first_end)) = lanes.next().and_then(|lane| Some((lane, end(lane)?))) else { continue };
        for (lane, own_end) in lanes.filter_map(|lane| Some((lane, end(lane)?))) {
            let apart_deg = degrees_between(first_end.unit.angle_rad(), own_end.unit.angle_rad());
            let apart_m = (own_end.end() - first_end.end()).norm();
            if apart_deg > SAME_WAY_DEG {
                let text = format!("lanes of the approach {approach:?} differ in direction by {apart_deg} degrees");
                findings.add((Severity::Error, FindingKind::Direction), &[&first.id, &lane.id], own_end.end(), text);
            } else if apart_m > AT_JUNCTION_M {
                let text = format!("lanes of the approach {approach:?} end {apart_m:.0} m from each other");
                findings.add((Severity::Warning, FindingKind::Gap), &[&first.id, &lane.id], own_end.end(), text);
            }
        }
    }
}

/// A lane with a stop line that begins at a junction, ends far from any, and that no connection leads to, is probably
/// drawn from its end to its start.
fn stop_lines(map: &SiteMap, findings: &mut Findings) {
    let junctions: Vec<&[Vector2]> = map
        .areas()
        .iter()
        .filter(|area| area.kind == AreaKind::Junction)
        .map(|area| area.polygon_m.as_slice())
        .collect();
    if junctions.is_empty() {
        return;
    }
    let to_junction_m = |point: Vector2| {
        let edges = junctions.iter().flat_map(|polygon| polygon.iter().zip(polygon.iter().cycle().skip(1)));
        edges.map(|(a, b)| nearest_m(*a, *b, point)).fold(f64::INFINITY, f64::min)
    };
    let reached: std::collections::BTreeSet<&str> =
        map.lanes().flat_map(|lane| &lane.connections).map(|connection| connection.to.as_str()).collect();
    for lane in map.lanes().filter(|lane| lane.stop_line && !reached.contains(lane.id.as_str())) {
        let (Some(start), Some(end)) = (lane.points_m.first(), lane.points_m.last()) else { continue };
        let (start_m, end_m) = (to_junction_m(*start), to_junction_m(*end));
        if start_m < AT_JUNCTION_M && end_m > AT_JUNCTION_M {
            let text = format!(
                "the stop line at its end is {end_m:.0} m from the junction, its start {start_m:.0} m; does the lane \
                 lead the wrong way?"
            );
            findings.add((Severity::Warning, FindingKind::Direction), &[&lane.id], *end, text);
        }
    }
}

fn nearest_m(a: Vector2, b: Vector2, point: Vector2) -> f64 {
    if a == b { (point - a).norm() } else { crate::geometry::Segment::new(a, b).project(point).distance_m }
}
