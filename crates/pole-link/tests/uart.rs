//! A serial line at 115,200 baud in both directions, as full as it gets: how many frames it carries. Simulated, so the figures are those
//! of the protocol and the same on every machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test may stop, and prints figures"
)]

mod support;

use pole_link::{
    Command, EdgeConfig, EdgeEnd, EdgeEvent, MAX_WIRE, Medium, Millis, Outcome, Permille, PoleAddress, PoleEnd,
    PoleEvent, Quantity, Reading, Readings, ResetCause, Sample, Session,
};

/// Ten bits an octet.
const OCTETS_PER_S: u64 = 11_520;
const STEP_US: u64 = 100;
const RUN_US: u64 = 10_000_000;

/// One direction: what is on the wire, and when it has arrived.
#[derive(Default)]
struct Wire {
    on_the_way: Option<(u64, Vec<u8>)>,
    frames: u64,
    octets: u64,
}

impl Wire {
    /// What has arrived by now.
    fn arrived(&mut self, now_us: u64) -> Option<Vec<u8>> {
        self.on_the_way.take_if(|(at_us, _)| now_us >= *at_us).map(|(_, octets)| octets)
    }

    fn send(&mut self, now_us: u64, octets: &[u8]) {
        self.frames += 1;
        self.octets += octets.len() as u64;
        let takes_us = (octets.len() as u64 * 1_000_000).div_ceil(OCTETS_PER_S);
        self.on_the_way = Some((now_us + takes_us, octets.to_vec()));
    }
}

#[derive(Default)]
struct Counts {
    commands: u64,
    telemetry: u64,
    to_pole: Wire,
    to_edge: Wire,
}

/// Runs the line for ten seconds: commands one after another, if asked for, and telemetry whenever there is room, if there are readings.
fn run(commands: bool, readings: &Readings) -> Counts {
    let mut pole = PoleEnd::new(support::pole_config(1, Medium::Uart, 1, ResetCause::POWER_ON), Millis(0));
    let mut edge = EdgeEnd::new(PoleAddress::FIRST, Medium::Uart, EdgeConfig::new(Session::MIN), Millis(0));
    let mut counts = Counts::default();
    for now_us in (0..RUN_US).step_by(STEP_US as usize) {
        let now = Millis(now_us / 1000);
        let octets = counts.to_pole.arrived(now_us).unwrap_or_default();
        let mut rest = octets.as_slice();
        while let Some(event) = pole.receive(now, &mut rest).or_else(|| pole.poll(now)) {
            if let PoleEvent::Command(ticket, _) = event {
                pole.finish(ticket, Outcome::Done);
            }
        }
        let octets = counts.to_edge.arrived(now_us).unwrap_or_default();
        let mut rest = octets.as_slice();
        while let Some(event) = edge.receive(now, &mut rest).or_else(|| edge.poll(now)) {
            match event {
                EdgeEvent::Finished { .. } => counts.commands += 1,
                EdgeEvent::Telemetry(_) => counts.telemetry += 1,
                EdgeEvent::Down(reason) => panic!("down: {reason:?}"),
                _ => {}
            }
        }
        if commands && edge.state().is_up() && edge.waiting_commands() < 4 {
            let command = Command::SetLuminaire { level: Permille::at_most((now_us % 1000) as u16), ramp_ms: 500 };
            edge.submit(command, now.plus(5000)).unwrap();
        }
        if !readings.is_empty() && pole.takes_telemetry() {
            let sample = Sample { number: 1, taken_at: now, backlog: false, readings: readings.clone() };
            pole.send_telemetry(sample).unwrap();
        }
        let mut buffer = [0; MAX_WIRE];
        if counts.to_pole.on_the_way.is_none()
            && let Some(octets) = edge.poll_transmit(now, &mut buffer)
        {
            counts.to_pole.send(now_us, octets);
        }
        if counts.to_edge.on_the_way.is_none()
            && let Some(octets) = pole.poll_transmit(now, &mut buffer)
        {
            counts.to_edge.send(now_us, octets);
        }
    }
    counts
}

/// The readings of a pole with all sensors.
fn all_readings() -> Readings {
    Quantity::KNOWN.iter().take(21).map(|quantity| Reading { quantity: *quantity, value: 12_345 }).collect()
}

#[test]
fn a_full_line_carries_what_it_can() {
    let seconds = RUN_US as f64 / 1e6;
    let print = |what: &str, counts: &Counts| {
        let of = |wire: &Wire| {
            format!(
                "{:.0} frames/s of {:.0} octets, line {:.0} % full",
                wire.frames as f64 / seconds,
                wire.octets as f64 / wire.frames.max(1) as f64,
                wire.octets as f64 / seconds / OCTETS_PER_S as f64 * 100.0
            )
        };
        println!(
            "{what}: {:.0} commands/s answered, {:.0} telemetry/s; to the pole {}; to the edge {}",
            counts.commands as f64 / seconds,
            counts.telemetry as f64 / seconds,
            of(&counts.to_pole),
            of(&counts.to_edge)
        );
    };
    let commands = run(true, &Readings::new());
    print("commands alone", &commands);
    let telemetry = run(false, &all_readings());
    print("telemetry of 21 readings", &telemetry);
    let one = run(false, &all_readings().into_iter().take(1).collect());
    print("telemetry of one reading", &one);
    let both = run(true, &all_readings());
    print("both", &both);
    // A line that is full of telemetry is full, and commands get through beside it.
    assert!(telemetry.to_edge.octets * 100 > OCTETS_PER_S * 10 * 95);
    assert!(one.telemetry > 2000 && commands.commands > 1000 && both.commands > 250);
}
