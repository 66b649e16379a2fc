//! Runs servers until they are asked to stop.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use reeve_chassis::config::Overrides;
use reeve_chassis::{OsEntropy, Owner, Readiness, SystemClock, telemetry};

use super::arguments::ConfigFile;
use super::{Ended, configuration, failed, say, validated};
use crate::{Alone, Config, Service, SignIn, Stop, Up};

/// What to run.
pub(super) enum Mode {
    Up,
    Service(Owner),
    Sidecar,
}

pub(super) fn serve(file: &ConfigFile, flags: Overrides, mode: Mode) -> Result<(), Ended> {
    let config = configuration(file, flags)?;
    match mode {
        Mode::Up => {}
        Mode::Service(_) => validated(|violations| config.etcd.validate_used(violations))?,
        Mode::Sidecar => validated(|violations| config.sidecar.validate_alone(violations))?,
    }
    telemetry::init(&config.telemetry).map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        let stop = Stop::new();
        stop.on_signals().map_err(failed)?;
        match mode {
            Mode::Up => up(config, stop).await,
            Mode::Service(owner) => service(owner, config, stop).await,
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
    announce(Box::pin(up.run()), readiness, ready).await
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

async fn service(owner: Owner, config: Config, stop: Stop) -> Result<(), Ended> {
    let clock = Arc::new(SystemClock::new());
    let service = Service::start(owner, config, clock, Arc::new(OsEntropy), stop).map_err(failed)?;
    let (ready, readiness) = (format!("ready grpc={}\n", service.address()), service.readiness());
    announce(Box::pin(service.run()), readiness, ready).await
}

async fn sidecar(config: &Config, stop: Stop) -> Result<(), Ended> {
    let alone = Alone::start(config, Arc::new(SystemClock::new()), stop).map_err(failed)?;
    let (ready, readiness) = (format!("ready socket={}\n", alone.socket().display()), alone.readiness());
    announce(Box::pin(alone.run()), readiness, ready).await
}

/// Runs, and says so once it is ready.
async fn announce<E: std::error::Error>(
    mut run: Pin<Box<impl Future<Output = Result<(), E>>>>,
    readiness: Readiness,
    ready: String,
) -> Result<(), Ended> {
    tokio::select! {
        ended = &mut run => return ended.map_err(failed),
        () = readiness.serving() => say(&ready)?,
    }
    run.await.map_err(failed)
}
