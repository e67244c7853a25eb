//! MAP. Its node and link differ between the profiles and stand with them.

use super::{ConvertError, asn, differences, v1};
use crate::convert::Twin;
use crate::convert::fields::twin;
use crate::convert::scalar::{
    alternative, alternative_from, flags_from, growing_flags, growing_flags_from, or_default,
};

twin! { MapData => MapData [sent_unavailable] [unknown_extensions] {
    msg_cnt => msg_cnt [count],
    time_stamp => minute_of_year [known_count? 2],
    nodes => nodes [list 1..=differences::MAX_NODES],
} }

twin! { Movement => Movement [] [] {
    remote_intersection => remote [part],
    phase_id => phase_id [count?],
} }

twin! { Lane => Lane [] [unknown_extensions] {
    lane_id => id [count],
    lane_width => width_m [si?],
    lane_attributes => attributes [part?],
    maneuvers => maneuvers [flags? 12],
    connects_to => connects_to [list? 1..=differences::MAX_CONNECTIONS],
    speed_limits => speed_limits [list? 1..=9],
    points => points [list? 2..=31],
} }

twin! { Connection => Connection [] [] {
    remote_intersection => remote [part],
    connecting_lane => lane [part?],
    phase_id => phase_id [count?],
} }

twin! { ConnectingLane => ConnectingLane [] [] {
    lane => lane_id [count],
    maneuver => maneuvers [flags? 12],
} }

impl Twin for asn::LaneAttributes {
    type Proto = v1::LaneAttributes;

    fn to_proto(&self) -> v1::LaneAttributes {
        use asn::LaneTypeAttributes as Type;
        use v1::LaneType;
        let fixed = |bits: u32| v1::Flags { bits: u64::from(bits), ..v1::Flags::default() };
        let share_with = self.share_with.as_ref().map(|bits| bits.0);
        let (r#type, lane_flags) = match &self.lane_type {
            Type::vehicle(bits) => (LaneType::Vehicle, growing_flags(&bits.0, 8)),
            Type::crosswalk(bits) => (LaneType::Crosswalk, fixed(bits.0)),
            Type::bikeLane(bits) => (LaneType::BikeLane, fixed(bits.0)),
            Type::sidewalk(bits) => (LaneType::Sidewalk, fixed(bits.0)),
            Type::median(bits) => (LaneType::Median, fixed(bits.0)),
            Type::striping(bits) => (LaneType::Striping, fixed(bits.0)),
            Type::trackedVehicle(bits) => (LaneType::TrackedVehicle, fixed(bits.0)),
            Type::parking(bits) => (LaneType::Parking, fixed(bits.0)),
            Type::Unrecognized(unknown) => {
                let unknown_type = Some(alternative(unknown));
                return v1::LaneAttributes { share_with, unknown_type, ..v1::LaneAttributes::default() };
            }
        };
        v1::LaneAttributes { share_with, r#type: r#type.into(), flags: Some(lane_flags), unknown_type: None }
    }

    fn from_proto(proto: &v1::LaneAttributes) -> Result<Self, ConvertError> {
        use asn::LaneTypeAttributes as Type;
        use v1::LaneType;
        let share_with = proto.share_with.map(|bits| flags_from(bits, 10, "share_with")).transpose()?;
        if let Some(unknown) = &proto.unknown_type {
            if proto.flags.is_some() || proto.r#type != 0 {
                return Err(ConvertError::NotInProfile { path: "type, flags".into() });
            }
            let lane_type = Type::Unrecognized(alternative_from(unknown, 0, "unknown_type")?);
            return Ok(Self { share_with, lane_type });
        }
        let lane_flags = or_default(proto.flags.as_ref());
        let bits = u32::try_from(lane_flags.bits).unwrap_or(u32::MAX);
        let grown = lane_flags.length.is_some() || !lane_flags.beyond_64.is_empty();
        if grown && proto.r#type != i32::from(LaneType::Vehicle) {
            return Err(ConvertError::NotInProfile { path: "flags.length".into() });
        }
        let r#type = LaneType::try_from(proto.r#type)
            .map_err(|_| ConvertError::Unknown { path: "type".into(), value: i64::from(proto.r#type) })?;
        let lane_type = match r#type {
            LaneType::Vehicle => Type::vehicle(growing_flags_from(&lane_flags, 8, "flags")?),
            LaneType::Crosswalk => Type::crosswalk(flags_from(bits, 16, "flags")?),
            LaneType::BikeLane => Type::bikeLane(flags_from(bits, 16, "flags")?),
            LaneType::Sidewalk => Type::sidewalk(flags_from(bits, 16, "flags")?),
            LaneType::Median => Type::median(flags_from(bits, 16, "flags")?),
            LaneType::Striping => Type::striping(flags_from(bits, 16, "flags")?),
            LaneType::TrackedVehicle => Type::trackedVehicle(flags_from(bits, 16, "flags")?),
            LaneType::Parking => Type::parking(flags_from(bits, 16, "flags")?),
        };
        Ok(Self { share_with, lane_type })
    }
}
