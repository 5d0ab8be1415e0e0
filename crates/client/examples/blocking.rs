//! The same without an async runtime: `cargo run --features blocking --example blocking`.

use resi_client::{BlocksRequest, Client, Wallet, blocking};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder().signer(Wallet::from_uri("//Alice")?).build()?;
    let client = blocking::Client::new(client)?;
    let blocks = client.blocks(BlocksRequest::new())?;
    for (name, batch) in blocks.batches() {
        println!("{name}: {}", batch.geographic_info.states.join(" "));
    }
    for assignment in client.assignments(Default::default())?.assignments {
        println!("{}: {}", assignment.assignment_id, assignment.status.name());
    }
    Ok(())
}
