//! Scores events against the truth: which alarm is of which true event, and how late it came.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::Value;

use crate::scenes::{Truth, tenths};

/// What is added to a true event at both ends, s.
const TOLERANCE_S: f64 = 1.0;
/// How far an alarm's place may be from the road user's, metres.
const NEAR_M: f64 = 5.0;
/// How long somebody must stand before it is an event, s; the daemon's configuration has the same.
const STOPPED_AFTER_S: f64 = 5.0;
/// The truth lists events within this distance of the junction's centre, metres: of what is farther it knows nothing.
const TRUTH_REACH_M: f64 = 130.0;

/// A type of the truth.
#[derive(Debug)]
pub(crate) struct Definition {
    /// Its name in the truth.
    pub(crate) truth: &'static str,
    /// Its name in the alarms.
    pub(crate) kind: &'static str,
    /// How long it must last by its definition; nobody can tell it earlier, s.
    pub(crate) at_least_s: f64,
}

/// The types that are scored.
pub(crate) const DEFINITIONS: [Definition; 6] = [
    Definition { truth: "speeding", kind: "speeding", at_least_s: 1.0 },
    Definition { truth: "stopped_vehicle", kind: "stopped_vehicle", at_least_s: STOPPED_AFTER_S },
    Definition { truth: "wrong_way", kind: "wrong_way", at_least_s: 0.8 },
    Definition { truth: "vru_jaywalking", kind: "pedestrian_on_carriageway", at_least_s: 0.5 },
    Definition { truth: "queue", kind: "queue", at_least_s: 3.0 },
    Definition { truth: "collision_risk", kind: "collision_risk", at_least_s: 0.3 },
];

/// A true event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrueEvent {
    /// Its type.
    pub(crate) kind: String,
    /// SUMO's name of the road user, or of the lane.
    pub(crate) id: String,
    other: Option<String>,
    t0: f64,
    t1: f64,
}

/// What the daemon said of one event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alarm {
    /// Its kind.
    pub(crate) kind: String,
    /// When it was told, s.
    start_s: f64,
    began_s: f64,
    end_s: f64,
    lane: String,
    /// Time and place of each line.
    places: Vec<(f64, f64, f64)>,
}

/// The result for one type.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Score {
    /// True events.
    pub(crate) truths: usize,
    /// Those with an alarm.
    pub(crate) found: usize,
    /// All alarms where the truth looks.
    pub(crate) alarms: usize,
    /// Alarms of a true event that has another one already; false ones, too.
    pub(crate) duplicates: usize,
    /// How much later than the definition allows each was told, s.
    pub(crate) delays_s: Vec<f64>,
    /// True events without an alarm.
    pub(crate) missed: Vec<String>,
}

impl Score {
    /// Adds that of another scene.
    pub(crate) fn add(&mut self, other: Self) {
        self.truths += other.truths;
        self.found += other.found;
        self.alarms += other.alarms;
        self.duplicates += other.duplicates;
        self.delays_s.extend(other.delays_s);
        self.missed.extend(other.missed);
    }

    /// The median of the delays.
    pub(crate) fn delay_s(&self) -> Option<f64> {
        let mut sorted = self.delays_s.clone();
        sorted.sort_by(f64::total_cmp);
        let (low, high) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
        Some(f64::midpoint(*low, *high))
    }
}

/// Reads the list of true events.
pub(crate) fn read_truth(text: &str) -> anyhow::Result<Vec<TrueEvent>> {
    let list: Vec<Value> = serde_json::from_str(text).context("the true events")?;
    list.iter().map(|event| true_event(event).with_context(|| format!("the true event {event}"))).collect()
}

fn true_event(event: &Value) -> Option<TrueEvent> {
    let text = |key: &str| event.get(key).and_then(Value::as_str).map(str::to_owned);
    let number = |key: &str| event.get(key).and_then(Value::as_f64);
    Some(TrueEvent { kind: text("type")?, id: text("id")?, other: text("other"), t0: number("t0")?, t1: number("t1")? })
}

