//! A straight road of two lanes along the x axis with a row of poles on its south side, and who is on it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

use std::sync::Arc;
use std::time::Duration;

use edge_core::poles::{PoleContent, PoleIndex, PoleOrder, PoleParts, PoleReport, PoleSetup, PolesConfig};
use edge_core::{BroadcastPlan, Core, CoreConfig, Input, Item, Output, Periods, Priority};
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::{Timestamp, Vector2, angle};
use site_map::{Lane, LaneKind, SiteFrame, SiteMap};
use traffic_events::{EventsConfig, LaneStatisticsConfig};

pub(crate) const START: Timestamp = Timestamp::from_micros(1_795_328_100_000_000);
pub(crate) const RADIUS_M: f64 = 18.0;

/// So many seconds after the start.
pub(crate) fn at(seconds: f64) -> Timestamp {
    START + Duration::from_secs_f64(seconds)
}

/// Twenty poles, thirty metres apart, eight metres beside the middle of the road.
pub(crate) fn poles() -> PolesConfig {
    let pole = |number: u32| PoleSetup {
        id: format!("p{number:02}"),
        position_m: Vector2::new(f64::from(number) * 30.0 - 300.0, -8.0),
        radius_m: RADIUS_M,
        lane_ids: Vec::new(),
    };
    PolesConfig { poles: (0..20).map(pole).collect(), ..PolesConfig::default() }
}

pub(crate) fn up(luminaire: bool, warning: bool) -> PoleContent {
    let inventory = v1::PoleInventory { serial: "SP-1".into(), boot_count: 1, ..v1::PoleInventory::default() };
    PoleContent::Up { inventory: Box::new(inventory), parts: PoleParts { luminaire, warning } }
}

fn config(poles: PolesConfig) -> CoreConfig {
    let lane = |id: &str, points: [(f64, f64); 2]| {
        Lane::new(id, LaneKind::Vehicle, 3.5, points.map(|(x, y)| Vector2::new(x, y)).to_vec())
    };
    let lanes = vec![lane("east", [(-400.0, -1.75), (400.0, -1.75)]), lane("west", [(400.0, 1.75), (-400.0, 1.75)])];
    let frame = SiteFrame::new(22.69, 114.35).unwrap();
    CoreConfig {
        rsu_id: "test".into(),
        boot_id: START.as_micros(),
        map: Arc::new(SiteMap::new(frame, lanes, Vec::new()).unwrap()),
        junction: None,
        sensors: Vec::new(),
        events: EventsConfig::default(),
        lane_statistics: LaneStatisticsConfig::default(),
        periods: Periods::default(),
        reorder_window: Duration::from_millis(500),
        max_clock_lead: Duration::from_millis(100),
        v2x_range_m: 500.0,
        max_participants: 2000,
        broadcast: BroadcastPlan { id: *b"RSU-0001", map: None, participants: false, events: true },
        poles,
    }
}

/// Somebody who keeps its velocity and says ten times a second where it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    on_foot: bool,
    from_m: Vector2,
    velocity_mps: Vector2,
    from_s: f64,
    until_s: f64,
}

impl User {
    pub(crate) fn car(from_m: Vector2, velocity_mps: Vector2) -> Self {
        Self { on_foot: false, from_m, velocity_mps, from_s: 0.0, until_s: f64::INFINITY }
    }

    pub(crate) fn pedestrian(from_m: Vector2, velocity_mps: Vector2) -> Self {
        Self { on_foot: true, ..Self::car(from_m, velocity_mps) }
    }

    pub(crate) fn from(self, from_s: f64) -> Self {
        Self { from_s, ..self }
    }

    pub(crate) fn until(self, until_s: f64) -> Self {
        Self { until_s, ..self }
    }

    fn message(&self, id: u8, now: Timestamp, site: &SiteFrame) -> Option<v1::V2xMessage> {
        let since_s = now.seconds_since(START);
        if !(self.from_s..self.until_s).contains(&since_s) {
            return None;
        }
        let place_m = self.from_m + self.velocity_mps * (since_s - self.from_s);
        let (latitude_deg, longitude_deg) = site.to_wgs84(place_m);
        let position = Some(v1::GeoPosition {
            latitude_deg: Some(latitude_deg),
            longitude_deg: Some(longitude_deg),
            ..v1::GeoPosition::default()
        });
        let position_accuracy =
            Some(v1::PositionalAccuracy { semi_major_m: Some(0.5), ..v1::PositionalAccuracy::default() });
        let id: rsu_proto::bytes::Bytes = vec![id; 8].into();
        let sec_mark_ms = Some(u32::from(now.dsecond_ms()));
        let speed_mps = Some(self.velocity_mps.norm());
        let heading_deg = Some(angle::heading_deg_from_rad(self.velocity_mps.angle_rad()));
        let content = if self.on_foot {
            let basic_type = v1::PersonalDeviceUserType::Pedestrian.into();
            Content::Psm(v1::PersonalSafetyMessage {
                id,
                sec_mark_ms,
                position,
                position_accuracy,
                speed_mps,
                heading_deg,
                non_motor_data: Some(v1::NonMotorData { basic_type, ..v1::NonMotorData::default() }),
                ..v1::PersonalSafetyMessage::default()
            })
        } else {
            Content::Bsm(v1::BasicSafetyMessage {
                id,
                sec_mark_ms,
                position,
                position_accuracy,
                speed_mps,
                heading_deg,
                size: Some(v1::VehicleSize { width_m: 1.8, length_m: 4.6, height_m: None }),
                vehicle_class: Some(v1::VehicleClass { classification: 10, ..v1::VehicleClass::default() }),
                ..v1::BasicSafetyMessage::default()
            })
        };
        Some(v1::V2xMessage { content: Some(content), ..v1::V2xMessage::default() })
    }
}

