use std::collections::HashSet;

use resi_protocol::Timestamp;
use resi_protocol::wire::{Batch, ValidatorData};

use super::{Call, ensure};
use crate::requests::BlocksRequest;
use crate::transport::Request;

/// At most 50 batches of 50 zipcodes, with their places.
const MAX_ANSWER: usize = 2 * 1024 * 1024;

impl Call for BlocksRequest {
    type Answer = ValidatorData;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "validator-data"])
            .query("sources", Some(self.sources))
            .query("block_size", Some(self.block_size))
            .at_most(MAX_ANSWER)
    }

    /// What no proof is about. The rest is verified with the proof.
    fn check(&self, data: &ValidatorData, _: Timestamp) -> Result<(), String> {
        for (name, batch) in &data.data_blocks {
            let sources = batch.sources;
            let is_asked = !sources.is_empty() && sources.intersection(self.sources) == sources;
            ensure(is_asked, || {
                format!("{name} is for {sources:?}, and {} was asked for", self.sources)
            })?;
            check_places(batch).map_err(|problem| format!("{name}: {problem}"))?;
        }
        Ok(())
    }
}

fn check_places(batch: &Batch) -> Result<(), String> {
    let places = &batch.geographic_info;
    for (what, names) in [("states", &places.states), ("metros", &places.metros)] {
        let mut seen = HashSet::new();
        let are_distinct = names.iter().all(|name| !name.is_empty() && seen.insert(name));
        ensure(are_distinct && names.len() <= batch.zipcodes.len(), || {
            format!("its {what} are not the distinct ones of its zipcodes")
        })?;
    }
    Ok(())
}
