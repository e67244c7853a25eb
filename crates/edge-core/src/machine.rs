//! The state machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fusion::{Accepted, FrameError, Parts, SensorFrame, SensorId, SensorModel, Track, Tracker, TrackerConfig};
use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Timestamp;
use traffic_events::{EventChange, LaneInterval, LaneStatistics, Monitor};

use crate::broadcast::Broadcaster;
use crate::output::{Item, Output, Priority, Publication};
use crate::poles::{Fleet, PoleContent, PoleItem, PoleReport};
use crate::surroundings::Surroundings;
use crate::{CoreConfig, Counters, Input, intake, report};

/// A clock that goes back by more than this was set; less is jitter between the threads that read it.
const CLOCK_JITTER: Duration = Duration::from_millis(200);
/// A participant's message whose time is farther off than this has a clock that is not to be trusted.
const MAX_V2X_AGE_S: f64 = 1.0;

/// The RSU. See the crate.
#[derive(Debug)]
pub struct Core {
    config: CoreConfig,
    v2x: SensorId,
    tracker: Tracker,
    monitor: Monitor,
    counters: Counters,
    sensors: Vec<v1::SensorHealth>,
    sequences: BTreeMap<&'static str, u64>,
    started_at: Timestamp,
    now: Timestamp,
    next_tracks_at: Timestamp,
    next_health_at: Timestamp,
    next_events_at: Timestamp,
    /// Arrival of the oldest input that the detectors have not seen the effect of.
    unseen_since: Option<Timestamp>,
    /// Arrival of the oldest and the newest input since the last track list.
    unpublished: Option<(Timestamp, Timestamp)>,
    tracks: Vec<Track>,
    changes: Vec<EventChange>,
    surroundings: Surroundings,
    lane_statistics: LaneStatistics,
    intervals: Vec<LaneInterval>,
    broadcaster: Broadcaster,
    poles: Fleet,
}

impl Core {
    /// An RSU that has seen nothing, at the time of its start.
    #[must_use]
    pub fn new(config: CoreConfig, now: Timestamp) -> Self {
        let sensors = config
            .sensors
            .iter()
            .map(|setup| v1::SensorHealth { sensor_id: setup.id.clone(), ..v1::SensorHealth::default() })
            .collect();
        let periods = config.periods;
        let poles = Fleet::new(&config.poles, &config.map);
        Self {
            v2x: SensorId::new(config.sensors.len()).unwrap_or_default(),
            tracker: tracker(&config),
            monitor: Monitor::new(&config.events).with_stations(poles.stations(&config.map)),
            counters: Counters::default(),
            sensors,
            sequences: BTreeMap::new(),
            started_at: now,
            now,
            next_tracks_at: now.next_multiple(periods.tracks),
            next_health_at: now + periods.health,
            next_events_at: now,
            unseen_since: None,
            unpublished: None,
            tracks: Vec::new(),
            changes: Vec::new(),
            surroundings: Surroundings::new(config.junction),
            lane_statistics: LaneStatistics::new(config.lane_statistics),
            intervals: Vec::new(),
            broadcaster: Broadcaster::new(config.broadcast.clone(), now),
            poles,
            config,
        }
    }

    /// When the core wants to be woken if nothing comes in before.
    #[must_use]
    pub fn deadline(&self) -> Timestamp {
        let events = self.unseen_since.map_or(self.next_tracks_at, |_| self.next_events_at);
        let broadcast = self.broadcaster.deadline().unwrap_or(self.next_tracks_at);
        self.next_tracks_at.min(self.next_health_at).min(events).min(broadcast)
    }

    /// What was counted since the start.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes one input at the time `now` and appends what is to be done.
    pub fn handle(&mut self, now: Timestamp, input: Input, outputs: &mut Vec<Output>) {
        self.follow_clock(now, outputs);
        match input {
            Input::Detections { frame, arrived_at } => self.take_detections(frame, arrived_at),
            Input::V2x { message, arrived_at } => self.take_v2x(message, arrived_at, outputs),
            Input::Pole(report) => self.take_pole(report, outputs),
            Input::Wake => {}
        }
        if self.unseen_since.is_some() && self.now >= self.next_events_at {
            self.look_for_events(outputs);
        }
        if self.now >= self.next_tracks_at {
            self.publish_tracks(outputs);
        }
        self.broadcaster.tick(self.now, outputs);
        if self.now >= self.next_health_at {
            self.next_health_at = self.now + self.config.periods.health;
            self.publish_health(outputs);
        }
    }

