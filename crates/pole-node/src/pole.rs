//! The thin shell: a node on a board. Each pass takes what has come, reads what is due, decides, sets the parts and sends; it never
//! waits.

use embedded_hal::digital::OutputPin;
use embedded_hal::pwm::SetDutyCycle;
use pole_link::{MAX_FRAME, MAX_WIRE, Medium, Millis, Permille, ResetCause};

use crate::board::{Acceleration, Board, Inputs, Link, SensorError, Shown, capabilities};
use crate::duty::Duty;
use crate::hand_over::{self, HandOver, HandOverState};
use crate::node::{Action, Faults, Node, Outputs, RING_OCTETS, Setup};
use crate::plan::Sensor;
use crate::readings;
use crate::store::{Loaded, Store, StoreError};

/// In one pass so often at most octets are taken from the link, so that a flood of them starves nothing.
const READS: usize = 4;
/// In one pass so many frames at most are handed to the link.
const FRAMES: usize = 8;
/// In one pass so many accelerations at most are read.
const ACCELERATIONS: usize = 32;
/// A part that failed is tried again after this, ms.
const RETRY_MS: u32 = 1000;
/// A reset waits at most so long for the line, ms.
const FLUSH_MS: u32 = 1000;
/// A luminaire's level is a part of this.
const FULL: u16 = Permille::MAX.get();

/// What the display shows; nothing if none.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Content(Option<Shown>);

/// What the parts have taken; none if it is not known.
#[derive(Debug, Default)]
struct Applied {
    level: Option<Permille>,
    content: Option<Content>,
    beacon: Option<bool>,
}

/// A pole: a board and the node that runs on it. `RING` is how many octets of telemetry are kept while there is no link.
#[derive(Debug)]
pub struct Pole<B: Board, const RING: usize = RING_OCTETS> {
    board: B,
    node: Node<RING>,
    store: Option<Store>,
    medium: Medium,
    applied: Applied,
    faults: Faults,
    retry_at: Millis,
    frame: [u8; MAX_WIRE],
    /// Which octets of the frame are to be sent still.
    unsent: core::ops::Range<usize>,
    reset_by: Option<Millis>,
}

impl<B: Board, const RING: usize> Pole<B, RING> {
    /// Takes what is kept in the flash, and begins.
    pub fn new(mut board: B) -> Self {
        let now = board.now();
        let (setup, store) = setup(&mut board);
        Self {
            medium: setup.medium,
            node: Node::new(setup, now),
            board,
            store,
            applied: Applied::default(),
            faults: Faults::default(),
            retry_at: now,
            frame: [0; MAX_WIRE],
            unsent: 0..0,
            reset_by: None,
        }
    }

    /// One pass. Returns when the next one is due at the latest; octets on the link and interrupts of sensors are reasons for
    /// an earlier one.
    #[inline(never)]
    pub fn poll(&mut self) -> Millis {
        let now = self.board.now();
        self.receive(now);
        self.node.did(Duty::Receive);
        self.sample(now);
        self.node.did(Duty::Sample);
        self.node.poll(now);
        self.node.did(Duty::Decide);
        self.apply(now);
        self.node.did(Duty::Apply);
        self.act(now);
        self.send(now);
        self.node.did(Duty::Send);
        // The answer to a command has just left: a reset may be due.
        self.act(now);
        if self.reset_by.is_some_and(|by| now >= by || self.is_flushed()) {
            self.board.reset(ResetCause::COMMAND);
            // Only in simulations. What does not reset is not kept alive either.
            return now;
        }
        if self.node.may_feed(now) {
            self.board.feed_watchdog();
        }
        if self.unsent.is_empty() { self.node.next_deadline(now) } else { now }
    }

    // Each on a stack frame of its own: together they would be all of the pass's.
    #[inline(never)]
    fn receive(&mut self, now: Millis) {
        for _ in 0..READS {
            let mut octets = [0; MAX_FRAME];
            let count = self.board.link().try_read(&mut octets);
            let mut octets = octets.get(..count).unwrap_or_default();
            if octets.is_empty() {
                return;
            }
            if self.medium == Medium::Udp {
                self.node.receive_datagram(now, octets);
                self.act(now);
                continue;
            }
            while self.node.receive(now, &mut octets) {
                self.act(now);
            }
        }
    }

    #[inline(never)]
    fn sample(&mut self, now: Millis) {
        while let Some(sensor) = self.node.take_due(now) {
            match sensor {
                Sensor::Inputs => match self.board.inputs().map(Inputs::active) {
                    Some(Ok(active)) => self.node.contacts(now, active),
                    Some(Err(error)) => self.node.failed(now, sensor, error),
                    None => self.node.absent(sensor),
                },
                Sensor::Acceleration => self.accelerations(now),
                sensor => match readings::read(&mut self.board, sensor) {
                    Some(Ok(readings)) => self.node.measured(now, sensor, &readings),
                    Some(Err(error)) => self.node.failed(now, sensor, error),
                    None => self.node.absent(sensor),
                },
            }
        }
    }

    fn accelerations(&mut self, now: Millis) {
        for number in 0..ACCELERATIONS {
            match self.board.acceleration().map(Acceleration::read) {
                Some(Ok(acceleration)) => self.node.acceleration(now, acceleration),
                // It has been read empty.
                Some(Err(SensorError::NotReady)) if number > 0 => return,
                Some(Err(error)) => return self.node.failed(now, Sensor::Acceleration, error),
                None => return self.node.absent(Sensor::Acceleration),
            }
        }
    }

