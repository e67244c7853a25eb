//! Frames out of a serial line's octets, whatever else is on the line.
//!
//! The delimiter never occurs inside a frame, so after any fault the next delimiter is a place to start afresh: one fault costs
//! at most the frame it hits and the one it is glued to.

use cobs::{DecodeResult, DecoderState};

use crate::counters::LinkCounters;
use crate::frame::{Frame, MAX_FRAME};

/// Takes octets one by one and gives frames. Its memory is one frame.
#[derive(Debug)]
pub struct Deframer {
    decoder: DecoderState,
    buffer: [u8; MAX_FRAME],
    octets: usize,
    /// The frame is too long already: nothing counts until the delimiter.
    skipping: bool,
}

impl Default for Deframer {
    fn default() -> Self {
        Self::new()
    }
}

impl Deframer {
    /// One that has seen nothing.
    pub const fn new() -> Self {
        Self { decoder: DecoderState::Idle, buffer: [0; MAX_FRAME], octets: 0, skipping: false }
    }

    /// Takes the next octet of the line. Returns the frame that it completes; what is no frame is counted.
    pub fn push(&mut self, octet: u8, counters: &mut LinkCounters) -> Option<Frame<'_>> {
        if self.skipping {
            self.skipping = octet != 0;
            return None;
        }
        match self.decoder.feed(octet) {
            Ok(DecodeResult::NoData) => None,
            Ok(DecodeResult::DataStart) => {
                self.octets = 0;
                None
            }
            Ok(DecodeResult::DataContinue(octet)) => {
                if let Some(place) = self.buffer.get_mut(self.octets) {
                    *place = octet;
                    self.octets += 1;
                } else {
                    LinkCounters::add(&mut counters.oversize);
                    self.skipping = true;
                    self.decoder = DecoderState::Idle;
                }
                None
            }
            Ok(DecodeResult::DataComplete) => {
                let octets = self.buffer.get(..self.octets).unwrap_or_default();
                counters.parse(octets)
            }
            Err(_) => {
                LinkCounters::add(&mut counters.bad_cobs);
                None
            }
        }
    }
}
