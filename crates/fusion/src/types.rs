//! What goes into the tracker and what comes out.

use rsu_units::{Timestamp, Vector2};

use crate::class::{Class, ClassBelief};

/// The tracker tells at most this many sensors apart, V2X included.
pub const MAX_SENSORS: usize = 32;

/// Index of a sensor, given by the tracker's configuration; less than [`MAX_SENSORS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct SensorId(pub(crate) u8);

impl SensorId {
    /// The sensor with an index, if the tracker can tell so many apart.
    #[must_use]
    pub fn new(index: usize) -> Option<Self> {
        u8::try_from(index).ok().filter(|index| usize::from(*index) < MAX_SENSORS).map(Self)
    }

    /// The index.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Kind of a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SensorKind {
    /// Camera.
    Camera,
    /// Millimetre-wave radar.
    Radar,
    /// Lidar.
    Lidar,
    /// The participants' own V2X messages.
    V2x,
}

/// Usual errors of a kind of sensor, one sigma each: for what a sensor reports without saying how exact it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsualNoise {
    /// Along the line of sight, metres.
    pub range_sd_m: f64,
    /// Across the line of sight, radians. A road user's own report has no line of sight: it is 0 there, and the error is
    /// `range_sd_m` in each direction.
    pub azimuth_sd_rad: f64,
    /// Speed, and each component of the velocity, metres per second.
    pub velocity_sd_mps: f64,
    /// Doppler speed, metres per second.
    pub radial_speed_sd_mps: f64,
    /// Heading, radians.
    pub heading_sd_rad: f64,
}

impl SensorKind {
    /// The usual errors of the kind: rough figures for roadside sensors, and for the GNSS of road users. The daemon and
    /// the tools that replay recordings take the same.
    #[must_use]
    pub fn usual_noise(self) -> UsualNoise {
        let (range_sd_m, azimuth_sd_rad, velocity_sd_mps, heading_sd_rad) = match self {
            Self::Camera => (1.0, 0.005, 1.2, 0.17),
            Self::Radar => (0.5, 0.01, 0.3, 0.1),
            Self::Lidar => (0.15, 0.002, 0.4, 0.05),
            Self::V2x => (1.5, 0.0, 0.3, 0.035),
        };
        UsualNoise { range_sd_m, azimuth_sd_rad, velocity_sd_mps, radial_speed_sd_mps: 0.15, heading_sd_rad }
    }
}

/// What the tracker knows of a sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SensorModel {
    /// Kind.
    pub kind: SensorKind,
    /// Place, site frame, metres.
    pub position_m: Vector2,
    /// Direction of view, radians counter-clockwise from east.
    pub direction_rad: f64,
    /// Width of the field of view, radians; 2π and more is all around.
    pub field_of_view_rad: f64,
    /// Range, metres.
    pub range_m: f64,
    /// Height above the road, metres: decides what a vehicle hides.
    pub height_m: f64,
    /// False detections in one frame, about.
    pub clutter_per_frame: f64,
}

impl SensorModel {
    /// A sensor of which only the view is known: six metres high (a camera eight), with the usual clutter of its kind.
    #[must_use]
    pub fn new(
        kind: SensorKind,
        position_m: Vector2,
        direction_rad: f64,
        field_of_view_rad: f64,
        range_m: f64,
    ) -> Self {
        let (height_m, clutter_per_frame) = match kind {
            SensorKind::Camera => (8.0, 0.5),
            SensorKind::Radar => (6.0, 2.0),
            SensorKind::Lidar => (6.0, 0.7),
            SensorKind::V2x => (0.0, 0.0),
        };
        Self { kind, position_m, direction_rad, field_of_view_rad, range_m, height_m, clutter_per_frame }
    }

    /// The road users' own messages as one sensor: heard around the origin of the site frame, as far as `range_m`.
    #[must_use]
    pub fn v2x(range_m: f64) -> Self {
        Self::new(SensorKind::V2x, Vector2::default(), 0.0, std::f64::consts::TAU, range_m)
    }

    /// Whether a point is within range and field of view.
    #[must_use]
    pub fn sees(&self, point_m: Vector2) -> bool {
        let offset = point_m - self.position_m;
        offset.norm_squared() <= self.range_m * self.range_m
            && (self.field_of_view_rad >= std::f64::consts::TAU
                || rsu_units::angle::wrap_rad(offset.angle_rad() - self.direction_rad).abs()
                    <= self.field_of_view_rad / 2.0)
    }
}

/// Covariance of a plane vector: xx, xy, yy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covariance2 {
    /// Variance of x.
    pub xx: f64,
    /// Covariance of x and y.
    pub xy: f64,
    /// Variance of y.
    pub yy: f64,
}

impl Covariance2 {
    /// The covariance with standard deviations along and across a direction.
    #[must_use]
    pub fn along_and_across(direction_rad: f64, along_sd: f64, across_sd: f64) -> Self {
        let (sin, cos) = direction_rad.sin_cos();
        let (along, across) = (along_sd * along_sd, across_sd * across_sd);
        Self {
            xx: cos * cos * along + sin * sin * across,
            xy: sin * cos * (along - across),
            yy: sin * sin * along + cos * cos * across,
        }
    }

