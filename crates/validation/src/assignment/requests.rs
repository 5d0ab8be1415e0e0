use resi_protocol::Timestamp;

use super::{Group, Plan, PlannedBatch, Work};
use crate::messages::DataAssignmentRequest;

/// What all requests of a plan say beside their work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// The validator's own name for the assignment, as it reports it.
    pub assignment_id: String,
    /// The `request_id` of the blocks.
    pub block_id: Option<String>,
    /// When an answer is too late.
    pub expires_at: Option<Timestamp>,
    /// When an answer is expected.
    pub expected_completion: Option<Timestamp>,
    /// How many homes a zipcode is expected to have.
    pub expected_properties_per_zipcode: Option<u32>,
    /// Higher is more urgent.
    pub priority: i64,
    /// Of the protocol.
    pub version: Option<i64>,
}

impl RequestHeader {
    /// Only the id; priority 1.
    pub const fn new(assignment_id: String) -> Self {
        Self {
            assignment_id,
            block_id: None,
            expires_at: None,
            expected_completion: None,
            expected_properties_per_zipcode: None,
            priority: 1,
            version: None,
        }
    }
}

impl Plan {
    /// The messages to send to this miner: one for each batch it is in.
    ///
    /// A miner of several batches must tell their requests apart, so each batch is an assignment of its own:
    /// `{assignment_id}_{batch}_miner_{uid}`.
    pub fn requests_for(
        &self,
        uid: u16,
        header: &RequestHeader,
    ) -> impl Iterator<Item = DataAssignmentRequest> {
        self.batches.iter().flat_map(move |batch| {
            let groups = batch.groups.iter();
            let with_uid = groups.filter(move |group| group.miners.binary_search(&uid).is_ok());
            with_uid.map(move |group| self.request(batch, group, uid, header))
        })
    }

    /// All messages with the uids they go to, by batch, group and uid.
    pub fn requests(
        &self,
        header: &RequestHeader,
    ) -> impl Iterator<Item = (u16, DataAssignmentRequest)> {
        self.batches.iter().flat_map(move |batch| {
            batch.groups.iter().flat_map(move |group| {
                group.miners.iter().map(move |uid| (*uid, self.request(batch, group, *uid, header)))
            })
        })
    }

    fn request(
        &self,
        batch: &PlannedBatch,
        group: &Group,
        uid: u16,
        header: &RequestHeader,
    ) -> DataAssignmentRequest {
        let request_id = format!("{}_{}_miner_{uid}", header.assignment_id, batch.name);
        let mut request = DataAssignmentRequest {
            zipcode_batch_id: Some(batch.name.clone()),
            overlap_group: Some(group.overlap_group),
            expires_at: header.expires_at,
            expected_completion: header.expected_completion,
            block_id: header.block_id.clone(),
            priority: header.priority,
            version: header.version,
            ..DataAssignmentRequest::new(request_id, self.mode)
        };
        match &batch.work {
            Work::Zipcodes { sources, zipcodes } => {
                request.expected_properties_per_zipcode = header.expected_properties_per_zipcode;
                request.zipcode_assignments =
                    sources.iter().map(|source| (source, zipcodes.clone())).collect();
            }
            Work::Properties { source, ids } => {
                request.assignment_data.insert(*source, ids.clone());
            }
        }
        request
    }
}
