//! The sections `[events.*]`: which detectors run, and their thresholds. What is left out keeps the default of
//! `traffic-events`; `deploy/rsud.toml` shows the keys and `docs/events.md` says what they mean.

use std::time::Duration;

use serde::Deserialize;
use traffic_events::{
    CollisionConfig, EmergencyConfig, EventsConfig, LaneStatisticsConfig, LaneUseConfig, LargeVehicleConfig,
    ObstacleConfig, PedestrianConfig, PresenceConfig, QueueConfig, RedLightConfig, SlowConfig, SpeedingConfig,
    StoppedConfig, UTurnConfig, WrongWayConfig,
};

pub use weather::{FogSection, IceSection, RainSection, SlipperySection, StandingWaterSection, WindSection};

use super::{Checker, ConfigError};

/// Sets what a key means: the setting of the same name, or what the arm does with the value.
macro_rules! set {
    ($config:ident, $key:ident, $given:expr) => {
        $config.$key = $given;
    };
    ($config:ident, $key:ident, $given:expr, $to:ident, $value:ident, $set:expr) => {
        let ($to, $value) = (&mut *$config, $given);
        $set;
    };
}

/// A section: optional keys, each a number with its range, a whole number with its range, or a flag. A key sets the
/// setting that has its name; where unit or name differ, an arm does.
macro_rules! section {
    (
        $(#[$about:meta])* $name:ident for $config:ty {
            $($(#[$key_about:meta])* $key:ident ($min:expr, $max:expr)
                $(=> |$to:ident, $value:ident| $set:expr)?;)*
        }
        $(counts {
            $($(#[$count_about:meta])* $count:ident ($least:expr, $most:expr) => |$count_to:ident, $n:ident| $set_count:expr;)*
        })?
        $(flags { $($(#[$flag_about:meta])* $flag:ident;)* })?
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Default, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name {
            $($($(#[$flag_about])* pub $flag: Option<bool>,)*)?
            $($(#[$key_about])* pub $key: Option<f64>,)*
            $($($(#[$count_about])* pub $count: Option<f64>,)*)?
        }

        impl $name {
            fn apply(&self, checker: &Checker<'_>, section: &str, config: &mut $config) -> Result<(), ConfigError> {
                let key = |name: &str| format!("events.{section}.{name}");
                $(if let Some(value) = self.$key {
                    let value = checker.range(&key(stringify!($key)), value, $min, $max)?;
                    set!(config, $key, value $(, $to, $value, $set)?);
                })*
                $($(if let Some(value) = self.$count {
                    let value = checker.whole(&key(stringify!($count)), value, $least, $most)?;
                    set!(config, $count, value, $count_to, $n, $set_count);
                })*)?
                $($(if let Some(on) = self.$flag {
                    set!(config, $flag, on);
                })*)?
                Ok(())
            }
        }
    };
}

/// The section of a detector: the keys that all have, and its own.
macro_rules! detector {
    (
        $(#[$about:meta])* $name:ident for $config:ty {
            $($(#[$key_about:meta])* $key:ident ($min:expr, $max:expr)
                $(=> |$to:ident, $value:ident| $set:expr)?;)*
        }
        $(counts { $($counts:tt)* })?
        $(flags { $($flags:tt)* })?
    ) => {
        section! {
            $(#[$about])* $name for $config {
                /// The condition must hold so long for the event to start, seconds.
                #[serde(alias = "min_duration_s")]
                start_after_s (0.0, 3600.0) => |to, s| to.timing.start_after = seconds(s);
                /// Until then it must hold at this share of the looks.
                min_share (0.0, 1.0) => |to, share| to.timing.min_share = share;
                /// Until then it may be gone so long at once, seconds.
                max_gap_s (0.0, 3600.0) => |to, s| to.timing.max_gap = seconds(s);
                /// Gone for so long, the event ends, seconds.
                end_after_s (0.0, 3600.0) => |to, s| to.timing.end_after = seconds(s);
                /// Not seen for so long, the event ends as lost, seconds.
                lost_after_s (0.0, 3600.0) => |to, s| to.timing.lost_after = seconds(s);
                /// Time between updates, seconds.
                update_every_s (0.05, 3600.0) => |to, s| to.timing.update_every = seconds(s);
                $($(#[$key_about])* $key ($min, $max) $(=> |$to, $value| $set)?;)*
            }
            $(counts { $($counts)* })?
            flags {
                /// Whether the detector runs.
                enabled;
                $($($flags)*)?
            }
        }
    };
}

mod weather;

/// The value has passed [`Checker::range`]: it is finite and not negative.
fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or_default()
}

/// The event detectors and the lane statistics.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventsSection {
    /// What a track must be for an event to start on it.
    pub presence: PresenceSection,
    /// Stopped vehicle (903).
    pub stopped_vehicle: StoppedSection,
    /// Wrong-way driving (904).
    pub wrong_way: WrongWaySection,
    /// Pedestrian on the carriageway (405).
    pub pedestrian_on_carriageway: PedestrianSection,
    /// Speeding (901).
    pub speeding: SpeedingSection,
    /// Slow vehicle (902).
    pub slow_vehicle: SlowSection,
    /// Queue (707).
    pub queue: QueueSection,
    /// Red-light running.
    pub red_light: RedLightSection,
    /// Obstacle (401).
    pub obstacle: ObstacleSection,
    /// Emergency vehicle (905).
    pub emergency_vehicle: EmergencySection,
    /// Large vehicle (906).
    pub large_vehicle: LargeVehicleSection,
    /// Collision risk.
    pub collision_risk: CollisionSection,
    /// Illegal U-turn.
    pub u_turn: UTurnSection,
    /// Illegal lane use.
    pub lane_use: LaneUseSection,
    /// Ice (409).
    pub ice: IceSection,
    /// Fog (305).
    pub fog: FogSection,
    /// Standing water (407).
    pub standing_water: StandingWaterSection,
    /// Slippery road (408).
    pub slippery_road: SlipperySection,
    /// Heavy rain (301).
    pub heavy_rain: RainSection,
    /// Strong wind (304).
    pub strong_wind: WindSection,
    /// Lane statistics.
    pub lane_statistics: LaneStatisticsSection,
}

section! {
    /// What a track must be for an event to start on it.
    PresenceSection for PresenceConfig {
        /// Its first measurement is at least so old, seconds.
        min_age_s (0.0, 60.0) => |to, s| to.min_age = seconds(s);
        /// Its latest measurement is at most so old, seconds.
        max_unmeasured_s (0.0, 60.0) => |to, s| to.max_unmeasured = seconds(s);
        /// It exists with at least this probability.
        min_existence (0.0, 1.0);
        /// One-sigma of its position is at most this, metres.
        max_position_sd_m (0.01, 100.0);
    }
}

detector! {
    /// Stopped vehicle.
    StoppedSection for StoppedConfig {
        /// Slower than this is standing, metres per second.
        max_speed_mps (0.0, 5.0);
        /// Within this distance of a stop line vehicles may wait, metres.
        stop_line_zone_m (0.0, 1000.0);
        /// It must have come from so far, metres.
        min_distance_m (0.0, 100.0);
        /// Who stands so close behind a standing vehicle waits for it, metres.
        queue_gap_m (0.0, 100.0);
    }
}

detector! {
    /// Wrong-way driving.
    WrongWaySection for WrongWayConfig {
        /// Slower than this a direction is not trusted, metres per second.
        min_speed_mps (0.0, 50.0);
        /// Off the lane's direction by more than this is wrong, degrees.
        min_angle_deg (90.0, 180.0) => |to, value| to.min_angle_rad = value.to_radians();
        /// A lane in the right direction must be farther away than this, metres.
        lane_margin_m (0.0, 50.0);
        /// It must have come so far, metres.
        min_distance_m (0.0, 100.0);
    }
}

detector! {
    /// Pedestrian on the carriageway.
    PedestrianSection for PedestrianConfig {
        /// The class must be at least so sure.
        min_class_probability (0.0, 1.0);
        /// How far within the carriageway's edge the pedestrian must be, metres.
        edge_margin_m (0.0, 50.0);
        /// How far from a crosswalk the pedestrian must be, metres.
        crosswalk_margin_m (0.0, 50.0);
        /// People so near to each other are one event, metres.
        group_distance_m (0.0, 50.0);
        /// Stepping on a crosswalk counts once its signal is red for so long, seconds.
        red_grace_s (0.0, 60.0) => |to, s| to.red_grace = seconds(s);
    }
}

detector! {
    /// Speeding.
    SpeedingSection for SpeedingConfig {
        /// Faster than so many times the limit is an event.
        start_factor (1.0, 5.0);
        /// An event goes on above so many times the limit.
        end_factor (0.5, 5.0);
        /// The speed must exceed the threshold by so many standard deviations.
        margin_sigmas (0.0, 10.0);
        /// The limit where the map has none, kilometres per hour.
        default_limit_kmh (1.0, 200.0) => |to, value| to.default_limit_mps = Some(value / 3.6);
    }
}

detector! {
    /// Slow vehicle.
    SlowSection for SlowConfig {
        /// Slower than this share of the limit is slow.
        start_factor (0.0, 1.0);
        /// An event goes on below this share of the limit.
        end_factor (0.0, 1.0);
        /// Slower than this is standing, metres per second.
        min_speed_mps (0.0, 50.0);
        /// Nobody may be so near ahead, metres.
        free_ahead_m (0.0, 1000.0);
        /// So near to a stop line vehicles brake, metres.
        stop_line_zone_m (0.0, 1000.0);
        /// So near to the start of a lane vehicles still speed up, metres.
        start_zone_m (0.0, 1000.0);
        /// The limit where the map has none, kilometres per hour.
        default_limit_kmh (1.0, 200.0) => |to, value| to.default_limit_mps = Some(value / 3.6);
    }
}

detector! {
    /// Queue.
    QueueSection for QueueConfig {
        /// It is at least so long, metres.
        min_length_m (0.0, 1000.0);
        /// Slower than this is queueing, kilometres per hour.
        max_speed_kmh (0.0, 50.0) => |to, value| to.max_speed_mps = value / 3.6;
        /// Who is in an event's queue stays in it up to this speed, kilometres per hour.
        end_speed_kmh (0.0, 50.0) => |to, value| to.end_speed_mps = value / 3.6;
        /// Greatest gap within a queue, metres.
        max_gap_m (0.0, 200.0);
    }
    counts {
        /// So many vehicles are a queue.
        min_vehicles (1, 1000) => |to, n| to.min_vehicles = n as usize;
    }
    flags {
        /// Only lanes that lead to a stop line.
        approaches_only;
    }
}

detector! {
    /// Red-light running.
    RedLightSection for RedLightConfig {
        /// The signal must be red for so long when the front passes, seconds.
        red_grace_s (0.0, 60.0) => |to, s| to.red_grace = seconds(s);
        /// Slower than this is creeping over the line, metres per second.
        min_speed_mps (0.0, 50.0);
        /// The centre must be past the line by so much, metres.
        past_line_m (0.0, 50.0);
        /// A heading that changed by more than this shows the turn, degrees.
        turned_deg (1.0, 180.0) => |to, value| to.turned_rad = value.to_radians();
        /// Going straight on is shown by so much of the way across.
        straight_share (0.0, 1.0);
        /// The event lasts so long at most, seconds.
        max_duration_s (0.1, 3600.0) => |to, s| to.max_duration = seconds(s);
    }
}

detector! {
    /// Obstacle.
    ObstacleSection for ObstacleConfig {
        /// No class may be likelier than this.
        max_class_probability (0.0, 1.0);
        /// It never was faster than this, metres per second.
        max_speed_mps (0.0, 50.0);
        /// It never was farther from where it appeared, metres.
        max_distance_m (0.0, 100.0);
        /// How far within the carriageway's edge it lies, metres.
        edge_margin_m (0.0, 50.0);
    }
    counts {
        /// So many sensors must see it.
        min_sensors (1, 32) => |to, n| to.min_sensors = n;
    }
}

detector! {
    /// Emergency vehicle.
    EmergencySection for EmergencyConfig {
        /// Who is farther from the middle of the junction does not matter yet, metres.
        max_distance_m (0.0, 5000.0);
        /// Who stands does not approach, metres per second.
        min_speed_mps (0.0, 50.0);
    }
}

detector! {
    /// Large vehicle.
    LargeVehicleSection for LargeVehicleConfig {
        /// The class must be at least so sure.
        min_class_probability (0.0, 1.0);
        /// And it must be at least so long, metres.
        min_length_m (0.0, 50.0);
    }
    flags {
        /// Buses count too.
        buses;
    }
}

detector! {
    /// Collision risk.
    CollisionSection for CollisionConfig {
        /// The closest approach is no farther ahead than this, seconds.
        max_time_s (0.1, 10.0);
        /// And comes closer than this, metres.
        max_miss_m (0.0, 20.0);
        /// With at least this probability.
        start_probability (0.0, 1.0);
        /// An event goes on with this probability.
        end_probability (0.0, 1.0);
        /// Slower against each other than this is no danger, metres per second.
        min_relative_speed_mps (0.0, 50.0);
        /// One behind the other: the braking that it takes, metres per second squared.
        min_braking_mps2 (0.0, 20.0);
        /// One-sigma of the acceleration that nobody foresees, metres per second squared.
        acceleration_sd_mps2 (0.0, 20.0);
        /// One-sigma of the errors of place that the sensors share, of each participant, metres.
        bias_sd_m (0.0, 10.0);
        /// Each one's class must be at least so sure.
        min_class_probability (0.0, 1.0);
        /// A bicycle slower than this towards a pedestrian counts as one on foot, metres per second.
        min_bicycle_speed_mps (0.0, 20.0);
        /// This share of the speed across the own lane is believed.
        across_share (0.0, 1.0);
    }
    flags {
        /// Bicycles among each other count too.
        bicycle_pairs;
        /// Vehicles that turn are also predicted along the ways of the map.
        follow_turns;
    }
}

detector! {
    /// Illegal U-turn.
    UTurnSection for UTurnConfig {
        /// A change of heading by more than this is a U-turn, degrees.
        min_angle_deg (90.0, 180.0) => |to, value| to.min_angle_rad = value.to_radians();
        /// Slower than this a direction is not trusted, metres per second.
        min_speed_mps (0.0, 50.0);
        /// It takes no longer than this from one lane to the other, seconds.
        max_duration_s (0.1, 3600.0) => |to, s| to.max_duration = seconds(s);
        /// It is held against a vehicle for so long after it is on its new lane, seconds.
        memory_s (0.0, 60.0) => |to, s| to.memory = seconds(s);
    }
    flags {
        /// Turning round outside of a junction is illegal too.
        outside_junction;
    }
}

detector! {
    /// Illegal lane use.
    LaneUseSection for LaneUseConfig {
        /// A wrong turn is held against a vehicle for so long, seconds.
        turn_memory_s (0.0, 60.0) => |to, s| to.turn_memory = seconds(s);
        /// From the lane before the junction to the one after it takes at most so long, seconds.
        max_passage_s (0.1, 3600.0) => |to, s| to.max_passage = seconds(s);
        /// Slower than this is parking or giving way, metres per second.
        min_speed_mps (0.0, 50.0);
        /// The centre must be out of all vehicle lanes by so much, metres.
        lane_margin_m (0.0, 50.0);
    }
}

section! {
    /// Lane statistics.
    LaneStatisticsSection for LaneStatisticsConfig {
        /// Length of an interval, seconds.
        interval_s (1.0, 86400.0) => |to, s| to.interval = seconds(s);
        /// The virtual loop lies so far before the lane's end, metres.
        loop_to_end_m (0.0, 1000.0);
        /// The stretch that counts reaches so far before the lane's end, metres.
        stretch_m (1.0, 5000.0);
        /// Length of the virtual loop, metres.
        loop_length_m (0.1, 100.0);
        /// Slower than this is queueing, kilometres per hour.
        queue_speed_kmh (0.0, 50.0) => |to, value| to.queue_speed_mps = value / 3.6;
        /// Greatest gap within a queue, metres.
        queue_gap_m (0.0, 200.0);
        /// A track must exist with at least this probability.
        min_existence (0.0, 1.0);
    }
    flags {
        /// Whether they are made.
        enabled;
    }
}

/// The settings of the detectors and of the lane statistics.
pub(super) fn events(
    checker: &Checker<'_>,
    section: &EventsSection,
) -> Result<(EventsConfig, LaneStatisticsConfig), ConfigError> {
    let mut to = EventsConfig::default();
    section.presence.apply(checker, "presence", &mut to.presence)?;
    section.stopped_vehicle.apply(checker, "stopped_vehicle", &mut to.stopped_vehicle)?;
    section.wrong_way.apply(checker, "wrong_way", &mut to.wrong_way)?;
    section.pedestrian_on_carriageway.apply(checker, "pedestrian_on_carriageway", &mut to.pedestrian)?;
    section.speeding.apply(checker, "speeding", &mut to.speeding)?;
    section.slow_vehicle.apply(checker, "slow_vehicle", &mut to.slow_vehicle)?;
    section.queue.apply(checker, "queue", &mut to.queue)?;
    section.red_light.apply(checker, "red_light", &mut to.red_light)?;
    section.obstacle.apply(checker, "obstacle", &mut to.obstacle)?;
    section.emergency_vehicle.apply(checker, "emergency_vehicle", &mut to.emergency_vehicle)?;
    section.large_vehicle.apply(checker, "large_vehicle", &mut to.large_vehicle)?;
    section.collision_risk.apply(checker, "collision_risk", &mut to.collision_risk)?;
    section.u_turn.apply(checker, "u_turn", &mut to.u_turn)?;
    section.lane_use.apply(checker, "lane_use", &mut to.lane_use)?;
    weather::apply(checker, section, &mut to)?;
    let mut statistics = LaneStatisticsConfig::default();
    section.lane_statistics.apply(checker, "lane_statistics", &mut statistics)?;
    Ok((to, statistics))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn keys_reach_their_settings_in_their_units() {
        let text = "[speeding]\nenabled = false\ndefault_limit_kmh = 36.0\nstart_after_s = 2.5\n[u_turn]\nmin_angle_deg = 120.0\n[wrong_way]\nmin_duration_s = 1.25\n[queue]\nmin_vehicles = 5\n[lane_statistics]\ninterval_s = 30\n";
        let section: EventsSection = toml::from_str(text).unwrap();
        let (events, statistics) = events(&Checker::new(Path::new("test")), &section).unwrap();
        assert!(!events.speeding.enabled && events.wrong_way.enabled);
        assert!((events.speeding.default_limit_mps.unwrap() - 10.0).abs() < 1e-9);
        assert_eq!(events.speeding.timing.start_after, Duration::from_millis(2500));
        assert!((events.u_turn.min_angle_rad - 120_f64.to_radians()).abs() < 1e-9);
        assert_eq!(events.wrong_way.timing.start_after, Duration::from_millis(1250));
        assert_eq!((events.queue.min_vehicles, statistics.interval), (5, Duration::from_secs(30)));
    }

    #[test]
    fn nothing_given_is_the_default() {
        let (events, statistics) = events(&Checker::new(Path::new("test")), &EventsSection::default()).unwrap();
        assert_eq!((events, statistics), (EventsConfig::default(), LaneStatisticsConfig::default()));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_key() {
        for (text, key) in [
            (
                "[queue]\nmin_vehicles = 0",
                "events.queue.min_vehicles: 0 cannot be; expected a whole number from 1 to 1000",
            ),
            ("[queue]\nmin_vehicles = 3.5", "events.queue.min_vehicles: 3.5 cannot be; expected a whole number"),
            ("[obstacle]\nmin_sensors = 1.9", "events.obstacle.min_sensors"),
            ("[obstacle]\nmin_sensors = nan", "events.obstacle.min_sensors"),
            ("[lane_use]\nmin_share = 1.5", "events.lane_use.min_share"),
            ("[lane_statistics]\ninterval_s = nan", "events.lane_statistics.interval_s"),
        ] {
            let section: EventsSection = toml::from_str(text).unwrap();
            let error = events(&Checker::new(Path::new("test")), &section).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
