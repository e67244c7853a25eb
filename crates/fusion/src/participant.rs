//! One participant as the tracker holds it.

use rsu_units::{Timestamp, Vector2, angle::wrap_rad};

use crate::class::{Class, ClassBelief};
use crate::kalman::Kinematics;
use crate::types::{Covariance2, Detection, MAX_SENSORS, SensorId, SensorKind, SensorModel, Track, TrackId, V2xId};

/// Slower than this, the direction of motion says nothing about the heading.
const HEADING_FROM_MOTION_MPS: f64 = 1.0;
const SOURCE_MEMORY_S: f64 = 1.0;
const OBJECT_ID_MEMORY_S: f64 = 0.7;
/// A V2X identity that was not heard for so long may have been changed: vehicles take a new pseudonym now and then.
const V2X_ID_MEMORY_S: f64 = 1.0;
const UNKNOWN_VELOCITY_SD_MPS: f64 = 8.0;

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
    /// Whether any sensor told a class.
    pub(crate) classified: bool,
    pub(crate) heading_rad: Option<f64>,
    extent_m: Option<(f64, f64)>,
    pub(crate) v2x_id: Option<V2xId>,
    v2x_heard_at: Timestamp,
    /// Whether a roadside sensor ever saw it.
    pub(crate) seen_by_sensor: bool,
    pub(crate) first_measured_at: Timestamp,
    pub(crate) last_measured_at: Timestamp,
    /// When each sensor saw it last, and under which identity.
    seen: [Seen; MAX_SENSORS],
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Timestamp,
    object_id: Option<u64>,
}

impl Participant {
    pub(crate) fn born(
        id: TrackId,
        sensor: SensorId,
        model: &SensorModel,
        at: Timestamp,
        detection: &Detection,
    ) -> Self {
        let (velocity_mps, velocity_sd_mps) = match (detection.velocity, detection.radial) {
            (Some(velocity), _) => (velocity.mps, velocity.sd_mps),
            // Doppler tells one component; the other stays open.
            (None, Some(radial)) => {
                let direction = Vector2::from_angle((detection.position_m - model.position_m).angle_rad());
                (direction * radial.speed_mps, UNKNOWN_VELOCITY_SD_MPS)
            }
            (None, None) => (Vector2::default(), UNKNOWN_VELOCITY_SD_MPS),
        };
        let mut born = Self {
            id,
            kinematics: Kinematics::new(
                detection.position_m,
                detection.covariance_m2,
                velocity_mps,
                velocity_sd_mps.max(0.3),
            ),
            at,
            existence: 0.15 + 0.35 * detection.confidence,
            confirmed: false,
            hits: 1,
            class: ClassBelief::default(),
            classified: false,
            heading_rad: None,
            extent_m: None,
            v2x_id: detection.v2x_id,
            v2x_heard_at: at,
            seen_by_sensor: false,
            first_measured_at: at,
            last_measured_at: at,
            seen: [Seen { at: Timestamp::from_micros(i64::MIN), object_id: None }; MAX_SENSORS],
        };
        born.learn(sensor, model.kind, at, detection);
        born
    }

    /// The kinematics at another time, `ahead` of or behind the participant's own.
    pub(crate) fn predicted(&self, at: Timestamp) -> Kinematics {
        self.kinematics.predicted(at.seconds_since(self.at), self.class.mean(Class::acceleration_sd_mps2))
    }

    /// Where it will be, or was, at another time: the mean of [`predicted`](Self::predicted), at a fraction of its cost.
    pub(crate) fn position_at(&self, at: Timestamp) -> Vector2 {
        self.kinematics.position_m() + self.kinematics.velocity_mps() * at.seconds_since(self.at)
    }

    pub(crate) fn extent_m(&self) -> (f64, f64) {
        // Until somebody tells a class it may be anything, so it is taken for small.
        let usual = || if self.classified { self.class.best().0.usual_extent_m() } else { (2.0, 0.8) };
        self.extent_m.unwrap_or_else(usual)
    }

    /// Takes a detection that was assigned to it into account.
    pub(crate) fn hit(&mut self, sensor: SensorId, model: &SensorModel, at: Timestamp, detection: &Detection) {
        self.kinematics = self.predicted(at);
        self.at = at;
        self.kinematics.update_position(detection.position_m, self.measurement_noise(model, detection));
        if let Some(velocity) = detection.velocity {
            self.kinematics.update_velocity(velocity.mps, velocity.sd_mps);
        }
        if let Some(radial) = detection.radial {
            let direction = Vector2::from_angle((self.kinematics.position_m() - model.position_m).angle_rad());
            self.kinematics.update_radial(direction, radial.speed_mps, radial.sd_mps);
        }
        // Likelihood ratio of "there" to "clutter" that one detection is worth.
        let ratio = 1.0 + 8.0 * detection.confidence * detection.confidence;
        self.existence = (self.existence * ratio / (self.existence * ratio + 1.0 - self.existence)).min(0.9999);
        self.hits += 1;
        self.last_measured_at = self.last_measured_at.max(at);
        self.learn(sensor, model.kind, at, detection);
    }

