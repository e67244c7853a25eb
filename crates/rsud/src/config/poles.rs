//! Smart poles, the lines they hang on, and the socket at which the command line asks about them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;

use pole_link::{BusTiming, PoleAddress};
use rsu_units::Vector2;
use serde::Deserialize;
use site_map::{SiteFrame, gcj02};

use super::site::DatumName;
use super::{Checker, ConfigError};

/// The most poles of a bus.
pub const MAX_BUS_POLES: usize = 32;
/// The most poles altogether.
pub const MAX_POLES: usize = 256;
/// Poles farther from the reference point than this are a mistake, metres.
const MAX_DISTANCE_M: f64 = 20_000.0;
/// The longest path of a Unix socket, octets (`sun_path` less its end).
const MAX_SOCKET_PATH: usize = 100;

/// A line to one pole or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoleLinkConfig {
    /// Name.
    pub name: String,
    /// What it is: `serial:/dev/ttyUSB0`, `udp:0.0.0.0:11270`, `tcp://host:port` or `unix:/path`.
    pub to: String,
    /// Whether it is a half-duplex bus (RS-485), on which only the pole that is asked may speak.
    #[serde(default)]
    pub bus: bool,
    /// Symbols per second of a serial line or a bus; 115,200 by default.
    pub baud: Option<u32>,
    /// Each end says something at least this often, milliseconds.
    #[serde(default = "default_heartbeat_ms")]
    pub heartbeat_ms: u32,
    /// A pole that says nothing for so long has no link any more, milliseconds.
    #[serde(default = "default_silence_ms")]
    pub silence_ms: u32,
    /// On a bus: a pole begins to answer within this, milliseconds. As in the poles' own settings.
    pub turnaround_ms: Option<u16>,
    /// On a bus: how much longer is waited for the answer, milliseconds.
    pub guard_ms: Option<u16>,
    /// On a bus: how long the wire is left alone after a pole spoke, milliseconds.
    pub gap_ms: Option<u16>,
    /// On a bus: between two questions to a pole that has nothing waiting, milliseconds.
    pub poll_ms: Option<u32>,
}

fn default_heartbeat_ms() -> u32 {
    1000
}

fn default_silence_ms() -> u32 {
    5000
}

/// A pole.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoleConfig {
    /// Name.
    pub id: String,
    /// Name of its link.
    pub link: String,
    /// Its address on the link, 1 to 247.
    #[serde(default = "default_address")]
    pub address: u8,
    /// Where it stands.
    pub position: PositionConfig,
    /// The zone that it lights, warns and measures, metres around it.
    #[serde(default = "default_radius_m")]
    pub radius_m: f64,
    /// The lanes that it warns; by default those for vehicles that come into its zone.
    #[serde(default)]
    pub lanes: Vec<String>,
    /// Serial number; a pole of another one is refused.
    pub serial: Option<String>,
    /// On UDP: its address and port. By default learnt from its greeting.
    pub peer: Option<SocketAddr>,
}

fn default_address() -> u8 {
    PoleAddress::FIRST.get()
}

fn default_radius_m() -> f64 {
    30.0
}

/// A place: in site metres or in degrees, in the site's datum.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PositionConfig {
    /// Metres east of the reference point.
    pub x_m: Option<f64>,
    /// Metres north of the reference point.
    pub y_m: Option<f64>,
    /// Degrees north.
    pub latitude_deg: Option<f64>,
    /// Degrees east.
    pub longitude_deg: Option<f64>,
}

/// The socket for the command line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlConfig {
    /// Path of the Unix domain socket.
    pub socket: PathBuf,
    /// Whether the daemon's group may use it too.
    #[serde(default)]
    pub group: bool,
}

/// What a line is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoleEndpoint {
    /// A serial device.
    Serial {
        /// The device.
        path: PathBuf,
        /// Symbols per second.
        baud: u32,
    },
    /// Datagrams to this address.
    Udp(SocketAddr),
    /// A device server: host and port.
    Tcp(String),
    /// A Unix domain socket of a device server or an emulator.
    Unix(PathBuf),
}

impl PoleEndpoint {
    /// Whether it has no octets but datagrams.
    #[must_use]
    pub const fn is_datagrams(&self) -> bool {
        matches!(self, Self::Udp(_))
    }
}

