//! What is said over the control socket: a request as one line of JSON, and one line or several in answer.
//! `docs/poles.md` shows them.

use pole_link::{Blink, Colour, Command, ConfigKey, MinuteOfDay, Permille, SwitchPoint, SwitchPoints, Version};
use serde::{Deserialize, Serialize};

use crate::poles::inventory::{Change, PoleStatus};
use crate::poles::orders::Outcome;

/// The longest line, octets.
pub const MAX_LINE: usize = 64 * 1024;
/// The longest time that an order may wait, milliseconds.
pub const MAX_WAIT_MS: u32 = 60_000;

/// A request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "request", deny_unknown_fields)]
pub enum Request {
    /// All poles; answered with [`Answer::Poles`].
    Poles,
    /// One pole; answered with [`Answer::Pole`].
    Pole {
        /// Its name.
        id: String,
    },
    /// Have a pole do something; answered with [`Answer::Order`] when it is over.
    Order {
        /// The pole's name.
        id: String,
        /// What.
        command: PoleCommand,
        /// It is over after this, milliseconds; 1 to 60,000.
        #[serde(default = "default_wait_ms")]
        wait_ms: u32,
    },
    /// Tell what happens from now on: [`Answer::Change`], one line each, until the connection ends.
    Watch,
}

fn default_wait_ms() -> u32 {
    5000
}

/// What a pole is to do, in the units that people use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do", deny_unknown_fields)]
pub enum PoleCommand {
    /// Dim the luminaire and leave it there.
    Luminaire {
        /// 0 to 1.
        level: f64,
        /// How long the change takes, milliseconds.
        #[serde(default)]
        ramp_ms: u32,
    },
    /// Somebody is near: dim, and back by itself.
    Presence {
        /// 0 to 1.
        level: f64,
        /// How long each change takes, milliseconds.
        #[serde(default)]
        ramp_ms: u32,
        /// How long to stay, milliseconds.
        hold_ms: u32,
    },
    /// The level by time of day.
    Schedule {
        /// Minute of the day in UTC, and level 0 to 1; none ends the schedule.
        points: Vec<(u16, f64)>,
    },
    /// Show a warning.
    Warning {
        /// Which of the pole's texts.
        text_id: u16,
        /// `white`, `amber`, `red`, `green` or `blue`.
        colour: String,
        /// `steady`, `slow`, `fast` or `double-flash`.
        blink: String,
        /// Whether the beacon is on.
        #[serde(default)]
        beacon: bool,
        /// It ends by itself after this, milliseconds.
        for_ms: u32,
    },
    /// End the warning.
    Clear,
    /// Change a key of the pole's configuration, for good.
    SetConfig {
        /// Its name or number.
        key: String,
        /// In the key's unit.
        value: i32,
    },
    /// Ask for a key of the pole's configuration.
    GetConfig {
        /// Its name or number.
        key: String,
    },
    /// Have the pole say what it does.
    State,
    /// Set the pole's clock by the daemon's.
    Time,
    /// Start the pole anew.
    Reset,
    /// Tell the pole's bootloader of an image that it is to install; it does at the next reset.
    Update {
        /// Length of the image, octets.
        image_octets: u32,
        /// Version of the image, as in `1.2.3`.
        version: String,
        /// SHA-256 of the image, hexadecimal.
        sha256: String,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "answer")]
pub enum Answer {
    /// To [`Request::Poles`].
    Poles {
        /// In the order of the configuration.
        poles: Vec<PoleStatus>,
    },
    /// To [`Request::Pole`].
    Pole(Box<PoleStatus>),
    /// To [`Request::Order`].
    Order(Outcome),
    /// To [`Request::Watch`].
    Change(Change),
    /// To [`Request::Watch`]: the watcher is too slow, and so many changes are left out.
    Missed {
        /// How many.
        changes: u64,
    },
    /// The request cannot be done.
    Error {
        /// What is wrong.
        problem: String,
    },
}

impl PoleCommand {
    /// As a command of the link. `unix_ms` is the time now.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn command(&self, unix_ms: u64) -> Result<Command, String> {
        Ok(match self {
            Self::Luminaire { level, ramp_ms } => Command::SetLuminaire { level: permille(*level)?, ramp_ms: *ramp_ms },
            Self::Presence { level, ramp_ms, hold_ms } => {
                Command::Presence { level: permille(*level)?, ramp_ms: *ramp_ms, hold_ms: *hold_ms }
            }
            Self::Schedule { points } => Command::Schedule { points: schedule(points.iter().copied())? },
            Self::Warning { text_id, colour, blink, beacon, for_ms } => Command::ShowWarning {
                text_id: *text_id,
                colour: known(colour, Colour::from_name, Colour::KNOWN, Colour::name, "colour")?,
                blink: known(blink, Blink::from_name, Blink::KNOWN, Blink::name, "way to blink")?,
                beacon: *beacon,
                expires_ms: *for_ms,
            },
            Self::Clear => Command::ClearWarning,
            Self::SetConfig { key, value } => Command::SetConfig { key: config_key(key)?, value: *value },
            Self::GetConfig { key } => Command::GetConfig { key: config_key(key)? },
            Self::State => Command::GetState,
            Self::Time => Command::SetTime { unix_ms },
            Self::Reset => Command::Reset,
            Self::Update { image_octets, version, sha256 } => {
                let mut digest = [0; 32];
                hex::decode_to_slice(sha256, &mut digest)
                    .map_err(|_| format!("a SHA-256 has 64 hexadecimal digits, unlike {sha256:?}"))?;
                Command::PrepareUpdate { image_octets: *image_octets, version: self::version(version)?, sha256: digest }
            }
        })
    }
}

