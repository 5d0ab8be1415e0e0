//! What a validator scrapes itself: a few homes or zipcodes to check a consensus by, or everything that one miner
//! reported. Scraping is not done here; what was scraped is handed in.

mod choice;
mod comparison;
mod own_scrape;
mod verdict;

pub use choice::choose;
pub use comparison::{Comparison, FieldCheck, Tolerance};
pub use own_scrape::{ApiStatistics, ApiValidation, HomeVerdict, OwnScrape, ResponseVerdict};
pub use verdict::{Verdict, ZipcodeFigures, check_home, check_zipcode};

/// How spot checks are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpotCheckRules {
    /// Whether they are made.
    pub enabled: bool,
    /// How many homes or zipcodes are checked.
    pub sample_size: u32,
    /// After how many minutes a check is given up.
    pub timeout_minutes: u32,
}

impl Default for SpotCheckRules {
    /// Off; 5 checks of 10 minutes.
    fn default() -> Self {
        Self { enabled: false, sample_size: 5, timeout_minutes: 10 }
    }
}
