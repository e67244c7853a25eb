//! Time of each question to the map of a crossroads: 32 lanes, 28 connections, 4 crosswalks. Each is asked about a
//! thousand points, half of them in the junction; the time is of one question.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench may stop")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use rsu_units::Vector2;
use site_map::{LaneKind, SiteMap};

/// Points with headings, spread evenly but without pattern.
fn places() -> Vec<(Vector2, f64)> {
    (0..1000_u32)
        .map(|n| {
            let (u, v) = ((f64::from(n) * 0.754_877_666).fract(), (f64::from(n) * 0.569_840_291).fract());
            if n % 2 == 0 {
                (Vector2::new(u * 44.0 - 22.0, v * 44.0 - 22.0), u * 6.2 - 3.1)
            } else {
                let arm = (n as usize / 2) % 4;
                let point = support::on_arm(arm, 26.0 + u * 170.0, v * 21.0 - 10.5);
                let outward = support::on_arm(arm, 1.0, 0.0);
                (point, if v > 0.5 { (-outward).angle_rad() } else { outward.angle_rad() })
            }
        })
        .collect()
}

fn queries(c: &mut Criterion) {
    let map = support::crossroads();
    let places = places();
    let mut group = c.benchmark_group("site_map");
    let mut next = places.iter().cycle();
    let mut place = move || *next.next().unwrap();
    group.bench_function("lane_at", |b| b.iter(|| map.lane_at(black_box(place().0)).is_some()));
    group.bench_function("lanes_at", |b| b.iter(|| map.lanes_at(LaneKind::Vehicle, black_box(place().0), 0.5).count()));
    group.bench_function("connections_at", |b| b.iter(|| map.connections_at(black_box(place().0), 0.0).count()));
    group.bench_function("on_carriageway", |b| b.iter(|| map.on_carriageway(black_box(place().0), 0.3)));
    group.bench_function("distance_to_stop_line", |b| {
        b.iter(|| map.lane_at(black_box(place().0)).and_then(|place| map.distance_to_stop_line_m(&place)));
    });
    group.bench_function("follow_2_m", |b| {
        b.iter(|| {
            let (point, heading_rad) = place();
            map.follow(black_box(point), heading_rad, 2.0)
        });
    });
    let mut paths = Vec::new();
    group.bench_function("paths_from_100_m", |b| {
        b.iter(|| {
            let (point, heading_rad) = place();
            map.paths_from(black_box(point), heading_rad, 100.0, &mut paths);
            paths.len()
        });
    });
    group.bench_function("make_the_map", |b| {
        b.iter_batched(
            || (support::lanes(), support::areas()),
            |(lanes, areas)| SiteMap::new(support::frame(), lanes, areas).unwrap(),
            criterion::BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, queries);
criterion_main!(benches);
