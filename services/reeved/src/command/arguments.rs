//! What can be said to `reeved`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Reeve's server: identity and access for shared ML clusters.
#[derive(Parser)]
#[command(name = "reeved", version)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run every service in this process, on an embedded store.
    Up(UpArguments),
    /// Run the identity service, on etcd.
    Identity(ServiceArguments),
    /// Run the policy service, on etcd.
    Policy(ServiceArguments),
    /// Run the agentmap service, on etcd.
    Agentmap(ServiceArguments),
    /// Run a sidecar that follows the feed of a service.
    Sidecar(ConfigFile),
    /// Ask a server whether answers are safe there: exit 0 if so, else 1 and why not.
    #[command(after_help = "\
Examples:
  reeved health
  reeved health http://127.0.0.1:7301
  reeved health unix:/run/reeve/sidecar.sock")]
    Health {
        /// `http://HOST:PORT`, or `unix:/PATH`.
        #[arg(value_name = "ADDRESS", default_value = "http://127.0.0.1:7300")]
        address: String,
    },
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Make keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Export, import, or begin a new epoch of all that a store holds.
    #[command(subcommand)]
    State(StateCommand),
}

#[derive(Args)]
pub(super) struct UpArguments {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// The folder of the store and of the secrets that `up` makes.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// The gRPC listener. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
    /// The sidecar's Unix socket.
    #[arg(long, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct ServiceArguments {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// The gRPC listener. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Args)]
pub(super) struct ConfigFile {
    /// A configuration file, TOML or YAML.
    #[arg(long = "config", value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the configuration that is in force, as TOML.
    Print(ConfigFile),
    /// Say everything that is wrong with the configuration.
    Check(ConfigFile),
}

#[derive(Subcommand)]
pub(super) enum StateCommand {
    /// Write all of the state, at one revision, to a file that only this cluster's key opens.
    Export {
        #[command(flatten)]
        store: StoreArguments,
        /// The file to write. It must not exist.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write an archive into an empty store, which gets an identity of its own.
    Import {
        #[command(flatten)]
        store: StoreArguments,
        /// The archive.
        #[arg(long = "in", value_name = "FILE")]
        from: PathBuf,
    },
    /// Say that the store was restored from a backup: consistency tokens of before are refused by name.
    NewEpoch(StoreArguments),
}

/// Which store: the folder `--data`; else the etcd of the configuration; else its `data`.
#[derive(Args)]
pub(super) struct StoreArguments {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// The folder of an embedded store, whatever the configuration says.
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// Print a new cluster key.
    Generate,
    /// Print a new root token, for the first start of a cluster.
    RootToken,
}
