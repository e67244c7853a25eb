//! SPAT.

use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::scalar::{
    Enumerator as _, List as _, SentUnavailable, count, enumerator_from, flags, flags_from, from_count, from_known,
    from_optional, from_optional_count, from_optional_grade, from_si, ia5_from, known, list_from, needed, part, si,
};

impl Twin for asn::SPAT {
    type Proto = v1::SignalPhaseAndTiming;

    fn to_proto(&self) -> v1::SignalPhaseAndTiming {
        let mut sent = SentUnavailable::default();
        v1::SignalPhaseAndTiming {
            msg_cnt: count(&self.msg_cnt),
            minute_of_year: sent.count(self.moy.as_ref(), 2),
            sec_mark_ms: sent.count(self.time_stamp.as_ref(), 3),
            name: self.name.as_ref().map(|name| name.0.to_string()),
            intersections: self.intersections.0.to_protos(),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::SignalPhaseAndTiming) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            from_count(proto.msg_cnt, "msg_cnt")?,
            from_optional_count(proto.minute_of_year, sent, 2, "minute_of_year")?,
            from_optional_count(proto.sec_mark_ms, sent, 3, "sec_mark_ms")?,
            proto.name.as_ref().map(|name| ia5_from(name, 63, "name").map(asn::DescriptiveName)).transpose()?,
            asn::IntersectionStateList(list_from(&proto.intersections, 1, 32, "intersections")?),
        ))
    }
}

impl Twin for asn::IntersectionState {
    type Proto = v1::IntersectionState;

    fn to_proto(&self) -> v1::IntersectionState {
        let mut sent = SentUnavailable::default();
        v1::IntersectionState {
            id: Some(self.intersection_id.to_proto()),
            status: flags(&self.status.0),
            minute_of_year: sent.count(self.moy.as_ref(), 3),
            sec_mark_ms: sent.count(self.time_stamp.as_ref(), 4),
            time_accuracy_s: sent.grade(self.time_confidence, 5),
            phases: self.phases.0.to_protos(),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::IntersectionState) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            needed(proto.id.as_ref(), "id")?,
            asn::IntersectionStatusObject(flags_from(proto.status, "status")?),
            from_optional_count(proto.minute_of_year, sent, 3, "minute_of_year")?,
            from_optional_count(proto.sec_mark_ms, sent, 4, "sec_mark_ms")?,
            from_optional_grade(proto.time_accuracy_s, sent, 5, "time_accuracy_s")?,
            asn::PhaseList(list_from(&proto.phases, 1, 16, "phases")?),
        ))
    }
}

impl Twin for asn::Phase {
    type Proto = v1::Phase;

    fn to_proto(&self) -> v1::Phase {
        v1::Phase { id: count(&self.id), states: self.phase_states.0.to_protos() }
    }

    fn from_proto(proto: &v1::Phase) -> Result<Self, ConvertError> {
        Ok(Self::new(from_count(proto.id, "id")?, asn::PhaseStateList(list_from(&proto.states, 1, 16, "states")?)))
    }
}

impl Twin for asn::PhaseState {
    type Proto = v1::PhaseState;

    fn to_proto(&self) -> v1::PhaseState {
        use v1::phase_state::Timing;
        v1::PhaseState {
            light: self.light.number(),
            timing: self.timing.as_ref().map(|timing| match timing {
                asn::TimeChangeDetails::counting(t) => Timing::Counting(t.to_proto()),
                asn::TimeChangeDetails::utcTiming(t) => Timing::UtcTiming(t.to_proto()),
            }),
        }
    }

    fn from_proto(proto: &v1::PhaseState) -> Result<Self, ConvertError> {
        use v1::phase_state::Timing;
        let timing = match &proto.timing {
            None => None,
            Some(Timing::Counting(t)) => Some(asn::TimeChangeDetails::counting(part(t, "counting")?)),
            Some(Timing::UtcTiming(t)) => Some(asn::TimeChangeDetails::utcTiming(part(t, "utc_timing")?)),
        };
        Ok(Self::new(enumerator_from(proto.light, "light")?, timing))
    }
}

impl Twin for asn::TimeCountingDown {
    type Proto = v1::CountingDown;

    fn to_proto(&self) -> v1::CountingDown {
        let mut sent = SentUnavailable::default();
        v1::CountingDown {
            start_s: known(&self.start_time),
            min_end_s: sent.known(self.min_end_time.as_ref(), 2),
            max_end_s: sent.known(self.max_end_time.as_ref(), 3),
            likely_end_s: known(&self.likely_end_time),
            confidence_percent: self.time_confidence.as_ref().map(si),
            next_start_s: sent.known(self.next_start_time.as_ref(), 6),
            next_duration_s: sent.known(self.next_duration.as_ref(), 7),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::CountingDown) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            from_known(proto.start_s, "start_s")?,
            from_optional(proto.min_end_s, sent, 2, "min_end_s")?,
            from_optional(proto.max_end_s, sent, 3, "max_end_s")?,
            from_known(proto.likely_end_s, "likely_end_s")?,
            proto.confidence_percent.map(|percent| from_si(percent, "confidence_percent")).transpose()?,
            from_optional(proto.next_start_s, sent, 6, "next_start_s")?,
            from_optional(proto.next_duration_s, sent, 7, "next_duration_s")?,
        ))
    }
}

impl Twin for asn::UTCTiming {
    type Proto = v1::UtcTiming;

    fn to_proto(&self) -> v1::UtcTiming {
        let mut sent = SentUnavailable::default();
        v1::UtcTiming {
            start_s: known(&self.start_utctime),
            min_end_s: sent.known(self.min_end_utctime.as_ref(), 2),
            max_end_s: sent.known(self.max_end_utctime.as_ref(), 3),
            likely_end_s: known(&self.likely_end_utctime),
            confidence_percent: self.time_confidence.as_ref().map(si),
            next_start_s: sent.known(self.next_start_utctime.as_ref(), 6),
            next_end_s: sent.known(self.next_end_utctime.as_ref(), 7),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::UtcTiming) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            from_known(proto.start_s, "start_s")?,
            from_optional(proto.min_end_s, sent, 2, "min_end_s")?,
            from_optional(proto.max_end_s, sent, 3, "max_end_s")?,
            from_known(proto.likely_end_s, "likely_end_s")?,
            proto.confidence_percent.map(|percent| from_si(percent, "confidence_percent")).transpose()?,
            from_optional(proto.next_start_s, sent, 6, "next_start_s")?,
            from_optional(proto.next_end_s, sent, 7, "next_end_s")?,
        ))
    }
}
