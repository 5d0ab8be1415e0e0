use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// An address that leads to the server of a URL.
#[derive(Debug)]
pub(crate) struct Forwarder {
    port: u16,
    silenced: watch::Sender<()>,
}

impl Forwarder {
    pub(crate) async fn to(url: &str) -> Self {
        let address = address_of(url).to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (silenced, silence) = watch::channel(());
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut far = TcpStream::connect(&address).await.expect("the server");
                let mut silence = silence.clone();
                silence.mark_unchanged();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        changed = silence.changed() => if changed.is_ok() {
                            // Both ends stay open.
                            std::future::pending::<()>().await;
                        }
                    }
                });
            }
        });
        Self { port, silenced }
    }

    /// The URL, by way of this address.
    pub(crate) fn through(&self, url: &str) -> String {
        url.replace(address_of(url), &format!("127.0.0.1:{}", self.port))
    }

    /// Nothing comes back any more on the connections that are open, not even their end: as from a machine that is gone.
    pub(crate) fn silence(&self) {
        self.silenced.send_replace(());
    }
}

fn address_of(url: &str) -> &str {
    let rest = url.rsplit_once('@').map_or(url, |(_, rest)| rest);
    rest.split_once('/').map_or(rest, |(address, _)| address)
}
