//! One participant as the tracker holds it: what is known of it, how that ages, and how others see it.
//!
//! How a detection changes it is in [`crate::update`].

use std::ops::RangeInclusive;

use rsu_units::{Timestamp, Vector2};

use crate::class::{Class, ClassBelief, Group, likelihood};
use crate::kinematics::{GnssBias, Kinematics, Manoeuvre};
use crate::linear::length;
use crate::parts::Parts;
use crate::registration::Registration;
use crate::types::{
    Covariance2, Detection, MAX_SENSORS, SensorId, SensorKind, SensorModel, Speed, Track, TrackId, V2xId,
};

/// A sensor is a source of a track for so long after its last detection, seconds.
const SOURCE_MEMORY_S: f64 = 1.0;
/// A sensor's own identity of an object is trusted for so long, seconds.
const OBJECT_ID_MEMORY_S: f64 = 0.7;
/// A V2X identity that was not heard for so long may have been changed: vehicles take a new pseudonym now and then.
const V2X_ID_MEMORY_S: f64 = 1.5;
/// A track that was never confirmed is given up after so long without a detection, seconds.
const TENTATIVE_PATIENCE_S: f64 = 0.6;
/// A confirmed one after so long, seconds, however well it is known where it should be.
pub(crate) const PATIENCE_S: f64 = 30.0;
/// One-sigma of the position beyond which a track is not shown, and beyond which it is given up, metres.
const SHOWN_SD_M: f64 = 2.5;
const KEPT_SD_M: f64 = 12.0;
/// Existence below which a track is not shown, below which a confirmed one is given up, and one that was never confirmed.
const SHOWN_EXISTENCE: f64 = 0.5;
const KEPT_EXISTENCE: f64 = 0.001;
const TENTATIVE_EXISTENCE: f64 = 0.02;
/// Who is not seen is gone after this time constant, where a sensor looks and where none does, seconds.
const LIFE_COVERED_S: f64 = 8.0;
const LIFE_UNCOVERED_S: f64 = 1.0;

/// Who was not seen for so long is out of sight, seconds.
const UNSEEN_S: f64 = 0.4;
/// Slower than this is standing, metres per second.
const STANDING_MPS: f64 = 0.7;

/// A participant, confirmed or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Participant {
    pub(crate) id: TrackId,
    pub(crate) kinematics: Kinematics,
    /// The time of `kinematics`.
    pub(crate) at: Timestamp,
    pub(crate) existence: f64,
    pub(crate) confirmed: bool,
    pub(crate) hits: u32,
    pub(crate) class: ClassBelief,
    /// The likeliest class.
    pub(crate) best: Class,
    pub(crate) heading: Option<Direction>,
    /// Length and width, metres.
    pub(crate) extent_m: (f64, f64),
    /// How many reports the extent rests on.
    pub(crate) extent_weight: f64,
    pub(crate) manoeuvre: Manoeuvre,
    pub(crate) v2x: Option<Reporter>,
    /// Whether a roadside sensor ever saw it.
    pub(crate) seen_by_sensor: bool,
    pub(crate) first_measured_at: Timestamp,
    pub(crate) last_measured_at: Timestamp,
    pub(crate) classified_at: Timestamp,
    /// When a sensor covered its place last, hidden or not.
    pub(crate) covered_at: Timestamp,
    /// When each sensor saw it last, and under which identity.
    pub(crate) seen: [Seen; MAX_SENSORS],
}

/// Direction of the longer axis, forwards.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Direction {
    pub(crate) rad: f64,
    pub(crate) variance: f64,
    /// The unit vector.
    pub(crate) axis: Vector2,
}

/// A participant that reports itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reporter {
    pub(crate) id: V2xId,
    pub(crate) heard_at: Timestamp,
    pub(crate) bias: GnssBias,
}

/// When a sensor saw a participant, and a digest of the identity it gave; in eight octets, because each participant has
/// one for each sensor and all are copied at each snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Tenths of a millisecond, wrapping after five days; zero is never.
    at: u32,
    /// Zero is none.
    object: u32,
}

const TICKS_PER_SECOND: f64 = 1e4;

impl Seen {
    const NEVER: Self = Self { at: 0, object: 0 };

    pub(crate) fn new(at: Timestamp, object_id: Option<u64>) -> Self {
        Self { at: ticks(at), object: object_id.map_or(0, digest) }
    }

    /// Whether it was within a time before `at`.
    pub(crate) fn within(self, at: Timestamp, seconds: f64) -> bool {
        self.at != 0 && f64::from(ticks(at).wrapping_sub(self.at)) <= seconds * TICKS_PER_SECOND
    }

    /// Whether two saw the same frame within a time before `at`.
    pub(crate) fn together(self, other: Self, at: Timestamp, seconds: f64) -> bool {
        self.at == other.at && self.within(at, seconds)
    }
}

