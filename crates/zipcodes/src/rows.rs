use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use resi_protocol::Zipcode;

use crate::format::{Columns, HeaderError};
use crate::{Entry, RowError, TableError};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads at most `limit` rows, in the order of the file.
pub(crate) fn read(bytes: &[u8], file: &str, limit: usize) -> Result<Vec<Entry>, TableError> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    // One more line feed, so that a quote still open at the very end shows as a field with a line break in it.
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes.chain(&b"\n"[..]));
    let row_error = |offset, reason| TableError::Row {
        file: file.into(),
        line: line_at(bytes, offset),
        reason,
    };

    let mut record = StringRecord::new();
    let Some(offset) =
        next(&mut reader, &mut record).map_err(|(offset, reason)| row_error(offset, reason))?
    else {
        return Err(TableError::EmptyFile { file: file.into() });
    };
    let line = line_at(bytes, offset);
    let columns = Columns::find(&record).map_err(|error| match error {
        HeaderError::Unknown { ours, zillow } => {
            TableError::UnknownHeader { file: file.into(), line, ours, zillow }
        }
        HeaderError::Twice(column) => {
            TableError::DuplicateColumn { file: file.into(), line, column }
        }
    })?;

    // Room for the default pool, so that reading it does not grow step by step.
    let room = limit.min(8_000);
    let mut entries = Vec::with_capacity(room);
    let mut offsets: HashMap<Zipcode, u64> = HashMap::with_capacity(room);
    let mut interner = Interner::default();
    while entries.len() < limit {
        let found =
            next(&mut reader, &mut record).map_err(|(offset, reason)| row_error(offset, reason))?;
        let Some(offset) = found else { break };
        let entry =
            entry(&record, &columns, &mut interner).map_err(|reason| row_error(offset, reason))?;
        if let Some(first) = offsets.insert(entry.zipcode, offset) {
            let (zipcode, first_line) = (entry.zipcode, line_at(bytes, first));
            return Err(row_error(offset, RowError::Duplicate { zipcode, first_line }));
        }
        entries.push(entry);
    }
    if entries.is_empty() && limit > 0 {
        return Err(TableError::NoRows { file: file.into() });
    }
    Ok(entries)
}

/// Reads the next record, and says at which byte it begins.
fn next<R: Read>(
    reader: &mut csv::Reader<R>,
    record: &mut StringRecord,
) -> Result<Option<u64>, (u64, RowError)> {
    let offset = reader.position().byte();
    match reader.read_record(record) {
        Ok(false) => Ok(None),
        Ok(true) if has_line_break(record.as_slice()) => Err((offset, RowError::OpenQuote)),
        Ok(true) => Ok(Some(offset)),
        Err(error) => Err((
            offset,
            match error.kind() {
                ErrorKind::Utf8 { err, .. } => RowError::NotUtf8 { field: err.field() + 1 },
                _ => RowError::Unreadable(error.to_string()),
            },
        )),
    }
}

fn entry(
    record: &StringRecord,
    columns: &Columns,
    interner: &mut Interner,
) -> Result<Entry, RowError> {
    if record.len() != columns.count {
        return Err(RowError::Fields { found: record.len(), expected: columns.count });
    }
    if let Some(column) = columns.region_type
        && &record[column] != "zip"
    {
        return Err(RowError::RegionType(excerpt(&record[column])));
    }
    let state = &record[columns.state];
    if state.is_empty() {
        return Err(RowError::NoState);
    }
    Ok(Entry {
        zipcode: zipcode(&record[columns.zipcode])?,
        size_rank: size_rank(&record[columns.size_rank])?,
        state: interner.intern(state),
        metro: interner.intern(&record[columns.metro]),
    })
}

fn zipcode(text: &str) -> Result<Zipcode, RowError> {
    text.parse().map_err(|_| {
        if matches!(text.len(), 3 | 4) && is_digits(text) {
            RowError::LostLeadingZero(text.into())
        } else {
            RowError::Zipcode(excerpt(text))
        }
    })
}

fn size_rank(text: &str) -> Result<Option<u32>, RowError> {
    if text.is_empty() {
        return Ok(None);
    }
    let rank = if is_digits(text) { text.parse().ok() } else { None };
    rank.map(Some).ok_or_else(|| RowError::SizeRank(excerpt(text)))
}

fn has_line_break(fields: &str) -> bool {
    fields.as_bytes().contains(&b'\n') || fields.as_bytes().contains(&b'\r')
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The line of the record that the reader begins to read at `offset`. The reader counts a line feed that ended the
/// record before, and blank lines, to the record after them.
fn line_at(bytes: &[u8], offset: u64) -> u64 {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    let blank = bytes[offset..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let feeds = bytes[..offset + blank].iter().filter(|byte| **byte == b'\n').count();
    feeds as u64 + 1
}

/// Keeps one copy of each string: a table has thousands of rows and some dozens of states.
#[derive(Default)]
struct Interner(HashSet<Arc<str>>);

impl Interner {
    fn intern(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.0.get(text) {
            return Arc::clone(known);
        }
        let new: Arc<str> = text.into();
        self.0.insert(Arc::clone(&new));
        new
    }
}