    /// Time never goes back inside. Where the clock was set back, what was known in the old time is worth nothing.
    fn follow_clock(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        if now + CLOCK_JITTER >= self.now {
            self.now = self.now.max(now);
            return;
        }
        self.counters.count("clock_set_back");
        self.started_at = self.started_at - self.now.duration_since(now);
        self.tracker.clear();
        self.surroundings.clear();
        // Its interval is in a time that never was.
        self.lane_statistics.clear();
        self.now = now;
        self.monitor.clear(now, &mut self.changes);
        self.poles.restart(now);
        self.tell_pending_changes(None, outputs);
        self.next_tracks_at = now.next_multiple(self.config.periods.tracks);
        self.next_health_at = now + self.config.periods.health;
        self.next_events_at = now;
        self.unseen_since = None;
        self.unpublished = None;
        self.broadcaster.restart(now);
    }

    fn take_detections(&mut self, frame: SensorFrame, arrived_at: Timestamp) {
        if frame.measured_at > self.now + self.config.max_clock_lead {
            self.counters.count("frame_from_the_future");
            return;
        }
        if let Some(health) = self.sensors.get_mut(frame.sensor.index()) {
            let latency_s = arrived_at.seconds_since(frame.measured_at);
            let gain = if health.frames == 0 { 1.0 } else { 0.05 };
            health.latency_s += gain * (latency_s - health.latency_s);
            health.frames += 1;
            health.detections += frame.detections.len() as u64;
            health.last_frame_arrival_us = arrived_at.as_micros();
        }
        self.track(frame, arrived_at);
    }

    fn track(&mut self, frame: SensorFrame, arrived_at: Timestamp) {
        let outcome = match self.tracker.accept(frame) {
            Ok(Accepted::InOrder) => "frame_in_order",
            Ok(Accepted::Reordered { .. }) => "frame_reordered",
            Err(FrameError::TooLate) => "frame_too_late",
            Err(FrameError::Repeated) => "frame_repeated",
            Err(FrameError::UnknownSensor) => "frame_of_unknown_sensor",
        };
        self.counters.count(outcome);
        if matches!(outcome, "frame_in_order" | "frame_reordered") {
            self.unseen_since.get_or_insert(arrived_at);
            let (oldest, newest) = self.unpublished.unwrap_or((arrived_at, arrived_at));
            self.unpublished = Some((oldest.min(arrived_at), newest.max(arrived_at)));
        }
    }

    fn take_v2x(&mut self, mut message: Box<v1::V2xMessage>, arrived_at: Timestamp, outputs: &mut Vec<Output>) {
        let (stream, counter) = match &message.content {
            Some(Content::Bsm(bsm)) => {
                if !self.surroundings.bsm(bsm, arrived_at) {
                    self.counters.count("emergency_not_remembered");
                }
                let measured_at = self.v2x_time(bsm.sec_mark_ms, arrived_at, "bsm_clock_off");
                let frame = intake::bsm(self.v2x, self.config.map.frame(), bsm, measured_at);
                self.track_v2x(frame, arrived_at, "bsm_without_position", "bsm_out_of_range");
                ("bsm", "v2x_bsm")
            }
            Some(Content::Map(_)) => ("map", "v2x_map"),
            Some(Content::Rsm(_)) => ("rsm", "v2x_rsm"),
            Some(Content::Spat(spat)) => {
                if self.surroundings.spat(spat, arrived_at) {
                    self.counters.count("spat_of_the_junction");
                }
                ("spat", "v2x_spat")
            }
            Some(Content::Rsi(_)) => ("rsi", "v2x_rsi"),
            Some(Content::Test(_)) => ("test", "v2x_test"),
            Some(Content::Rtcm(_)) => ("rtcm", "v2x_rtcm"),
            Some(Content::Rsc(_)) => ("rsc", "v2x_rsc"),
            Some(Content::Ssm(_)) => ("ssm", "v2x_ssm"),
            Some(Content::Vir(_)) => ("vir", "v2x_vir"),
            Some(Content::Pam(_)) => ("pam", "v2x_pam"),
            Some(Content::Psm(psm)) => {
                let measured_at = self.v2x_time(psm.sec_mark_ms, arrived_at, "psm_clock_off");
                let frame = intake::psm(self.v2x, self.config.map.frame(), psm, measured_at);
                self.track_v2x(frame, arrived_at, "psm_without_position", "psm_out_of_range");
                ("psm", "v2x_psm")
            }
            Some(Content::Clpmm(_)) => ("clpmm", "v2x_clpmm"),
            Some(Content::Vpm(_)) => ("vpm", "v2x_vpm"),
            Some(Content::Extension(_) | Content::Unknown(_)) => ("unknown", "v2x_unknown"),
            None => {
                self.counters.count("v2x_without_content");
                return;
            }
        };
        self.counters.count(counter);
        message.header = Some(self.header(stream, arrived_at.as_micros()));
        outputs.push(publish(Priority::Message, Item::V2x(message)));
    }

