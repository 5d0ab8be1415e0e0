//! Runs the stand-in for a node until it is interrupted: `stand_in_node PORT [CHAIN.json]`.
//!
//! The file says what the chain is like, and is read again when it changes; where there is none, it is written first, as
//! a pattern. `block` in it counts at the start only, so that the chain does not go back with each change.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use resi_chain::stand_in::{StandInChain, StandInNode};
use tokio::time::interval;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().context("usage: stand_in_node PORT [CHAIN.json]")?.parse()?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Some(path) = arguments.next() else {
        let node = StandInNode::start_at(address, StandInChain::example()).await?;
        println!("{}", node.url());
        return std::future::pending().await;
    };
    let path = Path::new(&path);
    if !path.exists() {
        fs::write(path, serde_json::to_string_pretty(&StandInChain::example())?)?;
    }
    let mut text = fs::read_to_string(path)?;
    let node = StandInNode::start_at(address, serde_json::from_str(&text)?).await?;
    println!("{}", node.url());
    let mut ticks = interval(Duration::from_millis(200));
    loop {
        ticks.tick().await;
        let found = fs::read_to_string(path)?;
        if found == text {
            continue;
        }
        match serde_json::from_str::<StandInChain>(&found) {
            Ok(chain) => {
                node.change(|known| *known = StandInChain { block: known.block, ..chain });
                eprintln!("changed");
            }
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
        text = found;
    }
}
