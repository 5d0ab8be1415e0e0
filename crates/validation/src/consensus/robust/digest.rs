use std::collections::HashMap;

use resi_protocol::Timestamp;

use super::camps::{self, Camps};
use super::clusters::Entry;
use crate::consensus::admission::admit;
use crate::consensus::panel::Panel;
use crate::consensus::{
    ABSENT, Answer, Batch, Catalog, FIELDS, PropertyId, Refusal, RefusalReason, Report, Settings,
};

/// As many miners are compared with each other in a batch as a mask has bits.
pub(super) const SEATS: usize = 64;
/// Stands where one miner said two different things.
const CONTRADICTION: u32 = ABSENT - 1;

/// A miner of a batch whose answer counts.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) miner: usize,
    pub(super) owner: usize,
    pub(super) group: u16,
    pub(super) received_at: Timestamp,
    pub(super) homes: u32,
    pub(super) refused_values: u32,
    /// For each zipcode of the batch, how many homes, and their median price.
    pub(super) zipcodes: Vec<(u32, u32)>,
}

/// A home that somebody reported in a batch, and where its entries lie.
#[derive(Clone, Debug)]
pub(super) struct Home {
    pub(super) property: PropertyId,
    pub(super) zipcode: u16,
    pub(super) seats: u64,
    first_entry: u32,
    ends: [u16; FIELDS],
}

/// All that is needed of the answers of one batch: who said what, each different value once.
///
/// It is a hundredth of the answers' size where miners agree, so the answers can be dropped when it is made.
#[derive(Clone, Debug)]
pub(super) struct Digest {
    pub(super) batch: String,
    pub(super) zipcodes: Vec<resi_protocol::Zipcode>,
    pub(super) assigned: Vec<usize>,
    pub(super) seats: Vec<Seat>,
    pub(super) homes: Vec<Home>,
    entries: Vec<Entry>,
    pub(super) camps: Camps,
    pub(super) refused: Vec<Refusal>,
}

impl Digest {
    pub(super) fn entries(&self, home: &Home, field: usize) -> &[Entry] {
        let begin = if field == 0 { 0 } else { home.ends[field - 1] };
        let first = home.first_entry as usize;
        &self.entries[first + usize::from(begin)..first + usize::from(home.ends[field])]
    }
}

/// What is reused from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    row_of: Vec<u32>,
}

type Cells = [u32; FIELDS];

pub(super) fn digest(
    batch: &Batch,
    catalog: &Catalog,
    panel: &Panel,
    settings: &Settings,
    scratch: &mut Scratch,
) -> Digest {
    let (admitted, refused) = admit_all(batch, panel, settings);
    let table = Table::of(&admitted, batch, catalog, scratch);
    let mut digest = Digest {
        batch: batch.name.clone(),
        zipcodes: batch.zipcodes.clone(),
        assigned: batch.assigned.iter().filter_map(|&uid| panel.position(uid)).collect(),
        seats: seats_of(&admitted, &table, panel, batch.zipcodes.len()),
        homes: Vec::with_capacity(table.rows.len()),
        entries: Vec::with_capacity(table.rows.len() * 8),
        camps: Camps::default(),
        refused,
    };
    let mut lists: [Vec<Entry>; FIELDS] = Default::default();
    for (row, &(property, zipcode)) in table.rows.iter().enumerate() {
        table.distinct_into(row, &mut lists);
        let first_entry = digest.entries.len() as u32;
        let mut end = 0;
        let ends = std::array::from_fn(|field| {
            digest.entries.extend_from_slice(&lists[field]);
            end += lists[field].len() as u16;
            end
        });
        digest.homes.push(Home { property, zipcode, seats: table.present[row], first_entry, ends });
    }
    digest.camps = camps::camps(&digest, settings);
    digest
}

