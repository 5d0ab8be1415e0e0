//! What is wrong with a file is said with its name, the line and the reason, and nothing makes the reader panic.

use std::fs::File;
use std::path::Path;

use proptest::prelude::*;
use resi_zipcodes::{ReadFileError, ZipcodeTable};

fn message(bytes: &[u8]) -> String {
    ZipcodeTable::parse(bytes, "my.csv").expect_err("a bad file").to_string()
}

/// The error of a file in our format with this second row, which begins on line 3.
fn bad_row(row: &[u8]) -> String {
    message(&[b"zipcode,state,metro,size_rank\n08701,NJ,,1\n", row, b"\n10001,NY,,3\n"].concat())
}

/// The error of a file in Zillow's format with this second row, which begins on line 3.
fn bad_zillow_row(row: &str) -> String {
    message(
        format!(
            "RegionID,SizeRank,RegionName,RegionType,StateName,State,City,Metro,CountyName\n\
         61148,0,08701,zip,NJ,NJ,Lakewood,,Ocean County\n{row}\n"
        )
        .as_bytes(),
    )
}

#[test]
fn bad_rows() {
    let cases: [(&[u8], &str); 17] = [
        (b"77494,TX,Houston", "the row has 3 fields, the header has 4"),
        (b"77494,TX,Houston, TX,2", "the row has 5 fields, the header has 4"),
        (b"77494", "the row has 1 fields, the header has 4"),
        (
            b"7749,TX,,2",
            "zipcode \"7749\" has lost its leading zero: save that column as text, so that it reads 07749",
        ),
        (
            b"501,NY,,2",
            "zipcode \"501\" has lost its leading zero: save that column as text, so that it reads 00501",
        ),
        (b"774944,TX,,2", "zipcode \"774944\" is not five digits"),
        (b"7749x,TX,,2", "zipcode \"7749x\" is not five digits"),
        (b" 77494,TX,,2", "zipcode \" 77494\" is not five digits"),
        (b",TX,,2", "zipcode \"\" is not five digits"),
        (b"77494,,,2", "the state is empty"),
        (
            b"77494,TX,,second",
            "size rank \"second\" is neither a whole number below 2^32 nor empty",
        ),
        (b"77494,TX,,2.0", "size rank \"2.0\" is neither a whole number below 2^32 nor empty"),
        (b"77494,TX,,-1", "size rank \"-1\" is neither a whole number below 2^32 nor empty"),
        (b"77494,TX,,+2", "size rank \"+2\" is neither a whole number below 2^32 nor empty"),
        (
            b"77494,TX,,4294967296",
            "size rank \"4294967296\" is neither a whole number below 2^32 nor empty",
        ),
        (b"77494,TX,Houst\xf6n,2", "field 3 is not UTF-8"),
        (b"08701,NJ,,2", "zipcode 08701 is on line 2 already"),
    ];
    for (row, reason) in cases {
        assert_eq!(bad_row(row), format!("my.csv, line 3: {reason}"));
    }
}

#[test]
fn a_quote_that_is_not_closed() {
    let open = "my.csv, line 3: a quote is opened and not closed on the same line";
    assert_eq!(bad_row(b"77494,TX,\"Houston,2"), open);
    assert_eq!(bad_row(b"\"77494,TX,Houston,2"), open);
    // Even where no line follows, and where the row would have all its fields.
    let header = b"zipcode,state,metro,size_rank\n08701,NJ,,1\n".as_slice();
    for end in [b"".as_slice(), b"\n", b"\r\n"] {
        for last in [b"77494,TX,,\"2".as_slice(), b"77494,TX,,\"", b"77494,TX,,\"2\"\""] {
            assert_eq!(message(&[header, last, end].concat()), open);
        }
    }
    assert_eq!(message(b"zipcode,state,metro,\"size_rank\n08701,NJ,,1\n"), open.replace('3', "1"));
}

#[test]
fn bad_rows_of_zillows() {
    assert_eq!(
        bad_zillow_row("102001,0,United States,country,,,,,"),
        "my.csv, line 3: RegionType is \"country\"; only a table by zip can be read"
    );
    assert_eq!(
        bad_zillow_row("58196,5,1001,zip,MA,MA,Agawam,\"Springfield, MA\",Hampden County"),
        "my.csv, line 3: zipcode \"1001\" has lost its leading zero: save that column as text, so that it reads 01001"
    );
    assert_eq!(
        bad_zillow_row("58196,5,01001,zip,MA,MA,Agawam,Springfield, MA,Hampden County"),
        "my.csv, line 3: the row has 10 fields, the header has 9"
    );
    assert_eq!(
        bad_zillow_row("1,5,08701,zip,NJ,NJ,,,"),
        "my.csv, line 3: zipcode 08701 is on line 2 already"
    );
}

