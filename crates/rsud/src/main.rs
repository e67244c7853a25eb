//! `rsud`: edge software of a C-V2X roadside unit.

use std::io::{BufReader, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rsud::commands::{convert, map, offline, pole, run, spool, watch};
use rsud::config::{LogConfig, LogFormat, load_vendor_header};

/// Edge software of a C-V2X roadside unit.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the whole job with a simulated intersection and an embedded broker; needs nothing else.
    #[cfg(feature = "demo")]
    Demo(rsud::commands::demo::DemoArgs),
    /// Run the demo's embedded broker alone, on a free loopback port: for trials and tests.
    #[cfg(feature = "demo")]
    Broker,
    /// Run the daemon.
    Run {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Check a configuration and start nothing.
    Check {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Decode messages from standard input or a capture file to JSON lines.
    Decode {
        /// What is on standard input.
        #[arg(long, value_enum, default_value = "hex")]
        input: convert::InputFormat,
        /// What is around the message.
        #[arg(long, value_enum, default_value = "auto")]
        layer: convert::Layer,
        /// Edition of the message set.
        #[arg(long, value_enum, default_value = "2020")]
        profile: convert::ProfileArg,
        /// How a message is shown: with the standard's names, or as protobuf's `rsu.v1.V2xMessage` in SI units.
        #[arg(long, value_enum, default_value = "json")]
        output: convert::OutputFormat,
        /// Read the UDP payloads of this capture (pcap or pcapng) instead of standard input.
        #[arg(long, conflicts_with = "input")]
        pcap: Option<PathBuf>,
        /// Only datagrams of the capture that went to this port. Packets that cannot be read are no failure then.
        #[arg(long, requires = "pcap")]
        port: Option<u16>,
        /// A file with the keys of `[pc5.vendor_header]`, for `--layer vendor`.
        #[arg(long, required_if_eq("layer", "vendor"))]
        vendor_header: Option<PathBuf>,
    },
    /// Encode JSON objects, as `decode` gives them, from standard input to hexadecimal lines.
    Encode {
        /// Edition of the message set.
        #[arg(long, value_enum, default_value = "2020")]
        profile: convert::ProfileArg,
    },
    /// Check or draw a map: a site file, the site of a configuration, or a MAP message.
    Map {
        #[command(subcommand)]
        command: MapCommand,
    },
    /// Run recorded detections through the tracker.
    Fuse(offline::FuseArgs),
    /// Run recorded detections through the tracker and the event detectors.
    Events(offline::EventsArgs),
    /// Look at what waits on disk for the cloud.
    Spool {
        #[command(subcommand)]
        command: SpoolCommand,
    },
    /// Look at smart poles of the running daemon, and have them do things.
    Pole(pole::PoleArgs),
    /// Subscribe to a broker and print events and a summary.
    Watch(watch::WatchArgs),
}

#[derive(Debug, Subcommand)]
enum SpoolCommand {
    /// What waits in each class, and what is damaged as far as the heads of the records show.
    Inspect(spool::SpoolArgs),
    /// The same, and every octet is read. Exit code 1 if something is damaged.
    Verify(spool::SpoolArgs),
}

#[derive(Debug, Subcommand)]
enum MapCommand {
    /// Say what is probably wrong with it.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// Draw it, as SVG on standard output.
    Show {
        /// The file.
        file: PathBuf,
    },
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        #[cfg(feature = "demo")]
        Command::Demo(args) => with_runtime(rsud::commands::demo::demo(args)),
        #[cfg(feature = "demo")]
        Command::Broker => with_runtime(rsud::commands::demo::broker::run()),
        Command::Run { config } => match run::check(&config) {
            Err(problem) => return config_error(&problem),
            Ok(checked) => run::start_log(&checked.log)
                .and_then(|log| with_runtime(run::run(&config, checked, log)).map(|()| true)),
        },
        Command::Check { config } => match run::check(&config) {
            Err(problem) => return config_error(&problem),
            Ok(_) => writeln!(std::io::stdout(), "{}: ok", config.display()).map(|()| true).map_err(Into::into),
        },
        Command::Decode { input, layer, profile, output, pcap, port, vendor_header } => {
            let vendor = match vendor_header.as_deref().map(load_vendor_header).transpose() {
                Ok(vendor) => vendor.map(Box::new),
                Err(problem) => return config_error(&problem.to_string()),
            };
            let decoding = convert::Decoding { layer, profile, output, vendor };
            let stdout = std::io::stdout().lock();
            match pcap {
                Some(file) => convert::decode_capture(&file, port, stdout, &decoding),
                None => convert::decode(BufReader::new(std::io::stdin().lock()), stdout, input, &decoding),
            }
        }
        Command::Encode { profile } => {
            let stdin = BufReader::new(std::io::stdin().lock());
            convert::encode(stdin, std::io::stdout().lock(), profile.into())
        }
        Command::Map { command: MapCommand::Check { file } } => map::check(&file, std::io::stdout().lock()),
        Command::Map { command: MapCommand::Show { file } } => {
            map::show(&file, std::io::stdout().lock()).map(|()| true)
        }
        Command::Fuse(args) => offline::fuse(&args),
        Command::Events(args) => offline::events(&args).map(|()| true),
        Command::Spool { command: SpoolCommand::Inspect(args) } => {
            spool::look(&args, false, std::io::stdout().lock()).map(|_| true)
        }
        Command::Spool { command: SpoolCommand::Verify(args) } => spool::look(&args, true, std::io::stdout().lock()),
        Command::Pole(args) => pole::pole(args, std::io::stdout()),
        Command::Watch(args) => {
            let log = LogConfig { format: LogFormat::Human, level: Some("warn".into()) };
            run::start_log(&log).and_then(|_| with_runtime(watch::watch(args)).map(|()| true))
        }
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "rsud: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn config_error(problem: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "rsud: {problem}");
    ExitCode::from(run::EXIT_CONFIG)
}

/// Whoever reads our output may stop reading.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

fn with_runtime<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(future);
    // The embedded broker's threads have no end of their own.
    runtime.shutdown_timeout(Duration::from_millis(200));
    result
}
