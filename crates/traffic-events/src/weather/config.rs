//! Thresholds of the weather events. Where they come from is in `docs/events.md`.

use std::time::Duration;

use crate::Timing;

/// Weather changes in minutes and is measured once in some seconds to minutes.
const fn timing(start_after_s: u64, end_after_s: u64) -> Timing {
    Timing {
        start_after: Duration::from_secs(start_after_s),
        min_share: 0.7,
        max_gap: Duration::from_secs(30),
        end_after: Duration::from_secs(end_after_s),
        lost_after: Duration::from_secs(300),
        update_every: Duration::from_secs(60),
    }
}

/// Settings of ice (409).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IceConfig {
    /// Whether it is told.
    pub enabled: bool,
    /// How long the condition must hold and be gone.
    pub timing: Timing,
    /// The road surface is at most so warm, °C.
    pub max_road_c: f64,
    /// It goes on up to this, °C.
    pub end_road_c: f64,
    /// Where the road's temperature is not measured, the air is at most so warm, °C.
    pub max_air_c: f64,
    /// At least this share of what is on the road is ice, 0 to 1, where the sensor does not name the state.
    pub min_fraction: f64,
    /// It goes on down to this.
    pub end_fraction: f64,
}

impl Default for IceConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: timing(20, 180),
            max_road_c: 0.5,
            end_road_c: 1.5,
            max_air_c: 1.0,
            min_fraction: 0.2,
            end_fraction: 0.1,
        }
    }
}

/// Settings of fog (305).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FogConfig {
    /// Whether it is told.
    pub enabled: bool,
    /// How long the condition must hold and be gone.
    pub timing: Timing,
    /// One sees less far than this, metres.
    pub max_visibility_m: f64,
    /// It goes on up to this, metres.
    pub end_visibility_m: f64,
    /// The air is at least so humid, 0 to 1, where that is measured: else it is dust or smoke, or the lens is dirty.
    pub min_humidity: f64,
    /// In stronger rain, mm/h, it is the rain.
    pub max_rain_mm_per_h: f64,
}

impl Default for FogConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: timing(60, 180),
            max_visibility_m: 200.0,
            end_visibility_m: 300.0,
            min_humidity: 0.9,
            max_rain_mm_per_h: 10.0,
        }
    }
}

/// Settings of standing water (407).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StandingWaterConfig {
    /// Whether it is told.
    pub enabled: bool,
    /// How long the condition must hold and be gone.
    pub timing: Timing,
    /// The water on the road is at least so thick, mm.
    pub min_film_mm: f64,
    /// It goes on down to this, mm.
    pub end_film_mm: f64,
    /// Or it stands so high at the pole's foot, mm.
    pub min_level_mm: f64,
    /// It goes on down to this, mm.
    pub end_level_mm: f64,
    /// The road is warmer than this, °C, where that is measured: else it is ice.
    pub min_road_c: f64,
}

impl Default for StandingWaterConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            timing: timing(20, 120),
            min_film_mm: 2.5,
            end_film_mm: 1.5,
            min_level_mm: 50.0,
            end_level_mm: 20.0,
            min_road_c: 0.0,
        }
    }
}

/// Settings of slippery road (408).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlipperyConfig {
    /// Whether it is told.
    pub enabled: bool,
    /// How long the condition must hold and be gone.
    pub timing: Timing,
    /// The road surface is at most so warm, °C.
    pub max_road_c: f64,
    /// It goes on up to this, °C.
    pub end_road_c: f64,
    /// Where the road's temperature is not measured, the air is at most so warm, °C.
    pub max_air_c: f64,
}

impl Default for SlipperyConfig {
    fn default() -> Self {
        Self { enabled: true, timing: timing(60, 180), max_road_c: 2.0, end_road_c: 3.0, max_air_c: 3.0 }
    }
}

/// Settings of heavy rain (301).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RainConfig {
    /// Whether it is told.
    pub enabled: bool,
    /// How long the condition must hold and be gone.
    pub timing: Timing,
    /// It rains at least so much, mm/h.
    pub min_rain_mm_per_h: f64,
    /// It goes on down to this, mm/h.
    pub end_rain_mm_per_h: f64,
}

impl Default for RainConfig {
    fn default() -> Self {
        Self { enabled: true, timing: timing(60, 300), min_rain_mm_per_h: 10.0, end_rain_mm_per_h: 5.0 }
    }
}

/// Settings of strong wind (304).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindConfig {
    /// Whether it is told.
    pub enabled: bool,
    /// How long the condition must hold and be gone.
    pub timing: Timing,
    /// It blows at least so fast, m/s.
    pub min_speed_mps: f64,
    /// It goes on down to this, m/s.
    pub end_speed_mps: f64,
}

impl Default for WindConfig {
    fn default() -> Self {
        Self { enabled: true, timing: timing(30, 300), min_speed_mps: 17.2, end_speed_mps: 13.9 }
    }
}
