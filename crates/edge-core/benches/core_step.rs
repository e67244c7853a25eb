//! One second of the core at a busy intersection, with about 50 and 200 participants: all sensor frames and messages of
//! that second, tracking, events and track lists. Divide by ten for one 10 Hz step. The last case is the second one with fifty
//! poles in the dark: the difference is what the poles cost.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs, reason = "a bench may stop")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use edge_core::poles::{
    DarkRule, LightingSettings, PoleContent, PoleIndex, PoleParts, PoleReport, PoleSetup, PolesConfig,
};
use edge_core::{Core, CoreConfig, Input, Item};
use rsu_units::Vector2;
use support::{START, config, record};
use traffic_sim::SimConfig;

/// Poles each 30 m beside the four arms, all with a link.
fn with_poles(count: usize) -> (CoreConfig, Vec<Input>) {
    let place = |number: usize| {
        let along_m = 30.0 + 30.0 * (number / 4) as f64;
        Vector2::new(along_m, 14.0).rotated(std::f64::consts::FRAC_PI_2 * (number % 4) as f64)
    };
    let setup = |number: usize| PoleSetup {
        id: format!("p{number}"),
        position_m: place(number),
        radius_m: 20.0,
        lane_ids: Vec::new(),
    };
    let lighting = LightingSettings { dark: DarkRule::Always, ..LightingSettings::default() };
    let poles = (0..count).map(setup).collect();
    let up = |number: usize| {
        let parts = PoleParts { luminaire: true, warning: true };
        Input::Pole(PoleReport {
            pole: PoleIndex::new(number).unwrap(),
            measured_at: START,
            arrived_at: START,
            content: PoleContent::Up { inventory: Box::default(), parts },
        })
    };
    let config = CoreConfig { poles: PolesConfig { poles, lighting, ..PolesConfig::default() }, ..config() };
    (config, (0..count).map(up).collect())
}

fn core_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("core");
    group.sample_size(20).measurement_time(Duration::from_secs(6));
    for (name, vehicles, bicycles, pedestrians, poles) in [
        ("50", 190.0, 60.0, 150.0, 0),
        ("200", 650.0, 420.0, 1500.0, 0),
        ("200_with_50_poles", 650.0, 420.0, 1500.0, 50),
    ] {
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
            let (config, connect) = with_poles(poles);
            let mut core = Core::new(config, START);
            let mut outputs = Vec::new();
            for input in connect {
                core.handle(START, input, &mut outputs);
            }
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