    /// A sensor sees the near end of a long object, not its centre: until the extent is modelled, the length counts as
    /// noise along the line of sight.
    pub(crate) fn measurement_noise(&self, model: &SensorModel, detection: &Detection) -> Covariance2 {
        let share = match model.kind {
            SensorKind::Radar => 0.2,
            SensorKind::Camera => 0.12,
            SensorKind::Lidar => 0.05,
            SensorKind::V2x => 0.0,
        };
        let direction_rad = (detection.position_m - model.position_m).angle_rad();
        let extra = Covariance2::along_and_across(direction_rad, share * self.extent_m().0, 0.0);
        let noise = detection.covariance_m2;
        Covariance2 { xx: noise.xx + extra.xx, xy: noise.xy + extra.xy, yy: noise.yy + extra.yy }
    }

    fn learn(&mut self, sensor: SensorId, kind: SensorKind, at: Timestamp, detection: &Detection) {
        if let Some(class) = detection.class {
            let reliability = match kind {
                SensorKind::V2x => 0.95,
                SensorKind::Camera => 0.8,
                SensorKind::Lidar => 0.7,
                SensorKind::Radar => 0.45,
            };
            self.class.observe(class, reliability);
            self.classified = true;
        }
        if let Some((length_m, width_m)) = detection.extent_m {
            let known = self.extent_m.unwrap_or((length_m, width_m));
            let gain = if kind == SensorKind::V2x { 0.5 } else { 0.1 };
            self.extent_m = Some((known.0 + gain * (length_m - known.0), known.1 + gain * (width_m - known.1)));
        }
        if detection.v2x_id.is_some() {
            self.v2x_id = detection.v2x_id;
            self.v2x_heard_at = at;
        }
        self.seen_by_sensor |= kind != SensorKind::V2x;
        let velocity = self.kinematics.velocity_mps();
        if velocity.norm() > HEADING_FROM_MOTION_MPS {
            self.heading_rad = Some(velocity.angle_rad());
        } else if let Some(heading_rad) = detection.heading_rad {
            let known = *self.heading_rad.get_or_insert(heading_rad);
            let gain = if kind == SensorKind::V2x { 0.5 } else { 0.1 };
            self.heading_rad = Some(wrap_rad(known + gain * wrap_rad(heading_rad - known)));
        }
        if let Some(seen) = self.seen.get_mut(sensor.index()) {
            *seen = Seen { at, object_id: detection.object_id };
        }
    }

    /// A sensor that should have seen it did not.
    pub(crate) fn missed(&mut self, kind: SensorKind, at: Timestamp) {
        // Seen a moment ago by anyone: a miss now is noise of the detector.
        if at.seconds_since(self.last_measured_at) < 0.25 && self.confirmed {
            return;
        }
        // Well below the sensors' rates of detection: most misses in traffic are occlusions, which are not modelled yet.
        let probability = match kind {
            SensorKind::Camera => 0.18,
            SensorKind::Radar => 0.12,
            SensorKind::Lidar => 0.2,
            SensorKind::V2x => 0.0,
        };
        self.existence = self.existence * (1.0 - probability) / (1.0 - self.existence * probability);
    }

    /// Whether a sensor gave it this identity a moment ago.
    pub(crate) fn was(&self, sensor: SensorId, object_id: Option<u64>, at: Timestamp) -> Option<bool> {
        let seen = self.seen.get(sensor.index())?;
        let known = seen.object_id.filter(|_| at.seconds_since(seen.at) < OBJECT_ID_MEMORY_S)?;
        Some(known == object_id?)
    }

    /// Takes over the name of a double.
    pub(crate) fn inherit_name(&mut self, double: &Self) {
        if self.v2x_id.is_none() || self.v2x_heard_at < double.v2x_heard_at {
            self.v2x_id = double.v2x_id;
            self.v2x_heard_at = double.v2x_heard_at;
        }
    }

    /// The identity by which it calls itself now.
    pub(crate) fn name_at(&self, at: Timestamp) -> Option<V2xId> {
        self.v2x_id.filter(|_| at.seconds_since(self.v2x_heard_at) < V2X_ID_MEMORY_S)
    }

    /// Whether it is to be given up.
    pub(crate) fn is_over(&self, at: Timestamp) -> bool {
        let silent_s = at.seconds_since(self.last_measured_at);
        let patience_s = if self.confirmed { self.class.best().0.patience_s() } else { 0.5 };
        self.existence < 0.08 || silent_s > patience_s
    }

    /// The participant as others see it.
    pub(crate) fn track(&self, at: Timestamp) -> Track {
        let kinematics = self.predicted(at);
        let mut sources = 0;
        for (index, seen) in self.seen.iter().enumerate() {
            sources |= u32::from(at.seconds_since(seen.at) < SOURCE_MEMORY_S) << index;
        }
        Track {
            id: self.id,
            at,
            position_m: kinematics.position_m(),
            velocity_mps: kinematics.velocity_mps(),
            covariance: kinematics.upper_triangle(),
            heading_rad: self.heading_rad,
            extent_m: self.extent_m(),
            class: self.class,
            existence: self.existence,
            first_measured_at: self.first_measured_at,
            last_measured_at: self.last_measured_at,
            sources,
            v2x_id: self.v2x_id,
        }
    }
}