/// A line that can be opened.
#[derive(Debug, Clone)]
pub struct PoleLinkSettings {
    /// Name.
    pub name: String,
    /// What it is made of.
    pub endpoint: PoleEndpoint,
    /// The bus's times, if it is one.
    pub bus: Option<BusSettings>,
    /// Milliseconds.
    pub heartbeat_ms: u32,
    /// Milliseconds.
    pub silence_ms: u32,
    /// Who hangs on it: at least one.
    pub poles: Vec<PoleSettings>,
}

/// Times of a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusSettings {
    /// Times of the wire.
    pub timing: BusTiming,
    /// Between two questions, milliseconds.
    pub poll_ms: u32,
}

/// A pole that can be talked to.
#[derive(Debug, Clone, PartialEq)]
pub struct PoleSettings {
    /// Its place in the configuration's list of poles.
    pub index: usize,
    /// Name.
    pub id: String,
    /// On its link.
    pub address: PoleAddress,
    /// Where it stands, site metres.
    pub position_m: Vector2,
    /// The one serial number that it may have.
    pub serial: Option<String>,
    /// The one address from which it may come.
    pub peer: Option<SocketAddr>,
}

/// The socket for the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlSettings {
    /// Its path.
    pub socket: PathBuf,
    /// Whether the group may use it.
    pub group: bool,
}

/// Checks the lines and the poles on them.
pub(super) fn pole_links(
    checker: &Checker<'_>,
    links: &[PoleLinkConfig],
    poles: &[PoleConfig],
    (frame, datum): (&SiteFrame, DatumName),
) -> Result<Vec<PoleLinkSettings>, ConfigError> {
    let mut settings: Vec<PoleLinkSettings> = Vec::with_capacity(links.len());
    for (index, config) in links.iter().enumerate() {
        let key = |name: &str| format!("pole_links[{index}].{name}");
        let link = link(checker, config, &key)?;
        if settings.iter().any(|other| other.name == link.name) {
            return Err(checker.wrong(&key("name"), format!("{:?} is taken", link.name), "a name of its own"));
        }
        let is_free_port = matches!(&link.endpoint, PoleEndpoint::Udp(address) if address.port() == 0);
        if !is_free_port && settings.iter().any(|other| other.endpoint == link.endpoint) {
            let problem = format!("{:?} is another link's already", config.to);
            return Err(checker.wrong(&key("to"), problem, "one link for it, which several poles name"));
        }
        settings.push(link);
    }
    if poles.len() > MAX_POLES {
        let expected = format!("at most {MAX_POLES} poles");
        return Err(checker.wrong("poles", format!("there are {}", poles.len()), &expected));
    }
    let mut names = BTreeSet::new();
    for (index, config) in poles.iter().enumerate() {
        let key = |name: &str| format!("poles[{index}].{name}");
        let position_m = position(checker, &config.position, (frame, datum), &key)?;
        let pole = pole(checker, (index, config), position_m, &key)?;
        if !names.insert(pole.id.clone()) {
            return Err(checker.wrong(&key("id"), format!("{:?} is taken", pole.id), "a name of its own"));
        }
        let Some(link) = settings.iter_mut().find(|link| link.name == config.link) else {
            let known: Vec<&str> = links.iter().map(|link| link.name.as_str()).collect();
            let expected = format!("the name of one of [[pole_links]]: {}", known.join(", "));
            return Err(checker.wrong(&key("link"), format!("there is no link {:?}", config.link), &expected));
        };
        hang(checker, link, pole, &key)?;
    }
    if let Some((index, link)) = settings.iter().enumerate().find(|(_, link)| link.poles.is_empty()) {
        let problem = format!("no pole names {:?}", link.name);
        return Err(checker.wrong(&format!("pole_links[{index}]"), problem, "a section [[poles]] with this link"));
    }
    Ok(settings)
}

/// Hangs a pole on its link.
fn hang(
    checker: &Checker<'_>,
    link: &mut PoleLinkSettings,
    pole: PoleSettings,
    key: &dyn Fn(&str) -> String,
) -> Result<(), ConfigError> {
    let udp = link.endpoint.is_datagrams();
    if link.bus.is_none() && !udp && !link.poles.is_empty() {
        let problem = format!("{:?} has a pole already and is no bus", link.name);
        return Err(checker.wrong(&key("link"), problem, "a link of its own, or `bus = true` on the link"));
    }
    if link.bus.is_some() && link.poles.len() >= MAX_BUS_POLES {
        let expected = format!("at most {MAX_BUS_POLES} poles on a bus");
        return Err(checker.wrong(&key("link"), format!("{:?} has as many already", link.name), &expected));
    }
    if link.poles.iter().any(|other| other.address == pole.address) {
        let problem = format!("{} is another pole's on {:?}", pole.address.get(), link.name);
        return Err(checker.wrong(&key("address"), problem, "an address of its own on the link, 1 to 247"));
    }
    if pole.peer.is_some() && !udp {
        let problem = format!("{:?} is not made of datagrams", link.name);
        return Err(checker.wrong(&key("peer"), problem, "no peer, or a link with udp:"));
    }
    link.poles.push(pole);
    Ok(())
}

