use resi_client::{BlocksRequest, Client, Wallet};

#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wallet = Wallet::open(Wallet::default_path(), "validator", "default")?;
    let client = Client::builder().signer(wallet).build()?; // the address is in DATA_API_URL
    let blocks = client.blocks(BlocksRequest::new()).await?;
    println!("{} zipcodes in {} batches", blocks.data().total_zipcodes, blocks.batches().count());
    Ok(())
}
