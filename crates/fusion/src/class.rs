//! Classes of traffic participants, the belief over them, and how sensors mistake one for another.

use std::sync::OnceLock;

use crate::types::SensorKind;

/// Class of a traffic participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// Passenger car, van.
    Car,
    /// Goods vehicle.
    Truck,
    /// Bus, coach.
    Bus,
    /// Motorcycle, moped.
    Motorcycle,
    /// Bicycle, with or without a motor.
    Bicycle,
    /// Person on foot.
    Pedestrian,
}

/// Kinds of road users that sensors do not often mistake for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Vehicle,
    TwoWheeler,
    Pedestrian,
}

impl Class {
    /// All classes; a class is its own index here.
    pub const ALL: [Self; 6] = [Self::Car, Self::Truck, Self::Bus, Self::Motorcycle, Self::Bicycle, Self::Pedestrian];

    /// The name in configuration and files: `car`, `truck`, `bus`, `motorcycle`, `bicycle`, `pedestrian`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Car => "car",
            Self::Truck => "truck",
            Self::Bus => "bus",
            Self::Motorcycle => "motorcycle",
            Self::Bicycle => "bicycle",
            Self::Pedestrian => "pedestrian",
        }
    }

    /// The class of a [`name`](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Whether it belongs on the carriageway under motor power.
    #[must_use]
    pub fn is_motor_vehicle(self) -> bool {
        matches!(self, Self::Car | Self::Truck | Self::Bus | Self::Motorcycle)
    }

    /// Usual length and width, metres.
    #[must_use]
    pub fn usual_extent_m(self) -> (f64, f64) {
        match self {
            Self::Car => (4.6, 1.9),
            Self::Truck => (9.0, 2.5),
            Self::Bus => (11.5, 2.5),
            Self::Motorcycle => (2.1, 0.8),
            Self::Bicycle => (1.8, 0.7),
            Self::Pedestrian => (0.5, 0.6),
        }
    }

    /// Usual height, metres.
    pub(crate) fn usual_height_m(self) -> f64 {
        match self {
            Self::Car => 1.5,
            Self::Truck | Self::Bus => 3.2,
            Self::Motorcycle | Self::Bicycle | Self::Pedestrian => 1.65,
        }
    }

    pub(crate) fn group(self) -> Group {
        match self {
            Self::Car | Self::Truck | Self::Bus => Group::Vehicle,
            Self::Motorcycle | Self::Bicycle => Group::TwoWheeler,
            Self::Pedestrian => Group::Pedestrian,
        }
    }

    /// One-sigma of the acceleration along and across the direction of travel, metres per second squared.
    pub(crate) fn acceleration_sd_mps2(self) -> (f64, f64) {
        match self {
            Self::Car => (1.8, 1.2),
            Self::Truck | Self::Bus => (1.3, 0.8),
            Self::Motorcycle => (2.2, 1.2),
            Self::Bicycle => (1.0, 0.7),
            // People walk steadily: most of what looks like acceleration is noise of the sensors.
            Self::Pedestrian => (0.24, 0.24),
        }
    }
}

/// Probabilities of the classes; they sum to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassBelief([f64; 6]);

impl Default for ClassBelief {
    fn default() -> Self {
        // How often each class is met on an urban road.
        Self([0.5, 0.1, 0.05, 0.09, 0.12, 0.14])
    }
}

impl ClassBelief {
    /// Takes one report into account: how likely the sensor is to say this of each class.
    pub(crate) fn observe(&mut self, likelihood: &[f64; 6]) {
        // No class is ever ruled out: a thousand equal reports are not a thousand independent ones.
        const FLOOR: f64 = 2e-3;
        let mut sum = 0.0;
        for (probability, likelihood) in self.0.iter_mut().zip(likelihood) {
            *probability *= likelihood;
            sum += *probability;
        }
        let scale = sum.recip();
        let mut sum = 0.0;
        for probability in &mut self.0 {
            *probability = (*probability * scale).max(FLOOR);
            sum += *probability;
        }
        let scale = sum.recip();
        for probability in &mut self.0 {
            *probability *= scale;
        }
    }

