//! The simulation as a stream of datagrams.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rand_distr::{Distribution as _, StandardNormal};
use rsu_proto::{Message as _, v1};
use rsu_units::{Timestamp, Vector2};

use crate::agents::AgentState;
use crate::incidents::Incident;
use crate::sensors::{SensorSpec, sensors};
use crate::signals::spat;
use crate::v2x::bsm_datagram;
use crate::world::{Demand, STEP_S, World};

/// Settings of the simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct SimConfig {
    /// The same seed gives the same traffic.
    pub seed: u64,
    /// When it starts.
    pub start: Timestamp,
    /// Motor vehicles per hour and lane.
    pub vehicles_per_lane: f64,
    /// Cyclists per hour and arm.
    pub bicycles_per_arm: f64,
    /// Pedestrians per hour and arm.
    pub pedestrians_per_arm: f64,
    /// Share of motor vehicles that send V2X messages, 0 to 1.
    pub connected: f64,
    /// What goes wrong.
    pub incidents: Vec<Incident>,
}

impl SimConfig {
    /// About 60 to 80 road users, a third of the vehicles connected, one round of incidents a minute for an hour.
    #[must_use]
    pub fn busy(start: Timestamp) -> Self {
        Self {
            seed: 1,
            start,
            vehicles_per_lane: 260.0,
            bicycles_per_arm: 90.0,
            pedestrians_per_arm: 220.0,
            connected: 0.33,
            incidents: Incident::rounds(60.0, 60),
        }
    }
}

/// By which door of the RSU a datagram comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A DSMP frame from the PC5 radio.
    Pc5,
    /// A protobuf `DetectionFrame` from a sensor.
    Sensor,
    /// A protobuf `V2xMessage` from another roadside machine.
    Peer,
}

/// One datagram.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Emission {
    /// When it is sent.
    pub at: Timestamp,
    /// Where to.
    pub channel: Channel,
    /// Its octets.
    pub datagram: Vec<u8>,
}

/// The simulation.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    start: Timestamp,
    sensors: Vec<SensorState>,
    /// GNSS error and message counter of each connected vehicle.
    vehicles: BTreeMap<u64, (Vector2, u32)>,
    rng: StdRng,
    next_spat_s: f64,
    spat_count: u32,
    pending: BinaryHeap<Reverse<Emission>>,
}

#[derive(Debug)]
struct SensorState {
    spec: SensorSpec,
    next_s: f64,
    sequence: u64,
}

impl Simulation {
    /// The intersection, run in, at its start.
    #[must_use]
    pub fn new(config: SimConfig) -> Self {
        let demand = Demand {
            vehicles_per_lane: config.vehicles_per_lane,
            bicycles_per_arm: config.bicycles_per_arm,
            pedestrians_per_arm: config.pedestrians_per_arm,
            connected: config.connected,
        };
        // Sensors do not measure in step with each other.
        let sensors = sensors()
            .into_iter()
            .zip([0.013, 0.031, 0.007, 0.019, 0.041])
            .map(|(spec, next_s)| SensorState { spec, next_s, sequence: 0 })
            .collect();
        Self {
            world: World::new(config.seed, demand, config.incidents),
            start: config.start,
            sensors,
            vehicles: BTreeMap::new(),
            rng: StdRng::seed_from_u64(config.seed ^ 0x5EED),
            next_spat_s: 0.0,
            spat_count: 0,
            pending: BinaryHeap::new(),
        }
    }

    /// The truth at the time up to which the world has been moved.
    pub fn truth(&self) -> impl Iterator<Item = &AgentState> {
        self.world.agents()
    }

    /// The next datagram, in the order of sending. There is always a next one.
    pub fn next_emission(&mut self) -> Emission {
        loop {
            let horizon = self.at(self.world.time_s);
            // Nothing that is still to be measured can be sent before now.
            if self.pending.peek().is_some_and(|Reverse(emission)| emission.at < horizon)
                && let Some(Reverse(emission)) = self.pending.pop()
            {
                return emission;
            }
            self.advance();
        }
    }

    fn at(&self, time_s: f64) -> Timestamp {
        self.start + Duration::from_secs_f64(time_s.max(0.0))
    }

