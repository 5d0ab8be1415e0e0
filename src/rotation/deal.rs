use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use resi_protocol::rotation::{
    ALGORITHM, Honeypots, Parameters, RecordedEpoch, RotationKey, RotationPublicKey, VrfSignature,
    batch_name, batches,
};
use resi_protocol::wire::{
    AssignmentConfig, Batch, Epoch, GeographicInfo, Rotation, ValidatorData, request_id,
};
use resi_protocol::{EpochIndex, Sha256Hash, Signature, Sources, Zipcode};
use resi_store::PoolEntry;

use super::PoolTable;
use crate::http::prepared::Prepared;

/// Every answer costs its body in memory three times; 50 sizes of every set of sources would be too much.
const MAX_ANSWERS: usize = 64;

/// The deal of one epoch, and the answers cut from it.
#[derive(Debug)]
pub struct Deal {
    /// The epoch.
    pub epoch: Epoch,
    /// What determined it beside the key.
    pub parameters: Parameters,
    /// The proof.
    pub signature: VrfSignature,
    /// The dealt zipcodes, in order.
    pub zipcodes: Vec<Zipcode>,
    /// The decoys among them, where there are some.
    pub honeypots: Option<Honeypots>,
    /// The key that dealt it.
    pub public_key: RotationPublicKey,
    /// Of that key over the record of the epoch, with no record before: blocks are dealt where nobody knows it.
    record_signature: Signature,
    entries: Vec<PoolEntry>,
    answers: RwLock<HashMap<(Sources, u32), Arc<Answer>>>,
    published: AtomicBool,
    link: OnceLock<Link>,
}

/// What the record of an epoch has beside what its deal follows from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// The hash of the record before.
    pub prev_sha256: Option<Sha256Hash>,
    /// Of its key over the record.
    pub record_signature: Option<Signature>,
}

/// An answer of blocks, made when it is first asked for or ahead of that.
#[derive(Debug, Default)]
pub struct Answer(OnceLock<Prepared>);

impl Deal {
    /// What `key` deals in an epoch.
    pub fn new(
        parameters: Parameters,
        key: &RotationKey,
        index: EpochIndex,
        pool: &PoolTable,
        honeypots: Option<Honeypots>,
    ) -> Self {
        let (schedule, public_key) = (parameters.schedule, key.public());
        let signature = key.sign(&parameters, index);
        let record_signature = key.sign_record(&RecordedEpoch {
            epoch: index,
            parameters: &parameters,
            public_key,
            prev_sha256: None,
            honeypots_sha256: honeypots.as_ref().map(Honeypots::sha256),
        });
        let positions = signature.seed_unverified().deal(&parameters);
        let entries: Vec<_> =
            positions.iter().filter_map(|position| pool.entry(*position).cloned()).collect();
        Self {
            epoch: Epoch {
                id: schedule.id(index),
                index,
                starts_at: schedule.starts_at(index),
                ends_at: schedule.ends_at(index),
            },
            zipcodes: entries.iter().map(|entry| entry.zipcode).collect(),
            parameters,
            honeypots,
            public_key,
            signature,
            record_signature,
            entries,
            answers: RwLock::default(),
            published: AtomicBool::new(false),
            link: OnceLock::new(),
        }
    }

    /// Key, parameters and proof, as answers show them.
    pub fn rotation(&self) -> Rotation {
        let honeypots = self.honeypots.as_ref();
        rotation(&self.parameters, self.public_key, honeypots, Some(self.signature))
    }

    /// The blocks of `block_size`, ready to be sent.
    pub fn with_answer<T>(
        &self,
        sources: Sources,
        block_size: u32,
        send: impl FnOnce(&Prepared) -> T,
    ) -> T {
        let asked = (sources, block_size);
        let known =
            self.answers.read().unwrap_or_else(PoisonError::into_inner).get(&asked).cloned();
        let answer = known.unwrap_or_else(|| self.add_answer(asked));
        send(answer.0.get_or_init(|| self.prepare(sources, block_size)))
    }

