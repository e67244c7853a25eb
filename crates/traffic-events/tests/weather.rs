//! Weather: what is true becomes an event with one start and one end; what is nearly true stays silent.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

use proptest::prelude::*;
use rsu_units::{Timestamp, Vector2};
use traffic_events::{
    Context, EventChange, EventKind, EventsConfig, Monitor, Quantity, RoadState, Stage, Station, Weather,
};

const START: Timestamp = Timestamp::from_micros(1_795_328_100_000_000);

fn at(seconds: f64) -> Timestamp {
    Timestamp::from_micros(START.as_micros() + (seconds * 1e6) as i64)
}

fn monitor() -> Monitor {
    let station = |name: &str, x_m: f64| Station {
        name: name.into(),
        position_m: Vector2::new(x_m, 6.0),
        radius_m: 40.0,
        lane_id: "east".into(),
    };
    Monitor::new(&EventsConfig::default()).with_stations(vec![station("p1", 0.0), station("p2", 300.0)])
}

fn map() -> site_map::SiteMap {
    let line = vec![Vector2::new(-400.0, 0.0), Vector2::new(400.0, 0.0)];
    let lane = site_map::Lane::new("east", site_map::LaneKind::Vehicle, 3.5, line);
    site_map::SiteMap::new(site_map::SiteFrame::new(22.69, 114.35).unwrap(), vec![lane], Vec::new()).unwrap()
}

/// A report each ten seconds; the changes that it made, and those of the looks in between.
fn replay(monitor: &mut Monitor, reports: impl IntoIterator<Item = Weather>) -> Vec<EventChange> {
    let (map, mut changes) = (map(), Vec::new());
    for (step, weather) in reports.into_iter().enumerate() {
        let now = at(step as f64 * 10.0);
        monitor.weather(now, 0, now, &weather, &mut changes);
        monitor.update(now, &map, &[], &Context::default(), &mut changes);
    }
    changes
}

/// The kinds that start.
fn starts(reports: impl IntoIterator<Item = Weather>) -> Vec<EventKind> {
    let changes = replay(&mut monitor(), reports);
    changes.iter().filter(|change| change.stage == Stage::Start).map(|change| change.kind).collect()
}

fn ice() -> Weather {
    Weather { road_state: Some(RoadState::Ice), road_temperature_c: Some(-2.0), ..Weather::default() }
}

fn fog(visibility_m: f64) -> Weather {
    Weather { visibility_m: Some(visibility_m), humidity: Some(0.97), ..Weather::default() }
}

fn water(water_film_mm: f64) -> Weather {
    let road_state = Some(if water_film_mm > 2.0 { RoadState::StandingWater } else { RoadState::Wet });
    let road_temperature_c = Some(14.0);
    Weather { road_state, road_temperature_c, water_film_mm: Some(water_film_mm), ..Weather::default() }
}

fn long(weather: Weather) -> Vec<Weather> {
    vec![weather; 60]
}

#[test]
fn each_kind_is_told_once_and_ends_once() {
    let snow = Weather { road_state: Some(RoadState::Snow), road_temperature_c: Some(-1.0), ..Weather::default() };
    let rain = |rain_mm_per_h| Weather { rain_mm_per_h: Some(rain_mm_per_h), ..Weather::default() };
    let wind = |wind_speed_mps| Weather { wind_speed_mps: Some(wind_speed_mps), ..Weather::default() };
    let dry = Weather { road_state: Some(RoadState::Dry), road_temperature_c: Some(9.0), ..Weather::default() };
    let cases = [
        (EventKind::Ice, 409, ice(), dry),
        (EventKind::Fog, 305, fog(80.0), fog(5000.0)),
        (EventKind::StandingWater, 407, water(4.0), water(0.2)),
        (EventKind::SlipperyRoad, 408, snow, dry),
        (EventKind::HeavyRain, 301, rain(25.0), rain(0.0)),
        (EventKind::StrongWind, 304, wind(22.0), wind(4.0)),
    ];
    for (kind, code, holds, gone) in cases {
        let mut monitor = monitor();
        let changes = replay(&mut monitor, std::iter::repeat_n(holds, 30).chain(std::iter::repeat_n(gone, 60)));
        assert!(changes.iter().all(|change| change.kind == kind), "{kind:?}: {changes:?}");
        assert_eq!(kind.code(), code);
        assert_eq!(EventKind::from_name(kind.name()), Some(kind));
        let stages: Vec<Stage> = changes.iter().map(|change| change.stage).collect();
        assert_eq!((stages[0], *stages.last().unwrap()), (Stage::Start, Stage::Cleared), "{kind:?}");
        assert!(stages.len() > 5 && stages[1..stages.len() - 1].iter().all(|stage| *stage == Stage::Update));
        assert!(changes.iter().all(|change| change.id == changes[0].id && change.began_at == START));
        let first = &changes[0];
        let zone = first.zone.as_ref().unwrap();
        assert_eq!((zone.station.as_str(), zone.radius_m, first.lane_id.as_str()), ("p1", 40.0, "east"));
        assert_eq!(first.position_m, Vector2::new(0.0, 6.0));
        assert!(!first.evidence.measures.is_empty() && first.confidence > 0.6, "{first:?}");
        assert_eq!(monitor.active(), 0);
    }
}

