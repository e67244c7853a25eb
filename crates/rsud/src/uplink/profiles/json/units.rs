//! The standard's integers and steps (T/CSAE 53) on one side, our SI units and degrees on the other.
//!
//! The codec has the same table for its own types, which differ between the editions of the message set; the platforms'
//! JSON does not. What the standard cannot express is taken for not known.

/// An integer quantity of the standard.
#[derive(Debug)]
pub(crate) struct Scale {
    steps_per_unit: f64,
    min: i64,
    max: i64,
}

impl Scale {
    const fn new(steps_per_unit: f64, min: i64, max: i64) -> Self {
        Self { steps_per_unit, min, max }
    }

    /// The standard's integer, if it has one for the value.
    pub(crate) fn raw(&self, value: f64) -> Option<i64> {
        let raw = (value * self.steps_per_unit).round();
        // Also false for NaN.
        (raw >= self.min as f64 && raw <= self.max as f64).then_some(raw as i64)
    }

    /// The standard's integer of a value that may not be known, `otherwise` if it is not.
    pub(crate) fn raw_or(&self, value: Option<f64>, otherwise: i64) -> i64 {
        value.and_then(|value| self.raw(value)).unwrap_or(otherwise)
    }

    /// The value of an integer; `None` for those that mean that it is not known.
    pub(crate) fn value(&self, raw: i64) -> Option<f64> {
        (self.min..=self.max).contains(&raw).then(|| raw as f64 / self.steps_per_unit)
    }
}

/// Latitude, 1e-7 degree.
pub(crate) const LATITUDE: Scale = Scale::new(1e7, -900_000_000, 900_000_000);
/// Longitude, 1e-7 degree.
pub(crate) const LONGITUDE: Scale = Scale::new(1e7, -1_799_999_999, 1_800_000_000);
/// Elevation, 0.1 m.
pub(crate) const ELEVATION: Scale = Scale::new(10.0, -4095, 61439);
/// Speed, 0.02 m/s.
pub(crate) const SPEED: Scale = Scale::new(50.0, 0, 8190);
/// Heading, 0.0125 degree.
pub(crate) const HEADING: Scale = Scale::new(80.0, 0, 28799);
/// Angle of the steering wheel, 1.5 degree.
pub(crate) const STEERING: Scale = Scale::new(2.0 / 3.0, -126, 126);
/// Acceleration ahead and to the side, 0.01 m/s2.
pub(crate) const ACCELERATION: Scale = Scale::new(100.0, -2000, 2000);
/// Vertical acceleration, 0.02 g, which is 0.196133 m/s2.
pub(crate) const VERTICAL_ACCELERATION: Scale = Scale::new(1e6 / 196_133.0, -126, 127);
/// Yaw rate, 0.01 degree/s.
pub(crate) const YAW_RATE: Scale = Scale::new(100.0, -32767, 32767);
/// Semi-axis of an error ellipse, 0.05 m.
pub(crate) const SEMI_AXIS: Scale = Scale::new(20.0, 0, 254);
/// Orientation of an error ellipse, 360/65535 degree.
pub(crate) const ORIENTATION: Scale = Scale::new(65535.0 / 360.0, 0, 65534);
/// Width of a vehicle, 0.01 m.
pub(crate) const WIDTH: Scale = Scale::new(100.0, 0, 1023);
/// Length of a vehicle, 0.01 m.
pub(crate) const LENGTH: Scale = Scale::new(100.0, 0, 4095);
/// Height of a vehicle, 0.05 m.
pub(crate) const HEIGHT: Scale = Scale::new(20.0, 0, 127);
/// Per cent, 0.5.
pub(crate) const PERCENT: Scale = Scale::new(2.0, 0, 200);
/// Radius, 0.1 m.
pub(crate) const RADIUS: Scale = Scale::new(10.0, 0, 65535);
/// Width of a lane or road, 0.01 m.
pub(crate) const LANE_WIDTH: Scale = Scale::new(100.0, 0, 32767);
/// Time of a signal, 0.1 s.
pub(crate) const TIME_MARK: Scale = Scale::new(10.0, 0, 36000);
/// Time ahead, 0.01 s.
pub(crate) const TIME_OFFSET: Scale = Scale::new(100.0, 1, 65535);

/// Accuracies of positions and elevations, metres: step n of the standard is the value n - 1 here.
pub(crate) const DISTANCES: &[f64] = &[500., 200., 100., 50., 20., 10., 5., 2., 1., 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
/// Accuracies of clocks, seconds.
pub(crate) const TIMES: &[f64] = &[
    100., 50., 20., 10., 2., 1., 0.5, 0.2, 0.1, 5e-2, 2e-2, 1e-2, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5,
    5e-6, 2e-6, 1e-6, 5e-7, 2e-7, 1e-7, 5e-8, 2e-8, 1e-8, 5e-9, 2e-9, 1e-9, 5e-10, 2e-10, 1e-10, 5e-11, 2e-11, 1e-11,
];
/// Accuracies of speeds, metres per second.
pub(crate) const SPEEDS: &[f64] = &[100., 10., 5., 1., 0.1, 0.05, 0.01];
/// Accuracies of headings, degrees. The last is the resolution of headings, not the finest.
pub(crate) const HEADINGS: &[f64] = &[10., 5., 1., 0.1, 0.05, 0.01, 0.0125];
/// Accuracies of steering angles, degrees.
pub(crate) const STEERINGS: &[f64] = &[2., 1., 0.02];

/// The number of the finest step that is not better than an accuracy; 0 where it is not known.
pub(crate) fn step(steps: &[f64], accuracy: Option<f64>) -> i64 {
    let Some(accuracy) = accuracy.filter(|accuracy| *accuracy >= 0.0) else { return 0 };
    let enough = steps.iter().zip(1_i64..).filter(|(step, _)| **step >= accuracy * (1.0 - 1e-9));
    enough.min_by(|a, b| a.0.total_cmp(b.0)).map_or(0, |(_, number)| number)
}

/// The accuracy of a step's number.
pub(crate) fn accuracy(steps: &[f64], number: i64) -> Option<f64> {
    steps.get(usize::try_from(number).ok()?.checked_sub(1)?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for scale in [LATITUDE, LONGITUDE, VERTICAL_ACCELERATION, ORIENTATION, STEERING, TIME_MARK] {
            for raw in [scale.min, scale.min + 1, i64::midpoint(scale.min, scale.max), scale.max] {
                assert_eq!(scale.value(raw).and_then(|value| scale.raw(value)), Some(raw), "{scale:?}");
            }
            assert_eq!(scale.value(scale.max + 1), None);
        }
        assert_eq!(SPEED.raw(f64::NAN), None);
        assert_eq!(SPEED.raw_or(Some(1e300), 8191), 8191);
    }

    #[test]
    fn an_accuracy_is_never_overstated() {
        assert_eq!(step(DISTANCES, Some(0.5)), 10);
        assert_eq!(step(DISTANCES, Some(0.51)), 9);
        assert_eq!(step(DISTANCES, Some(0.001)), 15);
        assert_eq!((step(DISTANCES, Some(501.0)), step(DISTANCES, None), step(DISTANCES, Some(f64::NAN))), (0, 0, 0));
        assert_eq!(step(HEADINGS, Some(0.0125)), 7);
        assert_eq!((accuracy(TIMES, 5), accuracy(TIMES, 0), accuracy(TIMES, 40)), (Some(2.0), None, None));
    }
}
