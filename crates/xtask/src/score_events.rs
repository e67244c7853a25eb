//! Scores events against the truth: which alarm is of which true event, and how late it came.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde_json::Value;

use crate::scenes::{Truth, tenths};

mod rule;

/// What is added to a true event at both ends, s.
const TOLERANCE_S: f64 = 1.0;
/// How far an alarm's place may be from the road user's, metres.
const NEAR_M: f64 = 5.0;
/// How far each participant of a pair may be from the road user that it is, metres.
const PARTY_NEAR_M: f64 = 3.0;
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
    // Three samples at 10 Hz.
    Definition { truth: "collision_risk", kind: "collision_risk", at_least_s: 0.2 },
];

/// A true event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrueEvent {
    /// Its type.
    pub(crate) kind: String,
    /// SUMO's name of the road user, or of the lane.
    pub(crate) id: String,
    other: Option<String>,
    t0_s: f64,
    t1_s: f64,
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
    lines: Vec<Line>,
}

/// What one line says of an event.
#[derive(Debug, Clone, Default, PartialEq)]
struct Line {
    t_s: f64,
    x_m: f64,
    y_m: f64,
    participants: Vec<Participant>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Participant {
    id: u64,
    x_m: f64,
    y_m: f64,
}

/// The result for one type.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Score {
    /// True events.
    pub(crate) truths: usize,
    /// Those with an alarm.
    pub(crate) found: usize,
    /// All alarms where the truth looks, and of what it knows.
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
    Some(TrueEvent {
        kind: text("type")?,
        id: text("id")?,
        other: text("other"),
        t0_s: number("t0")?,
        t1_s: number("t1")?,
    })
}

/// Reads the events that `rsud events` wrote, lines of JSON in the order of time.
pub(crate) fn read_alarms(text: &str) -> anyhow::Result<Vec<Alarm>> {
    let mut alarms: BTreeMap<String, Alarm> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).with_context(|| format!("the event {line:?}"))?;
        let (id, kind, line) =
            line_of(&value).with_context(|| format!("the event {line:?} lacks an id, a kind, a time or a place"))?;
        let t_s = line.t_s;
        let began_s = value.get("began_s").and_then(Value::as_f64).unwrap_or(t_s);
        let first = || Alarm { kind, start_s: t_s, began_s, end_s: t_s, lane: String::new(), lines: Vec::new() };
        let alarm = alarms.entry(id).or_insert_with(first);
        alarm.end_s = t_s;
        alarm.lines.push(line);
        if let Some(lane) = value.get("lane").and_then(Value::as_str).filter(|lane| !lane.is_empty()) {
            lane.clone_into(&mut alarm.lane);
        }
    }
    Ok(alarms.into_values().collect())
}

/// Identity and kind of the event, and what the line says of it.
fn line_of(value: &Value) -> Option<(String, String, Line)> {
    let number = |value: &Value, key: &str| value.get(key).and_then(Value::as_f64);
    let participant = |value: &Value| {
        let id = value.get("id")?.as_u64()?;
        Some(Participant { id, x_m: number(value, "x_m")?, y_m: number(value, "y_m")? })
    };
    let id = value.get("event_id")?.to_string();
    let kind = value.get("kind")?.as_str().filter(|kind| !kind.is_empty())?.to_owned();
    let participants = value.get("participants").and_then(Value::as_array);
    let line = Line {
        t_s: number(value, "t_s")?,
        x_m: number(value, "x_m")?,
        y_m: number(value, "y_m")?,
        participants: participants.into_iter().flatten().filter_map(participant).collect(),
    };
    Some((id, kind, line))
}

/// A scene in which events are looked for.
pub(crate) struct Scene<'a> {
    /// Where the road users were.
    pub(crate) truth: &'a Truth,
    /// SUMO's names of them, sorted.
    pub(crate) names: &'a [String],
}

/// What the main figures do not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Beside {
    /// True events that some sensor could see for as long as the definition asks.
    seeable: usize,
    /// Those of them with an alarm.
    found: usize,
    /// Alarms that fulfil the truth's rule on a pair of classes that the truth leaves out: neither right nor false.
    outside: usize,
}

