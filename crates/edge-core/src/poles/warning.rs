//! Warnings: which poles an event concerns, and what each of them shows.
//!
//! An event concerns the poles at its place, and those beside the road that leads to it, up to a distance, against the
//! direction of the lanes and over the connections between them. Of several events a pole shows the most urgent.

use rsu_units::{Timestamp, Vector2};
use site_map::{LaneKind, SiteMap};
use traffic_events::{EventChange, EventId, EventKind};

use super::pole::{Pole, Shown};
use super::zones::{PoleSet, Zones};
use super::{PoleOrder, PoleSetup, PoleWish, WarningLook, WarningSettings};
use crate::Counters;

/// More events than this are not shown; the least urgent go.
const MAX_IN_FORCE: usize = 256;
/// A pole that shows an event goes on so much farther away and past it, metres, so that it does not flicker.
const SLACK_M: f64 = 15.0;
/// A pole's lanes are looked for so far around it where they are given by name, metres.
const NAMED_LANE_M: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Warnings {
    settings: WarningSettings,
    road: Road,
    /// The most urgent first; of equal ones the oldest.
    in_force: Vec<InForce>,
}

#[derive(Debug)]
struct InForce {
    /// Position of its kind in the settings.
    rank: usize,
    id: EventId,
    poles: PoleSet,
}

impl Warnings {
    pub(super) fn new(settings: WarningSettings, setups: &[PoleSetup], map: &SiteMap) -> Self {
        Self { settings, road: Road::new(setups, map), in_force: Vec::new() }
    }

    /// A step in the life of an event.
    pub(super) fn event(&mut self, change: &EventChange, map: &SiteMap, zones: &Zones, counters: &mut Counters) {
        let Some(rank) = self.settings.looks.iter().position(|look| look.kind == change.kind) else { return };
        let before = self.in_force.iter().position(|event| event.id == change.id).map(|at| self.in_force.remove(at));
        if change.stage.is_end() {
            return;
        }
        let poles = self.concerned(change, map, zones, 0.0);
        let poles = match before {
            Some(before) => poles.or_both(&before.poles, &self.concerned(change, map, zones, SLACK_M)),
            None => poles,
        };
        let event = InForce { rank, id: change.id, poles };
        let at = self.in_force.partition_point(|other| (other.rank, other.id) < (event.rank, event.id));
        self.in_force.insert(at, event);
        if self.in_force.len() > MAX_IN_FORCE {
            self.in_force.pop();
            counters.count("pole_warning_not_remembered");
        }
    }

    fn concerned(&mut self, change: &EventChange, map: &SiteMap, zones: &Zones, slack_m: f64) -> PoleSet {
        let mut poles = PoleSet::default();
        let reach_m = change.zone.as_ref().map_or(0.0, |zone| zone.radius_m);
        let place_m = change.position_m;
        zones.near(place_m, reach_m + slack_m, &mut poles);
        // Who comes the same way as a wrong-way driver is not who meets it.
        let against = change.participants.first().filter(|_| change.kind == EventKind::WrongWayDriving);
        let meets = |direction_rad: f64| {
            against.is_none_or(|track| track.velocity_mps.dot(Vector2::from_angle(direction_rad)) <= 0.0)
        };
        let margin_m = self.settings.road_margin_m.max(reach_m);
        let upstream_m = self.settings.upstream_m + slack_m;
        for place in map.lanes_at(LaneKind::Vehicle, place_m, margin_m).filter(|place| meets(place.direction_rad)) {
            if let Some(lane) = map.lane_index(&place.lane.id) {
                self.road.upstream(lane, place.along_m, upstream_m, slack_m, &mut poles);
            }
        }
        let connections = map.connections_at(place_m, 0.0).filter(|place| place.from.kind == LaneKind::Vehicle);
        for place in connections.filter(|place| meets(place.direction_rad)) {
            if let Some(lane) = map.lane_index(&place.from.id) {
                self.road.upstream_of_end(lane, upstream_m - place.along_m, &mut poles);
            }
        }
        poles
    }