fn pole(
    checker: &Checker<'_>,
    (index, config): (usize, &PoleConfig),
    position_m: Vector2,
    key: &dyn Fn(&str) -> String,
) -> Result<PoleSettings, ConfigError> {
    let address = PoleAddress::try_from(config.address)
        .map_err(|error| checker.wrong(&key("address"), error.to_string(), "an address from 1 to 247"))?;
    if let Some(serial) = &config.serial
        && !((1..=24).contains(&serial.len()) && serial.chars().all(|c| c.is_ascii_graphic()))
    {
        let expected = "the pole's serial number: 1 to 24 printable characters without spaces";
        return Err(checker.wrong(&key("serial"), format!("{serial:?} cannot be one"), expected));
    }
    Ok(PoleSettings {
        index,
        id: checker.name(&key("id"), &config.id)?,
        address,
        position_m,
        serial: config.serial.clone(),
        peer: config.peer,
    })
}

fn position(
    checker: &Checker<'_>,
    position: &PositionConfig,
    (frame, datum): (&SiteFrame, DatumName),
    key: &dyn Fn(&str) -> String,
) -> Result<Vector2, ConfigError> {
    let place = match (position.x_m, position.y_m, position.latitude_deg, position.longitude_deg) {
        (Some(x), Some(y), None, None) => Vector2::new(x, y),
        (None, None, Some(latitude_deg), Some(longitude_deg)) => {
            let latitude_deg = checker.range(&key("position.latitude_deg"), latitude_deg, -90.0, 90.0)?;
            let longitude_deg = checker.range(&key("position.longitude_deg"), longitude_deg, -180.0, 180.0)?;
            let (latitude_deg, longitude_deg) = match datum {
                DatumName::Wgs84 => (latitude_deg, longitude_deg),
                DatumName::Gcj02 => gcj02::wgs84_from_gcj02(latitude_deg, longitude_deg),
            };
            frame.to_site(latitude_deg, longitude_deg)
        }
        _ => {
            let problem = "it is neither in metres nor in degrees".into();
            let expected = "either x_m and y_m, or latitude_deg and longitude_deg";
            return Err(checker.wrong(&key("position"), problem, expected));
        }
    };
    if place.norm() <= MAX_DISTANCE_M {
        Ok(place)
    } else {
        let problem = format!("it is {:.0} m from the site's reference point", place.norm());
        Err(checker.wrong(&key("position"), problem, &format!("a place within {MAX_DISTANCE_M} m")))
    }
}

