//! Tilt and impact, from acceleration.
//!
//! A slow average of the acceleration points up; the angle between it and the direction that was up when the pole was set up is
//! the tilt. What deviates from the average is movement: its peak is an impact if it is high enough. The direction that is up
//! is learned once, when the pole has been quiet for a while, and kept. All in whole numbers.

use pole_link::Millis;

use crate::board::Acceleration3;

/// The average follows with this time constant, ms.
const AVERAGE_MS: i64 = 2000;
/// Fraction bits of the average.
const FRACTION: u32 = 14;
/// Up is learned after so long in quiet, ms.
const LEARN_MS: u64 = 10_000;
/// Less movement than this is quiet, mg.
const QUIET_MG: i32 = 100;
/// An impact is over after so long below its limit, ms.
const IMPACT_MS: u64 = 10_000;
/// The tilt is looked at so often, ms.
const TILT_MS: u64 = 500;

/// What an acceleration leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moved {
    /// An impact begins, with this peak in mg, or is over.
    pub(crate) impact: Option<(bool, i32)>,
    /// The tilt, when it is time to look at it, hundredths of a degree.
    pub(crate) tilt_cdeg: Option<i32>,
    /// Up was learned just now: it is to be kept.
    pub(crate) learned: bool,
}

/// Follows the acceleration.
#[derive(Debug, Default)]
pub(crate) struct Motion {
    average: [i32; 3],
    seen_at: Option<Millis>,
    upright: Option<[i16; 3]>,
    quiet_since: Millis,
    tilt_at: Millis,
    impact_at: Option<Millis>,
    peak_mg: i32,
}

impl Motion {
    pub(crate) fn new(upright: Option<[i16; 3]>) -> Self {
        Self { upright, ..Self::default() }
    }

    /// The direction that is up, if it is known.
    pub(crate) fn upright(&self) -> Option<[i16; 3]> {
        self.upright
    }

    /// Up is to be learned anew.
    pub(crate) fn forget_upright(&mut self, now: Millis) {
        self.upright = None;
        self.quiet_since = now;
    }

    /// The highest movement since this was asked last, mg.
    pub(crate) fn take_peak(&mut self) -> i32 {
        core::mem::take(&mut self.peak_mg)
    }

    /// Takes a reading.
    pub(crate) fn sample(&mut self, now: Millis, acceleration: Acceleration3, impact_mg: i32) -> Moved {
        let mut moved = Moved::default();
        let Acceleration3 { x_mg, y_mg, z_mg } = acceleration;
        let axes = [i32::from(x_mg), i32::from(y_mg), i32::from(z_mg)];
        let Some(seen_at) = self.seen_at.replace(now) else {
            self.average = axes.map(|axis| axis << FRACTION);
            self.quiet_since = now;
            return moved;
        };
        let mut square = 0_u64;
        // Several readings of one moment count as a millisecond each.
        let gone_ms = now.since(seen_at).clamp(1, 1000).cast_signed();
        for (average, axis) in self.average.iter_mut().zip(axes) {
            let deviation = i64::from(axis << FRACTION) - i64::from(*average);
            let mg = (deviation >> FRACTION).unsigned_abs();
            square = square.saturating_add(mg * mg);
            let step = deviation * gone_ms / (gone_ms + AVERAGE_MS);
            *average = average.saturating_add(i32::try_from(step).unwrap_or_default());
        }
        let movement_mg = i32::try_from(square.isqrt()).unwrap_or(i32::MAX);
        self.peak_mg = self.peak_mg.max(movement_mg);
        moved.impact = self.impact(now, movement_mg, impact_mg);
        moved.learned = self.learn(now, movement_mg);
        if let Some(upright) = self.upright
            && now.since(self.tilt_at) >= TILT_MS
        {
            self.tilt_at = now;
            moved.tilt_cdeg = Some(angle_cdeg(self.average_mg(), upright.map(i32::from)));
        }
        moved
    }

    fn impact(&mut self, now: Millis, movement_mg: i32, limit_mg: i32) -> Option<(bool, i32)> {
        if movement_mg >= limit_mg {
            let begins = self.impact_at.replace(now).is_none();
            return begins.then_some((true, movement_mg));
        }
        if self.impact_at.is_some_and(|at| now.since(at) >= IMPACT_MS) {
            self.impact_at = None;
            return Some((false, movement_mg));
        }
        None
    }

    fn learn(&mut self, now: Millis, movement_mg: i32) -> bool {
        if movement_mg >= QUIET_MG {
            self.quiet_since = now;
        }
        if self.upright.is_some() || now.since(self.quiet_since) < LEARN_MS {
            return false;
        }
        let up = self.average_mg();
        // In free fall, or with a sensor that says nothing, there is no up.
        if up.iter().all(|axis| axis.abs() < QUIET_MG) {
            return false;
        }
        self.upright = Some(up.map(|axis| i16::try_from(axis).unwrap_or(i16::MAX)));
        true
    }

    fn average_mg(&self) -> [i32; 3] {
        self.average.map(|axis| axis >> FRACTION)
    }
}

