//! A port that is taken before it is listened on, so that a mistake shows at once and nobody is heard too early.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// A port of ours on which nobody listens: whoever connects is refused, and a proxy goes elsewhere.
#[derive(Debug)]
pub struct Port {
    socket: TcpSocket,
    address: SocketAddr,
}

impl Port {
    /// Takes it; port 0 is one that is free.
    ///
    /// # Errors
    /// When it is another's, or no address of this machine.
    pub fn take(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // What the process before left behind does not keep the next one from its port.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens from now on.
    ///
    /// # Errors
    /// When another process was faster.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.socket.listen(BACKLOG)
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn nobody_is_heard_before_it_listens() {
        let port = Port::take(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let address = port.address();
        let refused = TcpStream::connect(address).await.expect_err("refused");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let listener = port.listen().expect("it listens");
        TcpStream::connect(address).await.expect("connected");
        assert!(Port::take(address).is_err(), "it is taken");
        drop(listener);
    }
}
