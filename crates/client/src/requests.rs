use resi_protocol::Sources;
use resi_protocol::wire::AssignmentStatus;

use crate::transport::Request;

/// Which blocks are asked for: by default those of `ZILLOW_SOLD`, with 20 zipcodes each.
///
/// ```
/// use resi_client::BlocksRequest;
///
/// let request = BlocksRequest::new().block_size(50);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlocksRequest {
    pub(crate) sources: Sources,
    pub(crate) block_size: u32,
}

impl Default for BlocksRequest {
    fn default() -> Self {
        Self { sources: Sources::DEFAULT, block_size: 20 }
    }
}

impl BlocksRequest {
    /// `ZILLOW_SOLD`, 20 zipcodes a block.
    ///
    /// ```
    /// use resi_client::BlocksRequest;
    ///
    /// assert_eq!(BlocksRequest::new(), BlocksRequest::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The sources to scrape. The client must have asked for access to them: see
    /// [`ClientBuilder::sources`](crate::ClientBuilder::sources).
    ///
    /// ```
    /// use resi_client::BlocksRequest;
    /// use resi_client::protocol::Sources;
    ///
    /// let request = BlocksRequest::new().sources(Sources::DEFAULT);
    /// assert_eq!(request, BlocksRequest::default());
    /// ```
    #[must_use]
    pub fn sources(self, sources: Sources) -> Self {
        Self { sources, ..self }
    }

    /// Zipcodes in a block, from 1 to 50; the service reads more as 50. At most 50 blocks are dealt, so fewer than 20
    /// leave out the end of the deal.
    ///
    /// ```
    /// use resi_client::BlocksRequest;
    ///
    /// let twenty_blocks_of_fifty = BlocksRequest::new().block_size(50);
    /// ```
    #[must_use]
    pub fn block_size(self, block_size: u32) -> Self {
        Self { block_size, ..self }
    }
}

/// Which of the validator's own assignments are asked for, newest first.
///
/// ```
/// use resi_client::AssignmentsRequest;
/// use resi_client::protocol::wire::AssignmentStatus;
///
/// let open = AssignmentsRequest::new().status(AssignmentStatus::Started).limit(100);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssignmentsRequest {
    pub(crate) status: Option<AssignmentStatus>,
    pub(crate) page: PageRequest,
}

impl AssignmentsRequest {
    /// The newest, however they stand.
    ///
    /// ```
    /// use resi_client::AssignmentsRequest;
    ///
    /// assert_eq!(AssignmentsRequest::new(), AssignmentsRequest::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those that stand so.
    ///
    /// ```
    /// use resi_client::AssignmentsRequest;
    /// use resi_client::protocol::wire::AssignmentStatus;
    ///
    /// let failed = AssignmentsRequest::new().status(AssignmentStatus::Failed);
    /// ```
    #[must_use]
    pub fn status(self, status: AssignmentStatus) -> Self {
        Self { status: Some(status), ..self }
    }

    /// The page after the one that had this `next_cursor`.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// use resi_client::AssignmentsRequest;
    ///
    /// let page = client.assignments(AssignmentsRequest::new()).await?;
    /// if let Some(cursor) = page.next_cursor {
    ///     let next = client.assignments(AssignmentsRequest::new().after(cursor)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn after(self, next_cursor: impl Into<String>) -> Self {
        Self { page: self.page.after(next_cursor), ..self }
    }

    /// How many at most.
    ///
    /// ```
    /// use resi_client::AssignmentsRequest;
    ///
    /// let newest = AssignmentsRequest::new().limit(1);
    /// ```
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { page: self.page.limit(limit), ..self }
    }
}

/// Which page of a list is asked for, newest first.
///
/// ```
/// use resi_client::PageRequest;
///
/// let first = PageRequest::new().limit(5);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    pub(crate) cursor: Option<String>,
    pub(crate) limit: Option<u32>,
}

impl PageRequest {
    /// The first, as long as the service makes it.
    ///
    /// ```
    /// use resi_client::PageRequest;
    ///
    /// assert_eq!(PageRequest::new(), PageRequest::default());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The page after the one that had this `next_cursor`.
    ///
    /// ```no_run
    /// # async fn example(client: resi_client::Client) -> Result<(), resi_client::Error> {
    /// use resi_client::PageRequest;
    ///
    /// let page = client.epochs(PageRequest::new()).await?;
    /// if let Some(cursor) = page.next_cursor {
    ///     let older = client.epochs(PageRequest::new().after(cursor)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn after(self, next_cursor: impl Into<String>) -> Self {
        Self { cursor: Some(next_cursor.into()), ..self }
    }

    /// How many at most.
    ///
    /// ```
    /// use resi_client::PageRequest;
    ///
    /// let newest = PageRequest::new().limit(1);
    /// ```
    #[must_use]
    pub fn limit(self, limit: u32) -> Self {
        Self { limit: Some(limit), ..self }
    }

    pub(crate) fn add_to(&self, request: Request) -> Request {
        request.query("cursor", self.cursor.as_deref()).query("limit", self.limit)
    }
}
