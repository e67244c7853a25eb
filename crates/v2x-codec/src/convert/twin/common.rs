//! What the messages share.

use super::{ConvertError, asn, v1};
use crate::convert::Twin;
use crate::convert::scalar::{
    SentUnavailable, count, enumerators, from_count, from_known, from_optional, from_optional_grade, from_si,
    grade_from, grades, ia5_from, known, known_grade, narrow, quantities, si,
};

quantities! {
    MsgCount(u8) 1 / 1, 0..=127;
    DSecond(u16) 1 / 1, 0..=65534, 65535;
    MinuteOfTheYear(u32) 1 / 1, 0..=527_039, 527_040;
    TimeOffset(u16) 1 / 100, 1..=65535;
    TimeMark(u16) 1 / 10, 0..=36000, 36001;
    Latitude(i32) 1 / 10_000_000, -900_000_000..=900_000_000, 900_000_001;
    Longitude(i32) 1 / 10_000_000, -1_799_999_999..=1_800_000_000, 1_800_000_001;
    Elevation(i32) 1 / 10, -4095..=61439, -4096;
    SemiMajorAxisAccuracy(u8) 1 / 20, 0..=254, 255;
    SemiMinorAxisAccuracy(u8) 1 / 20, 0..=254, 255;
    SemiMajorAxisOrientation(u16) 360 / 65535, 0..=65534, 65535;
    Speed(u16) 1 / 50, 0..=8190, 8191;
    Heading(u16) 1 / 80, 0..=28799, 28800;
    CoarseHeading(u8) 3 / 2, 0..=239, 240;
    SteeringWheelAngle(i8) 3 / 2, -126..=126, 127;
    Acceleration(i16) 1 / 100, -2000..=2000, 2001;
    VerticalAcceleration(i8) 196_133 / 1_000_000, -126..=127, -127;
    YawRate(i16) 1 / 100, -32767..=32767;
    VehicleWidth(u16) 1 / 100, 0..=1023;
    VehicleLength(u16) 1 / 100, 0..=4095;
    VehicleHeight(u8) 1 / 20, 0..=127;
    BasicVehicleClass(u8) 1 / 1, 0..=255;
    FuelType(u8) 1 / 1, 0..=15;
    Confidence(u8) 1 / 2, 0..=200;
    RadiusOfCurvature(i16) 1 / 10, -32767..=32766, 32767;
    Radius(u16) 1 / 10, 0..=65535;
    LaneWidth(u16) 1 / 100, 0..=32767;
    RoadRegulatorID(u16) 1 / 1, 0..=65535;
    NodeID(u16) 1 / 1, 0..=65535;
    LaneID(u8) 1 / 1, 0..=255;
    PhaseID(u8) 1 / 1, 0..=255;
    EventType(u16) 1 / 1, 0..=65535;
    SignType(u16) 1 / 1, 0..=65535;
}

enumerators! {
    TransmissionState SpeedLimitType BrakePedalStatus TractionControlStatus AntiLockBrakeStatus StabilityControlStatus
    BrakeBoostApplied AuxiliaryBrakeStatus ResponseType SirenInUse LightbarInUse ParticipantType SourceType LightState
    EventSource
}

const DISTANCE_STEPS: [f64; 15] = [500., 200., 100., 50., 20., 10., 5., 2., 1., 0.5, 0.2, 0.1, 0.05, 0.02, 0.01];
const TIME_STEPS: [f64; 39] = [
    100., 50., 20., 10., 2., 1., 0.5, 0.2, 0.1, 5e-2, 2e-2, 1e-2, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5,
    5e-6, 2e-6, 1e-6, 5e-7, 2e-7, 1e-7, 5e-8, 2e-8, 1e-8, 5e-9, 2e-9, 1e-9, 5e-10, 2e-10, 1e-10, 5e-11, 2e-11, 1e-11,
];