#[test]
fn what_is_nearly_true_stays_silent() {
    let silent = |what: &str, reports: Vec<Weather>| assert_eq!(starts(reports), [], "{what}");
    let no_temperature = Weather { road_temperature_c: None, ..ice() };
    silent("ice without any temperature", long(no_temperature));
    silent("ice on a warm road", long(Weather { road_temperature_c: Some(3.0), ..ice() }));
    silent("ice in warm air", long(Weather { air_temperature_c: Some(6.0), ..no_temperature }));
    let wet = Weather { road_state: Some(RoadState::Wet), road_temperature_c: Some(-3.0), ..Weather::default() };
    silent("a salted road in the frost", long(wet));
    silent("a trace of ice on a road that is named wet", long(Weather { ice_fraction: Some(0.3), ..wet }));
    let share = Weather { ice_fraction: Some(0.15), road_temperature_c: Some(-3.0), ..Weather::default() };
    silent("little ice", long(share));
    let dry = Weather { road_state: Some(RoadState::Dry), ..ice() };
    silent("ice once", [vec![dry; 5], vec![ice()], vec![dry; 20]].concat());
    let mut seldom = long(dry);
    seldom.iter_mut().step_by(3).for_each(|weather| *weather = ice());
    silent("ice in one look of three", seldom);

    silent("mist", long(fog(250.0)));
    silent("dust", long(Weather { humidity: Some(0.5), ..fog(80.0) }));
    let rain = Weather { rain_mm_per_h: Some(12.0), road_state: Some(RoadState::Dry), ..fog(80.0) };
    silent("rain that takes the sight, of which the road knows nothing", long(rain));
    silent("a lorry before the lens", [vec![fog(9000.0); 5], vec![fog(20.0); 3], vec![fog(9000.0); 20]].concat());

    silent("a wet road", long(water(1.9)));
    let contradicted = Weather { road_state: Some(RoadState::Dry), ..water(5.0) };
    silent("water on a dry road", long(contradicted));
    let frozen = Weather { road_temperature_c: Some(-1.0), ..water(5.0) };
    silent("water below zero", long(frozen));
    let foot = Weather { water_level_mm: Some(30.0), ..Weather::default() };
    silent("some water at the pole's foot", long(foot));

    let snow = Weather { road_state: Some(RoadState::Snow), road_temperature_c: Some(6.0), ..Weather::default() };
    silent("snow on a warm road", long(snow));
    let rain = Weather { rain_mm_per_h: Some(9.0), ..Weather::default() };
    silent("rain", long(rain));
    let sprinkler = Weather { rain_mm_per_h: Some(30.0), road_state: Some(RoadState::Dry), ..Weather::default() };
    silent("a drop on the rain gauge", long(sprinkler));
    let wind = |wind_speed_mps| Weather { wind_speed_mps: Some(wind_speed_mps), ..Weather::default() };
    silent("a gust", [vec![wind(25.0)], long(wind(9.0))].concat());
}

#[test]
fn between_the_thresholds_an_event_goes_on_and_none_begins() {
    let reports = [vec![fog(100.0); 20], vec![fog(280.0); 60], vec![fog(600.0); 60]].concat();
    let changes = replay(&mut monitor(), reports);
    let start = changes.iter().find(|change| change.stage == Stage::Start).unwrap();
    let end = changes.iter().find(|change| change.stage == Stage::Cleared).unwrap();
    assert_eq!(start.at, at(60.0));
    // 180 s after the last look at which it held.
    assert!((end.at.seconds_since(at(790.0)) - 190.0).abs() < 1.0, "{end:?}");
    assert_eq!(changes.iter().filter(|change| change.stage != Stage::Update).count(), 2);
    let sight = start.evidence.measures.iter().find(|measure| measure.quantity == Quantity::Visibility).unwrap();
    assert_eq!((sight.value, sight.limit), (100.0, 200.0));
}

#[test]
fn one_old_value_is_one_look() {
    // The visibility comes once; the rest of the reports is about other things.
    let other = Weather { humidity: Some(0.97), ..Weather::default() };
    assert_eq!(starts([vec![fog(50.0)], vec![other; 60]].concat()), []);
    // But what a rule needs beside it may be from an earlier report.
    let state = Weather { road_state: Some(RoadState::Ice), ..Weather::default() };
    let temperature = Weather { road_temperature_c: Some(-2.0), ..Weather::default() };
    assert_eq!(starts([vec![temperature], vec![state; 10]].concat()), [EventKind::Ice]);
    // Only not for ever: the temperature ages while the state stays.
    let changes = replay(&mut monitor(), [vec![temperature], vec![state; 100]].concat());
    let last = changes.last().unwrap();
    assert_eq!(last.stage, Stage::Lost, "nobody can tell any more: {last:?}");
}

