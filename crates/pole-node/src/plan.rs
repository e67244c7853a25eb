//! The sampling plan: which sensor is read how often, what can be true, and what becomes of readings between two telemetry
//! messages.

use pole_link::{Capabilities, Millis, Quantity, Reading, Readings};

/// What is read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensor {
    /// Contacts and the button.
    Inputs,
    /// See [`crate::board::Acceleration`].
    Acceleration,
    /// See [`crate::board::Climate`].
    Climate,
    /// See [`crate::board::AmbientLight`].
    AmbientLight,
    /// See [`crate::board::Wind`].
    Wind,
    /// See [`crate::board::Rain`].
    Rain,
    /// See [`crate::board::Visibility`].
    Visibility,
    /// See [`crate::board::Particles`].
    Particles,
    /// See [`crate::board::Noise`].
    Noise,
    /// See [`crate::board::Energy`].
    Energy,
    /// See [`crate::board::RoadSurface`].
    RoadSurface,
    /// See [`crate::board::Inside`].
    Inside,
    /// See [`crate::board::WaterLevel`].
    WaterLevel,
}

impl Sensor {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Inputs,
        Self::Acceleration,
        Self::Climate,
        Self::AmbientLight,
        Self::Wind,
        Self::Rain,
        Self::Visibility,
        Self::Particles,
        Self::Noise,
        Self::Energy,
        Self::RoadSurface,
        Self::Inside,
        Self::WaterLevel,
    ];

    /// How often it is read, ms.
    pub const fn period_ms(self) -> u32 {
        match self {
            Self::Inputs => 5,
            Self::Acceleration => 10,
            Self::AmbientLight | Self::Wind | Self::Noise | Self::Inside => 1000,
            Self::Climate | Self::Visibility | Self::Energy | Self::RoadSurface | Self::WaterLevel => 2000,
            Self::Rain | Self::Particles => 5000,
        }
    }

    /// What a fault of it is told as: its first quantity. The inputs have none; theirs is the emergency call's: 0.
    pub(crate) const fn quantity(self) -> Quantity {
        match self {
            Self::Inputs => Quantity(0),
            Self::Acceleration => Quantity::TILT,
            Self::Climate => Quantity::AIR_TEMPERATURE,
            Self::AmbientLight => Quantity::ILLUMINANCE,
            Self::Wind => Quantity::WIND_SPEED,
            Self::Rain => Quantity::RAIN,
            Self::Visibility => Quantity::VISIBILITY,
            Self::Particles => Quantity::PM2_5,
            Self::Noise => Quantity::NOISE,
            Self::Energy => Quantity::ENERGY,
            Self::RoadSurface => Quantity::ROAD_TEMPERATURE,
            Self::Inside => Quantity::INSIDE_TEMPERATURE,
            Self::WaterLevel => Quantity::WATER_LEVEL,
        }
    }

    /// Whether a pole with these parts has it. What has no capability of its own is asked for and may be absent.
    const fn is_fitted(self, parts: Capabilities) -> bool {
        match self {
            Self::Inputs => {
                parts.has(Capabilities::EMERGENCY_CALL)
                    || parts.has(Capabilities::DOOR)
                    || parts.has(Capabilities::FLOOD)
            }
            Self::Acceleration => parts.has(Capabilities::ACCELERATION),
            Self::Climate => parts.has(Capabilities::CLIMATE),
            Self::AmbientLight => parts.has(Capabilities::LIGHT_SENSOR),
            Self::Wind => parts.has(Capabilities::WIND),
            Self::Rain => parts.has(Capabilities::RAIN),
            Self::Visibility => parts.has(Capabilities::VISIBILITY),
            Self::Particles => parts.has(Capabilities::PARTICLES),
            Self::Noise => parts.has(Capabilities::NOISE),
            Self::Energy => parts.has(Capabilities::ENERGY),
            Self::RoadSurface => parts.has(Capabilities::ROAD_SURFACE),
            Self::Inside | Self::WaterLevel => true,
        }
    }
}

/// A sensor that has failed so often in a row is told to be at fault.
const FAULTS: u8 = 3;
/// A sensor that is not ready is asked again after this, ms.
const RETRY_MS: u32 = 5;
/// One that is not ready for so long has failed, ms.
const READY_MS: u64 = 5000;

/// Not in this pole's life.
const NEVER: Millis = Millis(u64::MAX);

