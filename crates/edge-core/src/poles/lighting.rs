//! Adaptive lighting: which luminaires somebody needs, and when to say so.
//!
//! For who rides or drives, the way ahead is the road's, as far as the map tells it for certain; from there it goes straight
//! on and is believed to widen. Poles whose zones it enters are wanted. What is said to a pole holds for a while and is said
//! again while it is true, so nothing needs to be said for it to end.

use fusion::{Class, Track};
use rsu_units::{Timestamp, Vector2};
use site_map::SiteMap;

use super::pole::Pole;
use super::zones::{PoleSet, Zones};
use super::{DarkRule, Level, LightingSettings, PoleOrder, PoleQuantity, PoleWish};
use crate::Counters;

/// From one look to the next, seconds, at most in the usual configuration: what comes into reach in between is lit late.
const LOOK_S: f64 = 0.1;
/// Where the map does not tell the way, it widens so much for each metre.
const WIDENING: f64 = 0.3;
/// Steps along the way, metres.
const STEP_M: (f64, f64) = (5.0, 30.0);
/// An illuminance that is older says nothing any more, seconds.
const DAYLIGHT_AGE_S: f64 = 900.0;

#[derive(Debug)]
pub(super) struct Lighting {
    settings: LightingSettings,
    step_m: f64,
}

impl Lighting {
    pub(super) fn new(settings: LightingSettings, zones: &Zones) -> Self {
        // A way that passes a pole at four fifths of its radius is in the zone for 1.2 radii.
        Self { settings, step_m: zones.least_radius_m().clamp(STEP_M.0, STEP_M.1) }
    }

    /// The poles that somebody needs.
    pub(super) fn wanted(&self, tracks: &[Track], map: &SiteMap, zones: &Zones) -> PoleSet {
        let mut wanted = PoleSet::default();
        if self.settings.enabled {
            for track in tracks.iter().filter(|track| track.existence >= self.settings.min_existence) {
                self.around(track, map, zones, &mut wanted);
            }
        }
        wanted
    }

    fn around(&self, track: &Track, map: &SiteMap, zones: &Zones, wanted: &mut PoleSet) {
        let settings = &self.settings;
        let (place_m, speed_mps) = (track.position_m, track.speed_mps());
        if track.class.best().0 == Class::Pedestrian {
            return zones.near(place_m, settings.pedestrian_m, wanted);
        }
        if !place_m.is_finite() || !speed_mps.is_finite() || speed_mps < settings.min_speed_mps.max(0.1) {
            return;
        }
        let heading_rad = track.velocity_mps.angle_rad();
        let mut unit = Vector2::from_angle(heading_rad);
        for behind_m in self.steps(settings.behind_m.clamp(0.0, 500.0)) {
            zones.near(place_m - unit * behind_m, 0.0, wanted);
        }
        let lead_s = settings.ahead.as_secs_f64() + settings.ramp.as_secs_f64() + LOOK_S;
        let far_m = (speed_mps * lead_s).max(settings.min_ahead_m).min(settings.max_ahead_m).clamp(0.0, 1000.0);
        // The last point that the map tells for certain, and how far that is.
        let (mut known_m, mut known_at_m, mut certain) = (place_m, 0.0, true);
        for ahead_m in self.steps(far_m).skip(1) {
            let followed = if certain { map.follow(place_m, heading_rad, ahead_m) } else { None };
            if let Some((point_m, direction_rad)) = followed {
                (known_m, known_at_m, unit) = (point_m, ahead_m, Vector2::from_angle(direction_rad));
                zones.near(point_m, 0.0, wanted);
            } else {
                certain = false;
                let beyond_m = ahead_m - known_at_m;
                zones.near(known_m + unit * beyond_m, WIDENING * beyond_m, wanted);
            }
        }
    }

    /// From 0 to a distance, both included.
    fn steps(&self, to_m: f64) -> impl Iterator<Item = f64> + use<> {
        let (count, step_m) = ((to_m / self.step_m).ceil() as u32, self.step_m);
        (0..=count).map(move |step| (f64::from(step) * step_m).min(to_m))
    }

