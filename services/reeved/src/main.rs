//! The server binary: `reeved up`, `reeved sidecar`, and what an operator asks of a configuration.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use reeve_chassis::config::{ConfigErrors, Overrides, environment, load};
use reeve_chassis::{OsEntropy, SystemClock, telemetry};
use reeve_credentials::{ClusterKey, mint_root};
use reeved::{Alone, Config, SignIn, Stop, Up};

/// sysexits.h: a configuration that is wrong.
const EX_CONFIG: u8 = 64;

/// Reeve's server: identity and access for shared ML clusters.
#[derive(Parser)]
#[command(name = "reeved", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every service in this process, on an embedded store.
    Up(UpArguments),
    /// Run a sidecar that follows the feed of a service.
    Sidecar(ConfigFile),
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make keys.
    #[command(subcommand)]
    Keys(KeysCommand),
}

#[derive(Args)]
struct UpArguments {
    #[command(flatten)]
    config: ConfigFile,
    /// The folder of the store and of the secrets that `up` makes.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The gRPC listener. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The sidecar's Unix socket.
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

#[derive(Args)]
struct ConfigFile {
    /// A configuration file, TOML or YAML.
    #[arg(long = "config", value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Print the configuration that is in force, as TOML.
    Print(ConfigFile),
    /// Say everything that is wrong with the configuration.
    Check(ConfigFile),
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Print a new cluster key.
    Generate,
    /// Print a new root token, for the first start of a cluster.
    RootToken,
}

/// What ends the process otherwise than well.
enum Ended {
    Config(ConfigErrors),
    Failed(String),
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::Config(errors)) => {
            complain(&errors.to_string());
            ExitCode::from(EX_CONFIG)
        }
        Err(Ended::Failed(why)) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Ended> {
    match arguments.command {
        Command::Up(up) => {
            let flags = Overrides::new()
                .set("data", up.data)
                .and_then(|flags| flags.set("server.listen", up.listen))
                .and_then(|flags| flags.set("sidecar.socket", up.socket))
                .map_err(|error| Ended::Config(ConfigErrors(vec![error])))?;
            serve(&up.config, flags, Mode::Up)
        }
        Command::Sidecar(config) => serve(&config, Overrides::new(), Mode::Sidecar),
        Command::Config(ConfigCommand::Print(config)) => {
            let config = configuration(&config, Overrides::new())?;
            say(&toml::to_string_pretty(&config).map_err(failed)?)
        }
        Command::Config(ConfigCommand::Check(config)) => {
            configuration(&config, Overrides::new())?;
            say("the configuration is right\n")
        }
        Command::Keys(KeysCommand::Generate) => {
            let key = ClusterKey::generate(&OsEntropy).map_err(failed)?;
            say(&format!("{}\n", key.to_text().expose()))
        }
        Command::Keys(KeysCommand::RootToken) => say(&format!("{}\n", mint_root(&OsEntropy).expose())),
    }
}

enum Mode {
    Up,
    Sidecar,
}

fn serve(file: &ConfigFile, flags: Overrides, mode: Mode) -> Result<(), Ended> {
    let config = configuration(file, flags)?;
    telemetry::init(&config.telemetry).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let stop = Stop::new();
        stop.on_signals().map_err(failed)?;
        match mode {
            Mode::Up => up(config, stop).await,
            Mode::Sidecar => sidecar(&config, stop).await,
        }
    })
}

async fn up(config: Config, stop: Stop) -> Result<(), Ended> {
    let clock = Arc::new(SystemClock::new());
    let up = Up::start(config, clock, Arc::new(OsEntropy), stop).await.map_err(failed)?;
    let (address, readiness) = (up.address(), up.readiness());
    let first = up.sign_in().map(|sign_in| how_to_sign_in(sign_in, address)).unwrap_or_default();
    let ready = format!("ready grpc={address} socket={}\n{first}", up.socket().display());
    announce(up.run(), readiness, ready).await
}

fn how_to_sign_in(sign_in: &SignIn, address: SocketAddr) -> String {
    let command = format!("reeve --server http://{address} login {}", sign_in.username);
    match &sign_in.password {
        Some(password) => format!(
            "first start: sign in with `{command}`; the password is {} (kept in {})\n",
            password.expose(),
            sign_in.password_file.display()
        ),
        None => format!("first start: sign in with `{command}` and the initial password\n"),
    }
}

async fn sidecar(config: &Config, stop: Stop) -> Result<(), Ended> {
    let alone = Alone::start(config, Arc::new(SystemClock::new()), stop).map_err(failed)?;
    let (ready, readiness) = (format!("ready socket={}\n", alone.socket().display()), alone.readiness());
    announce(alone.run(), readiness, ready).await
}

/// Runs, and says so once it is ready.
async fn announce(
    run: impl Future<Output = Result<(), reeve_chassis::ServeError>>,
    readiness: reeve_chassis::Readiness,
    ready: String,
) -> Result<(), Ended> {
    let mut run = std::pin::pin!(run);
    tokio::select! {
        ended = &mut run => return ended.map_err(failed),
        () = readiness.serving() => say(&ready)?,
    }
    run.await.map_err(failed)
}

fn configuration(file: &ConfigFile, flags: Overrides) -> Result<Config, Ended> {
    let path: Option<&Path> = file.file.as_deref();
    load(path, environment(), flags).map_err(Ended::Config)
}

/// Prints on stdout. Somebody who has closed it does not want to hear.
fn say(text: &str) -> Result<(), Ended> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(()),
    }
}

fn complain(text: &str) {
    // there is nowhere left to say that stderr is gone
    let _ = writeln!(std::io::stderr(), "reeved: {text}");
}

/// The error and everything below it.
fn failed(error: impl std::error::Error) -> Ended {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(cause) = below {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        below = cause.source();
    }
    Ended::Failed(text)
}
