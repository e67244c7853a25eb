//! What is probably wrong with a map.
//!
//! [`SiteMap::new`] has refused what cannot be. What is left can be used, but a width of eleven metres or a connection
//! that begins where no lane ends was hardly meant. Each finding says what, where and of which lanes, for a person who
//! drew the map. An error would spoil what is computed with the map; a warning may be right.

mod connections;
mod lanes;

use std::fmt;

use rsu_units::Vector2;

use crate::SiteMap;

/// Most findings that are told.
pub const MAX_FINDINGS: usize = 1000;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// It would spoil what is computed with the map.
    Error,
    /// It is unusual.
    Warning,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FindingKind {
    /// Lines that should meet do not.
    Gap,
    /// Lanes lie over each other.
    Overlap,
    /// Something leads the wrong way.
    Direction,
    /// A width that such a lane does not have.
    Width,
    /// A connection leads to a lane that is not in the map, or to one of another kind.
    Target,
    /// The same is given twice.
    Duplicate,
    /// A line crosses itself.
    SelfCrossing,
    /// A speed limit that no road has.
    SpeedLimit,
    /// Too far from the reference point.
    FarAway,
    /// A crosswalk that crosses nothing.
    Crosswalk,
    /// A lane that ends at a stop line, from where nothing leads on.
    DeadEnd,
}

/// Something that is probably wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub kind: FindingKind,
    /// The lanes or areas concerned.
    pub ids: Vec<String>,
    /// Where, in site metres.
    pub point_m: Option<Vector2>,
    /// What is wrong, in words, without names and place.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.ids.join(", "))?;
        if let Some(point) = self.point_m {
            write!(f, " at ({:.1}, {:.1})", point.x, point.y)?;
        }
        write!(f, ": {}", self.text)
    }
}

impl SiteMap {
    /// What is probably wrong with the map: errors first, then in the order of the lanes. At most [`MAX_FINDINGS`].
    #[must_use]
    pub fn validate(&self) -> Vec<Finding> {
        let mut findings = Findings(Vec::new());
        lanes::check(self, &mut findings);
        connections::check(self, &mut findings);
        let Findings(mut findings) = findings;
        findings.sort_by_key(|finding| finding.severity);
        findings.truncate(MAX_FINDINGS);
        findings
    }
}

/// The list while it grows.
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        (severity, kind): (Severity, FindingKind),
        ids: &[&str],
        point_m: impl Into<Option<Vector2>>,
        text: String,
    ) {
        // Errors may come late: warnings alone must not fill the list.
        let of_this = self.0.iter().filter(|finding| finding.severity == severity).count();
        if of_this < MAX_FINDINGS {
            let ids = ids.iter().map(|id| (*id).to_owned()).collect();
            self.0.push(Finding { severity, kind, ids, point_m: point_m.into(), text });
        }
    }
}

/// The whole degrees between two directions, radians.
fn degrees_between(a_rad: f64, b_rad: f64) -> f64 {
    rsu_units::angle::wrap_rad(a_rad - b_rad).abs().to_degrees().round()
}
