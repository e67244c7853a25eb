//! What holds for any input: no panic, no number that is none, the order of tracks does not matter, the same input gives
//! the same output, and each event has one start and one end.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use std::collections::BTreeMap;

use common::{map, template, time};
use fusion::{Class, Track, TrackId, V2xId};
use proptest::prelude::*;
use rsu_units::Vector2;
use traffic_events::{
    Context, EventChange, EventKind, EventsConfig, LaneInterval, LaneStatistics, LaneStatisticsConfig, Light, Monitor,
    SignalState, Stage,
};

/// Numbers from the road, from beyond, and none.
fn number(scale: f64) -> impl Strategy<Value = f64> {
    prop_oneof![
        60 => -scale..scale,
        1 => Just(0.0),
        1 => any::<f64>(),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::MAX), Just(f64::MIN_POSITIVE)],
    ]
}

fn track() -> impl Strategy<Value = Track> {
    (
        (0_u64..12, 0_usize..6),
        (number(60.0), number(12.0), number(15.0), number(4.0)),
        (
            proptest::option::of(number(4.0)),
            0.0..20.0_f64,
            0.0..3.0_f64,
            prop_oneof![2 => 0.6..1.0_f64, 1 => 0.0..0.6_f64],
        ),
        proptest::array::uniform10(number(0.5)),
        any::<bool>(),
    )
        .prop_map(
            |((id, class), (x, y, vx, vy), (heading_rad, length, width, existence), mut covariance, diagonal)| {
                if diagonal {
                    for (index, value) in covariance.iter_mut().enumerate() {
                        *value = if [0, 4, 7, 9].contains(&index) { value.abs() } else { 0.0 };
                    }
                }
                Track {
                    id: TrackId(id),
                    position_m: Vector2::new(x - 30.0, y),
                    velocity_mps: Vector2::new(vx, vy),
                    covariance,
                    heading_rad,
                    extent_m: (length, width),
                    existence,
                    v2x_id: (id % 3 == 0).then_some(V2xId([id as u8; 8])),
                    ..template(Class::ALL[class])
                }
            },
        )
}

/// Looks: the time since the last one in steps of 50 ms, and tracks with different identities that mostly go on.
fn looks() -> impl Strategy<Value = Vec<(u8, Vec<Track>)>> {
    let look = (prop_oneof![8 => 1_u8..4, 1 => 0_u8..80], proptest::collection::vec(track(), 0..8));
    proptest::collection::vec(look, 1..6).prop_map(|looks| {
        // Every look is repeated, moved on, so that conditions have time to hold.
        let mut all = Vec::new();
        for (step, mut tracks) in looks {
            tracks.sort_by_key(|track| track.id);
            tracks.dedup_by_key(|track| track.id);
            for repeat in 0..40_u32 {
                let mut moved = tracks.clone();
                for track in &mut moved {
                    track.position_m = track.position_m + track.velocity_mps * (0.05 * f64::from(repeat));
                }
                all.push((step, moved));
            }
        }
        all
    })
}

fn run(looks: &[(u8, Vec<Track>)], reverse: bool) -> (Vec<EventChange>, Vec<LaneInterval>) {
    let map = map();
    let mut monitor = Monitor::new(&EventsConfig::default());
    let mut statistics = LaneStatistics::new(LaneStatisticsConfig {
        interval: std::time::Duration::from_secs(5),
        ..LaneStatisticsConfig::default()
    });
    let (mut changes, mut records) = (Vec::new(), Vec::new());
    let mut t = 0.0;
    for (step, tracks) in looks {
        t += f64::from(*step) * 0.05;
        let at = time(t);
        let mut tracks = tracks.clone();
        for track in &mut tracks {
            (track.at, track.first_measured_at) = (at, time(0.0));
            (track.last_measured_at, track.classified_at) = (at, at);
        }
        if reverse {
            tracks.reverse();
        }
        let red = SignalState { group: 1, light: Light::Red, since: time(-10.0) };
        let context = Context { signals: &[red], emergency: &[V2xId([3; 8])] };
        monitor.update(at, &map, &tracks, &context, &mut changes);
        statistics.update(at, &map, &tracks, &mut records);
    }
    monitor.clear(time(t), &mut changes);
    (changes, records)
}

fn is_sound(change: &EventChange) -> bool {
    (0.0..=1.0).contains(&change.confidence)
        && change.position_m.is_finite()
        && change.began_at <= change.at
        && change.participants.len() <= 16
        && change.evidence.looks_held <= change.evidence.looks
        && change.evidence.tracks.iter().all(|track| track.from <= track.to)
        && change.evidence.measures.iter().all(|measure| measure.value.is_finite() && measure.limit.is_finite())
        && !change.participants.is_empty()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_input_gives_sound_events(looks in looks()) {
        let (changes, records) = run(&looks, false);
        for change in &changes {
            prop_assert!(is_sound(change), "{change:?}");
        }
        for record in &records {
            let numbers = [record.coverage, record.occupancy, record.stretch_flow_veh_per_h, record.density_veh_per_km];
            prop_assert!(numbers.iter().all(|n| n.is_finite() && *n >= 0.0), "{record:?}");
            prop_assert!(record.mean_speed_mps.is_none_or(f64::is_finite));
            prop_assert!(record.mean_headway_s.is_none_or(f64::is_finite));
        }
    }

    #[test]
    fn the_order_of_tracks_does_not_matter_and_nothing_is_left_to_chance(looks in looks()) {
        let (forward, again, backward) = (run(&looks, false), run(&looks, false), run(&looks, true));
        prop_assert_eq!(format!("{forward:?}"), format!("{again:?}"));
        prop_assert_eq!(format!("{forward:?}"), format!("{backward:?}"));
    }

    #[test]
    fn every_event_starts_once_and_ends_once(looks in looks()) {
        let (changes, _) = run(&looks, false);
        let mut running: BTreeMap<u64, EventKind> = BTreeMap::new();
        let mut last_id = 0;
        for change in &changes {
            match change.stage {
                Stage::Start => {
                    prop_assert!(change.id.0 > last_id);
                    last_id = change.id.0;
                    running.insert(last_id, change.kind);
                }
                Stage::Update => prop_assert_eq!(running.get(&change.id.0), Some(&change.kind)),
                Stage::Cleared | Stage::Lost => {
                    prop_assert_eq!(running.remove(&change.id.0), Some(change.kind));
                }
            }
        }
        prop_assert!(running.is_empty(), "clearing ends all");
    }
}