grades! {
    TimeConfidence TIME_STEPS;
    PositionConfidence DISTANCE_STEPS;
    ElevationConfidence DISTANCE_STEPS;
    SpeedConfidence [100., 10., 5., 1., 0.1, 0.05, 0.01];
    HeadingConfidence [10., 5., 1., 0.1, 0.05, 0.01, 0.0125];
    SteeringWheelAngleConfidence [2., 1., 0.02];
}

impl Twin for asn::Position3D {
    type Proto = v1::GeoPosition;

    fn to_proto(&self) -> v1::GeoPosition {
        let mut sent = SentUnavailable::default();
        v1::GeoPosition {
            latitude_deg: known(&self.lat),
            longitude_deg: known(&self.long),
            elevation_m: sent.known(self.elevation.as_ref(), 3),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::GeoPosition) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_known(proto.latitude_deg, "latitude_deg")?,
            from_known(proto.longitude_deg, "longitude_deg")?,
            from_optional(proto.elevation_m, &proto.sent_unavailable, 3, "elevation_m")?,
        ))
    }
}

/// The widths of offsets, and the type for each.
macro_rules! offsets {
    ($($variant:ident $pair:ident $one:ident $width:literal,)* ; $($vertical:ident $vtype:ident $vwidth:literal,)*) => {
        fn horizontal_to_proto(offset: &asn::PositionOffsetLL) -> v1::position_offset::Horizontal {
            use v1::position_offset::Horizontal;
            let (lat, lon, width) = match offset {
                $(asn::PositionOffsetLL::$variant(p) => (i64::from(p.lat.0), i64::from(p.lon.0), $width),)*
                asn::PositionOffsetLL::position_LatLon(p) => {
                    return Horizontal::Absolute(v1::LatLon {
                        latitude_deg: known(&p.lat),
                        longitude_deg: known(&p.lon),
                    });
                }
            };
            Horizontal::Offset(v1::LatLonOffset {
                latitude_deg: lat as f64 / 1e7,
                longitude_deg: lon as f64 / 1e7,
                width_bits: if width == narrowest_horizontal(lat, lon) { 0 } else { width },
            })
        }

        /// The fewest bits that hold both coordinates; more than there are when nothing holds them.
        fn narrowest_horizontal(lat: i64, lon: i64) -> u32 {
            [$($width,)*].into_iter().find(|width| fits(lat, *width) && fits(lon, *width)).unwrap_or(u32::MAX)
        }

        fn horizontal_from_proto(
            offset: &v1::position_offset::Horizontal,
        ) -> Result<asn::PositionOffsetLL, ConvertError> {
            use v1::position_offset::Horizontal;
            match offset {
                Horizontal::Absolute(p) => Ok(asn::PositionOffsetLL::position_LatLon(asn::PositionLLmD64b::new(
                    from_known(p.longitude_deg, "longitude_deg")?,
                    from_known(p.latitude_deg, "latitude_deg")?,
                ))),
                Horizontal::Offset(p) => {
                    let lat = raw_offset(p.latitude_deg, 1e7, 24, "latitude_deg")?;
                    let lon = raw_offset(p.longitude_deg, 1e7, 24, "longitude_deg")?;
                    let width = if p.width_bits == 0 { narrowest_horizontal(lat, lon) } else { p.width_bits };
                    match width {
                        $($width if fits(lat, $width) && fits(lon, $width) => {
                            Ok(asn::PositionOffsetLL::$variant(
                                asn::$pair::new(asn::$one(lon as _), asn::$one(lat as _)),
                            ))
                        })*
                        _ => Err(ConvertError::Unknown { path: "width_bits".into(), value: i64::from(width) }),
                    }
                }
            }
        }

        fn vertical_to_proto(offset: &asn::VerticalOffset) -> v1::position_offset::Vertical {
            use v1::position_offset::Vertical;
            let (raw, width) = match offset {
                $(asn::VerticalOffset::$vertical(v) => (i64::from(v.0), $vwidth),)*
                asn::VerticalOffset::elevation(elevation) => {
                    return known(elevation).map_or(Vertical::ElevationUnavailable(true), Vertical::ElevationM);
                }
            };
            Vertical::VerticalOffset(v1::VerticalOffset {
                offset_m: raw as f64 / 10.0,
                width_bits: if width == narrowest_vertical(raw) { 0 } else { width },
            })
        }

        fn narrowest_vertical(raw: i64) -> u32 {
            [$($vwidth,)*].into_iter().find(|width| fits(raw, *width)).unwrap_or(u32::MAX)
        }

        fn vertical_from_proto(offset: &v1::position_offset::Vertical) -> Result<asn::VerticalOffset, ConvertError> {
            use v1::position_offset::Vertical;
            match offset {
                Vertical::ElevationM(elevation_m) => {
                    Ok(asn::VerticalOffset::elevation(from_si(*elevation_m, "elevation_m")?))
                }
                Vertical::ElevationUnavailable(_) => {
                    Ok(asn::VerticalOffset::elevation(from_known(None, "elevation_unavailable")?))
                }
                Vertical::VerticalOffset(v) => {
                    let raw = raw_offset(v.offset_m, 10.0, 12, "offset_m")?;
                    let width = if v.width_bits == 0 { narrowest_vertical(raw) } else { v.width_bits };
                    match width {
                        $($vwidth if fits(raw, $vwidth) => {
                            Ok(asn::VerticalOffset::$vertical(asn::$vtype(raw as _)))
                        })*
                        _ => Err(ConvertError::Unknown { path: "width_bits".into(), value: i64::from(width) }),
                    }
                }
            }
        }
    };
}

