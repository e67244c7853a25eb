//! From the shape to the meaning: what passes here can be started.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use edge_core::{CoreConfig, Periods, SensorSetup};
use fusion::{Class, MAX_SENSORS, SensorKind, SensorModel};
use rsu_units::{Vector2, angle};

use super::ConfigError;
use super::cloud::{CloudSettings, clouds};
use super::events::events;
use super::file::{AdapterConfig, Config, LogConfig, SensorConfig, SensorKindName};
use super::pole_rules;
use super::poles::{ControlSettings, PoleLinkSettings, control, pole_links};
use super::radio::{Radio, broadcast, radio};
use super::site::{SECTION, check_site};
use crate::poles::reports::Texts;

/// A configuration that can be started.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The core; the start sets `boot_id`.
    pub core: CoreConfig,
    /// The radio.
    pub pc5: Option<Radio>,
    /// The V2X-over-UDP adapter: address, queue.
    pub v2x_udp: Option<(SocketAddr, usize)>,
    /// The sensor adapter: address, queue.
    pub sensor_udp: Option<(SocketAddr, usize)>,
    /// The lines to smart poles, with the poles on them.
    pub pole_links: Vec<PoleLinkSettings>,
    /// Which of a pole's texts belongs to a kind of event.
    pub pole_texts: Texts,
    /// The socket for the command line.
    pub control: Option<ControlSettings>,
    /// The links to the cloud.
    pub cloud: Vec<CloudSettings>,
    /// Commands of the cloud.
    pub commands: CommandSettings,
    /// Where metrics are written with each health.
    pub metrics_file: Option<PathBuf>,
    /// The log.
    pub log: LogConfig,
}

/// Commands of the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSettings {
    /// Whether native links listen for them.
    pub enabled: bool,
    /// Folder of the audit log and of settings that the cloud made.
    pub folder: PathBuf,
    /// A setting is taken back when the link is not up within this.
    pub confirm_within: Duration,
}

/// Refuses what cannot be, with the file and the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checker<'a> {
    file: &'a Path,
    /// What all keys begin with, as in `site.`.
    section: &'static str,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(file: &'a Path) -> Self {
        Self { file, section: "" }
    }

    /// For the keys of a section, which are then told without it.
    pub(super) fn within(self, section: &'static str) -> Self {
        Self { section, ..self }
    }
}

impl Checker<'_> {
    pub(crate) fn wrong(&self, key: &str, problem: String, expected: &str) -> ConfigError {
        let key = format!("{}{key}", self.section);
        ConfigError::Value { file: self.file.into(), key, problem, expected: expected.into() }
    }

    /// A folder that is written to: in the state directory that systemd gives, or else in the configuration's folder.
    pub(super) fn state(&self, path: &Path) -> PathBuf {
        std::env::var_os("STATE_DIRECTORY").map_or_else(|| self.beside(path), |folder| Path::new(&folder).join(path))
    }

    /// A socket: in the runtime directory that systemd gives, or else in the configuration's folder.
    pub(super) fn runtime(&self, path: &Path) -> PathBuf {
        std::env::var_os("RUNTIME_DIRECTORY").map_or_else(|| self.beside(path), |folder| Path::new(&folder).join(path))
    }

    /// A path of the configuration, seen from the configuration's folder.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        self.file.parent().map_or_else(|| path.into(), |folder| folder.join(path))
    }

    pub(crate) fn range(&self, key: &str, value: f64, min: f64, max: f64) -> Result<f64, ConfigError> {
        if value >= min && value <= max {
            Ok(value)
        } else {
            Err(self.wrong(key, format!("{value} cannot be"), &format!("a number from {min} to {max}")))
        }
    }

    /// A number of things, which is a whole one.
    pub(super) fn whole(&self, key: &str, value: f64, min: u32, max: u32) -> Result<u32, ConfigError> {
        if value >= f64::from(min) && value <= f64::from(max) && value.fract() == 0.0 {
            Ok(value as u32)
        } else {
            Err(self.wrong(key, format!("{value} cannot be"), &format!("a whole number from {min} to {max}")))
        }
    }

    pub(super) fn count(&self, key: &str, value: usize, max: usize) -> Result<usize, ConfigError> {
        if (1..=max).contains(&value) {
            Ok(value)
        } else {
            Err(self.wrong(key, format!("{value} cannot be"), &format!("a number from 1 to {max}")))
        }
    }

    /// A name that can be a level of a topic.
    pub(super) fn name(&self, key: &str, name: &str) -> Result<String, ConfigError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if (1..=64).contains(&name.len()) && name.chars().all(fits) {
            Ok(name.into())
        } else {
            Err(self.wrong(key, format!("{name:?} cannot be a name"), "1 to 64 letters, digits, '-', '_' or '.'"))
        }
    }
}

