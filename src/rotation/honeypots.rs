use std::collections::HashSet;

use anyhow::{Result, ensure};
use resi_protocol::rotation::{Honeypots, Parameters, RotationKey, Salt};
use resi_protocol::{EpochIndex, SeededStream};
use resi_store::PoolEntry;

use super::PoolTable;

const LABEL: &str = "resi-honeypots-v1:pool";

/// A pool with so many decoys among `entries` that an epoch of `zipcodes_per_epoch` deals `honeypots` of them on average.
///
/// Which decoys, and where they stand, follows from the rotation key, so that replicas agree. Neither rank nor place tells
/// them. The table does: whoever knows it finds the decoys as what the pool has beside it.
///
/// # Errors
/// When an epoch has not that many zipcodes, or there are too few decoys.
pub fn with_honeypots(
    entries: Vec<PoolEntry>,
    honeypots: u32,
    zipcodes_per_epoch: u32,
    key: &RotationKey,
) -> Result<Vec<PoolEntry>> {
    if honeypots == 0 {
        return Ok(entries);
    }
    ensure!(
        honeypots < zipcodes_per_epoch,
        "--honeypots {honeypots} leaves nothing of the {zipcodes_per_epoch} zipcodes of an epoch"
    );
    let real = entries.len() as u64;
    let wanted =
        (u64::from(honeypots) * real).div_ceil(u64::from(zipcodes_per_epoch - honeypots)) as usize;
    let known: HashSet<_> = entries.iter().map(|entry| entry.zipcode).collect();
    let mut decoys: Vec<_> = resi_zipcodes::embedded_po_boxes()
        .into_iter()
        .filter(|entry| !known.contains(&entry.zipcode))
        .collect();
    ensure!(
        wanted <= decoys.len(),
        "--honeypots {honeypots} needs {wanted} zipcodes where no home is sold, and {} are known",
        decoys.len()
    );
    let mut stream = SeededStream::labelled(LABEL, &key.derive(LABEL));
    stream.shuffle(&mut decoys);
    decoys.truncate(wanted);
    let mut is_decoy = vec![false; entries.len()];
    is_decoy.extend(vec![true; wanted]);
    stream.shuffle(&mut is_decoy);
    let (mut entries, mut decoys) = (entries.into_iter(), decoys.into_iter());
    let mixed = is_decoy.into_iter().zip(1..).filter_map(|(decoy, rank)| {
        let entry = if decoy {
            decoys.next().map(|entry| PoolEntry {
                zipcode: entry.zipcode,
                state: entry.state.to_string(),
                metro: entry.metro.to_string(),
                size_rank: None,
                decoy,
            })
        } else {
            entries.next()
        };
        // A gap in the ranks, or one twice, would tell them even to who does not know the table.
        entry.map(|entry| PoolEntry { size_rank: Some(rank), ..entry })
    });
    Ok(mixed.collect())
}

/// The decoys of an epoch, with a salt that only who has the key can compute; `None` where the pool has none.
pub(super) fn honeypots_of(
    pool: &PoolTable,
    key: &RotationKey,
    parameters: &Parameters,
    epoch: EpochIndex,
) -> Option<Honeypots> {
    let positions = key.sign(parameters, epoch).seed_unverified().deal(parameters);
    pool.has_decoys().then(|| Honeypots {
        salt: Salt::from_bytes(key.derive(&format!("salt:{}", parameters.message(epoch)))),
        zipcodes: positions
            .iter()
            .filter_map(|position| pool.entry(*position))
            .filter(|entry| entry.decoy)
            .map(|entry| entry.zipcode)
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> RotationKey {
        RotationKey::from_mini_secret(&[byte; 32])
    }

    fn pool() -> Vec<PoolEntry> {
        let pool = resi_zipcodes::embedded_pool(7_572).expect("not 0");
        let entry = |entry: &resi_zipcodes::Entry| PoolEntry {
            zipcode: entry.zipcode,
            state: entry.state.to_string(),
            metro: entry.metro.to_string(),
            size_rank: entry.size_rank,
            decoy: false,
        };
        pool.entries.iter().map(entry).collect()
    }

    #[test]
    fn decoys_stand_among_the_others_and_neither_rank_nor_place_tells_them() {
        let mixed = with_honeypots(pool(), 20, 1_000, &key(1)).expect("mixed");
        assert_eq!(mixed, with_honeypots(pool(), 20, 1_000, &key(1)).expect("mixed"));
        let decoys = mixed.iter().filter(|entry| entry.decoy).count();
        assert_eq!((mixed.len(), decoys), (7_727, 155));
        let ranks = mixed.iter().map(|entry| entry.size_rank);
        assert!(ranks.eq((1..=7_727).map(Some)));
        assert!(mixed.iter().all(|entry| entry.state.len() == 2));
        let others = mixed.iter().filter(|entry| !entry.decoy).map(|entry| entry.zipcode);
        assert!(others.eq(pool().into_iter().map(|entry| entry.zipcode)), "in their order");
        assert_ne!(mixed, with_honeypots(pool(), 20, 1_000, &key(2)).expect("mixed"));
        PoolTable::new(mixed).expect("a pool");
    }

    #[test]
    fn none_changes_nothing_and_too_many_are_refused() {
        assert_eq!(with_honeypots(pool(), 0, 1_000, &key(1)).expect("as it was"), pool());
        for honeypots in [1_000, 900] {
            assert!(with_honeypots(pool(), honeypots, 1_000, &key(1)).is_err());
        }
    }
}
