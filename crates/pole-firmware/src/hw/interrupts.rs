//! The table of interrupts and the handlers but for the faults'.

use cortex_m_rt::exception;
use pole_link::ResetCause;

use super::{faults, memory, uart};

type Handler = unsafe extern "C" fn();

/// How many interrupts the board has.
const INTERRUPTS: usize = 32;
const UART_RECEIVE: usize = 0;
const UART_TRANSMIT: usize = 1;

/// The numbers of the UART's interrupts, for the controller.
#[derive(Clone, Copy)]
pub(super) enum Line {
    Receive,
    Transmit,
}

// SAFETY: these are the board's numbers, and each line has one of its own.
unsafe impl cortex_m::interrupt::InterruptNumber for Line {
    fn number(self) -> u16 {
        match self {
            Self::Receive => UART_RECEIVE as u16,
            Self::Transmit => UART_TRANSMIT as u16,
        }
    }
}

// SAFETY: the start-up code's linker script puts this section where the processor looks for the handlers of interrupts 0 and up,
// and wants the symbol by this name. All entries are handlers.
#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Handler; INTERRUPTS] = {
    let mut table: [Handler; INTERRUPTS] = [unexpected; INTERRUPTS];
    table[UART_RECEIVE] = uart_receive;
    table[UART_TRANSMIT] = uart_transmit;
    table
};

extern "C" fn uart_receive() {
    uart::on_receive();
}

extern "C" fn uart_transmit() {
    uart::on_transmit();
}

/// Nobody switched it on: the program is not what it should be.
extern "C" fn unexpected() {
    faults::hard_fault(0)
}

/// That it wakes the program is all it is for.
#[exception]
fn SysTick() {}

// SAFETY: it can interrupt anything, and shares with the rest only what is kept, of which each word is written as a whole; a
// record that it interrupts half written is lost as a whole, by its CRC.
#[exception]
unsafe fn NonMaskableInt() {
    memory::keep(&memory::kept().note(ResetCause::WATCHDOG));
    faults::restart()
}

// SAFETY: it only resets.
#[exception]
unsafe fn DefaultHandler(_number: i16) {
    faults::hard_fault(0)
}
