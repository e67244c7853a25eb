//! The world: all road users, moved in steps of 50 ms.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use rsu_units::{Vector2, angle::wrap_rad};

use crate::agents::{AgentClass, AgentState, Path, idm};
use crate::incidents::{Incident, IncidentKind};
use crate::layout::{
    ARM_END_M, CROSSWALK_M, KERB_M, SIDEWALK_M, STOP_LINE_M, Track, VEHICLE_LANES, connector, crosswalk, inbound,
    on_arm, outbound,
};
use crate::signals::{Light, Movement, light, walk};

/// Length of a step, seconds.
pub(crate) const STEP_S: f64 = 0.05;
/// The traffic runs in for so long before the simulation starts.
const RUN_IN_S: f64 = 90.0;
const LOOK_AHEAD_M: f64 = 60.0;

/// How many road users come per hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Demand {
    pub(crate) vehicles_per_lane: f64,
    pub(crate) bicycles_per_arm: f64,
    pub(crate) pedestrians_per_arm: f64,
    /// Share of motor vehicles that send V2X messages.
    pub(crate) connected: f64,
}

#[derive(Debug, Clone)]
struct Agent {
    state: AgentState,
    path: Path,
    along_m: f64,
    free_mps: f64,
    /// Waits here for a light.
    gate: Option<Gate>,
    /// Stands here until a time.
    hold: Option<(f64, f64)>,
    /// Looks neither right nor left.
    heedless: bool,
}

#[derive(Debug, Clone, Copy)]
struct Gate {
    /// Where the front stops, metres along the path.
    at_m: f64,
    arm: usize,
    signal: Signal,
}

#[derive(Debug, Clone, Copy)]
enum Signal {
    Lamp(Movement),
    Walk,
}

/// The world.
#[derive(Debug)]
pub(crate) struct World {
    rng: StdRng,
    demand: Demand,
    incidents: Vec<Incident>,
    agents: Vec<Agent>,
    last_id: u64,
    /// Seconds since the start; negative while running in.
    pub(crate) time_s: f64,
}

impl World {
    pub(crate) fn new(seed: u64, demand: Demand, incidents: Vec<Incident>) -> Self {
        let mut world = Self {
            rng: StdRng::seed_from_u64(seed),
            demand,
            incidents,
            agents: Vec::new(),
            last_id: 0,
            time_s: -RUN_IN_S,
        };
        while world.time_s < -STEP_S / 2.0 {
            world.step();
        }
        world.time_s = 0.0;
        world
    }

    /// All road users, now.
    pub(crate) fn agents(&self) -> impl Iterator<Item = &AgentState> {
        self.agents.iter().map(|agent| &agent.state)
    }

    /// Seconds on the signal plan.
    pub(crate) fn signal_time_s(&self) -> f64 {
        self.time_s + RUN_IN_S
    }

    pub(crate) fn step(&mut self) {
        self.spawn();
        self.start_incidents();
        let signal_time_s = self.signal_time_s();
        let states: Vec<AgentState> = self.agents.iter().map(|agent| agent.state).collect();
        for agent in &mut self.agents {
            agent.step(&states, signal_time_s, self.time_s);
        }
        self.agents.retain(|agent| agent.along_m < agent.path.length_m());
        self.time_s += STEP_S;
    }

    fn comes(&mut self, per_hour: f64) -> bool {
        self.rng.random_bool((per_hour / 3600.0 * STEP_S).clamp(0.0, 1.0))
    }

    fn spawn(&mut self) {
        for arm in 0..4 {
            for lane in 0..VEHICLE_LANES {
                if self.comes(self.demand.vehicles_per_lane) {
                    self.spawn_vehicle(arm, lane);
                }
            }
            if self.comes(self.demand.bicycles_per_arm) {
                let to = (arm + 2) % 4;
                self.spawn_on(arm, Track::Bicycle, (to, Track::Bicycle), AgentClass::Bicycle, Movement::Straight);
            }
            if self.comes(self.demand.pedestrians_per_arm) {
                self.spawn_pedestrian(arm);
            }
        }
    }

