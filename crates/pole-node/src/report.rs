//! What the edge is told unasked: telemetry in its period, and the state when it changes.

use pole_link::{Capabilities, Colour, LightMode, Millis, Permille, Quantity, Reading, State};

use crate::node::Node;

/// A state is sent at least so often, ms: its counters grow.
const STATE_MS: u64 = 60_000;

/// What the edge was last told, as far as a change of it is told at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    target: Permille,
    mode: LightMode,
    on_the_way: bool,
    text: Option<(u16, Colour)>,
    beacon: bool,
    safe: bool,
}

impl<const RING: usize> Node<RING> {
    #[inline(never)]
    pub(crate) fn make_telemetry(&mut self, now: Millis) {
        let up = self.link.state().is_up();
        if now < self.telemetry.due_at(self.config.telemetry_period_ms(), up) {
            return;
        }
        if self.parts.has(Capabilities::ACCELERATION) {
            self.sums.add(Reading { quantity: Quantity::PEAK_ACCELERATION, value: self.motion.take_peak() });
        }
        if self.parts.has(Capabilities::LUMINAIRE) {
            let value = i32::from(self.luminaire.level(now).get());
            self.sums.add(Reading { quantity: Quantity::LUMINAIRE_LEVEL, value });
        }
        let readings = self.sums.take();
        self.telemetry.make(now, readings, up);
    }

    #[inline(never)]
    pub(crate) fn tell_state(&mut self, now: Millis) {
        let told = Told {
            target: self.luminaire.target(),
            mode: self.mode(),
            on_the_way: self.luminaire.is_on_the_way(now),
            text: self.warning.text(),
            beacon: self.warning.beacon(),
            safe: self.safe,
        };
        let due = self.due.state || self.told != Some(told) || now.since(self.told_at) >= STATE_MS;
        if due && self.link.state().is_up() {
            self.due.state = false;
            self.told = Some(told);
            self.told_at = now;
            self.link.send_state(self.state(now));
        }
    }

    fn mode(&self) -> LightMode {
        if self.faults.luminaire { LightMode::FAULT } else { self.luminaire.mode() }
    }

    /// What the pole does, as the edge is told.
    pub fn state(&self, now: Millis) -> State {
        State {
            level: self.luminaire.level(now),
            target: self.luminaire.target(),
            mode: self.mode(),
            warning: self.warning.told(now),
            beacon: self.warning.beacon(),
            safe: self.safe,
            lost_telemetry: self.telemetry.lost(),
            link: *self.link.counters(),
        }
    }
}
