//! RSI.

use super::{ConvertError, asn, differences, v1};
use crate::convert::Twin;
use crate::convert::scalar::{
    Enumerator as _, List as _, SentUnavailable, count, enumerator_from, flags, flags_from, from_count,
    from_optional_count, from_optional_grade, from_si, id_from, list_from, narrow, needed, octet, octet_from, optional,
    optional_list_from, si,
};

impl Twin for asn::RoadSideInformation {
    type Proto = v1::RoadSideInformation;

    fn to_proto(&self) -> v1::RoadSideInformation {
        let mut sent = SentUnavailable::default();
        v1::RoadSideInformation {
            msg_cnt: count(&self.msg_cnt),
            minute_of_year: sent.count(self.moy.as_ref(), 2),
            id: self.id.clone().into(),
            reference: Some(self.ref_pos.to_proto()),
            events: self.rtes.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            signs: self.rtss.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::RoadSideInformation) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_count(proto.msg_cnt, "msg_cnt")?,
            from_optional_count(proto.minute_of_year, &proto.sent_unavailable, 2, "minute_of_year")?,
            id_from(&proto.id, "id")?,
            needed(proto.reference.as_ref(), "reference")?,
            optional_list_from(&proto.events, 1, 8, "events")?.map(asn::RTEList),
            optional_list_from(&proto.signs, 1, 16, "signs")?.map(asn::RTSList),
        ))
    }
}

impl Twin for asn::RTEData {
    type Proto = v1::RoadTrafficEvent;

    fn to_proto(&self) -> v1::RoadTrafficEvent {
        v1::RoadTrafficEvent {
            rte_id: u32::from(self.rte_id),
            event_type: count(&self.event_type),
            source: self.event_source.number(),
            position: self.event_pos.as_ref().map(Twin::to_proto),
            radius_m: self.event_radius.as_ref().map(si),
            description: self.description.as_ref().map(Twin::to_proto),
            time: self.time_details.as_ref().map(Twin::to_proto),
            priority: self.priority.as_ref().map(|priority| octet(&priority.0)),
            paths: self.reference_paths.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            links: self.reference_links.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            confidence_percent: self.event_confidence.as_ref().map(si),
        }
    }

    fn from_proto(proto: &v1::RoadTrafficEvent) -> Result<Self, ConvertError> {
        Ok(Self::new(
            narrow(proto.rte_id, 255, "rte_id")?,
            from_count(proto.event_type, "event_type")?,
            enumerator_from(proto.source, "source")?,
            optional(proto.position.as_ref(), "position")?,
            proto.radius_m.map(|radius_m| from_si(radius_m, "radius_m")).transpose()?,
            optional(proto.description.as_ref(), "description")?,
            optional(proto.time.as_ref(), "time")?,
            proto.priority.map(|priority| octet_from(priority, "priority").map(asn::RSIPriority)).transpose()?,
            optional_list_from(&proto.paths, 1, 8, "paths")?.map(asn::ReferencePathList),
            optional_list_from(&proto.links, 1, 16, "links")?.map(asn::ReferenceLinkList),
            proto.confidence_percent.map(|percent| from_si(percent, "confidence_percent")).transpose()?,
        ))
    }
}

impl Twin for asn::RTSData {
    type Proto = v1::RoadTrafficSign;

    fn to_proto(&self) -> v1::RoadTrafficSign {
        v1::RoadTrafficSign {
            rts_id: u32::from(self.rts_id),
            sign_type: count(&self.sign_type),
            position: self.sign_pos.as_ref().map(Twin::to_proto),
            description: self.description.as_ref().map(Twin::to_proto),
            time: self.time_details.as_ref().map(Twin::to_proto),
            priority: self.priority.as_ref().map(|priority| octet(&priority.0)),
            paths: self.reference_paths.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            links: self.reference_links.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            auxiliary: differences::auxiliary_sign(self),
        }
    }

    fn from_proto(proto: &v1::RoadTrafficSign) -> Result<Self, ConvertError> {
        let rts_id = narrow(proto.rts_id, 255, "rts_id")?;
        let mut sign = differences::rts_data(rts_id, from_count(proto.sign_type, "sign_type")?);
        sign.sign_pos = optional(proto.position.as_ref(), "position")?;
        sign.description = optional(proto.description.as_ref(), "description")?;
        sign.time_details = optional(proto.time.as_ref(), "time")?;
        sign.priority =
            proto.priority.map(|priority| octet_from(priority, "priority").map(asn::RSIPriority)).transpose()?;
        sign.reference_paths = optional_list_from(&proto.paths, 1, 8, "paths")?.map(asn::ReferencePathList);
        sign.reference_links = optional_list_from(&proto.links, 1, 16, "links")?.map(asn::ReferenceLinkList);
        differences::set_auxiliary_sign(&mut sign, proto.auxiliary.as_ref())?;
        Ok(sign)
    }
}

impl Twin for asn::RSITimeDetails {
    type Proto = v1::InformationTime;

    fn to_proto(&self) -> v1::InformationTime {
        let mut sent = SentUnavailable::default();
        v1::InformationTime {
            start_minute_of_year: sent.count(self.start_time.as_ref(), 1),
            end_minute_of_year: sent.count(self.end_time.as_ref(), 2),
            end_accuracy_s: sent.grade(self.end_time_confidence, 3),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::InformationTime) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            from_optional_count(proto.start_minute_of_year, sent, 1, "start_minute_of_year")?,
            from_optional_count(proto.end_minute_of_year, sent, 2, "end_minute_of_year")?,
            from_optional_grade(proto.end_accuracy_s, sent, 3, "end_accuracy_s")?,
        ))
    }
}

impl Twin for asn::ReferencePath {
    type Proto = v1::ReferencePath;

    fn to_proto(&self) -> v1::ReferencePath {
        v1::ReferencePath { points: self.active_path.0.to_protos(), radius_m: si(&self.path_radius) }
    }

    fn from_proto(proto: &v1::ReferencePath) -> Result<Self, ConvertError> {
        Ok(Self::new(
            asn::PathPointList(list_from(&proto.points, differences::MIN_PATH_POINTS, 32, "points")?),
            from_si(proto.radius_m, "radius_m")?,
        ))
    }
}

impl Twin for asn::ReferenceLink {
    type Proto = v1::ReferenceLink;

    fn to_proto(&self) -> v1::ReferenceLink {
        v1::ReferenceLink {
            upstream: Some(self.upstream_node_id.to_proto()),
            downstream: Some(self.downstream_node_id.to_proto()),
            lanes: self.reference_lanes.as_ref().map(|bits| flags(&bits.0)),
        }
    }

    fn from_proto(proto: &v1::ReferenceLink) -> Result<Self, ConvertError> {
        Ok(Self::new(
            needed(proto.upstream.as_ref(), "upstream")?,
            needed(proto.downstream.as_ref(), "downstream")?,
            proto.lanes.map(|lanes| flags_from(lanes, "lanes").map(asn::ReferenceLanes)).transpose()?,
        ))
    }
}
