//! Smart poles along the arms of the intersection: the application of real poles (`pole-node`) with simulated parts, speaking in
//! datagrams. It opens no socket and reads no clock, like the rest of the simulation.

use std::time::Duration;

use pole_link::{Capabilities, MAX_WIRE, Medium, Millis, PoleAddress, Quantity, Reading, ResetCause, Version};
use pole_node::board::{Contacts, Identity};
use pole_node::{Action, Duty, Faults, Node, Outputs, Saved, Sensor, Settings, Setup, StoreError};
use rsu_units::Vector2;

use crate::layout;

/// What the controller and the display draw, mW.
const IDLE_MW: i32 = 4000;
/// What the lamp draws in full light, mW.
const LAMP_MW: i32 = 120_000;
/// What these poles have.
const PARTS: Capabilities = Capabilities::LUMINAIRE
    .with(Capabilities::DISPLAY)
    .with(Capabilities::BEACON)
    .with(Capabilities::CLIMATE)
    .with(Capabilities::LIGHT_SENSOR)
    .with(Capabilities::VISIBILITY)
    .with(Capabilities::ROAD_SURFACE)
    .with(Capabilities::ENERGY)
    .with(Capabilities::EMERGENCY_CALL);
/// Texts of the display.
const TEXTS: u16 = 32;

/// Where the poles stand: two along each arm, on the right of who comes.
pub fn positions() -> impl Iterator<Item = Vector2> {
    (0..4).flat_map(|arm| [60.0, 120.0].map(|out_m| layout::on_arm(arm, out_m, layout::SIDEWALK_M + 1.0)))
}

/// What is around a pole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surroundings {
    /// Daylight, lx.
    pub illuminance_lx: i32,
    /// Of the air, thousandths of a degree Celsius.
    pub air_milli_celsius: i32,
    /// Of the road, thousandths of a degree Celsius.
    pub road_milli_celsius: i32,
    /// Water on the road, micrometres.
    pub water_um: i32,
    /// Visibility, metres.
    pub visibility_m: i32,
    /// Whether somebody presses the emergency call button.
    pub calls: bool,
}

impl Surroundings {
    /// A clear evening.
    pub const DUSK: Self = Self {
        illuminance_lx: 8,
        air_milli_celsius: 19_500,
        road_milli_celsius: 18_200,
        water_um: 0,
        visibility_m: 15_000,
        calls: false,
    };
}

/// A pole.
#[derive(Debug)]
pub struct SimulatedPole {
    node: Node,
    /// What is around it.
    pub surroundings: Surroundings,
    setup: Setup,
    kept: Settings,
    outputs: Outputs,
    energy_mw_ms: i64,
    now: Millis,
}

impl SimulatedPole {
    /// A pole that begins to greet. `address` is 1 to 247, `serial` at most 24 octets; others are taken as the nearest that can be. `after` is the
    /// time since some fixed moment, here and in all calls.
    #[must_use]
    pub fn new(address: u8, serial: &str, after: Duration) -> Self {
        let now = millis(after);
        let identity = Identity {
            serial: serial.parse().unwrap_or_default(),
            model: "simulated".parse().unwrap_or_default(),
            firmware: Version { major: 1, minor: 0, patch: 0 },
        };
        let setup = Setup {
            identity,
            parts: PARTS,
            texts: TEXTS,
            max_image_octets: 0,
            address: PoleAddress::try_from(address.clamp(1, 247)).unwrap_or(PoleAddress::FIRST),
            medium: Medium::Udp,
            reset_cause: ResetCause::POWER_ON,
            keys: &[],
            settings: Some(Settings::default()),
            damaged_copies: 0,
        };
        let node = Node::new(setup.clone(), now);
        let outputs = node.outputs(now);
        Self { node, surroundings: Surroundings::DUSK, setup, kept: Settings::default(), outputs, energy_mw_ms: 0, now }
    }

    /// What luminaire, display and beacon do.
    pub fn outputs(&self) -> Outputs {
        self.outputs
    }

    /// Starts anew, as after a push on the reset button: only settings outlive it.
    pub fn reset(&mut self, after: Duration, reset_cause: ResetCause) {
        let setup = Setup { reset_cause, settings: Some(self.kept.clone()), ..self.setup.clone() };
        self.node = Node::new(setup, millis(after));
    }

    /// A datagram of the daemon's came.
    pub fn receive(&mut self, after: Duration, datagram: &[u8]) {
        self.node.receive_datagram(millis(after), datagram);
    }

    /// Does what is due, hands each datagram for the daemon to `send`, and returns when to come again if none comes before.
    pub fn poll(&mut self, after: Duration, mut send: impl FnMut(&[u8])) -> Duration {
        let now = millis(after);
        self.meter(now);
        self.node.did(Duty::Receive);
        while let Some(sensor) = self.node.take_due(now) {
            self.sense(now, sensor);
        }
        self.node.did(Duty::Sample);
        self.node.poll(now);
        self.node.did(Duty::Decide);
        self.outputs = self.node.outputs(now);
        self.node.applied(now, Faults::default());
        self.node.did(Duty::Apply);
        self.act(after);
        let mut buffer = [0; MAX_WIRE];
        while let Some(octets) = self.node.poll_transmit(now, &mut buffer) {
            send(octets);
        }
        self.node.did(Duty::Send);
        // The answer to a command has just left: a reset may be due.
        self.act(after);
        Duration::from_millis(self.node.next_deadline(now).0)
    }