    fn spawn_vehicle(&mut self, arm: usize, lane: usize) {
        let class = match self.rng.random_range(0.0..1.0) {
            p if p < 0.76 => AgentClass::Car,
            p if p < 0.86 => AgentClass::Truck,
            p if p < 0.91 => AgentClass::Bus,
            _ => AgentClass::Motorcycle,
        };
        let right = lane == VEHICLE_LANES - 1 && self.rng.random_bool(0.5);
        let (to, movement) = match (lane, right) {
            (0, _) => ((arm + 3) % 4, Movement::Left),
            (_, true) => ((arm + 1) % 4, Movement::Straight),
            (_, false) => ((arm + 2) % 4, Movement::Straight),
        };
        // Seen from the centre, left of "inwards" is clockwise around the arms.
        self.spawn_on(arm, Track::Vehicle(lane), (to, Track::Vehicle(lane)), class, movement);
    }

    fn spawn_on(&mut self, arm: usize, from: Track, to: (usize, Track), class: AgentClass, movement: Movement) {
        let [start, _] = inbound(arm, from);
        let mut points = inbound(arm, from).to_vec();
        points.extend(connector((arm, from), to));
        points.extend(outbound(to.0, to.1));
        let path = Path::new(points);
        if self.agents.iter().any(|agent| (agent.state.position_m - start).norm() < 18.0) {
            return;
        }
        let gate = Gate { at_m: ARM_END_M - STOP_LINE_M - 0.5, arm, signal: Signal::Lamp(movement) };
        self.add(class, path, 0.0, 0.8, Some(gate));
    }

    fn spawn_pedestrian(&mut self, arm: usize) {
        let [near, far] = crosswalk(arm);
        let side = |left_m: f64, out_m: f64| on_arm(arm, CROSSWALK_M + out_m, left_m);
        let mut points = vec![side(SIDEWALK_M, 25.0), side(SIDEWALK_M, 0.0), near, far, side(-SIDEWALK_M, 0.0)];
        points.push(side(-SIDEWALK_M, 25.0));
        if self.rng.random_bool(0.5) {
            points.reverse();
        }
        // Not all walk in one line.
        let shift = self.rng.random_range(-1.5..1.5);
        let across = on_arm(arm, 1.0, 0.0) * shift;
        let path = Path::new(points.into_iter().map(|point| point + across).collect());
        let gate = Gate { at_m: 25.0 + SIDEWALK_M - KERB_M - 0.5, arm, signal: Signal::Walk };
        self.add(AgentClass::Pedestrian, path, 0.0, 1.0, Some(gate));
    }

    fn add(&mut self, class: AgentClass, path: Path, along_m: f64, speed_share: f64, gate: Option<Gate>) {
        let (free_mps, _, _) = class.dynamics();
        let free_mps = free_mps * self.rng.random_range(0.85..1.1);
        self.last_id += 1;
        let (position_m, heading_rad) = path.place(along_m);
        let motor = !matches!(class, AgentClass::Bicycle | AgentClass::Pedestrian);
        let state = AgentState {
            id: self.last_id,
            class,
            position_m,
            heading_rad,
            speed_mps: free_mps * speed_share,
            acceleration_mps2: 0.0,
            connected: motor && self.rng.random_bool(self.demand.connected.clamp(0.0, 1.0)),
        };
        self.agents.push(Agent { state, path, along_m, free_mps, gate, hold: None, heedless: false });
    }

