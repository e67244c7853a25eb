//! Poles beside a straight road: lights that go ahead of who comes, warnings, weather, alarms, and what the cloud is told.
//! Road users tell themselves where they are, so that their tracks are simple.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop")]

#[path = "poles/site.rs"]
mod site;

use std::collections::BTreeSet;
use std::time::Duration;

use edge_core::poles::{
    DarkRule, LightingSettings, PoleAlarm, PoleAlarmKind, PoleContent, PoleMeasurements, PoleQuantity, PoleWish,
    PolesConfig,
};
use edge_core::{Item, Output, Priority};
use proptest::prelude::*;
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Vector2;
use site::{RADIUS_M, Run, START, User, at, poles, up};
use traffic_events::{EventKind, RoadState};

/// Ten degrees, no lamp on: nothing that somebody else looks at.
fn readings(values: &[(PoleQuantity, f64)], road_state: Option<RoadState>) -> PoleContent {
    let mut measurements = Box::new(PoleMeasurements::default());
    for (quantity, value) in values {
        measurements.set(*quantity, *value).unwrap();
    }
    if let Some(state) = road_state {
        measurements.set_road_state(state);
    }
    PoleContent::Readings { measurements, backlog: false }
}

fn always_dark() -> PolesConfig {
    PolesConfig { lighting: LightingSettings { dark: DarkRule::Always, ..LightingSettings::default() }, ..poles() }
}

/// Times of the orders of one kind to one pole.
fn told(run: &Run, pole: usize, fits: impl Fn(&PoleWish) -> bool) -> Vec<f64> {
    run.orders()
        .filter(|(_, order)| order.pole.index() == pole && fits(&order.wish))
        .map(|(told_at, _)| told_at.seconds_since(START))
        .collect()
}

fn brightens(wish: &PoleWish) -> bool {
    matches!(wish, PoleWish::Brighten { .. })
}

#[test]
fn lights_go_ahead_of_a_car_and_end_behind_it() {
    let config = always_dark();
    let lighting = config.lighting;
    let mut run = Run::new(config);
    run.all_up();
    let car = User::car(Vector2::new(-380.0, -1.75), Vector2::new(15.0, 0.0));
    run.drive(&[car], 45.0);
    let mut lit = 0;
    for (pole, setup) in poles().poles.iter().enumerate() {
        // The zone reaches so far along the lane.
        let half_m = (RADIUS_M * RADIUS_M - (setup.position_m.y + 1.75).powi(2)).sqrt();
        let (enters_at, leaves_at) =
            ((setup.position_m.x - half_m + 380.0) / 15.0, (setup.position_m.x + half_m + 380.0) / 15.0);
        let times = told(&run, pole, brightens);
        if enters_at < 7.0 || leaves_at > 44.0 {
            continue;
        }
        lit += 1;
        let (first, last) = (times[0], *times.last().unwrap());
        let margin_s = enters_at - first;
        let wanted_s = lighting.ahead.as_secs_f64() + lighting.ramp.as_secs_f64();
        // Bright when the ramp is over; and at most one step of the search earlier than need be.
        assert!((wanted_s..wanted_s + 1.6).contains(&margin_s), "pole {pole}: {margin_s} s before");
        let (hold_s, refresh_s) = (lighting.hold.as_secs_f64(), lighting.refresh.as_secs_f64());
        assert!(last + hold_s > leaves_at, "pole {pole} dims at {} before {leaves_at}", last + hold_s);
        assert!(last <= leaves_at + lighting.behind_m / 15.0 + 0.5, "pole {pole} told at {last}, left at {leaves_at}");
        assert!(times.windows(2).all(|pair| (refresh_s - 0.01..=refresh_s + 0.11).contains(&(pair[1] - pair[0]))));
    }
    assert!(lit >= 8, "{lit} poles were looked at");
    let wish = run.orders().find(|(_, order)| brightens(&order.wish)).unwrap().1.wish.clone();
    let (level, ramp, hold) = (lighting.presence_level, lighting.ramp, lighting.hold);
    assert_eq!(wish, PoleWish::Brighten { level, ramp, hold });
}

