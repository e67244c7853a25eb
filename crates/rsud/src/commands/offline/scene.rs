//! The scene: when the recording begins and ends, and the sensors as they believe they stand.

use std::collections::BTreeSet;
use std::path::Path;

use fusion::{MAX_SENSORS, SensorKind, SensorModel};
use rsu_units::Vector2;
use serde::Deserialize;

use crate::config::{Checker, ConfigError, read, shape};

/// Longer recordings than this are not meant, seconds.
const MAX_LENGTH_S: f64 = 1e6;

/// A scene that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Start of the recording, seconds.
    pub t0_s: f64,
    /// Its end, seconds.
    pub t1_s: f64,
    /// The sensors.
    pub sensors: Vec<SceneSensor>,
}

/// A sensor of the scene.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneSensor {
    /// Name, as in the detections.
    pub name: String,
    /// Place, view and kind.
    pub model: SensorModel,
}

/// The file. Keys that are not known are other tools' business.
#[derive(Debug, Deserialize)]
struct SceneFile {
    t0_s: f64,
    t1_s: f64,
    sensors: Vec<SensorFile>,
}

#[derive(Debug, Deserialize)]
struct SensorFile {
    name: String,
    kind: KindName,
    #[serde(default)]
    x_m: f64,
    #[serde(default)]
    y_m: f64,
    height_m: Option<f64>,
    #[serde(default)]
    direction_rad: f64,
    fov_rad: Option<f64>,
    range_m: Option<f64>,
    clutter_per_frame: Option<f64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindName {
    #[serde(alias = "camera")]
    Cam,
    Radar,
    Lidar,
}

impl Scene {
    /// Reads and checks a scene.
    ///
    /// # Errors
    /// [`ConfigError`] names the first thing that is wrong.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        Self::parse(file, &read(file)?)
    }

    fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let scene: SceneFile = serde_json::from_str(text).map_err(|error| shape(file, error))?;
        let checker = Checker::new(file);
        // Also times since 1970.
        let t0_s = checker.range("t0_s", scene.t0_s, -1e10, 1e10)?;
        let t1_s = checker.range("t1_s", scene.t1_s, t0_s, t0_s + MAX_LENGTH_S)?;
        if scene.sensors.len() >= MAX_SENSORS {
            let expected = format!("at most {} sensors", MAX_SENSORS - 1);
            return Err(checker.wrong("sensors", format!("there are {}", scene.sensors.len()), &expected));
        }
        let mut names = BTreeSet::new();
        let mut sensors = Vec::with_capacity(scene.sensors.len());
        for (index, sensor) in scene.sensors.into_iter().enumerate() {
            let key = |name: &str| format!("sensors[{index}].{name}");
            if sensor.name == "bsm" || !names.insert(sensor.name.clone()) {
                return Err(checker.wrong(&key("name"), format!("{:?} is taken", sensor.name), "a name of its own"));
            }
            // Usual views by kind: width, range.
            let (kind, fov_rad, range_m) = match sensor.kind {
                KindName::Cam => (SensorKind::Camera, 110_f64.to_radians(), 130.0),
                KindName::Radar => (SensorKind::Radar, 100_f64.to_radians(), 200.0),
                KindName::Lidar => (SensorKind::Lidar, std::f64::consts::TAU, 100.0),
            };
            let position_m = Vector2::new(
                checker.range(&key("x_m"), sensor.x_m, -10_000.0, 10_000.0)?,
                checker.range(&key("y_m"), sensor.y_m, -10_000.0, 10_000.0)?,
            );
            let mut model = SensorModel::new(
                kind,
                position_m,
                checker.range(&key("direction_rad"), sensor.direction_rad, -100.0, 100.0)?,
                checker.range(&key("fov_rad"), sensor.fov_rad.unwrap_or(fov_rad), 0.01, 100.0)?,
                checker.range(&key("range_m"), sensor.range_m.unwrap_or(range_m), 1.0, 10_000.0)?,
            );
            if let Some(height_m) = sensor.height_m {
                model.height_m = checker.range(&key("height_m"), height_m, 0.0, 1000.0)?;
            }
            if let Some(clutter) = sensor.clutter_per_frame {
                model.clutter_per_frame = checker.range(&key("clutter_per_frame"), clutter, 0.0, 1000.0)?;
            }
            sensors.push(SceneSensor { name: sensor.name, model });
        }
        Ok(Self { t0_s, t1_s, sensors })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_usual_for_the_kind() {
        let text = r#"{"roi_m": 130, "t0_s": 1, "t1_s": 2, "colour": "red", "sensors": [
            {"name": "c", "kind": "cam"}, {"name": "l", "kind": "lidar", "height_m": 3.5, "range_m": 80, "rate_hz": 10}]}"#;
        let scene = Scene::parse(Path::new("scene.json"), text).unwrap();
        let models: Vec<SensorModel> = scene.sensors.iter().map(|sensor| sensor.model).collect();
        assert_eq!((models[0].kind, models[1].kind), (SensorKind::Camera, SensorKind::Lidar));
        assert!((models[0].range_m - 130.0).abs() < 1e-9 && (models[1].range_m - 80.0).abs() < 1e-9);
        assert!((models[1].height_m - 3.5).abs() < 1e-9 && models[0].clutter_per_frame > 0.0);
    }

    #[test]
    fn what_cannot_be_is_named() {
        let sensor = |rest: &str| format!(r#"{{"t0_s": 0, "t1_s": 1, "sensors": [{{"name": "a", {rest}}}]}}"#);
        for (text, part) in [
            (r#"{"t0_s": 0, "sensors": []}"#.into(), "t1_s"),
            (r#"{"t0_s": 5, "t1_s": 1, "sensors": []}"#.into(), "t1_s: 1 cannot be"),
            (sensor(r#""kind": "sonar""#), "sonar"),
            (sensor(r#""kind": "cam", "range_m": -1"#), "sensors[0].range_m: -1 cannot be"),
            (sensor(r#""kind": "cam"}, {"name": "a", "kind": "radar""#), "sensors[1].name: \"a\" is taken"),
        ] {
            let error = Scene::parse(Path::new("scene.json"), &text).unwrap_err().to_string();
            assert!(error.starts_with("scene.json: ") && error.contains(part), "{error}");
        }
    }
}
