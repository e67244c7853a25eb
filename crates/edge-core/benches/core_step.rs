//! One second of the core at a busy intersection, with about 50 and 200 participants: all sensor frames and messages of
//! that second, tracking, events and track lists. Divide by ten for one 10 Hz step.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench may stop")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use edge_core::{Core, Input, Item};
use support::{START, config, record};
use traffic_sim::SimConfig;

fn core_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("core");
    group.sample_size(20).measurement_time(Duration::from_secs(6));
    for (name, vehicles, bicycles, pedestrians) in [("50", 190.0, 60.0, 150.0), ("200", 650.0, 420.0, 1500.0)] {
        let sim = SimConfig {
            vehicles_per_lane: vehicles,
            bicycles_per_arm: bicycles,
            pedestrians_per_arm: pedestrians,
            ..SimConfig::busy(START)
        };
        let inputs = record(sim, 6.0);
        let split = inputs.partition_point(|(at, _)| *at < START + Duration::from_secs(5));
        let (run_in, second) = inputs.split_at(split);
        let prepared = || {
            let mut core = Core::new(config(), START);
            let mut outputs = Vec::new();
            for (at, input) in run_in {
                core.handle(*at, input.clone(), &mut outputs);
            }
            let participants =
                outputs.iter().rev().filter_map(|output| output.publication()).find_map(|output| match &output.item {
                    Item::Tracks(list) => Some(list.tracks.len()),
                    _ => None,
                });
            (core, second.to_vec(), participants)
        };
        let participants = prepared().2.unwrap();
        println!("{name}: {participants} tracks, {} inputs in the second", second.len());
        group.bench_function(format!("one_second/{name}_participants"), |b| {
            b.iter_batched(
                || (prepared(), Vec::with_capacity(1000)),
                |((mut core, second, _), mut outputs)| {
                    for (at, input) in second {
                        core.handle(at, input, &mut outputs);
                    }
                    core.handle(START + Duration::from_secs(6), Input::Wake, &mut outputs);
                    black_box((core, outputs))
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, core_step);
criterion_main!(benches);
