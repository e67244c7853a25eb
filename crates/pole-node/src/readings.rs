//! What the sensors of a board say, as readings of the link.

use heapless::Vec;
use pole_link::{Quantity, Reading};

use crate::board::{Board, ClimateReading, EnergyReading, InsideReading, Measured, RoadReading, WindReading};
use crate::plan::Sensor;

/// What one sensor says at once.
pub(crate) type Said = Vec<Reading, 4>;

fn said<const N: usize>(values: [(Quantity, Option<i32>); N]) -> Said {
    let there = values.into_iter().filter_map(|(quantity, value)| Some(Reading { quantity, value: value? }));
    there.take(4).collect()
}

fn one(quantity: Quantity, value: Measured<i32>) -> Measured<Said> {
    value.map(|value| said([(quantity, Some(value))]))
}

/// Reads a sensor; none if the board has not got it. Inputs and acceleration have ways of their own.
pub(crate) fn read<B: Board>(board: &mut B, sensor: Sensor) -> Option<Measured<Said>> {
    Some(match sensor {
        Sensor::Inputs | Sensor::Acceleration => return None,
        Sensor::Climate => board.climate()?.read().map(climate),
        Sensor::AmbientLight => one(Quantity::ILLUMINANCE, board.ambient_light()?.read()),
        Sensor::Wind => board.wind()?.read().map(wind),
        Sensor::Rain => one(Quantity::RAIN, board.rain()?.read()),
        Sensor::Visibility => one(Quantity::VISIBILITY, board.visibility()?.read()),
        Sensor::Particles => one(Quantity::PM2_5, board.particles()?.read()),
        Sensor::Noise => one(Quantity::NOISE, board.noise()?.read()),
        Sensor::Energy => board.energy()?.read().map(energy),
        Sensor::RoadSurface => board.road_surface()?.read().map(road),
        Sensor::Inside => board.inside()?.read().map(inside),
        Sensor::WaterLevel => one(Quantity::WATER_LEVEL, board.water_level()?.read()),
    })
}

fn climate(reading: ClimateReading) -> Said {
    said([
        (Quantity::AIR_TEMPERATURE, Some(reading.temperature_milli_celsius)),
        (Quantity::HUMIDITY, reading.humidity_permille),
        (Quantity::PRESSURE, reading.pressure_pa),
    ])
}

fn wind(reading: WindReading) -> Said {
    said([(Quantity::WIND_SPEED, Some(reading.speed_mm_per_s)), (Quantity::WIND_DIRECTION, reading.from_cdeg)])
}

fn energy(reading: EnergyReading) -> Said {
    said([(Quantity::ENERGY, Some(reading.energy_wh)), (Quantity::POWER, Some(reading.power_mw))])
}

fn road(reading: RoadReading) -> Said {
    said([
        (Quantity::ROAD_TEMPERATURE, Some(reading.temperature_milli_celsius)),
        (Quantity::WATER_FILM, reading.water_um),
        (Quantity::ICE_FRACTION, reading.ice_permille),
        (Quantity::ROAD_STATE, reading.state.map(|state| i32::from(state.0))),
    ])
}

fn inside(reading: InsideReading) -> Said {
    said([(Quantity::INSIDE_TEMPERATURE, reading.temperature_milli_celsius), (Quantity::SUPPLY, reading.supply_mv)])
}
