//! Limits that are alarms, with hysteresis: once active, a value must come back by a margin before the alarm ends.

use pole_link::{AlarmKey, AlarmKind, ConfigKey, Quantity};

use crate::config::Config;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// An alarm at the limit and above.
    Above,
    /// An alarm below the limit.
    Below,
}

#[derive(Debug, Clone, Copy)]
enum Margin {
    /// So much, in the quantity's unit.
    Of(i32),
    /// The limit's so-manieth part, but at least 1.
    Part(i32),
}

#[derive(Debug, Clone, Copy)]
struct Limit {
    quantity: Quantity,
    key: ConfigKey,
    side: Side,
    margin: Margin,
    alarm: AlarmKey,
}

const fn limit(quantity: Quantity, key: ConfigKey, side: Side, margin: Margin, kind: AlarmKind) -> Limit {
    let source = if kind.0 == AlarmKind::THRESHOLD.0 { quantity.0 } else { 0 };
    Limit { quantity, key, side, margin, alarm: AlarmKey { kind, source } }
}

/// How many limits there are.
pub(crate) const LIMITS: usize = TABLE.len();

const TABLE: [Limit; 7] = {
    use ConfigKey as Key;
    use Margin::{Of, Part};
    use Quantity as Q;
    use Side::{Above, Below};
    const AT: AlarmKind = AlarmKind::THRESHOLD;
    [
        limit(Q::INSIDE_TEMPERATURE, Key::OVER_TEMPERATURE_MILLI_CELSIUS, Above, Of(3000), AlarmKind::OVER_TEMPERATURE),
        limit(Q::SUPPLY, Key::POWER_FAILURE_MV, Below, Part(16), AlarmKind::POWER_FAILURE),
        limit(Q::TILT, Key::TILT_ALARM_CDEG, Above, Part(5), AlarmKind::TILT),
        limit(Q::VISIBILITY, Key::VISIBILITY_ALARM_M, Below, Part(8), AT),
        limit(Q::WATER_FILM, Key::WATER_ALARM_UM, Above, Part(8), AT),
        limit(Q::ROAD_TEMPERATURE, Key::ROAD_ICE_ALARM_MILLI_CELSIUS, Below, Of(500), AT),
        limit(Q::WIND_SPEED, Key::WIND_ALARM_MM_PER_S, Above, Part(8), AT),
    ]
};

/// Which limits are passed.
#[derive(Debug, Default)]
pub(crate) struct Thresholds {
    active: [bool; LIMITS],
}

impl Thresholds {
    /// Takes a reading; the alarm that begins or ends with it.
    pub(crate) fn update(&mut self, config: &Config, quantity: Quantity, value: i32) -> Option<(AlarmKey, bool)> {
        let (limit, active) = TABLE.iter().zip(&mut self.active).find(|(limit, _)| limit.quantity == quantity)?;
        let at = config.value(limit.key);
        let margin = match limit.margin {
            Margin::Of(margin) => margin,
            Margin::Part(part) => (at.saturating_abs() / part).max(1),
        };
        let margin = if *active { margin } else { 0 };
        let now_active = match limit.side {
            Side::Above => value >= at.saturating_sub(margin),
            Side::Below => value < at.saturating_add(margin),
        };
        if now_active == *active {
            return None;
        }
        *active = now_active;
        Some((limit.alarm, now_active))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AIR: AlarmKey = AlarmKey { kind: AlarmKind::THRESHOLD, source: Quantity::VISIBILITY.0 };

    #[test]
    fn a_limit_from_above_and_its_margin() {
        let config = Config::new(&[]);
        let mut limits = Thresholds::default();
        let mut feed = |metres| limits.update(&config, Quantity::VISIBILITY, metres);
        assert_eq!(feed(200), None);
        assert_eq!(feed(199), Some((AIR, true)));
        assert_eq!(feed(224), None, "within the margin of an eighth");
        assert_eq!(feed(225), Some((AIR, false)));
        assert_eq!(feed(201), None);
    }

    #[test]
    fn a_limit_from_below_zero() {
        let mut config = Config::new(&[]);
        config.set(ConfigKey::ROAD_ICE_ALARM_MILLI_CELSIUS, -2000).unwrap();
        let mut limits = Thresholds::default();
        let mut feed = |value| limits.update(&config, Quantity::ROAD_TEMPERATURE, value).map(|alarm| alarm.1);
        assert_eq!(feed(-2000), None);
        assert_eq!(feed(-2001), Some(true));
        assert_eq!(feed(-1501), None);
        assert_eq!(feed(-1500), Some(false));
    }

    #[test]
    fn what_has_no_limit_is_no_alarm_and_no_value_is_too_much() {
        let config = Config::new(&[]);
        let mut limits = Thresholds::default();
        for quantity in (0..=255).map(Quantity) {
            for value in [i32::MIN, i32::MAX, 0, i32::MIN] {
                let alarm = limits.update(&config, quantity, value);
                assert!(alarm.is_none() || TABLE.iter().any(|limit| limit.quantity == quantity));
            }
        }
    }
}
