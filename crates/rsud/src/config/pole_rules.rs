//! What the core does with the poles: adaptive lighting and warnings. `docs/poles.md` says what the keys mean.

use std::collections::BTreeSet;
use std::time::Duration;

use edge_core::poles::{
    DarkRule, Level, LightingSettings, PoleSetup, PolesConfig, WarnBlink, WarnColour, WarningLook, WarningSettings,
};
use serde::Deserialize;
use site_map::{LaneKind, SiteMap};
use traffic_events::EventKind;

use super::poles::{PoleConfig, PoleLinkSettings};
use super::{Checker, ConfigError};
use crate::poles::reports::Texts;

/// Adaptive lighting.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoleLightingSection {
    /// Whether there is any.
    pub enabled: Option<bool>,
    /// A luminaire is bright so long before a vehicle or a bicycle reaches its zone, seconds.
    pub ahead_s: Option<f64>,
    /// And at least so far before it, metres.
    pub min_ahead_m: Option<f64>,
    /// Nobody's light reaches farther, metres.
    pub max_ahead_m: Option<f64>,
    /// A luminaire stays bright until its zone is so far behind, metres.
    pub behind_m: Option<f64>,
    /// Around people on foot, metres.
    pub pedestrian_m: Option<f64>,
    /// Who is slower needs no light ahead, m/s.
    pub min_speed_mps: Option<f64>,
    /// Who exists with less is not believed.
    pub min_existence: Option<f64>,
    /// Level while somebody is near, 0 to 1.
    pub presence_level: Option<f64>,
    /// Level while nobody is near; by default the pole's own schedule decides.
    pub base_level: Option<f64>,
    /// How long a change takes, seconds.
    pub ramp_s: Option<f64>,
    /// How long a luminaire stays bright when nobody says so any more, seconds.
    pub hold_s: Option<f64>,
    /// How often it is said again, seconds.
    pub refresh_s: Option<f64>,
    /// Whether it must be dark.
    pub only_when_dark: Option<bool>,
    /// Dark below this, lux.
    pub dark_below_lx: Option<f64>,
    /// Light again above this, lux.
    pub light_above_lx: Option<f64>,
    /// What a pole counts as that does not tell.
    pub dark_if_unknown: Option<bool>,
}

/// Warnings on poles.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoleWarningsSection {
    /// What is warned of and how, the most urgent first.
    pub looks: Option<Vec<LookConfig>>,
    /// Poles so far up the road warn too, metres.
    pub upstream_m: Option<f64>,
    /// Lanes so near to the event are concerned, metres.
    pub road_margin_m: Option<f64>,
    /// A warning ends by itself after so long, seconds.
    pub expires_s: Option<f64>,
    /// How often it is said again, seconds.
    pub refresh_s: Option<f64>,
}

/// How an event is shown.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookConfig {
    /// Its kind, as in `[events.<kind>]`.
    pub event: String,
    /// Which of the poles' texts; by default the number of the kind.
    pub text_id: Option<u16>,
    /// Colour of the display.
    pub colour: Option<ColourName>,
    /// How it blinks.
    pub blink: Option<BlinkName>,
    /// Whether the beacon is on.
    pub beacon: Option<bool>,
}

/// Colour of a display.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColourName {
    /// White.
    White,
    /// Amber.
    Amber,
    /// Red.
    Red,
}

/// How a display blinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlinkName {
    /// Not at all.
    Steady,
    /// Once a second.
    Slow,
    /// Twice a second.
    Fast,
}