impl Scene<'_> {
    /// Scores the alarms of one type.
    pub(crate) fn score(&self, definition: &Definition, truths: &[TrueEvent], alarms: &[Alarm]) -> Score {
        let (score, beside) = self.score_beside(definition, truths, alarms);
        if beside.seeable < score.truths || beside.outside > 0 {
            println!(
                "{}: of the {} that a sensor could see {} found, {} could not be seen; {} alarms not in the truth's classes",
                definition.truth,
                beside.seeable,
                beside.found,
                score.truths - beside.seeable,
                beside.outside
            );
        }
        score
    }

    fn score_beside(&self, definition: &Definition, truths: &[TrueEvent], alarms: &[Alarm]) -> (Score, Beside) {
        let mut truths: Vec<&TrueEvent> = truths.iter().filter(|event| event.kind == definition.truth).collect();
        truths.sort_by(|a, b| a.t0_s.total_cmp(&b.t0_s));
        let alarms: Vec<&Alarm> = alarms.iter().filter(|alarm| alarm.kind == definition.kind).collect();
        let mut pairs = Pairs {
            candidates: truths.iter().map(|event| self.candidates(event, &alarms)).collect(),
            ..Pairs::default()
        };
        for event in 0..truths.len() {
            pairs.find(event, &mut BTreeSet::new());
        }
        let beyond = |alarm: &Alarm| alarm.lines.iter().all(|line| line.x_m.hypot(line.y_m) > TRUTH_REACH_M);
        let others = || alarms.iter().enumerate().filter(|(n, _)| !pairs.taken.contains_key(n)).map(|(_, alarm)| alarm);
        let unknown = others().filter(|alarm| beyond(alarm)).count();
        let outside = others().filter(|alarm| !beyond(alarm) && self.is_left_out(alarm)).count();
        let alarms_counted = alarms.len() - unknown - outside;
        let mut score = Score { truths: truths.len(), alarms: alarms_counted, ..Score::default() };
        let mut beside = Beside { outside, ..Beside::default() };
        let of_truth: BTreeMap<usize, usize> = pairs.taken.iter().map(|(alarm, event)| (*event, *alarm)).collect();
        for (place, event) in truths.iter().enumerate() {
            let seeable = self.is_seeable(event, definition.at_least_s);
            beside.seeable += usize::from(seeable);
            if let Some(alarm) = of_truth.get(&place).and_then(|alarm| alarms.get(*alarm)) {
                score.found += 1;
                beside.found += usize::from(seeable);
                score.delays_s.push(alarm.start_s - self.visible_from_s(event) - definition.at_least_s);
            } else {
                let why = if seeable { "" } else { " (seen by no sensor)" };
                score.missed.push(format!("{} {:.1} s{why}", event.id, event.t0_s));
            }
        }
        let near: BTreeSet<usize> = pairs.candidates.iter().flatten().copied().collect();
        score.duplicates = near.iter().filter(|alarm| !pairs.taken.contains_key(alarm)).count();
        (score, beside)
    }

    /// The road users of an event; none of a queue, whose place is a lane.
    fn parties(&self, event: &TrueEvent) -> Vec<usize> {
        let who = std::iter::once(&event.id).chain(&event.other);
        who.filter_map(|name| self.names.binary_search(name).ok()).collect()
    }

    /// The times of an event at which each of its road users is within view of a sensor, tenths of a second.
    fn visible(&self, event: &TrueEvent) -> impl Iterator<Item = i64> {
        let parties = self.parties(event);
        (tenths(event.t0_s)..=tenths(event.t1_s)).filter(move |t| parties.iter().all(|id| self.truth.covers(*id, *t)))
    }

    /// When the event could first be seen: its beginning, or later where no sensor covers all of its road users yet.
    fn visible_from_s(&self, event: &TrueEvent) -> f64 {
        self.visible(event).next().map_or(event.t0_s, |t| t as f64 / 10.0)
    }

    /// Whether it could be seen for as long as its definition asks.
    fn is_seeable(&self, event: &TrueEvent, at_least_s: f64) -> bool {
        let least = usize::try_from(tenths(at_least_s)).unwrap_or_default();
        // As many steps as the definition has are one sample more.
        self.parties(event).is_empty() || self.visible(event).count() > least
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
            near.map(|(index, alarm)| ((alarm.began_s - event.t0_s).abs(), index)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0));
        near.into_iter().map(|(_, index)| index).collect()
    }

    fn matches(&self, event: &TrueEvent, alarm: &Alarm) -> bool {
        let first_s = alarm.began_s.min(alarm.start_s).max(event.t0_s - TOLERANCE_S);
        let last_s = alarm.end_s.min(event.t1_s + TOLERANCE_S);
        if first_s > last_s + 1e-6 {
            return false;
        }
        if event.kind == "queue" {
            return approach(&event.id) == approach(&alarm.lane);
        }
        let mut times = tenths(first_s)..=tenths(last_s);
        match self.parties(event).as_slice() {
            [one] => times.any(|t| self.is_near(*one, t, alarm.place_at(t as f64 / 10.0), NEAR_M)),
            [one, other] => times.any(|t| self.are_these(*one, *other, t, alarm)),
            _ => false,
        }
    }

    fn is_near(&self, id: usize, t: i64, (x_m, y_m): (f64, f64), limit_m: f64) -> bool {
        self.truth.place(id, t).is_some_and(|(tx_m, ty_m)| (tx_m - x_m).hypot(ty_m - y_m) <= limit_m)
    }

    /// Whether two participants of the alarm are these two road users.
    fn are_these(&self, one: usize, other: usize, t: i64, alarm: &Alarm) -> bool {
        let places = alarm.participants_at(t as f64 / 10.0);
        let near =
            |id: usize| places.iter().enumerate().filter(move |(_, place)| self.is_near(id, t, **place, PARTY_NEAR_M));
        near(one).any(|(first, _)| near(other).any(|(second, _)| first != second))
    }

    /// Whether the truth's own rule of a collision risk holds for the alarm's pair, which is one that the truth leaves
    /// out: a motorcycle and another motor vehicle.
    fn is_left_out(&self, alarm: &Alarm) -> bool {
        let Some(line) = alarm.lines.first().filter(|_| alarm.kind == "collision_risk") else { return false };
        let nearest = |who: &Participant| {
            let places = self.truth.at.get(&tenths(line.t_s))?.iter();
            let places = places.map(|place| ((place.x - who.x_m).hypot(place.y - who.y_m), place.id));
            places.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|best| best.0 <= PARTY_NEAR_M).map(|best| best.1)
        };
        let [Some(one), Some(other)] = [0, 1].map(|n| line.participants.get(n).and_then(nearest)) else { return false };
        let times = tenths(alarm.began_s - TOLERANCE_S)..=tenths(alarm.end_s + TOLERANCE_S);
        one != other && rule::is_left_out(self, one, other) && rule::holds(self, one, other, times)
    }
}

