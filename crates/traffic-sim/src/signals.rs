//! A fixed-time signal plan: north-south straight, north-south left, east-west straight, east-west left.

use rsu_proto::v1;

/// Straight and right, or left, of the two opposite arms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Straight on and right.
    Straight,
    /// Left.
    Left,
}

/// What the lamp shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Light {
    /// Go.
    Green,
    /// Stop if you can.
    Yellow,
    /// Stop.
    Red,
}

const YELLOW_S: f64 = 3.0;
/// Green time of each step of the plan; the arms it is for and the movement.
const PLAN: [(f64, usize, Movement); 4] = [
    (20.0, 1, Movement::Straight),
    (12.0, 1, Movement::Left),
    (20.0, 0, Movement::Straight),
    (12.0, 0, Movement::Left),
];
const CYCLE_S: f64 = 76.0;

/// What the lamp of an arm's movement shows, and for how long still, at a time since the start of the plan.
pub(crate) fn light(arm: usize, movement: Movement, time_s: f64) -> (Light, f64) {
    let in_cycle = time_s.rem_euclid(CYCLE_S);
    let mut start = 0.0;
    for (green_s, axis, of) in PLAN {
        let yellow_at = start + green_s;
        let red_at = yellow_at + YELLOW_S;
        if axis == arm % 2 && of == movement {
            return if in_cycle < start {
                (Light::Red, start - in_cycle)
            } else if in_cycle < yellow_at {
                (Light::Green, yellow_at - in_cycle)
            } else if in_cycle < red_at {
                (Light::Yellow, red_at - in_cycle)
            } else {
                (Light::Red, CYCLE_S - in_cycle + start)
            };
        }
        start = red_at;
    }
    (Light::Red, 0.0)
}

/// Whether a pedestrian may step onto the crosswalk over an arm: while the other road goes straight, early enough to
/// reach the other side.
pub(crate) fn walk(arm: usize, time_s: f64) -> bool {
    matches!(light(arm + 1, Movement::Straight, time_s), (Light::Green, left_s) if left_s > 12.0)
}

/// The signal state as a SPAT message.
pub(crate) fn spat(
    msg_cnt: u32,
    time_s: f64,
    minute_of_year: Option<u32>,
    sec_mark_ms: u32,
) -> v1::SignalPhaseAndTiming {
    let mut phases = Vec::new();
    for arm in 0..4 {
        for movement in [Movement::Straight, Movement::Left] {
            let (light, left_s) = light(arm, movement, time_s);
            let state = match light {
                Light::Green => v1::LightState::ProtectedGreen,
                Light::Yellow => v1::LightState::Yellow,
                Light::Red => v1::LightState::Red,
            };
            let counting = v1::CountingDown {
                start_s: Some(0.0),
                likely_end_s: Some((left_s * 10.0).round() / 10.0),
                confidence_percent: Some(100.0),
                ..v1::CountingDown::default()
            };
            let timing = Some(v1::phase_state::Timing::Counting(counting));
            let states = vec![v1::PhaseState { light: state.into(), timing, ..v1::PhaseState::default() }];
            phases.push(v1::Phase { id: phases.len() as u32 + 1, states });
        }
    }
    let intersection = v1::IntersectionState {
        id: Some(v1::NodeReference { region: Some(440), id: 1 }),
        // Fixed time operation.
        status: 1 << 5,
        minute_of_year,
        sec_mark_ms: Some(sec_mark_ms),
        phases,
        ..v1::IntersectionState::default()
    };
    v1::SignalPhaseAndTiming {
        msg_cnt,
        minute_of_year,
        sec_mark_ms: Some(sec_mark_ms),
        intersections: vec![intersection],
        ..v1::SignalPhaseAndTiming::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_movements_never_have_green_together() {
        for tenth in 0..(CYCLE_S as i32 * 20) {
            let time_s = f64::from(tenth) / 10.0;
            let go = |arm, movement| light(arm, movement, time_s).0 != Light::Red;
            let open =
                [go(0, Movement::Straight), go(0, Movement::Left), go(1, Movement::Straight), go(1, Movement::Left)];
            assert!(open.iter().filter(|open| **open).count() <= 1, "at {time_s}: {open:?}");
            assert!(!(walk(0, time_s) && go(0, Movement::Straight)));
            assert!(light(0, Movement::Left, time_s).1 > 0.0);
        }
        assert!((PLAN.iter().map(|step| step.0 + YELLOW_S).sum::<f64>() - CYCLE_S).abs() < 1e-9);
    }
}