    fn add_answer(&self, asked: (Sources, u32)) -> Arc<Answer> {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MAX_ANSWERS && !answers.contains_key(&asked) {
            answers.clear();
        }
        Arc::clone(answers.entry(asked).or_default())
    }

    /// Makes the answers that the epoch before was asked for, so that the first request of this one finds them ready.
    pub fn warm_like(&self, before: &Self) {
        let asked: Vec<_> =
            before.answers.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        for (sources, block_size) in asked {
            self.with_answer(sources, block_size, Prepared::warm);
        }
    }

    /// Whether the proof is in the epoch's record.
    pub fn is_published(&self) -> bool {
        self.published.load(Ordering::Relaxed)
    }

    /// The proof is in the epoch's record now.
    pub fn mark_published(&self) {
        self.published.store(true, Ordering::Relaxed);
    }

    /// What the epoch's record is linked to, and its signature; neither before there is a record.
    pub fn link(&self) -> Link {
        self.link.get().copied().unwrap_or_default()
    }

    /// The epoch's record has this `link`.
    pub fn set_link(&self, link: Link) {
        let _ = self.link.set(link);
    }

    fn prepare(&self, sources: Sources, block_size: u32) -> Prepared {
        let json = serde_json::to_vec(&self.blocks(sources, block_size));
        Prepared::new(json.unwrap_or_else(|error| unreachable!("blocks are JSON: {error}")))
    }

    /// The blocks of `block_size`.
    pub fn blocks(&self, sources: Sources, block_size: u32) -> ValidatorData {
        let config = AssignmentConfig::DEFAULT;
        let data_blocks: BTreeMap<_, _> = batches(&self.entries, block_size)
            .enumerate()
            .map(|(position, entries)| (batch_name(position), batch(entries, sources, config)))
            .collect();
        let zipcodes: Vec<_> = batches(&self.zipcodes, block_size).flatten().copied().collect();
        ValidatorData {
            request_id: request_id(&self.epoch, sources, block_size, &zipcodes),
            generated_at: self.epoch.starts_at,
            expires_at: self.epoch.ends_at,
            assignment_config: config,
            total_batches: count(data_blocks.len()),
            total_zipcodes: count(zipcodes.len()),
            data_blocks,
            epoch: self.epoch,
            rotation: self.rotation(),
            record_signature: Some(self.record_signature),
        }
    }
}

/// Key and parameters as answers show them, with the proof where it may be shown.
pub(super) fn rotation(
    parameters: &Parameters,
    public_key: RotationPublicKey,
    honeypots: Option<&Honeypots>,
    signature: Option<VrfSignature>,
) -> Rotation {
    Rotation {
        algorithm: ALGORITHM.to_owned(),
        public_key,
        netuid: parameters.netuid,
        epoch_seconds: parameters.schedule.seconds(),
        pool_size: parameters.pool_size,
        pool_sha256: parameters.pool_sha256,
        zipcodes_per_epoch: parameters.zipcodes_per_epoch,
        honeypots_sha256: honeypots.map(Honeypots::sha256),
        signature,
    }
}

fn batch(entries: &[PoolEntry], sources: Sources, config: AssignmentConfig) -> Batch {
    let distinct = |name: fn(&PoolEntry) -> &str| {
        let mut names: Vec<String> = Vec::new();
        for entry in entries {
            let name = name(entry);
            if !name.is_empty() && !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        names
    };
    Batch {
        zipcodes: entries.iter().map(|entry| entry.zipcode).collect(),
        expected_properties: count(entries.len()) * config.expected_properties_per_zipcode,
        assignment_groups: config.overlap_factor,
        miners_per_group: config.miners_per_batch,
        geographic_info: GeographicInfo {
            states: distinct(|entry| &entry.state),
            metros: distinct(|entry| &entry.metro),
            size_ranks: entries.iter().map(|entry| entry.size_rank).collect(),
        },
        sources,
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
