use std::sync::Arc;

use resi_protocol::rotation::Verified;
use resi_protocol::wire::{Batch, Epoch, ValidatorData};

use crate::known_rotation::Trust;

/// The blocks of an epoch, after every check: nobody picked these zipcodes. Cheap to clone.
///
/// ```no_run
/// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
/// let blocks = client.blocks(Default::default()).await?;
/// for (name, batch) in blocks.batches() {
///     println!("{name}: {} zipcodes, {:?}", batch.zipcodes.len(), batch.geographic_info.states);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedBlocks(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    data: ValidatorData,
    proof: Verified,
}

impl VerifiedBlocks {
    pub(crate) fn new(data: ValidatorData, proof: Verified) -> Self {
        Self(Arc::new(Parts { data, proof }))
    }

    /// The epoch that they are of.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// println!("good until {}", client.blocks(Default::default()).await?.epoch().ends_at);
    /// # Ok(())
    /// # }
    /// ```
    pub fn epoch(&self) -> Epoch {
        self.0.data.epoch
    }

    /// The batches with their names, in the order of the deal.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// let blocks = client.blocks(Default::default()).await?;
    /// let zipcodes: Vec<_> = blocks.batches().flat_map(|(_, batch)| &batch.zipcodes).collect();
    /// # Ok(())
    /// # }
    /// ```
    pub fn batches(&self) -> impl Iterator<Item = (&str, &Batch)> {
        self.0.data.data_blocks.iter().map(|(name, batch)| (name.as_str(), batch))
    }

    /// The whole answer.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// println!("{}", client.blocks(Default::default()).await?.data().request_id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn data(&self) -> &ValidatorData {
        &self.0.data
    }

    /// What was proved, and what vouches for each part of the answer.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// for (part, voucher) in &client.blocks(Default::default()).await?.proof().vouchers {
    ///     println!("{part}: {voucher}"); // public_key: remembered since 2025-01-15T08:00:00Z
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn proof(&self) -> &Verified {
        &self.0.proof
    }

    /// What vouches for the rotation key, in short.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// use resi_client::Trust;
    ///
    /// if client.blocks(Default::default()).await?.trust() == Trust::FirstContact {
    ///     eprintln!("compare the rotation key with the one that was announced");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn trust(&self) -> Trust {
        Trust::of(&self.0.proof)
    }
}
