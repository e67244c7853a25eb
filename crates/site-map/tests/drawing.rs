//! The SVG drawing is well-formed, complete, and the same each time.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may stop")]

mod support;

use rsu_units::Vector2;
use site_map::{Connection, Lane, LaneKind, SiteMap, Turn};
use support::{crossroads, frame};

/// Stops at what an XML parser would refuse, of the XML that a drawing uses.
#[track_caller]
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    let text = |text: &str| {
        assert!(!text.contains('>'), "{text:?}");
        for entity in text.split('&').skip(1) {
            let name = entity.split(';').next().unwrap();
            assert!(["amp", "lt", "gt", "quot", "apos"].contains(&name) && entity.contains(';'), "{entity:?}");
        }
    };
    while let Some(start) = rest.find('<') {
        text(&rest[..start]);
        let end = start + rest[start..].find('>').unwrap();
        let tag = &rest[start + 1..end];
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else {
            let name = tag.split([' ', '/']).next().unwrap();
            let inside = tag.trim_end_matches('/')[name.len()..].trim();
            let quotes: Vec<&str> = inside.split('"').collect();
            assert_eq!(quotes.len() % 2, 1, "{tag:?}");
            for pair in quotes.chunks_exact(2) {
                let name = pair[0].trim().strip_suffix('=').unwrap();
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{tag:?}");
                text(pair[1]);
                assert!(!pair[1].contains("NaN") && !pair[1].contains("inf"), "{tag:?}");
            }
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
        rest = &rest[end + 1..];
    }
    assert!(open.is_empty() && rest.trim().is_empty());
}

#[test]
fn a_drawing_shows_everything() {
    let map = crossroads();
    let svg = map.to_svg();
    assert_well_formed(&svg);
    let count = |part: &str| svg.matches(part).count();
    assert_eq!(count("class=\"lane "), map.lanes().count());
    assert_eq!(count("<text class=\"id\""), map.lanes().count());
    assert_eq!(count("class=\"stop\""), 16);
    assert_eq!(count("<polyline class=\"way left\""), 4);
    assert_eq!(count("<polyline class=\"way u_turn\""), 4);
    assert_eq!(count("<circle"), map.conflict_points().len());
    assert_eq!(count("class=\"junction\""), 1);
    assert!(svg.contains("reference 22.6913000, 114.3471000 (WGS 84)") && svg.contains(">N</text>"));
    assert!(svg.contains("100 m</text>") && svg.contains("signal group 1"));
    assert_eq!(svg, crossroads().to_svg());
}

#[test]
fn names_are_escaped() {
    let line = vec![Vector2::new(0.0, 0.0), Vector2::new(9.0, 0.0)];
    let mut connection = Connection::new("</title>", Turn::Left);
    connection.points_m = line.clone();
    let lane = Lane::new("<b> & \"c\" '\u{1}'", LaneKind::Vehicle, 3.0, line)
        .with_approach("]]><script>")
        .with_connection(connection);
    let svg = SiteMap::new(frame(), vec![lane], vec![]).unwrap().to_svg();
    assert_well_formed(&svg);
    assert!(svg.contains("&lt;b&gt; &amp; &quot;c&quot; &apos;?&apos;") && !svg.contains("<script"));
}

#[test]
fn an_empty_map_is_a_drawing_too() {
    assert_well_formed(&SiteMap::new(frame(), vec![], vec![]).unwrap().to_svg());
}