offsets! {
    position_LL1 PositionLL24B OffsetLLB12 12,
    position_LL2 PositionLL28B OffsetLLB14 14,
    position_LL3 PositionLL32B OffsetLLB16 16,
    position_LL4 PositionLL36B OffsetLLB18 18,
    position_LL5 PositionLL44B OffsetLLB22 22,
    position_LL6 PositionLL48B OffsetLLB24 24,
    ;
    offset1 VertOffsetB07 7,
    offset2 VertOffsetB08 8,
    offset3 VertOffsetB09 9,
    offset4 VertOffsetB10 10,
    offset5 VertOffsetB11 11,
    offset6 VertOffsetB12 12,
}

/// Whether a two's complement number of `width` bits holds `raw`.
fn fits(raw: i64, width: u32) -> bool {
    let half = 1_i64 << (width - 1);
    (-half..half).contains(&raw)
}

fn raw_offset(value: f64, per_unit: f64, width: u32, field: &str) -> Result<i64, ConvertError> {
    let half = (1_i64 << (width - 1)) as f64;
    let raw = (value * per_unit).round();
    if raw >= -half && raw < half {
        Ok(raw as i64)
    } else {
        Err(ConvertError::OutOfRange { path: field.into(), value, min: -half / per_unit, max: (half - 1.0) / per_unit })
    }
}

impl Twin for asn::PositionOffsetLLV {
    type Proto = v1::PositionOffset;

    fn to_proto(&self) -> v1::PositionOffset {
        v1::PositionOffset {
            horizontal: Some(horizontal_to_proto(&self.offset_ll)),
            vertical: self.offset_v.as_ref().map(vertical_to_proto),
        }
    }

    fn from_proto(proto: &v1::PositionOffset) -> Result<Self, ConvertError> {
        let horizontal =
            proto.horizontal.as_ref().ok_or_else(|| ConvertError::Missing { path: "offset or absolute".into() })?;
        Ok(Self::new(horizontal_from_proto(horizontal)?, proto.vertical.as_ref().map(vertical_from_proto).transpose()?))
    }
}

impl Twin for asn::PositionalAccuracy {
    type Proto = v1::PositionalAccuracy;

    fn to_proto(&self) -> v1::PositionalAccuracy {
        v1::PositionalAccuracy {
            semi_major_m: known(&self.semi_major),
            semi_minor_m: known(&self.semi_minor),
            orientation_deg: known(&self.orientation),
        }
    }

