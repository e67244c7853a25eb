//! The pole's application as a state machine: octets, readings and the time go in; octets and what the parts are to do come out.
//!
//! [`crate::Pole`] drives it on a board. Whoever drives it otherwise repeats these steps, and then waits for octets or until
//! [`Node::next_deadline`]:
//!
//! 1. [`Node::receive`] what came from the edge.
//! 2. [`Node::take_due`] until no sensor is due; read each, and say [`Node::contacts`], [`Node::acceleration`],
//!    [`Node::measured`], [`Node::failed`] or [`Node::absent`].
//! 3. [`Node::poll`].
//! 4. Set the parts to [`Node::outputs`], and say [`Node::applied`].
//! 5. [`Node::take_action`] until there is none, do each and say what became of it.
//! 6. [`Node::poll_transmit`] until there is nothing, and hand the octets to the line.
//! 7. Say [`Node::did`] after each; then feed the watchdog if [`Node::may_feed`] allows it.

use pole_link::{
    AlarmKey, AlarmKind, Capabilities, LinkState, MAX_WIRE, Medium, Millis, Permille, PoleAddress, PoleConfig, PoleEnd,
    PoleEvent, PoleInfo, ResetCause, Ticket,
};

use crate::board::{Identity, Shown};
use crate::clock::WallClock;
use crate::commands::Pending;
use crate::config::{Config, KeySpec};
use crate::debounce::Debounce;
use crate::duty::{Duties, Duty};
use crate::faults::FaultAlarms;
use crate::hand_over::HandOver;
use crate::health::Health;
use crate::luminaire::{Around, Luminaire};
use crate::motion::Motion;
use crate::plan::{Plan, Sums};
use crate::report::Told;
use crate::settings::Settings;
use crate::telemetry::Telemetry;
use crate::threshold::Thresholds;
use crate::warning::Warning;

/// Octets of telemetry that are kept while there is no link, unless the integrator chooses otherwise.
pub const RING_OCTETS: usize = 2048;
/// What a node is made of.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Who the pole is.
    pub identity: Identity,
    /// Its parts.
    pub parts: Capabilities,
    /// How many texts its display has.
    pub texts: u16,
    /// The longest image that the bootloader has room for.
    pub max_image_octets: u32,
    /// Its address.
    pub address: PoleAddress,
    /// What the link runs over.
    pub medium: Medium,
    /// Why it started.
    pub reset_cause: ResetCause,
    /// The board's own keys.
    pub keys: &'static [KeySpec],
    /// What was kept over the reset; none if there is nothing to keep it in.
    pub settings: Option<Settings>,
    /// How many copies of it were damaged.
    pub damaged_copies: u8,
}

/// What the parts are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outputs {
    /// The luminaire's level.
    pub level: Permille,
    /// What the display shows.
    pub shown: Option<Shown>,
    /// Whether the beacon is on.
    pub beacon: bool,
}

/// Which parts do not do what they are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// The luminaire.
    pub luminaire: bool,
    /// The display.
    pub display: bool,
    /// The beacon.
    pub beacon: bool,
}

/// Something to be done once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Keep [`Node::settings`], and say [`Node::stored`].
    Store,
    /// Write this for the bootloader, and say [`Node::handed_over`].
    HandOver(HandOver),
    /// Reset the board, with [`ResetCause::COMMAND`].
    Reset,
}

/// What is to be done soon.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Due {
    /// Settings are to be kept.
    pub(crate) store: bool,
    /// Before a reset that was tried already.
    last_store_tried: bool,
    /// The edge is to be told the state, changed or not.
    pub(crate) state: bool,
}

