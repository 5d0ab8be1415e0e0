//! Batches that tests write down.

use resi_protocol::{Hotkey, Source, Timestamp, Zipcode};

use super::digest::{Digest, Scratch, digest};
use crate::consensus::panel::Panel;
use crate::consensus::{Answer, Batch, Catalog, FIELDS, Report, Settings};
use crate::{Coldkey, Credibilities, Miner};

/// What most say.
pub(super) const TRUE: [u32; FIELDS] = [300_000, 3, 200, 1_500, 7, 8];

/// So many miners that each have an owner.
pub(super) fn panel(seats: u8) -> Panel {
    let miners: Vec<Miner> = (0..seats)
        .map(|seat| {
            let key = Hotkey::from_bytes([seat; 32]);
            Miner { uid: seat.into(), hotkey: key, coldkey: Coldkey(key), active: true }
        })
        .collect();
    Panel::new(&miners, &Credibilities::default())
}

/// A batch of one zipcode, of the miners of [`panel`]: what each says of each home, nothing where it has none.
pub(super) fn batch(
    seats: u8,
    homes: u32,
    says: impl Fn(u8, u32) -> Option<[u32; FIELDS]>,
) -> Digest {
    let zipcode: Zipcode = "77494".parse().expect("five digits");
    let mut catalog = Catalog::new();
    let mut answers = Vec::new();
    for seat in 0..seats {
        let mut report = |home: u32| {
            let values = says(seat, home)?;
            let property = catalog.property(&format!("zillow:{home}"), Source::ZillowSold, zipcode);
            Some(Report { property, values, spelling: [0; FIELDS] })
        };
        let reports = (0..homes).filter_map(&mut report).collect();
        answers.push(Answer {
            uid: seat.into(),
            group: 0,
            completed: true,
            sent_at: Timestamp::UNIX_EPOCH,
            received_at: Timestamp::from_micros((10 + i64::from(seat)) * 60_000_000),
            scrape_started: None,
            reports,
            refused_values: 0,
        });
    }
    let batch = Batch {
        name: "batch_001".to_owned(),
        zipcodes: vec![zipcode],
        answers,
        ..Batch::default()
    };
    digest(&batch, &catalog, &panel(seats), &Settings::default(), &mut Scratch::default())
}
