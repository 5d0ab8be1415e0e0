use resi_protocol::rotation::PoolError;

use crate::{Entry, ZipcodePool, ZipcodeTable, rows};

const FILE: &str = "data/zipcodes.csv";
static BYTES: &[u8] = include_bytes!("../../../data/zipcodes.csv");

static PO_BOXES: &[u8] = include_bytes!("../../../data/po-boxes.csv");

/// Zipcodes of post boxes, where nobody lives and no home is sold, by zipcode. None is in the embedded table.
pub fn embedded_po_boxes() -> Vec<Entry> {
    match rows::read(PO_BOXES, "data/po-boxes.csv", usize::MAX) {
        Ok(entries) => entries,
        Err(error) => unreachable!("the embedded list is tested: {error}"),
    }
}

/// The embedded table.
pub fn embedded_table() -> ZipcodeTable {
    match ZipcodeTable::parse(BYTES, FILE) {
        Ok(table) => table,
        Err(error) => unreachable!("the embedded table is tested: {error}"),
    }
}

/// The pool of the first `size` zipcodes of the embedded table: the same as [`embedded_table`] gives, but only as many
/// rows are read, since that table is in order already.
///
/// # Errors
/// [`PoolError::Empty`] when `size` is 0.
pub fn embedded_pool(size: u32) -> Result<ZipcodePool, PoolError> {
    ZipcodePool::new(first_rows(size))
}

fn first_rows(size: u32) -> Vec<Entry> {
    let limit = usize::try_from(size).unwrap_or(usize::MAX);
    match rows::read(BYTES, FILE, limit) {
        Ok(entries) => entries,
        Err(error) => unreachable!("the embedded table is tested: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT_POOL: u32 = 7_572;

    #[test]
    fn the_rows_of_the_file_are_in_order() {
        assert_eq!(first_rows(u32::MAX), embedded_table().entries());
    }

    #[test]
    fn it_has_every_zipcode_and_nothing_is_left_empty_but_metros() {
        let table = embedded_table();
        assert_eq!(table.entries().len(), 33_058);
        assert!(
            table.entries().iter().all(|entry| entry.size_rank.is_some() && entry.state.len() == 2)
        );
        assert!(table.entries().iter().any(|entry| entry.metro.is_empty()));
    }

    #[test]
    fn the_first_rows_give_the_same_pool_as_the_whole_table() {
        let table = embedded_table();
        for size in [1, 2, 1_000, DEFAULT_POOL, 33_057, 33_058, 33_059, u32::MAX] {
            let pool = embedded_pool(size).expect("not 0");
            assert_eq!(pool, table.pool(size).expect("not 0"), "{size}");
            assert_eq!(pool.pool.len(), size.min(33_058));
        }
        assert_eq!(embedded_pool(0), Err(PoolError::Empty));
        assert_eq!(table.pool(0), Err(PoolError::Empty));
    }

    #[test]
    fn the_published_pools_hash_to_what_was_published() {
        let hash = |size| embedded_pool(size).expect("not 0").pool.sha256().to_string();
        assert_eq!(
            hash(DEFAULT_POOL),
            "b79462aa76c2d82e6c9dfa2aff9ab90323168639da9196e5249d08aa7801a977"
        );
        assert_eq!(
            hash(33_058),
            "b66badee8f8effb7cd30481d2cc0615f8c67e73b6200c8fdde3c51c3c23e714e"
        );
    }

    #[test]
    fn every_entry_is_of_the_zipcode_at_its_position() {
        let pool = embedded_pool(DEFAULT_POOL).expect("not 0");
        assert_eq!(pool.entries.len(), pool.pool.zipcodes().len());
        assert!(
            pool.entries.iter().map(|entry| entry.zipcode).eq(pool.pool.zipcodes().iter().copied())
        );
        let first = &pool.entries[0];
        assert_eq!(
            (first.zipcode.as_str(), &*first.state, first.size_rank),
            ("08701", "NJ", Some(1))
        );
        assert_eq!(&*first.metro, "New York-Newark-Jersey City, NY-NJ");
    }

    #[test]
    fn nobody_lives_in_a_post_box() {
        let boxes = embedded_po_boxes();
        let populated: std::collections::HashSet<_> =
            first_rows(u32::MAX).into_iter().map(|entry| entry.zipcode).collect();
        assert_eq!(boxes.len(), 7_565);
        assert!(boxes.iter().all(|entry| !populated.contains(&entry.zipcode)));
        assert!(boxes.iter().all(|entry| entry.state.len() == 2 && entry.size_rank.is_none()));
        assert!(boxes.is_sorted_by_key(|entry| entry.zipcode));
    }

    #[test]
    fn equal_strings_are_kept_once() {
        let entries = first_rows(DEFAULT_POOL);
        let texans: Vec<_> = entries.iter().filter(|entry| &*entry.state == "TX").collect();
        assert!(texans.len() > 100);
        assert!(texans.iter().all(|entry| std::sync::Arc::ptr_eq(&entry.state, &texans[0].state)));
    }
}