    /// How likely it is that a sensor says this.
    pub(crate) fn likelihood(&self, likelihood: &[f64; 6]) -> f64 {
        self.0.iter().zip(likelihood).map(|(p, l)| p * l).sum()
    }

    /// The likeliest class and its probability.
    #[must_use]
    pub fn best(&self) -> (Class, f64) {
        Class::ALL.into_iter().zip(self.0).fold((Class::Car, 0.0), |best, (class, probability)| {
            if probability > best.1 { (class, probability) } else { best }
        })
    }

    /// Probability of a class.
    #[must_use]
    pub fn of(&self, class: Class) -> f64 {
        Class::ALL.into_iter().zip(self.0).find_map(|(c, p)| (c == class).then_some(p)).unwrap_or(0.0)
    }

    /// All probabilities, in the order of [`Class::ALL`].
    #[must_use]
    pub fn probabilities(&self) -> [f64; 6] {
        self.0
    }
}

/// How likely a sensor of a kind is to call a participant of each class (in the order of [`Class::ALL`]) `reported`.
pub(crate) fn likelihood(kind: SensorKind, reported: Class) -> &'static [f64; 6] {
    static TABLE: OnceLock<[[[f64; 6]; 6]; 4]> = OnceLock::new();
    let table = TABLE.get_or_init(|| {
        [SensorKind::Camera, SensorKind::Radar, SensorKind::Lidar, SensorKind::V2x]
            .map(|kind| Class::ALL.map(|reported| Class::ALL.map(|class| confusion(kind, class, reported))))
    });
    let of_kind = match kind {
        SensorKind::Camera => &table[0],
        SensorKind::Radar => &table[1],
        SensorKind::Lidar => &table[2],
        SensorKind::V2x => &table[3],
    };
    match reported {
        Class::Car => &of_kind[0],
        Class::Truck => &of_kind[1],
        Class::Bus => &of_kind[2],
        Class::Motorcycle => &of_kind[3],
        Class::Bicycle => &of_kind[4],
        Class::Pedestrian => &of_kind[5],
    }
}

fn confusion(kind: SensorKind, class: Class, reported: Class) -> f64 {
    let right = match kind {
        SensorKind::V2x => 0.97,
        SensorKind::Camera => 0.85,
        SensorKind::Lidar => 0.8,
        // A radar tells large from small, and little more.
        SensorKind::Radar => {
            return match (class.group() == Group::Vehicle, reported.group() == Group::Vehicle) {
                (true, true) if class == reported => 0.5,
                (true, true) => 0.2,
                (false, false) => 0.3,
                (true, false) | (false, true) => 0.06,
            };
        }
    };
    let alike = class.group() == reported.group()
        || matches!((class, reported), (Class::Bicycle, Class::Pedestrian) | (Class::Pedestrian, Class::Bicycle));
    if class == reported {
        right
    } else if alike {
        (1.0 - right) * 0.4
    } else {
        (1.0 - right) * 0.05
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_move_the_belief_and_it_can_turn() {
        let mut belief = ClassBelief::default();
        for _ in 0..50 {
            belief.observe(likelihood(SensorKind::Camera, Class::Truck));
        }
        assert_eq!(belief.best().0, Class::Truck);
        assert!(belief.best().1 > 0.9);
        for _ in 0..12 {
            belief.observe(likelihood(SensorKind::Camera, Class::Bus));
        }
        assert_eq!(belief.best().0, Class::Bus);
        assert!((belief.probabilities().iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_radar_cannot_tell_a_truck_from_a_bus_but_from_a_person() {
        let of = likelihood(SensorKind::Radar, Class::Truck);
        assert!(of[2] > 3.0 * of[5] && of[1] > of[2]);
    }
}
