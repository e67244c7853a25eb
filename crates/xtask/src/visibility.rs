//! How much of a scene no sensor saw: a bound on what any tracker can score there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::scenes::{Truth, csv, tenths};

/// A detection farther than this from each road user is of none, metres.
const NEAR_M: f64 = 2.5;
/// The scorer leaves out as much at a scene's beginning, tenths of a second.
const BURN_IN: i64 = 30;
const WITHIN: [i64; 2] = [10, 30];

/// When each road user was detected, tenths of a second.
type Seen = BTreeMap<usize, BTreeSet<i64>>;

/// The text about the scene in this folder.
pub(crate) fn report(scene: &Path) -> anyhow::Result<String> {
    let truth = Truth::read(scene)?;
    let detections = csv(&scene.join("dets.csv"), ["t_measured_s", "x_m", "y_m"])?;
    let mut seen = Seen::new();
    for row in detections {
        let [t_s, x_m, y_m] = row.each_ref().map(|cell| cell.parse::<f64>());
        let t = tenths(t_s?);
        if let Some(id) = nearest(&truth, t, x_m?, y_m?) {
            seen.entry(id).or_default().insert(t);
        }
    }
    let [second, three] = WITHIN.map(|within| unseen(&truth, &seen, within) * 100.0);
    Ok(format!(
        "\n## Visibility bound\n\nOf the evaluated truth samples (eval = 1, from 3 s after the beginning) {second:.2} % are of road users that \
         no sensor and no message of their own showed in the last 1 s, {three:.2} % in the last 3 s. Approximate: a detection counts for the road user \
         whose centre is nearest to it at the tenth of a second nearest to its measured time, if within {NEAR_M} m; clutter that falls on \
         a road user counts as seen, an echo off the far end of a long vehicle does not.\n"
    ))
}

/// Who is near a place at a time (tenths of a second).
fn nearest(truth: &Truth, t: i64, x_m: f64, y_m: f64) -> Option<usize> {
    let places = truth.at.get(&t)?.iter().map(|place| ((place.x - x_m).hypot(place.y - y_m), place.id));
    places.min_by(|a, b| a.0.total_cmp(&b.0)).filter(|best| best.0 < NEAR_M).map(|best| best.1)
}

/// The share of evaluated samples without a detection in the time before.
fn unseen(truth: &Truth, seen: &Seen, within: i64) -> f64 {
    let begin = truth.at.keys().next().copied().unwrap_or_default() + BURN_IN;
    let (mut all, mut missed) = (0_u32, 0_u32);
    for (t, places) in truth.at.range(begin..) {
        for place in places.iter().filter(|place| place.evaluated) {
            all += 1;
            let is_seen = seen.get(&place.id).is_some_and(|times| times.range(t - within..=*t).next().is_some());
            missed += u32::from(!is_seen);
        }
    }
    f64::from(missed) / f64::from(all.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenes::Place;

    #[test]
    fn the_unseen_share_is_of_evaluated_samples_after_the_beginning() {
        let mut truth = Truth::default();
        for t in 3000..3100 {
            let place = |id: usize, evaluated| Place { id, x: 10.0 * id as f64, y: 0.0, evaluated };
            truth.at.insert(t, vec![place(0, true), place(1, true), place(2, false)]);
        }
        assert_eq!(nearest(&truth, 3050, 11.0, 2.0), Some(1));
        assert_eq!(nearest(&truth, 3050, 5.0, 0.0), None);
        // The first is seen always, the second once: 11 of its 70 samples are within 1 s of that.
        let seen = Seen::from([(0, (3000..3100).collect()), (1, BTreeSet::from([3050]))]);
        assert!((unseen(&truth, &seen, 10) - 59.0 / 140.0).abs() < 1e-9);
        assert!((unseen(&truth, &seen, 30) - 39.0 / 140.0).abs() < 1e-9);
    }
}
