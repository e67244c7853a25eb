//! Alarms and truths that are nearly each other's.

use super::*;
use crate::scenes::Place;

/// Two road users: `a` goes east with 10 m/s along y = 0, `b` stands at (0, 50).
fn truth() -> Truth {
    let mut truth = Truth::default();
    for t in 3000..3400_i64 {
        let place = |id, x, y| Place { id, x, y, evaluated: true };
        truth.at.insert(t, vec![place(0, (t - 3000) as f64, 0.0), place(1, 0.0, 50.0)]);
    }
    truth
}

fn event(kind: &str, id: &str, other: Option<&str>, t0_s: f64, t1_s: f64) -> TrueEvent {
    TrueEvent { kind: kind.into(), id: id.into(), other: other.map(str::to_owned), t0_s, t1_s }
}

fn alarm(kind: &str, lane: &str, lines: &[(f64, f64, f64)]) -> Alarm {
    let (first, last) = (lines[0].0, lines[lines.len() - 1].0);
    Alarm {
        kind: kind.into(),
        start_s: first,
        began_s: first,
        end_s: last,
        lane: lane.into(),
        lines: lines.iter().map(|&(t_s, x_m, y_m)| Line { t_s, x_m, y_m, participants: Vec::new() }).collect(),
    }
}

/// A collision risk of two at a time.
fn risk(t_s: f64, first: (f64, f64), second: (f64, f64)) -> Alarm {
    let participants = [first, second].iter().zip(1..).map(|(&(x_m, y_m), id)| Participant { id, x_m, y_m }).collect();
    let line = Line { t_s, x_m: first.0, y_m: first.1, participants };
    Alarm { lines: vec![line], ..alarm("collision_risk", "", &[(t_s, first.0, first.1)]) }
}

fn score(truths: &[TrueEvent], alarms: &[Alarm]) -> Score {
    let names = ["a".to_owned(), "b".to_owned()];
    let scene = Scene { truth: &truth(), names: &names };
    let definition = DEFINITIONS.iter().find(|definition| definition.truth == truths[0].kind).unwrap();
    scene.score(definition, truths, alarms)
}

#[test]
fn an_alarm_at_the_place_is_found_and_a_second_is_a_duplicate() {
    let truths = [event("speeding", "a", None, 305.0, 310.0)];
    // At 306 s the car is at 60 m, between the lines as well.
    let good = alarm("speeding", "", &[(306.4, 64.0, 0.0), (309.4, 94.0, 1.0)]);
    let again = alarm("speeding", "", &[(309.9, 99.0, 0.0), (310.5, 105.0, 0.0)]);
    let elsewhere = alarm("speeding", "", &[(306.0, 60.0, 9.0), (308.0, 80.0, 9.0)]);
    let other_kind = alarm("queue", "", &[(306.0, 60.0, 0.0)]);
    let result = score(&truths, &[again, good, elsewhere, other_kind]);
    assert_eq!((result.truths, result.found, result.alarms, result.duplicates), (1, 1, 3, 1));
    assert!((result.delay_s().unwrap() - 0.4).abs() < 1e-9, "{result:?}");
}

#[test]
fn the_tolerance_is_a_second() {
    let truths = [event("stopped_vehicle", "b", None, 310.0, 330.0)];
    let early = |end| alarm("stopped_vehicle", "", &[(305.0, 0.0, 50.0), (end, 0.0, 50.0)]);
    assert_eq!(score(&truths, &[early(309.0)]).found, 1);
    let missed = score(&truths, &[early(308.8)]);
    assert_eq!((missed.found, missed.missed), (0, vec!["b 310.0 s".to_owned()]));
}

#[test]
fn the_place_of_a_queue_is_its_approach() {
    let queue = [event("queue", "EC_3", None, 320.0, 330.0)];
    assert_eq!(score(&queue, &[alarm("queue", "EC_2", &[(325.0, 0.0, 0.0)])]).found, 1);
    assert_eq!(score(&queue, &[alarm("queue", "EC", &[(325.0, 0.0, 0.0)])]).found, 1);
    assert_eq!(score(&queue, &[alarm("queue", "NC_3", &[(325.0, 0.0, 0.0)])]).found, 0);
}

#[test]
fn one_alarm_cannot_serve_two_events_and_as_many_as_can_be_are_found() {
    let twice = |t| event("stopped_vehicle", "b", None, t, t + 5.0);
    let long = alarm("stopped_vehicle", "", &[(305.0, 0.0, 50.0), (325.0, 0.0, 50.0)]);
    let first = alarm("stopped_vehicle", "", &[(304.0, 0.0, 50.0), (308.0, 0.0, 50.0)]);
    assert_eq!(score(&[twice(305.0), twice(320.0)], std::slice::from_ref(&long)).found, 1);
    // The first event would like the long alarm best, but the second has no other.
    assert_eq!(score(&[twice(305.0), twice(320.0)], &[long, first]).found, 2);
}