    /// What a pole is to show.
    fn wanted(&self, pole: usize) -> Option<(EventId, WarningLook)> {
        let event = self.in_force.iter().find(|event| event.poles.contains(pole))?;
        Some((event.id, *self.settings.looks.get(event.rank)?))
    }

    /// What is to be said to one pole.
    pub(super) fn step(
        &self,
        now: Timestamp,
        number: usize,
        pole: &mut Pole,
        counters: &mut Counters,
        orders: &mut Vec<PoleOrder>,
    ) {
        if !(pole.up && pole.parts.warning) {
            return;
        }
        match (self.wanted(number), pole.shown) {
            (Some((event, look)), shown) => {
                let same = shown.filter(|shown| shown.look == look);
                let fresh = same.is_some_and(|shown| now.duration_since(shown.told_at) < self.settings.refresh);
                if fresh && same.is_some_and(|shown| shown.event == event) {
                    return;
                }
                // Another event that looks the same needs no order of its own.
                let told = fresh || {
                    let WarningLook { kind: reason, colour, blink, beacon } = look;
                    let expires = self.settings.expires;
                    pole.order(now, PoleWish::Warn { reason, colour, blink, beacon, expires }, true, counters, orders)
                };
                if told {
                    let kept = same.filter(|shown| shown.event == event);
                    let since = kept.map_or(now, |shown| shown.since);
                    let told_at = same.filter(|_| fresh).map_or(now, |shown| shown.told_at);
                    pole.shown = Some(Shown { event, look, since, told_at });
                    if kept.is_none() {
                        pole.news.note_urgent();
                    }
                }
            }
            (None, Some(_)) => {
                if pole.order(now, PoleWish::ClearWarning, true, counters, orders) {
                    pole.shown = None;
                    pole.news.note_urgent();
                }
            }
            (None, None) => {}
        }
    }
}

/// The vehicle lanes against their direction, and the poles beside them.
#[derive(Debug)]
struct Road {
    /// By the lane's number in the map.
    lanes: Vec<LaneNode>,
    /// Scratch: lane, up to where it is looked at, and the metres that are left from there.
    open: Vec<(usize, f64, f64)>,
    /// Scratch: the most metres with which each lane was entered at its end.
    left_m: Vec<f64>,
}

#[derive(Debug, Default)]
struct LaneNode {
    length_m: f64,
    /// The lanes that lead here, and the length of the connection.
    before: Vec<(usize, f64)>,
    /// The poles beside it, and where on it they are.
    poles: Vec<(usize, f64)>,
}

impl Road {
    fn new(setups: &[PoleSetup], map: &SiteMap) -> Self {
        let mut lanes: Vec<LaneNode> = Vec::new();
        lanes.resize_with(map.lanes().count(), LaneNode::default);
        for lane in map.lanes().filter(|lane| lane.kind == LaneKind::Vehicle) {
            let Some(number) = map.lane_index(&lane.id) else { continue };
            if let Some(node) = lanes.get_mut(number) {
                node.length_m = length_m(&lane.points_m);
            }
            for connection in &lane.connections {
                let next = map.lane_index(&connection.to).and_then(|next| lanes.get_mut(next));
                if let Some(next) = next {
                    next.before.push((number, length_m(&connection.points_m)));
                }
            }
        }
        for (pole, setup) in setups.iter().enumerate() {
            let named = !setup.lane_ids.is_empty();
            let margin_m = if named { NAMED_LANE_M.max(setup.radius_m) } else { setup.radius_m };
            for place in map.lanes_at(LaneKind::Vehicle, setup.position_m, margin_m.clamp(0.0, 500.0)) {
                if named && !setup.lane_ids.contains(&place.lane.id) {
                    continue;
                }
                if let Some(node) = map.lane_index(&place.lane.id).and_then(|number| lanes.get_mut(number)) {
                    node.poles.push((pole, place.along_m));
                }
            }
        }
        let left_m = vec![0.0; lanes.len()];
        Self { lanes, open: Vec::new(), left_m }
    }

