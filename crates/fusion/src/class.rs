//! Classes of traffic participants and the belief over them.

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

    /// One-sigma of the acceleration that the motion model does not foresee, metres per second squared.
    pub(crate) fn acceleration_sd_mps2(self) -> f64 {
        match self {
            Self::Car => 2.0,
            Self::Truck | Self::Bus => 1.4,
            Self::Motorcycle => 2.5,
            Self::Bicycle => 1.2,
            Self::Pedestrian => 0.7,
        }
    }

    /// How long a track of this class is kept without being seen, seconds.
    pub(crate) fn patience_s(self) -> f64 {
        match self {
            Self::Car | Self::Truck | Self::Bus | Self::Motorcycle => 2.5,
            Self::Bicycle | Self::Pedestrian => 2.0,
        }
    }
}

/// Probabilities of the classes; they sum to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassBelief([f64; 6]);

impl Default for ClassBelief {
    fn default() -> Self {
        // How often each class is met on an urban road.
        Self([0.55, 0.1, 0.05, 0.08, 0.1, 0.12])
    }
}

impl ClassBelief {
    /// Takes one report into account, which is right with probability `reliability`.
    pub(crate) fn observe(&mut self, reported: Class, reliability: f64) {
        // No class is ever ruled out: a thousand equal reports are not a thousand independent ones.
        const FLOOR: f64 = 1e-3;
        let wrong = (1.0 - reliability) / 5.0;
        for (class, probability) in Class::ALL.into_iter().zip(&mut self.0) {
            let likelihood = if class == reported { reliability } else { wrong };
            *probability = (*probability * likelihood).max(FLOOR * 1e-3);
        }
        let sum: f64 = self.0.iter().sum();
        for probability in &mut self.0 {
            *probability = (*probability / sum).max(FLOOR);
        }
        let sum: f64 = self.0.iter().sum();
        for probability in &mut self.0 {
            *probability /= sum;
        }
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

    /// Mean of a quantity over the classes.
    pub(crate) fn mean(&self, quantity: impl Fn(Class) -> f64) -> f64 {
        Class::ALL.into_iter().zip(self.0).map(|(class, probability)| probability * quantity(class)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_move_the_belief_and_it_can_turn() {
        let mut belief = ClassBelief::default();
        for _ in 0..50 {
            belief.observe(Class::Truck, 0.8);
        }
        assert_eq!(belief.best().0, Class::Truck);
        assert!(belief.best().1 > 0.9);
        for _ in 0..10 {
            belief.observe(Class::Bus, 0.8);
        }
        assert_eq!(belief.best().0, Class::Bus);
        assert!((Class::ALL.into_iter().map(|class| belief.of(class)).sum::<f64>() - 1.0).abs() < 1e-9);
    }
}
