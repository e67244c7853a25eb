//! When it is icy, foggy, flooded, slippery, rainy or windy: the conditions, one function each.
//!
//! A rule looks at the latest values of one station and says whether its condition holds, or that it cannot tell. Where
//! two sensors can speak of the same thing they must agree.

use super::config::{FogConfig, IceConfig, RainConfig, SlipperyConfig, StandingWaterConfig, WindConfig};
use super::{RoadState, Weather};
use crate::event::{Measure, Quantity};
use crate::lifecycle::Strength;

/// What a rule says of one look.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Verdict {
    /// What decides is not measured.
    Unknown,
    /// The condition does not hold.
    No,
    /// It holds.
    Holds {
        strength: Strength,
        /// 0 to 1.
        confidence: f64,
        measures: [Option<Measure>; 2],
    },
}

/// How sure one sensor alone is, and two that agree.
const ALONE: f64 = 0.7;
const AGREED: f64 = 0.95;

fn holds(strength: Strength, agreed: bool, measures: [Option<Measure>; 2]) -> Verdict {
    Verdict::Holds { strength, confidence: if agreed { AGREED } else { ALONE }, measures }
}

/// The strength of a value that must be low.
fn low(value: f64, full: f64, weak: f64) -> Option<Strength> {
    if value <= full { Some(Strength::Full) } else { (value <= weak).then_some(Strength::Weak) }
}

/// The strength of a value that must be high.
fn high(value: f64, full: f64, weak: f64) -> Option<Strength> {
    if value >= full { Some(Strength::Full) } else { (value >= weak).then_some(Strength::Weak) }
}

/// The strength of the cold that a state of the road needs: the road's own temperature, or else the air's.
fn cold(weather: &Weather, max_road_c: f64, end_road_c: f64, max_air_c: f64) -> Option<(Option<Strength>, Measure)> {
    if let Some(road_c) = weather.road_temperature_c {
        let measure = Measure::new(Quantity::RoadTemperature, road_c, max_road_c);
        return Some((low(road_c, max_road_c, end_road_c), measure));
    }
    let air_c = weather.air_temperature_c?;
    let slack_c = end_road_c - max_road_c;
    Some((low(air_c, max_air_c, max_air_c + slack_c), Measure::new(Quantity::AirTemperature, air_c, max_air_c)))
}

/// Ice: the road says so, and it is cold enough for it. Without any temperature nobody can tell.
pub(super) fn ice(weather: &Weather, config: &IceConfig) -> Verdict {
    let fraction = weather.ice_fraction;
    let by_fraction = fraction.and_then(|fraction| high(fraction, config.min_fraction, config.end_fraction));
    let surface = match (weather.road_state, by_fraction) {
        (None, None) if fraction.is_none() => return Verdict::Unknown,
        (Some(RoadState::Ice), _) => Some(Strength::Full),
        // A sensor that names the state names ice when it sees some; a wet road in the frost has salt on it.
        (Some(_), found) => found.map(|_| Strength::Weak),
        (None, found) => found,
    };
    let Some((cold, temperature)) = cold(weather, config.max_road_c, config.end_road_c, config.max_air_c) else {
        return Verdict::Unknown;
    };
    let Some((surface, cold)) = surface.zip(cold) else { return Verdict::No };
    let share = fraction.map(|fraction| Measure::new(Quantity::IceFraction, fraction, config.min_fraction));
    holds(surface.min(cold), weather.road_temperature_c.is_some(), [Some(temperature), share])
}

