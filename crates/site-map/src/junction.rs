//! The inside of a junction, which no MAP message tells.
//!
//! It is drawn from arm to arm: across the mouth of each arm from edge to edge, and between neighbouring arms along a
//! curve that is tangent to both kerbs. So the corners where pedestrians wait stay outside, which a convex hull of the
//! mouths would take in. Where an arm's outbound lanes are not in the message, they are taken to be as wide together as
//! the inbound ones.

use std::collections::BTreeSet;

use rsu_units::Vector2;

use crate::curve::{kerb_curve, unit};
use crate::geometry::{convex_hull, crosses_itself, twice_area};
use crate::message::{Draft, Mouth};
use crate::{Area, AreaKind, LaneKind};

/// The mouth of an arm.
struct Arm {
    /// Unit vector away from the junction.
    outward: Vector2,
    /// Its edges, looking outward.
    right: Vector2,
    left: Vector2,
}

impl Arm {
    /// `edges`: points on the mouth with their directions away from the junction.
    fn new(edges: &[(Vector2, Vector2)]) -> Option<Self> {
        let outward = unit(edges.iter().fold(Vector2::default(), |sum, (_, outward)| sum + *outward));
        let normal = Vector2::new(-outward.y, outward.x);
        let side = |point: &Vector2| point.dot(normal);
        let points = || edges.iter().map(|(point, _)| *point);
        let right = points().min_by(|a, b| side(a).total_cmp(&side(b)))?;
        let left = points().max_by(|a, b| side(a).total_cmp(&side(b)))?;
        Some(Self { outward, right, left })
    }

    fn middle(&self) -> Vector2 {
        (self.right + self.left) * 0.5
    }
}

/// The inside of the junction at a node where at least three arms meet.
pub(crate) fn junction_area(node: &str, drafts: &[Draft]) -> Option<Area> {
    let inbound = drafts.iter().filter(|draft| draft.node == node).map(|draft| draft.upstream.as_str());
    let outbound = drafts.iter().filter(|draft| draft.upstream == node).map(|draft| draft.node.as_str());
    let neighbours: BTreeSet<&str> = inbound.chain(outbound).collect();
    let mut arms: Vec<Arm> =
        neighbours.into_iter().filter_map(|neighbour| Arm::new(&mouth(node, neighbour, drafts))).collect();
    if arms.len() < 3 {
        return None;
    }
    let centre = arms.iter().fold(Vector2::default(), |sum, arm| sum + arm.middle()) * (arms.len() as f64).recip();
    let angle = |arm: &Arm| (arm.middle() - centre).angle_rad();
    arms.sort_by(|a, b| angle(a).total_cmp(&angle(b)));
    let mut polygon_m = Vec::new();
    for (arm, next) in arms.iter().zip(arms.iter().cycle().skip(1)) {
        polygon_m.extend([arm.right, arm.left]);
        polygon_m.extend(kerb_curve(arm.left, -arm.outward, next.right, -next.outward));
    }
    polygon_m.dedup_by(|b, a| (*a - *b).norm() < 0.01);
    if crosses_itself(&polygon_m, true) || twice_area(&polygon_m) <= 0.0 {
        // Arms that lie over each other: a message that is no plan of a junction. The hull is wrong at the corners only.
        polygon_m = convex_hull(&arms.iter().flat_map(|arm| [arm.right, arm.left]).collect::<Vec<_>>());
    }
    (twice_area(&polygon_m) > 0.02).then(|| Area {
        id: format!("{node}/junction"),
        kind: AreaKind::Junction,
        polygon_m,
    })
}

/// The edges of the vehicle lanes between a node and a neighbour where they meet the junction.
fn mouth(node: &str, neighbour: &str, drafts: &[Draft]) -> Vec<(Vector2, Vector2)> {
    let mut edges = Vec::new();
    let mut outbound = false;
    for draft in drafts.iter().filter(|draft| draft.lane.kind == LaneKind::Vehicle) {
        let leads_here = draft.node == node && draft.upstream == neighbour && draft.lane.stop_line;
        let leads_away = draft.node == neighbour && draft.upstream == node;
        let (point, outward) = match draft.lane.points_m.as_slice() {
            [.., before, end] if leads_here => (*end, unit(*before - *end)),
            [start, after, ..] if leads_away && begins_here(draft, drafts) => (*start, unit(*after - *start)),
            _ => continue,
        };
        outbound |= leads_away;
        let across = Vector2::new(-outward.y, outward.x) * (draft.lane.width_m / 2.0);
        edges.extend([(point + across, outward), (point - across, outward)]);
    }
    // A one-way road shows itself when the message has connections, and none of them leads there.
    let of_node = || drafts.iter().filter(|draft| draft.node == node).flat_map(|draft| &draft.ways_on);
    let one_way = of_node().next().is_some() && !of_node().any(|way_on| way_on.remote == neighbour);
    if !outbound && !one_way {
        edges.extend(Mouth::inbound(drafts, node, neighbour).map(|mouth| (mouth.mirrored_edge(), -mouth.direction)));
    }
    edges
}

/// Whether no other section of the same road leads into a lane.
fn begins_here(draft: &Draft, drafts: &[Draft]) -> bool {
    let mut same_road = drafts.iter().filter(|other| other.node == draft.node && other.upstream == draft.upstream);
    !same_road.any(|other| other.ways_on.iter().any(|way_on| way_on.to == draft.lane.id))
}
