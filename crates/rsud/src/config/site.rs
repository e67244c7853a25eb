//! The site: where it is and what its roads look like.
//!
//! It stands in the section `[site]` of the configuration, or in a file of its own for the tools ([`load_site_file`]).
//! Coordinates in GCJ-02 become WGS 84 here, and are known nowhere else.

mod nodes;

use std::path::{Path, PathBuf};

use rsu_proto::v1::{self, v2x_message::Content};
use rsu_units::Vector2;
use serde::Deserialize;
use site_map::{Area, AreaKind, Connection, Lane, LaneKind, SiteFrame, SiteMap, Turn, gcj02};
use v2x_codec::{Message, Profile};

use super::radio::{ProfileName, fixed};
use super::{Checker, ConfigError, read, shape};
use nodes::{junction, without_foreign_phases};

/// What the keys of the site begin with in a configuration. In a file of their own they begin with nothing.
pub(super) const SECTION: &str = "site.";

/// The site.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConfig {
    /// Version of the format: 1. A file of its own must have it.
    pub version: Option<u32>,
    /// What the reference point, and the points of `map_file`, are measured in.
    #[serde(default)]
    pub datum: DatumName,
    /// Reference point, degrees north.
    pub latitude_deg: f64,
    /// Reference point, degrees east.
    pub longitude_deg: f64,
    /// The junction's node in SPAT; the first node of the MAP message by default. Without either no signal is known.
    pub node: Option<NodeConfig>,
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

/// A node of the road network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeConfig {
    /// Region, 0 to 65535, where nodes have one.
    pub region: Option<u32>,
    /// Number within the region, 0 to 65535.
    pub id: u32,
}

/// What coordinates are measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DatumName {
    /// WGS 84, as satellites give it.
    #[default]
    Wgs84,
    /// The shifted coordinates of Chinese maps (火星坐标).
    Gcj02,
}

/// A MAP message in memory, in WGS 84.
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
    /// Name of the approach: lanes side by side that lead to the same stop line have the same.
    pub approach: Option<String>,
    /// The ways on from its end.
    #[serde(default)]
    pub connections: Vec<ConnectionConfig>,
}

/// A way on from the end of a lane.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionConfig {
    /// Name of the lane that it leads to.
    pub to: String,
    /// Where it leads.
    pub turn: TurnName,
    /// Its centre line, from the end of the lane to the start of the other: pairs of metres east and north of the
    /// reference point. A smooth curve by default.
    #[serde(default)]
    pub points_m: Vec<(f64, f64)>,
    /// The phase of the signal that governs it.
    pub signal_group: Option<u32>,
}

/// Where a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnName {
    /// Straight on.
    Straight,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Back.
    UTurn,
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

/// The map of a file: a site file (the keys of `[site]` and `version = 1`), a whole configuration (its `[site]`), or a
/// MAP message as hexadecimal UPER or as the JSON of `rsud decode`, with its first node as the reference point.
///
/// # Errors
/// [`ConfigError`] names the first thing that is wrong.
pub fn load_site_file(file: &Path) -> Result<SiteMap, ConfigError> {
    /// A configuration, of which nothing else counts here.
    #[derive(Deserialize)]
    struct Whole {
        site: SiteConfig,
    }
    /// Enough to tell what it is.
    #[derive(Deserialize)]
    struct Glance {
        site: Option<toml::Value>,
    }
    let text = read(file)?;
    let checker = Checker::new(file);
    let trimmed = text.trim();
    if trimmed.starts_with('{') || trimmed.chars().all(|c| c.is_ascii_hexdigit() || c.is_whitespace()) {
        return site_of_message(&checker, trimmed);
    }
    let shape = |error: toml::de::Error| shape(file, error);
    if toml::from_str::<Glance>(&text).map_err(shape)?.site.is_some() {
        let whole: Whole = toml::from_str(&text).map_err(shape)?;
        return check_site(&checker.within(SECTION), &whole.site).map(|site| site.map);
    }
    let site: SiteConfig = toml::from_str(&text).map_err(shape)?;
    if site.version.is_none() {
        return Err(checker.wrong("version", "it is not given".into(), "version = 1"));
    }
    check_site(&checker, &site).map(|site| site.map)
}