#[derive(Debug, Clone, Copy)]
struct Turn {
    /// When it is read next; [`NEVER`] if it is not there.
    at: Millis,
    /// Since when it has not been ready; [`NEVER`] if it is.
    waiting_since: Millis,
    faults: u8,
}

/// Which sensor is read when, and which is at fault.
#[derive(Debug)]
pub(crate) struct Plan {
    turns: [Turn; Sensor::ALL.len()],
}

impl Plan {
    pub(crate) fn new(now: Millis, parts: Capabilities) -> Self {
        let at = |sensor: Sensor| if sensor.is_fitted(parts) { now } else { NEVER };
        Self { turns: Sensor::ALL.map(|sensor| Turn { at: at(sensor), waiting_since: NEVER, faults: 0 }) }
    }

    /// The next sensor whose time it is. It is asked again a period after that time, or after now if that is gone too.
    pub(crate) fn take_due(&mut self, now: Millis) -> Option<Sensor> {
        for (turn, sensor) in self.turns.iter_mut().zip(Sensor::ALL) {
            if turn.at != NEVER && now >= turn.at {
                let next = turn.at.plus(sensor.period_ms());
                turn.at = if next > now { next } else { now.plus(sensor.period_ms()) };
                return Some(sensor);
            }
        }
        None
    }

    fn turn(&mut self, sensor: Sensor) -> Option<&mut Turn> {
        self.turns.iter_mut().zip(Sensor::ALL).find(|(_, other)| *other == sensor).map(|(turn, _)| turn)
    }

    /// There is no such sensor.
    pub(crate) fn absent(&mut self, sensor: Sensor) {
        if let Some(turn) = self.turn(sensor) {
            turn.at = NEVER;
        }
    }

    /// The sensor is not ready: it is asked again soon. Whether it has not been for so long that this is a failure.
    pub(crate) fn not_ready(&mut self, now: Millis, sensor: Sensor) -> bool {
        let Some(turn) = self.turn(sensor) else { return false };
        turn.at = turn.at.min(now.plus(RETRY_MS));
        if turn.waiting_since == NEVER {
            turn.waiting_since = now;
        }
        let failed = now.since(turn.waiting_since) >= READY_MS;
        if failed {
            turn.waiting_since = now;
        }
        failed
    }

    /// The sensor did what it should.
    pub(crate) fn works(&mut self, sensor: Sensor) {
        if let Some(turn) = self.turn(sensor) {
            turn.waiting_since = NEVER;
            turn.faults = 0;
        }
    }

    /// The sensor failed.
    pub(crate) fn fails(&mut self, sensor: Sensor) {
        if let Some(turn) = self.turn(sensor) {
            turn.faults = turn.faults.saturating_add(1);
        }
    }

    /// Whether the sensor is at fault.
    pub(crate) fn is_at_fault(&self, sensor: Sensor) -> bool {
        self.turns.iter().zip(Sensor::ALL).any(|(turn, other)| other == sensor && turn.faults >= FAULTS)
    }

    /// When the next sensor is read.
    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.turns.iter().map(|turn| turn.at).min().filter(|at| *at != NEVER)
    }
}

/// What a telemetry message says of the readings since the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Summary {
    Mean,
    Newest,
    Highest,
    Lowest,
}

/// What can be true of a quantity, and how it is summed up.
const fn bounds(quantity: Quantity) -> Option<(i32, i32, Summary)> {
    use Summary::{Highest, Lowest, Mean, Newest};
    Some(match quantity {
        Quantity::AIR_TEMPERATURE => (-60_000, 85_000, Mean),
        Quantity::HUMIDITY => (0, 1000, Mean),
        Quantity::PRESSURE => (30_000, 120_000, Mean),
        Quantity::ILLUMINANCE => (0, 200_000, Mean),
        Quantity::WIND_SPEED => (0, 120_000, Mean),
        Quantity::WIND_DIRECTION => (0, 36_000, Newest),
        Quantity::RAIN => (0, 2_000_000, Mean),
        Quantity::VISIBILITY => (0, 200_000, Lowest),
        Quantity::PM2_5 => (0, 100_000, Mean),
        Quantity::NOISE => (0, 2000, Mean),
        Quantity::ENERGY => (0, i32::MAX, Newest),
        Quantity::POWER => (0, i32::MAX, Mean),
        Quantity::SUPPLY => (0, 500_000, Lowest),
        Quantity::ROAD_TEMPERATURE => (-60_000, 100_000, Mean),
        Quantity::WATER_FILM | Quantity::PEAK_ACCELERATION => (0, 1_000_000, Highest),
        Quantity::ICE_FRACTION => (0, 1000, Highest),
        Quantity::ROAD_STATE => (1, 255, Newest),
        Quantity::TILT => (0, 18_000, Newest),
        Quantity::INSIDE_TEMPERATURE => (-60_000, 150_000, Highest),
        Quantity::LUMINAIRE_LEVEL => (0, 1000, Newest),
        Quantity::WATER_LEVEL => (0, 100_000, Highest),
        _ => return None,
    })
}

