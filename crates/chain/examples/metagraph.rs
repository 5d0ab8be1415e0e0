//! Prints the members of a subnet: `metagraph NETUID [NETWORK [MINIMUM_ALPHA]]`, where the network is `finney`, `test`,
//! `local`, or addresses of nodes separated by commas.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use resi_chain::{AgeRules, ChainClient, Deadlines, Metagraph, Network, RAO_PER_ALPHA};
use resi_protocol::Timestamp;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let netuid = arguments.next().context("usage: metagraph NETUID [NETWORK [MINIMUM_ALPHA]]")?;
    let network = Network::choose(arguments.next().as_deref(), None)?;
    let minimum: u64 = arguments.next().as_deref().unwrap_or("20000").parse()?;

    let client = ChainClient::new(network, netuid.parse()?, Deadlines::default());
    let metagraph =
        Metagraph::new(client, AgeRules::default(), minimum.saturating_mul(RAO_PER_ALPHA));
    let synced = metagraph.sync(now()?).await?;
    for failure in &synced.failures {
        eprintln!("{failure}");
    }
    let snapshot = synced.snapshot;
    println!("{} block {} genesis {}", synced.endpoint, snapshot.block, snapshot.genesis);
    println!("{:>3} {:48} {:>24} permit active may axon", "uid", "hotkey", "alpha");
    for member in snapshot.members() {
        let (whole, rao) =
            (member.alpha_stake_rao / RAO_PER_ALPHA, member.alpha_stake_rao % RAO_PER_ALPHA);
        println!(
            "{:>3} {:48} {:>24} {:6} {:6} {:3} {}",
            member.uid,
            member.hotkey.to_string(),
            format!("{whole}.{rao:09}"),
            if member.validator_permit { "yes" } else { "-" },
            if member.active { "yes" } else { "-" },
            if metagraph.may_validate(&member.hotkey) { "yes" } else { "-" },
            member.axon.map_or_else(|| "-".to_owned(), |axon| axon.to_string()),
        );
    }
    println!("{} may act as validators", metagraph.validators().unwrap_or(0));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, which nothing is handed to")]
fn now() -> Result<Timestamp> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(Timestamp::from_micros(i64::try_from(since.as_micros())?))
}
