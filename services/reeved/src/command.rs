//! The command line of `reeved`: what an operator asks for, and what the process says and ends with.

mod arguments;
mod health;
mod serve;
mod state;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use reeve_chassis::config::{ConfigError, ConfigErrors, Overrides, environment, load};
use reeve_chassis::{OsEntropy, Owner};
use reeve_credentials::{ClusterKey, mint_root};

use reeve_model::Violations;

use self::arguments::{Arguments, Command, ConfigCommand, ConfigFile, KeysCommand, ServiceArguments};
use self::serve::{Mode, serve};
use self::state::state;
use crate::Config;

/// sysexits.h: a configuration that is wrong.
const EX_CONFIG: u8 = 64;

/// What ends the process otherwise than well.
enum Ended {
    Config(ConfigErrors),
    Failed(String),
}

/// Does what the process's arguments ask for, and says how it ended: 0, 1, or 64 for a configuration that is wrong.
pub fn main() -> ExitCode {
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
        Command::Health { address } => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
            runtime.block_on(health::ask(&address)).map_err(failed)?;
            say(&format!("{address} is ready\n"))
        }
        Command::Identity(service) => one(&service, Owner::Identity),
        Command::Policy(service) => one(&service, Owner::Policy),
        Command::Agentmap(service) => one(&service, Owner::Agentmap),
        Command::State(command) => state(command),
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

/// One owner in a process of its own.
fn one(service: &ServiceArguments, owner: Owner) -> Result<(), Ended> {
    let flags = Overrides::new().set("server.listen", service.listen);
    let flags = flags.map_err(|error| Ended::Config(ConfigErrors(vec![error])))?;
    serve(&service.config, flags, Mode::Service(owner))
}

/// What a command needs of the configuration, besides that it holds.
fn validated(check: impl FnOnce(&mut Violations)) -> Result<(), Ended> {
    let mut violations = Violations::new();
    check(&mut violations);
    let errors = violations.into_vec().into_iter().map(|violation| ConfigError {
        key: violation.field,
        origin: String::new(),
        problem: violation.description,
    });
    let errors: Vec<_> = errors.collect();
    if errors.is_empty() { Ok(()) } else { Err(Ended::Config(ConfigErrors(errors))) }
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
