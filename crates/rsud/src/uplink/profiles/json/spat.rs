//! Signals (SPAT), written and read as DRIS has them.

use rsu_proto::v1::{self, phase_state::Timing};
use rsu_units::Timestamp;
use serde_json::{Map, Value, json};

use super::object::Object;
use super::read::{Read, count, integer, list, needed, object, optional, text};
use super::rsi::{node, read_node};
use super::time;
use super::units::{PERCENT, TIME_MARK, TIMES, step};

/// Intersections, phases and states that are looked at in one list.
const MAX_INTERSECTIONS: usize = 256;
const MAX_PHASES: usize = 256;
const MAX_STATES: usize = 16;
/// The last colour.
const MAX_LIGHT: i64 = 8;
/// The standard's "not known" of a signal's time.
const NO_MARK: i64 = 36001;

/// The state of an intersection with some of its phases. `near` is a time near which the message's own is.
pub(crate) fn intersection(state: &v1::IntersectionState, phases: &[v1::Phase], near: Timestamp) -> Value {
    let at = time::absolute(state.minute_of_year, state.sec_mark_ms, near);
    let accuracy = state.time_accuracy_s.map(|accuracy_s| step(TIMES, Some(accuracy_s)));
    // The platform counts bits from the other end.
    let status = (state.status as u16).reverse_bits();
    Object::new()
        .with("intersectionId", node(state.id.as_ref()))
        .with("status", status)
        .with("timeStamp", time::ms(at))
        .maybe("timeConfidence", accuracy)
        .with("phases", phases.iter().map(phase).collect::<Vec<_>>())
        .into()
}

fn phase(phase: &v1::Phase) -> Value {
    json!({ "phaseId": phase.id, "phaseStates": phase.states.iter().map(state).collect::<Vec<_>>() })
}

fn state(state: &v1::PhaseState) -> Value {
    let timing = match &state.timing {
        Some(Timing::Counting(counting)) => Some(json!({ "counting": count_down(counting) })),
        Some(Timing::UtcTiming(utc)) => Some(json!({ "utcTiming": clock(utc) })),
        Some(Timing::UnknownTiming(_)) | None => None,
    };
    Object::new().with("light", state.light.to_string()).maybe("timing", timing).into()
}

fn mark(seconds: Option<f64>) -> Value {
    json!({ "timeMark": TIME_MARK.raw_or(seconds, NO_MARK) })
}

fn count_down(timing: &v1::CountingDown) -> Value {
    Object::new()
        .with("startTime", mark(timing.start_s))
        .maybe("minEndTime", timing.min_end_s.map(|s| mark(Some(s))))
        .maybe("maxEndTime", timing.max_end_s.map(|s| mark(Some(s))))
        .with("likelyEndTime", mark(timing.likely_end_s))
        .maybe("timeConfidence", timing.confidence_percent.and_then(|percent| PERCENT.raw(percent)))
        .maybe("nextStartTime", timing.next_start_s.map(|s| mark(Some(s))))
        .maybe("nextDuration", timing.next_duration_s.map(|s| mark(Some(s))))
        .into()
}

fn clock(timing: &v1::UtcTiming) -> Value {
    Object::new()
        .with("startUtcTime", mark(timing.start_s))
        .maybe("minEndUtcTime", timing.min_end_s.map(|s| mark(Some(s))))
        .maybe("maxEndUtcTime", timing.max_end_s.map(|s| mark(Some(s))))
        .with("likelyEndUtcTime", mark(timing.likely_end_s))
        .maybe("timeConfidence", timing.confidence_percent.and_then(|percent| PERCENT.raw(percent)))
        .maybe("nextStartUtcTime", timing.next_start_s.map(|s| mark(Some(s))))
        .maybe("nextEndUtcTime", timing.next_end_s.map(|s| mark(Some(s))))
        .into()
}

/// Signals from the platform, which count from `now`.
pub(crate) fn read(value: &Value, now: Timestamp) -> Read<v1::SignalPhaseAndTiming> {
    let members = object(value)?;
    let intersection = |value: &Value| read_intersection(value, now);
    let name = optional(members, "name", text(63))?;
    Ok(v1::SignalPhaseAndTiming {
        minute_of_year: now.minute_of_year(),
        sec_mark_ms: Some(now.dsecond_ms().into()),
        // For people, and on the air only in IA5.
        name: name.filter(|name| !name.is_empty() && name.is_ascii()),
        intersections: needed(members, "intersections", |value| list(value, MAX_INTERSECTIONS, intersection))?,
        ..v1::SignalPhaseAndTiming::default()
    })
}

