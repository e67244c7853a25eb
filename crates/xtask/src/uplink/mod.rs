//! What `cargo xtask bench uplink` is made of: the systems under test, what is done to them, and who counts.

pub(crate) mod bridge;
pub(crate) mod load;
pub(crate) mod ours;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod report;
pub(crate) mod subscriber;
pub(crate) mod tally;

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::bail;

/// The stopwatch.
#[allow(clippy::disallowed_methods, reason = "a bench has a stopwatch")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// Microseconds since the Unix epoch: what rsud's headers say.
#[allow(clippy::disallowed_methods, reason = "a bench has a stopwatch")]
pub(crate) fn now_us() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

#[allow(clippy::disallowed_methods, reason = "faults and loads have a timetable")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

pub(crate) fn pause_until(at: Instant) {
    let left = at.saturating_duration_since(instant());
    if !left.is_zero() {
        pause(left);
    }
}

/// Asks until something is there.
pub(crate) fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut probe: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let start = instant();
    loop {
        if let Some(value) = probe()? {
            return Ok(value);
        }
        if start.elapsed() > limit {
            bail!("waited {} s in vain for {what}", limit.as_secs());
        }
        pause(Duration::from_millis(10));
    }
}

pub(crate) fn free_tcp_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

pub(crate) fn free_udp_port() -> anyhow::Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
