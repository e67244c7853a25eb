//! `rsud pole`: what the running daemon knows of the smart poles, and having one do something, over its control socket.

mod show;

use std::io::{BufRead as _, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use sha2::{Digest as _, Sha256};

use super::watch::{OutputFormat, duration};
use crate::control::protocol::{Answer, PoleCommand, Request};

/// Where the socket is as the service unit has it.
const SOCKET: &str = "/run/rsud/control.sock";
/// How much longer than an order may take is waited for the daemon's answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `rsud pole` is told.
#[derive(Debug, Args)]
pub struct PoleArgs {
    #[command(subcommand)]
    command: PoleSubcommand,
    /// The daemon's control socket; /run/rsud/control.sock by default.
    #[arg(long, global = true, conflicts_with = "config")]
    socket: Option<PathBuf>,
    /// The daemon's configuration file, which says where the socket is.
    #[arg(long, global = true)]
    config: Option<PathBuf>,
    /// Lines for people, or JSON.
    #[arg(long, global = true, value_enum, default_value = "human")]
    format: OutputFormat,
}

#[derive(Debug, Subcommand)]
enum PoleSubcommand {
    /// One line for each pole.
    List,
    /// All that is known of one pole.
    Show {
        /// The pole.
        id: String,
    },
    /// Have a pole do something, and wait until it has.
    Set {
        /// The pole.
        id: String,
        /// Give it up after this time.
        #[arg(long, value_parser = duration, default_value = "5s")]
        wait: Duration,
        #[command(subcommand)]
        what: Set,
    },
    /// Print what happens to poles, until Ctrl-C.
    Watch {
        /// This pole only.
        id: Option<String>,
        /// End after this time, as in 15s or 2m.
        #[arg(long, value_parser = duration)]
        duration: Option<Duration>,
    },
}

#[derive(Debug, Subcommand)]
enum Set {
    /// Dim the luminaire and leave it there.
    Luminaire {
        /// 0 to 1, or 0% to 100%.
        #[arg(value_parser = level)]
        level: f64,
        /// How long the change takes.
        #[arg(long, value_parser = duration)]
        ramp: Option<Duration>,
    },
    /// Dim as if somebody were near, and back by itself.
    Presence {
        /// 0 to 1, or 0% to 100%.
        #[arg(value_parser = level, default_value = "1")]
        level: f64,
        /// How long each change takes.
        #[arg(long, value_parser = duration)]
        ramp: Option<Duration>,
        /// How long to stay there.
        #[arg(long = "for", value_parser = duration, default_value = "10s")]
        hold: Duration,
    },
    /// The level by time of day in UTC, as in 00:00=30% 04:30=80%; none ends the schedule.
    Schedule {
        /// HH:MM=LEVEL
        #[arg(value_parser = point)]
        points: Vec<(u16, f64)>,
    },
    /// Show a warning in place of the one before.
    Warning {
        /// Which of the pole's texts.
        text_id: u16,
        /// white, amber, red, green or blue.
        #[arg(long, default_value = "amber")]
        colour: String,
        /// steady, slow, fast or double-flash.
        #[arg(long, default_value = "steady")]
        blink: String,
        /// Switch the beacon on too.
        #[arg(long)]
        beacon: bool,
        /// It ends by itself after this time.
        #[arg(long = "for", value_parser = duration, default_value = "60s")]
        expires: Duration,
    },
    /// End the warning.
    Clear,
    /// Print a key of the pole's configuration, or change it for good.
    Config {
        /// Its name, as in docs/pole-link.md, or its number.
        key: String,
        /// The new value, in the key's unit.
        #[arg(allow_negative_numbers = true)]
        value: Option<i32>,
    },
    /// Have the pole say what it does.
    State,
    /// Set the pole's clock.
    Time,
    /// Start the pole anew.
    Reset,
    /// Tell the pole's bootloader which image it is to install at the next reset. The image comes to it by another way.
    Update {
        /// The image: its length and SHA-256 are told.
        image: PathBuf,
        /// Its version, as in 1.2.3.
        #[arg(long)]
        version: String,
    },
}

/// A level as people write it: `0.3` or `30%`.
fn level(text: &str) -> Result<f64, String> {
    let (number, factor) = text.strip_suffix('%').map_or((text, 1.0), |percent| (percent, 100.0));
    let level = number.trim().parse::<f64>().map_err(|_| format!("{text:?} is no level such as 0.3 or 30%"))? / factor;
    if (0.0..=1.0).contains(&level) { Ok(level) } else { Err("a level is from 0 to 1, or 0% to 100%".into()) }
}

/// A point of a schedule: `22:30=40%`.
fn point(text: &str) -> Result<(u16, f64), String> {
    let parts = text.split_once('=').and_then(|(time, level)| Some((time.split_once(':')?, level)));
    let Some(((hour, minute), level)) = parts else { return Err(format!("{text:?} is no point such as 22:30=40%")) };
    let number = |text: &str, most: u16| text.parse::<u16>().ok().filter(|number| *number <= most);
    match (number(hour, 23), number(minute, 59)) {
        (Some(hour), Some(minute)) => Ok((hour * 60 + minute, self::level(level)?)),
        _ => Err(format!("{text:?} has no time of day such as 22:30")),
    }
}

fn ms(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

impl Set {
    fn command(self) -> anyhow::Result<PoleCommand> {
        let ramp_ms = |ramp: Option<Duration>| ramp.map_or(0, ms);
        Ok(match self {
            Self::Luminaire { level, ramp } => PoleCommand::Luminaire { level, ramp_ms: ramp_ms(ramp) },
            Self::Presence { level, ramp, hold } => {
                PoleCommand::Presence { level, ramp_ms: ramp_ms(ramp), hold_ms: ms(hold) }
            }
            Self::Schedule { points } => PoleCommand::Schedule { points },
            Self::Warning { text_id, colour, blink, beacon, expires } => {
                PoleCommand::Warning { text_id, colour, blink, beacon, for_ms: ms(expires) }
            }
            Self::Clear => PoleCommand::Clear,
            Self::Config { key, value: Some(value) } => PoleCommand::SetConfig { key, value },
            Self::Config { key, value: None } => PoleCommand::GetConfig { key },
            Self::State => PoleCommand::State,
            Self::Time => PoleCommand::Time,
            Self::Reset => PoleCommand::Reset,
            Self::Update { image, version } => {
                let octets = std::fs::read(&image).with_context(|| image.display().to_string())?;
                let image_octets = u32::try_from(octets.len()).context("an image of 4 GiB fits on no pole")?;
                PoleCommand::Update { image_octets, version, sha256: hex::encode(Sha256::digest(&octets)) }
            }
        })
    }
}

/// Does what is asked. Returns whether a pole that was to do something did it.
///
/// # Errors
/// The daemon cannot be asked, or it says what is wrong.
pub fn pole(args: PoleArgs, mut out: impl Write) -> anyhow::Result<bool> {
    let socket = match (args.socket, args.config) {
        (Some(socket), _) => socket,
        (None, Some(config)) => match crate::config::load(&config)?.control {
            Some(control) => control.socket,
            None => bail!("{}: there is no section [control]", config.display()),
        },
        (None, None) => SOCKET.into(),
    };
    let mut daemon = Daemon::connect(socket)?;
    let format = args.format;
    match args.command {
        PoleSubcommand::List => match daemon.ask(&Request::Poles, PATIENCE)? {
            Answer::Poles { poles } => show::list(&poles, format, &mut out)?,
            other => bail!("the daemon gives no list, but {other:?}"),
        },
        PoleSubcommand::Show { id } => match daemon.ask(&Request::Pole { id }, PATIENCE)? {
            Answer::Pole(pole) => show::one(&pole, format, &mut out)?,
            other => bail!("the daemon tells of no pole, but {other:?}"),
        },
        PoleSubcommand::Set { id, wait, what } => {
            let request = Request::Order { id, command: what.command()?, wait_ms: ms(wait) };
            return match daemon.ask(&request, wait + PATIENCE)? {
                Answer::Order(outcome) => {
                    show::outcome(&outcome, format, &mut out)?;
                    Ok(outcome.is_done())
                }
                other => bail!("the daemon does not say what became of it, but {other:?}"),
            };
        }
        PoleSubcommand::Watch { id, duration } => daemon.watch(id.as_deref(), duration, format, &mut out)?,
    }
    Ok(true)
}

/// The running daemon.
struct Daemon {
    reader: BufReader<UnixStream>,
    socket: PathBuf,
}

impl Daemon {
    fn connect(socket: PathBuf) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(&socket).with_context(|| {
            let path = socket.display();
            format!("no daemon can be asked at {path}; it needs [control] in its configuration, and you access to that")
        })?;
        Ok(Self { reader: BufReader::new(stream), socket })
    }

    fn send(&mut self, request: &Request) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(request)?;
        line.push(b'\n');
        self.reader.get_mut().write_all(&line).with_context(|| self.socket.display().to_string())
    }

    /// One request and its answer.
    fn ask(&mut self, request: &Request, within: Duration) -> anyhow::Result<Answer> {
        self.send(request)?;
        self.reader.get_mut().set_read_timeout(Some(within))?;
        match self.receive()? {
            Some(Answer::Error { problem }) => bail!("{problem}"),
            Some(answer) => Ok(answer),
            None => bail!("the daemon has gone"),
        }
    }

    fn receive(&mut self) -> anyhow::Result<Option<Answer>> {
        let mut line = String::new();
        if self.reader.read_line(&mut line).with_context(|| self.socket.display().to_string())? == 0 {
            return Ok(None);
        }
        Ok(Some(serde_json::from_str(&line).context("the daemon's answer")?))
    }

    #[allow(clippy::disallowed_methods, reason = "a command that ends after a while needs a stopwatch")]
    fn watch(
        &mut self,
        id: Option<&str>,
        duration: Option<Duration>,
        format: OutputFormat,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        if let Some(id) = id {
            self.ask(&Request::Pole { id: id.into() }, PATIENCE)?;
        }
        self.send(&Request::Watch)?;
        let end = duration.map(|duration| Instant::now() + duration);
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(());
            }
            self.reader.get_mut().set_read_timeout(left)?;
            let answer = match self.receive() {
                Ok(Some(answer)) => answer,
                Ok(None) => bail!("the daemon has gone"),
                Err(error) if is_timeout(&error) => return Ok(()),
                Err(error) => return Err(error),
            };
            match answer {
                Answer::Change(change) if id.is_none_or(|id| change.pole == id) => show::change(&change, format, out)?,
                Answer::Change(_) => {}
                Answer::Missed { changes } => show::missed(changes, format, out)?,
                Answer::Error { problem } => bail!("{problem}"),
                other => bail!("the daemon tells no change, but {other:?}"),
            }
            out.flush()?;
        }
    }
}

fn is_timeout(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    let kind = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
    kind.is_some_and(|kind| matches!(kind, TimedOut | WouldBlock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_points_are_read() {
        assert_eq!((level("0.3"), level("30%"), level("100 %")), (Ok(0.3), Ok(0.3), Ok(1.0)));
        assert_eq!(point("22:30=40%"), Ok((1350, 0.4)));
        for bad in ["", "1.1", "-1", "101%", "NaN", "half"] {
            assert!(level(bad).is_err(), "{bad:?}");
        }
        for bad in ["22=1", "24:00=1", "12:60=1", "12:00", "12:00=2"] {
            assert!(point(bad).is_err(), "{bad:?}");
        }
    }
}
