//! A path between a sidecar and its services that can be cut, or fall silent.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// It arrives.
    Open,
    /// It arrives once the path is open again, as when packets are dropped without a word.
    Silent,
    /// Connections end, and new ones too.
    Cut,
}

/// Passes TCP on to one address.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    path: watch::Sender<Path>,
    accepted: watch::Receiver<usize>,
}

impl Proxy {
    /// Passes on to `target`.
    pub(crate) async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let path = watch::Sender::new(Path::Open);
        let (count, accepted) = watch::channel(0);
        let watched = path.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.send_modify(|count| *count += 1);
                tokio::spawn(pass(client, target, watched.subscribe()));
            }
        });
        Self { address, path, accepted }
    }

    /// Lets everything through again.
    pub(crate) fn open(&self) {
        self.path.send_replace(Path::Open);
    }

    /// Cuts the path, or lets it fall silent, and waits until the follower has noticed: until it tries anew. What it was
    /// sent before has been read by then.
    pub(crate) async fn close(&self, path: Path) {
        let mut accepted = self.accepted.clone();
        let before = *accepted.borrow_and_update();
        self.path.send_replace(path);
        accepted.wait_for(|accepted| *accepted > before).await.unwrap();
    }
}

async fn pass(client: TcpStream, target: SocketAddr, path: watch::Receiver<Path>) {
    let mut cut = path.clone();
    let passed = async {
        let server = TcpStream::connect(target).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
        tokio::try_join!(pump(from_client, to_server, path.clone()), pump(from_server, to_client, path))
    };
    // both sockets close when this ends, whichever way
    tokio::select! {
        _ = passed => {}
        _ = cut.wait_for(|path| *path == Path::Cut) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut path: watch::Receiver<Path>) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if path.wait_for(|path| *path == Path::Open).await.is_err() || read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}