    fn take_pole(&mut self, report: PoleReport, outputs: &mut Vec<Output>) {
        let arrived_at = report.arrived_at;
        // What is no measurement is so now at the latest: nobody's call for help is refused for its clock.
        let is_measured = matches!(report.content, PoleContent::Readings { .. });
        if is_measured && report.measured_at > self.now + self.config.max_clock_lead {
            self.counters.count("pole_readings_from_the_future");
            return;
        }
        let news = self.poles.report(self.now, report, &self.config.map, &mut self.counters);
        self.tell_poles(Some(arrived_at), outputs);
        if let Some(news) = news {
            self.monitor.weather(self.now, news.station, news.measured_at, &news.weather, &mut self.changes);
            self.tell_pending_changes(Some(arrived_at), outputs);
        }
    }

    /// Hands out what the poles are to do, and what the cloud is to know of them.
    fn tell_poles(&mut self, cause: Option<Timestamp>, outputs: &mut Vec<Output>) {
        outputs.extend(self.poles.orders.drain(..).map(Output::Pole));
        let mut items = std::mem::take(&mut self.poles.items);
        let cause_us = cause.map_or(0, Timestamp::as_micros);
        for item in items.drain(..) {
            let (priority, item) = match item {
                PoleItem::State(mut state) => {
                    state.header = Some(self.header("poles", 0));
                    (Priority::State, Item::PoleState(state))
                }
                PoleItem::Readings(mut readings) => {
                    readings.header = Some(self.header("pole-readings", cause_us));
                    (Priority::State, Item::PoleReadings(readings))
                }
                PoleItem::Alarm(mut alarm) => {
                    let (stream, priority) = report::alarm_stream(alarm.kind());
                    alarm.header = Some(self.header(stream, cause_us));
                    (priority, Item::PoleAlarm(alarm))
                }
            };
            outputs.push(publish(priority, item));
        }
        self.poles.items = items;
    }

    /// When a participant's message was measured: by its own clock where that can be.
    fn v2x_time(&mut self, sec_mark_ms: Option<u32>, arrived_at: Timestamp, clock_off: &'static str) -> Timestamp {
        let claimed = sec_mark_ms.and_then(|ms| Timestamp::from_dsecond(ms, arrived_at));
        let oldest_s = MAX_V2X_AGE_S.min(self.config.reorder_window.as_secs_f64() * 0.8);
        let credible = -self.config.max_clock_lead.as_secs_f64()..oldest_s;
        let measured_at = match claimed {
            Some(claimed) if credible.contains(&arrived_at.seconds_since(claimed)) => claimed,
            _ => {
                self.counters.count(clock_off);
                arrived_at
            }
        };
        measured_at.min(self.now)
    }

    /// Tracks who sent a message, if it says where, and that is near.
    fn track_v2x(
        &mut self,
        frame: Option<SensorFrame>,
        arrived_at: Timestamp,
        without_position: &'static str,
        out_of_range: &'static str,
    ) {
        let Some(frame) = frame else { return self.counters.count(without_position) };
        let distance_m = frame.detections.first().map_or(f64::INFINITY, |detection| detection.position_m.norm());
        if distance_m > self.config.v2x_range_m {
            return self.counters.count(out_of_range);
        }
        self.track(frame, arrived_at);
    }

    fn look_for_events(&mut self, outputs: &mut Vec<Output>) {
        let cause = self.unseen_since.take();
        // Whoever is late looks less often, so that a flood cannot make each input cost a look.
        let due = self.next_events_at.max(cause.unwrap_or(self.now));
        let late = self.now.duration_since(due).min(Duration::from_millis(100));
        self.next_events_at = self.now + self.config.periods.events.max(late);
        self.tracker.tracks_at(self.now, &mut self.tracks);
        self.tell_changes(cause, outputs);
    }

    /// The detectors look at `self.tracks`.
    fn tell_changes(&mut self, cause: Option<Timestamp>, outputs: &mut Vec<Output>) {
        let context = self.surroundings.context(self.now);
        self.monitor.update(self.now, &self.config.map, &self.tracks, &context, &mut self.changes);
        self.tell_pending_changes(cause, outputs);
    }