/// Reads the events that `rsud events` wrote, lines of JSON in the order of time.
pub(crate) fn read_alarms(text: &str) -> anyhow::Result<Vec<Alarm>> {
    let mut alarms: BTreeMap<String, Alarm> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).with_context(|| format!("the event {line:?}"))?;
        let read =
            line_of(&value).with_context(|| format!("the event {line:?} lacks an id, a kind, a time or a place"))?;
        let (id, kind, lane, t, x, y) = read;
        let began_s = value.get("began_s").and_then(Value::as_f64).unwrap_or(t);
        let first = || Alarm { kind, start_s: t, began_s, end_s: t, lane: String::new(), places: Vec::new() };
        let alarm = alarms.entry(id).or_insert_with(first);
        alarm.end_s = t;
        alarm.places.push((t, x, y));
        if !lane.is_empty() {
            alarm.lane = lane;
        }
    }
    Ok(alarms.into_values().collect())
}

type Line = (String, String, String, f64, f64, f64);

fn line_of(value: &Value) -> Option<Line> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |key: &str| value.get(key).and_then(Value::as_f64);
    let id = value.get("event_id")?.to_string();
    let kind = match text("kind") {
        kind if kind.is_empty() => return None,
        kind if kind == "wrong_way_driving" => "wrong_way".to_owned(),
        kind if kind == "congestion" => "queue".to_owned(),
        kind => kind,
    };
    Some((id, kind, text("lane"), number("t_s")?, number("x_m")?, number("y_m")?))
}

/// A scene in which events are looked for.
pub(crate) struct Scene<'a> {
    /// Where the road users were.
    pub(crate) truth: &'a Truth,
    /// SUMO's names of them, sorted.
    pub(crate) names: &'a [String],
}

impl Scene<'_> {
    /// Scores the alarms of one type.
    pub(crate) fn score(&self, definition: &Definition, truths: &[TrueEvent], alarms: &[Alarm]) -> Score {
        let mut truths: Vec<&TrueEvent> = truths.iter().filter(|event| event.kind == definition.truth).collect();
        truths.sort_by(|a, b| a.t0.total_cmp(&b.t0));
        let alarms: Vec<&Alarm> = alarms.iter().filter(|alarm| alarm.kind == definition.kind).collect();
        let mut pairs = Pairs {
            candidates: truths.iter().map(|event| self.candidates(event, &alarms)).collect(),
            ..Pairs::default()
        };
        for event in 0..truths.len() {
            pairs.find(event, &mut BTreeSet::new());
        }
        let beyond = |alarm: &Alarm| alarm.places.iter().all(|(_, x, y)| x.hypot(*y) > TRUTH_REACH_M);
        let unknown = alarms.iter().enumerate().filter(|(n, alarm)| !pairs.taken.contains_key(n) && beyond(alarm));
        let counted = alarms.len() - unknown.count();
        let mut score = Score { truths: truths.len(), alarms: counted, ..Score::default() };
        let of_truth: BTreeMap<usize, usize> = pairs.taken.iter().map(|(alarm, event)| (*event, *alarm)).collect();
        for (place, event) in truths.iter().enumerate() {
            if let Some(alarm) = of_truth.get(&place).and_then(|alarm| alarms.get(*alarm)) {
                score.found += 1;
                score.delays_s.push(alarm.start_s - self.visible_from(event) - definition.at_least_s);
            } else {
                score.missed.push(format!("{} {:.1} s", event.id, event.t0));
            }
        }
        let near: BTreeSet<usize> = pairs.candidates.iter().flatten().copied().collect();
        score.duplicates = near.iter().filter(|alarm| !pairs.taken.contains_key(alarm)).count();
        score
    }

    /// When the event could first be seen: its beginning, or later where no sensor covers the road user yet.
    fn visible_from(&self, event: &TrueEvent) -> f64 {
        let Ok(id) = self.names.binary_search(&event.id) else { return event.t0 };
        let covered = |t: &i64| self.truth.covers(id, *t);
        (tenths(event.t0)..=tenths(event.t1)).find(covered).map_or(event.t0, |t| t as f64 / 10.0)
    }

    /// How many alarms of a kind are at one of the true events of a type.
    pub(crate) fn count_at(&self, truth: &str, kind: &str, truths: &[TrueEvent], alarms: &[Alarm]) -> usize {
        let is_at = |alarm: &Alarm| truths.iter().any(|event| event.kind == truth && self.matches(event, alarm));
        alarms.iter().filter(|alarm| alarm.kind == kind && is_at(alarm)).count()
    }

    /// The alarms that may be of the event, those that were told nearest to its beginning first.
    fn candidates(&self, event: &TrueEvent, alarms: &[&Alarm]) -> Vec<usize> {
        let near = alarms.iter().enumerate().filter(|(_, alarm)| self.matches(event, alarm));
        let mut near: Vec<(f64, usize)> =
            near.map(|(index, alarm)| ((alarm.began_s - event.t0).abs(), index)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near.into_iter().map(|(_, index)| index).collect()
    }

    fn matches(&self, event: &TrueEvent, alarm: &Alarm) -> bool {
        let first = alarm.began_s.min(alarm.start_s).max(event.t0 - TOLERANCE_S);
        let last = alarm.end_s.min(event.t1 + TOLERANCE_S);
        if first > last + 1e-6 {
            return false;
        }
        if event.kind == "queue" {
            return approach(&event.id) == approach(&alarm.lane);
        }
        let who = std::iter::once(&event.id).chain(&event.other);
        let indices: Vec<usize> = who.filter_map(|name| self.names.binary_search(name).ok()).collect();
        (tenths(first)..=tenths(last)).any(|t| {
            let (x, y) = alarm.place_at(t as f64 / 10.0);
            let places = indices.iter().filter_map(|id| self.truth.place(*id, t));
            places.into_iter().any(|(tx, ty)| (tx - x).hypot(ty - y) <= NEAR_M)
        })
    }
}