/// The angle between two directions, 0 to 18,000 hundredths of a degree; 0 if one of them has no length.
fn angle_cdeg(a: [i32; 3], b: [i32; 3]) -> i32 {
    let [ax, ay, az] = a.map(i64::from);
    let [bx, by, bz] = b.map(i64::from);
    let cross = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
    let square = cross.iter().fold(0_u64, |sum, axis| {
        let axis = axis.unsigned_abs();
        sum.saturating_add(axis.saturating_mul(axis))
    });
    let dot = ax * bx + ay * by + az * bz;
    // Both are at most 2^33: there is room for a fraction.
    let (sine, cosine) = (square.isqrt().cast_signed() << 16, dot.abs() << 16);
    let acute = arc_tangent(sine, cosine);
    let angle = if dot < 0 { 18_000_000 - acute } else { acute };
    ((angle + 500) / 1000) as i32
}

/// The angle of a point in the first quadrant, thousandths of hundredths of a degree, by turning it to the axis in ever smaller
/// steps (CORDIC: J. Volder, 1959).
fn arc_tangent(mut y: i64, mut x: i64) -> i64 {
    const STEPS: [i64; 20] = [
        4_500_000, 2_656_505, 1_403_624, 712_502, 357_633, 178_991, 89_517, 44_761, 22_381, 11_191, 5595, 2798, 1399,
        699, 350, 175, 87, 44, 22, 11,
    ];
    if x == 0 && y == 0 {
        return 0;
    }
    let mut angle = 0;
    for (shift, step) in STEPS.iter().enumerate() {
        let (dx, dy) = (x >> shift, y >> shift);
        if y > 0 {
            (x, y, angle) = (x + dy, y - dx, angle + step);
        } else {
            (x, y, angle) = (x - dy, y + dx, angle - step);
        }
    }
    angle.max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UP: Acceleration3 = Acceleration3 { x_mg: 0, y_mg: 0, z_mg: 1000 };

    /// A pole that has learned that z is up.
    fn standing() -> (Motion, Millis) {
        let mut motion = Motion::default();
        let mut learned = 0;
        let mut now = Millis(0);
        for _ in 0..1200 {
            now = now.plus(10);
            let moved = motion.sample(now, UP, 2000);
            assert_eq!(moved.impact, None);
            learned += u32::from(moved.learned);
        }
        assert_eq!((learned, motion.upright()), (1, Some([0, 0, 1000])));
        (motion, now)
    }

    #[test]
    fn the_angle_is_that_of_floating_point() {
        for degrees in (0..1800).map(|tenths| f64::from(tenths) / 10.0) {
            let (sine, cosine) = degrees.to_radians().sin_cos();
            for length in [300.0, 1000.0, 16_000.0] {
                let a = [(length * sine) as i32, 0, (length * cosine) as i32];
                let exact = f64::from(a[0]).atan2(f64::from(a[2])).to_degrees() * 100.0;
                let angle = angle_cdeg(a, [0, 0, 1000]);
                assert!((f64::from(angle) - exact).abs() <= 1.0, "{a:?}: {angle}, not {exact}");
            }
        }
        assert_eq!(angle_cdeg([0; 3], [0, 0, 1000]), 0);
        let (most, least) = ([i32::from(i16::MAX); 3], [i32::from(i16::MIN); 3]);
        assert_eq!(angle_cdeg(most, least), 18_000);
    }

    #[test]
    fn a_pole_that_leans_is_seen_within_seconds() {
        let (mut motion, mut now) = standing();
        // Ten degrees.
        let leaning = Acceleration3 { x_mg: 174, y_mg: 0, z_mg: 985 };
        let mut tilt = 0;
        for _ in 0..1000 {
            now = now.plus(10);
            tilt = motion.sample(now, leaning, 2000).tilt_cdeg.unwrap_or(tilt);
        }
        assert!((990..=1010).contains(&tilt), "{tilt}");
    }

    #[test]
    fn an_impact_begins_once_and_ends() {
        let (mut motion, mut now) = standing();
        motion.take_peak();
        let hit = Acceleration3 { x_mg: 4000, y_mg: -3000, z_mg: 1000 };
        assert_eq!(motion.sample(now.plus(10), hit, 2000).impact, Some((true, 5000)));
        assert_eq!(motion.sample(now.plus(11), hit, 2000).impact, None);
        now = now.plus(12);
        let mut over = None;
        for _ in 0..2000 {
            now = now.plus(10);
            if let Some(impact) = motion.sample(now, UP, 2000).impact {
                assert_eq!(over.replace(now), None);
                assert!(!impact.0);
            }
        }
        assert!(over.is_some());
        assert!(motion.take_peak() >= 4990);
        assert_eq!(motion.take_peak(), 0);
    }

    #[test]
    fn a_pole_that_sways_learns_nothing() {
        let mut motion = Motion::default();
        for step in 0..4000_i16 {
            let x_mg = if step % 100 < 50 { 400 } else { -400 };
            let sway = Acceleration3 { x_mg, ..UP };
            assert!(!motion.sample(Millis(step as u64 * 10), sway, 2000).learned);
        }
    }
}