    /// Adds the poles up the road from a place on a lane, and up to `past_m` behind it.
    fn upstream(&mut self, lane: usize, along_m: f64, distance_m: f64, past_m: f64, found: &mut PoleSet) {
        if let Some(node) = self.lanes.get(lane) {
            let past = node.poles.iter().filter(|(_, at_m)| (along_m..=along_m + past_m).contains(at_m));
            past.for_each(|(pole, _)| found.insert(*pole));
        }
        self.walk((lane, along_m, distance_m), found);
    }

    /// The same from a lane's end.
    fn upstream_of_end(&mut self, lane: usize, distance_m: f64, found: &mut PoleSet) {
        let end_m = self.lanes.get(lane).map_or(0.0, |node| node.length_m);
        self.walk((lane, end_m, distance_m), found);
    }

    fn walk(&mut self, start: (usize, f64, f64), found: &mut PoleSet) {
        self.left_m.fill(0.0);
        self.open.clear();
        self.open.push(start);
        while let Some((lane, up_to_m, left_m)) = self.open.pop() {
            let Some(node) = self.lanes.get(lane).filter(|_| left_m > 0.0) else { continue };
            let beside = node.poles.iter().filter(|(_, at_m)| (up_to_m - left_m..=up_to_m).contains(at_m));
            beside.for_each(|(pole, _)| found.insert(*pole));
            for (before, connection_m) in &node.before {
                let left_m = left_m - up_to_m - connection_m;
                // Only with more than before: so rings of lanes end.
                if let Some(known_m) = self.left_m.get_mut(*before).filter(|known_m| left_m > **known_m) {
                    *known_m = left_m;
                    let end_m = self.lanes.get(*before).map_or(0.0, |node| node.length_m);
                    self.open.push((*before, end_m, left_m));
                }
            }
        }
    }
}

fn length_m(points_m: &[Vector2]) -> f64 {
    points_m.iter().zip(points_m.iter().skip(1)).map(|(a, b)| (*b - *a).norm()).sum()
}

#[cfg(test)]
mod tests {
    use site_map::{Connection, Lane, SiteFrame, Turn};
    use traffic_events::Stage;

    use super::*;

    /// A ring: a goes 100 m east, b comes back; c leads into a's end, d is a bicycle lane beside a.
    fn map() -> SiteMap {
        let lane = |id: &str, kind, points: &[(f64, f64)]| {
            Lane::new(id, kind, 3.5, points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect())
        };
        let lanes = vec![
            lane("a", LaneKind::Vehicle, &[(0.0, 0.0), (100.0, 0.0)])
                .with_connection(Connection::new("b", Turn::UTurn)),
            lane("b", LaneKind::Vehicle, &[(100.0, 60.0), (0.0, 60.0)])
                .with_connection(Connection::new("a", Turn::UTurn)),
            lane("c", LaneKind::Vehicle, &[(200.0, 200.0), (110.0, 70.0)])
                .with_connection(Connection::new("b", Turn::Right)),
            lane("d", LaneKind::Bicycle, &[(0.0, -4.0), (100.0, -4.0)]),
        ];
        SiteMap::new(SiteFrame::new(22.69, 114.35).unwrap(), lanes, Vec::new()).unwrap()
    }

    fn pole(x_m: f64, y_m: f64, lane_ids: &[&str]) -> PoleSetup {
        PoleSetup {
            id: format!("{x_m} {y_m}"),
            position_m: Vector2::new(x_m, y_m),
            radius_m: 10.0,
            lane_ids: lane_ids.iter().map(|id| (*id).to_owned()).collect(),
        }
    }

