use std::time::Duration;

use anyhow::Context;
use resi_chain::{AgeRules, Network};
use resi_secret::Secret;

use super::RawSettings;

const DEFAULT_SYNC_INTERVAL_SECONDS: u64 = 300;
const DEFAULT_MAX_AGE_SECONDS: u64 = 1_200;

/// Which chain is asked, and how far what it said is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainSetting {
    /// The chain and its nodes.
    pub network: Network,
    /// How old what it said may be.
    pub rules: AgeRules,
    sync_interval: Duration,
    max_age: Duration,
}

impl ChainSetting {
    pub(super) fn resolve(raw: &RawSettings) -> anyhow::Result<Self> {
        let network = Network::choose(
            raw.subtensor_network.as_ref().map(Secret::expose),
            raw.subtensor_chain_endpoint.as_ref().map(Secret::expose),
        )
        .context("--subtensor.network, --subtensor.chain_endpoint")?;
        let seconds = |given: Option<u64>, default| Duration::from_secs(given.unwrap_or(default));
        let sync_interval = seconds(raw.metagraph_sync_interval, DEFAULT_SYNC_INTERVAL_SECONDS);
        let max_age = seconds(raw.max_registry_age, DEFAULT_MAX_AGE_SECONDS);
        let rules = AgeRules::new(sync_interval, max_age)
            .context("--metagraph-sync-interval, --max-registry-age")?;
        Ok(Self { network, rules, sync_interval, max_age })
    }

    pub(super) fn in_force(&self) -> Vec<(&'static str, String)> {
        let endpoints: Vec<_> = self.network.endpoints.iter().map(ToString::to_string).collect();
        let genesis = self.network.genesis.map_or("not checked".into(), |hash| hash.to_string());
        vec![
            ("subtensor_chain_endpoint", endpoints.join(",")),
            ("genesis", genesis),
            ("metagraph_sync_interval", self.sync_interval.as_secs().to_string()),
            ("max_registry_age", self.max_age.as_secs().to_string()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<Secret> {
        Some(text.into())
    }

    #[test]
    fn nothing_said_is_finney_every_five_minutes() {
        let chain = ChainSetting::resolve(&RawSettings::default()).expect("the defaults");
        assert_eq!(chain.network, Network::choose(Some("finney"), None).expect("known"));
        assert_eq!(chain.rules, AgeRules::default());
    }

    #[test]
    fn bad_values_are_named_and_what_may_be_secret_is_not_shown() {
        let refused = |raw| format!("{:#}", ChainSetting::resolve(&raw).expect_err("refused"));
        let raw = RawSettings { metagraph_sync_interval: Some(0), ..RawSettings::default() };
        assert!(refused(raw).contains("--metagraph-sync-interval"));
        let raw = RawSettings { max_registry_age: Some(300), ..RawSettings::default() };
        assert!(refused(raw).contains("--max-registry-age"));
        let raw = RawSettings { subtensor_network: secret("main"), ..RawSettings::default() };
        assert!(refused(raw).contains("--subtensor.network"));
        let endpoint = secret("wss://node.example/s3cret");
        let raw = RawSettings { subtensor_chain_endpoint: endpoint, ..RawSettings::default() };
        let chain = ChainSetting::resolve(&raw).expect("allowed");
        let shown = format!("{raw:?} {chain:?} {:?}", chain.in_force());
        assert!(shown.contains("node.example") && !shown.contains("s3cret"), "{shown}");
    }
}
