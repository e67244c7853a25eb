//! The drawing of a map: an SVG picture for whoever checks it by eye.
//!
//! Bands are lanes, with arrows along them and their names; coloured lines are connections. North is up, one unit is one
//! metre.

use std::fmt::Write as _;

use rsu_units::Vector2;

use crate::geometry::{length_m, segment_at, segments};
use crate::{ConflictKind, Lane, LaneKind, SiteMap, Turn};

/// Metres around the drawing.
const MARGIN_M: f64 = 12.0;
/// A drawing shows at most so many metres on each side of the reference point: one lost coordinate must not make
/// everything else a dot.
const SHOWN_M: f64 = 6000.0;
/// Arrows along a lane every so many metres, and at most so many.
const ARROW_EVERY_M: f64 = 40.0;
const MAX_ARROWS: usize = 50;

const STYLE: &str = "\
text{font-family:sans-serif;fill:#222}\
.vehicle{stroke:#b9bec6}.bicycle{stroke:#d9b3a3}.crosswalk{stroke:#f4e6a5}.sidewalk{stroke:#dfe5d8}\
.lane{fill:none;stroke-linecap:butt;stroke-linejoin:round}.arrow{fill:#fff;stroke:none}\
.junction{fill:#d5d8dd;stroke:#8a8f98;stroke-width:.2}.way{fill:none;stroke-width:.35}\
.straight{stroke:#1f6f43}.left{stroke:#1c54b2}.right{stroke:#b3541e}.u_turn{stroke:#7b2a8b}\
.stop{stroke:#c11;stroke-width:.5}.zebra{fill:none;stroke:#fff;stroke-dasharray:.5 .5}\
.crossing{fill:#c11}.merging{fill:#e79b00}.onfoot{fill:#00838f}\
.id{font-size:1.4px}.title{font-size:3px}.small{font-size:2.2px}.scale{stroke:#222;stroke-width:.3;fill:none}";

impl SiteMap {
    /// The map as an SVG picture: lanes as bands with arrows and names, stop lines, crosswalks, junctions, connections
    /// coloured by their turn, conflict points, a scale bar and an arrow to the north. Names are escaped.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let mut svg = Svg { text: String::new() };
        svg.write(self);
        svg.text
    }
}

struct Svg {
    text: String,
}

/// Writes to the text; writing to a string cannot fail.
macro_rules! put {
    ($svg:expr, $($argument:tt)*) => {{ let _ = writeln!($svg.text, $($argument)*); }};
}

