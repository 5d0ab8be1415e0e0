//! How many connections may be open at once.

use std::net::IpAddr;

use super::client_address::TrustedProxies;
use crate::limits::AddressKey;

/// More connections wait to be accepted, however many files may be open.
const MOST: u64 = 16_384;
/// Fewer are no service.
const FEWEST: u64 = 64;
/// Files that are kept for everything else: the database, metrics, the log, the chain.
const KEPT_FREE: u64 = 256;

/// How many connections a listener has at once.
#[derive(Clone, Debug)]
pub struct Places {
    /// Of all; more wait to be accepted.
    pub total: usize,
    /// Of one address, more are closed at once; 0 for no limit.
    pub per_address: u32,
    /// Whose connections are those of many.
    pub proxies: TrustedProxies,
}

impl Places {
    /// Only so many of all.
    pub fn of_all(total: usize) -> Self {
        Self { total, per_address: 0, proxies: TrustedProxies::default() }
    }

    /// The address whose connection this is; `None` where it is a proxy's.
    pub fn address(&self, peer: IpAddr) -> Option<AddressKey> {
        (!self.proxies.trusts(peer)).then(|| AddressKey::of(peer))
    }
}

/// How many connections a process may have that may open so many files; `None` where there is no limit.
pub fn within(files: Option<u64>) -> usize {
    let places = files.map_or(MOST, |files| files.saturating_sub(KEPT_FREE).clamp(FEWEST, MOST));
    usize::try_from(places).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_files_for_the_rest() {
        for (files, places) in [
            (Some(0), 64),
            (Some(320), 64),
            (Some(321), 65),
            (Some(600), 344),
            (Some(1_024), 768),
            (Some(16_640), 16_384),
            (Some(1_000_000), 16_384),
            (None, 16_384),
        ] {
            assert_eq!(within(files), places, "{files:?}");
        }
    }
}