    fn from_proto(proto: &v1::PositionalAccuracy) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_known(proto.semi_major_m, "semi_major_m")?,
            from_known(proto.semi_minor_m, "semi_minor_m")?,
            from_known(proto.orientation_deg, "orientation_deg")?,
        ))
    }
}

impl Twin for asn::PositionConfidenceSet {
    type Proto = v1::PositionConfidence;

    fn to_proto(&self) -> v1::PositionConfidence {
        let mut sent = SentUnavailable::default();
        v1::PositionConfidence {
            horizontal_m: known_grade(self.pos),
            elevation_m: sent.grade(self.elevation, 2),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::PositionConfidence) -> Result<Self, ConvertError> {
        Ok(Self::new(
            grade_from(proto.horizontal_m, "horizontal_m")?,
            from_optional_grade(proto.elevation_m, &proto.sent_unavailable, 2, "elevation_m")?,
        ))
    }
}

impl Twin for asn::MotionConfidenceSet {
    type Proto = v1::MotionConfidence;

    fn to_proto(&self) -> v1::MotionConfidence {
        let mut sent = SentUnavailable::default();
        v1::MotionConfidence {
            speed_mps: sent.grade(self.speed_cfd, 1),
            heading_deg: sent.grade(self.heading_cfd, 2),
            steering_deg: sent.grade(self.steer_cfd, 3),
            sent_unavailable: sent.0,
        }
    }

    fn from_proto(proto: &v1::MotionConfidence) -> Result<Self, ConvertError> {
        let sent = &proto.sent_unavailable;
        Ok(Self::new(
            from_optional_grade(proto.speed_mps, sent, 1, "speed_mps")?,
            from_optional_grade(proto.heading_deg, sent, 2, "heading_deg")?,
            from_optional_grade(proto.steering_deg, sent, 3, "steering_deg")?,
        ))
    }
}

impl Twin for asn::AccelerationSet4Way {
    type Proto = v1::Acceleration;

    fn to_proto(&self) -> v1::Acceleration {
        v1::Acceleration {
            longitudinal_mps2: known(&self.long),
            lateral_mps2: known(&self.lat),
            vertical_mps2: known(&self.vert),
            yaw_rate_degps: si(&self.yaw),
        }
    }

    fn from_proto(proto: &v1::Acceleration) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_known(proto.longitudinal_mps2, "longitudinal_mps2")?,
            from_known(proto.lateral_mps2, "lateral_mps2")?,
            from_known(proto.vertical_mps2, "vertical_mps2")?,
            from_si(proto.yaw_rate_degps, "yaw_rate_degps")?,
        ))
    }
}

impl Twin for asn::VehicleSize {
    type Proto = v1::VehicleSize;

    fn to_proto(&self) -> v1::VehicleSize {
        v1::VehicleSize { width_m: si(&self.width), length_m: si(&self.length), height_m: self.height.as_ref().map(si) }
    }

    fn from_proto(proto: &v1::VehicleSize) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_si(proto.width_m, "width_m")?,
            from_si(proto.length_m, "length_m")?,
            proto.height_m.map(|height_m| from_si(height_m, "height_m")).transpose()?,
        ))
    }
}

impl Twin for asn::VehicleClassification {
    type Proto = v1::VehicleClass;

    fn to_proto(&self) -> v1::VehicleClass {
        v1::VehicleClass { classification: count(&self.classification), fuel_type: self.fuel_type.as_ref().map(count) }
    }

    fn from_proto(proto: &v1::VehicleClass) -> Result<Self, ConvertError> {
        Ok(Self::new(
            from_count(proto.classification, "classification")?,
            proto.fuel_type.map(|fuel_type| from_count(fuel_type, "fuel_type")).transpose()?,
        ))
    }
}

impl Twin for asn::DDateTime {
    type Proto = v1::DateTime;

