//! The configuration of the demo: the site that traffic-sim simulates, as an operator would describe it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use rsu_units::angle;
use traffic_sim::{SensorSpec, SpecKind, layout};

use crate::config::{
    AdapterConfig, Checked, CloudConfig, CommandsConfig, Config, EventsSection, LogConfig, MapSource, MetricsConfig,
    Pc5Config, PoleConfig, PoleLightingSection, PoleWarningsSection, PoseConfig, RsuConfig, SensorConfig,
    SensorKindName, SiteConfig, SpoolConfig, TrackingConfig, check,
};

/// The line of the poles.
pub(super) const POLES: &str = "poles";

/// The checked configuration for a broker on a loopback port, and a folder for what waits.
pub(crate) fn config(broker_port: u16, spool: &Path) -> anyhow::Result<Checked> {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let cloud: CloudConfig = toml::from_str(&format!("broker = \"mqtt://127.0.0.1:{broker_port}\"\n"))?;
    let config = Config {
        rsu: RsuConfig { id: "demo".into(), health_period_s: 2 },
        site: SiteConfig {
            version: None,
            datum: crate::config::DatumName::Wgs84,
            node: None,
            latitude_deg: layout::REFERENCE_DEG.0,
            longitude_deg: layout::REFERENCE_DEG.1,
            map_file: None,
            map_profile: crate::config::ProfileName::Y2020,
            lanes: Vec::new(),
            areas: Vec::new(),
            map_message: Some(MapSource(Box::new(layout::map_message()))),
        },
        pc5: Some(Pc5Config {
            listen,
            queue: 4096,
            framing: crate::config::FramingName::Dsmp,
            profile: crate::config::ProfileName::Y2020,
            vendor_header: None,
            immediate_forward: None,
            services: BTreeMap::new(),
            send: None,
        }),
        v2x_udp: Some(AdapterConfig { listen, queue: 1024 }),
        sensor_udp: Some(AdapterConfig { listen, queue: 1024 }),
        sensors: traffic_sim::sensors().iter().map(sensor).collect(),
        pole_links: vec![toml::from_str(&format!("name = \"{POLES}\"\nto = \"udp:{listen}\"\n"))?],
        poles: poles()?,
        pole_lighting: PoleLightingSection::default(),
        pole_warnings: PoleWarningsSection::default(),
        control: None,
        tracking: TrackingConfig::default(),
        events: EventsSection::default(),
        cloud: vec![cloud],
        spool: SpoolConfig { folder: spool.into(), ..SpoolConfig::default() },
        commands: CommandsConfig { enabled: false, ..CommandsConfig::default() },
        metrics: MetricsConfig::default(),
        log: LogConfig::default(),
    };
    Ok(check(&config, Path::new("demo"))?)
}

/// The poles that traffic-sim has, by their numbers as addresses.
fn poles() -> anyhow::Result<Vec<PoleConfig>> {
    let pole = |(address, place): (u8, rsu_units::Vector2)| {
        let text = format!(
            "id = \"pole-{address}\"\nlink = \"{POLES}\"\naddress = {address}\nposition = {{ x_m = {:?}, y_m = {:?} }}\n",
            place.x, place.y
        );
        Ok(toml::from_str(&text)?)
    };
    (1..).zip(traffic_sim::poles::positions()).map(pole).collect()
}

fn sensor(spec: &SensorSpec) -> SensorConfig {
    let classes: BTreeMap<String, String> =
        spec.labels().iter().map(|(label, class)| ((*label).to_owned(), (*class).to_owned())).collect();
    SensorConfig {
        id: spec.id.into(),
        kind: match spec.kind {
            SpecKind::Camera => SensorKindName::Camera,
            SpecKind::Radar => SensorKindName::Radar,
            SpecKind::Lidar => SensorKindName::Lidar,
        },
        pose: PoseConfig {
            x_m: spec.position_m.x,
            y_m: spec.position_m.y,
            heading_deg: angle::heading_deg_from_rad(spec.direction_rad),
        },
        field_of_view_deg: spec.field_of_view_rad.to_degrees(),
        range_m: spec.range_m,
        height_m: None,
        latency_ms: (spec.latency_s.0 * 1000.0) as u64,
        ignore_sensor_clock: !spec.has_clock,
        range_sd_m: Some(spec.range_sd_m),
        azimuth_sd_deg: Some(spec.azimuth_sd_rad.to_degrees()),
        velocity_sd_mps: Some(spec.speed_sd_mps),
        radial_speed_sd_mps: Some(spec.speed_sd_mps),
        classes,
    }
}