    fn start_incidents(&mut self) {
        let due = |incident: &Incident, now: f64| incident.at_s >= now && incident.at_s < now + STEP_S;
        let now = self.time_s;
        let kinds: Vec<IncidentKind> = self.incidents.iter().filter(|i| due(i, now)).map(|i| i.kind).collect();
        for kind in kinds {
            match kind {
                IncidentKind::Breakdown => {
                    let [start, end] = inbound(2, Track::Vehicle(2));
                    let begin_m = ARM_END_M - 135.0;
                    self.clear_lane(start, end, begin_m - 25.0, begin_m + 40.0);
                    self.add(AgentClass::Car, Path::new(vec![start, end]), begin_m, 0.7, None);
                    if let Some(agent) = self.agents.last_mut() {
                        agent.hold = Some((begin_m + 25.0, now + 28.0));
                    }
                }
                IncidentKind::WrongWay => {
                    let [start, end] = outbound(0, Track::Vehicle(1));
                    self.clear_lane(start, end, 0.0, ARM_END_M);
                    let path = Path::new(vec![on_arm_point(start, end, 150.0), on_arm_point(start, end, 35.0)]);
                    self.add(AgentClass::Car, path, 0.0, 0.7, None);
                    self.make_last_heedless(9.0);
                }
                IncidentKind::Jaywalker => {
                    let path = Path::new(vec![on_arm(3, 80.0, KERB_M + 1.0), on_arm(3, 80.0, -KERB_M - 1.0)]);
                    self.add(AgentClass::Pedestrian, path, 0.0, 1.0, None);
                    self.make_last_heedless(1.4);
                }
            }
        }
    }

    fn make_last_heedless(&mut self, speed_mps: f64) {
        if let Some(agent) = self.agents.last_mut() {
            agent.heedless = true;
            agent.state.connected = false;
            agent.free_mps = speed_mps;
            agent.state.speed_mps = speed_mps;
        }
    }

    /// Makes room on a lane, so that nobody is run over on stage.
    fn clear_lane(&mut self, start: Vector2, end: Vector2, from_m: f64, to_m: f64) {
        let path = Path::new(vec![start, end]);
        self.agents.retain(|agent| path.meets(agent.state.position_m, from_m, to_m - from_m, 1.5).is_none());
    }
}

/// The point of an outbound lane that is so far from the centre.
fn on_arm_point(start: Vector2, end: Vector2, out_m: f64) -> Vector2 {
    start + (end - start) * ((out_m - STOP_LINE_M) / (ARM_END_M - STOP_LINE_M))
}

impl Agent {
    fn step(&mut self, others: &[AgentState], signal_time_s: f64, now_s: f64) {
        let acceleration = if self.heedless {
            0.0
        } else if self.state.class == AgentClass::Pedestrian {
            self.pedestrian_acceleration(signal_time_s)
        } else {
            self.driver_acceleration(others, signal_time_s, now_s)
        };
        let before = self.state.speed_mps;
        self.state.speed_mps = (before + acceleration * STEP_S).max(0.0);
        self.state.acceleration_mps2 = (self.state.speed_mps - before) / STEP_S;
        self.along_m += f64::midpoint(before, self.state.speed_mps) * STEP_S;
        (self.state.position_m, self.state.heading_rad) = self.path.place(self.along_m);
    }

    fn pedestrian_acceleration(&self, signal_time_s: f64) -> f64 {
        let waits = self.gate.is_some_and(|gate| {
            let to_go_m = gate.at_m - self.along_m;
            (0.0..0.4).contains(&to_go_m) && !walk(gate.arm, signal_time_s)
        });
        let wanted = if waits { 0.0 } else { self.free_mps };
        ((wanted - self.state.speed_mps) / STEP_S).clamp(-20.0, 2.0)
    }

