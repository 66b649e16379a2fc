//! Accepting connections, and the power to cut them when a drain has taken too long.

use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{Either, Select, select};
use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// How long no connection is accepted after accepting one failed. Out of file descriptors, the next attempt fails at
/// once, again and again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What every client says first: the connection preface and an empty SETTINGS frame (RFC 9113 §3.4), in bytes.
const GREETING_BYTES: usize = 24 + 9;

/// How long a client may take to say it. Keep-alive pings begin only then, so without this bound a connection that says
/// nothing would hold its place for ever.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// Most connections of one listener; more wait in the kernel's queue until one ends.
pub const MAX_CONNECTIONS: usize = 10_000;

/// A socket that listens already, so that its owner knows its address and its rights.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix socket.
    Unix(UnixListener),
}

/// The connections that arrive over TCP.
pub(crate) fn accept_tcp(
    listener: TcpListener,
    cut: CancellationToken,
    drain: CancellationToken,
) -> impl Stream<Item = io::Result<Cuttable<TcpStream>>> + Send {
    stream::unfold((listener, Room::new(cut, drain)), |(listener, room)| async move {
        let place = room.place().await?;
        let stream = loop {
            match listener.accept().await {
                Ok((stream, _)) => break stream,
                Err(error) => pause_after(&error).await,
            }
        };
        // Answers are small and waited for. Where it fails, the peer has gone already.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        Some((Ok(Cuttable::new(stream, &room, place)), (listener, room)))
    })
}

/// The connections that arrive over a Unix socket.
pub(crate) fn accept_unix(
    listener: UnixListener,
    cut: CancellationToken,
    drain: CancellationToken,
) -> impl Stream<Item = io::Result<Cuttable<UnixStream>>> + Send {
    stream::unfold((listener, Room::new(cut, drain)), |(listener, room)| async move {
        let place = room.place().await?;
        let stream = loop {
            match listener.accept().await {
                Ok((stream, _)) => break stream,
                Err(error) => pause_after(&error).await,
            }
        };
        Some((Ok(Cuttable::new(stream, &room, place)), (listener, room)))
    })
}

/// Places for [`MAX_CONNECTIONS`] connections, what cuts all of them, and what cuts those that have said nothing yet.
struct Room {
    places: Arc<Semaphore>,
    cut: CancellationToken,
    drain: CancellationToken,
}

impl Room {
    fn new(cut: CancellationToken, drain: CancellationToken) -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_CONNECTIONS)), cut, drain }
    }

    /// A place, once there is one.
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().acquire_owned().await.ok()
    }
}

async fn pause_after(error: &io::Error) {
    // A peer that went away before it was accepted says nothing about the next one.
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tracing::warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}

/// The client's first bytes, while they are awaited: not for ever, and not once the server drains.
struct Greeting {
    left: usize,
    over: Select<Pin<Box<WaitForCancellationFutureOwned>>, Pin<Box<Sleep>>>,
}

impl Greeting {
    fn awaited(drain: &CancellationToken) -> Self {
        let timeout = Box::pin(tokio::time::sleep(GREETING_TIMEOUT));
        Self { left: GREETING_BYTES, over: select(Box::pin(drain.clone().cancelled_owned()), timeout) }
    }

    /// Fails once it has been awaited for long enough.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match Pin::new(&mut self.over).poll(cx) {
            Poll::Ready(Either::Left(_)) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
            Poll::Ready(Either::Right(_)) => Err(io::Error::from(io::ErrorKind::TimedOut)),
            Poll::Pending => Ok(()),
        }
    }
}

/// A connection that ends when its token is cancelled, or when it does not begin.
pub(crate) struct Cuttable<IO> {
    io: IO,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    greeting: Option<Greeting>,
    _place: OwnedSemaphorePermit,
}

impl<IO> Cuttable<IO> {
    fn new(io: IO, room: &Room, place: OwnedSemaphorePermit) -> Self {
        let cut = Box::pin(room.cut.clone().cancelled_owned());
        Self { io, cut, greeting: Some(Greeting::awaited(&room.drain)), _place: place }
    }

    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
            Poll::Pending => Ok(()),
        }
    }
}

impl<IO: Connected> Connected for Cuttable<IO> {
    type ConnectInfo = IO::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.io.connect_info()
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Cuttable<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // An HTTP/2 connection always waits to read, so this is where the cut wakes it.
        self.check(cx)?;
        let before = buf.filled().len();
        let polled = pin!(&mut self.io).poll_read(cx, buf);
        if let Some(greeting) = &mut self.greeting {
            greeting.left = greeting.left.saturating_sub(buf.filled().len() - before);
            if greeting.left == 0 {
                self.greeting = None;
            } else if polled.is_pending() {
                greeting.check(cx)?;
            }
        }
        polled
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Cuttable<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        pin!(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        pin!(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        pin!(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