fn ticks(at: Timestamp) -> u32 {
    (at.as_micros().div_euclid(100) as u32).max(1)
}

/// Spreads identities that differ in few bits (Fibonacci hashing).
pub(crate) fn digest(object_id: u64) -> u32 {
    ((object_id.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32).max(1)
}

/// The sensor of a frame and how it is used.
#[derive(Clone, Copy)]
pub(crate) struct Observer<'a> {
    pub(crate) sensor: SensorId,
    pub(crate) model: &'a SensorModel,
    pub(crate) parts: &'a Parts,
}

impl Observer<'_> {
    /// Distance from the sensor as a share of its range.
    pub(crate) fn share(&self, position_m: Vector2) -> f64 {
        (length(position_m - self.model.position_m) / self.model.range_m.max(1.0)).min(1.0)
    }

    pub(crate) fn is_v2x(&self) -> bool {
        self.model.kind == SensorKind::V2x
    }
}

/// Variance of a report's position that is new in each report, as a share of what the report tells. The slowly varying
/// error has all of that for itself: so little is new that it need not be taken off there.
pub(crate) const WHITE_SHARE: f64 = 0.02;

/// Variance of the slowly varying error of a report's position.
pub(crate) fn bias_variance(detection: &Detection, parts: &Parts) -> f64 {
    let whole = 0.5 * (detection.covariance_m2.xx + detection.covariance_m2.yy);
    if parts.gnss_bias { whole.max(0.04) } else { 1e-6 }
}

impl Participant {
    /// A participant of which one detection tells.
    pub(crate) fn born(
        id: TrackId,
        by: &Observer<'_>,
        at: Timestamp,
        detection: &Detection,
        registration: &Registration,
        existence: f64,
    ) -> Self {
        let mut class = ClassBelief::default();
        if let Some(reported) = detection.class {
            class.observe(likelihood(by.model.kind, reported));
        }
        let best = class.best().0;
        // Until somebody tells a class or a size it may be anything, so it is taken for small.
        let usual = || if detection.class.is_some() { best.usual_extent_m() } else { (2.0, 1.0) };
        let mut noise = detection.covariance_m2;
        let mut v2x = None;
        if let Some(id) = detection.v2x_id {
            let variance = bias_variance(detection, by.parts);
            v2x = Some(Reporter { id, heard_at: at, bias: GnssBias::of_birth(variance) });
            if by.parts.gnss_bias {
                // All that is known of the place comes with this error, so no direction is better known than it.
                noise = Covariance2 { xx: variance, xy: 0.0, yy: variance };
            }
            noise = noise.plus(1.0, Covariance2 { xx: 0.01, xy: 0.0, yy: 0.01 });
        }
        let (velocity_mps, velocity) = first_velocity(by, detection);
        let mut born = Self {
            id,
            kinematics: Kinematics::new(detection.position_m, noise, velocity_mps, velocity),
            at,
            existence,
            confirmed: false,
            hits: 0,
            class,
            best,
            heading: None,
            extent_m: detection.extent_m.unwrap_or_else(usual),
            extent_weight: 0.0,
            manoeuvre: Manoeuvre::ANY,
            v2x,
            seen_by_sensor: false,
            first_measured_at: at,
            last_measured_at: at,
            classified_at: at,
            covered_at: at,
            seen: [Seen::NEVER; MAX_SENSORS],
        };
        born.learn(by, at, detection);
        if by.parts.reflection && !by.is_v2x() {
            // The centre lies behind the point that the sensor saw.
            let (direction, depth_m) = born.depth(by.model);
            let shift_m = registration.reflection(by.share(detection.position_m)) * depth_m;
            let slack_m = 0.15 * depth_m.max(1.2);
            let noise = noise.plus_outer(slack_m * slack_m, direction);
            let centre_m = detection.position_m - direction * shift_m;
            born.kinematics = Kinematics::new(centre_m, noise, velocity_mps, velocity);
        }
        born
    }

    /// Goes ahead to a time; nothing where it is there already.
    pub(crate) fn predict(&mut self, at: Timestamp) {
        let dt_s = at.seconds_since(self.at);
        if dt_s <= 0.0 {
            return;
        }
        let manoeuvre = self.manoeuvre_at(at);
        self.kinematics.predict(dt_s, &manoeuvre, self.v2x.as_mut().map(|reporter| &mut reporter.bias));
        self.heading = self.heading_after(dt_s, &self.kinematics);
        self.at = at;
    }

