use resi_protocol::Zipcode;
use serde::{Deserialize, Serialize};

use super::Share;

/// Of the honeypots of a miner, the first so many are named.
const SHOWN: usize = 5;

/// What a miner is found to have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// Owners that agree with each other on disputed values, against more than half of all owners.
    Colluding,
    /// The errors of an earlier answer.
    CopiedContent,
    /// Values nobody shares, homes nobody else sees.
    Fabricated,
    /// Answers at the same moment as others, over and over.
    Synchronized,
    /// Much less than was asked for.
    Incomplete,
    /// Faster or slower than can be.
    ImplausibleTime,
    /// Values that are none.
    ImplausibleValues,
    /// The same number of homes in every zipcode, where the zipcodes differ.
    IdenticalCounts,
}

impl FindingKind {
    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Colluding => "colluding",
            Self::CopiedContent => "copied_content",
            Self::Fabricated => "fabricated",
            Self::Synchronized => "synchronized",
            Self::Incomplete => "incomplete",
            Self::ImplausibleTime => "implausible_time",
            Self::ImplausibleValues => "implausible_values",
            Self::IdenticalCounts => "identical_counts",
        }
    }

    /// Whether those found weigh nothing from then on. The other kinds cost credibility only.
    pub const fn convicts(self) -> bool {
        matches!(self, Self::Colluding | Self::CopiedContent | Self::Fabricated)
    }
}

/// Something found, with what shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What.
    pub kind: FindingKind,
    /// The uids, rising.
    pub miners: Vec<u16>,
    /// How sure, from 0 to 1; what it measures depends on the kind and is in the evidence.
    pub score: Share,
    /// For people.
    pub evidence: String,
}

impl Finding {
    /// Of a miner that reported homes in honeypots: which, and how many in each.
    pub(crate) fn of_honeypots(uid: u16, zipcodes: &[(Zipcode, u32)]) -> Self {
        let homes: u32 = zipcodes.iter().map(|&(_, homes)| homes).sum();
        let names: Vec<_> =
            zipcodes.iter().take(SHOWN).map(|(zipcode, _)| zipcode.to_string()).collect();
        Self {
            kind: FindingKind::Fabricated,
            miners: vec![uid],
            score: Share::ONE,
            evidence: format!(
                "{homes} homes where none is sold, in {} honeypots: {}",
                zipcodes.len(),
                names.join(" ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_name_is_that_in_json() {
        for kind in [
            FindingKind::Colluding,
            FindingKind::CopiedContent,
            FindingKind::Fabricated,
            FindingKind::Synchronized,
            FindingKind::Incomplete,
            FindingKind::ImplausibleTime,
            FindingKind::ImplausibleValues,
            FindingKind::IdenticalCounts,
        ] {
            assert_eq!(serde_json::to_value(kind).ok(), Some(kind.name().into()));
        }
    }
}
