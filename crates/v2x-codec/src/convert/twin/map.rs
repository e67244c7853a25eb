//! MAP.

use super::{ConvertError, asn, differences, v1};
use crate::convert::Twin;
use crate::convert::scalar::{
    List as _, SentUnavailable, count, flags, flags_from, from_count, from_optional_count, from_si, growing_flags,
    growing_flags_from, ia5_from, list_from, needed, optional, optional_list_from, or_default, si,
};

impl Twin for asn::MapData {
    type Proto = v1::MapData;

    fn to_proto(&self) -> v1::MapData {
        let mut sent = SentUnavailable::default();
        v1::MapData {
            msg_cnt: count(&self.msg_cnt),
            minute_of_year: sent.count(self.time_stamp.as_ref(), 2),
            nodes: self.nodes.0.to_protos(),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::MapData) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_count(proto.msg_cnt, "msg_cnt")?,
            from_optional_count(proto.minute_of_year, &proto.sent_unavailable, 2, "minute_of_year")?,
            asn::NodeList(list_from(&proto.nodes, 1, differences::MAX_NODES, "nodes")?),
        ))
    }
}

impl Twin for asn::Node {
    type Proto = v1::Node;

    fn to_proto(&self) -> v1::Node {
        v1::Node {
            name: self.name.as_ref().map(|name| name.0.to_string()),
            id: Some(self.id.to_proto()),
            reference: Some(self.ref_pos.to_proto()),
            in_links: self.in_links.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
        }
    }

    fn from_proto(proto: &v1::Node) -> Result<Self, ConvertError> {
        let mut node =
            differences::node(needed(proto.id.as_ref(), "id")?, needed(proto.reference.as_ref(), "reference")?);
        node.name = descriptive_name(proto.name.as_deref())?;
        node.in_links = optional_list_from(&proto.in_links, 1, 32, "in_links")?.map(asn::LinkList);
        Ok(node)
    }
}

fn descriptive_name(name: Option<&str>) -> Result<Option<asn::DescriptiveName>, ConvertError> {
    name.map(|name| ia5_from(name, 63, "name").map(asn::DescriptiveName)).transpose()
}

impl Twin for asn::Link {
    type Proto = v1::Link;

    fn to_proto(&self) -> v1::Link {
        v1::Link {
            name: self.name.as_ref().map(|name| name.0.to_string()),
            upstream: Some(self.upstream_node_id.to_proto()),
            speed_limits: self.speed_limits.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            width_m: differences::link_width_to_proto(self),
            points: self.points.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            movements: self.movements.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            lanes: self.lanes.0.to_protos(),
        }
    }

    fn from_proto(proto: &v1::Link) -> Result<Self, ConvertError> {
        Ok(Self::new(
            descriptive_name(proto.name.as_deref())?,
            needed(proto.upstream.as_ref(), "upstream")?,
            optional_list_from(&proto.speed_limits, 1, 9, "speed_limits")?.map(asn::SpeedLimitList),
            differences::link_width_from_proto(proto.width_m)?,
            optional_list_from(&proto.points, 2, 31, "points")?.map(asn::PointList),
            optional_list_from(&proto.movements, 1, 32, "movements")?.map(asn::MovementList),
            asn::LaneList(list_from(&proto.lanes, 1, 32, "lanes")?),
        ))
    }
}

impl Twin for asn::RoadPoint {
    type Proto = v1::PositionOffset;

    fn to_proto(&self) -> v1::PositionOffset {
        self.pos_offset.to_proto()
    }

    fn from_proto(proto: &v1::PositionOffset) -> Result<Self, ConvertError> {
        asn::PositionOffsetLLV::from_proto(proto).map(Self::new)
    }
}

impl Twin for asn::Movement {
    type Proto = v1::Movement;

    fn to_proto(&self) -> v1::Movement {
        v1::Movement { remote: Some(self.remote_intersection.to_proto()), phase_id: self.phase_id.as_ref().map(count) }
    }

    fn from_proto(proto: &v1::Movement) -> Result<Self, ConvertError> {
        Ok(Self::new(
            needed(proto.remote.as_ref(), "remote")?,
            proto.phase_id.map(|phase_id| from_count(phase_id, "phase_id")).transpose()?,
        ))
    }
}

impl Twin for asn::Lane {
    type Proto = v1::Lane;

    fn to_proto(&self) -> v1::Lane {
        v1::Lane {
            id: count(&self.lane_id),
            width_m: self.lane_width.as_ref().map(si),
            attributes: self.lane_attributes.as_ref().map(Twin::to_proto),
            maneuvers: self.maneuvers.as_ref().map(|bits| flags(&bits.0)),
            connects_to: self.connects_to.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            speed_limits: self.speed_limits.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
            points: self.points.as_ref().map(|list| list.0.to_protos()).unwrap_or_default(),
        }
    }