/// Checks a configuration. `file` is where it came from: for messages, and for the paths in it.
///
/// # Errors
/// [`ConfigError::Value`] names the first value that cannot be.
pub fn check(config: &Config, file: &Path) -> Result<Checked, ConfigError> {
    let checker = Checker::new(file);
    let rsu_id = checker.name("rsu.id", &config.rsu.id)?;
    let site = check_site(&checker.within(SECTION), &config.site)?;
    let sensors = sensors(&checker, &config.sensors)?;
    if !sensors.is_empty() && config.sensor_udp.is_none() {
        let problem = "sensors are given, but nobody listens to them".into();
        return Err(checker.wrong("sensor_udp", problem, "a section [sensor_udp] with `listen`"));
    }
    let adapter = |key: &str, adapter: &AdapterConfig| -> Result<(SocketAddr, usize), ConfigError> {
        Ok((adapter.listen, checker.count(&format!("{key}.queue"), adapter.queue, 1 << 20)?))
    };
    let pc5 = config.pc5.as_ref().map(|pc5| radio(&checker, pc5)).transpose()?;
    let v2x_udp = config.v2x_udp.as_ref().map(|v2x| adapter("v2x_udp", v2x)).transpose()?;
    let sensor_udp = config.sensor_udp.as_ref().map(|sensor| adapter("sensor_udp", sensor)).transpose()?;
    let pole_links = pole_links(&checker, &config.pole_links, &config.poles, (site.map.frame(), config.site.datum))?;
    let (poles, pole_texts) = pole_rules::poles(
        &checker,
        (&config.poles, &pole_links),
        &site.map,
        &config.pole_lighting,
        &config.pole_warnings,
    )?;
    if pc5.is_none() && v2x_udp.is_none() && sensor_udp.is_none() && pole_links.is_empty() {
        let problem = "there is no adapter, so nothing can ever come in".into();
        return Err(checker.wrong("pc5", problem, "at least one of [pc5], [v2x_udp], [sensor_udp], [[poles]]"));
    }
    let mut ports = BTreeSet::new();
    for (key, address) in [
        ("pc5.listen", pc5.as_ref().map(|radio| radio.listen)),
        ("v2x_udp.listen", v2x_udp.map(|(address, _)| address)),
        ("sensor_udp.listen", sensor_udp.map(|(address, _)| address)),
    ] {
        if let Some(address) = address.filter(|address| address.port() != 0)
            && !ports.insert(address)
        {
            let problem = format!("{address} is taken by another adapter");
            return Err(checker.wrong(key, problem, "an address of its own"));
        }
    }
    let tracking = &config.tracking;
    let millis = |key: &str, value: u64, max: u64| {
        checker.range(key, value as f64, 0.0, max as f64).map(|_| Duration::from_millis(value))
    };
    let cloud = clouds(&checker, &config.cloud, &config.spool, &rsu_id)?;
    let health_s = checker.range("rsu.health_period_s", config.rsu.health_period_s as f64, 1.0, 3600.0)?;
    let sends_in = pc5.as_ref().and_then(|radio| radio.send.as_ref()).map(|send| send.profile);
    let (events, lane_statistics) = events(&checker, &config.events)?;
    let core = CoreConfig {
        boot_id: 0,
        map: Arc::new(site.map),
        junction: site.junction,
        sensors,
        events,
        lane_statistics,
        poles,
        periods: Periods { health: Duration::from_secs_f64(health_s), ..Periods::default() },
        reorder_window: millis("tracking.reorder_window_ms", tracking.reorder_window_ms, 5000)?,
        max_clock_lead: millis("tracking.max_clock_lead_ms", tracking.max_clock_lead_ms, 1000)?,
        v2x_range_m: checker.range("tracking.v2x_range_m", tracking.v2x_range_m, 10.0, 5000.0)?,
        max_participants: checker.count("tracking.max_participants", tracking.max_participants, 10_000)?,
        broadcast: broadcast(
            &checker,
            config.pc5.as_ref().and_then(|pc5| pc5.send.as_ref()),
            &rsu_id,
            site.message,
            sends_in,
        )?,
        rsu_id: rsu_id.clone(),
    };
    if let Some(level) = &config.log.level {
        tracing_subscriber::EnvFilter::try_new(level)
            .map_err(|error| checker.wrong("log.level", error.to_string(), "a filter such as \"info\" or \"debug\""))?;
    }
    let given = &config.commands;
    let confirm_s = checker.range("commands.confirm_within_s", given.confirm_within_s as f64, 1.0, 3600.0)?;
    let commands = CommandSettings {
        enabled: given.enabled,
        folder: checker.state(&given.folder),
        confirm_within: Duration::from_secs_f64(confirm_s),
    };
    let metrics_file = config.metrics.file.as_ref().map(|file| checker.beside(file));
    if let Some(folder) = metrics_file.as_ref().and_then(|file| file.parent()).filter(|folder| !folder.is_dir()) {
        let problem = format!("{} is no folder", folder.display());
        return Err(checker.wrong("metrics.file", problem, "a file in a folder that is there"));
    }
    let control = config.control.as_ref().map(|given| control(&checker, given)).transpose()?;
    let log = config.log.clone();
    Ok(Checked { core, pc5, v2x_udp, sensor_udp, pole_links, pole_texts, control, cloud, commands, metrics_file, log })
}

