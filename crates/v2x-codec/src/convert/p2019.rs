//! The conversion for profile 2019: the common source, compiled against the profile's types, and what is its own.

use rsu_proto::v1;

use super::Twin;
use crate::ConvertError;
use crate::asn1::profile2019 as asn;

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

    pub(in crate::convert) const TIME_OFFSET_MIN: std::ops::RangeInclusive<i32> = -720..=721;
    pub(in crate::convert) const MAX_HOUR: u32 = 24;
    pub(in crate::convert) const MAX_NODES: usize = 63;
    pub(in crate::convert) const MAX_CONNECTIONS: usize = 16;
    pub(in crate::convert) const MIN_PATH_POINTS: usize = 1;

    pub(in crate::convert) fn link_width_to_proto(link: &asn::Link) -> Option<f64> {
        link.link_width.as_ref().map(si)
    }

    pub(in crate::convert) fn link_width_from_proto(
        width_m: Option<f64>,
    ) -> Result<Option<asn::LaneWidth>, ConvertError> {
        width_m.map(|width_m| from_si(width_m, "width_m")).transpose()
    }

    pub(in crate::convert) fn full_position_accuracies(
        vector: &asn::FullPositionVector,
    ) -> (Option<v1::PositionalAccuracy>, Option<v1::PositionConfidence>) {
        (vector.pos_accuracy.as_ref().map(Twin::to_proto), vector.pos_conficence.as_ref().map(Twin::to_proto))
    }

    pub(in crate::convert) fn set_full_position_accuracies(
        vector: &mut asn::FullPositionVector,
        accuracy: Option<&v1::PositionalAccuracy>,
        confidence: Option<&v1::PositionConfidence>,
    ) -> Result<(), ConvertError> {
        vector.pos_accuracy = accuracy.map(asn::PositionalAccuracy::from_proto).transpose()?;
        vector.pos_conficence = confidence.map(asn::PositionConfidenceSet::from_proto).transpose()?;
        Ok(())
    }

    pub(in crate::convert) fn auxiliary_sign(_sign: &asn::RTSData) -> Option<v1::AuxiliarySign> {
        None
    }

    pub(in crate::convert) fn set_auxiliary_sign(
        _sign: &mut asn::RTSData,
        twin: Option<&v1::AuxiliarySign>,
    ) -> Result<(), ConvertError> {
        match twin {
            Some(_) => Err(ConvertError::NotInProfile { path: "auxiliary".into() }),
            None => Ok(()),
        }
    }

    pub(in crate::convert) fn rts_data(rts_id: u8, sign_type: asn::SignType) -> asn::RTSData {
        asn::RTSData::new(rts_id, sign_type, None, None, None, None, None, None)
    }

    pub(in crate::convert) fn node(id: asn::NodeReferenceID, ref_pos: asn::Position3D) -> asn::Node {
        asn::Node::new(None, id, ref_pos, None)
    }

    pub(in crate::convert) fn full_position_vector(pos: asn::Position3D) -> asn::FullPositionVector {
        asn::FullPositionVector::new(None, pos, None, None, None, None, None, None, None)
    }
}