/// Fog: one does not see far, the air is humid, and it is not rain that takes the sight.
pub(super) fn fog(weather: &Weather, config: &FogConfig) -> Verdict {
    let Some(visibility_m) = weather.visibility_m else { return Verdict::Unknown };
    let Some(strength) = low(visibility_m, config.max_visibility_m, config.end_visibility_m) else {
        return Verdict::No;
    };
    let dry = weather.humidity.is_some_and(|humidity| humidity < config.min_humidity);
    let rain = weather.rain_mm_per_h.is_some_and(|rain| rain > config.max_rain_mm_per_h);
    if dry || rain {
        return Verdict::No;
    }
    let sight = Measure::new(Quantity::Visibility, visibility_m, config.max_visibility_m);
    let humidity = weather.humidity.map(|humidity| Measure::new(Quantity::Humidity, humidity, config.min_humidity));
    holds(strength, humidity.is_some(), [Some(sight), humidity])
}

/// Standing water: the film on the road, the water at the pole's foot, or the road's state says so, and it is not frozen.
pub(super) fn standing_water(weather: &Weather, config: &StandingWaterConfig) -> Verdict {
    let (film, level) = (weather.water_film_mm, weather.water_level_mm);
    let stands = weather.road_state == Some(RoadState::StandingWater);
    if film.is_none() && level.is_none() && weather.road_state.is_none() {
        return Verdict::Unknown;
    }
    let frozen = weather.road_temperature_c.is_some_and(|road_c| road_c <= config.min_road_c)
        || matches!(weather.road_state, Some(RoadState::Ice | RoadState::Snow | RoadState::Frost));
    if frozen {
        return Verdict::No;
    }
    let by_film = film.and_then(|film| high(film, config.min_film_mm, config.end_film_mm));
    let by_level = level.and_then(|level| high(level, config.min_level_mm, config.end_level_mm));
    // Who measures the film and names the state must not contradict himself.
    let dry = matches!(weather.road_state, Some(RoadState::Dry | RoadState::Moist));
    let by_road = match (by_film, film) {
        (Some(strength), _) if !dry => Some(strength),
        (None, None) if stands => Some(Strength::Full),
        _ => None,
    };
    let Some(strength) = by_road.max(by_level) else { return Verdict::No };
    let measures = [
        film.map(|film| Measure::new(Quantity::WaterFilm, film, config.min_film_mm)),
        level.map(|level| Measure::new(Quantity::WaterLevel, level, config.min_level_mm)),
    ];
    let agreed = by_film.is_some() && (stands || by_level.is_some());
    holds(strength, agreed, measures)
}

/// Slippery: snow, slush or hoar frost lies on the road, and it is cold enough for it. Ice has an event of its own.
pub(super) fn slippery(weather: &Weather, config: &SlipperyConfig) -> Verdict {
    let Some(state) = weather.road_state else { return Verdict::Unknown };
    let Some((cold, temperature)) = cold(weather, config.max_road_c, config.end_road_c, config.max_air_c) else {
        return Verdict::Unknown;
    };
    match cold {
        Some(strength) if matches!(state, RoadState::Snow | RoadState::Slush | RoadState::Frost) => {
            holds(strength, weather.road_temperature_c.is_some(), [Some(temperature), None])
        }
        _ => Verdict::No,
    }
}

/// Heavy rain: it rains, and the road is not dry.
pub(super) fn rain(weather: &Weather, config: &RainConfig) -> Verdict {
    let Some(rain) = weather.rain_mm_per_h else { return Verdict::Unknown };
    let dry = weather.road_state == Some(RoadState::Dry);
    match high(rain, config.min_rain_mm_per_h, config.end_rain_mm_per_h) {
        Some(strength) if !dry => {
            let measure = Measure::new(Quantity::Rain, rain, config.min_rain_mm_per_h);
            holds(strength, weather.road_state.is_some(), [Some(measure), None])
        }
        _ => Verdict::No,
    }
}

/// Strong wind.
pub(super) fn wind(weather: &Weather, config: &WindConfig) -> Verdict {
    let Some(speed_mps) = weather.wind_speed_mps else { return Verdict::Unknown };
    let Some(strength) = high(speed_mps, config.min_speed_mps, config.end_speed_mps) else { return Verdict::No };
    holds(strength, false, [Some(Measure::new(Quantity::WindSpeed, speed_mps, config.min_speed_mps)), None])
}