fn sensors(checker: &Checker<'_>, sensors: &[SensorConfig]) -> Result<Vec<SensorSetup>, ConfigError> {
    // One place is V2X's own.
    if sensors.len() >= MAX_SENSORS {
        let expected = format!("at most {} sensors", MAX_SENSORS - 1);
        return Err(checker.wrong("sensors", format!("there are {}", sensors.len()), &expected));
    }
    let mut names = BTreeSet::new();
    let mut setups = Vec::with_capacity(sensors.len());
    for (index, sensor) in sensors.iter().enumerate() {
        let key = |name: &str| format!("sensors[{index}].{name}");
        let id = checker.name(&key("id"), &sensor.id)?;
        if id == "v2x" || !names.insert(id.clone()) {
            return Err(checker.wrong(&key("id"), format!("{id:?} is taken"), "a name of its own"));
        }
        setups.push(sensor_setup(checker, sensor, id, &key)?);
    }
    Ok(setups)
}

fn sensor_setup(
    checker: &Checker<'_>,
    sensor: &SensorConfig,
    id: String,
    key: &dyn Fn(&str) -> String,
) -> Result<SensorSetup, ConfigError> {
    let kind = match sensor.kind {
        SensorKindName::Camera => SensorKind::Camera,
        SensorKindName::Radar => SensorKind::Radar,
        SensorKindName::Lidar => SensorKind::Lidar,
    };
    let usual = kind.usual_noise();
    let mut classes = std::collections::BTreeMap::new();
    for (label, name) in &sensor.classes {
        let class = Class::from_name(name).ok_or_else(|| {
            let names: Vec<&str> = Class::ALL.into_iter().map(Class::name).collect();
            let problem = format!("{name:?} is no class");
            checker.wrong(&key(&format!("classes.{label}")), problem, &format!("one of {}", names.join(", ")))
        })?;
        classes.insert(label.clone(), class);
    }
    let pose = &sensor.pose;
    let position_m = Vector2::new(
        checker.range(&key("pose.x_m"), pose.x_m, -2000.0, 2000.0)?,
        checker.range(&key("pose.y_m"), pose.y_m, -2000.0, 2000.0)?,
    );
    let heading_deg = checker.range(&key("pose.heading_deg"), pose.heading_deg, -360.0, 360.0)?;
    let field_of_view_deg = checker.range(&key("field_of_view_deg"), sensor.field_of_view_deg, 1.0, 360.0)?;
    let sd =
        |name: &str, value: Option<f64>, usual: f64| checker.range(&key(name), value.unwrap_or(usual), 0.001, 100.0);
    let model = SensorModel::new(
        kind,
        position_m,
        angle::rad_from_heading_deg(heading_deg),
        field_of_view_deg.to_radians(),
        checker.range(&key("range_m"), sensor.range_m, 1.0, 2000.0)?,
    );
    let height_m = checker.range(&key("height_m"), sensor.height_m.unwrap_or(model.height_m), 0.0, 100.0)?;
    Ok(SensorSetup {
        id,
        model: SensorModel { height_m, ..model },
        range_sd_m: sd("range_sd_m", sensor.range_sd_m, usual.range_sd_m)?,
        azimuth_sd_rad: sd("azimuth_sd_deg", sensor.azimuth_sd_deg, usual.azimuth_sd_rad.to_degrees())?.to_radians(),
        velocity_sd_mps: sd("velocity_sd_mps", sensor.velocity_sd_mps, usual.velocity_sd_mps)?,
        radial_speed_sd_mps: sd("radial_speed_sd_mps", sensor.radial_speed_sd_mps, usual.radial_speed_sd_mps)?,
        latency: Duration::from_millis(checker.range(&key("latency_ms"), sensor.latency_ms as f64, 0.0, 5000.0)? as u64),
        ignore_sensor_clock: sensor.ignore_sensor_clock,
        classes,
    })
}