/// A level as a share.
///
/// # Errors
/// It is not from 0 to 1.
pub fn permille(level: f64) -> Result<Permille, String> {
    if (0.0..=1.0).contains(&level) {
        Ok(Permille::at_most((level * 1000.0).round() as u16))
    } else {
        Err(format!("a level is from 0 to 1, not {level}"))
    }
}

/// Switch points of minute and level.
///
/// # Errors
/// There are too many, or one cannot be.
pub fn schedule(points: impl Iterator<Item = (u16, f64)>) -> Result<SwitchPoints, String> {
    let mut schedule = SwitchPoints::new();
    for (minute, level) in points {
        let minute = MinuteOfDay::try_from(minute)
            .map_err(|_| format!("a minute of the day is from 0 to 1439, not {minute}"))?;
        let point = SwitchPoint { minute, level: permille(level)? };
        schedule.push(point).map_err(|_| format!("a schedule has at most {} points", schedule.capacity()))?;
    }
    Ok(schedule)
}

/// A version, as in `1.2.3`.
fn version(text: &str) -> Result<Version, String> {
    let numbers: Vec<u16> = text.split('.').map_while(|number| number.parse().ok()).collect();
    match numbers.as_slice() {
        &[major, minor, patch] if text.split('.').count() == 3 => Ok(Version { major, minor, patch }),
        _ => Err(format!("a version is three numbers such as 1.2.3, unlike {text:?}")),
    }
}

/// A key of a pole's configuration, by name or number.
///
/// # Errors
/// There is none of this name.
pub fn config_key(key: &str) -> Result<ConfigKey, String> {
    if let Ok(number) = key.parse() {
        return Ok(ConfigKey(number));
    }
    let expected = "name of a configuration key (or its number)";
    known(key, ConfigKey::from_name, ConfigKey::KNOWN, ConfigKey::name, expected)
}

fn known<T: Copy>(
    name: &str,
    from_name: impl Fn(&str) -> Option<T>,
    all: &[T],
    name_of: impl Fn(T) -> Option<&'static str>,
    what: &str,
) -> Result<T, String> {
    from_name(name).ok_or_else(|| {
        let names: Vec<&str> = all.iter().filter_map(|known| name_of(*known)).collect();
        format!("{name:?} is no {what}; there are {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(line: &str) -> Result<Request, String> {
        serde_json::from_str(line).map_err(|error| error.to_string())
    }

    #[test]
    fn requests_are_read() {
        assert_eq!(request(r#"{"request":"poles"}"#), Ok(Request::Poles));
        let order = r#"{"request":"order","id":"p1","command":{"do":"luminaire","level":0.25}}"#;
        let command = PoleCommand::Luminaire { level: 0.25, ramp_ms: 0 };
        assert_eq!(request(order), Ok(Request::Order { id: "p1".into(), command: command.clone(), wait_ms: 5000 }));
        let level = Permille::at_most(250);
        assert_eq!(command.command(0), Ok(Command::SetLuminaire { level, ramp_ms: 0 }));
        for bad in ["", "{}", r#"{"request":"dance"}"#, r#"{"request":"pole"}"#] {
            assert!(request(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_with_what_could() {
        let problem = |command: PoleCommand| command.command(0).unwrap_err();
        assert!(problem(PoleCommand::Luminaire { level: 1.1, ramp_ms: 0 }).contains("0 to 1"));
        assert!(problem(PoleCommand::Luminaire { level: f64::NAN, ramp_ms: 0 }).contains("0 to 1"));
        let warning = |colour: &str, blink: &str| PoleCommand::Warning {
            text_id: 1,
            colour: colour.into(),
            blink: blink.into(),
            beacon: false,
            for_ms: 1,
        };
        assert!(problem(warning("pink", "slow")).contains("amber"));
        assert!(problem(warning("red", "wildly")).contains("double-flash"));
        assert!(problem(PoleCommand::GetConfig { key: "colour".into() }).contains("telemetry-period-ms"));
        assert_eq!(config_key("200"), Ok(ConfigKey(200)));
        let update = |version: &str, sha256: &str| PoleCommand::Update {
            image_octets: 40_000,
            version: version.into(),
            sha256: sha256.into(),
        };
        for bad in ["1.2", "1.2.3.4", "1.2.x", "", "1.2.70000"] {
            assert!(problem(update(bad, &"0".repeat(64))).contains("1.2.3"), "{bad}");
        }
        assert!(problem(update("1.2.3", "00")).contains("64"));
        let version = Version { major: 1, minor: 2, patch: 3 };
        let expected = Command::PrepareUpdate { image_octets: 40_000, version, sha256: [0xAB; 32] };
        assert_eq!(update("1.2.3", &"ab".repeat(32)).command(0), Ok(expected));
        assert!(problem(PoleCommand::Schedule { points: vec![(1440, 0.5)] }).contains("1439"));
        assert!(problem(PoleCommand::Schedule { points: vec![(1, 0.5); 9] }).contains("at most 8"));
    }
}
