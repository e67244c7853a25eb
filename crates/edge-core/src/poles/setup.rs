//! What the core must know of the poles.

use std::time::Duration;

use rsu_units::Vector2;
use traffic_events::EventKind;

use super::{Level, WarnBlink, WarnColour};

/// More poles than this are not served.
pub const MAX_POLES: usize = 256;

/// The poles and the rules for them. Whoever makes one has checked it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PolesConfig {
    /// The poles, at most [`MAX_POLES`]; those behind are left out.
    pub poles: Vec<PoleSetup>,
    /// Adaptive lighting.
    pub lighting: LightingSettings,
    /// Warnings.
    pub warning: WarningSettings,
}

/// One pole.
#[derive(Debug, Clone, PartialEq)]
pub struct PoleSetup {
    /// Name, unique.
    pub id: String,
    /// Where it stands, site frame, metres.
    pub position_m: Vector2,
    /// The zone that it lights, warns and measures, metres around it.
    pub radius_m: f64,
    /// The lanes that it warns; where the list is empty, those vehicle lanes that come into its zone.
    pub lane_ids: Vec<String>,
}

/// When it is dark enough for adaptive lighting.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DarkRule {
    /// Always.
    Always,
    /// By the daylight at the pole.
    Below {
        /// Dark below this illuminance, lux.
        dark_lx: f64,
        /// Light again above this one, lux.
        light_lx: f64,
        /// What a pole counts as that has not told its illuminance lately.
        unless_known: bool,
    },
}

/// Adaptive lighting: luminaires brighten ahead of who comes and dim again behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LightingSettings {
    /// Whether there is any.
    pub enabled: bool,
    /// A luminaire is bright so long before a vehicle or a bicycle reaches its zone.
    pub ahead: Duration,
    /// And at least so far before it, metres.
    pub min_ahead_m: f64,
    /// Nobody's light reaches farther than this, metres.
    pub max_ahead_m: f64,
    /// A luminaire stays bright until its zone is so far behind, metres.
    pub behind_m: f64,
    /// Around people on foot, on all sides, metres.
    pub pedestrian_m: f64,
    /// Who is slower needs no light ahead, m/s; people on foot always have theirs.
    pub min_speed_mps: f64,
    /// Participants that exist with less are not believed, 0 to 1.
    pub min_existence: f64,
    /// Level while somebody is near.
    pub presence_level: Level,
    /// Level while it is dark and nobody is near; without one the pole's own schedule decides.
    pub base_level: Option<Level>,
    /// How long a change of level takes.
    pub ramp: Duration,
    /// How long a luminaire stays bright when nobody says so any more.
    pub hold: Duration,
    /// How often it is said again while somebody is near; shorter than `hold`.
    pub refresh: Duration,
    /// When it is dark.
    pub dark: DarkRule,
}

impl Default for LightingSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            ahead: Duration::from_secs(4),
            min_ahead_m: 30.0,
            max_ahead_m: 150.0,
            behind_m: 10.0,
            pedestrian_m: 20.0,
            min_speed_mps: 1.0,
            min_existence: 0.6,
            presence_level: Level::FULL,
            base_level: None,
            ramp: Duration::from_millis(800),
            hold: Duration::from_secs(6),
            refresh: Duration::from_secs(2),
            dark: DarkRule::Below { dark_lx: 30.0, light_lx: 45.0, unless_known: true },
        }
    }
}

/// Warnings on poles.
#[derive(Debug, Clone, PartialEq)]
pub struct WarningSettings {
    /// What is warned of and how, the most urgent first. Other kinds of events are not.
    pub looks: Vec<WarningLook>,
    /// Poles so far up the road from the event warn of it, metres.
    pub upstream_m: f64,
    /// Lanes that come so near to the event are concerned, metres.
    pub road_margin_m: f64,
    /// A warning ends by itself after so long.
    pub expires: Duration,
    /// How often it is said again while the event lasts; shorter than `expires`.
    pub refresh: Duration,
}

/// How a kind of event is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarningLook {
    /// Kind of event.
    pub kind: EventKind,
    /// Colour of the display.
    pub colour: WarnColour,
    /// How it blinks.
    pub blink: WarnBlink,
    /// Whether the beacon is on.
    pub beacon: bool,
}

impl WarningLook {
    /// The usual look of a kind: red, blinking fast and with the beacon where somebody may be hit at any moment.
    #[must_use]
    pub fn usual(kind: EventKind) -> Self {
        match kind {
            EventKind::WrongWayDriving | EventKind::PedestrianOnCarriageway | EventKind::CollisionRisk => {
                Self { kind, colour: WarnColour::Red, blink: WarnBlink::Fast, beacon: true }
            }
            _ => Self { kind, colour: WarnColour::Amber, blink: WarnBlink::Slow, beacon: false },
        }
    }
}

impl Default for WarningSettings {
    fn default() -> Self {
        let kinds = [
            EventKind::WrongWayDriving,
            EventKind::PedestrianOnCarriageway,
            EventKind::Obstacle,
            EventKind::Ice,
            EventKind::StandingWater,
            EventKind::Fog,
            EventKind::SlipperyRoad,
        ];
        Self {
            looks: kinds.map(WarningLook::usual).to_vec(),
            upstream_m: 150.0,
            road_margin_m: 10.0,
            expires: Duration::from_secs(5),
            refresh: Duration::from_secs(2),
        }
    }
}
