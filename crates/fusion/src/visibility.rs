//! What a sensor should see: probability of detection by kind, class, range and motion, and what nearer participants hide.
//!
//! A miss counts against a participant only as far as the sensor should have seen it. The figures are usual ones of the
//! kinds of sensors at a junction, not of any product; range counts as a share of the sensor's own range.

use std::f64::consts::{PI, TAU};

use crate::class::{Class, Group};
use crate::types::{SensorKind, SensorModel};

/// Probability that a sensor detects a participant that nothing hides.
pub(crate) fn probability_of_detection(model: &SensorModel, class: Class, range_m: f64, speed_mps: f64) -> f64 {
    let group = class.group();
    let share = range_m / model.range_m.max(1.0);
    match model.kind {
        SensorKind::V2x => 0.0,
        SensorKind::Camera => {
            let p = 0.93 * (1.0 - 0.5 * share.powi(4));
            if group == Group::Vehicle { p } else { p - 0.05 }
        }
        // A radar suppresses what does not move, and small echoes drown with range.
        SensorKind::Radar => match (group, speed_mps > 0.5) {
            (Group::Vehicle, true) => 0.9,
            (Group::Vehicle, false) => 0.4,
            (_, false) => 0.15,
            (Group::TwoWheeler, true) => within(share, 0.55, 0.7, 0.15),
            (Group::Pedestrian, true) => within(share, 0.36, 0.5, 0.1),
        },
        // A lidar's points thin out with range, soonest on who is small.
        SensorKind::Lidar => {
            if group == Group::Vehicle {
                0.95 - (share - 0.5).max(0.0) * 0.9
            } else {
                (0.92 - (share - 0.4).max(0.0) * 2.3).max(0.05)
            }
        }
    }
}

fn within(share: f64, limit: f64, near: f64, far: f64) -> f64 {
    if share < limit { near } else { far }
}

/// What an occlusion leaves of the probability of detection: radar waves find ways under and around vehicles.
pub(crate) fn left_by_occlusion(kind: SensorKind) -> f64 {
    if kind == SensorKind::Radar { 0.35 } else { 0.1 }
}

/// What is to be known of a participant to tell whom it hides, and who hides it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shade {
    pub(crate) bearing_rad: f64,
    pub(crate) range_m: f64,
    pub(crate) half_width_rad: f64,
    pub(crate) height_m: f64,
    pub(crate) existence: f64,
    pub(crate) index: usize,
    /// Probability that something hides it.
    pub(crate) hidden: f64,
}

/// Number of directions that a sensor's surroundings are divided into.
const BINS: i32 = 1024;
/// Who stands so close behind another, metres, is beside rather than behind it.
const LEAST_GAP_M: f64 = 0.8;

/// The shadows around a sensor: what a depth buffer is to a picture.
///
/// Participants are drawn from the nearest to the farthest. In each direction the buffer keeps the line of sight over the
/// top of the one that shadows most, as a fall in height by range; whoever stands lower than that line is hidden.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shadows {
    bins: Vec<Shadow>,
}

#[derive(Debug, Clone, Copy)]
struct Shadow {
    fall: f64,
    range_m: f64,
    existence: f64,
}

const LIGHT: Shadow = Shadow { fall: f64::INFINITY, range_m: 0.0, existence: 0.0 };

impl Shadows {
    /// Sorts by range and tells of each how surely something hides its lower part.
    pub(crate) fn cast(&mut self, shades: &mut [Shade], sensor_height_m: f64) {
        shades.sort_unstable_by(|a, b| a.range_m.total_cmp(&b.range_m).then(a.index.cmp(&b.index)));
        self.bins.clear();
        self.bins.resize(BINS as usize, LIGHT);
        let per_rad = f64::from(BINS) / TAU;
        for shade in shades {
            let middle = ((shade.bearing_rad + PI) * per_rad).floor() as i32;
            let range_m = shade.range_m.max(1.0);
            // The line of sight to a point above its feet: six tenths of it must be hidden.
            let own_fall = (sensor_height_m - 0.6 * shade.height_m) / range_m;
            if let Some(shadow) = self.bins.get(middle.rem_euclid(BINS) as usize) {
                let behind = shade.range_m - shadow.range_m >= LEAST_GAP_M;
                shade.hidden = if behind && shadow.fall < own_fall { shadow.existence } else { 0.0 };
            }
            let fall = (sensor_height_m - shade.height_m) / range_m;
            let reach = (shade.half_width_rad * 0.85 * per_rad).round() as i32;
            for bin in middle - reach..=middle + reach {
                if let Some(shadow) = self.bins.get_mut(bin.rem_euclid(BINS) as usize)
                    && fall < shadow.fall
                {
                    *shadow = Shadow { fall, range_m: shade.range_m, existence: shade.existence };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shade(bearing_rad: f64, range_m: f64, height_m: f64) -> Shade {
        Shade { bearing_rad, range_m, half_width_rad: 0.05, height_m, existence: 0.9, index: 0, hidden: 0.0 }
    }

    fn farthest_hidden(mut shades: Vec<Shade>, height_m: f64) -> f64 {
        Shadows::default().cast(&mut shades, height_m);
        assert!(shades[0].hidden < 0.1, "nothing is before the nearest");
        shades.last().map_or(0.0, |shade| shade.hidden)
    }

    #[test]
    fn a_truck_hides_the_car_behind_it() {
        assert!(farthest_hidden(vec![shade(0.01, 30.0, 1.5), shade(0.0, 20.0, 3.5)], 6.0) > 0.8);
        assert!(farthest_hidden(vec![shade(0.2, 30.0, 1.5), shade(0.0, 20.0, 3.5)], 6.0) < 0.1);
    }

    #[test]
    fn a_pedestrian_far_below_a_high_sensor_hides_nobody() {
        assert!(farthest_hidden(vec![shade(0.0, 20.0, 1.6), shade(0.01, 40.0, 1.5)], 12.0) < 0.1);
    }

    #[test]
    fn bearings_close_in_a_circle() {
        assert!(farthest_hidden(vec![shade(-3.13, 30.0, 1.5), shade(3.13, 10.0, 3.5)], 4.0) > 0.8);
    }
}