fn link(
    checker: &Checker<'_>,
    config: &PoleLinkConfig,
    key: &dyn Fn(&str) -> String,
) -> Result<PoleLinkSettings, ConfigError> {
    let baud = f64::from(config.baud.unwrap_or(115_200));
    let baud = checker.whole(&key("baud"), baud, 1200, 4_000_000)?;
    let endpoint = endpoint(config.to.as_str(), baud).ok_or_else(|| {
        let expected = "serial:/dev/ttyUSB0, udp:0.0.0.0:11270, tcp://host:port or unix:/path";
        checker.wrong(&key("to"), format!("{:?} is no line", config.to), expected)
    })?;
    if config.bus && endpoint.is_datagrams() {
        return Err(checker.wrong(
            &key("bus"),
            "datagrams are no bus".into(),
            "bus = false: several poles may name it",
        ));
    }
    if config.baud.is_some() && !config.bus && !matches!(endpoint, PoleEndpoint::Serial { .. }) {
        let problem = format!("{:?} has no symbols", config.to);
        return Err(checker.wrong(&key("baud"), problem, "no baud but for serial: and for a bus"));
    }
    for (name, given) in [
        ("turnaround_ms", config.turnaround_ms.is_some()),
        ("guard_ms", config.guard_ms.is_some()),
        ("gap_ms", config.gap_ms.is_some()),
        ("poll_ms", config.poll_ms.is_some()),
    ] {
        if given && !config.bus {
            return Err(checker.wrong(&key(name), "it is for a bus only".into(), "bus = true, or not this key"));
        }
    }
    let usual = BusTiming::BAUD_115200;
    let times = |name: &str, value: Option<u16>, usual: u16, max: u32| {
        checker.whole(&key(name), f64::from(value.unwrap_or(usual)), 0, max).map(|ms| ms as u16)
    };
    let timing = BusTiming {
        octet_us: 10_000_000_u32.div_ceil(baud) as u16,
        turnaround_ms: times("turnaround_ms", config.turnaround_ms, usual.turnaround_ms, 1000)?,
        guard_ms: times("guard_ms", config.guard_ms, usual.guard_ms, 1000)?,
        gap_ms: times("gap_ms", config.gap_ms, usual.gap_ms, 1000)?,
    };
    let poll_ms = checker.whole(&key("poll_ms"), f64::from(config.poll_ms.unwrap_or(50)), 1, 10_000)?;
    let heartbeat_ms = checker.whole(&key("heartbeat_ms"), f64::from(config.heartbeat_ms), 100, 60_000)?;
    let silence_ms = checker.whole(&key("silence_ms"), f64::from(config.silence_ms), 500, 600_000)?;
    if silence_ms < 2 * heartbeat_ms {
        let problem = format!("{silence_ms} is less than twice the heartbeat of {heartbeat_ms}");
        return Err(checker.wrong(&key("silence_ms"), problem, &format!("at least {}", 2 * heartbeat_ms)));
    }
    Ok(PoleLinkSettings {
        name: checker.name(&key("name"), &config.name)?,
        endpoint,
        bus: config.bus.then_some(BusSettings { timing, poll_ms }),
        heartbeat_ms,
        silence_ms,
        poles: Vec::new(),
    })
}

fn endpoint(to: &str, baud: u32) -> Option<PoleEndpoint> {
    if let Some(path) = to.strip_prefix("serial:") {
        return path.starts_with('/').then(|| PoleEndpoint::Serial { path: path.into(), baud });
    }
    if let Some(path) = to.strip_prefix("unix:") {
        return (path.starts_with('/') && path.len() <= MAX_SOCKET_PATH).then(|| PoleEndpoint::Unix(path.into()));
    }
    if let Some(address) = to.strip_prefix("udp:") {
        return address.parse().ok().map(PoleEndpoint::Udp);
    }
    let server = to.strip_prefix("tcp://")?;
    let (host, port) = server.rsplit_once(':')?;
    let is_host = !host.is_empty() && !host.contains(['/', '@', ' ']);
    (is_host && port.parse().is_ok_and(|port: u16| port != 0)).then(|| PoleEndpoint::Tcp(server.into()))
}

/// Checks where the command line asks.
pub(super) fn control(checker: &Checker<'_>, config: &ControlConfig) -> Result<ControlSettings, ConfigError> {
    let socket = checker.runtime(&config.socket);
    if config.socket.as_os_str().is_empty() || socket.as_os_str().len() > MAX_SOCKET_PATH {
        let problem = format!("{} cannot be a socket's path", socket.display());
        return Err(checker.wrong("control.socket", problem, &format!("a path of 1 to {MAX_SOCKET_PATH} octets")));
    }
    if let Some(folder) = socket.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
        let problem = format!("{} is no folder", folder.display());
        return Err(checker.wrong("control.socket", problem, "a socket in a folder that is there"));
    }
    Ok(ControlSettings { socket, group: config.group })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read() {
        let serial = PoleEndpoint::Serial { path: "/dev/ttyS1".into(), baud: 9600 };
        assert_eq!(endpoint("serial:/dev/ttyS1", 9600), Some(serial));
        assert_eq!(endpoint("udp:[::]:11270", 1), Some(PoleEndpoint::Udp("[::]:11270".parse().unwrap())));
        assert_eq!(endpoint("tcp://server.example:4001", 1), Some(PoleEndpoint::Tcp("server.example:4001".into())));
        assert_eq!(endpoint("unix:/run/pole", 1), Some(PoleEndpoint::Unix("/run/pole".into())));
        for none in [
            "",
            "serial:",
            "serial:ttyS1",
            "udp:11270",
            "udp:host:11270",
            "tcp:host:1",
            "tcp://host",
            "tcp://:1",
            "tcp://host:0",
            "tcp://a/b:1",
            "unix:run",
            "/dev/ttyS1",
        ] {
            assert_eq!(endpoint(none, 1), None, "{none:?}");
        }
    }
}
