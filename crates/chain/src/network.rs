use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::{Host, Url};

/// A chain and the nodes to ask about it.
///
/// ```
/// use resi_chain::Network;
///
/// let network = Network::choose(Some("finney"), Some("wss://mine.example, wss://other.example:8443"))?;
/// assert_eq!(network.endpoints[1].to_string(), "wss://other.example:8443");
/// assert!(network.genesis.is_some());
/// # Ok::<(), resi_chain::NetworkError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The nodes, in the order in which they are asked; never empty.
    pub endpoints: Vec<Endpoint>,
    /// What the chain must be; `None` where that is not known beforehand.
    pub genesis: Option<GenesisHash>,
}

/// The address of a node. Shown without what may be secret in it: user, path and query.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

/// The hash of a chain's first block, by which chains are told apart; written as `0x` and 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct GenesisHash([u8; 32]);

/// Why a text names no network or node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Neither a name nor an address. Not shown: an address without its scheme may have a key in it.
    #[error("a network is finney, test, local, or ws:// and wss:// addresses separated by commas")]
    Unknown,
    /// Not an address of a node.
    #[error(
        "a node has a ws:// or wss:// address, in which / ? # and @ of a password are %2F %3F %23 and %40"
    )]
    NotWebSocket,
    /// Without TLS to another machine, where anybody on the way could say who is a validator.
    #[error(
        "{0} is not encrypted: only nodes on this machine may be asked over ws://, others over wss://"
    )]
    Unencrypted(Endpoint),
}

/// Known networks: name, address, genesis where there is only one.
const KNOWN: [(&str, &str, Option<GenesisHash>); 3] = [
    ("finney", "wss://entrypoint-finney.opentensor.ai:443", Some(GenesisHash::FINNEY)),
    ("test", "wss://test.finney.opentensor.ai:443", Some(GenesisHash::TEST)),
    ("local", "ws://127.0.0.1:9944", None),
];

impl Network {
    /// The network of that name (or address), asked at `endpoints` (addresses separated by commas) instead of its own
    /// where some are given. With neither it is `finney`; with endpoints alone, whatever chain they are of.
    ///
    /// # Errors
    /// [`NetworkError`] when a name is unknown or an address is none that may be asked.
    pub fn choose(name: Option<&str>, endpoints: Option<&str>) -> Result<Self, NetworkError> {
        match (name, endpoints) {
            (None, None) => Self::named("finney"),
            (Some(name), None) => Self::named(name),
            (None, Some(endpoints)) => Self::at(endpoints),
            (Some(name), Some(endpoints)) => {
                let Self { genesis, .. } = Self::named(name)?;
                let Self { endpoints, genesis: of_endpoints } = Self::at(endpoints)?;
                Ok(Self { endpoints, genesis: genesis.or(of_endpoints) })
            }
        }
    }

    fn named(name: &str) -> Result<Self, NetworkError> {
        let name = name.trim();
        if let Some((_, address, genesis)) = KNOWN.iter().find(|(known, ..)| *known == name) {
            return Ok(Self { endpoints: vec![address.parse()?], genesis: *genesis });
        }
        if name.contains("://") { Self::at(name) } else { Err(NetworkError::Unknown) }
    }

    fn at(endpoints: &str) -> Result<Self, NetworkError> {
        let endpoints: Vec<Endpoint> =
            endpoints.split(',').map(str::parse).collect::<Result<_, _>>()?;
        let known = |endpoint: &Endpoint| {
            let same = |address: &str| address.parse::<Endpoint>().as_ref() == Ok(endpoint);
            KNOWN.iter().find(|(_, address, _)| same(address)).and_then(|(.., genesis)| *genesis)
        };
        let genesis = endpoints.iter().find_map(known);
        Ok(Self { endpoints, genesis })
    }
}

impl Endpoint {
    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for Endpoint {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text.trim()).map_err(|_| NetworkError::NotWebSocket)?;
        // Where a password has a `/`, `?` or `#` in it as it is, its beginning looks like a port, and would be shown.
        let behind = [Some(url.path()), url.query(), url.fragment()];
        if behind.into_iter().flatten().any(|part| part.contains('@')) {
            return Err(NetworkError::NotWebSocket);
        }
        let loopback = match url.host().ok_or(NetworkError::NotWebSocket)? {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(address) => address.is_loopback(),
            Host::Ipv6(address) => address.is_loopback(),
        };
        match url.scheme() {
            "wss" => Ok(Self(url)),
            "ws" if loopback => Ok(Self(url)),
            "ws" => Err(NetworkError::Unencrypted(Self(url))),
            _ => Err(NetworkError::NotWebSocket),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme(), self.0.host_str().unwrap_or_default())?;
        self.0.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

impl GenesisHash {
    /// Of the main network.
    pub const FINNEY: Self =
        Self(hash(b"2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03"));
    /// Of the public test network.
    pub const TEST: Self =
        Self(hash(b"8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105"));

