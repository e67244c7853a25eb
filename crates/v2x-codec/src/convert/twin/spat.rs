//! SPAT.

use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::fields::twin;
use crate::convert::scalar::{alternative, alternative_from, part};

twin! { SPAT => SignalPhaseAndTiming [sent_unavailable] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    moy => minute_of_year [known_count? 2],
    time_stamp => sec_mark_ms [known_count? 3],
    name => name [text? 63],
    intersections => intersections [list 1..=32],
} }

twin! { IntersectionState => IntersectionState [sent_unavailable] [unknown_extensions] {
    intersection_id => id [part],
    status => status [flags 16],
    moy => minute_of_year [known_count? 3],
    time_stamp => sec_mark_ms [known_count? 4],
    time_confidence => time_accuracy_s [grade? 5],
    phases => phases [list 1..=16],
} }

twin! { Phase => Phase [] [] {
    id => id [count],
    phase_states => states [list 1..=16],
} }

twin! { PhaseState => PhaseState [] [unknown_extensions] {
    light => light [enumerator],
    timing => timing [with timing, timing_from],
} }

fn timing(details: &Option<asn::TimeChangeDetails>) -> Option<v1::phase_state::Timing> {
    use asn::TimeChangeDetails as Details;
    use v1::phase_state::Timing;
    details.as_ref().map(|details| match details {
        Details::counting(t) => Timing::Counting(t.to_proto()),
        Details::utcTiming(t) => Timing::UtcTiming(t.to_proto()),
        Details::Unrecognized(t) => Timing::UnknownTiming(alternative(t)),
    })
}

fn timing_from(
    timing: &Option<v1::phase_state::Timing>,
    _field: &str,
) -> Result<Option<asn::TimeChangeDetails>, ConvertError> {
    use asn::TimeChangeDetails as Details;
    use v1::phase_state::Timing;
    Ok(match timing {
        None => None,
        Some(Timing::Counting(t)) => Some(Details::counting(part(t, "counting")?)),
        Some(Timing::UtcTiming(t)) => Some(Details::utcTiming(part(t, "utc_timing")?)),
        Some(Timing::UnknownTiming(t)) => Some(Details::Unrecognized(alternative_from(t, 0, "unknown_timing")?)),
    })
}

twin! { TimeCountingDown => CountingDown [sent_unavailable] [] {
    start_time => start_s [known],
    min_end_time => min_end_s [known? 2],
    max_end_time => max_end_s [known? 3],
    likely_end_time => likely_end_s [known],
    time_confidence => confidence_percent [si?],
    next_start_time => next_start_s [known? 6],
    next_duration => next_duration_s [known? 7],
} }

twin! { UTCTiming => UtcTiming [sent_unavailable] [] {
    start_utctime => start_s [known],
    min_end_utctime => min_end_s [known? 2],
    max_end_utctime => max_end_s [known? 3],
    likely_end_utctime => likely_end_s [known],
    time_confidence => confidence_percent [si?],
    next_start_utctime => next_start_s [known? 6],
    next_end_utctime => next_end_s [known? 7],
} }
