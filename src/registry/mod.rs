//! Who may act as a validator.

#[cfg(feature = "chain")]
mod chain;
mod file;

use std::fmt;
use std::time::Duration;

use resi_protocol::{Hotkey, Timestamp};

#[cfg(feature = "chain")]
pub use chain::ChainRegistry;
pub use file::{FileRegistry, RegistryFileError};

use crate::settings::{RegistrySetting, Settings};

/// The registry of these settings.
///
/// # Errors
/// When it cannot be read.
pub fn open(settings: &Settings, now: Timestamp) -> Result<Box<dyn Registry>, RegistryFileError> {
    Ok(match &settings.registry {
        RegistrySetting::Open => {
            Box::new(OpenRegistry { kind: if settings.mock { "mock" } else { "open" } })
        }
        RegistrySetting::File(path) => {
            Box::new(FileRegistry::open(path.clone(), settings.min_alpha_stake, now)?)
        }
        #[cfg(feature = "chain")]
        RegistrySetting::Chain(chain) => Box::new(ChainRegistry::open(chain, settings)),
    })
}

/// Whether a hotkey may act as a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    Validator,
    /// It may not.
    Stranger,
    /// Nothing is known yet of anybody.
    Unknown,
}

/// How much the registry knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As much as it can.
    Fresh,
    /// It could not be read for a while; what was known before still counts.
    Stale,
    /// What it knows is too old to let anybody in anew.
    Expired,
}

/// Knows who may act as a validator. Asked on the path of requests, so it answers from memory.
pub trait Registry: Send + Sync + fmt::Debug {
    /// Its kind, as in the settings.
    fn kind(&self) -> &'static str;

    /// How `hotkey` stands by what is known.
    fn standing(&self, hotkey: &Hotkey) -> Standing;

    /// How old that knowledge is allowed to be taken for at `now`.
    fn freshness(&self, now: Timestamp) -> Freshness;

    /// Time since the registry was last read without fault; `None` where there is nothing to read.
    fn age(&self, now: Timestamp) -> Option<Duration>;

    /// How many hotkeys may act as validators; `None` where every one may.
    fn validators(&self) -> Option<u64>;

    /// What is wrong with it, in words.
    fn problem(&self) -> Option<String>;

    /// Reads it again, if it is something that can be read. Called every few seconds, off the path of requests.
    fn refresh(&self, now: Timestamp);

    /// The registry as one that follows a chain, where it is one.
    #[cfg(feature = "chain")]
    fn chain(&self) -> Option<&ChainRegistry> {
        None
    }
}

/// Every hotkey whose signature verifies may act as a validator. For development.
#[derive(Clone, Copy, Debug)]
pub struct OpenRegistry {
    /// What it is called: `open`, or `mock`.
    pub kind: &'static str,
}

impl Registry for OpenRegistry {
    fn kind(&self) -> &'static str {
        self.kind
    }

    fn standing(&self, _: &Hotkey) -> Standing {
        Standing::Validator
    }

    fn freshness(&self, _: Timestamp) -> Freshness {
        Freshness::Fresh
    }

    fn age(&self, _: Timestamp) -> Option<Duration> {
        None
    }

    fn validators(&self) -> Option<u64> {
        None
    }

    fn problem(&self) -> Option<String> {
        None
    }

    fn refresh(&self, _: Timestamp) {}
}
