use resi_protocol::{Hotkey, Source, Timestamp, Zipcode};
use resi_validation::consensus::{
    ABSENT, Answer, Batch, Catalog, Conclusion, Epoch, FIELDS, Field, FieldVerdict, Majority,
    Memory, PropertyVerdict, Report, Robust, Settings, Strategy,
};
use resi_validation::{Coldkey, Miner};

pub(crate) const MINUTE: i64 = 60_000_000;

pub(crate) fn zipcode(text: &str) -> Zipcode {
    text.parse().expect("five digits")
}

/// A name of at most 32 bytes as a key.
fn key(name: &str) -> Hotkey {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Hotkey::from_bytes(bytes)
}

/// An epoch that is written down miner by miner.
pub(crate) struct Story {
    pub(crate) epoch: Epoch,
}

impl Story {
    /// With so many batches of one zipcode each.
    pub(crate) fn new(batches: usize) -> Self {
        let batch = |position: usize| Batch {
            name: format!("batch_{:03}", position + 1),
            zipcodes: vec![zipcode(&format!("{}", 77_001 + position))],
            ..Batch::default()
        };
        let batches = (0..batches).map(batch).collect();
        Self { epoch: Epoch { id: "2025-01-15T08-00-00".to_owned(), batches, ..Epoch::default() } }
    }

    /// Miners that each have an owner of their own.
    pub(crate) fn miners(&mut self, uids: impl IntoIterator<Item = u16>) {
        for uid in uids {
            self.miner(uid, &format!("owner-{uid}"));
        }
    }

    pub(crate) fn miner(&mut self, uid: u16, owner: &str) {
        let miner = Miner {
            uid,
            hotkey: key(&format!("hotkey-{uid}")),
            coldkey: Coldkey(key(owner)),
            active: true,
        };
        self.epoch.miners.push(miner);
        for batch in &mut self.epoch.batches {
            batch.assigned.push(uid);
        }
    }

    pub(crate) fn answer(&mut self, batch: usize, uid: u16) -> &mut Answer {
        let answers = &mut self.epoch.batches[batch].answers;
        let known = answers.iter().position(|answer| answer.uid == uid);
        let position = known.unwrap_or_else(|| {
            answers.push(Answer {
                uid,
                group: uid % 2,
                completed: true,
                sent_at: Timestamp::UNIX_EPOCH,
                // Far enough from each other to be chance.
                received_at: Timestamp::from_micros((10 + 4 * i64::from(uid)) * MINUTE),
                scrape_started: None,
                reports: Vec::new(),
                refused_values: 0,
            });
            answers.len() - 1
        });
        &mut answers[position]
    }

    pub(crate) fn says(&mut self, batch: usize, uid: u16, home: u32, values: [u32; FIELDS]) {
        let zipcode = self.epoch.batches[batch].zipcodes[0];
        let property =
            self.epoch.catalog.property(&format!("zillow:{home}"), Source::ZillowSold, zipcode);
        self.answer(batch, uid).reports.push(Report { property, values, spelling: [0; FIELDS] });
    }

    /// Only the price; everything else is an abstention.
    pub(crate) fn price(&mut self, batch: usize, uid: u16, home: u32, price: u32) {
        self.says(batch, uid, home, [price, ABSENT, ABSENT, ABSENT, ABSENT, ABSENT]);
    }

    /// How the last report of a miner was written.
    pub(crate) fn spelled(&mut self, batch: usize, uid: u16, spelling: u8) {
        if let Some(report) = self.answer(batch, uid).reports.last_mut() {
            report.spelling = [spelling; FIELDS];
        }
    }

    pub(crate) fn robust(&self) -> Verdicts<'_> {
        self.judged_by(&Robust::default())
    }

    pub(crate) fn majority(&self) -> Verdicts<'_> {
        self.judged_by(&Majority::default())
    }

    fn judged_by(&self, strategy: &dyn Strategy) -> Verdicts<'_> {
        Verdicts {
            conclusion: strategy.judge(&self.epoch, &Memory::default()),
            catalog: &self.epoch.catalog,
        }
    }
}

pub(crate) struct Verdicts<'a> {
    pub(crate) conclusion: Conclusion,
    catalog: &'a Catalog,
}

impl Verdicts<'_> {
    pub(crate) fn home(&self, home: u32) -> &PropertyVerdict {
        let key = format!("zillow:{home}");
        let is_it = |verdict: &&PropertyVerdict| {
            self.catalog.property_of(verdict.property).is_some_and(|property| property.key == key)
        };
        self.conclusion.judgement.properties.iter().find(is_it).expect("somebody reported it")
    }

    pub(crate) fn field(&self, home: u32, field: Field) -> FieldVerdict {
        self.home(home).fields[field as usize]
    }

    /// What is accepted as the price.
    pub(crate) fn price(&self, home: u32) -> Option<u32> {
        let home = self.home(home);
        home.fields[Field::Price as usize].value.filter(|_| home.accepted)
    }

    pub(crate) fn found(&self) -> Vec<u16> {
        self.conclusion.judgement.found().into_iter().collect()
    }

    pub(crate) fn hash(&self) -> String {
        self.conclusion.consensus_hash(self.catalog)
    }
}

pub(crate) fn most_homes() -> usize {
    Settings::default().max_homes_per_zipcode as usize
}