/// The poles and the rules for them, and the texts of the warnings.
pub(super) fn poles(
    checker: &Checker<'_>,
    (configs, links): (&[PoleConfig], &[PoleLinkSettings]),
    map: &SiteMap,
    lighting: &PoleLightingSection,
    warnings: &PoleWarningsSection,
) -> Result<(PolesConfig, Texts), ConfigError> {
    let mut setups = Vec::with_capacity(configs.len());
    for (index, config) in configs.iter().enumerate() {
        let key = |name: &str| format!("poles[{index}].{name}");
        let hung = links.iter().flat_map(|link| &link.poles).find(|pole| pole.index == index);
        // Each pole of the configuration hangs on a link, or the check of the links failed.
        let Some(hung) = hung else { continue };
        for (place, lane) in config.lanes.iter().enumerate() {
            let known = map.lanes().any(|other| other.id == *lane && other.kind == LaneKind::Vehicle);
            if !known {
                let problem = format!("there is no lane {lane:?} for vehicles");
                return Err(checker.wrong(&key(&format!("lanes[{place}]")), problem, "the name of one of the site's"));
            }
        }
        setups.push(PoleSetup {
            id: hung.id.clone(),
            position_m: hung.position_m,
            radius_m: checker.range(&key("radius_m"), config.radius_m, 1.0, 500.0)?,
            lane_ids: config.lanes.clone(),
        });
    }
    let (warning, texts) = warning(checker, warnings)?;
    Ok((PolesConfig { poles: setups, lighting: self::lighting(checker, lighting)?, warning }, texts))
}

fn seconds(
    checker: &Checker<'_>,
    key: &str,
    given: Option<f64>,
    usual: Duration,
    (min, max): (f64, f64),
) -> Result<Duration, ConfigError> {
    let value = checker.range(key, given.unwrap_or(usual.as_secs_f64()), min, max)?;
    Ok(Duration::from_secs_f64(value))
}

fn level(checker: &Checker<'_>, key: &str, given: f64) -> Result<Level, ConfigError> {
    let value = checker.range(key, given, 0.0, 1.0)?;
    Ok(Level::from_permille((value * 1000.0).round() as u16).unwrap_or(Level::FULL))
}

fn lighting(checker: &Checker<'_>, section: &PoleLightingSection) -> Result<LightingSettings, ConfigError> {
    let usual = LightingSettings::default();
    let key = |name: &str| format!("pole_lighting.{name}");
    let number = |name: &str, given: Option<f64>, usual: f64, min: f64, max: f64| {
        checker.range(&key(name), given.unwrap_or(usual), min, max)
    };
    let time =
        |name: &str, given: Option<f64>, usual: Duration, bounds| seconds(checker, &key(name), given, usual, bounds);
    let DarkRule::Below { dark_lx, light_lx, unless_known } = LightingSettings::default().dark else {
        let expected = "the thresholds of darkness";
        return Err(checker.wrong(&key("only_when_dark"), "there is no default".into(), expected));
    };
    let dark_lx = number("dark_below_lx", section.dark_below_lx, dark_lx, 0.0, 200_000.0)?;
    let light_lx = number("light_above_lx", section.light_above_lx, light_lx.max(dark_lx), 0.0, 200_000.0)?;
    if light_lx < dark_lx {
        let problem = format!("{light_lx} is darker than dark_below_lx");
        return Err(checker.wrong(&key("light_above_lx"), problem, &format!("at least {dark_lx}")));
    }
    let unless_known = section.dark_if_unknown.unwrap_or(unless_known);
    let settings = LightingSettings {
        enabled: section.enabled.unwrap_or(usual.enabled),
        ahead: time("ahead_s", section.ahead_s, usual.ahead, (0.0, 60.0))?,
        min_ahead_m: number("min_ahead_m", section.min_ahead_m, usual.min_ahead_m, 0.0, 1000.0)?,
        max_ahead_m: number("max_ahead_m", section.max_ahead_m, usual.max_ahead_m, 0.0, 1000.0)?,
        behind_m: number("behind_m", section.behind_m, usual.behind_m, 0.0, 1000.0)?,
        pedestrian_m: number("pedestrian_m", section.pedestrian_m, usual.pedestrian_m, 0.0, 1000.0)?,
        min_speed_mps: number("min_speed_mps", section.min_speed_mps, usual.min_speed_mps, 0.0, 50.0)?,
        min_existence: number("min_existence", section.min_existence, usual.min_existence, 0.0, 1.0)?,
        presence_level: match section.presence_level {
            Some(given) => level(checker, &key("presence_level"), given)?,
            None => usual.presence_level,
        },
        base_level: match section.base_level {
            Some(given) => Some(level(checker, &key("base_level"), given)?),
            None => usual.base_level,
        },
        ramp: time("ramp_s", section.ramp_s, usual.ramp, (0.0, 60.0))?,
        hold: time("hold_s", section.hold_s, usual.hold, (0.2, 3600.0))?,
        refresh: time("refresh_s", section.refresh_s, usual.refresh, (0.1, 3600.0))?,
        dark: match section.only_when_dark {
            Some(false) => DarkRule::Always,
            _ => DarkRule::Below { dark_lx, light_lx, unless_known },
        },
    };
    if settings.max_ahead_m < settings.min_ahead_m {
        let problem = format!("{} is less than min_ahead_m", settings.max_ahead_m);
        return Err(checker.wrong(&key("max_ahead_m"), problem, &format!("at least {}", settings.min_ahead_m)));
    }
    if settings.refresh >= settings.hold {
        let problem = format!("{} s is not less than hold_s", settings.refresh.as_secs_f64());
        return Err(checker.wrong(&key("refresh_s"), problem, "less than hold_s, or luminaires dim in between"));
    }
    Ok(settings)
}