    fn from_proto(proto: &v1::Lane) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_count(proto.id, "id")?,
            proto.width_m.map(|width_m| from_si(width_m, "width_m")).transpose()?,
            optional(proto.attributes.as_ref(), "attributes")?,
            proto.maneuvers.map(|bits| flags_from(bits, "maneuvers").map(asn::AllowedManeuvers)).transpose()?,
            optional_list_from(&proto.connects_to, 1, differences::MAX_CONNECTIONS, "connects_to")?
                .map(asn::ConnectsToList),
            optional_list_from(&proto.speed_limits, 1, 9, "speed_limits")?.map(asn::SpeedLimitList),
            optional_list_from(&proto.points, 2, 31, "points")?.map(asn::PointList),
        ))
    }
}

impl Twin for asn::Connection {
    type Proto = v1::Connection;

    fn to_proto(&self) -> v1::Connection {
        v1::Connection {
            remote: Some(self.remote_intersection.to_proto()),
            lane: self.connecting_lane.as_ref().map(Twin::to_proto),
            phase_id: self.phase_id.as_ref().map(count),
        }
    }

    fn from_proto(proto: &v1::Connection) -> Result<Self, ConvertError> {
        Ok(Self::new(
            needed(proto.remote.as_ref(), "remote")?,
            optional(proto.lane.as_ref(), "lane")?,
            proto.phase_id.map(|phase_id| from_count(phase_id, "phase_id")).transpose()?,
        ))
    }
}

impl Twin for asn::ConnectingLane {
    type Proto = v1::ConnectingLane;

    fn to_proto(&self) -> v1::ConnectingLane {
        v1::ConnectingLane { lane_id: count(&self.lane), maneuvers: self.maneuver.as_ref().map(|bits| flags(&bits.0)) }
    }

    fn from_proto(proto: &v1::ConnectingLane) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_count(proto.lane_id, "lane_id")?,
            proto.maneuvers.map(|bits| flags_from(bits, "maneuvers").map(asn::AllowedManeuvers)).transpose()?,
        ))
    }
}

impl Twin for asn::LaneAttributes {
    type Proto = v1::LaneAttributes;

    fn to_proto(&self) -> v1::LaneAttributes {
        use asn::LaneTypeAttributes as Type;
        use v1::LaneType;
        let fixed = |bits: u32| v1::Flags { bits: u64::from(bits), ..v1::Flags::default() };
        let (r#type, lane_flags) = match &self.lane_type {
            Type::vehicle(bits) => (LaneType::Vehicle, growing_flags(&bits.0, 8)),
            Type::crosswalk(bits) => (LaneType::Crosswalk, fixed(flags(&bits.0))),
            Type::bikeLane(bits) => (LaneType::BikeLane, fixed(flags(&bits.0))),
            Type::sidewalk(bits) => (LaneType::Sidewalk, fixed(flags(&bits.0))),
            Type::median(bits) => (LaneType::Median, fixed(flags(&bits.0))),
            Type::striping(bits) => (LaneType::Striping, fixed(flags(&bits.0))),
            Type::trackedVehicle(bits) => (LaneType::TrackedVehicle, fixed(flags(&bits.0))),
            Type::parking(bits) => (LaneType::Parking, fixed(flags(&bits.0))),
        };
        v1::LaneAttributes {
            share_with: self.share_with.as_ref().map(|bits| flags(&bits.0)),
            r#type: r#type.into(),
            flags: Some(lane_flags),
        }
    }

    fn from_proto(proto: &v1::LaneAttributes) -> Result<Self, ConvertError> {
        use asn::LaneTypeAttributes as Type;
        use v1::LaneType;
        let lane_flags = or_default(proto.flags.as_ref());
        let fixed = || -> Result<_, ConvertError> {
            let bits = u32::try_from(lane_flags.bits).unwrap_or(u32::MAX);
            flags_from::<16>(bits, "flags")
        };
        let r#type = LaneType::try_from(proto.r#type)
            .map_err(|_| ConvertError::Unknown { path: "type".into(), value: i64::from(proto.r#type) })?;
        let lane_type = match r#type {
            LaneType::Vehicle => {
                Type::vehicle(asn::LaneAttributesVehicle(growing_flags_from(&lane_flags, 8, "flags")?))
            }
            LaneType::Crosswalk => Type::crosswalk(asn::LaneAttributesCrosswalk(fixed()?)),
            LaneType::BikeLane => Type::bikeLane(asn::LaneAttributesBike(fixed()?)),
            LaneType::Sidewalk => Type::sidewalk(asn::LaneAttributesSidewalk(fixed()?)),
            LaneType::Median => Type::median(asn::LaneAttributesBarrier(fixed()?)),
            LaneType::Striping => Type::striping(asn::LaneAttributesStriping(fixed()?)),
            LaneType::TrackedVehicle => Type::trackedVehicle(asn::LaneAttributesTrackedVehicle(fixed()?)),
            LaneType::Parking => Type::parking(asn::LaneAttributesParking(fixed()?)),
        };
        let share_with =
            proto.share_with.map(|bits| flags_from(bits, "share_with").map(asn::LaneSharing)).transpose()?;
        Ok(Self::new(share_with, lane_type))
    }
}
