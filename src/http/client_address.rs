//! Who is at the other end: the peer, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use ipnet::IpNet;

/// The peer of the connection a request came on.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The proxies whose word about a client's address is taken.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// These networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client of a request: the last address on its way that is no trusted proxy. What a stranger wrote into the
    /// headers lies before that address and is not believed.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer.to_canonical();
        }
        let named = if headers.contains_key(header::FORWARDED) {
            forwarded(headers)
        } else {
            x_forwarded_for(headers)
        };
        let mut client = peer;
        for address in named.into_iter().rev() {
            let Some(address) = address else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client.to_canonical()
    }
}

/// The addresses in `X-Forwarded-For`, nearest last; `None` for what is none.
fn x_forwarded_for(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all("x-forwarded-for").iter();
    values.flat_map(|value| value.to_str().unwrap_or("?").split(',')).map(address).collect()
}

/// The same of `Forwarded` (RFC 7239).
fn forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let values = headers.get_all(header::FORWARDED).iter();
    values
        .flat_map(|value| value.to_str().unwrap_or("?").split(','))
        .map(|hop| {
            let node = hop.split(';').find_map(|pair| {
                let (name, value) = pair.split_once('=')?;
                name.trim().eq_ignore_ascii_case("for").then_some(value)
            })?;
            address(node.trim().trim_matches('"'))
        })
        .collect()
}

/// An address with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(peer: &str, name: &'static str, value: &str) -> String {
        let proxies = TrustedProxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().expect("a header"));
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        let forged = "1.1.1.1";
        for (peer, name, value, expected) in [
            ("8.8.8.8", "x-forwarded-for", forged, "8.8.8.8"),
            ("8.8.8.8", "forwarded", "for=1.1.1.1", "8.8.8.8"),
            ("10.0.0.1", "x-forwarded-for", "1.1.1.1, 9.9.9.9", "9.9.9.9"),
            ("10.0.0.1", "x-forwarded-for", "1.1.1.1, 9.9.9.9, 10.0.0.2", "9.9.9.9"),
            ("::ffff:10.0.0.1", "x-forwarded-for", "9.9.9.9:1234", "9.9.9.9"),
            ("10.0.0.1", "x-forwarded-for", "9.9.9.9, rubbish", "10.0.0.1"),
            ("10.0.0.1", "x-forwarded-for", "", "10.0.0.1"),
            (
                "10.0.0.1",
                "forwarded",
                "for=1.1.1.1, for=\"[2001:db8::1]:80\";proto=https",
                "2001:db8::1",
            ),
            ("10.0.0.1", "forwarded", "proto=https;For=9.9.9.9", "9.9.9.9"),
            ("10.0.0.1", "forwarded", "for=_hidden", "10.0.0.1"),
        ] {
            assert_eq!(client(peer, name, value), expected, "{peer} {name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,60}") {
            client("10.0.0.1", "x-forwarded-for", &value);
            client("10.0.0.1", "forwarded", &value);
        }
    }
}
