//! What is read from either format, and in which order.

use proptest::prelude::*;
use resi_zipcodes::{Entry, ZipcodeTable};

fn parse(text: &str) -> ZipcodeTable {
    ZipcodeTable::parse(text.as_bytes(), "my.csv").unwrap_or_else(|error| panic!("{error}"))
}

fn zipcodes(table: &ZipcodeTable) -> Vec<&str> {
    table.entries().iter().map(|entry| entry.zipcode.as_str()).collect()
}

fn entry(zipcode: &str, state: &str, metro: &str, size_rank: Option<u32>) -> Entry {
    Entry {
        zipcode: zipcode.parse().expect("a zipcode"),
        state: state.into(),
        metro: metro.into(),
        size_rank,
    }
}

const OURS: &str = "\
zipcode,state,city,county,metro,population,size_rank,latitude,longitude
08701,NJ,Lakewood,Ocean County,\"New York-Newark-Jersey City, NY-NJ\",134008,1,40.0771,-74.1985
77494,TX,Katy,Fort Bend County,\"Houston-Pasadena-The Woodlands, TX\",130920,2,29.7447,-95.8155
00501,NY,,,,0,,,
";

const ZILLOW: &str = "\
RegionID,SizeRank,RegionName,RegionType,StateName,State,City,Metro,CountyName
91982,1,77494,zip,TX,TX,Katy,\"Houston-The Woodlands-Sugar Land, TX\",Fort Bend County
61148,0,08701,zip,NJ,NJ,Lakewood,\"New York-Newark-Jersey City, NY-NJ-PA\",Ocean County
58001,,00501,zip,NY,NY,,,Suffolk County
";

#[test]
fn ours() {
    assert_eq!(
        parse(OURS).entries(),
        [
            entry("08701", "NJ", "New York-Newark-Jersey City, NY-NJ", Some(1)),
            entry("77494", "TX", "Houston-Pasadena-The Woodlands, TX", Some(2)),
            entry("00501", "NY", "", None),
        ]
    );
}

#[test]
fn zillows() {
    assert_eq!(
        parse(ZILLOW).entries(),
        [
            entry("08701", "NJ", "New York-Newark-Jersey City, NY-NJ-PA", Some(0)),
            entry("77494", "TX", "Houston-The Woodlands-Sugar Land, TX", Some(1)),
            entry("00501", "NY", "", None),
        ]
    );
}

#[test]
fn columns_are_found_by_name_and_others_ignored() {
    let needed =
        "note,size_rank,metro,extra,zipcode,state\nx,2,Houston,,77494,TX\n,1,,\"a,b\",08701,NJ\n";
    assert_eq!(
        parse(needed).entries(),
        [entry("08701", "NJ", "", Some(1)), entry("77494", "TX", "Houston", Some(2))]
    );

    // As Zillow ships it: a column for each month behind the others.
    let with_months = ZILLOW
        .replace("CountyName", "CountyName,2024-12-31,2025-01-31")
        .replace("County\n", "County,1.5,\n");
    assert_eq!(parse(&with_months), parse(ZILLOW));
}

#[test]
fn windows_line_ends_a_byte_order_mark_and_no_last_line_feed_are_fine() {
    for text in [OURS, ZILLOW] {
        let table = parse(text);
        assert_eq!(parse(&text.replace('\n', "\r\n")), table);
        assert_eq!(parse(&format!("\u{feff}{text}")), table);
        assert_eq!(parse(&format!("\u{feff}{}", text.replace('\n', "\r\n"))), table);
        assert_eq!(parse(text.trim_end()), table);
        assert_eq!(parse(&format!("{text}\n\r\n\n")), table);
    }
}

#[test]
fn every_field_may_be_quoted_and_hold_quotes() {
    let text = "\"zipcode\",\"state\",\"metro\",\"size_rank\"\n\"08701\",\"NJ\",\"The \"\"Shore\"\", NJ\",\"1\"\n";
    assert_eq!(parse(text).entries(), [entry("08701", "NJ", "The \"Shore\", NJ", Some(1))]);
}

#[test]
fn the_order_is_by_rank_then_zipcode_with_no_rank_last() {
    let text = "zipcode,state,metro,size_rank\n\
        00002,NY,,\n10000,NY,,10\n20000,NY,,9\n00001,NY,,\n00009,NY,,10\n99999,NY,,0\n";
    assert_eq!(zipcodes(&parse(text)), ["99999", "20000", "00009", "10000", "00001", "00002"]);
}

#[test]
fn a_pool_is_cut_from_the_front_and_never_longer_than_the_table() {
    let table = parse(OURS);
    assert_eq!(zipcodes(&table)[..2], ["08701", "77494"]);
    for (size, expected) in [(1, 1), (2, 2), (3, 3), (4, 3), (u32::MAX, 3)] {
        let cut = table.pool(size).expect("not 0");
        assert_eq!(cut.entries, table.entries()[..expected]);
        assert_eq!(table.first(size), cut.entries);
        assert_eq!(cut.pool.len() as usize, expected);
    }
    assert!(table.first(0).is_empty());
    assert!(table.pool(0).is_err());
}

proptest! {
    #[test]
    fn the_order_of_the_rows_does_not_matter(
        ranks in proptest::collection::hash_map(0_u32..100_000, proptest::option::of(0_u32..50), 1..60),
    ) {
        let mut rows: Vec<_> = ranks.into_iter().collect();
        let table = |rows: &[(u32, Option<u32>)]| {
            let rows = rows.iter().map(|(zipcode, rank)| {
                format!("{zipcode:05},TX,,{}\n", rank.map_or(String::new(), |rank| rank.to_string()))
            });
            parse(&format!("zipcode,state,metro,size_rank\n{}", rows.collect::<String>()))
        };
        let unsorted = table(&rows);
        rows.sort_by_key(|(zipcode, rank)| (rank.unwrap_or(u32::MAX), *zipcode));
        prop_assert_eq!(&unsorted, &table(&rows));
        let expected: Vec<_> = rows.iter().map(|(zipcode, _)| format!("{zipcode:05}")).collect();
        prop_assert_eq!(zipcodes(&unsorted), expected);
    }

    #[test]
    fn what_is_written_as_csv_is_read_back(
        states in proptest::collection::vec(("[A-Z]{2}", "[^\r\n]{0,20}"), 1..20),
        crlf: bool,
    ) {
        let mut text = String::from("zipcode,state,metro,size_rank\n");
        for (number, (state, metro)) in states.iter().enumerate() {
            text += &format!("{number:05},{state},\"{}\",{number}\n", metro.replace('"', "\"\""));
        }
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let expected: Vec<_> = (0_u32..)
            .zip(&states)
            .map(|(number, (state, metro))| entry(&format!("{number:05}"), state, metro, Some(number)))
            .collect();
        let table = parse(&text);
        prop_assert_eq!(table.entries(), expected);
    }
}