#[test]
fn who_walks_has_light_on_all_sides_and_less_of_it() {
    let mut run = Run::new(always_dark());
    run.all_up();
    run.drive(&[User::pedestrian(Vector2::new(10.0, -7.0), Vector2::new(0.3, 0.0))], 6.0);
    let lit: BTreeSet<usize> =
        (0..poles().poles.len()).filter(|pole| !told(&run, *pole, brightens).is_empty()).collect();
    let near = |reach_m: f64| {
        let near = poles()
            .poles
            .into_iter()
            .enumerate()
            .filter(move |(_, setup)| (setup.position_m - Vector2::new(11.0, -7.0)).norm() < RADIUS_M + reach_m);
        near.map(|(pole, _)| pole).collect::<BTreeSet<_>>()
    };
    assert!(lit.is_superset(&near(17.0)) && lit.is_subset(&near(24.0)), "{lit:?}");
    assert!((2..=4).contains(&lit.len()), "{lit:?}");
}

#[test]
fn by_day_nobody_needs_light() {
    let car = || User::car(Vector2::new(-380.0, -1.75), Vector2::new(15.0, 0.0));
    let illuminance = |lux: f64| readings(&[(PoleQuantity::Illuminance, lux)], None);
    let lit = |config: PolesConfig, reports: &[f64]| {
        let mut run = Run::new(config);
        run.all_up();
        for (number, lux) in reports.iter().enumerate() {
            for pole in 0..poles().poles.len() {
                run.pole(pole, at(number as f64), illuminance(*lux));
            }
        }
        run.drive(&[car()], 20.0);
        run.orders().filter(|(_, order)| brightens(&order.wish)).count()
    };
    assert_eq!(lit(poles(), &[8000.0]), 0);
    assert!(lit(poles(), &[4.0]) > 10);
    // Between the thresholds it stays as it was; at first as if it were not known.
    assert_eq!(lit(poles(), &[8000.0, 40.0]), 0);
    assert!(lit(poles(), &[4.0, 40.0]) > 10);
    assert!(lit(poles(), &[]) > 10, "who does not know it counts as dark");
    let rule = DarkRule::Below { dark_lx: 30.0, light_lx: 45.0, unless_known: false };
    let lighting = LightingSettings { dark: rule, ..LightingSettings::default() };
    assert_eq!(lit(PolesConfig { lighting, ..poles() }, &[]), 0);
    let off = LightingSettings { enabled: false, ..LightingSettings::default() };
    assert_eq!(lit(PolesConfig { lighting: off, ..poles() }, &[4.0]), 0);
}

#[test]
fn the_base_level_follows_the_dark() {
    let level = edge_core::poles::Level::from_permille(300);
    let lighting = LightingSettings { base_level: level, ..LightingSettings::default() };
    let mut run = Run::new(PolesConfig { lighting, ..poles() });
    run.pole(0, at(0.0), up(true, true));
    let lux = |lux| readings(&[(PoleQuantity::Illuminance, lux)], None);
    run.pole(0, at(1.0), lux(5.0));
    run.wake_until(at(5.0));
    run.pole(0, at(5.0), lux(500.0));
    run.wake_until(at(10.0));
    run.pole(0, at(10.0), up(true, true));
    run.wake_until(at(12.0));
    let levels: Vec<u16> = run
        .orders()
        .map(|(_, order)| match &order.wish {
            PoleWish::Base { level, .. } => level.permille(),
            other => panic!("{other:?}"),
        })
        .collect();
    // Dark, light, and again when it came up and had forgotten.
    assert_eq!(levels, [300, 0, 0]);
}

/// Poles that show a reason when all was done.
fn showing(run: &Run, reason: EventKind) -> BTreeSet<usize> {
    let mut showing = BTreeSet::new();
    for (_, order) in run.orders() {
        match &order.wish {
            PoleWish::Warn { reason: shown, .. } if *shown == reason => {
                showing.insert(order.pole.index());
            }
            PoleWish::Warn { .. } | PoleWish::ClearWarning => {
                showing.remove(&order.pole.index());
            }
            _ => {}
        }
    }
    showing
}

fn between(from_m: f64, to_m: f64) -> BTreeSet<usize> {
    let inside = |(pole, setup): (usize, edge_core::poles::PoleSetup)| {
        (from_m..=to_m).contains(&setup.position_m.x).then_some(pole)
    };
    poles().poles.into_iter().enumerate().filter_map(inside).collect()
}