    fn upstream(setups: &[PoleSetup], lane: &str, along_m: f64, distance_m: f64) -> Vec<usize> {
        let map = map();
        let mut road = Road::new(setups, &map);
        let mut found = PoleSet::default();
        road.upstream(map.lane_index(lane).unwrap(), along_m, distance_m, 0.0, &mut found);
        (0..setups.len()).filter(|pole| found.contains(*pole)).collect()
    }

    #[test]
    fn the_way_back_goes_over_connections_and_no_farther() {
        let setups = [pole(20.0, -5.0, &[]), pole(80.0, -5.0, &[]), pole(50.0, 65.0, &[]), pole(190.0, 185.0, &[])];
        assert_eq!(upstream(&setups, "a", 90.0, 50.0), [1]);
        assert_eq!(upstream(&setups, "a", 90.0, 75.0), [0, 1]);
        // Over the connection from b to a, which is a half circle of about 94 m, the whole ring in the end.
        assert_eq!(upstream(&setups, "a", 10.0, 60.0), [] as [usize; 0]);
        assert_eq!(upstream(&setups, "a", 10.0, 220.0), [2]);
        assert_eq!(upstream(&setups, "a", 90.0, 1e6), [0, 1, 2, 3]);
        assert_eq!(upstream(&setups, "b", 40.0, 30.0), [] as [usize; 0]);
        assert_eq!(upstream(&setups, "b", 60.0, 30.0), [2]);
    }

    #[test]
    fn named_lanes_are_the_only_ones() {
        // Beside a and in its zone, but it warns b, which is farther.
        let setups = [pole(50.0, 8.0, &["b"]), pole(50.0, 8.0, &[]), pole(50.0, 8.0, &["no such lane"])];
        assert_eq!(upstream(&setups, "a", 90.0, 80.0), [1]);
        assert_eq!(upstream(&setups, "b", 90.0, 80.0), [0]);
    }

    #[test]
    fn more_events_than_can_be_shown_lose_the_least_urgent() {
        let (map, setups) = (map(), [pole(50.0, 5.0, &[])]);
        let zones = Zones::new(&setups);
        let settings = WarningSettings {
            looks: vec![WarningLook::usual(EventKind::Ice), WarningLook::usual(EventKind::Fog)],
            ..WarningSettings::default()
        };
        let mut warnings = Warnings::new(settings, &setups, &map);
        let mut counters = Counters::default();
        let mut tell = |warnings: &mut Warnings, id, kind, stage| {
            let change = EventChange {
                id: EventId(id),
                kind,
                stage,
                began_at: Timestamp::default(),
                at: Timestamp::default(),
                position_m: Vector2::new(50.0, 0.0),
                lane_id: "a".into(),
                confidence: 1.0,
                zone: None,
                participants: Vec::new(),
                evidence: traffic_events::Evidence::default(),
            };
            warnings.event(&change, &map, &zones, &mut counters);
            counters.get("pole_warning_not_remembered")
        };
        for id in 1..=300 {
            tell(&mut warnings, id, EventKind::Fog, Stage::Start);
        }
        assert_eq!(tell(&mut warnings, 301, EventKind::Ice, Stage::Start), 45);
        assert_eq!(tell(&mut warnings, 302, EventKind::Speeding, Stage::Start), 45, "that is not warned of");
        assert_eq!(warnings.in_force.len(), 256);
        assert_eq!(warnings.wanted(0).unwrap().0, EventId(301));
        tell(&mut warnings, 301, EventKind::Ice, Stage::Cleared);
        assert_eq!(warnings.wanted(0).unwrap(), (EventId(1), WarningLook::usual(EventKind::Fog)));
        for id in 1..=300 {
            tell(&mut warnings, id, EventKind::Fog, Stage::Lost);
        }
        assert!(warnings.wanted(0).is_none() && warnings.in_force.is_empty());
    }
}