impl Alarm {
    /// Its place: straight between the lines, and as at the first and the last beyond them.
    fn place_at(&self, t: f64) -> (f64, f64) {
        let after = self.places.iter().position(|place| place.0 >= t);
        let next = after.and_then(|index| self.places.get(index)).or(self.places.last());
        let before = after.and_then(|index| self.places.get(index.checked_sub(1)?));
        match (before, next) {
            (Some(a), Some(b)) if b.0 > a.0 => {
                let share = (t - a.0) / (b.0 - a.0);
                (a.1 + (b.1 - a.1) * share, a.2 + (b.2 - a.2) * share)
            }
            (_, Some(b)) => (b.1, b.2),
            _ => (f64::NAN, f64::NAN),
        }
    }
}

/// SUMO's lanes are called after their edge: `EC_3` is lane 3 of the approach `EC`.
fn approach(lane: &str) -> &str {
    lane.rsplit_once('_').map_or(lane, |(edge, _)| edge)
}

/// The greatest number of pairs, by augmenting paths.
#[derive(Debug, Default)]
struct Pairs {
    candidates: Vec<Vec<usize>>,
    /// The true event of each alarm that has one.
    taken: BTreeMap<usize, usize>,
}

impl Pairs {
    fn find(&mut self, event: usize, tried: &mut BTreeSet<usize>) -> bool {
        for alarm in self.candidates.get(event).cloned().unwrap_or_default() {
            if !tried.insert(alarm) {
                continue;
            }
            let holder = self.taken.get(&alarm).copied();
            if holder.is_none_or(|holder| self.find(holder, tried)) {
                self.taken.insert(alarm, event);
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Place;

    /// Two road users: `a` goes east with 10 m/s along y = 0, `b` stands at (0, 50).
    fn truth() -> Truth {
        let mut truth = Truth::default();
        for t in 3000..3400_i64 {
            let place = |id, x, y| Place { id, x, y, evaluated: true };
            truth.at.insert(t, vec![place(0, (t - 3000) as f64, 0.0), place(1, 0.0, 50.0)]);
        }
        truth
    }

    fn event(kind: &str, id: &str, other: Option<&str>, t0: f64, t1: f64) -> TrueEvent {
        TrueEvent { kind: kind.into(), id: id.into(), other: other.map(str::to_owned), t0, t1 }
    }

    fn alarm(kind: &str, lane: &str, lines: &[(f64, f64, f64)]) -> Alarm {
        let (first, last) = (lines[0].0, lines[lines.len() - 1].0);
        Alarm {
            kind: kind.into(),
            start_s: first,
            began_s: first,
            end_s: last,
            lane: lane.into(),
            places: lines.into(),
        }
    }

    fn score(truths: &[TrueEvent], alarms: &[Alarm]) -> Score {
        let names = ["a".to_owned(), "b".to_owned()];
        let scene = Scene { truth: &truth(), names: &names };
        let definition = DEFINITIONS.iter().find(|definition| definition.truth == truths[0].kind).unwrap();
        scene.score(definition, truths, alarms)
    }

    #[test]
    fn an_alarm_at_the_place_is_found_and_a_second_is_a_duplicate() {
        let truths = [event("speeding", "a", None, 305.0, 310.0)];
        // At 306 s the car is at 60 m, between the lines as well.
        let good = alarm("speeding", "", &[(306.4, 64.0, 0.0), (309.4, 94.0, 1.0)]);
        let again = alarm("speeding", "", &[(309.9, 99.0, 0.0), (310.5, 105.0, 0.0)]);
        let elsewhere = alarm("speeding", "", &[(306.0, 60.0, 9.0), (308.0, 80.0, 9.0)]);
        let other_kind = alarm("queue", "", &[(306.0, 60.0, 0.0)]);
        let result = score(&truths, &[again, good, elsewhere, other_kind]);
        assert_eq!((result.truths, result.found, result.alarms, result.duplicates), (1, 1, 3, 1));
        assert!((result.delay_s().unwrap() - 0.4).abs() < 1e-9, "{result:?}");
    }

    #[test]
    fn the_tolerance_is_a_second() {
        let truths = [event("stopped_vehicle", "b", None, 310.0, 330.0)];
        let early = |end| alarm("stopped_vehicle", "", &[(305.0, 0.0, 50.0), (end, 0.0, 50.0)]);
        assert_eq!(score(&truths, &[early(309.0)]).found, 1);
        let missed = score(&truths, &[early(308.8)]);
        assert_eq!((missed.found, missed.missed), (0, vec!["b 310.0 s".to_owned()]));
    }

    #[test]
    fn either_party_and_the_approach_are_places() {
        let risk = [event("collision_risk", "a", Some("b"), 320.0, 321.0)];
        assert_eq!(score(&risk, &[alarm("collision_risk", "", &[(320.3, 1.0, 49.0)])]).found, 1);
        let queue = [event("queue", "EC_3", None, 320.0, 330.0)];
        assert_eq!(score(&queue, &[alarm("queue", "EC_2", &[(325.0, 0.0, 0.0)])]).found, 1);
        assert_eq!(score(&queue, &[alarm("queue", "EC", &[(325.0, 0.0, 0.0)])]).found, 1);
        assert_eq!(score(&queue, &[alarm("queue", "NC_3", &[(325.0, 0.0, 0.0)])]).found, 0);
    }

    #[test]
    fn one_alarm_cannot_serve_two_events_and_as_many_as_can_be_are_found() {
        let twice = |t| event("stopped_vehicle", "b", None, t, t + 5.0);
        let long = alarm("stopped_vehicle", "", &[(305.0, 0.0, 50.0), (325.0, 0.0, 50.0)]);
        let first = alarm("stopped_vehicle", "", &[(304.0, 0.0, 50.0), (308.0, 0.0, 50.0)]);
        assert_eq!(score(&[twice(305.0), twice(320.0)], std::slice::from_ref(&long)).found, 1);
        // The first event would like the long alarm best, but the second has no other.
        assert_eq!(score(&[twice(305.0), twice(320.0)], &[long, first]).found, 2);
    }

    #[test]
    fn lines_become_alarms() {
        let text = r#"{"event_id":7,"kind":"wrong_way_driving","code":904,"stage":"start","t_s":306.0,"began_s":305.2,"x_m":1.0,"y_m":2.0,"lane":"CW_3"}

{"event_id":"8","kind":"queue","stage":"start","t_s":306.5,"x_m":0,"y_m":0,"lane":null}
{"event_id":7,"kind":"wrong_way_driving","stage":"end","t_s":309.0,"began_s":305.2,"x_m":4.0,"y_m":2.0,"lane":""}"#;
        let alarms = read_alarms(text).unwrap();
        let wrong_way = alarms.iter().find(|alarm| alarm.kind == "wrong_way").unwrap();
        assert_eq!((alarms.len(), wrong_way.start_s, wrong_way.began_s, wrong_way.end_s), (2, 306.0, 305.2, 309.0));
        assert_eq!((wrong_way.lane.as_str(), wrong_way.place_at(307.5)), ("CW_3", (2.5, 2.0)));
        assert_eq!((wrong_way.place_at(300.0), wrong_way.place_at(400.0)), ((1.0, 2.0), (4.0, 2.0)));
        assert!(read_alarms(r#"{"event_id":7}"#).is_err());
    }

    #[test]
    fn the_median_is_the_middle() {
        let with = |delays: &[f64]| Score { delays_s: delays.to_vec(), ..Score::default() }.delay_s();
        assert_eq!((with(&[]), with(&[2.0, 1.0, 9.0]), with(&[1.0, 2.0])), (None, Some(2.0), Some(1.5)));
    }
}