/// Whether a reading can be true.
pub(crate) fn is_plausible(reading: Reading) -> bool {
    bounds(reading.quantity).is_some_and(|(min, max, _)| (min..=max).contains(&reading.value))
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    count: u32,
    /// The sum of a mean, else the value so far.
    total: i64,
}

/// The readings since the last telemetry message.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    sums: [Sum; Quantity::KNOWN.len()],
}

impl Sums {
    /// Takes a plausible reading.
    pub(crate) fn add(&mut self, reading: Reading) {
        let Some((_, _, summary)) = bounds(reading.quantity) else { return };
        let known = Quantity::KNOWN.iter().zip(&mut self.sums).find(|(quantity, _)| **quantity == reading.quantity);
        let Some((_, sum)) = known else { return };
        let value = i64::from(reading.value);
        sum.total = match summary {
            _ if sum.count == 0 => value,
            Summary::Mean => sum.total.saturating_add(value),
            Summary::Newest => value,
            Summary::Highest => sum.total.max(value),
            Summary::Lowest => sum.total.min(value),
        };
        sum.count = sum.count.saturating_add(1);
    }

    /// The summary, and a new beginning.
    pub(crate) fn take(&mut self) -> Readings {
        let mut readings = Readings::new();
        for (sum, quantity) in self.sums.iter_mut().zip(Quantity::KNOWN.iter().copied()) {
            let Sum { count, total } = core::mem::take(sum);
            let Some((_, _, summary)) = bounds(quantity).filter(|_| count > 0) else { continue };
            let value = if summary == Summary::Mean { total / i64::from(count) } else { total };
            if let Ok(value) = i32::try_from(value) {
                // There is room for all quantities that are known.
                let _ = readings.push(Reading { quantity, value });
            }
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use pole_link::MAX_READINGS;

    use super::*;

    const _: () = assert!(Quantity::KNOWN.len() <= MAX_READINGS);

    fn summed(quantity: Quantity, values: &[i32]) -> i32 {
        let mut sums = Sums::default();
        for value in values {
            sums.add(Reading { quantity, value: *value });
        }
        let readings = sums.take();
        assert_eq!(readings.len(), 1);
        assert!(sums.take().is_empty());
        readings[0].value
    }

    #[test]
    fn each_quantity_is_summed_up_in_its_way() {
        assert_eq!(summed(Quantity::AIR_TEMPERATURE, &[-1000, -2000, 0]), -1000);
        assert_eq!(summed(Quantity::WIND_DIRECTION, &[10, 35_990, 20]), 20);
        assert_eq!(summed(Quantity::VISIBILITY, &[500, 50, 900]), 50);
        assert_eq!(summed(Quantity::WATER_FILM, &[5, 50, 9]), 50);
    }

    #[test]
    fn every_known_quantity_has_bounds() {
        for quantity in Quantity::KNOWN {
            assert!(bounds(*quantity).is_some(), "{quantity:?}");
        }
        assert!(!is_plausible(Reading { quantity: Quantity(200), value: 0 }));
        assert!(!is_plausible(Reading { quantity: Quantity::HUMIDITY, value: 1001 }));
    }

    #[test]
    fn sensors_are_read_at_their_periods_and_not_twice_at_once() {
        let mut plan = Plan::new(Millis(0), Capabilities::WIND.with(Capabilities::RAIN));
        let mut wind = 0;
        for ms in 0..10_000 {
            while let Some(sensor) = plan.take_due(Millis(ms)) {
                wind += u32::from(sensor == Sensor::Wind);
                assert!(![Sensor::Climate, Sensor::Inputs].contains(&sensor));
            }
        }
        assert_eq!(wind, 10);
        let late = Millis(60_000);
        while plan.take_due(late).is_some() {}
        assert!(plan.deadline().unwrap() > late);
    }
}
