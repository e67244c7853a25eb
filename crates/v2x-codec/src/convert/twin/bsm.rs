//! BSM.

use super::{ConvertError, asn, differences, v1};
use crate::convert::Twin;
use crate::convert::scalar::{
    Enumerator as _, List as _, SentUnavailable, count, enumerator_from, enumerator_opt, enumerator_opt_from, flags,
    flags_from, from_count, from_known, from_known_count, from_optional, from_optional_grade, from_si, growing_flags,
    growing_flags_from, id_from, known, known_count, list_from, needed, optional, si,
};

impl Twin for asn::BasicSafetyMessage {
    type Proto = v1::BasicSafetyMessage;

    fn to_proto(&self) -> v1::BasicSafetyMessage {
        let mut sent = SentUnavailable::default();
        v1::BasicSafetyMessage {
            msg_cnt: count(&self.msg_cnt),
            id: self.id.clone().into(),
            sec_mark_ms: known_count(&self.sec_mark),
            time_accuracy_s: sent.grade(self.time_confidence, 4),
            position: Some(self.pos.to_proto()),
            position_accuracy: self.pos_accuracy.as_ref().map(Twin::to_proto),
            position_confidence: self.pos_confidence.as_ref().map(Twin::to_proto),
            transmission: (self.transmission != asn::TransmissionState::unavailable)
                .then(|| self.transmission.number()),
            speed_mps: known(&self.speed),
            heading_deg: known(&self.heading),
            steering_wheel_angle_deg: sent.known(self.angle.as_ref(), 11),
            motion_confidence: self.motion_cfd.as_ref().map(Twin::to_proto),
            acceleration: Some(self.accel_set.to_proto()),
            brakes: Some(self.brakes.to_proto()),
            size: Some(self.size.to_proto()),
            vehicle_class: Some(self.vehicle_class.to_proto()),
            safety: self.safety_ext.as_ref().map(Twin::to_proto),
            emergency: self.emergency_ext.as_ref().map(Twin::to_proto),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::BasicSafetyMessage) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            from_count(proto.msg_cnt, "msg_cnt")?,
            id_from(&proto.id, "id")?,
            from_known_count(proto.sec_mark_ms, "sec_mark_ms")?,
            from_optional_grade(proto.time_accuracy_s, sent, 4, "time_accuracy_s")?,
            needed(proto.position.as_ref(), "position")?,
            optional(proto.position_accuracy.as_ref(), "position_accuracy")?,
            optional(proto.position_confidence.as_ref(), "position_confidence")?,
            enumerator_opt_from(proto.transmission, "transmission")?.unwrap_or(asn::TransmissionState::unavailable),
            from_known(proto.speed_mps, "speed_mps")?,
            from_known(proto.heading_deg, "heading_deg")?,
            from_optional(proto.steering_wheel_angle_deg, sent, 11, "steering_wheel_angle_deg")?,
            optional(proto.motion_confidence.as_ref(), "motion_confidence")?,
            needed(proto.acceleration.as_ref(), "acceleration")?,
            needed(proto.brakes.as_ref(), "brakes")?,
            needed(proto.size.as_ref(), "size")?,
            needed(proto.vehicle_class.as_ref(), "vehicle_class")?,
            optional(proto.safety.as_ref(), "safety")?,
            optional(proto.emergency.as_ref(), "emergency")?,
        ))
    }
}

impl Twin for asn::BrakeSystemStatus {
    type Proto = v1::BrakeSystemStatus;

    fn to_proto(&self) -> v1::BrakeSystemStatus {
        v1::BrakeSystemStatus {
            pedal: enumerator_opt(self.brake_padel),
            wheel_brakes: self.wheel_brakes.as_ref().map(|bits| flags(&bits.0)),
            traction_control: enumerator_opt(self.traction),
            anti_lock: enumerator_opt(self.abs),
            stability_control: enumerator_opt(self.scs),
            brake_boost: enumerator_opt(self.brake_boost),
            auxiliary: enumerator_opt(self.aux_brakes),
        }
    }

    fn from_proto(proto: &v1::BrakeSystemStatus) -> Result<Self, ConvertError> {
        Ok(Self::new(
            enumerator_opt_from(proto.pedal, "pedal")?,
            proto.wheel_brakes.map(|bits| flags_from(bits, "wheel_brakes").map(asn::BrakeAppliedStatus)).transpose()?,
            enumerator_opt_from(proto.traction_control, "traction_control")?,
            enumerator_opt_from(proto.anti_lock, "anti_lock")?,
            enumerator_opt_from(proto.stability_control, "stability_control")?,
            enumerator_opt_from(proto.brake_boost, "brake_boost")?,
            enumerator_opt_from(proto.auxiliary, "auxiliary")?,
        ))
    }
}

impl Twin for asn::VehicleSafetyExtensions {
    type Proto = v1::VehicleSafetyExtensions;

    fn to_proto(&self) -> v1::VehicleSafetyExtensions {
        v1::VehicleSafetyExtensions {
            events: self.events.as_ref().map(|bits| growing_flags(&bits.0, 13)),
            path_history: self.path_history.as_ref().map(Twin::to_proto),
            path_prediction: self.path_prediction.as_ref().map(Twin::to_proto),
            lights: self.lights.as_ref().map(|bits| growing_flags(&bits.0, 9)),
        }
    }

