//! UDP payloads out of capture files: pcap with micro- and nanoseconds, and pcapng.
//!
//! The file is streamed: one record at a time is in memory, and at most [`MAX_RECORD`] octets of it. Link types:
//! Ethernet with VLAN tags, Linux cooked (SLL and SLL2), raw IP, BSD loopback. IPv4 and IPv6; fragments are put
//! together within bounds. Checksums are not looked at, as captures on the sending host often have none yet. The packet
//! block of pcapng that went out of use (type 2) is skipped like any block without packets.

mod file;
mod fragments;
mod link;

use std::io::{self, Read};
use std::net::SocketAddr;

use thiserror::Error;

use self::fragments::Fragments;
use self::link::Content;

/// The longest record that is read; a longer one is taken for a fault of the file.
pub const MAX_RECORD: usize = 1 << 20;

/// One UDP datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// When its packet was captured, or the last one of its fragments: Unix microseconds, rounded down. 0 for the
    /// simple packets of pcapng, which carry no time.
    pub captured_at_us: i64,
    /// Where it came from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// What it carries.
    pub payload: &'a [u8],
}

/// What was in a file. The packets are the datagrams (less the reassembled ones) and all that is counted below them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Packets.
    pub packets: u64,
    /// UDP datagrams that were handed out.
    pub datagrams: u64,
    /// UDP datagrams that were put together from fragments; each is also in `datagrams`, or in `malformed`.
    pub reassembled: u64,
    /// Packets of other protocols than UDP over IP.
    pub other_protocols: u64,
    /// Packets that were fragments of a UDP datagram.
    pub fragments: u64,
    /// UDP datagrams of which not all fragments came; they take no part in the sum.
    pub unfinished: u64,
    /// Packets of which the capture kept too little.
    pub truncated: u64,
    /// Packets with lengths or headers that cannot be.
    pub malformed: u64,
    /// Packets from links that are not known.
    pub unknown_link_types: u64,
}

/// Why a file could not be read to its end. What came before was handed out.
#[derive(Debug, Error)]
pub enum FileError {
    /// Reading failed.
    #[error("reading failed after octet {offset}")]
    Read {
        /// Number of octets that were read.
        offset: u64,
        /// The fault.
        source: io::Error,
    },
    /// The file is neither pcap nor pcapng.
    #[error("this is neither a pcap nor a pcapng file")]
    NotACapture,
    /// The file ends within a record.
    #[error("the file goes on after octet {offset}")]
    Incomplete {
        /// Number of octets there were.
        offset: u64,
    },
    /// A record has a length or a content that cannot be.
    #[error("the record at octet {offset} is corrupt")]
    Corrupt {
        /// Index of the record's first octet.
        offset: u64,
    },
}

impl FileError {
    /// Index of the octet at which reading stopped.
    #[must_use]
    pub fn offset(&self) -> u64 {
        match *self {
            Self::Read { offset, .. } | Self::Incomplete { offset } | Self::Corrupt { offset } => offset,
            Self::NotACapture => 0,
        }
    }

    /// A short, stable name for counters.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Read { .. } => "capture_read",
            Self::NotACapture => "capture_not_one",
            Self::Incomplete { .. } => "capture_incomplete",
            Self::Corrupt { .. } => "capture_corrupt",
        }
    }
}

/// Why a run over a file has ended early.
#[derive(Debug, Error)]
pub enum CaptureError<E> {
    /// The file is at fault.
    #[error(transparent)]
    File(#[from] FileError),
    /// The receiver of the datagrams wanted no more.
    #[error(transparent)]
    Stopped(E),
}

/// Hands each UDP datagram of a capture file to `each`, in the order of the file.
///
/// # Errors
/// [`CaptureError::File`] for a file that cannot be read to its end, [`CaptureError::Stopped`] with the error of
/// `each`.
pub fn udp_payloads<E>(
    reader: impl Read,
    mut each: impl FnMut(Datagram<'_>) -> Result<(), E>,
) -> Result<Summary, CaptureError<E>> {
    let mut file = file::Reader::open(reader)?;
    let mut fragments = Fragments::default();
    let mut summary = Summary::default();
    while let Some(packet) = file.next()? {
        summary.packets += 1;
        let captured_at_us = packet.captured_at_us;
        let mut hand_out = |summary: &mut Summary, udp: link::Udp<'_>| {
            summary.datagrams += 1;
            let link::Udp { source, destination, payload } = udp;
            each(Datagram { captured_at_us, source, destination, payload }).map_err(CaptureError::Stopped)
        };
        match link::content(packet.link_type, packet.data) {
            Content::Udp(udp) => hand_out(&mut summary, udp)?,
            Content::Fragment(fragment) => {
                summary.fragments += 1;
                if let Some(octets) = fragments.add(&fragment, captured_at_us) {
                    summary.reassembled += 1;
                    match link::udp(fragment.source, fragment.destination, &octets) {
                        Some(udp) => hand_out(&mut summary, udp)?,
                        None => summary.malformed += 1,
                    }
                }
            }
            Content::OtherProtocol => summary.other_protocols += 1,
            Content::UnknownLinkType => summary.unknown_link_types += 1,
            Content::Malformed if packet.truncated => summary.truncated += 1,
            Content::Malformed => summary.malformed += 1,
        }
    }
    summary.unfinished = fragments.unfinished();
    Ok(summary)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may stop")]
mod tests;