    #[inline(never)]
    fn apply(&mut self, now: Millis) {
        let Outputs { level, shown, beacon } = self.node.outputs(now);
        let retry = now >= self.retry_at;
        let (applied, faults, board) = (&mut self.applied, &mut self.faults, &mut self.board);
        drive(&mut applied.level, level, &mut faults.luminaire, retry, |level| {
            board.luminaire().is_none_or(|part| part.set_duty_cycle_fraction(level.get(), FULL).is_ok())
        });
        drive(&mut applied.content, Content(shown), &mut faults.display, retry, |Content(shown)| {
            board.display().is_none_or(|part| part.show(shown).is_ok())
        });
        drive(&mut applied.beacon, beacon, &mut faults.beacon, retry, |beacon| {
            board.beacon().is_none_or(|part| part.set_state(beacon.into()).is_ok())
        });
        if retry {
            self.retry_at = now.plus(RETRY_MS);
        }
        self.node.applied(now, self.faults);
    }

    #[inline(never)]
    fn act(&mut self, now: Millis) {
        while let Some(action) = self.node.take_action(now) {
            match action {
                Action::Store => {
                    let result = match (self.store.as_mut(), self.board.flash()) {
                        (Some(store), Some(flash)) => store.save(flash, &self.node.settings()),
                        _ => Err(StoreError),
                    };
                    self.node.stored(now, result);
                }
                Action::HandOver(record) => {
                    let slot = self.board.layout().hand_over;
                    let result = match (slot, self.board.flash()) {
                        (Some(slot), Some(flash)) => record.write(flash, slot.offset),
                        _ => Err(StoreError),
                    };
                    self.node.handed_over(now, result);
                }
                Action::Reset => {
                    self.reset_by.get_or_insert(now.plus(FLUSH_MS));
                    return;
                }
            }
        }
    }

    #[inline(never)]
    fn send(&mut self, now: Millis) {
        for _ in 0..FRAMES {
            if self.unsent.is_empty() {
                let Some(octets) = self.node.poll_transmit(now, &mut self.frame) else { return };
                self.unsent = 0..octets.len();
            }
            let Some(octets) = self.frame.get(self.unsent.clone()) else { return };
            let written = self.board.link().try_write(octets);
            self.unsent.start = self.unsent.start.saturating_add(written).min(self.unsent.end);
            if !self.unsent.is_empty() {
                return;
            }
        }
    }

    fn is_flushed(&mut self) -> bool {
        self.unsent.is_empty() && self.board.link().is_flushed()
    }

    /// The board.
    pub fn board(&self) -> &B {
        &self.board
    }

    /// The board, such as for what the integrator does between passes.
    pub fn board_mut(&mut self) -> &mut B {
        &mut self.board
    }

    /// The node.
    pub fn node(&self) -> &Node<RING> {
        &self.node
    }

    /// The node.
    pub fn node_mut(&mut self) -> &mut Node<RING> {
        &mut self.node
    }

    /// Gives the board back, such as when a simulated one starts anew.
    pub fn into_board(self) -> B {
        self.board
    }
}

/// What a board is, and what it has kept.
#[inline(never)]
fn setup<B: Board>(board: &mut B) -> (Setup, Option<Store>) {
    let layout = board.layout();
    let mut setup = Setup {
        identity: board.identity(),
        parts: capabilities(board),
        texts: board.display().map_or(0, |display| display.texts().get()),
        max_image_octets: layout.hand_over.map_or(0, |slot| slot.max_image_octets),
        address: board.address(),
        medium: board.medium(),
        reset_cause: board.reset_cause(),
        keys: B::KEYS,
        damaged_copies: 0,
        settings: None,
    };
    let Some(flash) = board.flash() else { return (setup, None) };
    let (store, Loaded { settings, damaged }) = Store::load(flash, layout.settings);
    setup.settings = Some(settings);
    setup.damaged_copies = damaged;
    if let Some(slot) = layout.hand_over
        && is_installed(flash, slot.offset)
        && !is_failure(setup.reset_cause)
    {
        setup.reset_cause = ResetCause::UPDATE;
    }
    (setup, Some(store))
}

/// Has a part do something else than before; one that failed only when it is to be tried again.
fn drive<T: Copy + PartialEq>(
    applied: &mut Option<T>,
    wanted: T,
    fault: &mut bool,
    retry: bool,
    set: impl FnOnce(T) -> bool,
) {
    if *applied == Some(wanted) || (*fault && !retry) {
        return;
    }
    *fault = !set(wanted);
    *applied = (!*fault).then_some(wanted);
}

/// Whether the bootloader has installed what it was handed. What it has dealt with is taken away.
fn is_installed<F: embedded_storage::nor_flash::NorFlash>(flash: &mut F, offset: u32) -> bool {
    let state = HandOver::read(flash, offset).map(|(_, state)| state);
    if matches!(state, Some(HandOverState::Installed | HandOverState::Refused)) {
        // If it stays, it is dealt with at the next start.
        let _ = hand_over::erase(flash, offset);
    }
    state == Some(HandOverState::Installed)
}

/// Whether a start is one that must not be hidden behind an update.
fn is_failure(cause: ResetCause) -> bool {
    matches!(cause, ResetCause::WATCHDOG | ResetCause::PANIC | ResetCause::HARD_FAULT | ResetCause::BROWN_OUT)
}