/// One call of the core, and what it gave.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) at: Timestamp,
    /// The report that it was about, if it was one.
    pub(crate) report: Option<(usize, PoleContent)>,
    pub(crate) outputs: Vec<Output>,
}

impl Call {
    pub(crate) fn orders(&self) -> impl Iterator<Item = &PoleOrder> {
        self.outputs.iter().filter_map(|output| if let Output::Pole(order) = output { Some(order) } else { None })
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &v1::TrafficEvent> {
        self.outputs.iter().filter_map(Output::publication).filter_map(|publication| match &publication.item {
            Item::Event(event) => Some(event),
            _ => None,
        })
    }

    pub(crate) fn event(&self, code: u32, stage: v1::EventStage) -> bool {
        self.events().any(|event| event.event_code == code && event.stage() == stage)
    }
}

/// A core and all that it was told and said.
pub(crate) struct Run {
    core: Core,
    site: SiteFrame,
    calls: Vec<Call>,
    next_message_at: Timestamp,
}

impl Run {
    pub(crate) fn new(poles: PolesConfig) -> Self {
        let config = config(poles);
        let site = *config.map.frame();
        Self { core: Core::new(config, START), site, calls: Vec::new(), next_message_at: START }
    }

    fn call(&mut self, now: Timestamp, input: Input) {
        let report = match &input {
            Input::Pole(report) => Some((report.pole.index(), report.content.clone())),
            _ => None,
        };
        let mut outputs = Vec::new();
        self.core.handle(now, input, &mut outputs);
        self.calls.push(Call { at: now, report, outputs });
    }

    pub(crate) fn wake(&mut self, now: Timestamp) {
        self.call(now, Input::Wake);
    }

    pub(crate) fn wake_until(&mut self, until: Timestamp) {
        while self.core.deadline() <= until {
            self.wake(self.core.deadline());
        }
    }

    pub(crate) fn pole(&mut self, pole: usize, now: Timestamp, content: PoleContent) {
        self.pole_with_age(pole, now, 0.0, content);
    }

    pub(crate) fn pole_with_age(&mut self, pole: usize, now: Timestamp, age_s: f64, content: PoleContent) {
        self.wake_until(now);
        let measured_at = Timestamp::from_micros(now.as_micros() - (age_s * 1e6) as i64);
        let pole = PoleIndex::new(pole).unwrap();
        self.call(now, Input::Pole(PoleReport { pole, measured_at, arrived_at: now, content }));
    }

    pub(crate) fn all_up(&mut self) {
        for pole in 0..poles().poles.len() {
            self.pole(pole, START, up(true, true));
        }
    }

    /// Lets the users go on until so many seconds after the start.
    pub(crate) fn drive(&mut self, users: &[User], until_s: f64) {
        let now = self.calls.last().map_or(START, |call| call.at);
        while self.next_message_at < now {
            self.next_message_at = self.next_message_at + Duration::from_millis(100);
        }
        while self.next_message_at <= at(until_s) {
            let now = self.next_message_at;
            self.next_message_at = now + Duration::from_millis(100);
            self.wake_until(now);
            for (number, user) in users.iter().enumerate() {
                if let Some(message) = user.message(number as u8 + 1, now, &self.site) {
                    self.call(now, Input::V2x { message: Box::new(message), arrived_at: now });
                }
            }
        }
        self.wake_until(at(until_s));
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.clone()
    }

    pub(crate) fn orders(&self) -> impl Iterator<Item = (Timestamp, &PoleOrder)> {
        self.calls.iter().flat_map(|call| call.orders().map(|order| (call.at, order)))
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = (Timestamp, Priority, &Item)> {
        self.calls.iter().flat_map(|call| {
            let publications = call.outputs.iter().filter_map(Output::publication);
            publications.map(|publication| (call.at, publication.priority, &publication.item))
        })
    }

    /// What was told of a pole.
    pub(crate) fn states(&self, id: &str) -> Vec<v1::PoleState> {
        let state = |(_, _, item): (_, _, &Item)| match item {
            Item::PoleState(state) if state.pole_id == id => Some(state.as_ref().clone()),
            _ => None,
        };
        self.items().filter_map(state).collect()
    }
}
