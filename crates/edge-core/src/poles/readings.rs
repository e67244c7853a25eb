//! What a pole measures, in SI units and within bounds.

use rsu_proto::v1;
use thiserror::Error;
use traffic_events::RoadState;

/// What a pole measures. The unit is part of the variant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoleQuantity {
    /// Air temperature, °C.
    AirTemperature,
    /// Relative humidity of the air, 0 to 1.
    Humidity,
    /// Air pressure at the pole, Pa.
    Pressure,
    /// Illuminance of daylight, lx.
    Illuminance,
    /// Wind speed, m/s.
    WindSpeed,
    /// Where the wind comes from, degrees clockwise from north.
    WindDirection,
    /// Rain, mm/h.
    Rain,
    /// Meteorological visibility, m.
    Visibility,
    /// Particles up to 2.5 µm, µg/m³.
    Pm2_5,
    /// A-weighted sound level, dB.
    Noise,
    /// Energy drawn since the meter was made, Wh.
    Energy,
    /// Power drawn, W.
    Power,
    /// Supply of the controller, V.
    Supply,
    /// Temperature of the road surface, °C.
    RoadTemperature,
    /// Thickness of the water on the road, mm.
    WaterFilm,
    /// Share of ice in what is on the road, 0 to 1.
    IceFraction,
    /// State of the road surface; its value is [`PoleMeasurements::road_state`], and no number.
    RoadState,
    /// How far the pole leans, degrees.
    Tilt,
    /// Highest acceleration since the reading before, m/s².
    PeakAcceleration,
    /// Temperature inside of the pole, °C.
    InsideTemperature,
    /// Level of the luminaire, 0 to 1.
    LuminaireLevel,
    /// Water standing at the pole's foot, mm.
    WaterLevel,
}

impl PoleQuantity {
    /// All, in the order of their numbers.
    pub const ALL: [Self; 22] = [
        Self::AirTemperature,
        Self::Humidity,
        Self::Pressure,
        Self::Illuminance,
        Self::WindSpeed,
        Self::WindDirection,
        Self::Rain,
        Self::Visibility,
        Self::Pm2_5,
        Self::Noise,
        Self::Energy,
        Self::Power,
        Self::Supply,
        Self::RoadTemperature,
        Self::WaterFilm,
        Self::IceFraction,
        Self::RoadState,
        Self::Tilt,
        Self::PeakAcceleration,
        Self::InsideTemperature,
        Self::LuminaireLevel,
        Self::WaterLevel,
    ];

    /// The lowest and the highest value that can be.
    #[allow(clippy::match_same_arms, reason = "a table: one row for each unit")]
    #[must_use]
    pub fn bounds(self) -> (f64, f64) {
        match self {
            Self::AirTemperature | Self::RoadTemperature | Self::InsideTemperature => (-60.0, 120.0),
            Self::Humidity | Self::IceFraction | Self::LuminaireLevel => (0.0, 1.0),
            Self::Pressure => (30_000.0, 120_000.0),
            Self::Illuminance => (0.0, 200_000.0),
            Self::WindSpeed => (0.0, 120.0),
            Self::WindDirection => (0.0, 360.0),
            Self::Rain => (0.0, 1000.0),
            Self::Visibility => (0.0, 100_000.0),
            Self::Pm2_5 => (0.0, 10_000.0),
            Self::Noise => (0.0, 160.0),
            Self::Energy => (0.0, 1e12),
            Self::Power => (0.0, 1e5),
            Self::Supply => (0.0, 1000.0),
            Self::WaterFilm => (0.0, 100.0),
            Self::RoadState => (1.0, 8.0),
            Self::Tilt => (0.0, 180.0),
            Self::PeakAcceleration => (0.0, 2000.0),
            Self::WaterLevel => (0.0, 10_000.0),
        }
    }

    /// The number of the quantity's field in `rsu.v1.PoleMeasurements`, which is its number on the link.
    #[must_use]
    pub fn number(self) -> u32 {
        self as u32 + 1
    }
}

/// A value that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
#[error("{quantity:?} of {value} is not within its bounds")]
pub struct BadReading {
    /// Of what.
    pub quantity: PoleQuantity,
    /// The value.
    pub value: f64,
}

/// The values of one report: at most one of each quantity, all within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PoleMeasurements {
    values: [Option<f64>; PoleQuantity::ALL.len()],
    road_state: Option<RoadState>,
}

impl PoleMeasurements {
    /// Notes a value, in the quantity's unit.
    ///
    /// # Errors
    /// [`BadReading`] for what is out of bounds or no number, and for [`PoleQuantity::RoadState`], which is none.
    pub fn set(&mut self, quantity: PoleQuantity, value: f64) -> Result<(), BadReading> {
        let (lowest, highest) = quantity.bounds();
        let slot = self.values.get_mut(quantity as usize).filter(|_| quantity != PoleQuantity::RoadState);
        match slot {
            Some(slot) if (lowest..=highest).contains(&value) => *slot = Some(value),
            _ => return Err(BadReading { quantity, value }),
        }
        Ok(())
    }

    /// Notes the state of the road surface.
    pub fn set_road_state(&mut self, state: RoadState) {
        self.road_state = Some(state);
    }

    /// The value of a quantity, in its unit.
    #[must_use]
    pub fn get(&self, quantity: PoleQuantity) -> Option<f64> {
        self.values.get(quantity as usize).copied().flatten()
    }

    /// The state of the road surface.
    #[must_use]
    pub fn road_state(&self) -> Option<RoadState> {
        self.road_state
    }