impl Alarm {
    /// The last line before a time and the first one after it, and how far it is from the one to the other, 0 to 1. The
    /// first and the last line beyond them.
    fn around(&self, t_s: f64) -> Option<(&Line, &Line, f64)> {
        let after = self.lines.iter().position(|line| line.t_s >= t_s);
        let next = after.and_then(|index| self.lines.get(index)).or(self.lines.last())?;
        let before = after.and_then(|index| self.lines.get(index.checked_sub(1)?));
        let before = before.filter(|before| next.t_s > before.t_s).unwrap_or(next);
        let share = if before.t_s < next.t_s { (t_s - before.t_s) / (next.t_s - before.t_s) } else { 0.0 };
        Some((before, next, share))
    }

    /// Its place, straight between the lines.
    fn place_at(&self, t_s: f64) -> (f64, f64) {
        self.around(t_s).map_or((f64::NAN, f64::NAN), |(before, next, share)| {
            (before.x_m + (next.x_m - before.x_m) * share, before.y_m + (next.y_m - before.y_m) * share)
        })
    }

    /// The places of its participants, each straight between the lines that both have it.
    fn participants_at(&self, t_s: f64) -> Vec<(f64, f64)> {
        let Some((before, next, share)) = self.around(t_s) else { return Vec::new() };
        let place = |old: &Participant| {
            let new = next.participants.iter().find(|new| new.id == old.id).unwrap_or(old);
            (old.x_m + (new.x_m - old.x_m) * share, old.y_m + (new.y_m - old.y_m) * share)
        };
        before.participants.iter().map(place).collect()
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
mod tests;