impl Svg {
    fn write(&mut self, map: &SiteMap) {
        let (low, high) = bounds(map);
        let (width, height) = (high.x - low.x, high.y - low.y);
        // The picture's y leads down.
        put!(
            self,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="{:.2} {:.2} {width:.2} {height:.2}" width="1600" height="{:.0}">"#,
            low.x,
            -high.y,
            (1600.0 * height / width).clamp(200.0, 8000.0)
        );
        let (latitude_deg, longitude_deg) = map.frame().reference_deg();
        let title = format!("Site map, reference {latitude_deg:.7}, {longitude_deg:.7} (WGS 84)");
        put!(self, "<title>{}</title>", escaped(&title));
        put!(self, "<style>{STYLE}</style>");
        put!(
            self,
            r##"<rect x="{:.2}" y="{:.2}" width="{width:.2}" height="{height:.2}" fill="#f7f8f6"/>"##,
            low.x,
            -high.y
        );
        for area in map.areas() {
            let points = points(&area.polygon_m);
            put!(self, r#"<polygon class="junction" points="{points}"><title>{}</title></polygon>"#, escaped(&area.id));
        }
        let layers = [LaneKind::Sidewalk, LaneKind::Vehicle, LaneKind::Bicycle, LaneKind::Crosswalk];
        for kind in layers {
            map.lanes().filter(|lane| lane.kind == kind).for_each(|lane| self.band(lane));
        }
        map.lanes().for_each(|lane| self.connections(lane));
        map.lanes().for_each(|lane| self.marks(lane));
        for conflict in map.conflict_points() {
            let class = match conflict.kind {
                ConflictKind::Crossing => "crossing",
                ConflictKind::Merging => "merging",
                ConflictKind::Crosswalk => "onfoot",
            };
            let Vector2 { x, y } = conflict.point_m;
            put!(self, r#"<circle class="{class}" cx="{x:.2}" cy="{:.2}" r="0.35"/>"#, -y);
        }
        self.legend(low, high, &title);
        self.text.push_str("</svg>\n");
    }

    fn band(&mut self, lane: &Lane) {
        let (kind, width_m, points) = (lane.kind.name(), lane.width_m, points(&lane.points_m));
        let mut about = format!("{} ({kind}, {width_m} m", lane.id);
        if let Some(limit_mps) = lane.speed_limit_mps {
            let _ = write!(about, ", {:.0} km/h", limit_mps * 3.6);
        }
        if let Some(approach) = &lane.approach {
            let _ = write!(about, ", approach {approach}");
        }
        about.push(')');
        // A little narrower than it is, so that neighbours can be told apart.
        put!(
            self,
            r#"<polyline class="lane {kind}" stroke-width="{:.2}" points="{points}"><title>{}</title></polyline>"#,
            width_m * 0.95,
            escaped(&about)
        );
        if lane.kind == LaneKind::Crosswalk {
            put!(self, r#"<polyline class="zebra" stroke-width="{:.2}" points="{points}"/>"#, width_m * 0.9);
        }
    }

    fn connections(&mut self, lane: &Lane) {
        for connection in lane.connections.iter().filter(|connection| connection.points_m.len() >= 2) {
            let points = points(&connection.points_m);
            let mut about = format!("{} to {} ({}", lane.id, connection.to, connection.turn.name());
            if let Some(group) = connection.signal_group {
                let _ = write!(about, ", signal group {group}");
            }
            about.push(')');
            let turn = connection.turn.name();
            put!(
                self,
                r#"<polyline class="way {turn}" points="{points}"><title>{}</title></polyline>"#,
                escaped(&about)
            );
        }
    }

    /// Arrows, stop line and name.
    fn marks(&mut self, lane: &Lane) {
        let whole_m = length_m(&lane.points_m);
        let size_m = (lane.width_m * 0.3).clamp(0.3, 1.2);
        if lane.kind.is_directed() {
            let count = ((whole_m / ARROW_EVERY_M) as usize).clamp(1, MAX_ARROWS);
            for number in 0..count {
                let along_m = whole_m * (number as f64 + 0.5) / count as f64;
                let Some((at, unit)) = along(lane, along_m) else { continue };
                let left = Vector2::new(-unit.y, unit.x);
                let corners =
                    [at + unit * size_m, at - unit * size_m + left * size_m, at - unit * size_m - left * size_m];
                put!(self, r#"<polygon class="arrow" points="{}"/>"#, points(&corners));
            }
        }
        if let Some(last) = segments(&lane.points_m).next_back().filter(|_| lane.stop_line) {
            let across = Vector2::new(-last.unit.y, last.unit.x) * (lane.width_m / 2.0);
            let (a, b) = (last.end() + across, last.end() - across);
            put!(self, r#"<line class="stop" x1="{:.2}" y1="{:.2}" x2="{:.2}" y2="{:.2}"/>"#, a.x, -a.y, b.x, -b.y);
        }
        // The name near the end that leads to the junction: there lanes are looked at.
        let along_m = if lane.kind == LaneKind::Crosswalk { whole_m / 2.0 } else { (whole_m - 8.0).max(whole_m / 2.0) };
        if let Some((at, unit)) = along(lane, along_m) {
            // Upside down is hard to read.
            let turn_deg = if unit.x < 0.0 { (-unit).angle_rad() } else { unit.angle_rad() }.to_degrees();
            let (x, y) = (at.x, -at.y);
            put!(
                self,
                r#"<text class="id" x="{x:.2}" y="{y:.2}" text-anchor="middle" transform="rotate({:.1} {x:.2} {y:.2})">{}</text>"#,
                -turn_deg,
                escaped(&lane.id)
            );
        }
    }

    /// Title, colours, scale and north, in a size that fits the picture.
    fn legend(&mut self, low: Vector2, high: Vector2, title: &str) {
        let unit_m = ((high.x - low.x) / 140.0).max(0.2);
        let (left, top) = (low.x + 2.0 * unit_m, -high.y + 2.0 * unit_m);
        put!(self, r#"<g transform="translate({left:.2} {top:.2}) scale({unit_m:.3})">"#);
        put!(self, r#"<text class="title" x="0" y="2.4">{}</text>"#, escaped(title));
        for (number, turn) in [Turn::Straight, Turn::Left, Turn::Right, Turn::UTurn].into_iter().enumerate() {
            let (y, name) = (5.0 + 2.6 * number as f64, turn.name());
            put!(
                self,
                r#"<line class="way {name}" x1="0" y1="{y}" x2="5" y2="{y}"/><text class="small" x="6" y="{:.1}">{name}</text>"#,
                y + 0.7
            );
        }
        put!(self, "</g>");
        let bars = [2000.0, 1000.0, 500.0, 200.0, 100.0, 50.0, 20.0, 10.0];
        let bar_m = bars.into_iter().find(|bar| *bar < (high.x - low.x) / 4.0).unwrap_or(5.0);
        put!(self, r#"<g transform="translate({left:.2} {:.2}) scale({unit_m:.3})">"#, -low.y - 2.0 * unit_m);
        put!(
            self,
            r#"<path class="scale" d="M0 -1v1h{:.2}v-1"/><text class="small" x="0" y="-1.8">{bar_m} m</text></g>"#,
            bar_m / unit_m
        );
        put!(self, r#"<g transform="translate({:.2} {top:.2}) scale({unit_m:.3})">"#, high.x - 4.0 * unit_m);
        put!(
            self,
            r##"<path d="M0 0l2 7l-2 -1.6l-2 1.6z" fill="#222"/><text class="title" x="0" y="10.5" text-anchor="middle">N</text></g>"##
        );
    }
}

fn bounds(map: &SiteMap) -> (Vector2, Vector2) {
    let lanes = map.lanes().flat_map(|lane| &lane.points_m);
    let ways = map.lanes().flat_map(|lane| &lane.connections).flat_map(|connection| &connection.points_m);
    let all = lanes.chain(ways).chain(map.areas().iter().flat_map(|area| &area.polygon_m));
    let start = (Vector2::default(), Vector2::default());
    let (low, high) = all.filter(|point| point.norm() < SHOWN_M).fold(start, |(low, high), point| {
        let low = Vector2::new(low.x.min(point.x), low.y.min(point.y));
        (low, Vector2::new(high.x.max(point.x), high.y.max(point.y)))
    });
    let margin = Vector2::new(MARGIN_M, MARGIN_M);
    (low - margin, high + margin)
}

/// The point and unit vector so far along a lane.
fn along(lane: &Lane, along_m: f64) -> Option<(Vector2, Vector2)> {
    let (_, segment, rest_m) = segment_at(&lane.points_m, along_m)?;
    Some((segment.start + segment.unit * rest_m, segment.unit))
}

fn points(points: &[Vector2]) -> String {
    let mut text = String::with_capacity(points.len() * 14);
    for point in points {
        let _ = write!(text, "{}{:.2},{:.2}", if text.is_empty() { "" } else { " " }, point.x, -point.y);
    }
    text
}

/// Text that means itself in XML. Characters that XML has not become question marks.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut safe, c| {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => safe.push(c),
            _ => safe.push('?'),
        }
        safe
    })
}
