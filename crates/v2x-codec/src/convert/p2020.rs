//! The conversion for profile 2020: the common source, compiled against the profile's types, and what is its own.

use rsu_proto::v1;

use super::Twin;
use crate::ConvertError;
use crate::asn1::profile2020 as asn;

#[path = "twin/bsm.rs"]
pub(super) mod bsm;
#[path = "twin/common.rs"]
mod common;
#[path = "twin/map.rs"]
pub(super) mod map;
#[path = "twin/rsi.rs"]
pub(super) mod rsi;
#[path = "twin/rsm.rs"]
pub(super) mod rsm;
#[path = "twin/spat.rs"]
pub(super) mod spat;

/// Where the profiles differ.
pub(super) mod differences {
    use super::{ConvertError, Twin, asn, v1};
    use crate::convert::scalar::{from_si, si};

    pub(in crate::convert) const TIME_OFFSET_MIN: std::ops::RangeInclusive<i32> = -840..=840;
    pub(in crate::convert) const MAX_HOUR: u32 = 31;
    pub(in crate::convert) const MAX_NODES: usize = 32;
    pub(in crate::convert) const MAX_CONNECTIONS: usize = 8;
    pub(in crate::convert) const MIN_PATH_POINTS: usize = 2;

    #[allow(clippy::unnecessary_wraps, reason = "optional in the other profile")]
    pub(in crate::convert) fn link_width_to_proto(link: &asn::Link) -> Option<f64> {
        Some(si(&link.link_width))
    }

    pub(in crate::convert) fn link_width_from_proto(width_m: Option<f64>) -> Result<asn::LaneWidth, ConvertError> {
        from_si(width_m.ok_or(ConvertError::Missing { path: "width_m".into() })?, "width_m")
    }

    pub(in crate::convert) fn full_position_accuracies(
        vector: &asn::FullPositionVector,
    ) -> (Option<v1::PositionalAccuracy>, Option<v1::PositionConfidence>) {
        (None, vector.pos_accuracy.as_ref().map(Twin::to_proto))
    }

    pub(in crate::convert) fn set_full_position_accuracies(
        vector: &mut asn::FullPositionVector,
        accuracy: Option<&v1::PositionalAccuracy>,
        confidence: Option<&v1::PositionConfidence>,
    ) -> Result<(), ConvertError> {
        if accuracy.is_some() {
            return Err(ConvertError::NotInProfile { path: "position_accuracy".into() });
        }
        vector.pos_accuracy = confidence.map(asn::PositionConfidenceSet::from_proto).transpose()?;
        Ok(())
    }

    pub(in crate::convert) fn auxiliary_sign(sign: &asn::RTSData) -> Option<v1::AuxiliarySign> {
        sign.auxiliary_sign.as_ref().map(Twin::to_proto)
    }

    pub(in crate::convert) fn set_auxiliary_sign(
        sign: &mut asn::RTSData,
        twin: Option<&v1::AuxiliarySign>,
    ) -> Result<(), ConvertError> {
        sign.auxiliary_sign = twin.map(asn::AuxiliarySign::from_proto).transpose()?;
        Ok(())
    }

    pub(in crate::convert) fn rts_data(rts_id: u8, sign_type: asn::SignType) -> asn::RTSData {
        asn::RTSData::new(rts_id, sign_type, None, None, None, None, None, None, None)
    }

    pub(in crate::convert) fn node(id: asn::NodeReferenceID, ref_pos: asn::Position3D) -> asn::Node {
        asn::Node::new(None, id, ref_pos, None, None, None)
    }

    pub(in crate::convert) fn full_position_vector(pos: asn::Position3D) -> asn::FullPositionVector {
        asn::FullPositionVector::new(None, pos, None, None, None, None, None, None)
    }
}

impl Twin for asn::AuxiliarySign {
    type Proto = v1::AuxiliarySign;

    fn to_proto(&self) -> v1::AuxiliarySign {
        v1::AuxiliarySign {
            vehicle_types: self.sign_with_vehicle_type.as_ref().map(|f| crate::convert::scalar::growing_flags(&f.0, 5)),
            direction: crate::convert::scalar::enumerator_opt(self.sign_direction),
        }
    }

    fn from_proto(proto: &v1::AuxiliarySign) -> Result<Self, ConvertError> {
        Ok(Self::new(
            proto
                .vehicle_types
                .as_ref()
                .map(|f| {
                    crate::convert::scalar::growing_flags_from(f, 5, "vehicle_types").map(asn::AuxiliarySignVehicleType)
                })
                .transpose()?,
            crate::convert::scalar::enumerator_opt_from(proto.direction, "direction")?,
        ))
    }
}