#[test]
fn lines_become_alarms() {
    let text = r#"{"event_id":7,"kind":"wrong_way","code":904,"stage":"start","t_s":306.0,"began_s":305.2,"x_m":1.0,"y_m":2.0,"lane":"CW_3"}

{"event_id":"8","kind":"queue","stage":"start","t_s":306.5,"x_m":0,"y_m":0,"lane":null}
{"event_id":7,"kind":"wrong_way","stage":"end","t_s":309.0,"began_s":305.2,"x_m":4.0,"y_m":2.0,"lane":""}"#;
    let alarms = read_alarms(text).unwrap();
    let wrong_way = alarms.iter().find(|alarm| alarm.kind == "wrong_way").unwrap();
    assert_eq!((alarms.len(), wrong_way.start_s, wrong_way.began_s, wrong_way.end_s), (2, 306.0, 305.2, 309.0));
    assert_eq!((wrong_way.lane.as_str(), wrong_way.place_at(307.5)), ("CW_3", (2.5, 2.0)));
    assert_eq!((wrong_way.place_at(300.0), wrong_way.place_at(400.0)), ((1.0, 2.0), (4.0, 2.0)));
    assert!(read_alarms(r#"{"event_id":7}"#).is_err());
}

#[test]
fn the_median_is_the_middle() {
    let with = |delays: &[f64]| Score { delays_s: delays.to_vec(), ..Score::default() }.delay_s();
    assert_eq!((with(&[]), with(&[2.0, 1.0, 9.0]), with(&[1.0, 2.0])), (None, Some(2.0), Some(1.5)));
}

#[test]
fn both_of_a_pair_must_be_where_the_road_users_are() {
    let truths = [event("collision_risk", "a", Some("b"), 320.0, 321.0)];
    let found = |alarm: Alarm| score(&truths, &[alarm]).found;
    // At 320.3 s `a` is at 203 m.
    assert_eq!(found(risk(320.3, (203.0, 0.0), (1.0, 49.0))), 1);
    assert_eq!(found(risk(320.3, (0.0, 51.0), (201.0, 0.0))), 1);
    // One of them is somebody else, both are the same one, or nobody is named.
    assert_eq!(found(risk(320.3, (203.0, 0.0), (9.0, 49.0))), 0);
    assert_eq!(found(risk(320.3, (0.0, 51.0), (1.0, 49.0))), 0);
    assert_eq!(found(alarm("collision_risk", "", &[(320.3, 1.0, 49.0)])), 0);
    // Between two lines each participant is on its way, also when the lines name them in another order.
    let mut long = risk(320.0, (200.0, 0.0), (0.0, 50.0));
    long.lines.push(risk(324.0, (240.0, 0.0), (0.0, 50.0)).lines.remove(0));
    long.lines[1].participants.reverse();
    long.end_s = 324.0;
    assert_eq!(long.participants_at(322.0), [(220.0, 0.0), (0.0, 50.0)]);
}

/// The truth with `a` out of view until a time, tenths of a second.
fn hidden_until(until: i64) -> Truth {
    let mut truth = truth();
    for (t, places) in &mut truth.at {
        places[0].evaluated = *t >= until;
    }
    truth
}

#[test]
fn what_no_sensor_sees_is_told_beside() {
    let names = ["a".to_owned(), "b".to_owned()];
    let truths = [event("collision_risk", "b", Some("a"), 320.0, 321.0)];
    let definition = DEFINITIONS.iter().find(|definition| definition.truth == "collision_risk").unwrap();
    let alarm = || [risk(320.9, (209.0, 0.0), (0.0, 50.0))];
    let told = |until, alarms: &[Alarm]| {
        let truth = hidden_until(until);
        let (score, beside) = Scene { truth: &truth, names: &names }.score_beside(definition, &truths, alarms);
        (score, beside.seeable, beside.found)
    };
    // Three samples are enough, two are not; the delay counts from when both are seen.
    let (score, seeable, found) = told(3208, &alarm());
    assert_eq!((score.truths, score.found, seeable, found), (1, 1, 1, 1));
    assert!((score.delays_s[0] - (320.9 - 320.8 - 0.2)).abs() < 1e-9, "{score:?}");
    let (score, seeable, found) = told(3209, &alarm());
    assert_eq!((score.truths, score.found, seeable, found), (1, 1, 0, 0));
    let (score, seeable, _) = told(3209, &[]);
    assert_eq!((score.found, seeable, score.missed), (0, 0, vec!["b 320.0 s (seen by no sensor)".to_owned()]));
}

#[test]
fn a_pair_that_the_truth_leaves_out_is_neither_right_nor_false() {
    // Towards each other along y = 0 with 10 m/s each, and at 301 s 30 m between their centres.
    let mut truth = Truth::default();
    for t in 3000..3030_i64 {
        let gone = (t - 3000) as f64;
        let place = |id, x| Place { id, x, y: 0.0, evaluated: true };
        truth.at.insert(t, vec![place(0, gone), place(1, 50.0 - gone)]);
    }
    let definition = DEFINITIONS.iter().find(|definition| definition.truth == "collision_risk").unwrap();
    let told = |names: [&str; 2]| {
        let names = names.map(str::to_owned);
        let alarms = [risk(301.0, (10.0, 0.0), (40.0, 0.0))];
        let (score, beside) = Scene { truth: &truth, names: &names }.score_beside(definition, &[], &alarms);
        (score.alarms, beside.outside)
    };
    assert_eq!(told(["car_WE.1", "moto_EW.2"]), (0, 1));
    assert_eq!(told(["moto_EW.2", "wrongway_0"]), (0, 1));
    // These the truth would list, so here it is a false alarm.
    assert_eq!(told(["car_WE.1", "truck_EW.2"]), (1, 0));
    assert_eq!(told(["moto_EW.2", "ped_E_WC.0"]), (1, 0));
}
