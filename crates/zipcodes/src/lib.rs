//! The table of US zipcodes that pools are cut from: the embedded one, or a file of the operator's.
//!
//! Two formats are told apart by their header, and columns are found by name: the one of `data/zipcodes.csv`, and the
//! one in which Zillow publishes its data by zipcode. Whatever is wrong with a file is an error that names file, line
//! and reason; no row is ever skipped.
//!
//! ```
//! use resi_zipcodes::ZipcodeTable;
//!
//! let file = "zipcode,state,metro,size_rank\n10001,NY,New York,\n77494,TX,Houston,2\n08701,NJ,New York,1\n";
//! let table = ZipcodeTable::parse(file.as_bytes(), "my.csv")?;
//! let top = table.pool(2)?;
//! assert_eq!(top.pool.zipcodes(), ["08701".parse()?, "77494".parse()?]);
//! assert_eq!(&*top.entries[1].state, "TX");
//!
//! let error = ZipcodeTable::parse(b"zipcode,state,metro,size_rank\n1001,MA,,7\n", "my.csv").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "my.csv, line 2: zipcode \"1001\" has lost its leading zero: save that column as text, so that it reads 01001"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]

mod embedded;
mod error;
mod format;
mod rows;
mod table;

pub use embedded::{embedded_po_boxes, embedded_pool, embedded_table};
pub use error::{ReadFileError, RowError, TableError};
pub use table::{Entry, ZipcodePool, ZipcodeTable};
