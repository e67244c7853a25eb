//! What an end is told when it is made, and the times of the protocol.

use crate::address::PoleAddress;
use crate::values::{PoleInfo, ProtocolRange, Session};

/// Times of a half-duplex bus; both ends of a bus must have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusTiming {
    /// How long an octet takes on the wire, µs, rounded up: ten bits.
    pub octet_us: u16,
    /// A pole whose turn it is begins each frame at most this long after the one before ended, ms.
    pub turnaround_ms: u16,
    /// How much longer than that the edge waits, ms: what its own serial driver may be late.
    pub guard_ms: u16,
    /// How long at least the edge leaves the wire alone after a pole's turn, ms, so that the pole's driver is off it.
    pub gap_ms: u16,
}

impl BusTiming {
    /// At 115,200 baud.
    pub const BAUD_115200: Self = Self { octet_us: 87, turnaround_ms: 5, guard_ms: 3, gap_ms: 1 };

    /// How long so many octets take, ms, rounded up.
    pub(crate) fn octets_ms(self, octets: usize) -> u32 {
        let us = u32::try_from(octets).unwrap_or(u32::MAX).saturating_mul(u32::from(self.octet_us));
        us.div_ceil(1000)
    }

    /// How long after the last octet on the wire a pole's turn is over even if it did not say so, ms. Two more than what is
    /// configured: each of the two times that are compared may be up to one millisecond early.
    pub(crate) fn silence_ms(self) -> u32 {
        u32::from(self.turnaround_ms).saturating_add(u32::from(self.guard_ms)).saturating_add(2)
    }

    /// The gap, and one more for the same reason.
    pub(crate) fn gap_ms(self) -> u32 {
        u32::from(self.gap_ms).saturating_add(1)
    }
}

/// What carries the frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// A serial line that the pole has to itself, both ways at once.
    Uart,
    /// Datagrams, one frame each.
    Udp,
    /// A half-duplex line with several poles.
    Bus(BusTiming),
}

impl Medium {
    pub(crate) const fn bus(self) -> Option<BusTiming> {
        match self {
            Self::Bus(timing) => Some(timing),
            Self::Uart | Self::Udp => None,
        }
    }
}

/// What a pole's end is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoleConfig {
    /// Its address.
    pub address: PoleAddress,
    /// What carries the frames.
    pub medium: Medium,
    /// How many times the pole has started; it must go up at each start for a restart to be noticed at once. A pole that
    /// cannot keep it says 0 always and is believed after a silence.
    pub boot_count: u32,
    /// Who it is.
    pub info: PoleInfo,
}

/// What the edge's end is told about its poles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeConfig {
    /// The protocol versions it speaks.
    pub protocol: ProtocolRange,
    /// The first session's number; those after count on. It must not be one of the last start's, so that frames and poles
    /// from then are recognised: the seconds of the wall clock will do.
    pub first_session: Session,
    /// Each end sends something at least this often, ms. 100 to 60,000.
    pub heartbeat_ms: u32,
    /// An end that hears nothing for so long gives the session up, ms. 500 to 600,000, and twice the heartbeat.
    pub silence_ms: u32,
    /// A command is sent again after so long without a result, ms; then after twice as long, and so on.
    pub retry_ms: u32,
    /// Until it is sent again after this, ms.
    pub retry_max_ms: u32,
    /// So many times in one session, then it is given up.
    pub attempts: u8,
}

impl EdgeConfig {
    /// The usual times.
    pub const fn new(first_session: Session) -> Self {
        Self {
            protocol: ProtocolRange::OURS,
            first_session,
            heartbeat_ms: 1000,
            silence_ms: 5000,
            retry_ms: 100,
            retry_max_ms: 1600,
            attempts: 8,
        }
    }
}

/// What the bus master is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusConfig {
    /// About each pole.
    pub edge: EdgeConfig,
    /// Times of the wire.
    pub timing: BusTiming,
    /// Between two turns of a pole that has nothing waiting, ms.
    pub poll_ms: u32,
    /// A pole that does not answer is asked ever more rarely, down to this, ms.
    pub probe_max_ms: u32,
    /// How many times a broadcast is sent.
    pub broadcast_repeats: u8,
}

impl BusConfig {
    /// The usual times at 115,200 baud.
    pub const fn new(first_session: Session) -> Self {
        Self {
            edge: EdgeConfig::new(first_session),
            timing: BusTiming::BAUD_115200,
            poll_ms: 50,
            probe_max_ms: 3000,
            broadcast_repeats: 3,
        }
    }
}

/// The least and the most that a pole takes for the heartbeat, ms, whatever it is told.
pub(crate) const HEARTBEAT_MS: (u32, u32) = (100, 60_000);
/// The least and the most that a pole takes for the silence, ms.
pub(crate) const SILENCE_MS: (u32, u32) = (500, 600_000);

/// A pole that has the medium to itself says Hello again after so long, ms.
pub const HELLO_MS: u32 = 250;
/// Then after twice as long, and so on, until this, ms.
pub const HELLO_MAX_MS: u32 = 4000;
/// A pole that was rejected says Hello again after this, ms.
pub const REJECTED_MS: u32 = 30_000;
/// An alarm is sent again after so long without an acknowledgement, ms.
pub const ALARM_MS: u32 = 100;
/// Then after twice as long, and so on, until this, ms.
pub const ALARM_MAX_MS: u32 = 2000;
/// The edge asks a pole of an unknown session to greet at most this often, ms.
pub const GREET_MS: u32 = 200;
/// The most frames of a pole's turn on a bus.
pub const TURN_FRAMES: u8 = 4;