    /// What to expect of its motion until a time.
    fn manoeuvre_at(&self, at: Timestamp) -> Manoeuvre {
        let mut manoeuvre = self.manoeuvre;
        let stands = || length(self.kinematics.velocity_mps) < STANDING_MPS;
        if at.seconds_since(self.last_measured_at) > UNSEEN_S && stands() {
            // Out of sight, who stands mostly stands.
            manoeuvre.variance = manoeuvre.variance.scaled(0.2);
        }
        manoeuvre
    }

    /// The heading some time later, less sure by how fast it can turn.
    fn heading_after(&self, dt_s: f64, kinematics: &Kinematics) -> Option<Direction> {
        self.heading.map(|heading| {
            let rate = 0.05 + 0.04 * length(kinematics.velocity_mps).min(6.0);
            Direction { variance: (heading.variance + rate * rate * dt_s).min(3.0), ..heading }
        })
    }

    /// Where it will be: the mean of [`predict`](Self::predict) at a fraction of its cost.
    pub(crate) fn position_at(&self, at: Timestamp) -> Vector2 {
        self.kinematics.position_after(at.seconds_since(self.at))
    }

    /// Direction from the sensor, and how long the participant is along it.
    pub(crate) fn depth(&self, model: &SensorModel) -> (Vector2, f64) {
        let line = self.kinematics.position_m - model.position_m;
        let direction = line * length(line).max(0.1).recip();
        let (long_m, wide_m) = self.extent_m;
        let depth_m = self.heading.map_or(0.6 * long_m + 0.4 * wide_m, |heading| {
            let cos = direction.dot(heading.axis).abs();
            long_m * cos + wide_m * (1.0 - cos)
        });
        (direction, depth_m)
    }

    /// What to expect of its motion.
    pub(crate) fn manoeuvre(&self, parts: &Parts) -> Manoeuvre {
        let (along, across) = self.best.acceleration_sd_mps2();
        let pedestrian = self.best.group() == Group::Pedestrian;
        let variance = match self.heading {
            Some(heading) if parts.anisotropy && !pedestrian && heading.variance < 0.3 => {
                // Who does not move forwards does not move sideways.
                let sideways = (0.1 + 0.3 * length(self.kinematics.velocity_mps)).min(across);
                let isotropic = Covariance2 { xx: sideways * sideways, xy: 0.0, yy: sideways * sideways };
                isotropic.plus_outer(along * along - sideways * sideways, heading.axis)
            }
            _ => Covariance2 { xx: along * along, xy: 0.0, yy: along * along },
        };
        Manoeuvre { variance, time_constant_s: if pedestrian { 1.0 } else { 2.0 }, white: 0.03 }
    }

    /// Road users leave: who is not seen is less likely to be there with time, all the more where nobody looks.
    pub(crate) fn fade(&mut self, at: Timestamp, dt_s: f64) {
        if at.seconds_since(self.last_measured_at) < 0.25 {
            return;
        }
        let covered = at.seconds_since(self.covered_at) < 0.3;
        let life_s = if covered { LIFE_COVERED_S } else { LIFE_UNCOVERED_S };
        self.missed(1.0 - (-dt_s / life_s).exp());
    }

    /// A sensor that should have seen it with a probability did not.
    pub(crate) fn missed(&mut self, probability: f64) {
        self.existence = self.existence * (1.0 - probability) / (1.0 - self.existence * probability);
    }

    /// Whether a sensor gave it this identity (a [`digest`]) a moment ago; `None` when it gave it none.
    pub(crate) fn was(&self, sensor: SensorId, object: u32, at: Timestamp) -> Option<bool> {
        let seen = self.seen.get(sensor.index())?;
        (seen.object != 0 && seen.within(at, OBJECT_ID_MEMORY_S)).then_some(seen.object == object)
    }

    /// Takes over what a double knows better.
    pub(crate) fn inherit(&mut self, double: &Self) {
        self.confirmed |= double.confirmed;
        self.existence = self.existence.max(double.existence);
        self.seen_by_sensor |= double.seen_by_sensor;
        let Some(theirs) = double.v2x else { return };
        if self.v2x.is_none_or(|own| own.heard_at < theirs.heard_at) {
            let mut bias = GnssBias::new(theirs.bias.prior_m2());
            bias.mean_m = theirs.bias.mean_m + double.kinematics.position_m - self.kinematics.position_m;
            self.v2x = Some(Reporter { bias, ..theirs });
        }
    }

    /// The identity by which it calls itself now.
    pub(crate) fn name_at(&self, at: Timestamp) -> Option<V2xId> {
        let heard = |reporter: &&Reporter| at.seconds_since(reporter.heard_at) < V2X_ID_MEMORY_S;
        self.v2x.as_ref().filter(heard).map(|reporter| reporter.id)
    }

