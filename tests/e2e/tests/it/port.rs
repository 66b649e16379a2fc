//! Addresses that are known before anybody listens there, and stay one's own while nobody does.

use std::net::SocketAddr;

use tokio::net::TcpSocket;

/// A loopback port that the kernel gives to nobody else as long as this lives, whether a server of the test listens there, is yet
/// to be started, or was killed. It is bound and never listens, which leaves room for one that does (`SO_REUSEADDR` on both).
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    _bound: TcpSocket,
}

impl Port {
    /// A free one.
    pub(crate) fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self { address: socket.local_addr().unwrap(), _bound: socket }
    }

    /// As clients write it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

#[tokio::test]
async fn a_reserved_port_can_be_listened_on_again_and_again() {
    let port = Port::reserve();
    for _ in 0..3 {
        let listener = tokio::net::TcpListener::bind(port.address).await.unwrap();
        let (there, here) = tokio::join!(tokio::net::TcpStream::connect(port.address), listener.accept());
        assert!(there.is_ok() && here.is_ok());
        drop(listener);
        let refused = tokio::net::TcpStream::connect(port.address).await.unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}
