//! Roadside sensors: what they see of the world, and how wrong they are.

use std::f64::consts::{PI, TAU};

use rand::RngExt as _;
use rand::rngs::StdRng;
use rand_distr::{Distribution as _, StandardNormal};
use rsu_proto::v1;
use rsu_units::{Vector2, angle::wrap_rad};

use crate::agents::{AgentClass, AgentState};

/// Kind of a simulated sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpecKind {
    /// Camera: classes and boxes, a rough speed.
    Camera,
    /// Radar: Doppler speed, hardly a class.
    Radar,
    /// Lidar: exact place and extent.
    Lidar,
}

/// A simulated sensor. What is told here is what an integrator would write into the RSU's configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorSpec {
    /// Name in its frames.
    pub id: &'static str,
    /// Kind.
    pub kind: SpecKind,
    /// Place, site metres.
    pub position_m: Vector2,
    /// Direction of view, radians counter-clockwise from east.
    pub direction_rad: f64,
    /// Width of the field of view, radians.
    pub field_of_view_rad: f64,
    /// Range, metres.
    pub range_m: f64,
    /// Frames per second.
    pub rate_hz: f64,
    /// From measurement to the datagram, seconds: mean and one-sigma.
    pub latency_s: (f64, f64),
    /// One-sigma along the line of sight, metres.
    pub range_sd_m: f64,
    /// One-sigma across the line of sight, radians.
    pub azimuth_sd_rad: f64,
    /// One-sigma of the velocity components or of the Doppler speed, metres per second.
    pub speed_sd_mps: f64,
    /// Whether its frames carry a time of measurement.
    pub has_clock: bool,
}

/// The sensors of the intersection: two cameras, two radars and a lidar on two poles.
#[must_use]
pub fn sensors() -> Vec<SensorSpec> {
    let north_east = Vector2::new(28.0, 28.0);
    let south_west = Vector2::new(-28.0, -28.0);
    let deg = f64::to_radians;
    let camera = |id, position_m, direction, rate_hz| SensorSpec {
        id,
        kind: SpecKind::Camera,
        position_m,
        direction_rad: deg(direction),
        field_of_view_rad: deg(110.0),
        range_m: 150.0,
        rate_hz,
        latency_s: (0.11, 0.02),
        range_sd_m: 0.6,
        azimuth_sd_rad: deg(0.3),
        speed_sd_mps: 1.0,
        has_clock: true,
    };
    let radar = |id, position_m, direction, has_clock| SensorSpec {
        id,
        kind: SpecKind::Radar,
        position_m,
        direction_rad: deg(direction),
        field_of_view_rad: deg(100.0),
        range_m: 200.0,
        rate_hz: 20.0,
        latency_s: (0.05, 0.008),
        range_sd_m: 0.4,
        azimuth_sd_rad: deg(0.5),
        speed_sd_mps: 0.15,
        has_clock,
    };
    vec![
        camera("camera-ne", north_east, -135.0, 10.0),
        camera("camera-sw", south_west, 45.0, 15.0),
        radar("radar-ne", north_east, 180.0, true),
        radar("radar-sw", south_west, 0.0, true),
        SensorSpec {
            id: "lidar-ne",
            kind: SpecKind::Lidar,
            position_m: north_east,
            direction_rad: 0.0,
            field_of_view_rad: TAU,
            range_m: 100.0,
            rate_hz: 10.0,
            latency_s: (0.13, 0.015),
            range_sd_m: 0.12,
            azimuth_sd_rad: deg(0.1),
            speed_sd_mps: 0.4,
            has_clock: true,
        },
    ]
}