#[test]
fn a_pedestrian_on_the_road_is_shown_in_the_same_call_and_cleared_in_the_same_call() {
    let mut run = Run::new(poles());
    run.all_up();
    // Walks on the road, stops being there after five seconds.
    run.drive(&[User::pedestrian(Vector2::new(5.0, -1.75), Vector2::new(0.5, 0.0)).until(5.0)], 40.0);
    let calls = run.calls();
    let started = calls.iter().find(|call| call.event(405, v1::EventStage::Start)).expect("it starts");
    let warned: BTreeSet<usize> = started
        .orders()
        .filter_map(|order| match &order.wish {
            PoleWish::Warn { reason: EventKind::PedestrianOnCarriageway, beacon: true, .. } => Some(order.pole.index()),
            _ => None,
        })
        .collect();
    // Both directions: up the road from it on either side, and at its place; the settings say 150 m.
    assert!(warned.is_superset(&between(-140.0, 150.0)) && warned.is_subset(&between(-150.0, 160.0)), "{warned:?}");
    // Refreshed while it lasts, which is shorter than the warning does by itself.
    let middle = *between(-5.0, 5.0).first().unwrap();
    let times = told(&run, middle, |wish| matches!(wish, PoleWish::Warn { .. }));
    assert!(times.len() >= 3 && times.windows(2).all(|pair| pair[1] - pair[0] < 2.2), "{times:?}");
    // Gone in the call in which the event ends, and never again.
    let ended = calls.iter().find(|call| call.event(405, v1::EventStage::End)).expect("it ends");
    let cleared: BTreeSet<usize> =
        ended.orders().filter(|order| order.wish == PoleWish::ClearWarning).map(|order| order.pole.index()).collect();
    assert_eq!(cleared, warned);
    assert!(showing(&run, EventKind::PedestrianOnCarriageway).is_empty());
    assert_eq!(told(&run, middle, |wish| *wish == PoleWish::ClearWarning).len(), 1);
}

#[test]
fn a_wrong_way_driver_is_shown_to_those_it_meets_and_no_more_behind_it() {
    let mut run = Run::new(poles());
    run.all_up();
    let ghost = User::car(Vector2::new(150.0, -1.75), Vector2::new(-12.0, 0.0));
    run.drive(&[ghost], 14.0);
    let calls = run.calls();
    let started = calls.iter().find(|call| call.event(904, v1::EventStage::Start)).expect("it starts");
    let x_m = started.events().next().unwrap().x_m;
    let warned: BTreeSet<usize> = started.orders().map(|order| order.pole.index()).collect();
    assert!(warned.is_superset(&between(x_m - 140.0, x_m)), "{warned:?} at {x_m}");
    assert!(warned.is_subset(&between(x_m - 160.0, x_m + RADIUS_M)), "{warned:?} at {x_m}");
    // It went on, and so did the warning.
    let x_m = 150.0 - 12.0 * 14.0;
    let showing = showing(&run, EventKind::WrongWayDriving);
    assert!(showing.is_superset(&between(x_m - 135.0, x_m)), "{showing:?} at {x_m}");
    assert!(showing.is_subset(&between(x_m - 175.0, x_m + RADIUS_M + 25.0)), "{showing:?} at {x_m}");
}

