//! `reeved state`: opens the store that is meant, does one thing, and says what was done.

use std::sync::Arc;

use reeve_chassis::config::Overrides;
use reeve_chassis::{OsEntropy, SystemClock, telemetry};

use super::arguments::{StateCommand, StoreArguments};
use super::{Ended, configuration, failed, say, validated};
use crate::Config;
use crate::state::{Place, Verified, export};

/// Does what is asked for.
pub(super) fn state(command: StateCommand) -> Result<(), Ended> {
    let store = match &command {
        StateCommand::Export { store, .. } | StateCommand::Import { store, .. } | StateCommand::NewEpoch(store) => {
            store
        }
    };
    let (config, place) = place(store)?;
    telemetry::init(&config.telemetry).map_err(failed)?;
    reeve_credentials::install_crypto_provider();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let said = runtime.block_on(done(command, &config, &place))?;
    say(&format!("{said}\n"))
}

/// The configuration, and which store is meant.
fn place(arguments: &StoreArguments) -> Result<(Config, Place), Ended> {
    let config = configuration(&arguments.config, Overrides::new())?;
    let place = match &arguments.data {
        Some(data) => Place::Embedded(data.clone()),
        None if config.etcd.endpoints.is_empty() => Place::Embedded(config.data.clone()),
        None => {
            validated(|violations| config.etcd.validate_used(violations))?;
            Place::Etcd
        }
    };
    Ok((config, place))
}

async fn done(command: StateCommand, config: &Config, place: &Place) -> Result<String, Ended> {
    let (clock, entropy) = (Arc::new(SystemClock::new()), Arc::new(OsEntropy));
    match command {
        StateCommand::Export { out, .. } => {
            let sealer = place.keys(config).map_err(failed)?.sealer();
            let open = place.open(config, clock.clone(), entropy.clone()).await.map_err(failed)?;
            let done = export(open.store(), &sealer, clock.as_ref(), entropy.as_ref(), &out).await.map_err(failed)?;
            let (from, revision) = (done.header.store.uuid, done.header.revision);
            Ok(format!("{} keys of store {from} at revision {revision}, in {}", done.entries, out.display()))
        }
        StateCommand::Import { from, .. } => {
            let sealer = place.keys(config).map_err(failed)?.sealer();
            // before anything is made
            let archive = Verified::read(&from, &sealer).map_err(failed)?;
            let new = place.make(config, clock, entropy).await.map_err(failed)?;
            let done = archive.import(new.store(), &sealer).await.map_err(failed)?;
            let into = new.store().id().uuid;
            new.finish().await.map_err(failed)?;
            let (from, revision) = (done.header.store.uuid, done.header.revision);
            Ok(format!("{} keys of store {from} at revision {revision}, now in store {into}", done.entries))
        }
        StateCommand::NewEpoch(_) => {
            let id = place.new_epoch(config, entropy).await.map_err(failed)?;
            Ok(format!("store {} is in epoch {}", id.uuid, id.epoch))
        }
    }
}