fn read_intersection(value: &Value, now: Timestamp) -> Read<v1::IntersectionState> {
    let members = object(value)?;
    Ok(v1::IntersectionState {
        id: Some(needed(members, "intersectionId", read_node)?),
        status: optional(members, "status", read_status)?.unwrap_or_default(),
        minute_of_year: now.minute_of_year(),
        sec_mark_ms: Some(now.dsecond_ms().into()),
        phases: needed(members, "phases", |value| list(value, MAX_PHASES, read_phase))?,
        ..v1::IntersectionState::default()
    })
}

/// What comes down has the number of one state; what goes up has 16 flags, of which the last two are never set.
fn read_status(value: &Value) -> Read<u32> {
    let number = match value {
        // `OpenV2X` has only "is on".
        Value::Bool(_) => return Ok(0),
        value => count(65535)(value)?,
    };
    Ok(if number <= 13 { 1 << number } else { u32::from((number as u16).reverse_bits()) })
}

fn read_phase(value: &Value) -> Read<v1::Phase> {
    let members = object(value)?;
    let states = |value: &Value| match value {
        // `OpenV2X` has one state, not a list.
        Value::Object(_) => read_state(value).map(|state| vec![state]),
        value => list(value, MAX_STATES, read_state),
    };
    Ok(v1::Phase { id: needed(members, "phaseId", count(255))?, states: needed(members, "phaseStates", states)? })
}

fn read_state(value: &Value) -> Read<v1::PhaseState> {
    let members = object(value)?;
    let light = needed(members, "light", integer(0, MAX_LIGHT))? as i32;
    Ok(v1::PhaseState { light, timing: optional(members, "timing", read_timing)?.flatten(), unknown_extensions: None })
}

fn read_timing(value: &Value) -> Read<Option<Timing>> {
    // `OpenV2X` has a text there, of which nothing is known.
    let Value::Object(members) = value else { return Ok(None) };
    if let Some(counting) = optional(members, "counting", |value| read_count_down(object(value)?))? {
        return Ok(Some(Timing::Counting(counting)));
    }
    Ok(optional(members, "utcTiming", |value| read_clock(object(value)?))?.map(Timing::UtcTiming))
}

fn read_mark(members: &Map<String, Value>, name: &str) -> Read<Option<f64>> {
    let raw = |value: &Value| match value {
        Value::Object(inner) => needed(inner, "timeMark", integer(0, NO_MARK)),
        value => integer(0, NO_MARK)(value),
    };
    Ok(optional(members, name, raw)?.and_then(|raw| TIME_MARK.value(raw)))
}

fn read_percent(members: &Map<String, Value>) -> Read<Option<f64>> {
    Ok(optional(members, "timeConfidence", integer(0, 200))?.and_then(|raw| PERCENT.value(raw)))
}

fn read_count_down(members: &Map<String, Value>) -> Read<v1::CountingDown> {
    Ok(v1::CountingDown {
        start_s: read_mark(members, "startTime")?,
        min_end_s: read_mark(members, "minEndTime")?,
        max_end_s: read_mark(members, "maxEndTime")?,
        likely_end_s: read_mark(members, "likelyEndTime")?,
        confidence_percent: read_percent(members)?,
        next_start_s: read_mark(members, "nextStartTime")?,
        next_duration_s: read_mark(members, "nextDuration")?,
        sent_unavailable: Vec::new(),
    })
}

fn read_clock(members: &Map<String, Value>) -> Read<v1::UtcTiming> {
    Ok(v1::UtcTiming {
        start_s: read_mark(members, "startUtcTime")?,
        min_end_s: read_mark(members, "minEndUtcTime")?,
        max_end_s: read_mark(members, "maxEndUtcTime")?,
        likely_end_s: read_mark(members, "likelyEndUtcTime")?,
        confidence_percent: read_percent(members)?,
        next_start_s: read_mark(members, "nextStartUtcTime")?,
        next_end_s: read_mark(members, "nextEndUtcTime")?,
        sent_unavailable: Vec::new(),
    })
}
