use std::sync::Arc;

use resi_protocol::rotation::Verified;
use resi_protocol::wire::EpochResource;

/// The public record of an epoch that has ended, after every check. Cheap to clone.
///
/// ```no_run
/// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
/// let ended = client.verified_epoch("2025-01-15T08-00-00".parse()?).await?;
/// println!("{} zipcodes were dealt", ended.proof().zipcodes.len());
/// for part in ended.proof().open() {
///     println!("nothing vouches for {part}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedEpoch(Arc<(EpochResource, Verified)>);

impl VerifiedEpoch {
    pub(crate) fn new(record: EpochResource, proof: Verified) -> Self {
        Self(Arc::new((record, proof)))
    }

    /// The whole answer.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let ended = client.verified_epoch("2025-01-15T08-00-00".parse()?).await?;
    /// println!("it ended at {}", ended.record().epoch.ends_at);
    /// # Ok(())
    /// # }
    /// ```
    pub fn record(&self) -> &EpochResource {
        &self.0.0
    }

    /// What was proved, and what vouches for each part of the answer.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use resi_client::protocol::rotation::{Part, Voucher};
    ///
    /// let ended = client.verified_epoch("2025-01-15T08-00-00".parse()?).await?;
    /// if ended.proof().voucher(Part::Record) == Some(Voucher::RecordSignature) {
    ///     println!("the rotation key committed to these decoys: {:?}", ended.proof().honeypots);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn proof(&self) -> &Verified {
        &self.0.1
    }
}
