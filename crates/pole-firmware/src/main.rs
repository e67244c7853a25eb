//! The program of a smart pole: the node of `pole-node` on a board.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

mod board;
#[allow(unsafe_code, reason = "registers, interrupts, and memory that outlives a reset; each with its reason")]
mod hw;
#[cfg(feature = "test-hooks")]
mod provoke;

use board::EmulatedBoard;
use hw::Hardware;
use pole_firmware::kept::Kept;
use pole_link::{Millis, ResetCause};
use pole_node::Pole;
use pole_node::board::Board as _;

/// Octets of telemetry that are kept while there is no link.
const TELEMETRY_OCTETS: usize = 2048;

#[cortex_m_rt::entry]
fn main() -> ! {
    let (kept, reset_cause) = Kept::begin(&hw::kept_words());
    hw::keep(&kept);
    let Some(hardware) = Hardware::take() else { hw::reset(ResetCause::UNKNOWN) };
    let mut pole: Pole<_, TELEMETRY_OCTETS> = Pole::new(EmulatedBoard::new(hardware, reset_cause));
    #[cfg(feature = "test-hooks")]
    let mut provoker = provoke::Provoker::new(&pole);
    let mut due = Millis(0);
    loop {
        if pole.board().now() >= due || pole.board().uart().has_received() {
            due = pole.poll();
            #[cfg(feature = "test-hooks")]
            provoker.poll(&mut pole);
        } else {
            // The clock ends it within a millisecond.
            hw::sleep();
        }
    }
}
