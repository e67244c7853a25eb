//! `rsud`: edge software of a C-V2X roadside unit.

use std::io::{BufReader, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use rsud::commands::{convert, run, watch};
use rsud::config::{LogConfig, LogFormat};

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
    /// Decode messages from standard input to JSON lines.
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
    },
    /// Encode JSON objects, as `decode` gives them, from standard input to hexadecimal lines.
    Encode {
        /// Edition of the message set.
        #[arg(long, value_enum, default_value = "2020")]
        profile: convert::ProfileArg,
    },
    /// Subscribe to a broker and print events and a summary.
    Watch(watch::WatchArgs),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        #[cfg(feature = "demo")]
        Command::Demo(args) => with_runtime(rsud::commands::demo::demo(args)),
        #[cfg(feature = "demo")]
        Command::Broker => with_runtime(rsud::commands::demo::broker::run()),
        Command::Run { config } => match run::check(&config) {
            Err(problem) => return config_error(&problem),
            Ok(checked) => run::start_log(&checked.log).and_then(|()| with_runtime(run::run(checked)).map(|()| true)),
        },
        Command::Check { config } => match run::check(&config) {
            Err(problem) => return config_error(&problem),
            Ok(_) => writeln!(std::io::stdout(), "{}: ok", config.display()).map(|()| true).map_err(Into::into),
        },
        Command::Decode { input, layer, profile } => {
            let stdin = BufReader::new(std::io::stdin().lock());
            convert::decode(stdin, std::io::stdout().lock(), input, layer, profile.into())
        }
        Command::Encode { profile } => {
            let stdin = BufReader::new(std::io::stdin().lock());
            convert::encode(stdin, std::io::stdout().lock(), profile.into())
        }
        Command::Watch(args) => {
            let log = LogConfig { format: LogFormat::Human, level: Some("warn".into()) };
            run::start_log(&log).and_then(|()| with_runtime(watch::watch(args)).map(|()| true))
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