#[test]
fn of_two_events_the_most_urgent_is_shown() {
    let mut run = Run::new(poles());
    run.all_up();
    let walker = User::pedestrian(Vector2::new(0.0, -1.75), Vector2::new(0.2, 0.0));
    let ghost = User::car(Vector2::new(150.0, -1.75), Vector2::new(-12.0, 0.0)).from(4.0).until(8.0);
    run.drive(&[walker, ghost], 20.0);
    let middle = *between(-5.0, 5.0).first().unwrap();
    let mut reasons: Vec<EventKind> = run
        .orders()
        .filter(|(_, order)| order.pole.index() == middle)
        .filter_map(|(_, order)| match &order.wish {
            PoleWish::Warn { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    reasons.dedup();
    let (walker, ghost) = (EventKind::PedestrianOnCarriageway, EventKind::WrongWayDriving);
    assert_eq!(reasons, [walker, ghost, walker]);
    assert!(told(&run, middle, |wish| *wish == PoleWish::ClearWarning).is_empty());
}

#[test]
fn a_pole_that_connects_is_told_what_is_in_force() {
    let mut run = Run::new(poles());
    let middle = *between(-5.0, 5.0).first().unwrap();
    run.pole(middle, at(0.0), up(true, true));
    let walker = User::pedestrian(Vector2::new(0.0, -1.75), Vector2::new(0.2, 0.0));
    run.drive(&[walker], 4.0);
    assert!(!told(&run, middle, |wish| matches!(wish, PoleWish::Warn { .. })).is_empty());
    run.pole(middle, at(4.0), PoleContent::Down);
    let before = told(&run, middle, |_| true).len();
    run.drive(&[walker], 7.0);
    assert_eq!(told(&run, middle, |_| true).len(), before, "nobody speaks to who cannot hear");
    run.pole(middle, at(7.05), up(true, true));
    let call = run.calls().pop().unwrap();
    assert_eq!(call.orders().count(), 1, "{:?}", call.orders().collect::<Vec<_>>());
    assert!(matches!(call.orders().next().unwrap().wish, PoleWish::Warn { .. }));
    // One without a display is told nothing, one without a link neither.
    run.pole(middle + 1, at(7.1), up(true, false));
    run.drive(&[walker], 9.0);
    assert!(told(&run, middle + 1, |wish| matches!(wish, PoleWish::Warn { .. })).is_empty());
    assert!(told(&run, middle + 2, |_| true).is_empty());
}

/// A pole's weather each ten seconds.
fn weather(run: &mut Run, pole: usize, from_s: f64, count: u32, content: &PoleContent) {
    for step in 0..count {
        run.pole(pole, at(from_s + f64::from(step) * 10.0), content.clone());
    }
}

#[test]
fn ice_is_told_to_the_cloud_on_the_air_and_on_the_poles() {
    let mut run = Run::new(poles());
    run.all_up();
    let ice = readings(&[(PoleQuantity::RoadTemperature, -2.0)], Some(RoadState::Ice));
    let dry = readings(&[(PoleQuantity::RoadTemperature, 6.0)], Some(RoadState::Dry));
    weather(&mut run, 5, 0.0, 12, &ice);
    weather(&mut run, 5, 120.0, 40, &dry);
    let place_m = poles().poles[5].position_m;
    let calls = run.calls();
    let started = calls.iter().find(|call| call.event(409, v1::EventStage::Start)).expect("it starts");
    let event = started.events().next().unwrap();
    assert_eq!((event.kind(), event.pole_id.as_str(), event.radius_m), (v1::EventKind::Ice, "p05", Some(RADIUS_M)));
    assert!((event.x_m - place_m.x).abs() < 1e-9 && (event.y_m - place_m.y).abs() < 1e-9);
    assert_eq!(event.header.as_ref().unwrap().stream, "events");
    assert!(event.header.as_ref().unwrap().caused_by_arrival_us > 0);
    // On the air in the same call, where it is and as far as it is believed to reach.
    let rsi = started.outputs.iter().find_map(|output| match output {
        Output::Send(content) => match content.as_ref() {
            Content::Rsi(rsi) => Some(rsi),
            _ => None,
        },
        _ => None,
    });
    let [told] = &rsi.expect("an RSI").events[..] else { panic!("one event") };
    assert_eq!((told.event_type, told.radius_m), (409, Some(RADIUS_M)));
    // And the poles that lead there show it.
    let warned: BTreeSet<usize> = started.orders().map(|order| order.pole.index()).collect();
    assert!(warned.contains(&5) && warned.is_superset(&between(place_m.x - 140.0, place_m.x)), "{warned:?}");
    let ended = calls.iter().find(|call| call.event(409, v1::EventStage::End)).expect("it ends");
    assert_eq!(ended.events().next().unwrap().end_reason(), v1::EndReason::Cleared);
    assert!(showing(&run, EventKind::Ice).is_empty());
}

#[test]
fn weather_that_is_nearly_so_or_old_says_nothing_and_silence_is_a_loss() {
    let events =
        |run: &Run| run.calls().iter().flat_map(|call| call.events().cloned().collect::<Vec<_>>()).collect::<Vec<_>>();
    let mut run = Run::new(poles());
    run.all_up();
    let warm = readings(&[(PoleQuantity::RoadTemperature, 3.0)], Some(RoadState::Ice));
    let mist = readings(&[(PoleQuantity::Visibility, 260.0), (PoleQuantity::Humidity, 0.99)], None);
    weather(&mut run, 1, 0.0, 30, &warm);
    weather(&mut run, 2, 300.0, 30, &mist);
    // What a pole kept while it had no link is for the archive.
    let fog = readings(&[(PoleQuantity::Visibility, 60.0), (PoleQuantity::Humidity, 0.99)], None);
    let PoleContent::Readings { measurements, .. } = fog.clone() else { panic!() };
    weather(&mut run, 3, 600.0, 30, &PoleContent::Readings { measurements, backlog: true });
    assert_eq!(events(&run), []);
    weather(&mut run, 4, 900.0, 10, &fog);
    run.wake_until(at(1400.0));
    let stages: Vec<_> = events(&run).iter().map(|event| (event.stage(), event.end_reason())).collect();
    assert_eq!(stages[0], (v1::EventStage::Start, v1::EndReason::Unspecified));
    assert_eq!(*stages.last().unwrap(), (v1::EventStage::End, v1::EndReason::Lost));
    // All readings went to the cloud, the kept ones marked.
    let kept =
        run.items().filter(|(_, _, item)| matches!(item, Item::PoleReadings(readings) if readings.backlog)).count();
    let all = run.items().filter(|(_, _, item)| matches!(item, Item::PoleReadings(_))).count();
    assert_eq!((kept, all), (30, 100));
}

fn alarms(run: &Run) -> Vec<(Priority, v1::PoleAlarm)> {
    let alarm = |(_, priority, item): (_, Priority, &Item)| match item {
        Item::PoleAlarm(alarm) => Some((priority, alarm.clone())),
        _ => None,
    };
    run.items().filter_map(alarm).collect()
}

#[test]
fn an_emergency_call_comes_before_all_and_is_told_once() {
    let mut run = Run::new(poles());
    run.all_up();
    let call =
        |active| PoleContent::Alarm(PoleAlarm { kind: PoleAlarmKind::EmergencyCall, source: 0, active, value: None });
    run.pole(3, at(1.0), call(true));
    run.pole(3, at(1.5), call(true));
    run.pole(3, at(9.0), call(false));
    let told = alarms(&run);
    let seen: Vec<_> = told.iter().map(|(priority, alarm)| (*priority, alarm.kind(), alarm.active)).collect();
    let kind = v1::PoleAlarmKind::EmergencyCall;
    assert_eq!(seen, [(Priority::Emergency, kind, true), (Priority::Emergency, kind, false)]);
    let (first, last) = (&told[0].1, &told[1].1);
    assert_eq!((first.pole_id.as_str(), first.header.as_ref().unwrap().stream.as_str()), ("p03", "pole-emergency"));
    assert_eq!((last.began_at_us, last.happened_at_us), (at(1.0).as_micros(), at(9.0).as_micros()));
    assert_eq!(last.end_reason(), v1::PoleAlarmEnd::Cleared);
}

#[test]
fn other_alarms_are_events_and_a_pole_that_started_anew_has_none() {
    let mut run = Run::new(poles());
    run.all_up();
    let tilt = PoleAlarm { kind: PoleAlarmKind::Tilt, source: 0, active: true, value: Some(7.5) };
    let wet = PoleAlarmKind::Threshold(PoleQuantity::WaterFilm);
    run.pole(3, at(1.0), PoleContent::Alarm(tilt));
    run.pole(3, at(2.0), PoleContent::Alarm(PoleAlarm { kind: wet, source: 0, active: true, value: Some(4.0) }));
    run.wake_until(at(4.0));
    let state = run.states("p03").pop().unwrap();
    assert_eq!(state.alarms.len(), 2);
    assert_eq!(state.alarms[0].value, Some(7.5));
    // The same life: the alarms go on. Another one: they are lost.
    run.pole(3, at(5.0), PoleContent::Down);
    run.pole(3, at(6.0), up(true, true));
    assert_eq!(alarms(&run).len(), 2);
    let PoleContent::Up { mut inventory, parts } = up(true, true) else { panic!() };
    inventory.boot_count += 1;
    run.pole(3, at(7.0), PoleContent::Up { inventory, parts });
    let told = alarms(&run);
    assert!(told.iter().all(|(priority, _)| *priority == Priority::Event));
    assert_eq!(told[1].1.quantity, 15, "the field of the water film");
    let lost = told[2..].iter().filter(|(_, alarm)| alarm.end_reason() == v1::PoleAlarmEnd::Lost && !alarm.active);
    assert_eq!((told.len(), lost.count()), (4, 2));
    run.wake_until(at(9.0));
    assert!(run.states("p03").pop().unwrap().alarms.is_empty());
}

#[test]
fn the_cloud_knows_each_pole_and_is_not_flooded() {
    let mut run = Run::new(poles());
    run.wake_until(at(0.2));
    let first = run.states("p00");
    assert!(first.len() == 1 && !first[0].link_up && first[0].link_since_us == 0, "{first:?}");
    run.pole(0, at(1.0), up(true, true));
    for step in 0..300 {
        let lux = readings(&[(PoleQuantity::Illuminance, f64::from(step))], None);
        run.pole(0, at(1.0 + f64::from(step) * 0.1), lux);
        let status = v1::PoleStatus { level: f64::from(step % 10) / 10.0, ..v1::PoleStatus::default() };
        run.pole(0, at(1.0 + f64::from(step) * 0.1), PoleContent::Status(Box::new(status)));
    }
    run.wake_until(at(31.5));
    let states = run.states("p00");
    assert!((4..=6).contains(&states.len()), "{}", states.len());
    let last = states.last().unwrap();
    assert!(last.link_up && last.link_ups == 1 && last.inventory.as_ref().unwrap().serial == "SP-1");
    assert!(last.readings.as_ref().unwrap().illuminance_lx.unwrap() > 200.0);
    assert!(last.status.is_some() && last.readings_at_us > 0 && last.dark == Some(false));
    // A link that comes and goes is told at once, but not more often than once a second.
    for step in 0..100 {
        let content = if step % 2 == 0 { PoleContent::Down } else { up(true, true) };
        run.pole(0, at(40.0 + f64::from(step) * 0.05), content);
    }
    run.wake_until(at(46.1));
    let flapping = run.states("p00").len() - states.len();
    assert!((5..=8).contains(&flapping), "{flapping}");
    let health =
        run.items().filter_map(|(_, _, item)| if let Item::Health(health) = item { Some(health) } else { None });
    let counted = health.last().unwrap().poles.clone().unwrap();
    assert_eq!((counted.configured, counted.up), (poles().poles.len() as u32, 1));
}

#[test]
fn the_same_reports_give_the_same_outputs() {
    let replay = || {
        let mut run = Run::new(always_dark());
        run.all_up();
        let walker = User::pedestrian(Vector2::new(0.0, -1.75), Vector2::new(0.2, 0.0)).from(2.0);
        let ghost = User::car(Vector2::new(150.0, -1.75), Vector2::new(-12.0, 0.0)).from(4.0);
        run.drive(&[walker, ghost, User::car(Vector2::new(-380.0, -1.75), Vector2::new(15.0, 0.0))], 15.0);
        weather(&mut run, 4, 15.0, 12, &readings(&[(PoleQuantity::RoadTemperature, -2.0)], Some(RoadState::Ice)));
        run.calls().into_iter().map(|call| (call.at, call.outputs)).collect::<Vec<_>>()
    };
    let once = replay();
    assert!(once.len() > 500);
    assert!(once == replay());
}

#[test]
fn a_clock_that_is_set_back_ends_warnings() {
    let mut run = Run::new(poles());
    run.all_up();
    run.drive(&[User::pedestrian(Vector2::new(0.0, -1.75), Vector2::new(0.2, 0.0))], 5.0);
    assert!(!showing(&run, EventKind::PedestrianOnCarriageway).is_empty());
    run.wake(START - Duration::from_secs(3600));
    assert!(showing(&run, EventKind::PedestrianOnCarriageway).is_empty());
}

fn any_content() -> impl Strategy<Value = PoleContent> {
    let kinds = vec![
        PoleAlarmKind::EmergencyCall,
        PoleAlarmKind::DoorOpen,
        PoleAlarmKind::Threshold(PoleQuantity::Rain),
        PoleAlarmKind::SensorFault(PoleQuantity::Visibility),
    ];
    let states = vec![RoadState::Dry, RoadState::Ice, RoadState::StandingWater, RoadState::Snow];
    prop_oneof![
        2 => (any::<bool>(), any::<bool>(), 0_u32..3).prop_map(|(luminaire, warning, boot_count)| {
            let PoleContent::Up { mut inventory, parts } = up(luminaire, warning) else { panic!() };
            inventory.boot_count = boot_count;
            PoleContent::Up { inventory, parts }
        }),
        1 => Just(PoleContent::Down),
        2 => (prop::sample::select(kinds), 0_u8..4, any::<bool>(), prop::option::of(any::<f64>()))
            .prop_map(|(kind, source, active, value)| PoleContent::Alarm(PoleAlarm { kind, source, active, value })),
        6 => (prop::sample::select(states), -4.0..4.0_f64, 0.0..60.0_f64, 10.0..500.0_f64, any::<bool>()).prop_map(
            |(state, road, lux, sight, backlog)| {
                let values =
                    [(PoleQuantity::RoadTemperature, road), (PoleQuantity::Illuminance, lux), (PoleQuantity::Visibility, sight)];
                let PoleContent::Readings { measurements, .. } = readings(&values, Some(state)) else { panic!() };
                PoleContent::Readings { measurements, backlog }
            }
        ),
        1 => any::<f64>().prop_map(|level| {
            PoleContent::Status(Box::new(v1::PoleStatus { level, ..v1::PoleStatus::default() }))
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever poles report and whoever drives: orders are bounded, only poles with a link and the part get any, and a
    /// warning that is cleared was shown.
    #[test]
    fn whatever_is_reported_orders_are_bounded(
        reports in prop::collection::vec((0_usize..30, any_content(), 0_u32..400, -40.0..1.0_f64), 1..250),
        places in prop::collection::vec((-300.0..300.0_f64, -3.0..3.0_f64, -20.0..20.0_f64, any::<bool>()), 0..4),
    ) {
        let users: Vec<User> = places
            .iter()
            .map(|(x, y, speed, on_foot)| {
                let from_m = Vector2::new(*x, *y);
                if *on_foot {
                    User::pedestrian(from_m, Vector2::new(speed / 10.0, 0.0))
                } else {
                    User::car(from_m, Vector2::new(*speed, 0.0))
                }
            })
            .collect();
        let mut run = Run::new(always_dark());
        let mut now_s = 0.0;
        for (pole, content, wait_ms, age_s) in &reports {
            now_s += f64::from(*wait_ms) / 1000.0;
            run.drive(&users, now_s);
            run.pole_with_age(*pole, at(now_s), *age_s, content.clone());
        }
        run.drive(&users, now_s + 1.0);
        let mut parts = [const { None }; 40];
        let mut shown = [false; 40];
        for call in run.calls() {
            match call.report {
                Some((pole, PoleContent::Up { parts: has, .. })) => {
                    parts[pole] = Some(has);
                    shown[pole] = false;
                }
                Some((pole, PoleContent::Down)) => {
                    parts[pole] = None;
                    shown[pole] = false;
                }
                _ => {}
            }
            for order in call.outputs.iter().filter_map(|output| if let Output::Pole(order) = output { Some(order) } else { None }) {
                let pole = order.pole.index();
                let has = parts[pole].expect("it has a link");
                match order.wish {
                    PoleWish::Brighten { .. } | PoleWish::Base { .. } => prop_assert!(has.luminaire),
                    PoleWish::Warn { .. } => {
                        prop_assert!(has.warning);
                        shown[pole] = true;
                    }
                    PoleWish::ClearWarning => {
                        prop_assert!(shown[pole]);
                        shown[pole] = false;
                    }
                }
            }
        }
        // Six at once, and two in each second.
        let most = 6 + (2.0 * (now_s + 1.0)).ceil() as usize;
        for pole in 0..poles().poles.len() {
            prop_assert!(told(&run, pole, |_| true).len() <= most);
        }
    }
}
