//! Cost of one second of traffic, by the number of road users.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may stop")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fusion::Tracker;

#[path = "../tests/common/mod.rs"]
mod common;

fn bench(c: &mut Criterion) {
    let mut group = c.benchmark_group("tracker");
    for users in [50, 100, 200] {
        let frames = common::traffic(users, 3.0, 0.15);
        let (warm_up, timed) = frames.split_at(frames.len() * 2 / 3);
        let mut warm = common::tracker(common::three_sensors());
        for frame in warm_up {
            warm.accept(frame.clone()).unwrap();
        }
        common::tracks(&mut warm, 2.0);
        let run = |(mut tracker, frames): (Tracker, Vec<_>)| {
            let mut tracks = Vec::new();
            for frame in frames {
                let frame: fusion::SensorFrame = frame;
                let now = frame.measured_at;
                tracker.accept(frame).unwrap();
                tracker.tracks_at(now, &mut tracks);
            }
            tracks.len()
        };
        group.throughput(Throughput::Elements(timed.iter().map(|frame| frame.detections.len() as u64).sum()));
        group.bench_function(BenchmarkId::new("detections", users), |b| {
            b.iter_batched(|| (warm.clone(), timed.to_vec()), run, BatchSize::LargeInput);
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