/// The pole's application. `RING` is how many octets of telemetry are kept while there is no link.
#[derive(Debug)]
pub struct Node<const RING: usize = RING_OCTETS> {
    pub(crate) parts: Capabilities,
    pub(crate) texts: u16,
    pub(crate) max_image_octets: u32,
    /// Whether there is something to keep settings in.
    pub(crate) keeps: bool,
    pub(crate) link: PoleEnd,
    pub(crate) config: Config,
    boot_count: u32,
    pub(crate) health: Health,
    pub(crate) clock: WallClock,
    pub(crate) luminaire: Luminaire,
    pub(crate) warning: Warning,
    pub(crate) debounce: Debounce,
    pub(crate) motion: Motion,
    pub(crate) thresholds: Thresholds,
    pub(crate) plan: Plan,
    pub(crate) sums: Sums,
    fault_alarms: FaultAlarms,
    pub(crate) telemetry: Telemetry<RING>,
    pub(crate) safe: bool,
    pub(crate) faults: Faults,
    /// The command that waits for what is done outside.
    pub(crate) pending: Option<(Option<Ticket>, Pending)>,
    /// By when a commanded reset happens, answered or not.
    pub(crate) restart_by: Option<Millis>,
    pub(crate) due: Due,
    pub(crate) told: Option<Told>,
    pub(crate) told_at: Millis,
    duties: Duties,
}

impl<const RING: usize> Node<RING> {
    /// A node that begins to greet, with the luminaire full.
    #[inline(never)]
    pub fn new(setup: Setup, now: Millis) -> Self {
        let keeps = setup.settings.is_some();
        let settings = setup.settings.unwrap_or_default();
        let mut config = Config::new(setup.keys);
        config.restore(&settings.changed);
        let mut health = Health::new(settings.errors, setup.reset_cause);
        for _ in 0..setup.damaged_copies {
            health.storage_error(now);
        }
        // A count that is not kept is no count: 0 says so.
        let boot_count = if keeps { settings.boot_count.saturating_add(1) } else { 0 };
        let Identity { serial, model, firmware } = setup.identity;
        let (capabilities, reset_cause, errors) = (setup.parts, setup.reset_cause, health.errors());
        let info = PoleInfo { serial, model, firmware, capabilities, reset_cause, errors };
        let link = PoleConfig { address: setup.address, medium: setup.medium, boot_count, info };
        Self {
            parts: setup.parts,
            texts: setup.texts,
            max_image_octets: setup.max_image_octets,
            keeps,
            link: PoleEnd::new(link, now),
            config,
            boot_count,
            health,
            clock: WallClock::default(),
            luminaire: Luminaire::new(settings.schedule, now),
            warning: Warning::default(),
            debounce: Debounce::default(),
            motion: Motion::new(settings.upright),
            thresholds: Thresholds::default(),
            plan: Plan::new(now, setup.parts),
            sums: Sums::default(),
            fault_alarms: FaultAlarms::default(),
            telemetry: Telemetry::new(now),
            safe: false,
            faults: Faults::default(),
            pending: None,
            restart_by: None,
            due: Due { store: keeps, ..Due::default() },
            told: None,
            told_at: now,
            duties: Duties::new(now),
        }
    }

    /// Takes octets of a serial line, up to what leads to something to be done; `octets` is what is left. Whether there was
    /// such: then take the actions and come again.
    pub fn receive(&mut self, now: Millis, octets: &mut &[u8]) -> bool {
        let event = self.link.receive(now, octets);
        let happened = event.is_some();
        if let Some(event) = event {
            self.event(now, event);
        }
        happened
    }

    /// Takes a datagram.
    pub fn receive_datagram(&mut self, now: Millis, octets: &[u8]) {
        if let Some(event) = self.link.receive_datagram(now, octets) {
            self.event(now, event);
        }
    }

    fn event(&mut self, now: Millis, event: PoleEvent) {
        match event {
            PoleEvent::Up { unix_ms, .. } => {
                if let Some(unix_ms) = unix_ms {
                    self.clock.set(now, unix_ms);
                }
                self.due.state = true;
            }
            PoleEvent::Down => self.telemetry.link_lost(),
            PoleEvent::Rejected(_) => {}
            PoleEvent::Command(ticket, command) => self.command(now, Some(ticket), command),
            PoleEvent::Broadcast(command) => self.command(now, None, command),
        }
    }