    /// Whether it is dark at a pole. Between the thresholds it stays as it was.
    pub(super) fn is_dark(&self, now: Timestamp, pole: &Pole) -> bool {
        let DarkRule::Below { dark_lx, light_lx, unless_known } = self.settings.dark else { return true };
        let fresh = pole.daylight_at.is_some_and(|at| now.seconds_since(at) <= DAYLIGHT_AGE_S);
        let Some(illuminance_lx) = pole.measured.get(PoleQuantity::Illuminance).filter(|_| fresh) else {
            return unless_known;
        };
        if illuminance_lx < dark_lx {
            true
        } else if illuminance_lx > light_lx {
            false
        } else {
            pole.dark.unwrap_or(unless_known)
        }
    }

    /// What is to be said to one pole.
    pub(super) fn step(
        &self,
        now: Timestamp,
        pole: &mut Pole,
        wanted: bool,
        counters: &mut Counters,
        orders: &mut Vec<PoleOrder>,
    ) {
        let settings = &self.settings;
        if !settings.enabled {
            return;
        }
        let dark = self.is_dark(now, pole);
        if pole.dark != Some(dark) {
            pole.dark = Some(dark);
            pole.news.note_change();
        }
        if !(pole.up && pole.parts.luminaire) {
            return;
        }
        if let Some(base_level) = settings.base_level {
            let level = if dark { base_level } else { Level::default() };
            if pole.base_told != Some(level) {
                let wish = PoleWish::Base { level, ramp: settings.ramp };
                if pole.order(now, wish, false, counters, orders) {
                    pole.base_told = Some(level);
                }
            }
        }
        let since_told = pole.presence_told_at.map(|told_at| now.duration_since(told_at));
        if wanted && dark {
            let due = since_told.is_none_or(|since_told| since_told >= settings.refresh);
            let (level, ramp, hold) = (settings.presence_level, settings.ramp, settings.hold);
            if due && pole.order(now, PoleWish::Brighten { level, ramp, hold }, false, counters, orders) {
                pole.presence_told_at = Some(now);
            }
        } else if since_told.is_some_and(|since_told| since_told >= settings.hold) {
            pole.presence_told_at = None;
        }
        if pole.presence != pole.presence_told_at.is_some() {
            pole.presence = !pole.presence;
            pole.news.note_change();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use fusion::{
        Covariance2, Detection, SensorFrame, SensorId, SensorKind, SensorModel, Tracker, TrackerConfig, Velocity,
    };
    use site_map::{Lane, LaneKind, SiteFrame};

    use super::*;
    use crate::poles::{PoleIndex, PoleParts, PoleSetup};

    /// A car or somebody on foot, as the tracker makes it.
    fn track(class: Class) -> Track {
        let sensor = SensorModel::new(SensorKind::Lidar, Vector2::new(0.0, 20.0), 0.0, 7.0, 400.0);
        let mut tracker = Tracker::new(TrackerConfig::new(vec![sensor]));
        let mut tracks = Vec::new();
        for step in 0..40 {
            let measured_at = Timestamp::from_seconds(10.0 + 0.05 * f64::from(step));
            let detection = Detection {
                velocity: Some(Velocity { mps: Vector2::default(), along_sd_mps: 0.3, across_sd_mps: 0.3 }),
                class: Some(class),
                confidence: 0.9,
                ..Detection::new(Vector2::default(), Covariance2 { xx: 0.02, xy: 0.0, yy: 0.02 })
            };
            let frame = SensorFrame { sensor: SensorId::default(), measured_at, detections: vec![detection] };
            tracker.accept(frame).unwrap();
            tracker.tracks_at(measured_at, &mut tracks);
        }
        tracks[0]
    }

    fn moving(template: &Track, position_m: Vector2, velocity_mps: Vector2) -> Track {
        Track { position_m, velocity_mps, ..*template }
    }

    /// A quarter of a circle of 80 m, from the origin to the east and then to the north; and a straight lane along y = -200.
    fn map() -> SiteMap {
        let bend = (0..=18)
            .map(|step| {
                let angle_rad = f64::from(step) * 5.0_f64.to_radians();
                Vector2::new(80.0 * angle_rad.sin(), 80.0 - 80.0 * angle_rad.cos())
            })
            .collect();
        let straight = vec![Vector2::new(-1000.0, -200.0), Vector2::new(1000.0, -200.0)];
        let lanes =
            vec![Lane::new("bend", LaneKind::Vehicle, 3.5, bend), Lane::new("east", LaneKind::Vehicle, 3.5, straight)];
        SiteMap::new(SiteFrame::new(22.69, 114.35).unwrap(), lanes, Vec::new()).unwrap()
    }

    fn setup(x_m: f64, y_m: f64) -> PoleSetup {
        PoleSetup { id: String::new(), position_m: Vector2::new(x_m, y_m), radius_m: 15.0, lane_ids: Vec::new() }
    }

    fn settings() -> LightingSettings {
        LightingSettings { dark: DarkRule::Always, ..LightingSettings::default() }
    }

    #[test]
    fn the_light_follows_the_road_around_a_bend() {
        // On the bend, at 20 and 100 m from its start; at its end; and straight on.
        let setups = [setup(20.0, 0.0), setup(75.0, 55.0), setup(80.0, 78.0), setup(100.0, 0.0)];
        let zones = Zones::new(&setups);
        let lighting = Lighting::new(settings(), &zones);
        let car = moving(&track(Class::Car), Vector2::new(1.0, 0.0), Vector2::new(20.0, 0.0));
        let wanted = lighting.wanted(&[car], &map(), &zones);
        assert_eq!([0, 1, 2, 3].map(|pole| wanted.contains(pole)), [true, true, false, false]);
        // Beside every lane there is only straight on, and wider.
        let lost = moving(&car, Vector2::new(1.0, -30.0), Vector2::new(20.0, 0.0));
        let wanted = lighting.wanted(&[lost], &map(), &zones);
        assert_eq!([0, 1, 2, 3].map(|pole| wanted.contains(pole)), [false, false, false, true]);
    }

    #[test]
    fn who_stands_or_hardly_exists_has_no_light() {
        let setups = [setup(10.0, 0.0)];
        let zones = Zones::new(&setups);
        let lighting = Lighting::new(settings(), &zones);
        let lit = |track: Track| lighting.wanted(&[track], &map(), &zones).contains(0);
        let car = track(Class::Car);
        let place_m = Vector2::new(5.0, 0.0);
        assert!(lit(moving(&car, place_m, Vector2::new(2.0, 0.0))));
        assert!(!lit(moving(&car, place_m, Vector2::new(0.5, 0.0))));
        assert!(!lit(Track { existence: 0.5, ..moving(&car, place_m, Vector2::new(2.0, 0.0)) }));
        assert!(!lit(moving(&car, Vector2::new(f64::NAN, 0.0), Vector2::new(2.0, 0.0))));
        assert!(!lit(moving(&car, place_m, Vector2::new(f64::INFINITY, 0.0))));
        assert!(lit(moving(&track(Class::Pedestrian), place_m, Vector2::default())));
        assert!(!lit(moving(&track(Class::Pedestrian), Vector2::new(-30.0, 0.0), Vector2::default())));
    }

    #[test]
    fn a_steady_crowd_allocates_nothing() {
        let (car, person) = (track(Class::Car), track(Class::Pedestrian));
        let tracks: Vec<Track> = (0..200)
            .map(|number| {
                let place_m = Vector2::new(f64::from(number) * 8.0 - 800.0, -200.0 + f64::from(number % 3));
                let template = if number % 4 == 0 { &person } else { &car };
                moving(template, place_m, Vector2::new(f64::from(number % 20), 0.1))
            })
            .collect();
        let setups: Vec<PoleSetup> = (0..50).map(|number| setup(f64::from(number) * 30.0 - 750.0, -205.0)).collect();
        let (map, zones) = (map(), Zones::new(&setups));
        let lighting = Lighting::new(settings(), &zones);
        let mut poles: Vec<Pole> = (0..50).filter_map(PoleIndex::new).map(Pole::new).collect();
        for pole in &mut poles {
            pole.up = true;
            pole.parts = PoleParts { luminaire: true, warning: true };
        }
        let (mut counters, mut orders) = (Counters::default(), Vec::with_capacity(200));
        let mut look = |now: Timestamp| {
            let wanted = lighting.wanted(&tracks, &map, &zones);
            for (number, pole) in poles.iter_mut().enumerate() {
                lighting.step(now, pole, wanted.contains(number), &mut counters, &mut orders);
            }
            let count = orders.len();
            orders.clear();
            count
        };
        assert_eq!(look(Timestamp::from_seconds(100.0)), 50);
        let mut told = 0;
        let allocations = allocation_counter::measure(|| {
            for step in 1_u32..=100 {
                told += look(Timestamp::from_seconds(100.0) + Duration::from_millis(100) * step);
            }
        });
        // Ten seconds: each two seconds each pole.
        assert_eq!((told, allocations.count_total), (250, 0));
    }
}