#[test]
fn headers() {
    assert_eq!(message(b""), "my.csv: the file is empty");
    assert_eq!(message(b"\xef\xbb\xbf"), "my.csv: the file is empty");
    assert_eq!(message(b"\n\r\n\n"), "my.csv: the file is empty");
    assert_eq!(
        message(b"zipcode,state,metro,size_rank"),
        "my.csv: there is no zipcode below the header"
    );
    assert_eq!(
        message(b"zipcode,state,metro,size_rank\n\n\n"),
        "my.csv: there is no zipcode below the header"
    );
    assert_eq!(
        message(b"zip,state,size_rank,metro\n08701,NJ,,1\n"),
        "my.csv, line 1: the header is of neither format: for the one of this service it lacks zipcode; \
         for Zillow's it lacks RegionName, State, Metro, SizeRank, RegionType"
    );
    assert_eq!(
        message(b"RegionID,SizeRank,RegionName,StateName,City,Metro,CountyName\n"),
        "my.csv, line 1: the header is of neither format: for the one of this service it lacks \
         zipcode, state, metro, size_rank; for Zillow's it lacks State, RegionType"
    );
    assert_eq!(
        message(b"Zipcode,State,Metro,SizeRank\n08701,NJ,,1\n"),
        "my.csv, line 1: the header is of neither format: for the one of this service it lacks \
         zipcode, state, metro, size_rank; for Zillow's it lacks RegionName, RegionType"
    );
    assert_eq!(
        message(b"zipcode;state;metro;size_rank\n08701;NJ;;1\n"),
        "my.csv, line 1: the header is of neither format: for the one of this service it lacks \
         zipcode, state, metro, size_rank; for Zillow's it lacks RegionName, State, Metro, SizeRank, RegionType"
    );
    assert_eq!(
        message(b"zipcode,state,metro,size_rank,state\n08701,NJ,,1,NJ\n"),
        "my.csv, line 1: the header has the column state twice"
    );
    // As a spreadsheet saves "Unicode text": UTF-16.
    assert_eq!(message(b"\xff\xfez\0i\0p\0"), "my.csv, line 1: field 1 is not UTF-8");
}

#[test]
fn lines_are_counted_as_an_editor_counts_them() {
    let rows =
        ["zipcode,state,metro,size_rank", "08701,NJ,,1", "", "77494,TX,,2", "x", "10001,NY,,3"];
    let expected = "my.csv, line 5: the row has 1 fields, the header has 4";
    assert_eq!(message(rows.join("\n").as_bytes()), expected);
    assert_eq!(message(rows.join("\r\n").as_bytes()), expected);
    assert_eq!(message(format!("\u{feff}{}", rows.join("\r\n")).as_bytes()), expected);

    let rows =
        ["", "zipcode,state,metro,size_rank", "", "08701,NJ,,1", "", "77494,TX,,2", "08701,NJ,,3"];
    let expected = "my.csv, line 7: zipcode 08701 is on line 4 already";
    assert_eq!(message(rows.join("\n").as_bytes()), expected);
    assert_eq!(message(rows.join("\r\n").as_bytes()), expected);

    let many: String =
        (0..5_000).map(|number| format!("{number:05},TX,\"Metro, {number}\",1\r\n")).collect();
    let text = format!("zipcode,state,metro,size_rank\r\n{many}04321,TX,,1\r\n");
    assert_eq!(
        message(text.as_bytes()),
        "my.csv, line 5002: zipcode 04321 is on line 4323 already"
    );
}

#[test]
fn what_is_shown_of_a_file_is_short() {
    let long = "9".repeat(100_000);
    assert!(bad_row(format!("{long},TX,,1").as_bytes()).len() < 100);
    assert!(bad_row(format!("77494,TX,,{long}").as_bytes()).len() < 140);
    assert!(bad_zillow_row(&format!("1,1,77494,{long},TX,TX,,,")).len() < 140);
}

#[test]
fn a_file_that_is_not_there() {
    let error =
        ZipcodeTable::read_file(Path::new("no/such/zipcodes.csv")).expect_err("no such file");
    assert!(matches!(error, ReadFileError::Io { .. }));
    assert!(error.to_string().starts_with("cannot read no/such/zipcodes.csv: "), "{error}");
}

#[test]
fn a_file_that_is_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/zipcodes.csv");
    assert_eq!(ZipcodeTable::read_file(&path).expect("the table").entries().len(), 33_058);
    let error =
        ZipcodeTable::read_file(&path.with_file_name("PROVENANCE.md")).expect_err("no table");
    assert!(matches!(error, ReadFileError::Table(_)));
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = ZipcodeTable::parse(&bytes, "my.csv");
    }

    #[test]
    fn nothing_below_a_header_panics(zillow: bool, bytes in "[0-9a-z,\"\r\n é]{0,200}") {
        let header = if zillow { "RegionName,State,Metro,SizeRank,RegionType" } else { "zipcode,state,metro,size_rank" };
        let _ = ZipcodeTable::parse(format!("{header}\n{bytes}").as_bytes(), "my.csv");
    }

    #[test]
    fn a_byte_changed_anywhere_is_read_or_refused_but_no_row_is_lost(at in 0_usize..200, byte: u8) {
        let mut bytes = b"zipcode,state,metro,size_rank\n08701,NJ,\"New York, NY\",1\n77494,TX,,2\n00501,NY,,\n".to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(table) = ZipcodeTable::parse(&bytes, "my.csv") {
            prop_assert_eq!(table.entries().len(), 3);
        }
    }
}

#[test]
fn a_file_that_no_table_has_the_size_of_is_not_read() {
    let path = std::env::temp_dir().join(format!("resi-zipcodes-{}.csv", std::process::id()));
    // Of zeros that take no room.
    File::create(&path).and_then(|file| file.set_len(1 << 40)).expect("made");
    let error = ZipcodeTable::read_file(&path).expect_err("no table");
    std::fs::remove_file(&path).expect("removed");
    assert!(error.to_string().contains("is larger than"), "{error}");
}