    /// Whether it is finite and positive definite.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.xx > 0.0 && self.yy > 0.0 && self.xx * self.yy > self.xy * self.xy && (self.xx + self.yy).is_finite()
    }
}

/// Velocity over ground.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Velocity {
    /// Site frame, metres per second.
    pub mps: Vector2,
    /// One-sigma along its own direction, metres per second.
    pub along_sd_mps: f64,
    /// One-sigma across its own direction, metres per second.
    pub across_sd_mps: f64,
}

/// Speed over ground without a direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Metres per second, not negative.
    pub mps: f64,
    /// One-sigma, metres per second.
    pub sd_mps: f64,
}

/// Direction of the longer axis, forwards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heading {
    /// Radians counter-clockwise from east.
    pub rad: f64,
    /// One-sigma, radians.
    pub sd_rad: f64,
}

/// Speed along the line of sight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Radial {
    /// Away from the sensor positive, metres per second.
    pub speed_mps: f64,
    /// One-sigma, metres per second.
    pub sd_mps: f64,
}

/// Identity that a participant gives itself in its V2X messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct V2xId(pub [u8; 8]);

/// One object in one frame, in the site frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Centre of the object on the ground, metres.
    pub position_m: Vector2,
    /// Its covariance, square metres; valid by [`Covariance2::is_valid`].
    pub covariance_m2: Covariance2,
    /// Velocity over ground.
    pub velocity: Option<Velocity>,
    /// Speed, where its direction is not known.
    pub speed: Option<Speed>,
    /// Doppler speed.
    pub radial: Option<Radial>,
    /// Heading.
    pub heading: Option<Heading>,
    /// Length and width, metres.
    pub extent_m: Option<(f64, f64)>,
    /// Class, where the sensor tells one.
    pub class: Option<Class>,
    /// Confidence of the sensor that the object exists, 0 to 1.
    pub confidence: f64,
    /// Identity within the sensor; a hint.
    pub object_id: Option<u64>,
    /// Identity in V2X messages; binding.
    pub v2x_id: Option<V2xId>,
}

impl Detection {
    /// A detection of which only the place is known.
    #[must_use]
    pub fn new(position_m: Vector2, covariance_m2: Covariance2) -> Self {
        Self {
            position_m,
            covariance_m2,
            velocity: None,
            speed: None,
            radial: None,
            heading: None,
            extent_m: None,
            class: None,
            confidence: 0.7,
            object_id: None,
            v2x_id: None,
        }
    }
}

/// All that one sensor saw at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorFrame {
    /// The sensor.
    pub sensor: SensorId,
    /// When it was measured.
    pub measured_at: Timestamp,
    /// What was seen.
    pub detections: Vec<Detection>,
}

/// Identity of a track: stable for its life, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(pub u64);

/// A confirmed traffic participant at one instant, in the site frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Track {
    /// Identity.
    pub id: TrackId,
    /// The time for which the state holds.
    pub at: Timestamp,
    /// Centre, metres.
    pub position_m: Vector2,
    /// Velocity over ground, metres per second.
    pub velocity_mps: Vector2,
    /// Acceleration over ground, metres per second squared.
    pub acceleration_mps2: Vector2,
    /// Covariance of (x, y, vx, vy): upper triangle by rows, SI units.
    pub covariance: [f64; 10],
    /// Heading, radians counter-clockwise from east; `None` while it is not known.
    pub heading_rad: Option<f64>,
    /// One-sigma of the heading, radians.
    pub heading_sd_rad: Option<f64>,
    /// Length and width, metres.
    pub extent_m: (f64, f64),
    /// Belief over the classes.
    pub class: ClassBelief,
    /// Probability that the participant exists.
    pub existence: f64,
    /// First measurement.
    pub first_measured_at: Timestamp,
    /// Latest measurement.
    pub last_measured_at: Timestamp,
    /// Latest report of its class by somebody who can tell people from vehicles (a radar can hardly); never before
    /// [`first_measured_at`](Self::first_measured_at).
    pub classified_at: Timestamp,
    /// Bit i: sensor i saw it within the last second.
    pub sources: u32,
    /// Identity in its own V2X messages, where it sends any.
    pub v2x_id: Option<V2xId>,
}

impl Track {
    /// Speed over ground, metres per second.
    #[must_use]
    pub fn speed_mps(&self) -> f64 {
        self.velocity_mps.norm()
    }

    /// One-sigma of the position in the worst direction, metres.
    #[must_use]
    pub fn position_sd_m(&self) -> f64 {
        let [xx, xy, _, _, yy, ..] = self.covariance;
        let half = 0.5 * (xx - yy);
        (0.5 * (xx + yy) + (half * half + xy * xy).sqrt()).sqrt()
    }

    /// The sensors that saw it within the last second.
    pub fn source_ids(&self) -> impl Iterator<Item = SensorId> + use<> {
        let sources = self.sources;
        (0..MAX_SENSORS as u8).filter(move |bit| sources >> bit & 1 == 1).map(SensorId)
    }
}