fn warning(checker: &Checker<'_>, section: &PoleWarningsSection) -> Result<(WarningSettings, Texts), ConfigError> {
    let usual = WarningSettings::default();
    let key = |name: &str| format!("pole_warnings.{name}");
    let number =
        |name: &str, given: Option<f64>, usual: f64| checker.range(&key(name), given.unwrap_or(usual), 0.0, 5000.0);
    let mut texts = Texts::new();
    let looks = match &section.looks {
        None => usual.looks,
        Some(given) => {
            let mut told = BTreeSet::new();
            let mut looks = Vec::with_capacity(given.len());
            for (index, look) in given.iter().enumerate() {
                let key = key(&format!("looks[{index}].event"));
                let Some(kind) = EventKind::ALL.into_iter().find(|kind| kind.name() == look.event) else {
                    let names: Vec<&str> = EventKind::ALL.into_iter().map(EventKind::name).collect();
                    let problem = format!("{:?} is no kind of event", look.event);
                    return Err(checker.wrong(&key, problem, &format!("one of {}", names.join(", "))));
                };
                if !told.insert(look.event.as_str()) {
                    return Err(checker.wrong(&key, format!("{:?} is there twice", look.event), "each kind once"));
                }
                if let Some(text_id) = look.text_id {
                    texts.insert(kind, text_id);
                }
                looks.push(self::look(kind, look));
            }
            looks
        }
    };
    let settings = WarningSettings {
        looks,
        upstream_m: number("upstream_m", section.upstream_m, usual.upstream_m)?,
        road_margin_m: number("road_margin_m", section.road_margin_m, usual.road_margin_m)?,
        expires: seconds(checker, &key("expires_s"), section.expires_s, usual.expires, (0.5, 3600.0))?,
        refresh: seconds(checker, &key("refresh_s"), section.refresh_s, usual.refresh, (0.1, 3600.0))?,
    };
    if settings.refresh >= settings.expires {
        let problem = format!("{} s is not less than expires_s", settings.refresh.as_secs_f64());
        return Err(checker.wrong(&key("refresh_s"), problem, "less than expires_s, or warnings go out in between"));
    }
    Ok((settings, texts))
}

fn look(kind: EventKind, given: &LookConfig) -> WarningLook {
    let usual = WarningLook::usual(kind);
    WarningLook {
        kind,
        colour: given.colour.map_or(usual.colour, |colour| match colour {
            ColourName::White => WarnColour::White,
            ColourName::Amber => WarnColour::Amber,
            ColourName::Red => WarnColour::Red,
        }),
        blink: given.blink.map_or(usual.blink, |blink| match blink {
            BlinkName::Steady => WarnBlink::Steady,
            BlinkName::Slow => WarnBlink::Slow,
            BlinkName::Fast => WarnBlink::Fast,
        }),
        beacon: given.beacon.unwrap_or(usual.beacon),
    }
}