/// The answers that count, by miner; more than one of a miner are read as one.
fn admit_all<'a>(
    batch: &'a Batch,
    panel: &Panel,
    settings: &Settings,
) -> (Vec<(usize, Vec<&'a Answer>)>, Vec<Refusal>) {
    let mut refused = batch.refused.clone();
    let mut admitted: Vec<(usize, &Answer)> = Vec::new();
    let refuse = |uid, reason, detail: &str| Refusal {
        uid,
        batch: batch.name.clone(),
        reason,
        detail: detail.to_owned(),
    };
    for answer in &batch.answers {
        match (admit(answer, batch, settings), panel.position(answer.uid)) {
            (Err(refusal), _) => refused.push(refusal),
            (Ok(()), None) => {
                refused.push(refuse(
                    answer.uid,
                    RefusalReason::UnknownMiner,
                    "not in the metagraph",
                ));
            }
            (Ok(()), Some(miner)) => admitted.push((miner, answer)),
        }
    }
    admitted.sort_by_key(|&(miner, answer)| (miner, answer.received_at));
    let mut by_miner: Vec<(usize, Vec<&Answer>)> = Vec::new();
    for (miner, answer) in admitted {
        let full = by_miner.len() == SEATS;
        match by_miner.last_mut() {
            Some((last, answers)) if *last == miner => answers.push(answer),
            _ if full => {
                refused.push(refuse(
                    answer.uid,
                    RefusalReason::BatchFull,
                    "only 64 miners are compared",
                ));
            }
            _ => by_miner.push((miner, vec![answer])),
        }
    }
    (by_miner, refused)
}

/// The reports of a batch: a column of cells for each seat, a row for each home.
struct Table {
    rows: Vec<(PropertyId, u16)>,
    present: Vec<u64>,
    columns: Vec<Vec<Cells>>,
}

impl Table {
    fn of(
        admitted: &[(usize, Vec<&Answer>)],
        batch: &Batch,
        catalog: &Catalog,
        scratch: &mut Scratch,
    ) -> Self {
        const NO_ROW: u32 = u32::MAX;
        scratch.row_of.resize(catalog.properties(), NO_ROW);
        let position: HashMap<_, _> = batch
            .zipcodes
            .iter()
            .enumerate()
            .map(|(position, &zipcode)| (zipcode, position as u16))
            .collect();
        let mut table = Self { rows: Vec::new(), present: Vec::new(), columns: Vec::new() };
        for (seat, (_, answers)) in admitted.iter().enumerate() {
            let mut column: Vec<Cells> = Vec::with_capacity(table.rows.len());
            for report in answers.iter().flat_map(|answer| &answer.reports) {
                let Some(row) = scratch.row_of.get_mut(report.property.0 as usize) else {
                    continue;
                };
                if *row == NO_ROW {
                    let zipcode =
                        catalog.property_of(report.property).and_then(|p| position.get(&p.zipcode));
                    let Some(&zipcode) = zipcode else { continue };
                    *row = table.rows.len() as u32;
                    table.rows.push((report.property, zipcode));
                    table.present.push(0);
                }
                let row = *row as usize;
                if column.len() <= row {
                    column.resize(row + 1, [ABSENT; FIELDS]);
                }
                if table.present[row] >> seat & 1 == 0 {
                    table.present[row] |= 1 << seat;
                    column[row] = report.values;
                } else {
                    merge(&mut column[row], report);
                }
            }
            table.columns.push(column);
        }
        for (property, _) in &table.rows {
            scratch.row_of[property.0 as usize] = NO_ROW;
        }
        table
    }

    /// For each field the different values of a row, rising, with the seats that reported them.
    fn distinct_into(&self, row: usize, lists: &mut [Vec<Entry>; FIELDS]) {
        lists.iter_mut().for_each(Vec::clear);
        let mut left = self.present[row];
        while left != 0 {
            let seat = left.trailing_zeros();
            left &= left - 1;
            let cells = &self.columns[seat as usize][row];
            for (list, &value) in lists.iter_mut().zip(cells) {
                match list.iter_mut().find(|entry| entry.value == value) {
                    Some(entry) => entry.seats |= 1 << seat,
                    None if value >= CONTRADICTION => {}
                    None => list.push(Entry { value, seats: 1 << seat }),
                }
            }
        }
        for list in lists.iter_mut().filter(|list| list.len() > 1) {
            list.sort_unstable_by_key(|entry| entry.value);
        }
    }
}

/// Who says two different things about a field has said nothing.
fn merge(cells: &mut Cells, report: &Report) {
    for (cell, &value) in cells.iter_mut().zip(&report.values) {
        if *cell == ABSENT {
            *cell = value;
        } else if value != ABSENT && value != *cell {
            *cell = CONTRADICTION;
        }
    }
}

fn seats_of(
    admitted: &[(usize, Vec<&Answer>)],
    table: &Table,
    panel: &Panel,
    zipcodes: usize,
) -> Vec<Seat> {
    let mut prices: Vec<Vec<u32>> = vec![Vec::new(); zipcodes];
    let mut seats = Vec::with_capacity(admitted.len());
    for (seat, (miner, answers)) in admitted.iter().enumerate() {
        let mut counts = vec![0u32; zipcodes];
        for (row, cells) in table.columns[seat].iter().enumerate() {
            if table.present[row] >> seat & 1 == 1 {
                let zipcode = usize::from(table.rows[row].1);
                counts[zipcode] += 1;
                if cells[0] < CONTRADICTION {
                    prices[zipcode].push(cells[0]);
                }
            }
        }
        let last = answers.last();
        seats.push(Seat {
            miner: *miner,
            owner: panel.owner(*miner),
            group: answers.iter().map(|answer| answer.group).min().unwrap_or(0),
            received_at: last.map_or(Timestamp::UNIX_EPOCH, |answer| answer.received_at),
            homes: counts.iter().sum(),
            refused_values: answers
                .iter()
                .map(|answer| answer.refused_values)
                .fold(0, u32::saturating_add),
            zipcodes: counts
                .into_iter()
                .zip(prices.iter_mut().map(|prices| median(prices)))
                .collect(),
        });
        prices.iter_mut().for_each(Vec::clear);
    }
    seats
}

pub(super) fn median(values: &mut [u32]) -> u32 {
    if values.is_empty() {
        return 0;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable(middle).1
}
