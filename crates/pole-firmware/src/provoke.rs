//! Images for tests only: does what the keys of `hooks` ask for.

use pole_firmware::hooks::{Fault, Hooks};
use pole_link::Millis;
use pole_node::Pole;
use pole_node::board::Board as _;

use crate::board::EmulatedBoard;

/// A fault comes so long after it was asked for, ms: by then the command is answered, and is not sent again after the start.
const DELAY_MS: u32 = 100;

/// What the edge asks for.
pub(crate) struct Provoker {
    hooks: Hooks,
    fault: Option<(Millis, Fault)>,
}

impl Provoker {
    pub(crate) fn new<const RING: usize>(pole: &Pole<EmulatedBoard, RING>) -> Self {
        Self { hooks: Hooks::new(pole.node().config()), fault: None }
    }

    /// Looks at the keys.
    pub(crate) fn poll<const RING: usize>(&mut self, pole: &mut Pole<EmulatedBoard, RING>) {
        let now = pole.board().now();
        let forced = Hooks::forced(pole.node().config());
        pole.board_mut().force(forced);
        if let Some(fault) = self.hooks.fault(pole.node().config()) {
            self.fault = Some((now.plus(DELAY_MS), fault));
        }
        if let Some((_, fault)) = self.fault.filter(|(at, _)| now >= *at) {
            cause(fault);
        }
    }
}

#[allow(clippy::panic, reason = "what it is for")]
fn cause(fault: Fault) {
    match fault {
        Fault::Panic => panic!("as asked for"),
        Fault::HardFault => cortex_m::asm::udf(),
        Fault::StackOverflow => {
            core::hint::black_box(deeper(1));
        }
        Fault::Hang => loop {
            cortex_m::asm::nop();
        },
    }
}

/// Calls itself until the stack is full.
#[inline(never)]
#[allow(unconditional_recursion, reason = "what it is for")]
fn deeper(depth: u32) -> u32 {
    let frame = core::hint::black_box([depth; 16]);
    deeper(depth.wrapping_add(1)).wrapping_add(frame.iter().sum())
}
