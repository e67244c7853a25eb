//! The line to the edge: both directions by interrupts, each with a bounded queue.
//!
//! When the queue of what came is full, receiving stops until the program has taken something: the octet waits in the UART.
//! What comes meanwhile is lost there, as on any line without flow control; the link counts the frames that it damages. The emulated
//! line is patient instead.

use core::cell::RefCell;

use critical_section::Mutex;
use heapless::Deque;
use pole_link::MAX_WIRE;

use super::SYSTEM_CLOCK_HZ;
use super::interrupts::Line;
use super::registers::{UART_BAUD_DIVIDER, UART_CONTROL, UART_DATA, UART_INTERRUPT, UART_STATE};

const BAUD: u32 = 115_200;
/// 22 ms of the line at full speed.
const RECEIVED: usize = 256;

const STATE_TRANSMIT_FULL: u32 = 1;
const STATE_RECEIVED: u32 = 2;
const TRANSMIT: u32 = 1;
const RECEIVE: u32 = 2;
const BOTH_ON: u32 = 1 | 2;
const TRANSMIT_INTERRUPT: u32 = 4;
const RECEIVE_INTERRUPT: u32 = 8;

struct Queues {
    received: Deque<u8, RECEIVED>,
    to_send: Deque<u8, MAX_WIRE>,
}

static QUEUES: Mutex<RefCell<Queues>> =
    Mutex::new(RefCell::new(Queues { received: Deque::new(), to_send: Deque::new() }));

/// Nobody keeps the queues longer than this takes, so they are always there.
fn with<T>(use_queues: impl FnOnce(&mut Queues) -> T) -> Option<T> {
    critical_section::with(|section| {
        QUEUES.borrow(section).try_borrow_mut().ok().map(|mut queues| use_queues(&mut queues))
    })
}

/// The line, running.
pub(crate) struct Uart(());

impl Uart {
    pub(super) fn start() -> Self {
        UART_BAUD_DIVIDER.write(SYSTEM_CLOCK_HZ / BAUD);
        UART_CONTROL.write(BOTH_ON | TRANSMIT_INTERRUPT | RECEIVE_INTERRUPT);
        for line in [Line::Receive, Line::Transmit] {
            // SAFETY: their handlers are in the table; no critical section relies on a masked line, all disable interrupts.
            unsafe { cortex_m::peripheral::NVIC::unmask(line) };
        }
        Self(())
    }

    /// Takes what came, as far as there is room; returns how many octets.
    pub(crate) fn read(&mut self, octets: &mut [u8]) -> usize {
        with(|queues| {
            let mut read = 0;
            for place in octets {
                let Some(octet) = queues.received.pop_front() else { break };
                *place = octet;
                read += 1;
            }
            receive(queues);
            read
        })
        .unwrap_or(0)
    }

    /// Whether octets wait to be read.
    pub(crate) fn has_received(&self) -> bool {
        with(|queues| !queues.received.is_empty()).unwrap_or(false)
    }

    /// Whether everything has left.
    pub(crate) fn is_empty(&self) -> bool {
        with(|queues| queues.to_send.is_empty()).unwrap_or(false) && UART_STATE.read() & STATE_TRANSMIT_FULL == 0
    }

    /// Puts octets into the queue to be sent, as far as there is room; returns how many.
    pub(crate) fn write(&mut self, octets: &[u8]) -> usize {
        with(|queues| {
            let mut written = 0;
            for octet in octets {
                if queues.to_send.push_back(*octet).is_err() {
                    break;
                }
                written += 1;
            }
            send(queues);
            written
        })
        .unwrap_or(0)
    }
}

/// Gives the UART as many octets as it takes; when it has sent them it interrupts.
fn send(queues: &mut Queues) {
    while UART_STATE.read() & STATE_TRANSMIT_FULL == 0 {
        let Some(octet) = queues.to_send.pop_front() else { break };
        UART_DATA.write(octet.into());
    }
}

/// Takes the octet that the UART has: it holds one. If there is no room, it does not interrupt for more until somebody has made
/// some.
fn receive(queues: &mut Queues) {
    // First: of what comes from here on it tells.
    UART_CONTROL.write(BOTH_ON | TRANSMIT_INTERRUPT | RECEIVE_INTERRUPT);
    if UART_STATE.read() & STATE_RECEIVED == 0 {
        return;
    }
    if queues.received.is_full() {
        UART_CONTROL.write(BOTH_ON | TRANSMIT_INTERRUPT);
        return;
    }
    // There is room.
    let _ = queues.received.push_back(UART_DATA.read() as u8);
}

pub(super) fn on_transmit() {
    UART_INTERRUPT.write(TRANSMIT);
    with(send);
}

pub(super) fn on_receive() {
    UART_INTERRUPT.write(RECEIVE);
    with(receive);
}
