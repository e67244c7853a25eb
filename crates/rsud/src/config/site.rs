//! The site: where it is and what its roads look like.

use std::path::{Path, PathBuf};

use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Vector2;
use serde::Deserialize;
use site_map::{Area, AreaKind, Lane, LaneKind, SiteFrame, SiteMap};
use v2x_codec::{Message, Profile};

use super::ConfigError;
use super::check::Checker;
use super::radio::{ProfileName, fixed};

/// The site.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// Reference point, degrees north.
    pub latitude_deg: f64,
    /// Reference point, degrees east.
    pub longitude_deg: f64,
    /// The roads as a MAP message: a file that holds it as hexadecimal UPER or as JSON.
    pub map_file: Option<PathBuf>,
    /// Edition of the message set of `map_file`.
    #[serde(default)]
    pub map_profile: ProfileName,
    /// The roads lane by lane.
    #[serde(default)]
    pub lanes: Vec<LaneConfig>,
    /// Junctions.
    #[serde(default)]
    pub areas: Vec<AreaConfig>,
    /// Set by who makes a configuration in memory.
    #[serde(skip)]
    pub map_message: Option<MapSource>,
}

/// A MAP message in memory.
#[derive(Debug, Clone)]
pub struct MapSource(pub Box<v1::MapData>);

/// A lane.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaneConfig {
    /// Name.
    pub id: String,
    /// Who it is for.
    pub kind: LaneKindName,
    /// Width, metres.
    pub width_m: f64,
    /// Centre line along the direction of travel: pairs of metres east and north of the reference point.
    pub points_m: Vec<(f64, f64)>,
    /// Whether it ends at a stop line.
    #[serde(default)]
    pub stop_line: bool,
    /// Speed limit, kilometres per hour.
    pub speed_limit_kmh: Option<f64>,
}

/// Who a lane is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LaneKindName {
    /// Motor vehicles.
    Vehicle,
    /// Bicycles.
    Bicycle,
    /// Pedestrians crossing.
    Crosswalk,
    /// Pedestrians beside.
    Sidewalk,
}

/// An area.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AreaConfig {
    /// Name.
    pub id: String,
    /// What it is.
    pub kind: AreaKindName,
    /// Corners: pairs of metres east and north of the reference point.
    pub polygon_m: Vec<(f64, f64)>,
}

/// What an area is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AreaKindName {
    /// The inside of a junction.
    Junction,
}

/// The map, and the MAP message that it was made from, if it was.
pub(super) fn site_map(
    checker: &Checker<'_>,
    site: &SiteConfig,
) -> Result<(SiteMap, Option<v1::MapData>), ConfigError> {
    let frame = SiteFrame::new(site.latitude_deg, site.longitude_deg).map_err(|error| {
        checker.wrong("site.latitude_deg, site.longitude_deg", error.to_string(), "a WGS 84 point of the site")
    })?;
    let drawn = !site.lanes.is_empty() || !site.areas.is_empty();
    let by_message = site.map_file.is_some() || site.map_message.is_some();
    if drawn && by_message {
        let expected = "either map_file or lanes and areas";
        return Err(checker.wrong("site.map_file", "the roads are given twice".into(), expected));
    }
    if let Some(MapSource(message)) = &site.map_message {
        return SiteMap::from_map_message(frame, message)
            .map(|map| (map, Some(message.as_ref().clone())))
            .map_err(|error| checker.wrong("site.map_message", error.to_string(), "a MAP with usable lanes"));
    }
    if let Some(file) = &site.map_file {
        let profile = fixed(site.map_profile).ok_or_else(|| {
            checker.wrong("site.map_profile", "one file has one profile".into(), "\"2020\" or \"2019\"")
        })?;
        let message = read_map(checker, file, profile)?;
        return SiteMap::from_map_message(frame, &message)
            .map(|map| (map, Some(message)))
            .map_err(|error| checker.wrong("site.map_file", error.to_string(), "a MAP with usable lanes"));
    }
    for (index, lane) in site.lanes.iter().enumerate() {
        if let Some(kmh) = lane.speed_limit_kmh {
            checker.range(&format!("site.lanes[{index}].speed_limit_kmh"), kmh, 1.0, 200.0)?;
        }
        coordinates(checker, &format!("site.lanes[{index}].points_m"), &lane.points_m)?;
    }
    for (index, area) in site.areas.iter().enumerate() {
        coordinates(checker, &format!("site.areas[{index}].polygon_m"), &area.polygon_m)?;
    }
    let points = |points: &[(f64, f64)]| points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect();
    let lane = |lane: &LaneConfig| Lane {
        id: lane.id.clone(),
        kind: match lane.kind {
            LaneKindName::Vehicle => LaneKind::Vehicle,
            LaneKindName::Bicycle => LaneKind::Bicycle,
            LaneKindName::Crosswalk => LaneKind::Crosswalk,
            LaneKindName::Sidewalk => LaneKind::Sidewalk,
        },
        width_m: lane.width_m,
        points_m: points(&lane.points_m),
        stop_line: lane.stop_line,
        speed_limit_mps: lane.speed_limit_kmh.map(|kmh| kmh / 3.6),
    };
    let area = |area: &AreaConfig| Area {
        id: area.id.clone(),
        kind: match area.kind {
            AreaKindName::Junction => AreaKind::Junction,
        },
        polygon_m: points(&area.polygon_m),
    };
    SiteMap::new(frame, site.lanes.iter().map(lane).collect(), site.areas.iter().map(area).collect())
        .map(|map| (map, None))
        .map_err(|error| checker.wrong("site.lanes, site.areas", error.to_string(), "lanes and areas as documented"))
}

fn coordinates(checker: &Checker<'_>, key: &str, points: &[(f64, f64)]) -> Result<(), ConfigError> {
    for (x, y) in points {
        checker.range(key, *x, -10_000.0, 10_000.0)?;
        checker.range(key, *y, -10_000.0, 10_000.0)?;
    }
    Ok(())
}

fn read_map(checker: &Checker<'_>, file: &Path, profile: Profile) -> Result<v1::MapData, ConfigError> {
    const EXPECTED: &str = "a file with a MAP message as hexadecimal UPER or as JSON of `rsud decode`";
    let wrong = |problem: String| checker.wrong("site.map_file", problem, EXPECTED);
    let path = checker.beside(file);
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    let text = text.trim();
    let message = if text.starts_with('{') {
        Message::from_json(profile, text).map_err(|error| wrong(error.to_string()))?
    } else {
        let octets = hex::decode(text).map_err(|error| wrong(error.to_string()))?;
        Message::from_uper(profile, &octets).map_err(|error| wrong(error.to_string()))?
    };
    match message.to_content() {
        Content::Map(map) => Ok(map),
        _ => Err(wrong(format!("it is a {} message", message.kind().name()))),
    }
}