    fn from_proto(proto: &v1::VehicleSafetyExtensions) -> Result<Self, ConvertError> {
        let events = proto.events.as_ref().map(|f| growing_flags_from(f, 13, "events").map(asn::VehicleEventFlags));
        let lights = proto.lights.as_ref().map(|f| growing_flags_from(f, 9, "lights").map(asn::ExteriorLights));
        Ok(Self::new(
            events.transpose()?,
            optional(proto.path_history.as_ref(), "path_history")?,
            optional(proto.path_prediction.as_ref(), "path_prediction")?,
            lights.transpose()?,
        ))
    }
}

impl Twin for asn::PathHistory {
    type Proto = v1::PathHistory;

    fn to_proto(&self) -> v1::PathHistory {
        v1::PathHistory {
            initial_position: self.initial_position.as_ref().map(Twin::to_proto),
            gnss_status: self.curr_gnssstatus.as_ref().map(|bits| flags(&bits.0)),
            points: self.crumb_data.0.to_protos(),
        }
    }

    fn from_proto(proto: &v1::PathHistory) -> Result<Self, ConvertError> {
        Ok(Self::new(
            optional(proto.initial_position.as_ref(), "initial_position")?,
            proto.gnss_status.map(|bits| flags_from(bits, "gnss_status").map(asn::GNSSstatus)).transpose()?,
            asn::PathHistoryPointList(list_from(&proto.points, 1, 23, "points")?),
        ))
    }
}

impl Twin for asn::PathHistoryPoint {
    type Proto = v1::PathHistoryPoint;

    fn to_proto(&self) -> v1::PathHistoryPoint {
        let mut sent = SentUnavailable::default();
        v1::PathHistoryPoint {
            position: Some(self.llv_offset.to_proto()),
            time_offset_s: si(&self.time_offset),
            speed_mps: sent.known(self.speed.as_ref(), 3),
            position_confidence: self.pos_accuracy.as_ref().map(Twin::to_proto),
            heading_deg: sent.known(self.heading.as_ref(), 5),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::PathHistoryPoint) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            needed(proto.position.as_ref(), "position")?,
            from_si(proto.time_offset_s, "time_offset_s")?,
            from_optional(proto.speed_mps, sent, 3, "speed_mps")?,
            optional(proto.position_confidence.as_ref(), "position_confidence")?,
            from_optional(proto.heading_deg, sent, 5, "heading_deg")?,
        ))
    }
}

impl Twin for asn::FullPositionVector {
    type Proto = v1::FullPositionVector;

    fn to_proto(&self) -> v1::FullPositionVector {
        let mut sent = SentUnavailable::default();
        let (position_accuracy, position_confidence) = differences::full_position_accuracies(self);
        v1::FullPositionVector {
            utc_time: self.utc_time.as_ref().map(Twin::to_proto),
            position: Some(self.pos.to_proto()),
            heading_deg: sent.known(self.heading.as_ref(), 3),
            transmission: enumerator_opt(self.transmission),
            speed_mps: sent.known(self.speed.as_ref(), 5),
            position_confidence,
            time_accuracy_s: sent.grade(self.time_confidence, 7),
            motion_confidence: self.motion_cfd.as_ref().map(Twin::to_proto),
            position_accuracy,
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::FullPositionVector) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        let mut vector = differences::full_position_vector(needed(proto.position.as_ref(), "position")?);
        vector.utc_time = optional(proto.utc_time.as_ref(), "utc_time")?;
        vector.heading = from_optional(proto.heading_deg, sent, 3, "heading_deg")?;
        vector.transmission = enumerator_opt_from(proto.transmission, "transmission")?;
        vector.speed = from_optional(proto.speed_mps, sent, 5, "speed_mps")?;
        vector.time_confidence = from_optional_grade(proto.time_accuracy_s, sent, 7, "time_accuracy_s")?;
        vector.motion_cfd = optional(proto.motion_confidence.as_ref(), "motion_confidence")?;
        differences::set_full_position_accuracies(
            &mut vector,
            proto.position_accuracy.as_ref(),
            proto.position_confidence.as_ref(),
        )?;
        Ok(vector)
    }
}

impl Twin for asn::PathPrediction {
    type Proto = v1::PathPrediction;

    fn to_proto(&self) -> v1::PathPrediction {
        v1::PathPrediction { radius_m: known(&self.radius_of_curve), confidence_percent: si(&self.confidence) }
    }

    fn from_proto(proto: &v1::PathPrediction) -> Result<Self, ConvertError> {
        Ok(Self::new(from_known(proto.radius_m, "radius_m")?, from_si(proto.confidence_percent, "confidence_percent")?))
    }
}

impl Twin for asn::VehicleEmergencyExtensions {
    type Proto = v1::VehicleEmergencyExtensions;

    fn to_proto(&self) -> v1::VehicleEmergencyExtensions {
        v1::VehicleEmergencyExtensions {
            response_type: enumerator_opt(self.response_type),
            siren: enumerator_opt(self.siren_use),
            lightbar: enumerator_opt(self.lights_use),
        }
    }

    fn from_proto(proto: &v1::VehicleEmergencyExtensions) -> Result<Self, ConvertError> {
        Ok(Self::new(
            enumerator_opt_from(proto.response_type, "response_type")?,
            proto.siren.map(|siren| enumerator_from(siren, "siren")).transpose()?,
            enumerator_opt_from(proto.lightbar, "lightbar")?,
        ))
    }
}
