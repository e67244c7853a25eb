//! The second stage's form of a road (T/CSAE 157 `DF_LinkEx`, 扩展路段): cut into sections, lanes measured along and
//! across a reference line, ways across the junction with lines of their own.
//!
//! The text of the standard was not at hand for the units of its `ST-Point`; the ranges fit 0.1 m along and 0.01 m
//! across, to the left positive, and so it is read here. A lane is named `upstream-node/section.lane`. The lanes of a
//! section go on into those of the next that have the same number.

use rsu_proto::v1;
use rsu_units::Vector2;

use crate::curve::spaced;
use crate::geometry::segment_at;
use crate::message::{Draft, Origin, WayOn, kind_of, name, single_turn, speed_limit, width_m};
use crate::{Lane, LaneKind, Turn};

const ALONG_M: f64 = 0.1;
const ACROSS_M: f64 = 0.01;

impl Origin<'_> {
    pub(crate) fn link_ex(&self, node: &v1::Node, link: &v1::LinkEx, drafts: &mut Vec<Draft>) {
        let reference = self.line(&link.reference_line);
        let (upstream, node) = (name(link.upstream.as_ref()), name(node.id.as_ref()));
        for (index, section) in link.sections.iter().enumerate() {
            let next = link.sections.get(index + 1);
            for lane in &section.lanes {
                let Some(kind) = kind_of(lane.attributes.as_ref()) else { continue };
                let points_m = spaced(lane.st_points.iter().filter_map(|point| at(&reference, point)));
                if points_m.len() < 2 {
                    continue;
                }
                let ways_on = match next {
                    Some(next) => on_into(&upstream, &node, next, lane),
                    None => self.across(&node, link, lane),
                };
                let id = format!("{upstream}-{node}/{}.{}", section.id, lane.ref_id);
                drafts.push(Draft {
                    lane: Lane {
                        stop_line: kind == LaneKind::Vehicle && next.is_none(),
                        speed_limit_mps: speed_limit(&lane.speed_limits).or_else(|| speed_limit(&link.speed_limits)),
                        approach: (kind.is_directed() && next.is_none()).then(|| format!("{upstream}-{node}")),
                        ..Lane::new(id, kind, width_m(lane.width_m), points_m)
                    },
                    ways_on,
                    upstream: upstream.clone(),
                    node: node.clone(),
                });
            }
        }
    }

    /// The ways across the junction.
    fn across(&self, node: &str, link: &v1::LinkEx, lane: &v1::LaneEx) -> Vec<WayOn> {
        let mut ways_on = Vec::new();
        for connection in &lane.connects_to {
            let movement = link.movements.iter().find(|movement| movement.remote == connection.remote);
            let turn = connection
                .turn_direction
                .or_else(|| movement.and_then(|movement| movement.turn_direction))
                .and_then(|direction| v1::Maneuver::try_from(direction).ok())
                .map(|maneuver| match maneuver {
                    v1::Maneuver::Straight => Turn::Straight,
                    v1::Maneuver::LeftTurn => Turn::Left,
                    v1::Maneuver::RightTurn => Turn::Right,
                    v1::Maneuver::UTurn => Turn::UTurn,
                })
                .or_else(|| lane.maneuvers.and_then(single_turn));
            let signal_group = connection.phase_id.or_else(|| movement.and_then(|movement| movement.phase_id));
            let remote = name(connection.remote.as_ref());
            ways_on.extend(connection.connecting_lanes.iter().map(|to| WayOn {
                to: format!("{node}-{remote}/{}.{}", to.target_section, to.target_lane),
                remote: remote.clone(),
                rank: to.target_lane.unsigned_abs(),
                turn,
                signal_group,
                points_m: self.line(&to.points),
            }));
        }
        ways_on
    }
}

/// The way into the next section of the same road.
fn on_into(upstream: &str, node: &str, next: &v1::Section, lane: &v1::LaneEx) -> Vec<WayOn> {
    let same = next.lanes.iter().find(|other| other.ref_id == lane.ref_id);
    let way_on = |other: &v1::LaneEx| WayOn {
        remote: node.into(),
        to: format!("{upstream}-{node}/{}.{}", next.id, other.ref_id),
        rank: 0,
        turn: Some(Turn::Straight),
        signal_group: None,
        points_m: Vec::new(),
    };
    same.map(way_on).into_iter().collect()
}

/// A point along and across a line. Before its start and after its end the line goes straight on.
fn at(line: &[Vector2], point: &v1::StPoint) -> Option<Vector2> {
    let (along_m, left_m) = (f64::from(point.s_axis) * ALONG_M, f64::from(point.t_axis) * ACROSS_M);
    let (_, segment, rest_m) = segment_at(line, along_m)?;
    let left = Vector2::new(-segment.unit.y, segment.unit.x);
    Some(segment.start + segment.unit * rest_m + left * left_m)
}
