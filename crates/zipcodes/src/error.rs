use std::io;

use resi_protocol::Zipcode;

/// Why a file is no table of zipcodes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Not even a header.
    #[error("{file}: the file is empty")]
    EmptyFile {
        /// The file.
        file: String,
    },
    /// A header of neither format.
    #[error(
        "{file}, line {line}: the header is of neither format: for the one of this service it lacks {}; for Zillow's it lacks {}",
        ours.join(", "), zillow.join(", ")
    )]
    UnknownHeader {
        /// The file.
        file: String,
        /// The line of the header.
        line: u64,
        /// The columns that the format of this service needs and the header does not have.
        ours: Vec<&'static str>,
        /// The columns that Zillow's format needs and the header does not have.
        zillow: Vec<&'static str>,
    },
    /// A column that is read is there twice.
    #[error("{file}, line {line}: the header has the column {column} twice")]
    DuplicateColumn {
        /// The file.
        file: String,
        /// The line of the header.
        line: u64,
        /// The column.
        column: &'static str,
    },
    /// A header, but not one zipcode.
    #[error("{file}: there is no zipcode below the header")]
    NoRows {
        /// The file.
        file: String,
    },
    /// A bad row.
    #[error("{file}, line {line}: {reason}")]
    Row {
        /// The file.
        file: String,
        /// The line on which the row begins, counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: RowError,
    },
}

/// What is wrong with a row. Texts are at most 40 characters of what stands there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// More or fewer fields than the header.
    #[error("the row has {found} fields, the header has {expected}")]
    Fields {
        /// How many fields the row has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// A quoted field goes on over the end of its line.
    #[error("a quote is opened and not closed on the same line")]
    OpenQuote,
    /// Bytes that are no UTF-8.
    #[error("field {field} is not UTF-8")]
    NotUtf8 {
        /// The number of the field, counted from 1.
        field: usize,
    },
    /// Not five digits.
    #[error("zipcode {0:?} is not five digits")]
    Zipcode(String),
    /// Three or four digits: a spreadsheet took the zipcode for a number.
    #[error(
        "zipcode {0:?} has lost its leading zero: save that column as text, so that it reads {0:0>5}"
    )]
    LostLeadingZero(String),
    /// The same zipcode once more.
    #[error("zipcode {zipcode} is on line {first_line} already")]
    Duplicate {
        /// The zipcode.
        zipcode: Zipcode,
        /// The line on which it is first.
        first_line: u64,
    },
    /// No state.
    #[error("the state is empty")]
    NoState,
    /// Neither empty nor a whole number.
    #[error("size rank {0:?} is neither a whole number below 2^32 nor empty")]
    SizeRank(String),
    /// A row of Zillow's about something else.
    #[error("RegionType is {0:?}; only a table by zip can be read")]
    RegionType(String),
    /// The CSV reader gave up.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

/// Why no table could be read from a path.
#[derive(Debug, thiserror::Error)]
pub enum ReadFileError {
    /// The file could not be read.
    #[error("cannot read {file}: {source}")]
    Io {
        /// The file.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It was read, but is no table.
    #[error(transparent)]
    Table(#[from] TableError),
}
