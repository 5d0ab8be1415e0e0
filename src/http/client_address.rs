//! Who is at the other end: the peer, or whom a trusted proxy names.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;

/// The peer of the connection a request came on.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The proxies whose word about a client's address is taken, and the one header in which they say it.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: HeaderName,
}

/// The header where nothing else is said.
pub const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-forwarded-for");

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::new(Vec::new(), DEFAULT_HEADER)
    }
}

impl TrustedProxies {
    /// These networks. `Forwarded` is read as RFC 7239 has it, any other header as addresses separated by commas.
    pub fn new(networks: Vec<IpNet>, header: HeaderName) -> Self {
        Self { networks, header }
    }

    /// Whether this is the address of one of them.
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// The client of a request: the last address on its way that is no trusted proxy. What a stranger wrote into the
    /// header lies before that address and is not believed, and no other header is looked at: a proxy passes on those
    /// that it does not write itself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer;
        let mut hops = self.hops(headers);
        while self.trusts(client) {
            let Some(Some(address)) = hops.next() else { break };
            client = address;
        }
        client.to_canonical()
    }

    /// The addresses in the header, nearest first; `None` for what is none.
    fn hops<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = Option<IpAddr>> + 'a {
        let read = if self.header == header::FORWARDED { forwarded_for } else { address };
        let values = headers.get_all(&self.header).iter().rev();
        values.flat_map(|value| value.to_str().unwrap_or("?").rsplit(',')).map(read)
    }
}

/// The address in one element of `Forwarded`.
fn forwarded_for(hop: &str) -> Option<IpAddr> {
    let node = hop.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value)
    })?;
    address(node.trim().trim_matches('"'))
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

    fn client(named: &'static str, peer: &str, headers: &[(&'static str, &str)]) -> String {
        let networks = vec!["10.0.0.0/8".parse().expect("a network")];
        let proxies = TrustedProxies::new(networks, HeaderName::from_static(named));
        let header = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), value.parse().expect("a header"))
        };
        let headers = headers.iter().map(header).collect();
        proxies.client(peer.parse().expect("an address"), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_peer_is_believed() {
        const XFF: &str = "x-forwarded-for";
        let forged = "1.1.1.1";
        for (peer, name, value, expected) in [
            ("8.8.8.8", XFF, forged, "8.8.8.8"),
            ("8.8.8.8", "forwarded", "for=1.1.1.1", "8.8.8.8"),
            ("10.0.0.1", XFF, "1.1.1.1, 9.9.9.9", "9.9.9.9"),
            ("10.0.0.1", XFF, "1.1.1.1, 9.9.9.9, 10.0.0.2", "9.9.9.9"),
            ("::ffff:10.0.0.1", XFF, "9.9.9.9:1234", "9.9.9.9"),
            ("10.0.0.1", XFF, "9.9.9.9, rubbish", "10.0.0.1"),
            ("10.0.0.1", XFF, "", "10.0.0.1"),
            ("10.0.0.1", "x-real-ip", "9.9.9.9", "9.9.9.9"),
            ("10.0.0.1", "cf-connecting-ip", "2001:db8::1", "2001:db8::1"),
            (
                "10.0.0.1",
                "forwarded",
                "for=1.1.1.1, for=\"[2001:db8::1]:80\";proto=https",
                "2001:db8::1",
            ),
            ("10.0.0.1", "forwarded", "proto=https;For=9.9.9.9", "9.9.9.9"),
            ("10.0.0.1", "forwarded", "for=_hidden", "10.0.0.1"),
        ] {
            assert_eq!(client(name, peer, &[(name, value)]), expected, "{peer} {name}: {value}");
        }
    }

    #[test]
    fn what_a_client_writes_into_another_header_is_not_looked_at() {
        let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "9.9.9.9")];
        assert_eq!(client("x-forwarded-for", "10.0.0.1", &both), "9.9.9.9");
        assert_eq!(client("forwarded", "10.0.0.1", &both), "1.1.1.1");
        assert_eq!(client("x-real-ip", "10.0.0.1", &both), "10.0.0.1");
        assert_eq!(client("x-forwarded-for", "10.0.0.1", &both[..1]), "10.0.0.1");
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,60}") {
            for name in ["x-forwarded-for", "forwarded"] {
                client(name, "10.0.0.1", &[(name, &value)]);
            }
        }
    }
}
