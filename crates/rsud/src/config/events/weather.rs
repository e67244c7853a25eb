//! The sections of weather: what the poles' readings must say for an event.

use serde::Deserialize;
use traffic_events::{EventsConfig, FogConfig, IceConfig, RainConfig, SlipperyConfig, StandingWaterConfig, WindConfig};

use super::{Checker, ConfigError, seconds};

detector! {
    /// Ice.
    IceSection for IceConfig {
        /// The road is at most so warm, °C.
        max_road_c (-40.0, 20.0);
        /// It goes on up to this, °C.
        end_road_c (-40.0, 20.0);
        /// Where the road's temperature is not measured, the air is at most so warm, °C.
        max_air_c (-40.0, 20.0);
        /// At least this share of what is on the road is ice.
        min_fraction (0.0, 1.0);
        /// It goes on down to this.
        end_fraction (0.0, 1.0);
    }
}

detector! {
    /// Fog.
    FogSection for FogConfig {
        /// One sees less far than this, metres.
        max_visibility_m (1.0, 10_000.0);
        /// It goes on up to this, metres.
        end_visibility_m (1.0, 10_000.0);
        /// The air is at least so humid.
        min_humidity (0.0, 1.0);
        /// In stronger rain it is the rain, mm/h.
        max_rain_mm_per_h (0.0, 500.0);
    }
}

detector! {
    /// Standing water.
    StandingWaterSection for StandingWaterConfig {
        /// The water on the road is at least so thick, mm.
        min_film_mm (0.0, 100.0);
        /// It goes on down to this, mm.
        end_film_mm (0.0, 100.0);
        /// Or it stands so high at the pole's foot, mm.
        min_level_mm (0.0, 5000.0);
        /// It goes on down to this, mm.
        end_level_mm (0.0, 5000.0);
        /// The road is warmer than this, °C.
        min_road_c (-40.0, 20.0);
    }
}

detector! {
    /// Slippery road.
    SlipperySection for SlipperyConfig {
        /// The road is at most so warm, °C.
        max_road_c (-40.0, 20.0);
        /// It goes on up to this, °C.
        end_road_c (-40.0, 20.0);
        /// Where the road's temperature is not measured, the air is at most so warm, °C.
        max_air_c (-40.0, 20.0);
    }
}

detector! {
    /// Heavy rain.
    RainSection for RainConfig {
        /// It rains at least so much, mm/h.
        min_rain_mm_per_h (0.0, 500.0);
        /// It goes on down to this, mm/h.
        end_rain_mm_per_h (0.0, 500.0);
    }
}

detector! {
    /// Strong wind.
    WindSection for WindConfig {
        /// It blows at least so fast, m/s.
        min_speed_mps (0.0, 100.0);
        /// It goes on down to this, m/s.
        end_speed_mps (0.0, 100.0);
    }
}

/// All sections of weather.
pub(super) fn apply(
    checker: &Checker<'_>,
    section: &super::EventsSection,
    to: &mut EventsConfig,
) -> Result<(), ConfigError> {
    section.ice.apply(checker, "ice", &mut to.ice)?;
    section.fog.apply(checker, "fog", &mut to.fog)?;
    section.standing_water.apply(checker, "standing_water", &mut to.standing_water)?;
    section.slippery_road.apply(checker, "slippery_road", &mut to.slippery_road)?;
    section.heavy_rain.apply(checker, "heavy_rain", &mut to.heavy_rain)?;
    section.strong_wind.apply(checker, "strong_wind", &mut to.strong_wind)
}
