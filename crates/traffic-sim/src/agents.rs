//! Road users and how they move.

use rsu_units::Vector2;

/// What a road user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AgentClass {
    /// Passenger car.
    Car,
    /// Goods vehicle.
    Truck,
    /// Bus.
    Bus,
    /// Motorcycle.
    Motorcycle,
    /// Bicycle.
    Bicycle,
    /// Person on foot.
    Pedestrian,
}

impl AgentClass {
    /// Length, width and height, metres.
    pub(crate) fn size_m(self) -> (f64, f64, f64) {
        match self {
            Self::Car => (4.6, 1.85, 1.5),
            Self::Truck => (9.5, 2.5, 3.4),
            Self::Bus => (12.0, 2.5, 3.2),
            Self::Motorcycle => (2.1, 0.8, 1.5),
            Self::Bicycle => (1.75, 0.65, 1.7),
            Self::Pedestrian => (0.5, 0.55, 1.7),
        }
    }

    /// Free speed (m/s), comfortable acceleration and deceleration (m/s²).
    pub(crate) fn dynamics(self) -> (f64, f64, f64) {
        match self {
            Self::Car => (13.5, 2.0, 2.5),
            Self::Truck => (11.0, 1.1, 2.0),
            Self::Bus => (11.5, 1.2, 2.0),
            Self::Motorcycle => (13.0, 2.5, 2.5),
            Self::Bicycle => (5.0, 0.8, 1.8),
            Self::Pedestrian => (1.35, 1.0, 1.5),
        }
    }
}

/// A road user at one instant: the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AgentState {
    /// Identity in the simulation.
    pub id: u64,
    /// Class.
    pub class: AgentClass,
    /// Centre, site metres.
    pub position_m: Vector2,
    /// Radians counter-clockwise from east.
    pub heading_rad: f64,
    /// Speed, metres per second.
    pub speed_mps: f64,
    /// Acceleration along the heading, metres per second squared.
    pub acceleration_mps2: f64,
    /// Whether it sends V2X messages.
    pub connected: bool,
}

impl AgentState {
    /// The state a moment later, at the present speed.
    pub(crate) fn after(mut self, dt_s: f64) -> Self {
        self.position_m = self.position_m + Vector2::from_angle(self.heading_rad) * (self.speed_mps * dt_s);
        self
    }
}

/// A line to move along.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    points: Vec<Vector2>,
    /// Metres from the start to each point.
    at_m: Vec<f64>,
}

impl Path {
    pub(crate) fn new(mut points: Vec<Vector2>) -> Self {
        points.dedup_by(|b, a| (*b - *a).norm() < 1e-6);
        let mut at_m = Vec::with_capacity(points.len());
        let mut total = 0.0;
        let mut last: Option<Vector2> = None;
        for point in &points {
            total += last.map_or(0.0, |last| (*point - last).norm());
            at_m.push(total);
            last = Some(*point);
        }
        Self { points, at_m }
    }

    pub(crate) fn length_m(&self) -> f64 {
        self.at_m.last().copied().unwrap_or(0.0)
    }

    /// Point and direction at a distance from the start.
    pub(crate) fn place(&self, along_m: f64) -> (Vector2, f64) {
        let index = self.at_m.partition_point(|at| *at <= along_m).clamp(1, self.points.len().max(2) - 1);
        let (Some(a), Some(b), Some(from)) =
            (self.points.get(index - 1), self.points.get(index), self.at_m.get(index - 1))
        else {
            return (self.points.first().copied().unwrap_or_default(), 0.0);
        };
        let direction = *b - *a;
        let unit = direction * direction.norm().recip();
        (*a + unit * (along_m - from), direction.angle_rad())
    }

    /// How far along the path, beyond `from_m` and within `within_m`, a point lies that is nearer to it than `beside_m`.
    pub(crate) fn meets(&self, point: Vector2, from_m: f64, within_m: f64, beside_m: f64) -> Option<f64> {
        let mut best: Option<f64> = None;
        for ((a, b), start) in self.points.iter().zip(self.points.iter().skip(1)).zip(&self.at_m) {
            let direction = *b - *a;
            let length = direction.norm();
            if start + length < from_m || *start > from_m + within_m {
                continue;
            }
            let unit = direction * length.recip();
            let along = (point - *a).dot(unit).clamp(0.0, length);
            let at = start + along;
            let near = (point - (*a + unit * along)).norm() < beside_m;
            if near && at > from_m && at < from_m + within_m {
                best = Some(best.map_or(at, |best: f64| best.min(at)));
            }
        }
        best
    }
}

/// Acceleration of the intelligent driver model (Treiber, Hennecke, Helbing 2000), metres per second squared.
pub(crate) fn idm(class: AgentClass, free_mps: f64, speed_mps: f64, ahead: Option<(f64, f64)>) -> f64 {
    let (_, accelerate, brake) = class.dynamics();
    let free = 1.0 - (speed_mps / free_mps.max(0.1)).powi(4);
    let interaction = ahead.map_or(0.0, |(gap_m, their_speed_mps)| {
        let closing = speed_mps - their_speed_mps;
        let wanted = 2.0 + (speed_mps * 1.2 + speed_mps * closing / (2.0 * (accelerate * brake).sqrt())).max(0.0);
        (wanted / gap_m.max(0.3)).powi(2)
    });
    (accelerate * (free - interaction)).clamp(-8.0, accelerate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_followed() {
        let path = Path::new([(0., 0.), (10., 0.), (10., 10.)].map(|(x, y)| Vector2::new(x, y)).to_vec());
        assert!((path.length_m() - 20.0).abs() < 1e-9);
        assert!((path.place(15.0).0 - Vector2::new(10.0, 5.0)).norm() < 1e-9);
        assert_eq!(path.meets(Vector2::new(10.5, 6.0), 3.0, 50.0, 1.0), Some(16.0));
        assert_eq!(path.meets(Vector2::new(10.5, 6.0), 17.0, 50.0, 1.0), None);
        assert_eq!(path.meets(Vector2::new(14.0, 6.0), 3.0, 50.0, 1.0), None);
    }

    #[test]
    fn drivers_stop_before_what_stands() {
        let (mut at, mut speed) = (0.0_f64, 13.0_f64);
        for _ in 0..600 {
            speed = (speed + 0.05 * idm(AgentClass::Car, 13.5, speed, Some((100.0 - at, 0.0)))).max(0.0);
            at += speed * 0.05;
        }
        assert!(at < 99.5 && at > 90.0 && speed < 0.1, "{at} {speed}");
    }
}
