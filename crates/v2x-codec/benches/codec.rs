//! Decoding, encoding and conversion of the first-stage messages.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench may stop")]
#![allow(clippy::disallowed_methods, reason = "a bench reads its vectors")]

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use v2x_codec::{Message, Profile};

fn codec(c: &mut Criterion) {
    for (name, file) in [("bsm", "bsm"), ("rsm_16", "rsm16"), ("map_4x3", "map_4x3"), ("spat_4x8", "spat_4x8")] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{file}.json"));
        let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let octets = hex::decode(json["uper_hex"].as_str().unwrap()).unwrap();
        let message = Message::from_uper(Profile::Y2020, &octets).unwrap();
        let mut group = c.benchmark_group(name);
        group.throughput(Throughput::Bytes(octets.len() as u64));
        group.bench_function("decode", |b| b.iter(|| Message::from_uper(Profile::Y2020, black_box(&octets)).unwrap()));
        group.bench_function("encode", |b| b.iter(|| black_box(&message).to_uper().unwrap()));
        group.bench_function("to_protobuf", |b| b.iter(|| black_box(&message).to_content()));
        let mut broken = octets.clone();
        broken.push(0);
        group.bench_function("refuse", |b| {
            b.iter(|| Message::from_uper(Profile::Y2020, black_box(&broken)).unwrap_err());
        });
        group.finish();
    }
}

criterion_group!(benches, codec);
criterion_main!(benches);
