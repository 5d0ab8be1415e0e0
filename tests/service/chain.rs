//! The registry that follows a chain, against a stand-in for a node.

use std::sync::Arc;
use std::time::Duration;

use resi_chain::stand_in::{Fault, StandInChain, StandInNode};
use resi_chain::{AgeRules, ChainClient, Deadlines, Metagraph, Network, RAO_PER_ALPHA};
use resi_data_api::registry::ChainRegistry;

use crate::harness::{Backend, Database, Options, Service, on_both};

on_both!(
    members_with_permit_and_stake_are_let_in,
    who_leaves_loses_access_with_the_next_sync,
    a_restart_without_a_chain_goes_on_by_what_was_kept,
    nobody_is_let_in_before_the_first_snapshot_or_after_the_largest_age,
);

const BLOCKS: &str = "/api/v1/validator-data";

async fn node() -> StandInNode {
    StandInNode::start(StandInChain::example()).await.unwrap()
}

fn options(url: &str) -> Options {
    let network = Network::choose(Some("finney"), Some(url)).unwrap();
    let client = ChainClient::new(network, 46, Deadlines::default());
    let metagraph = Metagraph::new(client, AgeRules::default(), 20_000 * RAO_PER_ALPHA);
    let registry = Box::new(ChainRegistry::new(Arc::new(metagraph), 46));
    Options { registry, ..Options::default() }
}

async fn sync(service: &Service) {
    let chain = service.app.registry.chain().unwrap();
    chain.sync(&*service.app.store, service.app.clock.now()).await;
}

async fn ask(service: &Service, name: &str) -> crate::harness::Answer {
    service.ask(&service.access_body(name, "ZILLOW_SOLD")).await
}

async fn members_with_permit_and_stake_are_let_in(backend: Backend) {
    let node = node().await;
    node.change(|chain| chain.register("Eve", true, 20_000 * RAO_PER_ALPHA));
    let service = Service::with(backend, options(&node.url())).await;
    sync(&service).await;
    for name in ["Alice", "Eve"] {
        ask(&service, name).await.is_ok();
    }
    for name in ["Bob", "Charlie", "Dave"] {
        ask(&service, name).await.is_error(403, "NOT_A_VALIDATOR");
    }
    service.turn().await;
    let health = service.get("/health").await;
    assert_eq!(health.is_ok()["registry"]["kind"], "chain");
    assert_eq!(health.json["registry"]["validators"], 2);
    service.stop().await;
}

async fn who_leaves_loses_access_with_the_next_sync(backend: Backend) {
    let node = node().await;
    let service = Service::with(backend, options(&node.url())).await;
    sync(&service).await;
    let token = service.token("Alice").await;
    service.get_with(BLOCKS, &token).await.is_ok();
    node.change(|chain| chain.replace("Alice", "Ferdie"));
    sync(&service).await;
    service.get_with(BLOCKS, &token).await.is_error(403, "NOT_A_VALIDATOR");
    ask(&service, "Alice").await.is_error(403, "NOT_A_VALIDATOR");
    service.stop().await;
}

async fn a_restart_without_a_chain_goes_on_by_what_was_kept(backend: Backend) {
    let node = node().await;
    let database = Database::new(backend).await;
    let before = Service::on(&database, options(&node.url())).await;
    sync(&before).await;
    before.stop().await;
    node.change(|chain| chain.fault = Some(Fault::HangUp("chain_getFinalizedHead".into())));

    let service = Service::on(&database, options(&node.url())).await;
    let chain = service.app.registry.chain().unwrap();
    chain.restore(&*service.app.store, service.app.clock.now()).await;
    sync(&service).await;
    ask(&service, "Alice").await.is_ok();
    ask(&service, "Bob").await.is_error(403, "NOT_A_VALIDATOR");
    service.stop().await;
    database.remove().await;
}

async fn nobody_is_let_in_before_the_first_snapshot_or_after_the_largest_age(backend: Backend) {
    let node = node().await;
    let service = Service::with(backend, options(&node.url())).await;
    ask(&service, "Alice").await.is_error(503, "REGISTRY_STALE");
    sync(&service).await;
    let token = service.token("Alice").await;

    service.clock.advance(Duration::from_secs(1_200));
    ask(&service, "Alice").await.is_ok();
    service.clock.advance(Duration::from_secs(1));
    ask(&service, "Alice").await.is_error(503, "REGISTRY_STALE");
    service.get_with(BLOCKS, &token).await.is_ok();
    service.turn().await;
    let health = service.get("/health").await;
    assert_eq!(health.is_ok()["checks"]["registry"], "stale");
    assert_eq!(health.json["registry"]["age_seconds"], 1_201);

    sync(&service).await;
    service.clock.advance(Duration::from_secs(1));
    ask(&service, "Alice").await.is_ok();
    service.stop().await;
}
