//! What a map is made of: lanes, the connections between them, and areas.
//!
//! All of it is plain data in site metres. [`crate::SiteMap::new`] takes it, refuses what cannot be, and from then on
//! answers questions about it.

use rsu_units::Vector2;

/// Who a lane is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LaneKind {
    /// Motor vehicles: the carriageway.
    Vehicle,
    /// Bicycles.
    Bicycle,
    /// Pedestrians who cross the carriageway; its line goes from kerb to kerb.
    Crosswalk,
    /// Pedestrians beside the carriageway.
    Sidewalk,
}

impl LaneKind {
    /// The name that files and drawings use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vehicle => "vehicle",
            Self::Bicycle => "bicycle",
            Self::Crosswalk => "crosswalk",
            Self::Sidewalk => "sidewalk",
        }
    }

    /// Whether its users ride along the line in one direction, and turn over connections.
    #[must_use]
    pub const fn is_directed(self) -> bool {
        matches!(self, Self::Vehicle | Self::Bicycle)
    }
}

/// Where a connection leads, seen by who drives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Turn {
    /// Straight on.
    Straight,
    /// To the left.
    Left,
    /// To the right.
    Right,
    /// Back along the same road.
    UTurn,
}

impl Turn {
    /// The turn that a change of direction (radians, counter-clockwise) is.
    #[must_use]
    pub fn from_angle(angle_rad: f64) -> Self {
        let angle = rsu_units::angle::wrap_rad(angle_rad);
        match angle.abs().to_degrees() {
            size if size < 40.0 => Self::Straight,
            size if size > 150.0 => Self::UTurn,
            _ if angle > 0.0 => Self::Left,
            _ => Self::Right,
        }
    }

    /// The name that files and drawings use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Straight => "straight",
            Self::Left => "left",
            Self::Right => "right",
            Self::UTurn => "u_turn",
        }
    }
}

/// A way from the end of a lane to the start of another, most often across a junction.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Id of the lane that it leads to.
    pub to: String,
    /// Where it leads.
    pub turn: Turn,
    /// Centre line in site metres, from the end of the lane to the start of `to`. Where it is empty,
    /// [`crate::SiteMap::new`] makes a smooth curve; it stays empty when there is nothing to draw, because the next lane
    /// begins where this one ends or because there is no such lane.
    pub points_m: Vec<Vector2>,
    /// The signal phase (SPAT `phaseId`, 相位) that governs it, where one does.
    pub signal_group: Option<u32>,
}

impl Connection {
    /// A connection without a line of its own and without a signal.
    #[must_use]
    pub fn new(to: impl Into<String>, turn: Turn) -> Self {
        Self { to: to.into(), turn, points_m: Vec::new(), signal_group: None }
    }
}

/// One lane. The line leads along the direction of travel.
#[derive(Debug, Clone, PartialEq)]
pub struct Lane {
    /// Name, unique within the map.
    pub id: String,
    /// Who it is for.
    pub kind: LaneKind,
    /// Width, metres.
    pub width_m: f64,
    /// Centre line in site metres, at least two points.
    pub points_m: Vec<Vector2>,
    /// Whether the line ends at a stop line, where vehicles wait for a signal or for priority.
    pub stop_line: bool,
    /// Speed limit, metres per second, where one is known.
    pub speed_limit_mps: Option<f64>,
    /// Name of the approach (进口道): lanes side by side that lead to the same stop line have the same.
    pub approach: Option<String>,
    /// The ways on from its end.
    pub connections: Vec<Connection>,
}

impl Lane {
    /// A lane without stop line, limit, approach and connections.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: LaneKind, width_m: f64, points_m: Vec<Vector2>) -> Self {
        Self {
            id: id.into(),
            kind,
            width_m,
            points_m,
            stop_line: false,
            speed_limit_mps: None,
            approach: None,
            connections: Vec::new(),
        }
    }

    /// The same lane with a stop line at its end.
    #[must_use]
    pub fn with_stop_line(self) -> Self {
        Self { stop_line: true, ..self }
    }

    /// The same lane with a speed limit, metres per second.
    #[must_use]
    pub fn with_speed_limit(self, speed_limit_mps: f64) -> Self {
        Self { speed_limit_mps: Some(speed_limit_mps), ..self }
    }

    /// The same lane as part of an approach.
    #[must_use]
    pub fn with_approach(self, approach: impl Into<String>) -> Self {
        Self { approach: Some(approach.into()), ..self }
    }

    /// The same lane with one more connection.
    #[must_use]
    pub fn with_connection(mut self, connection: Connection) -> Self {
        self.connections.push(connection);
        self
    }
}

/// What an area is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AreaKind {
    /// The inside of a junction: carriageway without lanes.
    Junction,
}

/// A polygon with a meaning.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    /// Name, unique within the map.
    pub id: String,
    /// What it is.
    pub kind: AreaKind,
    /// Corners in site metres, at least three.
    pub polygon_m: Vec<Vector2>,
}
