//! RSM.

use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::scalar::{
    Enumerator as _, List as _, SentUnavailable, count, enumerator_from, enumerator_opt, enumerator_opt_from,
    from_count, from_known, from_known_count, from_optional, id_from, known, known_count, list_from, narrow, needed,
    optional,
};

impl Twin for asn::RoadsideSafetyMessage {
    type Proto = v1::RoadsideSafetyMessage;

    fn to_proto(&self) -> v1::RoadsideSafetyMessage {
        v1::RoadsideSafetyMessage {
            msg_cnt: count(&self.msg_cnt),
            id: self.id.clone().into(),
            reference: Some(self.ref_pos.to_proto()),
            participants: self.participants.0.to_protos(),
        }
    }

    fn from_proto(proto: &v1::RoadsideSafetyMessage) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_count(proto.msg_cnt, "msg_cnt")?,
            id_from(&proto.id, "id")?,
            needed(proto.reference.as_ref(), "reference")?,
            asn::ParticipantList(list_from(&proto.participants, 1, 16, "participants")?),
        ))
    }
}

impl Twin for asn::ParticipantData {
    type Proto = v1::Participant;

    fn to_proto(&self) -> v1::Participant {
        let mut sent = SentUnavailable::default();
        v1::Participant {
            r#type: self.ptc_type.number(),
            ptc_id: u32::from(self.ptc_id),
            source: self.source.number(),
            id: self.id.clone().map(Into::into),
            sec_mark_ms: known_count(&self.sec_mark),
            position: Some(self.pos.to_proto()),
            position_confidence: Some(self.pos_confidence.to_proto()),
            transmission: enumerator_opt(self.transmission),
            speed_mps: known(&self.speed),
            heading_deg: known(&self.heading),
            steering_wheel_angle_deg: sent.known(self.angle.as_ref(), 11),
            motion_confidence: self.motion_cfd.as_ref().map(Twin::to_proto),
            acceleration: self.accel_set.as_ref().map(Twin::to_proto),
            size: Some(self.size.to_proto()),
            vehicle_class: self.vehicle_class.as_ref().map(Twin::to_proto),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::Participant) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            enumerator_from(proto.r#type, "type")?,
            narrow(proto.ptc_id, 65535, "ptc_id")?,
            enumerator_from(proto.source, "source")?,
            proto.id.as_ref().map(|id| id_from(id, "id")).transpose()?,
            from_known_count(proto.sec_mark_ms, "sec_mark_ms")?,
            needed(proto.position.as_ref(), "position")?,
            needed(proto.position_confidence.as_ref(), "position_confidence")?,
            enumerator_opt_from(proto.transmission, "transmission")?,
            from_known(proto.speed_mps, "speed_mps")?,
            from_known(proto.heading_deg, "heading_deg")?,
            from_optional(proto.steering_wheel_angle_deg, sent, 11, "steering_wheel_angle_deg")?,
            optional(proto.motion_confidence.as_ref(), "motion_confidence")?,
            optional(proto.acceleration.as_ref(), "acceleration")?,
            needed(proto.size.as_ref(), "size")?,
            optional(proto.vehicle_class.as_ref(), "vehicle_class")?,
        ))
    }
}