impl SensorSpec {
    /// The sensor's own labels and the class names they stand for.
    #[must_use]
    pub fn labels(&self) -> &'static [(&'static str, &'static str)] {
        match self.kind {
            SpecKind::Camera => &[
                ("car", "car"),
                ("truck", "truck"),
                ("bus", "bus"),
                ("motorbike", "motorcycle"),
                ("bike", "bicycle"),
                ("person", "pedestrian"),
            ],
            SpecKind::Radar => &[("small", "car"), ("large", "truck")],
            SpecKind::Lidar => &[
                ("CAR", "car"),
                ("TRUCK", "truck"),
                ("BUS", "bus"),
                ("MOTOR", "motorcycle"),
                ("CYCLIST", "bicycle"),
                ("PEDESTRIAN", "pedestrian"),
            ],
        }
    }

    fn label(&self, class: AgentClass) -> &'static str {
        let name = match (self.kind, class) {
            (SpecKind::Radar, AgentClass::Car) => "car",
            (SpecKind::Radar, AgentClass::Truck | AgentClass::Bus) => "truck",
            (SpecKind::Radar, _) => "",
            (_, AgentClass::Car) => "car",
            (_, AgentClass::Truck) => "truck",
            (_, AgentClass::Bus) => "bus",
            (_, AgentClass::Motorcycle) => "motorcycle",
            (_, AgentClass::Bicycle) => "bicycle",
            (_, AgentClass::Pedestrian) => "pedestrian",
        };
        self.labels().iter().find(|(_, class)| *class == name).map_or("", |(label, _)| label)
    }

    /// What the sensor reports of the world, in its own frame.
    pub(crate) fn look(&self, agents: &[AgentState], rng: &mut StdRng) -> Vec<v1::Detection> {
        let mut visible: Vec<(f64, f64, &AgentState)> = agents
            .iter()
            .filter_map(|agent| {
                let offset = agent.position_m - self.position_m;
                let bearing = wrap_rad(offset.angle_rad() - self.direction_rad);
                let inside = offset.norm() < self.range_m && bearing.abs() <= self.field_of_view_rad / 2.0;
                inside.then_some((offset.norm(), bearing, agent))
            })
            .collect();
        visible.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.2.id.cmp(&b.2.id)));
        let mut shadows: Vec<(f64, f64, f64)> = Vec::new();
        let mut detections = Vec::new();
        for (range_m, bearing, agent) in visible {
            let (length_m, width_m, height_m) = agent.class.size_m();
            // The sensors hang 7 m high: only what is tall hides much.
            let hidden = shadows.iter().any(|(low, high, depth)| {
                (*low..*high).contains(&bearing) && range_m > *depth && range_m < *depth + 25.0
            });
            if height_m > 2.0 {
                let half = (length_m.midpoint(width_m) / 2.0 / range_m.max(1.0)).atan() * 0.8;
                shadows.push((bearing - half, bearing + half, range_m + length_m));
            }
            let chance = self.chance(agent, range_m) * if hidden { 0.1 } else { 1.0 };
            if rng.random_bool(chance.clamp(0.0, 1.0)) {
                detections.push(self.report(agent, range_m, bearing, rng));
            }
        }
        if rng.random_bool(0.3) {
            detections.push(self.clutter(rng));
        }
        detections
    }

    fn chance(&self, agent: &AgentState, range_m: f64) -> f64 {
        let far = range_m / self.range_m;
        let vehicle = agent.class.size_m().0 > 3.0;
        match self.kind {
            SpecKind::Camera => 0.95 - 0.4 * far.powi(3),
            SpecKind::Radar if agent.speed_mps > 0.5 => {
                if vehicle {
                    0.95
                } else {
                    0.75 - 0.3 * far
                }
            }
            SpecKind::Radar => 0.4,
            SpecKind::Lidar => 0.97 - if vehicle { 0.4 } else { 0.8 } * far.powi(2),
        }
    }

    fn report(&self, agent: &AgentState, range_m: f64, bearing: f64, rng: &mut StdRng) -> v1::Detection {
        let mut gauss = |sd: f64| -> f64 {
            let n: f64 = StandardNormal.sample(rng);
            n * sd
        };
        let (length_m, width_m, height_m) = agent.class.size_m();
        let range = range_m + gauss(self.range_sd_m);
        let at = Vector2::from_angle(bearing + gauss(self.azimuth_sd_rad)) * range.max(0.5);
        let velocity = Vector2::from_angle(agent.heading_rad - self.direction_rad) * agent.speed_mps;
        let line_of_sight = Vector2::from_angle(bearing);
        let mut detection = v1::Detection {
            object_id: agent.id * 7 + 1,
            position: Some(v1::detection::Position::SensorPosition(v1::SensorPosition {
                x_m: at.x,
                y_m: at.y,
                z_m: None,
            })),
            confidence: Some(0.85),
            ..v1::Detection::default()
        };
        if self.kind == SpecKind::Radar {
            detection.radial_speed_mps = Some(velocity.dot(line_of_sight) + gauss(self.speed_sd_mps));
        } else {
            detection.velocity_x_mps = Some(velocity.x + gauss(self.speed_sd_mps));
            detection.velocity_y_mps = Some(velocity.y + gauss(self.speed_sd_mps));
            detection.length_m = Some(length_m * (1.0 + gauss(0.06)));
            detection.width_m = Some(width_m * (1.0 + gauss(0.06)));
            detection.height_m = Some(height_m * (1.0 + gauss(0.06)));
            if agent.speed_mps > 1.0 || self.kind == SpecKind::Lidar {
                detection.heading_rad = Some(wrap_rad(agent.heading_rad - self.direction_rad + gauss(0.08)));
            }
        }
        let mistaken = rng.random_bool(0.06);
        // What each class is taken for, when it is.
        let taken_for = match agent.class {
            AgentClass::Car | AgentClass::Bus => AgentClass::Truck,
            AgentClass::Truck => AgentClass::Bus,
            AgentClass::Motorcycle | AgentClass::Pedestrian => AgentClass::Bicycle,
            AgentClass::Bicycle => AgentClass::Pedestrian,
        };
        let class = if mistaken { taken_for } else { agent.class };
        detection.class_label = self.label(class).into();
        detection
    }

    /// Something that is not there.
    fn clutter(&self, rng: &mut StdRng) -> v1::Detection {
        let range = self.range_m * rng.random_range(0.05_f64..0.9).sqrt();
        let half = (self.field_of_view_rad / 2.0).min(PI);
        let at = Vector2::from_angle(rng.random_range(-half..half)) * range;
        v1::Detection {
            position: Some(v1::detection::Position::SensorPosition(v1::SensorPosition {
                x_m: at.x,
                y_m: at.y,
                z_m: None,
            })),
            confidence: Some(rng.random_range(0.2..0.6)),
            radial_speed_mps: (self.kind == SpecKind::Radar).then(|| rng.random_range(-3.0..3.0)),
            ..v1::Detection::default()
        }
    }
}
