//! Commands for smart poles, from the contract's units to the link's.

use std::ops::RangeInclusive;

use pole_link::{Blink, Colour, Command, Permille};
use rsu_proto::v1::{self, PoleBlink, PoleColour, command_pole::Order};

use crate::control::protocol::{config_key, permille};

/// The longest change of level, seconds.
const RAMP_S: RangeInclusive<f64> = 0.0..=600.0;
/// How long a presence may last, seconds.
const HOLD_S: RangeInclusive<f64> = 0.1..=3600.0;
/// How long a warning may last, seconds.
const EXPIRES_S: RangeInclusive<f64> = 0.1..=86_400.0;

/// What a pole is to do.
///
/// # Errors
/// What cannot be, for people.
pub(super) fn command(order: Option<Order>) -> Result<Command, String> {
    let level = |level: f64| -> Result<Permille, String> { permille(level) };
    match order.ok_or("there is no order for the pole, or one that this version does not know")? {
        Order::SetLuminaire(set) => {
            Ok(Command::SetLuminaire { level: level(set.level)?, ramp_ms: ms("ramp_s", set.ramp_s, &RAMP_S)? })
        }
        Order::Presence(presence) => Ok(Command::Presence {
            level: level(presence.level)?,
            ramp_ms: ms("ramp_s", presence.ramp_s, &RAMP_S)?,
            hold_ms: ms("hold_s", presence.hold_s, &HOLD_S)?,
        }),
        Order::ShowWarning(show) => warning(&show),
        Order::ClearWarning(v1::PoleClearWarning {}) => Ok(Command::ClearWarning),
        Order::SetConfiguration(set) => Ok(Command::SetConfig { key: config_key(&set.key)?, value: set.value }),
    }
}

fn ms(key: &str, seconds: f64, bounds: &RangeInclusive<f64>) -> Result<u32, String> {
    if bounds.contains(&seconds) {
        Ok((seconds * 1000.0).round() as u32)
    } else {
        Err(format!("{key} must be from {} to {}", bounds.start(), bounds.end()))
    }
}

fn warning(show: &v1::PoleShowWarning) -> Result<Command, String> {
    let colour = match PoleColour::try_from(show.colour) {
        Ok(PoleColour::White) => Colour::WHITE,
        Ok(PoleColour::Unspecified | PoleColour::Amber) => Colour::AMBER,
        Ok(PoleColour::Red) => Colour::RED,
        Ok(PoleColour::Green) => Colour::GREEN,
        Ok(PoleColour::Blue) => Colour::BLUE,
        Err(_) => return Err("the colour is one that this version does not know".into()),
    };
    let blink = match PoleBlink::try_from(show.blink) {
        Ok(PoleBlink::Unspecified | PoleBlink::Steady) => Blink::STEADY,
        Ok(PoleBlink::Slow) => Blink::SLOW,
        Ok(PoleBlink::Fast) => Blink::FAST,
        Ok(PoleBlink::DoubleFlash) => Blink::DOUBLE_FLASH,
        Err(_) => return Err("the way to blink is one that this version does not know".into()),
    };
    Ok(Command::ShowWarning {
        text_id: u16::try_from(show.text_id).map_err(|_| "text_id must be from 0 to 65535")?,
        colour,
        blink,
        beacon: show.beacon,
        expires_ms: ms("expires_after_s", show.expires_after_s, &EXPIRES_S)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_has_the_links_units() {
        let set = v1::PoleSetLuminaire { level: 0.305, ramp_s: 1.5 };
        let level = Permille::at_most(305);
        assert_eq!(command(Some(Order::SetLuminaire(set))), Ok(Command::SetLuminaire { level, ramp_ms: 1500 }));
        let show = v1::PoleShowWarning { text_id: 405, expires_after_s: 60.0, ..v1::PoleShowWarning::default() };
        let asked = command(Some(Order::ShowWarning(show)));
        let Ok(Command::ShowWarning { colour, blink, expires_ms: 60_000, .. }) = asked else { panic!("{asked:?}") };
        assert_eq!((colour, blink), (Colour::AMBER, Blink::STEADY));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        let problem = |order| command(order).unwrap_err();
        assert!(problem(None).contains("no order"));
        let level = |level| problem(Some(Order::SetLuminaire(v1::PoleSetLuminaire { level, ramp_s: 0.0 })));
        assert!(level(1.01).contains("0 to 1") && level(f64::NAN).contains("0 to 1") && level(-0.1).contains("0 to 1"));
        let presence = v1::PolePresence { level: 1.0, ramp_s: 0.0, hold_s: 0.0 };
        assert!(problem(Some(Order::Presence(presence))).contains("hold_s"));
        let show = v1::PoleShowWarning { text_id: 70_000, expires_after_s: 1.0, ..v1::PoleShowWarning::default() };
        assert!(problem(Some(Order::ShowWarning(show))).contains("text_id"));
        let show = v1::PoleShowWarning { colour: 99, expires_after_s: 1.0, ..v1::PoleShowWarning::default() };
        assert!(problem(Some(Order::ShowWarning(show))).contains("colour"));
        let set = v1::PoleSetConfiguration { key: "brightness".into(), value: 1 };
        assert!(problem(Some(Order::SetConfiguration(set))).contains("safe-after-ms"));
    }
}