    /// Moves the world by one step and lets all measure and speak that are due within it.
    fn advance(&mut self) {
        let from_s = self.world.time_s;
        let to_s = from_s + STEP_S;
        let agents: Vec<AgentState> = self.world.agents().copied().collect();
        self.sensor_frames(&agents, from_s, to_s);
        self.vehicle_messages(&agents, from_s, to_s);
        if self.next_spat_s < to_s {
            self.signal_message(from_s);
        }
        self.world.step();
    }

    fn send(&mut self, at_s: f64, channel: Channel, datagram: Vec<u8>) {
        let at = self.at(at_s);
        self.pending.push(Reverse(Emission { at, channel, datagram }));
    }

    fn sensor_frames(&mut self, agents: &[AgentState], from_s: f64, to_s: f64) {
        for index in 0..self.sensors.len() {
            while let Some(sensor) = self.sensors.get_mut(index).filter(|sensor| sensor.next_s < to_s) {
                let measured_s = sensor.next_s;
                sensor.next_s += sensor.spec.rate_hz.recip();
                sensor.sequence += 1;
                let sequence = sensor.sequence;
                let spec = sensor.spec.clone();
                let moved: Vec<AgentState> = agents.iter().map(|agent| agent.after(measured_s - from_s)).collect();
                let jitter: f64 = StandardNormal.sample(&mut self.rng);
                let latency_s = (spec.latency_s.0 + jitter * spec.latency_s.1).max(0.005);
                let frame = v1::DetectionFrame {
                    sensor_id: spec.id.into(),
                    sequence,
                    measured_at_us: if spec.has_clock { self.at(measured_s).as_micros() } else { 0 },
                    detections: spec.look(&moved, &mut self.rng),
                };
                self.send(measured_s + latency_s, Channel::Sensor, frame.encode_to_vec());
            }
        }
    }

    fn vehicle_messages(&mut self, agents: &[AgentState], from_s: f64, to_s: f64) {
        self.vehicles.retain(|id, _| agents.iter().any(|agent| agent.id == *id));
        for agent in agents.iter().filter(|agent| agent.connected) {
            // Each vehicle speaks every 100 ms at an instant of its own.
            let phase_s = (agent.id % 20) as f64 * 0.005;
            let due_s = ((from_s - phase_s) / 0.1).ceil() * 0.1 + phase_s;
            if due_s >= to_s - 1e-9 {
                continue;
            }
            let mut gauss = || -> f64 { StandardNormal.sample(&mut self.rng) };
            let fresh = Vector2::new(gauss(), gauss()) * 0.4;
            let drift = Vector2::new(gauss(), gauss()) * 0.02;
            let (error_m, count) = self.vehicles.entry(agent.id).or_insert((fresh, 0));
            *error_m = *error_m * 0.998 + drift;
            *count += 1;
            let (error_m, count) = (*error_m, *count);
            // The time on the wire has whole milliseconds.
            let at = self.at(due_s);
            let at = Timestamp::from_micros(at.as_micros() / 1000 * 1000);
            if let Some(datagram) = bsm_datagram(&agent.after(due_s - from_s), error_m, count, at) {
                let delay_s = self.rng.random_range(0.015..0.045);
                self.send(due_s + delay_s, Channel::Pc5, datagram);
            }
        }
    }

    /// The signal controller's gateway speaks ten times a second.
    fn signal_message(&mut self, now_s: f64) {
        self.next_spat_s += 0.1;
        self.spat_count += 1;
        let at = self.at(now_s);
        let spat =
            spat(self.spat_count % 128, self.world.signal_time_s(), at.minute_of_year(), u32::from(at.dsecond_ms()));
        let message = v1::V2xMessage {
            profile: v1::Profile::Profile2020.into(),
            content: Some(v1::v2x_message::Content::Spat(spat)),
            ..v1::V2xMessage::default()
        };
        self.send(now_s + 0.004, Channel::Peer, message.encode_to_vec());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, count: usize) -> Vec<Emission> {
        let start = Timestamp::from_micros(1_795_000_000_000_000);
        let mut simulation = Simulation::new(SimConfig { seed, ..SimConfig::busy(start) });
        (0..count).map(|_| simulation.next_emission()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_datagrams_in_order_of_time() {
        let once = first(3, 2000);
        assert_eq!(once, first(3, 2000));
        assert_ne!(once, first(4, 2000));
        assert!(once.is_sorted_by_key(|emission| emission.at));
        for channel in [Channel::Pc5, Channel::Sensor, Channel::Peer] {
            assert!(once.iter().filter(|emission| emission.channel == channel).count() > 20, "{channel:?}");
        }
    }
}