#[test]
fn silence_ends_as_lost() {
    let mut monitor = monitor();
    let (map, mut changes) = (map(), replay(&mut monitor, vec![ice(); 10]));
    assert_eq!(monitor.active(), 1);
    let mut now = 90.0;
    while changes.last().unwrap().stage != Stage::Lost {
        now += 1.0;
        assert!(now < 500.0);
        monitor.update(at(now), &map, &[], &Context::default(), &mut changes);
    }
    assert!((now - 391.0).abs() < 1.5, "{now}");
    assert_eq!(monitor.active(), 0);
}

#[test]
fn each_station_is_its_own_and_a_late_report_changes_nothing() {
    let mut monitor = monitor();
    let mut changes = Vec::new();
    for step in 0..10 {
        let now = at(f64::from(step) * 10.0);
        monitor.weather(now, 0, now, &ice(), &mut changes);
        monitor.weather(now, 1, now, &ice(), &mut changes);
        monitor.weather(now, 2, now, &ice(), &mut changes);
        // What is repeated or older counts nothing.
        for _ in 0..100 {
            monitor.weather(now, 0, now, &ice(), &mut changes);
            monitor.weather(now, 0, at(0.0), &Weather { road_state: Some(RoadState::Dry), ..ice() }, &mut changes);
        }
    }
    let told: Vec<_> = changes.iter().map(|change| (change.stage, change.zone.clone().unwrap().station)).collect();
    assert_eq!(told, [(Stage::Start, "p1".to_owned()), (Stage::Start, "p2".to_owned())]);
    assert_ne!(changes[0].id, changes[1].id);
    assert_eq!(changes[0].evidence.looks, 3);
    monitor.clear(at(-100.0), &mut changes);
    assert_eq!((monitor.active(), changes.len()), (0, 4));
    assert!(changes[2..].iter().all(|change| change.stage == Stage::Lost && change.at == at(-100.0)));
}

#[test]
fn what_is_off_is_not_told() {
    let mut config = EventsConfig::default();
    config.ice.enabled = false;
    let station = Station { name: "a".into(), position_m: Vector2::default(), radius_m: 1.0, lane_id: String::new() };
    let mut monitor = Monitor::new(&config).with_stations(vec![station]);
    assert!(replay(&mut monitor, vec![ice(); 60]).is_empty());
}

fn any_weather() -> impl Strategy<Value = Weather> {
    let state = prop::option::of(prop::sample::select(vec![
        RoadState::Dry,
        RoadState::Wet,
        RoadState::StandingWater,
        RoadState::Snow,
        RoadState::Ice,
    ]));
    let value = |low: f64, high: f64| prop::option::of(low..high);
    (state, value(-5.0, 5.0), value(0.5, 1.0), value(10.0, 600.0), value(0.0, 30.0), value(0.0, 30.0), value(0.0, 6.0))
        .prop_map(|(road_state, road, humidity, sight, rain, wind, film)| Weather {
            road_state,
            road_temperature_c: road,
            humidity,
            visibility_m: sight,
            rain_mm_per_h: rain,
            wind_speed_mps: wind,
            water_film_mm: film,
            ..Weather::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever comes: each event starts once and ends at most once, in this order, and identities are never used again.
    #[test]
    fn any_weather_is_told_in_order(
        reports in prop::collection::vec((any_weather(), 0_usize..3, 1_u32..120, -60_i32..5), 1..200),
    ) {
        let (map, mut monitor, mut changes) = (map(), monitor(), Vec::new());
        let mut now = 0.0;
        for (weather, station, wait_s, late_s) in &reports {
            now += f64::from(*wait_s);
            monitor.weather(at(now), *station, at(now + f64::from(*late_s)), weather, &mut changes);
            monitor.update(at(now), &map, &[], &Context::default(), &mut changes);
        }
        let mut running = std::collections::BTreeMap::new();
        let mut last_id = 0;
        for change in &changes {
            match change.stage {
                Stage::Start => {
                    prop_assert!(change.id.0 > last_id);
                    last_id = change.id.0;
                    running.insert(change.id, change.kind);
                }
                Stage::Update => prop_assert_eq!(running.get(&change.id), Some(&change.kind)),
                Stage::Cleared | Stage::Lost => prop_assert_eq!(running.remove(&change.id), Some(change.kind)),
            }
            prop_assert!((0.0..=1.0).contains(&change.confidence));
        }
        prop_assert_eq!(running.len(), monitor.active());
        prop_assert!(monitor.active() <= 12);
    }
}
