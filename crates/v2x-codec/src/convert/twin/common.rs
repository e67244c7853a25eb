//! What the messages share.

use super::{ConvertError, asn, differences, v1};
use crate::convert::Twin;
use crate::convert::fields::twin;
use crate::convert::scalar::{
    additions, additions_from, from_known, from_si, grades, known, narrow, octets, octets_from, quantities, text,
    text_from,
};

quantities! {
    MsgCount(u8) 1 / 1, 0..=127;
    DYear(u16) 1 / 1, 0..=4095;
    DMonth(u8) 1 / 1, 0..=12;
    DDay(u8) 1 / 1, 0..=31;
    DMinute(u8) 1 / 1, 0..=60;
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

twin! { Position3D => GeoPosition [sent_unavailable] [] {
    lat => latitude_deg [known],
    long => longitude_deg [known],
    elevation => elevation_m [known? 3],
} }

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
                Horizontal::Absolute(p) => Ok(asn::PositionOffsetLL::position_LatLon(asn::PositionLLmD64b {
                    lon: from_known(p.longitude_deg, "longitude_deg")?,
                    lat: from_known(p.latitude_deg, "latitude_deg")?,
                })),
                Horizontal::Offset(p) => {
                    let lat = raw_offset(p.latitude_deg, 1e7, 24, "latitude_deg")?;
                    let lon = raw_offset(p.longitude_deg, 1e7, 24, "longitude_deg")?;
                    let width = if p.width_bits == 0 { narrowest_horizontal(lat, lon) } else { p.width_bits };
                    match width {
                        $($width if fits(lat, $width) && fits(lon, $width) => {
                            Ok(asn::PositionOffsetLL::$variant(
                                asn::$pair { lon: asn::$one(lon as _), lat: asn::$one(lat as _) },
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
            let unknown = raw == -(1 << (width - 1));
            Vertical::VerticalOffset(v1::VerticalOffset {
                offset_m: (!unknown).then_some(raw as f64 / 10.0),
                width_bits: if width == if unknown { 7 } else { narrowest_vertical(raw) } { 0 } else { width },
            })
        }

        fn narrowest_vertical(raw: i64) -> u32 {
            [$($vwidth,)*].into_iter().find(|width| fits(raw, *width) && fits(raw - 1, *width)).unwrap_or(u32::MAX)
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
                    let (raw, width) = match v.offset_m {
                        Some(offset_m) => {
                            let raw = raw_offset(offset_m, 10.0, 12, "offset_m")?;
                            // The lowest value says that the offset is unknown.
                            let raw = narrow(raw, -2047, 2047, "offset_m").map_err(|_| ConvertError::OutOfRange {
                                path: "offset_m".into(),
                                value: offset_m,
                                min: -204.7,
                                max: 204.7,
                            })?;
                            (raw, if v.width_bits == 0 { narrowest_vertical(raw) } else { v.width_bits })
                        }
                        None => {
                            let width = if v.width_bits == 0 { 7 } else { v.width_bits.min(12) };
                            (-(1 << (width - 1)), width)
                        }
                    };
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
            unknown_extensions: None,
        }
    }

    fn from_proto(proto: &v1::PositionOffset) -> Result<Self, ConvertError> {
        if proto.unknown_extensions.is_some() {
            return Err(ConvertError::NotInProfile { path: "unknown_extensions".into() });
        }
        offset_from_proto(proto)
    }
}

fn offset_from_proto(proto: &v1::PositionOffset) -> Result<asn::PositionOffsetLLV, ConvertError> {
    let horizontal =
        proto.horizontal.as_ref().ok_or_else(|| ConvertError::Missing { path: "offset or absolute".into() })?;
    Ok(asn::PositionOffsetLLV {
        offset_ll: horizontal_from_proto(horizontal)?,
        offset_v: proto.vertical.as_ref().map(vertical_from_proto).transpose()?,
    })
}

/// A point of a road: a position, and what later editions add to it.
impl Twin for asn::RoadPoint {
    type Proto = v1::PositionOffset;

    fn to_proto(&self) -> v1::PositionOffset {
        v1::PositionOffset { unknown_extensions: additions(&self.additions), ..self.pos_offset.to_proto() }
    }

    fn from_proto(proto: &v1::PositionOffset) -> Result<Self, ConvertError> {
        let additions = additions_from(proto.unknown_extensions.as_ref(), "unknown_extensions")?;
        Ok(Self { pos_offset: offset_from_proto(proto)?, additions })
    }
}

twin! { PositionalAccuracy => PositionalAccuracy [] [] {
    semi_major => semi_major_m [known],
    semi_minor => semi_minor_m [known],
    orientation => orientation_deg [known],
} }

twin! { PositionConfidenceSet => PositionConfidence [sent_unavailable] [] {
    pos => horizontal_m [grade],
    elevation => elevation_m [grade? 2],
} }

twin! { MotionConfidenceSet => MotionConfidence [sent_unavailable] [] {
    speed_cfd => speed_mps [grade? 1],
    heading_cfd => heading_deg [grade? 2],
    steer_cfd => steering_deg [grade? 3],
} }

twin! { AccelerationSet4Way => Acceleration [] [] {
    long => longitudinal_mps2 [known],
    lat => lateral_mps2 [known],
    vert => vertical_mps2 [known],
    yaw => yaw_rate_degps [si],
} }

twin! { VehicleSize => VehicleSize [] [] {
    width => width_m [si],
    length => length_m [si],
    height => height_m [si?],
} }

twin! { VehicleClassification => VehicleClass [] [unknown_extensions] {
    classification => classification [count],
    fuel_type => fuel_type [count?],
} }

twin! { DDateTime => DateTime [] [] {
    year => year [count?],
    month => month [count?],
    day => day [count?],
    hour => hour [count?],
    minute => minute [count?],
    second => second_ms [with all_seconds, all_seconds_from],
    offset => offset_min [with time_offset, time_offset_from],
} }

/// Here the second is shown as it is, 65535 included: an optional part of a date that is unavailable would be odd.
fn all_seconds(second: &Option<asn::DSecond>) -> Option<u32> {
    second.as_ref().map(|second| u32::from(second.0))
}

fn all_seconds_from(second_ms: &Option<u32>, field: &str) -> Result<Option<asn::DSecond>, ConvertError> {
    second_ms.map(|second_ms| narrow(second_ms, 0, 65535, field).map(asn::DSecond)).transpose()
}

fn time_offset(offset: &Option<asn::DTimeOffset>) -> Option<i32> {
    offset.as_ref().map(|offset| i32::from(offset.0))
}

fn time_offset_from(minutes: &Option<i32>, field: &str) -> Result<Option<asn::DTimeOffset>, ConvertError> {
    let (min, max) = differences::TIME_OFFSET_MIN;
    minutes.map(|minutes| narrow(minutes, min, max, field).map(asn::DTimeOffset)).transpose()
}

twin! { NodeReferenceID => NodeReference [] [] {
    region => region [count?],
    id => id [count],
} }

impl Twin for asn::Description {
    type Proto = v1::Description;

    fn to_proto(&self) -> v1::Description {
        use v1::description::Content;
        v1::Description {
            content: Some(match self {
                Self::textString(inner) => Content::Text(text(inner)),
                Self::textGB2312(inner) => Content::TextGb2312(octets(inner)),
            }),
        }
    }

    fn from_proto(proto: &v1::Description) -> Result<Self, ConvertError> {
        use v1::description::Content;
        match &proto.content {
            Some(Content::Text(inner)) => Ok(Self::textString(text_from(inner, 512, "text")?)),
            Some(Content::TextGb2312(inner)) => Ok(Self::textGB2312(octets_from(inner, 2..=512, "text_gb2312")?)),
            None => Err(ConvertError::Missing { path: "text or text_gb2312".into() }),
        }
    }
}

twin! { RegulatorySpeedLimit => SpeedLimit [] [] {
    r#type => r#type [enumerator],
    speed => speed_mps [known],
} }
