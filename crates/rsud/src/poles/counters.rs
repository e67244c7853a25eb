//! What an end of the link counts, by name, and how it comes into the daemon's counters.

use pole_link::LinkCounters;

use crate::stats::Stats;

/// The counters of an end by name; those that tell what was refused first.
#[must_use]
pub fn counts(counters: &LinkCounters) -> [(&'static str, u32); 14] {
    let LinkCounters {
        frames_in,
        frames_out,
        oversize,
        bad_cobs,
        bad_crc,
        short,
        format,
        foreign,
        stale,
        duplicate,
        lost,
        malformed,
        unknown,
        resent,
    } = *counters;
    [
        ("oversize", oversize),
        ("bad_cobs", bad_cobs),
        ("bad_crc", bad_crc),
        ("short", short),
        ("format", format),
        ("foreign", foreign),
        ("stale", stale),
        ("duplicate", duplicate),
        ("malformed", malformed),
        ("unknown", unknown),
        ("frames_in", frames_in),
        ("frames_out", frames_out),
        ("lost", lost),
        ("resent", resent),
    ]
}

/// How many of [`counts`] tell what was refused.
pub const REFUSALS: usize = 10;

/// Adds the difference of two readings of the counters; returns how many of it tell of something refused.
pub(super) fn add(stats: &Stats, now: &LinkCounters, before: &LinkCounters) -> u64 {
    let mut refused = 0;
    for (place, ((name, now), (_, before))) in counts(now).into_iter().zip(counts(before)).enumerate() {
        // `lost` goes down when something late came.
        let more = u64::from(now.saturating_sub(before));
        if more > 0 {
            let group = if place < REFUSALS { "refused" } else { "" };
            stats.add("poles", group, name, more);
            refused += if place < REFUSALS { more } else { 0 };
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_added_and_refusals_are_told() {
        let stats = Stats::default();
        let before = LinkCounters { bad_crc: 3, lost: 5, ..LinkCounters::default() };
        let now = LinkCounters { bad_crc: 5, frames_in: 7, lost: 4, stale: 1, ..LinkCounters::default() };
        assert_eq!(add(&stats, &now, &before), 3);
        let told = stats.snapshot().into_iter().collect::<Vec<_>>();
        let expected = [("poles.frames_in", 7), ("poles.refused.bad_crc", 2), ("poles.refused.stale", 1)];
        assert_eq!(told, expected.map(|(name, count)| (name.to_owned(), count)));
    }
}