    /// Takes over what newer measurements have.
    pub(super) fn update(&mut self, newer: &Self) {
        for (value, newer) in self.values.iter_mut().zip(&newer.values) {
            *value = newer.or(*value);
        }
        self.road_state = newer.road_state.or(self.road_state);
    }

    /// As a message.
    #[must_use]
    pub fn to_proto(&self) -> v1::PoleMeasurements {
        use PoleQuantity as Q;
        let road_state = match self.road_state {
            None => v1::PoleRoadState::Unspecified,
            Some(RoadState::Dry) => v1::PoleRoadState::Dry,
            Some(RoadState::Moist) => v1::PoleRoadState::Moist,
            Some(RoadState::Wet) => v1::PoleRoadState::Wet,
            Some(RoadState::StandingWater) => v1::PoleRoadState::StandingWater,
            Some(RoadState::Snow) => v1::PoleRoadState::Snow,
            Some(RoadState::Slush) => v1::PoleRoadState::Slush,
            Some(RoadState::Ice) => v1::PoleRoadState::Ice,
            Some(RoadState::Frost) => v1::PoleRoadState::Frost,
        };
        v1::PoleMeasurements {
            air_temperature_c: self.get(Q::AirTemperature),
            humidity: self.get(Q::Humidity),
            pressure_pa: self.get(Q::Pressure),
            illuminance_lx: self.get(Q::Illuminance),
            wind_speed_mps: self.get(Q::WindSpeed),
            wind_direction_deg: self.get(Q::WindDirection),
            rain_mm_per_h: self.get(Q::Rain),
            visibility_m: self.get(Q::Visibility),
            pm2_5_ug_per_m3: self.get(Q::Pm2_5),
            noise_dba: self.get(Q::Noise),
            energy_wh: self.get(Q::Energy),
            power_w: self.get(Q::Power),
            supply_v: self.get(Q::Supply),
            road_temperature_c: self.get(Q::RoadTemperature),
            water_film_mm: self.get(Q::WaterFilm),
            ice_fraction: self.get(Q::IceFraction),
            road_state: road_state.into(),
            tilt_deg: self.get(Q::Tilt),
            peak_acceleration_mps2: self.get(Q::PeakAcceleration),
            inside_temperature_c: self.get(Q::InsideTemperature),
            luminaire_level: self.get(Q::LuminaireLevel),
            water_level_mm: self.get(Q::WaterLevel),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_is_noted() {
        let mut measurements = PoleMeasurements::default();
        for quantity in PoleQuantity::ALL.into_iter().filter(|quantity| *quantity != PoleQuantity::RoadState) {
            let (lowest, highest) = quantity.bounds();
            measurements.set(quantity, lowest).unwrap();
            measurements.set(quantity, highest).unwrap();
            for wrong in [lowest - 1.0, highest + 1.0, f64::NAN, f64::INFINITY] {
                assert!(matches!(measurements.set(quantity, wrong), Err(BadReading { .. })), "{quantity:?} {wrong}");
            }
            assert_eq!(measurements.get(quantity), Some(highest));
        }
        assert!(measurements.set(PoleQuantity::RoadState, 3.0).is_err());
        assert_eq!(measurements.get(PoleQuantity::RoadState), None);
    }

    #[test]
    fn each_value_reaches_its_own_field() {
        let mut measurements = PoleMeasurements::default();
        for quantity in PoleQuantity::ALL.into_iter().filter(|quantity| *quantity != PoleQuantity::RoadState) {
            let (lowest, highest) = quantity.bounds();
            // A value of its own for each quantity.
            measurements.set(quantity, lowest + (highest - lowest) * f64::from(quantity.number()) / 50.0).unwrap();
        }
        measurements.set_road_state(RoadState::Slush);
        // The fields in the order of their numbers are the quantities in theirs: the octets say so.
        let octets = rsu_proto::Message::encode_to_vec(&measurements.to_proto());
        let (mut at, mut fields) = (0, 0);
        for quantity in PoleQuantity::ALL {
            // A key is the number times eight and the wire type: 1 for a double, 0 for an enumerator. From 16 on it has
            // two octets.
            let wire_type = u32::from(quantity != PoleQuantity::RoadState);
            let key = quantity.number() * 8 + wire_type;
            let key_octets = if key < 128 { vec![key as u8] } else { vec![key as u8 | 0x80, 1] };
            assert_eq!(octets[at..at + key_octets.len()], key_octets[..], "{quantity:?}");
            at += key_octets.len();
            if let Some(value) = measurements.get(quantity) {
                assert_eq!(octets[at..at + 8], value.to_le_bytes(), "{quantity:?}");
                at += 8;
            } else {
                assert_eq!(octets[at], v1::PoleRoadState::Slush as u8);
                at += 1;
            }
            fields += 1;
        }
        assert_eq!((at, fields), (octets.len(), 22));
    }

    #[test]
    fn newer_values_take_the_place_of_older_ones() {
        let mut known = PoleMeasurements::default();
        known.set(PoleQuantity::Rain, 1.0).unwrap();
        known.set(PoleQuantity::Noise, 50.0).unwrap();
        let mut newer = PoleMeasurements::default();
        newer.set(PoleQuantity::Rain, 2.0).unwrap();
        newer.set_road_state(RoadState::Wet);
        known.update(&newer);
        let values =
            [PoleQuantity::Rain, PoleQuantity::Noise, PoleQuantity::Humidity].map(|quantity| known.get(quantity));
        assert_eq!((values, known.road_state()), ([Some(2.0), Some(50.0), None], Some(RoadState::Wet)));
    }
}
