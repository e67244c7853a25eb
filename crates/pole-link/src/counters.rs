//! What an end of the link counts. Nothing is dropped without one of these going up.

use crate::frame::{Frame, FrameError};
use serde::{Deserialize, Serialize};

/// Counters of one end of the link, from its start. Each stays at `u32::MAX` when it gets there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LinkCounters {
    /// Frames for this end that were whole.
    pub frames_in: u32,
    /// Frames sent.
    pub frames_out: u32,
    /// Frames longer than [`crate::MAX_FRAME`].
    pub oversize: u32,
    /// Runs of octets between delimiters that are not COBS.
    pub bad_cobs: u32,
    /// Frames whose CRC is wrong.
    pub bad_crc: u32,
    /// Frames shorter than a header and a CRC.
    pub short: u32,
    /// Whole frames of a frame format that is not ours.
    pub format: u32,
    /// Whole frames for or from somebody else; on a bus those are the other poles'.
    pub foreign: u32,
    /// Frames of a session or greeting that is over.
    pub stale: u32,
    /// Frames that came a second time, or too late to tell whether they are the first.
    pub duplicate: u32,
    /// Frames that the sequence says were sent and that did not come.
    pub lost: u32,
    /// Frames whose body is not that of their message.
    pub malformed: u32,
    /// Frames with a message that this version does not know.
    pub unknown: u32,
    /// Commands or alarms sent again for want of an answer.
    pub resent: u32,
}

impl LinkCounters {
    /// One more.
    pub(crate) fn add(counter: &mut u32) {
        *counter = counter.saturating_add(1);
    }

    /// Reads a frame out of octets that a delimiter or a datagram bounds; what is none is counted.
    pub fn parse<'a>(&mut self, octets: &'a [u8]) -> Option<Frame<'a>> {
        let counter = match Frame::parse(octets) {
            Ok(frame) => return Some(frame),
            Err(FrameError::Short) => &mut self.short,
            Err(FrameError::Long) => &mut self.oversize,
            Err(FrameError::Crc) => &mut self.bad_crc,
            Err(FrameError::Format(_)) => &mut self.format,
        };
        Self::add(counter);
        None
    }
}
