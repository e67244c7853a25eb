//! The tables of docs/pole-node.md against the code.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test may stop and read files")]

use std::path::Path;

use pole_node::Sensor;
use pole_node::config::KEYS;

/// The rows of a table between its markers, without the head.
fn table(name: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pole-node.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (table, _) = rest.split_once("<!-- end -->").unwrap();
    table.lines().skip(2).map(str::to_owned).collect()
}

#[test]
fn the_keys_are_those_of_the_code() {
    let row = |spec: &pole_node::config::KeySpec| {
        let name = spec.key.name().unwrap();
        format!("| {} | `{name}` | {} | {} | {} |", spec.key.0, spec.min, spec.max, spec.default)
    };
    assert_eq!(table("keys"), KEYS.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_sensors_are_read_as_often_as_it_says() {
    let rows = Sensor::ALL.map(|sensor| format!("| {sensor:?} | {} |", sensor.period_ms()));
    assert_eq!(table("sensors"), rows);
}