    /// Looks at the time.
    #[inline(never)]
    pub fn poll(&mut self, now: Millis) {
        while let Some(event) = self.link.poll(now) {
            self.event(now, event);
        }
        let safe = now.since(self.link.heard_at()) >= u64::from(self.config.safe_after_ms());
        if safe && !self.safe {
            self.warning.clear();
            self.luminaire.forget_presence();
        }
        self.safe = safe;
        self.warning.poll(now);
        let around = Around {
            minute: self.clock.minute(now),
            safe: safe.then(|| self.config.safe_level()),
            default_ramp_ms: self.config.default_ramp_ms(),
        };
        self.luminaire.poll(now, around);
        self.due.store |= self.keeps && self.health.is_due(now);
        self.fault_alarms.poll(now, &self.plan, &mut self.link);
        self.make_telemetry(now);
        self.telemetry.send(now, &mut self.link);
        self.tell_state(now);
    }

    /// What the parts are to do now.
    pub fn outputs(&self, now: Millis) -> Outputs {
        let level = self.luminaire.level(now);
        Outputs { level, shown: self.warning.shown(now), beacon: self.warning.beacon() }
    }

    /// What became of the outputs.
    pub fn applied(&mut self, now: Millis, faults: Faults) {
        if faults.luminaire != self.faults.luminaire {
            let key = AlarmKey { kind: AlarmKind::LAMP_FAULT, source: 0 };
            let _ = self.link.raise(now, key, faults.luminaire, 0);
        }
        self.faults = faults;
        self.finish_applied();
    }

    /// The next thing to be done.
    pub fn take_action(&mut self, now: Millis) -> Option<Action> {
        if core::mem::take(&mut self.due.store) {
            return Some(Action::Store);
        }
        if let Some(hand_over) = self.take_hand_over() {
            return Some(Action::HandOver(hand_over));
        }
        let restart_by = self.restart_by?;
        if !self.link.is_answered() && now < restart_by {
            return None;
        }
        if self.keeps && self.health.is_unstored() && !core::mem::replace(&mut self.due.last_store_tried, true) {
            return Some(Action::Store);
        }
        Some(Action::Reset)
    }

    /// What is to be kept: with the change that waits for being kept.
    #[inline(never)]
    pub fn settings(&self) -> Settings {
        let mut settings = Settings {
            boot_count: self.boot_count,
            errors: self.health.errors(),
            changed: self.config.changed(),
            schedule: self.luminaire.schedule().clone(),
            upright: self.motion.upright(),
        };
        self.with_pending(&mut settings);
        settings
    }

    /// The next octets for the edge, if there are any.
    pub fn poll_transmit<'b>(&mut self, now: Millis, buffer: &'b mut [u8; MAX_WIRE]) -> Option<&'b [u8]> {
        self.link.poll_transmit(now, buffer)
    }

    /// When to look again at the latest.
    pub fn next_deadline(&self, now: Millis) -> Millis {
        if self.due.store || (self.telemetry.is_waiting() && self.link.takes_telemetry()) {
            return now;
        }
        let up = self.link.state().is_up();
        let safe_at = self.link.heard_at().plus(self.config.safe_after_ms());
        let telemetry = self.telemetry.due_at(self.config.telemetry_period_ms(), up);
        let deadlines = [
            Some(telemetry),
            (!self.safe).then_some(safe_at),
            self.link.next_deadline(),
            self.plan.deadline(),
            self.luminaire.deadline(now),
            self.warning.deadline(now),
            self.clock.next_minute(now),
            self.restart_by,
        ];
        deadlines.into_iter().flatten().min().unwrap_or(telemetry)
    }

    /// Says that a duty was done.
    pub fn did(&mut self, duty: Duty) {
        self.duties.done(duty);
    }

    /// Whether the watchdog is to be fed now: every duty was done since it was fed last, and time has gone on.
    pub fn may_feed(&mut self, now: Millis) -> bool {
        self.duties.take(now)
    }

    /// The configuration, such as for the integrator's own keys.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How the link stands.
    pub fn link_state(&self) -> LinkState {
        self.link.state()
    }

    /// Alarms for which the link had no room: none, unless the integrator's own are too many.
    pub fn refused_alarms(&self) -> u32 {
        self.link.refused_alarms()
    }
}
