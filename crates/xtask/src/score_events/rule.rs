//! The truth's own rule of a collision risk, for the pairs that the truth leaves out.

use std::ops::RangeInclusive;

use super::Scene;

/// Nearer ahead than this, s.
const MAX_TIME_S: f64 = 1.5;
/// Missing each other by less than this, metres.
const MAX_MISS_M: f64 = 1.2;
/// Faster against each other than this, m/s.
const MIN_SPEED_MPS: f64 = 2.0;
/// At so many samples.
const MIN_SAMPLES: usize = 3;

/// Whether the pair is of classes that the truth leaves out: a motorcycle and another motor vehicle.
pub(super) fn is_left_out(scene: &Scene<'_>, one: usize, other: usize) -> bool {
    let classes = [one, other].map(|id| scene.names.get(id).map(|name| Class::of(name)));
    classes.contains(&Some(Class::Motorcycle)) && classes.iter().flatten().all(|class| class.is_motor())
}

/// Whether the rule holds for two road users often enough within a time, tenths of a second.
pub(super) fn holds(scene: &Scene<'_>, one: usize, other: usize, times: RangeInclusive<i64>) -> bool {
    times.filter(|t| is_risk(scene, one, other, *t)).count() >= MIN_SAMPLES
}

/// At one time: both go on as they do, and their fronts pass each other soon and near.
fn is_risk(scene: &Scene<'_>, one: usize, other: usize, t: i64) -> bool {
    let Some((a, b)) = front(scene, one, t).zip(front(scene, other, t)) else { return false };
    let (dx_m, dy_m) = (b.x_m - a.x_m, b.y_m - a.y_m);
    let (vx_mps, vy_mps) = (b.vx_mps - a.vx_mps, b.vy_mps - a.vy_mps);
    let speed_mps = vx_mps.hypot(vy_mps);
    let time_s = -(dx_m * vx_mps + dy_m * vy_mps) / speed_mps.powi(2).max(1e-9);
    let miss_m = (dx_m * vy_mps - dy_m * vx_mps).abs() / speed_mps.max(1e-9);
    speed_mps > MIN_SPEED_MPS && time_s > 0.0 && time_s < MAX_TIME_S && miss_m < MAX_MISS_M
}

/// The middle of a road user's front, and its velocity.
#[derive(Debug, Clone, Copy)]
struct Front {
    x_m: f64,
    y_m: f64,
    vx_mps: f64,
    vy_mps: f64,
}

/// From where it is and where it was a tenth of a second before.
fn front(scene: &Scene<'_>, id: usize, t: i64) -> Option<Front> {
    let ((x_m, y_m), (was_x_m, was_y_m)) = (scene.truth.place(id, t)?, scene.truth.place(id, t - 1)?);
    let (vx_mps, vy_mps) = ((x_m - was_x_m) * 10.0, (y_m - was_y_m) * 10.0);
    let half_m = Class::of(scene.names.get(id)?).length_m() / 2.0;
    // Who stands has no direction here, and its front is taken to be its centre.
    let share = half_m / vx_mps.hypot(vy_mps).max(1.0);
    Some(Front { x_m: x_m + vx_mps * share, y_m: y_m + vy_mps * share, vx_mps, vy_mps })
}

/// SUMO's road users are called after their class, or after what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Car,
    Truck,
    Bus,
    Motorcycle,
    Bicycle,
    Pedestrian,
}

impl Class {
    fn of(name: &str) -> Self {
        match name.split('_').next().unwrap_or_default() {
            "truck" => Self::Truck,
            "bus" => Self::Bus,
            "moto" => Self::Motorcycle,
            "bike" => Self::Bicycle,
            "ped" | "jaywalk" => Self::Pedestrian,
            // `car`, `speeder`, `stopped`, `wrongway`.
            _ => Self::Car,
        }
    }

    fn is_motor(self) -> bool {
        !matches!(self, Self::Bicycle | Self::Pedestrian)
    }

    /// All of one class are equally long in the scenes.
    fn length_m(self) -> f64 {
        match self {
            Self::Car => 4.6,
            Self::Truck => 9.5,
            Self::Bus => 12.0,
            Self::Motorcycle => 2.1,
            Self::Bicycle => 1.75,
            Self::Pedestrian => 0.5,
        }
    }
}