    /// From its 32 bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

const fn hash(digits: &[u8; 64]) -> [u8; 32] {
    const fn value(digit: u8) -> u8 {
        if digit >= b'a' { digit - b'a' + 10 } else { digit - b'0' }
    }
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 32 {
        bytes[at] = value(digits[2 * at]) << 4 | value(digits[2 * at + 1]);
        at += 1;
    }
    bytes
}

impl fmt::Display for GenesisHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for GenesisHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GenesisHash({self})")
    }
}

impl Serialize for GenesisHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GenesisHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(&text), &mut bytes)
            .map_err(|_| serde::de::Error::custom("a genesis hash has 64 hex digits"))?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(network: &Network) -> Vec<String> {
        network.endpoints.iter().map(Endpoint::to_string).collect()
    }

    #[test]
    fn known_networks_have_their_endpoint_and_genesis() {
        let finney = Network::choose(None, None).expect("known");
        assert_eq!(Network::choose(Some("finney"), None), Ok(finney.clone()));
        assert_eq!(addresses(&finney), ["wss://entrypoint-finney.opentensor.ai"]);
        let genesis = finney.genesis.expect("known").to_string();
        assert!(genesis.starts_with("0x2f0555cc76fc2840") && genesis.ends_with("5ab36c03"));

        let test = Network::choose(Some("test"), None).expect("known");
        assert_eq!(test.genesis, Some(GenesisHash::TEST));
        let local = Network::choose(Some("local"), None).expect("known");
        assert_eq!((addresses(&local), local.genesis), (vec!["ws://127.0.0.1:9944".into()], None));
    }

    #[test]
    fn an_endpoint_of_ones_own_keeps_the_check_of_a_named_network() {
        let mine = Network::choose(Some("test"), Some("wss://a.example")).expect("allowed");
        assert_eq!(mine.genesis, Some(GenesisHash::TEST));
        let unnamed =
            Network::choose(None, Some("wss://a.example,wss://b.example")).expect("allowed");
        assert_eq!((unnamed.endpoints.len(), unnamed.genesis), (2, None));
        assert_eq!(
            Network::choose(Some("wss://a.example"), None),
            Network::choose(None, Some("wss://a.example"))
        );
        let known = "wss://a.example,wss://entrypoint-finney.opentensor.ai:443";
        let known = Network::choose(None, Some(known)).expect("allowed");
        assert_eq!(known.genesis, Some(GenesisHash::FINNEY));
    }

    #[test]
    fn plain_connections_stay_on_this_machine() {
        for allowed in
            ["ws://127.0.0.1:1", "ws://127.9.9.9", "ws://[::1]:9944", "ws://localhost:9944/x"]
        {
            assert!(allowed.parse::<Endpoint>().is_ok(), "{allowed}");
        }
        for refused in
            ["ws://10.0.0.1:9944", "ws://localhost.example", "ws://[::2]", "ws://0.0.0.0:9944"]
        {
            let error = refused.parse::<Endpoint>();
            assert!(matches!(error, Err(NetworkError::Unencrypted(_))), "{refused}");
        }
        for nonsense in ["", "http://127.0.0.1", "https://a.example", "wss://"] {
            assert_eq!(nonsense.parse::<Endpoint>(), Err(NetworkError::NotWebSocket), "{nonsense}");
        }
        for name in ["mainnet", "node.example/key"] {
            assert_eq!(Network::choose(Some(name), None), Err(NetworkError::Unknown));
        }
        assert_eq!(
            Network::choose(None, Some("wss://a.example,")),
            Err(NetworkError::NotWebSocket)
        );
    }

    #[test]
    fn what_may_be_secret_in_an_address_is_not_shown() {
        let endpoint: Endpoint =
            "wss://user:word@node.example:8443/key?token=x".parse().expect("an address");
        assert_eq!(
            format!("{endpoint} {endpoint:?}"),
            "wss://node.example:8443 Endpoint(wss://node.example:8443)"
        );
        let refused = "ws://user:word@node.example/key".parse::<Endpoint>().expect_err("refused");
        assert!(!format!("{refused} {refused:?}").contains("word"));
        for password in ["1/word", "1?word", "1#word"] {
            let endpoint = format!("wss://user:{password}@node.example").parse::<Endpoint>();
            assert_eq!(endpoint, Err(NetworkError::NotWebSocket));
        }
    }
}