    fn act(&mut self, after: Duration) {
        let now = millis(after);
        while let Some(action) = self.node.take_action(now) {
            match action {
                Action::Store => {
                    self.kept = self.node.settings();
                    self.node.stored(now, Ok(Saved::Both));
                }
                // There is no bootloader, and the node knows that.
                Action::HandOver(_) => self.node.handed_over(now, Err(StoreError)),
                Action::Reset => return self.reset(after, ResetCause::COMMAND),
            }
        }
    }

    fn sense(&mut self, now: Millis, sensor: Sensor) {
        let around = self.surroundings;
        let said = |readings: &[(Quantity, i32)], node: &mut Node| {
            let readings: Vec<Reading> =
                readings.iter().map(|(quantity, value)| Reading { quantity: *quantity, value: *value }).collect();
            node.measured(now, sensor, &readings);
        };
        let node = &mut self.node;
        match sensor {
            Sensor::Inputs => {
                let active = if around.calls { Contacts::EMERGENCY_CALL } else { Contacts::default() };
                node.contacts(now, active);
            }
            Sensor::Climate => said(&[(Quantity::AIR_TEMPERATURE, around.air_milli_celsius)], node),
            Sensor::AmbientLight => said(&[(Quantity::ILLUMINANCE, around.illuminance_lx)], node),
            Sensor::Visibility => said(&[(Quantity::VISIBILITY, around.visibility_m)], node),
            Sensor::RoadSurface => said(
                &[(Quantity::ROAD_TEMPERATURE, around.road_milli_celsius), (Quantity::WATER_FILM, around.water_um)],
                node,
            ),
            Sensor::Energy => {
                let energy_wh = i32::try_from(self.energy_mw_ms / 3_600_000_000).unwrap_or(i32::MAX);
                said(&[(Quantity::ENERGY, energy_wh), (Quantity::POWER, power_mw(self.outputs))], node);
            }
            Sensor::Acceleration
            | Sensor::Wind
            | Sensor::Rain
            | Sensor::Particles
            | Sensor::Noise
            | Sensor::Inside
            | Sensor::WaterLevel => node.absent(sensor),
        }
    }

    fn meter(&mut self, now: Millis) {
        let gone_ms = i64::try_from(now.since(self.now)).unwrap_or_default();
        self.energy_mw_ms = self.energy_mw_ms.saturating_add(gone_ms.saturating_mul(power_mw(self.outputs).into()));
        self.now = now;
    }
}

fn power_mw(outputs: Outputs) -> i32 {
    IDLE_MW + LAMP_MW * i32::from(outputs.level.get()) / 1000
}

fn millis(after: Duration) -> Millis {
    Millis(u64::try_from(after.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use pole_link::{Command, EdgeConfig, EdgeEnd, EdgeEvent, Permille, Session};

    /// A pole and an edge in simulated time, until `is` says that it is enough.
    fn run(pole: &mut SimulatedPole, edge: &mut EdgeEnd, from_ms: u64, mut is: impl FnMut(&EdgeEvent) -> bool) -> u64 {
        for now_ms in from_ms..from_ms + 30_000 {
            let (now, after) = (Millis(now_ms), Duration::from_millis(now_ms));
            let mut events = Vec::new();
            pole.poll(after, |octets| events.extend(edge.receive_datagram(now, octets)));
            while let Some(event) = edge.poll(now) {
                events.push(event);
            }
            let mut buffer = [0; MAX_WIRE];
            while let Some(octets) = edge.poll_transmit(now, &mut buffer) {
                pole.receive(after, octets);
            }
            if events.iter().any(&mut is) {
                return now_ms;
            }
        }
        panic!("not within 30 s");
    }

    #[test]
    fn a_pole_greets_measures_and_obeys() {
        let mut pole = SimulatedPole::new(3, "SIM-3", Duration::ZERO);
        let address = PoleAddress::try_from(3).unwrap();
        let mut edge = EdgeEnd::new(address, Medium::Udp, EdgeConfig::new(Session::MIN), Millis(0));
        let up_ms = run(&mut pole, &mut edge, 0, |event| matches!(event, EdgeEvent::Up { .. }));
        let command = Command::SetLuminaire { level: Permille::at_most(250), ramp_ms: 0 };
        edge.submit(command, Millis(up_ms + 5000)).unwrap();
        let done_ms = run(&mut pole, &mut edge, up_ms, |event| matches!(event, EdgeEvent::Finished { .. }));
        assert_eq!(pole.outputs().level.get(), 250);
        pole.surroundings.calls = true;
        run(&mut pole, &mut edge, done_ms, |event| matches!(event, EdgeEvent::Alarm(_)));
    }

    #[test]
    fn there_are_eight_beside_the_road() {
        let beside = |place: &Vector2| place.x.abs().min(place.y.abs()) > layout::KERB_M;
        assert_eq!(positions().filter(beside).count(), 8);
    }
}
