//! A cluster as its clients see it, however it is deployed: one address, and nothing but the contract.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use reeve_chassis::SystemClock;
use reeve_model::Clock;

use crate::apart::{Apart, Kind, Shape};
use crate::client::Client;
use crate::deployment::{Deployment, Door};
use crate::sidecar::Sidecar;
use crate::up::{StoppedUp, Up};

/// Everybody's password.
pub(crate) const PASSWORD: &str = "Correct-Horse-7";

/// A running cluster. It stops when it is told to, or with the test.
pub(crate) struct Cluster {
    running: Running,
}

/// What stands in a store.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// All that was written until this revision.
    Revision(u64),
    /// Every key, and the revision that it was last written at.
    Keys(BTreeMap<String, u64>),
}

enum Running {
    Up(Box<Up>),
    Apart(Box<Entered>),
}

/// Services apart, and where the test's clients come in.
pub(crate) struct Entered {
    apart: Apart,
    door: Door,
    /// Where clients come in, if that is a sidecar.
    sidecar: Option<String>,
}

impl Cluster {
    /// A new cluster under the system's clock.
    pub(crate) async fn start(on: Deployment) -> Self {
        match on {
            Deployment::Up => Self::with_clock(Arc::new(SystemClock::new())).await,
            Deployment::Apart(door) => {
                let apart = Apart::start(Shape::default()).await;
                apart.settled().await;
                let mut entered = Entered { apart, door, sidecar: None };
                if door == Door::Sidecar {
                    entered.sidecar = Some(entered.beside("door").await);
                }
                Self { running: Running::Apart(Box::new(entered)) }
            }
        }
    }

    /// A new cluster in this process, under another clock.
    pub(crate) async fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { running: Running::Up(Box::new(Up::start(clock).await)) }
    }

    /// The one address that clients have.
    pub(crate) fn url(&self) -> String {
        match &self.running {
            Running::Apart(entered) if entered.door == Door::Sidecar => entered.sidecar.clone().unwrap(),
            Running::Up(_) | Running::Apart(_) => format!("http://{}", self.address()),
        }
    }

    /// The address of a service whose feed can be followed: the one that clients have, if it is one.
    pub(crate) fn address(&self) -> SocketAddr {
        match &self.running {
            Running::Up(up) => up.address,
            Running::Apart(entered) => entered.apart.address(match entered.door {
                Door::Identity => Kind::Identity,
                Door::Policy | Door::Sidecar => Kind::Policy,
                Door::Agentmap => Kind::Agentmap,
            }),
        }
    }

    /// What the store is called to clients.
    pub(crate) fn store_kind(&self) -> &'static str {
        match &self.running {
            Running::Up(_) => "embedded",
            Running::Apart(_) => "etcd",
        }
    }

    /// What stands in the store: it changes with everything that is written there, and with nothing else.
    pub(crate) async fn written(&self, admin: &Client) -> Written {
        match &self.running {
            // nothing but writes makes a revision there
            Running::Up(_) => Written::Revision(admin.revision().await),
            Running::Apart(entered) => Written::Keys(entered.apart.keys().await),
        }
    }

    /// A new connection without a token.
    pub(crate) async fn nobody(&self) -> Client {
        Client::connect(self.url()).await
    }

    /// Somebody, signed in over a connection of their own.
    pub(crate) async fn signed_in(&self, username: &str) -> Client {
        self.nobody().await.sign_in(username).await.unwrap()
    }

    /// The administrator.
    pub(crate) async fn admin(&self) -> Client {
        self.signed_in("admin").await
    }

    /// The root token's holder.
    pub(crate) async fn root(&self) -> Client {
        let token = match &self.running {
            Running::Up(up) => up.root(),
            Running::Apart(entered) => entered.apart.root().to_owned(),
        };
        self.nobody().await.with_token(&token)
    }

    /// The socket of a sidecar beside a scheduler, without a token. Where there is none yet, one is started.
    pub(crate) async fn beside(&self) -> Client {
        Client::connect(match &self.running {
            Running::Up(up) => format!("unix:{}", up.socket.display()),
            Running::Apart(entered) => entered.beside("beside").await,
        })
        .await
    }

    /// A sidecar of its own that follows the feed of this cluster, ready.
    pub(crate) async fn sidecar(&self, admin: &Client) -> Sidecar {
        match &self.running {
            Running::Up(up) => Sidecar::following(up.address, admin, Arc::new(SystemClock::new())).await,
            Running::Apart(entered) => {
                let token = admin.make_robot("follower", Some("sidecar")).await;
                let sidecar = entered.apart.sidecar("sidecar", &[self.address()], &token);
                sidecar.start();
                sidecar.ready().await;
                Sidecar::Apart(sidecar)
            }
        }
    }

    /// Stops it, and waits until it has stopped.
    pub(crate) async fn stop(self) -> Stopped {
        match self.running {
            Running::Up(up) => Stopped::Up(up.stop().await),
            Running::Apart(entered) => {
                entered.apart.stop_services().await;
                Stopped::Apart(entered)
            }
        }
    }
}

impl Entered {
    /// Starts a sidecar, and waits until it is ready: its address.
    async fn beside(&self, name: &str) -> String {
        let admin = self.apart.service(Kind::Identity, 0).nobody().sign_in("admin").await.unwrap();
        let token = admin.make_robot(name, Some("sidecar")).await;
        let sidecar = self.apart.sidecar(name, &[self.apart.address(Kind::Policy)], &token);
        sidecar.start();
        sidecar.ready().await;
        let url = sidecar.url.clone();
        self.apart.keep(sidecar);
        url
    }
}

/// A cluster that has stopped. What it is stored in has not.
pub(crate) enum Stopped {
    Up(StoppedUp),
    Apart(Box<Entered>),
}

impl Stopped {
    /// Starts it again, on the same ports and the same data.
    pub(crate) async fn start(self) -> Cluster {
        let running = match self {
            Self::Up(up) => Running::Up(Box::new(up.start().await)),
            Self::Apart(entered) => {
                entered.apart.start_services();
                entered.apart.ready().await;
                Running::Apart(entered)
            }
        };
        Cluster { running }
    }
}
