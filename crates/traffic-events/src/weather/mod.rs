//! Weather and the state of the road as traffic events: what stations measure in; start, updates and end of ice, fog,
//! standing water, slippery road, heavy rain and strong wind out.
//!
//! Each station is looked at for itself: what it measures is true for its zone. A look is one report. A kind is looked at
//! when a report has news of it, so that an old value does not count twice; the other values that the rule needs may be
//! from an earlier report. As with the other events the condition must hold for a while and at most looks, and be gone for
//! a while; a station that is not heard any more is waited for, and then the event ends as lost.

mod config;
mod rules;
mod watch;

pub use config::{FogConfig, IceConfig, RainConfig, SlipperyConfig, StandingWaterConfig, WindConfig};
pub(crate) use watch::WeatherWatch;

use rsu_units::Vector2;

/// State of a road surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RoadState {
    /// Dry.
    Dry,
    /// Moist.
    Moist,
    /// Wet.
    Wet,
    /// Water stands.
    StandingWater,
    /// Snow.
    Snow,
    /// Slush.
    Slush,
    /// Ice.
    Ice,
    /// Hoar frost.
    Frost,
}

/// Where weather is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Station {
    /// Name.
    pub name: String,
    /// Where it stands, site frame, metres.
    pub position_m: Vector2,
    /// What it measures is true so far around it, metres.
    pub radius_m: f64,
    /// The lane that it measures, empty where it is none.
    pub lane_id: String,
}

/// What a station measures. What is absent was not measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Weather {
    /// State of the road surface.
    pub road_state: Option<RoadState>,
    /// Temperature of the road surface, °C.
    pub road_temperature_c: Option<f64>,
    /// Air temperature, °C.
    pub air_temperature_c: Option<f64>,
    /// Relative humidity of the air, 0 to 1.
    pub humidity: Option<f64>,
    /// Meteorological visibility, m.
    pub visibility_m: Option<f64>,
    /// Rain, mm/h.
    pub rain_mm_per_h: Option<f64>,
    /// Wind speed, m/s.
    pub wind_speed_mps: Option<f64>,
    /// Thickness of the water on the road, mm.
    pub water_film_mm: Option<f64>,
    /// Water standing at the station's foot, mm.
    pub water_level_mm: Option<f64>,
    /// Share of ice in what is on the road, 0 to 1.
    pub ice_fraction: Option<f64>,
}