    fn tell_pending_changes(&mut self, cause: Option<Timestamp>, outputs: &mut Vec<Output>) {
        let mut changes = std::mem::take(&mut self.changes);
        let (mut news, mut any) = (false, false);
        for change in changes.drain(..) {
            let (stream, priority) = report::stream(change.kind);
            let header = self.header(stream, cause.map_or(0, Timestamp::as_micros));
            let event = report::event(&change, &self.config.map, header);
            outputs.push(publish(priority, Item::Event(event)));
            news |= self.broadcaster.event(&change, self.config.map.frame());
            self.poles.event(&change, &self.config.map, &mut self.counters);
            any = true;
        }
        if any {
            self.poles.warn(self.now, &mut self.counters);
            self.tell_poles(cause, outputs);
        }
        if news {
            outputs.push(self.broadcaster.information(self.now, self.config.map.frame()));
        }
        self.changes = changes;
    }

    fn publish_tracks(&mut self, outputs: &mut Vec<Output>) {
        let late = self.now.duration_since(self.next_tracks_at);
        // More than that is a clock that was set, not a core that was late.
        if late < Duration::from_secs(10) {
            let missed = late.as_micros() / self.config.periods.tracks.as_micros().max(1);
            self.counters.add("track_lists_skipped", u64::try_from(missed).unwrap_or(0));
        }
        self.next_tracks_at = self.now.next_multiple(self.config.periods.tracks);
        self.tracker.tracks_at(self.now, &mut self.tracks);
        // Also when nothing came in: whoever is not seen any more must be noticed.
        let cause = self.unseen_since.take();
        self.tell_changes(cause, outputs);
        let (oldest, newest) = self.unpublished.take().unzip();
        let list = v1::TrackList {
            header: Some(self.header("tracks", 0)),
            state_at_us: self.now.as_micros(),
            tracks: self
                .tracks
                .iter()
                .map(|track| report::track(track, &self.config.map, &self.config.sensors))
                .collect(),
            oldest_input_arrival_us: oldest.map_or(0, Timestamp::as_micros),
            newest_input_arrival_us: newest.map_or(0, Timestamp::as_micros),
        };
        outputs.push(publish(Priority::Track, Item::Tracks(list)));
        let site = self.config.map.frame();
        self.broadcaster.tracks(self.now, &self.tracks, &self.config.sensors, site, outputs);
        self.publish_lane_statistics(outputs);
        self.poles.look(self.now, &self.tracks, &self.config.map, &mut self.counters);
        self.tell_poles(None, outputs);
    }

    /// Counts with each track list, and publishes when an interval is over.
    fn publish_lane_statistics(&mut self, outputs: &mut Vec<Output>) {
        let mut intervals = std::mem::take(&mut self.intervals);
        self.lane_statistics.update(self.now, &self.config.map, &self.tracks, &mut intervals);
        if !intervals.is_empty() {
            let header = self.header("lane-statistics", 0);
            if let Some(statistics) = report::lane_statistics(&intervals, header) {
                outputs.push(publish(Priority::State, Item::LaneStatistics(statistics)));
            }
            intervals.clear();
        }
        self.intervals = intervals;
    }

    fn publish_health(&mut self, outputs: &mut Vec<Output>) {
        for (health, registration) in self.sensors.iter_mut().zip(self.tracker.registrations()) {
            health.registration = Some(report::registration(registration));
        }
        let health = v1::Health {
            header: Some(self.header("health", 0)),
            uptime_s: self.now.seconds_since(self.started_at),
            counters: self.counters.iter().map(|(name, count)| (format!("core.{name}"), count)).collect(),
            sensors: self.sensors.clone(),
            queue_depth: BTreeMap::new(),
            tracks_alive: self.tracker.alive() as u64,
            events_active: self.monitor.active() as u64,
            memory_bytes: 0,
            senders: Vec::new(),
            senders_by_profile: BTreeMap::new(),
            links: Vec::new(),
            poles: self.poles.health(),
        };
        outputs.push(publish(Priority::State, Item::Health(health)));
    }

    fn header(&mut self, stream: &'static str, caused_by_arrival_us: i64) -> v1::Header {
        let sequence = self.sequences.entry(stream).or_insert(0);
        *sequence += 1;
        v1::Header {
            rsu_id: self.config.rsu_id.clone(),
            boot_id: self.config.boot_id,
            stream: stream.into(),
            sequence: *sequence,
            produced_at_us: self.now.as_micros(),
            caused_by_arrival_us,
        }
    }
}

fn publish(priority: Priority, item: Item) -> Output {
    Output::Publish(Publication { priority, item })
}

fn tracker(config: &CoreConfig) -> Tracker {
    let v2x = SensorModel::v2x(config.v2x_range_m);
    Tracker::new(TrackerConfig {
        sensors: config.sensors.iter().map(|setup| setup.model).chain([v2x]).collect(),
        reorder_window: config.reorder_window,
        max_participants: config.max_participants,
        map: Some(Arc::clone(&config.map)),
        parts: Parts::default(),
        journal: false,
    })
}