/// The map of a bare MAP message. Nothing tells its edition: the one in which it has more lanes is right.
fn site_of_message(checker: &Checker<'_>, text: &str) -> Result<SiteMap, ConfigError> {
    const EXPECTED: &str = "a site file, a configuration, or a MAP message as hexadecimal UPER or JSON";
    let wrong = |problem: String| checker.wrong("MAP", problem, EXPECTED);
    let lanes = |message: &v1::MapData| -> usize {
        let links = message.nodes.iter().flat_map(|node| &node.in_links).map(|link| link.lanes.len());
        let sections = message.nodes.iter().flat_map(|node| &node.in_links_ex).flat_map(|link| &link.sections);
        links.sum::<usize>() + sections.map(|section| section.lanes.len()).sum::<usize>()
    };
    let message = match (parse_map(text, Profile::Y2020), parse_map(text, Profile::Y2019)) {
        (Ok(new), Ok(old)) => {
            if lanes(&old) > lanes(&new) {
                old
            } else {
                new
            }
        }
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => one,
        (Err(problem), Err(_)) => return Err(wrong(problem)),
    };
    let reference = message.nodes.first().and_then(|node| node.reference.as_ref());
    let place = reference.and_then(|position| Some((position.latitude_deg?, position.longitude_deg?)));
    let (latitude_deg, longitude_deg) = place.ok_or_else(|| wrong("its first node has no position".into()))?;
    let frame = SiteFrame::new(latitude_deg, longitude_deg).map_err(|error| wrong(error.to_string()))?;
    SiteMap::from_map_message(frame, &message).map_err(|error| wrong(error.to_string()))
}

/// A site that was checked.
#[derive(Debug)]
pub(super) struct CheckedSite {
    pub(super) map: SiteMap,
    /// The MAP message that the map was made from, if it was.
    pub(super) message: Option<v1::MapData>,
    /// The junction's node in SPAT; without it no signal is known.
    pub(super) junction: Option<v1::NodeReference>,
}

/// Checks a site. Its keys begin with what the checker's section says.
pub(super) fn check_site(checker: &Checker<'_>, site: &SiteConfig) -> Result<CheckedSite, ConfigError> {
    if let Some(version) = site.version.filter(|version| *version != 1) {
        return Err(checker.wrong("version", format!("{version} is not known"), "version = 1"));
    }
    let (latitude_deg, longitude_deg) = match site.datum {
        DatumName::Wgs84 => (site.latitude_deg, site.longitude_deg),
        DatumName::Gcj02 => gcj02::wgs84_from_gcj02(site.latitude_deg, site.longitude_deg),
    };
    let frame = SiteFrame::new(latitude_deg, longitude_deg).map_err(|error| {
        checker.wrong("latitude_deg, longitude_deg", error.to_string(), "a point of the site, in degrees")
    })?;
    let drawn = !site.lanes.is_empty() || !site.areas.is_empty();
    let by_message = site.map_file.is_some() || site.map_message.is_some();
    if drawn && by_message {
        let expected = "either map_file or lanes and areas";
        return Err(checker.wrong("map_file", "the roads are given twice".into(), expected));
    }
    if let Some(MapSource(message)) = &site.map_message {
        return of_message(checker, site, "map_message", frame, message.as_ref().clone());
    }
    if let Some(file) = &site.map_file {
        let profile = fixed(site.map_profile)
            .ok_or_else(|| checker.wrong("map_profile", "one file has one profile".into(), "\"2020\" or \"2019\""))?;
        let mut message = read_map(checker, file, profile)?;
        if site.datum == DatumName::Gcj02 {
            gcj02::map_message_to_wgs84(&mut message);
        }
        return of_message(checker, site, "map_file", frame, message);
    }
    let junction = junction(checker, site, None)?;
    for (index, lane) in site.lanes.iter().enumerate() {
        check_lane(checker, &format!("lanes[{index}]"), lane)?;
    }
    for (index, area) in site.areas.iter().enumerate() {
        coordinates(checker, &format!("areas[{index}].polygon_m"), &area.polygon_m)?;
    }
    let area = |area: &AreaConfig| Area {
        id: area.id.clone(),
        kind: match area.kind {
            AreaKindName::Junction => AreaKind::Junction,
        },
        polygon_m: vectors(&area.polygon_m),
    };
    let map = SiteMap::new(frame, site.lanes.iter().map(lane).collect(), site.areas.iter().map(area).collect())
        .map_err(|error| checker.wrong("lanes, areas", error.to_string(), "lanes and areas as documented"))?;
    Ok(CheckedSite { map, message: None, junction })
}