    /// Whether it is to be given up.
    pub(crate) fn is_over(&self, at: Timestamp) -> bool {
        let silent_s = at.seconds_since(self.last_measured_at);
        let (least, patience_s) =
            if self.confirmed { (KEPT_EXISTENCE, PATIENCE_S) } else { (TENTATIVE_EXISTENCE, TENTATIVE_PATIENCE_S) };
        self.existence < least || silent_s > patience_s || self.position_sd_m() > KEPT_SD_M
    }

    /// Whether others are told of it.
    pub(crate) fn is_shown(&self, at: Timestamp) -> bool {
        self.confirmed
            && self.existence > SHOWN_EXISTENCE
            && self.position_sd_m() < SHOWN_SD_M
            && at.seconds_since(self.last_measured_at) <= PATIENCE_S
    }

    fn position_sd_m(&self) -> f64 {
        let p = self.kinematics.position_covariance();
        p.xx.max(p.yy).sqrt()
    }

    /// The participant as others see it.
    pub(crate) fn track(&self, at: Timestamp) -> Track {
        // Only what moves is copied; the error of its reports moves nothing.
        let mut kinematics = self.kinematics;
        let (dt_s, manoeuvre) = (at.seconds_since(self.at), self.manoeuvre_at(at));
        kinematics.predict(dt_s.max(0.0), &manoeuvre, None);
        let heading = self.heading_after(dt_s.max(0.0), &kinematics);
        let mut sources = 0;
        for (index, seen) in self.seen.iter().enumerate() {
            sources |= u32::from(seen.within(at, SOURCE_MEMORY_S)) << index;
        }
        Track {
            id: self.id,
            at,
            position_m: kinematics.position_m,
            velocity_mps: kinematics.velocity_mps,
            acceleration_mps2: kinematics.acceleration_mps2,
            covariance: kinematics.upper_triangle(),
            heading_rad: heading.map(|heading| heading.rad),
            heading_sd_rad: heading.map(|heading| heading.variance.sqrt()),
            extent_m: self.extent_m,
            class: self.class,
            existence: self.existence,
            first_measured_at: self.first_measured_at,
            last_measured_at: self.last_measured_at,
            classified_at: self.classified_at,
            sources,
            v2x_id: self.v2x.map(|reporter| reporter.id),
        }
    }
}

/// Noise of a detection of a participant that is so deep along the line of sight: what the sensor says, and the wandering
/// of the point it sees.
pub(crate) fn noise(by: &Observer<'_>, said: Covariance2, direction: Vector2, depth_m: f64) -> Covariance2 {
    let share = match by.model.kind {
        _ if !by.parts.reflection => 0.0,
        SensorKind::Radar => 0.15,
        SensorKind::Camera => 0.05,
        SensorKind::Lidar => 0.03,
        SensorKind::V2x => 0.0,
    };
    said.plus_outer(share * depth_m * share * depth_m, direction)
}

/// The velocity that one detection tells, and how well.
fn first_velocity(by: &Observer<'_>, detection: &Detection) -> (Vector2, Covariance2) {
    const UNKNOWN_SD_MPS: f64 = 8.0;
    // Whatever a sensor says, a velocity is known no better and no worse than this.
    const SD_MPS: RangeInclusive<f64> = 0.3..=150.0;
    let within = |sd_mps: f64| sd_mps.clamp(*SD_MPS.start(), *SD_MPS.end());
    let isotropic = |variance: f64| Covariance2 { xx: variance, xy: 0.0, yy: variance };
    if let Some(velocity) = detection.velocity.filter(|_| by.parts.velocity) {
        let (along, across) = (within(velocity.along_sd_mps), within(velocity.across_sd_mps));
        return (velocity.mps, Covariance2::along_and_across(velocity.mps.angle_rad(), along, across));
    }
    let speed = detection.speed.filter(|_| by.parts.velocity);
    if let Some(radial) = detection.radial.filter(|_| by.parts.doppler) {
        // Doppler tells one component; of the other, the speed tells at least the size.
        let bearing_rad = (detection.position_m - by.model.position_m).angle_rad();
        let across = speed.map_or(UNKNOWN_SD_MPS, |speed| {
            (speed.mps * speed.mps - radial.speed_mps * radial.speed_mps).max(0.0).sqrt() + speed.sd_mps
        });
        let covariance = Covariance2::along_and_across(bearing_rad, within(radial.sd_mps), within(across));
        return (Vector2::from_angle(bearing_rad) * radial.speed_mps, covariance);
    }
    let unknown = UNKNOWN_SD_MPS * UNKNOWN_SD_MPS;
    let most = SD_MPS.end() * SD_MPS.end();
    let of_speed = |s: Speed| (s.mps * s.mps + s.sd_mps * s.sd_mps).clamp(0.1, most);
    (Vector2::default(), isotropic(speed.map_or(unknown, of_speed)))
}
