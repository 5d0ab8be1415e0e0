use std::collections::HashSet;

use resi_protocol::Timestamp;
use resi_protocol::rotation::MAX_BLOCK_SIZE;
use resi_protocol::wire::{AssignmentConfig, Batch, ValidatorData, request_id};

use super::{Question, ensure, same};
use crate::requests::BlocksRequest;
use crate::transport::Request;

/// At most 50 batches of 50 zipcodes, with their places.
const MAX_ANSWER: usize = 2 * 1024 * 1024;

impl Question for BlocksRequest {
    type Answer = ValidatorData;

    fn request(&self) -> Request {
        Request::get(["api", "v1", "validator-data"])
            .query("sources", Some(self.sources))
            .query("block_size", Some(self.block_size))
            .at_most(MAX_ANSWER)
    }

    /// All that follows from the question and from other parts of the answer. The deal itself is verified with its proof.
    fn check(&self, data: &ValidatorData, _: Timestamp) -> Result<(), String> {
        let Some(first) = data.data_blocks.values().next() else {
            return Err("there are no blocks".into());
        };
        let sources = first.sources;
        let is_asked = !sources.is_empty() && sources.intersection(self.sources) == sources;
        ensure(is_asked, || {
            format!("the sources are {sources:?}, and {} were asked for", self.sources)
        })?;
        for (name, batch) in &data.data_blocks {
            ensure(batch.sources == sources, || format!("the sources of {name} are others"))?;
            check_batch(batch, &data.assignment_config)
                .map_err(|problem| format!("{name}: {problem}"))?;
        }
        let zipcodes: Vec<_> =
            data.data_blocks.values().flat_map(|batch| &batch.zipcodes).copied().collect();
        let size = self.block_size.min(MAX_BLOCK_SIZE);
        let expected = request_id(&data.epoch, sources, size, &zipcodes);
        same("request_id", data.request_id.as_str(), &expected)
    }
}

fn check_batch(batch: &Batch, config: &AssignmentConfig) -> Result<(), String> {
    let count = u32::try_from(batch.zipcodes.len()).unwrap_or(u32::MAX);
    let homes = count.saturating_mul(config.expected_properties_per_zipcode);
    same("expected_properties", batch.expected_properties, homes)?;
    same("assignment_groups", batch.assignment_groups, config.overlap_factor)?;
    same("miners_per_group", batch.miners_per_group, config.miners_per_batch)?;
    let places = &batch.geographic_info;
    same("the number of size_ranks", places.size_ranks.len(), batch.zipcodes.len())?;
    for (what, names) in [("states", &places.states), ("metros", &places.metros)] {
        let mut seen = HashSet::new();
        let distinct = names.iter().all(|name| !name.is_empty() && seen.insert(name));
        ensure(distinct && names.len() <= batch.zipcodes.len(), || {
            format!("{what} are not the distinct ones of its zipcodes")
        })?;
    }
    Ok(())
}
