use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;

use resi_protocol::Zipcode;
use resi_protocol::rotation::{Pool, PoolError};

use crate::{ReadFileError, TableError, rows};

/// No table needs more, not even one of Zillow's with a column for each month.
const MAX_FILE: u64 = 512 * 1024 * 1024;

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    if file.metadata()?.len() <= MAX_FILE {
        file.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 <= MAX_FILE {
            return Ok(bytes);
        }
    }
    Err(io::Error::other(format!("is larger than {MAX_FILE} bytes")))
}

/// A zipcode and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The zipcode.
    pub zipcode: Zipcode,
    /// Its state, such as `TX`.
    pub state: Arc<str>,
    /// Its metropolitan area; empty where it has none.
    pub metro: Arc<str>,
    /// Its rank by size, the smallest number being the largest; not every zipcode has one.
    pub size_rank: Option<u32>,
}

/// All zipcodes of a table, in the order in which pools are cut from it: by size rank, then by zipcode, those without
/// a rank last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipcodeTable {
    entries: Vec<Entry>,
}

/// A pool and what is known of its zipcodes: the entry at a position is of the zipcode at that position of the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZipcodePool {
    /// The pool.
    pub pool: Pool,
    /// The entry of each zipcode, in the order of the pool.
    pub entries: Vec<Entry>,
}

impl ZipcodeTable {
    /// Reads a table from the bytes of a CSV file; `file` is how errors call it.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(bytes: &[u8], file: &str) -> Result<Self, TableError> {
        let mut entries = rows::read(bytes, file, usize::MAX)?;
        entries.sort_unstable_by_key(|entry| {
            (entry.size_rank.is_none(), entry.size_rank, entry.zipcode)
        });
        Ok(Self { entries })
    }

    /// Reads the table in the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be read, or the first thing that is wrong with it.
    pub fn read_file(path: &Path) -> Result<Self, ReadFileError> {
        let file = path.display().to_string();
        match read_bounded(path) {
            Ok(bytes) => Ok(Self::parse(&bytes, &file)?),
            Err(source) => Err(ReadFileError::Io { file, source }),
        }
    }

    /// All entries, in order. There is at least one.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The first `size` entries, or all of them where there are fewer.
    pub fn first(&self, size: u32) -> &[Entry] {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        &self.entries[..size.min(self.entries.len())]
    }

    /// A pool of the first `size` zipcodes, or of all where there are fewer.
    ///
    /// # Errors
    /// [`PoolError::Empty`] when `size` is 0.
    pub fn pool(&self, size: u32) -> Result<ZipcodePool, PoolError> {
        ZipcodePool::new(self.first(size).to_vec())
    }
}

impl ZipcodePool {
    pub(crate) fn new(entries: Vec<Entry>) -> Result<Self, PoolError> {
        let pool = Pool::new(entries.iter().map(|entry| entry.zipcode).collect())?;
        Ok(Self { pool, entries })
    }
}