/// The site that a MAP message describes; `key` is where the message comes from.
fn of_message(
    checker: &Checker<'_>,
    site: &SiteConfig,
    key: &str,
    frame: SiteFrame,
    message: v1::MapData,
) -> Result<CheckedSite, ConfigError> {
    let junction = junction(checker, site, Some(&message))?;
    let map = SiteMap::from_map_message(frame, &without_foreign_phases(&message, junction))
        .map_err(|error| checker.wrong(key, error.to_string(), "a MAP with usable lanes"))?;
    Ok(CheckedSite { map, message: Some(message), junction })
}

fn check_lane(checker: &Checker<'_>, key: &str, lane: &LaneConfig) -> Result<(), ConfigError> {
    if let Some(kmh) = lane.speed_limit_kmh {
        checker.range(&format!("{key}.speed_limit_kmh"), kmh, 1.0, 200.0)?;
    }
    coordinates(checker, &format!("{key}.points_m"), &lane.points_m)?;
    for (number, connection) in lane.connections.iter().enumerate() {
        let key = format!("{key}.connections[{number}]");
        coordinates(checker, &format!("{key}.points_m"), &connection.points_m)?;
        if let Some(group) = connection.signal_group {
            checker.range(&format!("{key}.signal_group"), f64::from(group), 0.0, 255.0)?;
        }
    }
    Ok(())
}

fn lane(lane: &LaneConfig) -> Lane {
    let connection = |connection: &ConnectionConfig| Connection {
        to: connection.to.clone(),
        turn: match connection.turn {
            TurnName::Straight => Turn::Straight,
            TurnName::Left => Turn::Left,
            TurnName::Right => Turn::Right,
            TurnName::UTurn => Turn::UTurn,
        },
        points_m: vectors(&connection.points_m),
        signal_group: connection.signal_group,
    };
    Lane {
        id: lane.id.clone(),
        kind: match lane.kind {
            LaneKindName::Vehicle => LaneKind::Vehicle,
            LaneKindName::Bicycle => LaneKind::Bicycle,
            LaneKindName::Crosswalk => LaneKind::Crosswalk,
            LaneKindName::Sidewalk => LaneKind::Sidewalk,
        },
        width_m: lane.width_m,
        points_m: vectors(&lane.points_m),
        stop_line: lane.stop_line,
        speed_limit_mps: lane.speed_limit_kmh.map(|kmh| kmh / 3.6),
        approach: lane.approach.clone(),
        connections: lane.connections.iter().map(connection).collect(),
    }
}

fn vectors(points: &[(f64, f64)]) -> Vec<Vector2> {
    points.iter().map(|(x, y)| Vector2::new(*x, *y)).collect()
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
    let wrong = |problem: String| checker.wrong("map_file", problem, EXPECTED);
    let path = checker.beside(file);
    let text = std::fs::read_to_string(&path).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    parse_map(text.trim(), profile).map_err(wrong)
}

/// A MAP message out of hexadecimal UPER, in which white space does not count, or JSON.
fn parse_map(text: &str, profile: Profile) -> Result<v1::MapData, String> {
    let message = if text.starts_with('{') {
        Message::from_json(profile, text).map_err(|error| error.to_string())?
    } else {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let octets = hex::decode(digits).map_err(|error| error.to_string())?;
        Message::from_uper(profile, &octets).map_err(|error| error.to_string())?
    };
    match message.to_content() {
        Content::Map(map) => Ok(map),
        _ => Err(format!("it is a {} message", message.kind().name())),
    }
}
