//! UDP datagrams out of IP fragments, within bounds that `IpDefragPool` of `etherparse` does not have.

use std::collections::VecDeque;
use std::net::IpAddr;

use etherparse::defrag::IpDefragBuf;
use etherparse::ip_number;

use super::link::Fragment;

/// How many datagrams may be unfinished at a time, at most 64 KiB each.
const MAX_UNFINISHED: usize = 64;
/// Identifications come again; Linux waits as long for the rest.
const PATIENCE_US: u64 = 30_000_000;

/// The datagrams of which more is to come, the oldest first.
#[derive(Default)]
pub(super) struct Fragments {
    waiting: VecDeque<Waiting>,
    given_up: u64,
}

struct Waiting {
    key: (IpAddr, IpAddr, u32),
    since_us: i64,
    buffer: IpDefragBuf,
}

impl Fragments {
    /// Adds a fragment; gives the UDP header and payload if it was the last one to come.
    pub(super) fn add(&mut self, fragment: &Fragment<'_>, now_us: i64) -> Option<Vec<u8>> {
        let before = self.waiting.len();
        self.waiting.retain(|waiting| waiting.since_us.abs_diff(now_us) <= PATIENCE_US);
        self.given_up += (before - self.waiting.len()) as u64;

        let key = (fragment.source, fragment.destination, fragment.identification);
        let at = self.waiting.iter().position(|waiting| waiting.key == key).unwrap_or_else(|| {
            if self.waiting.len() == MAX_UNFINISHED {
                self.waiting.pop_front();
                self.given_up += 1;
            }
            let buffer = IpDefragBuf::new(ip_number::UDP, Vec::new(), Vec::new());
            self.waiting.push_back(Waiting { key, since_us: now_us, buffer });
            self.waiting.len() - 1
        });
        let buffer = &mut self.waiting.get_mut(at)?.buffer;
        // One that contradicts the others is left out; the datagram then stays unfinished.
        let added = buffer.add(fragment.offset, fragment.more, fragment.payload);
        if added.is_err() || !buffer.is_complete() {
            return None;
        }
        self.waiting.remove(at).map(|done| done.buffer.take_bufs().0)
    }

    /// How many datagrams were begun and not finished.
    pub(super) fn unfinished(&self) -> u64 {
        self.given_up + self.waiting.len() as u64
    }
}
