//! Findings about connections: whether they begin and end at their lanes, lead forward, and turn as they say.

use std::collections::BTreeSet;

use rsu_units::{Vector2, angle};

use super::{FindingKind, Findings, Severity, degrees_between};
use crate::geometry::{Segment, crosses_itself, length_m, segments};
use crate::{Connection, Lane, SiteMap, Turn};

/// Lines that should meet may be so far from each other, metres; farther than the second is an error.
const GAP_M: f64 = 0.5;
const WIDE_GAP_M: f64 = 2.0;
/// A way across a junction is hardly longer, metres.
const ACROSS_M: f64 = 150.0;
/// A way may bend by so much where it begins or ends, degrees; more than the second is an error.
const BEND_DEG: f64 = 30.0;
const SHARP_BEND_DEG: f64 = 75.0;

pub(super) fn check(map: &SiteMap, findings: &mut Findings) {
    let any = map.lanes().any(|lane| !lane.connections.is_empty());
    for lane in map.lanes() {
        if any && lane.stop_line && lane.kind.is_directed() && lane.connections.is_empty() {
            let text = "nothing leads on from the stop line at its end".into();
            findings.add((Severity::Warning, FindingKind::DeadEnd), &[&lane.id], lane.points_m.last().copied(), text);
        }
        for (number, connection) in lane.connections.iter().enumerate() {
            let earlier = lane.connections.iter().take(number);
            if earlier.into_iter().any(|other| other.to == connection.to) {
                let text = "the connection is given twice".into();
                findings.add((Severity::Error, FindingKind::Duplicate), &[&lane.id, &connection.to], None, text);
            }
            if crosses_itself(&connection.points_m, false) {
                let text = "the line of the connection crosses itself".into();
                findings.add((Severity::Error, FindingKind::SelfCrossing), &[&lane.id, &connection.to], None, text);
            }
            one(map, lane, connection, findings);
        }
    }
    unknown_lanes(map, findings);
}

/// Many messages hold no road that leads away: one warning is enough for all of them.
fn unknown_lanes(map: &SiteMap, findings: &mut Findings) {
    let drawn = map.lanes().flat_map(|lane| &lane.connections).filter(|connection| connection.points_m.len() >= 2);
    let unknown: BTreeSet<&str> = drawn.map(|to| to.to.as_str()).filter(|to| map.lane(to).is_none()).collect();
    if let Some(first) = unknown.first() {
        let more = match unknown.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let text = format!(
            "connections lead to this lane{more}, which is not in the map; what crosses the junction cannot be \
             followed beyond it"
        );
        findings.add((Severity::Warning, FindingKind::Target), &[first], None, text);
    }
}

fn one(map: &SiteMap, lane: &Lane, connection: &Connection, findings: &mut Findings) {
    let ids: [&str; 2] = [&lane.id, &connection.to];
    let Some(leave) = segments(&lane.points_m).next_back() else { return };
    if connection.to == lane.id {
        let text = "the connection leads back to its own lane".into();
        findings.add((Severity::Error, FindingKind::Target), &ids, leave.end(), text);
        return;
    }
    let Some(to) = map.lane(&connection.to) else {
        if connection.points_m.is_empty() {
            let text = "the connection leads to a lane that is not in the map".into();
            findings.add((Severity::Error, FindingKind::Target), &ids, leave.end(), text);
        }
        begins(lane, &leave, connection, findings);
        return;
    };
    if lane.kind != to.kind {
        let text = format!("the connection leads from a {} lane to a {} lane", lane.kind.name(), to.kind.name());
        let severity = if to.kind.is_directed() { Severity::Warning } else { Severity::Error };
        findings.add((severity, FindingKind::Target), &ids, leave.end(), text);
    }
    let Some(arrive) = segments(&to.points_m).next() else { return };
    let across_m = length_m(&connection.points_m);
    if across_m > ACROSS_M {
        let text = format!("the way across is {across_m:.0} m long; do both lanes belong to the same junction?");
        findings.add((Severity::Warning, FindingKind::Gap), &ids, leave.end(), text);
    }
    begins(lane, &leave, connection, findings);
    if let Some(last) = segments(&connection.points_m).next_back() {
        gap(&ids, last.end(), arrive.start, "ends", "start of its target", findings);
        bend(&ids, last.end(), (last.unit, arrive.unit), "ends", findings);
    }
    turns(&ids, connection, (&leave, &arrive), findings);
}

fn begins(lane: &Lane, leave: &Segment, connection: &Connection, findings: &mut Findings) {
    if let Some(first) = segments(&connection.points_m).next() {
        let ids: [&str; 2] = [&lane.id, &connection.to];
        gap(&ids, first.start, leave.end(), "begins", "end of its lane", findings);
        bend(&ids, first.start, (leave.unit, first.unit), "begins", findings);
    }
}

fn gap(ids: &[&str], point: Vector2, lane_point: Vector2, does: &str, what: &str, findings: &mut Findings) {
    let gap_m = (point - lane_point).norm();
    if gap_m > GAP_M {
        let severity = if gap_m > WIDE_GAP_M { Severity::Error } else { Severity::Warning };
        let text = format!("the way across {does} {gap_m:.1} m from the {what}");
        findings.add((severity, FindingKind::Gap), ids, point, text);
    }
}

fn bend(ids: &[&str], point: Vector2, (a, b): (Vector2, Vector2), does: &str, findings: &mut Findings) {
    let bend_deg = degrees_between(a.angle_rad(), b.angle_rad());
    if bend_deg > BEND_DEG {
        let severity = if bend_deg > SHARP_BEND_DEG { Severity::Error } else { Severity::Warning };
        let text = format!("where the way across {does} it bends by {bend_deg} degrees");
        findings.add((severity, FindingKind::Direction), ids, point, text);
    }
}

/// Whether the connection leads forward, and turns as it says.
fn turns(ids: &[&str], connection: &Connection, (leave, arrive): (&Segment, &Segment), findings: &mut Findings) {
    let across = arrive.start - leave.end();
    let turn_rad = angle::wrap_rad(arrive.unit.angle_rad() - leave.unit.angle_rad());
    let back_deg = degrees_between(across.angle_rad(), leave.unit.angle_rad());
    if connection.turn != Turn::UTurn && across.norm() > 1.0 && back_deg > 100.0 {
        let text = "the target begins behind the end of the lane; does one of the two lead the wrong way?".into();
        findings.add((Severity::Error, FindingKind::Direction), ids, leave.end(), text);
        return;
    }
    // Not much less than the turn would be: between two kinds of turns there is no sharp line.
    let fits = match connection.turn {
        Turn::Straight => turn_rad.abs() < 60_f64.to_radians(),
        Turn::Left => turn_rad > 15_f64.to_radians() || turn_rad < -170_f64.to_radians(),
        Turn::Right => turn_rad < -15_f64.to_radians() || turn_rad > 170_f64.to_radians(),
        Turn::UTurn => turn_rad.abs() > 120_f64.to_radians(),
    };
    if !fits {
        let side = if turn_rad > 0.0 { "left" } else { "right" };
        let turn_deg = turn_rad.abs().to_degrees();
        let text =
            format!("the turn is given as {}, but it goes {turn_deg:.0} degrees to the {side}", connection.turn.name());
        findings.add((Severity::Warning, FindingKind::Direction), ids, leave.end(), text);
    }
}