    fn driver_acceleration(&self, others: &[AgentState], signal_time_s: f64, now_s: f64) -> f64 {
        let me = &self.state;
        let half_m = me.class.size_m().0 / 2.0;
        let mut ahead: Option<(f64, f64)> = None;
        let mut consider = |gap_m: f64, speed_mps: f64| {
            if ahead.is_none_or(|(nearest, _)| gap_m < nearest) {
                ahead = Some((gap_m, speed_mps));
            }
        };
        for other in others {
            let offset = other.position_m - me.position_m;
            if other.id == me.id || offset.norm_squared() > LOOK_AHEAD_M * LOOK_AHEAD_M {
                continue;
            }
            let off_rad = wrap_rad(other.heading_rad - me.heading_rad);
            let on_foot = other.class == AgentClass::Pedestrian;
            if !on_foot && off_rad.abs() > 1.3 {
                continue;
            }
            let beside_m = if on_foot { 2.4 } else { 1.0 + other.class.size_m().1 / 2.0 };
            if let Some(at_m) = self.path.meets(other.position_m, self.along_m, LOOK_AHEAD_M, beside_m) {
                let room_m = if on_foot { 2.0 } else { 0.0 };
                let speed_mps = if on_foot { 0.0 } else { other.speed_mps * off_rad.cos().max(0.0) };
                consider(at_m - self.along_m - half_m - other.class.size_m().0 / 2.0 - room_m, speed_mps);
            }
        }
        if let Some(gate) = self.gate {
            let gap_m = gate.at_m - self.along_m - half_m;
            let stop = match gate.signal {
                Signal::Lamp(movement) => match light(gate.arm, movement, signal_time_s).0 {
                    Light::Green => false,
                    Light::Red => true,
                    Light::Yellow => gap_m > me.speed_mps * me.speed_mps / (2.0 * 3.5),
                },
                Signal::Walk => false,
            };
            if stop && gap_m > -1.0 {
                consider(gap_m + 1.5, 0.0);
            }
        }
        if let Some((at_m, until_s)) = self.hold
            && now_s < until_s
            && self.along_m < at_m + 1.0
        {
            consider(at_m - self.along_m + 2.0, 0.0);
        }
        idm(me.class, self.free_mps, me.speed_mps, ahead)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests {
    use super::*;

    fn demand() -> Demand {
        Demand { vehicles_per_lane: 250.0, bicycles_per_arm: 80.0, pedestrians_per_arm: 200.0, connected: 0.3 }
    }

    #[test]
    fn traffic_flows_and_nobody_is_run_over() {
        let mut world = World::new(7, demand(), vec![]);
        let (mut seen, mut touching) = (std::collections::BTreeSet::new(), 0_u32);
        for _ in 0..2400 {
            world.step();
            let vehicles: Vec<AgentState> = world
                .agents()
                .filter(|agent| !matches!(agent.class, AgentClass::Pedestrian | AgentClass::Bicycle))
                .copied()
                .collect();
            for (index, a) in vehicles.iter().enumerate() {
                seen.insert(a.id);
                let overlaps = |b: &&AgentState| (a.position_m - b.position_m).norm() < 1.2;
                touching += vehicles.iter().skip(index + 1).filter(overlaps).count() as u32;
            }
        }
        assert!(seen.len() > 80, "{} vehicles in two minutes", seen.len());
        assert_eq!(touching, 0);
        let moving = world.agents().filter(|agent| agent.speed_mps > 1.0).count();
        assert!(moving > 10, "{moving} of {} move", world.agents().count());
    }

    #[test]
    fn incidents_happen() {
        let mut world = World::new(7, demand(), Incident::rounds(60.0, 1));
        let (mut wrong, mut jaywalking, mut standing) = (0, 0, 0);
        for _ in 0..240 {
            world.step();
            for agent in world.agents() {
                let p = agent.position_m;
                let west = wrap_rad(agent.heading_rad - std::f64::consts::PI).abs() < 0.1;
                wrong += usize::from(west && p.x > 40.0 && p.y < -3.0 && p.y > -7.0);
                jaywalking += usize::from(agent.class == AgentClass::Pedestrian && p.y < -75.0 && p.x.abs() < 9.0);
                standing += usize::from(agent.speed_mps < 0.3 && p.x < -100.0 && p.x > -120.0 && p.y.abs() < 12.0);
            }
        }
        assert!(wrong > 100 && jaywalking > 100 && standing > 50, "{wrong} {jaywalking} {standing}");
    }
}