    fn to_proto(&self) -> v1::DateTime {
        v1::DateTime {
            year: self.year.as_ref().map(|v| u32::from(v.0)),
            month: self.month.as_ref().map(|v| u32::from(v.0)),
            day: self.day.as_ref().map(|v| u32::from(v.0)),
            hour: self.hour.as_ref().map(|v| u32::from(v.0)),
            minute: self.minute.as_ref().map(|v| u32::from(v.0)),
            second_ms: self.second.as_ref().map(|v| u32::from(v.0)),
            offset_min: self.offset.as_ref().map(|v| i32::from(v.0)),
        }
    }

    fn from_proto(proto: &v1::DateTime) -> Result<Self, ConvertError> {
        let range = super::differences::TIME_OFFSET_MIN;
        let offset = match proto.offset_min {
            Some(minutes) if !range.contains(&minutes) => {
                return Err(ConvertError::OutOfRange {
                    path: "offset_min".into(),
                    value: f64::from(minutes),
                    min: f64::from(*range.start()),
                    max: f64::from(*range.end()),
                });
            }
            minutes => minutes.map(|minutes| asn::DTimeOffset(minutes as i16)),
        };
        Ok(Self::new(
            proto.year.map(|v| narrow(v, 4095, "year").map(asn::DYear)).transpose()?,
            proto.month.map(|v| narrow(v, 12, "month").map(asn::DMonth)).transpose()?,
            proto.day.map(|v| narrow(v, 31, "day").map(asn::DDay)).transpose()?,
            proto.hour.map(|v| narrow(v, super::differences::MAX_HOUR, "hour").map(asn::DHour)).transpose()?,
            proto.minute.map(|v| narrow(v, 60, "minute").map(asn::DMinute)).transpose()?,
            proto.second_ms.map(|v| narrow(v, 65535, "second_ms").map(asn::DSecond)).transpose()?,
            offset,
        ))
    }
}

impl Twin for asn::NodeReferenceID {
    type Proto = v1::NodeReference;

    fn to_proto(&self) -> v1::NodeReference {
        v1::NodeReference { region: self.region.as_ref().map(count), id: count(&self.id) }
    }

    fn from_proto(proto: &v1::NodeReference) -> Result<Self, ConvertError> {
        Ok(Self::new(proto.region.map(|region| from_count(region, "region")).transpose()?, from_count(proto.id, "id")?))
    }
}

impl Twin for asn::Description {
    type Proto = v1::Description;

    fn to_proto(&self) -> v1::Description {
        use v1::description::Content;
        v1::Description {
            content: Some(match self {
                Self::textString(text) => Content::Text(text.to_string()),
                Self::textGB2312(octets) => Content::TextGb2312(octets.clone().into()),
            }),
        }
    }

    fn from_proto(proto: &v1::Description) -> Result<Self, ConvertError> {
        use v1::description::Content;
        match &proto.content {
            Some(Content::Text(text)) => Ok(Self::textString(ia5_from(text, 512, "text")?)),
            Some(Content::TextGb2312(octets)) if (2..=512).contains(&octets.len()) => {
                Ok(Self::textGB2312(octets.clone().into()))
            }
            Some(Content::TextGb2312(octets)) => {
                Err(ConvertError::Length { path: "text_gb2312".into(), length: octets.len(), min: 2, max: 512 })
            }
            None => Err(ConvertError::Missing { path: "text or text_gb2312".into() }),
        }
    }
}

impl Twin for asn::RegulatorySpeedLimit {
    type Proto = v1::SpeedLimit;

    fn to_proto(&self) -> v1::SpeedLimit {
        v1::SpeedLimit { r#type: self.r_type as i32, speed_mps: known(&self.speed) }
    }

    fn from_proto(proto: &v1::SpeedLimit) -> Result<Self, ConvertError> {
        Ok(Self::new(
            crate::convert::scalar::enumerator_from(proto.r#type, "type")?,
            from_known(proto.speed_mps, "speed_mps")?,
        ))
    }
}
