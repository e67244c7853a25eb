//! Our codec beside C code that asn1c generates from the same ASN.1, and beside rasn, on the same octets in one run:
//! blocks of each take turns, the median of the blocks counts. `cargo xtask bench codec` builds the C program and runs
//! this with its path.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "a bench may stop")]
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::panic, reason = "a bench measures and prints")]

use std::hint::black_box;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Instant;

use rasn_2020::{msg_frame::MessageFrame, sensor_sharing::SensorSharingMsg};
use v2x_codec::{Message, Profile};

#[allow(clippy::all, clippy::pedantic, clippy::restriction, reason = "the style of rasn's generator")]
#[allow(missing_docs, unused_qualifications, rust_2018_idioms, unreachable_pub, unused, reason = "rasn's generator")]
mod rasn_2020 {
    include!(concat!(env!("OUT_DIR"), "/rasn_2020.rs"));
}

/// Name in the table, file of the vector, and what the C program has to load.
const MESSAGES: [(&str, &str, &str); 5] = [
    ("BSM", "bsm", "MessageFrame"),
    ("RSM-16", "rsm16", "MessageFrame"),
    ("SPAT 4x8", "spat_4x8", "MessageFrame"),
    ("MAP 4x3", "map_4x3", "MessageFrame"),
    // Frame and message: asn1c itself leaves the open type as octets.
    ("SSM-8", "ssm_8", "SensorSharingFrame"),
];

/// Rounds of blocks, and about how long a block takes.
const ROUNDS: usize = 61;
const BLOCK_NS: u64 = 4_000_000;

struct Rival {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Rival {
    fn start(program: &str) -> Self {
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, to, from }
    }

    fn ask(&mut self, question: &str) -> String {
        writeln!(self.to, "{question}").unwrap();
        let mut answer = String::new();
        self.from.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    fn number(&mut self, question: &str) -> u64 {
        let answer = self.ask(question);
        answer.parse().unwrap_or_else(|_| panic!("{question}: {answer}"))
    }
}

fn time(count: u64, mut run: impl FnMut()) -> u64 {
    let start = Instant::now();
    for _ in 0..count {
        run();
    }
    u64::try_from(start.elapsed().as_nanos()).unwrap()
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// rasn resolves no open type by itself: for SSM the inner message is read and written as well.
struct Rasn {
    frame: MessageFrame,
    inner: Option<SensorSharingMsg>,
}

impl Rasn {
    fn decode(octets: &[u8]) -> Self {
        let frame: MessageFrame = rasn::uper::decode(octets).unwrap();
        let inner = match &frame {
            MessageFrame::msgFrameExt(ext) => Some(rasn::uper::decode(ext.value.as_bytes()).unwrap()),
            _ => None,
        };
        Self { frame, inner }
    }

    fn encode(&self) -> Vec<u8> {
        if let Some(inner) = &self.inner {
            black_box(rasn::uper::encode(inner).unwrap());
        }
        rasn::uper::encode(&self.frame).unwrap()
    }
}

fn main() {
    // `cargo test --benches` runs this without the program: nothing to compare with then.
    let Some(program) = std::env::var_os("RSUD_ASN1C_RIVAL") else {
        println!("run by `cargo xtask bench codec`, which builds the C program to compare with");
        return;
    };
    let mut rival = Rival::start(program.to_str().unwrap());
    println!(
        "| message | octets | decode ns: ours | asn1c | rasn | x asn1c | encode ns: ours | asn1c | rasn | x asn1c | allocations per decode: ours | asn1c | rasn |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (name, file, load) in MESSAGES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/vectors/{file}.json"));
        let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let octets = hex::decode(json["uper_hex"].as_str().unwrap()).unwrap();
        let message = Message::from_uper(Profile::Y2020, &octets).unwrap();
        let theirs = Rasn::decode(&octets);
        assert_eq!((message.to_uper().unwrap(), theirs.encode()), (octets.clone(), octets.clone()));
        let loaded = rival.ask(&format!("load {file} {load} {}", hex::encode(&octets)));
        assert_eq!(loaded, format!("ok {}", octets.len()), "{name}");

        let mut runs: [Box<dyn FnMut(u64) -> u64 + '_>; 4] = [
            Box::new(|n| time(n, || drop(black_box(Message::from_uper(Profile::Y2020, black_box(&octets)).unwrap())))),
            Box::new(|n| time(n, || drop(black_box(Rasn::decode(black_box(&octets)))))),
            Box::new(|n| time(n, || drop(black_box(black_box(&message).to_uper().unwrap())))),
            Box::new(|n| time(n, || drop(black_box(black_box(&theirs).encode())))),
        ];
        let mut times = vec![Vec::new(); 6];
        // As many calls in a block as fill it, found once for each.
        let mut counts = [0_u64; 6];
        for round in 0..=ROUNDS {
            for (index, times) in times.iter_mut().enumerate() {
                let count = if round == 0 { 50 } else { counts[index] };
                let elapsed = match index {
                    0..=3 => runs[index](count),
                    4 => rival.number(&format!("decode {file} {count}")),
                    _ => rival.number(&format!("encode {file} {count}")),
                };
                if round == 0 {
                    counts[index] = (BLOCK_NS * count / elapsed.max(1)).max(1);
                } else {
                    times.push(elapsed as f64 / count as f64);
                }
            }
        }
        let [ours_in, rasn_in, ours_out, rasn_out, c_in, c_out] =
            <[f64; 6]>::try_from(times.into_iter().map(median).collect::<Vec<_>>()).unwrap();
        let ours_allocations =
            allocation_counter::measure(|| drop(black_box(Message::from_uper(Profile::Y2020, &octets)))).count_total;
        let rasn_allocations = allocation_counter::measure(|| drop(black_box(Rasn::decode(&octets)))).count_total;
        let c_allocations = rival.number(&format!("allocations {file}"));
        println!(
            "| {name} | {} | {ours_in:.0} | {c_in:.0} | {rasn_in:.0} | {:.1} | {ours_out:.0} | {c_out:.0} | {rasn_out:.0} | {:.1} | {ours_allocations} | {c_allocations} | {rasn_allocations} |",
            octets.len(),
            c_in / ours_in,
            c_out / ours_out,
        );
    }
    let _ = writeln!(rival.to, "quit");
    let _ = rival.child.wait();
}
