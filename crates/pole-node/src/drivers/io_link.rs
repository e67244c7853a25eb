//! A link over anything that implements the traits of `embedded-io`.

use embedded_io::{Read, ReadReady, Write, WriteReady};

use crate::board::Link;

/// A serial line whose driver has the traits of `embedded-io`, with buffers in the driver: of 520 octets or more for receiving, which
/// is what comes in 45 ms at 115,200 baud.
#[derive(Debug)]
pub struct IoLink<T> {
    line: T,
}

impl<T: Read + ReadReady + Write + WriteReady> IoLink<T> {
    /// A link over a line.
    pub const fn new(line: T) -> Self {
        Self { line }
    }

    /// Gives the line back.
    pub fn free(self) -> T {
        self.line
    }
}

impl<T: Read + ReadReady + Write + WriteReady> Link for IoLink<T> {
    fn try_read(&mut self, octets: &mut [u8]) -> usize {
        // A line error loses octets; the frames' CRC notices.
        match self.line.read_ready() {
            Ok(true) => self.line.read(octets).unwrap_or(0),
            Ok(false) | Err(_) => 0,
        }
    }

    fn try_write(&mut self, octets: &[u8]) -> usize {
        match self.line.write_ready() {
            Ok(true) => self.line.write(octets).unwrap_or(0),
            Ok(false) | Err(_) => 0,
        }
    }

    /// Waits for the driver to send what it has, which it can say in no other way. A line that fails has nothing to wait for.
    fn is_flushed(&mut self) -> bool {
        let _ = self.line.flush();
        true
    }
}
